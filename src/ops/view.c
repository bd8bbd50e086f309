/* Operators that only see a value otherwise: flatten, reshape, permute, dropout. They run nothing; where
 * the elements do not lie as needed, the plan puts a copy before them. */
#include "ops/op.h"

#include <math.h>

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
};
