/* Kernels of bytes, each row of the table against loops of our own, bit for bit: sums of integers are exact, and what is
 * rounded behind them is rounded one way. As in test_kernels.c arrays end where a page begins that faults, or lie
 * unaligned, and what lies around the outputs must stay as it was. */
#include "check_kernels.h"

/* Any byte, the extremes often. */
static uint8_t random_byte(uint64_t *random)
{
    const unsigned kind = (unsigned)check_random_size(random, 0, 9);
    return kind == 0 ? 0 : kind == 1 ? 255 : (uint8_t)check_random_size(random, 0, 255);
}

static int8_t random_weight(uint64_t *random)
{
    const unsigned kind = (unsigned)check_random_size(random, 0, 9);
    return (int8_t)(kind == 0 ? -127 : kind == 1 ? 127 : (int)check_random_size(random, 0, 254) - 127);
}

/* The byte nearest to v, of two the even one. */
static uint8_t byte_of(float v)
{
    const long n = v <= 0 ? 0 : v >= 255 ? 255 : lrintf(v);
    return (uint8_t)n;
}

/* ---- igemm_u8 ---- */

typedef struct product {
    size_t rows, columns, taps, depth;
    bool row_table, tap_table; /* offsets are given; else equal steps */
    size_t x_stride, x_size;
    uint32_t *row_offset, *tap_offset;
    uint8_t *x;
    int8_t *w; /* [columns, taps, depth] */
    int32_t *start;
    float *scale, *bias;
    int32_t *sums; /* [rows, columns] */
} product;

static size_t row_at(const product *p, size_t row)
{
    return p->row_table ? p->row_offset[row] : row * p->x_stride;
}

static size_t tap_at(const product *p, size_t tap)
{
    return p->tap_table ? p->tap_offset[tap] : tap * p->depth;
}

/* How far the first `rows` rows reach: to the end of a run's last four bytes. */
static size_t extent_of(const product *p, size_t rows)
{
    size_t row = 0, tap = 0;
    if (!rows || !p->taps || !p->depth)
        return 0;
    for (size_t i = 0; i < rows; i++)
        row = row_at(p, i) > row ? row_at(p, i) : row;
    for (size_t i = 0; i < p->taps; i++)
        tap = tap_at(p, i) > tap ? tap_at(p, i) : tap;
    return row + tap + (p->depth + 3) / 4 * 4;
}

static void *filled(size_t count, size_t size)
{
    void *block = calloc(count + 1, size);
    assert_non_null(block);
    return block;
}

static product product_make(uint64_t *random, size_t rows, size_t columns, size_t taps, size_t depth, unsigned mode)
{
    product p = { .rows = rows, .columns = columns, .taps = taps, .depth = depth, .row_table = mode & 1,
                  .tap_table = mode & 2, .x_stride = taps * depth + (mode & 4 ? 5 : 0) };
    p.row_offset = filled(rows, sizeof *p.row_offset);
    p.tap_offset = filled(taps, sizeof *p.tap_offset);
    for (size_t i = 0; i < rows; i++)
        p.row_offset[i] = (uint32_t)check_random_size(random, 0, 2 * rows);
    for (size_t i = 0; i < taps; i++)
        p.tap_offset[i] = (uint32_t)check_random_size(random, 0, 2 * taps + depth);
    p.x_size = extent_of(&p, rows);
    p.x = filled(p.x_size, 1);
    p.w = filled(columns * taps * depth, 1);
    p.start = filled(columns, sizeof *p.start);
    p.scale = filled(columns, sizeof *p.scale);
    p.bias = filled(columns, sizeof *p.bias);
    p.sums = filled(rows * columns, sizeof *p.sums);
    for (size_t i = 0; i < p.x_size; i++)
        p.x[i] = random_byte(random);
    for (size_t i = 0; i < columns * taps * depth; i++)
        p.w[i] = random_weight(random);
    /* Outputs from under 0 to over 255, most of them between. */
    const float unit = 1 / (40.0f * sqrtf((float)(taps * depth + 1)));
    for (size_t c = 0; c < columns; c++) {
        p.start[c] = (int32_t)check_random_size(random, 0, 20000) - 10000;
        p.scale[c] = unit * fabsf(check_random_float(random));
        p.bias[c] = 200 * check_random_float(random);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            int64_t sum = p.start[c];
            for (size_t t = 0; t < taps; t++)
                for (size_t i = 0; i < depth; i++)
                    sum += (int64_t)p.x[row_at(&p, r) + tap_at(&p, t) + i] * p.w[(c * taps + t) * depth + i];
            assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
            p.sums[r * columns + c] = (int32_t)sum;
        }
    return p;
}

