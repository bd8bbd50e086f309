/* The kernels of training: as test_kernels.c does it. Sums of n products are bounded by
 * gamma(n + 1) * sum |a * b|, what is added to included. */
#include "check_kernels.h"

/* Three of four elements are 0, as in a picture. */
static float *sparse_floats(uint64_t *random, size_t count)
{
    float *values = check_random_floats(random, count);
    for (size_t i = 0; i < count; i++)
        if (test_random(random) >> 62)
            values[i] = 0;
    return values;
}

/* ---- wgrad ---- */

static void wgrad_check(const ink_kernel *kernel, uint64_t *random, size_t rows, size_t columns,
                        size_t points, bool offsets)
{
    const check_place place = (rows + columns + points) % CHECK_PLACES;
    const size_t stride = rows + points % 3, g_stride = columns + rows % 4, y_stride = columns + points % 4;
    const size_t x_size = rows + (points ? points - 1 : 0) * stride;
    const size_t g_size = points ? (points - 1) * g_stride + columns : 0;
    const size_t y_size = rows ? (rows - 1) * y_stride + columns : 0;
    float *x = check_random_floats(random, x_size), *g = check_random_floats(random, g_size);
    float *before = check_random_floats(random, y_size);
    uint32_t *row_offset = calloc(rows + 1, sizeof *row_offset);
    uint32_t *point_offset = calloc(points + 1, sizeof *point_offset);
    assert_true(row_offset && point_offset);
    for (size_t r = 0; r < rows; r++)
        row_offset[r] = (uint32_t)(rows - 1 - r); /* another order than without a table */
    for (size_t p = 0; p < points; p++)
        point_offset[p] = (uint32_t)((points - 1 - p) * stride);
    float *y = check_room_copy(&rooms[0], before, y_size * sizeof *y, place);
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns, %zu points, place %d", kernel->name, rows,
             columns, points, (int)place);
    kernel->run.wgrad_f32(&(ink_wgrad_f32){
        rows, columns, points, check_room_copy(&rooms[1], x, x_size * sizeof *x, place),
        offsets ? check_room_copy(&rooms[3], row_offset, rows * sizeof *row_offset, place) : NULL,
        offsets ? check_room_copy(&rooms[4], point_offset, points * sizeof *point_offset, place) : NULL,
        stride, check_room_copy(&rooms[2], g, g_size * sizeof *g, place), g_stride, y, y_stride });
    calls++;
    check_kept(&rooms[0]);
    for (size_t i = 0; i < y_size; i++) {
        const size_t r = i / y_stride, c = i % y_stride;
        double sum = before[i], size = fabs((double)before[i]);
        if (c >= columns) {
            check_same(y[i], before[i], i); /* between the rows */
            continue;
        }
        for (size_t p = 0; p < points; p++) {
            const size_t at = offsets ? row_offset[r] + point_offset[p] : r + p * stride;
            sum += (double)x[at] * (double)g[p * g_stride + c];
            size += fabs((double)x[at] * (double)g[p * g_stride + c]);
        }
        check_value(y[i], sum, check_gamma((double)points + 2) * size + CHECK_TINY, i);
    }
    free(x);
    free(g);
    free(before);
    free(row_offset);
    free(point_offset);
}

static void wgrad(const ink_kernel *kernel)
{
    static const size_t edges[] = { 1, 5, 6, 7, 13 }, columns[] = { 1, 7, 8, 9, 15, 16, 17, 33 };
    uint64_t random = 11;
    rooms_make(MOST * 64 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++) {
        wgrad_check(kernel, &random, n, columns[n % CHECK_COUNT(columns)], edges[n % CHECK_COUNT(edges)], n % 2);
        wgrad_check(kernel, &random, edges[n % CHECK_COUNT(edges)], n, 3, n / 2 % 2);
        wgrad_check(kernel, &random, edges[n % CHECK_COUNT(edges)], columns[n % CHECK_COUNT(columns)], n, n % 2);
    }
    for (size_t r = 0; r < 14; r++)
        for (size_t c = 0; c < 35; c++)
            wgrad_check(kernel, &random, r, c, 4, (r + c) % 2);
    rooms_free();
}

/* ---- dense layers on zeros and ink ---- */

