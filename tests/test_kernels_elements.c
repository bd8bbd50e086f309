/* Kernels that work element by element, softmax, and the copy: as test_kernels.c does it. Activations are
 * compared with the C library's functions in double precision, over floats of all exponents. */
#include "check_cpus.h"
#include "check_kernels.h"

#include <float.h>

/* ---- element by element ---- */

static const size_t more_sizes[] = { 511, 512, 513, 1023, 1025, 4096, 4099 };
enum { ELEMENTS_MOST = 5000 };

/* All sizes from 0 to 300, then a few larger ones; false at the end. */
static bool next_size(size_t step, size_t *size)
{
    if (step > MOST + CHECK_COUNT(more_sizes))
        return false;
    *size = step <= MOST ? step : more_sizes[step - MOST - 1];
    return true;
}

/* add: one rounding, and the same one everywhere. */
static void add(const ink_kernel *kernel)
{
    uint64_t random = 5;
    rooms_make(ELEMENTS_MOST * sizeof(float));
    float *a = check_random_floats(&random, ELEMENTS_MOST);
    float *b = check_random_floats(&random, ELEMENTS_MOST);
    for (size_t step = 0, size; next_size(step, &size); step++)
        for (unsigned alias = 0; alias < 4; alias++) { /* the output is: its own, a, b, both */
            const check_place place = (step + alias) / 2 % CHECK_PLACES;
            float *x = check_room_copy(&rooms[0], a, size * sizeof *a, place);
            float *z = alias == 3 ? x : check_room_copy(&rooms[1], b, size * sizeof *b, place);
            float *own = check_room_take(&rooms[2], size * sizeof *a, place);
            float *y = alias == 0 ? own : alias == 2 ? z : x;
            snprintf(where, sizeof where, "%s: size %zu, alias %u, place %d", kernel->name, size,
                     alias, (int)place);
            kernel->run.add_f32(&(ink_add_f32){ size, x, z, y });
            calls++;
            for (size_t i = 0; i < size; i++)
                check_same(y[i], a[i] + (alias == 3 ? a[i] : b[i]), i);
            for (size_t i = 0; i < 3; i++)
                check_kept(&rooms[i]);
        }
    free(a);
    free(b);
    rooms_free();
}

static void add_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_add_f32, add);
}

/* affine: the product and the sum round once each, or with FMA both together:
 * |error| <= gamma(2) * (|x * scale| + |shift|). */
static void affine_check(const ink_kernel *kernel, uint64_t *random, size_t rows, size_t columns)
{
    const check_place place = (rows + columns) / 2 % CHECK_PLACES;
    const size_t size = rows * columns;
    const bool in_place = (rows + columns) % 3 == 0;
    float *x = check_random_floats(random, size), *scale = check_random_floats(random, columns);
    float *shift = check_random_floats(random, columns);
    float *in = check_room_copy(&rooms[0], x, size * sizeof *x, place);
    float *y = in_place ? in : check_room_take(&rooms[1], size * sizeof *x, place);
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns, %s place, place %d", kernel->name, rows,
             columns, in_place ? "in" : "out of", (int)place);
    kernel->run.affine_f32(&(ink_affine_f32){
        rows, columns, in, check_room_copy(&rooms[2], scale, columns * sizeof *x, place),
        check_room_copy(&rooms[3], shift, columns * sizeof *x, place), y });
    calls++;
    check_kept(&rooms[!in_place]);
    for (size_t i = 0; i < size; i++) {
        const double term = (double)x[i] * (double)scale[i % columns];
        const double add_on = (double)shift[i % columns];
        check_value(y[i], term + add_on,
                    check_gamma(2) * (fabs(term) + fabs(add_on)) + CHECK_TINY, i);
    }
    free(x);
    free(scale);
    free(shift);
}

static void affine(const ink_kernel *kernel)
{
    static const size_t edges[] = { 1, 2, 3, 7, 8, 9, 15, 16, 17, 33 };
    uint64_t random = 6;
    rooms_make(MOST * 40 * sizeof(float));
    for (size_t n = 0; n <= MOST; n++)
        for (size_t i = 0; i < CHECK_COUNT(edges); i++) {
            affine_check(kernel, &random, n, edges[i]);
            if (edges[i] < 9)
                affine_check(kernel, &random, edges[i], n);
        }
    rooms_free();
}

