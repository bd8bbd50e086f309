/* AVX2 + FMA kernels of training; see avx2.c. */
#include "kernels/kernels.h"
#include "kernels/sparse_lists.h"
#include "kernels/train_loops.h"
#include "kernels/window.h"

#if INK_HAVE_X86

#include "kernels/avx2_vectors.h"

#include <math.h>
#include <string.h>

/* A tile of ROWS x 16 sums over all points; its right columns may lie beyond the end. */
ALWAYS_INLINE void wgrad_tile(const ink_wgrad_f32 *k, size_t row, size_t column, const size_t rows)
{
    const size_t left = k->columns - column, low_count = left < 8 ? left : 8;
    const size_t high_count = left < 8 ? 0 : left < 16 ? left - 8 : 8;
    const __m256i low_mask = mask_of(low_count), high_mask = mask_of(high_count);
    const float *x[ROWS_MOST], *g = k->g + column;
    __m256 sum[ROWS_MOST][2];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
        x[r] = k->x + (k->row_offset ? k->row_offset[row + r] : row + r);
        sum[r][0] = sum[r][1] = _mm256_setzero_ps();
    }
#define POINTS(load_low, load_high)                                                                \
    for (size_t p = 0; p < k->points; p++, g += k->g_stride) {                                     \
        const size_t at = k->point_offset ? k->point_offset[p] : p * k->point_stride;              \
        const __m256 low = load_low, high = load_high;                                             \
        _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                                  \
        {                                                                                          \
            const __m256 a = _mm256_broadcast_ss(x[r] + at);                                       \
            sum[r][0] = _mm256_fmadd_ps(a, low, sum[r][0]);                                        \
            sum[r][1] = _mm256_fmadd_ps(a, high, sum[r][1]);                                       \
        }                                                                                          \
    }
    if (left >= 16) {
        POINTS(_mm256_loadu_ps(g), _mm256_loadu_ps(g + 8))
    } else {
        POINTS(_mm256_maskload_ps(g, low_mask), _mm256_maskload_ps(g + 8, high_mask))
    }
#undef POINTS
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
        float *y = k->y + (row + r) * k->y_stride + column;
        vec_store_some(y, _mm256_add_ps(vec_load_some(y, low_count), sum[r][0]), low_count);
        if (high_count)
            vec_store_some(y + 8, _mm256_add_ps(vec_load_some(y + 8, high_count), sum[r][1]), high_count);
    }
}

void ink_wgrad_f32_avx2(const ink_wgrad_f32 *k)
{
    for (size_t column = 0; column < k->columns; column += TILE) {
        size_t row = 0;
        for (; row + 6 <= k->rows; row += 6)
            wgrad_tile(k, row, column, 6);
        switch (k->rows - row) {
        case 5: wgrad_tile(k, row, column, 5); break;
        case 4: wgrad_tile(k, row, column, 4); break;
        case 3: wgrad_tile(k, row, column, 3); break;
        case 2: wgrad_tile(k, row, column, 2); break;
        case 1: wgrad_tile(k, row, column, 1); break;
        default: break;
        }
    }
}

/* The columns of x [rows, size] that are not zero in all rows: their indices, in order, and how many. */
ALWAYS_INLINE size_t list_columns(const float *x, const size_t rows, size_t stride, size_t size, uint32_t *index)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i += 8) {
        __m256 any = _mm256_setzero_ps();
        for (size_t r = 0; r < rows; r++)
            any = _mm256_or_ps(any, _mm256_cmp_ps(vec_load_some(x + r * stride + i, size - i), _mm256_setzero_ps(),
                                                  _CMP_NEQ_UQ));
        for (unsigned bits = (unsigned)_mm256_movemask_ps(any); bits; bits &= bits - 1)
            index[count++] = (uint32_t)i + (uint32_t)__builtin_ctz(bits);
    }
    return count;
}

static size_t list_row(const float *x, size_t size, uint32_t *index)
{
    return list_columns(x, 1, 0, size, index);
}

/* The gradients of so many points are taken at once, and so many of their columns: side by side they stay near
 * while each input adds up those of its points. Eight sums, since one addition waits for the last. */
