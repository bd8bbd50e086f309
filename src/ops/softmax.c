/* softmax and log_softmax over the last axis. */
#include "ops/op.h"

#include <math.h>

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    uint32_t axis;
    char text[INK_SHAPE_TEXT];
    if (!ink_axis_resolve(node, inputs[0].rank, &axis) || axis + 1 != inputs[0].rank)
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "axis=%d of the input %s, wanted the "
                             "last (flatten or permute before it)",
                             (int)node->attributes.value[INK_ATTR_AXIS][0],
                             ink_shape_text(inputs[0], text));
    node->shape = inputs[0];
    return INK_OK;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_softmax_f32, p->cpu);
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const ink_shape shape = step->output.shape;
    const size_t columns = shape.dim[shape.rank - 1];
    step->kernel->run.softmax_f32(&(ink_softmax_f32){
        run->images * (step->output.elements / columns), columns, step->op == &ink_op_log_softmax,
        run->inputs[0], run->output });
}

/* ---- training ---- */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_softmax_f32, p->cpu);
    return INK_OK;
}

static void tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t columns = step->node->shape.dim[step->node->shape.rank - 1];
    step->kernel->run.softmax_f32(&(ink_softmax_f32){
        run->images * (ink_tape_view(step->node->shape).elements / columns), columns,
        step->op == &ink_op_log_softmax, run->inputs[0], run->output });
}

/* softmax: dx = y (dy - sum of dy y). log_softmax: dx = dy - exp(y) sum of dy. */
static void tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t columns = step->node->shape.dim[step->node->shape.rank - 1];
    const size_t rows = run->images * (ink_tape_view(step->node->shape).elements / columns);
    const bool log = step->op == &ink_op_log_softmax;
    if (!run->d_inputs[0])
        return;
    for (size_t r = 0; r < rows; r++) {
        const float *y = run->output + r * columns, *dy = run->d_output + r * columns;
        float *dx = run->d_inputs[0] + r * columns, sum = 0;
        for (size_t c = 0; c < columns; c++)
            sum += log ? dy[c] : dy[c] * y[c];
        for (size_t c = 0; c < columns; c++)
            dx[c] = log ? dy[c] - expf(y[c]) * sum : y[c] * (dy[c] - sum);
    }
}

#define SOFTMAX(identifier)                                                                        \
    const ink_op ink_op_##identifier = {                                                           \
        .name = #identifier,                                                                       \
        .min_inputs = 1,                                                                           \
        .max_inputs = 1,                                                                           \
        .wants = INK_WANTS_ROWS,                                                                   \
        .activation = -1,                                                                          \
        .attributes = (const ink_op_attribute[]){ { INK_ATTR_AXIS, false, -1 } },                  \
        .attribute_count = 1,                                                                      \
        .shape = shape,                                                                            \
        .prepare = prepare,                                                                        \
        .run = run,                                                                                \
        .tape_prepare = INK_TAPE(tape_prepare),                                                    \
        .tape_forward = INK_TAPE(tape_forward),                                                    \
        .tape_backward = INK_TAPE(tape_backward),                                                  \
    };

SOFTMAX(softmax)
SOFTMAX(log_softmax)
