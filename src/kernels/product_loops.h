/* Kernels of products, written once over the vectors of an instruction set (avx2_vectors.h tells what these are).
 * Sums run in the order of scalar.c, whatever the number of rows, so an image's result does not depend on the
 * batch around it. */
#ifndef INK_PRODUCT_LOOPS_H
#define INK_PRODUCT_LOOPS_H

#include "kernels/kernels.h"
#include "kernels/unroll.h"

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
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        x[r] = g->x + (g->row_offset ? g->row_offset[row + r] : (row + r) * g->x_stride);
        UNROLL
        for (size_t p = 0; p < panels; p++)
            UNROLL
            for (size_t v = 0; v < vectors; v++)
                sum[r][p][v] = vec_load(g->bias + column + p * TILE + v * LANES);
    }
    for (size_t tap = 0; tap < g->taps; tap++) {
        size_t at = g->tap_offset ? g->tap_offset[tap] : tap * g->depth;
        for (size_t i = 0; i < g->depth; i++, at++, w += TILE) {
            UNROLL
            for (size_t p = 0; p < panels; p++) {
                vec b[VECTORS];
                UNROLL
                for (size_t v = 0; v < vectors; v++)
                    b[v] = vec_load(w + p * panel_size + v * LANES);
                UNROLL
                for (size_t r = 0; r < rows; r++) {
                    const vec a = vec_all(x[r][at]);
                    UNROLL
                    for (size_t v = 0; v < vectors; v++)
                        sum[r][p][v] = vec_fma(a, b[v], sum[r][p][v]);
                }
            }
        }
    }
    const vec slope = vec_all(g->slope);
    UNROLL
    for (size_t p = 0; p < panels; p++)
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            const size_t at = p * TILE + v * LANES, left = columns - at;
            if (g->window > 1) {
                vec most = sum[0][p][v];
                UNROLL
                for (size_t r = 1; r < rows; r++)
                    most = vec_max(most, sum[r][p][v]);
                most = vec_leaky(most, slope);
                vec_store_some(y + at, again ? vec_max(vec_load_some(y + at, left), most) : most, left);
                continue;
            }
            UNROLL
            for (size_t r = 0; r < rows; r++)
                vec_store_some(y + r * g->y_stride + at, vec_leaky(sum[r][p][v], slope), left);
        }
}

/* `count` tiles of a panel, their rows `step` apart and their outputs `y_step`. A tile's rows and vectors are constants in
 * its code, so that its sums stay in registers; each shape is code, so not all numbers of rows have their own. And a
 * function, for clang 14 leaves the sums of several in one function in memory. */
#define EACH_SHAPE(CASE) EACH_ROWS(CASE, 1) EACH_ROWS(CASE, 2) EACH_ROWS(CASE, 3) EACH_ROWS(CASE, 4)
#define EACH_ROWS(CASE, v)                                                                                             \
    CASE(12, v) CASE(9, v) CASE(8, v) CASE(6, v) CASE(5, v) CASE(4, v) CASE(3, v) CASE(2, v) CASE(1, v)

#define CASE(n, v)                                                                                                     \
    static void product_tiles_##n##_##v(const ink_igemm_f32 *g, size_t row, size_t column, size_t step, size_t count,  \
                                        float *y, size_t y_step, bool again)                                           \
    {                                                                                                                  \
        for (; n <= ROWS_MOST && v <= VECTORS && count; count--, row += step, y += y_step)                             \
            product_tile(g, row, column, y, again, n <= ROWS_MOST ? n : 1, 1, v <= VECTORS ? v : 1);                   \
    }
EACH_SHAPE(CASE)
#undef CASE

static void product_tiles(const ink_igemm_f32 *g, size_t row, size_t column, size_t rows, size_t step, size_t count,
                          float *y, size_t y_step, bool again)
{
    const size_t left = g->columns - column, vectors = left < TILE ? (left + LANES - 1) / LANES : VECTORS;
    switch (vectors * 16 + rows) {
#define CASE(n, v)                                                                                                     \
    case v * 16 + n:                                                                                                   \
        product_tiles_##n##_##v(g, row, column, step, count, y, y_step, again);                                        \
        break;
        EACH_SHAPE(CASE)
#undef CASE
    default: break;
    }
}

/* One row, of several panels. */
static void product_panels(const ink_igemm_f32 *g, size_t column)
{
    product_tile(g, 0, column, g->y + column, false, 1, PANELS_MOST, VECTORS);
}

