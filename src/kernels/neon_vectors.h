/* NEON (AArch64) as the loops of *_loops.h want it. Every AArch64 processor has it, so its file needs no flags. */
#ifndef INK_NEON_VECTORS_H
#define INK_NEON_VECTORS_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define ISA(operation) ink_##operation##_neon

typedef float32x4_t vec;
/* A panel of packed weights is four vectors wide, for of 32 registers 24 sums want few loads: 6 rows and 4 vectors are
 * 10 for 24 FMAs, 12 rows and 2 vectors were 14. */
enum { LANES = 4, VECTORS = 4, TILE = LANES * VECTORS, ROWS_MOST = 6 };
/* Of dense layers over inputs that are not zero: a single row's, and those of several rows. */
enum { SPARSE_VECTORS = 16, SPARSE_ROWS = 1 };

ALWAYS_INLINE vec vec_load(const float *x)
{
    return vld1q_f32(x);
}

ALWAYS_INLINE void vec_store(float *y, vec v)
{
    vst1q_f32(y, v);
}

/* The first `count` floats, all of them if there are so many; the others are 0. */
ALWAYS_INLINE vec vec_load_some(const float *x, size_t count)
{
    const float32x2_t zero = vdup_n_f32(0);
    if (__builtin_expect(count >= LANES, 1))
        return vld1q_f32(x);
    switch (count) {
    case 0: return vdupq_n_f32(0);
    case 1: return vcombine_f32(vld1_lane_f32(x, zero, 0), zero);
    case 2: return vcombine_f32(vld1_f32(x), zero);
    default: return vcombine_f32(vld1_f32(x), vld1_lane_f32(x + 2, zero, 0));
    }
}

ALWAYS_INLINE void vec_store_some(float *y, vec v, size_t count)
{
    if (__builtin_expect(count >= LANES, 1)) {
        vst1q_f32(y, v);
        return;
    }
    switch (count) {
    case 0: break;
    case 1: vst1q_lane_f32(y, v, 0); break;
    case 2: vst1_f32(y, vget_low_f32(v)); break;
    default:
        vst1_f32(y, vget_low_f32(v));
        vst1q_lane_f32(y + 2, v, 2);
        break;
    }
}

/* What is used several times is loaded once. */
ALWAYS_INLINE vec vec_in_register(vec v)
{
    __asm__("" : "+w"(v));
    return v;
}

ALWAYS_INLINE vec vec_all(float x)
{
    return vdupq_n_f32(x);
}

ALWAYS_INLINE vec vec_zero(void)
{
    return vdupq_n_f32(0);
}

ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}

ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    return vsubq_f32(a, b);
}

ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return vmulq_f32(a, b);
}

ALWAYS_INLINE vec vec_fma(vec a, vec b, vec sum)
{
    return vfmaq_f32(sum, a, b);
}

/* Of a number and a NaN it is the number, so that infinities get through vec_leaky with slope 0. */
ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return vmaxnmq_f32(a, b);
}

/* The sum of all lanes. */
ALWAYS_INLINE float vec_sum(vec v)
{
    return vaddvq_f32(v);
}

/* Bit i is set where lane i is not 0. */
ALWAYS_INLINE unsigned vec_not_zero(vec v)
{
    static const uint32_t bits[4] = { 1, 2, 4, 8 };
    return vaddvq_u32(vbicq_u32(vld1q_u32(bits), vceqzq_f32(v)));
}

/* Lanes that a mask picks, in order, and lanes of no meaning behind them. */
typedef uint32x4_t vec_lanes;

ALWAYS_INLINE vec_lanes vec_lanes_of(unsigned mask)
{
    static const uint32_t lanes[16][4] = {
        { 0 },       { 0 },       { 1 },       { 0, 1 },    { 2 },       { 0, 2 },    { 1, 2 },    { 0, 1, 2 },
        { 3 },       { 0, 3 },    { 1, 3 },    { 0, 1, 3 }, { 2, 3 },    { 0, 2, 3 }, { 1, 2, 3 }, { 0, 1, 2, 3 },
    };
    return vld1q_u32(lanes[mask]);
}

/* Writes LANES numbers: those of the lanes, and `first` added. */
ALWAYS_INLINE void vec_lanes_store(uint32_t *index, vec_lanes lanes, uint32_t first)
{
    vst1q_u32(index, vaddq_u32(lanes, vdupq_n_u32(first)));
}

ALWAYS_INLINE vec vec_permute(vec v, vec_lanes lanes)
{
    /* Lane i is the bytes 4 i to 4 i + 3. */
    const uint32x4_t bytes = vmlaq_u32(vdupq_n_u32(0x03020100), lanes, vdupq_n_u32(0x04040404));
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(v), vreinterpretq_u8_u32(bytes)));
}

ALWAYS_INLINE vec vec_from_bytes(const uint8_t *x)
{
    uint32_t four;
    memcpy(&four, x, sizeof four);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four)))));
}

/* v > 0 ? v : slope * v, for slopes from 0 to 1. */
ALWAYS_INLINE vec vec_leaky(vec v, vec slope)
{
    return vec_max(vec_mul(v, slope), v);
}

#endif
