#include "import/onnx/onnx_ops.h"

#include "import/onnx/onnx_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- windows: convolutions and poolings ---- */

enum { MOST_WINDOW = 1024 };

typedef struct window {
    uint32_t kernel[2], stride[2], dilation[2];
    uint32_t padding[4]; /* top, left, bottom, right */
} window;

/* `count` sizes of an attribute; `to` stays as it is where there is none. */
static bool read_sizes(ink_onnx *x, const ink_onnx_node *node, const char *name, size_t count, int64_t least,
                       uint32_t *to)
{
    const InkOnnx__Attribute *a = ink_onnx_attribute(node, name);
    if (a && a->n_ints != count)
        return ink_onnx_fault(x, node, "%s has %zu numbers, wanted %zu: only windows of height and width are supported",
                              name, a->n_ints, count);
    for (size_t i = 0; a && i < count; i++) {
        if (a->ints[i] < least || a->ints[i] > MOST_WINDOW)
            return ink_onnx_fault(x, node, "%s holds %lld, wanted %lld to %d", name, (long long)a->ints[i],
                                  (long long)least, MOST_WINDOW);
        to[i] = (uint32_t)a->ints[i];
    }
    return true;
}

static uint32_t reach(const window *w, size_t axis)
{
    return w->dilation[axis] * (w->kernel[axis] - 1) + 1;
}

/* As much padding as makes the output input / stride, rounded up; the odd one stands at the end, or the beginning. */
static bool pad_same(ink_onnx *x, const ink_onnx_node *node, ink_shape in, bool lower, window *w)
{
    for (size_t axis = 0; axis < 2; axis++) {
        const int64_t size = in.dim[axis + 1], stride = w->stride[axis];
        int64_t all = ((size + stride - 1) / stride - 1) * stride + reach(w, axis) - size;
        all = all < 0 ? 0 : all;
        if (all > 2 * MOST_WINDOW)
            return ink_onnx_fault(x, node, "pads by %lld, wanted %d at most", (long long)all, 2 * MOST_WINDOW);
        w->padding[axis] = (uint32_t)(lower ? all - all / 2 : all / 2);
        w->padding[axis + 2] = (uint32_t)all - w->padding[axis];
    }
    return true;
}

static bool read_window(ink_onnx *x, const ink_onnx_node *node, ink_shape in, window *w)
{
    if (!read_sizes(x, node, "kernel_shape", 2, 1, w->kernel) || !read_sizes(x, node, "strides", 2, 1, w->stride) ||
        !read_sizes(x, node, "dilations", 2, 1, w->dilation))
        return false;
    const InkOnnx__Attribute *by = ink_onnx_attribute(node, "auto_pad");
    if (!by || !by->s.len || ink_onnx_word_is(node, "auto_pad", "NOTSET"))
        return read_sizes(x, node, "pads", 4, 0, w->padding);
    if (ink_onnx_word_is(node, "auto_pad", "VALID"))
        return true;
    const bool lower = ink_onnx_word_is(node, "auto_pad", "SAME_LOWER");
    if (!lower && !ink_onnx_word_is(node, "auto_pad", "SAME_UPPER"))
        return ink_onnx_fault(x, node, "auto_pad is none of NOTSET, VALID, SAME_UPPER and SAME_LOWER");
    return pad_same(x, node, in, lower, w);
}

/* The output's height and width. With `ceil` as PyTorch has it, and ONNX since version 19 says too: rounded up, but no
 * window begins beyond the picture and the padding before it. */
static bool window_shape(ink_onnx *x, const ink_onnx_node *node, ink_shape in, const window *w, bool ceil,
                         ink_shape *out)
{
    *out = in;
    for (size_t axis = 0; axis < 2; axis++) {
        const int64_t before = w->padding[axis], stride = w->stride[axis];
        const int64_t room = (int64_t)in.dim[axis + 1] + before + w->padding[axis + 2] - reach(w, axis);
        if (room < 0)
            return ink_onnx_fault(x, node, "its window is larger than its padded input");
        int64_t size = room / stride + 1;
        if (ceil && room % stride && size * stride < in.dim[axis + 1] + before)
            size++;
        out->dim[axis + 1] = (uint32_t)size;
    }
    return true;
}

enum { WINDOW_TEXT = 200 };

