#include "import/onnx/onnx_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

ink_onnx_view ink_onnx_plain(const char *node, ink_shape shape)
{
    return (ink_onnx_view){ .node = node, .from = shape, .shape = shape, .how = INK_ONNX_PLAIN };
}

/* ---- pending changes ---- */

/* Does a permutation leave the elements in their order? It does if it moves axes of size 1 only. */
static bool keeps_order(ink_shape before, const uint32_t *order)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < before.rank; i++)
        if (before.dim[order[i]] != 1) {
            if (order[i] < last)
                return false;
            last = order[i];
        }
    return true;
}

static bool is_plain_order(const uint32_t *order, uint32_t rank)
{
    for (uint32_t i = 0; i < rank; i++)
        if (order[i] != i)
            return false;
    return true;
}

const char *ink_onnx_settle(ink_onnx *x, ink_onnx_view *v)
{
    const uint32_t *d = v->how == INK_ONNX_PERMUTED ? v->order : v->shape.dim;
    if (v->how == INK_ONNX_PLAIN)
        return v->node;
    if (v->how == INK_ONNX_RESHAPED && v->shape.rank == 1) {
        v->node = ink_draft_node(x->draft, "flatten", NULL, v->node, "%s", "");
    } else {
        char list[4 * 12] = "";
        size_t length = 0;
        for (uint32_t i = 0; i < v->shape.rank; i++)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%" PRIu32, i ? "," : "", d[i]);
        v->node = ink_draft_node(x->draft, v->how == INK_ONNX_PERMUTED ? "permute" : "reshape", NULL, v->node, "%s=%s",
                                 v->how == INK_ONNX_PERMUTED ? "order" : "shape", list);
    }
    *v = ink_onnx_plain(v->node, v->shape);
    return v->node;
}

void ink_onnx_reshape(ink_onnx *x, ink_onnx_view *v, ink_shape shape)
{
    if (ink_shape_equal(v->shape, shape))
        return;
    if (v->how == INK_ONNX_PERMUTED && !keeps_order(v->from, v->order))
        ink_onnx_settle(x, v);
    v->takes_bias = false;
    v->shape = shape;
    v->how = ink_shape_equal(shape, v->from) ? INK_ONNX_PLAIN : INK_ONNX_RESHAPED;
}

void ink_onnx_permute(ink_onnx *x, ink_onnx_view *v, const uint32_t *order)
{
    ink_shape shape = v->shape;
    uint32_t composed[INK_MAX_DIMS] = { 0 };
    if (is_plain_order(order, shape.rank))
        return;
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = v->shape.dim[order[i]];
    if (v->how == INK_ONNX_RESHAPED && keeps_order(v->shape, order)) {
        ink_onnx_reshape(x, v, shape);
        return;
    }
    if (v->how == INK_ONNX_RESHAPED)
        ink_onnx_settle(x, v);
    for (uint32_t i = 0; i < shape.rank; i++)
        composed[i] = v->how == INK_ONNX_PERMUTED ? v->order[order[i]] : order[i];
    memcpy(v->order, composed, sizeof composed);
    v->takes_bias = false;
    v->shape = shape;
    v->how = is_plain_order(composed, shape.rank) ? INK_ONNX_PLAIN : INK_ONNX_PERMUTED;
}

void ink_onnx_axis_first(ink_onnx *x, ink_onnx_view *view, uint32_t axis)
{
    uint32_t order[INK_MAX_DIMS] = { axis };
    for (uint32_t i = 0, to = 1; i < view->shape.rank; i++)
        if (i != axis)
            order[to++] = i;
    ink_onnx_permute(x, view, order);
}

void ink_onnx_axis_back(ink_onnx *x, ink_onnx_view *view, uint32_t axis)
{
    uint32_t order[INK_MAX_DIMS] = { 0 };
    for (uint32_t i = 0; i < view->shape.rank; i++)
        order[i] = i == axis ? 0 : i < axis ? i + 1 : i;
    ink_onnx_permute(x, view, order);
}

ink_onnx_view *ink_onnx_picture(ink_onnx *x, const ink_onnx_node *node, size_t i)
{
    ink_onnx_value *value = ink_onnx_in(x, node, i);
    if (!value || value->kind != INK_ONNX_VALUE)
        return ink_onnx_fault(x, node, "its input is a constant"), NULL;
    if (value->view.shape.rank != 3)
        return ink_onnx_fault(x, node, "its input has %lu dimensions, wanted 4: batch, channels, height, width",
                              (unsigned long)value->view.shape.rank + 1), NULL;
    ink_onnx_settle(x, &value->view);
    return &value->view;
}

/* ---- operators ---- */

