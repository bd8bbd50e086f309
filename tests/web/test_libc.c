/* The few functions of a C library that the module for WebAssembly brings along, against the system's own. They are compiled
 * here under other names. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Their declarations, and so all calls among themselves, by names of their own. */
#define fmax web_fmax
#define fmin web_fmin
#define fmaxf web_fmaxf
#define fminf web_fminf
#define ilogb web_ilogb
#define ldexp web_ldexp
#define pow web_pow
#define expf web_expf
#define expm1f web_expm1f
#define logf web_logf
#define tanhf web_tanhf
#define erfcf web_erfcf
#define memcpy web_memcpy
#define memmove web_memmove
#define memset web_memset
#define memcmp web_memcmp
#define memchr web_memchr
#define strlen web_strlen
#define strchr web_strchr
#define strcmp web_strcmp
#define strncmp web_strncmp
#define strcspn web_strcspn
#define strspn web_strspn
#define strstr web_strstr
#define snprintf web_snprintf
#define vsnprintf web_vsnprintf
double fmax(double, double), fmin(double, double), ldexp(double, int), pow(double, double);
float fmaxf(float, float), fminf(float, float), expf(float), expm1f(float), logf(float), tanhf(float), erfcf(float);
int ilogb(double);
void *memchr(const void *, int, size_t), *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t),
    *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t), strcmp(const char *, const char *), strncmp(const char *, const char *, size_t);
size_t strlen(const char *), strspn(const char *, const char *), strcspn(const char *, const char *);
char *strchr(const char *, int), *strstr(const char *, const char *);
int snprintf(char *, size_t, const char *, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *, size_t, const char *, va_list) __attribute__((format(printf, 3, 0)));
#include "../../web/module/libc/bytes.c"
#include "../../web/module/libc/functions.c"
#include "../../web/module/libc/print.c"
#undef fmax
#undef fmin
#undef fmaxf
#undef fminf
#undef ilogb
#undef ldexp
#undef pow
#undef expf
#undef expm1f
#undef logf
#undef tanhf
#undef erfcf
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strchr
#undef strcmp
#undef strncmp
#undef strcspn
#undef strspn
#undef strstr
#undef snprintf
#undef vsnprintf

static float float_of(uint32_t bits)
{
    union { uint32_t bits; float value; } u = { bits };
    return u.value;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

/* The exact value is that of the system's function of double, good to about 2^-52. Rounded to float it is half a unit in
 * the last place away at most, and ours, computed with an error of some 1e-14, a hair more. */
static void check_function(const char *name, float (*ours)(float), double (*exact)(double), float from, float to)
{
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 9973) { /* each binade, both signs, subnormal numbers, NaNs */
        const float x = float_of((uint32_t)bits), y = ours(x);
        const double wanted = exact((double)x);
        if (!(x >= from && x <= to) && x == x)
            continue;
        if (wanted != wanted || isinf((float)wanted)) {
            if (!(wanted != wanted ? y != y : y == (float)wanted))
                fail_msg("%s(%a) is %a, wanted %a", name, (double)x, (double)y, wanted);
            continue;
        }
        int exponent;
        frexp(wanted, &exponent);
        const double unit = ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
        if (!(fabs((double)y - wanted) <= 0.51 * unit))
            fail_msg("%s(%a) is %a, wanted %a", name, (double)x, (double)y, wanted);
    }
}

static void floats_are_as_the_systems(void **state)
{
    (void)state;
    check_function("expf", web_expf, exp, -INFINITY, INFINITY);
    check_function("expm1f", web_expm1f, expm1, -INFINITY, INFINITY);
    check_function("tanhf", web_tanhf, tanh, -INFINITY, INFINITY);
    check_function("logf", web_logf, log, -INFINITY, INFINITY);
    check_function("erfcf", web_erfcf, erfc, -INFINITY, INFINITY);
    assert_true(signbit(web_tanhf(-0.0f)) && signbit(web_expm1f(-0.0f)));
}

static void exponents_are_as_the_systems(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (int i = 0; i < 200000; i++) {
        union { uint64_t bits; double value; } u = { next_random(&random) << 11 ^ next_random(&random) };
        const int by = (int)(next_random(&random) % 4400) - 2200;
        if (u.value != u.value)
            continue;
        /* Twice rounded where the result is subnormal is allowed to be off by a unit of it. */
        const double ours = web_ldexp(u.value, by), theirs = ldexp(u.value, by);
        if (!(ours == theirs || fabs(ours - theirs) <= 0x1p-1074))
            fail_msg("ldexp(%a, %d) is %a, wanted %a", u.value, by, ours, theirs);
        if (u.value != 0 && isfinite(u.value))
            assert_int_equal(web_ilogb(u.value), ilogb(u.value));
    }
    for (int n = -400; n <= 400; n++) { /* a product of up to 9 squarings and 9 products, and for n < 0 a quotient */
        const double ours = web_pow(10, n), theirs = pow(10, n);
        if (n < -300)
            assert_true(ours <= 1e-299);
        else if (!(ours == theirs || fabs(ours - theirs) <= 600 * 0x1p-53 * theirs))
            fail_msg("pow(10, %d) is %a, wanted %a", n, ours, theirs);
        if (n >= 0 && n <= 22)
            assert_true(ours == theirs);
    }
    assert_true(web_pow(2, 0.5) != web_pow(2, 0.5));
    assert_true(web_fmax(NAN, 1) == 1 && web_fmax(1, NAN) == 1 && web_fmin(2, 1) == 1 && web_fmin(NAN, 1) == 1);
    assert_true(web_fmaxf(NAN, 1) == 1 && web_fmaxf(1, 2) == 2 && web_fminf(1, NAN) == 1 && web_fminf(1, 2) == 1);
}

