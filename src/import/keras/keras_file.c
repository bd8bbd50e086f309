#include "import/keras/keras_file.h"

#include "import/keras/hdf5_file.h"
#include "import/keras/keras_model.h"
#include "import/zip_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- telling files ---- */

static bool contains(const uint8_t *data, size_t size, const char *text)
{
    const size_t length = strlen(text);
    const uint8_t *at = data, *end = data + size;
    while ((size_t)(end - at) >= length && (at = memchr(at, *text, (size_t)(end - at) - length + 1)) != NULL) {
        if (memcmp(at, text, length) == 0)
            return true;
        at++;
    }
    return false;
}

/* Members' names stand in the directory, at the end. */
bool ink_keras_is_archive(const uint8_t *data, size_t size)
{
    enum { DIRECTORY = 1 << 16 };
    const size_t begin = size > DIRECTORY ? size - DIRECTORY : 0;
    return size > 4 && memcmp(data, "PK\3\4", 4) == 0 && contains(data + begin, size - begin, "config.json") &&
           contains(data + begin, size - begin, "model.weights.");
}

/* A protocol buffer (tensorflow/core/protobuf/saved_model.proto): version 1, then the graph, tagged "serve". */
bool ink_keras_is_saved_model(const uint8_t *data, size_t size)
{
    return size > 8 && memcmp(data, "\x08\x01\x12", 3) == 0 && contains(data, size, "\x22\x05serve");
}

/* ---- weights of .keras: "layers/conv2d/vars/0" ---- */

/* Old versions under Windows have "layers\\conv2d" for "layers/conv2d". */
static void turn_slashes(char *path, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (path[i] == '/')
            path[i] = '\\';
}

static bool archive_has(void *context, const char *path)
{
    ink_hdf5_names all = { .count = 0 };
    char turned[1024];
    const size_t length = (size_t)snprintf(turned, sizeof turned, "%s\\", path);
    if (ink_hdf5_has(context, path))
        return true;
    if (length >= sizeof turned || ink_hdf5_children(context, "", &all, NULL))
        return false;
    turn_slashes(turned, length);
    for (size_t i = 0; i < all.count; i++)
        if (strncmp(all.names[i], turned, length) == 0)
            return true;
    return false;
}

static ink_status archive_find(void *context, const ink_keras_place *place, size_t index, const char *role,
                               ink_weight *out, ink_error *error)
{
    char path[1024];
    if ((size_t)snprintf(path, sizeof path, "%s/vars/%zu", place->path, index) >= sizeof path)
        return ink_fail(error, INK_ERR_LIMIT, "layer '%.60s' stands too deep in models", place->name);
    INK_TRY(ink_hdf5_tensor(context, path, role, out, error));
    if (out->data)
        return INK_OK;
    turn_slashes(path, strlen(place->path));
    return ink_hdf5_tensor(context, path, role, out, error);
}

ink_status ink_keras_read_archive(const uint8_t *data, size_t size, ink_draft *draft, ink_error *error)
{
    const uint8_t *config = NULL, *tensors = NULL;
    size_t config_size = 0, tensors_size = 0;
    ink_zip *zip = NULL;
    ink_hdf5 *file = NULL;
    INK_TRY(ink_zip_open(data, size, &zip, error));
    ink_status status = ink_zip_read(zip, "config.json", draft->arena, &config, &config_size, error);
    if (!status)
        status = ink_zip_read(zip, "model.weights.h5", draft->arena, &tensors, &tensors_size, error);
    ink_zip_close(&zip);
    INK_TRY(status);
    if (!config || !tensors)
        return ink_fail(error, INK_ERR_MISSING, "is a zip archive without %s: save the model again, in one file",
                        config ? "model.weights.h5" : "config.json");
    INK_TRY(ink_hdf5_open(tensors, tensors_size, draft->arena, &file, error));
    const ink_keras_weights weights = { .context = file, .find = archive_find, .has = archive_has };
    status = ink_keras_draft((const char *)config, config_size, NULL, &weights, draft, error);
    ink_hdf5_close(&file);
    return status;
}

