/* WebAssembly's SIMD as the loops of *_loops.h want it. An engine takes a module with such instructions or refuses it
 * whole, so there is nothing to ask at run time: the library is compiled with -msimd128 or without. */
#ifndef INK_SIMD128_VECTORS_H
#define INK_SIMD128_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define ISA(operation) ink_##operation##_simd128

typedef v128_t vec;
/* A panel of packed weights is two vectors wide. On x86 an engine has 15 registers, and without FMA a product wants one
 * too: in V8 4 rows by 2 vectors are faster than 5, 6 by 2 and 3, 4 by 3. */
enum { LANES = 4, VECTORS = 2, TILE = LANES * VECTORS, ROWS_MOST = 4 };
/* Of dense layers over inputs that are not zero: a single row's, and those of several rows. */
enum { SPARSE_VECTORS = 4, SPARSE_ROWS = 1 };

ALWAYS_INLINE vec vec_load(const float *x)
{
    return wasm_v128_load(x);
}

ALWAYS_INLINE void vec_store(float *y, vec v)
{
    wasm_v128_store(y, v);
}

/* The first `count` floats, all of them if there are so many; the others are 0. */
ALWAYS_INLINE vec vec_load_some(const float *x, size_t count)
{
    if (__builtin_expect(count >= LANES, 1))
        return wasm_v128_load(x);
    switch (count) {
    case 0: return wasm_f32x4_const(0, 0, 0, 0);
    case 1: return wasm_v128_load32_zero(x);
    case 2: return wasm_v128_load64_zero(x);
    default: return wasm_v128_load32_lane(x + 2, wasm_v128_load64_zero(x), 2);
    }
}

ALWAYS_INLINE void vec_store_some(float *y, vec v, size_t count)
{
    if (__builtin_expect(count >= LANES, 1)) {
        wasm_v128_store(y, v);
        return;
    }
    switch (count) {
    case 0: break;
    case 1: wasm_v128_store32_lane(y, v, 0); break;
    case 2: wasm_v128_store64_lane(y, v, 0); break;
    default:
        wasm_v128_store64_lane(y, v, 0);
        wasm_v128_store32_lane(y + 2, v, 2);
        break;
    }
}

/* What is used several times is loaded once. */
ALWAYS_INLINE vec vec_in_register(vec v)
{
    return v; /* the compiler of the module's machine decides */
}

ALWAYS_INLINE vec vec_all(float x)
{
    return wasm_f32x4_splat(x);
}

ALWAYS_INLINE vec vec_zero(void)
{
    return wasm_f32x4_const(0, 0, 0, 0);
}

ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return wasm_f32x4_add(a, b);
}

ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    return wasm_f32x4_sub(a, b);
}

ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return wasm_f32x4_mul(a, b);
}

/* Rounded twice, as in scalar.c. */
ALWAYS_INLINE vec vec_fma(vec a, vec b, vec sum)
{
    return wasm_f32x4_add(sum, wasm_f32x4_mul(a, b));
}

/* a > b ? a : b, which is one instruction on x86, where that of f32x4.max is eight. */
ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return wasm_f32x4_pmax(b, a);
}

/* The sum of all lanes: halves upon halves. */
ALWAYS_INLINE float vec_sum(vec v)
{
    v = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
    return wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1);
}

/* Bit i is set where lane i is not 0. */
ALWAYS_INLINE unsigned vec_not_zero(vec v)
{
    return (unsigned)wasm_i32x4_bitmask(wasm_f32x4_ne(v, vec_zero()));
}

/* Lanes that a mask picks, in order, and lanes of no meaning behind them. */
typedef v128_t vec_lanes;

ALWAYS_INLINE vec_lanes vec_lanes_of(unsigned mask)
{
    static const uint32_t lanes[16][4] = {
        { 0 },       { 0 },       { 1 },       { 0, 1 },    { 2 },       { 0, 2 },    { 1, 2 },    { 0, 1, 2 },
        { 3 },       { 0, 3 },    { 1, 3 },    { 0, 1, 3 }, { 2, 3 },    { 0, 2, 3 }, { 1, 2, 3 }, { 0, 1, 2, 3 },
    };
    return wasm_v128_load(lanes[mask]);
}

/* Writes LANES numbers: those of the lanes, and `first` added. */
ALWAYS_INLINE void vec_lanes_store(uint32_t *index, vec_lanes lanes, uint32_t first)
{
    wasm_v128_store(index, wasm_i32x4_add(lanes, wasm_i32x4_splat((int32_t)first)));
}

ALWAYS_INLINE vec vec_permute(vec v, vec_lanes lanes)
{
    /* Lane i is the bytes 4 i to 4 i + 3. */
    const v128_t bytes = wasm_i32x4_add(wasm_i32x4_mul(lanes, wasm_i32x4_const_splat(0x04040404)),
                                        wasm_i32x4_const_splat(0x03020100));
    return wasm_i8x16_swizzle(v, bytes);
}

ALWAYS_INLINE vec vec_from_bytes(const uint8_t *x)
{
    const v128_t words = wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(x));
    return wasm_f32x4_convert_i32x4(wasm_u32x4_extend_low_u16x8(words));
}

/* v > 0 ? v : slope * v, for slopes from 0 to 1. */
ALWAYS_INLINE vec vec_leaky(vec v, vec slope)
{
    return vec_max(vec_mul(v, slope), v);
}

#endif
