/* conv2d: correlation of a picture with K kernels, as PyTorch's Conv2d and Keras' Conv2D.
 *
 *   y[o, i, j] = bias[o] + sum over c, a, b of x[g(o) + c, i * stride + a * dilation - padding, ...]
 *                                              * weight[o, c, a, b]
 *
 * weight is [O, C / groups, KH, KW]. It runs as an indirect matrix product on channels-last data, see
 * kernels.h, or, with one channel a group, as a depthwise convolution. */
#include "ops/op.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

enum { WEIGHT, BIAS };

typedef struct geometry {
    uint32_t channels, height, width;   /* of the input */
    uint32_t out, out_height, out_width;
    uint32_t kernel_height, kernel_width, groups;
} geometry;

static geometry geometry_of(const ink_node *node, ink_shape input)
{
    const uint32_t *w = node->parameters[WEIGHT]->dim;
    return (geometry){ input.dim[0], input.dim[1], input.dim[2], w[0], node->shape.dim[1],
                       node->shape.dim[2], w[2], w[3],
                       ink_attr_u32(&node->attributes, INK_ATTR_GROUPS, 0) };
}

static bool out_size(const ink_node *node, uint32_t size, uint32_t kernel, size_t axis,
                     uint32_t *out)
{
    const ink_attributes *a = &node->attributes;
    int64_t padded = (int64_t)size + ink_attr_u32(a, INK_ATTR_PADDING, axis) +
                     ink_attr_u32(a, INK_ATTR_PADDING, axis + 2);
    int64_t covered = (int64_t)(kernel - 1) * ink_attr_u32(a, INK_ATTR_DILATION, axis) + 1;
    if (padded < covered)
        return false;
    *out = (uint32_t)((padded - covered) / ink_attr_u32(a, INK_ATTR_STRIDE, axis)) + 1;
    return true;
}

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    const ink_tensor_info *weight = node->parameters[WEIGHT];
    char text[INK_SHAPE_TEXT];
    INK_TRY(ink_picture_check(node, inputs, error));
    const uint32_t channels = inputs[0].dim[0];
    const uint32_t groups = ink_attr_u32(&node->attributes, INK_ATTR_GROUPS, 0);
    if (weight->rank != 4)
        return ink_node_fail(error, INK_ERR_SHAPE, node,
                             "its weight has %u dimensions, wanted 4: O, C / groups, KH, KW",
                             weight->rank);
    if (channels % groups || weight->dim[0] % groups)
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "groups=%u does not divide its %u "
                             "input and %u output channels", groups, channels, weight->dim[0]);
    if (node->attributes.count[INK_ATTR_KERNEL] &&
        (ink_attr_u32(&node->attributes, INK_ATTR_KERNEL, 0) != weight->dim[2] ||
         ink_attr_u32(&node->attributes, INK_ATTR_KERNEL, 1) != weight->dim[3]))
        return ink_node_fail(error, INK_ERR_SHAPE, node, "found kernel=%u,%u, its weight is %ux%u",
                             ink_attr_u32(&node->attributes, INK_ATTR_KERNEL, 0),
                             ink_attr_u32(&node->attributes, INK_ATTR_KERNEL, 1), weight->dim[2],
                             weight->dim[3]);
    if (weight->dim[2] > 1024 || weight->dim[3] > 1024)
        return ink_node_fail(error, INK_ERR_LIMIT, node, "its kernel is %ux%u, the limit is 1024",
                             weight->dim[2], weight->dim[3]);
    node->attributes.count[INK_ATTR_KERNEL] = 2;
    node->attributes.value[INK_ATTR_KERNEL][0] = weight->dim[2];
    node->attributes.value[INK_ATTR_KERNEL][1] = weight->dim[3];
    INK_TRY(ink_outputs_check(node, INK_ATTR_FILTERS, error));
    INK_TRY(ink_parameter_check(node, WEIGHT, 4, (uint32_t[]){ weight->dim[0], channels / groups,
                                weight->dim[2], weight->dim[3] }, error));
    INK_TRY(ink_parameter_check(node, BIAS, 1, &weight->dim[0], error));
    uint32_t height, width;
    if (!out_size(node, inputs[0].dim[1], weight->dim[2], 0, &height) ||
        !out_size(node, inputs[0].dim[2], weight->dim[3], 1, &width))
        return ink_node_fail(error, INK_ERR_SHAPE, node, "its kernel of %ux%u is larger than the "
                             "padded input %s", weight->dim[2], weight->dim[3],
                             ink_shape_text(inputs[0], text));
    node->shape = ink_shape_chw(weight->dim[0], height, width);
    /* Below 2^64 by the limits on shapes (2^40 elements each): checked again by the graph. */
    node->macs = (uint64_t)height * width;
    if (__builtin_mul_overflow(node->macs, (uint64_t)weight->dim[0] * weight->dim[1], &node->macs) ||
        __builtin_mul_overflow(node->macs, (uint64_t)weight->dim[2] * weight->dim[3], &node->macs))
        return ink_node_fail(error, INK_ERR_LIMIT, node, "it has %s multiply-adds", "over 2^64");
    return INK_OK;
}

