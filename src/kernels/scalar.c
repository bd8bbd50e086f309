/* The reference kernels: plain loops that say what the others must compute. */
#include "kernels/kernels.h"
#include "kernels/sparse_lists.h"
#include "kernels/train_loops.h"
#include "kernels/window.h"

#include <math.h>
#include <string.h>

void ink_igemm_f32_scalar(const ink_igemm_f32 *g)
{
    enum { TILE = 8 };
    const size_t window = g->window ? g->window : 1;
    for (size_t column = 0; column < g->columns; column += TILE) {
        const float *panel = g->w + column * g->taps * g->depth;
        size_t width = g->columns - column < TILE ? g->columns - column : TILE;
        for (size_t row = 0; row < g->rows; row++) {
            const float *x = g->x + (g->row_offset ? g->row_offset[row] : row * g->x_stride);
            const float *w = panel;
            float sum[TILE];
            memcpy(sum, g->bias + column, sizeof sum);
            for (size_t tap = 0; tap < g->taps; tap++) {
                const float *a = x + (g->tap_offset ? g->tap_offset[tap] : tap * g->depth);
                for (size_t i = 0; i < g->depth; i++, w += TILE)
                    for (size_t c = 0; c < TILE; c++)
                        sum[c] += a[i] * w[c];
            }
            float *y = g->y + row / window * g->y_stride + column;
            for (size_t c = 0; c < width; c++) {
                const float v = sum[c] > 0 ? sum[c] : g->slope * sum[c];
                y[c] = row % window && y[c] > v ? y[c] : v;
            }
        }
    }
}

void ink_narrow_dense_f32_scalar(const ink_narrow_dense_f32 *k)
{
    for (size_t row = 0; row < k->rows; row++)
        for (size_t column = 0; column < k->columns; column++) {
            float sum = k->bias[column];
            for (size_t i = 0; i < k->depth; i++)
                sum += k->x[row * k->x_stride + i] * k->w[column * k->depth + i];
            k->y[row * k->y_stride + column] = sum > 0 ? sum : k->slope * sum;
        }
}

void ink_dwconv_f32_scalar(const ink_dwconv_f32 *d)
{
    for (size_t row = 0; row < d->rows; row++) {
        const float *x = d->x + d->row_offset[row];
        float *y = d->y + row * d->channels;
        for (size_t c = 0; c < d->channels; c++) {
            float sum = d->bias[c];
            for (size_t tap = 0; tap < d->taps; tap++)
                sum += x[d->tap_offset[tap] + c] * d->w[tap * d->channels + c];
            y[c] = sum > 0 ? sum : d->slope * sum;
        }
    }
}

void ink_max_pool_f32_scalar(const ink_pool_f32 *p)
{
    float *y = p->y;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, y += p->channels) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            bool empty = y0 >= y1 || x0 >= x1;
            for (size_t c = 0; c < p->channels; c++)
                y[c] = empty ? 0 : -INFINITY;
            for (size_t iy = y0; iy < y1; iy++)
                for (size_t ix = x0; ix < x1; ix++) {
                    const float *x = p->x + (iy * p->width + ix) * p->channels;
                    for (size_t c = 0; c < p->channels; c++)
                        y[c] = x[c] > y[c] ? x[c] : y[c];
                }
        }
}

void ink_avg_pool_f32_scalar(const ink_pool_f32 *p)
{
    float *y = p->y;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, y += p->channels) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            size_t count = (y1 > y0 ? y1 - y0 : 0) * (x1 > x0 ? x1 - x0 : 0);
            if (p->count_padding)
                count = ink_window_padded(oy, p->stride_height, p->kernel_height, p->pad_top,
                                          p->height, p->pad_bottom) *
                        ink_window_padded(ox, p->stride_width, p->kernel_width, p->pad_left,
                                          p->width, p->pad_right);
            for (size_t c = 0; c < p->channels; c++)
                y[c] = 0;
            for (size_t iy = y0; iy < y1; iy++)
                for (size_t ix = x0; ix < x1; ix++) {
                    const float *x = p->x + (iy * p->width + ix) * p->channels;
                    for (size_t c = 0; c < p->channels; c++)
                        y[c] += x[c];
                }
            float share = count ? 1.0f / (float)count : 0;
            for (size_t c = 0; c < p->channels; c++)
                y[c] *= share;
        }
}