static void bytes_are_moved(void **state)
{
    (void)state;
    unsigned char ours[96], theirs[96];
    uint64_t random = 9;
    for (int i = 0; i < 20000; i++) {
        for (size_t k = 0; k < sizeof ours; k++)
            ours[k] = theirs[k] = (unsigned char)(next_random(&random) % 3);
        const size_t size = next_random(&random) % 40, from = next_random(&random) % 50, to = next_random(&random) % 50;
        memmove(theirs + to, theirs + from, size);
        web_memmove(ours + to, ours + from, size);
        assert_memory_equal(ours, theirs, sizeof ours);
        const int a = memcmp(theirs + from, theirs + to, size), b = web_memcmp(ours + from, ours + to, size);
        assert_true((a < 0) == (b < 0) && (a > 0) == (b > 0));
        assert_ptr_equal(web_memchr(ours + from, 2, size), memchr(ours + from, 2, size));
        memset(theirs + to, 200, size);
        web_memset(ours + to, 200, size);
        assert_memory_equal(ours, theirs, sizeof ours);
        web_memcpy(ours, theirs + 48, size);
        memcpy(theirs, theirs + 48, size);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
    static const char *const texts[] = { "", "a", "ab", "abc", "b", "conv2d+relu", "conv2d", "relu", "\xff", "a\xff", "aab", "aaab" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            const char *a = texts[i], *b = texts[k];
            assert_int_equal((strcmp(a, b) > 0) - (strcmp(a, b) < 0), (web_strcmp(a, b) > 0) - (web_strcmp(a, b) < 0));
            for (size_t n = 0; n < 4; n++)
                assert_int_equal((strncmp(a, b, n) > 0) - (strncmp(a, b, n) < 0),
                                 (web_strncmp(a, b, n) > 0) - (web_strncmp(a, b, n) < 0));
            assert_int_equal(web_strspn(a, b), strspn(a, b));
            assert_int_equal(web_strcspn(a, b), strcspn(a, b));
            assert_ptr_equal(web_strstr(a, b), strstr(a, b));
            assert_ptr_equal(web_strchr(a, b[0]), strchr(a, b[0]));
            assert_int_equal(web_strlen(a), strlen(a));
        }
}

#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char ours[1600], theirs[1600];                                                                                 \
        const int a = web_snprintf(ours, sizeof ours, __VA_ARGS__), b = snprintf(theirs, sizeof theirs, __VA_ARGS__);  \
        assert_string_equal(ours, theirs);                                                                             \
        assert_int_equal(a, b);                                                                                        \
        memset(ours, 'x', 9);                                                                                          \
        assert_int_equal(web_snprintf(ours, 8, __VA_ARGS__), b);                                                       \
        assert_memory_equal(ours, theirs, b < 7 ? (size_t)b : 7);                                                      \
        assert_true(ours[b < 7 ? b : 7] == 0 && ours[8] == 'x');                                                       \
        assert_int_equal(web_snprintf(NULL, 0, __VA_ARGS__), b);                                                       \
    } while (0)

/* All that src/ asks of it: grep for %. */
static void formats_are_as_the_systems(void **state)
{
    (void)state;
    static const uint64_t whole[] = { 0, 1, 9, 10, 255, 256, 999999999, 1000000000, 4294967295u, 4294967296u,
                                      9223372036854775807u, 9223372036854775808u, UINT64_MAX };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        SAME("%d %u %x", (int)whole[i], (unsigned)whole[i], (unsigned)whole[i]);
        SAME("%lld|%llu|%zu", (long long)whole[i], (unsigned long long)whole[i], (size_t)whole[i]);
        SAME("\\u%04x %02x %6u %08x", (unsigned)whole[i] & 65535, (unsigned)whole[i] & 255, (unsigned)whole[i] & 255,
             (unsigned)whole[i]);
    }
    SAME("%s|%.3s|%.*s|%.64s|%5s|%c%%", "text", "text", 2, "text", "", "ab", 'c');
    static const double numbers[] = { 0, -0.0, 1, -1, 0.5, 1.5, 2.5, 9.5, 99.5, 0.05, 0.1, 1e-5, 1e-4, 123456, 1234567,
                                      999999.5, 9999995, 1e100, 1e308, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308,
                                      3.14159265358979, 1e21, 1e22, 0.7, 0.3081, 1.0 / 255, INFINITY, -INFINITY, 100, 1e6, 123450 };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        SAME("%g %.0f %.1f %.6g", numbers[i], numbers[i], numbers[i], numbers[i]);
        for (int digits = 0; digits <= 17; digits++)
            SAME("%.*g", digits, numbers[i]);
    }
    uint64_t random = 21;
    for (int i = 0; i < 3000; i++) {
        union { uint64_t bits; double value; } u = { next_random(&random) << 11 ^ next_random(&random) };
        if (u.value == u.value) {
            const double thousandths = (double)(next_random(&random) % 100000) / 1000;
            const double halves = (double)(next_random(&random) % 1000) / 2;
            SAME("%.*g", i % 18, u.value);
            SAME("%.9g %g %.0f", (double)(float)u.value, thousandths, halves);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_as_the_systems),
        cmocka_unit_test(exponents_are_as_the_systems),
        cmocka_unit_test(bytes_are_moved),
        cmocka_unit_test(formats_are_as_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
