/* Keras' layers that have windows: convolutions, pools, padding. */
#include "import/keras/keras_model.h"

#if INK_HAVE_JANSSON

#include "import/keras/keras_layers.h"

#include <stdio.h>
#include <string.h>

typedef struct window {
    uint64_t kernel[2], stride[2], dilation[2], padding[4]; /* top, left, bottom, right */
    bool same, channels_first;
} window;

/* ---- settings; Keras 1 has other names ---- */

static const json_t *setting(const ink_keras_call *call, const char *name, const char *older)
{
    const json_t *value = json_object_get(call->config, name);
    return value ? value : json_object_get(call->config, older);
}

/* One whole number for both axes, or two of them, from 1 to `INT16_MAX`. */
static bool read_pair(const json_t *value, uint64_t *pair)
{
    const json_t *list = ink_keras_list(value);
    if (list && json_array_size(list) != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const json_t *number = list ? json_array_get(list, i) : value;
        const json_int_t whole = json_integer_value(number);
        if (!json_is_integer(number) || whole < 1 || whole > INT16_MAX)
            return false;
        pair[i] = (uint64_t)whole;
    }
    return true;
}

static bool read_order(const ink_keras_call *call, bool *channels_first)
{
    const char *order = json_string_value(setting(call, "data_format", "dim_ordering"));
    *channels_first = order && (strcmp(order, "channels_first") == 0 || strcmp(order, "th") == 0);
    return !order || *channels_first || strcmp(order, "channels_last") == 0 || strcmp(order, "tf") == 0;
}

/* What convolutions and pools share. The kernel is read by the caller. */
static bool read_window(const ink_keras_call *call, window *w)
{
    const json_t *stride = setting(call, "strides", "subsample");
    const json_t *dilation = setting(call, "dilation_rate", "atrous_rate");
    const char *padding = json_string_value(setting(call, "padding", "border_mode"));
    w->same = padding && strcmp(padding, "same") == 0;
    w->dilation[0] = w->dilation[1] = 1;
    if (stride && !json_is_null(stride) && !read_pair(stride, w->stride))
        ink_keras_fault(call, "its strides are no two whole numbers");
    else if (dilation && !read_pair(dilation, w->dilation))
        ink_keras_fault(call, "its dilation_rate is no two whole numbers");
    else if (padding && !w->same && strcmp(padding, "valid") != 0)
        ink_keras_fault(call, "padding '%.30s' is not supported, wanted 'valid' or 'same'", padding);
    else if (!read_order(call, &w->channels_first))
        ink_keras_fault(call, "its data_format is neither channels_last nor channels_first");
    else
        return true;
    return false;
}

/* ---- geometry ---- */

/* The value as C,H,W in the draft, by the layer's own idea of which axis is which; `axis` are H, W and C of it. */
static bool take_picture(const ink_keras_call *call, bool channels_first, ink_keras_value *value, uint32_t *axis)
{
    if (!call->inputs[0].node)
        return false;
    if (call->inputs[0].rank != 3) {
        ink_keras_fault(call, "its input has %lu dimensions, wanted a picture's three",
                        (unsigned long)call->inputs[0].rank);
        return false;
    }
    *value = channels_first ? ink_keras_as_is(call, call->inputs[0]) : ink_keras_as_picture(call, call->inputs[0]);
    axis[0] = channels_first ? 1 : 0;
    axis[1] = channels_first ? 2 : 1;
    axis[2] = channels_first ? 0 : 2;
    return true;
}

/* TensorFlow's sizes: with 'same' ceil(in / stride), and of the padding that this takes the odd one behind. */
static bool slide(const ink_keras_call *call, window *w, ink_keras_value *value, const uint32_t *axis)
{
    for (size_t i = 0; i < 2; i++) {
        const uint64_t in = value->dim[axis[i]], reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        uint64_t out = (in + w->stride[i] - 1) / w->stride[i];
        w->padding[i] = w->padding[i + 2] = 0;
        if (w->same) {
            const uint64_t need = (out - 1) * w->stride[i] + reach, more = need > in ? need - in : 0;
            w->padding[i] = more / 2;
            w->padding[i + 2] = more - more / 2;
        } else if (in < reach) {
            ink_keras_fault(call, "its window of %llu is larger than its input of %llu", (unsigned long long)reach,
                            (unsigned long long)in);
            return false;
        } else {
            out = (in - reach) / w->stride[i] + 1;
        }
        value->dim[axis[i]] = out;
    }
    return true;
}

