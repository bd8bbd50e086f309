/* AVX-512's vectors as byte_loops.h wants them, but for the product, which VNNI has an instruction for. */
#ifndef INK_AVX512_BYTES_H
#define INK_AVX512_BYTES_H

#include "kernels/avx512_vectors.h"

#include <string.h>

typedef int32_t ints __attribute__((vector_size(64))); /* gcc 12 copies sums that are __m512i all the time */
enum { INT_LANES = 16, INT_ROWS_MOST = 12 };
#define EACH_INT_ROWS(CASE) CASE(12) CASE(8) CASE(4) CASE(2) CASE(1)

ALWAYS_INLINE ints ints_zero(void)
{
    return (ints){ 0 };
}

ALWAYS_INLINE ints ints_load(const int32_t *x)
{
    return (ints)_mm512_loadu_si512(x);
}

ALWAYS_INLINE ints ints_add(ints a, ints b)
{
    return (ints)_mm512_add_epi32((__m512i)a, (__m512i)b);
}

ALWAYS_INLINE ints ints_max(ints a, ints b)
{
    return (ints)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

ALWAYS_INLINE vec vec_from_ints(ints v)
{
    return _mm512_cvtepi32_ps((__m512i)v);
}

/* The first `count` bytes nearest to lanes that are at least 0; what is over 255 saturates, as unsigned. */
ALWAYS_INLINE void bytes_store_some(uint8_t *y, vec v, size_t count)
{
    const __m512i n = _mm512_cvtps_epi32(v);
    if (count >= LANES)
        _mm_storeu_si128((__m128i *)y, _mm512_cvtusepi32_epi8(n));
    else
        _mm512_mask_cvtusepi32_storeu_epi8(y, mask_of(count), n);
}

ALWAYS_INLINE __m512i four_bytes(const uint8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

#endif
