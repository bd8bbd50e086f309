#include "import/onnx/onnx_fold.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

typedef ink_status fold(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out);

/* Notes a fault; the reading goes on. */
#define FAULT(...) return ink_onnx_fault(x, node, __VA_ARGS__) ? INK_OK : INK_OK

static const ink_onnx_tensor *in(const ink_onnx *x, const ink_onnx_node *node, size_t i)
{
    return ink_onnx_constant(x, node, i);
}

/* An axis of a tensor, which has no batch. */
static bool axis_of(int64_t axis, uint32_t rank, uint32_t *to)
{
    if (axis < 0)
        axis += rank;
    *to = (uint32_t)axis;
    return axis >= 0 && axis < rank;
}

/* The product of the dimensions from `from` to before `to`; ink_onnx_tensor_size has seen that it fits. */
static uint64_t span(const ink_onnx_tensor *t, uint32_t from, uint32_t to)
{
    uint64_t product = 1;
    for (uint32_t i = from; i < to; i++)
        product *= t->dim[i];
    return product;
}

static void copy(const ink_onnx_tensor *from, uint64_t at, float *floats, int64_t *whole, uint64_t to)
{
    if (floats)
        floats[to] = from->floats[at];
    else
        whole[to] = from->whole[at];
}

/* ---- constants ---- */

static ink_status list_of(ink_onnx *x, const int64_t *whole, const float *floats, size_t count, uint32_t rank,
                          ink_onnx_tensor *out)
{
    float *to_floats;
    int64_t *to_whole;
    *out = (ink_onnx_tensor){ .rank = rank, .dim = { count }, .is_whole = whole != NULL };
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &to_floats, &to_whole));
    for (size_t i = 0; i < count; i++)
        if (to_whole)
            to_whole[i] = whole[i];
        else
            to_floats[i] = floats[i];
    return INK_OK;
}

static ink_status fold_constant(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const InkOnnx__Attribute *a = node->proto->n_attribute == 1 ? node->proto->attribute[0] : NULL;
    const char *name = a && a->name ? a->name : "";
    if (strcmp(name, "value") == 0 && a->t)
        return ink_onnx_tensor_read(a->t, &x->store, out);
    if (strcmp(name, "value_int") == 0)
        return list_of(x, &a->i, NULL, 1, 0, out);
    if (strcmp(name, "value_float") == 0)
        return list_of(x, NULL, &a->f, 1, 0, out);
    if (strcmp(name, "value_ints") == 0)
        return list_of(x, a->n_ints ? a->ints : &a->i, NULL, a->n_ints, 1, out);
    if (strcmp(name, "value_floats") == 0)
        return list_of(x, NULL, a->n_floats ? a->floats : &a->f, a->n_floats, 1, out);
    FAULT("holds '%.30s', wanted a tensor of numbers", name);
}

static ink_status fold_constant_of_shape(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const InkOnnx__Attribute *a = ink_onnx_attribute(node, "value");
    const ink_onnx_tensor *shape = in(x, node, 0);
    ink_onnx_tensor value = { .floats = &(float){ 0 } };
    float *floats;
    int64_t *whole;
    if (a && a->t)
        INK_TRY(ink_onnx_tensor_read(a->t, &x->store, &value));
    if (!shape->is_whole || shape->elements > INK_WEIGHT_DIMS || (a && value.elements != 1))
        FAULT("has a shape or value that is none");
    *out = (ink_onnx_tensor){ .rank = (uint32_t)shape->elements, .is_whole = value.is_whole };
    for (uint32_t i = 0; i < out->rank; i++) {
        if (shape->whole[i] < 0)
            FAULT("makes a tensor for each picture of a batch; that is not supported");
        out->dim[i] = (uint64_t)shape->whole[i];
    }
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    for (uint64_t i = 0; i < out->elements; i++)
        copy(&value, 0, floats, whole, i);
    return INK_OK;
}