/* ---- weights of .h5: "conv2d/conv2d/kernel:0", told by the attribute weight_names of a layer's group ---- */

typedef struct h5 {
    ink_hdf5 *file;
    const char *folder; /* "model_weights" or "" */
    const char *outer;  /* the layer whose names these are */
    ink_hdf5_names names;
} h5;

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
}

/* "kernel" of "conv2d/kernel:0", and the length without the number of an output. */
static const char *role_of(const char *name, size_t *length)
{
    const char *slash = strrchr(name, '/'), *role = slash ? slash + 1 : name;
    *length = strcspn(role, ":");
    return role;
}

/* Is it "...NAME/role"? Keras 3.0 wrote "role" alone, which can stand there but once. */
static bool is_weight_of(const char *path, const char *layer, const char *role)
{
    size_t length;
    const char *last = role_of(path, &length);
    const size_t name = strlen(layer);
    if (length != strlen(role) || memcmp(last, role, length) != 0)
        return false;
    return last == path || ((size_t)(last - path) > name && memcmp(last - 1 - name, layer, name) == 0 &&
                            (last - 1 - name == path || last[-2 - (ptrdiff_t)name] == '/'));
}

/* Weights of a model within the model stand together, so they go by their names. */
static ink_status find_nested(const h5 *h, const ink_keras_place *place, const char *role, const char **name,
                              ink_error *error)
{
    *name = NULL;
    for (size_t i = 0; i < h->names.count; i++)
        if (is_weight_of(h->names.names[i], place->name, role)) {
            if (*name)
                return ink_fail(error, INK_ERR_FORMAT, "model '%.60s' has two weights '%.60s/%s'", place->outer,
                                place->name, role);
            *name = h->names.names[i];
        }
    return INK_OK;
}

static ink_status h5_find(void *context, const ink_keras_place *place, size_t index, const char *role,
                          ink_weight *out, ink_error *error)
{
    h5 *h = context;
    char path[1024];
    bool found;
    *out = (ink_weight){ .name = role };
    if (!h->outer || strcmp(h->outer, place->outer) != 0) {
        snprintf(path, sizeof path, "%s%s%.500s", h->folder, *h->folder ? "/" : "", place->outer);
        h->names.count = 0;
        INK_TRY(ink_hdf5_list(h->file, path, "weight_names", &h->names, &found, error));
        h->outer = place->outer;
    }
    const char *name = index < h->names.count ? h->names.names[index] : NULL;
    if (place->outer != place->name)
        INK_TRY(find_nested(h, place, role, &name, error));
    if (!name)
        return INK_OK;
    snprintf(path, sizeof path, "%s%s%.400s/%.400s", h->folder, *h->folder ? "/" : "", place->outer, name);
    return ink_hdf5_tensor(h->file, path, role, out, error);
}

/* ---- weights alone, as PyTorch has them ---- */

typedef struct list {
    ink_hdf5 *file;
    ink_arena *arena;
    ink_weight *weights;
    size_t count, room;
    ink_error *error;
} list;