/* "kernel=3,3 padding=1,1,1,1": with what is not 1, and no padding that is 0. */
static const char *window_text(const window *w, char text[WINDOW_TEXT])
{
    const uint32_t *p = w->padding;
    int length = snprintf(text, WINDOW_TEXT, "kernel=%" PRIu32 ",%" PRIu32, w->kernel[0], w->kernel[1]);
    if (w->stride[0] != 1 || w->stride[1] != 1)
        length += snprintf(text + length, WINDOW_TEXT - (size_t)length, " stride=%" PRIu32 ",%" PRIu32, w->stride[0],
                           w->stride[1]);
    if (w->dilation[0] != 1 || w->dilation[1] != 1)
        length += snprintf(text + length, WINDOW_TEXT - (size_t)length, " dilation=%" PRIu32 ",%" PRIu32,
                           w->dilation[0], w->dilation[1]);
    if (p[0] || p[1] || p[2] || p[3])
        snprintf(text + length, WINDOW_TEXT - (size_t)length, " padding=%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32,
                 p[0], p[1], p[2], p[3]);
    return text;
}

/* ---- Conv ---- */

/* A bias of so many floats; true without one too. */
static bool bias_fits(ink_onnx *x, const ink_onnx_node *node, uint64_t count)
{
    const ink_onnx_tensor *bias = ink_onnx_constant(x, node, 2);
    if (!ink_onnx_in(x, node, 2))
        return true;
    if (!bias || bias->is_whole || bias->elements != count)
        return ink_onnx_fault(x, node, "its bias is no constant of %llu floats", (unsigned long long)count);
    return true;
}

static void put_floats(ink_onnx *x, const char *node, const char *part, uint32_t rank, const uint64_t *dim,
                       const ink_onnx_tensor *from)
{
    float *to = ink_draft_tensor(x->draft, node, part, rank, dim);
    if (to)
        memcpy(to, from->floats, (size_t)from->elements * sizeof *to);
}

void ink_onnx_op_conv(ink_onnx *x, const ink_onnx_node *node)
{
    const ink_onnx_tensor *weight = ink_onnx_constant(x, node, 1);
    window w = { .stride = { 1, 1 }, .dilation = { 1, 1 } };
    ink_shape shape;
    char text[WINDOW_TEXT], group_text[24] = "";
    if (!weight || weight->is_whole || weight->rank != 4 || !weight->elements || weight->dim[0] > UINT32_MAX) {
        ink_onnx_fault(x, node, "its weight is no constant of 4 dimensions; only convolutions of pictures are "
                       "supported");
        return;
    }
    ink_onnx_view *view = ink_onnx_picture(x, node, 0);
    const int64_t groups = ink_onnx_int(node, "group", 1);
    for (size_t i = 0; i < 2; i++)
        w.kernel[i] = weight->dim[i + 2] <= MOST_WINDOW ? (uint32_t)weight->dim[i + 2] : MOST_WINDOW + 1;
    if (!view || !read_window(x, node, view->shape, &w) || !bias_fits(x, node, weight->dim[0]))
        return;
    if (w.kernel[0] != weight->dim[2] || w.kernel[1] != weight->dim[3] || groups < 1 ||
        groups > view->shape.dim[0] || weight->dim[1] != view->shape.dim[0] / (uint64_t)groups) {
        ink_onnx_fault(x, node, "its weight, kernel_shape, group and input do not fit each other");
        return;
    }
    if (!window_shape(x, node, view->shape, &w, false, &shape))
        return;
    shape.dim[0] = (uint32_t)weight->dim[0];
    if (groups > 1)
        snprintf(group_text, sizeof group_text, " groups=%d", (int)groups);
    const char *made = ink_draft_node(x->draft, "conv2d", ink_onnx_name(x, node), view->node,
                                      "filters=%" PRIu32 " %s%s", shape.dim[0], window_text(&w, text), group_text);
    put_floats(x, made, "weight", 4, weight->dim, weight);
    if (ink_onnx_in(x, node, 2))
        put_floats(x, made, "bias", 1, weight->dim, ink_onnx_constant(x, node, 2));
    ink_onnx_view out = ink_onnx_plain(made, shape);
    out.takes_bias = !ink_onnx_in(x, node, 2);
    ink_onnx_give(x, node, &out);
}

/* ---- Gemm and MatMul ---- */