/* Identity, Dropout, Cast from floats to floats: rounding to half or to double precision is not followed. */
void ink_onnx_op_same(ink_onnx *x, const ink_onnx_node *node)
{
    const ink_onnx_tensor *training = ink_onnx_constant(x, node, 2);
    const bool trains = training && training->elements == 1 && ink_onnx_tensor_get(training, 0) != 0;
    if (strcmp(node->op, "Dropout") == 0 && trains)
        ink_onnx_fault(x, node, "is in training mode; export the model in eval() mode");
    else if (strcmp(node->op, "Cast") == 0 && !ink_onnx_is_float((int32_t)ink_onnx_int(node, "to", 0)))
        ink_onnx_fault(x, node, "casts to the type %lld, which is none of floats; end the model at its scores",
                       (long long)ink_onnx_int(node, "to", 0));
    else
        ink_onnx_give(x, node, &ink_onnx_in(x, node, 0)->view);
}

/* CastLike: to the type of the second input. Of a constant beside a computed value, which is floats. */
void ink_onnx_op_cast_like(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_value *in = ink_onnx_in(x, node, 0);
    const ink_onnx_tensor *like = ink_onnx_constant(x, node, 1);
    if (in->kind == INK_ONNX_VALUE && like && like->is_whole)
        ink_onnx_fault(x, node, "casts to whole numbers; end the model at its scores");
    else if (in->kind == INK_ONNX_VALUE)
        ink_onnx_give(x, node, &in->view);
    else if (in->tensor.is_whole)
        ink_onnx_fault(x, node, "casts whole numbers; that is not supported");
    else
        ink_onnx_give_tensor(x, node, &in->tensor);
}

void ink_onnx_op_flatten(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    int64_t axis = ink_onnx_int(node, "axis", 1);
    uint64_t before = 1, after = 1;
    if (axis < 0)
        axis += (int64_t)view.shape.rank + 1;
    if (axis < 1 || axis > (int64_t)view.shape.rank + 1) {
        ink_onnx_fault(x, node, "axis %lld puts the pictures of a batch into one row; use axis 1", (long long)axis);
        return;
    }
    for (uint32_t i = 0; i < view.shape.rank; i++)
        *(i + 1 < axis ? &before : &after) *= view.shape.dim[i];
    if (before != 1) {
        ink_onnx_fault(x, node, "axis %lld makes several rows of a picture; use axis 1", (long long)axis);
        return;
    }
    ink_onnx_reshape(x, &view, (ink_shape){ 1, { (uint32_t)after } });
    ink_onnx_give(x, node, &view);
}

/* Does the first of some sizes stand for the batch? It does if it was computed from it, is as it was (0), or the number
 * of pictures that the exporter saw. That is 1 if it is not told; then any other number will do only where the rest
 * is all told. -1 is what the rest leaves, which is so many pictures if the rest is one of them. */
static bool is_batch(const ink_onnx *x, const int64_t *sizes, size_t count, bool zero_copies)
{
    bool is_open = false;
    for (size_t i = 1; i < count; i++)
        is_open = is_open || sizes[i] == -1;
    return sizes[0] == INK_ONNX_BATCH || (sizes[0] == 0 && zero_copies) || (sizes[0] == -1 && !is_open) ||
           (x->batch ? sizes[0] == x->batch : sizes[0] == 1 || (sizes[0] > 1 && !is_open));
}

/* A list of sizes, without its first, which is the batch's, as a shape of `elements`; one may be -1. */
static bool sizes_to_shape(const int64_t *sizes, size_t count, const ink_shape *before, bool zero_copies,
                           uint64_t elements, ink_shape *to)
{
    uint64_t known = 1;
    uint32_t open = INK_MAX_DIMS;
    if (count < 2 || count > INK_MAX_DIMS + 1)
        return false;
    *to = (ink_shape){ .rank = (uint32_t)count - 1 };
    for (uint32_t i = 0; i < to->rank; i++) {
        int64_t size = sizes[i + 1];
        if (size == 0 && zero_copies && i < before->rank)
            size = before->dim[i];
        if (size == -1 && open == INK_MAX_DIMS)
            open = i;
        else if (size < 1 || size > UINT32_MAX || (uint64_t)size > elements)
            return false;
        else
            to->dim[i] = (uint32_t)size;
        if (i != open && (known *= to->dim[i]) > elements)
            return false;
    }
    if (open < INK_MAX_DIMS) {
        if (elements % known)
            return false;
        to->dim[open] = (uint32_t)(elements / known);
        known = elements;
    }
    return known == elements;
}

/* "-1 x 16": for errors. */
static const char *sizes_text(const int64_t *sizes, size_t count, char text[80])
{
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < count && length < 60; i++)
        length += (size_t)(sizes[i] == INK_ONNX_BATCH
                               ? snprintf(text + length, 80 - length, "%sN", i ? " x " : "")
                               : snprintf(text + length, 80 - length, "%s%lld", i ? " x " : "", (long long)sizes[i]));
    return text;
}