static void sparse_dense_check(const ink_kernel *kernel, uint64_t *random, size_t rows, size_t columns,
                               size_t depth, float slope)
{
    const check_place place = (rows + columns + depth) % CHECK_PLACES;
    const size_t group = 1 + (rows + depth) % INK_SPARSE_GROUP, lists = group * INK_SPARSE_STRIDE(depth);
    const size_t padded = (columns + kernel->tile - 1) / kernel->tile * kernel->tile;
    float *x = sparse_floats(random, rows * depth), *w = check_random_floats(random, columns * depth);
    float *bias = check_random_floats(random, padded);
    float *packed = calloc(padded * depth + 1, sizeof *packed);
    assert_non_null(packed);
    for (size_t c = columns; c < padded; c++)
        bias[c] = 0;
    ink_igemm_pack(packed, kernel->tile, columns, 1, depth, w, depth, 0, 1);
    float *y = check_room_take(&rooms[0], rows * columns * sizeof *y, place);
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns, depth %zu, place %d", kernel->name, rows,
             columns, depth, (int)place);
    kernel->run.sparse_dense_f32(&(ink_sparse_dense_f32){
        rows, columns, depth, group, check_room_copy(&rooms[1], x, rows * depth * sizeof *x, place),
        check_room_copy(&rooms[2], packed, padded * depth * sizeof *packed, place),
        check_room_copy(&rooms[3], bias, padded * sizeof *bias, place), slope, y,
        check_room_take(&rooms[4], lists * sizeof(uint32_t), place),
        check_room_take(&rooms[5], lists * sizeof(float), place) });
    calls++;
    check_kept(&rooms[0]);
    check_kept(&rooms[4]);
    check_kept(&rooms[5]);
    for (size_t i = 0; i < rows * columns; i++) {
        double sum = bias[i % columns], size = fabs(sum);
        for (size_t k = 0; k < depth; k++) {
            sum += (double)x[i / columns * depth + k] * (double)w[i % columns * depth + k];
            size += fabs((double)x[i / columns * depth + k] * (double)w[i % columns * depth + k]);
        }
        check_value(y[i], sum > 0 ? sum : sum * (double)slope,
                    check_gamma((double)depth + 3) * size + CHECK_TINY, i);
    }
    free(x);
    free(w);
    free(bias);
    free(packed);
}

static void sparse_dense(const ink_kernel *kernel)
{
    static const size_t columns[] = { 1, 7, 16, 17, 48, 63, 64, 65, 80 };
    static const float slopes[] = { 0, 0.2f, 1 };
    uint64_t random = 12;
    rooms_make(MOST * 320 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++) {
        sparse_dense_check(kernel, &random, 2, n, 9, slopes[n % 3]);
        sparse_dense_check(kernel, &random, 3, columns[n % CHECK_COUNT(columns)], n, slopes[n % 3]);
        sparse_dense_check(kernel, &random, n, columns[n % CHECK_COUNT(columns)], 5, slopes[n % 3]);
    }
    rooms_free();
    rooms_make(128 * 9000 * sizeof(float)); /* so many inputs that they go in as many parts as there may be */
    sparse_dense_check(kernel, &random, 5, 100, 9000, 0);
    rooms_free();
}

static void sparse_wgrad_check(const ink_kernel *kernel, uint64_t *random, size_t points, size_t depth,
                               size_t columns)
{
    const check_place place = (points + depth + columns) % CHECK_PLACES;
    float *x = sparse_floats(random, points * depth), *g = check_random_floats(random, points * columns);
    float *y = check_room_take(&rooms[0], depth * columns * sizeof *y, place);
    snprintf(where, sizeof where, "%s: %zu points, depth %zu, %zu columns, place %d", kernel->name,
             points, depth, columns, (int)place);
    kernel->run.sparse_wgrad_f32(&(ink_sparse_wgrad_f32){
        points, depth, columns, check_room_copy(&rooms[1], x, points * depth * sizeof *x, place),
        check_room_copy(&rooms[2], g, points * columns * sizeof *g, place), y,
        check_room_take(&rooms[3], (depth + 1) * sizeof(uint32_t), place),
        check_room_take(&rooms[4], points * depth * sizeof(uint32_t), place),
        check_room_take(&rooms[5], points * depth * sizeof(float), place) });
    calls++;
    for (size_t i = 0; i < CHECK_COUNT(rooms); i++)
        if (i == 0 || i > 2)
            check_kept(&rooms[i]);
    for (size_t i = 0; i < depth * columns; i++) {
        double sum = 0, size = 0;
        for (size_t p = 0; p < points; p++) {
            const double term = (double)x[p * depth + i / columns] * (double)g[p * columns + i % columns];
            sum += term;
            size += fabs(term);
        }
        check_value(y[i], sum, check_gamma((double)points + 2) * size + CHECK_TINY, i);
    }
    free(x);
    free(g);
}

