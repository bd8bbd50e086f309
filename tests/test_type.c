/* Element types: the table, half precision, conversion of packed values. */
#include "support.h"

#include "tensor/type.h"

#include <math.h>
#include <string.h>

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- references in double precision, from the definition ---- */

static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 0x3ff;
    double magnitude;
    if (exponent == 31)
        magnitude = fraction ? NAN : INFINITY;
    else if (exponent)
        magnitude = ldexp(1024 + fraction, exponent - 25);
    else
        magnitude = ldexp(fraction, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

/* The half nearest to a finite value, of two equally near ones the even one. Every step is exact in
 * double, but for nearbyint, which rounds as it should. */
static uint16_t nearest_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    int exponent = magnitude > 0 ? ilogb(magnitude) : -14;
    if (exponent < -14)
        exponent = -14;
    double units = nearbyint(ldexp(magnitude, 10 - exponent)); /* 0 to 2048 */
    if (ldexp(units, exponent - 10) >= 65536)
        return (uint16_t)(sign | 0x7c00);
    /* 1024 units are a fraction of 0 with the exponent field exponent + 15; fewer are subnormal,
     * and 2048 carry into the next exponent, all by addition. */
    return (uint16_t)(sign | (((exponent + 14) << 10) + (int)units));
}

/* ---- tests ---- */

static void all_halves_round_trip(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t half = (uint16_t)i;
        float value = ink_f16_to_f32(half);
        double want = half_value(half);
        if (isnan(want)) {
            assert_true(isnan(value));
            /* An x87 register makes a signalling NaN quiet: those may come back otherwise. */
            uint16_t back = ink_f32_to_f16(value);
            assert_int_equal(back & 0xfdff, half & 0xfdff);
            assert_int_equal(back & 0x7c00, 0x7c00);
            assert_true(back & 0x3ff);
            if (half & 0x200)
                assert_int_equal(back, half);
            continue;
        }
        assert_true((double)value == want);
        assert_int_equal(signbit(value) != 0, half >> 15);
        assert_int_equal(ink_f32_to_f16(value), half);
    }
}

static void check_rounding(float value)
{
    uint16_t got = ink_f32_to_f16(value), want = nearest_half((double)value);
    if (got != want)
        fail_msg("%a became 0x%04x, wanted 0x%04x", (double)value, got, want);
}

/* Between two neighbours: the middle, which goes to the even one, and the floats beside it. */
static void ties_go_to_even(void **state)
{
    (void)state;
    for (uint16_t half = 0; half < 0x7c00; half++) {
        float low = ink_f16_to_f32(half);
        float high = half == 0x7bff ? 65536 : ink_f16_to_f32((uint16_t)(half + 1));
        float middle = low + (high - low) / 2; /* exact: a half has 13 bits less than a float */
        uint16_t above = (uint16_t)(half + 1); /* of the largest finite one: infinity */
        assert_int_equal(ink_f32_to_f16(middle), half & 1 ? above : half);
        assert_int_equal(ink_f32_to_f16(nextafterf(middle, low)), half);
        assert_int_equal(ink_f32_to_f16(nextafterf(middle, high)), above);
        assert_int_equal(ink_f32_to_f16(-middle), 0x8000 | (half & 1 ? above : half));
        check_rounding(middle);
        check_rounding(nextafterf(low, high));
        check_rounding(nextafterf(high, low));
    }
}

