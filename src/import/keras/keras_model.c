#include "import/keras/keras_model.h"

#include <string.h>

#if INK_HAVE_JANSSON

#include "import/keras/keras_layers.h"

#include <ctype.h>

enum { UNSEEN, OPEN, DONE };

/* One use of a layer of a functional model. */
typedef struct node {
    const json_t *call; /* NULL for an input of the model */
    size_t layer;
    struct node **inputs;
    size_t input_count, readers;
    bool plain; /* called with these alone */
    ink_keras_value value;
    uint8_t state;
} node;

typedef struct model {
    ink_keras *keras;
    size_t depth;
    const ink_keras_place *place; /* NULL: it is the whole */
    const json_t *layers;
    size_t count;
    const char **paths;
    ink_keras_value input;
    /* of functional models */
    node *nodes;
    size_t node_count, *first_node; /* of each layer, and one more */
    const json_t *names;            /* of its layers, as keys: the layers' indices */
} model;

static ink_keras_value model_value(ink_keras *keras, const json_t *config, const char *class_name,
                                   const ink_keras_place *place, size_t depth, ink_keras_value input);

static const ink_keras_value not_known = { .node = NULL };

static bool is_model(const char *class_name)
{
    return strcmp(class_name, "Sequential") == 0 || strcmp(class_name, "Functional") == 0 ||
           strcmp(class_name, "Model") == 0;
}

static const char *class_of(const json_t *layer)
{
    const char *name = json_string_value(json_object_get(layer, "class_name"));
    return name ? name : "";
}

static const json_t *config_of(const json_t *layer)
{
    return json_object_get(layer, "config");
}

static const char *name_of(const json_t *layer)
{
    const char *name = json_string_value(json_object_get(layer, "name"));
    name = name ? name : json_string_value(json_object_get(config_of(layer), "name"));
    return name ? name : class_of(layer);
}

/* Layers in the order of the file; Keras 1 has the list alone for a Sequential. */
static const json_t *layers_of(const json_t *config)
{
    return json_is_array(config) ? config : json_object_get(config, "layers");
}

/* ---- Keras 3's names of layers in files: the class, with a number from the second of a class on ---- */

/* Keras' own rule: an underscore before a capital that a small letter follows, or stands before. */
static const char *snake_case(ink_arena *arena, const char *class_name)
{
    const size_t length = strlen(class_name);
    char *snake = length < 200 ? ink_arena_array(arena, 2 * length + 1, 1) : NULL;
    for (size_t i = 0, at = 0; snake && i < length; i++) {
        const unsigned char c = (unsigned char)class_name[i];
        if (i && isupper(c) && (islower((unsigned char)class_name[i + 1]) || islower((unsigned char)class_name[i - 1])))
            snake[at++] = '_';
        snake[at++] = (char)tolower(c);
    }
    return snake ? snake : "";
}

static void name_paths(model *m)
{
    /* Keras 2.12 and 2.13 have the second, where each layer that has weights stands twice, and counts twice. */
    static const char *const folders[] = { "layers", "_layer_checkpoint_dependencies" };
    const ink_keras_weights *weights = m->keras->weights;
    ink_arena *arena = m->keras->draft->arena;
    const char *before = m->place ? m->place->path : "", *slash = *before ? "/" : "", *folder = folders[0];
    for (size_t i = sizeof folders / sizeof *folders; weights->has && i-- > 0;) {
        const char *path = ink_arena_format(arena, "%s%s%s", before, slash, folders[i]);
        if (path && weights->has(weights->context, path))
            folder = folders[i];
    }
    m->paths = ink_arena_array(arena, m->count + 1, sizeof *m->paths);
    const char **snakes = ink_arena_array(arena, m->count + 1, sizeof *snakes);
    for (size_t i = 0; m->paths && snakes && i < m->count; i++) {
        size_t same = 0;
        snakes[i] = snake_case(arena, class_of(json_array_get(m->layers, i)));
        for (size_t k = 0; k < i; k++)
            same += strcmp(snakes[k], snakes[i]) == 0;
        same *= folder == folders[1] ? 2 : 1;
        m->paths[i] = same ? ink_arena_format(arena, "%s%s%s/%s_%zu", before, slash, folder, snakes[i], same)
                           : ink_arena_format(arena, "%s%s%s/%s", before, slash, folder, snakes[i]);
    }
}

