/* AVX2 + FMA kernels; avx2*.c alone are compiled with -mavx2 -mfma. scalar.c says what each computes.
 * Sums run in the order of scalar.c with one rounding less a step (FMA), whatever the number of rows,
 * so an image's result does not depend on the batch around it. */
#include "kernels/kernels.h"
#include "kernels/window.h"

#if INK_HAVE_AVX2

#include "kernels/avx2_vectors.h"

#include <math.h>
#include <string.h>

/* ---- igemm ----
 * A tile is ROWS rows by PANELS panels of 16 columns, all of it in registers: 6 x 1 (12 accumulators)
 * where there are rows enough, 1 x 4 for a single row, where one panel's two chains of FMAs
 * would wait for themselves. */

ALWAYS_INLINE void igemm_tile(const ink_igemm_f32 *g, size_t row, size_t column, const size_t rows,
                              const size_t panels)
{
    const float *x[ROWS_MOST], *w = g->w + column * g->taps * g->depth;
    const size_t panel_size = g->taps * g->depth * TILE;
    __m256 sum[ROWS_MOST][4][2];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
        x[r] = g->x + (g->row_offset ? g->row_offset[row + r] : (row + r) * g->x_stride);
#pragma GCC unroll 4
        for (size_t p = 0; p < panels; p++) {
            sum[r][p][0] = _mm256_loadu_ps(g->bias + column + p * TILE);
            sum[r][p][1] = _mm256_loadu_ps(g->bias + column + p * TILE + 8);
        }
    }
    for (size_t tap = 0; tap < g->taps; tap++) {
        size_t at = g->tap_offset ? g->tap_offset[tap] : tap * g->depth;
        for (size_t i = 0; i < g->depth; i++, at++, w += TILE) {
#pragma GCC unroll 4
            for (size_t p = 0; p < panels; p++) {
                __m256 low = _mm256_loadu_ps(w + p * panel_size);
                __m256 high = _mm256_loadu_ps(w + p * panel_size + 8);
#pragma GCC unroll 6
                for (size_t r = 0; r < rows; r++) {
                    __m256 a = _mm256_broadcast_ss(x[r] + at);
                    sum[r][p][0] = _mm256_fmadd_ps(a, low, sum[r][p][0]);
                    sum[r][p][1] = _mm256_fmadd_ps(a, high, sum[r][p][1]);
                }
            }
        }
    }
    const __m256 slope = _mm256_set1_ps(g->slope);
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (size_t p = 0; p < panels; p++)
            store_columns(g->y + (row + r) * g->y_stride + column + p * TILE,
                          leaky(sum[r][p][0], slope), leaky(sum[r][p][1], slope),
                          g->columns - column - p * TILE);
}

void ink_igemm_f32_avx2(const ink_igemm_f32 *g)
{
    size_t column = 0;
    if (g->rows == 1)
        for (; column + 3 * TILE < g->columns; column += 4 * TILE)
            igemm_tile(g, 0, column, 1, 4);
    for (; column < g->columns; column += TILE) {
        size_t row = 0;
        for (; row + 6 <= g->rows; row += 6)
            igemm_tile(g, row, column, 6, 1);
        switch (g->rows - row) {
        case 5: igemm_tile(g, row, column, 5, 1); break;
        case 4: igemm_tile(g, row, column, 4, 1); break;
        case 3: igemm_tile(g, row, column, 3, 1); break;
        case 2: igemm_tile(g, row, column, 2, 1); break;
        case 1: igemm_tile(g, row, column, 1, 1); break;
        default: break;
        }
    }
}

/* ---- channels-last kernels: a vector is eight channels ---- */

void ink_dwconv_f32_avx2(const ink_dwconv_f32 *d)
{
    const __m256 slope = _mm256_set1_ps(d->slope);
    for (size_t c = 0; c < d->channels; c += 8) {
        const size_t left = d->channels - c;
        const __m256 bias = load_some(d->bias + c, left);
        for (size_t row = 0; row < d->rows; row++) {
            const float *x = d->x + d->row_offset[row] + c;
            __m256 sum = bias;
            for (size_t tap = 0; tap < d->taps; tap++)
                sum = _mm256_fmadd_ps(load_some(x + d->tap_offset[tap], left),
                                      load_some(d->w + tap * d->channels + c, left), sum);
            store_some(d->y + row * d->channels + c, leaky(sum, slope), left);
        }
    }
}

ALWAYS_INLINE void pool(const ink_pool_f32 *p, const bool average)
{
    float *y = p->y;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, y += p->channels) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            const bool empty = y0 >= y1 || x0 >= x1;
            size_t count = empty ? 0 : (y1 - y0) * (x1 - x0);
            if (average && p->count_padding)
                count = ink_window_padded(oy, p->stride_height, p->kernel_height, p->pad_top,
                                          p->height, p->pad_bottom) *
                        ink_window_padded(ox, p->stride_width, p->kernel_width, p->pad_left,
                                          p->width, p->pad_right);
            const __m256 share = _mm256_set1_ps(count ? 1.0f / (float)count : 0);
            for (size_t c = 0; c < p->channels; c += 8) {
                const size_t left = p->channels - c;
                __m256 v = average || empty ? _mm256_setzero_ps() : _mm256_set1_ps(-INFINITY);
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        __m256 x = load_some(p->x + (iy * p->width + ix) * p->channels + c, left);
                        v = average ? _mm256_add_ps(v, x) : _mm256_max_ps(x, v);
                    }
                store_some(y + c, average ? _mm256_mul_ps(v, share) : v, left);
            }
        }
}

void ink_max_pool_f32_avx2(const ink_pool_f32 *p)
{
    pool(p, false);
}

void ink_avg_pool_f32_avx2(const ink_pool_f32 *p)
{
    pool(p, true);
}

void ink_affine_f32_avx2(const ink_affine_f32 *a)
{
    for (size_t row = 0; row < a->rows; row++)
        for (size_t c = 0; c < a->columns; c += 8) {
            const size_t left = a->columns - c, at = row * a->columns + c;
            store_some(a->y + at, _mm256_fmadd_ps(load_some(a->x + at, left),
                                                  load_some(a->scale + c, left),
                                                  load_some(a->shift + c, left)), left);
        }
}

/* ---- element by element ---- */

void ink_add_f32_avx2(const ink_add_f32 *a)
{
    for (size_t i = 0; i < a->size; i += 8) {
        const size_t left = a->size - i;
        store_some(a->y + i, _mm256_add_ps(load_some(a->a + i, left), load_some(a->b + i, left)),
                   left);
    }
}

void ink_pixels_f32_avx2(const ink_pixels_f32 *p)
{
    const __m256 scale = _mm256_set1_ps(p->scale), offset = _mm256_set1_ps(p->offset);
    size_t i = 0;
    for (; i + 8 <= p->size; i += 8) {
        __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p->x + i)));
        /* Multiplied, then added: with scale 1/255 this is the same float as in scalar.c. */
        _mm256_storeu_ps(p->y + i, _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(bytes), scale),
                                                 offset));
    }
    for (; i < p->size; i++)
        p->y[i] = (float)p->x[i] * p->scale + p->offset;
}

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
        store_some(a->y + i, apply(function, load_some(a->x + i, left), alpha), left);
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
