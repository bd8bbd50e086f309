#include "import/keras/tfjs.h"

#include "import/keras/keras_model.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

static const char *find_text(const uint8_t *data, size_t size, const char *text)
{
    const size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++)
        if (data[i] == (uint8_t)*text && memcmp(data + i, text, length) == 0)
            return (const char *)data + i;
    return NULL;
}

bool ink_tfjs_is(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size && strchr(" \t\r\n", data[at]) && data[at])
        at++;
    return at < size && data[at] == '{' &&
           (find_text(data, size, "\"modelTopology\"") || find_text(data, size, "\"weightsManifest\""));
}

#if INK_HAVE_JANSSON

#include <jansson.h>

enum { TENSORS_MOST = 10000, SHARDS_MOST = 10000 };

/* A tensor of the manifest: its floats begin at `begin` of what its group's files give one behind the other. */
typedef struct entry {
    ink_weight weight;
    ink_element element;
    uint64_t begin;
    size_t group;
} entry;

typedef struct group {
    const uint8_t *data;
    uint64_t size;
} group;

typedef struct tfjs {
    ink_draft *draft;
    const ink_companions *companions;
    group *groups;
    entry *entries;
    size_t count;
    ink_error *error;
} tfjs;

static ink_status no_memory(const tfjs *t)
{
    return ink_fail(t->error, INK_ERR_MEMORY, "no memory to read a model");
}

/* ---- the manifest ---- */

static bool element_named(const char *name, ink_element *element)
{
    static const struct {
        const char *name;
        ink_element element;
    } rows[] = { { "float32", INK_ELEMENT_F32 }, { "int32", INK_ELEMENT_I32 }, { "bool", INK_ELEMENT_BOOL },
                 { "uint8", INK_ELEMENT_U8 } };
    for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *element = rows[i].element;
            return true;
        }
    return false;
}

static ink_status read_entry(tfjs *t, const json_t *about, size_t in_group, uint64_t *begin)
{
    const char *name = json_string_value(json_object_get(about, "name"));
    const char *type = json_string_value(json_object_get(about, "dtype"));
    const json_t *shape = json_object_get(about, "shape");
    entry *e = &t->entries[t->count];
    e->weight = (ink_weight){ .name = name, .rank = (uint32_t)json_array_size(shape), .elements = 1 };
    e->group = in_group;
    e->begin = *begin;
    if (!name || !json_is_array(shape) || json_array_size(shape) > INK_WEIGHT_DIMS)
        return ink_fail(t->error, INK_ERR_FORMAT, "weight %zu of its weightsManifest has no name, or no shape of up to "
                        "%d sizes", t->count, INK_WEIGHT_DIMS);
    if (json_object_get(about, "quantization"))
        return ink_fail(t->error, INK_ERR_OP, "weight '%.100s' is quantized, which is not supported; convert the model "
                        "to TensorFlow.js again without --quantize_*", name);
    if (!element_named(type, &e->element))
        return ink_fail(t->error, INK_ERR_TYPE, "weight '%.100s' has the type %.30s, wanted float32", name,
                        type ? type : "none");
    bool fits = true;
    for (uint32_t i = 0; i < e->weight.rank; i++) {
        const json_t *size = json_array_get(shape, i);
        fits = fits && json_is_integer(size) && json_integer_value(size) >= 0;
        e->weight.dim[i] = (uint64_t)json_integer_value(size);
        fits = fits && ink_mul_u64(e->weight.elements, e->weight.dim[i], &e->weight.elements);
    }
    uint64_t bytes = 0;
    if (!fits || !ink_mul_u64(e->weight.elements, ink_element_bytes(e->element), &bytes) ||
        !ink_add_u64(*begin, bytes, begin))
        return ink_fail(t->error, INK_ERR_FORMAT, "weight '%.100s': its shape is no list of sizes", name);
    t->count++;
    return INK_OK;
}

/* The bytes of a group's files, one behind the other. Where files are missing it goes on, so that all are told. */
static ink_status read_shards(tfjs *t, const json_t *paths, group *to)
{
    bool missing = false;
    uint8_t *copy = NULL;
    for (int pass = 0; pass < 2 && !missing; pass++) {
        uint64_t size = 0;
        for (size_t i = 0; i < json_array_size(paths); i++) {
            const char *path = json_string_value(json_array_get(paths, i));
            if (!path)
                return ink_fail(t->error, INK_ERR_FORMAT, "a path of its weightsManifest is no text");
            INK_TRY(ink_companion_check(path, t->error));
            const ink_companion *file = ink_companion_find(t->companions, path);
            missing = missing || !file;
            if (pass && file)
                memcpy(copy + size, file->data, file->size);
            size += file ? file->size : 0;
        }
        if (pass == 0 && !missing) {
            if (size > INK_KERAS_MOST_FLOATS * sizeof(float))
                return ink_fail(t->error, INK_ERR_LIMIT, "its files of weights have more than %llu bytes",
                                (unsigned long long)(INK_KERAS_MOST_FLOATS * sizeof(float)));
            copy = ink_arena_array(t->draft->arena, size ? (size_t)size : 1, 1);
            if (!copy)
                return no_memory(t);
        }
        *to = (group){ copy, size };
    }
    return INK_OK;
}

