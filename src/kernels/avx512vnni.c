/* AVX-512 VNNI: one instruction multiplies 64 bytes and adds them to 16 sums. */
#include "kernels/kernels.h"

#if INK_HAVE_X86

#include "kernels/avx512_vectors.h"

#include <string.h>

#undef ISA
#define ISA(operation) ink_##operation##_avx512vnni

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

typedef __m512i quads_of, weights;

ALWAYS_INLINE quads_of quads_load(const uint8_t *x)
{
    return four_bytes(x);
}

ALWAYS_INLINE weights weights_load(const int8_t *w)
{
    return _mm512_loadu_si512(w);
}

ALWAYS_INLINE ints ints_dot(ints sum, quads_of a, weights b)
{
    return (ints)_mm512_dpbusd_epi32((__m512i)sum, a, b);
}

#include "kernels/byte_loops.h"

#endif