/* ---- one use of a layer ---- */

static ink_keras_value use_layer(const model *m, size_t index, const ink_keras_value *inputs, size_t count)
{
    const json_t *layer = json_array_get(m->layers, index);
    ink_keras *keras = m->keras;
    const char *name = name_of(layer), *registered = json_string_value(json_object_get(layer, "registered_name"));
    const char *module = json_string_value(json_object_get(layer, "module"));
    ink_keras_call call = { .keras = keras, .class_name = class_of(layer), .config = config_of(layer),
                            .place = { name, m->place ? m->place->outer : name, m->paths[index] },
                            .inputs = inputs, .input_count = count };
    if (keras->status)
        return not_known;
    /* Keras 3 writes the package of a class that is not its own; "keras" is where others' were once. */
    if ((registered && *registered && strchr(registered, '>') && strncmp(registered, "keras", 5) != 0) ||
        (module && strncmp(module, "keras", 5) != 0 && strncmp(module, "tf_keras", 8) != 0 &&
         strncmp(module, "tensorflow.python.keras", 23) != 0 && !is_model(call.class_name)))
        return ink_keras_fault(&call, "it is a class of its author (%.60s); use layers of Keras",
                               registered && *registered ? registered : module);
    if (module && strstr(module, ".ops.") && strcmp(call.class_name, "Add") != 0)
        return ink_keras_fault(&call, "functions of keras.ops are not supported; use layers of Keras");
    if (is_model(call.class_name)) {
        if (count != 1)
            return ink_keras_fault(&call, "a model within the model has %zu inputs, wanted 1", count);
        return model_value(keras, call.config, call.class_name, &call.place, m->depth + 1, inputs[0]);
    }
    if (!json_is_object(call.config))
        return ink_keras_fault(&call, "its config is missing");
    return ink_keras_layer(&call);
}

/* ---- Sequential ---- */

static ink_keras_value sequential(model *m)
{
    ink_keras_value value = m->input;
    for (size_t i = 0; i < m->count && !m->keras->status; i++)
        if (strcmp(class_of(json_array_get(m->layers, i)), "InputLayer") != 0)
            value = use_layer(m, i, &value, 1);
    return value;
}

/* ---- functional models ---- */

typedef struct tensor_names {
    const json_t **tensors; /* each ["layer", use, output, ...] */
    size_t count, room;
    bool others; /* there are also things that are no tensors */
} tensor_names;

/* A tensor's name: Keras 2 has ["layer", use, output, ...], Keras 3 the same within an object; or NULL. */
static const json_t *tensor_name(const json_t *value)
{
    if (strcmp(class_of(value), "__keras_tensor__") == 0)
        value = json_object_get(config_of(value), "keras_history");
    return json_is_string(json_array_get(value, 0)) && json_is_integer(json_array_get(value, 1)) &&
                   json_is_integer(json_array_get(value, 2))
               ? value : NULL;
}

/* The tensors within a value, in order. */
static void read_tensor_names(ink_keras *keras, const json_t *value, tensor_names *names, int depth)
{
    const json_t *list = ink_keras_list(value), *name = tensor_name(value);
    if (keras->status || json_is_null(value))
        return;
    if (!name) {
        names->others = names->others || !list || depth == 4;
        for (size_t i = 0; depth < 4 && i < json_array_size(list); i++)
            read_tensor_names(keras, json_array_get(list, i), names, depth + 1);
        return;
    }
    const json_t **tensors = ink_arena_grow(keras->draft->arena, names->tensors, names->count, sizeof *tensors,
                                            &names->room);
    if (!tensors || names->count == INK_KERAS_INPUTS) {
        ink_keras_fail(keras, tensors ? INK_ERR_LIMIT : INK_ERR_MEMORY,
                       tensors ? "a layer has more than %d inputs" : "no memory for its layers", INK_KERAS_INPUTS);
        return;
    }
    names->tensors = tensors;
    names->tensors[names->count++] = name;
}

