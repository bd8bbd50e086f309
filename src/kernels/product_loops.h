/* Kernels of products, written once over the vectors of an instruction set (avx2_vectors.h tells what these are).
 * Sums run in the order of scalar.c, whatever the number of rows, so an image's result does not depend on the
 * batch around it. */
#ifndef INK_PRODUCT_LOOPS_H
#define INK_PRODUCT_LOOPS_H

#include "kernels/kernels.h"

/* A tile's rows are a constant in its code, so that its sums stay in registers. Each number of them is code, so not all
 * have their own. */
#define EACH_ROWS(CASE) CASE(12) CASE(9) CASE(8) CASE(6) CASE(5) CASE(4) CASE(3) CASE(2) CASE(1)

enum { PANELS_MOST = 4 };

/* ---- igemm ----
 * A tile is so many rows by so many panels of packed weights: one panel where there are rows enough, four for a single
 * row, whose few chains of FMAs would wait for themselves. With a single vector it is the left half of its panel. */

ALWAYS_INLINE void product_tile(const ink_igemm_f32 *g, size_t row, size_t column, float *y, bool again,
                                const size_t rows, const size_t panels, const size_t vectors)
{
    const float *x[ROWS_MOST], *w = g->w + column * g->taps * g->depth;
    const size_t panel_size = g->taps * g->depth * TILE, columns = g->columns - column;
    vec sum[ROWS_MOST][PANELS_MOST][VECTORS];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) {
        x[r] = g->x + (g->row_offset ? g->row_offset[row + r] : (row + r) * g->x_stride);
#pragma GCC unroll 4
        for (size_t p = 0; p < panels; p++)
#pragma GCC unroll 2
            for (size_t v = 0; v < vectors; v++)
                sum[r][p][v] = vec_load(g->bias + column + p * TILE + v * LANES);
    }
    for (size_t tap = 0; tap < g->taps; tap++) {
        size_t at = g->tap_offset ? g->tap_offset[tap] : tap * g->depth;
        for (size_t i = 0; i < g->depth; i++, at++, w += TILE) {
#pragma GCC unroll 4
            for (size_t p = 0; p < panels; p++) {
                vec b[VECTORS];
#pragma GCC unroll 2
                for (size_t v = 0; v < vectors; v++)
                    b[v] = vec_load(w + p * panel_size + v * LANES);
#pragma GCC unroll 12
                for (size_t r = 0; r < rows; r++) {
                    const vec a = vec_all(x[r][at]);
#pragma GCC unroll 2
                    for (size_t v = 0; v < vectors; v++)
                        sum[r][p][v] = vec_fma(a, b[v], sum[r][p][v]);
                }
            }
        }
    }
    const vec slope = vec_all(g->slope);
#pragma GCC unroll 4
    for (size_t p = 0; p < panels; p++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++) {
            const size_t at = p * TILE + v * LANES, left = columns - at;
            if (g->window > 1) {
                vec most = sum[0][p][v];
#pragma GCC unroll 12
                for (size_t r = 1; r < rows; r++)
                    most = vec_max(most, sum[r][p][v]);
                most = vec_leaky(most, slope);
                vec_store_some(y + at, again ? vec_max(vec_load_some(y + at, left), most) : most, left);
                continue;
            }
#pragma GCC unroll 12
            for (size_t r = 0; r < rows; r++)
                vec_store_some(y + r * g->y_stride + at, vec_leaky(sum[r][p][v], slope), left);
        }
}

/* `count` tiles of a panel, their rows `step` apart and their outputs `y_step`. */
static void product_tiles(const ink_igemm_f32 *g, size_t row, size_t column, size_t rows, size_t step, size_t count,
                          float *y, size_t y_step, bool again)
{
    const bool half = g->columns - column <= LANES;
    switch (rows) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        for (; n <= ROWS_MOST && half && count; count--, row += step, y += y_step)                                     \
            product_tile(g, row, column, y, again, n <= ROWS_MOST ? n : 1, 1, 1);                                      \
        for (; n <= ROWS_MOST && count; count--, row += step, y += y_step)                                             \
            product_tile(g, row, column, y, again, n <= ROWS_MOST ? n : 1, 1, VECTORS);                                \
        break;
        EACH_ROWS(CASE)
#undef CASE
    default: break;
    }
}

