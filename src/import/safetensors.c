#include "import/safetensors.h"

#include "base/checked.h"
#include "base/cursor.h"

#include <stdlib.h>

enum { LENGTH = 8 };

bool ink_safetensors_is(const uint8_t *data, size_t size)
{
    /* A length whose upper half is 0, and the header's brace. */
    return size > LENGTH && ink_load_u32le(data + 4) == 0 && data[LENGTH] == '{';
}

#if INK_HAVE_JANSSON

#include <jansson.h>

typedef struct entry {
    const char *name;
    ink_element element;
    uint64_t begin, end; /* of the bytes, from where the data begin */
    ink_weight weight;
} entry;

static bool element_named(const char *name, ink_element *element)
{
    static const struct {
        const char *name;
        ink_element element;
    } rows[] = {
        { "F32", INK_ELEMENT_F32 },   { "F64", INK_ELEMENT_F64 }, { "F16", INK_ELEMENT_F16 },
        { "BF16", INK_ELEMENT_BF16 }, { "I64", INK_ELEMENT_I64 }, { "I32", INK_ELEMENT_I32 },
        { "I16", INK_ELEMENT_I16 },   { "I8", INK_ELEMENT_I8 },   { "U8", INK_ELEMENT_U8 },
        { "BOOL", INK_ELEMENT_BOOL },
    };
    for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *element = rows[i].element;
            return true;
        }
    return false;
}

/* A list of whole numbers, none negative. */
static bool read_numbers(const json_t *list, size_t most, size_t *count, uint64_t *to)
{
    *count = json_array_size(list);
    if (!json_is_array(list) || *count > most)
        return false;
    for (size_t i = 0; i < *count; i++) {
        const json_t *number = json_array_get(list, i);
        if (!json_is_integer(number) || json_integer_value(number) < 0)
            return false;
        to[i] = (uint64_t)json_integer_value(number);
    }
    return true;
}

static ink_status read_entry(const char *name, const json_t *about, entry *to, ink_error *error)
{
    uint64_t offsets[2];
    size_t rank, two;
    const char *type = json_string_value(json_object_get(about, "dtype"));
    to->name = name;
    if (!element_named(type, &to->element))
        return ink_fail(error, INK_ERR_TYPE, "tensor '%.200s' has the type %.20s, wanted F32, F16 or the like", name,
                        type ? type : "none");
    if (!read_numbers(json_object_get(about, "shape"), INK_WEIGHT_DIMS, &rank, to->weight.dim))
        return ink_fail(error, INK_ERR_FORMAT, "tensor '%.200s': its shape is no list of up to %d sizes", name,
                        INK_WEIGHT_DIMS);
    if (!read_numbers(json_object_get(about, "data_offsets"), 2, &two, offsets) || two != 2 || offsets[0] > offsets[1])
        return ink_fail(error, INK_ERR_FORMAT, "tensor '%.200s': its data_offsets are no beginning and end", name);
    to->begin = offsets[0];
    to->end = offsets[1];
    to->weight.rank = (uint32_t)rank;
    uint64_t bytes;
    bool fits = true;
    to->weight.elements = 1;
    for (uint32_t i = 0; i < rank; i++)
        fits = fits && ink_mul_u64(to->weight.elements, to->weight.dim[i], &to->weight.elements);
    if (!fits || !ink_mul_u64(to->weight.elements, ink_element_bytes(to->element), &bytes) ||
        bytes != to->end - to->begin)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.200s': its shape does not give the %llu bytes that it has",
                        name, (unsigned long long)(to->end - to->begin));
    return INK_OK;
}

