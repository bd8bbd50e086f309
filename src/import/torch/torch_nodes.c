#include "import/torch/torch_nodes.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST = 1 << 24, SHAPE_TEXT = 80 };

void ink_torch_fault(ink_torch_net *net, const char *format, ...)
{
    char text[220];
    va_list values;
    net->faults++;
    if (net->dry)
        return;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    ink_draft_fault(net->draft, "%s: %s", net->where, text);
}

uint64_t ink_torch_elements(const ink_torch_value *x)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < x->rank; i++)
        if (!ink_mul_u64(elements, x->dim[i], &elements))
            return UINT64_MAX;
    return elements;
}

static const char *shape_text(const ink_torch_value *x, char text[SHAPE_TEXT])
{
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < x->rank && at + 24 < SHAPE_TEXT; i++)
        at += (size_t)snprintf(text + at, SHAPE_TEXT - at, "%s%llu", i ? ", " : "", (unsigned long long)x->dim[i]);
    return text;
}

static ink_status misfit(ink_torch_net *net, const ink_torch_value *x, const char *wanted)
{
    char text[SHAPE_TEXT];
    return ink_fail(net->error, INK_ERR_SHAPE, "%s: gets [%s], wanted %s", net->where, shape_text(x, text), wanted);
}

/* Adds the node, unless this is a dry run. */
static void INK_PRINTF(5, 6) add(ink_torch_net *net, const char *op, const char *inputs, ink_torch_value *out,
                                 const char *attributes, ...)
{
    char text[300];
    va_list values;
    net->nodes++;
    out->node = op;
    if (net->dry)
        return;
    va_start(values, attributes);
    vsnprintf(text, sizeof text, attributes, values);
    va_end(values);
    out->node = ink_draft_node(net->draft, op, net->name, inputs, "%s", text);
}

static bool skips(const ink_torch_value *x, ink_torch_value *out)
{
    *out = *x;
    return !x->node;
}

/* A tensor of the node `out`; NULL in a dry run. */
static float *tensor(ink_torch_net *net, const ink_torch_value *out, const char *part, uint32_t rank,
                     const uint64_t *dim)
{
    return net->dry ? NULL : ink_draft_tensor(net->draft, out->node, part, rank, dim);
}

static void copy_tensor(ink_torch_net *net, const ink_torch_value *out, const char *part, const ink_weight *from)
{
    float *to = from ? tensor(net, out, part, from->rank, from->dim) : NULL;
    if (to && from->elements)
        memcpy(to, from->data, (size_t)from->elements * sizeof *to);
}

static bool is_vector(const ink_weight *weight, uint64_t size)
{
    return !weight || (weight->rank == 1 && weight->dim[0] == size);
}

/* ---- convolutions and pools ---- */

/* The size of a side behind a window; false where none fits. */
static bool slide(uint64_t size, uint64_t before, uint64_t after, uint64_t kernel, uint64_t dilation, uint64_t stride,
                  bool ceil, uint64_t *out)
{
    if (!kernel || !dilation || !stride || kernel > LARGEST || dilation > LARGEST || stride > LARGEST ||
        before > LARGEST || after > LARGEST || size > LARGEST)
        return false;
    const uint64_t reach = dilation * (kernel - 1) + 1, room = size + before + after;
    if (room < reach)
        return false;
    *out = (room - reach + (ceil ? stride - 1 : 0)) / stride + 1;
    if (ceil && (*out - 1) * stride >= size + before)
        --*out;
    return *out > 0;
}

static bool slide_both(const ink_torch_window *w, const ink_torch_value *x, ink_torch_value *out)
{
    return slide(x->dim[1], w->padding[0], w->padding[2], w->kernel[0], w->dilation[0], w->stride[0], w->ceil,
                 &out->dim[1]) &&
           slide(x->dim[2], w->padding[1], w->padding[3], w->kernel[1], w->dilation[1], w->stride[1], w->ceil,
                 &out->dim[2]);
}

