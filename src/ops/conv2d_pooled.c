/* A convolution whose output goes into a max-pool and nowhere else, in training. Of a pool's window only the
 * largest element has a gradient, so of a 2x2 pool's input three of four gradients are 0, and more behind a
 * relu. What is left is brought to the weights and to the input one by one: with x the padded input, p the
 * output pixel that a pooled value v of channel o came from, and t a tap,
 *
 *   dw[o, t, c] += v * x[p + t, c]
 *   dx[p + t, c] += v * w[o, t, c]
 *
 * where the taps of a kernel's row and their channels lie side by side: pieces long enough for vectors. */
#include "ops/conv2d_train.h"

#include "base/checked.h"

#include <string.h>

enum { WEIGHT, BIAS, SHORTEST_RUN = 24 };

/* The part of the output that the pool reads: a last row that no window reaches is not computed. */
ink_pool_f32 ink_conv_pool_of(const ink_tape_step *step, const ink_conv_sizes *s)
{
    ink_pool_f32 p = ink_pool_geometry(step->pool, step->node->shape);
    const size_t height = (p.out_height - 1) * p.stride_height + p.kernel_height;
    const size_t width = (p.out_width - 1) * p.stride_width + p.kernel_width;
    (void)s;
    p.height = height - p.pad_top < p.height ? height - p.pad_top : p.height;
    p.width = width - p.pad_left < p.width ? width - p.pad_left : p.width;
    return p;
}

bool ink_conv_pooled_sparse(const ink_tape_step *step, const ink_conv_sizes *s)
{
    const ink_attributes *a = &step->pool->attributes;
    return s->groups == 1 && s->dilation_width == 1 && s->kernel_width * s->channels >= SHORTEST_RUN &&
           ink_attr_u32(a, INK_ATTR_STRIDE, 0) * ink_attr_u32(a, INK_ATTR_STRIDE, 1) >= 3;
}

/* The lists of one image's gradients, and what its sums go to. */
typedef struct lists {
    uint32_t *offset, *count; /* [out, pooled pixels] and [out] */
    float *value, *rows, *dx; /* [out, pooled pixels], [out, taps, channels], the padded input's gradient */
} lists;

typedef struct list_sizes {
    size_t items, counts, rows, dx;
} list_sizes;

static list_sizes sizes_of_lists(const ink_tape_step *step, const ink_conv_sizes *s)
{
    const ink_pool_f32 p = ink_conv_pool_of(step, s);
    const size_t pixels = p.out_height * p.out_width, window = p.kernel_height * p.kernel_width;
    return (list_sizes){ s->out * (pixels > window ? pixels : window), /* they serve both orders */
                         s->out > window ? s->out : window, s->out * s->taps * s->depth,
                         ink_conv_pads(s) ? s->padded_height * s->padded_width * s->channels : 0 };
}

size_t ink_conv_pooled_scratch(const ink_tape_step *step, const ink_conv_sizes *s)
{
    const list_sizes n = sizes_of_lists(step, s);
    const size_t output = s->out_height * s->out_width * s->out;
    const size_t floats = ink_conv_pooled_sparse(step, s) ? 2 * n.items + n.counts + n.rows + n.dx : 0;
    return floats > output ? floats : output;
}

static lists lists_in(const list_sizes *n, float *scratch)
{
    return (lists){ .offset = (uint32_t *)(void *)scratch, .value = scratch + n->items,
                    .count = (uint32_t *)(void *)(scratch + 2 * n->items),
                    .rows = scratch + 2 * n->items + n->counts,
                    .dx = scratch + 2 * n->items + n->counts + n->rows };
}

ink_status ink_conv2d_tape_pool(ink_tape_step *step, const ink_node *pool, ink_prepare *p)
{
    step->pool = pool;
    const size_t outputs = (size_t)pool->shape.dim[0] * pool->shape.dim[1] * pool->shape.dim[2];
    step->saved = outputs / sizeof(float) + 1;
    return ink_conv2d_tape_prepare(step, p);
}

/* The output pixel that element `tap` of a window came from. */
static inline size_t pixel_of(const ink_pool_f32 *p, size_t oy, size_t ox, size_t tap)
{
    return (oy * p->stride_height + tap / p->kernel_width - p->pad_top) * p->width + ox * p->stride_width +
           tap % p->kernel_width - p->pad_left;
}

