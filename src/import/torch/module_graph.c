#include "import/torch/module_graph.h"

#include "import/torch/torch_nodes.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MOST = 32, VISITS_MOST = 200000 };

typedef struct reader {
    ink_torch_file *file;
    const ink_torch_module *root;
    ink_torch_net *net;
    size_t visits; /* of all runs */
} reader;

/* A module at work. */
typedef struct layer {
    reader *r;
    const char *path, *class; /* "1.0", "Conv2d" */
    const ink_pickle *attributes;
    ink_torch_value *x; /* taken, and given */
    int depth;
} layer;

/* ---- attributes ---- */

static const ink_pickle *attribute(const layer *l, const char *name)
{
    return ink_pickle_get(l->attributes, name);
}

static ink_status malformed(const layer *l, const char *name)
{
    return ink_fail(l->r->net->error, INK_ERR_FORMAT, "%s: its attribute '%s' is malformed", l->r->net->where, name);
}

static bool is_true(const layer *l, const char *name, bool usual)
{
    const ink_pickle *found = attribute(l, name);
    return found && found->kind == INK_PICKLE_BOOL ? found->integer != 0 : usual;
}

static bool is_none(const ink_pickle *value)
{
    return !value || value->kind == INK_PICKLE_NONE;
}

static double number(const layer *l, const char *name, double usual)
{
    const ink_pickle *found = attribute(l, name);
    if (!found || (found->kind != INK_PICKLE_FLOAT && found->kind != INK_PICKLE_INT))
        return usual;
    return found->kind == INK_PICKLE_FLOAT ? found->number : (double)found->integer;
}

/* A whole number for all, or a tuple of `count`; None and nothing leave `to` as it is. */
static ink_status sizes(const layer *l, const char *name, int64_t lowest, size_t count, uint64_t *to)
{
    const ink_pickle *found = attribute(l, name);
    if (is_none(found))
        return INK_OK;
    if (found->kind == INK_PICKLE_CALL && found->items[0]->count) /* torch.Size */
        found = found->items[0]->items[0];
    const bool many = found->kind == INK_PICKLE_TUPLE || found->kind == INK_PICKLE_LIST;
    if (many && found->count != count && found->count != 1)
        return malformed(l, name);
    for (size_t i = 0; i < count; i++) {
        const ink_pickle *one = many ? found->items[found->count == 1 ? 0 : i] : found;
        if (one->kind == INK_PICKLE_NONE)
            continue;
        if (one->kind != INK_PICKLE_INT || one->integer < lowest || one->integer > INT32_MAX)
            return malformed(l, name);
        to[i] = (uint64_t)one->integer;
    }
    return INK_OK;
}

/* A parameter or buffer; NULL where there is none. */
static ink_status tensor(const layer *l, const char *where, const char *name, const ink_weight **out)
{
    const ink_pickle *found = ink_pickle_get(attribute(l, where), name);
    *out = NULL;
    if (is_none(found))
        return INK_OK;
    return ink_torch_tensor_once(l->r->file, found, name, out, l->r->net->error);
}

static ink_status unsupported(const layer *l, const char *what)
{
    ink_torch_fault(l->r->net, "%s", what);
    l->x->node = NULL;
    return INK_OK;
}

/* ---- classes ---- */

static ink_status same_padding(const layer *l, const ink_weight *weight, ink_torch_window *w)
{
    const ink_pickle *padding = attribute(l, "padding");
    if (padding && padding->kind == INK_PICKLE_TEXT) {
        for (int i = 0; i < 2 && strcmp(padding->text, "same") == 0 && weight->rank == 4; i++) {
            const uint64_t both = w->dilation[i] * (weight->dim[2 + i] - (weight->dim[2 + i] > 0));
            w->padding[i] = both / 2;
            w->padding[2 + i] = both - both / 2;
        }
        return INK_OK;
    }
    INK_TRY(sizes(l, "padding", 0, 2, w->padding));
    memcpy(w->padding + 2, w->padding, 2 * sizeof *w->padding);
    return INK_OK;
}

