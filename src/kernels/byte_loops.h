/* Products of bytes, written once over the vectors of an instruction set: `ints`, of INT_LANES, and what it makes of four
 * bytes of a row (`quads`) and of four weights of each column (`weights`) for ints_dot. Sums are exact, so their order
 * does not matter. */
#ifndef INK_BYTE_LOOPS_H
#define INK_BYTE_LOOPS_H

#include "kernels/kernels.h"
#include "kernels/window.h"

/* Loops over rows and vectors are none: their sums are in registers. clang wants that said in another way, or does it after
 * it has put the sums into memory. */
#ifdef __clang__
#define UNROLL(n) _Pragma("clang loop unroll(full)")
#else
#define UNROLL_TEXT(text) _Pragma(#text)
#define UNROLL(n) UNROLL_TEXT(GCC unroll n)
#endif

enum { INT_VECTORS = 2, INT_TILE = INT_VECTORS * INT_LANES, QUAD = 4, CHAINS = 4 };

/* What becomes of a tile's sums: each row gives an output, each four rows one, or they are left in `sums`. */
typedef enum byte_end { END_ROWS, END_FOURS, END_SUMS } byte_end;

typedef struct byte_sums {
    ints of[INT_ROWS_MOST][INT_VECTORS];
} byte_sums;

/* Writes `count` vectors of a column's outputs. What is wanted of `g` is read once: for all the compiler knows, a byte that
 * is stored may change it. */
ALWAYS_INLINE void byte_finish(const ink_igemm_u8 *g, const ints *sum, size_t column, size_t out, const size_t count)
{
    const size_t left = g->columns - column, stride = g->y_stride;
    const vec scale = vec_load(g->scale + column), bias = vec_load(g->bias + column), slope = vec_all(g->slope);
    const vec shift = vec_all((1 - g->slope) * g->zero), low = vec_all(g->slope > 0 ? 0 : g->zero);
    const bool leaky = g->slope > 0 && g->slope < 1;
    if (g->bytes) {
        uint8_t *y = g->bytes + out * stride + column;
UNROLL(12)
        for (size_t i = 0; i < count; i++, y += stride) {
            vec v = vec_add(vec_mul(vec_from_ints(sum[i]), scale), bias);
            if (leaky)
                v = vec_max(vec_add(vec_mul(v, slope), shift), v);
            bytes_store_some(y, vec_max(v, low), left);
        }
        return;
    }
    float *y = g->y + out * stride + column;
UNROLL(12)
    for (size_t i = 0; i < count; i++, y += stride)
        vec_store_some(y, vec_leaky(vec_add(vec_mul(vec_from_ints(sum[i]), scale), bias), slope), left);
}

/* So many rows by a panel of columns. A row or two have several chains of sums each, which would wait for themselves. */
ALWAYS_INLINE void byte_tile(const ink_igemm_u8 *g, size_t row, size_t column, size_t out, byte_sums *sums,
                             const size_t rows, const size_t vectors, const byte_end end)
{
    const size_t chains = rows > 2 ? 1 : CHAINS / rows, quads = (g->depth + QUAD - 1) / QUAD;
    const int8_t *w = g->w + column * g->taps * quads * QUAD;
    const uint8_t *x[INT_ROWS_MOST];
    ints sum[CHAINS][INT_ROWS_MOST][INT_VECTORS];
UNROLL(12)
    for (size_t r = 0; r < rows; r++) {
        x[r] = g->x + (g->row_offset ? g->row_offset[row + r] : (row + r) * g->x_stride);
UNROLL(2)
        for (size_t v = 0; v < vectors; v++) {
            sum[0][r][v] = ints_load(g->start + column + v * INT_LANES);
UNROLL(4)
            for (size_t k = 1; k < chains; k++)
                sum[k][r][v] = ints_zero();
        }
    }
#define STEP(chain, quad)                                                                                              \
    do {                                                                                                               \
        weights b[INT_VECTORS];                                                                                        \
        UNROLL(2) for (size_t v = 0; v < vectors; v++)                                                                 \
            b[v] = weights_load(w + ((quad) * INT_TILE + v * INT_LANES) * QUAD);                                       \
        UNROLL(12) for (size_t r = 0; r < rows; r++)                                                                   \
        {                                                                                                              \
            const quads_of a = quads_load(x[r] + at + (quad) * QUAD);                                                  \
            UNROLL(2) for (size_t v = 0; v < vectors; v++)                                                             \
                sum[chain][r][v] = ints_dot(sum[chain][r][v], a, b[v]);                                                \
        }                                                                                                              \
    } while (0)
    for (size_t tap = 0; tap < g->taps; tap++, w += quads * INT_TILE * QUAD) {
        const size_t at = g->tap_offset ? g->tap_offset[tap] : tap * g->depth;
        size_t i = 0;
        for (; chains > 1 && i + chains <= quads; i += chains) {
UNROLL(4)
            for (size_t k = 0; k < chains; k++)
                STEP(k, i + k);
        }
        for (; i < quads; i++)
            STEP(0, i);
    }
#undef STEP
UNROLL(12)
    for (size_t r = 0; r < rows; r++)
UNROLL(2)
        for (size_t v = 0; v < vectors; v++)
UNROLL(4)
            for (size_t k = 1; k < chains; k++)
                sum[0][r][v] = ints_add(sum[0][r][v], sum[k][r][v]);
UNROLL(2)
    for (size_t v = 0; v < vectors; v++) {
        ints done[INT_ROWS_MOST];
        const size_t unit = end == END_FOURS ? 4 : 1;
UNROLL(12)
        for (size_t i = 0; i * unit < rows; i++) {
            done[i] = sum[0][i * unit][v];
            if (end == END_FOURS)
UNROLL(3)
                for (size_t r = 1; r < 4; r++)
                    done[i] = ints_max(done[i], sum[0][i * unit + r][v]);
            if (end == END_SUMS)
                sums->of[i][v] = done[i];
        }
        if (end != END_SUMS)
            byte_finish(g, done, column + v * INT_LANES, out, rows / unit);
    }
}