/* A dense layer on the last axis, of a weight [O, I], or [I, O] if it is to be transposed. */
static const char *put_dense(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view *view, const ink_onnx_tensor *weight,
                             bool transpose, float factor)
{
    const uint64_t outputs = weight->dim[transpose ? 1 : 0], inputs = weight->dim[transpose ? 0 : 1];
    const char *from = ink_onnx_settle(x, view);
    const char *made = ink_draft_node(x->draft, "dense", ink_onnx_name(x, node), from, "units=%" PRIu64, outputs);
    float *to = ink_draft_tensor(x->draft, made, "weight", 2, (uint64_t[]){ outputs, inputs });
    for (uint64_t o = 0; to && o < outputs; o++)
        for (uint64_t i = 0; i < inputs; i++)
            to[o * inputs + i] = factor * weight->floats[transpose ? i * outputs + o : o * inputs + i];
    return made;
}

static bool is_matrix(ink_onnx *x, const ink_onnx_node *node, const ink_onnx_tensor *weight, bool transpose,
                      const ink_onnx_value *input)
{
    if (!input || input->kind != INK_ONNX_VALUE || !weight || weight->is_whole || weight->rank != 2 ||
        !weight->elements)
        return ink_onnx_fault(x, node, "is no product of what is computed with a constant matrix; attention and the "
                              "like are not supported");
    const ink_shape in = input->view.shape;
    if (weight->dim[transpose ? 0 : 1] != in.dim[in.rank - 1] || weight->dim[transpose ? 1 : 0] > 1 << 20)
        return ink_onnx_fault(x, node, "its matrix is %llu x %llu, which does not fit inputs of %lu",
                              (unsigned long long)weight->dim[0], (unsigned long long)weight->dim[1],
                              (unsigned long)in.dim[in.rank - 1]);
    return true;
}

void ink_onnx_op_matmul(ink_onnx *x, const ink_onnx_node *node)
{
    const ink_onnx_tensor *weight = ink_onnx_constant(x, node, 1);
    if (!is_matrix(x, node, weight, true, ink_onnx_in(x, node, 0)))
        return;
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const char *made = put_dense(x, node, &view, weight, true, 1);
    ink_shape shape = view.shape;
    shape.dim[shape.rank - 1] = (uint32_t)weight->dim[1];
    view = ink_onnx_plain(made, shape);
    view.takes_bias = true;
    ink_onnx_give(x, node, &view);
}

void ink_onnx_op_gemm(ink_onnx *x, const ink_onnx_node *node)
{
    const ink_onnx_tensor *weight = ink_onnx_constant(x, node, 1), *bias = ink_onnx_constant(x, node, 2);
    const bool transpose = !ink_onnx_int(node, "transB", 0);
    const float beta = ink_onnx_float(node, "beta", 1);
    if (!is_matrix(x, node, weight, transpose, ink_onnx_in(x, node, 0)))
        return;
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const uint64_t outputs = weight->dim[transpose ? 1 : 0];
    if (ink_onnx_int(node, "transA", 0) || view.shape.rank != 1) {
        ink_onnx_fault(x, node, "transposes its first input, or that is no row for each picture");
        return;
    }
    if (ink_onnx_in(x, node, 2) && !(bias && bias->elements == 1) && !bias_fits(x, node, outputs))
        return;
    if (bias && (bias->is_whole || bias->rank > 2 || (bias->rank == 2 && bias->dim[0] != 1))) {
        ink_onnx_fault(x, node, "adds a constant that is not the same for all pictures");
        return;
    }
    const char *made = put_dense(x, node, &view, weight, transpose, ink_onnx_float(node, "alpha", 1));
    float *to = bias ? ink_draft_tensor(x->draft, made, "bias", 1, &outputs) : NULL;
    for (uint64_t i = 0; to && i < outputs; i++)
        to[i] = beta * bias->floats[bias->elements == 1 ? 0 : i];
    view = ink_onnx_plain(made, (ink_shape){ 1, { (uint32_t)outputs } });
    view.takes_bias = !bias;
    ink_onnx_give(x, node, &view);
}

/* ---- poolings ---- */

