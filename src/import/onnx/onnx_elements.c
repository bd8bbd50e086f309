/* Operators that work element by element, or on a channel's or a row's elements alike. */
#include "import/onnx/onnx_ops.h"
#include "import/onnx/onnx_view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- batch norms, and constants as batch norms ---- */

/* Brings a value to the rank that a batch norm takes, its first axis being the channels, and adds one; its tensors are
 * the caller's to give. The result has the shape that the value had. */
static ink_onnx_view put_norm(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view view, uint32_t axis,
                              float epsilon, const char **made)
{
    const ink_shape whole = view.shape;
    ink_onnx_axis_first(x, &view, axis);
    const ink_shape first = view.shape;
    if (first.rank != 1 && first.rank != 3) {
        uint64_t elements = 1;
        (void)ink_shape_elements(first, &elements);
        ink_onnx_reshape(x, &view, (ink_shape){ 3, { first.dim[0], 1, (uint32_t)(elements / first.dim[0]) } });
    }
    const char *from = ink_onnx_settle(x, &view);
    *made = ink_draft_node(x->draft, "batch_norm", ink_onnx_name(x, node), from, "epsilon=%.9g", (double)epsilon);
    view = ink_onnx_plain(*made, view.shape);
    ink_onnx_reshape(x, &view, first);
    ink_onnx_axis_back(x, &view, axis);
    ink_onnx_reshape(x, &view, whole);
    return view;
}

static void put_all(ink_onnx *x, const char *made, const char *part, uint64_t count, float value)
{
    float *to = ink_draft_tensor(x->draft, made, part, 1, &count);
    for (uint64_t i = 0; to && i < count; i++)
        to[i] = value;
}

void ink_onnx_op_batch_norm(ink_onnx *x, const ink_onnx_node *node)
{
    static const char *const parts[] = { "weight", "bias", "mean", "variance" };
    const ink_onnx_view in = ink_onnx_in(x, node, 0)->view;
    const uint64_t channels = in.shape.dim[0];
    const char *made;
    if (ink_onnx_int(node, "training_mode", 0) || (x->opset < 9 && !ink_onnx_int(node, "spatial", 1))) {
        ink_onnx_fault(x, node, "is in training mode, or not by channels; export the model in eval() mode");
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        const ink_onnx_tensor *t = ink_onnx_constant(x, node, i + 1);
        if (!t || t->is_whole || t->elements != channels) {
            ink_onnx_fault(x, node, "its %s is no constant of %llu floats", parts[i], (unsigned long long)channels);
            return;
        }
    }
    const ink_onnx_view out = put_norm(x, node, in, 0, ink_onnx_float(node, "epsilon", 1e-5f), &made);
    for (size_t i = 0; i < 4; i++) {
        float *to = ink_draft_tensor(x->draft, made, parts[i], 1, &channels);
        if (to)
            memcpy(to, ink_onnx_constant(x, node, i + 1)->floats, (size_t)channels * sizeof *to);
    }
    ink_onnx_give(x, node, &out);
}

/* y = factor x + summand, where one of the two is a constant of the file and the other the same everywhere. */
typedef struct affine {
    const ink_onnx_tensor *constant;
    bool multiplies; /* the constant is the factor */
    bool inverted;   /* 1 / constant is */
    float sign;      /* of the constant */
    float factor;    /* where the constant is the summand */
} affine;

/* Where a constant varies, seen beside a value: nowhere, on one axis, or on several. */
typedef struct spread {
    uint32_t varying, axis;
} spread;

static bool spread_of(const ink_onnx_tensor *c, ink_shape shape, spread *to)
{
    *to = (spread){ 0, 0 };
    if (c->rank > shape.rank + 1 || (c->rank == shape.rank + 1 && c->dim[0] != 1))
        return false;
    for (uint32_t k = 0; k < c->rank && k < shape.rank; k++) {
        const uint64_t own = c->dim[c->rank - 1 - k];
        const uint32_t axis = shape.rank - 1 - k;
        if (own != 1 && own != shape.dim[axis])
            return false;
        if (own != 1) {
            to->varying++;
            to->axis = axis;
        }
    }
    return c->elements != 0;
}

