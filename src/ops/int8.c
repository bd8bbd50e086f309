#include "ops/int8.h"

#include "base/checked.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool ink_is_int8(const ink_node *node)
{
    return (node->op == &ink_op_conv2d || node->op == &ink_op_dense) && node->parameters[INK_INT8_WEIGHT] &&
           node->parameters[INK_INT8_WEIGHT]->type == INK_I8;
}

const ink_node *ink_int8_find(const ink_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ink_is_int8(&nodes[i]))
            return &nodes[i];
    return NULL;
}

ink_quantum ink_int8_input(const ink_node *node)
{
    return (ink_quantum){ ink_attr_f32(&node->attributes, INK_ATTR_INPUT_SCALE),
                          (uint8_t)ink_attr_u32(&node->attributes, INK_ATTR_INPUT_ZERO, 0) };
}

/* A node without I8 weights has nothing that goes with them. */
static ink_status check_absent(const ink_node *node, ink_error *error)
{
    static const ink_attribute attributes[] = { INK_ATTR_INPUT_SCALE, INK_ATTR_INPUT_ZERO };
    if (node->parameters[INK_INT8_SCALE])
        return ink_node_fail(error, INK_ERR_TYPE, node, "it has a scale, which goes with a weight of i8, and its weight "
                             "is %s", ink_type_name(node->parameters[INK_INT8_WEIGHT]->type));
    for (size_t i = 0; i < INK_COUNT(attributes); i++)
        if (node->attributes.count[attributes[i]])
            return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "found attribute '%s', which goes with a weight of i8",
                                 ink_attribute_get(attributes[i])->name);
    return INK_OK;
}

ink_status ink_int8_check(ink_node *node, uint64_t terms, ink_error *error)
{
    const ink_tensor_info *weight = node->parameters[INK_INT8_WEIGHT];
    if (!ink_is_int8(node))
        return check_absent(node, error);
    if (!node->parameters[INK_INT8_SCALE])
        return ink_fail(error, INK_ERR_MISSING, "tensor '%.56s.scale': missing, the weight of node '%.56s' (%s) is i8",
                        node->name, node->name, node->op->name);
    INK_TRY(ink_parameter_check(node, INK_INT8_SCALE, 1, &weight->dim[0], error));
    if (!node->attributes.count[INK_ATTR_INPUT_SCALE])
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "attribute 'input_scale' is missing, its weight is %s", "i8");
    if (!node->attributes.count[INK_ATTR_INPUT_ZERO]) {
        node->attributes.count[INK_ATTR_INPUT_ZERO] = 1;
        node->attributes.value[INK_ATTR_INPUT_ZERO][0] = 0;
    }
    if (terms > INK_INT8_TERMS)
        return ink_node_fail(error, INK_ERR_LIMIT, node, "each output is a sum of %llu products, with a weight of i8 the "
                             "limit is %d", (unsigned long long)terms, INK_INT8_TERMS);
    const int8_t *values = weight->data;
    for (uint64_t i = 0; i < weight->bytes; i++)
        if (values[i] == INT8_MIN)
            return ink_node_fail(error, INK_ERR_FORMAT, node, "its weight %llu is -128, wanted -127 to 127",
                                 (unsigned long long)i);
    return INK_OK;
}

/* Far beyond all that a network computes with, and products of sums with it are still finite. */
static float bounded(double value)
{
    return (float)(value > 1e28 ? 1e28 : value < -1e28 ? -1e28 : value);
}

/* What the factors of a column come to, in the output's own units. */
static void fill_column(const ink_step *step, size_t column, size_t terms, int8_t *weights, double norm_scale,
                        double norm_shift, int32_t *start, float *scale, float *bias)
{
    const ink_quantum in = step->inputs[0].quantum, out = step->output.quantum;
    const double unit = out.scale > 0 ? 1 / (double)out.scale : 1;
    const double factor = (double)scale[column] * norm_scale * unit * (double)in.scale;
    int32_t sum = 0;
    for (size_t i = 0; i < terms; i++) {
        if (factor < 0)
            weights[i] = (int8_t)-weights[i];
        sum += weights[i];
    }
    start[column] = -sum * in.zero;
    scale[column] = bounded(fabs(factor));
    bias[column] = bounded((bias[column] * norm_scale + norm_shift) * unit + (out.scale > 0 ? out.zero : 0));
}

