/* Kernels that sum and pool, each row of the table against double precision: all sizes from 0 to 300 in
 * one dimension at a time, and in the others sizes around the edges of tiles. Arrays lie unaligned, or
 * end where a page begins that faults; outputs are filled with NaNs before, and what lies around them
 * must stay as it was. The rest of the table is in test_kernels_elements.c. */
#include "check_kernels.h"

/* ---- igemm: v = bias + a sum of n = taps * depth products, then v or slope * v ----
 *
 * Each step of the sum rounds the product and the new sum (or, with FMA, once), so that a term is
 * rounded n + 1 times at most; the slope rounds once more and makes no error larger, since it is not
 * over 1. Hence |error| <= gamma(n + 2) * (|bias| + sum |x * w|), and n + 2 times the smallest number
 * where results are subnormal. */

typedef struct product {
    size_t rows, columns, taps, depth;
    bool row_table, tap_table; /* offsets are given; else equal steps */
    size_t x_stride, x_size;
    uint32_t *row_offset, *tap_offset;
    float *x, *w, *bias; /* w as [columns, taps, depth] */
    float *full;         /* results of all rows and columns at once: [slopes, rows, columns] */
} product;

static const float slopes[] = { 0, 0.2f, 1 };

static size_t row_at(const product *p, size_t row)
{
    return p->row_table ? p->row_offset[row] : row * p->x_stride;
}

static size_t tap_at(const product *p, size_t tap)
{
    return p->tap_table ? p->tap_offset[tap] : tap * p->depth;
}

/* How far the first `rows` rows reach. */
static size_t product_extent(const product *p, size_t rows)
{
    size_t row = 0, tap = 0;
    if (!rows || !p->taps || !p->depth)
        return 0;
    for (size_t i = 0; i < rows; i++)
        row = row_at(p, i) > row ? row_at(p, i) : row;
    for (size_t i = 0; i < p->taps; i++)
        tap = tap_at(p, i) > tap ? tap_at(p, i) : tap;
    return row + tap + p->depth;
}

static product product_make(uint64_t *random, size_t rows, size_t columns, size_t taps,
                            size_t depth, unsigned mode)
{
    product p = { .rows = rows, .columns = columns, .taps = taps, .depth = depth,
                  .row_table = mode & 1, .tap_table = mode & 2,
                  .x_stride = taps * depth + (mode & 4 ? 5 : 0) };
    p.row_offset = malloc((rows + 1) * sizeof *p.row_offset);
    p.tap_offset = malloc((taps + 1) * sizeof *p.tap_offset);
    assert_true(p.row_offset && p.tap_offset);
    /* In no order, with overlaps, like those of a convolution with strides and dilation. */
    for (size_t i = 0; i < rows; i++)
        p.row_offset[i] = (uint32_t)check_random_size(random, 0, 2 * rows);
    for (size_t i = 0; i < taps; i++)
        p.tap_offset[i] = (uint32_t)check_random_size(random, 0, 2 * taps + depth);
    p.x_size = product_extent(&p, rows);
    p.x = check_random_floats(random, p.x_size);
    p.w = check_random_floats(random, columns * taps * depth);
    p.bias = check_random_floats(random, columns);
    p.full = malloc((CHECK_COUNT(slopes) * rows * columns + 1) * sizeof *p.full);
    assert_non_null(p.full);
    return p;
}

static void product_free(product *p)
{
    free(p->row_offset);
    free(p->tap_offset);
    free(p->x);
    free(p->w);
    free(p->bias);
    free(p->full);
}

static struct {
    check_room x, w, bias, row, tap, y;
    float *packed;
} igemm_rooms;

enum { PACKED_MOST = ROOM_MOST / 4 };