/* The constant's element for element `i` of a value. */
static float spread_at(const ink_onnx_tensor *c, ink_shape shape, uint64_t i)
{
    uint64_t place = 0, stride = 1;
    for (uint32_t k = 0; k < c->rank && k < shape.rank; k++) {
        const uint64_t own = c->dim[c->rank - 1 - k], size = shape.dim[shape.rank - 1 - k];
        place += own == 1 ? 0 : i % size * stride;
        stride *= own;
        i /= size;
    }
    return (float)ink_onnx_tensor_get(c, place);
}

/* The picture goes in as the file's network takes it. If the first that is done to it divides it by about 255, or takes
 * about half of that away, then these are bytes as they are. */
static void note_scaling(ink_onnx *x, const ink_onnx_view *view, const affine *a)
{
    const double value = fabs(ink_onnx_tensor_get(a->constant, 0));
    if (strcmp(view->node, "input") != 0 || a->constant->elements != 1)
        return;
    if (a->multiplies ? (a->inverted ? value > 50 : value < 0.02 && value > 0) : value > 2) {
        x->draft->scaling_known = true;
        x->draft->scale = 1;
        x->draft->offset = 0;
    }
}

/* A bias that a convolution or dense layer before it can take. */
static bool is_bias(const ink_onnx_view *view, const affine *a, const spread *s)
{
    const uint32_t axis = view->shape.rank == 3 ? 0 : view->shape.rank - 1;
    return view->takes_bias && view->how == INK_ONNX_PLAIN && !a->multiplies && a->factor == 1 && a->sign == 1 &&
           s->varying == 1 && s->axis == axis;
}

static void put_affine(ink_onnx *x, const ink_onnx_node *node, ink_onnx_value *value, const affine *a)
{
    spread s;
    ink_onnx_view view = value->view;
    const ink_shape shape = view.shape;
    if (!spread_of(a->constant, shape, &s)) {
        char text[INK_SHAPE_TEXT];
        ink_onnx_fault(x, node, "its constant does not fit N x %s", ink_shape_text(shape, text));
        return;
    }
    if (is_bias(&view, a, &s) && value->uses == 1) {
        const uint64_t count = a->constant->elements;
        float *to = ink_draft_tensor(x->draft, view.node, "bias", 1, &count);
        for (uint64_t i = 0; to && i < count; i++)
            to[i] = (float)ink_onnx_tensor_get(a->constant, i);
        view.takes_bias = false;
        ink_onnx_give(x, node, &view);
        return;
    }
    note_scaling(x, &view, a);
    uint64_t count = shape.dim[s.axis];
    const char *made;
    if (s.varying > 1) {
        if (!ink_shape_elements(shape, &count) || count > x->store.numbers_left) {
            ink_onnx_fault(x, node, "its constant is too large");
            return;
        }
        x->store.numbers_left -= count;
        ink_onnx_reshape(x, &view, (ink_shape){ 1, { (uint32_t)count } });
    }
    view = put_norm(x, node, view, s.varying > 1 ? 0 : s.axis, 0, &made);
    ink_onnx_reshape(x, &view, shape);
    float *weight = ink_draft_tensor(x->draft, made, "weight", 1, &count);
    float *bias = ink_draft_tensor(x->draft, made, "bias", 1, &count);
    for (uint64_t i = 0; weight && bias && i < count; i++) {
        const float c = s.varying > 1 ? spread_at(a->constant, shape, i)
                                      : (float)ink_onnx_tensor_get(a->constant, s.varying ? i : 0);
        weight[i] = a->multiplies ? a->sign * (a->inverted ? 1 / c : c) : a->factor;
        bias[i] = a->multiplies ? 0 : a->sign * c;
    }
    put_all(x, made, "mean", count, 0);
    put_all(x, made, "variance", count, 1);
    ink_onnx_give(x, node, &view);
}

