/* conv2d: correlation of a picture with K kernels, as PyTorch's Conv2d and Keras' Conv2D.
 *
 *   y[o, i, j] = bias[o] + sum over c, a, b of x[g(o) + c, i * stride + a * dilation - padding, ...]
 *                                              * weight[o, c, a, b]
 *
 * weight is [O, C / groups, KH, KW]; of I8 it is multiplied by scale[o]. It runs as an indirect matrix product on channels-last data, see
 * kernels.h, or, with one channel a group, as a depthwise convolution. */
#include "ops/op.h"

#include "base/checked.h"
#include "ops/int8.h"
#include "ops/winograd.h"

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
    INK_TRY(ink_int8_check(node, (uint64_t)channels / groups * weight->dim[2] * weight->dim[3], error));
    if (weight->type == INK_I8 && groups != 1)
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "groups=%u, with a weight of i8 only 1 is possible", groups);
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

/* ---- inference ---- */

/* The input's size where its border is copied around it. */
static void padded_size(const ink_step *step, geometry g, uint32_t *height, uint32_t *width)
{
    *height = g.height + step->padding[0] + step->padding[2];
    *width = g.width + step->padding[1] + step->padding[3];
}

/* Weights, [out, depth, taps] as in the file, and biases, as floats with the batch norm folded in. */
static ink_status read_weights(const ink_step *step, ink_prepare *p, geometry g, ink_arena *temporary,
                               const float **weights, float **biases)
{
    const ink_node *node = step->node;
    const size_t one = g.channels / g.groups * g.kernel_height * g.kernel_width;
    float *b = ink_arena_array(temporary, g.out, sizeof *b), *scale = NULL, *shift = NULL;
    if (step->batch_norm) {
        scale = ink_arena_array(temporary, g.out, sizeof *scale);
        shift = ink_arena_array(temporary, g.out, sizeof *shift);
    }
    *weights = temporary->failed ? NULL : ink_parameter_read(node, WEIGHT, g.out, one, temporary);
    if (!*weights)
        return ink_node_fail(p->error, INK_ERR_MEMORY, node, "no memory to prepare it%s", "");
    ink_parameter_floats(node, BIAS, g.out, 0, b);
    *biases = b;
    if (!step->batch_norm)
        return INK_OK;
    ink_batch_norm_affine(step->batch_norm, g.out, scale, shift);
    for (size_t o = 0; o < g.out; o++)
        b[o] = b[o] * scale[o] + shift[o];
    *weights = ink_scale_rows(*weights, scale, g.out, one, temporary);
    return *weights ? INK_OK : ink_node_fail(p->error, INK_ERR_MEMORY, node, "no memory to prepare it%s", "");
}

/* In the kernel's own order. Neighbours in a row of the kernel are neighbours in the input too, all their channels, so they
 * go as one tap; but not those of a group or of a dilated kernel. */