/* Keras' name of a weight, by its end, and PyTorch's. Keras 1 wrote "dense_1_W". */
static const char *part_of(const char *role, size_t length)
{
    static const struct {
        const char *end, *part;
    } rows[] = {
        { "kernel", "weight" },     { "gamma", "weight" },           { "beta", "bias" },
        { "bias", "bias" },         { "moving_mean", "running_mean" }, { "moving_variance", "running_var" },
        { "running_mean", "running_mean" }, { "running_std", "running_var" }, { "_W", "weight" }, { "_b", "bias" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t end = strlen(rows[i].end);
        if (length >= end && memcmp(role + length - end, rows[i].end, end) == 0 &&
            (length == end || rows[i].end[0] == '_'))
            return rows[i].part;
    }
    return NULL;
}

/* From [KH,KW,I,O] to O,I,KH,KW, and from [I,O] to O,I. */
static ink_status turn(ink_weight *weight, ink_arena *arena, ink_error *error)
{
    const uint64_t pixels = weight->rank == 4 ? weight->dim[0] * weight->dim[1] : 1;
    const uint64_t in = weight->dim[weight->rank - 2], out = weight->dim[weight->rank - 1];
    float *to = ink_arena_array(arena, weight->elements ? (size_t)weight->elements : 1, sizeof *to);
    if (!to)
        return no_memory(error);
    for (uint64_t p = 0; p < pixels; p++)
        for (uint64_t i = 0; i < in; i++)
            for (uint64_t o = 0; o < out; o++)
                to[(o * in + i) * pixels + p] = weight->data[(p * in + i) * out + o];
    if (weight->rank == 4) {
        weight->dim[2] = weight->dim[0];
        weight->dim[3] = weight->dim[1];
    }
    weight->dim[0] = out;
    weight->dim[1] = in;
    weight->data = to;
    return INK_OK;
}

/* Makes room behind the last tensor of the layer, or at the end: a model within the model has its norms' means behind
 * all that is trained. */
static ink_weight *insert(list *l, const char *layer)
{
    const size_t length = strlen(layer);
    ink_weight *weights = ink_arena_grow(l->arena, l->weights, l->count, sizeof *weights, &l->room);
    if (!weights)
        return NULL;
    l->weights = weights;
    size_t at = l->count;
    while (at && (strncmp(weights[at - 1].name, layer, length) != 0 || weights[at - 1].name[length] != '.'))
        at--;
    at = at ? at : l->count;
    memmove(&weights[at + 1], &weights[at], (l->count - at) * sizeof *weights);
    l->count++;
    return &weights[at];
}

/* Adds the tensor at a path as the part of a layer. */
static ink_status add_tensor(list *l, const char *path, const char *layer, const char *part)
{
    const char *name = ink_arena_format(l->arena, "%s.%s", layer, part);
    ink_weight weight;
    if (!name)
        return no_memory(l->error);
    if (l->count >= INK_HDF5_MOST_NAMES)
        return ink_fail(l->error, INK_ERR_LIMIT, "has more than %d tensors", INK_HDF5_MOST_NAMES);
    INK_TRY(ink_hdf5_tensor(l->file, path, name, &weight, l->error));
    if (!weight.data)
        return ink_fail(l->error, INK_ERR_MISSING, "tensor '%.200s' is not in the file", path);
    if (strcmp(part, "weight") == 0 && (weight.rank == 2 || weight.rank == 4))
        INK_TRY(turn(&weight, l->arena, l->error));
    ink_weight *to = insert(l, layer);
    if (!to)
        return no_memory(l->error);
    *to = weight;
    return INK_OK;
}

/* The layer in "model/layer/kernel:0"; `other` where there is none. */
static const char *layer_of(ink_arena *arena, const char *name, const char *other)
{
    size_t length;
    const char *role = role_of(name, &length), *begin = role - (role > name);
    const char *const end = begin;
    while (begin > name && begin[-1] != '/')
        begin--;
    return end > begin ? ink_arena_string(arena, begin, (size_t)(end - begin)) : other;
}

static ink_status add_layer(list *l, const char *folder, const char *layer)
{
    ink_hdf5_names names = { .count = 0 };
    bool found;
    const char *group = ink_arena_format(l->arena, "%s%s%s", folder, *folder ? "/" : "", layer);
    if (!group)
        return no_memory(l->error);
    INK_TRY(ink_hdf5_list(l->file, group, "weight_names", &names, &found, l->error));
    for (size_t i = 0; i < names.count; i++) {
        size_t length;
        const char *role = role_of(names.names[i], &length), *part = part_of(role, length);
        const char *path = ink_arena_format(l->arena, "%s/%s", group, names.names[i]);
        const char *owner = layer_of(l->arena, names.names[i], layer);
        part = part ? part : ink_arena_string(l->arena, role, length);
        if (!path || !part || !owner)
            return no_memory(l->error);
        INK_TRY(add_tensor(l, path, owner, part));
    }
    return INK_OK;
}

/* Keras 3's form has numbers in place of names: a kernel and a bias, or a batch norm's four. */
static ink_status add_numbered(list *l, const char *folder, const char *layer)
{
    static const char *const plain[] = { "weight", "bias" };
    static const char *const norm[] = { "weight", "bias", "running_mean", "running_var" };
    ink_hdf5_names vars = { .count = 0 };
    const char *group = ink_arena_format(l->arena, "%s%s%s/vars", folder, *folder ? "/" : "", layer);
    if (!group)
        return no_memory(l->error);
    INK_TRY(ink_hdf5_children(l->file, group, &vars, l->error));
    for (size_t i = 0; i < vars.count; i++) {
        const char *path = ink_arena_format(l->arena, "%s/%s", group, vars.names[i]);
        const char *part = vars.count == 4 ? norm[i] : vars.count <= 2 ? plain[i] : vars.names[i];
        if (!path)
            return no_memory(l->error);
        INK_TRY(add_tensor(l, path, layer, part));
    }
    return INK_OK;
}

/* Convolutions before dense layers, "conv2d" before "conv2d_1" before "conv2d_10". */
static int by_layer(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    const int dense_x = strncmp(x, "dense", 5) == 0, dense_y = strncmp(y, "dense", 5) == 0;
    const size_t length_x = strlen(x), length_y = strlen(y), same = strcspn(x, "_0123456789");
    if (dense_x != dense_y)
        return dense_x - dense_y;
    if (strncmp(x, y, same) == 0 && length_x != length_y)
        return length_x < length_y ? -1 : 1;
    return strcmp(x, y);
}

static ink_status read_weights(list *l, const char *folder)
{
    ink_hdf5_names layers = { .count = 0 };
    bool found;
    INK_TRY(ink_hdf5_list(l->file, folder, "layer_names", &layers, &found, l->error));
    for (size_t i = 0; i < layers.count; i++)
        INK_TRY(add_layer(l, folder, layers.names[i]));
    if (found)
        return INK_OK;
    folder = ink_hdf5_has(l->file, "layers") ? "layers" : ""; /* a model of its author's class has them at the root */
    INK_TRY(ink_hdf5_children(l->file, folder, &layers, l->error));
    if (layers.count)
        qsort(layers.names, layers.count, sizeof *layers.names, by_layer);
    for (size_t i = 0; i < layers.count; i++)
        INK_TRY(add_numbered(l, folder, layers.names[i]));
    return INK_OK;
}

/* ---- .h5 ---- */

static ink_status read_h5(ink_hdf5 *file, ink_arena *arena, ink_draft *draft, ink_weight **weights, size_t *count,
                          ink_error *error)
{
    const char *config, *backend;
    h5 h = { .file = file, .folder = ink_hdf5_has(file, "model_weights") ? "model_weights" : "" };
    INK_TRY(ink_hdf5_text(file, "", "model_config", &config, error));
    if (config) {
        INK_TRY(ink_hdf5_text(file, "", "backend", &backend, error));
        const ink_keras_weights from = { .context = &h, .find = h5_find,
                                         .flipped = backend && strcmp(backend, "theano") == 0 };
        ink_draft_init(draft, arena);
        return ink_keras_draft(config, strlen(config), NULL, &from, draft, error);
    }
    list l = { .file = file, .arena = arena, .error = error };
    INK_TRY(read_weights(&l, h.folder));
    *weights = l.weights;
    *count = l.count;
    return l.count ? INK_OK : ink_fail(error, INK_ERR_MISSING, "is an HDF5 file that holds no model of Keras");
}

ink_status ink_keras_read_h5(const uint8_t *data, size_t size, ink_arena *arena, ink_draft *draft, ink_weight **weights,
                             size_t *count, ink_error *error)
{
    ink_hdf5 *file = NULL;
    *weights = NULL;
    *count = 0;
    INK_TRY(ink_hdf5_open(data, size, arena, &file, error));
    const ink_status status = read_h5(file, arena, draft, weights, count, error);
    ink_hdf5_close(&file);
    return status;
}
