/* AVX-512 VNNI: one instruction multiplies 64 bytes and adds them to 16 sums. */
#include "kernels/kernels.h"

#if INK_HAVE_X86

#include "kernels/avx512_bytes.h"

#undef ISA
#define ISA(operation) ink_##operation##_avx512vnni

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