static ink_status conv(const layer *l)
{
    ink_torch_window w = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };
    const ink_weight *weight, *bias;
    const ink_torch_value x = *l->x;
    const ink_pickle *mode = attribute(l, "padding_mode");
    if (mode && mode->kind == INK_PICKLE_TEXT && strcmp(mode->text, "zeros") != 0)
        return unsupported(l, "pads with something other than zeros, which is not supported");
    INK_TRY(tensor(l, "_parameters", "weight", &weight));
    INK_TRY(tensor(l, "_parameters", "bias", &bias));
    if (!weight)
        return malformed(l, "weight");
    INK_TRY(sizes(l, "stride", 1, 2, w.stride));
    INK_TRY(sizes(l, "dilation", 1, 2, w.dilation));
    INK_TRY(sizes(l, "groups", 1, 1, &w.groups));
    INK_TRY(same_padding(l, weight, &w));
    return ink_torch_conv(l->r->net, &x, weight, bias, &w, l->x);
}

static ink_status linear(const layer *l)
{
    const ink_weight *weight, *bias;
    const ink_torch_value x = *l->x;
    INK_TRY(tensor(l, "_parameters", "weight", &weight));
    INK_TRY(tensor(l, "_parameters", "bias", &bias));
    return weight ? ink_torch_dense(l->r->net, &x, weight, false, bias, l->x) : malformed(l, "weight");
}

static ink_status norm(const layer *l)
{
    const ink_weight *weight, *bias, *mean, *variance;
    const ink_torch_value x = *l->x;
    INK_TRY(tensor(l, "_parameters", "weight", &weight));
    INK_TRY(tensor(l, "_parameters", "bias", &bias));
    INK_TRY(tensor(l, "_buffers", "running_mean", &mean));
    INK_TRY(tensor(l, "_buffers", "running_var", &variance));
    if (!mean || !variance)
        return unsupported(l, "norms by the batch itself, without running statistics, which is not supported");
    return ink_torch_norm(l->r->net, &x, weight, bias, mean, variance, number(l, "eps", 1e-5), l->x);
}

static ink_status pool(const layer *l)
{
    ink_torch_window w = { .dilation = { 1, 1 }, .ceil = is_true(l, "ceil_mode", false) };
    const bool max = strcmp(l->class, "MaxPool2d") == 0;
    const ink_torch_value x = *l->x;
    INK_TRY(sizes(l, "kernel_size", 1, 2, w.kernel));
    memcpy(w.stride, w.kernel, sizeof w.stride);
    INK_TRY(sizes(l, "stride", 1, 2, w.stride));
    INK_TRY(sizes(l, "padding", 0, 2, w.padding));
    memcpy(w.padding + 2, w.padding, 2 * sizeof *w.padding);
    if (max)
        INK_TRY(sizes(l, "dilation", 1, 2, w.dilation));
    w.count_padding = !max && is_true(l, "count_include_pad", true);
    if (is_true(l, "return_indices", false) || !is_none(attribute(l, "divisor_override")))
        return unsupported(l, "return_indices and divisor_override are not supported");
    return ink_torch_pool(l->r->net, max ? "max_pool2d" : "avg_pool2d", &x, &w, l->x);
}

static ink_status adaptive(const layer *l)
{
    const ink_torch_value x = *l->x;
    uint64_t size[2] = { x.dim[1], x.dim[2] };
    if (is_true(l, "return_indices", false))
        return unsupported(l, "return_indices is not supported");
    INK_TRY(sizes(l, "output_size", 1, 2, size));
    return ink_torch_adaptive(l->r->net, strcmp(l->class, "AdaptiveMaxPool2d") == 0, &x, size, l->x);
}