static void sparse_wgrad(const ink_kernel *kernel)
{
    static const size_t columns[] = { 1, 8, 9, 63, 64, 65, 72, 130 };
    uint64_t random = 13;
    rooms_make(MOST * 160 * sizeof(float));
    sparse_wgrad_check(kernel, &random, 3, 700, 5); /* lists are made in pieces of 256 */
    for (size_t n = 0; n <= MOST; n++) {
        sparse_wgrad_check(kernel, &random, 4, 3, n);
        sparse_wgrad_check(kernel, &random, 5, n, columns[n % CHECK_COUNT(columns)]);
        sparse_wgrad_check(kernel, &random, n, 4, columns[n % CHECK_COUNT(columns)]);
    }
    rooms_free();
}

/* ---- gradients of pools ---- */

static void pool_grad_check(const ink_kernel *kernel, uint64_t *random, const ink_pool_f32 *p)
{
    const bool max = kernel->op == INK_KERNEL_max_pool_grad_f32;
    const size_t in = p->height * p->width * p->channels, out = p->out_height * p->out_width * p->channels;
    const check_place place = (in + out) % CHECK_PLACES;
    float *x = check_random_floats(random, in), *dy = check_random_floats(random, out);
    double *want = calloc(in + 1, sizeof *want), *size = calloc(in + 1, sizeof *size);
    float *y = calloc(out + 1, sizeof *y);
    assert_true(want && size && y);
    for (size_t i = 0; i < in; i++)
        if (test_random(random) >> 62 == 0)
            x[i] = 0.5f; /* so that some are equal: the first takes the gradient */
    for (size_t o = 0; o < out; o++) {
        const size_t c = o % p->channels, ox = o / p->channels % p->out_width, oy = o / p->channels / p->out_width;
        size_t best = SIZE_MAX, count = 0, padded = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t a = 0; a < p->kernel_height; a++)
                for (size_t b = 0; b < p->kernel_width; b++) {
                    const size_t yy = oy * p->stride_height + a, xx = ox * p->stride_width + b;
                    const bool inside = yy >= p->pad_top && yy < p->pad_top + p->height &&
                                        xx >= p->pad_left && xx < p->pad_left + p->width;
                    const size_t i = inside ? ((yy - p->pad_top) * p->width + xx - p->pad_left) * p->channels + c : 0;
                    if (pass == 0) {
                        padded += yy < p->pad_top + p->height + p->pad_bottom &&
                                  xx < p->pad_left + p->width + p->pad_right;
                        count += inside;
                        if (inside && (best == SIZE_MAX || x[i] > x[best]))
                            best = i;
                    } else if (inside && !max) {
                        const double share = (double)dy[o] / (double)(p->count_padding ? padded : count);
                        want[i] += share;
                        size[i] += fabs(share);
                    }
                }
        if (best != SIZE_MAX) {
            y[o] = x[best];
            if (max) {
                want[best] += (double)dy[o];
                size[best] += fabs((double)dy[o]);
            }
        }
    }
    float *dx = check_room_take(&rooms[0], in * sizeof *dx, place);
    const ink_pool_grad_f32 arguments = { *p, check_room_copy(&rooms[1], x, in * sizeof *x, place),
                                          check_room_copy(&rooms[2], y, out * sizeof *y, place),
                                          check_room_copy(&rooms[3], dy, out * sizeof *dy, place), dx };
    snprintf(where, sizeof where, "%s: %zux%zux%zu, kernel %zux%zu, place %d", kernel->name, p->channels,
             p->height, p->width, p->kernel_height, p->kernel_width, (int)place);
    if (max)
        kernel->run.max_pool_grad_f32(&arguments);
    else
        kernel->run.avg_pool_grad_f32(&arguments);
    calls++;
    check_kept(&rooms[0]);
    /* Each element gets at most a gradient a tap, and a share of it is rounded twice more. */
    for (size_t i = 0; i < in; i++)
        check_value(dx[i], want[i],
                    check_gamma((double)(p->kernel_height * p->kernel_width) + 3) * size[i] + CHECK_TINY, i);
    free(x);
    free(dy);
    free(want);
    free(size);
    free(y);
}

