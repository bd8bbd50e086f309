/* Winograd's convolution: its kernels against their formulas, and the whole against a plain loop in double.
 *
 * A transform's value is a sum of a few inputs, to gamma of its additions in a row. The whole is checked on small integers:
 * by F(2x2, 3x3) the transforms of weights give quarters, and no sum needs more than 24 bits, so it must be exact. By
 * the others the bound of whole_bound holds. */
#include "check_cpus.h"
#include "check_kernels.h"
#include "check_winograd.h"

#include "ops/winograd.h"

static const winograd_way *way_of(ink_kernel_op op)
{
    switch (op) {
    case INK_KERNEL_winograd4_in_f32:
    case INK_KERNEL_winograd4_out_f32:
    case INK_KERNEL_winograd4_weights_f32: return &winograd_ways[1];
    case INK_KERNEL_winograd5_out_f32:
    case INK_KERNEL_winograd5_weights_f32: return &winograd_ways[2];
    default: return &winograd_ways[0];
    }
}

/* ---- the kernels ---- */

static void in_check(const ink_kernel *kernel, uint64_t *random, size_t tiles, size_t channels)
{
    const check_place place = (tiles + channels) % CHECK_PLACES;
    const winograd_way *m = way_of(kernel->op);
    const size_t side = m->side, row = (tiles + side) * channels, x_size = tiles ? side * row : 0;
    const size_t v_size = side * side * tiles * channels;
    float *x = check_random_floats(random, x_size);
    uint32_t *offset = calloc(tiles + 1, sizeof *offset);
    assert_non_null(offset);
    for (size_t t = 0; t < tiles; t++)
        offset[t] = (uint32_t)((tiles - 1 - t) * channels);
    float *v = check_room_take(&rooms[0], v_size * sizeof *v, place);
    snprintf(where, sizeof where, "%s: %zu tiles, %zu channels, place %d", kernel->name, tiles, channels, (int)place);
    kernel->run.winograd_in_f32(&(ink_winograd_in_f32){
        tiles, channels, check_room_copy(&rooms[1], offset, tiles * sizeof *offset, place),
        check_room_copy(&rooms[2], x, x_size * sizeof *x, place), row, v, tiles * channels });
    calls++;
    check_kept(&rooms[0]);
    for (size_t at = 0; at < v_size; at++) {
        const size_t point = at / (tiles * channels), t = at / channels % tiles, c = at % channels;
        double sum = 0, size = 0;
        for (size_t y = 0; y < side; y++)
            for (size_t k = 0; k < side; k++) {
                const double term = m->in[point / side][y] * m->in[point % side][k] *
                                    (double)x[offset[t] + y * row + k * channels + c];
                sum += term;
                size += fabs(term);
            }
        check_value(v[at], sum, check_gamma(2 * (double)m->in_steps + 2) * size + CHECK_TINY, at);
    }
    free(x);
    free(offset);
}

