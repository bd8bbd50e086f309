/* Products of bytes, written once over the vectors of an instruction set: `ints`, of INT_LANES, and what it makes of four
 * bytes of a row (`quads`) and of four weights of each column (`weights`) for ints_dot. Sums are exact, so their order
 * does not matter. */
#ifndef INK_BYTE_LOOPS_H
#define INK_BYTE_LOOPS_H

#include "kernels/kernels.h"
#include "kernels/unroll.h"
#include "kernels/window.h"

enum { INT_VECTORS = 2, INT_TILE = INT_VECTORS * INT_LANES, QUAD = 4, CHAINS = 4 };

/* The sums of a tile, or the largest of its windows: [rows, INT_VECTORS]. */
typedef struct byte_sums {
    ints of[INT_ROWS_MOST][INT_VECTORS];
} byte_sums;

/* So many rows by a panel of columns. A row or two have several chains of sums each, which would wait for themselves. */
ALWAYS_INLINE void byte_tile(const ink_igemm_u8 *g, size_t row, size_t column, byte_sums *sums, const size_t rows,
                             const size_t vectors)
{
    const size_t chains = rows > 2 ? 1 : CHAINS / rows, quads = (g->depth + QUAD - 1) / QUAD;
    const int8_t *w = g->w + column * g->taps * quads * QUAD;
    const uint8_t *x[INT_ROWS_MOST];
    ints sum[CHAINS][INT_ROWS_MOST][INT_VECTORS];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        x[r] = g->x + (g->row_offset ? g->row_offset[row + r] : (row + r) * g->x_stride);
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            sum[0][r][v] = ints_load(g->start + column + v * INT_LANES);
            UNROLL
            for (size_t k = 1; k < chains; k++)
                sum[k][r][v] = ints_zero();
        }
    }
#define STEP(chain, quad)                                                                                              \
    do {                                                                                                               \
        weights b[INT_VECTORS];                                                                                        \
        UNROLL                                                                                                         \
        for (size_t v = 0; v < vectors; v++)                                                                           \
            b[v] = weights_load(w + ((quad) * INT_TILE + v * INT_LANES) * QUAD);                                       \
        UNROLL                                                                                                         \
        for (size_t r = 0; r < rows; r++) {                                                                            \
            const quads_of a = quads_load(x[r] + at + (quad) * QUAD);                                                  \
            UNROLL                                                                                                     \
            for (size_t v = 0; v < vectors; v++)                                                                       \
                sum[chain][r][v] = ints_dot(sum[chain][r][v], a, b[v]);                                                \
        }                                                                                                              \
    } while (0)
    for (size_t tap = 0; tap < g->taps; tap++, w += quads * INT_TILE * QUAD) {
        const size_t at = g->tap_offset ? g->tap_offset[tap] : tap * g->depth;
        size_t i = 0;
        for (; chains > 1 && i + chains <= quads; i += chains) {
            UNROLL
            for (size_t k = 0; k < chains; k++)
                STEP(k, i + k);
        }
        for (; i < quads; i++)
            STEP(0, i);
    }
#undef STEP
    UNROLL
    for (size_t r = 0; r < rows; r++)
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            UNROLL
            for (size_t k = 1; k < chains; k++)
                sum[0][r][v] = ints_add(sum[0][r][v], sum[k][r][v]);
            sums->of[r][v] = sum[0][r][v];
        }
}

/* A tile's rows are a constant in its code, so that its sums stay in registers; each is a function of its own, for the
 * sums of several in one do not. */
typedef void byte_tile_function(const ink_igemm_u8 *, size_t row, size_t column, byte_sums *);
#define DEFINE(n, vectors)                                                                                             \
    static void byte_tile_##n##_##vectors(const ink_igemm_u8 *g, size_t row, size_t column, byte_sums *sums)           \
    {                                                                                                                  \
        byte_tile(g, row, column, sums, n, vectors);                                                                   \
    }
#define CASE(n) DEFINE(n, 1) DEFINE(n, 2)
EACH_INT_ROWS(CASE)
#undef CASE
#undef DEFINE