/* Runs the first rows and columns of a product and gives where the output lies. */
static const float *igemm_run(const ink_kernel *kernel, const product *p, size_t rows, size_t columns,
                              size_t window, float slope, size_t gap, check_place place)
{
    const size_t tile = kernel->tile, padded = (columns + tile - 1) / tile * tile;
    const size_t packed = ink_igemm_packed_size(tile, columns, p->taps, p->depth);
    const size_t y_stride = columns + gap;
    const size_t outputs = window ? rows / window : rows;
    const size_t y_size = outputs && columns ? (outputs - 1) * y_stride + columns : 0;
    assert_true(packed == padded * p->taps * p->depth && packed <= PACKED_MOST);
    ink_igemm_pack(igemm_rooms.packed, tile, columns, p->taps, p->depth, p->w, p->taps * p->depth,
                   p->depth, 1);
    float *bias = check_room_take(&igemm_rooms.bias, padded * sizeof *bias, place);
    memset(bias, 0, padded * sizeof *bias);
    if (columns)
        memcpy(bias, p->bias, columns * sizeof *bias);
    float *y = check_room_take(&igemm_rooms.y, y_size * sizeof *y, place);
    const ink_igemm_f32 call = {
        .rows = rows, .columns = columns, .taps = p->taps, .depth = p->depth, .window = window,
        .x = check_room_copy(&igemm_rooms.x, p->x, product_extent(p, rows) * sizeof *p->x, place),
        .row_offset = p->row_table ? check_room_copy(&igemm_rooms.row, p->row_offset,
                                                     rows * sizeof *p->row_offset, place) : NULL,
        .x_stride = p->row_table ? SIZE_MAX : p->x_stride,
        .tap_offset = p->tap_table ? check_room_copy(&igemm_rooms.tap, p->tap_offset,
                                                     p->taps * sizeof *p->tap_offset, place) : NULL,
        .w = check_room_copy(&igemm_rooms.w, igemm_rooms.packed, packed * sizeof *p->w, place),
        .bias = bias, .slope = slope, .y = y, .y_stride = y_stride };
    snprintf(where, sizeof where, "%s: %zu rows, window %zu, %zu columns, %zu taps, depth %zu, %s rows, %s taps, "
             "slope %g, gap %zu, place %d", kernel->name, rows, window, columns, p->taps, p->depth,
             p->row_table ? "listed" : "even", p->tap_table ? "listed" : "even", (double)slope, gap,
             (int)place);
    kernel->run.igemm_f32(&call);
    calls++;
    check_kept(&igemm_rooms.y);
    for (size_t r = 0; gap && r + 1 < outputs && columns; r++)
        if (!check_is_poison(y + r * y_stride + columns, gap * sizeof *y))
            fail_msg("%s: wrote between rows %zu and %zu", where, r, r + 1);
    return y;
}

/* All rows and columns at once, against double precision; the results are kept in p->full. */
static void igemm_check_full(const ink_kernel *kernel, const product *p, size_t gap,
                             check_place place)
{
    const double steps = (double)(p->taps * p->depth);
    double *want = malloc((p->rows * p->columns + 1) * 2 * sizeof *want);
    assert_non_null(want);
    double *bound = want + p->rows * p->columns;
    for (size_t r = 0; r < p->rows; r++)
        for (size_t c = 0; c < p->columns; c++) {
            double sum = (double)p->bias[c], size = fabs(sum);
            for (size_t t = 0; t < p->taps; t++) {
                const float *x = p->x + row_at(p, r) + tap_at(p, t);
                const float *w = p->w + (c * p->taps + t) * p->depth;
                for (size_t i = 0; i < p->depth; i++) {
                    sum += (double)x[i] * (double)w[i];
                    size += fabs((double)x[i] * (double)w[i]);
                }
            }
            want[r * p->columns + c] = sum;
            bound[r * p->columns + c] = check_gamma(steps + 2) * size + (steps + 2) * CHECK_TINY;
        }
    for (size_t s = 0; s < CHECK_COUNT(slopes); s++) {
        const float *y = igemm_run(kernel, p, p->rows, p->columns, 0, slopes[s], gap, place);
        float *full = p->full + s * p->rows * p->columns;
        for (size_t r = 0; r < p->rows && p->columns; r++)
            memcpy(full + r * p->columns, y + r * (p->columns + gap), p->columns * sizeof *y);
        for (size_t i = 0; i < p->rows * p->columns; i++)
            check_value(full[i], want[i] > 0 ? want[i] : (double)slopes[s] * want[i], bound[i], i);
    }
    free(want);
}

/* A part of the rows and columns: bit by bit what they were among the others. */
static void igemm_check_part(const ink_kernel *kernel, const product *p, size_t rows,
                             size_t columns)
{
    const unsigned kind = (unsigned)(rows + 5 * columns);
    const size_t s = kind % CHECK_COUNT(slopes), gap = kind % 2 ? 3 : 0;
    const float *y = igemm_run(kernel, p, rows, columns, 0, slopes[s], gap, kind / 2 % CHECK_PLACES);
    const float *full = p->full + s * p->rows * p->columns;
    for (size_t r = 0; r < rows && columns; r++)
        if (memcmp(y + r * (columns + gap), full + r * p->columns, columns * sizeof *y))
            fail_msg("%s: row %zu is another than among %zu rows of %zu columns", where, r, p->rows,
                     p->columns);
}