/* Sum and size of output i, k of a tile before the slope. */
static double out_sum(const winograd_way *way, const float *m, const float *bias, size_t tiles, size_t channels, size_t t,
                      size_t c, size_t i, size_t k, double *size)
{
    double sum = bias[c];
    *size = fabs(sum);
    for (size_t point = 0; point < way->side * way->side; point++) {
        const double term = way->out[i][point / way->side] * way->out[k][point % way->side] *
                            (double)m[(point * tiles + t) * channels + c];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* A tile's outputs, or the largest of each 2x2 of them, whose error is at most the largest of theirs; of tiles that reach
 * over an edge only those inside. */
static void out_check(const ink_kernel *kernel, uint64_t *random, size_t tiles, size_t channels, float slope, bool pooled)
{
    const winograd_way *way = way_of(kernel->op);
    const check_place place = (tiles + channels) % CHECK_PLACES;
    const size_t step = pooled ? 2 : 1, high = way->tile / step, row = (high * tiles + 1) * channels;
    const size_t y_size = tiles ? high * row : 0, m_size = way->side * way->side * tiles * channels;
    float *m = check_random_floats(random, m_size), *bias = check_random_floats(random, channels);
    float *before = check_random_floats(random, y_size);
    uint32_t *offset = calloc(tiles + 1, sizeof *offset);
    uint8_t *inside = calloc(tiles + 1, 1);
    assert_true(offset && inside);
    for (size_t t = 0; t < tiles; t++) {
        offset[t] = (uint32_t)(t * high * channels);
        inside[t] = (uint8_t)(step * (t % high + 1) | 16 * step * (t / high % high + 1));
    }
    float *y = check_room_copy(&rooms[0], before, y_size * sizeof *y, place);
    snprintf(where, sizeof where, "%s%s: %zu tiles, %zu channels, place %d", kernel->name, pooled ? ", pooled" : "", tiles,
             channels, (int)place);
    const ink_winograd_out_f32 call = {
        tiles, channels, offset, inside, check_room_copy(&rooms[1], m, m_size * sizeof *m, place), tiles * channels,
        check_room_copy(&rooms[2], bias, channels * sizeof *bias, place), slope, y, row, pooled };
    kernel->run.winograd_out_f32(&call);
    calls++;
    check_kept(&rooms[0]);
    for (size_t at = 0; at < y_size; at++) {
        const size_t i = at / row, k = at % row / channels % high, t = at % row / channels / high, c = at % channels;
        if (t >= tiles || step * i >= inside[t] >> 4 || step * k >= (inside[t] & 15)) {
            check_same(y[at], before[at], at);
            continue;
        }
        double most = -INFINITY, bound = 0;
        for (size_t n = 0; n < step * step; n++) {
            double size, sum = out_sum(way, m, bias, tiles, channels, t, c, i * step + n / step, k * step + n % step, &size);
            most = fmax(most, sum > 0 ? sum : sum * (double)slope);
            bound = fmax(bound, check_gamma(2 * (double)way->out_steps + 2) * size + CHECK_TINY);
        }
        check_value(y[at], most, bound, at);
    }
    free(m);
    free(bias);
    free(before);
    free(offset);
    free(inside);
}

static void back_check(const ink_kernel *kernel, uint64_t *random, size_t tiles, size_t channels)
{
    const check_place place = (tiles + channels) % CHECK_PLACES;
    const size_t row = 2 * tiles * channels, dy_size = tiles ? 2 * row : 0, g_size = 16 * tiles * channels;
    float *dy = check_random_floats(random, dy_size);
    uint32_t *offset = calloc(tiles + 1, sizeof *offset);
    uint8_t *inside = calloc(tiles + 1, 1);
    assert_true(offset && inside);
    for (size_t t = 0; t < tiles; t++) {
        offset[t] = (uint32_t)(t * 2 * channels);
        inside[t] = (uint8_t)((t % 2 + 1) | (t / 2 % 2 + 1) << 4);
    }
    float *g = check_room_take(&rooms[0], g_size * sizeof *g, place);
    snprintf(where, sizeof where, "%s: %zu tiles, %zu channels, place %d", kernel->name, tiles, channels, (int)place);
    kernel->run.winograd_back_f32(&(ink_winograd_back_f32){
        tiles, channels, offset, inside, check_room_copy(&rooms[1], dy, dy_size * sizeof *dy, place), row, g,
        tiles * channels });
    calls++;
    check_kept(&rooms[0]);
    for (size_t at = 0; at < g_size; at++) {
        const size_t point = at / (tiles * channels), t = at / channels % tiles, c = at % channels;
        double sum = 0, size = 0;
        for (size_t i = 0; i < 4; i++) {
            if (i / 2 >= inside[t] >> 4 || i % 2 >= (inside[t] & 15))
                continue;
            const double term = winograd_ways[0].out[i / 2][point / 4] * winograd_ways[0].out[i % 2][point % 4] *
                                (double)dy[offset[t] + i / 2 * row + i % 2 * channels + c];
            sum += term;
            size += fabs(term);
        }
        check_value(g[at], sum, check_gamma(3) * size + CHECK_TINY, at);
    }
    free(dy);
    free(offset);
    free(inside);
}

/* Weights side by side, and turned: from the last tap to the first. */
static void weights_check(const ink_kernel *kernel, uint64_t *random, size_t pairs)
{
    const winograd_way *way = way_of(kernel->op);
    const check_place place = pairs % CHECK_PLACES;
    const size_t taps = way->kernel * way->kernel, points = way->side * way->side;
    const size_t step = pairs + pairs % 3, g_size = pairs ? (taps - 1) * step + pairs : 0;
    const bool turned = pairs / 3 % 2;
    float *g = check_random_floats(random, g_size);
    float *u = check_room_take(&rooms[0], points * pairs * sizeof *u, place);
    const float *given = check_room_copy(&rooms[1], g, g_size * sizeof *g, place);
    snprintf(where, sizeof where, "%s: %zu pairs%s, place %d", kernel->name, pairs, turned ? ", turned" : "", (int)place);
    kernel->run.winograd_weights_f32(&(ink_winograd_weights_f32){
        pairs, turned ? given + (taps - 1) * step : given, turned ? -(ptrdiff_t)step : (ptrdiff_t)step, u, pairs });
    calls++;
    check_kept(&rooms[0]);
    for (size_t at = 0; at < points * pairs; at++) {
        const size_t point = at / pairs, c = at % pairs;
        double sum = 0, size = 0;
        for (size_t t = 0; t < taps; t++) {
            const double term = way->weights[point / way->side][t / way->kernel] *
                                way->weights[point % way->side][t % way->kernel] *
                                (double)g[(turned ? taps - 1 - t : t) * step + c];
            sum += term;
            size += fabs(term);
        }
        check_value(u[at], sum, check_gamma(2 * (double)way->weight_steps) * size + CHECK_TINY, at);
    }
    free(g);
}

static void transforms(const ink_kernel *kernel)
{
    static const size_t channels[] = { 1, 7, 8, 9, 16, 17, 33 };
    static const float slopes[] = { 0, 0.2f, 1 };
    uint64_t random = 21;
    rooms_make(MOST * 400 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++)
        for (size_t turn = 0; turn < 2; turn++) {
            const size_t tiles = turn ? 3 : n / 12, count = turn ? n : channels[n % CHECK_COUNT(channels)];
            if (kernel->op == INK_KERNEL_winograd_in_f32 || kernel->op == INK_KERNEL_winograd4_in_f32)
                in_check(kernel, &random, tiles, count);
            else if (kernel->op == INK_KERNEL_winograd_weights_f32 || kernel->op == INK_KERNEL_winograd4_weights_f32 ||
                     kernel->op == INK_KERNEL_winograd5_weights_f32)
                weights_check(kernel, &random, n);
            else if (kernel->op == INK_KERNEL_winograd_back_f32)
                back_check(kernel, &random, tiles, count);
            else {
                out_check(kernel, &random, tiles, count, slopes[n % 3], false);
                out_check(kernel, &random, tiles, count, slopes[n % 3], true);
            }
        }
    rooms_free();
}

static void transform_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_winograd_in_f32, transforms);
    each_kernel(INK_KERNEL_winograd_out_f32, transforms);
    each_kernel(INK_KERNEL_winograd4_in_f32, transforms);
    each_kernel(INK_KERNEL_winograd4_out_f32, transforms);
    each_kernel(INK_KERNEL_winograd_weights_f32, transforms);
    each_kernel(INK_KERNEL_winograd4_weights_f32, transforms);
    each_kernel(INK_KERNEL_winograd5_out_f32, transforms);
    each_kernel(INK_KERNEL_winograd5_weights_f32, transforms);
    each_kernel(INK_KERNEL_winograd_back_f32, transforms);
}