static ink_status read_manifest(tfjs *t, const json_t *manifest)
{
    const size_t groups = json_array_size(manifest);
    size_t weights = 0, shards = 0;
    for (size_t i = 0; i < groups; i++) {
        weights += json_array_size(json_object_get(json_array_get(manifest, i), "weights"));
        shards += json_array_size(json_object_get(json_array_get(manifest, i), "paths"));
    }
    if (weights > TENSORS_MOST || shards > SHARDS_MOST || groups > SHARDS_MOST)
        return ink_fail(t->error, INK_ERR_LIMIT, "its weightsManifest has more than %d weights or files", TENSORS_MOST);
    t->groups = ink_arena_array(t->draft->arena, groups + 1, sizeof *t->groups);
    t->entries = ink_arena_array(t->draft->arena, weights + 1, sizeof *t->entries);
    if (!t->groups || !t->entries)
        return no_memory(t);
    for (size_t i = 0; i < groups; i++) {
        const json_t *about = json_object_get(json_array_get(manifest, i), "weights");
        uint64_t size = 0;
        for (size_t k = 0; k < json_array_size(about); k++)
            INK_TRY(read_entry(t, json_array_get(about, k), i, &size));
        INK_TRY(read_shards(t, json_object_get(json_array_get(manifest, i), "paths"), &t->groups[i]));
        if (!t->companions->wanted->size && size != t->groups[i].size)
            return ink_fail(t->error, INK_ERR_TRUNCATED, "its files of weights have %llu bytes, its weightsManifest "
                            "tells of %llu", (unsigned long long)t->groups[i].size, (unsigned long long)size);
    }
    return INK_OK;
}

/* ---- weights: "dense_1/kernel" ---- */

/* How well a weight's name fits a layer's: 0 not at all; names may have models before the layer, "s/dense/kernel". */
static int fit(const char *name, const char *wanted, const ink_keras_place *place)
{
    const size_t have = strlen(name), length = strlen(wanted), outer = strlen(place->outer);
    const bool exact = have == length, nested = place->outer != place->name;
    if (have < length || strcmp(name + have - length, wanted) != 0 || (!exact && name[have - length - 1] != '/'))
        return 0;
    return (nested ? strncmp(name, place->outer, outer) == 0 && name[outer] == '/' : exact) ? 2 : 1;
}

/* The one weight that fits best; NULL without. Errors: INK_ERR_FORMAT where two fit as well. */
static ink_status find_entry(const tfjs *t, const ink_keras_place *place, const char *role, entry **found,
                             ink_error *error)
{
    char wanted[300];
    int best = 0;
    bool twice = false;
    *found = NULL;
    snprintf(wanted, sizeof wanted, "%.200s/%.60s", place->name, role);
    for (size_t i = 0; i < t->count; i++) {
        const int new = fit(t->entries[i].weight.name, wanted, place);
        twice = new > best ? false : twice || (new && new == best);
        *found = new > best ? &t->entries[i] : *found;
        best = new > best ? new : best;
    }
    return twice ? ink_fail(error, INK_ERR_FORMAT, "has two weights '%.200s'", wanted) : INK_OK;
}

static ink_status find(void *context, const ink_keras_place *place, size_t index, const char *role, ink_weight *out,
                       ink_error *error)
{
    const tfjs *t = context;
    (void)index;
    *out = (ink_weight){ .name = role };
    entry *e;
    INK_TRY(find_entry(t, place, role, &e, error));
    if (!e)
        return INK_OK;
    if (!e->weight.data) {
        float *data = ink_arena_array(t->draft->arena, e->weight.elements ? (size_t)e->weight.elements : 1,
                                      sizeof *data);
        if (!data)
            return ink_fail(error, INK_ERR_MEMORY, "no memory for weight '%.100s'", e->weight.name);
        for (uint64_t i = 0; i < e->weight.elements; i++)
            data[i] = ink_element_get(e->element, t->groups[e->group].data + e->begin, i);
        e->weight.data = data;
    }
    *out = e->weight;
    return INK_OK;
}

/* ---- the file ---- */

static ink_status read_json(tfjs *t, const uint8_t *data, size_t size, const json_t *root)
{
    const json_t *topology = json_object_get(root, "modelTopology");
    const char *format = json_string_value(json_object_get(root, "format"));
    const bool wrapped = json_object_get(topology, "model_config") != NULL;
    if (!wrapped && !json_object_get(topology, "class_name"))
        return ink_fail(t->error, INK_ERR_OP, "is a TensorFlow.js %.40s, which holds TensorFlow's operations and no "
                        "layers; convert the model it was made from", format ? format : "file");
    INK_TRY(read_manifest(t, json_object_get(root, "weightsManifest")));
    if (t->companions->wanted->size)
        return ink_fail(t->error, INK_ERR_OPEN, "needs its files of weights");
    const ink_keras_weights weights = { .context = t, .find = find };
    return ink_keras_draft((const char *)data, size, wrapped ? "modelTopology/model_config" : "modelTopology", &weights,
                           t->draft, t->error);
}

ink_status ink_tfjs_read(const uint8_t *data, size_t size, const ink_companions *companions, ink_draft *draft,
                         ink_error *error)
{
    json_error_t why;
    tfjs t = { .draft = draft, .companions = companions, .error = error };
    if (size > INK_KERAS_MOST_JSON)
        return ink_fail(error, INK_ERR_LIMIT, "its model.json has %zu bytes, wanted %d at most", size,
                        INK_KERAS_MOST_JSON);
    json_t *root = json_loadb((const char *)data, size, 0, &why);
    if (!root)
        return ink_fail(error, INK_ERR_FORMAT, "is no JSON: line %d: %.100s", why.line, why.text);
    const ink_status status = read_json(&t, data, size, root);
    json_decref(root);
    return status;
}

#else

ink_status ink_tfjs_read(const uint8_t *data, size_t size, const ink_companions *companions, ink_draft *draft,
                         ink_error *error)
{
    (void)data;
    (void)size;
    (void)companions;
    (void)draft;
    return ink_fail(error, INK_ERR_OPEN, "is a TensorFlow.js model: built without jansson, which reads it");
}

#endif