void ink_onnx_op_reshape(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const int64_t *sizes;
    size_t count;
    uint64_t elements = 0;
    ink_shape shape;
    char from[INK_SHAPE_TEXT], to[80];
    if (!ink_onnx_ints(x, node, NULL, 1, &sizes, &count))
        return;
    (void)ink_shape_elements(view.shape, &elements);
    const bool zero_copies = !ink_onnx_int(node, "allowzero", 0);
    if (!count || !is_batch(x, sizes, count, zero_copies) ||
        !sizes_to_shape(sizes, count, &view.shape, zero_copies, elements, &shape)) {
        ink_onnx_fault(x, node, "makes N x %s to %s; wanted the batch first, and for each picture as many numbers, "
                       "with 4 dimensions at most", ink_shape_text(view.shape, from), sizes_text(sizes, count, to));
        return;
    }
    ink_onnx_reshape(x, &view, shape);
    ink_onnx_give(x, node, &view);
}

void ink_onnx_op_squeeze(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const int64_t *axes;
    size_t count;
    bool gone[INK_MAX_DIMS] = { false };
    ink_shape shape = { 0 };
    if (!ink_onnx_ints(x, node, "axes", 1, &axes, &count))
        return;
    if (!count && x->batch == 1) {
        ink_onnx_fault(x, node, "without axes it takes that of the batch too; export it with axes, or with an open "
                       "batch");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        if (!ink_onnx_axis(x, node, axes[i], view.shape.rank, &axis))
            return;
        if (view.shape.dim[axis] != 1) {
            ink_onnx_fault(x, node, "axis %lld has %lu elements, wanted 1", (long long)axes[i],
                           (unsigned long)view.shape.dim[axis]);
            return;
        }
        gone[axis] = true;
    }
    for (uint32_t i = 0; i < view.shape.rank; i++)
        if (!(count ? gone[i] : view.shape.dim[i] == 1))
            shape.dim[shape.rank++] = view.shape.dim[i];
    if (!shape.rank) {
        ink_onnx_fault(x, node, "leaves one number of a picture; wanted scores, one a class");
        return;
    }
    ink_onnx_reshape(x, &view, shape);
    ink_onnx_give(x, node, &view);
}

void ink_onnx_op_unsqueeze(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const int64_t *axes;
    size_t count;
    bool new[INK_MAX_DIMS] = { false };
    ink_shape shape = { 0 };
    if (!ink_onnx_ints(x, node, "axes", 1, &axes, &count))
        return;
    if (view.shape.rank + count > INK_MAX_DIMS) {
        ink_onnx_fault(x, node, "gives more than %d dimensions", INK_MAX_DIMS + 1);
        return;
    }
    shape.rank = view.shape.rank + (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        if (!ink_onnx_axis(x, node, axes[i], shape.rank, &axis))
            return;
        new[axis] = true;
    }
    for (uint32_t i = 0, from = 0; i < shape.rank; i++)
        shape.dim[i] = new[i] || from == view.shape.rank ? 1 : view.shape.dim[from++];
    ink_onnx_reshape(x, &view, shape);
    ink_onnx_give(x, node, &view);
}

void ink_onnx_op_transpose(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const InkOnnx__Attribute *perm = ink_onnx_attribute(node, "perm");
    const uint32_t rank = view.shape.rank;
    uint32_t order[INK_MAX_DIMS] = { 0 }, seen = 0;
    bool right = perm && perm->n_ints == rank + 1 && perm->ints[0] == 0;
    for (uint32_t i = 0; right && i < rank; i++) {
        right = perm->ints[i + 1] >= 1 && perm->ints[i + 1] <= rank;
        order[i] = right ? (uint32_t)(perm->ints[i + 1] - 1) : 0;
        seen |= 1u << order[i];
    }
    if (!right || seen != (1u << rank) - 1) {
        ink_onnx_fault(x, node, "moves the batch from the first place, or is no order of %lu axes",
                       (unsigned long)rank + 1);
        return;
    }
    ink_onnx_permute(x, &view, order);
    ink_onnx_give(x, node, &view);
}