/* Window by window: exactly the largest of what its rows give one by one. */
static void igemm_check_window(const ink_kernel *kernel, const product *p, size_t window)
{
    const size_t outputs = p->rows / window, s = window % CHECK_COUNT(slopes), gap = window % 2 ? 3 : 0;
    const float *y = igemm_run(kernel, p, outputs * window, p->columns, window, slopes[s], gap,
                               window % CHECK_PLACES);
    for (size_t i = 0; i < outputs * p->columns; i++) {
        const size_t r = i / p->columns, c = i % p->columns;
        float most = -INFINITY;
        for (size_t k = 0; k < window; k++)
            most = fmaxf(most, p->full[(s * p->rows + r * window + k) * p->columns + c]);
        check_value(y[r * (p->columns + gap) + c], (double)most, 0, i);
    }
}

static const size_t tile_edges[] = { 0, 1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65 };
static const size_t row_edges[] = { 0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13 };

static void igemm(const ink_kernel *kernel)
{
    uint64_t random = 1;
    igemm_rooms.x = check_room_make(ROOM_MOST);
    igemm_rooms.w = check_room_make(ROOM_MOST);
    igemm_rooms.y = check_room_make(ROOM_MOST);
    igemm_rooms.bias = check_room_make(8 * MOST);
    igemm_rooms.row = check_room_make(4 * MOST);
    igemm_rooms.tap = check_room_make(4 * MOST);
    igemm_rooms.packed = malloc(PACKED_MOST * sizeof *igemm_rooms.packed);
    assert_non_null(igemm_rooms.packed);

    /* Rows, then columns, from 0 to 300; the other at the edges; all ways of giving offsets. */
    for (unsigned mode = 0; mode < 8; mode++) {
        product p = product_make(&random, mode == 3 ? MOST : 30, 65, 2, 3, mode);
        igemm_check_full(kernel, &p, mode % 3, mode % CHECK_PLACES);
        for (size_t rows = 0; rows <= p.rows; rows++)
            for (size_t i = 0; i < CHECK_COUNT(tile_edges); i++)
                igemm_check_part(kernel, &p, rows, tile_edges[i]);
        product_free(&p);
        p = product_make(&random, 13, mode == 4 ? MOST : 40, 3, 2, mode);
        igemm_check_full(kernel, &p, mode % 3, mode % CHECK_PLACES);
        for (size_t columns = 0; columns <= p.columns; columns++)
            for (size_t i = 0; i < CHECK_COUNT(row_edges); i++)
                igemm_check_part(kernel, &p, row_edges[i], columns);
        product_free(&p);
    }
    /* The number of taps, and the depth: each another sum. */
    for (size_t n = 0; n <= MOST; n++)
        for (size_t i = 1; i <= 3; i++) {
            product p = product_make(&random, 1 + n % 13, 1 + n * 7 % 34, n, i, (unsigned)(n + i));
            igemm_check_full(kernel, &p, n % 3, n % CHECK_PLACES);
            product_free(&p);
            p = product_make(&random, 1 + n % 13, 1 + n * 7 % 34, i * i, n, (unsigned)(n + i));
            igemm_check_full(kernel, &p, n % 3, n % CHECK_PLACES);
            product_free(&p);
        }
    /* And whatever else. */
    for (size_t n = 0; n < 300; n++) {
        product p = product_make(&random, check_random_size(&random, 1, 20),
                                 check_random_size(&random, 1, 80), check_random_size(&random, 1, 9),
                                 check_random_size(&random, 1, 20), (unsigned)n);
        igemm_check_full(kernel, &p, n % 4, n / 2 % CHECK_PLACES);
        for (size_t i = 0; i < 4; i++)
            igemm_check_part(kernel, &p, check_random_size(&random, 1, p.rows),
                             check_random_size(&random, 1, p.columns));
        for (size_t window = 1; window <= p.rows; window++)
            igemm_check_window(kernel, &p, window);
        product_free(&p);
    }
    check_room_free(&igemm_rooms.x);
    check_room_free(&igemm_rooms.w);
    check_room_free(&igemm_rooms.y);
    check_room_free(&igemm_rooms.bias);
    check_room_free(&igemm_rooms.row);
    check_room_free(&igemm_rooms.tap);
    free(igemm_rooms.packed);
}