/* " name=A,B", where that is not all `usual`. */
static void write_sizes(char *text, size_t room, const char *name, const uint64_t *values, size_t count, uint64_t usual)
{
    size_t at = strlen(text), same = 0;
    for (size_t i = 0; i < count; i++)
        same += values[i] == usual;
    for (size_t i = 0; same < count && i < count && at + 30 < room; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s%s%llu", i ? "," : at ? " " : "", i ? "" : name, i ? "" : "=",
                               (unsigned long long)values[i]);
}

ink_status ink_torch_conv(ink_torch_net *net, const ink_torch_value *x, const ink_weight *weight,
                          const ink_weight *bias, const ink_torch_window *window, ink_torch_value *out)
{
    char attributes[240] = "", text[60];
    uint64_t in;
    ink_torch_window w = *window;
    if (skips(x, out))
        return INK_OK;
    if (weight->rank != 4 || !is_vector(bias, weight->dim[0]) || !w.groups ||
        !ink_mul_u64(weight->dim[1], w.groups, &in) || weight->dim[0] % w.groups)
        return misfit(net, x, "a weight and bias that fit each other");
    snprintf(text, sizeof text, "%llu channels", (unsigned long long)in);
    if (x->rank != 3 || x->dim[0] != in)
        return misfit(net, x, text);
    w.kernel[0] = weight->dim[2];
    w.kernel[1] = weight->dim[3];
    w.ceil = false;
    if (!slide_both(&w, x, out))
        return misfit(net, x, "a larger picture");
    out->dim[0] = weight->dim[0];
    write_sizes(attributes, sizeof attributes, "kernel", w.kernel, 2, 0);
    write_sizes(attributes, sizeof attributes, "stride", w.stride, 2, 1);
    write_sizes(attributes, sizeof attributes, "padding", w.padding, 4, 0);
    write_sizes(attributes, sizeof attributes, "dilation", w.dilation, 2, 1);
    write_sizes(attributes, sizeof attributes, "groups", &w.groups, 1, 1);
    add(net, "conv2d", x->node, out, "filters=%llu %s", (unsigned long long)out->dim[0], attributes);
    copy_tensor(net, out, "weight", weight);
    copy_tensor(net, out, "bias", bias);
    return INK_OK;
}

ink_status ink_torch_pool(ink_torch_net *net, const char *op, const ink_torch_value *x, const ink_torch_window *window,
                          ink_torch_value *out)
{
    char attributes[240] = "";
    if (skips(x, out))
        return INK_OK;
    if (x->rank != 3)
        return misfit(net, x, "channels, height and width");
    if (window->dilation[0] != 1 || window->dilation[1] != 1) {
        ink_torch_fault(net, "pools with dilation are not supported");
        out->node = NULL;
        return INK_OK;
    }
    if (!slide_both(window, x, out))
        return misfit(net, x, "a larger picture");
    write_sizes(attributes, sizeof attributes, "kernel", window->kernel, 2, 0);
    if (window->stride[0] != window->kernel[0] || window->stride[1] != window->kernel[1])
        write_sizes(attributes, sizeof attributes, "stride", window->stride, 2, 0);
    write_sizes(attributes, sizeof attributes, "padding", window->padding, 4, 0);
    const bool padded = window->padding[0] || window->padding[1] || window->ceil;
    add(net, op, x->node, out, "%s%s%s", attributes, window->ceil ? " ceil=1" : "",
        padded && window->count_padding && strcmp(op, "avg_pool2d") == 0 ? " count_padding=1" : "");
    return INK_OK;
}

