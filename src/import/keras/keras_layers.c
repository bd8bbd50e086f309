/* Keras' layers: the table, and those that have no windows. */
#include "import/keras/keras_model.h"

#if INK_HAVE_JANSSON

#include "import/keras/keras_layers.h"

#include "base/checked.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ink_keras_value not_known = { .node = NULL };

static const json_t *get(const ink_keras_call *call, const char *key)
{
    return json_object_get(call->config, key);
}

static bool is_off(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value);
}

static double number_or(const ink_keras_call *call, const char *key, double other)
{
    (void)ink_keras_number(get(call, key), &other);
    return other;
}

/* An axis as Keras counts, with the batch as 0 or from the end, as one of the value's; -1 for none. */
static int axis_of(const json_t *setting, const ink_keras_value *value)
{
    const json_t *list = ink_keras_list(setting);
    const json_t *number = list && json_array_size(list) == 1 ? json_array_get(list, 0) : setting;
    const json_int_t rank = value->rank, axis = json_is_integer(number) ? json_integer_value(number) : 0;
    return axis >= 1 && axis <= rank ? (int)axis - 1 : axis < 0 && axis >= -rank ? (int)(rank + axis) : -1;
}

/* ---- activations ---- */

/* What they are among inkling's operators; without one, what is told. */
static const struct {
    const char *name, *op, *attributes;
} activations[] = {
    { "linear", "", "" },
    { "relu", "relu", "" },
    { "softmax", "softmax", "" },
    { "softmax_v2", "softmax", "" }, /* so tf.nn's are called */
    { "log_softmax", "log_softmax", "" },
    { "log_softmax_v2", "log_softmax", "" },
    { "sigmoid", "sigmoid", "" },
    { "tanh", "tanh", "" },
    { "elu", "elu", "alpha=1" },
    { "gelu", "gelu", "" },
    { "leaky_relu", "leaky_relu", "alpha=0.2" },
    { "selu", "elu", "alpha=1.67326324" },
    { "relu6", "relu", "" },
};
static const double selu_scale[] = { 1.05070098 }, no_offset[] = { 0 };