/* ---- the whole ---- */

/* From -4 to 4. */
static float *random_integers(uint64_t *random, size_t count)
{
    float *values = check_random_floats(random, count);
    for (size_t i = 0; i < count; i++)
        values[i] = truncf(values[i] * 4.99f);
    return values;
}

static const ink_winograd *prepared(ink_arena *arena, ink_cpu cpu, const ink_winograd_sizes *sizes)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_error error;
    ink_prepare prepare = { arena, cpu, 1 << 30, &error };
    ink_step counted = { .name = "c" };
    ink_winograd *w;
    ink_arena_init(arena, &allocator);
    assert_int_equal(ink_winograd_prepare(&w, sizes, &prepare, &counted), INK_OK);
    return w;
}

/* The bound of an output. */
static double whole_bound(const winograd_way *way, const ink_winograd *w, const float *x, const float *weights, bool turned,
                          size_t py, size_t px, size_t o)
{
    const size_t side = way->side, taps = way->kernel * way->kernel;
    const size_t ty = py / way->tile * way->tile, tx = px / way->tile * way->tile;
    double size = 0, d[36], g[25], v[36], u[36];
    for (size_t c = 0; c < w->channels; c++) {
        for (size_t i = 0; i < side * side; i++)
            d[i] = x[((ty + i / side) * w->in_width + tx + i % side) * w->channels + c];
        for (size_t t = 0; t < taps; t++)
            g[t] = weights[((turned ? taps - 1 - t : t) * w->channels + c) * w->columns + o];
        winograd_input_sizes(way, d, v);
        winograd_weight_sizes(way, g, u);
        size += winograd_size(way, v, u, py - ty, px - tx);
    }
    return check_gamma(winograd_steps(way, w->channels)) * size;
}

