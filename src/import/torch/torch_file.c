#include "import/torch/torch_file.h"

#include "base/checked.h"
#include "base/cursor.h"

#include <string.h>

/* ---- the zip form ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* The folder is named after the file, and anything may be its name. */
static const char *find_folder(const ink_torch_file *file)
{
    const char *name;
    for (size_t i = 0; (name = ink_zip_name(file->zip, i)); i++)
        if (ends_with(name, "/data.pkl") && strchr(name, '/') == name + strlen(name) - 9)
            return ink_arena_string(file->arena, name, strlen(name) - 8);
    return NULL;
}

ink_status ink_torch_member(ink_torch_file *file, const char *name, const uint8_t **bytes, size_t *size,
                            ink_error *error)
{
    *bytes = NULL;
    if (!file->zip)
        return INK_OK;
    const char *path = ink_arena_format(file->arena, "%s%s", file->folder, name);
    return path ? ink_zip_read(file->zip, path, file->arena, bytes, size, error)
                : ink_fail(error, INK_ERR_MEMORY, "no memory to read a zip archive");
}

static ink_status open_zip(const uint8_t *data, size_t size, ink_torch_file *file, ink_error *error)
{
    const uint8_t *bytes = NULL;
    size_t length = 0, used;
    INK_TRY(ink_zip_open(data, size, &file->zip, error));
    file->folder = find_folder(file);
    file->storage_folder = "data/";
    if (!file->folder)
        return ink_fail(error, INK_ERR_MISSING,
                        "is a zip archive without config.json or FOLDER/data.pkl: neither Keras nor PyTorch wrote it");
    INK_TRY(ink_torch_member(file, "byteorder", &bytes, &length, error));
    if (bytes && length >= 3 && memcmp(bytes, "big", 3) == 0)
        return ink_fail(error, INK_ERR_ENDIAN, "was written on a big-endian machine");
    INK_TRY(ink_torch_member(file, "constants.pkl", &bytes, &length, error));
    file->script = bytes != NULL;
    INK_TRY(ink_torch_member(file, "data.pkl", &bytes, &length, error));
    return ink_pickle_parse(bytes, length, file->arena, &file->root, &used, error);
}

ink_status ink_torch_beside(ink_torch_file *file, const char *name, ink_torch_file *beside, ink_error *error)
{
    const uint8_t *bytes = NULL;
    size_t size, used;
    const char *member = ink_arena_format(file->arena, "%s.pkl", name);
    const char *storages = ink_arena_format(file->arena, "%s/", name);
    if (!member || !storages)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a zip archive");
    INK_TRY(ink_torch_member(file, member, &bytes, &size, error));
    if (!bytes)
        return ink_fail(error, INK_ERR_MISSING, "holds no %s", member);
    *beside = (ink_torch_file){ .arena = file->arena, .zip = file->zip, .folder = file->folder,
                                .storage_folder = storages, .script = true };
    return ink_pickle_parse(bytes, size, file->arena, &beside->root, &used, error);
}

/* ---- storages ---- */

static ink_torch_storage *storage_add(ink_torch_file *file, const char *key, const uint8_t *data, uint64_t size)
{
    ink_torch_storage *storages = ink_arena_grow(file->arena, file->storages, file->storage_count, sizeof *storages,
                                                 &file->storage_room);
    if (!storages)
        return NULL;
    file->storages = storages;
    ink_torch_storage *storage = &file->storages[file->storage_count++];
    *storage = (ink_torch_storage){ key, data, size };
    return storage;
}

static ink_status storage_find(ink_torch_file *file, const char *key, const ink_torch_storage **out, ink_error *error)
{
    for (size_t i = 0; i < file->storage_count; i++)
        if (strcmp(file->storages[i].key, key) == 0) {
            *out = &file->storages[i];
            return INK_OK;
        }
    const uint8_t *bytes = NULL;
    size_t size = 0;
    if (file->zip) {
        const char *name = ink_arena_format(file->arena, "%s%s", file->storage_folder, key);
        if (!name)
            return ink_fail(error, INK_ERR_MEMORY, "no memory to read a zip archive");
        INK_TRY(ink_torch_member(file, name, &bytes, &size, error));
    }
    if (!bytes)
        return ink_fail(error, INK_ERR_MISSING, "storage '%.100s' is not in the file", key);
    *out = storage_add(file, key, bytes, size);
    return *out ? INK_OK : ink_fail(error, INK_ERR_MEMORY, "no memory to read a zip archive");
}

