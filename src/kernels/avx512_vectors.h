/* AVX-512 (F, BW, DQ, VL) as the loops of *_loops.h want it. Files of AVX-512 kernels alone are compiled with its flags. */
#ifndef INK_AVX512_VECTORS_H
#define INK_AVX512_VECTORS_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define ISA(operation) ink_##operation##_avx512

typedef __m512 vec;
/* A panel of packed weights is two vectors wide; the rows fit the 32 registers beside them. Where zeros are skipped
 * a panel has SPARSE_VECTORS, and SPARSE_ROWS go together: two share what is read of the weights, of three too much is not zero. */
enum { LANES = 16, VECTORS = 2, TILE = LANES * VECTORS, ROWS_MOST = 12, SPARSE_VECTORS = 8, SPARSE_ROWS = 2 };

/* The first `count` lanes, or all. */
ALWAYS_INLINE __mmask16 mask_of(size_t count)
{
    return (__mmask16)((1u << (count < LANES ? count : LANES)) - 1);
}

ALWAYS_INLINE vec vec_load(const float *x)
{
    return _mm512_loadu_ps(x);
}

ALWAYS_INLINE void vec_store(float *y, vec v)
{
    _mm512_storeu_ps(y, v);
}

/* The first `count` floats, all of them if there are so many; the others are 0. */
ALWAYS_INLINE vec vec_load_some(const float *x, size_t count)
{
    return _mm512_maskz_loadu_ps(mask_of(count), x);
}

ALWAYS_INLINE void vec_store_some(float *y, vec v, size_t count)
{
    _mm512_mask_storeu_ps(y, mask_of(count), v);
}

/* Else gcc would load it again for each of its uses, and loads are what is short. */
ALWAYS_INLINE vec vec_in_register(vec v)
{
    __asm__("" : "+v"(v));
    return v;
}

ALWAYS_INLINE vec vec_all(float x)
{
    return _mm512_set1_ps(x);
}

ALWAYS_INLINE vec vec_zero(void)
{
    return _mm512_setzero_ps();
}

ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}

ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

ALWAYS_INLINE vec vec_fma(vec a, vec b, vec sum)
{
    return _mm512_fmadd_ps(a, b, sum);
}

ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

/* The sum of all lanes: halves upon halves. */
ALWAYS_INLINE float vec_sum(vec v)
{
    const __m256 halves = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

/* Bit i is set where lane i is not 0. */
ALWAYS_INLINE unsigned vec_not_zero(vec v)
{
    __mmask16 mask = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    /* Else gcc 12 joins the comparison and the conversion to unsigned, and then, where it needs the register for something
     * else, writes 16 bits to the stack and reads 32 back. */
    __asm__("" : "+k"(mask));
    return mask;
}

/* Lanes that a mask picks, in order, and lanes of no meaning behind them. */
typedef __m512i vec_lanes;

ALWAYS_INLINE vec_lanes vec_lanes_of(unsigned mask)
{
    const __m512i all = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_maskz_compress_epi32((__mmask16)mask, all);
}

/* Writes LANES numbers: those of the lanes, and `first` added. */
ALWAYS_INLINE void vec_lanes_store(uint32_t *index, vec_lanes lanes, uint32_t first)
{
    _mm512_storeu_si512(index, _mm512_add_epi32(lanes, _mm512_set1_epi32((int)first)));
}

ALWAYS_INLINE vec vec_permute(vec v, vec_lanes lanes)
{
    return _mm512_permutexvar_ps(lanes, v);
}

ALWAYS_INLINE vec vec_from_bytes(const uint8_t *x)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)x)));
}

/* v > 0 ? v : slope * v, for slopes from 0 to 1. */
ALWAYS_INLINE vec vec_leaky(vec v, vec slope)
{
    return _mm512_max_ps(_mm512_mul_ps(v, slope), v);
}

#endif
