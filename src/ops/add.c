/* add: the sum of two or more values of the same shape, as in a residual network. */
#include "ops/op.h"

#include <string.h>

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    char a[INK_SHAPE_TEXT], b[INK_SHAPE_TEXT];
    for (uint32_t i = 1; i < node->input_count; i++)
        if (!ink_shape_equal(inputs[0], inputs[i]))
            return ink_node_fail(error, INK_ERR_SHAPE, node, "its inputs have the shapes %s and %s, "
                                 "wanted the same", ink_shape_text(inputs[0], a),
                                 ink_shape_text(inputs[i], b));
    node->shape = inputs[0];
    return INK_OK;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_add_f32, p->cpu);
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const size_t size = run->images * step->output.elements;
    for (uint32_t i = 1; i < step->input_count; i++)
        step->kernel->run.add_f32(&(ink_add_f32){ size, i == 1 ? run->inputs[0] : run->output,
                                                  run->inputs[i], run->output });
}

/* ---- training ---- */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_add_f32, p->cpu);
    return INK_OK;
}

static void tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t size = run->images * ink_tape_view(step->node->shape).elements;
    for (uint32_t i = 1; i < step->input_count; i++)
        step->kernel->run.add_f32(&(ink_add_f32){ size, i == 1 ? run->inputs[0] : run->output,
                                                  run->inputs[i], run->output });
}

static void tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t size = run->images * ink_tape_view(step->node->shape).elements;
    for (uint32_t i = 0; i < step->input_count; i++)
        if (run->d_inputs[i])
            memcpy(run->d_inputs[i], run->d_output, size * sizeof(float));
}

const ink_op ink_op_add = {
    .name = "add",
    .min_inputs = 2,
    .max_inputs = INK_MAX_INPUTS,
    .wants = INK_WANTS_SAME,
    .activation = -1,
    .shape = shape,
    .prepare = prepare,
    .run = run,
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(tape_forward),
    .tape_backward = INK_TAPE(tape_backward),
};