static void affine_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_affine_f32, affine);
}

/* pixels: multiplied, rounded, added, rounded; the same floats everywhere. */
static void pixels(const ink_kernel *kernel)
{
    static const struct {
        float scale, offset;
    } maps[] = { { 1.0f / 255, 0 }, { 1, 0 }, { 1.0f / 127.5f, -1 }, { -0.3f, 0.7f },
                 { 0.0039f, 1e-3f }, { 1e30f, 3 } };
    uint64_t random = 7;
    uint8_t bytes[ELEMENTS_MOST];
    rooms_make(ELEMENTS_MOST * sizeof(float));
    for (size_t i = 0; i < ELEMENTS_MOST; i++)
        bytes[i] = (uint8_t)(i < 256 ? i : test_random(&random) >> 56);
    for (size_t step = 0, size; next_size(step, &size); step++)
        for (size_t m = 0; m < CHECK_COUNT(maps); m++) {
            const check_place place = (step + m) % CHECK_PLACES;
            const uint8_t *x = check_room_copy(&rooms[0], bytes, size, place);
            float *y = check_room_take(&rooms[1], size * sizeof *y, place);
            snprintf(where, sizeof where, "%s: size %zu, scale %g, offset %g, place %d", kernel->name,
                     size, (double)maps[m].scale, (double)maps[m].offset, (int)place);
            kernel->run.pixels_f32(&(ink_pixels_f32){ size, x, maps[m].scale, maps[m].offset, y });
            calls++;
            for (size_t i = 0; i < size; i++) {
                volatile float scaled = (float)bytes[i] * maps[m].scale; /* rounded, come what may */
                check_same(y[i], scaled + maps[m].offset, i);
            }
            check_kept(&rooms[1]);
        }
    rooms_free();
}

static void pixels_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_pixels_f32, pixels);
}

/* ---- softmax ----
 *
 * With d = x - m, m the largest and n columns: d is rounded, which moves exp(d) by |d| u; expf is good
 * to one ulp (2 u), the sum of n such terms rounds n - 1 times, the quotient once. The sum's terms have
 * the same errors in d, weighted by the probabilities p, and sum p |d| <= log n, for it is the entropy
 * of p less the logarithm of the sum. Together |error| <= p u (|d| + log n + n + 4). What expf may lose
 * where it is subnormal comes on top.
 * With log: x - m and the logarithm are rounded, and the difference: 2 |d| u + 3 u |log sum|, and the
 * sum's relative error is the logarithm's absolute one. */

static void softmax_check_row(const float *x, const float *y, size_t columns, bool logs, size_t row)
{
    const double n = (double)columns;
    double largest = -INFINITY, sum = 0, total = 0;
    for (size_t c = 0; c < columns; c++)
        largest = (double)x[c] > largest ? (double)x[c] : largest; /* fmax crashes gcc 12 for ARM */
    for (size_t c = 0; c < columns; c++)
        sum += exp((double)x[c] - largest);
    const double log_sum = log(sum), sum_error = log(n) + n + 1;
    for (size_t c = 0; c < columns; c++) {
        const double d = (double)x[c] - largest, p = exp(d) / sum;
        if (isnan(y[c]))
            fail_msg("%s: row %zu, column %zu is NaN", where, row, c);
        if (fabs(d) > (double)FLT_MAX)
            continue; /* the difference of the largest numbers is no number any more */
        const double bound = logs ? 2 * fabs(d) + 3 * log_sum + sum_error
                                  : p * (fabs(d) + sum_error + 3);
        check_value(y[c], logs ? d - log_sum : p, bound * CHECK_UNIT + 2 * CHECK_TINY,
                    row * columns + c);
    }
    for (size_t c = 0; c < columns; c++)
        total += (double)y[c];
    if (!logs && columns && !(fabs(total - 1) <= CHECK_UNIT * (2 * n + 4)))
        fail_msg("%s: row %zu adds up to %.9g", where, row, total);
}