/* The attributes that are not inkling's defaults, behind what is in `text`. */
static void write_window(const window *w, bool pool, char *text, size_t size)
{
    size_t at = strlen(text);
    at += (size_t)snprintf(text + at, size - at, "kernel=%u,%u", (unsigned)w->kernel[0], (unsigned)w->kernel[1]);
    if (pool ? memcmp(w->stride, w->kernel, sizeof w->stride) != 0 : w->stride[0] != 1 || w->stride[1] != 1)
        at += (size_t)snprintf(text + at, size - at, " stride=%u,%u", (unsigned)w->stride[0], (unsigned)w->stride[1]);
    if (w->padding[0] || w->padding[1] || w->padding[2] || w->padding[3])
        at += (size_t)snprintf(text + at, size - at, " padding=%u,%u,%u,%u", (unsigned)w->padding[0],
                               (unsigned)w->padding[1], (unsigned)w->padding[2], (unsigned)w->padding[3]);
    if (w->dilation[0] != 1 || w->dilation[1] != 1)
        snprintf(text + at, size - at, " dilation=%u,%u", (unsigned)w->dilation[0], (unsigned)w->dilation[1]);
}

/* ---- convolutions ---- */

static bool use_bias(const ink_keras_call *call)
{
    const json_t *bias = setting(call, "use_bias", "bias");
    return !bias || json_is_true(bias);
}

static bool read_conv(const ink_keras_call *call, window *w)
{
    const json_t *size = json_object_get(call->config, "kernel_size");
    const json_t *rows = json_object_get(call->config, "nb_row"), *columns = json_object_get(call->config, "nb_col");
    w->stride[0] = w->stride[1] = 1;
    if (size ? !read_pair(size, w->kernel) : !read_pair(rows, w->kernel) || !read_pair(columns, w->stride)) {
        ink_keras_fault(call, "its kernel_size is no two whole numbers");
        return false;
    }
    if (!size) {
        w->kernel[1] = w->stride[1];
        w->stride[0] = w->stride[1] = 1;
    }
    return read_window(call, w);
}

/* From [KH,KW,I,O] to O,I,KH,KW; for a depthwise one, which has [KH,KW,C,M], to C * M,1,KH,KW. */
static void turn_kernel(const float *from, const uint64_t *dim, bool depthwise, bool flipped, float *to)
{
    const uint64_t pixels = dim[0] * dim[1];
    for (uint64_t p = 0; p < pixels; p++)
        for (uint64_t i = 0; i < dim[2]; i++)
            for (uint64_t o = 0; o < dim[3]; o++) {
                const uint64_t kernel = depthwise ? i * dim[3] + o : o * dim[2] + i;
                to[kernel * pixels + (flipped ? pixels - 1 - p : p)] = from[(p * dim[2] + i) * dim[3] + o];
            }
}

static void add_bias(ink_keras_call *call, const char *node, uint64_t channels)
{
    const float *bias = use_bias(call) ? ink_keras_weight(call, "bias", 1, &channels) : NULL;
    float *to = bias ? ink_keras_tensor(call, node, "bias", 1, &channels) : NULL;
    if (to)
        memcpy(to, bias, (size_t)channels * sizeof *to);
}

