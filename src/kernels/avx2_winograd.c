/* AVX2 + FMA kernels of Winograd's transforms; see avx2.c. */
#include "kernels/kernels.h"

#if INK_HAVE_AVX2

#include "kernels/avx2_vectors.h"

void ink_winograd_in_f32_avx2(const ink_winograd_in_f32 *k)
{
    const size_t next = k->next;
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += 8) {
            const size_t left = k->channels - c;
            const float *x = k->x + k->offset[t] + c;
            float *v = k->v + t * k->channels + c;
            __m256 rows[4][4];
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++) {
                const float *d = x + i * k->channels;
                const __m256 a = load_some(d, left), b = load_some(d + k->row, left);
                const __m256 e = load_some(d + 2 * k->row, left), f = load_some(d + 3 * k->row, left);
                rows[0][i] = _mm256_sub_ps(a, e);
                rows[1][i] = _mm256_add_ps(b, e);
                rows[2][i] = _mm256_sub_ps(e, b);
                rows[3][i] = _mm256_sub_ps(b, f);
            }
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++, v += 4 * next) {
                store_some(v, _mm256_sub_ps(rows[i][0], rows[i][2]), left);
                store_some(v + next, _mm256_add_ps(rows[i][1], rows[i][2]), left);
                store_some(v + 2 * next, _mm256_sub_ps(rows[i][2], rows[i][1]), left);
                store_some(v + 3 * next, _mm256_sub_ps(rows[i][1], rows[i][3]), left);
            }
        }
}

void ink_winograd_out_f32_avx2(const ink_winograd_out_f32 *k)
{
    const size_t next = k->tiles * k->channels;
    const __m256 slope = _mm256_set1_ps(k->slope);
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += 8) {
            const size_t left = k->channels - c;
            const float *m = k->m + t * k->channels + c;
            float *y = k->y + k->offset[t] + c;
            const __m256 bias = load_some(k->bias + c, left);
            __m256 rows[2][4];
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++, m += next) {
                const __m256 a = load_some(m, left), b = load_some(m + 4 * next, left);
                const __m256 e = load_some(m + 8 * next, left), f = load_some(m + 12 * next, left);
                rows[0][i] = _mm256_add_ps(_mm256_add_ps(a, b), e);
                rows[1][i] = _mm256_sub_ps(_mm256_sub_ps(b, e), f);
            }
            for (size_t i = 0; i < (k->inside[t] & 2 ? 2 : 1); i++, y += k->row) {
                const __m256 one = _mm256_add_ps(_mm256_add_ps(rows[i][0], rows[i][1]), rows[i][2]);
                const __m256 two = _mm256_sub_ps(_mm256_sub_ps(rows[i][1], rows[i][2]), rows[i][3]);
                store_some(y, leaky(_mm256_add_ps(bias, one), slope), left);
                if (k->inside[t] & 1)
                    store_some(y + k->channels, leaky(_mm256_add_ps(bias, two), slope), left);
            }
        }
}

void ink_winograd_back_f32_avx2(const ink_winograd_back_f32 *k)
{
    const size_t next = k->next;
    const __m256 zero = _mm256_setzero_ps();
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += 8) {
            const size_t left = k->channels - c;
            const float *dy = k->dy + k->offset[t] + c;
            float *g = k->g + t * k->channels + c;
            __m256 rows[4][2];
#pragma GCC unroll 2
            for (size_t i = 0; i < 2; i++) {
                const bool in = i == 0 || k->inside[t] & 1;
                const __m256 upper = in ? load_some(dy + i * k->channels, left) : zero;
                const __m256 lower = in && k->inside[t] & 2 ? load_some(dy + k->row + i * k->channels, left) : zero;
                rows[0][i] = upper;
                rows[1][i] = _mm256_add_ps(upper, lower);
                rows[2][i] = _mm256_sub_ps(upper, lower);
                rows[3][i] = _mm256_sub_ps(zero, lower);
            }
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++, g += 4 * next) {
                store_some(g, rows[i][0], left);
                store_some(g + next, _mm256_add_ps(rows[i][0], rows[i][1]), left);
                store_some(g + 2 * next, _mm256_sub_ps(rows[i][0], rows[i][1]), left);
                store_some(g + 3 * next, _mm256_sub_ps(zero, rows[i][1]), left);
            }
        }
}

#endif
