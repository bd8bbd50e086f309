#include "tensor/type.h"

#include "base/checked.h"
#include "base/cursor.h"

#include <assert.h>
#include <stdio.h>

/* ---- half precision ---- */

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

/* ---- decoders ---- */

static uint16_t load_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static float load_half(const uint8_t *p)
{
    return ink_f16_to_f32(load_u16le(p));
}

static void decode_f32(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = float_of(ink_load_u32le(data + 4 * i));
}

static void decode_f16(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = load_half(data + 2 * i);
}

/* The upper half of a float. */
static void decode_bf16(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = float_of((uint32_t)load_u16le(data + 2 * i) << 16);
}

static void decode_f64(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t bits = ink_load_u64le(data + 8 * i);
        double value;
        memcpy(&value, &bits, sizeof value);
        out[i] = (float)value;
    }
}

/* As they are: their scales are a tensor of their own. */
static void decode_i8(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(int8_t)data[i];
}

/* A scale, then 32 signed bytes: x = scale * q. */
static void decode_q8_0(const uint8_t *data, size_t blocks, float *out)
{
    for (; blocks > 0; blocks--, data += 2 + 32, out += 32) {
        const float scale = load_half(data);
        for (size_t i = 0; i < 32; i++)
            out[i] = scale * (float)(int8_t)data[2 + i];
    }
}

/* The types of 4 and 5 bits. A block is a scale; for Q4_1 and Q5_1 its least element; for Q5_0 and Q5_1
 * the fifth bits of all elements, 4 bytes; and 16 bytes, whose lower halves are the first 16 elements:
 *     Q4_0, Q5_0: x = scale * (q - 8), scale * (q - 16)        Q4_1, Q5_1: x = scale * q + least
 * A product is exact, its factors having 11 and 5 bits. */
static void decode_nibbles(const uint8_t *data, size_t blocks, float *out, bool has_least, bool has_fifth)
{
    const size_t fifth_at = has_least ? 4 : 2, at = fifth_at + (has_fifth ? 4 : 0);
    const int zero = has_least ? 0 : has_fifth ? 16 : 8;
    for (; blocks > 0; blocks--, data += at + 16, out += 32) {
        const float scale = load_half(data);
        const uint32_t fifth = has_fifth ? ink_load_u32le(data + fifth_at) : 0;
        for (size_t i = 0; i < 32; i++) {
            const uint32_t both = data[at + i % 16];
            const uint32_t q = (both >> (i < 16 ? 0 : 4) & 15) | (fifth >> i & 1) << 4;
            out[i] = scale * (float)((int)q - zero);
        }
        const float least = has_least ? load_half(data + 2) : 0;
        for (size_t i = 0; has_least && i < 32; i++)
            out[i] += least;
    }
}

static void decode_q4_0(const uint8_t *data, size_t blocks, float *out)
{
    decode_nibbles(data, blocks, out, false, false);
}

static void decode_q4_1(const uint8_t *data, size_t blocks, float *out)
{
    decode_nibbles(data, blocks, out, true, false);
}

static void decode_q5_0(const uint8_t *data, size_t blocks, float *out)
{
    decode_nibbles(data, blocks, out, false, true);
}

static void decode_q5_1(const uint8_t *data, size_t blocks, float *out)
{
    decode_nibbles(data, blocks, out, true, true);
}

/* ---- the table ---- */

/* GGUF's element types. The ids that are missing belonged to types which ggml has given up; block
 * sizes are those of ggml-common.h. */