enum { POINTS = 128, BLOCK = 64 };

ALWAYS_INLINE void sparse_wgrad_block(const ink_sparse_wgrad_f32 *k, size_t points, const float *g, float *y,
                                      size_t width, bool first)
{
    _Alignas(32) float near[POINTS * BLOCK];
    for (size_t p = 0; p < points; p++)
        for (size_t c = 0; c < BLOCK; c += 8)
            _mm256_storeu_ps(near + p * BLOCK + c, vec_load_some(g + p * k->columns + c, c < width ? width - c : 0));
    for (size_t i = 0; i < k->depth; i++, y += k->columns) {
        __m256 sum[BLOCK / 8];
#pragma GCC unroll 8
        for (size_t v = 0; v < BLOCK / 8; v++)
            sum[v] = first || 8 * v >= width ? _mm256_setzero_ps() : vec_load_some(y + 8 * v, width - 8 * v);
        for (size_t n = k->begin[i]; n < k->begin[i + 1]; n++) {
            const __m256 a = _mm256_broadcast_ss(k->value + n);
            const float *from = near + k->point[n] * BLOCK;
#pragma GCC unroll 8
            for (size_t v = 0; v < BLOCK / 8; v++)
                sum[v] = _mm256_fmadd_ps(a, _mm256_loadu_ps(from + 8 * v), sum[v]);
        }
#pragma GCC unroll 8
        for (size_t v = 0; v < BLOCK / 8; v++)
            if (8 * v < width)
                vec_store_some(y + 8 * v, sum[v], width - 8 * v);
    }
}

void ink_sparse_wgrad_f32_avx2(const ink_sparse_wgrad_f32 *k)
{
    for (size_t p = 0; p == 0 || p < k->points; p += POINTS) {
        const size_t points = k->points - p < POINTS ? k->points - p : POINTS;
        ink_sparse_columns(list_row, k->x + p * k->depth, points, k->depth, k->begin, k->point, k->value);
        for (size_t column = 0; column < k->columns; column += BLOCK) {
            const float *g = k->g + p * k->columns + column;
            const size_t left = k->columns - column;
            if (left >= BLOCK)
                sparse_wgrad_block(k, points, g, k->y + column, BLOCK, p == 0);
            else
                sparse_wgrad_block(k, points, g, k->y + column, left, p == 0);
        }
    }
}

/* The first of a window's largest elements takes the gradient, which `rest` is until then. */
void ink_max_pool_grad_f32_avx2(const ink_pool_grad_f32 *k)
{
    const ink_pool_f32 *p = &k->pool;
    memset(k->dx, 0, p->height * p->width * p->channels * sizeof *k->dx);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            const size_t out = (oy * p->out_width + ox) * p->channels;
            for (size_t c = 0; c < p->channels; c += 8) {
                const size_t left = p->channels - c;
                const __m256 y = vec_load_some(k->y + out + c, left);
                __m256 rest = vec_load_some(k->dy + out + c, left);
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        const size_t in = (iy * p->width + ix) * p->channels + c;
                        const __m256 found = _mm256_cmp_ps(vec_load_some(k->x + in, left), y, _CMP_EQ_OQ);
                        vec_store_some(k->dx + in, _mm256_add_ps(vec_load_some(k->dx + in, left),
                                                             _mm256_and_ps(found, rest)), left);
                        rest = _mm256_andnot_ps(found, rest);
                    }
            }
        }
}