/* One convolution node with its weight. `dim` is the kernel's shape as Keras has it. */
static const char *add_conv(ink_keras_call *call, const window *w, const char *name, const char *input,
                            const char *role, uint64_t *dim, uint64_t groups, bool depthwise)
{
    char text[200];
    const float *kernel = ink_keras_weight(call, role, 4, dim);
    if (!kernel)
        return NULL;
    const uint64_t out = depthwise ? dim[2] * dim[3] : dim[3];
    const uint64_t turned[4] = { out, depthwise ? 1 : dim[2], dim[0], dim[1] };
    snprintf(text, sizeof text, "filters=%llu ", (unsigned long long)out);
    if (groups > 1)
        snprintf(text + strlen(text), sizeof text - strlen(text), "groups=%llu ", (unsigned long long)groups);
    write_window(w, false, text, sizeof text);
    const char *node = ink_draft_node(call->keras->draft, "conv2d", name, input, "%s", text);
    float *to = ink_keras_tensor(call, node, "weight", 4, turned);
    if (to)
        turn_kernel(kernel, dim, depthwise, call->keras->weights->flipped, to);
    return to ? node : NULL;
}

static ink_keras_value not_known(void)
{
    return (ink_keras_value){ .node = NULL };
}

ink_keras_value ink_keras_conv2d(ink_keras_call *call)
{
    window w;
    ink_keras_value value;
    uint32_t axis[3];
    const json_t *groups_of = json_object_get(call->config, "groups");
    const uint64_t groups = groups_of && json_is_integer(groups_of) ? (uint64_t)json_integer_value(groups_of) : 1;
    if (!read_conv(call, &w) || !take_picture(call, w.channels_first, &value, axis))
        return ink_keras_activate(call, not_known(), "activation");
    if (!groups || value.dim[axis[2]] % groups)
        return ink_keras_fault(call, "its groups do not divide the %llu channels of its input",
                               (unsigned long long)value.dim[axis[2]]);
    uint64_t dim[4] = { w.kernel[0], w.kernel[1], value.dim[axis[2]] / groups, 0 };
    if (!slide(call, &w, &value, axis))
        return not_known();
    value.node = add_conv(call, &w, call->place.name, value.node, "kernel", dim, groups, false);
    value.dim[axis[2]] = dim[3];
    if (value.node)
        add_bias(call, value.node, dim[3]);
    return ink_keras_activate(call, value, "activation");
}

ink_keras_value ink_keras_depthwise_conv2d(ink_keras_call *call)
{
    window w;
    ink_keras_value value;
    uint32_t axis[3];
    if (!read_conv(call, &w) || !take_picture(call, w.channels_first, &value, axis))
        return ink_keras_activate(call, not_known(), "activation");
    uint64_t dim[4] = { w.kernel[0], w.kernel[1], value.dim[axis[2]], 0 };
    if (!slide(call, &w, &value, axis))
        return not_known();
    value.node = add_conv(call, &w, call->place.name, value.node, "depthwise_kernel", dim, dim[2], true);
    value.dim[axis[2]] = dim[2] * dim[3];
    if (value.node)
        add_bias(call, value.node, value.dim[axis[2]]);
    return ink_keras_activate(call, value, "activation");
}

/* A depthwise convolution without bias, and one of 1 x 1. */
ink_keras_value ink_keras_separable_conv2d(ink_keras_call *call)
{
    window w;
    ink_keras_value value;
    uint32_t axis[3];
    char name[200];
    if (!read_conv(call, &w) || !take_picture(call, w.channels_first, &value, axis))
        return ink_keras_activate(call, not_known(), "activation");
    uint64_t dim[4] = { w.kernel[0], w.kernel[1], value.dim[axis[2]], 0 };
    if (!slide(call, &w, &value, axis))
        return not_known();
    snprintf(name, sizeof name, "%.150s_depthwise", call->place.name);
    value.node = add_conv(call, &w, name, value.node, "depthwise_kernel", dim, dim[2], true);
    const window point = { { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0 }, false, false };
    uint64_t point_dim[4] = { 1, 1, dim[2] * dim[3], 0 };
    if (value.node)
        value.node = add_conv(call, &point, call->place.name, value.node, "pointwise_kernel", point_dim, 1, false);
    value.dim[axis[2]] = point_dim[3];
    if (value.node)
        add_bias(call, value.node, point_dim[3]);
    return ink_keras_activate(call, value, "activation");
}