static void whole_check(ink_cpu cpu, uint64_t *random, const winograd_way *way, size_t channels, size_t columns, size_t height,
                        size_t width, bool turned)
{
    enum { IMAGES = 2 };
    ink_arena arena;
    const ink_winograd *w = prepared(&arena, cpu, &(ink_winograd_sizes){ way->kernel, way->tile, channels, columns,
                                                                         height, width, 0, false });
    const size_t in = w->in_height * w->in_width * channels, out = height * width * columns;
    float *x = random_integers(random, IMAGES * in);
    const size_t taps = way->kernel * way->kernel;
    float *weights = random_integers(random, taps * channels * columns);
    float *bias = random_integers(random, columns + 8);
    float *y = calloc(IMAGES * out, sizeof *y);
    float *scratch = calloc(ink_winograd_scratch(w), sizeof *scratch);
    assert_true(y && scratch);
    ink_winograd_run run;
    ink_winograd_pack(w, weights, channels * columns, columns, 1, turned);
    ink_winograd_begin(&run, w, bias, 0.5f, scratch);
    for (size_t i = 0; i < IMAGES; i++)
        ink_winograd_add(&run, x + i * in, y + i * out);
    ink_winograd_end(&run);
    snprintf(where, sizeof where, "%s: %zux%zu, tiles of %zu, %zu to %zu channels, %zux%zu", ink_cpu_name(cpu), way->kernel,
             way->kernel, way->tile, channels, columns, height, width);
    for (size_t at = 0; at < IMAGES * out; at++) {
        const size_t o = at % columns, px = at / columns % width, py = at / columns / width % height;
        const float *picture = x + at / out * in;
        double sum = bias[o];
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < channels; c++)
                sum += (double)picture[((py + t / way->kernel) * w->in_width + px + t % way->kernel) * channels + c] *
                       (double)weights[((turned ? taps - 1 - t : t) * channels + c) * columns + o];
        const double bound = way == &winograd_ways[0] ? 0 : whole_bound(way, w, picture, weights, turned, py, px, o);
        check_value(y[at], sum > 0 ? sum : sum / 2, bound, at);
    }
    free(x);
    free(weights);
    free(bias);
    free(y);
    free(scratch);
    ink_arena_free(&arena);
}

