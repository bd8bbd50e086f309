/* Kernels that go over pictures and values, written once over the vectors of an instruction set. Channels lie last, so a
 * vector is so many channels of a pixel. */
#ifndef INK_PICTURE_LOOPS_H
#define INK_PICTURE_LOOPS_H

#include "kernels/kernels.h"
#include "kernels/unroll.h"
#include "kernels/window.h"

#include <math.h>

/* Four rows have four chains of sums. */
ALWAYS_INLINE void dwconv_rows(const ink_dwconv_f32 *d, size_t row, size_t c, const size_t rows)
{
    const size_t left = d->channels - c;
    const vec bias = vec_load_some(d->bias + c, left), slope = vec_all(d->slope);
    vec sum[4];
    UNROLL
    for (size_t r = 0; r < rows; r++)
        sum[r] = bias;
    for (size_t tap = 0; tap < d->taps; tap++) {
        const vec w = vec_load_some(d->w + tap * d->channels + c, left);
        const float *x = d->x + d->tap_offset[tap] + c;
        UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_fma(vec_load_some(x + d->row_offset[row + r], left), w, sum[r]);
    }
    UNROLL
    for (size_t r = 0; r < rows; r++)
        vec_store_some(d->y + (row + r) * d->channels + c, vec_leaky(sum[r], slope), left);
}

void ISA(dwconv_f32)(const ink_dwconv_f32 *d)
{
    for (size_t c = 0; c < d->channels; c += LANES) {
        size_t row = 0;
        for (; row + 4 <= d->rows; row += 4)
            dwconv_rows(d, row, c, 4);
        for (; row < d->rows; row++)
            dwconv_rows(d, row, c, 1);
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
            const vec share = vec_all(count ? 1.0f / (float)count : 0);
            for (size_t c = 0; c < p->channels; c += LANES) {
                const size_t left = p->channels - c;
                vec v = average || empty ? vec_zero() : vec_all(-INFINITY);
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        const vec x = vec_load_some(p->x + (iy * p->width + ix) * p->channels + c, left);
                        v = average ? vec_add(v, x) : vec_max(x, v);
                    }
                vec_store_some(y + c, average ? vec_mul(v, share) : v, left);
            }
        }
}

void ISA(max_pool_f32)(const ink_pool_f32 *p)
{
    pool(p, false);
}

void ISA(avg_pool_f32)(const ink_pool_f32 *p)
{
    pool(p, true);
}

void ISA(affine_f32)(const ink_affine_f32 *a)
{
    for (size_t row = 0; row < a->rows; row++)
        for (size_t c = 0; c < a->columns; c += LANES) {
            const size_t left = a->columns - c, at = row * a->columns + c;
            vec_store_some(a->y + at, vec_fma(vec_load_some(a->x + at, left), vec_load_some(a->scale + c, left),
                                              vec_load_some(a->shift + c, left)), left);
        }
}

void ISA(add_f32)(const ink_add_f32 *a)
{
    for (size_t i = 0; i < a->size; i += LANES) {
        const size_t left = a->size - i;
        vec_store_some(a->y + i, vec_add(vec_load_some(a->a + i, left), vec_load_some(a->b + i, left)), left);
    }
}

void ISA(pixels_f32)(const ink_pixels_f32 *p)
{
    const vec scale = vec_all(p->scale), offset = vec_all(p->offset);
    size_t i = 0;
    for (; i + LANES <= p->size; i += LANES) /* multiplied, then added: the same float as in scalar.c */
        vec_store(p->y + i, vec_add(vec_mul(vec_from_bytes(p->x + i), scale), offset));
    for (; i < p->size; i++)
        p->y[i] = (float)p->x[i] * p->scale + p->offset;
}

/* ---- Winograd's transforms ---- */

/* A row of B^T d, times B. */
ALWAYS_INLINE void winograd_store(float *v, size_t next, const vec row[4], size_t left)
{
    vec_store_some(v, vec_sub(row[0], row[2]), left);
    vec_store_some(v + next, vec_add(row[1], row[2]), left);
    vec_store_some(v + 2 * next, vec_sub(row[2], row[1]), left);
    vec_store_some(v + 3 * next, vec_sub(row[1], row[3]), left);
}

