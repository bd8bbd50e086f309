/* batch_norm, as it is at inference: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, each a
 * value a channel (rank 3) or a feature (rank 1). Behind a conv2d or dense layer the plan folds it
 * into the weights and it does not run at all. S. Ioffe, C. Szegedy, "Batch Normalization", 2015
 * (arXiv:1502.03167). */
#include "ops/op.h"
#include "tensor/type.h"

#include <math.h>

enum { WEIGHT, BIAS, MEAN, VARIANCE };

/* One value of a parameter, or what stands for it when it is absent. Read singly since that needs no
 * memory, and this is not hot. */
static float parameter(const ink_node *node, size_t index, size_t channel)
{
    const ink_tensor_info *tensor = node->parameters[index];
    float value = index == WEIGHT ? 1 : 0;
    if (tensor)
        ink_type_to_f32(tensor->type,
                        (const char *)tensor->data + channel * ink_type_get(tensor->type)->block_bytes,
                        1, &value);
    return value;
}

static double epsilon_of(const ink_node *node)
{
    return ink_attr_f32(&node->attributes, INK_ATTR_EPSILON);
}

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    char text[INK_SHAPE_TEXT];
    if (inputs[0].rank != 1 && inputs[0].rank != 3)
        return ink_node_fail(error, INK_ERR_SHAPE, node, "its input has the shape %s, wanted features "
                             "or channels x height x width", ink_shape_text(inputs[0], text));
    for (size_t i = 0; i < node->op->parameter_count; i++)
        INK_TRY(ink_parameter_check(node, i, 1, &inputs[0].dim[0], error));
    for (uint32_t c = 0; c < inputs[0].dim[0]; c++)
        if (!(parameter(node, VARIANCE, c) + epsilon_of(node) > 0))
            return ink_node_fail(error, INK_ERR_NOT_FINITE, node, "the variance of channel %u is %g, "
                                 "with epsilon %g that has no root", c,
                                 (double)parameter(node, VARIANCE, c), epsilon_of(node));
    node->shape = inputs[0];
    return INK_OK;
}

void ink_batch_norm_affine(const ink_node *node, size_t channels, float *scale, float *shift)
{
    const double epsilon = epsilon_of(node);
    for (size_t c = 0; c < channels; c++) {
        float value[INK_MAX_PARAMETERS] = { 0 };
        for (size_t i = 0; i < node->op->parameter_count; i++)
            value[i] = parameter(node, i, c);
        double factor = value[WEIGHT] / sqrt(value[VARIANCE] + epsilon);
        scale[c] = (float)factor;
        shift[c] = (float)(value[BIAS] - value[MEAN] * factor);
    }
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    const size_t channels = step->inputs[0].shape.dim[0];
    float *scale;
    INK_TRY(ink_prepare_floats(p, step, 2 * channels, &scale));
    ink_batch_norm_affine(step->node, channels, scale, scale + channels);
    step->weights = scale;
    step->bias = scale + channels;
    step->kernel = ink_kernel_find(INK_KERNEL_affine_f32, p->cpu);
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const size_t channels = step->inputs[0].shape.dim[0];
    step->kernel->run.affine_f32(&(ink_affine_f32){
        run->images * (step->inputs[0].elements / channels), channels, run->inputs[0],
        step->weights, step->bias, run->output });
}

const ink_op ink_op_batch_norm = {
    .name = "batch_norm",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_IMAGE,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_EPSILON, false, 1e-5f } },
    .attribute_count = 1,
    .parameters = (const ink_op_parameter[]){ { "weight", false }, { "bias", false },
                                              { "mean", true }, { "variance", true } },
    .parameter_count = 4,
    .shape = shape,
    .prepare = prepare,
    .run = run,
};