/* ---- pools ---- */

static ink_keras_value pool(ink_keras_call *call, const char *op)
{
    window w;
    ink_keras_value value;
    uint32_t axis[3];
    char text[200] = "";
    const json_t *size = json_object_get(call->config, "pool_size");
    w.kernel[0] = w.kernel[1] = 2;
    if (size && !read_pair(size, w.kernel))
        return ink_keras_fault(call, "its pool_size is no two whole numbers");
    memcpy(w.stride, w.kernel, sizeof w.stride);
    if (!read_window(call, &w) || !take_picture(call, w.channels_first, &value, axis) ||
        !slide(call, &w, &value, axis))
        return not_known();
    write_window(&w, true, text, sizeof text);
    value.node = ink_draft_node(call->keras->draft, op, call->place.name, value.node, "%s", text);
    return value;
}

ink_keras_value ink_keras_max_pool2d(ink_keras_call *call)
{
    return pool(call, "max_pool2d");
}

ink_keras_value ink_keras_avg_pool2d(ink_keras_call *call)
{
    return pool(call, "avg_pool2d");
}

static ink_keras_value global_pool(ink_keras_call *call, const char *op)
{
    bool channels_first;
    ink_keras_value value;
    uint32_t axis[3];
    if (!read_order(call, &channels_first))
        return ink_keras_fault(call, "its data_format is neither channels_last nor channels_first");
    if (!take_picture(call, channels_first, &value, axis))
        return not_known();
    value.node = ink_draft_node(call->keras->draft, op, call->place.name, value.node, "%s", "");
    value.dim[axis[0]] = value.dim[axis[1]] = 1;
    if (json_is_true(json_object_get(call->config, "keepdims")))
        return value;
    value = (ink_keras_value){ value.node, INK_KERAS_ELEMENTS, 1, { value.dim[axis[2]] } };
    return ink_keras_as_is(call, value);
}

ink_keras_value ink_keras_global_max_pool2d(ink_keras_call *call)
{
    return global_pool(call, "global_max_pool2d");
}

ink_keras_value ink_keras_global_avg_pool2d(ink_keras_call *call)
{
    return global_pool(call, "global_avg_pool2d");
}

/* ---- padding ---- */

/* A number, two, or two pairs; from 0 on. */
static bool read_padding(const json_t *value, uint64_t *padding)
{
    const json_t *list = ink_keras_list(value);
    if (list && json_array_size(list) != 2)
        return false;
    for (size_t i = 0; i < 4; i++) { /* top, left, bottom, right */
        const json_t *number = list ? json_array_get(list, i % 2) : value, *pair = ink_keras_list(number);
        if (pair && json_array_size(pair) != 2)
            return false;
        number = pair ? json_array_get(pair, i / 2) : number;
        if (!json_is_integer(number) || json_integer_value(number) < 0 || json_integer_value(number) > INT16_MAX)
            return false;
        padding[i] = (uint64_t)json_integer_value(number);
    }
    return true;
}

ink_keras_value ink_keras_zero_padding2d(ink_keras_call *call)
{
    uint64_t padding[4];
    bool channels_first;
    ink_keras_value value;
    uint32_t axis[3];
    if (!read_padding(json_object_get(call->config, "padding"), padding))
        return ink_keras_fault(call, "its padding is no number, two of them, or two pairs");
    if (!read_order(call, &channels_first))
        return ink_keras_fault(call, "its data_format is neither channels_last nor channels_first");
    if (!take_picture(call, channels_first, &value, axis))
        return not_known();
    value.node = ink_draft_node(call->keras->draft, "pad", call->place.name, value.node, "padding=%u,%u,%u,%u",
                                (unsigned)padding[0], (unsigned)padding[1], (unsigned)padding[2],
                                (unsigned)padding[3]);
    value.dim[axis[0]] += padding[0] + padding[2];
    value.dim[axis[1]] += padding[1] + padding[3];
    return value;
}

#endif