void ISA(winograd_in_f32)(const ink_winograd_in_f32 *k)
{
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += LANES) {
            const size_t left = k->channels - c;
            const float *x = k->x + k->offset[t] + c;
            float *v = k->v + t * k->channels + c;
            /* B^T d row by row, so that it stays in registers; two rows of it need the same of d. */
            vec upper[4], lower[4];
            UNROLL
            for (size_t i = 0; i < 4; i++)
                upper[i] = vec_sub(vec_load_some(x + i * k->channels, left),
                                   vec_load_some(x + 2 * k->row + i * k->channels, left));
            winograd_store(v, k->next, upper, left);
            UNROLL
            for (size_t i = 0; i < 4; i++) {
                const vec b = vec_load_some(x + k->row + i * k->channels, left);
                const vec e = vec_load_some(x + 2 * k->row + i * k->channels, left);
                upper[i] = vec_add(b, e);
                lower[i] = vec_sub(e, b);
            }
            winograd_store(v + 4 * k->next, k->next, upper, left);
            winograd_store(v + 8 * k->next, k->next, lower, left);
            UNROLL
            for (size_t i = 0; i < 4; i++)
                lower[i] = vec_sub(vec_load_some(x + k->row + i * k->channels, left),
                                   vec_load_some(x + 3 * k->row + i * k->channels, left));
            winograd_store(v + 12 * k->next, k->next, lower, left);
        }
}

void ISA(winograd_out_f32)(const ink_winograd_out_f32 *k)
{
    const size_t next = k->next;
    const vec slope = vec_all(k->slope);
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += LANES) {
            const size_t left = k->channels - c;
            const float *m = k->m + t * k->channels + c;
            float *y = k->y + k->offset[t] + c;
            const vec bias = vec_load_some(k->bias + c, left);
            vec rows[2][4], out[2][2];
            UNROLL
            for (size_t i = 0; i < 4; i++, m += next) {
                const vec a = vec_load_some(m, left), b = vec_load_some(m + 4 * next, left);
                const vec e = vec_load_some(m + 8 * next, left), f = vec_load_some(m + 12 * next, left);
                rows[0][i] = vec_add(vec_add(a, b), e);
                rows[1][i] = vec_sub(vec_sub(b, e), f);
            }
            UNROLL
            for (size_t i = 0; i < 2; i++) {
                out[i][0] = vec_add(bias, vec_add(vec_add(rows[i][0], rows[i][1]), rows[i][2]));
                out[i][1] = vec_add(bias, vec_sub(vec_sub(rows[i][1], rows[i][2]), rows[i][3]));
            }
            if (k->pooled) {
                const vec most = vec_max(vec_max(out[0][0], out[0][1]), vec_max(out[1][0], out[1][1]));
                vec_store_some(y, vec_leaky(most, slope), left);
                continue;
            }
            for (size_t i = 0; i < k->inside[t] >> 4; i++, y += k->row) {
                vec_store_some(y, vec_leaky(out[i][0], slope), left);
                if ((k->inside[t] & 15) > 1)
                    vec_store_some(y + k->channels, vec_leaky(out[i][1], slope), left);
            }
        }
}

/* A line of F(4x4, 3x3)'s B^T d. */
ALWAYS_INLINE void winograd4_in_line(const vec d[6], vec v[6])
{
    const vec two = vec_all(2), four = vec_all(4), minus_four = vec_all(-4), minus_five = vec_all(-5);
    const vec a = vec_fma(minus_four, d[2], d[4]), b = vec_fma(minus_four, d[1], d[3]);
    const vec e = vec_sub(d[4], d[2]), f = vec_mul(two, vec_sub(d[3], d[1]));
    v[0] = vec_fma(four, d[0], vec_fma(minus_five, d[2], d[4]));
    v[1] = vec_add(a, b);
    v[2] = vec_sub(a, b);
    v[3] = vec_add(e, f);
    v[4] = vec_sub(e, f);
    v[5] = vec_fma(four, d[1], vec_fma(minus_five, d[3], d[5]));
}