static ink_status pack(ink_step *step, ink_prepare *p, geometry g, const float *w, const float *b)
{
    const size_t taps = (size_t)g.kernel_height * g.kernel_width, depth = g.channels / g.groups;
    float *packed, *bias;
    if (step->winograd) {
        INK_TRY(ink_prepare_floats(p, step, ink_round_up(g.out, step->kernel->tile), &bias));
        memcpy(bias, b, g.out * sizeof *b);
        ink_winograd_pack(step->winograd, w, 1, taps, taps * depth, false);
        step->bias = bias;
        return INK_OK;
    }
    if (step->kernel->op == INK_KERNEL_dwconv_f32) {
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

/* How far the pixels of the output go that are wanted: those that a max-pool reads, where one is a part of the step. */
static void wanted_size(const ink_step *step, geometry g, size_t *height, size_t *width)
{
    *height = g.out_height;
    *width = g.out_width;
    if (step->pool) {
        *height = (size_t)step->pool->shape.dim[1] * ink_attr_u32(&step->pool->attributes, INK_ATTR_KERNEL, 0);
        *width = (size_t)step->pool->shape.dim[2] * ink_attr_u32(&step->pool->attributes, INK_ATTR_KERNEL, 1);
    }
}

/* Winograd's way, where it can be gone and pays. */
static ink_status prepare_winograd(ink_step *step, ink_prepare *p, geometry g, uint32_t padded_height,
                                   uint32_t padded_width)
{
    const ink_attributes *a = &step->node->attributes;
    ink_winograd_sizes sizes = { .kernel = g.kernel_height, .channels = g.channels, .columns = g.out, .pooled = step->pool };
    wanted_size(step, g, &sizes.out_height, &sizes.out_width);
    const size_t pixels = sizes.out_height * sizes.out_width;
    if (g.groups != 1 || g.kernel_height != g.kernel_width || ink_attr_u32(a, INK_ATTR_STRIDE, 0) != 1 ||
        ink_attr_u32(a, INK_ATTR_STRIDE, 1) != 1 || ink_attr_u32(a, INK_ATTR_DILATION, 0) != 1 ||
        ink_attr_u32(a, INK_ATTR_DILATION, 1) != 1 ||
        (step->pool && (ink_attr_u32(&step->pool->attributes, INK_ATTR_KERNEL, 0) != 2 ||
                        ink_attr_u32(&step->pool->attributes, INK_ATTR_KERNEL, 1) != 2)))
        return INK_OK;
    const size_t tile = sizes.tile = ink_winograd_tile(&sizes, pixels);
    if (!tile)
        return INK_OK;
    /* Tiles that reach over the outputs read rows or columns more than there are. */
    const size_t height = (sizes.out_height + tile - 1) / tile * tile + sizes.kernel - 1;
    const size_t width = (sizes.out_width + tile - 1) / tile * tile + sizes.kernel - 1;
    const bool copied = step->bordered || height > padded_height || width > padded_width;
    sizes.in_width = width > padded_width ? width : padded_width;
    step->bordered = copied ? (height > padded_height ? height : padded_height) * sizes.in_width * g.channels : 0;
    step->kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    step->way = tile == 2 ? "F(2x2) " : "F(4x4) ";
    return ink_winograd_prepare(&step->winograd, &sizes, p, step);
}

/* Where the rows and taps of a direct convolution lie. Behind them comes a max-pool window by window. */
static ink_status list_offsets(ink_step *step, ink_prepare *p, geometry g, size_t padded_width, bool merge)
{
    const ink_attributes *a = &step->node->attributes;
    const size_t taps = (size_t)g.kernel_height * (merge ? 1 : g.kernel_width);
    const size_t stride_h = ink_attr_u32(a, INK_ATTR_STRIDE, 0), stride_w = ink_attr_u32(a, INK_ATTR_STRIDE, 1);
    const size_t dilation_h = ink_attr_u32(a, INK_ATTR_DILATION, 0), dilation_w = ink_attr_u32(a, INK_ATTR_DILATION, 1);
    const size_t window_h = step->pool ? ink_attr_u32(&step->pool->attributes, INK_ATTR_KERNEL, 0) : 1;
    const size_t window_w = step->pool ? ink_attr_u32(&step->pool->attributes, INK_ATTR_KERNEL, 1) : 1;
    size_t height, width, n = 0;
    uint32_t *row, *tap;
    wanted_size(step, g, &height, &width);
    INK_TRY(ink_prepare_offsets(p, step, height * width, &row));
    INK_TRY(ink_prepare_offsets(p, step, taps, &tap));
    for (size_t y = 0; y < height; y += window_h)
        for (size_t x = 0; x < width; x += window_w)
            for (size_t i = 0; i < window_h * window_w; i++)
                row[n++] = (uint32_t)(((y + i / window_w) * stride_h * padded_width + (x + i % window_w) * stride_w) *
                                      g.channels);
    for (size_t t = 0; t < taps; t++)
        tap[t] = (uint32_t)((merge ? t * dilation_h * padded_width
                                   : t / g.kernel_width * dilation_h * padded_width +
                                         t % g.kernel_width * dilation_w) * g.channels);
    step->row_offset = row;
    step->tap_offset = tap;
    step->rows = n;
    step->window = window_h * window_w;
    step->taps = taps;
    step->depth = merge ? (size_t)g.kernel_width * g.channels : g.channels / g.groups;
    return INK_OK;
}

static bool merges(const ink_step *step, geometry g)
{
    return g.groups == 1 && ink_attr_u32(&step->node->attributes, INK_ATTR_DILATION, 1) == 1;
}

/* I8 weights: on bytes, in the order of taps. Where a run of a kernel's row is no multiple of four bytes, the kernel reads
 * more; so the picture is copied, to where there is room behind it. */
static ink_status prepare_bytes(ink_step *step, ink_prepare *p, geometry g, uint32_t width, uint64_t elements)
{
    const size_t taps = (size_t)g.kernel_height * g.kernel_width, count = g.out * taps * g.channels;
    const int8_t *file = step->node->parameters[WEIGHT]->data;
    step->kernel = ink_kernel_find(INK_KERNEL_igemm_u8, p->cpu);
    INK_TRY(list_offsets(step, p, g, width, merges(step, g)));
    step->bordered = step->bordered || step->depth % 4 ? ink_round_up((size_t)elements + 3, INK_ALIGNMENT) : 0;
    step->scratch = step->bordered / sizeof(float);
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    int8_t *w = ink_arena_array(&temporary, count, sizeof *w);
    ink_status status = INK_OK;
    if (!w)
        status = ink_node_fail(p->error, INK_ERR_MEMORY, step->node, "no memory to prepare it%s", "");
    for (size_t o = 0; w && o < g.out; o++)
        for (size_t c = 0; c < g.channels; c++)
            for (size_t t = 0; t < taps; t++)
                w[(o * taps + t) * g.channels + c] = file[(o * g.channels + c) * taps + t];
    if (!status)
        status = ink_int8_prepare(step, p, g.out, step->taps, step->depth, w);
    ink_arena_free(&temporary);
    return status;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    const geometry g = geometry_of(step->node, step->inputs[0].shape);
    const bool depthwise = g.channels == g.groups && g.out == g.groups && g.groups > 1;
    uint32_t height, width;
    padded_size(step, g, &height, &width);
    uint64_t elements;
    if (__builtin_mul_overflow((uint64_t)height * width, (uint64_t)g.channels, &elements))
        elements = UINT64_MAX;
    if (elements > UINT32_MAX || elements * sizeof(float) > p->memory_left)
        return ink_node_fail(p->error, INK_ERR_LIMIT, step->node, "its padded input of %llu elements is "
                             "over the limit of memory", (unsigned long long)elements);
    step->bordered = height != g.height || width != g.width ? (size_t)elements : 0;
    if (ink_is_int8(step->node))
        return prepare_bytes(step, p, g, width, elements);
    step->kernel = ink_kernel_find(depthwise ? INK_KERNEL_dwconv_f32 : INK_KERNEL_igemm_f32, p->cpu);
    INK_TRY(prepare_winograd(step, p, g, height, width));
    if (!step->winograd)
        INK_TRY(list_offsets(step, p, g, width, merges(step, g)));
    step->bordered = ink_round_up(step->bordered, INK_ALIGNMENT / sizeof(float));
    step->scratch = step->bordered + (step->winograd ? ink_winograd_scratch(step->winograd) : 0);

    if ((uint64_t)g.out * (g.channels / g.groups) * g.kernel_height * g.kernel_width > p->memory_left / sizeof(float))
        return ink_node_fail(p->error, INK_ERR_LIMIT, step->node, "its weights are over the limit of memory%s", "");
    /* The plain weights are needed only here, but an arena cannot give back: an arena of its own. */
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    const float *w = NULL;
    float *b = NULL;
    ink_status status = read_weights(step, p, g, &temporary, &w, &b);
    if (!status)
        status = pack(step, p, g, w, b);
    ink_arena_free(&temporary);
    return status;
}

/* Copies one channels-last image into the middle of the scratch, whose border stays zero. */
static void copy_bordered(const ink_step *step, geometry g, size_t padded_width, const float *x, float *to)
{
    const size_t row = (size_t)g.width * g.channels, padded_row = padded_width * g.channels;
    to += step->padding[0] * padded_row + (size_t)step->padding[1] * g.channels;
    for (uint32_t y = 0; y < g.height; y++)
        memcpy(to + y * padded_row, x + y * row, row * sizeof *x);
}

static void run_direct(const ink_step *step, geometry g, const float *x, float *y)
{
    const size_t columns = g.out / g.groups;
    if (step->kernel->op == INK_KERNEL_dwconv_f32) {
        step->kernel->run.dwconv_f32(&(ink_dwconv_f32){ step->rows, g.channels, step->taps, x, step->row_offset,
                                                        step->tap_offset, step->weights, step->bias, step->slope, y });
        return;
    }
    const size_t group_bias = ink_round_up(columns, step->kernel->tile);
    for (size_t i = 0; i < g.groups; i++)
        step->kernel->run.igemm_f32(&(ink_igemm_f32){
            .rows = step->rows, .columns = columns, .taps = step->taps, .depth = step->depth, .window = step->window,
            .x = x + i * (g.channels / g.groups), .row_offset = step->row_offset, .tap_offset = step->tap_offset,
            .w = step->weights + i * step->group_weights, .bias = step->bias + i * group_bias, .slope = step->slope,
            .y = y + i * columns, .y_stride = g.out });
}

static void run_bytes(const ink_step *step, geometry g, size_t padded_width, const ink_run *run)
{
    const size_t size = step->inputs[0].elements, row = (size_t)g.width * g.channels;
    const size_t padded_row = padded_width * g.channels;
    uint8_t *bordered = (uint8_t *)run->scratch, *inside = bordered + step->padding[0] * padded_row +
                                                           (size_t)step->padding[1] * g.channels;
    memset(bordered, step->inputs[0].quantum.zero, step->bordered);
    for (size_t image = 0; image < run->images; image++) {
        const uint8_t *x = (const uint8_t *)run->inputs[0] + image * size;
        ink_igemm_u8 call = ink_int8_call(step, run, g.out, image);
        call.x = step->bordered ? bordered : x;
        call.rows = step->rows;
        call.taps = step->taps;
        call.depth = step->depth;
        call.window = step->window;
        call.row_offset = step->row_offset;
        call.tap_offset = step->tap_offset;
        if (step->bordered && row == padded_row)
            memcpy(inside, x, size);
        else if (step->bordered)
            for (size_t y = 0; y < g.height; y++)
                memcpy(inside + y * padded_row, x + y * row, row);
        step->kernel->run.igemm_u8(&call);
    }
}

static void run(const ink_step *step, const ink_run *run)
{
    const geometry g = geometry_of(step->node, step->inputs[0].shape);
    ink_winograd_run tiles;
    uint32_t height, width;
    padded_size(step, g, &height, &width);
    if (step->bytes) {
        run_bytes(step, g, width, run);
        return;
    }
    memset(run->scratch, 0, step->bordered * sizeof(float));
    if (step->winograd)
        ink_winograd_begin(&tiles, step->winograd, step->bias, step->slope, run->scratch + step->bordered);
    for (size_t image = 0; image < run->images; image++) {
        const float *x = run->inputs[0] + image * step->inputs[0].elements;
        float *y = run->output + image * step->output.elements;
        if (step->bordered) {
            copy_bordered(step, g, step->winograd ? step->winograd->in_width : width, x, run->scratch);
            x = run->scratch;
        }
        if (step->winograd)
            ink_winograd_add(&tiles, x, y);
        else
            run_direct(step, g, x, y);
    }
    if (step->winograd)
        ink_winograd_end(&tiles);
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
                                              { INK_ATTR_FILTERS, false, NAN },
                                              { INK_ATTR_INPUT_SCALE, false, NAN },
                                              { INK_ATTR_INPUT_ZERO, false, NAN } },
    .attribute_count = 8,
    .parameters = (const ink_op_parameter[]){ { "weight", true }, { "bias", false }, { "scale", false } },
    .parameter_count = 3,
    .shape = shape,
    .prepare = prepare,
    .run = run,
    .place = INK_TAPE(ink_conv2d_place),
    .tape_prepare = INK_TAPE(ink_conv2d_tape_prepare),
    .tape_pack = INK_TAPE(ink_conv2d_tape_pack),
    .tape_forward = INK_TAPE(ink_conv2d_tape_forward),
    .tape_backward = INK_TAPE(ink_conv2d_tape_backward),
};
