/* dense: y = x weight^T + bias over the last axis, as PyTorch's Linear; weight is [O, I], of I8 it is
 * multiplied by scale[o]. */
#include "ops/op.h"

#include "base/checked.h"
#include "ops/int8.h"

#include <math.h>
#include <string.h>

enum { WEIGHT, BIAS };

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    const ink_tensor_info *weight = node->parameters[WEIGHT];
    if (weight->rank != 2)
        return ink_node_fail(error, INK_ERR_SHAPE, node,
                             "its weight has %u dimensions, wanted 2: O, I", weight->rank);
    const uint32_t last = inputs[0].rank - 1;
    INK_TRY(ink_outputs_check(node, INK_ATTR_UNITS, error));
    INK_TRY(ink_parameter_check(node, WEIGHT, 2,
                                (uint32_t[]){ weight->dim[0], inputs[0].dim[last] }, error));
    INK_TRY(ink_parameter_check(node, BIAS, 1, &weight->dim[0], error));
    INK_TRY(ink_int8_check(node, weight->dim[1], error));
    node->shape = inputs[0];
    node->shape.dim[last] = weight->dim[0];
    uint64_t elements;
    if (!ink_shape_elements(node->shape, &elements) ||
        __builtin_mul_overflow(elements, (uint64_t)weight->dim[1], &node->macs))
        return ink_node_fail(error, INK_ERR_LIMIT, node, "it has %s multiply-adds", "over 2^64");
    return INK_OK;
}

/* Which kernel, by what it costs. With fewer outputs than a panel of igemm has columns, vectors go along the inputs.
 * Zeros are skipped where they are likely; finding them costs little beside so many outputs. */
static ink_kernel_op choose(const ink_step *step, size_t columns, size_t depth)
{
    enum { NARROW = 16, LONG = 32 };
    if (columns <= NARROW && depth >= LONG)
        return INK_KERNEL_narrow_dense_f32;
    return step->sparse && columns > NARROW ? INK_KERNEL_sparse_dense_f32 : INK_KERNEL_igemm_f32;
}