ink_status ink_int8_prepare(ink_step *step, ink_prepare *p, size_t columns, size_t taps, size_t depth, int8_t *weights)
{
    const ink_node *node = step->node;
    const size_t tile = step->kernel->tile, padded = ink_round_up(columns, tile), terms = taps * depth;
    const size_t size = ink_igemm_u8_packed_size(tile, columns, taps, depth);
    uint8_t *packed;
    uint32_t *start;
    float *scale, *bias;
    INK_TRY(ink_prepare_bytes(p, step, size, &packed));
    INK_TRY(ink_prepare_offsets(p, step, padded, &start));
    INK_TRY(ink_prepare_floats(p, step, padded, &scale));
    INK_TRY(ink_prepare_floats(p, step, padded, &bias));
    ink_arena temporary;
    ink_arena_init(&temporary, &p->arena->allocator);
    float *norm_scale = ink_arena_array(&temporary, columns, sizeof *norm_scale);
    float *norm_shift = ink_arena_array(&temporary, columns, sizeof *norm_shift);
    if (!norm_scale || !norm_shift) {
        ink_arena_free(&temporary);
        return ink_node_fail(p->error, INK_ERR_MEMORY, node, "no memory to prepare it%s", "");
    }
    ink_parameter_floats(node, INK_INT8_SCALE, columns, 1, scale);
    ink_parameter_floats(node, INK_INT8_BIAS, columns, 0, bias);
    if (step->batch_norm)
        ink_batch_norm_affine(step->batch_norm, columns, norm_scale, norm_shift);
    for (size_t c = 0; c < columns; c++)
        fill_column(step, c, terms, weights + c * terms, step->batch_norm ? (double)norm_scale[c] : 1,
                    step->batch_norm ? (double)norm_shift[c] : 0, (int32_t *)start, scale, bias);
    ink_arena_free(&temporary);
    ink_igemm_u8_pack((int8_t *)packed, tile, columns, taps, depth, weights, terms, depth, 1);
    step->bytes = (const int8_t *)packed;
    step->start = (const int32_t *)start;
    step->scale = scale;
    step->bias = bias;
    return INK_OK;
}

ink_igemm_u8 ink_int8_call(const ink_step *step, const ink_run *run, size_t columns, size_t images)
{
    const size_t skipped = images * step->output.elements;
    const bool bytes = step->output.quantum.scale > 0;
    return (ink_igemm_u8){ .columns = columns, .taps = 1, .w = step->bytes, .start = step->start, .scale = step->scale,
                           .bias = step->bias, .slope = step->slope, .y = bytes ? NULL : run->output + skipped,
                           .bytes = bytes ? (uint8_t *)run->output + skipped : NULL, .y_stride = columns,
                           .zero = step->output.quantum.zero };
}

/* ---- quantize: floats to bytes, or the picture's bytes to others ---- */

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(INK_KERNEL_quantize_u8, p->cpu);
    return INK_OK;
}

static ink_quantize_u8 quantize_call(const ink_step *step, size_t size, const float *x, uint8_t *y)
{
    const ink_quantum q = step->output.quantum;
    return (ink_quantize_u8){ size, x, 1 / q.scale, q.zero, y };
}

ink_status ink_quantize_picture(ink_step *step, ink_prepare *p, float scale, float offset)
{
    uint8_t *table, pixel[256];
    float x[256];
    INK_TRY(ink_prepare_bytes(p, step, sizeof pixel, &table));
    for (size_t i = 0; i < sizeof pixel; i++)
        pixel[i] = (uint8_t)i;
    const ink_quantize_u8 call = quantize_call(step, sizeof pixel, x, table);
    ink_kernel_find(INK_KERNEL_pixels_f32, INK_CPU_SCALAR)->run.pixels_f32(
        &(ink_pixels_f32){ sizeof pixel, pixel, scale, offset, x });
    ink_kernel_find(INK_KERNEL_quantize_u8, INK_CPU_SCALAR)->run.quantize_u8(&call);
    step->table = table;
    step->same = !memcmp(table, pixel, sizeof pixel);
    return INK_OK;
}

static void run(const ink_step *step, const ink_run *run)
{
    const size_t size = run->images * step->output.elements;
    uint8_t *y = (uint8_t *)run->output;
    const ink_quantize_u8 call = quantize_call(step, size, run->inputs[0], y);
    if (!run->pixels || !step->table)
        step->kernel->run.quantize_u8(&call);
    else if (step->same)
        memcpy(y, run->pixels, size);
    else
        for (size_t i = 0; i < size; i++)
            y[i] = step->table[run->pixels[i]];
}

const ink_op ink_op_quantize = {
    .name = "quantize",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_ANY,
    .activation = -1,
    .prepare = prepare,
    .run = run,
};