/* A line of its A^T m, and of F(2x2, 5x5)'s. */
ALWAYS_INLINE void winograd6_out_line(const vec m[6], vec y[4], const size_t outputs)
{
    const vec a = vec_add(m[1], m[2]), b = vec_sub(m[1], m[2]), e = vec_add(m[3], m[4]), f = vec_sub(m[3], m[4]);
    y[0] = vec_add(vec_add(m[0], a), e);
    y[1] = vec_fma(vec_all(2), f, b);
    if (outputs == 2) {
        y[1] = vec_add(y[1], m[5]);
        return;
    }
    y[2] = vec_fma(vec_all(4), e, a);
    y[3] = vec_add(vec_fma(vec_all(8), f, b), m[5]);
}

void ISA(winograd4_in_f32)(const ink_winograd_in_f32 *k)
{
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += LANES) {
            const size_t left = k->channels - c;
            const float *x = k->x + k->offset[t] + c;
            float *v = k->v + t * k->channels + c;
            vec columns[6][6];
            UNROLL
            for (size_t n = 0; n < 6; n++) {
                vec d[6], line[6];
                UNROLL
                for (size_t i = 0; i < 6; i++)
                    d[i] = vec_load_some(x + i * k->row + n * k->channels, left);
                winograd4_in_line(d, line);
                UNROLL
                for (size_t i = 0; i < 6; i++)
                    columns[i][n] = line[i];
            }
            UNROLL
            for (size_t i = 0; i < 6; i++) {
                vec line[6];
                winograd4_in_line(columns[i], line);
                UNROLL
                for (size_t n = 0; n < 6; n++, v += k->next)
                    vec_store_some(v, line[n], left);
            }
        }
}

ALWAYS_INLINE void winograd6_out(const ink_winograd_out_f32 *k, const size_t outputs)
{
    const vec slope = vec_all(k->slope);
    for (size_t t = 0; t < k->tiles; t++)
        for (size_t c = 0; c < k->channels; c += LANES) {
            const size_t left = k->channels - c, width = k->inside[t] & 15, height = k->inside[t] >> 4;
            const float *m = k->m + t * k->channels + c;
            float *y = k->y + k->offset[t] + c;
            const vec bias = vec_load_some(k->bias + c, left);
            vec columns[4][6], out[4][4];
            UNROLL
            for (size_t n = 0; n < 6; n++) {
                vec d[6], line[4];
                UNROLL
                for (size_t i = 0; i < 6; i++)
                    d[i] = vec_load_some(m + (6 * i + n) * k->next, left);
                winograd6_out_line(d, line, outputs);
                UNROLL
                for (size_t i = 0; i < outputs; i++)
                    columns[i][n] = line[i];
            }
            UNROLL
            for (size_t i = 0; i < outputs; i++)
                winograd6_out_line(columns[i], out[i], outputs);
            if (k->pooled) {
                UNROLL
                for (size_t i = 0; i < outputs / 2; i++)
                    UNROLL
                    for (size_t n = 0; n < outputs / 2; n++) {
                        const vec most = vec_max(vec_max(out[2 * i][2 * n], out[2 * i][2 * n + 1]),
                                                 vec_max(out[2 * i + 1][2 * n], out[2 * i + 1][2 * n + 1]));
                        if (2 * i < height && 2 * n < width)
                            vec_store_some(y + i * k->row + n * k->channels, vec_leaky(vec_add(most, bias), slope), left);
                    }
                continue;
            }
            for (size_t i = 0; i < height; i++)
                for (size_t n = 0; n < width; n++)
                    vec_store_some(y + i * k->row + n * k->channels, vec_leaky(vec_add(out[i][n], bias), slope), left);
        }
}

void ISA(winograd4_out_f32)(const ink_winograd_out_f32 *k)
{
    winograd6_out(k, 4);
}

void ISA(winograd5_out_f32)(const ink_winograd_out_f32 *k)
{
    winograd6_out(k, 2);
}

#endif