/* I8 weights; of a channels-last picture see below. */
static ink_status prepare_bytes(ink_step *step, ink_prepare *p, size_t columns, size_t depth)
{
    const size_t channels = step->flat_channels ? step->flat_channels : depth, pixels = depth / channels;
    const int8_t *file = step->node->parameters[WEIGHT]->data;
    step->kernel = ink_kernel_find(INK_KERNEL_igemm_u8, p->cpu);
    step->scratch = depth % 4 ? depth / 4 + 1 : 0;
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    int8_t *w = ink_arena_array(&temporary, columns * depth, sizeof *w);
    ink_status status = INK_OK;
    if (!w)
        status = ink_node_fail(p->error, INK_ERR_MEMORY, step->node, "no memory to prepare it%s", "");
    for (size_t o = 0; w && o < columns; o++)
        for (size_t i = 0; i < depth; i++)
            w[o * depth + i % pixels * channels + i / pixels] = file[o * depth + i];
    if (!status)
        status = ink_int8_prepare(step, p, columns, 1, depth, w);
    ink_arena_free(&temporary);
    return status;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    const ink_node *node = step->node;
    const size_t columns = node->parameters[WEIGHT]->dim[0], depth = node->parameters[WEIGHT]->dim[1];
    if (ink_is_int8(node))
        return prepare_bytes(step, p, columns, depth);
    step->kernel = ink_kernel_find(choose(step, columns, depth), p->cpu);
    const bool narrow = step->kernel->op == INK_KERNEL_narrow_dense_f32;
    const size_t tile = narrow ? 1 : step->kernel->tile;
    if (step->kernel->op == INK_KERNEL_sparse_dense_f32)
        step->scratch = 2 * ink_sparse_group(depth) * INK_SPARSE_STRIDE(depth);
    step->group_weights = ink_igemm_packed_size(tile, columns, 1, depth);
    float *packed, *bias;
    INK_TRY(ink_prepare_floats(p, step, step->group_weights, &packed));
    INK_TRY(ink_prepare_floats(p, step, ink_round_up(columns, tile), &bias));
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    const float *w = ink_parameter_read(node, WEIGHT, columns, depth, &temporary);
    ink_parameter_floats(node, BIAS, columns, 0, bias);
    if (step->batch_norm) {
        float *scale = ink_arena_array(&temporary, columns, sizeof *scale);
        float *shift = ink_arena_array(&temporary, columns, sizeof *shift);
        if (scale && shift)
            ink_batch_norm_affine(step->batch_norm, columns, scale, shift);
        for (size_t o = 0; shift && o < columns; o++)
            bias[o] = bias[o] * scale[o] + shift[o];
        w = w && shift ? ink_scale_rows(w, scale, columns, depth, &temporary) : NULL;
    }
    if (!w) {
        ink_arena_free(&temporary);
        return ink_node_fail(p->error, INK_ERR_MEMORY, node, "no memory to prepare it%s", "");
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

/* The kernel reads bytes behind a row that is no multiple of four; behind the last one there may be none. */
static void run_bytes(const ink_step *step, const ink_run *run, size_t columns, size_t depth, size_t rows)
{
    ink_igemm_u8 call = ink_int8_call(step, run, columns, 0);
    const size_t apart = depth % 4 && rows ? 1 : 0;
    call.x = (const uint8_t *)run->inputs[0];
    call.rows = rows - apart;
    call.depth = call.x_stride = depth;
    step->kernel->run.igemm_u8(&call);
    if (!apart)
        return;
    memset(run->scratch, 0, step->scratch * sizeof(float));
    memcpy(run->scratch, call.x + call.rows * depth, depth);
    call.x = (const uint8_t *)run->scratch;
    call.y = call.y ? call.y + call.rows * columns : NULL;
    call.bytes = call.bytes ? call.bytes + call.rows * columns : NULL;
    call.rows = 1;
    step->kernel->run.igemm_u8(&call);
}

static void run(const ink_step *step, const ink_run *run)
{
    const size_t columns = step->node->parameters[WEIGHT]->dim[0], depth = step->node->parameters[WEIGHT]->dim[1];
    const size_t rows = run->images * (step->inputs[0].elements / depth), group = ink_sparse_group(depth);
    if (step->bytes)
        run_bytes(step, run, columns, depth, rows);
    else if (step->kernel->op == INK_KERNEL_narrow_dense_f32)
        step->kernel->run.narrow_dense_f32(&(ink_narrow_dense_f32){
            .rows = rows, .columns = columns, .depth = depth, .x = run->inputs[0], .x_stride = depth, .w = step->weights,
            .bias = step->bias, .slope = step->slope, .y = run->output, .y_stride = columns });
    else if (step->kernel->op == INK_KERNEL_sparse_dense_f32)
        step->kernel->run.sparse_dense_f32(&(ink_sparse_dense_f32){
            rows, columns, depth, group, run->inputs[0], step->weights, step->bias, step->slope, run->output,
            (uint32_t *)run->scratch, run->scratch + group * INK_SPARSE_STRIDE(depth) });
    else
        step->kernel->run.igemm_f32(&(ink_igemm_f32){
            .rows = rows, .columns = columns, .taps = 1, .depth = depth, .x = run->inputs[0], .x_stride = depth,
            .w = step->weights, .bias = step->bias, .slope = step->slope, .y = run->output, .y_stride = columns });
}

/* ---- training: the weight lies as [I, O], so that a row of its gradient is an input ---- */

static size_t place(const ink_node *node, size_t parameter, size_t i)
{
    const uint32_t *w = node->parameters[WEIGHT]->dim;
    return parameter == WEIGHT ? i % w[1] * w[0] + i / w[1] : i;
}

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    const uint32_t *w = step->node->parameters[WEIGHT]->dim;
    ink_step counted = { .name = step->node->name };
    step->kernel = ink_kernel_find(step->sparse ? INK_KERNEL_sparse_dense_f32 : INK_KERNEL_igemm_f32,
                                   p->cpu);
    step->transposed_kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    step->gradient_kernel = ink_kernel_find(step->sparse ? INK_KERNEL_sparse_wgrad_f32
                                                         : INK_KERNEL_wgrad_f32, p->cpu);
    const size_t tile = step->kernel->tile;
    INK_TRY(ink_prepare_floats(p, &counted, ink_igemm_packed_size(tile, w[0], 1, w[1]), &step->packed));
    INK_TRY(ink_prepare_floats(p, &counted, ink_round_up(w[0], tile), &step->packed_bias));
    if (step->wants_gradient) {
        const size_t back = step->transposed_kernel->tile;
        INK_TRY(ink_prepare_floats(p, &counted, ink_igemm_packed_size(back, w[1], 1, w[0]),
                                   &step->packed_back));
        INK_TRY(ink_prepare_floats(p, &counted, ink_round_up(w[1], back), &step->zero_bias));
    }
    /* Lists of the inputs that are not zero: an index and a value each, and where each list begins. */
    if (step->sparse)
        step->saved = 2 * (size_t)w[1];
    step->scratch = step->sparse ? 2 * ink_sparse_group(w[1]) * INK_SPARSE_STRIDE(w[1]) : 0;
    return INK_OK;
}

static void tape_pack(const ink_tape_step *step, const float *parameters)
{
    const uint32_t *w = step->node->parameters[WEIGHT]->dim;
    const float *weight = parameters + step->parameter[WEIGHT];
    ink_igemm_pack(step->packed, step->kernel->tile, w[0], 1, w[1], weight, 1, 0, w[0]);
    if (step->wants_gradient)
        ink_igemm_pack(step->packed_back, step->transposed_kernel->tile, w[1], 1, w[0], weight, w[0], 0, 1);
    if (step->parameter[BIAS] != SIZE_MAX)
        memcpy(step->packed_bias, parameters + step->parameter[BIAS], w[0] * sizeof(float));
}

static size_t tape_rows(const ink_tape_step *step, const ink_tape_run *run)
{
    const ink_shape in = step->input_shapes[0];
    return run->images * (ink_tape_view(in).elements / in.dim[in.rank - 1]);
}

static void tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    const uint32_t *w = step->node->parameters[WEIGHT]->dim;
    const size_t rows = tape_rows(step, run);
    if (step->sparse)
        step->kernel->run.sparse_dense_f32(&(ink_sparse_dense_f32){
            rows, w[0], w[1], ink_sparse_group(w[1]), run->inputs[0], step->packed, step->packed_bias, step->slope, run->output,
            (uint32_t *)run->scratch, run->scratch + ink_sparse_group(w[1]) * INK_SPARSE_STRIDE(w[1]) });
    else
        step->kernel->run.igemm_f32(&(ink_igemm_f32){
            .rows = rows, .columns = w[0], .taps = 1, .depth = w[1], .x = run->inputs[0],
            .x_stride = w[1], .w = step->packed, .bias = step->packed_bias, .slope = step->slope,
            .y = run->output, .y_stride = w[0] });
}