static void product_free(product *p)
{
    void *const blocks[] = { p->row_offset, p->tap_offset, p->x, p->w, p->start, p->scale, p->bias, p->sums };
    for (size_t i = 0; i < CHECK_COUNT(blocks); i++)
        free(blocks[i]);
}

static struct {
    check_room x, w, start, scale, bias, row, tap, y;
    int8_t *packed;
} igemm_rooms;

/* An array with zeros behind it, up to whole tiles. */
static void *padded_copy(check_room *room, const void *data, size_t count, size_t padded, size_t size, check_place place)
{
    uint8_t *at = check_room_take(room, padded * size, place);
    memset(at, 0, padded * size);
    memcpy(at, data, count * size);
    return at;
}

/* Runs the first rows and columns and compares all outputs. */
static void igemm_check(const ink_kernel *kernel, const product *p, size_t rows, size_t columns, size_t window, float slope,
                        int zero, size_t gap, check_place place)
{
    const bool bytes = zero >= 0;
    const size_t tile = kernel->tile, padded = (columns + tile - 1) / tile * tile, y_stride = columns + gap;
    const size_t packed = ink_igemm_u8_packed_size(tile, columns, p->taps, p->depth);
    const size_t outputs = window ? rows / window : rows, size = bytes ? 1 : sizeof(float);
    const size_t y_size = outputs && columns ? (outputs - 1) * y_stride + columns : 0;
    assert_true(packed == padded * p->taps * ((p->depth + 3) / 4 * 4) && packed <= 2 * ROOM_MOST);
    ink_igemm_u8_pack(igemm_rooms.packed, tile, columns, p->taps, p->depth, p->w, p->taps * p->depth, p->depth, 1);
    void *y = check_room_take(&igemm_rooms.y, y_size * size, place);
    const ink_igemm_u8 call = {
        .rows = rows, .columns = columns, .taps = p->taps, .depth = p->depth, .window = window,
        .x = check_room_copy(&igemm_rooms.x, p->x, extent_of(p, rows), place),
        .row_offset = p->row_table ? check_room_copy(&igemm_rooms.row, p->row_offset, rows * sizeof *p->row_offset, place)
                                   : NULL,
        .x_stride = p->row_table ? SIZE_MAX : p->x_stride,
        .tap_offset = p->tap_table ? check_room_copy(&igemm_rooms.tap, p->tap_offset, p->taps * sizeof *p->tap_offset,
                                                     place) : NULL,
        .w = check_room_copy(&igemm_rooms.w, igemm_rooms.packed, packed, place),
        .start = padded_copy(&igemm_rooms.start, p->start, columns, padded, sizeof *p->start, place),
        .scale = padded_copy(&igemm_rooms.scale, p->scale, columns, padded, sizeof *p->scale, place),
        .bias = padded_copy(&igemm_rooms.bias, p->bias, columns, padded, sizeof *p->bias, place),
        .slope = slope, .y = bytes ? NULL : y, .bytes = bytes ? y : NULL, .y_stride = y_stride,
        .zero = (float)(bytes ? zero : 0) };
    snprintf(where, sizeof where, "%s: %zu rows, window %zu, %zu columns, %zu taps, depth %zu, %s rows, %s taps, slope %g, "
             "zero %d, gap %zu, place %d", kernel->name, rows, window, columns, p->taps, p->depth,
             p->row_table ? "listed" : "even", p->tap_table ? "listed" : "even", (double)slope, zero, gap, (int)place);
    kernel->run.igemm_u8(&call);
    calls++;
    check_kept(&igemm_rooms.y);
    for (size_t r = 0; gap && r + 1 < outputs && columns; r++)
        if (!check_is_poison((uint8_t *)y + (r * y_stride + columns) * size, gap * size))
            fail_msg("%s: wrote between rows %zu and %zu", where, r, r + 1);
    for (size_t r = 0; r < outputs; r++)
        for (size_t c = 0; c < columns; c++) {
            const size_t each = window ? window : 1;
            int32_t most = p->sums[r * each * p->columns + c];
            for (size_t i = 1; i < each; i++)
                most = p->sums[(r * each + i) * p->columns + c] > most ? p->sums[(r * each + i) * p->columns + c] : most;
            const float scaled = (float)most * p->scale[c], v = scaled + p->bias[c], less = v * slope;
            const float leaky = less + (1 - slope) * (float)(bytes ? zero : 0), want = v > leaky ? v : leaky;
            const size_t at = r * y_stride + c;
            if (!bytes)
                check_same(((float *)y)[at], v > 0 ? v : less, at);
            else if (((uint8_t *)y)[at] != byte_of(want))
                fail_msg("%s: element %zu is %u, wanted %u", where, at, ((uint8_t *)y)[at], byte_of(want));
        }
}

