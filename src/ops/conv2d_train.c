/* conv2d in training. Weights lie as [group, tap, C / groups, O / groups], so that a row of the weight
 * gradient is a tap and an input channel. With x the padded input, t a tap and p an output pixel:
 *
 *   y[p, o]  = bias[o] + sum over t, c of x[p + t, c] * w[t, c, o]
 *   dw[t, c, o] = sum over p of x[p + t, c] * dy[p, o]
 *   dx[q, c] = sum over t, o of dy[q - t, o] * w[t, c, o]
 *
 * The last is a convolution itself: of dy, with its pixels moved apart by the stride and a border of
 * zeros, and with the taps turned round. */
#include "ops/conv2d_train.h"

#include "base/checked.h"
#include "ops/winograd.h"

#include <string.h>

enum { WEIGHT, BIAS };

ink_conv_sizes ink_conv_sizes_of(const ink_tape_step *step)
{
    const ink_node *node = step->node;
    const ink_shape in = step->input_shapes[0];
    const ink_attributes *a = &node->attributes;
    const uint32_t *w = node->parameters[WEIGHT]->dim;
    ink_conv_sizes s = { .channels = in.dim[0], .height = in.dim[1], .width = in.dim[2],
                .out = w[0], .out_height = node->shape.dim[1], .out_width = node->shape.dim[2],
                .groups = ink_attr_u32(a, INK_ATTR_GROUPS, 0),
                .kernel_height = w[2], .kernel_width = w[3], .depth = w[1],
                .stride_height = ink_attr_u32(a, INK_ATTR_STRIDE, 0),
                .stride_width = ink_attr_u32(a, INK_ATTR_STRIDE, 1),
                .dilation_height = ink_attr_u32(a, INK_ATTR_DILATION, 0),
                .dilation_width = ink_attr_u32(a, INK_ATTR_DILATION, 1),
                .pad_top = ink_attr_u32(a, INK_ATTR_PADDING, 0),
                .pad_left = ink_attr_u32(a, INK_ATTR_PADDING, 1) };
    s.padded_height = s.height + s.pad_top + ink_attr_u32(a, INK_ATTR_PADDING, 2);
    s.padded_width = s.width + s.pad_left + ink_attr_u32(a, INK_ATTR_PADDING, 3);
    s.taps = s.kernel_height * s.kernel_width;
    s.columns = s.out / s.groups;
    s.back_height = s.height + s.dilation_height * (s.kernel_height - 1);
    s.back_width = s.width + s.dilation_width * (s.kernel_width - 1);
    if (step->pool) {
        const ink_pool_f32 p = ink_conv_pool_of(step, &s);
        s.out_height = p.height;
        s.out_width = p.width;
    }
    return s;
}

size_t ink_conv2d_place(const ink_node *node, size_t parameter, size_t i)
{
    if (parameter != WEIGHT)
        return i;
    const uint32_t *w = node->parameters[WEIGHT]->dim;
    const size_t taps = (size_t)w[2] * w[3], depth = w[1];
    const size_t columns = w[0] / ink_attr_u32(&node->attributes, INK_ATTR_GROUPS, 0);
    const size_t tap = i % taps, c = i / taps % depth, o = i / taps / depth;
    return ((o / columns * taps + tap) * depth + c) * columns + o % columns;
}

/* Winograd's way for what it fits. */
static ink_status prepare_winograd(ink_tape_step *step, const ink_conv_sizes *s, ink_prepare *p, ink_step *counted)
{
    step->winograd = step->back_winograd = NULL;
    if (s->groups != 1 || s->stride_height != 1 || s->stride_width != 1 || s->dilation_height != 1 ||
        s->dilation_width != 1 || !ink_winograd_fits(s->kernel_height, s->kernel_width, s->channels, s->out))
        return INK_OK;
    INK_TRY(ink_winograd_prepare(&step->winograd, &(ink_winograd_sizes){
        .kernel = 3, .tile = 2, .channels = s->channels, .columns = s->out, .out_height = s->out_height, .out_width = s->out_width }, p,
        counted));
    if (step->wants_gradient && !(step->pool && ink_conv_pooled_sparse(step, s)))
        INK_TRY(ink_winograd_prepare(&step->back_winograd, &(ink_winograd_sizes){
            .kernel = 3, .tile = 2, .channels = s->out, .columns = s->channels, .out_height = s->height, .out_width = s->width }, p, counted));
    return INK_OK;
}