ink_status ink_torch_adaptive(ink_torch_net *net, bool max, const ink_torch_value *x, const uint64_t size[2],
                              ink_torch_value *out)
{
    ink_torch_window w = { .dilation = { 1, 1 } };
    if (skips(x, out))
        return INK_OK;
    if (x->rank != 3 || !size[0] || !size[1])
        return misfit(net, x, "channels, height and width");
    if (x->dim[1] == size[0] && x->dim[2] == size[1])
        return INK_OK;
    if (size[0] == 1 && size[1] == 1) {
        out->dim[1] = out->dim[2] = 1;
        add(net, max ? "global_max_pool2d" : "global_avg_pool2d", x->node, out, "%s", "");
        return INK_OK;
    }
    if (x->dim[1] % size[0] || x->dim[2] % size[1]) {
        ink_torch_fault(net, "%llu x %llu is not divided evenly to %llu x %llu; use a pool with a fixed kernel",
                        (unsigned long long)x->dim[1], (unsigned long long)x->dim[2], (unsigned long long)size[0],
                        (unsigned long long)size[1]);
        out->node = NULL;
        return INK_OK;
    }
    for (int i = 0; i < 2; i++)
        w.kernel[i] = w.stride[i] = x->dim[i + 1] / size[i];
    return ink_torch_pool(net, max ? "max_pool2d" : "avg_pool2d", x, &w, out);
}

/* ---- dense layers and norms ---- */

ink_status ink_torch_dense(ink_torch_net *net, const ink_torch_value *x, const ink_weight *weight, bool turned,
                           const ink_weight *bias, ink_torch_value *out)
{
    char text[60];
    if (skips(x, out))
        return INK_OK;
    const uint64_t outputs = weight->dim[turned ? 1 : 0], inputs = weight->dim[turned ? 0 : 1];
    if (weight->rank != 2 || !is_vector(bias, outputs))
        return misfit(net, x, "a weight and bias that fit each other");
    snprintf(text, sizeof text, "%llu numbers", (unsigned long long)inputs);
    if (!x->rank || x->dim[x->rank - 1] != inputs)
        return misfit(net, x, text);
    out->dim[x->rank - 1] = outputs;
    add(net, "dense", x->node, out, "units=%llu", (unsigned long long)outputs);
    float *to = tensor(net, out, "weight", 2, (const uint64_t[]){ outputs, inputs });
    for (size_t o = 0; to && o < outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            to[o * inputs + i] = weight->data[turned ? i * outputs + o : o * inputs + i];
    copy_tensor(net, out, "bias", bias);
    return INK_OK;
}

ink_status ink_torch_norm(ink_torch_net *net, const ink_torch_value *x, const ink_weight *weight,
                          const ink_weight *bias, const ink_weight *mean, const ink_weight *variance, double epsilon,
                          ink_torch_value *out)
{
    char text[60];
    if (skips(x, out))
        return INK_OK;
    snprintf(text, sizeof text, "%llu channels", (unsigned long long)(mean ? mean->dim[0] : 0));
    if (!mean || !variance || (x->rank != 1 && x->rank != 3) || !is_vector(mean, x->dim[0]) ||
        !is_vector(variance, x->dim[0]) || !is_vector(weight, x->dim[0]) || !is_vector(bias, x->dim[0]))
        return misfit(net, x, text);
    add(net, "batch_norm", x->node, out, "epsilon=%.9g", epsilon);
    copy_tensor(net, out, "weight", weight);
    copy_tensor(net, out, "bias", bias);
    copy_tensor(net, out, "mean", mean);
    copy_tensor(net, out, "variance", variance);
    return INK_OK;
}

static void fill(float *to, size_t size, const float *from, size_t count, float usual)
{
    for (size_t i = 0; to && i < size; i++)
        to[i] = count ? from[count == 1 ? 0 : i] : usual;
}

/* A batch norm without a norm. */
ink_status ink_torch_affine(ink_torch_net *net, const ink_torch_value *x, const float *scale, size_t scales,
                            const float *offset, size_t offsets, ink_torch_value *out)
{
    if (skips(x, out))
        return INK_OK;
    const uint64_t size = x->dim[0];
    if ((x->rank != 1 && x->rank != 3) || (scales > 1 && scales != size) || (offsets > 1 && offsets != size))
        return misfit(net, x, "one number, or one for each channel");
    add(net, "batch_norm", x->node, out, "epsilon=0");
    fill(tensor(net, out, "weight", 1, &size), (size_t)size, scale, scales, 1);
    fill(tensor(net, out, "bias", 1, &size), (size_t)size, offset, offsets, 0);
    fill(tensor(net, out, "mean", 1, &size), (size_t)size, NULL, 0, 0);
    fill(tensor(net, out, "variance", 1, &size), (size_t)size, NULL, 0, 1);
    return INK_OK;
}

/* ---- shapes ---- */

ink_status ink_torch_reshape(ink_torch_net *net, const ink_torch_value *x, uint32_t rank, const uint64_t *dim,
                             ink_torch_value *out)
{
    char text[SHAPE_TEXT] = "";
    uint64_t known = 1, elements = ink_torch_elements(x);
    uint32_t open = INK_TORCH_RANK;
    if (skips(x, out))
        return INK_OK;
    if (!rank || rank > INK_TORCH_RANK)
        return misfit(net, x, "a shape of 1 to 4 sizes");
    out->rank = rank;
    for (uint32_t i = 0; i < rank; i++) {
        out->dim[i] = dim[i];
        if (dim[i] == UINT64_MAX && open == INK_TORCH_RANK)
            open = i;
        else if (!ink_mul_u64(known, dim[i], &known) || !known)
            return misfit(net, x, "a shape of sizes that fit");
    }
    if (open < INK_TORCH_RANK)
        out->dim[open] = elements / known;
    if (ink_torch_elements(out) != elements) {
        snprintf(text, sizeof text, "%llu numbers", (unsigned long long)known);
        return misfit(net, x, text);
    }
    if (rank == x->rank && memcmp(out->dim, x->dim, rank * sizeof *dim) == 0)
        return INK_OK;
    if (rank == 1) {
        add(net, "flatten", x->node, out, "%s", "");
        return INK_OK;
    }
    write_sizes(text, sizeof text, "shape", out->dim, rank, 0);
    add(net, "reshape", x->node, out, "%s", text);
    return INK_OK;
}

bool ink_torch_axis(const ink_torch_value *x, int64_t axis, uint32_t *out)
{
    if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank || !axis)
        return false;
    *out = (uint32_t)(axis > 0 ? axis - 1 : axis + (int64_t)x->rank);
    return true;
}