/* A tile's rows are a constant in its code, so that its sums stay in registers; each is a function of its own, or what its
 * end wants of constants would be kept in registers too, from tile to tile, and the sums not. */
typedef void byte_tile_function(const ink_igemm_u8 *, size_t row, size_t column, size_t out, byte_sums *);
#define DEFINE(name, n, vectors, end)                                                                                  \
    static __attribute__((noinline)) void name##_##n##_##vectors(const ink_igemm_u8 *g, size_t row, size_t column,     \
                                                                 size_t out, byte_sums *sums)                          \
    {                                                                                                                  \
        byte_tile(g, row, column, out, sums, n, vectors, end);                                                         \
    }
#define CASE(n) DEFINE(byte_rows, n, 1, END_ROWS) DEFINE(byte_rows, n, 2, END_ROWS) DEFINE(byte_sums, n, 2, END_SUMS)
EACH_INT_ROWS(CASE)
#undef CASE
#define CASE(n) DEFINE(byte_fours, n, 1, END_FOURS) DEFINE(byte_fours, n, 2, END_FOURS)
EACH_INT_FOURS(CASE)
#undef CASE
#undef DEFINE

/* By rows, and whether the panel is more than half full. */
#define CASE(n) [n] = { byte_rows_##n##_1, byte_rows_##n##_2 },
static byte_tile_function *const tile_rows[INT_ROWS_MOST + 1][2] = { EACH_INT_ROWS(CASE) };
#undef CASE
#define CASE(n) [n] = { byte_fours_##n##_1, byte_fours_##n##_2 },
static byte_tile_function *const tile_fours[INT_ROWS_MOST + 1][2] = { EACH_INT_FOURS(CASE) };
#undef CASE
#define CASE(n) [n] = byte_sums_##n##_2,
static byte_tile_function *const tile_sums[INT_ROWS_MOST + 1] = { EACH_INT_ROWS(CASE) };
#undef CASE

/* A window of any size, tile by tile. */
static void byte_window(const ink_igemm_u8 *g, size_t row, size_t column, size_t out)
{
    ints most[INT_VECTORS];
    for (size_t done = 0; done < g->window;) {
        byte_sums sums;
        const size_t rows = g->window - done < INT_ROWS_MOST ? g->window - done : INT_ROWS_MOST;
        tile_sums[rows](g, row + done, column, 0, &sums);
        for (size_t r = 0; r < rows; r++)
            for (size_t v = 0; v < INT_VECTORS; v++)
                most[v] = done + r ? ints_max(most[v], sums.of[r][v]) : sums.of[r][v];
        done += rows;
    }
    for (size_t v = 0; v < INT_VECTORS && column + v * INT_LANES < g->columns; v++)
        byte_finish(g, &most[v], column + v * INT_LANES, out, 1);
}

/* The rows, or windows of four, go in tiles as alike as can be: 49 as 10 + 10 + 10 + 10 + 9, not as four of 12 and a
 * lonely one. */
void ISA(igemm_u8)(const ink_igemm_u8 *g)
{
    const bool fours = g->window == 4;
    const size_t unit = fours ? 4 : 1, units = g->rows / unit, most = INT_ROWS_MOST / unit;
    const size_t tiles = (units + most - 1) / most, least = tiles ? units / tiles : 0, more = tiles ? units % tiles : 0;
    for (size_t column = 0; column < g->columns; column += INT_TILE) {
        const bool full = g->columns - column > INT_LANES;
        if (g->window > 1 && !fours) {
            for (size_t row = 0, out = 0; row < g->rows; row += g->window, out++)
                byte_window(g, row, column, out);
            continue;
        }
        for (size_t t = 0, at = 0; t < tiles; at += least + (t < more), t++)
            (fours ? tile_fours : tile_rows)[unit * (least + (t < more))][full](g, unit * at, column, at, NULL);
    }
}

void ISA(quantize_u8)(const ink_quantize_u8 *q)
{
    const vec inverse = vec_all(q->inverse), zero = vec_all(q->zero), low = vec_zero();
    for (size_t i = 0; i < q->size; i += LANES) {
        const size_t left = q->size - i;
        const vec v = vec_add(vec_mul(vec_load_some(q->x + i, left), inverse), zero);
        bytes_store_some(q->y + i, vec_max(v, low), left); /* of a NaN max takes the other one */
    }
}

#endif