static bool has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = words; length && (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* The smaller of a rectified value and `high`: high - relu(high - x). */
static ink_keras_value bound(const ink_keras_call *call, ink_keras_value value, double high)
{
    static const double minus[] = { -1 };
    value = ink_keras_scale(call, value, 1, minus, &high);
    value = ink_keras_same(call, "relu", value, "");
    return ink_keras_scale(call, value, 1, minus, &high);
}

static ink_keras_value apply(const ink_keras_call *call, ink_keras_value value, size_t row)
{
    if (!value.node || !*activations[row].op)
        return value;
    if (strstr(activations[row].op, "softmax"))
        value = ink_keras_as_is(call, value);
    value = ink_keras_same(call, activations[row].op, value, activations[row].attributes);
    if (strcmp(activations[row].name, "relu6") == 0)
        return bound(call, value, 6);
    return strcmp(activations[row].name, "selu") == 0 ? ink_keras_scale(call, value, 1, selu_scale, no_offset) : value;
}

ink_keras_value ink_keras_activate(const ink_keras_call *call, ink_keras_value value, const char *key)
{
    const json_t *setting = get(call, key);
    const char *class_name = json_string_value(json_object_get(setting, "class_name"));
    if (is_off(setting))
        return value;
    if (class_name && strcmp(class_name, "function") != 0) { /* a layer as activation */
        ink_keras_call layer = { .keras = call->keras, .class_name = class_name, .place = call->place,
                                 .config = json_object_get(setting, "config"), .inputs = &value, .input_count = 1 };
        if (!has_word("ELU LeakyReLU ReLU Softmax", class_name))
            return ink_keras_fault(call, "its activation %.40s is not supported", class_name);
        return ink_keras_layer(&layer);
    }
    if (class_name)
        setting = json_object_get(setting, "config");
    const char *name = json_string_value(setting);
    for (size_t i = 0; name && i < sizeof activations / sizeof *activations; i++)
        if (strcmp(activations[i].name, name) == 0)
            return apply(call, value, i);
    return ink_keras_fault(call, "its activation '%.40s' is not supported; of those that are, leaky_relu and gelu are "
                           "closest: change it, and train on", name ? name : "a function of its author");
}

static ink_keras_value activation(ink_keras_call *call)
{
    return ink_keras_activate(call, call->inputs[0], "activation");
}

static ink_keras_value relu(ink_keras_call *call)
{
    char text[40];
    const double slope = number_or(call, "negative_slope", 0);
    const double most = number_or(call, "max_value", -1);
    if (!is_off(get(call, "max_value")) && !(most > 0 && most <= 64)) /* beyond, differences to it lose digits */
        return ink_keras_fault(call, "a max_value of %g is not supported; wanted up to 64, or none", most);
    if (number_or(call, "threshold", 0) != 0)
        return ink_keras_fault(call, "a threshold is not supported; use plain ReLU, and train on");
    snprintf(text, sizeof text, "alpha=%.9g", slope);
    const ink_keras_value value = slope != 0 ? ink_keras_same(call, "leaky_relu", call->inputs[0], text)
                                             : ink_keras_same(call, "relu", call->inputs[0], "");
    return most > 0 ? bound(call, value, most) : value;
}

static ink_keras_value leaky_relu(ink_keras_call *call)
{
    char text[40]; /* the default of all versions is 0.3 */
    snprintf(text, sizeof text, "alpha=%.9g", number_or(call, "negative_slope", number_or(call, "alpha", 0.3)));
    return ink_keras_same(call, "leaky_relu", call->inputs[0], text);
}

static ink_keras_value elu(ink_keras_call *call)
{
    char text[40];
    snprintf(text, sizeof text, "alpha=%.9g", number_or(call, "alpha", 1));
    return ink_keras_same(call, "elu", call->inputs[0], text);
}

static ink_keras_value softmax(ink_keras_call *call)
{
    const ink_keras_value *value = &call->inputs[0];
    const json_t *axis = get(call, "axis");
    if (value->node && axis && axis_of(axis, value) + 1 != (int)value->rank)
        return ink_keras_fault(call, "its axis is not the last; put Permute before it");
    return ink_keras_same(call, "softmax", ink_keras_as_is(call, *value), "");
}

/* ---- shapes ---- */

static ink_keras_value identity(ink_keras_call *call)
{
    return call->inputs[0];
}

static ink_keras_value masking(ink_keras_call *call)
{
    return number_or(call, "mask_value", 0) == 0
               ? call->inputs[0]
               : ink_keras_fault(call, "a mask_value other than 0 is not supported; leave the layer out");
}

/* Layers that give pictures of one size: nothing where they have it. */
static ink_keras_value same_size(ink_keras_call *call)
{
    const ink_keras_value *value = &call->inputs[0];
    const json_t *height = get(call, "height"), *width = get(call, "width");
    if (value->node && (value->rank != 3 || json_integer_value(height) != (json_int_t)value->dim[0] ||
                        json_integer_value(width) != (json_int_t)value->dim[1]))
        return ink_keras_fault(call, "it changes the picture's size, which is not supported; do so before the network");
    return *value;
}

static uint64_t elements_of(const ink_keras_value *value)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < value->rank; i++)
        elements *= value->dim[i];
    return elements;
}

/* In Keras' order, but a picture of one channel or one pixel has the same order both ways. With channels_first Keras
 * brings the channels to the end. */
static ink_keras_value flatten(ink_keras_call *call)
{
    ink_keras_value value = call->inputs[0];
    const char *order = json_string_value(get(call, "data_format"));
    if (!value.node || (value.rank == 1 && value.held == INK_KERAS_AS_IS))
        return value;
    if (order && strcmp(order, "channels_first") == 0 && value.rank > 1) {
        static const char *const orders[] = { "order=1,0", "order=1,2,0", "order=1,2,3,0" };
        value = ink_keras_same(call, "permute", ink_keras_as_is(call, value), orders[value.rank - 2]);
    } else if (value.held == INK_KERAS_PICTURE && value.dim[2] != 1 && value.dim[0] * value.dim[1] != 1) {
        value = ink_keras_as_is(call, value);
    }
    value.node = ink_draft_node(call->keras->draft, "flatten", call->place.name, value.node, "%s", "");
    return (ink_keras_value){ value.node, INK_KERAS_AS_IS, 1, { elements_of(&value) } };
}