static void edges_round(void **state)
{
    (void)state;
    static const struct {
        float value;
        uint16_t half;
    } rows[] = {
        { 0.0f, 0x0000 },
        { -0.0f, 0x8000 },
        { 1.0f, 0x3c00 },
        { -2.0f, 0xc000 },
        { 65504.0f, 0x7bff },       /* the largest half */
        { 0x1.ffdffep15f, 0x7bff }, /* the float below 65520 */
        { 65520.0f, 0x7c00 },       /* the middle to what would be the next: overflow */
        { 65536.0f, 0x7c00 },
        { 1e30f, 0x7c00 },
        { -0x1.fffffep127f, 0xfc00 },
        { 0x1p-14f, 0x0400 },       /* the smallest normal half */
        { 0x1.ff8p-15f, 0x03ff },   /* the largest subnormal one */
        { 0x1.ffcp-15f, 0x0400 },   /* the middle of the two, to the even one */
        { 0x1.ffbffep-15f, 0x03ff },
        { 0x1p-24f, 0x0001 },       /* the smallest */
        { 0x1.8p-24f, 0x0002 },
        { 0x1p-25f, 0x0000 },       /* half of that, to even */
        { 0x1.000002p-25f, 0x0001 },
        { 0x1.fffffep-26f, 0x0000 },
        { 0x1p-149f, 0x0000 },      /* the smallest float */
        { -0x1p-149f, 0x8000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint16_t got = ink_f32_to_f16(rows[i].value);
        if (got != rows[i].half)
            fail_msg("%a became 0x%04x, wanted 0x%04x", (double)rows[i].value, got, rows[i].half);
    }
    assert_int_equal(ink_f32_to_f16(float_of(0x7f800000)), 0x7c00);
    assert_int_equal(ink_f32_to_f16(float_of(0xff800000)), 0xfc00);
    /* A payload that does not fit must not turn a NaN into infinity. */
    assert_int_equal(ink_f32_to_f16(float_of(0x7fc00001)), 0x7e00);
    uint16_t small = ink_f32_to_f16(float_of(0xff800001));
    assert_true((small & 0xfc00) == 0xfc00 && (small & 0x3ff));
}

static void random_floats_round(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 1000000; i++) {
        uint32_t bits = (uint32_t)(test_random(&random) >> 32);
        if (i % 2) /* most floats are far outside of what a half can hold: stay inside */
            bits = (bits & 0x807fffff) | (100 + (bits >> 23) % 44) << 23;
        float value = float_of(bits);
        if (!isnan(value) && !isinf(value))
            check_rounding(value);
    }
}

static void packed_values_become_floats(void **state)
{
    (void)state;
    blob made = blob_make("x:ff f:1.5 f:-0.25 f:3e38 x:ff 2:0x3c00 2:0xc000 2:0x0001");
    fence packed = fence_make(made.data, made.size);
    float out[4] = { 9, 9, 9, 9 };
    ink_type_to_f32(INK_F32, packed.data + 1, 3, out); /* at an odd address */
    assert_true(out[0] == 1.5f && out[1] == -0.25f && out[2] == 3e38f && out[3] == 9);
    ink_type_to_f32(INK_F16, packed.data + packed.size - 6, 3, out);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f && out[3] == 9);
    ink_type_to_f32(INK_F16, packed.data, 0, out);
    assert_true(out[0] == 1);
    fence_free(&packed);
    blob_free(&made);
}