static ink_status fold_shape(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_value *value = ink_onnx_in(x, node, 0);
    int64_t sizes[INK_WEIGHT_DIMS + 1] = { 0 }, rank = 0;
    if (value->kind == INK_ONNX_VALUE) {
        sizes[rank++] = INK_ONNX_BATCH;
        for (uint32_t i = 0; i < value->view.shape.rank; i++)
            sizes[rank++] = value->view.shape.dim[i];
    } else {
        for (uint32_t i = 0; i < value->tensor.rank; i++)
            sizes[rank++] = (int64_t)value->tensor.dim[i];
    }
    int64_t start = ink_onnx_int(node, "start", 0), end = ink_onnx_int(node, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end > rank ? rank : end < start ? start : end;
    return list_of(x, sizes + start, NULL, (size_t)(end - start), 1, out);
}

/* ---- the same numbers under another shape ---- */

static ink_status fold_same(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    *out = *in(x, node, 0);
    return INK_OK;
}

static ink_status fold_reshape(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0), *sizes = in(x, node, 1);
    uint64_t known = 1;
    uint32_t open = INK_WEIGHT_DIMS;
    bool right = sizes && sizes->is_whole && sizes->rank == 1 && sizes->elements <= INK_WEIGHT_DIMS;
    *out = *from;
    out->rank = right ? (uint32_t)sizes->elements : 0;
    for (uint32_t i = 0; right && i < out->rank; i++) {
        int64_t size = sizes->whole[i];
        if (size == 0 && !ink_onnx_int(node, "allowzero", 0))
            size = i < from->rank ? (int64_t)from->dim[i] : -2;
        right = size >= 0 || (size == -1 && open == INK_WEIGHT_DIMS);
        if (size == -1)
            open = i;
        out->dim[i] = size == -1 ? 1 : (uint64_t)size;
        right = right && ink_mul_u64(known, out->dim[i], &known);
    }
    if (right && open < INK_WEIGHT_DIMS && known && from->elements % known == 0) {
        out->dim[open] = from->elements / known;
        known = from->elements;
    }
    if (!right || known != from->elements || !ink_onnx_tensor_size(out))
        FAULT("gives a constant of %llu numbers a shape that it does not fit", (unsigned long long)from->elements);
    return INK_OK;
}

static ink_status fold_flatten(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0);
    int64_t axis = ink_onnx_int(node, "axis", 1);
    axis = axis < 0 ? axis + from->rank : axis;
    if (axis < 0 || axis > from->rank)
        FAULT("axis %lld is none of its input's", (long long)axis);
    *out = *from;
    out->rank = 2;
    out->dim[0] = span(from, 0, (uint32_t)axis);
    out->dim[1] = span(from, (uint32_t)axis, from->rank);
    return INK_OK;
}

static ink_status fold_squeeze(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0);
    const int64_t *axes;
    size_t count;
    bool gone[INK_WEIGHT_DIMS] = { false };
    if (!ink_onnx_ints(x, node, "axes", 1, &axes, &count))
        return INK_OK;
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        if (!axis_of(axes[i], from->rank, &axis) || from->dim[axis] != 1)
            FAULT("axis %lld of its input is none with one element", (long long)axes[i]);
        gone[axis] = true;
    }
    *out = *from;
    out->rank = 0;
    for (uint32_t i = 0; i < from->rank; i++)
        if (!(count ? gone[i] : from->dim[i] == 1))
            out->dim[out->rank++] = from->dim[i];
    return INK_OK;
}

static ink_status fold_unsqueeze(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0);
    const int64_t *axes;
    size_t count;
    bool new[INK_WEIGHT_DIMS] = { false };
    if (!ink_onnx_ints(x, node, "axes", 1, &axes, &count))
        return INK_OK;
    if (from->rank + count > INK_WEIGHT_DIMS)
        FAULT("gives more than %d dimensions", INK_WEIGHT_DIMS);
    *out = *from;
    out->rank = from->rank + (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        if (!axis_of(axes[i], out->rank, &axis) || new[axis])
            FAULT("axis %lld is none of its output's, or there twice", (long long)axes[i]);
        new[axis] = true;
    }
    for (uint32_t i = 0, k = 0; i < out->rank; i++)
        out->dim[i] = new[i] ? 1 : from->dim[k++];
    return INK_OK;
}

/* ---- moving numbers ---- */

static ink_status fold_transpose(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0);
    const InkOnnx__Attribute *perm = ink_onnx_attribute(node, "perm");
    uint64_t stride[INK_WEIGHT_DIMS] = { 0 }, place[INK_WEIGHT_DIMS] = { 0 };
    uint32_t seen = 0;
    float *floats;
    int64_t *whole;
    *out = *from;
    for (uint32_t i = 0; i < from->rank; i++) {
        uint32_t axis;
        if (!axis_of(perm && perm->n_ints == from->rank ? perm->ints[i] : (int64_t)(from->rank - 1 - i), from->rank,
                     &axis) || (perm && perm->n_ints != from->rank))
            FAULT("its perm is no order of %lu axes", (unsigned long)from->rank);
        seen |= 1u << axis;
        out->dim[i] = from->dim[axis];
        stride[i] = span(from, axis + 1, from->rank);
    }
    if (seen != (1u << from->rank) - 1)
        FAULT("its perm is no order of %lu axes", (unsigned long)from->rank);
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    for (uint64_t to = 0, at = 0; to < out->elements; to++) {
        copy(from, at, floats, whole, to);
        for (uint32_t i = out->rank; i-- > 0;) {
            at += stride[i];
            if (++place[i] < out->dim[i])
                break;
            at -= stride[i] * out->dim[i];
            place[i] = 0;
        }
    }
    return INK_OK;
}