/* Rows in the next tile of so many that are left: as many as can be, but so that no tile is under four rows where it can be
 * helped: its few sums would wait for each other. */
static size_t rows_of_tile(size_t left)
{
    enum { FEW = 4 };
    static const uint8_t sizes[] = {
#define CASE(n, v) n,
        EACH_ROWS(CASE, 1)
#undef CASE
    };
    size_t largest = 0;
    for (size_t i = 0; i < sizeof sizes; i++) {
        if (sizes[i] > ROWS_MOST || sizes[i] > left)
            continue;
        if (sizes[i] == left || left - sizes[i] >= FEW)
            return sizes[i];
        largest = largest ? largest : sizes[i];
    }
    return largest;
}

/* All rows, or for each window its rows. */
void ISA(igemm_f32)(const ink_igemm_f32 *g)
{
    const size_t window = g->window > 1 ? g->window : 0, together = window ? window : g->rows;
    size_t column = 0;
    if (g->rows == 1)
        for (; column + PANELS_MOST * TILE - LANES < g->columns; column += PANELS_MOST * TILE)
            product_panels(g, column);
    for (; column < g->columns; column += TILE) {
        float *y = g->y + column;
        for (size_t row = 0, rows; row < together; row += rows) {
            rows = rows_of_tile(together - row);
            if (window)
                product_tiles(g, row, column, rows, window, g->rows / window, y, g->y_stride, row > 0);
            else
                product_tiles(g, row, column, rows, rows, 1, y + row * g->y_stride, rows * g->y_stride, false);
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
    UNROLL
    for (size_t r = 0; r < rows; r++)
        UNROLL
        for (size_t c = 0; c < columns; c++)
            sum[r][c] = vec_zero();
    const size_t whole = k->depth / LANES * LANES;
#define STEP(load)                                                                                                     \
    do {                                                                                                               \
        vec a[NARROW_ROWS];                                                                                            \
        UNROLL                                                                                                         \
        for (size_t r = 0; r < rows; r++)                                                                              \
            a[r] = load(x + r * k->x_stride + i);                                                                      \
        UNROLL                                                                                                         \
        for (size_t c = 0; c < columns; c++) {                                                                         \
            const vec b = load(w + c * k->depth + i);                                                                  \
            UNROLL                                                                                                     \
            for (size_t r = 0; r < rows; r++)                                                                          \
                sum[r][c] = vec_fma(a[r], b, sum[r][c]);                                                               \
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
    UNROLL
    for (size_t r = 0; r < rows; r++)
        UNROLL
        for (size_t c = 0; c < columns; c++) {
            const float v = k->bias[column + c] + vec_sum(sum[r][c]);
            k->y[(row + r) * k->y_stride + column + c] = v > 0 ? v : k->slope * v;
        }
}

#define EACH_NARROW(CASE) CASE(2, 5) CASE(2, 1) CASE(1, 10) CASE(1, 4) CASE(1, 1)
#define CASE(rows, columns)                                                                                            \
    static void narrow_tile_##rows##_##columns(const ink_narrow_dense_f32 *k, size_t row, size_t column)               \
    {                                                                                                                  \
        narrow_tile(k, row, column, rows, columns);                                                                    \
    }
EACH_NARROW(CASE)
#undef CASE

/* Two rows share what is read of the weights; a single one has ten chains of sums. */
void ISA(narrow_dense_f32)(const ink_narrow_dense_f32 *k)
{
    size_t row = 0;
    for (; row + NARROW_ROWS <= k->rows; row += NARROW_ROWS) {
        size_t column = 0;
        for (; column + 5 <= k->columns; column += 5)
            narrow_tile_2_5(k, row, column);
        for (; column < k->columns; column++)
            narrow_tile_2_1(k, row, column);
    }
    for (; row < k->rows; row++) {
        size_t column = 0;
        for (; column + NARROW_COLUMNS <= k->columns; column += NARROW_COLUMNS)
            narrow_tile_1_10(k, row, column);
        for (; column + 4 <= k->columns; column += 4)
            narrow_tile_1_4(k, row, column);
        for (; column < k->columns; column++)
            narrow_tile_1_1(k, row, column);
    }
}

/* ---- a dense layer over the inputs that are not zero in all of a tile's rows: adding 0 * w changes nothing, so a
 * row's result does not depend on those beside it ---- */

/* Panels are wider than igemm's: what is read for an input is then a longer piece, and pixels that are not zero lie side
 * by side. A group of rows goes through a panel in parts of so many inputs as stay in the first-level cache, which is
 * about half of them, for others are zero in all rows; the sums wait in y between them. */
enum { SPARSE_TILE = SPARSE_VECTORS * LANES, SPARSE_HALF = SPARSE_VECTORS / 2, SPARSE_NEAR = 64 * 1024, SPARSE_PARTS = 64 };

typedef struct sparse_list {
    size_t row, rows;
    const uint32_t *index;           /* of the inputs that are not zero in all of a tile's rows */
    const float *value;              /* [rows, INK_SPARSE_STRIDE] */
    uint32_t end[SPARSE_PARTS];      /* of each part of the inputs in the lists */
} sparse_list;

/* Inputs of a part: a multiple of LANES. */
static size_t inputs_of_part(size_t depth, size_t rows)
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
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                v[r] = vec_load_some(x + r * depth + i, depth - i);
                any |= vec_not_zero(v[r]);
            }
            const vec_lanes lanes = vec_lanes_of(any);
            vec_lanes_store(index + count, lanes, (uint32_t)i);
            UNROLL
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
    const size_t left = k->columns - column;
    if (!part) {
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = vec_load(k->bias + column + v * LANES);
    } else {
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = vec_load_some(y + r * k->columns + v * LANES, v * LANES < left ? left - v * LANES : 0);
    }
    for (size_t n = part ? list->end[part - 1] : 0; n < end; n++) {
        const float *from = w + (size_t)index[n] * SPARSE_TILE;
        vec a[SPARSE_ROWS];
        UNROLL
        for (size_t r = 0; r < rows; r++)
            a[r] = vec_all(value[r * stride + n]);
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            const vec b = vec_in_register(vec_load(from + v * LANES));
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = vec_fma(a[r], b, sum[r][v]);
        }
    }
    const vec slope = vec_all(last ? k->slope : 1);
    UNROLL
    for (size_t v = 0; v < vectors; v++)
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const size_t at = v * LANES;
            if (at < left)
                vec_store_some(y + r * k->columns + at, vec_leaky(sum[r][v], slope), left - at);
        }
}

