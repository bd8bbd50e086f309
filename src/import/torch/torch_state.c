#include "import/torch/torch_state.h"

#include <string.h>

enum { DEPTH_MOST = 32, VISITS_MOST = 100000, TENSORS_MOST = 10000 };

typedef struct walk {
    ink_torch_file *file;
    ink_torch_state *state;
    size_t weight_room, module_room, visits;
    ink_error *error;
} walk;

static const ink_pickle *attributes_of(const ink_pickle *value)
{
    return value->kind == INK_PICKLE_OBJECT && value->state && value->state->kind == INK_PICKLE_DICT ? value->state
                                                                                                     : NULL;
}

/* ---- adding ---- */

static ink_status no_memory(const walk *w)
{
    return ink_fail(w->error, INK_ERR_MEMORY, "no memory to read a model");
}

/* A module that stands in two places has each of its weights there, and so has a layer that shares another's. */
static bool is_known(const ink_torch_state *s, const ink_weight *weight)
{
    for (size_t i = 0; i < s->weight_count; i++)
        if (s->weights[i].source == weight->source && s->weights[i].rank == weight->rank && weight->elements &&
            memcmp(s->weights[i].dim, weight->dim, sizeof weight->dim) == 0)
            return true;
    return false;
}

static ink_status add_weight(walk *w, const char *name, const ink_pickle *value)
{
    ink_torch_state *s = w->state;
    ink_weight weight;
    if (s->weight_count == TENSORS_MOST)
        return ink_fail(w->error, INK_ERR_LIMIT, "the file has more than %d tensors", TENSORS_MOST);
    INK_TRY(ink_torch_tensor(w->file, value, name, &weight, w->error));
    if (is_known(s, &weight))
        return INK_OK;
    ink_weight *weights = ink_arena_grow(w->file->arena, s->weights, s->weight_count, sizeof *weights,
                                         &w->weight_room);
    if (!weights)
        return no_memory(w);
    s->weights = weights;
    s->weights[s->weight_count++] = weight;
    return INK_OK;
}

static ink_status add_module(walk *w, const char *path, const ink_pickle *value, const ink_pickle *attributes)
{
    ink_torch_state *s = w->state;
    ink_torch_module *modules = ink_arena_grow(w->file->arena, s->modules, s->module_count, sizeof *modules,
                                               &w->module_room);
    if (!modules)
        return no_memory(w);
    s->modules = modules;
    s->modules[s->module_count++] = (ink_torch_module){ path, value->text, attributes };
    return INK_OK;
}

/* ---- walking ---- */

static const char *joined(walk *w, const char *path, const ink_pickle *key)
{
    return ink_arena_format(w->file->arena, "%s%s%.200s", path, *path ? "." : "", key->text);
}

static ink_status visit(walk *w, const char *path, const ink_pickle *value, int depth);

static ink_status visit_items(walk *w, const char *path, const ink_pickle *dict, int depth)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        const ink_pickle *key = dict->items[i], *value = dict->items[i + 1];
        if (key->kind != INK_PICKLE_TEXT || (!ink_torch_is_tensor(value) && !attributes_of(value)))
            continue;
        const char *name = joined(w, path, key);
        if (!name)
            return no_memory(w);
        INK_TRY(visit(w, name, value, depth + 1));
    }
    return INK_OK;
}

/* torch.nn.Module keeps what it is made of in three dicts; TorchScript has it among the attributes. */
static ink_status visit(walk *w, const char *path, const ink_pickle *value, int depth)
{
    static const char *const parts[] = { "_parameters", "_buffers", "_modules" };
    if (depth > DEPTH_MOST || ++w->visits > VISITS_MOST)
        return ink_fail(w->error, INK_ERR_LIMIT, "the modules of the file are nested too deep, or in a circle");
    if (ink_torch_is_tensor(value))
        return add_weight(w, path, value);
    const ink_pickle *attributes = attributes_of(value);
    if (!attributes)
        return value->kind == INK_PICKLE_DICT ? visit_items(w, path, value, depth) : INK_OK;
    INK_TRY(add_module(w, path, value, attributes));
    const bool plain = ink_pickle_get(attributes, "_modules") != NULL;
    for (size_t i = 0; plain && i < sizeof parts / sizeof *parts; i++) {
        const ink_pickle *part = ink_pickle_get(attributes, parts[i]);
        if (part && part->kind == INK_PICKLE_DICT)
            INK_TRY(visit_items(w, path, part, depth));
    }
    return plain ? INK_OK : visit_items(w, path, attributes, depth);
}

/* ---- where the tensors are ---- */

/* Tensors and modules that are values of the dict itself. */
static size_t count_direct(const ink_pickle *value)
{
    size_t count = 0;
    if (attributes_of(value))
        return 1;
    for (size_t i = 0; value->kind == INK_PICKLE_DICT && i + 1 < value->count; i += 2)
        count += ink_torch_is_tensor(value->items[i + 1]);
    return count;
}

/* A checkpoint: the key that people use, else what has the most tensors; an optimizer keeps none directly. */
static const ink_pickle *find_state(const ink_pickle *root, const char **key)
{
    static const char *const usual[] = { "state_dict", "model_state_dict", "model_state", "model", "net", "network",
                                         "weights", "params" };
    const ink_pickle *best = NULL;
    size_t most = 0;
    *key = "";
    if (root->kind != INK_PICKLE_DICT || count_direct(root))
        return root;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const ink_pickle *found = ink_pickle_get(root, usual[i]);
        if (found && count_direct(found)) {
            *key = usual[i];
            return found;
        }
    }
    for (size_t i = 0; i + 1 < root->count; i += 2)
        if (root->items[i]->kind == INK_PICKLE_TEXT && count_direct(root->items[i + 1]) > most) {
            most = count_direct(root->items[i + 1]);
            best = root->items[i + 1];
            *key = root->items[i]->text;
        }
    return best ? best : root;
}

ink_status ink_torch_state_read(ink_torch_file *file, ink_torch_state *state, ink_error *error)
{
    walk w = { .file = file, .state = state, .error = error };
    *state = (ink_torch_state){ .key = "" };
    INK_TRY(visit(&w, "", find_state(file->root, &state->key), 0));
    return state->weight_count ? INK_OK : ink_fail(error, INK_ERR_MISSING, "holds no tensors: no model");
}