/* factor x + summand, the same everywhere. */
static ink_onnx_view put_line(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view view, float factor, float summand)
{
    const uint64_t count = view.shape.dim[0];
    const char *made;
    view = put_norm(x, node, view, 0, 0, &made);
    put_all(x, made, "weight", count, factor);
    put_all(x, made, "bias", count, summand);
    put_all(x, made, "mean", count, 0);
    put_all(x, made, "variance", count, 1);
    return view;
}

/* ---- Add, Sub, Mul, Div ---- */

void ink_onnx_op_arithmetic(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_value *a = ink_onnx_in(x, node, 0), *b = ink_onnx_in(x, node, 1);
    const char op = node->op[0];
    const bool add = op == 'A', divide = op == 'D', multiply = op == 'M';
    if (a->kind == INK_ONNX_VALUE && b->kind == INK_ONNX_VALUE) {
        if (add)
            ink_onnx_op_sum(x, node);
        else
            ink_onnx_fault(x, node, "of two computed values is not supported; only Add is");
        return;
    }
    const bool constant_first = a->kind == INK_ONNX_CONSTANT;
    affine how = { .constant = constant_first ? &a->tensor : &b->tensor, .multiplies = multiply || divide,
                   .inverted = divide, .sign = 1, .factor = 1 };
    if (divide && constant_first) {
        ink_onnx_fault(x, node, "of a constant by a computed value is not supported");
        return;
    }
    if (op == 'S')
        *(constant_first ? &how.factor : &how.sign) = -1;
    put_affine(x, node, constant_first ? b : a, &how);
}

/* Add and Sum of computed values. */
void ink_onnx_op_sum(ink_onnx *x, const ink_onnx_node *node)
{
    ink_text names;
    ink_shape shape = { 0 };
    bool right = true;
    ink_text_init(&names, &x->store.arena->allocator);
    for (size_t i = 0; right && i < node->input_count; i++) {
        ink_onnx_value *value = ink_onnx_in(x, node, i);
        if (!value || value->kind != INK_ONNX_VALUE) {
            right = ink_onnx_fault(x, node, "adds a constant to several values; that is not supported");
            break;
        }
        shape = i == 0 ? value->view.shape : shape;
        if (!ink_shape_equal(shape, value->view.shape))
            right = ink_onnx_fault(x, node, "its inputs have different shapes; that is not supported");
        else
            ink_text_format(&names, "%s%s", i ? "," : "", ink_onnx_settle(x, &value->view));
    }
    if (right && node->input_count == 1) {
        ink_onnx_give(x, node, &ink_onnx_in(x, node, 0)->view);
    } else if (right && names.data) {
        const ink_onnx_view out = ink_onnx_plain(ink_draft_node(x->draft, "add", ink_onnx_name(x, node), names.data,
                                                                "%s", ""), shape);
        ink_onnx_give(x, node, &out);
    }
    ink_free(&names.allocator, names.data);
}

/* ---- activations ---- */

static ink_onnx_view put_activation(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view *in, const char *op,
                                    const char *attribute, double value)
{
    const char *from = ink_onnx_settle(x, in);
    const char *name = ink_onnx_name(x, node);
    const char *made = attribute ? ink_draft_node(x->draft, op, name, from, "%s=%.9g", attribute, value)
                                 : ink_draft_node(x->draft, op, name, from, "%s", "");
    return ink_onnx_plain(made, in->shape);
}

static ink_onnx_view put_relu(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view in)
{
    return put_activation(x, node, &in, "relu", NULL, 0);
}

