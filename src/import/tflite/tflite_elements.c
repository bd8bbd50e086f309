#include "import/tflite/tflite_value.h"

#include <stdio.h>
#include <string.h>

static const uint8_t row_major[INK_TFLITE_AXES] = { 0, 1, 2, 3 };

/* ---- activations ---- */

void ink_tflite_run_elements(ink_tflite_work *work)
{
    static const struct {
        int32_t op;
        const char *ours;
    } rows[] = {
        { INK_TFLITE_RELU, "relu" },
        { INK_TFLITE_ELU, "elu" },
        { INK_TFLITE_TANH, "tanh" },
        { INK_TFLITE_LOGISTIC, "sigmoid" },
    };
    ink_tflite_value x;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == work->node->op && ink_tflite_take(work, 0, &x))
            ink_tflite_give(work, ink_tflite_same(work, rows[i].ours, x, ""));
}

void ink_tflite_run_leaky_relu(ink_tflite_work *work)
{
    char attributes[40];
    ink_tflite_value x;
    snprintf(attributes, sizeof attributes, "alpha=%.9g",
             (double)ink_flat_f32(&work->file.flat, &work->node->options, 0, 0));
    if (ink_tflite_take(work, 0, &x))
        ink_tflite_give(work, ink_tflite_same(work, "leaky_relu", x, attributes));
}

void ink_tflite_run_gelu(ink_tflite_work *work)
{
    ink_tflite_value x;
    const bool approximate = ink_flat_u8(&work->file.flat, &work->node->options, 0, 0);
    if (ink_tflite_take(work, 0, &x))
        ink_tflite_give(work, ink_tflite_same(work, "gelu", x, approximate ? "approximate=1" : ""));
}

void ink_tflite_run_clip(ink_tflite_work *work)
{
    ink_tflite_value x;
    const int32_t op = work->node->op;
    const float low = op == INK_TFLITE_RELU_N1_TO_1 ? -1 : 0, high = op == INK_TFLITE_RELU6 ? 6 : 1;
    if (ink_tflite_take(work, 0, &x) && ink_tflite_clip(work, &x, low, high))
        ink_tflite_give(work, x);
}

void ink_tflite_run_log_softmax(ink_tflite_work *work)
{
    ink_tflite_value x;
    const char *op = work->node->op == INK_TFLITE_SOFTMAX ? "softmax" : "log_softmax";
    if (ink_tflite_take(work, 0, &x))
        ink_tflite_give(work, ink_tflite_same(work, op, ink_tflite_order(work, x, row_major), ""));
}

void ink_tflite_run_softmax(ink_tflite_work *work)
{
    const float beta = ink_flat_f32(&work->file.flat, &work->node->options, 0, 0);
    if (beta == 1)
        ink_tflite_run_log_softmax(work);
    else
        ink_tflite_fault(work, "its beta is %g, wanted 1", (double)beta);
}

/* ---- sums and products ---- */

/* The fused activation is the first option of all four. */
static int32_t activation_of_sum(ink_tflite_work *work)
{
    return ink_tflite_option_i8(work, 0);
}

static bool is_value(ink_tflite_work *work, uint32_t index)
{
    const ink_tflite_value *value = ink_tflite_input(work, index);
    return value && value->kind == INK_TFLITE_VALUE;
}

/* x op c and c op x as x * scale + shift; false for c / x. */
static bool affine_of(int32_t op, bool constant_first, float c, float *scale, float *shift)
{
    *scale = 1;
    *shift = 0;
    switch (op) {
    case INK_TFLITE_ADD: *shift = c; return true;
    case INK_TFLITE_MUL: *scale = c; return true;
    case INK_TFLITE_SUB:
        *scale = constant_first ? -1 : 1;
        *shift = constant_first ? c : -c;
        return true;
    default: *scale = 1 / c; return !constant_first;
    }
}

/* Scaling by about 1/255, or taking 127.5 away, is for bytes: then the model takes pixels as they are. */
static void note_bytes(ink_tflite_work *work, float scale, float shift)
{
    const float size = scale < 0 ? -scale : scale, away = shift < 0 ? -shift : shift;
    if ((size > 1.0f / 300 && size < 1.0f / 100) || (away >= 100 && away <= 256)) {
        work->draft->scaling_known = true;
        work->draft->scale = 1;
        work->draft->offset = 0;
    }
}

/* Is it one number, or one for each element of the last axis? */
static bool is_along_last(const ink_tflite_floats *c, const ink_tflite_value *x)
{
    const ink_tflite_tensor *tensor = c->tensor;
    const uint32_t rank = x->rank + !x->rows;
    return tensor->rank <= rank &&
           (c->elements == 1 || (c->elements == x->dim[x->rank - 1] &&
                                 (uint64_t)tensor->dim[tensor->rank - 1] == c->elements));
}

