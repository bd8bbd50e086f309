#include "formats/gguf.h"

#include "base/checked.h"
#include "base/cursor.h"
#include "tensor/type.h"

#include <assert.h>
#include <stdio.h>

/* The specification's bound on keys, ggml's on names (its GGML_MAX_NAME counts the NUL), and our
 * own on the alignment. */
enum {
    VERSION = 3,
    LONGEST_KEY = 65535,
    LONGEST_NAME = 63,
    DEFAULT_ALIGNMENT = 32,
    LARGEST_ALIGNMENT = 1 << 20
};

/* The fewest bytes that an entry takes: a name of one letter, its fixed fields, a value of one byte
 * or no dimension. A count of entries is checked against them before memory is taken for it. */
enum { LEAST_METADATA = 8 + 1 + 4 + 1, LEAST_TENSOR = 8 + 1 + 4 + 4 + 8 };

static const char magic[4] = { 'G', 'G', 'U', 'F' };
static const char alignment_key[] = "general.alignment", quantization_key[] = "general.quantization_version";

static const struct value_row {
    const char *name;
    ink_value_kind kind;
    uint32_t bytes; /* of one value in the file; 0: it has a length of its own */
} value_rows[INK_GGUF_TYPES] = {
    [INK_GGUF_U8] = { "u8", INK_VALUE_NUMBER, 1 },
    [INK_GGUF_I8] = { "i8", INK_VALUE_NUMBER, 1 },
    [INK_GGUF_U16] = { "u16", INK_VALUE_NUMBER, 2 },
    [INK_GGUF_I16] = { "i16", INK_VALUE_NUMBER, 2 },
    [INK_GGUF_U32] = { "u32", INK_VALUE_NUMBER, 4 },
    [INK_GGUF_I32] = { "i32", INK_VALUE_NUMBER, 4 },
    [INK_GGUF_F32] = { "f32", INK_VALUE_NUMBER, 4 },
    [INK_GGUF_BOOL] = { "bool", INK_VALUE_BOOL, 1 },
    [INK_GGUF_STRING] = { "string", INK_VALUE_STRING, 0 },
    [INK_GGUF_ARRAY] = { "array", INK_VALUE_NUMBER, 0 },
    [INK_GGUF_U64] = { "u64", INK_VALUE_NUMBER, 8 },
    [INK_GGUF_I64] = { "i64", INK_VALUE_NUMBER, 8 },
    [INK_GGUF_F64] = { "f64", INK_VALUE_NUMBER, 8 },
};

/* ---- names ---- */

/* Sorts; then the second of two entries with one name, or NULL. */
static const ink_name *sort_and_find_twice(ink_names *names)
{
    ink_names_sort(names);
    for (size_t i = 1; i < names->count; i++)
        if (strcmp(names->names[i - 1].name, names->names[i].name) == 0)
            return &names->names[i];
    return NULL;
}