#define EACH_SPARSE(CASE) CASE(whole, SPARSE_ROWS, SPARSE_VECTORS) CASE(part, SPARSE_ROWS, SPARSE_HALF)                 \
    CASE(one_whole, 1, SPARSE_VECTORS) CASE(one_part, 1, SPARSE_HALF)
#define CASE(name, rows, vectors)                                                                                      \
    static void sparse_##name(const ink_sparse_dense_f32 *k, const sparse_list *list, size_t part, bool last,          \
                              size_t column)                                                                           \
    {                                                                                                                  \
        sparse_tile(k, list, part, last, column, rows, vectors);                                                       \
    }
EACH_SPARSE(CASE)
#undef CASE

/* Lists for a group of rows; then a part of the weights stays near while the group's tiles go by. */
void ISA(sparse_dense_f32)(const ink_sparse_dense_f32 *k)
{
    const size_t stride = INK_SPARSE_STRIDE(k->depth);
    for (size_t begin = 0; begin < k->rows; begin += k->group) {
        const size_t end = k->rows - begin < k->group ? k->rows : begin + k->group;
        const size_t part = inputs_of_part(k->depth, end - begin);
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
                    const bool whole = k->columns - column > SPARSE_HALF * LANES;
                    if (lists[t].rows > 1)
                        (whole ? sparse_whole : sparse_part)(k, &lists[t], p, last, column);
                    else
                        (whole ? sparse_one_whole : sparse_one_part)(k, &lists[t], p, last, column);
                }
    }
}

void ISA(peak_f32)(const ink_peak_f32 *k)
{
    enum { SUMS = ROWS_MOST * VECTORS }; /* as many as a tile of products has */
    const vec half = vec_all(0.5f), one = vec_all(1);
    vec sum[SUMS];
    UNROLL
    for (size_t i = 0; i < SUMS; i++)
        sum[i] = vec_load(k->y + i * LANES);
    for (size_t n = 0; n < k->rounds; n++) {
        UNROLL
        for (size_t i = 0; i < SUMS; i++)
            sum[i] = vec_in_register(vec_fma(sum[i], half, one));
    }
    UNROLL
    for (size_t i = 0; i < SUMS; i++)
        vec_store(k->y + i * LANES, sum[i]);
    *k->width = SUMS * LANES;
}

#endif