static void run_affine(ink_tflite_work *work, uint32_t at)
{
    ink_tflite_value x;
    ink_tflite_floats c;
    if (!ink_tflite_take(work, at, &x) || !ink_tflite_constant(work, !at, &c))
        return;
    if (!is_along_last(&c, &x)) {
        ink_tflite_fault(work, "its constant '%.60s' has %llu numbers: only one, or one for each channel, is supported",
                         c.tensor->name, (unsigned long long)c.elements);
        return;
    }
    float *scale = ink_arena_array(work->draft->arena, (size_t)c.elements, sizeof *scale);
    float *shift = ink_arena_array(work->draft->arena, (size_t)c.elements, sizeof *shift);
    if (!scale || !shift)
        return; /* the arena tells */
    for (uint64_t i = 0; i < c.elements; i++)
        if (!affine_of(work->node->op, at == 1, ink_tflite_float(&c, i), &scale[i], &shift[i])) {
            ink_tflite_fault(work, "a constant divided by a value is not supported");
            return;
        }
    if (x.is_input && c.elements == 1)
        note_bytes(work, scale[0], shift[0]);
    if (ink_tflite_affine(work, &x, c.elements, scale, shift))
        ink_tflite_give_activated(work, x, activation_of_sum(work));
}

/* The sum of two values that are alike, axes too. */
static ink_tflite_value add_values(ink_tflite_work *work, ink_tflite_value x, ink_tflite_value y)
{
    char inputs[200];
    snprintf(inputs, sizeof inputs, "%.90s,%.90s", x.node, y.node);
    return ink_tflite_made(x, INK_TFLITE_NODE(work, "add", inputs, "%s", ""));
}

/* x + y and x - y of values */
static void run_sum(ink_tflite_work *work)
{
    static const float minus = -1, none = 0;
    ink_tflite_value x, y;
    const int32_t op = work->node->op;
    if (!ink_tflite_take(work, 0, &x) || !ink_tflite_take(work, 1, &y))
        return;
    if ((op != INK_TFLITE_ADD && op != INK_TFLITE_SUB) || !ink_tflite_is_alike(&x, &y)) {
        ink_tflite_fault(work, "of two computed values only sums and differences of one shape are supported");
        return;
    }
    y = ink_tflite_order(work, y, x.axis);
    if (op == INK_TFLITE_SUB && !ink_tflite_affine(work, &y, 1, &minus, &none))
        return;
    ink_tflite_give_activated(work, add_values(work, x, y), activation_of_sum(work));
}

void ink_tflite_run_arithmetic(ink_tflite_work *work)
{
    if (is_value(work, 0) && is_value(work, 1))
        run_sum(work);
    else
        run_affine(work, is_value(work, 0) ? 0 : 1);
}

/* max(x, 0) - alpha max(-x, 0) */
void ink_tflite_run_prelu(ink_tflite_work *work)
{
    static const float minus = -1, none = 0;
    ink_tflite_value x, y;
    ink_tflite_floats alpha;
    if (!ink_tflite_take(work, 0, &x) || !ink_tflite_constant(work, 1, &alpha))
        return;
    if (!is_along_last(&alpha, &x)) {
        ink_tflite_fault(work, "only one slope, or one for each channel, is supported: make it with "
                         "PReLU(shared_axes=[1, 2])");
        return;
    }
    float *scale = ink_arena_array(work->draft->arena, (size_t)alpha.elements, sizeof *scale);
    float *shift = ink_arena_array(work->draft->arena, (size_t)alpha.elements, sizeof *shift);
    if (!scale || !shift)
        return; /* the arena tells */
    for (uint64_t i = 0; i < alpha.elements; i++)
        scale[i] = -ink_tflite_float(&alpha, i);
    x.scale = x.shift = NULL; /* it is read twice */
    y = x;
    if (!ink_tflite_affine(work, &y, 1, &minus, &none))
        return;
    y = ink_tflite_same(work, "relu", y, "");
    if (!ink_tflite_affine(work, &y, alpha.elements, scale, shift))
        return;
    x = ink_tflite_same(work, "relu", x, "");
    x = ink_tflite_order(work, x, y.axis);
    ink_tflite_give(work, add_values(work, x, y));
}

/* max(x, c) = relu(x - c) + c, min(x, c) = c - relu(c - x) */
void ink_tflite_run_bound(ink_tflite_work *work)
{
    const uint32_t at = is_value(work, 0) ? 0 : 1;
    const bool is_min = work->node->op == INK_TFLITE_MINIMUM;
    ink_tflite_value x;
    ink_tflite_floats bound;
    if (!ink_tflite_take(work, at, &x) || !ink_tflite_constant(work, !at, &bound))
        return;
    const float c = ink_tflite_float(&bound, 0), sign = is_min ? -1 : 1, first = is_min ? c : -c;
    if (bound.elements != 1) {
        ink_tflite_fault(work, "only one number as the bound is supported");
        return;
    }
    if (!ink_tflite_affine(work, &x, 1, &sign, &first))
        return;
    x = ink_tflite_same(work, "relu", x, "");
    if (ink_tflite_affine(work, &x, 1, &sign, &c))
        ink_tflite_give(work, x);
}
