#include "import/onnx/onnx_gelu.h"

#include <math.h>
#include <string.h>

/* A value's number where it is a constant of one. */
static ink_status scalar(ink_onnx *x, size_t value, double *to, bool *is)
{
    ink_onnx_tensor tensor;
    *is = false;
    if (value == INK_ONNX_NONE)
        return INK_OK;
    const ink_onnx_value *v = &x->values[value];
    const InkOnnx__Tensor *from = v->initializer;
    if (v->producer != INK_ONNX_NONE && strcmp(x->nodes[v->producer].op, "Constant") == 0) {
        const ink_onnx_node *node = &x->nodes[v->producer];
        const InkOnnx__Attribute *a = ink_onnx_attribute(node, "value"), *f = ink_onnx_attribute(node, "value_float");
        from = a ? a->t : NULL;
        if (f) {
            *to = (double)f->f;
            *is = true;
        }
    }
    if (!from || from->n_dims > INK_WEIGHT_DIMS || !ink_onnx_is_float(from->data_type))
        return INK_OK;
    for (size_t i = 0; i < from->n_dims; i++)
        if (from->dims[i] != 1)
            return INK_OK;
    INK_TRY(ink_onnx_tensor_read(from, &x->store, &tensor));
    *to = (double)tensor.floats[0];
    *is = true;
    return INK_OK;
}

static bool is_op(const ink_onnx_node *node, const char *op)
{
    return node && strcmp(node->op, op) == 0 && node->input_count == 2 && node->output_count == 1 &&
           node->outputs[0] != INK_ONNX_NONE && node->inputs[0] != INK_ONNX_NONE && node->inputs[1] != INK_ONNX_NONE;
}

/* Multiplies the node a value by `wanted`, or divides it by 1 / wanted? Then `*value` is that value. */
static ink_status scales(ink_onnx *x, const ink_onnx_node *node, double wanted, size_t *value)
{
    double number = 0;
    bool is = false;
    *value = INK_ONNX_NONE;
    for (size_t i = 0; i < 2; i++) {
        const bool multiplies = is_op(node, "Mul"), divides = i == 1 && is_op(node, "Div");
        if (multiplies || divides)
            INK_TRY(scalar(x, node->inputs[i], &number, &is));
        if ((multiplies || divides) && is && fabs((multiplies ? number : 1 / number) - wanted) < 1e-5) {
            *value = node->inputs[1 - i];
            return INK_OK;
        }
    }
    return INK_OK;
}

static const ink_onnx_node *producer_of(const ink_onnx *x, size_t value)
{
    return value != INK_ONNX_NONE && x->values[value].producer != INK_ONNX_NONE ? &x->nodes[x->values[value].producer]
                                                                               : NULL;
}

/* The one node that reads what `node` gives. */
static ink_onnx_node *only_user(const ink_onnx *x, const ink_onnx_node *node)
{
    if (!node || node->output_count != 1 || node->outputs[0] == INK_ONNX_NONE || x->values[node->outputs[0]].uses != 1)
        return NULL;
    return &x->nodes[x->values[node->outputs[0]].user];
}

static size_t other_input(const ink_onnx_node *node, size_t value)
{
    return node->inputs[node->inputs[0] == value ? 1 : 0];
}

/* From the erf on: add 1, then times x and times a half, in any order, the half maybe at x. */
static ink_status follow(ink_onnx *x, const ink_onnx_node *erf, size_t of, ink_onnx_node **last)
{
    double one = 0;
    bool is = false;
    size_t half = INK_ONNX_NONE;
    ink_onnx_node *sum = only_user(x, erf);
    *last = NULL;
    if (!is_op(sum, "Add"))
        return INK_OK;
    INK_TRY(scalar(x, other_input(sum, erf->outputs[0]), &one, &is));
    ink_onnx_node *first = only_user(x, sum), *second = only_user(x, first);
    if (!is || one != 1 || !is_op(first, "Mul"))
        return INK_OK;
    const size_t other = other_input(first, sum->outputs[0]);
    INK_TRY(scales(x, producer_of(x, other), 0.5, &half));
    if (half == of) { /* (x / 2) (1 + erf) */
        *last = first;
        return INK_OK;
    }
    if (!is_op(second, "Mul") && !is_op(second, "Div"))
        return INK_OK;
    if (other == of) { /* x (1 + erf) / 2 */
        INK_TRY(scales(x, second, 0.5, &half));
        *last = half == first->outputs[0] ? second : NULL;
        return INK_OK;
    }
    INK_TRY(scales(x, first, 0.5, &half)); /* (1 + erf) / 2 x */
    if (half == sum->outputs[0] && is_op(second, "Mul") && other_input(second, first->outputs[0]) == of)
        *last = second;
    return INK_OK;
}

ink_status ink_onnx_find_gelus(ink_onnx *x)
{
    for (size_t i = 0; i < x->graph->n_node; i++) {
        const ink_onnx_node *erf = &x->nodes[i];
        size_t of;
        ink_onnx_node *last;
        if (strcmp(erf->op, "Erf") != 0 || erf->input_count != 1 || erf->output_count != 1)
            continue;
        INK_TRY(scales(x, producer_of(x, erf->inputs[0]), sqrt(0.5), &of));
        if (of == INK_ONNX_NONE)
            continue;
        INK_TRY(follow(x, erf, of, &last));
        if (last) {
            last->op = "Gelu";
            last->inputs[0] = of;
            last->input_count = 1;
        }
    }
    return INK_OK;
}