static void igemm_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_igemm_f32, igemm);
}

/* Packing moves floats and nothing else: element by element from the definition. */
static void igemm_packs(void **state)
{
    (void)state;
    static const size_t tiles[] = { 8, 16 };
    uint64_t random = 2;
    for (size_t n = 0; n < 200; n++) {
        const size_t tile = tiles[n % 2], columns = check_random_size(&random, 0, 40);
        const size_t taps = check_random_size(&random, 0, 5), depth = check_random_size(&random, 0, 7);
        /* [depth][taps][columns], so that all strides are unusual. */
        const size_t tap_stride = columns, depth_stride = columns * taps, size = depth_stride * depth;
        const size_t packed_size = ink_igemm_packed_size(tile, columns, taps, depth);
        assert_int_equal(packed_size, (columns + tile - 1) / tile * tile * taps * depth);
        float *w = check_random_floats(&random, size);
        check_room from = check_room_make(size * sizeof *w);
        check_room to = check_room_make(packed_size * sizeof *w);
        const float *in = check_room_copy(&from, w, size * sizeof *w, CHECK_AT_END);
        const float *packed = check_room_take(&to, packed_size * sizeof *w, CHECK_AT_END);
        ink_igemm_pack((float *)to.at, tile, columns, taps, depth, in, 1, tap_stride, depth_stride);
        snprintf(where, sizeof where, "pack: tile %zu, %zu columns, %zu taps, depth %zu", tile,
                 columns, taps, depth);
        for (size_t i = 0; i < packed_size; i++) {
            const size_t column = i / (tile * depth * taps) * tile + i % tile;
            const size_t tap = i / (tile * depth) % taps, at = i / tile % depth;
            check_same(packed[i], column < columns ? w[column + tap * tap_stride + at * depth_stride]
                                                   : 0.0f, i);
        }
        check_kept(&to);
        check_room_free(&from);
        check_room_free(&to);
        free(w);
    }
    /* 0 for what does not fit a size_t, as the header says. */
    assert_int_equal(ink_igemm_packed_size(8, 1, SIZE_MAX / 4, 3), 0);
    assert_int_equal(ink_igemm_packed_size(8, 1, SIZE_MAX / 4, 0), 0);
    assert_int_equal(ink_igemm_packed_size(8, SIZE_MAX / 16, 17, 1), 0);
    assert_int_equal(ink_igemm_packed_size(16, 1, SIZE_MAX / 32, 3), 0);
    assert_int_equal(ink_igemm_packed_size(8, 9, 1, 1), 16);
}

/* ---- narrow dense: as igemm, but for the order of the sum, which the bound does not ask for ---- */

static void narrow_check(const ink_kernel *kernel, uint64_t *random, size_t rows, size_t columns, size_t depth,
                         float slope, check_place place)
{
    const size_t x_stride = depth + columns % 3, y_stride = columns + rows % 2, y_size = rows * y_stride;
    float *x = check_random_floats(random, rows * x_stride), *w = check_random_floats(random, columns * depth);
    float *bias = check_random_floats(random, columns), *one = malloc((columns + 1) * sizeof *one);
    assert_non_null(one);
    float *y = check_room_take(&rooms[0], y_size * sizeof *y, place);
    const ink_narrow_dense_f32 call = {
        .rows = rows, .columns = columns, .depth = depth,
        .x = check_room_copy(&rooms[1], x, (rows ? (rows - 1) * x_stride + depth : 0) * sizeof *x, place),
        .x_stride = x_stride, .w = check_room_copy(&rooms[2], w, columns * depth * sizeof *w, place),
        .bias = check_room_copy(&rooms[3], bias, columns * sizeof *bias, place), .slope = slope, .y = y,
        .y_stride = y_stride };
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns, depth %zu, slope %g, place %d", kernel->name, rows,
             columns, depth, (double)slope, (int)place);
    kernel->run.narrow_dense_f32(&call);
    calls++;
    check_kept(&rooms[0]);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            double sum = (double)bias[c], size = fabs(sum);
            for (size_t i = 0; i < depth; i++) {
                sum += (double)x[r * x_stride + i] * (double)w[c * depth + i];
                size += fabs((double)x[r * x_stride + i] * (double)w[c * depth + i]);
            }
            check_value(y[r * y_stride + c], sum > 0 ? sum : (double)slope * sum,
                        check_gamma((double)depth + 2) * size + CHECK_TINY, r * columns + c);
        }
        /* Alone it is what it is among others. */
        ink_narrow_dense_f32 alone = call;
        alone.rows = 1;
        alone.x = x + r * x_stride;
        alone.y = one;
        kernel->run.narrow_dense_f32(&alone);
        if (columns && memcmp(one, y + r * y_stride, columns * sizeof *one))
            fail_msg("%s: row %zu is another alone", where, r);
    }
    free(x);
    free(w);
    free(bias);
    free(one);
}

