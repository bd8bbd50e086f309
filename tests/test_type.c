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
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        blob made = blob_make(rows[i].recipe);
        fence packed = fence_make(made.data, made.size);
        size_t count = packed.size / (rows[i].type == INK_F32 ? 4 : 2);
        if (ink_type_is_finite(rows[i].type, packed.data, count) != rows[i].finite)
            fail_msg("'%s' should be %s", rows[i].recipe, rows[i].finite ? "finite" : "not finite");
        fence_free(&packed);
        blob_free(&made);
    }
    assert_true(bits_of(1.0f) == 0x3f800000); /* the recipes count on it */
}

static void table_is_right(void **state)
{
    (void)state;
    static const struct {
        uint32_t gguf;
        const char *name;
        uint32_t items, bytes;
        bool usable;
    } want[] = {
        { 0, "F32", 1, 4, true },
        { 1, "F16", 1, 2, true },
        { 2, "Q4_0", 32, 18, false },
        { 8, "Q8_0", 32, 34, false },
        { 15, "Q8_K", 256, 292, false },
        { 24, "I8", 1, 1, false },
        { 27, "I64", 1, 8, false },
        { 28, "F64", 1, 8, false },
        { 30, "BF16", 1, 2, false },
        { 39, "MXFP4", 32, 17, false },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const ink_type_row *row = ink_type_from_gguf(want[i].gguf);
        assert_non_null(row);
        assert_string_equal(row->name, want[i].name);
        assert_int_equal(row->gguf, want[i].gguf);
        assert_int_equal(row->block_items, want[i].items);
        assert_int_equal(row->block_bytes, want[i].bytes);
        assert_int_equal(row->usable, want[i].usable);
    }
    size_t known = 0, usable = 0;
    for (uint32_t gguf = 0; gguf < 1000; gguf++) {
        const ink_type_row *row = ink_type_from_gguf(gguf);
        if (!row)
            continue;
        assert_int_equal(row->gguf, gguf);
        known++;
        usable += row->usable;
    }
    assert_int_equal(known, 35);
    assert_int_equal(usable, 2);
    assert_null(ink_type_from_gguf(4));  /* Q4_2, which ggml has given up */
    assert_null(ink_type_from_gguf(31)); /* Q4_0_4_4, too */
    assert_null(ink_type_from_gguf(UINT32_MAX));

    assert_ptr_equal(ink_type_get(INK_F32), ink_type_from_gguf(0));
    assert_ptr_equal(ink_type_get(INK_F16), ink_type_from_gguf(1));
    assert_null(ink_type_get((ink_type)7));
    assert_string_equal(ink_type_name(INK_F32), "f32");
    assert_string_equal(ink_type_name(INK_F16), "f16");
    assert_null(ink_type_name((ink_type)2));
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
        cmocka_unit_test(table_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