static void pool_grad(const ink_kernel *kernel)
{
    uint64_t random = 14;
    rooms_make(MOST * 100 * sizeof(float));
    for (size_t channels = 0; channels <= MOST; channels++) {
        ink_pool_f32 p = { .height = 4, .width = 5, .channels = channels, .kernel_height = 2,
                           .kernel_width = 2, .stride_height = 2, .stride_width = 2, .out_height = 2,
                           .out_width = 2 };
        pool_grad_check(kernel, &random, &p);
    }
    for (int i = 0; i < 400; i++) {
        ink_pool_f32 p = { .height = check_random_size(&random, 1, 9), .width = check_random_size(&random, 1, 9),
                           .channels = check_random_size(&random, 1, 70),
                           .kernel_height = check_random_size(&random, 1, 4),
                           .kernel_width = check_random_size(&random, 1, 4),
                           .stride_height = check_random_size(&random, 1, 3),
                           .stride_width = check_random_size(&random, 1, 3),
                           .count_padding = test_random(&random) >> 63 };
        p.pad_top = check_random_size(&random, 0, p.kernel_height - 1);
        p.pad_left = check_random_size(&random, 0, p.kernel_width - 1);
        p.pad_bottom = check_random_size(&random, 0, p.kernel_height - 1);
        p.pad_right = check_random_size(&random, 0, p.kernel_width - 1);
        if (p.height + p.pad_top + p.pad_bottom < p.kernel_height ||
            p.width + p.pad_left + p.pad_right < p.kernel_width)
            continue;
        p.out_height = (p.height + p.pad_top + p.pad_bottom - p.kernel_height) / p.stride_height + 1;
        p.out_width = (p.width + p.pad_left + p.pad_right - p.kernel_width) / p.stride_width + 1;
        pool_grad_check(kernel, &random, &p);
    }
    rooms_free();
}

/* ---- max-pools that remember ---- */

/* `taken` gets the element that each output came from; `remembered` what the kernel wrote. */
static void pool_arg_check(const ink_kernel *kernel, uint64_t *random, ink_pool_f32 p, float slope,
                           size_t *taken, uint8_t *remembered)
{
    const size_t in = p.height * p.width * p.channels, out = p.out_height * p.out_width * p.channels;
    const check_place place = (in + out) % CHECK_PLACES;
    float *x = check_random_floats(random, in);
    for (size_t i = 0; i < in; i++)
        if (test_random(random) >> 62 == 0)
            x[i] = 0.5f; /* of equal ones the first is remembered */
    p.x = check_room_copy(&rooms[0], x, in * sizeof *x, place);
    p.y = check_room_take(&rooms[1], out * sizeof *p.y, place);
    uint8_t *arg = check_room_take(&rooms[2], out, place);
    snprintf(where, sizeof where, "%s: %zux%zux%zu, kernel %zux%zu, place %d", kernel->name, p.channels, p.height,
             p.width, p.kernel_height, p.kernel_width, (int)place);
    kernel->run.max_pool_arg_f32(&(ink_max_pool_arg_f32){ p, slope, arg });
    calls++;
    check_kept(&rooms[1]);
    check_kept(&rooms[2]);
    memcpy(remembered, arg, out);
    for (size_t o = 0; o < out; o++) {
        const size_t c = o % p.channels, ox = o / p.channels % p.out_width, oy = o / p.channels / p.out_width;
        size_t best = SIZE_MAX, tap = 0;
        for (size_t t = 0; t < p.kernel_height * p.kernel_width; t++) {
            const size_t yy = oy * p.stride_height + t / p.kernel_width, xx = ox * p.stride_width + t % p.kernel_width;
            if (yy < p.pad_top || yy >= p.pad_top + p.height || xx < p.pad_left || xx >= p.pad_left + p.width)
                continue;
            const size_t i = ((yy - p.pad_top) * p.width + xx - p.pad_left) * p.channels + c;
            if (best == SIZE_MAX || x[i] > x[best]) {
                best = i;
                tap = t;
            }
        }
        check_same(p.y[o], x[best] > 0 ? x[best] : slope * x[best], o);
        if (arg[o] != tap)
            fail_msg("%s: element %zu is tap %d, wanted %zu", where, o, arg[o], tap);
        taken[o] = best;
    }
    free(x);
}

