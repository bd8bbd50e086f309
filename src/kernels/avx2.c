/* AVX2 + FMA kernels; avx2*.c alone are compiled with -mavx2 -mfma. scalar.c says what each computes.
 * Sums run in the order of scalar.c with one rounding less a step (FMA), whatever the number of rows,
 * so an image's result does not depend on the batch around it. */
#include "kernels/kernels.h"
#include "kernels/window.h"

#if INK_HAVE_X86

#include "kernels/avx2_vectors.h"
#include "kernels/product_loops.h"
#include "kernels/picture_loops.h"
#include "kernels/weight_loops.h"

#include <math.h>
#include <string.h>

/* exp(x) to about 1 ulp: x = n ln 2 + r with |r| <= ln 2 / 2, and exp(r) by its Taylor series up to
 * r^7 / 7!, whose rest is below 2^-26. ln 2 is split so that n * LN2_HIGH is exact. Results saturate
 * at exp(+-87). */
ALWAYS_INLINE __m256 exp_ps(__m256 x)
{
    x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.0f)), _mm256_set1_ps(87.0f));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.62ep-1f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.0bfbe8p-15f), r);
    __m256 v = _mm256_set1_ps(1.0f / 5040);
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(1.0f / 720));
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(1.0f / 120));
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(1.0f / 24));
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(1.0f / 6));
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(0.5f));
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(1.0f));
    v = _mm256_fmadd_ps(v, r, _mm256_set1_ps(1.0f));
    const __m256i power = _mm256_slli_epi32(
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(v, _mm256_castsi256_ps(power));
}

/* exp(x) - 1 for x <= 0. Near 0, where the subtraction would cancel, its own series. */
ALWAYS_INLINE __m256 expm1_negative_ps(__m256 x)
{
    const __m256 far = _mm256_sub_ps(exp_ps(x), _mm256_set1_ps(1.0f));
    __m256 v = _mm256_set1_ps(1.0f / 40320);
    v = _mm256_fmadd_ps(v, x, _mm256_set1_ps(1.0f / 5040));
    v = _mm256_fmadd_ps(v, x, _mm256_set1_ps(1.0f / 720));
    v = _mm256_fmadd_ps(v, x, _mm256_set1_ps(1.0f / 120));
    v = _mm256_fmadd_ps(v, x, _mm256_set1_ps(1.0f / 24));
    v = _mm256_fmadd_ps(v, x, _mm256_set1_ps(1.0f / 6));
    v = _mm256_fmadd_ps(v, x, _mm256_set1_ps(0.5f));
    v = _mm256_fmadd_ps(_mm256_mul_ps(v, x), x, x);
    return _mm256_blendv_ps(far, v, _mm256_cmp_ps(x, _mm256_set1_ps(-0.4f), _CMP_GT_OQ));
}

/* tanh |x| = -e / (e + 2) with e = exp(-2 |x|) - 1, which keeps its relative precision near 0. */
ALWAYS_INLINE __m256 tanh_ps(__m256 x)
{
    const __m256 sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0f));
    const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    const __m256 e = expm1_negative_ps(_mm256_mul_ps(size, _mm256_set1_ps(-2.0f)));
    const __m256 v = _mm256_div_ps(e, _mm256_add_ps(e, _mm256_set1_ps(2.0f)));
    return _mm256_or_ps(sign, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v));
}

ALWAYS_INLINE __m256 apply(ink_activation function, __m256 x, __m256 alpha)
{
    const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1.0f);
    const __m256 positive = _mm256_cmp_ps(x, zero, _CMP_GT_OQ);
    switch (function) {
    case INK_ACT_RELU:
        return _mm256_max_ps(x, zero);
    case INK_ACT_LEAKY_RELU:
        return _mm256_blendv_ps(_mm256_mul_ps(x, alpha), x, positive);
    case INK_ACT_ELU:
        return _mm256_blendv_ps(
            _mm256_mul_ps(alpha, expm1_negative_ps(_mm256_min_ps(x, zero))), x, positive);
    case INK_ACT_SIGMOID:
        return _mm256_div_ps(one, _mm256_add_ps(one, exp_ps(_mm256_sub_ps(zero, x))));
    case INK_ACT_TANH:
        return tanh_ps(x);
    case INK_ACT_GELU_TANH: {
        const __m256 cube = _mm256_mul_ps(_mm256_mul_ps(x, x), x);
        const __m256 inner = _mm256_mul_ps(_mm256_set1_ps(0.79788456f),
                                           _mm256_fmadd_ps(cube, _mm256_set1_ps(0.044715f), x));
        return _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5f), x),
                             _mm256_add_ps(one, tanh_ps(inner)));
    }
    case INK_ACT_GELU:
        break;
    }
    return x;
}

ALWAYS_INLINE void apply_all(const ink_activation_f32 *a, const ink_activation function)
{
    const __m256 alpha = _mm256_set1_ps(a->alpha);
    for (size_t i = 0; i < a->size; i += 8) {
        const size_t left = a->size - i;
        vec_store_some(a->y + i, apply(function, vec_load_some(a->x + i, left), alpha), left);
    }
}

void ink_activation_f32_avx2(const ink_activation_f32 *a)
{
    switch (a->function) {
    case INK_ACT_RELU: apply_all(a, INK_ACT_RELU); break;
    case INK_ACT_LEAKY_RELU: apply_all(a, INK_ACT_LEAKY_RELU); break;
    case INK_ACT_ELU: apply_all(a, INK_ACT_ELU); break;
    case INK_ACT_SIGMOID: apply_all(a, INK_ACT_SIGMOID); break;
    case INK_ACT_TANH: apply_all(a, INK_ACT_TANH); break;
    case INK_ACT_GELU_TANH: apply_all(a, INK_ACT_GELU_TANH); break;
    /* The error function has no vector form here yet: rare in small networks. */
    case INK_ACT_GELU: ink_activation_f32_scalar(a); break;
    }
}

#endif
