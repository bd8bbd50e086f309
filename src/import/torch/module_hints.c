#include "import/torch/module_graph.h"

#include <stdio.h>
#include <string.h>

/* One whole number for both sides, or one for each; false for all else, as padding "same". */
static bool two(const ink_pickle *attributes, const char *name, uint64_t usual, uint64_t lowest, uint64_t out[2])
{
    const ink_pickle *found = ink_pickle_get(attributes, name);
    out[0] = out[1] = usual;
    if (!found || found->kind == INK_PICKLE_NONE)
        return usual >= lowest;
    const bool many = found->kind == INK_PICKLE_TUPLE || found->kind == INK_PICKLE_LIST;
    for (size_t i = 0; i < 2; i++) {
        const ink_pickle *one = !many ? found : found->count == 2 ? found->items[i] : NULL;
        if (!one || one->kind != INK_PICKLE_INT || one->integer < (int64_t)lowest || one->integer > 1024)
            return false;
        out[i] = (uint64_t)one->integer;
    }
    return true;
}

static bool ends_with(const char *class, const char *name)
{
    const char *dot = strrchr(class, '.');
    return strncmp(class, "torch.nn.", 9) == 0 && dot && strcmp(dot + 1, name) == 0;
}

static ink_chain_layer *layer_named(ink_chain *chain, const char *path)
{
    for (size_t i = 0; i < chain->count; i++)
        if (strcmp(chain->layers[i].name, path) == 0)
            return &chain->layers[i];
    return NULL;
}

/* ---- layers with weights ---- */

static bool read_window(const ink_torch_module *module, const ink_chain_layer *layer, ink_chain_window *w)
{
    const ink_pickle *padding = ink_pickle_get(module->attributes, "padding");
    uint64_t before[2];
    if (!two(module->attributes, "stride", 1, 1, w->stride) || !two(module->attributes, "dilation", 1, 1, w->dilation))
        return false;
    if (padding && padding->kind == INK_PICKLE_TEXT) {
        const bool same = strcmp(padding->text, "same") == 0;
        const uint64_t kernel[2] = { layer->height, layer->width };
        for (size_t i = 0; i < 2; i++) {
            const uint64_t both = same ? w->dilation[i] * (kernel[i] - 1) : 0;
            w->padding[i] = both / 2;
            w->padding[2 + i] = both - both / 2;
        }
        return true;
    }
    if (!two(module->attributes, "padding", 0, 0, before))
        return false;
    for (size_t i = 0; i < 4; i++)
        w->padding[i] = before[i % 2];
    return true;
}

static ink_status hint_layer(const ink_torch_module *module, ink_chain_layer *layer, ink_arena *arena,
                             ink_error *error)
{
    const ink_pickle *epsilon = ink_pickle_get(module->attributes, "eps");
    if (layer->kind == INK_CHAIN_NORM && epsilon && epsilon->kind == INK_PICKLE_FLOAT)
        layer->epsilon = epsilon->number;
    if (layer->kind != INK_CHAIN_CONV || !layer->height || !layer->width || !ends_with(module->class, "Conv2d"))
        return INK_OK;
    ink_chain_window *window = ink_arena_array(arena, 1, sizeof *window);
    if (!window)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    layer->window = read_window(module, layer, window) ? window : NULL;
    return INK_OK;
}

/* ---- layers without weights ---- */

static const char *activation_of(const ink_torch_module *module, ink_arena *arena)
{
    static const struct {
        const char *class, *op, *attribute;
    } rows[] = {
        { "ReLU", "relu", NULL },       { "Tanh", "tanh", NULL }, { "Sigmoid", "sigmoid", NULL },
        { "GELU", "gelu", NULL },       { "ELU", "elu", "alpha" },
        { "LeakyReLU", "leaky_relu", "negative_slope" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!ends_with(module->class, rows[i].class))
            continue;
        const ink_pickle *found = rows[i].attribute ? ink_pickle_get(module->attributes, rows[i].attribute) : NULL;
        if (!found)
            return rows[i].op;
        return ink_arena_format(arena, "%s alpha=%.9g", rows[i].op,
                                found->kind == INK_PICKLE_FLOAT ? found->number : (double)found->integer);
    }
    return NULL;
}

static bool pool_of(const ink_torch_module *module, const char **op, ink_chain_pool *pool)
{
    uint64_t kernel[2], stride[2], padding[2];
    const ink_pickle *ceil = ink_pickle_get(module->attributes, "ceil_mode");
    const ink_pickle *counts = ink_pickle_get(module->attributes, "count_include_pad");
    const bool average = ends_with(module->class, "AvgPool2d");
    *op = ends_with(module->class, "MaxPool2d") ? "max_pool2d" : average ? "avg_pool2d" : NULL;
    if (!*op || !two(module->attributes, "kernel_size", 0, 1, kernel) ||
        !two(module->attributes, "stride", kernel[0], 1, stride) ||
        !two(module->attributes, "padding", 0, 0, padding) || kernel[0] != kernel[1] || stride[0] != stride[1] ||
        padding[0] != padding[1] || kernel[0] > 28 ||
        stride[0] > 28 || padding[0] > kernel[0] / 2)
        return false;
    if (average && padding[0] && counts && !counts->integer)
        return false;
    *pool = (ink_chain_pool){ (uint8_t)kernel[0], (uint8_t)stride[0], (uint8_t)padding[0],
                              ceil && ceil->kind == INK_PICKLE_BOOL && ceil->integer };
    return true;
}

/* What all modules have that are of this kind; nothing where they differ. */
static ink_status hint_rest(const ink_torch_state *state, ink_arena *arena, ink_chain *chain, ink_error *error)
{
    bool activations_differ = false, pools_differ = false;
    ink_chain_pool *all = ink_arena_array(arena, 1, sizeof *all);
    if (!all)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    for (size_t i = 0; i < state->module_count; i++) {
        const char *activation = activation_of(&state->modules[i], arena), *op;
        ink_chain_pool pool;
        if (activation) {
            activations_differ = activations_differ ||
                                 (chain->activation && strcmp(chain->activation, activation) != 0);
            chain->activation = activation;
        }
        if (pool_of(&state->modules[i], &op, &pool)) {
            pools_differ = pools_differ || (chain->pool_op && (strcmp(chain->pool_op, op) != 0 ||
                                                               memcmp(all, &pool, sizeof pool) != 0));
            chain->pool_op = op;
            *all = pool;
            chain->pool = all;
        }
    }
    if (activations_differ)
        chain->activation = NULL;
    if (pools_differ) {
        chain->pool_op = NULL;
        chain->pool = NULL;
    }
    return INK_OK;
}

ink_status ink_module_hints(const ink_torch_state *state, ink_arena *arena, ink_chain *chain, ink_error *error)
{
    for (size_t i = 0; i < state->module_count; i++) {
        ink_chain_layer *layer = layer_named(chain, state->modules[i].path);
        if (layer)
            INK_TRY(hint_layer(&state->modules[i], layer, arena, error));
    }
    return hint_rest(state, arena, chain, error);
}