static const float slopes[] = { 0, 0.25f, 1 };
static const int zeros[] = { -1, 0, 100, 255 }; /* -1: to floats */

/* All ways in which outputs are written. */
static void igemm_check_ways(const ink_kernel *kernel, const product *p, size_t window, size_t kind)
{
    for (size_t s = 0; s < CHECK_COUNT(slopes); s++)
        for (size_t z = 0; z < CHECK_COUNT(zeros); z++, kind++)
            igemm_check(kernel, p, window ? p->rows / window * window : p->rows, p->columns, window, slopes[s], zeros[z],
                        kind % 3, kind / 3 % CHECK_PLACES);
}

static void igemm_part(const ink_kernel *kernel, const product *p, size_t rows, size_t columns)
{
    const size_t kind = rows + 5 * columns;
    igemm_check(kernel, p, rows, columns, 0, slopes[kind % CHECK_COUNT(slopes)], zeros[kind / 2 % CHECK_COUNT(zeros)],
                kind % 2 ? 3 : 0, kind / 2 % CHECK_PLACES);
}

static const size_t tile_edges[] = { 0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65 };
static const size_t row_edges[] = { 0, 1, 2, 3, 4, 5, 11, 12, 13 };

/* The largest sums that a layer may have: as far as 32 bits go. */
static void igemm_extremes(const ink_kernel *kernel)
{
    enum { DEPTH = INT32_MAX / (255 * 127) };
    uint64_t random = 3;
    for (int sign = -1; sign <= 1; sign += 2) {
        product p = product_make(&random, 5, 9, 1, 1, 0);
        free(p.x);
        free(p.w);
        p.depth = p.x_stride = DEPTH;
        p.x_size = extent_of(&p, p.rows);
        p.x = filled(p.x_size, 1);
        p.w = filled(p.columns * DEPTH, 1);
        memset(p.x, 255, p.x_size);
        memset(p.w, sign * 127, p.columns * DEPTH);
        memset(p.start, 0, p.columns * sizeof *p.start);
        for (size_t i = 0; i < p.rows * p.columns; i++)
            p.sums[i] = sign * 255 * 127 * DEPTH;
        igemm_check(kernel, &p, p.rows, p.columns, 0, 1, -1, 0, CHECK_AT_END);
        product_free(&p);
    }
}

static void igemm(const ink_kernel *kernel)
{
    uint64_t random = 1;
    check_room *const rooms_of[] = { &igemm_rooms.x, &igemm_rooms.w, &igemm_rooms.y, &igemm_rooms.start,
                                     &igemm_rooms.scale, &igemm_rooms.bias, &igemm_rooms.row, &igemm_rooms.tap };
    for (size_t i = 0; i < CHECK_COUNT(rooms_of); i++)
        *rooms_of[i] = check_room_make(i < 3 ? 2 * ROOM_MOST : 8 * MOST);
    igemm_rooms.packed = filled(2 * ROOM_MOST, 1);

    /* Rows, then columns, from 0 to 300; the other at the edges; all ways of giving offsets. */
    for (unsigned mode = 0; mode < 8; mode++) {
        product p = product_make(&random, mode == 3 ? MOST : 30, 65, 2, 3, mode);
        igemm_check_ways(kernel, &p, 0, mode);
        for (size_t rows = 0; rows <= p.rows; rows++)
            for (size_t i = 0; i < CHECK_COUNT(tile_edges); i++)
                igemm_part(kernel, &p, rows, tile_edges[i]);
        product_free(&p);
        p = product_make(&random, 13, mode == 4 ? MOST : 40, 3, 2, mode);
        for (size_t columns = 0; columns <= p.columns; columns++)
            for (size_t i = 0; i < CHECK_COUNT(row_edges); i++)
                igemm_part(kernel, &p, row_edges[i], columns);
        product_free(&p);
    }
    /* The number of taps, and the depth: each another sum. */
    for (size_t n = 0; n <= MOST; n++)
        for (size_t i = 1; i <= 5; i += 2) {
            product p = product_make(&random, 1 + n % 13, 1 + n * 7 % 34, n, i, (unsigned)(n + i));
            igemm_part(kernel, &p, p.rows, p.columns);
            product_free(&p);
            p = product_make(&random, 1 + n % 13, 1 + n * 7 % 34, i, n, (unsigned)(n + i));
            igemm_part(kernel, &p, p.rows, p.columns);
            product_free(&p);
        }
    /* And whatever else, with windows of any size; of four, as they usually are, more. */
    for (size_t n = 0; n < 300; n++) {
        const size_t rows = check_random_size(&random, 1, n % 5 ? 30 : 120);
        product p = product_make(&random, rows, check_random_size(&random, 1, 80), check_random_size(&random, 1, 9),
                                 check_random_size(&random, 1, 20), (unsigned)n);
        igemm_check_ways(kernel, &p, n % 3 ? 4 : check_random_size(&random, 2, 30), n);
        for (size_t window = 0; window <= rows && n % 10 == 0; window++)
            igemm_check_ways(kernel, &p, window, n);
        product_free(&p);
    }
    igemm_extremes(kernel);
    for (size_t i = 0; i < CHECK_COUNT(rooms_of); i++)
        check_room_free(rooms_of[i]);
    free(igemm_rooms.packed);
}