/* What a use says besides its tensors must not change what is computed. */
static bool is_plain_call(const json_t *call, const tensor_names *names)
{
    json_t *kwargs = json_object_get(call, "kwargs"); /* Keras 3 */
    if (!kwargs && names->count)
        kwargs = json_array_get(names->tensors[0], 3);
    for (void *at = json_object_iter(kwargs); at; at = json_object_iter_next(kwargs, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        if (!json_is_null(value) && strcmp(key, "name") != 0 &&
            !(strcmp(key, "training") == 0 && json_is_false(value)))
            return false;
    }
    return !names->others;
}

static node *find_node(model *m, const json_t *name)
{
    const json_t *index = json_object_get(m->names, json_string_value(json_array_get(name, 0)));
    const json_int_t at = json_integer_value(json_array_get(name, 1));
    const size_t layer = (size_t)json_integer_value(index);
    if (!index || json_integer_value(json_array_get(name, 2)) != 0)
        return NULL;
    const size_t count = m->first_node[layer + 1] - m->first_node[layer];
    /* Some versions count uses elsewhere too; with one use here it can be no other. */
    if (count != 1 && (at < 0 || (size_t)at >= count))
        return NULL;
    return &m->nodes[m->first_node[layer] + (count == 1 ? 0 : (size_t)at)];
}

/* The node of a tensor; what is not there ends the reading. */
static node *need_node(model *m, const json_t *name, const char *reader)
{
    node *found = find_node(m, name);
    if (!found)
        ink_keras_fail(m->keras, INK_ERR_GRAPH, "%.60s needs output %lld of use %lld of layer '%.60s', which is not "
                       "there", reader, (long long)json_integer_value(json_array_get(name, 2)),
                       (long long)json_integer_value(json_array_get(name, 1)),
                       json_string_value(json_array_get(name, 0)));
    return found;
}

static void connect(model *m, node *n)
{
    const json_t *layer = json_array_get(m->layers, n->layer), *args = json_object_get(n->call, "args");
    tensor_names names = { .count = 0 };
    if (!n->call)
        return;
    read_tensor_names(m->keras, args ? args : n->call, &names, 0);
    n->plain = is_plain_call(n->call, &names);
    n->inputs = ink_arena_array(m->keras->draft->arena, names.count + 1, sizeof(node *));
    if (!n->inputs)
        ink_keras_fail(m->keras, INK_ERR_MEMORY, "no memory for its layers");
    for (size_t i = 0; i < names.count && !m->keras->status; i++) {
        node *input = need_node(m, names.tensors[i], name_of(layer));
        if (input)
            input->readers++;
        n->inputs[n->input_count++] = input;
    }
}

/* Lists the uses of layers; `names` is filled. */
static bool read_nodes(model *m, json_t *names)
{
    ink_arena *arena = m->keras->draft->arena;
    m->nodes = ink_arena_array(arena, m->node_count + 1, sizeof *m->nodes);
    m->first_node = ink_arena_array(arena, m->count + 2, sizeof *m->first_node);
    if (!names || !m->nodes || !m->first_node) {
        ink_keras_fail(m->keras, INK_ERR_MEMORY, "no memory for its layers");
        return false;
    }
    m->node_count = 0;
    m->names = names;
    for (size_t i = 0; i < m->count; i++) {
        const json_t *layer = json_array_get(m->layers, i), *calls = json_object_get(layer, "inbound_nodes");
        const size_t uses = json_array_size(calls);
        m->first_node[i] = m->node_count;
        if (json_object_get(names, name_of(layer)) ||
            json_object_set_new(names, name_of(layer), json_integer((json_int_t)i)))
            ink_keras_fail(m->keras, INK_ERR_FORMAT, "has two layers '%.60s'", name_of(layer));
        if (!uses) /* an input, whose value is set by the caller */
            m->nodes[m->node_count++] = (node){ .layer = i, .state = DONE };
        for (size_t k = 0; k < uses; k++)
            m->nodes[m->node_count++] = (node){ .layer = i, .call = json_array_get(calls, k) };
        m->first_node[i + 1] = m->node_count;
    }
    for (size_t i = 0; i < m->node_count && !m->keras->status; i++)
        connect(m, &m->nodes[i]);
    return !m->keras->status;
}

/* Layers that do nothing give the picture on, so it may be shared anywhere; whoever reads it comes later. */
static void note_sharing(model *m, const node *n)
{
    if (n->value.node && strcmp(n->value.node, "input") == 0 && n->readers > 1)
        m->keras->input_shared = true;
}

/* The recursion goes no deeper than all models have uses, INK_KERAS_CALLS. */
static void evaluate(model *m, node *n)
{
    if (n->state == DONE || m->keras->status)
        return;
    if (n->state == OPEN) {
        ink_keras_fail(m->keras, INK_ERR_GRAPH, "layer '%.60s' needs its own output",
                       name_of(json_array_get(m->layers, n->layer)));
        return;
    }
    n->state = OPEN;
    ink_keras_value *inputs = ink_arena_array(m->keras->draft->arena, n->input_count + 1, sizeof *inputs);
    if (!inputs)
        ink_keras_fail(m->keras, INK_ERR_MEMORY, "no memory for its layers");
    for (size_t i = 0; i < n->input_count && !m->keras->status; i++) {
        evaluate(m, n->inputs[i]);
        inputs[i] = n->inputs[i]->value;
    }
    const json_t *layer = json_array_get(m->layers, n->layer);
    const size_t faults = m->keras->draft->fault_count;
    n->state = DONE;
    n->value = use_layer(m, n->layer, inputs, n->input_count);
    note_sharing(m, n);
    if (!n->plain && m->keras->draft->fault_count == faults)
        ink_draft_fault(m->keras->draft, "layer '%.60s' (%.40s): it is called with more than its inputs, as a number "
                        "or training=True, which is not supported; use layers of Keras", name_of(layer),
                        class_of(layer));
}

/* The one tensor under "input_layers" or "output_layers". */
static node *find_end(model *m, const json_t *config, const char *key, const char *what)
{
    const char *name = json_string_value(json_object_get(config, "name"));
    tensor_names names = { .count = 0 };
    json_t *ends = json_object_get(config, key);
    read_tensor_names(m->keras, ends, &names, 0);
    for (void *at = json_object_iter(ends); names.others && at; at = json_object_iter_next(ends, at))
        read_tensor_names(m->keras, json_object_iter_value(at), &names, 0);
    if (names.count == 1)
        return need_node(m, names.tensors[0], what);
    ink_draft_fault(m->keras->draft, "model '%.60s': it has %zu %ss, wanted one: %s", name ? name : "", names.count,
                    what, *what == 'i' ? "a picture" : "a score for each class");
    return NULL;
}

static ink_keras_value functional(model *m, const json_t *config)
{
    json_t *names = json_object();
    ink_keras_value value = not_known;
    if (read_nodes(m, names)) {
        node *input = find_end(m, config, "input_layers", "input");
        node *output = find_end(m, config, "output_layers", "output");
        if (input)
            input->value = m->input;
        if (input)
            note_sharing(m, input);
        for (size_t i = 0; i < m->node_count && !m->keras->status; i++)
            evaluate(m, &m->nodes[i]);
        value = output ? output->value : not_known;
    }
    json_decref(names);
    return value;
}

/* ---- a model ---- */

static ink_keras_value model_value(ink_keras *keras, const json_t *config, const char *class_name,
                                   const ink_keras_place *place, size_t depth, ink_keras_value input)
{
    model m = { .keras = keras, .depth = depth, .place = place, .layers = layers_of(config), .input = input };
    m.count = json_array_size(m.layers);
    if (!m.count || m.count > INK_KERAS_LAYERS || depth > INK_KERAS_DEPTH) {
        ink_keras_fail(keras, m.count ? INK_ERR_LIMIT : INK_ERR_FORMAT,
                       m.count ? "model '%.60s' has more than %d layers, or models %d deep within each other"
                               : "model '%.60s' has no layers", place ? place->name : class_name, INK_KERAS_LAYERS,
                       INK_KERAS_DEPTH);
        return not_known;
    }
    for (size_t i = 0; i < m.count; i++)
        m.node_count += json_array_size(json_object_get(json_array_get(m.layers, i), "inbound_nodes")) + 1;
    if (m.node_count > INK_KERAS_CALLS - keras->calls) {
        ink_keras_fail(keras, INK_ERR_LIMIT, "has more than %d layers, those used again counted again",
                       INK_KERAS_CALLS);
        return not_known;
    }
    keras->calls += m.node_count;
    name_paths(&m);
    if (!m.paths) {
        ink_keras_fail(keras, INK_ERR_MEMORY, "no memory for its layers");
        return not_known;
    }
    return strcmp(class_name, "Sequential") == 0 ? sequential(&m) : functional(&m, config);
}

/* ---- the picture ---- */

static const json_t *shape_in(const json_t *config)
{
    static const char *const keys[] = { "batch_shape", "batch_input_shape", "build_input_shape" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (ink_keras_list(json_object_get(config, keys[i])))
            return ink_keras_list(json_object_get(config, keys[i]));
    return NULL;
}

/* The input's shape with the batch: of a Sequential's first layer, or of a functional model's input. */
static const json_t *find_shape(const json_t *config, const char *class_name, int depth)
{
    const json_t *layers = layers_of(config), *first = json_array_get(layers, 0);
    const json_t *inputs = json_object_get(config, "input_layers"), *input = tensor_name(inputs);
    input = input ? input : tensor_name(json_array_get(inputs, 0));
    if (strcmp(class_name, "Sequential") != 0 && input)
        for (size_t i = 0; i < json_array_size(layers); i++)
            if (strcmp(name_of(json_array_get(layers, i)), json_string_value(json_array_get(input, 0))) == 0)
                first = json_array_get(layers, i);
    const json_t *shape = shape_in(config_of(first));
    if (!shape && is_model(class_of(first)) && depth < INK_KERAS_DEPTH)
        shape = find_shape(config_of(first), class_of(first), depth + 1);
    return shape ? shape : shape_in(config);
}

/* Do layers say that channels come first? Where they say it, all of a model do. */
static bool is_channels_first(const json_t *config, int depth)
{
    const json_t *layers = layers_of(config);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i), *settings = config_of(layer);
        const char *order = json_string_value(json_object_get(settings, "data_format"));
        const char *older = json_string_value(json_object_get(settings, "dim_ordering"));
        if ((order && strcmp(order, "channels_first") == 0) || (older && strcmp(older, "th") == 0) ||
            (is_model(class_of(layer)) && depth < INK_KERAS_DEPTH && is_channels_first(settings, depth + 1)))
            return true;
    }
    return false;
}