static uint64_t padded_elements(const ink_step *step, geometry g, uint32_t *padded_width)
{
    *padded_width = g.width + step->padding[1] + step->padding[3];
    return (uint64_t)(g.height + step->padding[0] + step->padding[2]) * *padded_width * g.channels;
}

/* The weights and bias as floats with the batch norm folded in, then in the kernel's own order. */
static ink_status pack(ink_step *step, ink_prepare *p, geometry g, bool depthwise,
                       ink_arena *temporary)
{
    const ink_node *node = step->node;
    const size_t taps = (size_t)g.kernel_height * g.kernel_width, depth = g.channels / g.groups;
    float *w = ink_arena_array(temporary, g.out * depth * taps, sizeof *w);
    float *b = ink_arena_array(temporary, g.out, sizeof *b);
    float *scale = ink_arena_array(temporary, g.out, sizeof *scale);
    float *shift = ink_arena_array(temporary, g.out, sizeof *shift);
    if (temporary->failed)
        return ink_node_fail(p->error, INK_ERR_MEMORY, node, "no memory to prepare it%s", "");
    ink_parameter_floats(node, WEIGHT, g.out * depth * taps, 0, w);
    ink_parameter_floats(node, BIAS, g.out, 0, b);
    if (step->batch_norm) {
        ink_batch_norm_affine(step->batch_norm, g.out, scale, shift);
        for (size_t o = 0; o < g.out; o++) {
            for (size_t i = 0; i < depth * taps; i++)
                w[o * depth * taps + i] *= scale[o];
            b[o] = b[o] * scale[o] + shift[o];
        }
    }
    float *packed, *bias;
    if (depthwise) {
        INK_TRY(ink_prepare_floats(p, step, taps * g.channels, &packed));
        INK_TRY(ink_prepare_floats(p, step, g.channels, &bias));
        for (size_t c = 0; c < g.channels; c++)
            for (size_t t = 0; t < taps; t++)
                packed[t * g.channels + c] = w[c * taps + t];
        memcpy(bias, b, g.channels * sizeof *b);
    } else {
        const size_t tile = step->kernel->tile, columns = g.out / g.groups;
        const size_t group_bias = ink_round_up(columns, tile);
        step->group_weights = ink_igemm_packed_size(tile, columns, taps, depth);
        INK_TRY(ink_prepare_floats(p, step, g.groups * step->group_weights, &packed));
        INK_TRY(ink_prepare_floats(p, step, g.groups * group_bias, &bias));
        for (size_t i = 0; i < g.groups; i++) {
            ink_igemm_pack(packed + i * step->group_weights, tile, columns, taps, depth,
                           w + i * columns * depth * taps, depth * taps, 1, taps);
            memcpy(bias + i * group_bias, b + i * columns, columns * sizeof *b);
        }
    }
    step->weights = packed;
    step->bias = bias;
    return INK_OK;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    const ink_node *node = step->node;
    const geometry g = geometry_of(node, step->inputs[0].shape);
    const ink_attributes *a = &node->attributes;
    const size_t taps = (size_t)g.kernel_height * g.kernel_width, depth = g.channels / g.groups;
    const size_t rows = (size_t)g.out_height * g.out_width, columns = g.out / g.groups;
    const bool depthwise = depth == 1 && columns == 1 && g.groups > 1;
    uint32_t width;
    const uint64_t elements = padded_elements(step, g, &width);
    if (elements > UINT32_MAX || elements * sizeof(float) > p->memory_left)
        return ink_node_fail(p->error, INK_ERR_LIMIT, node, "its padded input of %llu elements is "
                             "over the limit of memory", (unsigned long long)elements);
    step->kernel = ink_kernel_find(depthwise ? INK_KERNEL_dwconv_f32 : INK_KERNEL_igemm_f32, p->cpu);
    const bool pads = step->padding[0] | step->padding[1] | step->padding[2] | step->padding[3];
    step->scratch = pads ? (size_t)elements : 0;

    uint32_t *row, *tap;
    INK_TRY(ink_prepare_offsets(p, step, rows, &row));
    INK_TRY(ink_prepare_offsets(p, step, taps, &tap));
    const uint32_t stride_h = ink_attr_u32(a, INK_ATTR_STRIDE, 0);
    const uint32_t stride_w = ink_attr_u32(a, INK_ATTR_STRIDE, 1);
    for (size_t i = 0; i < rows; i++)
        row[i] = (uint32_t)((i / g.out_width * stride_h * width + i % g.out_width * stride_w) *
                            g.channels);
    for (size_t t = 0; t < taps; t++)
        tap[t] = (uint32_t)((t / g.kernel_width * ink_attr_u32(a, INK_ATTR_DILATION, 0) * width +
                             t % g.kernel_width * ink_attr_u32(a, INK_ATTR_DILATION, 1)) *
                            g.channels);
    step->row_offset = row;
    step->tap_offset = tap;

    /* The plain weights are needed only here, but an arena cannot give back: an arena of its own. */
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    ink_status status = pack(step, p, g, depthwise, &temporary);
    ink_arena_free(&temporary);
    return status;
}