static void narrow(const ink_kernel *kernel)
{
    uint64_t random = 31;
    rooms_make(MOST * 64 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++) {
        narrow_check(kernel, &random, 1 + n % 5, 1 + n % 17, n, slopes[n % 3], n % CHECK_PLACES);
        narrow_check(kernel, &random, n, 1 + n % 12, 9, slopes[n % 3], n % CHECK_PLACES);
        narrow_check(kernel, &random, n % 4, n, 17, slopes[n % 3], n % CHECK_PLACES);
    }
    rooms_free();
}

static void narrow_dense_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_narrow_dense_f32, narrow);
}

/* ---- dwconv: a sum of `taps` products for each row and channel; the bound is that of igemm ---- */

typedef struct depthwise {
    size_t rows, channels, taps, x_size;
    uint32_t *row_offset, *tap_offset;
    float *x, *w, *bias; /* w as [channels, taps] */
    float *full;         /* [slopes, rows, channels] */
} depthwise;

static depthwise depthwise_make(uint64_t *random, size_t rows, size_t channels, size_t taps)
{
    depthwise d = { .rows = rows, .channels = channels, .taps = taps };
    d.row_offset = malloc((rows + 1) * sizeof *d.row_offset);
    d.tap_offset = malloc((taps + 1) * sizeof *d.tap_offset);
    d.full = malloc((CHECK_COUNT(slopes) * rows * channels + 1) * sizeof *d.full);
    assert_true(d.row_offset && d.tap_offset && d.full);
    uint32_t row = 0, tap = 0;
    for (size_t i = 0; i < rows; i++) {
        d.row_offset[i] = (uint32_t)check_random_size(random, 0, 2 * rows);
        row = d.row_offset[i] > row ? d.row_offset[i] : row;
    }
    for (size_t i = 0; i < taps; i++) {
        d.tap_offset[i] = (uint32_t)check_random_size(random, 0, 3 * taps);
        tap = d.tap_offset[i] > tap ? d.tap_offset[i] : tap;
    }
    d.x_size = row + tap + channels;
    d.x = check_random_floats(random, d.x_size);
    d.w = check_random_floats(random, channels * taps);
    d.bias = check_random_floats(random, channels);
    return d;
}

static void depthwise_free(depthwise *d)
{
    free(d->row_offset);
    free(d->tap_offset);
    free(d->full);
    free(d->x);
    free(d->w);
    free(d->bias);
}

static struct {
    check_room x, w, bias, row, tap, y;
} dwconv_rooms;

static const float *dwconv_run(const ink_kernel *kernel, const depthwise *d, size_t rows,
                               size_t channels, float slope, check_place place)
{
    float *w = check_room_take(&dwconv_rooms.w, channels * d->taps * sizeof *w, place);
    float *y = check_room_take(&dwconv_rooms.y, rows * channels * sizeof *y, place);
    size_t row = 0, tap = 0;
    for (size_t i = 0; i < rows; i++)
        row = d->row_offset[i] > row ? d->row_offset[i] : row;
    for (size_t t = 0; t < d->taps; t++) {
        tap = d->tap_offset[t] > tap ? d->tap_offset[t] : tap;
        for (size_t c = 0; c < channels; c++)
            w[t * channels + c] = d->w[c * d->taps + t];
    }
    const size_t x_size = rows && d->taps ? row + tap + channels : 0;
    const ink_dwconv_f32 call = {
        rows, channels, d->taps,
        check_room_copy(&dwconv_rooms.x, d->x, x_size * sizeof *d->x, place),
        check_room_copy(&dwconv_rooms.row, d->row_offset, rows * sizeof *d->row_offset, place),
        check_room_copy(&dwconv_rooms.tap, d->tap_offset, d->taps * sizeof *d->tap_offset, place), w,
        check_room_copy(&dwconv_rooms.bias, d->bias, channels * sizeof *d->bias, place), slope, y };
    snprintf(where, sizeof where, "%s: %zu rows, %zu channels, %zu taps, slope %g, place %d",
             kernel->name, rows, channels, d->taps, (double)slope, (int)place);
    kernel->run.dwconv_f32(&call);
    calls++;
    check_kept(&dwconv_rooms.y);
    return y;
}