/* What the model takes, as the draft's picture; not known where it is none. */
static ink_keras_value take_input(ink_draft *draft, const json_t *config, const char *class_name)
{
    const json_t *shape = find_shape(config, class_name, 0);
    ink_keras_value value = { .node = "input", .held = INK_KERAS_ELEMENTS };
    uint64_t side = 1;
    const size_t rank = json_array_size(shape);
    if (!shape) {
        ink_draft_fault(draft, "the file does not say of what size its pictures are; call the model once, and save it "
                        "again");
        return not_known;
    }
    for (size_t i = 1; i < rank && i <= 3; i++) {
        const json_int_t size = json_integer_value(json_array_get(shape, i));
        if (size < 1 || size > UINT16_MAX) {
            ink_draft_fault(draft, "its input has axes of no fixed size, or too large ones: wanted a picture's height, "
                            "width and channels");
            return not_known;
        }
        value.dim[value.rank++] = (uint64_t)size;
    }
    while (side * side < value.dim[0])
        side++;
    const uint64_t *d = value.dim;
    if (rank == 2 && side * side == d[0]) {
        draft->channels = 1;
        draft->height = draft->width = (uint32_t)side;
    } else if (rank == 3) {
        draft->channels = 1;
        draft->height = (uint32_t)d[0];
        draft->width = (uint32_t)d[1];
    } else if (rank == 4) {
        const bool first = is_channels_first(config, 0);
        value.held = first ? INK_KERAS_AS_IS : INK_KERAS_PICTURE;
        draft->channels = (uint32_t)d[first ? 0 : 2];
        draft->height = (uint32_t)d[first ? 1 : 0];
        draft->width = (uint32_t)d[first ? 2 : 1];
    } else {
        ink_draft_fault(draft, rank == 2 ? "its input is a list of %llu numbers, which is no square picture"
                                         : "its input has %llu axes besides the batch: no picture",
                        (unsigned long long)(rank == 2 ? d[0] : rank - 1));
        return not_known;
    }
    return value;
}