/* Copies one channels-last image into the middle of the scratch, whose border stays zero. */
static void copy_padded(const ink_step *step, geometry g, uint32_t padded_width, const float *x,
                        float *padded)
{
    const size_t row = (size_t)g.width * g.channels, padded_row = (size_t)padded_width * g.channels;
    padded += step->padding[0] * padded_row + (size_t)step->padding[1] * g.channels;
    for (uint32_t y = 0; y < g.height; y++)
        memcpy(padded + y * padded_row, x + y * row, row * sizeof *x);
}

static void run(const ink_step *step, const ink_run *run)
{
    const geometry g = geometry_of(step->node, step->inputs[0].shape);
    const size_t taps = (size_t)g.kernel_height * g.kernel_width;
    const size_t rows = (size_t)g.out_height * g.out_width, columns = g.out / g.groups;
    uint32_t width = g.width;
    if (step->scratch)
        memset(run->scratch, 0, padded_elements(step, g, &width) * sizeof(float));
    for (size_t image = 0; image < run->images; image++) {
        const float *x = run->inputs[0] + image * step->inputs[0].elements;
        float *y = run->output + image * step->output.elements;
        if (step->scratch) {
            copy_padded(step, g, width, x, run->scratch);
            x = run->scratch;
        }
        if (step->kernel->op == INK_KERNEL_dwconv_f32) {
            step->kernel->run.dwconv_f32(&(ink_dwconv_f32){
                rows, g.channels, taps, x, step->row_offset, step->tap_offset, step->weights,
                step->bias, step->slope, y });
            continue;
        }
        const size_t tile = step->kernel->tile, group_bias = ink_round_up(columns, tile);
        for (size_t i = 0; i < g.groups; i++)
            step->kernel->run.igemm_f32(&(ink_igemm_f32){
                .rows = rows, .columns = columns, .taps = taps, .depth = g.channels / g.groups,
                .x = x + i * (g.channels / g.groups), .row_offset = step->row_offset,
                .tap_offset = step->tap_offset, .w = step->weights + i * step->group_weights,
                .bias = step->bias + i * group_bias, .slope = step->slope, .y = y + i * columns,
                .y_stride = g.out });
    }
}

const ink_op ink_op_conv2d = {
    .name = "conv2d",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_IMAGE,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_KERNEL, false, NAN },
                                              { INK_ATTR_STRIDE, false, 1 },
                                              { INK_ATTR_PADDING, false, 0 },
                                              { INK_ATTR_DILATION, false, 1 },
                                              { INK_ATTR_GROUPS, false, 1 },
                                              { INK_ATTR_FILTERS, false, NAN } },
    .attribute_count = 6,
    .parameters = (const ink_op_parameter[]){ { "weight", true }, { "bias", false } },
    .parameter_count = 2,
    .shape = shape,
    .prepare = prepare,
    .run = run,
    .place = ink_conv2d_place,
    .tape_prepare = ink_conv2d_tape_prepare,
    .tape_pack = ink_conv2d_tape_pack,
    .tape_forward = ink_conv2d_tape_forward,
    .tape_backward = ink_conv2d_tape_backward,
};