/* The new sizes, with at most one -1, which is what is left; false where they do not fit. */
static bool read_target(const json_t *list, const ink_keras_value *from, ink_keras_value *to)
{
    uint64_t known = 1;
    uint32_t open = 4;
    to->rank = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < to->rank; i++) {
        const json_int_t size = json_integer_value(json_array_get(list, i));
        if (size < -1 || size == 0 || size > INT32_MAX || (size == -1 && open < 4))
            return false;
        if (size == -1)
            open = i;
        else if (!ink_mul_u64(known, to->dim[i] = (uint64_t)size, &known))
            return false;
    }
    const uint64_t all = elements_of(from);
    if (open < 4)
        to->dim[open] = known && all % known == 0 ? all / known : 0;
    return open < 4 ? to->dim[open] > 0 : known == all;
}

static ink_keras_value reshape(ink_keras_call *call)
{
    ink_keras_value value = call->inputs[0], to = { .held = INK_KERAS_ELEMENTS };
    const json_t *list = ink_keras_list(get(call, "target_shape"));
    const size_t rank = json_array_size(list);
    if (!value.node)
        return value;
    if (rank < 1 || rank > 4)
        return ink_keras_fault(call, "a target_shape of %zu sizes is not supported, wanted 1 to 4", rank);
    if (!read_target(list, &value, &to))
        return ink_keras_fault(call, "its target_shape does not fit the %llu elements of its input",
                               (unsigned long long)elements_of(&value));
    if (value.held == INK_KERAS_PICTURE && value.dim[2] != 1)
        value = ink_keras_as_is(call, value);
    to.node = value.node;
    return to.rank == 3 && to.dim[2] == 1 ? ink_keras_as_picture(call, to) : ink_keras_as_is(call, to);
}

static ink_keras_value permute(ink_keras_call *call)
{
    ink_keras_value value = call->inputs[0], to;
    const json_t *list = ink_keras_list(get(call, "dims"));
    char text[40] = "order=";
    unsigned seen = 0;
    if (!value.node)
        return value;
    to = value = ink_keras_as_is(call, value);
    for (uint32_t i = 0; i < value.rank && json_array_size(list) == value.rank; i++) {
        const json_int_t axis = json_integer_value(json_array_get(list, i));
        if (axis < 1 || axis > (json_int_t)value.rank)
            break;
        to.dim[i] = value.dim[axis - 1];
        seen |= 1u << axis;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? "," : "", (int)axis - 1);
    }
    if (seen != (2u << value.rank) - 2)
        return ink_keras_fault(call, "its dims are no order of its input's %lu axes", (unsigned long)value.rank);
    to.node = ink_draft_node(call->keras->draft, "permute", call->place.name, value.node, "%s", text);
    return to;
}

/* ---- dense ---- */

static ink_keras_value dense(ink_keras_call *call)
{
    ink_keras_value value = ink_keras_as_is(call, call->inputs[0]);
    const json_t *bias = get(call, get(call, "use_bias") ? "use_bias" : "bias");
    if (!value.node)
        return ink_keras_activate(call, value, "activation");
    uint64_t *last = &value.dim[value.rank - 1], dim[2] = { *last, 0 };
    const float *kernel = ink_keras_weight(call, "kernel", 2, dim);
    if (!kernel)
        return not_known;
    const uint64_t turned[2] = { dim[1], dim[0] };
    value.node = ink_draft_node(call->keras->draft, "dense", call->place.name, value.node, "units=%llu",
                                (unsigned long long)dim[1]);
    float *to = ink_keras_tensor(call, value.node, "weight", 2, turned);
    for (uint64_t i = 0; to && i < dim[0]; i++)
        for (uint64_t o = 0; o < dim[1]; o++)
            to[o * dim[0] + i] = kernel[i * dim[1] + o];
    const float *from = !bias || json_is_true(bias) ? ink_keras_weight(call, "bias", 1, &dim[1]) : NULL;
    to = from ? ink_keras_tensor(call, value.node, "bias", 1, &dim[1]) : NULL;
    if (to)
        memcpy(to, from, (size_t)dim[1] * sizeof *to);
    *last = dim[1];
    return ink_keras_activate(call, value, "activation");
}

/* ---- norms and scalings ---- */