void ink_activation_f32_scalar(const ink_activation_f32 *a)
{
    const float *x = a->x;
    float *y = a->y;
    switch (a->function) {
    case INK_ACT_RELU:
        for (size_t i = 0; i < a->size; i++)
            y[i] = x[i] > 0 ? x[i] : 0;
        break;
    case INK_ACT_LEAKY_RELU:
        for (size_t i = 0; i < a->size; i++)
            y[i] = x[i] > 0 ? x[i] : a->alpha * x[i];
        break;
    case INK_ACT_ELU:
        for (size_t i = 0; i < a->size; i++)
            y[i] = x[i] > 0 ? x[i] : a->alpha * expm1f(x[i]);
        break;
    case INK_ACT_SIGMOID:
        for (size_t i = 0; i < a->size; i++)
            y[i] = 1 / (1 + expf(-x[i]));
        break;
    case INK_ACT_TANH:
        for (size_t i = 0; i < a->size; i++)
            y[i] = tanhf(x[i]);
        break;
    case INK_ACT_GELU:
        for (size_t i = 0; i < a->size; i++)
            y[i] = 0.5f * x[i] * erfcf(-x[i] * 0.70710678f);
        break;
    case INK_ACT_GELU_TANH:
        for (size_t i = 0; i < a->size; i++)
            y[i] = 0.5f * x[i] *
                   (1 + tanhf(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
        break;
    }
}

void ink_add_f32_scalar(const ink_add_f32 *a)
{
    for (size_t i = 0; i < a->size; i++)
        a->y[i] = a->a[i] + a->b[i];
}

void ink_affine_f32_scalar(const ink_affine_f32 *a)
{
    for (size_t row = 0; row < a->rows; row++) {
        const float *x = a->x + row * a->columns;
        float *y = a->y + row * a->columns;
        for (size_t c = 0; c < a->columns; c++)
            y[c] = x[c] * a->scale[c] + a->shift[c];
    }
}

void ink_softmax_f32_scalar(const ink_softmax_f32 *s)
{
    for (size_t row = 0; row < s->rows; row++) {
        const float *x = s->x + row * s->columns;
        float *y = s->y + row * s->columns;
        float largest = -INFINITY, sum = 0;
        for (size_t c = 0; c < s->columns; c++)
            largest = x[c] > largest ? x[c] : largest;
        for (size_t c = 0; c < s->columns; c++)
            sum += expf(x[c] - largest);
        float log_sum = logf(sum);
        for (size_t c = 0; c < s->columns; c++)
            y[c] = s->log ? x[c] - largest - log_sum : expf(x[c] - largest) / sum;
    }
}

void ink_pixels_f32_scalar(const ink_pixels_f32 *p)
{
    for (size_t i = 0; i < p->size; i++)
        p->y[i] = (float)p->x[i] * p->scale + p->offset;
}

/* A line of B^T d, and of A^T m: `count` inputs that lie `step` apart. */
static void winograd_in_line(size_t count, const float *d, size_t step, float *v)
{
    static const float b2[4][4] = { { 1, 0, -1, 0 }, { 0, 1, 1, 0 }, { 0, -1, 1, 0 }, { 0, 1, 0, -1 } };
    static const float b4[6][6] = { { 4, 0, -5, 0, 1, 0 },  { 0, -4, -4, 1, 1, 0 }, { 0, 4, -4, -1, 1, 0 },
                                    { 0, -2, -1, 2, 1, 0 }, { 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 } };
    for (size_t i = 0; i < count; i++) {
        const float *b = count == 4 ? b2[i] : b4[i];
        v[i] = 0;
        for (size_t k = 0; k < count; k++)
            if (b[k] != 0) /* what has no part in it may be infinite */
                v[i] += b[k] * d[k * step];
    }
}

static void winograd_out_line(size_t count, size_t outputs, const float *m, size_t step, float *y)
{
    static const float a2[2][4] = { { 1, 1, 1, 0 }, { 0, 1, -1, -1 } };
    static const float a4[4][6] = {
        { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 0 }, { 0, 1, 1, 4, 4, 0 }, { 0, 1, -1, 8, -8, 1 }
    };
    static const float a5[2][6] = { { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 1 } };
    for (size_t i = 0; i < outputs; i++) {
        const float *a = count == 4 ? a2[i] : outputs == 4 ? a4[i] : a5[i];
        y[i] = 0;
        for (size_t k = 0; k < count; k++)
            if (a[k] != 0)
                y[i] += a[k] * m[k * step];
    }
}

static void winograd_in(const ink_winograd_in_f32 *k, size_t side)
{
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c++) {
            const float *x = k->x + k->offset[t] + c;
            float *v = k->v + t * k->channels + c, columns[6][6], line[6];
            for (size_t i = 0; i < side; i++)
                winograd_in_line(side, x + i * k->channels, k->row, columns[i]);
            for (size_t i = 0; i < side; i++) {
                winograd_in_line(side, columns[0] + i, 6, line);
                for (size_t n = 0; n < side; n++, v += k->next)
                    *v = line[n];
            }
        }
}

static void winograd_out(const ink_winograd_out_f32 *k, size_t side, size_t outputs)
{
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c++) {
            const float *m = k->m + t * k->channels + c;
            const size_t width = k->inside[t] & 15, height = k->inside[t] >> 4;
            float *y = k->y + k->offset[t] + c, columns[6][4], out[4][4];
            for (size_t i = 0; i < side; i++)
                winograd_out_line(side, outputs, m + i * k->next, side * k->next, columns[i]);
            for (size_t i = 0; i < outputs; i++) {
                winograd_out_line(side, outputs, columns[0] + i, 4, out[i]);
                for (size_t n = 0; n < outputs; n++)
                    out[i][n] += k->bias[c];
            }
            const size_t step = k->pooled ? 2 : 1;
            for (size_t i = 0; i < height; i += step, y += k->row)
                for (size_t n = 0; n < width; n += step) {
                    float v = out[i][n];
                    if (k->pooled)
                        v = fmaxf(fmaxf(v, out[i][n + 1]), fmaxf(out[i + 1][n], out[i + 1][n + 1]));
                    y[n / step * k->channels] = v > 0 ? v : k->slope * v;
                }
        }
}

