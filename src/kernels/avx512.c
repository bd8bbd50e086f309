/* AVX-512 kernels: the loops of *_loops.h with sixteen lanes. scalar.c says what each computes. */
#include "kernels/kernels.h"

#if INK_HAVE_X86

#include "kernels/avx512_vectors.h"
#include "kernels/product_loops.h"
#include "kernels/picture_loops.h"
#include "kernels/avx512_bytes.h"

/* Without VNNI, bytes go as 16-bit numbers, those at even places and those at odd ones: products of two and their sums
 * fit 32 bits. (vpmaddubsw, which takes bytes, saturates at 16.) */
typedef struct quads_of {
    __m512i even, odd;
} quads_of;
typedef quads_of weights;

ALWAYS_INLINE quads_of quads_load(const uint8_t *x)
{
    const __m512i four = four_bytes(x);
    return (quads_of){ _mm512_and_si512(four, _mm512_set1_epi16(255)), _mm512_srli_epi16(four, 8) };
}

ALWAYS_INLINE weights weights_load(const int8_t *w)
{
    const __m512i four = _mm512_loadu_si512(w);
    return (weights){ _mm512_srai_epi16(_mm512_slli_epi16(four, 8), 8), _mm512_srai_epi16(four, 8) };
}

ALWAYS_INLINE ints ints_dot(ints sum, quads_of a, weights b)
{
    return ints_add(ints_add(sum, (ints)_mm512_madd_epi16(a.even, b.even)), (ints)_mm512_madd_epi16(a.odd, b.odd));
}

#include "kernels/byte_loops.h"

#endif