static void tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const uint32_t *w = step->node->parameters[WEIGHT]->dim;
    const size_t rows = tape_rows(step, run);
    float *gradient = run->gradients + step->parameter[WEIGHT];
    if (step->sparse)
        step->gradient_kernel->run.sparse_wgrad_f32(&(ink_sparse_wgrad_f32){
            rows, w[1], w[0], run->inputs[0], run->d_output, gradient, (uint32_t *)run->scratch,
            (uint32_t *)run->saved, run->saved + rows * w[1] });
    else
        step->gradient_kernel->run.wgrad_f32(&(ink_wgrad_f32){
            .rows = w[1], .columns = w[0], .points = rows, .x = run->inputs[0], .point_stride = w[1],
            .g = run->d_output, .g_stride = w[0], .y = gradient, .y_stride = w[0] });
    if (step->parameter[BIAS] != SIZE_MAX)
        for (size_t i = 0; i < rows; i++)
            for (size_t o = 0; o < w[0]; o++)
                run->gradients[step->parameter[BIAS] + o] += run->d_output[i * w[0] + o];
    if (step->wants_gradient && run->d_inputs[0])
        step->transposed_kernel->run.igemm_f32(&(ink_igemm_f32){
            .rows = rows, .columns = w[1], .taps = 1, .depth = w[0], .x = run->d_output,
            .x_stride = w[0], .w = step->packed_back, .bias = step->zero_bias, .slope = 1,
            .y = run->d_inputs[0], .y_stride = w[1] });
}

const ink_op ink_op_dense = {
    .name = "dense",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_ROWS,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_UNITS, false, NAN },
                                              { INK_ATTR_INPUT_SCALE, false, NAN },
                                              { INK_ATTR_INPUT_ZERO, false, NAN } },
    .attribute_count = 3,
    .parameters = (const ink_op_parameter[]){ { "weight", true }, { "bias", false }, { "scale", false } },
    .parameter_count = 3,
    .shape = shape,
    .prepare = prepare,
    .run = run,
    .place = INK_TAPE(place),
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_pack = INK_TAPE(tape_pack),
    .tape_forward = INK_TAPE(tape_forward),
    .tape_backward = INK_TAPE(tape_backward),
};