ink_status ink_torch_flatten(ink_torch_net *net, const ink_torch_value *x, int64_t from, int64_t until,
                             ink_torch_value *out)
{
    uint64_t dim[INK_TORCH_RANK] = { 0 };
    uint32_t rank = 0, first, last;
    if (skips(x, out))
        return INK_OK;
    if (!ink_torch_axis(x, from, &first) || !ink_torch_axis(x, until, &last) || first > last)
        return misfit(net, x, "axes behind that of the batch");
    for (uint32_t i = 0; i < x->rank; i++) {
        if (i <= first || i > last)
            dim[rank++] = x->dim[i];
        else
            dim[rank - 1] *= x->dim[i]; /* if that is too much, ink_torch_reshape sees it */
    }
    return ink_torch_reshape(net, x, rank, dim, out);
}

ink_status ink_torch_finish(ink_torch_net *net, const ink_torch_value *x, ink_torch_value *out)
{
    net->name = "";
    return ink_torch_reshape(net, x, 1, (const uint64_t[]){ UINT64_MAX }, out);
}

ink_status ink_torch_permute(ink_torch_net *net, const ink_torch_value *x, const uint32_t *order,
                             ink_torch_value *out)
{
    char text[40] = "";
    bool same = true;
    if (skips(x, out))
        return INK_OK;
    for (uint32_t i = 0; i < x->rank; i++) {
        out->dim[i] = x->dim[order[i]];
        same = same && order[i] == i;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lu", i ? "," : "order=", (unsigned long)order[i]);
    }
    if (!same)
        add(net, "permute", x->node, out, "%s", text);
    return INK_OK;
}