static void dwconv_check_full(const ink_kernel *kernel, const depthwise *d, check_place place)
{
    for (size_t s = 0; s < CHECK_COUNT(slopes); s++) {
        const float *y = dwconv_run(kernel, d, d->rows, d->channels, slopes[s], place);
        if (d->rows && d->channels)
            memcpy(d->full + s * d->rows * d->channels, y, d->rows * d->channels * sizeof *y);
        for (size_t r = 0; r < d->rows; r++)
            for (size_t c = 0; c < d->channels; c++) {
                double sum = (double)d->bias[c], size = fabs(sum);
                for (size_t t = 0; t < d->taps; t++) {
                    const double term = (double)d->x[d->row_offset[r] + d->tap_offset[t] + c] *
                                        (double)d->w[c * d->taps + t];
                    sum += term;
                    size += fabs(term);
                }
                const double steps = (double)d->taps + 2;
                check_value(y[r * d->channels + c], sum > 0 ? sum : (double)slopes[s] * sum,
                            check_gamma(steps) * size + steps * CHECK_TINY, r * d->channels + c);
            }
    }
}

static void dwconv_check_part(const ink_kernel *kernel, const depthwise *d, size_t rows,
                              size_t channels)
{
    const size_t kind = rows + 5 * channels, s = kind % CHECK_COUNT(slopes);
    const float *y = dwconv_run(kernel, d, rows, channels, slopes[s], kind / 2 % CHECK_PLACES);
    const float *full = d->full + s * d->rows * d->channels;
    for (size_t r = 0; r < rows && channels; r++)
        if (memcmp(y + r * channels, full + r * d->channels, channels * sizeof *y))
            fail_msg("%s: row %zu is another than among %zu rows of %zu channels", where, r, d->rows,
                     d->channels);
}

static void dwconv(const ink_kernel *kernel)
{
    uint64_t random = 3;
    dwconv_rooms.x = check_room_make(16 * MOST);
    dwconv_rooms.w = check_room_make(ROOM_MOST);
    dwconv_rooms.y = check_room_make(ROOM_MOST);
    dwconv_rooms.bias = check_room_make(4 * MOST);
    dwconv_rooms.row = check_room_make(4 * MOST);
    dwconv_rooms.tap = check_room_make(4 * MOST);
    depthwise d = depthwise_make(&random, MOST, 33, 4);
    dwconv_check_full(kernel, &d, CHECK_AT_END);
    for (size_t rows = 0; rows <= d.rows; rows++)
        for (size_t i = 0; i < CHECK_COUNT(tile_edges) && tile_edges[i] <= d.channels; i++)
            dwconv_check_part(kernel, &d, rows, tile_edges[i]);
    depthwise_free(&d);
    d = depthwise_make(&random, 13, MOST, 9);
    dwconv_check_full(kernel, &d, CHECK_UNALIGNED);
    for (size_t channels = 0; channels <= d.channels; channels++)
        for (size_t i = 0; i < CHECK_COUNT(row_edges); i++)
            dwconv_check_part(kernel, &d, row_edges[i], channels);
    depthwise_free(&d);
    for (size_t taps = 0; taps <= MOST; taps++) {
        d = depthwise_make(&random, 1 + taps % 7, 1 + taps * 5 % 19, taps);
        dwconv_check_full(kernel, &d, taps % CHECK_PLACES);
        depthwise_free(&d);
    }
    check_room_free(&dwconv_rooms.x);
    check_room_free(&dwconv_rooms.w);
    check_room_free(&dwconv_rooms.y);
    check_room_free(&dwconv_rooms.bias);
    check_room_free(&dwconv_rooms.row);
    check_room_free(&dwconv_rooms.tap);
}

static void dwconv_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_dwconv_f32, dwconv);
}

/* ---- pooling ----
 *
 * The largest is exact. A mean of n values rounds n - 1 sums, the share 1 / count and the product with
 * it: |error| <= gamma(n + 1) * sum |x| / count, and a little where it is subnormal. */

static check_room pool_in, pool_out;