/* A score for each class, as a list. */
static void take_output(ink_keras *keras, ink_keras_value value)
{
    uint64_t longest = 0, all = 1;
    for (uint32_t i = 0; i < value.rank; i++) {
        all *= value.dim[i];
        longest = value.dim[i] > longest ? value.dim[i] : longest;
    }
    const ink_draft *draft = keras->draft;
    const uint64_t pixels = (uint64_t)draft->channels * draft->height * draft->width;
    if (!value.node || keras->status)
        return;
    if (all == 1)
        ink_draft_fault(keras->draft, "its output is one number: wanted a score for each of two classes or more");
    else if (all != longest || all == pixels)
        ink_draft_fault(keras->draft, "its output has %llu numbers%s: no scores of classes", (unsigned long long)all,
                        all == pixels ? ", as many as the picture" : " on several axes");
    else if (value.rank != 1 || value.held != INK_KERAS_AS_IS)
        ink_draft_node(keras->draft, "flatten", "output", value.node, "%s", "");
}

static ink_status read_model(const json_t *root, ink_keras *keras)
{
    const char *class_name = class_of(root);
    const json_t *config = config_of(root);
    if (!config)
        return ink_fail(keras->error, INK_ERR_FORMAT, "its model_config has no class_name and config");
    if (!is_model(class_name) || !layers_of(config)) {
        ink_draft_fault(keras->draft, "the model is of the class '%.60s', whose layers do not stand in the file; make "
                        "it Sequential or functional, and save it again", class_name);
        return INK_OK;
    }
    const ink_keras_value input = take_input(keras->draft, config, class_name);
    take_output(keras, model_value(keras, config, class_name, NULL, 0, input));
    return keras->status;
}

