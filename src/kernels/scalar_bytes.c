/* The reference kernels of bytes: plain loops that say what the others must compute, bit for bit. */
#include "kernels/kernels.h"
#include "kernels/window.h"

#include <math.h>
#include <string.h>

enum { TILE = 8, QUAD = 4 };

size_t ink_igemm_u8_packed_size(size_t tile, size_t columns, size_t taps, size_t depth)
{
    const size_t panels = columns / tile + (columns % tile != 0), quads = depth / QUAD + (depth % QUAD != 0);
    size_t size;
    if (__builtin_mul_overflow(panels * tile, taps, &size) || __builtin_mul_overflow(size, quads, &size) ||
        __builtin_mul_overflow(size, (size_t)QUAD, &size))
        return 0;
    return size;
}

void ink_igemm_u8_pack(int8_t *packed, size_t tile, size_t columns, size_t taps, size_t depth, const int8_t *w,
                       size_t column_stride, size_t tap_stride, size_t depth_stride)
{
    for (size_t column = 0; column < columns; column += tile)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t i = 0; i < depth; i += QUAD)
                for (size_t c = column; c < column + tile; c++)
                    for (size_t k = i; k < i + QUAD; k++)
                        *packed++ = c < columns && k < depth
                                        ? w[c * column_stride + tap * tap_stride + k * depth_stride] : 0;
}

/* The byte nearest to v, of two the even one. */
static uint8_t nearest(float v)
{
    return (uint8_t)nearbyintf(v > 0 ? v < 255 ? v : 255 : 0); /* a NaN is not over 0 */
}

/* A row's sums in a panel of columns. */
static void sum_row(const ink_igemm_u8 *g, size_t row, size_t column, int32_t sum[TILE])
{
    const size_t padded = (g->depth + QUAD - 1) / QUAD * QUAD;
    const uint8_t *x = g->x + (g->row_offset ? g->row_offset[row] : row * g->x_stride);
    const int8_t *w = g->w + column * g->taps * padded;
    uint32_t n[TILE];
    memcpy(n, g->start + column, sizeof n);
    for (size_t tap = 0; tap < g->taps; tap++, w += TILE * padded) {
        const uint8_t *a = x + (g->tap_offset ? g->tap_offset[tap] : tap * g->depth);
        for (size_t i = 0; i < g->depth; i++)
            for (size_t c = 0; c < TILE; c++)
                n[c] += (uint32_t)(a[i] * w[i / QUAD * TILE * QUAD + c * QUAD + i % QUAD]);
    }
    memcpy(sum, n, sizeof n);
}

void ink_igemm_u8_scalar(const ink_igemm_u8 *g)
{
    const size_t window = g->window ? g->window : 1;
    const float shift = (1 - g->slope) * g->zero;
    for (size_t column = 0; column < g->columns; column += TILE)
        for (size_t row = 0; row < g->rows; row += window) {
            int32_t most[TILE], sum[TILE];
            sum_row(g, row, column, most);
            for (size_t i = 1; i < window; i++) {
                sum_row(g, row + i, column, sum);
                for (size_t c = 0; c < TILE; c++)
                    most[c] = sum[c] > most[c] ? sum[c] : most[c];
            }
            for (size_t c = 0; c < TILE && column + c < g->columns; c++) {
                const size_t at = row / window * g->y_stride + column + c;
                const float v = (float)most[c] * g->scale[column + c] + g->bias[column + c];
                if (g->bytes) {
                    const float leaky = v * g->slope + shift;
                    g->bytes[at] = nearest(leaky > v ? leaky : v);
                } else {
                    g->y[at] = v > 0 ? v : g->slope * v;
                }
            }
        }
}

void ink_quantize_u8_scalar(const ink_quantize_u8 *q)
{
    for (size_t i = 0; i < q->size; i++)
        q->y[i] = nearest(q->x[i] * q->inverse + q->zero);
}

void ink_max_pool_u8_scalar(const ink_max_pool_u8 *k)
{
    const ink_pool_f32 *p = &k->pool;
    uint8_t *y = k->y;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, y += p->channels) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            for (size_t c = 0; c < p->channels; c++)
                y[c] = y0 < y1 && x0 < x1 ? 0 : k->zero;
            for (size_t iy = y0; iy < y1; iy++)
                for (size_t ix = x0; ix < x1; ix++)
                    for (size_t c = 0; c < p->channels; c++) {
                        const uint8_t x = k->x[(iy * p->width + ix) * p->channels + c];
                        y[c] = x > y[c] ? x : y[c];
                    }
        }
}
