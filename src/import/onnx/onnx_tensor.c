#include "import/onnx/onnx_tensor.h"

#include "base/checked.h"
#include "base/cursor.h"

#include <stdlib.h>

enum { EXTERNAL = 1 /* TensorProto.DataLocation */, MOST_ELEMENTS = 1 << 30 };

bool ink_onnx_element(int32_t type, ink_element *element)
{
    static const struct {
        int32_t type;
        ink_element element;
    } rows[] = {
        { INK_ONNX_FLOAT, INK_ELEMENT_F32 },      { INK_ONNX_DOUBLE, INK_ELEMENT_F64 },
        { INK_ONNX_FLOAT16, INK_ELEMENT_F16 },    { INK_ONNX_BFLOAT16, INK_ELEMENT_BF16 },
        { INK_ONNX_INT64, INK_ELEMENT_I64 },      { INK_ONNX_INT32, INK_ELEMENT_I32 },
        { INK_ONNX_INT16, INK_ELEMENT_I16 },      { INK_ONNX_INT8, INK_ELEMENT_I8 },
        { INK_ONNX_UINT8, INK_ELEMENT_U8 },       { INK_ONNX_BOOL, INK_ELEMENT_BOOL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].type == type) {
            *element = rows[i].element;
            return true;
        }
    return false;
}

bool ink_onnx_is_float(int32_t type)
{
    return type == INK_ONNX_FLOAT || type == INK_ONNX_DOUBLE || type == INK_ONNX_FLOAT16 || type == INK_ONNX_BFLOAT16;
}

static const char *name_of(const InkOnnx__Tensor *from)
{
    return from->name ? from->name : "";
}

/* ---- external data ---- */

static bool is_external(const InkOnnx__Tensor *from)
{
    return from->has_data_location && from->data_location == EXTERNAL;
}

static const char *entry_of(const InkOnnx__Tensor *from, const char *key)
{
    for (size_t i = 0; i < from->n_external_data; i++)
        if (from->external_data[i]->key && strcmp(from->external_data[i]->key, key) == 0)
            return from->external_data[i]->value;
    return NULL;
}

/* A decimal number without sign; `fallback` where there is none. */
static ink_status number_of(const InkOnnx__Tensor *from, const char *key, uint64_t fallback, uint64_t *to,
                            ink_error *error)
{
    const char *text = entry_of(from, key);
    *to = text ? 0 : fallback;
    for (; text && *text; text++)
        if (*text < '0' || *text > '9' || !ink_mul_u64(*to, 10, to) || !ink_add_u64(*to, (uint64_t)(*text - '0'), to))
            return ink_fail(error, INK_ERR_FORMAT, "tensor '%.60s': the %s of its external data is no number",
                            name_of(from), key);
    return INK_OK;
}

ink_status ink_onnx_tensor_ask(const InkOnnx__Tensor *from, const ink_onnx_store *store)
{
    if (!is_external(from))
        return INK_OK;
    const char *location = entry_of(from, "location");
    INK_TRY(ink_companion_check(location ? location : "", store->error));
    (void)ink_companion_find(store->companions, location);
    return INK_OK;
}

static ink_status external_bytes(const InkOnnx__Tensor *from, const ink_onnx_store *store, uint64_t wanted,
                                 const uint8_t **bytes)
{
    uint64_t offset, length;
    const char *location = entry_of(from, "location");
    INK_TRY(ink_companion_check(location ? location : "", store->error));
    INK_TRY(number_of(from, "offset", 0, &offset, store->error));
    INK_TRY(number_of(from, "length", wanted, &length, store->error));
    const ink_companion *file = ink_companion_find(store->companions, location);
    if (!file)
        return ink_fail(store->error, INK_ERR_OPEN, "needs the file '%.200s'", location);
    if (length != wanted)
        return ink_fail(store->error, INK_ERR_SHAPE, "tensor '%.60s': its shape wants %llu bytes, its entry says %llu",
                        name_of(from), (unsigned long long)wanted, (unsigned long long)length);
    if (offset > file->size || length > file->size - offset)
        return ink_fail(store->error, INK_ERR_TRUNCATED, "tensor '%.60s' needs %llu bytes from %llu on of '%.60s', "
                        "which has %zu", name_of(from), (unsigned long long)length, (unsigned long long)offset,
                        location, file->size);
    *bytes = file->data + offset;
    return INK_OK;
}

/* ---- numbers ---- */

bool ink_onnx_tensor_size(ink_onnx_tensor *tensor)
{
    uint64_t product = 1;
    tensor->elements = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (!ink_mul_u64(product, tensor->dim[i] ? tensor->dim[i] : 1, &product) || product > MOST_ELEMENTS)
            return false;
        tensor->elements *= tensor->dim[i];
    }
    return true;
}

ink_status ink_onnx_tensor_make(ink_onnx_store *store, ink_onnx_tensor *to, float **floats, int64_t **whole)
{
    if (!ink_onnx_tensor_size(to) || to->elements > store->numbers_left)
        return ink_fail(store->error, INK_ERR_LIMIT, "its tensors have more numbers than a file of its size can hold");
    store->numbers_left -= to->elements;
    const size_t count = (size_t)to->elements;
    *floats = NULL;
    *whole = NULL;
    if (to->is_whole)
        to->whole = *whole = ink_arena_array(store->arena, count ? count : 1, sizeof **whole);
    else
        to->floats = *floats = ink_arena_array(store->arena, count ? count : 1, sizeof **floats);
    return store->arena->failed ? ink_fail(store->error, INK_ERR_MEMORY, "no memory for its tensors") : INK_OK;
}