void ink_max_pool_arg_f32_avx2(const ink_max_pool_arg_f32 *k)
{
    const ink_pool_f32 *p = &k->pool;
    const __m256 slope = _mm256_set1_ps(k->slope);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            const size_t out = (oy * p->out_width + ox) * p->channels;
            for (size_t c = 0; c < p->channels; c += 8) {
                const size_t left = p->channels - c;
                __m256 most = _mm256_set1_ps(-INFINITY);
                __m256i where = _mm256_setzero_si256();
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        const __m256 x = vec_load_some(p->x + (iy * p->width + ix) * p->channels + c, left);
                        const __m256 more = _mm256_cmp_ps(x, most, _CMP_GT_OQ);
                        const __m256i tap = _mm256_set1_epi32(
                            (int)((iy + p->pad_top - oy * p->stride_height) * p->kernel_width + ix +
                                  p->pad_left - ox * p->stride_width));
                        most = _mm256_blendv_ps(most, x, more);
                        where = _mm256_blendv_epi8(where, tap, _mm256_castps_si256(more));
                    }
                vec_store_some(p->y + out + c, vec_leaky(most, slope), left);
                const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(where),
                                                       _mm256_extracti128_si256(where, 1));
                const uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
                memcpy(k->arg + out + c, &bytes, left < 8 ? left : 8);
            }
        }
}

void ink_max_unpool_f32_avx2(const ink_max_unpool_f32 *k)
{
    const ink_pool_f32 *p = &k->pool;
    memset(k->dx, 0, p->height * p->width * p->channels * sizeof *k->dx);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            const size_t out = (oy * p->out_width + ox) * p->channels;
            for (size_t c = 0; c < p->channels; c += 8) {
                const size_t left = p->channels - c;
                const __m256 dy = vec_load_some(k->dy + out + c, left);
                uint64_t bytes = 0;
                memcpy(&bytes, k->arg + out + c, left < 8 ? left : 8);
                const __m256i arg = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes));
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        float *dx = k->dx + (iy * p->width + ix) * p->channels + c;
                        const __m256i tap = _mm256_set1_epi32(
                            (int)((iy + p->pad_top - oy * p->stride_height) * p->kernel_width + ix +
                                  p->pad_left - ox * p->stride_width));
                        const __m256 taken = _mm256_and_ps(
                            dy, _mm256_castsi256_ps(_mm256_cmpeq_epi32(arg, tap)));
                        vec_store_some(dx, _mm256_add_ps(vec_load_some(dx, left), taken), left);
                    }
            }
        }
}

void ink_relu_grad_f32_avx2(const ink_relu_grad_f32 *k)
{
    const __m256 slope = _mm256_set1_ps(k->slope), zero = _mm256_setzero_ps();
    for (size_t i = 0; i < k->size; i += 8) {
        const size_t left = k->size - i;
        const __m256 dy = vec_load_some(k->dy + i, left);
        const __m256 on = _mm256_cmp_ps(vec_load_some(k->y + i, left), zero, _CMP_GT_OQ);
        vec_store_some(k->dy + i, _mm256_blendv_ps(_mm256_mul_ps(slope, dy), dy, on), left);
    }
}

/* Adds the first `count` of eight floats to doubles. */
ALWAYS_INLINE void add_doubles(double *to, __m256 v, size_t count)
{
    float each[8];
    _mm256_storeu_ps(each, v);
    for (size_t i = 0; i < 8 && i < count; i++)
        to[i] += (double)each[i];
}

void ink_column_sums_f32_avx2(const ink_column_sums_f32 *k)
{
    for (size_t begin = 0; begin < k->rows; begin += INK_SUM_ROWS) {
        const size_t rows = k->rows - begin < INK_SUM_ROWS ? k->rows - begin : INK_SUM_ROWS;
        for (size_t c = 0; c < k->columns; c += 8) {
            const size_t left = k->columns - c;
            const float *dy = k->dy + begin * k->columns + c;
            __m256 sum = _mm256_setzero_ps(), product = sum;
            if (k->x) {
                const float *x = k->x + begin * k->columns + c;
                const __m256 mean = vec_load_some(k->mean + c, left), inverse = vec_load_some(k->inverse + c, left);
                for (size_t r = 0; r < rows; r++, dy += k->columns, x += k->columns) {
                    const __m256 v = _mm256_mul_ps(_mm256_sub_ps(vec_load_some(x, left), mean), inverse);
                    const __m256 d = vec_load_some(dy, left);
                    sum = _mm256_add_ps(sum, d);
                    product = _mm256_fmadd_ps(d, v, product);
                }
                add_doubles(k->product + c, product, left);
            } else {
                for (size_t r = 0; r < rows; r++, dy += k->columns)
                    sum = _mm256_add_ps(sum, vec_load_some(dy, left));
            }
            add_doubles(k->sum + c, sum, left);
        }
    }
}