static ink_status fold_concat(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    uint32_t axis;
    float *floats;
    int64_t *whole;
    *out = *in(x, node, 0);
    if (!axis_of(ink_onnx_int(node, "axis", 1), out->rank, &axis))
        FAULT("its axis is none of its inputs'");
    for (size_t i = 1; i < node->input_count; i++) {
        const ink_onnx_tensor *t = in(x, node, i);
        bool fits = t && t->rank == out->rank && t->is_whole == out->is_whole;
        for (uint32_t k = 0; fits && k < out->rank; k++)
            fits = k == axis || t->dim[k] == out->dim[k];
        if (!fits || !ink_add_u64(out->dim[axis], t->dim[axis], &out->dim[axis]))
            FAULT("its inputs have shapes that do not fit each other");
    }
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    if (!out->elements)
        return INK_OK;
    const uint64_t outer = span(out, 0, axis), row = span(out, axis, out->rank);
    for (uint64_t i = 0, begin = 0; i < node->input_count; i++) {
        const ink_onnx_tensor *t = in(x, node, i);
        const uint64_t length = span(t, axis, t->rank);
        for (uint64_t o = 0; o < outer; o++)
            for (uint64_t k = 0; k < length; k++)
                copy(t, o * length + k, floats, whole, o * row + begin + k);
        begin += length;
    }
    return INK_OK;
}

/* Takes of the axis what `at` lists, or from `start` each `step`-th. */
static ink_status pick(ink_onnx *x, const ink_onnx_tensor *from, uint32_t axis, const int64_t *at, int64_t start,
                       int64_t step, uint64_t count, ink_onnx_tensor *out)
{
    float *floats;
    int64_t *whole;
    const uint64_t outer = span(from, 0, axis), inner = span(from, axis + 1, from->rank), size = from->dim[axis];
    *out = *from;
    out->dim[axis] = count;
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    if (!out->elements)
        return INK_OK;
    for (uint64_t o = 0, to = 0; o < outer; o++)
        for (uint64_t i = 0; i < count; i++) {
            const int64_t place = at ? (at[i] < 0 ? at[i] + (int64_t)size : at[i]) : start + (int64_t)i * step;
            for (uint64_t k = 0; k < inner; k++)
                copy(from, (o * size + (uint64_t)place) * inner + k, floats, whole, to++);
        }
    return INK_OK;
}

static ink_status fold_gather(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0), *at = in(x, node, 1);
    uint32_t axis;
    if (!at || !at->is_whole || at->rank > 1 || !axis_of(ink_onnx_int(node, "axis", 0), from->rank, &axis))
        FAULT("its indices or axis are not supported");
    for (uint64_t i = 0; i < at->elements; i++)
        if (at->whole[i] >= (int64_t)from->dim[axis] || at->whole[i] < -(int64_t)from->dim[axis])
            FAULT("index %lld is beyond the axis of %llu", (long long)at->whole[i],
                  (unsigned long long)from->dim[axis]);
    INK_TRY(pick(x, from, axis, at->whole, 0, 0, at->elements, out));
    if (at->rank == 0) { /* a single index takes the axis away */
        out->rank--;
        for (uint32_t i = axis; i < out->rank; i++)
            out->dim[i] = out->dim[i + 1];
    }
    return INK_OK;
}

static ink_status fold_slice(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const int64_t *starts, *ends, *axes, *steps;
    size_t count, end_count, axis_count, step_count;
    *out = *in(x, node, 0);
    if (!ink_onnx_ints(x, node, "starts", 1, &starts, &count) ||
        !ink_onnx_ints(x, node, "ends", 2, &ends, &end_count) ||
        !ink_onnx_ints(x, node, "axes", 3, &axes, &axis_count) ||
        !ink_onnx_ints(x, node, NULL, 4, &steps, &step_count))
        return INK_OK;
    if (end_count != count || (axes && axis_count != count) || (steps && step_count != count) || count > out->rank)
        FAULT("its starts, ends, axes and steps are not equally many");
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        const int64_t step = steps ? steps[i] : 1;
        if (!axis_of(axes ? axes[i] : (int64_t)i, out->rank, &axis) || step == 0 || step == INT64_MIN)
            FAULT("takes an axis that is none, or has a step of 0");
        /* Forward from 0 to size, backward from size - 1 to before 0. */
        const int64_t size = (int64_t)out->dim[axis], low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
        int64_t start = starts[i] < 0 ? starts[i] + size : starts[i], end = ends[i] < 0 ? ends[i] + size : ends[i];
        start = start < low ? low : start > high ? high : start;
        end = end < low ? low : end > high ? high : end;
        const int64_t way = step > 0 ? end - start : start - end;
        const uint64_t taken = way > 0 ? (uint64_t)((way - 1) / (step > 0 ? step : -step) + 1) : 0;
        const ink_onnx_tensor from = *out;
        INK_TRY(pick(x, &from, axis, NULL, start, step, taken, out));
    }
    return INK_OK;
}