/* Each channel's gradients, by pixel; then each row of weights gets its sum. */
static void weight_gradient(const ink_tape_step *step, const ink_conv_sizes *s, const ink_pool_f32 *p,
                            const lists *l, const float *x, const float *dy, const uint8_t *arg, float *bias)
{
    const size_t pixels = p->out_height * p->out_width, row = s->taps * s->depth;
    memset(l->count, 0, s->out * sizeof *l->count);
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, dy += s->out, arg += s->out)
            for (size_t o = 0; o < s->out; o++) {
                /* Written always, kept if it is not 0: no branch to mispredict. */
                const size_t at = o * pixels + l->count[o];
                l->offset[at] = step->row_offset[pixel_of(p, oy, ox, arg[o])];
                l->value[at] = dy[o];
                l->count[o] += dy[o] != 0;
            }
    for (size_t o = 0; o < s->out; o++) {
        step->rows_kernel->run.sparse_rows_f32(&(ink_sparse_rows_f32){
            .count = l->count[o], .offset = l->offset + o * pixels, .value = l->value + o * pixels,
            .runs = s->kernel_height, .run = s->kernel_width * s->channels, .x = x,
            .x_stride = s->dilation_height * s->padded_width * s->channels, .y = l->rows + o * row,
            .y_stride = s->kernel_width * s->channels });
        for (size_t n = 0; bias && n < l->count[o]; n++)
            bias[o] += l->value[o * pixels + n];
    }
}

/* Each pixel's gradients, by channel; then the pixels around it get their sum. */
static void input_gradient(const ink_tape_step *step, const ink_conv_sizes *s, const ink_pool_f32 *p,
                           const lists *l, const float *dy, const uint8_t *arg, float *dx)
{
    const size_t window = p->kernel_height * p->kernel_width, row = s->taps * s->depth;
    for (size_t oy = 0; oy < p->out_height; oy++)
        for (size_t ox = 0; ox < p->out_width; ox++, dy += s->out, arg += s->out) {
            memset(l->count, 0, window * sizeof *l->count);
            for (size_t o = 0; o < s->out; o++) {
                const size_t at = arg[o] * s->out + l->count[arg[o]];
                l->offset[at] = (uint32_t)(o * row);
                l->value[at] = dy[o];
                l->count[arg[o]] += dy[o] != 0;
            }
            for (size_t tap = 0; tap < window; tap++)
                if (l->count[tap])
                    step->rows_kernel->run.sparse_rows_f32(&(ink_sparse_rows_f32){
                        .count = l->count[tap], .offset = l->offset + tap * s->out,
                        .value = l->value + tap * s->out, .runs = s->kernel_height,
                        .run = s->kernel_width * s->channels, .x = step->packed_rows,
                        .x_stride = s->kernel_width * s->channels,
                        .y = dx + step->row_offset[pixel_of(p, oy, ox, tap)],
                        .y_stride = s->dilation_height * s->padded_width * s->channels });
        }
}

void ink_conv_pooled_backward(const ink_tape_step *step, const ink_tape_run *run, float *scratch)
{
    const ink_conv_sizes s = ink_conv_sizes_of(step);
    const ink_pool_f32 p = ink_conv_pool_of(step, &s);
    const size_t in = s.height * s.width * s.channels, out = p.out_height * p.out_width * s.out;
    const size_t row = s.taps * s.depth, padded = s.padded_height * s.padded_width * s.channels;
    const list_sizes sizes = sizes_of_lists(step, &s);
    const lists l = lists_in(&sizes, scratch);
    float *bias = step->parameter[BIAS] != SIZE_MAX ? run->gradients + step->parameter[BIAS] : NULL;
    memset(l.rows, 0, s.out * row * sizeof *l.rows);
    for (size_t image = 0; image < run->images; image++) {
        const float *dy = run->d_output + image * out;
        const uint8_t *arg = (const uint8_t *)(run->saved + image * step->saved);
        const float *x = ink_conv_padded(&s, run->inputs[0] + image * in, run->scratch);
        weight_gradient(step, &s, &p, &l, x, dy, arg, bias);
        if (!step->wants_gradient || !run->d_inputs[0])
            continue;
        float *to = run->d_inputs[0] + image * in, *dx = ink_conv_pads(&s) ? l.dx : to;
        memset(dx, 0, padded * sizeof *dx);
        input_gradient(step, &s, &p, &l, dy, arg, dx);
        const float *from = dx + (s.pad_top * s.padded_width + s.pad_left) * s.channels;
        for (size_t y = 0; dx != to && y < s.height; y++)
            memcpy(to + y * s.width * s.channels, from + y * s.padded_width * s.channels,
                   s.width * s.channels * sizeof *to);
    }
    float *gradient = run->gradients + step->parameter[WEIGHT];
    for (size_t o = 0; o < s.out; o++)
        for (size_t k = 0; k < row; k++)
            gradient[k * s.out + o] += l.rows[o * row + k];
}