/* What max_pool_arg remembered takes each gradient back to where its output came from. */
static void unpool_check(const ink_kernel *kernel, uint64_t *random, const ink_pool_f32 *p)
{
    const size_t in = p->height * p->width * p->channels, out = p->out_height * p->out_width * p->channels;
    const check_place place = (in + out) % CHECK_PLACES;
    size_t *taken = calloc(out + 1, sizeof *taken);
    double *want = calloc(in + 1, sizeof *want), *size = calloc(in + 1, sizeof *size);
    uint8_t *arg = calloc(out + 1, 1);
    assert_true(taken && want && size && arg);
    pool_arg_check(ink_kernel_find(INK_KERNEL_max_pool_arg_f32, INK_CPU_SCALAR), random, *p, 1, taken, arg);
    float *dy = check_random_floats(random, out), *dx = check_room_take(&rooms[0], in * sizeof *dx, place);
    for (size_t o = 0; o < out; o++) {
        want[taken[o]] += (double)dy[o];
        size[taken[o]] += fabs((double)dy[o]);
    }
    kernel->run.max_unpool_f32(&(ink_max_unpool_f32){ *p, check_room_copy(&rooms[1], arg, out, place),
                                                      check_room_copy(&rooms[2], dy, out * sizeof *dy, place), dx });
    calls++;
    check_kept(&rooms[0]);
    for (size_t i = 0; i < in; i++)
        check_value(dx[i], want[i], check_gamma((double)(p->kernel_height * p->kernel_width)) * size[i] + CHECK_TINY,
                    i);
    free(taken);
    free(want);
    free(size);
    free(arg);
    free(dy);
}

static void pool_arg_either(const ink_kernel *kernel, uint64_t *random, const ink_pool_f32 *p, float slope)
{
    enum { MOST_OUT = 81 * 301 };
    static size_t taken[MOST_OUT];
    static uint8_t arg[MOST_OUT];
    if (kernel->op == INK_KERNEL_max_pool_arg_f32)
        pool_arg_check(kernel, random, *p, slope, taken, arg);
    else
        unpool_check(kernel, random, p);
}

static void pool_arg(const ink_kernel *kernel)
{
    static const float slopes[] = { 0, 0.2f, 1 };
    uint64_t random = 16;
    rooms_make(MOST * 100 * sizeof(float));
    for (size_t channels = 0; channels <= MOST; channels++)
        pool_arg_either(kernel, &random, &(ink_pool_f32){ .height = 4, .width = 5, .channels = channels,
                                                          .kernel_height = 2, .kernel_width = 2,
                                                          .stride_height = 2, .stride_width = 2,
                                                          .out_height = 2, .out_width = 2 }, slopes[channels % 3]);
    for (int i = 0; i < 400; i++) {
        ink_pool_f32 p = { .height = check_random_size(&random, 1, 9), .width = check_random_size(&random, 1, 9),
                           .channels = check_random_size(&random, 1, 70),
                           .kernel_height = check_random_size(&random, 1, 4),
                           .kernel_width = check_random_size(&random, 1, 4),
                           .stride_height = check_random_size(&random, 1, 3),
                           .stride_width = check_random_size(&random, 1, 3) };
        p.pad_top = check_random_size(&random, 0, p.kernel_height - 1);
        p.pad_left = check_random_size(&random, 0, p.kernel_width - 1);
        if (p.height + p.pad_top < p.kernel_height || p.width + p.pad_left < p.kernel_width)
            continue;
        p.out_height = (p.height + p.pad_top - p.kernel_height) / p.stride_height + 1;
        p.out_width = (p.width + p.pad_left - p.kernel_width) / p.stride_width + 1;
        pool_arg_either(kernel, &random, &p, slopes[i % 3]);
    }
    rooms_free();
}

/* ---- relu's gradient ---- */