static void finite_values_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *recipe;
        ink_type type;
        bool finite;
    } rows[] = {
        { "", INK_F32, true },
        { "f:0 f:-3e38 f:1e-45", INK_F32, true },
        { "f:0 f:1 4:0x7f800000", INK_F32, false },
        { "4:0xff800000 f:1 f:2", INK_F32, false },
        { "f:1 4:0x7f800001 f:2", INK_F32, false },
        { "f:1 f:1 4:0xffffffff", INK_F32, false },
        { "4:0x7f7fffff 4:0xff7fffff", INK_F32, true },
        { "", INK_F16, true },
        { "2:0x7bff 2:0xfbff 2:0x0001", INK_F16, true },
        { "2:0 2:0x7c00", INK_F16, false },
        { "2:0xfc00 2:0", INK_F16, false },
        { "2:0 2:0x7e01 2:0", INK_F16, false },
        { "2:0x7f7f 2:0xff7f 2:0x0001", INK_BF16, true },
        { "2:0 2:0 2:0x7f80", INK_BF16, false },
        { "2:0xff81 2:0", INK_BF16, false },
        { "8:0x47efffffe0000000 8:1", INK_F64, true },   /* the largest float, the smallest double */
        { "8:0x47effffff0000000", INK_F64, false },      /* halfway to what would be the next */
        { "8:0x7ff0000000000000", INK_F64, false },
        { "8:0 8:0xfff8000000000000", INK_F64, false },
        /* The elements of a block do not matter, the scale and the least element do. */
        { "2:0x7bff x:80 z:30 x:7f 2:0x8001 z:32", INK_Q8_0, true },
        { "2:0 z:32 2:0x7c00 z:32", INK_Q8_0, false },
        { "2:0x3c00 z:32 2:0xfe00 z:32", INK_Q8_0, false },
        { "2:0xfbff a:16", INK_Q4_0, true },
        { "2:0xfc00 a:16", INK_Q4_0, false },
        { "2:0x7bff 2:0x7bff a:16", INK_Q4_1, true },
        { "2:0x7c00 2:0 a:16", INK_Q4_1, false },
        { "2:0 2:0x7c00 a:16", INK_Q4_1, false },
        { "2:0x7bff 4:-1 a:16", INK_Q5_0, true },        /* the fifth bits are no half */
        { "2:0x7e00 4:0 a:16", INK_Q5_0, false },
        { "2:0x7bff 2:0x7bff 4:-1 a:16", INK_Q5_1, true },
        { "2:0 2:0xfc00 4:0 a:16", INK_Q5_1, false },
        { "2:0x7c01 2:0 4:0 a:16", INK_Q5_1, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        blob made = blob_make(rows[i].recipe);
        fence packed = fence_make(made.data, made.size);
        const ink_type_row *type = ink_type_get(rows[i].type);
        size_t count = packed.size / type->block_bytes * type->block_items;
        if (ink_type_is_finite(rows[i].type, packed.data, count) != rows[i].finite)
            fail_msg("'%s' should be %s", rows[i].recipe, rows[i].finite ? "finite" : "not finite");
        fence_free(&packed);
        blob_free(&made);
    }
    assert_true(bits_of(1.0f) == 0x3f800000); /* the recipes count on it */
}

/* More elements than are looked at together, one of them infinite. */
static void one_of_many_is_told(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static float values[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = INFINITY;
        assert_false(ink_type_is_finite(INK_F32, values, COUNT));
        assert_true(ink_type_is_finite(INK_F32, values, i));
        values[i] = 1;
    }
    assert_true(ink_type_is_finite(INK_F32, values, COUNT));
}

/* ---- blocks ---- */

