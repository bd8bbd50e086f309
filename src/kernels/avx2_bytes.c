/* AVX2 kernels of bytes. */
#include "kernels/kernels.h"

#if INK_HAVE_X86

#include "kernels/avx2_vectors.h"

#include <string.h>

typedef __m256i ints;
enum { INT_LANES = 8, INT_ROWS_MOST = 4 };
#define EACH_INT_ROWS(CASE) CASE(4) CASE(2) CASE(1)

/* Bytes go as 16-bit numbers, those at even places and those at odd ones: products of two and their sums fit 32 bits.
 * (vpmaddubsw, which takes bytes, saturates at 16.) */
typedef struct quads_of {
    __m256i even, odd;
} quads_of;
typedef quads_of weights;

ALWAYS_INLINE ints ints_zero(void)
{
    return _mm256_setzero_si256();
}

ALWAYS_INLINE ints ints_load(const int32_t *x)
{
    return _mm256_loadu_si256((const __m256i *)x);
}

ALWAYS_INLINE ints ints_add(ints a, ints b)
{
    return _mm256_add_epi32(a, b);
}

ALWAYS_INLINE ints ints_max(ints a, ints b)
{
    return _mm256_max_epi32(a, b);
}

ALWAYS_INLINE vec vec_from_ints(ints v)
{
    return _mm256_cvtepi32_ps(v);
}

/* The first `count` bytes nearest to lanes that are at least 0; what is over 255 is 255. */
ALWAYS_INLINE void bytes_store_some(uint8_t *y, vec v, size_t count)
{
    const __m256i n = _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(255)));
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(n), _mm256_extracti128_si256(n, 1));
    const __m128i bytes = _mm_packus_epi16(words, words);
    if (count >= LANES)
        _mm_storel_epi64((__m128i *)y, bytes);
    else
        memcpy(y, &bytes, count);
}

ALWAYS_INLINE quads_of quads_load(const uint8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    const __m256i all = _mm256_set1_epi32(four);
    return (quads_of){ _mm256_and_si256(all, _mm256_set1_epi16(255)), _mm256_srli_epi16(all, 8) };
}

ALWAYS_INLINE weights weights_load(const int8_t *w)
{
    const __m256i four = _mm256_loadu_si256((const __m256i *)w);
    return (weights){ _mm256_srai_epi16(_mm256_slli_epi16(four, 8), 8), _mm256_srai_epi16(four, 8) };
}

ALWAYS_INLINE ints ints_dot(ints sum, quads_of a, weights b)
{
    return _mm256_add_epi32(_mm256_add_epi32(sum, _mm256_madd_epi16(a.even, b.even)), _mm256_madd_epi16(a.odd, b.odd));
}

#include "kernels/byte_loops.h"

void ink_max_pool_u8_avx2(const ink_max_pool_u8 *k)
{
    enum { BYTES = 32 };
    const ink_pool_f32 *p = &k->pool;
    uint8_t *y = k->y;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, y += p->channels) {
            size_t y0, y1, x0, x1, c = 0;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            const uint8_t first = y0 < y1 && x0 < x1 ? 0 : k->zero;
            for (; c + BYTES <= p->channels; c += BYTES) {
                __m256i most = _mm256_set1_epi8((char)first);
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++)
                        most = _mm256_max_epu8(most, _mm256_loadu_si256((const __m256i *)(
                                                         k->x + (iy * p->width + ix) * p->channels + c)));
                _mm256_storeu_si256((__m256i *)(y + c), most);
            }
            for (; c < p->channels; c++) {
                y[c] = first;
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        const uint8_t x = k->x[(iy * p->width + ix) * p->channels + c];
                        y[c] = x > y[c] ? x : y[c];
                    }
            }
        }
}

#endif