static void relu_grad(const ink_kernel *kernel)
{
    static const float slopes[] = { 0, 0.2f, 1 };
    uint64_t random = 18;
    rooms_make(MOST * sizeof(float));
    for (size_t size = 0; size <= MOST; size++) {
        const check_place place = size % CHECK_PLACES;
        const float slope = slopes[size % 3];
        float *y = check_random_floats(&random, size), *before = check_random_floats(&random, size);
        for (size_t i = 0; i < size; i += 5)
            y[i] = 0;
        float *dy = check_room_copy(&rooms[0], before, size * sizeof *dy, place);
        snprintf(where, sizeof where, "%s: size %zu, place %d", kernel->name, size, (int)place);
        kernel->run.relu_grad_f32(&(ink_relu_grad_f32){
            size, slope, check_room_copy(&rooms[1], y, size * sizeof *y, place), dy });
        calls++;
        check_kept(&rooms[0]);
        for (size_t i = 0; i < size; i++)
            check_same(dy[i], y[i] > 0 ? before[i] : slope * before[i], i);
        free(y);
        free(before);
    }
    rooms_free();
}

/* ---- sums of rows ---- */

static void sparse_rows_check(const ink_kernel *kernel, uint64_t *random, size_t count, size_t runs, size_t run)
{
    const check_place place = (count + runs + run) % CHECK_PLACES;
    const size_t x_stride = run + count % 3, y_stride = run + count % 4, rows = 5;
    const size_t x_size = rows + (runs ? (runs - 1) * x_stride : 0) + run;
    const size_t y_size = runs ? (runs - 1) * y_stride + run : 0;
    float *x = check_random_floats(random, x_size), *value = check_random_floats(random, count);
    float *before = check_random_floats(random, y_size);
    uint32_t *offset = calloc(count + 1, sizeof *offset);
    assert_non_null(offset);
    for (size_t n = 0; n < count; n++)
        offset[n] = (uint32_t)((n * 7) % (rows + 1));
    float *y = check_room_copy(&rooms[0], before, y_size * sizeof *y, place);
    snprintf(where, sizeof where, "%s: %zu rows of %zu runs of %zu, place %d", kernel->name, count, runs, run,
             (int)place);
    kernel->run.sparse_rows_f32(&(ink_sparse_rows_f32){
        count, check_room_copy(&rooms[1], offset, count * sizeof *offset, place),
        check_room_copy(&rooms[2], value, count * sizeof *value, place), runs, run,
        check_room_copy(&rooms[3], x, x_size * sizeof *x, place), x_stride, y, y_stride });
    calls++;
    check_kept(&rooms[0]);
    for (size_t i = 0; i < y_size; i++) {
        const size_t r = i / y_stride, c = i % y_stride;
        double sum = before[i], size = fabs((double)before[i]);
        if (c >= run) {
            check_same(y[i], before[i], i);
            continue;
        }
        for (size_t n = 0; n < count; n++) {
            const double term = (double)value[n] * (double)x[offset[n] + r * x_stride + c];
            sum += term;
            size += fabs(term);
        }
        check_value(y[i], sum, check_gamma((double)count + 2) * size + CHECK_TINY, i);
    }
    free(x);
    free(value);
    free(before);
    free(offset);
}

static void sparse_rows(const ink_kernel *kernel)
{
    static const size_t runs[] = { 1, 7, 8, 9, 15, 16, 17, 24, 47, 48, 96, 97, 120, 192 };
    uint64_t random = 17;
    rooms_make(MOST * 20 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++) {
        sparse_rows_check(kernel, &random, n, 1 + n % 3, runs[n % CHECK_COUNT(runs)]);
        sparse_rows_check(kernel, &random, 5, 3, n);
        sparse_rows_check(kernel, &random, 3, n % 20, 9);
    }
    rooms_free();
}

/* ---- batch norm ---- */