void ink_onnx_op_activation(ink_onnx *x, const ink_onnx_node *node)
{
    static const struct {
        const char *onnx, *op, *attribute;
        float fallback;
    } rows[] = {
        { "Relu", "relu", NULL, 0 },           { "Sigmoid", "sigmoid", NULL, 0 }, { "Tanh", "tanh", NULL, 0 },
        { "LeakyRelu", "leaky_relu", "alpha", 0.01f }, { "Elu", "elu", "alpha", 1 }, { "Gelu", "gelu", NULL, 0 },
    };
    size_t i = 0;
    while (strcmp(rows[i].onnx, node->op) != 0)
        i++;
    ink_onnx_view *in = &ink_onnx_in(x, node, 0)->view;
    const char *name = rows[i].attribute;
    const bool by_tanh = ink_onnx_word_is(node, "approximate", "tanh");
    const ink_onnx_view out = by_tanh ? put_activation(x, node, in, "gelu", "approximate", 1)
                                      : put_activation(x, node, in, rows[i].op, name,
                                                       name ? (double)ink_onnx_float(node, name, rows[i].fallback) : 0);
    ink_onnx_give(x, node, &out);
}

void ink_onnx_op_neg(ink_onnx *x, const ink_onnx_node *node)
{
    const ink_onnx_view out = put_line(x, node, ink_onnx_in(x, node, 0)->view, -1, 0);
    ink_onnx_give(x, node, &out);
}

void ink_onnx_op_selu(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = put_activation(x, node, &ink_onnx_in(x, node, 0)->view, "elu", "alpha",
                                        (double)ink_onnx_float(node, "alpha", 1.67326319217681884765625f));
    view = put_line(x, node, view, ink_onnx_float(node, "gamma", 1.05070102214813232421875f), 0);
    ink_onnx_give(x, node, &view);
}

/* With one slope a leaky relu; else relu(x) - slope relu(-x). */
void ink_onnx_op_prelu(ink_onnx *x, const ink_onnx_node *node)
{
    const ink_onnx_tensor *slope = ink_onnx_constant(x, node, 1);
    if (ink_onnx_in(x, node, 0)->kind != INK_ONNX_VALUE || !slope || !slope->elements) {
        ink_onnx_fault(x, node, "has a slope that is no constant");
        return;
    }
    ink_onnx_view *in = &ink_onnx_in(x, node, 0)->view;
    if (slope->elements == 1) {
        const ink_onnx_view out = put_activation(x, node, in, "leaky_relu", "alpha", ink_onnx_tensor_get(slope, 0));
        ink_onnx_give(x, node, &out);
        return;
    }
    const affine how = { .constant = slope, .multiplies = true, .sign = -1 };
    ink_onnx_view above = put_relu(x, node, *in);
    ink_onnx_value below = { .kind = INK_ONNX_VALUE, .view = put_relu(x, node, put_line(x, node, *in, -1, 0)) };
    put_affine(x, node, &below, &how);
    ink_onnx_value *out = ink_onnx_out(x, node, 0);
    if (!out || out->kind != INK_ONNX_VALUE)
        return;
    const char *names = ink_arena_format(x->store.arena, "%s,%s", ink_onnx_settle(x, &above),
                                         ink_onnx_settle(x, &out->view));
    const char *made = ink_draft_node(x->draft, "add", ink_onnx_name(x, node), names ? names : "", "%s", "");
    out->view = ink_onnx_plain(made, above.shape);
}

/* A bound of Clip: an attribute before version 11, then an input, which may be left out. */
static bool read_bound(ink_onnx *x, const ink_onnx_node *node, const char *name, size_t i, double fallback, double *to)
{
    const ink_onnx_tensor *given = ink_onnx_constant(x, node, i);
    const InkOnnx__Attribute *attribute = ink_onnx_attribute(node, name);
    if (ink_onnx_in(x, node, i) && (!given || given->elements != 1))
        return ink_onnx_fault(x, node, "its bounds are not known beforehand");
    *to = given ? ink_onnx_tensor_get(given, 0) : attribute ? (double)attribute->f : fallback;
    return true;
}