/* How so many rows go in tiles: `full` of the most rows, then up to four pieces. No piece is under four rows where it can
 * be helped: its few sums would wait for each other. */
typedef struct row_tiles {
    size_t full, pieces, piece[4];
} row_tiles;

static row_tiles tiles_of_rows(size_t rows)
{
    enum { FEW = 4 };
    static const uint8_t sizes[] = {
#define CASE(n) n,
        EACH_ROWS(CASE)
#undef CASE
    };
    row_tiles t = { .full = rows / ROWS_MOST };
    size_t left = rows % ROWS_MOST;
    if (left && left < FEW && t.full) {
        t.full--;
        left += ROWS_MOST;
    }
    while (left) {
        size_t best = 0;
        for (size_t i = 0; i < sizeof sizes; i++) {
            const bool fits = sizes[i] <= left && sizes[i] <= ROWS_MOST;
            if (fits && (!best || (left - best > 0 && left - best < FEW && (left == sizes[i] || left - sizes[i] >= FEW))))
                best = sizes[i];
        }
        t.piece[t.pieces++] = best;
        left -= best;
    }
    return t;
}

/* All rows, or for each window its rows. */
void ISA(igemm_f32)(const ink_igemm_f32 *g)
{
    const size_t window = g->window > 1 ? g->window : 0;
    const row_tiles tiles = tiles_of_rows(window ? window : g->rows);
    size_t column = 0;
    if (g->rows == 1)
        for (; column + 3 * TILE + LANES < g->columns; column += 4 * TILE)
            product_tile(g, 0, column, g->y + column, false, 1, 4, VECTORS);
    for (; column < g->columns; column += TILE) {
        float *y = g->y + column;
        size_t row = 0;
        for (size_t t = 0; t < tiles.full + tiles.pieces; t++) {
            const size_t rows = t < tiles.full ? ROWS_MOST : tiles.piece[t - tiles.full];
            if (window) {
                product_tiles(g, row, column, rows, window, g->rows / window, y, g->y_stride, t > 0);
                row += rows;
            } else {
                const size_t count = t < tiles.full ? tiles.full : 1;
                product_tiles(g, row, column, rows, rows, count, y + row * g->y_stride, rows * g->y_stride, false);
                row += rows * count;
                t += count - 1;
            }
        }
    }
}

/* ---- a dense layer of few outputs: vectors go along the inputs ---- */

enum { NARROW_ROWS = 2, NARROW_COLUMNS = 10 };

ALWAYS_INLINE void narrow_tile(const ink_narrow_dense_f32 *k, size_t row, size_t column, const size_t rows,
                               const size_t columns)
{
    const float *x = k->x + row * k->x_stride, *w = k->w + column * k->depth;
    vec sum[NARROW_ROWS][NARROW_COLUMNS];
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 10
        for (size_t c = 0; c < columns; c++)
            sum[r][c] = vec_zero();
    const size_t whole = k->depth / LANES * LANES;
#define STEP(load)                                                                                                     \
    do {                                                                                                               \
        vec a[NARROW_ROWS];                                                                                            \
        _Pragma("GCC unroll 4") for (size_t r = 0; r < rows; r++) a[r] = load(x + r * k->x_stride + i);                \
        _Pragma("GCC unroll 10") for (size_t c = 0; c < columns; c++)                                                  \
        {                                                                                                              \
            const vec b = load(w + c * k->depth + i);                                                                  \
            _Pragma("GCC unroll 4") for (size_t r = 0; r < rows; r++) sum[r][c] = vec_fma(a[r], b, sum[r][c]);         \
        }                                                                                                              \
    } while (0)
    size_t i = 0;
    for (; i < whole; i += LANES)
        STEP(vec_load);
    const size_t left = k->depth - whole;
#define LOAD_LEFT(from) vec_load_some(from, left)
    if (left)
        STEP(LOAD_LEFT);
#undef LOAD_LEFT
#undef STEP
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 10
        for (size_t c = 0; c < columns; c++) {
            const float v = k->bias[column + c] + vec_sum(sum[r][c]);
            k->y[(row + r) * k->y_stride + column + c] = v > 0 ? v : k->slope * v;
        }
}

