/* AVX2 + FMA as the loops of *_loops.h want it; what the files of AVX2 kernels share. They alone are compiled with
 * -mavx2 -mfma. */
#ifndef INK_AVX2_VECTORS_H
#define INK_AVX2_VECTORS_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define ISA(operation) ink_##operation##_avx2

typedef __m256 vec;
/* A panel of packed weights is two vectors wide; the rows fit the 16 registers beside them. Where zeros are skipped
 * a panel has SPARSE_VECTORS, and SPARSE_ROWS go together. */
enum { LANES = 8, VECTORS = 2, TILE = LANES * VECTORS, ROWS_MOST = 6, SPARSE_VECTORS = 8, SPARSE_ROWS = 1 };

/* Eight floats from which the first `count` (0 to 8) are taken by masked loads and stores. */
static const int32_t mask_source[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

ALWAYS_INLINE __m256i mask_of(size_t count)
{
    return _mm256_loadu_si256((const __m256i *)(mask_source + 8 - count));
}

ALWAYS_INLINE vec vec_load(const float *x)
{
    return _mm256_loadu_ps(x);
}

ALWAYS_INLINE void vec_store(float *y, vec v)
{
    _mm256_storeu_ps(y, v);
}

/* The first `count` floats, all of them if there are so many; the others are 0. */
ALWAYS_INLINE vec vec_load_some(const float *x, size_t count)
{
    return count >= LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask_of(count));
}

ALWAYS_INLINE void vec_store_some(float *y, vec v, size_t count)
{
    if (count >= LANES)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, mask_of(count), v);
}

/* Else gcc would load it again for each of its uses, and loads are what is short. */
ALWAYS_INLINE vec vec_in_register(vec v)
{
    __asm__("" : "+x"(v));
    return v;
}

ALWAYS_INLINE vec vec_all(float x)
{
    return _mm256_set1_ps(x);
}

ALWAYS_INLINE vec vec_zero(void)
{
    return _mm256_setzero_ps();
}

ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}

ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

ALWAYS_INLINE vec vec_fma(vec a, vec b, vec sum)
{
    return _mm256_fmadd_ps(a, b, sum);
}

ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

/* The sum of all lanes: halves upon halves. */
ALWAYS_INLINE float vec_sum(vec v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

/* Bit i is set where lane i is not 0. */
ALWAYS_INLINE unsigned vec_not_zero(vec v)
{
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}

/* Lanes that a mask picks, in order, and lanes of no meaning behind them. */
typedef __m256i vec_lanes;

ALWAYS_INLINE vec_lanes vec_lanes_of(unsigned mask)
{
    /* The bits of half a mask: a byte each. */
    static const uint32_t bits[16] = { 0, 0x00, 0x01, 0x0100, 0x02, 0x0200, 0x0201, 0x020100, 0x03, 0x0300, 0x0301,
                                       0x030100, 0x0302, 0x030200, 0x030201, 0x03020100 };
    const uint64_t high = bits[mask >> 4] + UINT32_C(0x04040404);
    const uint64_t list = bits[mask & 15] | high << 8 * __builtin_popcount(mask & 15);
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)list));
}

/* Writes LANES numbers: those of the lanes, and `first` added. */
ALWAYS_INLINE void vec_lanes_store(uint32_t *index, vec_lanes lanes, uint32_t first)
{
    _mm256_storeu_si256((__m256i *)index, _mm256_add_epi32(lanes, _mm256_set1_epi32((int)first)));
}

ALWAYS_INLINE vec vec_permute(vec v, vec_lanes lanes)
{
    return _mm256_permutevar8x32_ps(v, lanes);
}

ALWAYS_INLINE vec vec_from_bytes(const uint8_t *x)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x)));
}

/* v > 0 ? v : slope * v, for slopes from 0 to 1. */
ALWAYS_INLINE vec vec_leaky(vec v, vec slope)
{
    return _mm256_max_ps(_mm256_mul_ps(v, slope), v);
}

#endif
