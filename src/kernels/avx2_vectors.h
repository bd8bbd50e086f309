/* What the files of AVX2 kernels share. They alone are compiled with -mavx2 -mfma. */
#ifndef INK_AVX2_VECTORS_H
#define INK_AVX2_VECTORS_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Eight floats from which the first `count` (0 to 8) are taken by masked loads and stores. */
static const int32_t mask_source[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

ALWAYS_INLINE __m256i mask_of(size_t count)
{
    return _mm256_loadu_si256((const __m256i *)(mask_source + 8 - count));
}

/* v > 0 ? v : slope * v, for slopes from 0 to 1. */
ALWAYS_INLINE __m256 leaky(__m256 v, __m256 slope)
{
    return _mm256_max_ps(_mm256_mul_ps(v, slope), v);
}

enum { TILE = 16, ROWS_MOST = 6 }; /* a panel's columns, and the rows that fit the registers with them */

ALWAYS_INLINE __m256 load_some(const float *x, size_t count)
{
    return count >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask_of(count));
}

ALWAYS_INLINE void store_some(float *y, __m256 v, size_t count)
{
    if (count >= 8)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, mask_of(count), v);
}

ALWAYS_INLINE void store_columns(float *y, __m256 low, __m256 high, size_t width)
{
    if (width >= TILE) {
        _mm256_storeu_ps(y, low);
        _mm256_storeu_ps(y + 8, high);
    } else {
        _mm256_maskstore_ps(y, mask_of(width < 8 ? width : 8), low);
        if (width > 8)
            _mm256_maskstore_ps(y + 8, mask_of(width - 8), high);
    }
}

#endif