ink_status ink_keras_draft(const char *text, size_t size, const char *where, const ink_keras_weights *weights,
                           ink_draft *draft, ink_error *error)
{
    json_error_t why;
    ink_keras keras = { .draft = draft, .weights = weights, .error = error };
    if (size > INK_KERAS_MOST_JSON)
        return ink_fail(error, INK_ERR_LIMIT, "its model_config has %zu bytes, wanted %d at most", size,
                        INK_KERAS_MOST_JSON);
    json_t *json = json_loadb(text, size, 0, &why);
    if (!json)
        return ink_fail(error, INK_ERR_FORMAT, "its model_config is no JSON: line %d: %.100s", why.line, why.text);
    const json_t *root = json;
    while (where && *where) {
        char key[40];
        const size_t length = strcspn(where, "/");
        memcpy(key, where, length);
        key[length] = 0;
        root = json_object_get(root, key);
        where += length + (where[length] == '/');
    }
    const ink_status status = read_model(root, &keras);
    json_decref(json);
    INK_TRY(status);
    return ink_draft_finish(draft, error);
}

#else

ink_status ink_keras_draft(const char *text, size_t size, const char *where, const ink_keras_weights *weights,
                           ink_draft *draft, ink_error *error)
{
    (void)text;
    (void)size;
    (void)where;
    (void)weights;
    (void)draft;
    return ink_fail(error, INK_ERR_OPEN, "is a Keras model: built without jansson, which reads its graph");
}

#endif