void ink_winograd_in_f32_scalar(const ink_winograd_in_f32 *k)
{
    winograd_in(k, 4);
}

void ink_winograd_out_f32_scalar(const ink_winograd_out_f32 *k)
{
    winograd_out(k, 4, 2);
}

void ink_winograd4_in_f32_scalar(const ink_winograd_in_f32 *k)
{
    winograd_in(k, 6);
}

void ink_winograd4_out_f32_scalar(const ink_winograd_out_f32 *k)
{
    winograd_out(k, 6, 4);
}

void ink_winograd5_out_f32_scalar(const ink_winograd_out_f32 *k)
{
    winograd_out(k, 6, 2);
}

/* A line of G g: three or five taps, `step` apart. */
static void winograd_weights_line(size_t side, size_t taps, const float *g, ptrdiff_t step, float *u)
{
    const float a = g[0], b = g[step], c = g[2 * step];
    if (side == 4) {
        u[0] = a;
        u[1] = 0.5f * (a + b + c);
        u[2] = 0.5f * (a - b + c);
        u[3] = c;
        return;
    }
    const float d = taps == 5 ? g[3 * step] : 0, e = taps == 5 ? g[4 * step] : 0;
    const float even = -1.0f / 6 * (a + c + e), odd = 1.0f / 6 * (b + d);
    const float far = 1.0f / 24 * a + 1.0f / 6 * c + 2.0f / 3 * e, rest = 1.0f / 12 * b + 1.0f / 3 * d;
    u[0] = 0.25f * a;
    u[1] = even - odd;
    u[2] = even + odd;
    u[3] = far + rest;
    u[4] = far - rest;
    u[5] = taps == 5 ? e : c;
}

static void winograd_weights(const ink_winograd_weights_f32 *k, size_t side, size_t taps)
{
    const ptrdiff_t row = (ptrdiff_t)taps * k->tap;
    for (size_t c = 0; c < k->pairs; c++) {
        float columns[5][6], line[6], *u = k->u + c;
        for (size_t x = 0; x < taps; x++)
            winograd_weights_line(side, taps, k->g + (ptrdiff_t)x * k->tap + c, row, columns[x]);
        for (size_t i = 0; i < side; i++) {
            winograd_weights_line(side, taps, columns[0] + i, 6, line);
            for (size_t n = 0; n < side; n++, u += k->next)
                *u = line[n];
        }
    }
}