/* ---- arithmetic ---- */

static ink_status fold_cast(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0);
    const int64_t to = ink_onnx_int(node, "to", 0);
    ink_element element;
    float *floats;
    int64_t *whole;
    *out = *from;
    if (to < 0 || to > INT32_MAX || !ink_onnx_element((int32_t)to, &element))
        FAULT("casts to the type %lld, which is not supported", (long long)to);
    out->is_whole = !ink_onnx_is_float((int32_t)to);
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    for (uint64_t i = 0; i < out->elements; i++) {
        const double value = ink_onnx_tensor_get(from, i);
        if (!from->is_whole && !floats && !(fabs(value) < 0x1p53))
            FAULT("casts %g to a whole number", value);
        if (from->is_whole && floats && from->whole[i] == INK_ONNX_BATCH)
            FAULT("computes with the number of pictures; export it with a fixed batch of 1");
        if (floats)
            floats[i] = (float)value;
        else
            whole[i] = element == INK_ELEMENT_BOOL ? value != 0 : from->is_whole ? from->whole[i] : (int64_t)value;
    }
    return INK_OK;
}

typedef enum arithmetic { ADD, SUB, MUL, DIV, POW, MIN, MAX } arithmetic;

static double compute(arithmetic how, double a, double b)
{
    switch (how) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case POW: return pow(a, b);
    case MIN: return a < b ? a : b;
    case MAX: return a > b ? a : b;
    }
    return 0;
}

/* False where it overflows or has no meaning. The number of pictures stays itself under what changes nothing. */
static bool compute_whole(arithmetic how, int64_t a, int64_t b, int64_t *to)
{
    if (a == INK_ONNX_BATCH || b == INK_ONNX_BATCH) {
        const int64_t other = a == INK_ONNX_BATCH ? b : a;
        *to = INK_ONNX_BATCH;
        return (how == ADD && other == 0) || (how == MUL && other == 1) ||
               (a == INK_ONNX_BATCH && ((how == SUB && other == 0) || (how == DIV && other == 1)));
    }
    switch (how) {
    case ADD: return !__builtin_add_overflow(a, b, to);
    case SUB: return !__builtin_sub_overflow(a, b, to);
    case MUL: return !__builtin_mul_overflow(a, b, to);
    case DIV:
        if (b == 0 || (a == INT64_MIN && b == -1))
            return false;
        *to = a / b;
        return true;
    case POW: return false;
    case MIN: *to = a < b ? a : b; return true;
    case MAX: *to = a > b ? a : b; return true;
    }
    return false;
}

/* The place in `t`, broadcast, of element `i` of `out`. */
static uint64_t broadcast_place(const ink_onnx_tensor *t, const ink_onnx_tensor *out, uint64_t i)
{
    uint64_t place = 0, stride = 1;
    for (uint32_t k = 0; k < t->rank; k++) {
        const uint64_t size = out->dim[out->rank - 1 - k], own = t->dim[t->rank - 1 - k];
        place += own == 1 ? 0 : i % size * stride;
        stride *= own;
        i /= size;
    }
    return place;
}

static bool broadcast_shape(const ink_onnx_tensor *a, const ink_onnx_tensor *b, ink_onnx_tensor *out)
{
    *out = (ink_onnx_tensor){ .rank = a->rank > b->rank ? a->rank : b->rank, .is_whole = a->is_whole };
    for (uint32_t k = 0; k < out->rank; k++) {
        const uint64_t m = k < a->rank ? a->dim[a->rank - 1 - k] : 1, n = k < b->rank ? b->dim[b->rank - 1 - k] : 1;
        if (m != n && m != 1 && n != 1)
            return false;
        out->dim[out->rank - 1 - k] = m == 1 ? n : m;
    }
    return a->is_whole == b->is_whole;
}