/* ---- the older form ---- */

static bool element_of(const char *storage, ink_element *element)
{
    static const struct {
        const char *name;
        ink_element element;
    } rows[] = {
        { "FloatStorage", INK_ELEMENT_F32 },  { "DoubleStorage", INK_ELEMENT_F64 },
        { "HalfStorage", INK_ELEMENT_F16 },   { "BFloat16Storage", INK_ELEMENT_BF16 },
        { "LongStorage", INK_ELEMENT_I64 },   { "IntStorage", INK_ELEMENT_I32 },
        { "ShortStorage", INK_ELEMENT_I16 },  { "CharStorage", INK_ELEMENT_I8 },
        { "ByteStorage", INK_ELEMENT_U8 },    { "BoolStorage", INK_ELEMENT_BOOL },
    };
    const char *last = strrchr(storage, '.'); /* torch.FloatStorage, torch.cuda.FloatStorage */
    for (size_t i = 0; last && i < sizeof rows / sizeof *rows; i++)
        if (strncmp(storage, "torch.", 6) == 0 && strcmp(last + 1, rows[i].name) == 0) {
            *element = rows[i].element;
            return true;
        }
    return false;
}

/* ("storage", class, key, where, elements, ...) */
static const ink_pickle *storage_id(const ink_pickle *value)
{
    if (!value || value->kind != INK_PICKLE_PERSISTENT || value->items[0]->kind != INK_PICKLE_TUPLE)
        return NULL;
    const ink_pickle *id = value->items[0];
    const bool fits = id->count >= 5 && id->items[0]->kind == INK_PICKLE_TEXT &&
                      strcmp(id->items[0]->text, "storage") == 0 && id->items[1]->kind == INK_PICKLE_GLOBAL &&
                      id->items[2]->kind == INK_PICKLE_TEXT;
    return fits ? id : NULL;
}

/* The class of the storage with this key, found among the values; the older form says it nowhere else. */
static const ink_pickle *find_id(const ink_pickle *value, const char *key, size_t depth, size_t *left)
{
    if (!*left || depth > 64)
        return NULL;
    --*left;
    const ink_pickle *id = storage_id(value);
    if (id)
        return strcmp(id->items[2]->text, key) == 0 ? id : NULL;
    for (size_t i = 0; i < value->count; i++) {
        id = find_id(value->items[i], key, depth + 1, left);
        if (id)
            return id;
    }
    return value->state ? find_id(value->state, key, depth + 1, left) : NULL;
}

static ink_status open_older(const uint8_t *data, size_t size, ink_torch_file *file, ink_error *error)
{
    enum { HEADERS = 3, WALK_MOST = 1 << 22 }; /* a magic number, the protocol, the machine's sizes */
    size_t left = WALK_MOST;
    ink_cursor cursor = { data, size, 0 };
    const ink_pickle *keys = NULL, *value = NULL;
    for (int i = 0; i < HEADERS + 2; i++) {
        size_t used = 0;
        INK_TRY(ink_pickle_parse(data + cursor.at, size - cursor.at, file->arena, &value, &used, error));
        cursor.at += used;
        if (i == HEADERS - 1) {
            const ink_pickle *little = ink_pickle_get(value, "little_endian");
            if (little && !little->integer)
                return ink_fail(error, INK_ERR_ENDIAN, "was written on a big-endian machine");
        } else if (i == HEADERS) {
            file->root = value;
        }
    }
    keys = value;
    if (keys->kind != INK_PICKLE_LIST)
        return ink_fail(error, INK_ERR_FORMAT, "its fifth pickle is no list of storages");
    for (size_t i = 0; i < keys->count; i++) {
        const ink_pickle *key = keys->items[i];
        const ink_pickle *id = key->kind == INK_PICKLE_TEXT ? find_id(file->root, key->text, 0, &left) : NULL;
        ink_element element;
        uint64_t count, bytes;
        if (!id || !element_of(id->items[1]->text, &element))
            return ink_fail(error, INK_ERR_TYPE, "storage %zu: its type is not known", i);
        const size_t at = cursor.at;
        if (!ink_cursor_u64(&cursor, &count) || !ink_mul_u64(count, ink_element_bytes(element), &bytes))
            return ink_fail_at(error, INK_ERR_TRUNCATED, at, "the file ends before storage '%.100s'", key->text);
        const uint8_t *from = ink_cursor_bytes(&cursor, bytes);
        if (!from)
            return ink_fail_at(error, INK_ERR_TRUNCATED, at, "storage '%.100s' has %llu bytes, %zu are left", key->text,
                               (unsigned long long)bytes, ink_cursor_left(&cursor));
        if (!storage_add(file, key->text, from, bytes))
            return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    }
    return INK_OK;
}