void ink_norm_f32_avx2(const ink_norm_f32 *k)
{
    const size_t size = k->rows * k->columns;
    for (size_t c = 0; c < k->columns; c += 8) {
        const size_t left = k->columns - c;
        const __m256 mean = vec_load_some(k->mean + c, left), b = vec_load_some(k->b + c, left);
        const __m256 d = vec_load_some(k->d + c, left);
        const __m256 a = k->dy ? vec_load_some(k->a + c, left) : d;
        for (size_t i = c; i < size; i += k->columns) {
            const __m256 v = _mm256_fmadd_ps(_mm256_sub_ps(vec_load_some(k->x + i, left), mean), b, d);
            vec_store_some(k->y + i, k->dy ? _mm256_fmadd_ps(vec_load_some(k->dy + i, left), a, v) : v, left);
        }
    }
}

/* So many vectors of a run, their sums in registers. */
ALWAYS_INLINE void rows_block(const ink_sparse_rows_f32 *k, const float *x, float *y, const size_t vectors)
{
    __m256 sum[12];
#pragma GCC unroll 12
    for (size_t v = 0; v < vectors; v++)
        sum[v] = _mm256_loadu_ps(y + 8 * v);
    for (size_t n = 0; n < k->count; n++) {
        const __m256 a = _mm256_broadcast_ss(k->value + n);
        const float *from = x + k->offset[n];
#pragma GCC unroll 12
        for (size_t v = 0; v < vectors; v++)
            sum[v] = _mm256_fmadd_ps(a, _mm256_loadu_ps(from + 8 * v), sum[v]);
    }
#pragma GCC unroll 12
    for (size_t v = 0; v < vectors; v++)
        _mm256_storeu_ps(y + 8 * v, sum[v]);
}

void ink_sparse_rows_f32_avx2(const ink_sparse_rows_f32 *k)
{
    for (size_t r = 0; r < k->runs; r++) {
        const float *x = k->x + r * k->x_stride;
        float *y = k->y + r * k->y_stride;
        size_t i = 0;
        for (; i + 96 <= k->run; i += 96)
            rows_block(k, x + i, y + i, 12);
        for (; i + 48 <= k->run; i += 48)
            rows_block(k, x + i, y + i, 6);
        for (; i + 16 <= k->run; i += 16)
            rows_block(k, x + i, y + i, 2);
        for (; i < k->run; i += 8) {
            const size_t left = k->run - i;
            __m256 sum = vec_load_some(y + i, left);
            for (size_t n = 0; n < k->count; n++)
                sum = _mm256_fmadd_ps(_mm256_broadcast_ss(k->value + n),
                                      vec_load_some(x + k->offset[n] + i, left), sum);
            vec_store_some(y + i, sum, left);
        }
    }
}

void ink_avg_pool_grad_f32_avx2(const ink_pool_grad_f32 *k)
{
    ink_avg_pool_grad_loop(k);
}

void ink_adam_f32_avx2(const ink_adam_f32 *k)
{
    ink_adam_loop(k);
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
                const bool in = i == 0 || (k->inside[t] & 15) > 1;
                const __m256 upper = in ? vec_load_some(dy + i * k->channels, left) : zero;
                const __m256 lower = in && k->inside[t] >> 4 > 1 ? vec_load_some(dy + k->row + i * k->channels, left) : zero;
                rows[0][i] = upper;
                rows[1][i] = _mm256_add_ps(upper, lower);
                rows[2][i] = _mm256_sub_ps(upper, lower);
                rows[3][i] = _mm256_sub_ps(zero, lower);
            }
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++, g += 4 * next) {
                vec_store_some(g, rows[i][0], left);
                vec_store_some(g + next, _mm256_add_ps(rows[i][0], rows[i][1]), left);
                vec_store_some(g + 2 * next, _mm256_sub_ps(rows[i][0], rows[i][1]), left);
                vec_store_some(g + 3 * next, _mm256_sub_ps(zero, rows[i][1]), left);
            }
        }
}

#endif
