/* relu, leaky_relu, elu, sigmoid, tanh, gelu: functions of one element; kernels.h has their formulas. */
#include "ops/op.h"

#include <math.h>

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    (void)error;
    node->shape = inputs[0];
    return INK_OK;
}

static ink_activation function_of(const ink_node *node)
{
    const ink_activation function = (ink_activation)node->op->activation;
    return function == INK_ACT_GELU && ink_attr_u32(&node->attributes, INK_ATTR_APPROXIMATE, 0)
               ? INK_ACT_GELU_TANH : function;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_activation_f32, p->cpu);
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const ink_attributes *a = &step->node->attributes;
    step->kernel->run.activation_f32(&(ink_activation_f32){
        function_of(step->node), ink_attr_f32(a, INK_ATTR_ALPHA), run->images * step->output.elements,
        run->inputs[0], run->output });
}

/* ---- training ---- */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_activation_f32, p->cpu);
    return INK_OK;
}

static void tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    step->kernel->run.activation_f32(&(ink_activation_f32){
        function_of(step->node), ink_attr_f32(&step->node->attributes, INK_ATTR_ALPHA),
        run->images * ink_tape_view(step->node->shape).elements, run->inputs[0], run->output });
}

/* The slope at x, where y = f(x). */
static float derivative(ink_activation function, float alpha, float x, float y)
{
    switch (function) {
    case INK_ACT_RELU: return x > 0 ? 1 : 0;
    case INK_ACT_LEAKY_RELU: return x > 0 ? 1 : alpha;
    case INK_ACT_ELU: return x > 0 ? 1 : y + alpha;
    case INK_ACT_SIGMOID: return y * (1 - y);
    case INK_ACT_TANH: return 1 - y * y;
    case INK_ACT_GELU: /* the normal distribution and x times its density */
        return 0.5f * erfcf(-x * 0.70710678f) + x * 0.39894228f * expf(-0.5f * x * x);
    case INK_ACT_GELU_TANH: {
        const float t = tanhf(0.79788456f * (x + 0.044715f * x * x * x));
        return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * 0.79788456f * (1 + 3 * 0.044715f * x * x);
    }
    }
    return 0;
}

static void tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t size = run->images * ink_tape_view(step->node->shape).elements;
    const ink_activation function = function_of(step->node);
    const float alpha = ink_attr_f32(&step->node->attributes, INK_ATTR_ALPHA);
    const float *x = run->inputs[0], *y = run->output;
    if (!run->d_inputs[0])
        return;
    if (function == INK_ACT_RELU) /* apart, so that it becomes vectors */
        for (size_t i = 0; i < size; i++)
            run->d_inputs[0][i] = x[i] > 0 ? run->d_output[i] : 0;
    else
        for (size_t i = 0; i < size; i++)
            run->d_inputs[0][i] = run->d_output[i] * derivative(function, alpha, x[i], y[i]);
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
        .tape_prepare = INK_TAPE(tape_prepare),                                                    \
        .tape_forward = INK_TAPE(tape_forward),                                                    \
        .tape_backward = INK_TAPE(tape_backward),                                                  \
    };

ACTIVATION(relu, INK_ACT_RELU, 0, NULL)
ACTIVATION(leaky_relu, INK_ACT_LEAKY_RELU, 1,
           (const ink_op_attribute[]){ { INK_ATTR_ALPHA, false, 0.01f } })
ACTIVATION(elu, INK_ACT_ELU, 1, (const ink_op_attribute[]){ { INK_ATTR_ALPHA, false, 1 } })
ACTIVATION(sigmoid, INK_ACT_SIGMOID, 0, NULL)
ACTIVATION(tanh, INK_ACT_TANH, 0, NULL)
ACTIVATION(gelu, INK_ACT_GELU, 1, (const ink_op_attribute[]){ { INK_ATTR_APPROXIMATE, false, 0 } })