static void column_sums_check(const ink_kernel *kernel, uint64_t *random, size_t rows, size_t columns, bool product)
{
    const check_place place = (rows + columns) % CHECK_PLACES;
    const size_t size = rows * columns;
    float *dy = check_random_floats(random, size), *x = check_random_floats(random, size);
    float *mean = check_random_floats(random, columns), *inverse = check_random_floats(random, columns);
    double *sums = check_room_take(&rooms[0], columns * sizeof *sums, place == 1 ? 0 : place);
    double *products = check_room_take(&rooms[1], columns * sizeof *products, place == 1 ? 0 : place);
    for (size_t c = 0; c < columns; c++)
        sums[c] = products[c] = 2;
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns, place %d", kernel->name, rows, columns, (int)place);
    kernel->run.column_sums_f32(&(ink_column_sums_f32){
        rows, columns, check_room_copy(&rooms[2], dy, size * sizeof *dy, place),
        product ? check_room_copy(&rooms[3], x, size * sizeof *x, place) : NULL,
        check_room_copy(&rooms[4], mean, columns * sizeof *mean, place),
        check_room_copy(&rooms[5], inverse, columns * sizeof *inverse, place), sums, products });
    calls++;
    check_kept(&rooms[0]);
    check_kept(&rooms[1]);
    for (size_t c = 0; c < columns; c++) {
        double sum = 2, sum_size = 2, square = 2, square_size = 2;
        for (size_t i = c; i < size; i += columns) {
            const double term = (double)dy[i] * ((double)x[i] - (double)mean[c]) * (double)inverse[c];
            sum += (double)dy[i];
            sum_size += fabs((double)dy[i]);
            square += product ? term : 0;
            square_size += fabs((double)dy[i]) * (fabs((double)x[i]) + fabs((double)mean[c])) *
                           fabs((double)inverse[c]);
        }
        check_value((float)sums[c], sum, check_gamma(INK_SUM_ROWS + 1) * sum_size, c);
        check_value((float)products[c], square, check_gamma(INK_SUM_ROWS + 4) * square_size, c);
    }
    free(dy);
    free(x);
    free(mean);
    free(inverse);
}

static void column_sums(const ink_kernel *kernel)
{
    static const size_t columns[] = { 1, 7, 8, 9, 31, 32, 33 };
    uint64_t random = 19;
    rooms_make(MOST * 64 * sizeof(double));
    for (size_t n = 0; n <= MOST; n++) {
        column_sums_check(kernel, &random, n, columns[n % CHECK_COUNT(columns)], n % 3);
        column_sums_check(kernel, &random, 3, n, n % 3);
    }
    rooms_free();
}

static void norm_check(const ink_kernel *kernel, uint64_t *random, size_t rows, size_t columns, bool gradient)
{
    const check_place place = (rows + columns) % CHECK_PLACES;
    const size_t size = rows * columns, bytes = columns * sizeof(float);
    float *dy = check_random_floats(random, size), *x = check_random_floats(random, size);
    float *factors = check_random_floats(random, 4 * columns), *y = check_room_take(&rooms[0], size * sizeof *y, place);
    const float *a = factors, *b = a + columns, *d = b + columns, *mean = d + columns;
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns, place %d", kernel->name, rows, columns, (int)place);
    kernel->run.norm_f32(&(ink_norm_f32){
        rows, columns, check_room_copy(&rooms[1], x, size * sizeof *x, place),
        check_room_copy(&rooms[2], mean, bytes, place), check_room_copy(&rooms[3], b, bytes, place),
        check_room_copy(&rooms[4], d, bytes, place),
        gradient ? check_room_copy(&rooms[5], dy, size * sizeof *dy, place) : NULL, gradient ? a : NULL, y });
    calls++;
    check_kept(&rooms[0]);
    for (size_t i = 0; i < size; i++) {
        const size_t c = i % columns;
        const double one = gradient ? (double)dy[i] * (double)a[c] : 0;
        const double two = ((double)x[i] - (double)mean[c]) * (double)b[c];
        check_value(y[i], one + two + (double)d[c],
                    check_gamma(5) * (fabs(one) + fabs(two) + fabs((double)d[c])) + CHECK_TINY, i);
    }
    free(dy);
    free(x);
    free(factors);
}

static void norm(const ink_kernel *kernel)
{
    static const size_t columns[] = { 1, 7, 8, 9, 31, 32, 33 };
    uint64_t random = 20;
    rooms_make(MOST * 64 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++) {
        norm_check(kernel, &random, n, columns[n % CHECK_COUNT(columns)], n % 2);
        norm_check(kernel, &random, 3, n, n % 2);
    }
    rooms_free();
}

/* ---- adam: the textbook's formula in double ---- */

