#include "tensor/type.h"

#include "base/cursor.h"

/* GGUF's element types. The ids that are missing belonged to types which ggml has given up; block
 * sizes are those of ggml-common.h. */
static const ink_type_row rows[] = {
    { .name = "F32", .gguf = 0, .block_items = 1, .block_bytes = 4,
      .usable = true, .type = INK_F32 },
    { .name = "F16", .gguf = 1, .block_items = 1, .block_bytes = 2,
      .usable = true, .type = INK_F16 },
    { .name = "Q4_0", .gguf = 2, .block_items = 32, .block_bytes = 18 },
    { .name = "Q4_1", .gguf = 3, .block_items = 32, .block_bytes = 20 },
    { .name = "Q5_0", .gguf = 6, .block_items = 32, .block_bytes = 22 },
    { .name = "Q5_1", .gguf = 7, .block_items = 32, .block_bytes = 24 },
    { .name = "Q8_0", .gguf = 8, .block_items = 32, .block_bytes = 34 },
    { .name = "Q8_1", .gguf = 9, .block_items = 32, .block_bytes = 36 },
    { .name = "Q2_K", .gguf = 10, .block_items = 256, .block_bytes = 84 },
    { .name = "Q3_K", .gguf = 11, .block_items = 256, .block_bytes = 110 },
    { .name = "Q4_K", .gguf = 12, .block_items = 256, .block_bytes = 144 },
    { .name = "Q5_K", .gguf = 13, .block_items = 256, .block_bytes = 176 },
    { .name = "Q6_K", .gguf = 14, .block_items = 256, .block_bytes = 210 },
    { .name = "Q8_K", .gguf = 15, .block_items = 256, .block_bytes = 292 },
    { .name = "IQ2_XXS", .gguf = 16, .block_items = 256, .block_bytes = 66 },
    { .name = "IQ2_XS", .gguf = 17, .block_items = 256, .block_bytes = 74 },
    { .name = "IQ3_XXS", .gguf = 18, .block_items = 256, .block_bytes = 98 },
    { .name = "IQ1_S", .gguf = 19, .block_items = 256, .block_bytes = 50 },
    { .name = "IQ4_NL", .gguf = 20, .block_items = 32, .block_bytes = 18 },
    { .name = "IQ3_S", .gguf = 21, .block_items = 256, .block_bytes = 110 },
    { .name = "IQ2_S", .gguf = 22, .block_items = 256, .block_bytes = 82 },
    { .name = "IQ4_XS", .gguf = 23, .block_items = 256, .block_bytes = 136 },
    { .name = "I8", .gguf = 24, .block_items = 1, .block_bytes = 1 },
    { .name = "I16", .gguf = 25, .block_items = 1, .block_bytes = 2 },
    { .name = "I32", .gguf = 26, .block_items = 1, .block_bytes = 4 },
    { .name = "I64", .gguf = 27, .block_items = 1, .block_bytes = 8 },
    { .name = "F64", .gguf = 28, .block_items = 1, .block_bytes = 8 },
    { .name = "IQ1_M", .gguf = 29, .block_items = 256, .block_bytes = 56 },
    { .name = "BF16", .gguf = 30, .block_items = 1, .block_bytes = 2 },
    { .name = "TQ1_0", .gguf = 34, .block_items = 256, .block_bytes = 54 },
    { .name = "TQ2_0", .gguf = 35, .block_items = 256, .block_bytes = 66 },
    { .name = "MXFP4", .gguf = 39, .block_items = 32, .block_bytes = 17 },
    { .name = "NVFP4", .gguf = 40, .block_items = 64, .block_bytes = 36 },
    { .name = "Q1_0", .gguf = 41, .block_items = 128, .block_bytes = 18 },
    { .name = "Q2_0", .gguf = 42, .block_items = 64, .block_bytes = 18 },
};

enum { ROWS = sizeof rows / sizeof *rows };

const ink_type_row *ink_type_from_gguf(uint32_t gguf)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].gguf == gguf)
            return &rows[i];
    return NULL;
}

const ink_type_row *ink_type_get(ink_type type)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].usable && rows[i].type == type)
            return &rows[i];
    return NULL;
}

const char *ink_type_name(ink_type type)
{
    switch (type) {
    case INK_F32: return "f32";
    case INK_F16: return "f16";
    }
    return NULL;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* binary16: 1 sign, 5 exponent (bias 15), 10 fraction; binary32: 1, 8 (bias 127), 23. */
float ink_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = (uint32_t)half & 0x7fff;
    if (rest >= 0x7c00) /* infinity, NaN: the exponent stays all ones */
        return float_of(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest >= 0x0400)
        return float_of(sign | (rest + ((127 - 15) << 10)) << 13);
    /* Subnormal: a count of 2^-24, which is exact and normal in float. */
    float value = (float)rest * 0x1p-24f;
    return sign ? -value : value;
}

uint16_t ink_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff, half;
    if (rest > 0x7f800000) { /* NaN: what fits of the payload, and never none */
        half = 0x7c00 | (rest >> 13 & 0x3ff);
        return (uint16_t)(sign | half | (half == 0x7c00 ? 0x200 : 0));
    }
    if (rest >= 0x38800000) { /* from 2^-14 on: normal */
        /* Adding half a unit less one, and one more if the last bit kept is odd, carries exactly
         * where nearest-even rounds up; the carry may run into the exponent, which is right too. */
        half = (rest - 0x38000000 + 0xfff + (rest >> 13 & 1)) >> 13;
        return (uint16_t)(sign | (half < 0x7c00 ? half : 0x7c00));
    }
    /* The result counts units of 2^-24; the fraction with its hidden bit, of 2^(exponent - 150). */
    uint32_t shift = 126 - (rest >> 23);
    if (shift > 24)
        return (uint16_t)sign; /* less than half a unit */
    uint32_t fraction = (rest & 0x7fffff) | 0x800000;
    uint32_t lost = fraction & ((UINT32_C(1) << shift) - 1), tie = UINT32_C(1) << (shift - 1);
    half = fraction >> shift;
    return (uint16_t)(sign | (half + (lost > tie || (lost == tie && (half & 1)))));
}

static uint16_t load_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

void ink_type_to_f32(ink_type type, const void *data, size_t count, float *out)
{
    const uint8_t *bytes = data;
    if (type == INK_F16)
        for (size_t i = 0; i < count; i++)
            out[i] = ink_f16_to_f32(load_u16le(bytes + 2 * i));
    else
        for (size_t i = 0; i < count; i++)
            out[i] = float_of(ink_load_u32le(bytes + 4 * i));
}

bool ink_type_is_finite(ink_type type, const void *data, size_t count)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < count; i++) {
        bool special = type == INK_F16 ? (load_u16le(bytes + 2 * i) & 0x7c00) == 0x7c00
                                       : (ink_load_u32le(bytes + 4 * i) & 0x7f800000) == 0x7f800000;
        if (special)
            return false;
    }
    return true;
}