static int by_begin(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The tensors must lie one behind the other, so that no byte belongs to two or to none. */
static ink_status read_data(entry *entries, size_t count, ink_cursor *cursor, ink_arena *arena, ink_weight *weights,
                            ink_error *error)
{
    const size_t start = cursor->at;
    uint64_t floats = 0;
    qsort(entries, count, sizeof *entries, by_begin);
    for (size_t i = 0; i < count; i++) {
        entry *e = &entries[i];
        if (e->begin != cursor->at - start)
            return ink_fail_at(error, INK_ERR_FORMAT, cursor->at,
                               "tensor '%.200s' begins at byte %llu of the data, wanted %llu", e->name,
                               (unsigned long long)e->begin, (unsigned long long)(cursor->at - start));
        const uint8_t *bytes = ink_cursor_bytes(cursor, e->end - e->begin);
        if (!bytes)
            return ink_fail_at(error, INK_ERR_TRUNCATED, cursor->at,
                               "tensor '%.200s' needs %llu bytes, %zu are left", e->name,
                               (unsigned long long)(e->end - e->begin), ink_cursor_left(cursor));
        floats += e->weight.elements; /* each takes a byte of the file or more */
        if (floats > INK_SAFETENSORS_MOST_FLOATS)
            return ink_fail(error, INK_ERR_LIMIT, "the file has more than %d numbers", INK_SAFETENSORS_MOST_FLOATS);
        float *data = ink_arena_array(arena, (size_t)e->weight.elements, sizeof *data);
        e->weight.name = ink_arena_string(arena, e->name, strlen(e->name));
        if (!data || !e->weight.name)
            return ink_fail(error, INK_ERR_MEMORY, "no memory for tensor '%.200s'", e->name);
        for (uint64_t k = 0; k < e->weight.elements; k++)
            data[k] = ink_element_get(e->element, bytes, k);
        e->weight.data = data;
        e->weight.source = bytes;
        weights[i] = e->weight;
    }
    if (ink_cursor_left(cursor))
        return ink_fail_at(error, INK_ERR_TRAILING, cursor->at, "%zu bytes are left behind the last tensor",
                           ink_cursor_left(cursor));
    return INK_OK;
}

static ink_status read_header(const json_t *header, ink_arena *arena, entry **entries, size_t *count, ink_error *error)
{
    const char *name;
    json_t *about;
    *entries = ink_arena_array(arena, json_object_size(header) + 1, sizeof **entries);
    if (!*entries)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    *count = 0;
    /* The iterators want what is not const, and change nothing. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)header); at;
         at = json_object_iter_next((json_t *)(uintptr_t)header, at)) {
        name = json_object_iter_key(at);
        about = json_object_iter_value(at);
        if (strcmp(name, "__metadata__") != 0)
            INK_TRY(read_entry(name, about, &(*entries)[(*count)++], error));
    }
    return *count ? INK_OK : ink_fail(error, INK_ERR_MISSING, "holds no tensors: no model");
}

/* The network's text, which stands in the metadata of files that are written here. */
static ink_status read_network(const json_t *header, ink_arena *arena, const char **network, ink_error *error)
{
    const json_t *text = json_object_get(json_object_get(header, "__metadata__"), "inkling.network");
    *network = NULL;
    if (!json_is_string(text))
        return INK_OK;
    *network = ink_arena_string(arena, json_string_value(text), json_string_length(text));
    return *network ? INK_OK : ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
}

ink_status ink_safetensors_read(const uint8_t *data, size_t size, ink_arena *arena, ink_weight **weights, size_t *count,
                                const char **network, ink_error *error)
{
    ink_cursor cursor = { data, size, 0 };
    uint64_t length;
    if (!ink_cursor_u64(&cursor, &length))
        return ink_fail(error, INK_ERR_TRUNCATED, "the file ends within the size of its header");
    if (length > INK_SAFETENSORS_MOST_HEADER)
        return ink_fail(error, INK_ERR_LIMIT, "the header has %llu bytes, wanted %d at most",
                        (unsigned long long)length, INK_SAFETENSORS_MOST_HEADER);
    const char *text = (const char *)ink_cursor_bytes(&cursor, length);
    if (!text)
        return ink_fail_at(error, INK_ERR_TRUNCATED, LENGTH, "the header has %llu bytes, %zu are there",
                           (unsigned long long)length, ink_cursor_left(&cursor));
    json_error_t why;
    json_t *header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!header)
        return ink_fail_at(error, INK_ERR_FORMAT, LENGTH + (uint64_t)(why.position > 0 ? why.position : 0),
                           "the header is no JSON: %s", why.text);
    entry *entries = NULL;
    ink_status status = json_is_object(header) ? read_header(header, arena, &entries, count, error)
                                               : ink_fail(error, INK_ERR_FORMAT, "the header is no JSON object");
    if (!status) {
        *weights = ink_arena_array(arena, *count, sizeof **weights);
        status = *weights ? read_data(entries, *count, &cursor, arena, *weights, error)
                          : ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    }
    if (!status)
        status = read_network(header, arena, network, error);
    json_decref(header);
    return status;
}

#else

ink_status ink_safetensors_read(const uint8_t *data, size_t size, ink_arena *arena, ink_weight **weights, size_t *count,
                                const char **network, ink_error *error)
{
    (void)data;
    (void)size;
    (void)arena;
    *weights = NULL;
    *count = 0;
    *network = NULL;
    return ink_fail(error, INK_ERR_OPEN, "is a safetensors file: built without jansson, which reads its header");
}

#endif
