/* softmax and log_softmax over the last axis. */
#include "ops/op.h"

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
    };

SOFTMAX(softmax)
SOFTMAX(log_softmax)