/* ---- opening ---- */

static bool is_zip(const uint8_t *data, size_t size)
{
    return size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

/* The older form begins with the pickle of the number 0x1950a86a20f9469cfc6c. */
static bool is_older(const uint8_t *data, size_t size)
{
    static const uint8_t older[] = { 0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c,
                                     0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
    return size >= sizeof older && memcmp(data, older, sizeof older) == 0;
}

bool ink_torch_is(const uint8_t *data, size_t size)
{
    return is_zip(data, size) || is_older(data, size);
}

ink_status ink_torch_open(const uint8_t *data, size_t size, ink_arena *arena, ink_torch_file *file, ink_error *error)
{
    *file = (ink_torch_file){ .arena = arena };
    ink_status status;
    if (is_zip(data, size))
        status = open_zip(data, size, file, error);
    else if (is_older(data, size))
        status = open_older(data, size, file, error);
    else
        status = ink_fail(error, INK_ERR_MAGIC,
                          "is no file of torch.save: neither a zip archive nor the form before 1.6");
    if (status)
        ink_torch_close(file);
    return status;
}

void ink_torch_close(ink_torch_file *file)
{
    ink_zip_close(&file->zip);
}

/* ---- tensors ---- */

/* A parameter is a call with the tensor as its first argument. */
static const ink_pickle *tensor_of(const ink_pickle *value)
{
    for (int i = 0; i < 4 && (ink_pickle_calls(value, "torch._utils._rebuild_parameter", 1) ||
                              ink_pickle_calls(value, "torch._utils._rebuild_parameter_with_state", 1)); i++)
        value = value->items[0]->items[0];
    return value;
}

bool ink_torch_is_tensor(const ink_pickle *value)
{
    value = tensor_of(value);
    return value && value->kind == INK_PICKLE_CALL && (strncmp(value->text, "torch._utils._rebuild_", 22) == 0 ||
                                                       strncmp(value->text, "torch._tensor._rebuild_", 23) == 0);
}

/* A tuple of sizes or strides, none of them negative. */
static bool read_sizes(const ink_pickle *from, uint32_t *rank, uint64_t *to)
{
    if (from->kind == INK_PICKLE_CALL && from->items[0]->count == 1) /* torch.Size((2, 3)) */
        from = from->items[0]->items[0];
    if ((from->kind != INK_PICKLE_TUPLE && from->kind != INK_PICKLE_LIST) || from->count > INK_WEIGHT_DIMS)
        return false;
    *rank = (uint32_t)from->count;
    for (size_t i = 0; i < from->count; i++) {
        if (from->items[i]->kind != INK_PICKLE_INT || from->items[i]->integer < 0)
            return false;
        to[i] = (uint64_t)from->items[i]->integer;
    }
    return true;
}

/* How many elements there are, and the place behind the last one in the storage. */
static bool count(const ink_weight *weight, const uint64_t *stride, uint64_t offset, uint64_t *elements, uint64_t *end)
{
    *elements = 1;
    *end = offset;
    bool fits = true;
    for (uint32_t i = 0; i < weight->rank; i++) {
        uint64_t reach;
        fits = fits && ink_mul_u64(*elements, weight->dim[i], elements);
        if (weight->dim[i])
            fits = fits && ink_mul_u64(weight->dim[i] - 1, stride[i], &reach) && ink_add_u64(*end, reach, end);
    }
    return fits && ink_add_u64(*end, 1, end);
}

static void copy(const ink_weight *weight, const uint64_t *stride, uint64_t offset, ink_element element,
                 const uint8_t *data, float *to)
{
    uint64_t index[INK_WEIGHT_DIMS] = { 0 };
    uint64_t at = offset;
    for (uint64_t i = 0; i < weight->elements; i++) {
        to[i] = ink_element_get(element, data, at);
        for (uint32_t d = weight->rank; d-- > 0;) {
            at += stride[d];
            if (++index[d] < weight->dim[d])
                break;
            at -= stride[d] * weight->dim[d];
            index[d] = 0;
        }
    }
}

bool ink_torch_sizes(const ink_pickle *value, uint32_t *rank, uint64_t dim[INK_WEIGHT_DIMS])
{
    const ink_pickle *call = tensor_of(value);
    return ink_torch_is_tensor(value) && ink_pickle_calls(call, call->text, 4) &&
           read_sizes(call->items[0]->items[2], rank, dim);
}

ink_status ink_torch_tensor(ink_torch_file *file, const ink_pickle *value, const char *name, ink_weight *weight,
                            ink_error *error)
{
    const ink_pickle *call = tensor_of(value);
    if (!ink_pickle_calls(call, "torch._utils._rebuild_tensor_v2", 4) &&
        !ink_pickle_calls(call, "torch._utils._rebuild_tensor", 4))
        return ink_fail(error, INK_ERR_TYPE, "tensor '%.200s' is made by %s, wanted a plain tensor", name,
                        ink_torch_is_tensor(value) ? call->text : "nothing known");
    ink_pickle *const *argument = call->items[0]->items;
    const ink_pickle *id = storage_id(argument[0]);
    uint64_t stride[INK_WEIGHT_DIMS], elements, end;
    uint32_t strides;
    *weight = (ink_weight){ .name = name };
    if (!id || argument[1]->kind != INK_PICKLE_INT || argument[1]->integer < 0 ||
        !read_sizes(argument[2], &weight->rank, weight->dim) || !read_sizes(argument[3], &strides, stride) ||
        strides != weight->rank)
        return ink_fail(error, INK_ERR_FORMAT, "tensor '%.200s': its storage, sizes or strides are malformed", name);
    ink_element element;
    if (!element_of(id->items[1]->text, &element))
        return ink_fail(error, INK_ERR_TYPE, "tensor '%.200s' has the type %.100s, wanted numbers", name,
                        id->items[1]->text);
    const uint64_t offset = (uint64_t)argument[1]->integer;
    if (!count(weight, stride, offset, &elements, &end) || elements > INK_TORCH_MOST_FLOATS - file->floats)
        return ink_fail(error, INK_ERR_LIMIT, "tensor '%.200s' makes the file's more than %d numbers", name,
                        INK_TORCH_MOST_FLOATS);
    const ink_torch_storage *storage = NULL;
    INK_TRY(storage_find(file, id->items[2]->text, &storage, error));
    if (elements && end > storage->size / ink_element_bytes(element))
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.200s' reaches to element %llu, its storage has %llu", name,
                        (unsigned long long)end, (unsigned long long)(storage->size / ink_element_bytes(element)));
    float *data = ink_arena_array(file->arena, (size_t)elements, sizeof *data);
    if (!data)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for tensor '%.200s'", name);
    file->floats += elements;
    weight->elements = elements;
    weight->data = data;
    weight->source = storage->data + (elements ? offset * ink_element_bytes(element) : 0);
    copy(weight, stride, offset, element, storage->data, data);
    return INK_OK;
}

struct ink_torch_read {
    const ink_pickle *value;
    const ink_weight *weight;
};

ink_status ink_torch_tensor_once(ink_torch_file *file, const ink_pickle *value, const char *name,
                                 const ink_weight **weight, ink_error *error)
{
    for (size_t i = 0; i < file->read_count; i++)
        if (file->read[i].value == value) {
            *weight = file->read[i].weight;
            return INK_OK;
        }
    struct ink_torch_read *read = ink_arena_grow(file->arena, file->read, file->read_count, sizeof *read,
                                                 &file->read_room);
    ink_weight *new = ink_arena_array(file->arena, 1, sizeof *new);
    const char *kept = ink_arena_string(file->arena, name, strlen(name));
    if (!read || !new || !kept)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for tensor '%.200s'", name);
    file->read = read;
    const ink_status status = ink_torch_tensor(file, value, kept, new, error);
    if (status == INK_ERR_SHAPE && error)
        error->status = INK_ERR_FORMAT;
    if (status)
        return status == INK_ERR_SHAPE ? INK_ERR_FORMAT : status;
    file->read[file->read_count++] = (struct ink_torch_read){ value, new };
    *weight = new;
    return INK_OK;
}
