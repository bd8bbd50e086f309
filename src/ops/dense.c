/* dense: y = x weight^T + bias over the last axis, as PyTorch's Linear; weight is [O, I]. */
#include "ops/op.h"

#include "base/checked.h"

enum { WEIGHT, BIAS };

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    const ink_tensor_info *weight = node->parameters[WEIGHT];
    if (weight->rank != 2)
        return ink_node_fail(error, INK_ERR_SHAPE, node,
                             "its weight has %u dimensions, wanted 2: O, I", weight->rank);
    const uint32_t last = inputs[0].rank - 1;
    INK_TRY(ink_parameter_check(node, WEIGHT, 2,
                                (uint32_t[]){ weight->dim[0], inputs[0].dim[last] }, error));
    INK_TRY(ink_parameter_check(node, BIAS, 1, &weight->dim[0], error));
    node->shape = inputs[0];
    node->shape.dim[last] = weight->dim[0];
    uint64_t elements;
    if (!ink_shape_elements(node->shape, &elements) ||
        __builtin_mul_overflow(elements, (uint64_t)weight->dim[1], &node->macs))
        return ink_node_fail(error, INK_ERR_LIMIT, node, "it has %s multiply-adds", "over 2^64");
    return INK_OK;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    const ink_node *node = step->node;
    const size_t columns = node->parameters[WEIGHT]->dim[0], depth = node->parameters[WEIGHT]->dim[1];
    step->kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    const size_t tile = step->kernel->tile;
    step->group_weights = ink_igemm_packed_size(tile, columns, 1, depth);
    float *packed, *bias;
    INK_TRY(ink_prepare_floats(p, step, step->group_weights, &packed));
    INK_TRY(ink_prepare_floats(p, step, ink_round_up(columns, tile), &bias));
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    float *w = ink_arena_array(&temporary, columns * depth, sizeof *w);
    float *scale = ink_arena_array(&temporary, columns, sizeof *scale);
    float *shift = ink_arena_array(&temporary, columns, sizeof *shift);
    if (!w || !scale || !shift) {
        ink_arena_free(&temporary);
        return ink_node_fail(p->error, INK_ERR_MEMORY, node, "no memory to prepare it%s", "");
    }
    ink_parameter_floats(node, WEIGHT, columns * depth, 0, w);
    ink_parameter_floats(node, BIAS, columns, 0, bias);
    if (step->batch_norm) {
        ink_batch_norm_affine(step->batch_norm, columns, scale, shift);
        for (size_t o = 0; o < columns; o++) {
            for (size_t i = 0; i < depth; i++)
                w[o * depth + i] *= scale[o];
            bias[o] = bias[o] * scale[o] + shift[o];
        }
    }
    /* A channels-last picture read as if flattened channels first: pixel by pixel, then channels, is
     * the packed order of a convolution whose kernel covers the picture. */
    const size_t channels = step->flat_channels ? step->flat_channels : depth;
    const size_t pixels = depth / channels;
    ink_igemm_pack(packed, tile, columns, pixels, channels, w, depth, 1, pixels);
    ink_arena_free(&temporary);
    step->weights = packed;
    step->bias = bias;
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const ink_tensor_info *weight = step->node->parameters[WEIGHT];
    const size_t depth = weight->dim[1];
    step->kernel->run.igemm_f32(&(ink_igemm_f32){
        .rows = run->images * (step->inputs[0].elements / depth), .columns = weight->dim[0],
        .taps = 1, .depth = depth, .x = run->inputs[0], .x_stride = depth, .w = step->weights,
        .bias = step->bias, .slope = step->slope, .y = run->output, .y_stride = weight->dim[0] });
}

const ink_op ink_op_dense = {
    .name = "dense",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_ROWS,
    .activation = -1,
    .parameters = (const ink_op_parameter[]){ { "weight", true }, { "bias", false } },
    .parameter_count = 2,
    .shape = shape,
    .prepare = prepare,
    .run = run,
};