void ink_onnx_op_concat(ink_onnx *x, const ink_onnx_node *node)
{
    ink_text names;
    uint32_t axis = 0;
    uint64_t size = 0;
    ink_shape shape = { 0 };
    ink_text_init(&names, &x->store.arena->allocator);
    bool right = true;
    for (size_t i = 0; right && i < node->input_count; i++) {
        ink_onnx_value *value = ink_onnx_in(x, node, i);
        if (!value || value->kind != INK_ONNX_VALUE) {
            right = ink_onnx_fault(x, node, "joins a constant to what is computed; that is not supported");
            break;
        }
        if (i == 0) {
            shape = value->view.shape;
            right = ink_onnx_axis(x, node, ink_onnx_int(node, "axis", 1), shape.rank, &axis);
        }
        ink_shape other = value->view.shape;
        if (right && other.rank == shape.rank) {
            size += other.dim[axis];
            other.dim[axis] = shape.dim[axis];
        }
        if (right && (!ink_shape_equal(other, shape) || size > UINT32_MAX))
            right = ink_onnx_fault(x, node, "its inputs have shapes that do not fit each other");
        if (right)
            ink_text_format(&names, "%s%s", i ? "," : "", ink_onnx_settle(x, &value->view));
    }
    if (right && names.data) {
        shape.dim[axis] = (uint32_t)size;
        const char *made = ink_draft_node(x->draft, "concat", ink_onnx_name(x, node), names.data, "axis=%" PRIu32,
                                          axis);
        ink_onnx_give(x, node, &(ink_onnx_view){ .node = made, .from = shape, .shape = shape });
    }
    ink_free(&names.allocator, names.data);
}

/* ---- Pad ---- */

/* The borders of each axis of a picture, before and after it. */
static bool read_pads(ink_onnx *x, const ink_onnx_node *node, ink_shape shape, int64_t before[INK_MAX_DIMS],
                      int64_t after[INK_MAX_DIMS])
{
    const int64_t *pads, *axes;
    size_t count, axis_count;
    if (!ink_onnx_ints(x, node, "pads", 1, &pads, &count) || !ink_onnx_ints(x, node, NULL, 3, &axes, &axis_count))
        return false;
    if (!axis_count)
        axis_count = shape.rank + 1;
    if (count != 2 * axis_count)
        return ink_onnx_fault(x, node, "has %zu pads, wanted 2 for each of its %zu axes", count, axis_count);
    for (size_t i = 0; i < axis_count; i++) {
        uint32_t axis;
        if (pads[i] == 0 && pads[axis_count + i] == 0)
            continue;
        if (!ink_onnx_axis(x, node, axes ? axes[i] : (int64_t)i, shape.rank, &axis))
            return false;
        before[axis] = pads[i];
        after[axis] = pads[axis_count + i];
        if (before[axis] < 0 || after[axis] < 0 || before[axis] > 1024 || after[axis] > 1024)
            return ink_onnx_fault(x, node, "cuts its input, or pads it by more than 1024; that is not supported");
    }
    return true;
}

static bool read_pad_value(ink_onnx *x, const ink_onnx_node *node, float *value)
{
    const InkOnnx__Attribute *mode = ink_onnx_attribute(node, "mode");
    const ink_onnx_tensor *given = ink_onnx_constant(x, node, 2);
    if (mode && !ink_onnx_word_is(node, "mode", "constant"))
        return ink_onnx_fault(x, node, "pads by mode=%.*s; only constant is supported",
                              (int)(mode->s.len < 20 ? mode->s.len : 20), mode->s.data ? (char *)mode->s.data : "");
    if (ink_onnx_in(x, node, 2) && (!given || given->elements != 1))
        return ink_onnx_fault(x, node, "its value is not known beforehand");
    *value = given ? (float)ink_onnx_tensor_get(given, 0) : ink_onnx_float(node, "value", 0);
    return true;
}

/* A picture's height and width, whichever axes these are. */
void ink_onnx_op_pad(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    int64_t before[INK_MAX_DIMS] = { 0 }, after[INK_MAX_DIMS] = { 0 };
    uint32_t still = 0, padded = 0;
    float value = 0;
    if (!read_pads(x, node, view.shape, before, after) || !read_pad_value(x, node, &value))
        return;
    for (uint32_t i = 0; i < view.shape.rank; i++)
        padded += before[i] || after[i];
    while (still < view.shape.rank && (before[still] || after[still]))
        still++;
    if (!padded) {
        ink_onnx_give(x, node, &view);
        return;
    }
    if (view.shape.rank != 3 || still == 3) {
        ink_onnx_fault(x, node, "pads other axes than a picture's height and width");
        return;
    }
    ink_onnx_axis_first(x, &view, still);
    const uint32_t rows = still == 0 ? 1 : 0, columns = still == 2 ? 1 : 2;
    ink_shape shape = view.shape;
    shape.dim[1] += (uint32_t)(before[rows] + after[rows]);
    shape.dim[2] += (uint32_t)(before[columns] + after[columns]);
    const char *from = ink_onnx_settle(x, &view);
    view = ink_onnx_plain(ink_draft_node(x->draft, "pad", ink_onnx_name(x, node), from,
                                         "padding=%d,%d,%d,%d value=%.9g", (int)before[rows], (int)before[columns],
                                         (int)after[rows], (int)after[columns], (double)value), shape);
    ink_onnx_axis_back(x, &view, still);
    ink_onnx_give(x, node, &view);
}