static const ink_type_row rows[] = {
    { .name = "F32", .gguf = INK_F32, .block_items = 1, .block_bytes = 4,
      .text = "f32", .decode = decode_f32 },
    { .name = "F16", .gguf = INK_F16, .block_items = 1, .block_bytes = 2,
      .text = "f16", .halves = 1, .decode = decode_f16 },
    { .name = "Q4_0", .gguf = INK_Q4_0, .block_items = 32, .block_bytes = 18,
      .text = "q4_0", .halves = 1, .decode = decode_q4_0 },
    { .name = "Q4_1", .gguf = INK_Q4_1, .block_items = 32, .block_bytes = 20,
      .text = "q4_1", .halves = 2, .decode = decode_q4_1 },
    { .name = "Q5_0", .gguf = INK_Q5_0, .block_items = 32, .block_bytes = 22,
      .text = "q5_0", .halves = 1, .decode = decode_q5_0 },
    { .name = "Q5_1", .gguf = INK_Q5_1, .block_items = 32, .block_bytes = 24,
      .text = "q5_1", .halves = 2, .decode = decode_q5_1 },
    { .name = "Q8_0", .gguf = INK_Q8_0, .block_items = 32, .block_bytes = 34,
      .text = "q8_0", .halves = 1, .decode = decode_q8_0 },
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
    { .name = "I8", .gguf = INK_I8, .block_items = 1, .block_bytes = 1,
      .text = "i8", .decode = decode_i8 },
    { .name = "I16", .gguf = 25, .block_items = 1, .block_bytes = 2 },
    { .name = "I32", .gguf = 26, .block_items = 1, .block_bytes = 4 },
    { .name = "I64", .gguf = 27, .block_items = 1, .block_bytes = 8 },
    { .name = "F64", .gguf = INK_F64, .block_items = 1, .block_bytes = 8,
      .text = "f64", .decode = decode_f64 },
    { .name = "IQ1_M", .gguf = 29, .block_items = 256, .block_bytes = 56 },
    { .name = "BF16", .gguf = INK_BF16, .block_items = 1, .block_bytes = 2,
      .text = "bf16", .decode = decode_bf16 },
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
    const ink_type_row *row = ink_type_from_gguf((uint32_t)type);
    return row && row->decode ? row : NULL;
}

const char *ink_type_name(ink_type type)
{
    const ink_type_row *row = ink_type_get(type);
    return row ? row->text : NULL;
}

const char *ink_type_names(char text[INK_TYPE_NAMES])
{
    size_t left = 0, at = 0;
    for (size_t i = 0; i < ROWS; i++)
        left += rows[i].decode != NULL;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].decode) {
            const char *between = --left > 1 ? ", " : left == 1 ? " or " : "";
            at += (size_t)snprintf(text + at, INK_TYPE_NAMES - at, "%s%s", rows[i].name, between);
        }
    assert(at < INK_TYPE_NAMES);
    return text;
}

bool ink_type_bytes(const ink_type_row *row, uint64_t elements, uint64_t *bytes)
{
    assert(elements % row->block_items == 0);
    return ink_mul_u64(elements / row->block_items, row->block_bytes, bytes);
}

uint64_t ink_type_elements(const ink_type_row *row, uint64_t bytes)
{
    return bytes / row->block_bytes * row->block_items;
}

void ink_type_to_f32(ink_type type, const void *data, size_t count, float *out)
{
    const ink_type_row *row = ink_type_get(type);
    assert(count % row->block_items == 0);
    row->decode(data, count / row->block_items, out);
}

float ink_type_element(ink_type type, const void *data, size_t i)
{
    const ink_type_row *row = ink_type_get(type);
    float block[INK_TYPE_LARGEST_BLOCK];
    row->decode((const uint8_t *)data + i / row->block_items * row->block_bytes, 1, block);
    return block[i % row->block_items];
}

static bool halves_are_finite(const ink_type_row *row, const uint8_t *data, size_t blocks)
{
    for (; blocks > 0; blocks--, data += row->block_bytes)
        for (size_t i = 0; i < row->halves; i++)
            if ((load_u16le(data + 2 * i) & 0x7c00) == 0x7c00)
                return false;
    return true;
}

/* An element of a block is at most 127 * 65504 or 31 * 65504 + 65504: finite whenever the halves are. */
bool ink_type_is_finite(ink_type type, const void *data, size_t count)
{
    enum { CHUNK = 256 };
    const ink_type_row *row = ink_type_get(type);
    const uint8_t *bytes = data;
    float values[CHUNK];
    if (row->halves)
        return halves_are_finite(row, bytes, count / row->block_items);
    for (size_t i = 0; i < count; i += CHUNK) {
        const size_t some = count - i < CHUNK ? count - i : CHUNK;
        int32_t most = 0; /* of the exponents: a form that compilers make vectors of */
        row->decode(bytes + i * row->block_bytes, some, values);
        for (size_t k = 0; k < some; k++) {
            const int32_t exponent = (int32_t)(bits_of(values[k]) & 0x7f800000);
            most = exponent > most ? exponent : most;
        }
        if (most == 0x7f800000)
            return false;
    }
    return true;
}
