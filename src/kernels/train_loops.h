/* Training loops that need no intrinsics: each instruction set's file includes them and its compiler flags
 * make vectors of them. No order of a sum depends on the width of a vector. */
#ifndef INK_TRAIN_LOOPS_H
#define INK_TRAIN_LOOPS_H

#include "kernels/kernels.h"
#include "kernels/window.h"

#include <math.h>
#include <string.h>

/* The largest element of a window takes the gradient; of equal ones the first does. */
static inline void ink_max_pool_grad_loop(const ink_pool_grad_f32 *k)
{
    enum { BLOCK = 64 };
    const ink_pool_f32 *p = &k->pool;
    memset(k->dx, 0, p->height * p->width * p->channels * sizeof *k->dx);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            const size_t out = (oy * p->out_width + ox) * p->channels;
            for (size_t c = 0; c < p->channels; c += BLOCK) {
                const size_t count = p->channels - c < BLOCK ? p->channels - c : BLOCK;
                float rest[BLOCK]; /* the gradient, until an element has taken it */
                memcpy(rest, k->dy + out + c, count * sizeof *rest);
                const float *y = k->y + out + c;
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        const size_t in = (iy * p->width + ix) * p->channels + c;
                        const float *x = k->x + in;
                        float *dx = k->dx + in;
                        for (size_t i = 0; i < count; i++) {
                            const float taken = x[i] == y[i] ? rest[i] : 0;
                            dx[i] += taken;
                            rest[i] -= taken;
                        }
                    }
            }
        }
}

static inline void ink_avg_pool_grad_loop(const ink_pool_grad_f32 *k)
{
    const ink_pool_f32 *p = &k->pool;
    memset(k->dx, 0, p->height * p->width * p->channels * sizeof *k->dx);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++) {
            size_t y0, y1, x0, x1;
            ink_window_clip(oy, p->stride_height, p->kernel_height, p->pad_top, p->height, &y0, &y1);
            ink_window_clip(ox, p->stride_width, p->kernel_width, p->pad_left, p->width, &x0, &x1);
            size_t area = (y1 > y0 ? y1 - y0 : 0) * (x1 > x0 ? x1 - x0 : 0);
            if (p->count_padding)
                area = ink_window_padded(oy, p->stride_height, p->kernel_height, p->pad_top,
                                         p->height, p->pad_bottom) *
                       ink_window_padded(ox, p->stride_width, p->kernel_width, p->pad_left, p->width,
                                         p->pad_right);
            const float share = area ? 1.0f / (float)area : 0;
            const float *dy = k->dy + (oy * p->out_width + ox) * p->channels;
            for (size_t iy = y0; iy < y1; iy++)
                for (size_t ix = x0; ix < x1; ix++) {
                    float *dx = k->dx + (iy * p->width + ix) * p->channels;
                    for (size_t c = 0; c < p->channels; c++)
                        dx[c] += dy[c] * share;
                }
        }
}

/* D. P. Kingma, J. Ba, "Adam", 2015 (arXiv:1412.6980); the decay apart from the gradient is that of
 * I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", 2019 (arXiv:1711.05101). */
static inline void ink_adam_loop(const ink_adam_f32 *k)
{
    const float b1 = k->beta1, b2 = k->beta2, keep = 1 - k->rate * k->decay;
    const float rate = k->rate / k->correction1, correction = 1 / k->correction2;
    for (size_t i = 0; i < k->size; i++) {
        const float g = k->gradient[i] * k->scale + k->l2 * k->weight[i];
        k->first[i] = b1 * k->first[i] + (1 - b1) * g;
        k->second[i] = b2 * k->second[i] + (1 - b2) * g * g;
        k->weight[i] = k->weight[i] * keep -
                       rate * k->first[i] / (sqrtf(k->second[i] * correction) + k->epsilon);
    }
}

#endif