static ink_status fold_arithmetic(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    static const char *const names[] = { "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max" };
    const ink_onnx_tensor *a = in(x, node, 0), *b = in(x, node, 1);
    float *floats;
    int64_t *whole;
    arithmetic how = ADD;
    while (strcmp(names[how], node->op) != 0)
        how++;
    if (!b || node->input_count != 2 || !broadcast_shape(a, b, out))
        FAULT("its inputs have shapes or types that do not fit each other");
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    for (uint64_t i = 0; i < out->elements; i++) {
        const uint64_t m = broadcast_place(a, out, i), n = broadcast_place(b, out, i);
        if (floats)
            floats[i] = (float)compute(how, (double)a->floats[m], (double)b->floats[n]);
        else if (!compute_whole(how, a->whole[m], b->whole[n], &whole[i]))
            FAULT("computes with the number of pictures, or overflows; export it with a fixed batch of 1");
    }
    return INK_OK;
}

static ink_status fold_unary(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    static const char *const names[] = { "Neg", "Sqrt", "Exp", "Log", "Reciprocal", "Abs", "Floor", "Ceil" };
    const ink_onnx_tensor *from = in(x, node, 0);
    float *floats;
    int64_t *whole;
    size_t how = 0;
    while (strcmp(names[how], node->op) != 0)
        how++;
    *out = *from;
    if (from->is_whole)
        FAULT("computes with whole numbers; that is not supported");
    INK_TRY(ink_onnx_tensor_make(&x->store, out, &floats, &whole));
    for (uint64_t i = 0; i < out->elements; i++) {
        const double v = (double)from->floats[i];
        floats[i] = (float)(how == 0   ? -v
                            : how == 1 ? sqrt(v)
                            : how == 2 ? exp(v)
                            : how == 3 ? log(v)
                            : how == 4 ? 1 / v
                            : how == 5 ? fabs(v)
                            : how == 6 ? floor(v)
                                       : ceil(v));
    }
    return INK_OK;
}

/* Of a shape: how many elements it has. */
static ink_status fold_product(ink_onnx *x, const ink_onnx_node *node, ink_onnx_tensor *out)
{
    const ink_onnx_tensor *from = in(x, node, 0);
    int64_t product = 1;
    if (!from->is_whole || from->rank != 1)
        FAULT("multiplies a constant that is no list of sizes");
    for (uint64_t i = 0; i < from->elements; i++)
        if (!compute_whole(MUL, product, from->whole[i], &product))
            FAULT("computes with the number of pictures, or overflows; export it with a fixed batch of 1");
    return list_of(x, &product, NULL, 1, ink_onnx_int(node, "keepdims", 1) ? 1 : 0, out);
}

/* ---- the table ---- */

static const struct {
    const char *op;
    fold *run;
} rows[] = {
    { "Add", fold_arithmetic },     { "Sub", fold_arithmetic },
    { "Mul", fold_arithmetic },     { "Div", fold_arithmetic },
    { "Pow", fold_arithmetic },     { "Min", fold_arithmetic },
    { "Max", fold_arithmetic },     { "Neg", fold_unary },
    { "Sqrt", fold_unary },         { "Exp", fold_unary },
    { "Log", fold_unary },          { "Reciprocal", fold_unary },
    { "Abs", fold_unary },          { "Floor", fold_unary },
    { "Ceil", fold_unary },         { "Cast", fold_cast },
    { "Concat", fold_concat },      { "Constant", fold_constant },
    { "Dropout", fold_same },       { "ConstantOfShape", fold_constant_of_shape },
    { "Flatten", fold_flatten },    { "Gather", fold_gather },
    { "Identity", fold_same },      { "ReduceProd", fold_product },
    { "Reshape", fold_reshape },    { "Shape", fold_shape },
    { "Slice", fold_slice },        { "Squeeze", fold_squeeze },
    { "Transpose", fold_transpose }, { "Unsqueeze", fold_unsqueeze },
};

static fold *find(const char *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].op, op) == 0)
            return rows[i].run;
    return NULL;
}

bool ink_onnx_folds(const char *op)
{
    return find(op) != NULL;
}

ink_status ink_onnx_fold(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_tensor out = { 0 };
    if (node->input_count == 0 && find(node->op) != fold_constant)
        FAULT("has no input");
    for (size_t i = 0; i < node->input_count; i++)
        if (!ink_onnx_in(x, node, i) && (i == 0 || strcmp(node->op, "Concat") == 0))
            FAULT("input %zu is left out", i);
    INK_TRY(find(node->op)(x, node, &out));
    if (ink_onnx_out(x, node, 0) && ink_onnx_out(x, node, 0)->kind == INK_ONNX_UNKNOWN)
        ink_onnx_give_tensor(x, node, &out);
    return INK_OK;
}