/* Two rows share what is read of the weights; a single one has ten chains of sums. */
void ISA(narrow_dense_f32)(const ink_narrow_dense_f32 *k)
{
    size_t row = 0;
    for (; row + NARROW_ROWS <= k->rows; row += NARROW_ROWS) {
        size_t column = 0;
        for (; column + 5 <= k->columns; column += 5)
            narrow_tile(k, row, column, NARROW_ROWS, 5);
        for (; column < k->columns; column++)
            narrow_tile(k, row, column, NARROW_ROWS, 1);
    }
    for (; row < k->rows; row++) {
        size_t column = 0;
        for (; column + NARROW_COLUMNS <= k->columns; column += NARROW_COLUMNS)
            narrow_tile(k, row, column, 1, NARROW_COLUMNS);
        for (; column + 4 <= k->columns; column += 4)
            narrow_tile(k, row, column, 1, 4);
        for (; column < k->columns; column++)
            narrow_tile(k, row, column, 1, 1);
    }
}

/* ---- a dense layer over the inputs that are not zero in all of a tile's rows: adding 0 * w changes nothing, so a
 * row's result does not depend on those beside it ---- */

/* Panels are wider than igemm's: what is read for an input is then a longer piece, and pixels that are not zero lie side
 * by side. A group of rows goes through a panel in parts of so many inputs as stay in the first-level cache, which is
 * about half of them, for others are zero in all rows; the sums wait in y between them. */
enum { SPARSE_VECTORS = 8, SPARSE_TILE = SPARSE_VECTORS * LANES, SPARSE_NEAR = 64 * 1024, SPARSE_PARTS = 64 };

typedef struct sparse_list {
    size_t row, rows;
    const uint32_t *index;           /* of the inputs that are not zero in all of a tile's rows */
    const float *value;              /* [rows, INK_SPARSE_STRIDE] */
    uint32_t end[SPARSE_PARTS];      /* of each part of the inputs in the lists */
} sparse_list;

/* Inputs of a part: a multiple of LANES. */
static size_t sparse_part(size_t depth, size_t rows)
{
    size_t part = SPARSE_NEAR / (SPARSE_TILE * sizeof(float)) / LANES * LANES;
    if (depth > part * SPARSE_PARTS)
        part = (depth / SPARSE_PARTS + LANES) / LANES * LANES;
    return rows == 1 ? (depth + LANES - 1) / LANES * LANES : part;
}

/* Lists them for so many rows of x. Whole vectors are written and only the lanes that are not zero kept, without a branch:
 * which pixels are zero is hard to predict. */
ALWAYS_INLINE void gather_rows(sparse_list *list, const float *x, const size_t rows, size_t depth, size_t part,
                               uint32_t *index, float *value)
{
    const size_t stride = INK_SPARSE_STRIDE(depth);
    size_t count = 0;
    list->end[0] = 0;
    for (size_t begin = 0, p = 0; begin < depth; begin += part, p++) {
        const size_t end = depth - begin < part ? depth : begin + part;
        for (size_t i = begin; i < end; i += LANES) {
            vec v[SPARSE_ROWS];
            unsigned any = 0;
#pragma GCC unroll 4
            for (size_t r = 0; r < rows; r++) {
                v[r] = vec_load_some(x + r * depth + i, depth - i);
                any |= vec_not_zero(v[r]);
            }
            const vec_lanes lanes = vec_lanes_of(any);
            vec_lanes_store(index + count, lanes, (uint32_t)i);
#pragma GCC unroll 4
            for (size_t r = 0; r < rows; r++)
                vec_store(value + r * stride + count, vec_permute(v[r], lanes));
            count += (size_t)__builtin_popcount(any);
        }
        list->end[p] = (uint32_t)count;
    }
    list->rows = rows;
    list->index = index;
    list->value = value;
}