/* Blocks worked out by hand: the lower halves of the 16 bytes are the first 16 elements. */
static void blocks_become_floats(void **state)
{
    (void)state;
    static const struct {
        const char *recipe;
        ink_type type;
        size_t at; /* elements that are looked at */
        float wanted[4];
    } rows[] = {
        /* 1, -1, 127 and -128 times 1/2 */
        { "2:0x3800 x:01ff7f80 z:28", INK_Q8_0, 0, { 0.5f, -0.5f, 63.5f, -64 } },
        { "2:0x3800 z:28 x:01ff7f80", INK_Q8_0, 28, { 0.5f, -0.5f, 63.5f, -64 } },
        { "2:0xc000 x:01ff7f80 z:28", INK_Q8_0, 0, { -2, 2, -254, 256 } },
        /* the smallest half, a subnormal one; the largest; and none */
        { "2:0x0001 x:01ff7f80 z:28", INK_Q8_0, 0, { 0x1p-24f, -0x1p-24f, 0x1.fcp-18f, -0x1p-17f } },
        { "2:0x7bff x:01ff7f80 z:28", INK_Q8_0, 0, { 65504, -65504, 8319008, -8384512 } },
        { "2:0x0000 x:01ff7f80 z:28", INK_Q8_0, 0, { 0, 0, 0, 0 } },
        { "2:0x3c00 z:32 2:0x4000 x:05060708 z:28", INK_Q8_0, 32, { 10, 12, 14, 16 } },
        /* 0 stands for -8, 8 for 0, 15 for 7 */
        { "2:0x3c00 x:f081197a z:12", INK_Q4_0, 0, { -8, -7, 1, 2 } },
        { "2:0x3c00 x:f081197a z:12", INK_Q4_0, 16, { 7, 0, -7, -1 } },
        { "2:0xb800 z:12 x:f081197a", INK_Q4_0, 12, { 4, 3.5f, -0.5f, -1 } },
        { "2:0xb800 z:12 x:f081197a", INK_Q4_0, 28, { -3.5f, 0, 3.5f, 0.5f } },
        { "2:0x03ff x:f081197a z:12", INK_Q4_0, 16, { 0x1.bf9p-12f, 0, -0x1.bf9p-12f, -0x1.ff8p-15f } },
        { "2:0x3c00 z:16 2:0x4000 x:f081197a z:12", INK_Q4_0, 32, { -16, -14, 2, 4 } },
        /* times 1/2, and from -10 on */
        { "2:0x3800 2:0xc900 x:f081197a z:12", INK_Q4_1, 0, { -10, -9.5f, -5.5f, -5 } },
        { "2:0x3800 2:0xc900 x:f081197a z:12", INK_Q4_1, 16, { -2.5f, -6, -9.5f, -6.5f } },
        { "2:0x0001 2:0x0001 x:f081197a z:12", INK_Q4_1, 16, { 0x1p-20f, 0x1.2p-21f, 0x1p-23f, 0x1p-21f } },
        /* a sum that is rounded, to even: 1 + 7.5 * 2^-23 */
        { "2:0x0001 2:0x3c00 x:ff z:15", INK_Q4_1, 0, { 0x1.00001p0f, 1, 1, 1 } },
        /* 0 stands for -16; the fifth bits of elements 1, 3, 16 and 19 */
        { "2:0x3c00 4:0x0009000a x:f081197a z:12", INK_Q5_0, 0, { -16, 1, -7, 10 } },
        { "2:0x3c00 4:0x0009000a x:f081197a z:12", INK_Q5_0, 16, { 15, -8, -15, 7 } },
        { "2:0xc000 4:0x80000000 z:15 x:10", INK_Q5_0, 28, { 32, 32, 32, -2 } },
        { "2:0x3c00 2:0x3c00 4:0x0009000a x:f081197a z:12", INK_Q5_1, 0, { 1, 18, 10, 27 } },
        { "2:0x3c00 2:0xbc00 4:0x0009000a x:f081197a z:12", INK_Q5_1, 16, { 30, 7, 0, 22 } },
        { "2:0x7bff 2:0x7bff 4:-1 a:15 x:ff", INK_Q5_1, 31, { 2096128 } },
        { "2:0x3f80 2:0xc060 2:0x0001 2:0x7f7f", INK_BF16, 0, { 1, -3.5f, 0x1p-133f, 0x1.fep127f } },
        { "8:0x3ff8000000000000 8:0xbfb999999999999a 8:0x36a0000000000000 8:0x3690000000000000", INK_F64, 0,
          { 1.5f, -0.1f, 0x1p-149f, 0 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float out[65];
        blob made = blob_make("x:ff"); /* so that nothing is aligned */
        blob blocks = blob_make(rows[i].recipe);
        blob_append(&made, blocks.data, blocks.size);
        fence packed = fence_make(made.data, made.size);
        const ink_type_row *type = ink_type_get(rows[i].type);
        const size_t count = blocks.size / type->block_bytes * type->block_items;
        assert_true(count < sizeof out / sizeof *out && blocks.size % type->block_bytes == 0);
        out[count] = 77;
        ink_type_to_f32(rows[i].type, packed.data + 1, count, out);
        assert_true(out[count] == 77);
        for (size_t k = 0; k < 4 && rows[i].at + k < count; k++)
            if (out[rows[i].at + k] != rows[i].wanted[k])
                fail_msg("%s '%s': element %zu is %a, wanted %a", type->name, rows[i].recipe, rows[i].at + k,
                         (double)out[rows[i].at + k], (double)rows[i].wanted[k]);
        for (size_t k = 0; k < count; k++)
            assert_true(ink_type_element(rows[i].type, packed.data + 1, k) == out[k]);
        fence_free(&packed);
        blob_free(&blocks);
        blob_free(&made);
    }
}

static void bytes_are_counted(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_true(ink_type_bytes(ink_type_get(INK_F32), 3, &bytes) && bytes == 12);
    assert_true(ink_type_bytes(ink_type_get(INK_Q8_0), 96, &bytes) && bytes == 102);
    assert_true(ink_type_bytes(ink_type_get(INK_Q4_0), UINT64_C(1) << 63, &bytes) && bytes == (UINT64_C(9) << 59));
    assert_false(ink_type_bytes(ink_type_get(INK_Q8_0), UINT64_MAX - 31, &bytes));
    assert_false(ink_type_bytes(ink_type_get(INK_F64), UINT64_C(1) << 61, &bytes));
}

static void table_is_right(void **state)
{
    (void)state;
    static const struct {
        uint32_t gguf;
        const char *name;
        uint32_t items, bytes;
        const char *text; /* NULL: this library does not compute with it */
    } want[] = {
        { INK_F32, "F32", 1, 4, "f32" },
        { INK_F16, "F16", 1, 2, "f16" },
        { INK_Q4_0, "Q4_0", 32, 18, "q4_0" },
        { INK_Q4_1, "Q4_1", 32, 20, "q4_1" },
        { INK_Q5_0, "Q5_0", 32, 22, "q5_0" },
        { INK_Q5_1, "Q5_1", 32, 24, "q5_1" },
        { INK_Q8_0, "Q8_0", 32, 34, "q8_0" },
        { INK_F64, "F64", 1, 8, "f64" },
        { INK_BF16, "BF16", 1, 2, "bf16" },
        { 9, "Q8_1", 32, 36, NULL },
        { 15, "Q8_K", 256, 292, NULL },
        { INK_I8, "I8", 1, 1, "i8" },
        { 25, "I16", 1, 2, NULL },
        { 27, "I64", 1, 8, NULL },
        { 39, "MXFP4", 32, 17, NULL },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const ink_type_row *row = ink_type_from_gguf(want[i].gguf);
        assert_non_null(row);
        assert_string_equal(row->name, want[i].name);
        assert_int_equal(row->gguf, want[i].gguf);
        assert_int_equal(row->block_items, want[i].items);
        assert_int_equal(row->block_bytes, want[i].bytes);
        assert_int_equal(row->decode != NULL, want[i].text != NULL);
        const char *text = ink_type_name((ink_type)want[i].gguf);
        if (want[i].text)
            assert_string_equal(text, want[i].text);
        else
            assert_null(text);
        assert_ptr_equal(ink_type_get((ink_type)want[i].gguf), want[i].text ? row : NULL);
    }
    size_t known = 0, usable = 0;
    for (uint32_t gguf = 0; gguf < 1000; gguf++) {
        const ink_type_row *row = ink_type_from_gguf(gguf);
        if (!row)
            continue;
        assert_int_equal(row->gguf, gguf);
        known++;
        usable += row->decode != NULL;
        if (row->decode)
            assert_true(row->block_items <= INK_TYPE_LARGEST_BLOCK);
    }
    assert_int_equal(known, 35);
    assert_int_equal(usable, 10);
    assert_null(ink_type_from_gguf(4));  /* Q4_2, which ggml has given up */
    assert_null(ink_type_from_gguf(31)); /* Q4_0_4_4, too */
    assert_null(ink_type_from_gguf(UINT32_MAX));

    char names[INK_TYPE_NAMES];
    assert_string_equal(ink_type_names(names), "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, I8, F64 or BF16");
    assert_null(ink_type_get((ink_type)1000));
    assert_null(ink_type_name((ink_type)4));
    assert_null(ink_type_name((ink_type)-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_halves_round_trip),
        cmocka_unit_test(ties_go_to_even),
        cmocka_unit_test(edges_round),
        cmocka_unit_test(random_floats_round),
        cmocka_unit_test(packed_values_become_floats),
        cmocka_unit_test(finite_values_are_told),
        cmocka_unit_test(one_of_many_is_told),
        cmocka_unit_test(blocks_become_floats),
        cmocka_unit_test(bytes_are_counted),
        cmocka_unit_test(table_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