/* A bordered input, and what a run needs. */
static size_t winograd_floats(const ink_winograd *w)
{
    return w ? w->in_height * w->in_width * w->channels + ink_winograd_scratch(w) : 0;
}

/* Behind all other scratch: that of Winograd's runs, then, where the weights' gradient goes that way too, that of its
 * sums. */
static size_t runs_floats(const ink_tape_step *step)
{
    const size_t forward = winograd_floats(step->winograd), back = winograd_floats(step->back_winograd);
    return forward > back ? forward : back;
}

static bool sums_by_winograd(const ink_tape_step *step, const ink_conv_sizes *s)
{
    return step->winograd && !(step->pool && ink_conv_pooled_sparse(step, s));
}

static size_t sums_floats(const ink_tape_step *step, const ink_conv_sizes *s)
{
    return sums_by_winograd(step, s) ? ink_winograd_sums_scratch(step->winograd) : 0;
}

ink_status ink_conv2d_tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    const ink_conv_sizes s = ink_conv_sizes_of(step);
    const size_t rows = s.out_height * s.out_width, pixels = s.height * s.width;
    ink_step counted = { .name = step->node->name };
    uint32_t *row, *tap, *back_row, *back_tap, *weight_row;
    if ((s.padded_height * s.padded_width * s.channels) > UINT32_MAX ||
        s.back_height * s.back_width * s.out > UINT32_MAX)
        return ink_node_fail(p->error, INK_ERR_LIMIT, step->node, "it is too large to train%s", "");
    step->kernel = step->transposed_kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    step->gradient_kernel = ink_kernel_find(INK_KERNEL_wgrad_f32, p->cpu);
    step->pool_kernel = ink_kernel_find(INK_KERNEL_max_pool_arg_f32, p->cpu);
    step->unpool_kernel = ink_kernel_find(INK_KERNEL_max_unpool_f32, p->cpu);
    step->rows_kernel = ink_kernel_find(INK_KERNEL_sparse_rows_f32, p->cpu);
    const size_t tile = step->kernel->tile;
    INK_TRY(ink_prepare_offsets(p, &counted, rows, &row));
    INK_TRY(ink_prepare_offsets(p, &counted, s.taps, &tap));
    INK_TRY(ink_prepare_offsets(p, &counted, pixels, &back_row));
    INK_TRY(ink_prepare_offsets(p, &counted, s.taps, &back_tap));
    INK_TRY(ink_prepare_offsets(p, &counted, s.taps * s.depth, &weight_row));
    for (size_t i = 0; i < rows; i++)
        row[i] = (uint32_t)((i / s.out_width * s.stride_height * s.padded_width +
                             i % s.out_width * s.stride_width) * s.channels);
    for (size_t i = 0; i < pixels; i++)
        back_row[i] = (uint32_t)((i / s.width * s.back_width + i % s.width) * s.out);
    for (size_t t = 0; t < s.taps; t++) {
        const size_t y = t / s.kernel_width, x = t % s.kernel_width;
        tap[t] = (uint32_t)((y * s.dilation_height * s.padded_width + x * s.dilation_width) * s.channels);
        back_tap[t] = (uint32_t)(((s.kernel_height - 1 - y) * s.dilation_height * s.back_width +
                                  (s.kernel_width - 1 - x) * s.dilation_width) * s.out);
        for (size_t c = 0; c < s.depth; c++)
            weight_row[t * s.depth + c] = tap[t] + (uint32_t)c;
    }
    step->row_offset = row;
    step->tap_offset = tap;
    step->back_row_offset = back_row;
    step->back_tap_offset = back_tap;
    step->weight_row_offset = weight_row;
    INK_TRY(prepare_winograd(step, &s, p, &counted));
    if (!step->winograd)
        INK_TRY(ink_prepare_floats(p, &counted, s.groups * ink_igemm_packed_size(tile, s.columns, s.taps, s.depth),
                                   &step->packed));
    INK_TRY(ink_prepare_floats(p, &counted, s.groups * ink_round_up(s.columns, tile), &step->packed_bias));
    if (step->wants_gradient && !step->back_winograd)
        INK_TRY(ink_prepare_floats(p, &counted, s.groups * ink_igemm_packed_size(tile, s.depth, s.taps, s.columns),
                                   &step->packed_back));
    if (step->wants_gradient)
        INK_TRY(ink_prepare_floats(p, &counted, ink_round_up(s.depth, tile), &step->zero_bias));
    step->scratch = (ink_conv_pads(&s) ? s.padded_height * s.padded_width * s.channels : 0) +
                    (step->wants_gradient ? s.back_height * s.back_width * s.out : 0);
    if (step->pool)
        step->scratch += ink_conv_pooled_scratch(step, &s);
    step->scratch += runs_floats(step) + sums_floats(step, &s);
    if (step->pool && step->wants_gradient && ink_conv_pooled_sparse(step, &s))
        INK_TRY(ink_prepare_floats(p, &counted, s.out * s.taps * s.depth, &step->packed_rows));
    return INK_OK;
}