static bool is_on(const ink_keras_call *call, const char *key)
{
    const json_t *value = get(call, key);
    return !value || json_is_true(value);
}

static ink_keras_value batch_norm(ink_keras_call *call)
{
    const struct {
        const char *role, *part;
        bool there;
    } parts[] = {
        { "gamma", "weight", is_on(call, "scale") },
        { "beta", "bias", is_on(call, "center") },
        { "moving_mean", "mean", true },
        { "moving_variance", "variance", true },
    };
    ink_keras_value value = call->inputs[0];
    if (number_or(call, "mode", 0) != 0)
        return ink_keras_fault(call, "its mode is not 0: it norms by the batch, which is not supported");
    if (!value.node)
        return value;
    const json_t *setting = get(call, "axis");
    const int axis = setting ? axis_of(setting, &value) : (int)value.rank - 1;
    if (value.rank == 3 && axis == 2)
        value = ink_keras_as_picture(call, value);
    else if ((value.rank == 3 || value.rank == 1) && axis == 0)
        value = ink_keras_as_is(call, value);
    else
        return ink_keras_fault(call, "its axis is not that of the channels of a picture or a list; its input has %lu "
                               "axes", (unsigned long)value.rank);
    uint64_t channels = value.dim[axis];
    value.node = ink_draft_node(call->keras->draft, "batch_norm", call->place.name, value.node, "epsilon=%.9g",
                                number_or(call, "epsilon", 1e-3));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const float *from = parts[i].there ? ink_keras_weight(call, parts[i].role, 1, &channels) : NULL;
        float *to = from ? ink_keras_tensor(call, value.node, parts[i].part, 1, &channels) : NULL;
        if (to)
            memcpy(to, from, (size_t)channels * sizeof *to);
    }
    return value;
}

/* One number or one for each channel; NULL where it is neither. */
static double *read_numbers(const ink_keras_call *call, const json_t *value, double other, size_t *count)
{
    const json_t *list = ink_keras_list(value);
    while (list && json_array_size(list) == 1 && ink_keras_list(json_array_get(list, 0)))
        list = ink_keras_list(json_array_get(list, 0)); /* as NumPy broadcasts */
    *count = list ? json_array_size(list) : 1;
    double *numbers = *count ? ink_arena_array(call->keras->draft->arena, *count, sizeof *numbers) : NULL;
    for (size_t i = 0; numbers && i < *count; i++) {
        numbers[i] = other;
        if (value && !ink_keras_number(list ? json_array_get(list, i) : value, &numbers[i]))
            return NULL;
    }
    return numbers;
}

/* The first layer's is what becomes of a pixel, where no other layer reads pixels. */
static ink_keras_value rescaling(ink_keras_call *call)
{
    size_t scales, offsets;
    ink_draft *draft = call->keras->draft;
    double *scale = read_numbers(call, get(call, "scale"), 1, &scales);
    double *offset = read_numbers(call, get(call, "offset"), 0, &offsets);
    if (!scale || !offset || (scales != offsets && scales != 1 && offsets != 1))
        return ink_keras_fault(call, "its scale and offset are no numbers");
    const ink_keras_value value = call->inputs[0];
    if (!value.node)
        return value;
    if (strcmp(value.node, "input") == 0 && !call->keras->input_shared && scales == 1 && offsets == 1 && *scale != 0) {
        draft->offset = (draft->scaling_known ? draft->offset : 0) * *scale + *offset;
        draft->scale = (draft->scaling_known ? draft->scale : 1) * *scale;
        draft->scaling_known = true;
        return value;
    }
    const size_t count = scales > offsets ? scales : offsets;
    double *all = ink_arena_array(draft->arena, 2 * count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        all[i] = scale[scales == 1 ? 0 : i];
        all[count + i] = offset[offsets == 1 ? 0 : i];
    }
    return all ? ink_keras_scale(call, value, count, all, all + count) : not_known;
}

