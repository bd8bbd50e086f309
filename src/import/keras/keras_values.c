/* What Keras' layers have in common: values, weights, numbers of the JSON. */
#include "import/keras/keras_model.h"

#if INK_HAVE_JANSSON

#include "import/keras/keras_layers.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- telling ---- */

ink_keras_value ink_keras_fault(const ink_keras_call *call, const char *format, ...)
{
    char text[240];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    ink_draft_fault(call->keras->draft, "layer '%.60s' (%.40s): %s", call->place.name, call->class_name, text);
    return (ink_keras_value){ .node = NULL };
}

void ink_keras_fail(ink_keras *keras, ink_status status, const char *format, ...)
{
    char text[400];
    va_list values;
    if (keras->status)
        return;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    keras->status = ink_fail(keras->error, status, "%s", text);
}

/* ---- JSON ---- */

const json_t *ink_keras_list(const json_t *value)
{
    const char *class_name = json_string_value(json_object_get(value, "class_name"));
    if (class_name && strcmp(class_name, "__tuple__") == 0)
        value = json_object_get(value, "items");
    return json_is_array(value) ? value : NULL;
}

bool ink_keras_number(const json_t *value, double *number)
{
    const char *class_name = json_string_value(json_object_get(value, "class_name"));
    if (class_name && (strcmp(class_name, "__numpy__") == 0 || strcmp(class_name, "__tensor__") == 0))
        value = json_object_get(json_object_get(value, "config"), "value");
    if (json_is_number(value))
        *number = json_number_value(value);
    return json_is_number(value);
}

/* ---- values ---- */

static uint64_t elements_of(const ink_keras_value *value)
{
    uint64_t elements = 1; /* values that stand for nodes have 2^40 at most, see ink_keras_layer */
    for (uint32_t i = 0; i < value->rank; i++)
        elements *= value->dim[i];
    return elements;
}

/* A node named after the layer and what it is for. */
static const char *helper(const ink_keras_call *call, const char *op, const char *purpose, const char *input,
                          const char *attributes)
{
    char name[200];
    snprintf(name, sizeof name, "%.150s_%s", call->place.name, purpose);
    return ink_draft_node(call->keras->draft, op, name, input, "%s", attributes);
}

static ink_keras_value reshape_as_is(const ink_keras_call *call, ink_keras_value value)
{
    char shape[100];
    int at = snprintf(shape, sizeof shape, "shape=");
    for (uint32_t i = 0; i < value.rank; i++)
        at += snprintf(shape + at, sizeof shape - (size_t)at, "%s%llu", i ? "," : "", (unsigned long long)value.dim[i]);
    value.node = value.rank == 1 ? helper(call, "flatten", "flat", value.node, "")
                                 : helper(call, "reshape", "shape", value.node, shape);
    value.held = INK_KERAS_AS_IS;
    return value;
}

ink_keras_value ink_keras_as_is(const ink_keras_call *call, ink_keras_value value)
{
    if (value.node && value.held == INK_KERAS_ELEMENTS)
        return reshape_as_is(call, value);
    if (value.node && value.held == INK_KERAS_PICTURE)
        value.node = helper(call, "permute", "channels_last", value.node, "order=1,2,0");
    value.held = INK_KERAS_AS_IS;
    return value;
}

ink_keras_value ink_keras_as_picture(const ink_keras_call *call, ink_keras_value value)
{
    char shape[64];
    if (!value.node || value.held == INK_KERAS_PICTURE)
        return value;
    if (value.dim[2] == 1) { /* the elements have the same order both ways */
        snprintf(shape, sizeof shape, "shape=1,%llu,%llu", (unsigned long long)value.dim[0],
                 (unsigned long long)value.dim[1]);
        value.node = helper(call, "reshape", "shape", value.node, shape);
    } else {
        value.node = helper(call, "permute", "channels_first", ink_keras_as_is(call, value).node, "order=2,0,1");
    }
    value.held = INK_KERAS_PICTURE;
    return value;
}

ink_keras_value ink_keras_same(const ink_keras_call *call, const char *op, ink_keras_value value,
                               const char *attributes)
{
    if (value.node)
        value.node = helper(call, op, op, value.node, attributes);
    return value;
}

/* ---- weights ---- */