static void igemm_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_igemm_u8, igemm);
}

/* Packing moves bytes and nothing else: each from the definition. */
static void igemm_packs(void **state)
{
    (void)state;
    static const size_t tiles[] = { 8, 16, 32 };
    uint64_t random = 2;
    for (size_t n = 0; n < 200; n++) {
        const size_t tile = tiles[n % 3], columns = check_random_size(&random, 0, 40);
        const size_t taps = check_random_size(&random, 0, 5), depth = check_random_size(&random, 0, 11);
        /* [depth][taps][columns], so that all strides are unusual. */
        const size_t tap_stride = columns, depth_stride = columns * taps, size = depth_stride * depth;
        const size_t quads = (depth + 3) / 4, packed_size = ink_igemm_u8_packed_size(tile, columns, taps, depth);
        int8_t *w = filled(size, 1);
        for (size_t i = 0; i < size; i++)
            w[i] = random_weight(&random);
        check_room from = check_room_make(size), to = check_room_make(packed_size);
        const int8_t *in = check_room_copy(&from, w, size, CHECK_AT_END);
        int8_t *packed = check_room_take(&to, packed_size, CHECK_AT_END);
        snprintf(where, sizeof where, "pack: tile %zu, %zu columns, %zu taps, depth %zu", tile, columns, taps, depth);
        ink_igemm_u8_pack(packed, tile, columns, taps, depth, in, 1, tap_stride, depth_stride);
        for (size_t i = 0; i < packed_size; i++) {
            const size_t panel = tile * quads * 4 * taps, column = i / panel * tile + i / 4 % tile;
            const size_t tap = i % panel / (tile * quads * 4), at = i / (tile * 4) % quads * 4 + i % 4;
            const int want = column < columns && at < depth ? w[column + tap * tap_stride + at * depth_stride] : 0;
            if (packed[i] != want)
                fail_msg("%s: byte %zu is %d, wanted %d", where, i, packed[i], want);
        }
        check_kept(&to);
        check_room_free(&from);
        check_room_free(&to);
        free(w);
    }
    /* 0 for what does not fit a size_t, as the header says. */
    assert_int_equal(ink_igemm_u8_packed_size(8, 1, SIZE_MAX / 4, 3), 0);
    assert_int_equal(ink_igemm_u8_packed_size(8, SIZE_MAX / 16, 17, 1), 0);
    assert_int_equal(ink_igemm_u8_packed_size(8, 1, 1, SIZE_MAX / 2), 0);
    assert_int_equal(ink_igemm_u8_packed_size(8, 9, 1, 1), 64);
}

/* ---- quantize_u8 ---- */