ink_status ink_torch_pad(ink_torch_net *net, const ink_torch_value *x, const uint64_t padding[4], double value,
                         ink_torch_value *out)
{
    char text[160] = "";
    if (skips(x, out))
        return INK_OK;
    if (x->rank != 3)
        return misfit(net, x, "channels, height and width");
    for (int i = 0; i < 4; i++)
        if (padding[i] > LARGEST)
            return misfit(net, x, "a padding that is not so large");
    out->dim[1] += padding[0] + padding[2];
    out->dim[2] += padding[1] + padding[3];
    if (memcmp(out->dim, x->dim, sizeof x->dim) == 0)
        return INK_OK;
    write_sizes(text, sizeof text, "padding", padding, 4, UINT64_MAX);
    add(net, "pad", x->node, out, "%s value=%.9g", text, value);
    return INK_OK;
}

/* ---- the rest ---- */

ink_status ink_torch_same(ink_torch_net *net, const char *op, const char *attributes, const ink_torch_value *x,
                          ink_torch_value *out)
{
    if (!skips(x, out))
        add(net, op, x->node, out, "%s", attributes);
    return INK_OK;
}

ink_status ink_torch_softmax(ink_torch_net *net, const char *op, const ink_torch_value *x, uint32_t axis,
                             ink_torch_value *out)
{
    if (skips(x, out))
        return INK_OK;
    if (axis + 1 == x->rank)
        return ink_torch_same(net, op, "", x, out);
    ink_torch_fault(net, "takes the last axis only");
    out->node = NULL;
    return INK_OK;
}

static bool same_shape(const ink_torch_value *a, const ink_torch_value *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}

ink_status ink_torch_add(ink_torch_net *net, const ink_torch_value *a, const ink_torch_value *b, ink_torch_value *out)
{
    char inputs[200], text[SHAPE_TEXT];
    if (skips(a, out) || !b->node) {
        out->node = NULL;
        return INK_OK;
    }
    if (!same_shape(a, b))
        return misfit(net, a, shape_text(b, text));
    snprintf(inputs, sizeof inputs, "%s,%s", a->node, b->node);
    add(net, "add", inputs, out, "%s", "");
    return INK_OK;
}

ink_status ink_torch_concat(ink_torch_net *net, const ink_torch_value *x, size_t count, uint32_t axis,
                            ink_torch_value *out)
{
    char inputs[800] = "";
    if (!count || axis >= x->rank)
        return ink_fail(net->error, INK_ERR_SHAPE, "%s: has no such axis", net->where);
    *out = x[0];
    out->dim[axis] = 0;
    for (size_t i = 0; i < count; i++) {
        ink_torch_value like = x[i];
        like.dim[axis] = x[0].dim[axis];
        if (!x[i].node) {
            out->node = NULL;
            return INK_OK;
        }
        if (!same_shape(&like, &x[0]) || !ink_add_u64(out->dim[axis], x[i].dim[axis], &out->dim[axis]))
            return misfit(net, &x[i], "the shape of the others but for the axis");
        if (strlen(inputs) + strlen(x[i].node) + 2 > sizeof inputs) {
            ink_torch_fault(net, "joins too many");
            out->node = NULL;
            return INK_OK;
        }
        snprintf(inputs + strlen(inputs), sizeof inputs - strlen(inputs), "%s%s", i ? "," : "", x[i].node);
    }
    add(net, "concat", inputs, out, "axis=%lu", (unsigned long)axis);
    return INK_OK;
}

/* ---- the pictures' size ---- */

enum { USUAL_SIDE = 28, LARGEST_SIDE = 256, COLOUR_SIDE = 32 };

/* How a network may take its pictures: N, 1, S, S; N, S * S; N, S, S; N, 3, S, S. */
typedef enum input_kind { GREY, FLAT, PLANE, COLOUR, INPUT_KINDS } input_kind;

typedef struct fit {
    ink_draft *draft;
    ink_torch_run *run;
    void *reader;
    ink_error *error;
} fit;