/* (x - mean) / max(sqrt(variance), 1e-7), where the numbers are weights or stand in the JSON. */
static ink_keras_value normalization(ink_keras_call *call)
{
    const ink_keras_value value = call->inputs[0];
    const json_t *axis = get(call, "axis");
    const json_t *axes = ink_keras_list(axis);
    const bool one = json_is_null(axis) || (axes && !json_array_size(axes));
    size_t count, variances;
    double *mean, *variance;
    if (!is_off(get(call, "invert")))
        return ink_keras_fault(call, "invert is not supported; leave the layer out");
    if (!value.node)
        return value;
    if (!one && axis && axis_of(axis, &value) + 1 != (int)value.rank)
        return ink_keras_fault(call, "its axis is not that of the channels");
    if (!is_off(get(call, "mean"))) {
        mean = read_numbers(call, get(call, "mean"), 0, &count);
        variance = read_numbers(call, get(call, "variance"), 1, &variances);
    } else {
        uint64_t dim = one ? 1 : value.dim[value.rank - 1];
        count = variances = (size_t)dim;
        const float *means = ink_keras_weight(call, "mean", one ? 0 : 1, &dim);
        const float *others = means ? ink_keras_weight(call, "variance", one ? 0 : 1, &dim) : NULL;
        mean = others ? ink_arena_array(call->keras->draft->arena, 2 * count, sizeof *mean) : NULL;
        variance = mean ? mean + count : NULL;
        for (size_t i = 0; mean && i < count; i++) {
            mean[i] = (double)means[i];
            variance[i] = (double)others[i];
        }
    }
    if (call->keras->status)
        return not_known;
    if (!mean || !variance || count != variances)
        return ink_keras_fault(call, "its mean and variance are no numbers");
    for (size_t i = 0; i < count; i++) {
        variance[i] = 1 / fmax(sqrt(variance[i]), 1e-7);
        mean[i] *= -variance[i];
    }
    return ink_keras_scale(call, value, count, variance, mean);
}

/* ---- several inputs ---- */

/* All inputs, held as the first is; `axis` is the one in which their sizes may differ, or -1. */
static ink_keras_value join(ink_keras_call *call, const char *op, int axis, const char *attributes)
{
    enum { MOST = INK_KERAS_INPUTS * 80 };
    char names[MOST] = "";
    ink_keras_value all = call->inputs[0];
    for (size_t i = 0; i < call->input_count; i++) {
        ink_keras_value value = call->inputs[i];
        bool fits = value.rank == all.rank;
        for (int d = 0; fits && d < (int)value.rank; d++)
            fits = d == axis || value.dim[d] == all.dim[d];
        if (!fits)
            return ink_keras_fault(call, "its inputs have different shapes, which is not supported");
        value = all.held == INK_KERAS_PICTURE ? ink_keras_as_picture(call, value) : ink_keras_as_is(call, value);
        if (i && axis >= 0)
            all.dim[axis] += value.dim[axis];
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%.70s", i ? "," : "", value.node);
    }
    if (all.held != INK_KERAS_PICTURE)
        all.held = INK_KERAS_AS_IS;
    all.node = ink_draft_node(call->keras->draft, op, call->place.name, names, "%s", attributes);
    return all;
}

static bool all_known(const ink_keras_call *call)
{
    for (size_t i = 0; i < call->input_count; i++)
        if (!call->inputs[i].node)
            return false;
    return true;
}

static ink_keras_value add(ink_keras_call *call)
{
    return all_known(call) ? join(call, "add", -1, "") : not_known;
}

static ink_keras_value average(ink_keras_call *call)
{
    const double part = 1 / (double)call->input_count;
    return all_known(call) ? ink_keras_scale(call, join(call, "add", -1, ""), 1, &part, no_offset) : not_known;
}

static ink_keras_value concatenate(ink_keras_call *call)
{
    if (!all_known(call))
        return not_known;
    const ink_keras_value *first = &call->inputs[0];
    const json_t *setting = get(call, get(call, "axis") ? "axis" : "concat_axis");
    const int axis = setting ? axis_of(setting, first) : (int)first->rank - 1;
    char text[20];
    if (axis < 0)
        return ink_keras_fault(call, "its axis is none of its inputs'");
    snprintf(text, sizeof text, "axis=%d", first->held == INK_KERAS_PICTURE ? (axis + 1) % 3 : axis);
    return join(call, "concat", axis, text);
}

/* ---- the table ---- */

#define CONV "kernel_size strides padding data_format dilation_rate activation use_bias depth_multiplier groups " \
             "filters nb_filter nb_row nb_col subsample border_mode dim_ordering atrous_rate bias"