void ink_onnx_op_pool(ink_onnx *x, const ink_onnx_node *node)
{
    const bool max = strcmp(node->op, "MaxPool") == 0, ceil = ink_onnx_int(node, "ceil_mode", 0) != 0;
    window w = { .stride = { 1, 1 }, .dilation = { 1, 1 } };
    ink_shape shape;
    char text[WINDOW_TEXT];
    ink_onnx_view *view = ink_onnx_picture(x, node, 0);
    if (!view || !read_window(x, node, view->shape, &w))
        return;
    if (!w.kernel[0] || w.dilation[0] != 1 || w.dilation[1] != 1) {
        ink_onnx_fault(x, node, "has no kernel_shape, or dilations, which are not supported");
        return;
    }
    for (size_t i = 0; i < 4; i++)
        if (w.padding[i] >= w.kernel[i % 2]) {
            ink_onnx_fault(x, node, "pads by %lu, wanted less than its kernel's %lu", (unsigned long)w.padding[i],
                           (unsigned long)w.kernel[i % 2]);
            return;
        }
    if (!window_shape(x, node, view->shape, &w, ceil, &shape))
        return;
    /* A pool's stride is its kernel unless it is told. */
    const bool told = w.stride[0] == 1 && w.stride[1] == 1;
    const char *made = ink_draft_node(x->draft, max ? "max_pool2d" : "avg_pool2d", ink_onnx_name(x, node), view->node,
                                      "%s%s%s%s", window_text(&w, text), told ? " stride=1" : "", ceil ? " ceil=1" : "",
                                      !max && ink_onnx_int(node, "count_include_pad", 0) ? " count_padding=1" : "");
    const ink_onnx_view out = ink_onnx_plain(made, shape);
    ink_onnx_give(x, node, &out);
}

static ink_onnx_view put_global(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view *view, bool max)
{
    const char *from = ink_onnx_settle(x, view);
    const char *made = ink_draft_node(x->draft, max ? "global_max_pool2d" : "global_avg_pool2d", ink_onnx_name(x, node),
                                      from, "%s", "");
    return ink_onnx_plain(made, (ink_shape){ 3, { view->shape.dim[0], 1, 1 } });
}

void ink_onnx_op_global_pool(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_view *view = ink_onnx_picture(x, node, 0);
    if (!view)
        return;
    const ink_onnx_view out = put_global(x, node, view, strcmp(node->op, "GlobalMaxPool") == 0);
    ink_onnx_give(x, node, &out);
}

/* Over the one axis: a pooling of windows 1 x its size, after it was brought to the end. */
static ink_onnx_view put_pooled_axis(ink_onnx *x, const ink_onnx_node *node, ink_onnx_view view, uint32_t axis,
                                     bool max)
{
    uint32_t order[INK_MAX_DIMS] = { 0 }, rank = view.shape.rank;
    for (uint32_t i = 0; i < rank; i++)
        order[i] = i + 1 == rank ? axis : i < axis ? i : i + 1;
    ink_onnx_permute(x, &view, order);
    ink_shape shape = { 3, { view.shape.dim[0], rank == 3 ? view.shape.dim[1] : 1, view.shape.dim[rank - 1] } };
    ink_onnx_reshape(x, &view, shape);
    const char *from = ink_onnx_settle(x, &view);
    const char *made = ink_draft_node(x->draft, max ? "max_pool2d" : "avg_pool2d", ink_onnx_name(x, node), from,
                                      "kernel=1,%" PRIu32, shape.dim[2]);
    shape.dim[2] = 1;
    return ink_onnx_plain(made, shape);
}

/* ReduceMean and ReduceMax over two axes of a picture, whichever these are, or over one. */
void ink_onnx_op_reduce(ink_onnx *x, const ink_onnx_node *node)
{
    const bool max = strcmp(node->op, "ReduceMax") == 0, keep = ink_onnx_int(node, "keepdims", 1) != 0;
    ink_onnx_view view = ink_onnx_in(x, node, 0)->view;
    const ink_shape before = view.shape;
    const int64_t *axes;
    size_t count;
    bool reduced[INK_MAX_DIMS] = { false };
    ink_shape after = { 0 };
    uint32_t kept = 0, one = 0;
    if (!ink_onnx_ints(x, node, "axes", 1, &axes, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        if (!ink_onnx_axis(x, node, axes[i], before.rank, &axis))
            return;
        reduced[axis] = true;
    }
    for (uint32_t i = 0; i < before.rank; i++) {
        if (keep || !reduced[i])
            after.dim[after.rank++] = reduced[i] ? 1 : before.dim[i];
        *(reduced[i] ? &one : &kept) = i;
    }
    const int how_many = reduced[0] + reduced[1] + reduced[2] + reduced[3];
    if (before.rank == 3 && how_many == 2) {
        ink_onnx_axis_first(x, &view, kept);
        view = put_global(x, node, &view, max);
    } else if ((before.rank == 2 || before.rank == 3) && how_many == 1 && before.dim[one] <= MOST_WINDOW) {
        view = put_pooled_axis(x, node, view, one, max);
    } else {
        ink_onnx_fault(x, node, "reduces other axes than a picture's height and width; that is not supported");
        return;
    }
    ink_onnx_reshape(x, &view, after);
    ink_onnx_give(x, node, &view);
}