static void quantize(const ink_kernel *kernel)
{
    uint64_t random = 5;
    static const float special[] = { 0, -0.0f, 0.5f, 1.5f, 2.5f, 254.5f, 255.5f, -0.5f, 1e30f, -1e30f, 3e9f, -3e9f,
                                     INFINITY, -INFINITY, NAN };
    rooms_make(ROOM_MOST);
    for (size_t n = 0; n <= MOST; n++)
        for (size_t way = 0; way < 4; way++) {
            const float inverse = way % 2 ? 1 : 300 * fabsf(check_random_float(&random));
            const float zero = way / 2 ? (float)random_byte(&random) : 0;
            float *x = check_random_floats(&random, n);
            for (size_t i = 0; i < n; i++)
                if (check_random_size(&random, 0, 4) == 0)
                    x[i] = special[check_random_size(&random, 0, CHECK_COUNT(special) - 1)];
                else if (way % 2)
                    x[i] *= 300;
            const check_place place = n % CHECK_PLACES;
            uint8_t *y = check_room_take(&rooms[1], n, place);
            const ink_quantize_u8 call = { n, check_room_copy(&rooms[0], x, n * sizeof *x, place), inverse, zero, y };
            snprintf(where, sizeof where, "%s: %zu, inverse %g, zero %g", kernel->name, n, (double)inverse, (double)zero);
            kernel->run.quantize_u8(&call);
            calls++;
            check_kept(&rooms[1]);
            for (size_t i = 0; i < n; i++) {
                const float scaled = x[i] * inverse, v = scaled + zero;
                const uint8_t want = v != v ? 0 : byte_of(v);
                if (y[i] != want)
                    fail_msg("%s: %g became %u, wanted %u", where, (double)x[i], y[i], want);
            }
            free(x);
        }
    rooms_free();
}

static void quantize_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_quantize_u8, quantize);
}

/* ---- max_pool_u8 ---- */

static void pool_check(const ink_kernel *kernel, uint64_t *random, const size_t size[11], check_place place)
{
    ink_max_pool_u8 k = { .pool = { .height = size[0], .width = size[1], .channels = size[2], .out_height = size[3],
                                    .out_width = size[4], .kernel_height = size[5], .kernel_width = size[6],
                                    .stride_height = size[7], .stride_width = size[8], .pad_top = size[9],
                                    .pad_left = size[10] },
                          .zero = random_byte(random) };
    const size_t in = size[0] * size[1] * size[2], out = size[3] * size[4] * size[2];
    uint8_t *x = filled(in, 1);
    for (size_t i = 0; i < in; i++)
        x[i] = random_byte(random);
    k.x = check_room_copy(&rooms[0], x, in, place);
    k.y = check_room_take(&rooms[1], out, place);
    snprintf(where, sizeof where, "%s: %zux%zux%zu to %zux%zu, kernel %zu,%zu stride %zu,%zu padding %zu,%zu", kernel->name,
             size[2], size[0], size[1], size[3], size[4], size[5], size[6], size[7], size[8], size[9], size[10]);
    kernel->run.max_pool_u8(&k);
    calls++;
    check_kept(&rooms[1]);
    for (size_t i = 0; i < out; i++) {
        const size_t c = i % size[2], ox = i / size[2] % size[4], oy = i / size[2] / size[4];
        int most = -1;
        for (size_t iy = 0; iy < size[0]; iy++)
            for (size_t ix = 0; ix < size[1]; ix++) {
                const size_t py = iy + size[9], px = ix + size[10], value = x[(iy * size[1] + ix) * size[2] + c];
                if (py >= oy * size[7] && py < oy * size[7] + size[5] && px >= ox * size[8] &&
                    px < ox * size[8] + size[6] && (int)value > most)
                    most = (int)value;
            }
        if (k.y[i] != (most < 0 ? k.zero : most))
            fail_msg("%s: element %zu is %u, wanted %d", where, i, k.y[i], most < 0 ? k.zero : most);
    }
    free(x);
}

static void pool(const ink_kernel *kernel)
{
    static const size_t most[11] = { 9, 9, 70, 4, 4, 4, 4, 3, 3, 3, 3 };
    uint64_t random = 6;
    rooms_make(ROOM_MOST);
    for (size_t n = 0; n < 1500; n++) {
        size_t size[11];
        for (size_t i = 0; i < 11; i++)
            size[i] = check_random_size(&random, i < 7 && i != 3 && i != 4 ? 1 : 0, most[i]);
        if (n <= MOST)
            size[2] = n;
        pool_check(kernel, &random, size, n % CHECK_PLACES);
    }
    rooms_free();
}

static void max_pool_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_max_pool_u8, pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(igemm_kernels),
        cmocka_unit_test(igemm_packs),
        cmocka_unit_test(quantize_kernels),
        cmocka_unit_test(max_pool_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