static void softmax_check(const ink_kernel *kernel, const float *x, size_t rows, size_t columns,
                          bool logs, bool in_place, check_place place)
{
    const size_t size = rows * columns;
    float *in = check_room_copy(&rooms[0], x, size * sizeof *x, place);
    float *y = in_place ? in : check_room_take(&rooms[1], size * sizeof *x, place);
    snprintf(where, sizeof where, "%s: %zu rows, %zu columns%s, %s place, place %d", kernel->name, rows,
             columns, logs ? ", log" : "", in_place ? "in" : "out of", (int)place);
    kernel->run.softmax_f32(&(ink_softmax_f32){ rows, columns, logs, in, y });
    calls++;
    check_kept(&rooms[!in_place]);
    for (size_t r = 0; r < rows; r++)
        softmax_check_row(x + r * columns, y + r * columns, columns, logs, r);
}

/* Rows of several kinds, one after another. */
static void softmax_fill(uint64_t *random, float *x, size_t rows, size_t columns)
{
    static const float spans[] = { 1, 10, 100, 1e4f, 0, 1e-30f };
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            x[r * columns + c] = spans[(r + columns) % CHECK_COUNT(spans)] * check_random_float(random) +
                                 (float)(r % 3) * 20;
    if (rows * columns > 5 && columns % 4 == 0) {
        x[0] = FLT_MAX;
        x[1] = -FLT_MAX;
        x[2] = -0.0f;
        x[3] = FLT_MAX;
    }
}

static void softmax(const ink_kernel *kernel)
{
    uint64_t random = 8;
    float *x = malloc(MOST * 10 * sizeof *x);
    assert_non_null(x);
    rooms_make(MOST * 10 * sizeof *x);
    for (size_t n = 0; n <= MOST; n++)
        for (unsigned kind = 0; kind < 16; kind++) {
            static const size_t others[] = { 1, 2, 3, 10 };
            const size_t other = others[kind / 4], rows = kind % 2 ? n : other;
            const size_t columns = kind % 2 ? other : n;
            softmax_fill(&random, x, rows, columns);
            softmax_check(kernel, x, rows, columns, kind & 2, (n + kind / 4) % 3 == 0,
                          (n + kind) / 2 % CHECK_PLACES);
        }
    free(x);
    rooms_free();
}

static void softmax_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_softmax_f32, softmax);
}

/* ---- activations ---- */

/* In double precision, in forms that do not cancel. */
static double activation_of(ink_activation function, double alpha, double x)
{
    switch (function) {
    case INK_ACT_RELU: return x > 0 ? x : 0;
    case INK_ACT_LEAKY_RELU: return x > 0 ? x : alpha * x;
    case INK_ACT_ELU: return x > 0 ? x : alpha * expm1(x);
    case INK_ACT_SIGMOID: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
    case INK_ACT_TANH: return tanh(x);
    case INK_ACT_GELU: return 0.5 * x * erfc(-x * sqrt(0.5));
    case INK_ACT_GELU_TANH: break;
    }
    const double twice = 2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    return x < 0 ? x * exp(twice) / (1 + exp(twice)) : x / (1 + exp(-twice));
}

/* How far each may be off. The numbers are the largest that a sweep over 20 million floats found, in
 * brackets, and a little more: the C library's own functions are good to about one ulp each.
 *
 *   relu        exact
 *   leaky_relu  half an ulp: one rounding
 *   elu         2.5 ulps [2.14]
 *   sigmoid     2.5 ulps [2.29], but exp may end at exp(87): 2e-38 more
 *   tanh        3 ulps [2.84]
 *   gelu        2.5 ulps [2.0], and below 0 x^2 times that more [1.43 (1 + x^2)]: erfc(z) is moved by
 *               2 z^2 times the relative error of z
 *   gelu_tanh   3 u |x| [2.46]: below 0, 1 + tanh cancels, and nothing of the relative precision is left
 */
static double activation_bound(ink_activation function, double x, double want)
{
    const double ulp = check_ulp(want);
    switch (function) {
    case INK_ACT_RELU: return 0;
    case INK_ACT_LEAKY_RELU: return 0.5 * ulp;
    case INK_ACT_ELU: return 2.5 * ulp;
    case INK_ACT_SIGMOID: return 2.5 * ulp + 2e-38;
    case INK_ACT_TANH: return 3 * ulp;
    case INK_ACT_GELU: return 2.5 * ulp * (x < 0 ? 1 + x * x : 1) + 0x1p-140;
    case INK_ACT_GELU_TANH: break;
    }
    return 3 * CHECK_UNIT * fabs(x) + 2 * CHECK_TINY;
}