void ink_conv2d_tape_pack(const ink_tape_step *step, const float *parameters)
{
    const ink_conv_sizes s = ink_conv_sizes_of(step);
    const size_t tile = step->kernel->tile, group = s.taps * s.depth * s.columns;
    const size_t packed = ink_igemm_packed_size(tile, s.columns, s.taps, s.depth);
    const size_t packed_back = ink_igemm_packed_size(tile, s.depth, s.taps, s.columns);
    const float *w = parameters + step->parameter[WEIGHT];
    for (size_t k = 0; step->packed_rows && k < s.taps * s.depth; k++)
        for (size_t o = 0; o < s.out; o++)
            step->packed_rows[o * s.taps * s.depth + k] = w[k * s.out + o];
    if (step->winograd)
        ink_winograd_pack(step->winograd, w, s.channels * s.out, s.out, 1, false);
    if (step->back_winograd)
        ink_winograd_pack(step->back_winograd, w, s.channels * s.out, 1, s.out, true);
    for (size_t i = 0; i < s.groups; i++) {
        if (!step->winograd)
            ink_igemm_pack(step->packed + i * packed, tile, s.columns, s.taps, s.depth, w + i * group, 1,
                           s.depth * s.columns, s.columns);
        if (step->wants_gradient && !step->back_winograd)
            ink_igemm_pack(step->packed_back + i * packed_back, tile, s.depth, s.taps, s.columns,
                           w + i * group, s.columns, s.depth * s.columns, 1);
        if (step->parameter[BIAS] != SIZE_MAX)
            memcpy(step->packed_bias + i * ink_round_up(s.columns, tile),
                   parameters + step->parameter[BIAS] + i * s.columns, s.columns * sizeof(float));
    }
}

const float *ink_conv_padded(const ink_conv_sizes *s, const float *x, float *scratch)
{
    if (!ink_conv_pads(s))
        return x;
    float *to = scratch + (s->pad_top * s->padded_width + s->pad_left) * s->channels;
    for (size_t y = 0; y < s->height; y++)
        memcpy(to + y * s->padded_width * s->channels, x + y * s->width * s->channels,
               s->width * s->channels * sizeof *x);
    return scratch;
}

/* Pictures with a border: x, from `top` and `left` on, in the middle of zeros; both may be negative. */
static void border(const float *x, size_t height, size_t width, size_t channels, int64_t top, int64_t left,
                   float *to, size_t to_height, size_t to_width)
{
    memset(to, 0, to_height * to_width * channels * sizeof *to);
    const size_t skip = left < 0 ? (size_t)-left : 0, at = left < 0 ? 0 : (size_t)left;
    if (skip >= width || at >= to_width)
        return;
    const size_t count = width - skip < to_width - at ? width - skip : to_width - at;
    for (size_t y = 0; y < height; y++) {
        const int64_t row = (int64_t)y + top;
        if (row >= 0 && row < (int64_t)to_height)
            memcpy(to + ((size_t)row * to_width + at) * channels, x + (y * width + skip) * channels,
                   count * channels * sizeof *to);
    }
}