void ink_winograd_weights_f32_scalar(const ink_winograd_weights_f32 *k)
{
    winograd_weights(k, 4, 3);
}

void ink_winograd4_weights_f32_scalar(const ink_winograd_weights_f32 *k)
{
    winograd_weights(k, 6, 3);
}

void ink_winograd5_weights_f32_scalar(const ink_winograd_weights_f32 *k)
{
    winograd_weights(k, 6, 5);
}

void ink_winograd_back_f32_scalar(const ink_winograd_back_f32 *k)
{
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c++) {
            const float *dy = k->dy + k->offset[t] + c;
            float *g = k->g + t * k->channels + c;
            const bool wide = (k->inside[t] & 15) > 1, high = k->inside[t] >> 4 > 1;
            const float right = wide ? dy[k->channels] : 0, below = high ? dy[k->row] : 0;
            const float corner = wide && high ? dy[k->row + k->channels] : 0;
            const float rows[4][2] = { { dy[0], right }, { dy[0] + below, right + corner },
                                       { dy[0] - below, right - corner }, { -below, -corner } }; /* A dy */
            for (size_t i = 0; i < 4; i++, g += 4 * k->next) {
                g[0] = rows[i][0];
                g[k->next] = rows[i][0] + rows[i][1];
                g[2 * k->next] = rows[i][0] - rows[i][1];
                g[3 * k->next] = -rows[i][1];
            }
        }
}

void ink_copy_f32(const uint32_t dim[4], const float *x, const size_t x_stride[4], float *y,
                  const size_t y_stride[4])
{
    for (size_t a = 0; a < dim[0]; a++)
        for (size_t b = 0; b < dim[1]; b++)
            for (size_t c = 0; c < dim[2]; c++) {
                const float *from = x + a * x_stride[0] + b * x_stride[1] + c * x_stride[2];
                float *to = y + a * y_stride[0] + b * y_stride[1] + c * y_stride[2];
                for (size_t d = 0; d < dim[3]; d++)
                    to[d * y_stride[3]] = from[d * x_stride[3]];
            }
}

void ink_wgrad_f32_scalar(const ink_wgrad_f32 *k)
{
    for (size_t r = 0; r < k->rows; r++) {
        const float *x = k->x + (k->row_offset ? k->row_offset[r] : r);
        float *y = k->y + r * k->y_stride;
        for (size_t p = 0; p < k->points; p++) {
            const float a = x[k->point_offset ? k->point_offset[p] : p * k->point_stride];
            for (size_t c = 0; c < k->columns; c++)
                y[c] += a * k->g[p * k->g_stride + c];
        }
    }
}

void ink_sparse_dense_f32_scalar(const ink_sparse_dense_f32 *k)
{
    enum { TILE = 8 };
    for (size_t row = 0; row < k->rows; row++) {
        const float *x = k->x + row * k->depth;
        const size_t count = ink_sparse_row(x, k->depth, k->index);
        for (size_t column = 0; column < k->columns; column++) {
            const float *w = k->w + column / TILE * TILE * k->depth + column % TILE;
            float sum = k->bias[column];
            for (size_t i = 0; i < count; i++)
                sum += x[k->index[i]] * w[k->index[i] * TILE];
            k->y[row * k->columns + column] = sum > 0 ? sum : k->slope * sum;
        }
    }
}

void ink_sparse_wgrad_f32_scalar(const ink_sparse_wgrad_f32 *k)
{
    const uint32_t *begin = k->begin, *point = k->point;
    ink_sparse_columns(ink_sparse_row, k->x, k->points, k->depth, k->begin, k->point, k->value);
    memset(k->y, 0, k->depth * k->columns * sizeof *k->y);
    for (size_t i = 0; i < k->depth; i++)
        for (size_t n = begin[i]; n < begin[i + 1]; n++)
            for (size_t c = 0; c < k->columns; c++)
                k->y[i * k->columns + c] += k->value[n] * k->g[point[n] * k->columns + c];
}