static const struct {
    ink_activation function;
    const char *name;
    float alpha;
} activations[] = {
    { INK_ACT_RELU, "relu", 0 },
    { INK_ACT_LEAKY_RELU, "leaky_relu 0.01", 0.01f },
    { INK_ACT_LEAKY_RELU, "leaky_relu 2.5", 2.5f },
    { INK_ACT_LEAKY_RELU, "leaky_relu -0.75", -0.75f },
    { INK_ACT_LEAKY_RELU, "leaky_relu 0", 0 },
    { INK_ACT_ELU, "elu 1", 1 },
    { INK_ACT_ELU, "elu -1.3", -1.3f },
    { INK_ACT_ELU, "elu 1e6", 1e6f },
    { INK_ACT_SIGMOID, "sigmoid", 0 },
    { INK_ACT_TANH, "tanh", 0 },
    { INK_ACT_GELU, "gelu", 0 },
    { INK_ACT_GELU_TANH, "gelu_tanh", 0 },
};

static void activation_check(const ink_kernel *kernel, size_t row, const float *x, size_t size,
                             bool in_place, check_place place)
{
    const ink_activation function = activations[row].function;
    const float alpha = activations[row].alpha;
    float *in = check_room_copy(&rooms[0], x, size * sizeof *x, place);
    float *y = in_place ? in : check_room_take(&rooms[1], size * sizeof *x, place);
    snprintf(where, sizeof where, "%s: %s, size %zu, %s place, place %d", kernel->name,
             activations[row].name, size, in_place ? "in" : "out of", (int)place);
    kernel->run.activation_f32(&(ink_activation_f32){ function, alpha, size, in, y });
    calls++;
    check_kept(&rooms[!in_place]);
    for (size_t i = 0; i < size; i++) {
        const double want = activation_of(function, (double)alpha, (double)x[i]);
        const double bound = activation_bound(function, (double)x[i], want);
        if (isnan(y[i]))
            fail_msg("%s: of %a is NaN", where, (double)x[i]);
        if (function == INK_ACT_RELU) /* to the sign of 0 */
            check_same(y[i], x[i] > 0 ? x[i] : 0, i);
        if (fabs(want) <= (double)FLT_MAX && !(fabs((double)y[i] - want) <= bound))
            fail_msg("%s: of %a is %.9g, wanted %.9g +- %.3g", where, (double)x[i], (double)y[i], want,
                     bound);
    }
}

/* Fills x with floats of all exponents and both signs, in steps of their bits. */
static size_t sweep_bits(uint64_t *bits, float *x, size_t most)
{
    size_t count = 0;
    for (; count < most && *bits <= UINT32_MAX; *bits += 40009) {
        const uint32_t low = (uint32_t)*bits;
        float value;
        memcpy(&value, &low, sizeof value);
        if (isfinite(value))
            x[count++] = value;
    }
    return count;
}

static void activation(const ink_kernel *kernel)
{
    static const float special[] = {
        0.0f, -0.0f, FLT_MIN, -FLT_MIN, 0x1p-149f, -0x1p-149f, 0x1.fffffcp-127f, -0x1.fffffcp-127f,
        FLT_MAX, -FLT_MAX, 1e30f, -1e30f, 1e13f, -1e13f, 1, -1, 0.5f, -0.5f, -0.4f, -0.39999998f,
        87, -87, 88, -88, 88.8f, -88.8f, 104, -104, 200, -200, 9, -9, 13.1f, -13.1f, -14.5f,
    };
    uint64_t random = 9;
    float x[ELEMENTS_MOST];
    rooms_make(sizeof x);
    for (size_t row = 0; row < CHECK_COUNT(activations); row++) {
        for (size_t i = 0; i < ELEMENTS_MOST; i++)
            x[i] = 10 * check_random_float(&random);
        for (size_t size = 0; size <= MOST; size++)
            activation_check(kernel, row, x + size, size, size % 3 == 0, size / 2 % CHECK_PLACES);
        activation_check(kernel, row, special, CHECK_COUNT(special), false, CHECK_AT_END);
        for (uint64_t bits = 0; bits <= UINT32_MAX;) {
            const size_t count = sweep_bits(&bits, x, ELEMENTS_MOST);
            activation_check(kernel, row, x, count, false, CHECK_AT_END);
        }
        /* Where the functions bend: -40 to 16. */
        for (size_t part = 0; part < 7; part++) {
            for (size_t i = 0; i < ELEMENTS_MOST; i++)
                x[i] = -40 + 8 * (float)part + 8 * (float)i / ELEMENTS_MOST;
            activation_check(kernel, row, x, ELEMENTS_MOST, true, CHECK_UNALIGNED);
        }
    }
    rooms_free();
}