#define POOL "pool_size strides padding data_format border_mode dim_ordering"

/* Settings that are read, or do nothing in inference; "*" where none does. Layers that give what they get stand for
 * all that only training has. */
static const struct row {
    const char *name;
    ink_keras_value (*make)(ink_keras_call *call); /* NULL: not supported, and `settings` say what to do */
    const char *settings;
    bool many; /* inputs */
} rows[] = {
    { "Activation", activation, "activation", false },
    { "ActivityRegularization", identity, "*", false },
    { "Add", add, "", true },
    { "AlphaDropout", identity, "*", false },
    { "AugMix", identity, "*", false },
    { "Average", average, "", true },
    { "AveragePooling2D", ink_keras_avg_pool2d, POOL, false },
    { "BatchNormalization", batch_norm, "axis epsilon center scale mode", false },
    { "BatchNormalizationV1", batch_norm, "axis epsilon center scale", false },
    { "CenterCrop", same_size, "height width data_format", false },
    { "Concatenate", concatenate, "axis", true },
    { "Conv2D", ink_keras_conv2d, CONV, false },
    { "Convolution2D", ink_keras_conv2d, CONV, false },
    { "Dense", dense, "units output_dim activation use_bias bias", false },
    { "DepthwiseConv2D", ink_keras_depthwise_conv2d, CONV, false },
    { "Dropout", identity, "*", false },
    { "ELU", elu, "alpha", false },
    { "Flatten", flatten, "data_format", false },
    { "GaussianDropout", identity, "*", false },
    { "GaussianNoise", identity, "*", false },
    { "GlobalAveragePooling2D", ink_keras_global_avg_pool2d, "data_format keepdims dim_ordering", false },
    { "GlobalMaxPooling2D", ink_keras_global_max_pool2d, "data_format keepdims dim_ordering", false },
    { "Identity", identity, "", false },
    { "LeakyReLU", leaky_relu, "alpha negative_slope", false },
    { "Masking", masking, "mask_value", false },
    { "MaxPooling2D", ink_keras_max_pool2d, POOL, false },
    { "Normalization", normalization, "axis mean variance invert", false },
    { "Permute", permute, "dims", false },
    { "RandAugment", identity, "*", false },
    { "RandomBrightness", identity, "*", false },
    { "RandomColorDegeneration", identity, "*", false },
    { "RandomColorJitter", identity, "*", false },
    { "RandomContrast", identity, "*", false },
    { "RandomCrop", same_size, "*", false },
    { "RandomElasticTransform", identity, "*", false },
    { "RandomErasing", identity, "*", false },
    { "RandomFlip", identity, "*", false },
    { "RandomGaussianBlur", identity, "*", false },
    { "RandomGrayscale", identity, "*", false },
    { "RandomHeight", identity, "*", false },
    { "RandomHue", identity, "*", false },
    { "RandomInvert", identity, "*", false },
    { "RandomPerspective", identity, "*", false },
    { "RandomPosterization", identity, "*", false },
    { "RandomRotation", identity, "*", false },
    { "RandomSaturation", identity, "*", false },
    { "RandomSharpness", identity, "*", false },
    { "RandomShear", identity, "*", false },
    { "RandomTranslation", identity, "*", false },
    { "RandomWidth", identity, "*", false },
    { "RandomZoom", identity, "*", false },
    { "ReLU", relu, "max_value negative_slope threshold", false },
    { "Rescaling", rescaling, "scale offset", false },
    { "Reshape", reshape, "target_shape", false },
    { "Resizing", same_size, "height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value "
                             "antialias data_format", false },
    { "SeparableConv2D", ink_keras_separable_conv2d, CONV, false },
    { "Softmax", softmax, "axis", false },
    { "SpatialDropout1D", identity, "*", false },
    { "SpatialDropout2D", identity, "*", false },
    { "SyncBatchNormalization", batch_norm, "axis epsilon center scale", false },
    { "ZeroPadding2D", ink_keras_zero_padding2d, "padding data_format dim_ordering", false },

    { "Attention", NULL, "attention is not supported", true },
    { "Bidirectional", NULL, "recurrent layers are not supported; use convolutions or Dense", true },
    { "Conv1D", NULL, "use Conv2D on pictures", false },
    { "Conv2DTranspose", NULL, "it is for making pictures, and not supported", false },
    { "Embedding", NULL, "it is for words, and not supported", false },
    { "GRU", NULL, "recurrent layers are not supported; use convolutions or Dense", true },
    { "GroupNormalization", NULL, "use BatchNormalization, and train again", false },
    { "LSTM", NULL, "recurrent layers are not supported; use convolutions or Dense", true },
    { "Lambda", NULL, "it is a program of its author, which is not run; use layers of Keras, as Rescaling", true },
    { "LayerNormalization", NULL, "use BatchNormalization, and train again", false },
    { "Multiply", NULL, "products of layers are not supported", true },
    { "MultiHeadAttention", NULL, "attention is not supported", true },
    { "PReLU", NULL, "use LeakyReLU, and train again", false },
    { "SimpleRNN", NULL, "recurrent layers are not supported; use convolutions or Dense", true },
    { "SlicingOpLambda", NULL, "parts of values are not supported", true },
    { "TFOpLambda", NULL, "functions of TensorFlow are not supported; use layers of Keras, as Rescaling", true },
    { "UpSampling2D", NULL, "it is for making pictures, and not supported", false },
};