/* What the network takes, `x`, is the picture of the draft or has other axes: N, 1, S, S; N, S * S; N, S, S. */
static ink_status try_input(const fit *f, bool dry, const ink_torch_value *x, size_t *nodes)
{
    ink_torch_net net = { .draft = f->draft, .dry = dry, .name = "", .where = "the input", .error = f->error };
    const ink_torch_value picture = { "input", 3, { f->draft->channels, f->draft->height, f->draft->width } };
    ink_torch_value input = picture;
    INK_TRY(ink_torch_reshape(&net, &picture, x->rank, x->dim, &input));
    const size_t before = net.nodes;
    const ink_status status = f->run(f->reader, &net, &input);
    *nodes = net.nodes - before;
    return status;
}

static ink_status try_both(const fit *f, const ink_torch_value *x, size_t *nodes)
{
    size_t used;
    INK_TRY(try_input(f, true, x, nodes));
    return try_input(f, false, x, &used);
}

static ink_status try_kind(const fit *f, input_kind kind, uint64_t side, size_t *nodes)
{
    const uint64_t channels = kind == COLOUR ? 3 : 1;
    const ink_torch_value inputs[INPUT_KINDS] = {
        [GREY] = { "", 3, { 1, side, side } },
        [FLAT] = { "", 1, { side * side } },
        [PLANE] = { "", 2, { side, side } },
        [COLOUR] = { "", 3, { channels, side, side } },
    };
    f->draft->channels = (uint32_t)channels;
    f->draft->height = f->draft->width = (uint32_t)side;
    return try_both(f, &inputs[kind], nodes);
}

/* A size that the file tells, if it is one of a picture. */
static ink_status try_hint(const fit *f, const ink_torch_value *x)
{
    enum { LARGEST_HINT = 4096 };
    size_t nodes;
    uint64_t side = 1;
    for (uint32_t i = 0; i < x->rank; i++)
        if (!x->dim[i] || x->dim[i] > LARGEST_HINT)
            return INK_ERR_SHAPE;
    while (x->rank == 1 && side * side < x->dim[0])
        side++;
    if (x->rank < 1 || x->rank > 3 || (x->rank == 1 && side * side != x->dim[0]))
        return INK_ERR_SHAPE;
    f->draft->channels = x->rank == 3 ? (uint32_t)x->dim[0] : 1;
    f->draft->height = (uint32_t)(x->rank == 1 ? side : x->dim[x->rank - 2]);
    f->draft->width = (uint32_t)(x->rank == 1 ? side : x->dim[x->rank - 1]);
    return try_both(f, x, &nodes);
}

ink_status ink_torch_fit(ink_draft *draft, const ink_torch_value *hint, ink_torch_run *run, void *reader,
                         ink_error *error)
{
    static const uint32_t usual[INPUT_KINDS] = { USUAL_SIDE, USUAL_SIDE, USUAL_SIDE, COLOUR_SIDE };
    const fit f = { draft, run, reader, error };
    size_t nodes[INPUT_KINDS], most = 0, used;
    input_kind best = GREY;
    ink_status status = hint ? try_hint(&f, hint) : INK_ERR_SHAPE;
    for (input_kind kind = 0; status == INK_ERR_SHAPE && kind < INPUT_KINDS; kind++) {
        status = try_kind(&f, kind, usual[kind], &nodes[kind]);
        if (nodes[kind] > most) {
            most = nodes[kind];
            best = kind;
        }
    }
    for (uint32_t side = 2; status == INK_ERR_SHAPE && side <= LARGEST_SIDE; side++)
        for (input_kind kind = 0; status == INK_ERR_SHAPE && kind < INPUT_KINDS; kind++)
            if (nodes[kind] == most) /* as far as the best one */
                status = try_kind(&f, kind, side, &used);
    return status == INK_ERR_SHAPE ? try_kind(&f, best, usual[best], &used) : status;
}