static void activation_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_activation_f32, activation);
}

/* ---- copy, which has no row: any strides, exactly ---- */

static void copy_moves(void **state)
{
    (void)state;
    uint64_t random = 10;
    rooms_make(MOST * 4 * 3 * 2 * sizeof(float));
    for (size_t which = 0; which < 4; which++)
        for (size_t n = 0; n <= MOST; n++) {
            uint32_t dim[4] = { 2, 3, 4, 1 + (uint32_t)n % 2 };
            dim[which] = (uint32_t)n;
            size_t x_stride[4], y_stride[4], size = 1, rest = 1;
            for (size_t i = 4; i-- > 0; size *= dim[i])
                x_stride[i] = size;
            /* The output's axes in another order. */
            static const size_t order[] = { 2, 0, 3, 1 };
            for (size_t i = 4; i-- > 0; rest *= dim[order[i]])
                y_stride[order[i]] = rest;
            float *values = check_random_floats(&random, size);
            const float *x = check_room_copy(&rooms[0], values, size * sizeof *x, n % CHECK_PLACES);
            float *y = check_room_take(&rooms[1], size * sizeof *y, n % CHECK_PLACES);
            snprintf(where, sizeof where, "copy: %u, %u, %u, %u", dim[0], dim[1], dim[2], dim[3]);
            ink_copy_f32(dim, x, x_stride, y, y_stride);
            check_kept(&rooms[1]);
            for (size_t i = 0; i < size; i++) {
                size_t to = 0;
                for (size_t k = 0; k < 4; k++)
                    to += i / x_stride[k] % dim[k] * y_stride[k];
                check_same(y[to], values[i], to);
            }
            free(values);
        }
    rooms_free();
}

/* ---- the peak: y / 2 + 1 goes to 2 by halves, exactly ---- */

static void peak(const ink_kernel *kernel)
{
    float y[INK_PEAK_FLOATS + 1];
    size_t width = 0;
    for (size_t i = 0; i <= INK_PEAK_FLOATS; i++)
        y[i] = i % 2 ? 0 : 4;
    kernel->run.peak_f32(&(ink_peak_f32){ 3, y, &width });
    calls++;
    snprintf(where, sizeof where, "%s", kernel->name);
    assert_true(width > 0 && width <= INK_PEAK_FLOATS);
    for (size_t i = 0; i <= INK_PEAK_FLOATS; i++)
        check_same(y[i], i < width ? (i % 2 ? 1.75f : 2.25f) : i % 2 ? 0 : 4, i);
}

static void peak_kernels(void **state)
{
    (void)state;
    each_kernel(INK_KERNEL_peak_f32, peak);
    CHECK_EACH_CPU(cpu)
        assert_true(ink_cpu_peak(cpu) > 1e6);
    assert_true(ink_cpu_peak(INK_CPU_BEST) > 1e6);
    assert_true(ink_cpu_peak((ink_cpu)77) == 0);
}

/* ---- */

static void operations_ran(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t op = 0; op < INK_KERNEL_OPS; op++)
        count += ran[op] > 0;
    assert_int_equal(count, 6); /* those that test_kernels.c lists as tested here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_kernels),
        cmocka_unit_test(affine_kernels),
        cmocka_unit_test(pixels_kernels),
        cmocka_unit_test(softmax_kernels),
        cmocka_unit_test(activation_kernels),
        cmocka_unit_test(copy_moves),
        cmocka_unit_test(peak_kernels),
        cmocka_unit_test(operations_ran),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
