/* relu, leaky_relu, elu, sigmoid, tanh, gelu: functions of one element; kernels.h has their formulas. */
#include "ops/op.h"

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    (void)error;
    node->shape = inputs[0];
    return INK_OK;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_activation_f32, p->cpu);
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const ink_attributes *a = &step->node->attributes;
    ink_activation function = (ink_activation)step->op->activation;
    if (function == INK_ACT_GELU && ink_attr_u32(a, INK_ATTR_APPROXIMATE, 0))
        function = INK_ACT_GELU_TANH;
    step->kernel->run.activation_f32(&(ink_activation_f32){
        function, ink_attr_f32(a, INK_ATTR_ALPHA), run->images * step->output.elements,
        run->inputs[0], run->output });
}

#define ACTIVATION(identifier, which, count, ...)                                                  \
    const ink_op ink_op_##identifier = {                                                           \
        .name = #identifier,                                                                       \
        .min_inputs = 1,                                                                           \
        .max_inputs = 1,                                                                           \
        .wants = INK_WANTS_SAME,                                                                   \
        .activation = which,                                                                       \
        .attributes = __VA_ARGS__,                                                                 \
        .attribute_count = count,                                                                  \
        .shape = shape,                                                                            \
        .prepare = prepare,                                                                        \
        .run = run,                                                                                \
    };

ACTIVATION(relu, INK_ACT_RELU, 0, NULL)
ACTIVATION(leaky_relu, INK_ACT_LEAKY_RELU, 1,
           (const ink_op_attribute[]){ { INK_ATTR_ALPHA, false, 0.01f } })
ACTIVATION(elu, INK_ACT_ELU, 1, (const ink_op_attribute[]){ { INK_ATTR_ALPHA, false, 1 } })
ACTIVATION(sigmoid, INK_ACT_SIGMOID, 0, NULL)
ACTIVATION(tanh, INK_ACT_TANH, 0, NULL)
ACTIVATION(gelu, INK_ACT_GELU, 1, (const ink_op_attribute[]){ { INK_ATTR_APPROXIMATE, false, 0 } })