ALWAYS_INLINE void sparse_tile(const ink_sparse_dense_f32 *k, const sparse_list *list, size_t part, bool last,
                               size_t column, const size_t rows, const size_t vectors)
{
    const size_t stride = INK_SPARSE_STRIDE(k->depth), end = list->end[part];
    const float *w = k->w + column * k->depth, *value = list->value;
    const uint32_t *index = list->index;
    float *y = k->y + list->row * k->columns + column;
    vec sum[SPARSE_ROWS][SPARSE_VECTORS];
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; v++)
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) {
            const size_t at = v * LANES, left = k->columns - column;
            sum[r][v] = !part ? vec_load(k->bias + column + at)
                              : vec_load_some(y + r * k->columns + at, at < left ? left - at : 0);
        }
    for (size_t n = part ? list->end[part - 1] : 0; n < end; n++) {
        const float *from = w + (size_t)index[n] * SPARSE_TILE;
        vec a[SPARSE_ROWS];
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++)
            a[r] = vec_all(value[r * stride + n]);
#pragma GCC unroll 8
        for (size_t v = 0; v < vectors; v++) {
            const vec b = vec_in_register(vec_load(from + v * LANES));
#pragma GCC unroll 4
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = vec_fma(a[r], b, sum[r][v]);
        }
    }
    const vec slope = vec_all(last ? k->slope : 1);
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; v++)
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) {
            const size_t at = v * LANES, left = k->columns - column;
            if (at < left)
                vec_store_some(y + r * k->columns + at, vec_leaky(sum[r][v], slope), left - at);
        }
}

/* As few vectors as do for the columns that are left. */
ALWAYS_INLINE void sparse_columns(const ink_sparse_dense_f32 *k, const sparse_list *list, size_t part, bool last,
                                  size_t column, const size_t rows)
{
    const size_t left = (k->columns - column + LANES - 1) / LANES;
    if (left > 4)
        sparse_tile(k, list, part, last, column, rows, 8);
    else
        sparse_tile(k, list, part, last, column, rows, 4);
}

/* Lists for a group of rows; then a part of the weights stays near while the group's tiles go by. */
void ISA(sparse_dense_f32)(const ink_sparse_dense_f32 *k)
{
    const size_t stride = INK_SPARSE_STRIDE(k->depth);
    for (size_t begin = 0; begin < k->rows; begin += k->group) {
        const size_t end = k->rows - begin < k->group ? k->rows : begin + k->group;
        const size_t part = sparse_part(k->depth, end - begin);
        sparse_list lists[INK_SPARSE_GROUP];
        size_t count = 0;
        for (size_t row = begin; row < end; row += lists[count++].rows) {
            const float *x = k->x + row * k->depth;
            uint32_t *index = k->index + (row - begin) * stride;
            float *value = k->value + (row - begin) * stride;
            lists[count].row = row;
            if (row + SPARSE_ROWS <= end)
                gather_rows(&lists[count], x, SPARSE_ROWS, k->depth, part, index, value);
            else
                gather_rows(&lists[count], x, 1, k->depth, part, index, value);
        }
        for (size_t column = 0; column < k->columns; column += SPARSE_TILE)
            for (size_t p = 0; p == 0 || p * part < k->depth; p++)
                for (size_t t = 0; t < count; t++) {
                    const bool last = (p + 1) * part >= k->depth;
                    if (lists[t].rows == SPARSE_ROWS)
                        sparse_columns(k, &lists[t], p, last, column, SPARSE_ROWS);
                    else
                        sparse_columns(k, &lists[t], p, last, column, 1);
                }
    }
}

void ISA(peak_f32)(const ink_peak_f32 *k)
{
    enum { SUMS = ROWS_MOST * VECTORS }; /* as many as a tile of products has */
    const vec half = vec_all(0.5f), one = vec_all(1);
    vec sum[SUMS];
#pragma GCC unroll 24
    for (size_t i = 0; i < SUMS; i++)
        sum[i] = vec_load(k->y + i * LANES);
    for (size_t n = 0; n < k->rounds; n++)
#pragma GCC unroll 24
        for (size_t i = 0; i < SUMS; i++)
            sum[i] = vec_in_register(vec_fma(sum[i], half, one));
#pragma GCC unroll 24
    for (size_t i = 0; i < SUMS; i++)
        vec_store(k->y + i * LANES, sum[i]);
    *k->width = SUMS * LANES;
}

#endif
