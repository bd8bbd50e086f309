/* Operators that only see a value otherwise: flatten, reshape, permute, dropout. They run nothing; where
 * the elements do not lie as needed, the plan puts a copy before them. */
#include "ops/op.h"

#include "base/random.h"

#include <math.h>

/* ---- training: a tape's values have one layout each, so these copy ---- */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    (void)p;
    step->scratch = ink_tape_view(step->node->shape).elements;
    return INK_OK;
}

/* Between a value's own layout and row-major order. flatten and reshape go by the latter, so they copy
 * twice where both sides are pictures: rare, and cheap beside a convolution. */
static void to_rows(ink_view own, const float *x, float *rows, bool back)
{
    ink_view plain = own;
    uint32_t dim[4], ignored[4];
    size_t own_stride[4], plain_stride[4];
    ink_view_rows(&plain);
    ink_view_copy_shape(&own, dim, own_stride);
    ink_view_copy_shape(&plain, ignored, plain_stride);
    if (back)
        ink_copy_f32(dim, x, plain_stride, rows, own_stride);
    else
        ink_copy_f32(dim, x, own_stride, rows, plain_stride);
}

/* From a value in layout `from` to one in layout `to`, by way of row-major order. */
static void reshape_copy(const ink_view *from, const float *x, const ink_view *to, float *y, float *scratch)
{
    if (ink_view_is_rows(to)) {
        to_rows(*from, x, y, false);
    } else if (ink_view_is_rows(from)) {
        to_rows(*to, x, y, true);
    } else {
        to_rows(*from, x, scratch, false);
        to_rows(*to, scratch, y, true);
    }
}

static void view_tape(const ink_tape_step *step, const ink_tape_run *run, bool back)
{
    const ink_view input = ink_tape_view(step->input_shapes[0]);
    const ink_view output = ink_tape_view(step->node->shape);
    ink_view seen = output;
    uint32_t dim[4], ignored[4];
    size_t in_stride[4], out_stride[4];
    const bool permutes = step->op == &ink_op_permute;
    if (permutes)
        (void)step->op->view(step->node, &input, &seen);
    ink_view_copy_shape(&output, dim, out_stride);
    ink_view_copy_shape(&seen, ignored, in_stride);
    for (size_t i = 0; i < run->images; i++) {
        const float *x = back ? run->d_output + i * output.elements : run->inputs[0] + i * input.elements;
        float *y = back ? run->d_inputs[0] + i * input.elements : run->output + i * output.elements;
        if (permutes)
            ink_copy_f32(dim, x, back ? out_stride : in_stride, y, back ? in_stride : out_stride);
        else
            reshape_copy(back ? &output : &input, x, back ? &input : &output, y, run->scratch);
    }
}

static void view_tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    view_tape(step, run, false);
}

static void view_tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    if (run->d_inputs[0])
        view_tape(step, run, true);
}

/* ---- flatten: all axes become one, slowest first ---- */

static ink_status flatten_shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    uint64_t elements;
    if (!ink_shape_elements(inputs[0], &elements) || elements > UINT32_MAX)
        return ink_node_fail(error, INK_ERR_LIMIT, node, "its input has too many elements%s", "");
    node->shape = (ink_shape){ 1, { (uint32_t)elements, 0, 0, 0 } };
    return INK_OK;
}

static bool rows_view(const ink_node *node, const ink_view *input, ink_view *output)
{
    *output = *input;
    output->shape = node->shape;
    ink_view_rows(output);
    return ink_view_is_rows(input);
}

const ink_op ink_op_flatten = {
    .name = "flatten",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_IS_VIEW,
    .activation = -1,
    .shape = flatten_shape,
    .view = rows_view,
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(view_tape_forward),
    .tape_backward = INK_TAPE(view_tape_backward),
};

/* ---- reshape: the same elements in row-major order under another shape ---- */