static float *runs_scratch(const ink_tape_step *step, const ink_tape_run *run, const ink_conv_sizes *s)
{
    return run->scratch + step->scratch - sums_floats(step, s) - runs_floats(step);
}

/* The input as Winograd wants it: itself, or in the scratch with a border. */
static const float *winograd_input(const ink_winograd *w, const ink_conv_sizes *s, const float *x, float *scratch)
{
    if (!s->pad_top && !s->pad_left && s->height == w->in_height && s->width == w->in_width)
        return x;
    border(x, s->height, s->width, s->channels, (int64_t)s->pad_top, (int64_t)s->pad_left, scratch, w->in_height,
           w->in_width);
    return scratch;
}

static void run_winograd(const ink_tape_step *step, const ink_tape_run *run, const ink_conv_sizes *s, const float *x,
                         float slope, float *y)
{
    const ink_winograd *w = step->winograd;
    float *scratch = runs_scratch(step, run, s);
    ink_winograd_run tiles;
    ink_winograd_begin(&tiles, w, step->packed_bias, slope, scratch + w->in_height * w->in_width * w->channels);
    ink_winograd_add(&tiles, winograd_input(w, s, x, scratch), y);
    ink_winograd_end(&tiles);
}

void ink_conv2d_tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    const ink_conv_sizes s = ink_conv_sizes_of(step);
    const size_t tile = step->kernel->tile, rows = s.out_height * s.out_width;
    const size_t packed = ink_igemm_packed_size(tile, s.columns, s.taps, s.depth);
    const size_t pad_floats = ink_conv_pads(&s) ? s.padded_height * s.padded_width * s.channels : 0;
    if (!step->winograd)
        memset(run->scratch, 0, pad_floats * sizeof(float));
    for (size_t image = 0; image < run->images; image++) {
        const float *x = run->inputs[0] + image * s.height * s.width * s.channels;
        /* What is pooled at once needs no place of its own. */
        float *y = step->pool ? run->scratch + pad_floats : run->output + image * rows * s.out;
        if (step->winograd)
            run_winograd(step, run, &s, x, step->pool ? 1 : step->slope, y);
        else
            x = ink_conv_padded(&s, x, run->scratch);
        for (size_t i = 0; !step->winograd && i < s.groups; i++)
            step->kernel->run.igemm_f32(&(ink_igemm_f32){
                .rows = rows, .columns = s.columns, .taps = s.taps, .depth = s.depth,
                .x = x + i * s.depth, .row_offset = step->row_offset, .tap_offset = step->tap_offset,
                .w = step->packed + i * packed, .bias = step->packed_bias + i * ink_round_up(s.columns, tile),
                .slope = step->pool ? 1 : step->slope, .y = y + i * s.columns, .y_stride = s.out });
        if (step->pool) {
            ink_max_pool_arg_f32 k = { ink_conv_pool_of(step, &s), step->slope,
                                       (uint8_t *)(run->saved + image * step->saved) };
            k.pool.x = y;
            k.pool.y = run->output + image * k.pool.out_height * k.pool.out_width * s.out;
            step->pool_kernel->run.max_pool_arg_f32(&k);
        }
    }
}

/* dy, its pixels moved apart, in the middle of zeros; what only touches the input's padding is left out. */
static void spread(const ink_conv_sizes *s, const float *dy, float *back)
{
    const int64_t top = (int64_t)(s->dilation_height * (s->kernel_height - 1)) - (int64_t)s->pad_top;
    const int64_t left = (int64_t)(s->dilation_width * (s->kernel_width - 1)) - (int64_t)s->pad_left;
    for (size_t oy = 0; oy < s->out_height; oy++) {
        const int64_t y = (int64_t)(oy * s->stride_height) + top;
        if (y < 0 || y >= (int64_t)s->back_height)
            continue;
        for (size_t ox = 0; ox < s->out_width; ox++) {
            const int64_t x = (int64_t)(ox * s->stride_width) + left;
            if (x >= 0 && x < (int64_t)s->back_width)
                memcpy(back + ((size_t)y * s->back_width + (size_t)x) * s->out,
                       dy + (oy * s->out_width + ox) * s->out, s->out * sizeof *dy);
        }
    }
}