static ink_status activation(const layer *l)
{
    static const struct {
        const char *class, *op, *attribute;
        double usual;
    } rows[] = {
        { "ReLU", "relu", NULL, 0 },       { "LeakyReLU", "leaky_relu", "negative_slope", 0.01 },
        { "ELU", "elu", "alpha", 1 },      { "Sigmoid", "sigmoid", NULL, 0 },
        { "Tanh", "tanh", NULL, 0 },
    };
    const ink_torch_value x = *l->x;
    const ink_pickle *approximate = attribute(l, "approximate");
    const ink_weight *weight;
    char text[60] = "";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].class, l->class) == 0) {
            if (rows[i].attribute)
                snprintf(text, sizeof text, "alpha=%.9g", number(l, rows[i].attribute, rows[i].usual));
            return ink_torch_same(l->r->net, rows[i].op, text, &x, l->x);
        }
    if (strcmp(l->class, "GELU") == 0) {
        const bool tanh = approximate && approximate->kind == INK_PICKLE_TEXT && strcmp(approximate->text, "tanh") == 0;
        return ink_torch_same(l->r->net, "gelu", tanh ? "approximate=1" : "", &x, l->x);
    }
    INK_TRY(tensor(l, "_parameters", "weight", &weight)); /* PReLU */
    if (!weight || weight->elements != 1)
        return unsupported(l, "one slope for each channel is not supported; one for all is");
    snprintf(text, sizeof text, "alpha=%.9g", (double)weight->data[0]);
    return ink_torch_same(l->r->net, "leaky_relu", text, &x, l->x);
}

static ink_status softmax(const layer *l)
{
    const ink_torch_value x = *l->x;
    uint32_t axis = 0;
    const bool none = is_none(attribute(l, "dim")); /* then it is the only one */
    if (x.node && (none ? x.rank != 1 : !ink_torch_axis(&x, (int64_t)number(l, "dim", 0), &axis)))
        return unsupported(l, "goes over the pictures of a batch; give it dim=1");
    return ink_torch_softmax(l->r->net, strcmp(l->class, "Softmax") == 0 ? "softmax" : "log_softmax", &x, axis, l->x);
}

static ink_status flatten(const layer *l)
{
    const ink_torch_value x = *l->x;
    return ink_torch_flatten(l->r->net, &x, (int64_t)number(l, "start_dim", 1), (int64_t)number(l, "end_dim", -1),
                             l->x);
}

static ink_status unflatten(const layer *l)
{
    const ink_torch_value x = *l->x;
    const ink_pickle *found = attribute(l, "unflattened_size");
    uint64_t dim[INK_TORCH_RANK];
    if (found && found->kind == INK_PICKLE_CALL && found->items[0]->count)
        found = found->items[0]->items[0];
    if (x.rank != 1 || number(l, "dim", 0) != 1 || !found || found->kind != INK_PICKLE_TUPLE || !found->count ||
        found->count > INK_TORCH_RANK)
        return unsupported(l, "is supported behind the batch, with dim=1, only");
    for (size_t i = 0; i < found->count; i++) {
        if (found->items[i]->kind != INK_PICKLE_INT || found->items[i]->integer < -1 || !found->items[i]->integer)
            return malformed(l, "unflattened_size");
        dim[i] = found->items[i]->integer < 0 ? UINT64_MAX : (uint64_t)found->items[i]->integer;
    }
    return ink_torch_reshape(l->r->net, &x, (uint32_t)found->count, dim, l->x);
}

/* padding: left, right, top, bottom */
static ink_status pad(const layer *l)
{
    const ink_torch_value x = *l->x;
    uint64_t p[4] = { 0 };
    INK_TRY(sizes(l, "padding", 0, 4, p));
    return ink_torch_pad(l->r->net, &x, (const uint64_t[]){ p[2], p[0], p[3], p[1] }, number(l, "value", 0), l->x);
}

static ink_status keep(const layer *l)
{
    (void)l;
    return INK_OK;
}

static ink_status sequential(const layer *l);

static const struct row {
    const char *class;
    ink_status (*run)(const layer *l);
} rows[] = {
    { "Sequential", sequential },
    { "DataParallel", sequential },
    { "Conv2d", conv },
    { "Linear", linear },
    { "NonDynamicallyQuantizableLinear", linear },
    { "BatchNorm1d", norm },
    { "BatchNorm2d", norm },
    { "MaxPool2d", pool },
    { "AvgPool2d", pool },
    { "AdaptiveAvgPool2d", adaptive },
    { "AdaptiveMaxPool2d", adaptive },
    { "ReLU", activation },
    { "LeakyReLU", activation },
    { "ELU", activation },
    { "GELU", activation },
    { "Sigmoid", activation },
    { "Tanh", activation },
    { "PReLU", activation },
    { "Softmax", softmax },
    { "LogSoftmax", softmax },
    { "Flatten", flatten },
    { "Unflatten", unflatten },
    { "ZeroPad2d", pad },
    { "ConstantPad2d", pad },
    { "Identity", keep },
    { "Dropout", keep },
    { "Dropout1d", keep },
    { "Dropout2d", keep },
    { "Dropout3d", keep },
    { "AlphaDropout", keep },
    { "FeatureAlphaDropout", keep },
};