const ink_metadata *ink_gguf_find(const ink_gguf *file, const char *key)
{
    size_t i;
    if (file->by_key.names)
        return ink_names_find(&file->by_key, key, &i) ? &file->metadata[i] : NULL;
    for (i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return &file->metadata[i];
    return NULL;
}

const ink_tensor_info *ink_gguf_tensor(const ink_gguf *file, const char *name)
{
    size_t i;
    if (file->by_name.names)
        return ink_names_find(&file->by_name, name, &i) ? &file->tensors[i] : NULL;
    for (i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

/* ---- values ---- */

ink_gguf_type ink_gguf_value_type(const ink_metadata *entry)
{
    unsigned type = 0;
    while (type < INK_GGUF_TYPES && strcmp(entry->type, value_rows[type].name) != 0)
        type++;
    assert(type < INK_GGUF_TYPES && type != INK_GGUF_ARRAY);
    return (ink_gguf_type)type;
}

static float load_f32(const uint8_t *p)
{
    uint32_t bits = ink_load_u32le(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double load_f64(const uint8_t *p)
{
    uint64_t bits = ink_load_u64le(p);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double ink_metadata_number(const ink_metadata *metadata, size_t i)
{
    if (!metadata || metadata->kind == INK_VALUE_STRING || i >= metadata->count)
        return 0;
    ink_gguf_type type = ink_gguf_value_type(metadata);
    const uint8_t *p = (const uint8_t *)metadata->values + i * value_rows[type].bytes;
    switch (type) {
    case INK_GGUF_U8:
    case INK_GGUF_BOOL: return p[0];
    case INK_GGUF_I8: return (int8_t)p[0];
    case INK_GGUF_U16: return (uint16_t)(p[0] | p[1] << 8);
    case INK_GGUF_I16: return (int16_t)(p[0] | p[1] << 8);
    case INK_GGUF_U32: return ink_load_u32le(p);
    case INK_GGUF_I32: return (int32_t)ink_load_u32le(p);
    case INK_GGUF_U64: return (double)ink_load_u64le(p);
    case INK_GGUF_I64: return (double)(int64_t)ink_load_u64le(p);
    case INK_GGUF_F32: return load_f32(p);
    case INK_GGUF_F64: return load_f64(p);
    case INK_GGUF_STRING:
    case INK_GGUF_ARRAY:
    case INK_GGUF_TYPES: break;
    }
    return 0;
}

const char *ink_metadata_string(const ink_metadata *metadata, size_t i)
{
    if (!metadata || metadata->kind != INK_VALUE_STRING || i >= metadata->count)
        return "";
    return ((const ink_gguf_string *)metadata->values)[i].text;
}

/* ---- reading ---- */

typedef struct reader {
    ink_cursor cursor;
    ink_arena *arena;
    ink_error *error;
} reader;

/* Where a tensor's fields stand in the file, for the checks that come after all were read. */
typedef struct tensor_place {
    uint64_t entry_at;  /* the file offset of its entry */
    uint64_t offset_at; /* and of the offset field in that */
    uint64_t offset;    /* what this field holds */
} tensor_place;

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory for the file's structure");
}

static ink_status take(reader *r, const char *field, uint64_t size, const uint8_t **bytes)
{
    *bytes = ink_cursor_bytes(&r->cursor, size);
    if (*bytes)
        return INK_OK;
    return ink_fail_at(r->error, INK_ERR_TRUNCATED, r->cursor.at,
                       "%s needs %llu bytes, %zu are left", field, (unsigned long long)size,
                       ink_cursor_left(&r->cursor));
}

static ink_status take_u32(reader *r, const char *field, uint32_t *value)
{
    const uint8_t *bytes;
    INK_TRY(take(r, field, 4, &bytes));
    *value = ink_load_u32le(bytes);
    return INK_OK;
}

static ink_status take_u64(reader *r, const char *field, uint64_t *value)
{
    const uint8_t *bytes;
    INK_TRY(take(r, field, 8, &bytes));
    *value = ink_load_u64le(bytes);
    return INK_OK;
}

/* A key or a tensor's name: 1 to `longest` bytes, none of them NUL. */
static ink_status read_name(reader *r, const char *field, uint64_t longest, const char **name)
{
    uint64_t at = r->cursor.at, length;
    const uint8_t *text;
    INK_TRY(take_u64(r, field, &length));
    if (length == 0)
        return ink_fail_at(r->error, INK_ERR_FORMAT, at, "%s is empty", field);
    if (length > longest)
        return ink_fail_at(r->error, INK_ERR_FORMAT, at, "%s has %llu bytes, wanted at most %llu",
                           field, (unsigned long long)length, (unsigned long long)longest);
    INK_TRY(take(r, field, length, &text));
    const uint8_t *nul = memchr(text, 0, (size_t)length);
    if (nul)
        return ink_fail_at(r->error, INK_ERR_FORMAT, (uint64_t)(nul - r->cursor.data),
                           "%s has a NUL inside", field);
    *name = ink_arena_string(r->arena, (const char *)text, (size_t)length);
    return *name ? INK_OK : no_memory(r->error);
}

/* Two walks: the first checks every length, so that the second takes exactly the memory needed. */
static ink_status read_strings(reader *r, ink_metadata *entry)
{
    ink_cursor start = r->cursor;
    size_t bytes = 0;
    for (size_t i = 0; i < entry->count; i++) {
        uint64_t length;
        const uint8_t *text;
        INK_TRY(take_u64(r, "the length of a string", &length));
        INK_TRY(take(r, "a string", length, &text));
        bytes += (size_t)length + 1; /* at most what the cursor has passed */
    }
    ink_gguf_string *strings = ink_arena_array(r->arena, entry->count, sizeof *strings);
    char *copy = ink_arena_array(r->arena, bytes, 1);
    if (!strings || !copy)
        return no_memory(r->error);
    r->cursor = start;
    for (size_t i = 0; i < entry->count; i++) {
        uint64_t length = 0;
        ink_cursor_u64(&r->cursor, &length);
        memcpy(copy, ink_cursor_bytes(&r->cursor, length), (size_t)length);
        strings[i] = (ink_gguf_string){ copy, length };
        copy += length + 1;
    }
    entry->values = strings;
    return INK_OK;
}

static ink_status read_numbers(reader *r, uint64_t bytes, ink_metadata *entry)
{
    uint64_t at = r->cursor.at;
    const uint8_t *values;
    INK_TRY(take(r, "the value", bytes, &values));
    if (entry->kind == INK_VALUE_BOOL)
        for (size_t i = 0; i < entry->count; i++)
            if (values[i] > 1)
                return ink_fail_at(r->error, INK_ERR_FORMAT, at + i, "bool is %u, wanted 0 or 1",
                                   values[i]);
    entry->values = values;
    return INK_OK;
}

static ink_status read_metadata(reader *r, ink_metadata *entry)
{
    INK_TRY(read_name(r, "the key", LONGEST_KEY, &entry->key));
    uint64_t at = r->cursor.at, count = 1, bytes;
    uint32_t type;
    INK_TRY(take_u32(r, "the value's type", &type));
    if (type == INK_GGUF_ARRAY) {
        at = r->cursor.at;
        INK_TRY(take_u32(r, "the array's type", &type));
        if (type == INK_GGUF_ARRAY)
            return ink_fail_at(r->error, INK_ERR_TYPE, at, "an array of arrays is not supported");
        INK_TRY(take_u64(r, "the array's length", &count));
        entry->is_array = 1;
    }
    if (type >= INK_GGUF_TYPES)
        return ink_fail_at(r->error, INK_ERR_TYPE, at, "value type %lu is unknown",
                           (unsigned long)type);
    const struct value_row *row = &value_rows[type];
    /* A string takes 8 bytes at least, those of its length. */
    if (!ink_mul_u64(count, row->bytes ? row->bytes : 8, &bytes) ||
        bytes > ink_cursor_left(&r->cursor))
        return ink_fail_at(r->error, INK_ERR_TRUNCATED, r->cursor.at,
                           "%llu values of type %s do not fit in the %zu bytes that are left",
                           (unsigned long long)count, row->name, ink_cursor_left(&r->cursor));
    entry->type = row->name;
    entry->kind = row->kind;
    entry->count = (size_t)count;
    return row->bytes ? read_numbers(r, bytes, entry) : read_strings(r, entry);
}

static ink_status read_alignment(const ink_metadata *entry, ink_error *error, uint32_t *alignment)
{
    *alignment = DEFAULT_ALIGNMENT;
    if (!entry)
        return INK_OK;
    if (ink_gguf_value_type(entry) != INK_GGUF_U32 || entry->is_array)
        return ink_fail(error, INK_ERR_TYPE, "%s has type %s%s, wanted u32", alignment_key,
                        entry->type, entry->is_array ? " array" : "");
    uint32_t value = ink_load_u32le(entry->values);
    if (value < 8 || (value & (value - 1)))
        return ink_fail(error, INK_ERR_FORMAT, "%s is %lu, wanted a power of two from 8 on",
                        alignment_key, (unsigned long)value);
    if (value > LARGEST_ALIGNMENT)
        return ink_fail(error, INK_ERR_LIMIT, "%s is %lu, wanted at most %d", alignment_key,
                        (unsigned long)value, LARGEST_ALIGNMENT);
    *alignment = value;
    return INK_OK;
}

static ink_status read_tensor(reader *r, uint32_t alignment, ink_tensor_info *tensor,
                              tensor_place *place)
{
    place->entry_at = r->cursor.at;
    INK_TRY(read_name(r, "the name", LONGEST_NAME, &tensor->name));

    uint64_t at = r->cursor.at, elements = 1;
    INK_TRY(take_u32(r, "the number of dimensions", &tensor->rank));
    if (tensor->rank > INK_MAX_DIMS)
        return ink_fail_at(r->error, INK_ERR_SHAPE, at, "has %lu dimensions, wanted at most %d",
                           (unsigned long)tensor->rank, INK_MAX_DIMS);
    const uint64_t fastest_at = r->cursor.at;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t dim;
        at = r->cursor.at;
        INK_TRY(take_u64(r, "a dimension", &dim));
        if (dim == 0 || dim > UINT32_MAX)
            return ink_fail_at(r->error, INK_ERR_SHAPE, at,
                               "dimension %lu is %llu, wanted 1 to 4294967295", (unsigned long)i,
                               (unsigned long long)dim);
        if (!ink_mul_u64(elements, dim, &elements))
            return ink_fail_at(r->error, INK_ERR_SHAPE, at,
                               "its elements cannot be counted in 64 bits");
        tensor->dim[tensor->rank - 1 - i] = (uint32_t)dim;
    }

    uint32_t type;
    at = r->cursor.at;
    INK_TRY(take_u32(r, "the element type", &type));
    const ink_type_row *row = ink_type_from_gguf(type);
    if (!row)
        return ink_fail_at(r->error, INK_ERR_TYPE, at, "element type %lu is unknown",
                           (unsigned long)type);
    char names[INK_TYPE_NAMES];
    if (!row->decode)
        return ink_fail_at(r->error, INK_ERR_TYPE, at, "element type %s is not supported, wanted %s",
                           row->name, ink_type_names(names));
    tensor->type = (ink_type)row->gguf;
    const uint32_t fastest = tensor->rank ? tensor->dim[tensor->rank - 1] : 1;
    if (fastest % row->block_items)
        return ink_fail_at(r->error, INK_ERR_SHAPE, tensor->rank ? fastest_at : at,
                           "dimension 0, the fastest, is %lu, wanted a multiple of %lu, the block of %s",
                           (unsigned long)fastest, (unsigned long)row->block_items, row->name);
    if (!ink_type_bytes(row, elements, &tensor->bytes))
        return ink_fail_at(r->error, INK_ERR_SHAPE, at, "its bytes cannot be counted in 64 bits");

    place->offset_at = r->cursor.at;
    INK_TRY(take_u64(r, "the data's offset", &place->offset));
    if (place->offset % alignment)
        return ink_fail_at(r->error, INK_ERR_FORMAT, place->offset_at,
                           "offset %llu is not a multiple of the alignment, %lu",
                           (unsigned long long)place->offset, (unsigned long)alignment);
    return INK_OK;
}

/* Tensors lie in the order of their entries, as ggml itself wants it, so they cannot overlap and
 * their sizes cannot add up to more than the file. Gaps between them are taken. The data section
 * begins at byte `start`; `free_from` is where the tensor before this one ends in it. */
static ink_status place_tensor(const reader *r, uint64_t start, uint32_t alignment,
                               uint64_t *free_from, ink_tensor_info *tensor,
                               const tensor_place *place)
{
    uint64_t have = r->cursor.size - start, end;
    if (place->offset < *free_from)
        return ink_fail_at(r->error, INK_ERR_FORMAT, place->offset_at,
                           "offset %llu is inside the tensor before it, wanted %llu or more",
                           (unsigned long long)place->offset, (unsigned long long)*free_from);
    if (!ink_add_u64(place->offset, tensor->bytes, &end) || end > have)
        return ink_fail_at(r->error, INK_ERR_TRUNCATED, place->offset_at,
                           "needs %llu bytes at offset %llu, the file has %llu for tensors",
                           (unsigned long long)tensor->bytes, (unsigned long long)place->offset,
                           (unsigned long long)have);
    tensor->data = r->cursor.data + start + place->offset;
    /* It cannot overflow: `end` is inside the file. */
    *free_from = end + (alignment - end % alignment) % alignment;
    return INK_OK;
}

/* Blocks of another version would be read as other numbers. A file without the key is of today's: GGUF is younger. */
static ink_status check_quantization(const reader *r, const ink_gguf *file)
{
    const ink_metadata *entry = ink_gguf_find(file, quantization_key);
    bool blocks = false;
    for (size_t i = 0; i < file->tensor_count; i++)
        blocks |= ink_type_get(file->tensors[i].type)->block_items > 1;
    if (!blocks || !entry)
        return INK_OK;
    if (entry->kind != INK_VALUE_NUMBER || entry->is_array)
        return ink_fail(r->error, INK_ERR_TYPE, "%s has type %s%s, wanted u32", quantization_key, entry->type,
                        entry->is_array ? " array" : "");
    const double version = ink_metadata_number(entry, 0);
    if (version != INK_GGUF_QUANTIZATION)
        return ink_fail_at(r->error, INK_ERR_VERSION, (uint64_t)((const uint8_t *)entry->values - r->cursor.data),
                           "%s is %g, wanted %d", quantization_key, version, INK_GGUF_QUANTIZATION);
    return INK_OK;
}

/* Puts "key 3" or "key 'name'" before the error's text. */
static ink_status about(const reader *r, ink_status status, const char *kind, size_t i,
                        const char *name)
{
    char subject[96];
    if (name)
        snprintf(subject, sizeof subject, "%s '%.63s'", kind, name);
    else
        snprintf(subject, sizeof subject, "%s %zu", kind, i);
    ink_error_prefix(r->error, subject);
    return status;
}

static ink_status read_all_metadata(reader *r, ink_gguf *file)
{
    size_t count = file->metadata_count;
    file->metadata = ink_arena_array(r->arena, count, sizeof *file->metadata);
    uint64_t *places = ink_arena_array(r->arena, count, sizeof *places);
    if (!file->metadata || !places || !ink_names_init(&file->by_key, r->arena, count))
        return no_memory(r->error);
    for (size_t i = 0; i < count; i++) {
        ink_metadata *entry = &file->metadata[i];
        places[i] = r->cursor.at;
        ink_status status = read_metadata(r, entry);
        if (status)
            return about(r, status, "key", i, entry->key);
        ink_names_add(&file->by_key, entry->key, i);
    }
    const ink_name *twice = sort_and_find_twice(&file->by_key);
    if (twice)
        return ink_fail_at(r->error, INK_ERR_FORMAT, places[twice->index],
                           "key '%.63s' is there twice", twice->name);

    const ink_metadata *alignment = ink_gguf_find(file, alignment_key);
    ink_status status = read_alignment(alignment, r->error, &file->alignment);
    if (status && r->error)
        r->error->offset = places[alignment - file->metadata];
    return status;
}

static ink_status read_all_tensors(reader *r, ink_gguf *file)
{
    size_t count = file->tensor_count;
    file->tensors = ink_arena_array(r->arena, count, sizeof *file->tensors);
    tensor_place *places = ink_arena_array(r->arena, count, sizeof *places);
    if (!file->tensors || !places || !ink_names_init(&file->by_name, r->arena, count))
        return no_memory(r->error);
    for (size_t i = 0; i < count; i++) {
        ink_tensor_info *tensor = &file->tensors[i];
        ink_status status = read_tensor(r, file->alignment, tensor, &places[i]);
        if (status)
            return about(r, status, "tensor", i, tensor->name);
        ink_names_add(&file->by_name, tensor->name, i);
    }
    const ink_name *twice = sort_and_find_twice(&file->by_name);
    if (twice)
        return ink_fail_at(r->error, INK_ERR_FORMAT, places[twice->index].entry_at,
                           "tensor '%.63s' is there twice", twice->name);

    uint64_t start = 0, free_from = 0;
    if (count && (!ink_round_up_u64(r->cursor.at, file->alignment, &start) ||
                  start > r->cursor.size))
        return ink_fail_at(r->error, INK_ERR_TRUNCATED, r->cursor.at,
                           "file ends in the padding before the tensors' data");
    for (size_t i = 0; i < count; i++) {
        ink_tensor_info *tensor = &file->tensors[i];
        ink_status status = place_tensor(r, start, file->alignment, &free_from, tensor, &places[i]);
        if (status)
            return about(r, status, "tensor", i, tensor->name);
    }
    return INK_OK;
}

static ink_status read_header(reader *r, ink_gguf *file)
{
    size_t size = r->cursor.size;
    if (size == 0)
        return ink_fail(r->error, INK_ERR_TRUNCATED, "file is empty");
    if (memcmp(r->cursor.data, magic, size < sizeof magic ? size : sizeof magic) != 0)
        return ink_fail(r->error, INK_ERR_MAGIC, "does not begin with 'GGUF'");
    const uint8_t *bytes;
    INK_TRY(take(r, "the magic", sizeof magic, &bytes));

    uint64_t at = r->cursor.at;
    INK_TRY(take_u32(r, "the version", &file->version));
    /* A big-endian file has its small version number in the two upper bytes. */
    if (file->version && !(file->version & 0xffff))
        return ink_fail_at(r->error, INK_ERR_ENDIAN, at, "is a big-endian GGUF file, version %lu",
                           (unsigned long)ink_load_u32be(r->cursor.data + at));
    if (file->version != 2 && file->version != 3)
        return ink_fail_at(r->error, INK_ERR_VERSION, at, "GGUF version is %lu, wanted 2 or 3",
                           (unsigned long)file->version);

    uint64_t tensors, metadata, least_tensors, least_metadata, least;
    at = r->cursor.at;
    INK_TRY(take_u64(r, "the number of tensors", &tensors));
    INK_TRY(take_u64(r, "the number of keys", &metadata));
    if (!ink_mul_u64(tensors, LEAST_TENSOR, &least_tensors) ||
        !ink_mul_u64(metadata, LEAST_METADATA, &least_metadata) ||
        !ink_add_u64(least_tensors, least_metadata, &least) || least > ink_cursor_left(&r->cursor))
        return ink_fail_at(r->error, INK_ERR_TRUNCATED, at,
                           "%llu tensors and %llu keys do not fit in the %zu bytes that are left",
                           (unsigned long long)tensors, (unsigned long long)metadata,
                           ink_cursor_left(&r->cursor));
    file->tensor_count = (size_t)tensors;
    file->metadata_count = (size_t)metadata;
    return INK_OK;
}

bool ink_gguf_is(const void *data, size_t size)
{
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

ink_status ink_gguf_read(const void *data, size_t size, ink_arena *arena, ink_gguf *out,
                         ink_error *error)
{
    reader r = { .cursor = { .data = data, .size = size }, .arena = arena, .error = error };
    ink_gguf file = { 0 };
    INK_TRY(read_header(&r, &file));
    INK_TRY(read_all_metadata(&r, &file));
    INK_TRY(read_all_tensors(&r, &file));
    INK_TRY(check_quantization(&r, &file));
    *out = file;
    return INK_OK;
}

/* ---- writing ---- */

/* Without `data` it only measures. */
typedef struct writer {
    uint8_t *data;
    uint64_t at;
    bool overflow;
} writer;

static void advance(writer *w, uint64_t size)
{
    if (!ink_add_u64(w->at, size, &w->at))
        w->overflow = true;
}

static void put_bytes(writer *w, const void *bytes, uint64_t size)
{
    if (w->data && size)
        memcpy(w->data + w->at, bytes, (size_t)size);
    advance(w, size);
}

static void put_u32(writer *w, uint32_t value)
{
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    put_bytes(w, bytes, sizeof bytes);
}

static void put_u64(writer *w, uint64_t value)
{
    put_u32(w, (uint32_t)value);
    put_u32(w, (uint32_t)(value >> 32));
}

static void put_text(writer *w, const char *text, uint64_t length)
{
    put_u64(w, length);
    put_bytes(w, text, length);
}

static void put_padding(writer *w, uint32_t alignment)
{
    uint64_t padding = (alignment - w->at % alignment) % alignment;
    if (w->data)
        memset(w->data + w->at, 0, (size_t)padding);
    advance(w, padding);
}

static void put_metadata(writer *w, const ink_metadata *entry)
{
    ink_gguf_type type = ink_gguf_value_type(entry);
    put_text(w, entry->key, strlen(entry->key));
    if (entry->is_array) {
        put_u32(w, INK_GGUF_ARRAY);
        put_u32(w, type);
        put_u64(w, entry->count);
    } else {
        assert(entry->count == 1);
        put_u32(w, type);
    }
    if (type == INK_GGUF_STRING) {
        const ink_gguf_string *strings = entry->values;
        for (size_t i = 0; i < entry->count; i++)
            put_text(w, strings[i].text, strings[i].length);
    } else {
        put_bytes(w, entry->values, (uint64_t)entry->count * value_rows[type].bytes);
    }
}

static void put_tensor(writer *w, const ink_tensor_info *tensor, uint64_t offset)
{
    assert(tensor->rank <= INK_MAX_DIMS);
    put_text(w, tensor->name, strlen(tensor->name));
    put_u32(w, tensor->rank);
    for (uint32_t i = tensor->rank; i-- > 0;)
        put_u64(w, tensor->dim[i]);
    put_u32(w, ink_type_get(tensor->type)->gguf);
    put_u64(w, offset);
}

static void put_file(writer *w, const ink_gguf *file, uint32_t alignment)
{
    put_bytes(w, magic, sizeof magic);
    put_u32(w, VERSION);
    put_u64(w, file->tensor_count);
    put_u64(w, file->metadata_count);
    for (size_t i = 0; i < file->metadata_count; i++)
        put_metadata(w, &file->metadata[i]);
    writer data = { 0 }; /* measures where the tensors will be */
    for (size_t i = 0; i < file->tensor_count; i++) {
        put_tensor(w, &file->tensors[i], data.at);
        advance(&data, file->tensors[i].bytes);
        put_padding(&data, alignment);
    }
    put_padding(w, alignment);
    for (size_t i = 0; i < file->tensor_count; i++) {
        put_bytes(w, file->tensors[i].data, file->tensors[i].bytes);
        put_padding(w, alignment);
    }
}

static ink_status check_length(const char *kind, size_t i, const char *name, size_t longest,
                               ink_error *error)
{
    size_t length = strlen(name);
    if (length == 0 || length > longest)
        return ink_fail(error, INK_ERR_FORMAT, "%s %zu: its name has %zu bytes, wanted 1 to %zu",
                        kind, i, length, longest);
    return INK_OK;
}

/* Refuses what ggml's reader, and ours, would refuse. */
static ink_status check_names(const ink_gguf *file, ink_arena *scratch, ink_error *error)
{
    ink_names keys, names;
    if (!ink_names_init(&keys, scratch, file->metadata_count) ||
        !ink_names_init(&names, scratch, file->tensor_count))
        return no_memory(error);
    for (size_t i = 0; i < file->metadata_count; i++) {
        INK_TRY(check_length("key", i, file->metadata[i].key, LONGEST_KEY, error));
        ink_names_add(&keys, file->metadata[i].key, i);
    }
    for (size_t i = 0; i < file->tensor_count; i++) {
        INK_TRY(check_length("tensor", i, file->tensors[i].name, LONGEST_NAME, error));
        ink_names_add(&names, file->tensors[i].name, i);
    }
    const ink_name *key = sort_and_find_twice(&keys), *name = sort_and_find_twice(&names);
    if (key || name)
        return ink_fail(error, INK_ERR_FORMAT, "%s '%.63s' is there twice", key ? "key" : "tensor",
                        key ? key->name : name->name);
    return INK_OK;
}

ink_status ink_gguf_write(const ink_gguf *file, const ink_allocator *allocator, ink_buffer *out,
                          ink_error *error)
{
    ink_arena scratch;
    ink_arena_init(&scratch, allocator);
    ink_status status = check_names(file, &scratch, error);
    ink_arena_free(&scratch);
    INK_TRY(status);
    uint32_t alignment;
    INK_TRY(read_alignment(ink_gguf_find(file, alignment_key), error, &alignment));
    if (file->alignment && file->alignment != alignment)
        return ink_fail(error, INK_ERR_FORMAT, "alignment is %lu, but the metadata say %lu",
                        (unsigned long)file->alignment, (unsigned long)alignment);

    writer w = { 0 };
    put_file(&w, file, alignment);
    if (w.overflow || w.at >= SIZE_MAX)
        return ink_fail(error, INK_ERR_MEMORY, "the file's size cannot be counted in memory");
    size_t size = (size_t)w.at;
    char *data = ink_alloc(allocator, size + 1);
    if (!data)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for a file of %zu bytes", size);
    w = (writer){ .data = (uint8_t *)data };
    put_file(&w, file, alignment);
    assert(w.at == size);
    data[size] = 0;
    *out = (ink_buffer){ data, size, *allocator };
    return INK_OK;
}

/* ---- putting a file together ---- */

/* Values as an entry has them: packed bytes, or strings with their text. NULL without memory. */
static void *copy_values(ink_arena *arena, ink_gguf_type type, size_t count, const void *values)
{
    if (type != INK_GGUF_STRING) {
        void *copy = ink_arena_array(arena, count, value_rows[type].bytes);
        if (copy && count)
            memcpy(copy, values, count * value_rows[type].bytes);
        return copy;
    }
    const ink_gguf_string *from = values;
    ink_gguf_string *copy = ink_arena_array(arena, count, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i].text = ink_arena_string(arena, from[i].text, (size_t)from[i].length);
        copy[i].length = from[i].length;
        if (!copy[i].text)
            return NULL;
    }
    return copy;
}

void ink_gguf_put(ink_gguf *file, ink_arena *arena, const char *key, ink_gguf_type type,
                  bool is_array, size_t count, const void *values)
{
    assert(type < INK_GGUF_TYPES && type != INK_GGUF_ARRAY && (is_array || count == 1));
    const char *name = ink_arena_string(arena, key, strlen(key));
    const void *copy = copy_values(arena, type, count, values);
    if (!name || !copy)
        return;
    file->metadata[file->metadata_count++] = (ink_metadata){
        .key = name,
        .type = value_rows[type].name,
        .kind = value_rows[type].kind,
        .is_array = is_array,
        .count = count,
        .values = copy,
    };
    file->by_key = (ink_names){ 0 };
}

void ink_gguf_put_string(ink_gguf *file, ink_arena *arena, const char *key, const char *text)
{
    ink_gguf_string value = { text, strlen(text) };
    ink_gguf_put(file, arena, key, INK_GGUF_STRING, false, 1, &value);
}

/* Numbers in memory are as the file wants them: hosts are little-endian. */
void ink_gguf_put_u32(ink_gguf *file, ink_arena *arena, const char *key, uint32_t value)
{
    ink_gguf_put(file, arena, key, INK_GGUF_U32, false, 1, &value);
}

void ink_gguf_put_f32(ink_gguf *file, ink_arena *arena, const char *key, float value)
{
    ink_gguf_put(file, arena, key, INK_GGUF_F32, false, 1, &value);
}