void ink_conv2d_tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const ink_conv_sizes s = ink_conv_sizes_of(step);
    const size_t tile = step->kernel->tile, rows = s.out_height * s.out_width;
    const size_t packed_back = ink_igemm_packed_size(tile, s.depth, s.taps, s.columns);
    const size_t pad_floats = ink_conv_pads(&s) ? s.padded_height * s.padded_width * s.channels : 0;
    const bool gradient = step->wants_gradient && run->d_inputs[0];
    const size_t back_floats = step->wants_gradient ? s.back_height * s.back_width * s.out : 0;
    float *back = run->scratch + pad_floats, *unpooled = back + back_floats;
    if (step->pool && ink_conv_pooled_sparse(step, &s)) {
        memset(run->scratch, 0, pad_floats * sizeof(float));
        ink_conv_pooled_backward(step, run, run->scratch + pad_floats);
        return;
    }
    memset(run->scratch, 0, (pad_floats + (gradient && !step->back_winograd ? back_floats : 0)) * sizeof(float));
    const bool sums = sums_by_winograd(step, &s);
    float *scratch = runs_scratch(step, run, &s);
    ink_winograd_sums of_weights = { 0 };
    if (sums)
        of_weights = ink_winograd_sums_begin(step->winograd, scratch + runs_floats(step));
    for (size_t image = 0; image < run->images; image++) {
        const float *x = run->inputs[0] + image * s.height * s.width * s.channels;
        const float *dy = run->d_output + image * rows * s.out;
        if (step->pool) {
            const ink_pool_f32 pool = ink_conv_pool_of(step, &s);
            step->unpool_kernel->run.max_unpool_f32(&(ink_max_unpool_f32){
                pool, (const uint8_t *)(run->saved + image * step->saved),
                run->d_output + image * pool.out_height * pool.out_width * s.out, unpooled });
            dy = unpooled;
        }
        if (sums)
            ink_winograd_sums_add(step->winograd, &of_weights, winograd_input(step->winograd, &s, x, scratch), dy);
        else
            x = ink_conv_padded(&s, x, run->scratch);
        for (size_t i = 0; !sums && i < s.groups; i++)
            step->gradient_kernel->run.wgrad_f32(&(ink_wgrad_f32){
                .rows = s.taps * s.depth, .columns = s.columns, .points = rows, .x = x + i * s.depth,
                .row_offset = step->weight_row_offset, .point_offset = step->row_offset,
                .g = dy + i * s.columns, .g_stride = s.out,
                .y = run->gradients + step->parameter[WEIGHT] + i * s.taps * s.depth * s.columns,
                .y_stride = s.columns });
        if (step->parameter[BIAS] != SIZE_MAX) {
            float *bias = run->gradients + step->parameter[BIAS];
            for (size_t p = 0; p < rows; p++)
                for (size_t o = 0; o < s.out; o++)
                    bias[o] += dy[p * s.out + o];
        }
        if (!gradient)
            continue;
        if (step->back_winograd) {
            const ink_winograd *w = step->back_winograd;
            border(dy, s.out_height, s.out_width, s.out, 2 - (int64_t)s.pad_top, 2 - (int64_t)s.pad_left, scratch,
                   w->in_height, w->in_width);
            ink_winograd_run tiles;
            ink_winograd_begin(&tiles, w, step->zero_bias, 1, scratch + w->in_height * w->in_width * w->channels);
            ink_winograd_add(&tiles, scratch, run->d_inputs[0] + image * s.height * s.width * s.channels);
            ink_winograd_end(&tiles);
            continue;
        }
        spread(&s, dy, back);
        for (size_t i = 0; i < s.groups; i++)
            step->transposed_kernel->run.igemm_f32(&(ink_igemm_f32){
                .rows = s.height * s.width, .columns = s.depth, .taps = s.taps, .depth = s.columns,
                .x = back + i * s.columns, .row_offset = step->back_row_offset,
                .tap_offset = step->back_tap_offset, .w = step->packed_back + i * packed_back,
                .bias = step->zero_bias, .slope = 1,
                .y = run->d_inputs[0] + image * s.height * s.width * s.channels + i * s.depth,
                .y_stride = s.channels });
    }
    if (sums)
        ink_winograd_sums_end(step->winograd, &of_weights, run->gradients + step->parameter[WEIGHT]);
}