/* The larger of x and `low`, the smaller of that and `high`, by relus: min(x, h) = h - relu(h - x). The differences
 * round like numbers of the bounds' size, so these must be small. False, and a fault, if they are not. */
static bool put_clip(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view *view, double low, double high)
{
    enum { LARGEST = 64 };
    const bool has_low = low > (double)-3.4e38f, has_high = high < (double)3.4e38f;
    if ((has_low && fabs(low) > LARGEST) || (has_high && fabs(high) > LARGEST) || !(low <= high))
        return ink_onnx_fault(x, node, "from %g to %g is not supported; wanted bounds of %d at most, or none", low,
                              high, LARGEST);
    if (has_high)
        *view = put_line(x, node, put_relu(x, node, put_line(x, node, *view, -1, (float)high)), -1, (float)high);
    if (has_low && low != 0)
        *view = put_line(x, node, put_relu(x, node, put_line(x, node, *view, 1, -(float)low)), 1, (float)low);
    else if (has_low)
        *view = put_relu(x, node, *view);
    return true;
}

void ink_onnx_op_hard_sigmoid(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = put_line(x, node, ink_onnx_in(x, node, 0)->view, ink_onnx_float(node, "alpha", 0.2f),
                                  ink_onnx_float(node, "beta", 0.5f));
    if (put_clip(x, node, &view, 0, 1))
        ink_onnx_give(x, node, &view);
}

/* Clip, and Max with a constant. */
void ink_onnx_op_clip(ink_onnx *x, const ink_onnx_node *node)
{
    const bool clip = strcmp(node->op, "Clip") == 0;
    double low = -HUGE_VAL, high = HUGE_VAL;
    if (ink_onnx_in(x, node, 0)->kind != INK_ONNX_VALUE || node->input_count > 3 || (!clip && node->input_count != 2)) {
        ink_onnx_fault(x, node, "is not of one computed value and constants; that is not supported");
        return;
    }
    if (!read_bound(x, node, "min", 1, -HUGE_VAL, &low) || (clip && !read_bound(x, node, "max", 2, HUGE_VAL, &high)))
        return;
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    if (put_clip(x, node, &view, low, high))
        ink_onnx_give(x, node, &view);
}

/* ---- Softmax, LogSoftmax ---- */

/* Before version 13 all axes from `axis` on are one row; since then it is along one axis. */
void ink_onnx_op_softmax(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const ink_shape before = view.shape;
    const bool one_axis = x->opset >= 13;
    uint32_t axis;
    uint64_t outer = 1, inner = 1;
    if (!ink_onnx_axis(x, node, ink_onnx_int(node, "axis", one_axis ? -1 : 1), before.rank, &axis))
        return;
    for (uint32_t i = 0; i < before.rank; i++)
        *(i < axis ? &outer : &inner) *= before.dim[i];
    uint32_t last[INK_MAX_DIMS] = { 0 }, back[INK_MAX_DIMS] = { 0 };
    for (uint32_t i = 0; i < before.rank; i++) {
        last[i] = i + 1 == before.rank ? axis : i < axis ? i : i + 1;
        back[last[i]] = i;
    }
    if (one_axis)
        ink_onnx_permute(x, &view, last);
    else if (outer == 1)
        ink_onnx_reshape(x, &view, (ink_shape){ 1, { (uint32_t)inner } });
    else
        ink_onnx_reshape(x, &view, (ink_shape){ 2, { (uint32_t)outer, (uint32_t)inner } });
    const char *from = ink_onnx_settle(x, &view);
    view = ink_onnx_plain(ink_draft_node(x->draft, node->op[0] == 'L' ? "log_softmax" : "softmax",
                                         ink_onnx_name(x, node), from, "%s", ""), view.shape);
    if (one_axis)
        ink_onnx_permute(x, &view, back);
    ink_onnx_reshape(x, &view, before);
    ink_onnx_give(x, node, &view);
}