/* The largest first; and whether the panel is more than half full. */
static const struct {
    size_t rows;
    byte_tile_function *tile[2];
} byte_tiles[] = {
#define CASE(n) { n, { byte_tile_##n##_1, byte_tile_##n##_2 } },
    EACH_INT_ROWS(CASE)
#undef CASE
};

/* The sums of so many rows or, where they are fewer, of the next tile; how many. */
static size_t byte_next(const ink_igemm_u8 *g, size_t row, size_t column, size_t left, byte_sums *sums)
{
    size_t t = 0;
    while (byte_tiles[t].rows > left)
        t++;
    byte_tiles[t].tile[g->columns - column > INT_LANES](g, row, column, sums);
    return byte_tiles[t].rows;
}

/* Each `together` rows become one, their largest sums; `count` of them then. */
static void byte_largest(byte_sums *sums, size_t together, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t v = 0; v < INT_VECTORS; v++) {
            ints most = sums->of[i * together][v];
            for (size_t r = 1; r < together; r++)
                most = ints_max(most, sums->of[i * together + r][v]);
            sums->of[i][v] = most;
        }
}

/* Writes `count` rows of outputs. What is wanted of `g` is read once: for all the compiler knows, a byte that is stored may
 * change it. */
static void byte_finish(const ink_igemm_u8 *g, const byte_sums *sums, size_t column, size_t out, size_t count)
{
    const size_t stride = g->y_stride;
    const vec slope = vec_all(g->slope), shift = vec_all((1 - g->slope) * g->zero), low = vec_all(g->slope > 0 ? 0 : g->zero);
    const bool leaky = g->slope > 0 && g->slope < 1;
    for (size_t v = 0; v < INT_VECTORS && column + v * INT_LANES < g->columns; v++) {
        const size_t at = column + v * INT_LANES, left = g->columns - at;
        const vec scale = vec_load(g->scale + at), bias = vec_load(g->bias + at);
        uint8_t *bytes = g->bytes ? g->bytes + out * stride + at : NULL;
        float *floats = g->bytes ? NULL : g->y + out * stride + at;
        for (size_t i = 0; bytes && i < count; i++, bytes += stride) {
            vec y = vec_add(vec_mul(vec_from_ints(sums->of[i][v]), scale), bias);
            if (leaky)
                y = vec_max(vec_add(vec_mul(y, slope), shift), y);
            bytes_store_some(bytes, vec_max(y, low), left);
        }
        for (size_t i = 0; floats && i < count; i++, floats += stride)
            vec_store_some(floats, vec_leaky(vec_add(vec_mul(vec_from_ints(sums->of[i][v]), scale), bias), slope), left);
    }
}

/* A window larger than a tile, or of which no tile has a multiple: tile by tile. */
static void byte_window(const ink_igemm_u8 *g, size_t row, size_t column, size_t out)
{
    byte_sums most, sums;
    for (size_t done = 0, rows; done < g->window; done += rows) {
        rows = byte_next(g, row + done, column, g->window - done, &sums);
        byte_largest(&sums, rows, 1);
        for (size_t v = 0; v < INT_VECTORS; v++)
            most.of[0][v] = done ? ints_max(most.of[0][v], sums.of[0][v]) : sums.of[0][v];
    }
    byte_finish(g, &most, column, out, 1);
}

void ISA(igemm_u8)(const ink_igemm_u8 *g)
{
    enum { FOUR = 4 };
    const size_t window = g->window > 1 ? g->window : 1;
    for (size_t column = 0; column < g->columns; column += INT_TILE)
        for (size_t row = 0, rows; row < g->rows; row += rows) {
            byte_sums sums;
            if (window == 1 || window == FOUR) { /* of four rows and more each tile has a multiple of four */
                rows = byte_next(g, row, column, window == 1 ? g->rows - row : (g->rows - row) / FOUR * FOUR, &sums);
                if (window == FOUR)
                    byte_largest(&sums, FOUR, rows / FOUR);
                byte_finish(g, &sums, column, row / window, rows / window);
            } else {
                rows = window;
                byte_window(g, row, column, row / window);
            }
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