static const char *last_part(const char *class)
{
    const char *dot = strrchr(class, '.');
    return dot ? dot + 1 : class;
}

/* ---- the walk ---- */

static const ink_pickle *attributes_of(const ink_pickle *value)
{
    return value->kind == INK_PICKLE_OBJECT && value->state && value->state->kind == INK_PICKLE_DICT ? value->state
                                                                                                     : NULL;
}

static ink_status run_layer(const layer *l)
{
    static const char *const hooks[] = { "_forward_hooks", "_forward_pre_hooks" };
    ink_torch_net *net = l->r->net;
    if (l->depth > DEPTH_MOST || !l->r->visits--)
        return ink_fail(net->error, INK_ERR_LIMIT, "the modules of the file are nested too deep, or in a circle");
    const char *where = ink_arena_format(l->r->file->arena, "layer '%.100s' (%.60s)", l->path, l->class);
    if (!where)
        return ink_fail(net->error, INK_ERR_MEMORY, "no memory to read a model");
    net->where = where;
    net->name = l->path;
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        const ink_pickle *found = attribute(l, hooks[i]);
        if (found && found->count)
            return unsupported(l, "has hooks, which are parts of a program; remove them, or save a state_dict");
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].class, l->class) == 0)
            return rows[i].run(l);
    return unsupported(l, "layers of this class are not supported");
}

static ink_status sequential(const layer *l)
{
    const ink_pickle *modules = attribute(l, "_modules");
    if (!modules || modules->kind != INK_PICKLE_DICT)
        return malformed(l, "_modules");
    for (size_t i = 0; i + 1 < modules->count; i += 2) {
        const ink_pickle *name = modules->items[i], *value = modules->items[i + 1];
        const ink_pickle *attributes = attributes_of(value);
        if (name->kind != INK_PICKLE_TEXT || !attributes)
            return malformed(l, "_modules");
        const char *path = ink_arena_format(l->r->file->arena, "%s%s%.60s", l->path, *l->path ? "." : "", name->text);
        if (!path)
            return ink_fail(l->r->net->error, INK_ERR_MEMORY, "no memory to read a model");
        const layer child = { l->r, path, last_part(value->text), attributes, l->x, l->depth + 1 };
        INK_TRY(run_layer(&child));
    }
    return INK_OK;
}

static ink_status run(void *data, ink_torch_net *net, const ink_torch_value *input)
{
    reader *r = data;
    ink_torch_value x = *input, out;
    const layer root = { r, "", last_part(r->root->class), r->root->attributes, &x, 0 };
    r->net = net;
    INK_TRY(run_layer(&root));
    net->where = "its result";
    return ink_torch_finish(net, &x, &out);
}

bool ink_module_has_graph(const ink_torch_state *state)
{
    const ink_torch_module *modules = state->modules;
    if (!state->module_count || *modules->path)
        return false;
    for (size_t i = 0; i < state->module_count; i++)
        if (strncmp(modules[i].class, "torch.nn.", 9) != 0)
            return false;
    const char *class = last_part(modules[strcmp(last_part(modules->class), "DataParallel") == 0 &&
                                          state->module_count > 1].class);
    return strcmp(class, "Sequential") == 0 || strcmp(class, "Linear") == 0;
}

ink_status ink_module_draft(ink_torch_file *file, const ink_torch_state *state, ink_draft *draft, ink_error *error)
{
    reader r = { .file = file, .root = state->modules, .visits = VISITS_MOST };
    return ink_torch_fit(draft, NULL, run, &r, error);
}