/* One window from the definition: each of its places, whether in the picture, in the padding around
 * it, or beyond, which nothing counts. */
static void pool_window(const ink_pool_f32 *p, const float *x, size_t oy, size_t ox, size_t c,
                        bool max, double *want, double *bound)
{
    double sum = 0, size = 0, largest = -INFINITY;
    size_t inside = 0, counted = 0;
    for (size_t ky = 0; ky < p->kernel_height; ky++)
        for (size_t kx = 0; kx < p->kernel_width; kx++) {
            const size_t py = oy * p->stride_height + ky, px = ox * p->stride_width + kx;
            counted += py < p->pad_top + p->height + p->pad_bottom &&
                       px < p->pad_left + p->width + p->pad_right;
            if (py < p->pad_top || px < p->pad_left || py - p->pad_top >= p->height ||
                px - p->pad_left >= p->width)
                continue;
            const double v = (double)x[((py - p->pad_top) * p->width + px - p->pad_left) *
                                       p->channels + c];
            inside++;
            sum += v;
            size += fabs(v);
            largest = v > largest ? v : largest;
        }
    if (max) {
        *want = inside ? largest : 0;
        *bound = 0;
        return;
    }
    const double count = (double)(p->count_padding ? counted : inside);
    *want = inside ? sum / count : 0;
    *bound = inside ? check_gamma((double)inside + 1) * size / count + CHECK_TINY : 0;
}

static void pool_check(const ink_kernel *kernel, ink_pool_f32 p, uint64_t *random, check_place place)
{
    const bool max = kernel->op == INK_KERNEL_max_pool_f32;
    const size_t x_size = p.height * p.width * p.channels;
    const size_t y_size = p.out_height * p.out_width * p.channels;
    float *x = check_random_floats(random, x_size);
    p.x = check_room_copy(&pool_in, x, x_size * sizeof *x, place);
    float *y = p.y = check_room_take(&pool_out, y_size * sizeof *p.y, place);
    snprintf(where, sizeof where, "%s: %zux%zux%zu to %zux%zu, kernel %zu,%zu stride %zu,%zu "
             "padding %zu,%zu,%zu,%zu%s, place %d", kernel->name, p.channels, p.height, p.width,
             p.out_height, p.out_width, p.kernel_height, p.kernel_width, p.stride_height,
             p.stride_width, p.pad_top, p.pad_left, p.pad_bottom, p.pad_right,
             p.count_padding ? " counted" : "", (int)place);
    if (max)
        kernel->run.max_pool_f32(&p);
    else
        kernel->run.avg_pool_f32(&p);
    calls++;
    check_kept(&pool_out);
    for (size_t i = 0; i < y_size; i++) {
        double want, bound;
        pool_window(&p, x, i / p.channels / p.out_width, i / p.channels % p.out_width,
                    i % p.channels, max, &want, &bound);
        check_value(y[i], want, bound, i);
    }
    free(x);
}

/* Sets one of the sizes of a pooling. */
static void pool_set(ink_pool_f32 *p, size_t which, size_t n)
{
    size_t *const sizes[] = { &p->height, &p->width, &p->channels, &p->out_height, &p->out_width,
                              &p->kernel_height, &p->kernel_width, &p->stride_height,
                              &p->stride_width, &p->pad_top, &p->pad_left, &p->pad_bottom,
                              &p->pad_right };
    *sizes[which] = n;
}
enum { POOL_SIZES = 13 };

static void pool(const ink_kernel *kernel)
{
    static const size_t most[POOL_SIZES] = { 9, 9, 17, 5, 5, 4, 4, 3, 3, 3, 3, 3, 3 };
    uint64_t random = 4;
    pool_in = check_room_make(ROOM_MOST);
    pool_out = check_room_make(ROOM_MOST);
    /* Each size in turn; the others small and another each time, windows that see nothing of the
     * picture among them. */
    for (size_t which = 0; which < POOL_SIZES; which++)
        for (size_t n = 0; n <= MOST; n++)
            for (size_t again = 0; again < 2; again++) {
                ink_pool_f32 p = { .count_padding = (n + again) % 2 };
                for (size_t i = 0; i < POOL_SIZES; i++)
                    pool_set(&p, i, check_random_size(&random, i < 3 || i == 5 || i == 6, most[i]));
                /* A window as large as the picture may be: keep the other side of it small. */
                if (which == 5 || which == 6)
                    p.out_height = p.out_width = 2;
                pool_set(&p, which, n);
                pool_check(kernel, p, &random, n / 2 % CHECK_PLACES);
            }
    /* As networks have them: the picture halved, all channels around the width of a vector. */
    for (size_t channels = 1; channels <= 34; channels++)
        for (size_t size = 1; size <= 3; size++) {
            ink_pool_f32 p = { .height = 6 * size, .width = 6, .channels = channels,
                               .out_height = 6, .out_width = 6 / size, .kernel_height = size,
                               .kernel_width = size, .stride_height = size, .stride_width = size };
            pool_check(kernel, p, &random, channels % CHECK_PLACES);
        }
    check_room_free(&pool_in);
    check_room_free(&pool_out);
}