const float *ink_keras_weight(ink_keras_call *call, const char *role, uint32_t rank, uint64_t *dim)
{
    ink_keras *k = call->keras;
    ink_weight found = { .data = NULL };
    if (k->status)
        return NULL;
    k->status = k->weights->find(k->weights->context, &call->place, call->taken, role, &found, k->error);
    if (!k->status && !found.data && strcmp(role, "depthwise_kernel") == 0) /* Keras 3 calls it so */
        k->status = k->weights->find(k->weights->context, &call->place, call->taken, "kernel", &found, k->error);
    call->taken++;
    if (k->status)
        return NULL;
    if (!found.data) {
        ink_keras_fail(k, INK_ERR_MISSING, "layer '%.60s' (%.40s): its %s is not in the file", call->place.name,
                       call->class_name, role);
        return NULL;
    }
    bool fits = found.rank == rank;
    for (uint32_t i = 0; fits && i < rank; i++)
        fits = found.dim[i] && (dim[i] == 0 || dim[i] == found.dim[i]);
    if (!fits) {
        char have[120] = "", want[120] = "";
        for (uint32_t i = 0; i < found.rank && i < 5; i++)
            snprintf(have + strlen(have), sizeof have - strlen(have), "%s%llu", i ? "," : "",
                     (unsigned long long)found.dim[i]);
        for (uint32_t i = 0; i < rank; i++)
            snprintf(want + strlen(want), sizeof want - strlen(want), dim[i] ? "%s%llu" : "%s...", i ? "," : "",
                     (unsigned long long)dim[i]);
        ink_keras_fail(k, INK_ERR_SHAPE, "layer '%.60s' (%.40s): its %s has the shape [%s], wanted [%s]",
                       call->place.name, call->class_name, role, have, want);
        return NULL;
    }
    memcpy(dim, found.dim, rank * sizeof *dim);
    return found.data;
}

float *ink_keras_tensor(const ink_keras_call *call, const char *node, const char *part, uint32_t rank,
                        const uint64_t *dim)
{
    ink_keras *k = call->keras;
    uint64_t elements = 1;
    bool fits = !k->status;
    for (uint32_t i = 0; fits && i < rank; i++)
        fits = ink_mul_u64(elements, dim[i], &elements);
    if (!fits || elements > INK_KERAS_MOST_FLOATS - k->floats) {
        ink_keras_fail(k, INK_ERR_LIMIT, "its layers have more than %llu weights",
                       (unsigned long long)INK_KERAS_MOST_FLOATS);
        return NULL;
    }
    k->floats += elements;
    float *to = ink_draft_tensor(k->draft, node, part, rank, dim);
    if (!to)
        ink_keras_fail(k, INK_ERR_MEMORY, "no memory for layer '%.60s'", call->place.name);
    return to;
}

/* ---- x * scale + offset ---- */

ink_keras_value ink_keras_scale(const ink_keras_call *call, ink_keras_value value, uint64_t count, const double *scale,
                                const double *offset)
{
    static const char *const parts[] = { "weight", "bias", "mean", "variance" };
    if (!value.node)
        return value;
    if (value.rank == 3 && value.held == INK_KERAS_ELEMENTS)
        value = ink_keras_as_picture(call, value);
    uint64_t channels = value.dim[value.rank == 3 && value.held == INK_KERAS_AS_IS ? 0 : value.rank - 1];
    if (value.rank == 2 || value.rank == 4) {
        value.node = helper(call, "flatten", "flat", ink_keras_as_is(call, value).node, "");
        value.held = INK_KERAS_ELEMENTS;
        channels = elements_of(&value);
    } else if (value.rank == 1) {
        value = ink_keras_as_is(call, value);
    }
    if (count != 1 && count != channels)
        return ink_keras_fault(call, "it scales %llu channels, its input has %llu", (unsigned long long)count,
                               (unsigned long long)channels);
    value.node = helper(call, "batch_norm", "scale", value.node, "epsilon=0");
    for (size_t part = 0; part < 4; part++) {
        float *to = ink_keras_tensor(call, value.node, parts[part], 1, &channels);
        for (uint64_t c = 0; to && c < channels; c++)
            to[c] = part == 0 ? (float)scale[count == 1 ? 0 : c] : part == 1 ? (float)offset[count == 1 ? 0 : c]
                                                                             : part == 3;
    }
    return value;
}

#endif