void ink_sparse_rows_f32_scalar(const ink_sparse_rows_f32 *k)
{
    for (size_t r = 0; r < k->runs; r++)
        for (size_t n = 0; n < k->count; n++)
            for (size_t i = 0; i < k->run; i++)
                k->y[r * k->y_stride + i] += k->value[n] * k->x[k->offset[n] + r * k->x_stride + i];
}

void ink_max_pool_arg_f32_scalar(const ink_max_pool_arg_f32 *k)
{
    const ink_pool_f32 *p = &k->pool;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            for (size_t c = 0; c < p->channels; c++) {
                const size_t out = (oy * p->out_width + ox) * p->channels + c;
                float most = -INFINITY;
                k->arg[out] = 0;
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        const float x = p->x[(iy * p->width + ix) * p->channels + c];
                        if (x > most) {
                            most = x;
                            k->arg[out] = (uint8_t)((iy + p->pad_top - oy * p->stride_height) * p->kernel_width +
                                                    ix + p->pad_left - ox * p->stride_width);
                        }
                    }
                p->y[out] = most > 0 ? most : k->slope * most;
            }
        }
}

void ink_max_unpool_f32_scalar(const ink_max_unpool_f32 *k)
{
    const ink_pool_f32 *p = &k->pool;
    memset(k->dx, 0, p->height * p->width * p->channels * sizeof *k->dx);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++)
            for (size_t c = 0; c < p->channels; c++) {
                const size_t out = (oy * p->out_width + ox) * p->channels + c, arg = k->arg[out];
                const size_t y = oy * p->stride_height + arg / p->kernel_width - p->pad_top;
                const size_t x = ox * p->stride_width + arg % p->kernel_width - p->pad_left;
                k->dx[(y * p->width + x) * p->channels + c] += k->dy[out];
            }
}

void ink_relu_grad_f32_scalar(const ink_relu_grad_f32 *k)
{
    for (size_t i = 0; i < k->size; i++)
        k->dy[i] = k->y[i] > 0 ? k->dy[i] : k->slope * k->dy[i];
}

void ink_column_sums_f32_scalar(const ink_column_sums_f32 *k)
{
    for (size_t begin = 0; begin < k->rows; begin += INK_SUM_ROWS) {
        const size_t end = k->rows - begin < INK_SUM_ROWS ? k->rows : begin + INK_SUM_ROWS;
        for (size_t c = 0; c < k->columns; c++) {
            float sum = 0, product = 0;
            for (size_t i = begin * k->columns + c; i < end * k->columns; i += k->columns) {
                sum += k->dy[i];
                if (k->x)
                    product += k->dy[i] * ((k->x[i] - k->mean[c]) * k->inverse[c]);
            }
            k->sum[c] += (double)sum;
            if (k->x)
                k->product[c] += (double)product;
        }
    }
}

void ink_norm_f32_scalar(const ink_norm_f32 *k)
{
    for (size_t r = 0; r < k->rows; r++)
        for (size_t c = 0; c < k->columns; c++) {
            const size_t i = r * k->columns + c;
            const float v = (k->x[i] - k->mean[c]) * k->b[c] + k->d[c];
            k->y[i] = k->dy ? k->dy[i] * k->a[c] + v : v;
        }
}

void ink_max_pool_grad_f32_scalar(const ink_pool_grad_f32 *k)
{
    ink_max_pool_grad_loop(k);
}

void ink_avg_pool_grad_f32_scalar(const ink_pool_grad_f32 *k)
{
    ink_avg_pool_grad_loop(k);
}

void ink_adam_f32_scalar(const ink_adam_f32 *k)
{
    ink_adam_loop(k);
}

void ink_peak_f32_scalar(const ink_peak_f32 *k)
{
    float sum[INK_PEAK_SUMS];
    memcpy(sum, k->y, sizeof sum);
    for (size_t n = 0; n < k->rounds; n++)
        for (size_t i = 0; i < INK_PEAK_SUMS; i++)
            sum[i] = sum[i] * 0.5f + 1;
    memcpy(k->y, sum, sizeof sum);
    *k->width = INK_PEAK_SUMS;
}