static void adam(const ink_kernel *kernel)
{
    const ink_adam_f32 settings = { .rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f,
                                    .decay = 0.1f, .l2 = 0.05f, .scale = 0.5f, .correction1 = 0.271f,
                                    .correction2 = 0.002997f };
    uint64_t random = 15;
    rooms_make(MOST * sizeof(float));
    for (size_t size = 0; size <= MOST; size++) {
        const check_place place = size % CHECK_PLACES;
        float *g = check_random_floats(&random, size), *w = check_random_floats(&random, size);
        float *m = check_random_floats(&random, size), *v = check_random_floats(&random, size);
        for (size_t i = 0; i < size; i++)
            v[i] = v[i] * v[i];
        ink_adam_f32 k = settings;
        k.size = size;
        k.gradient = check_room_copy(&rooms[0], g, size * sizeof *g, place);
        k.weight = check_room_copy(&rooms[1], w, size * sizeof *w, place);
        k.first = check_room_copy(&rooms[2], m, size * sizeof *m, place);
        k.second = check_room_copy(&rooms[3], v, size * sizeof *v, place);
        snprintf(where, sizeof where, "%s: size %zu, place %d", kernel->name, size, (int)place);
        kernel->run.adam_f32(&k);
        calls++;
        for (size_t i = 1; i < 4; i++)
            check_kept(&rooms[i]);
        for (size_t i = 0; i < size; i++) {
            const double gradient = (double)g[i] * (double)k.scale + (double)k.l2 * (double)w[i];
            const double first = (double)k.beta1 * (double)m[i] + (1 - (double)k.beta1) * gradient;
            const double second = (double)k.beta2 * (double)v[i] + (1 - (double)k.beta2) * gradient * gradient;
            const double step = (double)k.rate * (first / (double)k.correction1) /
                                (sqrt(second / (double)k.correction2) + (double)k.epsilon);
            const double want = (double)w[i] * (1 - (double)k.rate * (double)k.decay) - step;
            /* 1 - beta2 is a float that has lost 10 bits of the decimal 0.001, so it is taken as a float
             * here too, by its bound: 2^-24 / 0.001 of the term. */
            const double terms = fabs((double)k.beta1 * (double)m[i]) + fabs(gradient);
            check_value(k.first[i], first, check_gamma(6) * terms + CHECK_TINY, i);
            check_value(k.second[i], second,
                        check_gamma(6) * second + CHECK_UNIT * gradient * gradient + CHECK_TINY, i);
            const double slack = (double)k.rate / (double)k.correction1 * terms * check_gamma(6) /
                                 sqrt(second / (double)k.correction2);
            check_value(k.weight[i], want,
                        check_gamma(6) * fabs((double)w[i]) + fabs(step) * (check_gamma(16) + 1e-4 * CHECK_UNIT / 1e-3) +
                            slack + CHECK_TINY, i);
        }
        free(g);
        free(w);
        free(m);
        free(v);
    }
    rooms_free();
}

static void wgrad_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_wgrad_f32, wgrad);
}

static void sparse_dense_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_sparse_dense_f32, sparse_dense);
}

static void sparse_wgrad_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_sparse_wgrad_f32, sparse_wgrad);
}

static void pool_grad_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_max_pool_grad_f32, pool_grad);
    each_kernel(INK_KERNEL_avg_pool_grad_f32, pool_grad);
}

static void pool_arg_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_max_pool_arg_f32, pool_arg);
    each_kernel(INK_KERNEL_max_unpool_f32, pool_arg);
}

static void relu_grad_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_relu_grad_f32, relu_grad);
}

static void sparse_rows_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_sparse_rows_f32, sparse_rows);
}

static void norm_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_column_sums_f32, column_sums);
    each_kernel(INK_KERNEL_norm_f32, norm);
}

static void adam_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_adam_f32, adam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wgrad_kernels),       cmocka_unit_test(sparse_dense_kernels),
        cmocka_unit_test(sparse_wgrad_kernels), cmocka_unit_test(pool_grad_kernels),
        cmocka_unit_test(pool_arg_kernels),    cmocka_unit_test(sparse_rows_kernels),
        cmocka_unit_test(relu_grad_kernels),   cmocka_unit_test(norm_kernels),
        cmocka_unit_test(adam_kernels),
    };
    return cmocka_run_group_tests_name("kernels of training", tests, NULL, NULL);
}