/* ink_element_get rounds to floats, which a shape must not be. */
static int64_t whole_number(ink_element element, const uint8_t *data, uint64_t at)
{
    return element == INK_ELEMENT_I64   ? (int64_t)ink_load_u64le(data + 8 * at)
           : element == INK_ELEMENT_I32 ? (int32_t)ink_load_u32le(data + 4 * at)
                                        : (int64_t)ink_element_get(element, data, at);
}

static void take_bytes(ink_element element, const uint8_t *bytes, uint64_t elements, float *floats, int64_t *whole)
{
    for (uint64_t i = 0; i < elements; i++) {
        if (floats)
            floats[i] = ink_element_get(element, bytes, i);
        else
            whole[i] = whole_number(element, bytes, i);
    }
}

/* The field that holds numbers of this type one by one: those of two bytes and less stand in int32_data, halves as
 * their bits. */
static size_t typed_count(const InkOnnx__Tensor *from, ink_element element)
{
    switch (element) {
    case INK_ELEMENT_F32: return from->n_float_data;
    case INK_ELEMENT_F64: return from->n_double_data;
    case INK_ELEMENT_I64: return from->n_int64_data;
    default: return from->n_int32_data;
    }
}

static void take_typed(const InkOnnx__Tensor *from, ink_element element, uint64_t elements, float *floats,
                       int64_t *whole)
{
    for (uint64_t i = 0; i < elements; i++)
        switch (element) {
        case INK_ELEMENT_F32: floats[i] = from->float_data[i]; break;
        case INK_ELEMENT_F64: floats[i] = (float)from->double_data[i]; break;
        case INK_ELEMENT_I64: whole[i] = from->int64_data[i]; break;
        case INK_ELEMENT_F16:
        case INK_ELEMENT_BF16: {
            const uint32_t bits = (uint32_t)from->int32_data[i];
            floats[i] = ink_element_get(element, (const uint8_t[]){ (uint8_t)bits, (uint8_t)(bits >> 8) }, 0);
            break;
        }
        default: whole[i] = from->int32_data[i]; break;
        }
}

static ink_status read_shape(const InkOnnx__Tensor *from, ink_onnx_tensor *to, ink_error *error)
{
    if (from->n_dims > INK_WEIGHT_DIMS)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.60s' has %zu dimensions, wanted %d at most", name_of(from),
                        from->n_dims, INK_WEIGHT_DIMS);
    to->rank = (uint32_t)from->n_dims;
    for (uint32_t i = 0; i < to->rank; i++) {
        if (from->dims[i] < 0)
            return ink_fail(error, INK_ERR_SHAPE, "tensor '%.60s': dimension %lu is %lld", name_of(from),
                            (unsigned long)i, (long long)from->dims[i]);
        to->dim[i] = (uint64_t)from->dims[i];
    }
    return INK_OK;
}

ink_status ink_onnx_tensor_read(const InkOnnx__Tensor *from, ink_onnx_store *store, ink_onnx_tensor *to)
{
    ink_element element;
    float *floats;
    int64_t *whole;
    *to = (ink_onnx_tensor){ .rank = 0 };
    if (!ink_onnx_element(from->data_type, &element))
        return ink_fail(store->error, INK_ERR_TYPE, "tensor '%.60s' has the type %ld of ONNX, wanted floats or whole "
                        "numbers: export the model before it is quantized", name_of(from), (long)from->data_type);
    INK_TRY(read_shape(from, to, store->error));
    to->is_whole = !ink_onnx_is_float(from->data_type);
    INK_TRY(ink_onnx_tensor_make(store, to, &floats, &whole));
    uint64_t bytes;
    if (!ink_mul_u64(to->elements, ink_element_bytes(element), &bytes))
        return ink_fail(store->error, INK_ERR_LIMIT, "tensor '%.60s' is too large", name_of(from));
    if (is_external(from)) {
        const uint8_t *data = NULL;
        INK_TRY(external_bytes(from, store, bytes, &data));
        take_bytes(element, data, to->elements, floats, whole);
    } else if (from->has_raw_data) {
        if (from->raw_data.len != bytes)
            return ink_fail(store->error, INK_ERR_SHAPE, "tensor '%.60s': its shape wants %llu bytes, %zu are there",
                            name_of(from), (unsigned long long)bytes, from->raw_data.len);
        take_bytes(element, from->raw_data.data, to->elements, floats, whole);
    } else {
        if (typed_count(from, element) != to->elements)
            return ink_fail(store->error, INK_ERR_SHAPE, "tensor '%.60s': its shape wants %llu numbers, %zu are there",
                            name_of(from), (unsigned long long)to->elements, typed_count(from, element));
        take_typed(from, element, to->elements, floats, whole);
    }
    return INK_OK;
}

double ink_onnx_tensor_get(const ink_onnx_tensor *tensor, uint64_t i)
{
    return tensor->is_whole ? (double)tensor->whole[i] : (double)tensor->floats[i];
}