static ink_status reshape_shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    const ink_attributes *a = &node->attributes;
    uint64_t elements, known = 1, found;
    char from[INK_SHAPE_TEXT], to[INK_SHAPE_TEXT];
    uint32_t open = INK_MAX_DIMS;
    ink_shape shape = { a->count[INK_ATTR_SHAPE], { 0 } };
    if (!ink_shape_elements(inputs[0], &elements))
        return ink_node_fail(error, INK_ERR_LIMIT, node, "its input has too many elements%s", "");
    for (uint32_t i = 0; i < shape.rank; i++) {
        double size = a->value[INK_ATTR_SHAPE][i];
        if (size == 0 || (size < 0 && open < INK_MAX_DIMS))
            return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "shape[%u] is %g, wanted sizes and "
                                 "at most one -1", i, size);
        if (size < 0)
            open = i;
        else
            shape.dim[i] = (uint32_t)size;
        if (size > 0 && __builtin_mul_overflow(known, (uint64_t)size, &known))
            return ink_node_fail(error, INK_ERR_LIMIT, node, "its shape is too large%s", "");
    }
    if (open < INK_MAX_DIMS && elements % known == 0 && elements / known <= UINT32_MAX)
        shape.dim[open] = (uint32_t)(elements / known);
    if (!ink_shape_elements(shape, &found) || found != elements)
        return ink_node_fail(error, INK_ERR_SHAPE, node, "cannot reshape %s to %s",
                             ink_shape_text(inputs[0], from), ink_shape_text(shape, to));
    node->shape = shape;
    return INK_OK;
}

const ink_op ink_op_reshape = {
    .name = "reshape",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_IS_VIEW,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_SHAPE, true, 0 } },
    .attribute_count = 1,
    .shape = reshape_shape,
    .view = rows_view,
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(view_tape_forward),
    .tape_backward = INK_TAPE(view_tape_backward),
};

/* ---- permute: output axis i is input axis order[i] ---- */

static ink_status permute_shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    const ink_attributes *a = &node->attributes;
    uint32_t seen = 0, rank = inputs[0].rank;
    for (uint32_t i = 0; i < a->count[INK_ATTR_ORDER]; i++)
        seen |= 1u << ink_attr_u32(a, INK_ATTR_ORDER, i);
    if (a->count[INK_ATTR_ORDER] != rank || seen != (1u << rank) - 1)
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "its order does not name each of the "
                             "%u axes of its input once", rank);
    node->shape.rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        node->shape.dim[i] = inputs[0].dim[ink_attr_u32(a, INK_ATTR_ORDER, i)];
    return INK_OK;
}

static bool permute_view(const ink_node *node, const ink_view *input, ink_view *output)
{
    *output = *input;
    output->shape = node->shape;
    for (uint32_t i = 0; i < node->shape.rank; i++)
        output->stride[i] = input->stride[ink_attr_u32(&node->attributes, INK_ATTR_ORDER, i)];
    return true;
}

const ink_op ink_op_permute = {
    .name = "permute",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_IS_VIEW,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_ORDER, true, 0 } },
    .attribute_count = 1,
    .shape = permute_shape,
    .view = permute_view,
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(view_tape_forward),
    .tape_backward = INK_TAPE(view_tape_backward),
};

/* ---- dropout: nothing at inference ---- */

static ink_status dropout_shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    (void)error;
    node->shape = inputs[0];
    return INK_OK;
}

static bool dropout_view(const ink_node *node, const ink_view *input, ink_view *output)
{
    (void)node;
    *output = *input;
    return true;
}

static ink_status dropout_tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    (void)step;
    (void)p;
    return INK_OK;
}

/* In training each element is dropped, or scaled so that the expected value stays. N. Srivastava et al.,
 * "Dropout", 2014. Which ones is drawn from the run's seed and the element's number alone, so backward
 * draws the same again: 16 bits of a random number for each of four elements. */
static void dropout_tape(const ink_tape_step *step, const ink_tape_run *run, const float *restrict x,
                         float *restrict y)
{
    const size_t size = run->images * ink_tape_view(step->node->shape).elements;
    const float rate = run->learning ? ink_attr_f32(&step->node->attributes, INK_ATTR_RATE) : 0;
    const uint32_t dropped = (uint32_t)(rate * 65536.0f + 0.5f);
    const float scale = dropped < 65536 ? 65536.0f / (float)(65536 - dropped) : 0;
    for (size_t i = 0; i < size; i += 4) {
        const uint64_t draws = ink_mix(run->random + i);
        for (size_t k = 0; k < 4 && i + k < size; k++)
            y[i + k] = x[i + k] * ((draws >> 16 * k & 65535) >= dropped ? scale : 0);
    }
}

static void dropout_tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    dropout_tape(step, run, run->inputs[0], run->output);
}

static void dropout_tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    if (run->d_inputs[0])
        dropout_tape(step, run, run->d_output, run->d_inputs[0]);
}

const ink_op ink_op_dropout = {
    .name = "dropout",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_IS_VIEW,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_RATE, false, 0.5 } },
    .attribute_count = 1,
    .shape = dropout_shape,
    .view = dropout_view,
    .tape_prepare = INK_TAPE(dropout_tape_prepare),
    .tape_forward = INK_TAPE(dropout_tape_forward),
    .tape_backward = INK_TAPE(dropout_tape_backward),
};