static void max_pool_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_max_pool_f32, pool);
}

static void avg_pool_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_avg_pool_f32, pool);
}

/* ---- the table ---- */

static void table_is_whole(void **state)
{
    (void)state;
    static const bool elsewhere[INK_KERNEL_OPS] = {
        [INK_KERNEL_add_f32] = true,     [INK_KERNEL_affine_f32] = true,
        [INK_KERNEL_pixels_f32] = true,  [INK_KERNEL_softmax_f32] = true,
        [INK_KERNEL_activation_f32] = true, [INK_KERNEL_peak_f32] = true,
        /* test_winograd.c */
        [INK_KERNEL_winograd_in_f32] = true, [INK_KERNEL_winograd_out_f32] = true,
        [INK_KERNEL_winograd4_in_f32] = true, [INK_KERNEL_winograd4_out_f32] = true,
        [INK_KERNEL_winograd_weights_f32] = true, [INK_KERNEL_winograd4_weights_f32] = true,
        [INK_KERNEL_winograd5_out_f32] = true, [INK_KERNEL_winograd5_weights_f32] = true,
        [INK_KERNEL_winograd_back_f32] = true,
        /* test_kernels_train.c */
        [INK_KERNEL_wgrad_f32] = true,   [INK_KERNEL_sparse_dense_f32] = true,
        [INK_KERNEL_adam_f32] = true,    [INK_KERNEL_sparse_wgrad_f32] = true,
        [INK_KERNEL_sparse_rows_f32] = true, [INK_KERNEL_max_pool_arg_f32] = true,
        [INK_KERNEL_max_unpool_f32] = true, [INK_KERNEL_relu_grad_f32] = true,
        [INK_KERNEL_column_sums_f32] = true, [INK_KERNEL_norm_f32] = true,
        [INK_KERNEL_max_pool_grad_f32] = true,
        [INK_KERNEL_avg_pool_grad_f32] = true,
        /* test_kernels_bytes.c */
        [INK_KERNEL_igemm_u8] = true, [INK_KERNEL_quantize_u8] = true, [INK_KERNEL_max_pool_u8] = true,
    };
    size_t count;
    const ink_kernel *table = ink_kernel_table(&count);
    for (size_t op = 0; op < INK_KERNEL_OPS; op++) {
        if ((ran[op] > 0) == elsewhere[op])
            fail_msg("operation %zu has no test, or is listed as tested elsewhere", op);
        const ink_kernel *scalar = ink_kernel_find((ink_kernel_op)op, INK_CPU_SCALAR);
        const ink_kernel *best = ink_kernel_find((ink_kernel_op)op, ink_cpu_detect());
        assert_true(scalar && scalar->cpu == INK_CPU_SCALAR && scalar->op == op);
        assert_true(best && best->cpu >= scalar->cpu && best->op == op && ink_cpu_has(best->cpu));
    }
    for (size_t i = 0; i < count; i++) {
        const char *isa = ink_cpu_name(table[i].cpu), *name = table[i].name;
        const size_t length = strlen(name), tail = strlen(isa);
        assert_true(length > tail && strcmp(name + length - tail, isa) == 0);
        assert_true((table[i].tile > 0) == (table[i].op == INK_KERNEL_igemm_f32 || table[i].op == INK_KERNEL_igemm_u8 ||
                                            table[i].op == INK_KERNEL_sparse_dense_f32));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(table[k].name, name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(igemm_kernels),
        cmocka_unit_test(igemm_packs),
        cmocka_unit_test(narrow_dense_kernels),
        cmocka_unit_test(dwconv_kernels),
        cmocka_unit_test(max_pool_kernels),
        cmocka_unit_test(avg_pool_kernels),
        cmocka_unit_test(table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
