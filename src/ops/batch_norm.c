/* batch_norm, as it is at inference: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, each a
 * value a channel (rank 3) or a feature (rank 1). Behind a conv2d or dense layer the plan folds it
 * into the weights and it does not run at all. S. Ioffe, C. Szegedy, "Batch Normalization", 2015
 * (arXiv:1502.03167). */
#include "ops/op.h"
#include "tensor/type.h"

#include <math.h>
#include <string.h>

enum { WEIGHT, BIAS, MEAN, VARIANCE };

/* One value of a parameter, or what stands for it when it is absent. Read singly since that needs no
 * memory, and this is not hot. */
static float parameter(const ink_node *node, size_t index, size_t channel)
{
    const ink_tensor_info *tensor = node->parameters[index];
    if (tensor)
        return ink_type_element(tensor->type, tensor->data, channel);
    return index == WEIGHT ? 1 : 0;
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

/* ---- training ----
 * The statistics are those of the images at hand: x^ = (x - mean) / sqrt(variance + epsilon) over all
 * pixels of all images of a channel. They are written where the gradients of mean and variance would be:
 * the trainer moves the running ones by them. With g = dy * weight:
 *   dx = (g - mean(g) - x^ mean(g x^)) / sqrt(variance + epsilon) */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    const size_t channels = step->input_shapes[0].dim[0];
    step->saved_once = 2 * channels; /* mean, 1 / sqrt(variance + epsilon) */
    step->scratch = 7 * channels;    /* two sums a channel, as doubles, and three factors */
    step->kernel = ink_kernel_find(INK_KERNEL_norm_f32, p->cpu);
    step->sums_kernel = ink_kernel_find(INK_KERNEL_column_sums_f32, p->cpu);
    step->activation_kernel = ink_kernel_find(INK_KERNEL_activation_f32, p->cpu);
    return INK_OK;
}

static size_t rows_of(const ink_tape_step *step, const ink_tape_run *run)
{
    return run->images * (ink_tape_view(step->input_shapes[0]).elements / step->input_shapes[0].dim[0]);
}

/* Mean and variance of each channel: the second pass sums x (x - mean), which is the sum of (x - mean)^2, since
 * that of (x - mean) is 0. */
static void measure(const ink_tape_step *step, const ink_tape_run *run, size_t rows, float *mean, float *inverse)
{
    const size_t channels = step->input_shapes[0].dim[0];
    double *sum = (double *)(void *)run->scratch, *square = sum + channels;
    memset(sum, 0, 2 * channels * sizeof *sum);
    step->sums_kernel->run.column_sums_f32(&(ink_column_sums_f32){
        .rows = rows, .columns = channels, .dy = run->inputs[0], .sum = sum });
    for (size_t c = 0; c < channels; c++) {
        mean[c] = (float)(sum[c] / (double)rows);
        inverse[c] = 1;
    }
    step->sums_kernel->run.column_sums_f32(&(ink_column_sums_f32){
        rows, channels, run->inputs[0], run->inputs[0], mean, inverse, sum, square });
    for (size_t c = 0; c < channels; c++) {
        const double squares = square[c] > 0 ? square[c] : 0, variance = squares / (double)rows;
        inverse[c] = (float)(1 / sqrt(variance + epsilon_of(step->node)));
        run->gradients[step->parameter[MEAN] + c] = mean[c];
        /* Unbiased, as PyTorch keeps it. */
        run->gradients[step->parameter[VARIANCE] + c] = (float)(rows > 1 ? squares / (double)(rows - 1) : variance);
    }
}

static void tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t channels = step->input_shapes[0].dim[0], rows = rows_of(step, run);
    float *mean = run->saved, *inverse = run->saved + channels;
    float *scale = run->scratch + 4 * channels, *shift = scale + channels;
    if (run->learning)
        measure(step, run, rows, mean, inverse);
    for (size_t c = 0; c < channels; c++) {
        if (!run->learning) {
            mean[c] = run->parameters[step->parameter[MEAN] + c];
            inverse[c] = (float)(1 / sqrt(run->parameters[step->parameter[VARIANCE] + c] +
                                          epsilon_of(step->node)));
        }
        scale[c] = inverse[c] * (step->parameter[WEIGHT] == SIZE_MAX
                                     ? 1 : run->parameters[step->parameter[WEIGHT] + c]);
        shift[c] = step->parameter[BIAS] == SIZE_MAX ? 0 : run->parameters[step->parameter[BIAS] + c];
    }
    step->kernel->run.norm_f32(&(ink_norm_f32){
        .rows = rows, .columns = channels, .x = run->inputs[0], .mean = mean, .b = scale, .d = shift,
        .y = run->output });
    if (step->slope != 1)
        step->activation_kernel->run.activation_f32(&(ink_activation_f32){
            INK_ACT_LEAKY_RELU, step->slope, rows * channels, run->output, run->output });
}

static void tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const size_t channels = step->input_shapes[0].dim[0], rows = rows_of(step, run);
    const float *mean = run->saved, *inverse = run->saved + channels;
    double *sum = (double *)(void *)run->scratch, *product = sum + channels;
    float *a = run->scratch + 4 * channels, *b = a + channels, *d = b + channels;
    memset(sum, 0, 2 * channels * sizeof *sum);
    step->sums_kernel->run.column_sums_f32(&(ink_column_sums_f32){
        rows, channels, run->d_output, run->inputs[0], mean, inverse, sum, product });
    for (size_t c = 0; c < channels; c++) {
        const bool scaled = step->parameter[WEIGHT] != SIZE_MAX;
        if (scaled)
            run->gradients[step->parameter[WEIGHT] + c] += (float)product[c];
        if (step->parameter[BIAS] != SIZE_MAX)
            run->gradients[step->parameter[BIAS] + c] += (float)sum[c];
        const double factor = inverse[c] * (scaled ? (double)run->parameters[step->parameter[WEIGHT] + c] : 1);
        const double slope = run->learning ? product[c] / (double)rows * inverse[c] : 0;
        a[c] = (float)factor;
        b[c] = (float)(-factor * slope);
        d[c] = run->learning ? (float)(-factor * sum[c] / (double)rows) : 0;
    }
    if (run->d_inputs[0])
        step->kernel->run.norm_f32(&(ink_norm_f32){ rows, channels, run->inputs[0], mean, b, d, run->d_output, a,
                                                    run->d_inputs[0] });
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
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(tape_forward),
    .tape_backward = INK_TAPE(tape_backward),
};