/* The gradient of the weights, over several images: dw[t, c, o] = sum over pixels of x[p + t, c] dy[p, o]. */
static void gradient_check(ink_cpu cpu, uint64_t *random, size_t channels, size_t columns, size_t height, size_t width,
                           size_t images)
{
    ink_arena arena;
    const ink_winograd *w = prepared(&arena, cpu, &(ink_winograd_sizes){ 3, 2, channels, columns, height, width, 0, false });
    const size_t in = w->in_height * w->in_width * channels, out = height * width * columns;
    float *x = random_integers(random, images * in), *dy = random_integers(random, images * out);
    float *gradient = calloc(9 * channels * columns, sizeof *gradient);
    float *scratch = calloc(ink_winograd_sums_scratch(w), sizeof *scratch);
    assert_true(gradient && scratch);
    ink_winograd_sums sums = ink_winograd_sums_begin(w, scratch);
    for (size_t i = 0; i < images; i++)
        ink_winograd_sums_add(w, &sums, x + i * in, dy + i * out);
    ink_winograd_sums_end(w, &sums, gradient);
    snprintf(where, sizeof where, "gradient, %s: %zu to %zu channels, %zux%zu, %zu images", ink_cpu_name(cpu), channels,
             columns, height, width, images);
    for (size_t at = 0; at < 9 * channels * columns; at++) {
        const size_t t = at / columns / channels, c = at / columns % channels, o = at % columns;
        double sum = 0;
        for (size_t i = 0; i < images; i++)
            for (size_t p = 0; p < height * width; p++)
                sum += (double)x[i * in + ((p / width + t / 3) * w->in_width + p % width + t % 3) * channels + c] *
                       (double)dy[i * out + p * columns + o];
        check_value(gradient[at], sum, 0, at);
    }
    free(x);
    free(dy);
    free(gradient);
    free(scratch);
    ink_arena_free(&arena);
}

static void its_weights_have_the_gradient(void **state)
{
    (void)state;
    static const size_t sizes[][5] = { { 16, 16, 1, 1, 3 }, { 16, 17, 2, 3, 1 }, { 20, 33, 7, 7, 9 },
                                       { 32, 16, 14, 15, 5 } };
    uint64_t random = 23;
    CHECK_EACH_CPU(cpu)
        for (size_t i = 0; i < CHECK_COUNT(sizes); i++)
            gradient_check(cpu, &random, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4]);
}

static void it_is_the_convolution(void **state)
{
    (void)state;
    static const size_t sizes[][4] = { { 16, 16, 1, 1 }, { 16, 17, 2, 3 }, { 20, 33, 7, 7 }, { 32, 16, 9, 10 },
                                       { 64, 48, 5, 6 } };
    uint64_t random = 22;
    CHECK_EACH_CPU(cpu)
        for (size_t i = 0; i < WINOGRAD_WAYS * CHECK_COUNT(sizes); i++) {
            const size_t *s = sizes[i / WINOGRAD_WAYS];
            whole_check(cpu, &random, &winograd_ways[i % WINOGRAD_WAYS], s[0], s[1], s[2], s[3], i / WINOGRAD_WAYS % 2);
        }
}

/* Tiny convolutions go directly; others by the tile that needs the fewest products for what it must compute. */
static void the_tile_is_by_cost(void **state)
{
    (void)state;
    static const struct {
        size_t kernel, channels, columns, height, width, tile;
    } rows[] = { { 3, 1, 32, 26, 26, 0 }, { 3, 4, 4, 28, 28, 0 }, { 3, 32, 64, 2, 2, 2 }, { 3, 32, 64, 10, 10, 4 },
                 { 3, 128, 128, 7, 7, 4 }, { 3, 64, 64, 1, 1, 0 }, { 3, 32, 32, 6, 6, 2 }, { 5, 32, 64, 8, 8, 2 },
                 { 5, 1, 32, 24, 24, 0 }, { 4, 32, 64, 8, 8, 0 }, { 7, 32, 64, 8, 8, 0 } };
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        const ink_winograd_sizes sizes = { .kernel = rows[i].kernel, .channels = rows[i].channels, .columns = rows[i].columns,
                                           .out_height = rows[i].height, .out_width = rows[i].width };
        assert_int_equal(ink_winograd_tile(&sizes, rows[i].height * rows[i].width), rows[i].tile);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transform_kernels),
        cmocka_unit_test(it_is_the_convolution),
        cmocka_unit_test(the_tile_is_by_cost),
        cmocka_unit_test(its_weights_have_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