static const struct row *row_of(const char *class_name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, class_name) == 0)
            return &rows[i];
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* What every layer may have, and changes nothing in inference. */
static bool is_harmless(const char *key)
{
    static const char words[] = "name trainable batch_input_shape batch_shape input_shape input_dim input_dtype seed "
                                "momentum renorm_momentum synchronized fused init weights lora_rank lora_alpha "
                                "rng_type shared_object_id noise_shape build_config autocast implementation";
    return has_word(words, key) || ends_with(key, "_initializer") || ends_with(key, "_regularizer") ||
           ends_with(key, "_constraint") || ends_with(key, "_init");
}

/* Names of types that mean plain numbers. */
static bool check_type(const ink_keras_call *call, const json_t *type)
{
    const char *name = json_string_value(json_is_object(type) ? json_object_get(json_object_get(type, "config"), "name")
                                                              : type);
    static const char words[] = "float32 float64 float16 bfloat16 mixed_float16 mixed_bfloat16";
    if (is_off(type) || (name && has_word(words, name)))
        return true;
    ink_keras_fault(call, "it computes in %.30s, wanted floats; save the model before it is quantized",
                    name ? name : "a type of its own");
    return false;
}

static bool check_settings(const ink_keras_call *call, const char *settings)
{
    bool fine = check_type(call, get(call, "dtype"));
    if (strcmp(settings, "*") == 0)
        return fine;
    /* The iterators want what is not const, and change nothing. */
    json_t *config = (json_t *)(uintptr_t)call->config;
    for (void *at = json_object_iter(config); at; at = json_object_iter_next(config, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        if (json_is_null(value) || strcmp(key, "dtype") == 0 || has_word(settings, key) || is_harmless(key) ||
            (strcmp(key, "renorm") == 0 && json_is_false(value)))
            continue;
        ink_keras_fault(call, "its setting '%.40s' is not supported", key);
        fine = false;
    }
    return fine;
}

/* No value that passes has more than 2^40 elements, so that products of sizes need no checks elsewhere. */
static bool check_size(const ink_keras_value *value)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < value->rank; i++)
        if (!value->dim[i] || !ink_mul_u64(elements, value->dim[i], &elements) || elements > UINT64_C(1) << 40)
            return false;
    return true;
}

ink_keras_value ink_keras_layer(ink_keras_call *call)
{
    const struct row *row = row_of(call->class_name);
    if (!row)
        return ink_keras_fault(call, "layers of this class are not supported");
    if (!row->make)
        return ink_keras_fault(call, "%s", row->settings);
    if (!call->input_count || (call->input_count > 1 && !row->many))
        return ink_keras_fault(call, "it has %zu inputs, wanted %s", call->input_count, row->many ? "1 or more" : "1");
    if (!check_settings(call, row->settings))
        return not_known;
    const ink_keras_value value = row->make(call);
    if (value.node && !check_size(&value))
        return ink_keras_fault(call, "its output is too large or empty");
    return call->keras->status ? not_known : value;
}

#endif
