/* inkling's own GGUF layout: the graph is in the metadata. docs/formats.md, "inkling's own GGUF layout". */
#include "model/model.h"

#include "base/checked.h"
#include "tensor/type.h"

#include <stdio.h>
#include <string.h>

enum { VERSION = 1 };

static const char node_prefix[] = "inkling.node.";

bool ink_layout_owns_key(const char *key)
{
    static const char *const keys[] = { "general.architecture", "general.alignment",
                                        "general.quantization_version", "inkling.version",
                                        "inkling.classes" };
    /* A checkpoint's state is true of its weights alone: no other file takes it over. */
    static const char *const groups[] = { "inkling.input.", node_prefix, "training.state." };
    for (size_t i = 0; i < INK_COUNT(keys); i++)
        if (!strcmp(key, keys[i]))
            return true;
    for (size_t i = 0; i < INK_COUNT(groups); i++)
        if (!strncmp(key, groups[i], strlen(groups[i])))
            return true;
    return false;
}

/* ---- reading ---- */

/* One node as the keys tell it. */
typedef struct draft {
    const char *op, *name;
    const ink_metadata *inputs;
    size_t attributes; /* how many of its keys are attributes */
} draft;

/* "inkling.node.<i>.<field>"; false for another key. */
static bool split_key(const char *key, uint32_t *index, const char **field)
{
    const size_t length = sizeof node_prefix - 1;
    if (strncmp(key, node_prefix, length))
        return false;
    uint64_t value = 0;
    const char *at = key + length;
    if (*at < '0' || *at > '9' || (*at == '0' && at[1] != '.'))
        return false;
    for (; *at >= '0' && *at <= '9' && value < UINT32_MAX; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    if (*at != '.' || !at[1] || value > UINT32_MAX)
        return false;
    *index = (uint32_t)value;
    *field = at + 1;
    return true;
}

static ink_status wrong(ink_error *error, const ink_metadata *entry, const char *wanted)
{
    return ink_fail(error, INK_ERR_FORMAT, "key '%.80s': found %s%s with %zu values, wanted %s",
                    entry->key, entry->type, entry->is_array ? " array" : "", entry->count, wanted);
}

static const ink_metadata *find(const ink_gguf *file, const char *key, ink_value_kind kind,
                                bool is_array, const char *wanted, ink_status *status,
                                ink_error *error)
{
    const ink_metadata *entry = ink_gguf_find(file, key);
    if (!entry)
        *status = ink_fail(error, INK_ERR_MISSING, "key '%s': missing, wanted %s", key, wanted);
    else if (entry->kind != kind || (entry->is_array != 0) != is_array)
        *status = wrong(error, entry, wanted);
    else
        return entry;
    return NULL;
}

static bool whole(double value, double highest, uint32_t *out)
{
    if (!(value >= 0 && value <= highest) || value != (double)(uint32_t)value)
        return false;
    *out = (uint32_t)value;
    return true;
}

static ink_status read_number(const ink_gguf *file, const char *key, double *value, ink_error *error)
{
    ink_status status = INK_OK;
    const ink_metadata *entry = find(file, key, INK_VALUE_NUMBER, false, "a number", &status, error);
    if (entry)
        *value = ink_metadata_number(entry, 0);
    return status;
}

static ink_status read_input(const ink_gguf *file, ink_input *input, ink_error *error)
{
    ink_status status = INK_OK;
    double scale, offset;
    const ink_metadata *shape = find(file, "inkling.input.shape", INK_VALUE_NUMBER, true,
                                     "three numbers: channels, height, width", &status, error);
    if (!shape)
        return status;
    if (shape->count != 3 || !whole(ink_metadata_number(shape, 0), 1 << 24, &input->channels) ||
        !whole(ink_metadata_number(shape, 1), 1 << 24, &input->height) ||
        !whole(ink_metadata_number(shape, 2), 1 << 24, &input->width))
        return wrong(error, shape, "three sizes: channels, height, width");
    INK_TRY(read_number(file, "inkling.input.scale", &scale, error));
    INK_TRY(read_number(file, "inkling.input.offset", &offset, error));
    input->scale = (float)scale;
    input->offset = (float)offset;
    return INK_OK;
}

/* A string without a NUL inside, or NULL. */
static const char *plain_string(const ink_metadata *entry, size_t i)
{
    const ink_gguf_string *text = (const ink_gguf_string *)entry->values + i;
    return strlen(text->text) == text->length ? text->text : NULL;
}

static ink_status read_labels(const ink_gguf *file, ink_graph *graph, ink_error *error)
{
    const ink_metadata *classes = ink_gguf_find(file, "inkling.classes");
    if (!classes)
        return INK_OK;
    if (classes->kind != INK_VALUE_STRING || !classes->is_array)
        return wrong(error, classes, "an array of strings");
    graph->labels = ink_arena_array(graph->arena, classes->count, sizeof *graph->labels);
    if (!graph->labels)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the classes");
    for (size_t i = 0; i < classes->count; i++)
        if (!(graph->labels[i] = plain_string(classes, i)))
            return wrong(error, classes, "strings without NUL");
    graph->label_count = classes->count;
    return INK_OK;
}

/* First pass over the keys of nodes: what they are called and what they compute. */
static ink_status read_drafts(const ink_gguf *file, draft *drafts, uint32_t count, ink_error *error)
{
    for (size_t i = 0; i < file->metadata_count; i++) {
        const ink_metadata *entry = &file->metadata[i];
        uint32_t index;
        const char *field;
        if (!split_key(entry->key, &index, &field))
            continue;
        if (index >= count)
            return ink_fail(error, INK_ERR_GRAPH, "key '%.80s': there are %u nodes", entry->key,
                            count);
        draft *d = &drafts[index];
        const bool op = !strcmp(field, "op"), name = !strcmp(field, "name");
        if (op || name) {
            const char *text = entry->kind == INK_VALUE_STRING && !entry->is_array
                                   ? plain_string(entry, 0) : NULL;
            if (!text)
                return wrong(error, entry, "a string");
            *(op ? &d->op : &d->name) = text;
        } else if (!strcmp(field, "inputs")) {
            if (entry->kind != INK_VALUE_STRING || !entry->is_array || !entry->count ||
                entry->count > INK_MAX_INPUTS)
                return wrong(error, entry, "an array of 1 to 64 strings");
            d->inputs = entry;
        } else {
            d->attributes++;
        }
    }
    return INK_OK;
}

/* Second pass: the attributes, now that it is known which each node takes. */
static ink_status read_attributes(const ink_gguf *file, ink_graph *graph, ink_error *error)
{
    for (size_t i = 0; i < file->metadata_count; i++) {
        const ink_metadata *entry = &file->metadata[i];
        uint32_t index;
        const char *field;
        if (!split_key(entry->key, &index, &field) || !strcmp(field, "op") ||
            !strcmp(field, "name") || !strcmp(field, "inputs"))
            continue;
        ink_node *node = &graph->nodes[index];
        ink_attribute attribute;
        INK_TRY(ink_attribute_find(node->op->attributes, node->op->attribute_count, field,
                                   node->name, &attribute, error));
        double values[INK_MAX_DIMS];
        if (entry->kind == INK_VALUE_STRING || entry->count > INK_MAX_DIMS || !entry->count)
            return wrong(error, entry, "1 to 4 numbers");
        for (size_t k = 0; k < entry->count; k++)
            values[k] = ink_metadata_number(entry, k);
        INK_TRY(ink_attribute_set(&node->attributes, attribute, values, entry->count, node->name,
                                  error));
    }
    return INK_OK;
}

ink_status ink_layout_read(const ink_gguf *file, ink_graph *graph, ink_arena *arena,
                           ink_error *error)
{
    double version, given;
    uint32_t count;
    ink_input input;
    INK_TRY(read_number(file, "inkling.version", &version, error));
    if (version != VERSION)
        return ink_fail(error, INK_ERR_VERSION, "key 'inkling.version': found %g, wanted %d", version,
                        VERSION);
    INK_TRY(read_input(file, &input, error));
    INK_TRY(ink_graph_init(graph, arena, &input, error));
    INK_TRY(read_number(file, "inkling.node.count", &given, error));
    if (!whole(given, INK_MAX_NODES, &count) || !count)
        return ink_fail(error, INK_ERR_LIMIT, "key 'inkling.node.count': found %g, wanted 1 to %d",
                        given, INK_MAX_NODES);
    draft *drafts = ink_arena_array(arena, count, sizeof *drafts);
    if (!drafts)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for %u nodes", count);
    INK_TRY(read_drafts(file, drafts, count, error));
    for (uint32_t i = 0; i < count; i++) {
        const draft *d = &drafts[i];
        const char *inputs[INK_MAX_INPUTS] = { NULL };
        if (!d->op || !d->name || !d->inputs)
            return ink_fail(error, INK_ERR_MISSING, "key 'inkling.node.%u.%s': missing", i,
                            !d->op ? "op" : !d->name ? "name" : "inputs");
        for (size_t k = 0; k < d->inputs->count; k++)
            if (!(inputs[k] = plain_string(d->inputs, k)))
                return wrong(error, d->inputs, "strings without NUL");
        ink_node *node;
        INK_TRY(ink_graph_add(graph, d->op, d->name, inputs, d->inputs->count, &node, error));
    }
    INK_TRY(read_attributes(file, graph, error));
    INK_TRY(read_labels(file, graph, error));
    for (size_t i = 0; i < file->tensor_count; i++)
        INK_TRY(ink_graph_add_tensor(graph, &file->tensors[i], error));
    return INK_OK;
}

/* ---- writing ---- */

static void put_strings(ink_gguf *file, ink_arena *arena, const char *key, size_t count,
                        const char *const *texts)
{
    ink_gguf_string *values = ink_arena_array(arena, count, sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = (ink_gguf_string){ texts[i], strlen(texts[i]) };
    if (values)
        ink_gguf_put(file, arena, key, INK_GGUF_STRING, true, count, values);
}

static void put_attribute(ink_gguf *file, ink_arena *arena, size_t index, const ink_node *node,
                          ink_attribute attribute)
{
    const ink_attribute_row *row = ink_attribute_get(attribute);
    const size_t count = node->attributes.count[attribute];
    const double *value = node->attributes.value[attribute];
    const char *key = ink_arena_format(arena, "%s%zu.%s", node_prefix, index, row->name);
    int32_t integers[INK_MAX_DIMS];
    if (!count || !key)
        return;
    for (size_t i = 0; i < count; i++)
        integers[i] = (int32_t)value[i];
    const float number = (float)value[0];
    const uint8_t flag = value[0] != 0;
    if (row->kind == INK_KIND_FLOAT)
        ink_gguf_put(file, arena, key, INK_GGUF_F32, false, 1, &number);
    else if (row->kind == INK_KIND_BOOL)
        ink_gguf_put(file, arena, key, INK_GGUF_BOOL, false, 1, &flag);
    else
        ink_gguf_put(file, arena, key, INK_GGUF_I32, row->count > 1, count, integers);
}

static void put_node(ink_gguf *file, ink_arena *arena, const ink_graph *graph, size_t index)
{
    const ink_node *node = &graph->nodes[index];
    const char *inputs[INK_MAX_INPUTS];
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = ink_graph_value_name(graph, node->inputs[i]);
    const char *op = ink_arena_format(arena, "%s%zu.op", node_prefix, index);
    const char *name = ink_arena_format(arena, "%s%zu.name", node_prefix, index);
    const char *from = ink_arena_format(arena, "%s%zu.inputs", node_prefix, index);
    if (!op || !name || !from)
        return;
    ink_gguf_put_string(file, arena, op, node->op->name);
    ink_gguf_put_string(file, arena, name, node->name);
    put_strings(file, arena, from, node->input_count, inputs);
    for (size_t i = 0; i < node->op->attribute_count; i++)
        put_attribute(file, arena, index, node, node->op->attributes[i].attribute);
}

static bool has_blocks(const ink_graph *graph)
{
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (ink_type_get(graph->tensors[i].type)->block_items > 1)
            return true;
    return false;
}

ink_status ink_layout_write(const ink_graph *graph, const ink_metadata *metadata,
                            size_t metadata_count, const ink_gguf *state, const ink_allocator *allocator,
                            ink_buffer *out, ink_error *error)
{
    ink_arena arena;
    ink_arena_init(&arena, allocator);
    size_t most = metadata_count + 8 + (state ? state->metadata_count : 0);
    for (size_t i = 0; i < graph->node_count; i++)
        most += 3 + graph->nodes[i].op->attribute_count;
    ink_gguf file = { .version = 3, .tensor_count = graph->tensor_count, .tensors = graph->tensors };
    file.metadata = ink_arena_array(&arena, most, sizeof *file.metadata);
    ink_status status = INK_ERR_MEMORY;
    if (file.metadata) {
        const uint32_t shape[3] = { graph->input.channels, graph->input.height, graph->input.width };
        ink_gguf_put_string(&file, &arena, "general.architecture", "inkling");
        for (size_t i = 0; i < metadata_count; i++)
            if (!ink_layout_owns_key(metadata[i].key))
                file.metadata[file.metadata_count++] = metadata[i];
        if (has_blocks(graph))
            ink_gguf_put_u32(&file, &arena, "general.quantization_version", INK_GGUF_QUANTIZATION);
        ink_gguf_put_u32(&file, &arena, "inkling.version", VERSION);
        ink_gguf_put(&file, &arena, "inkling.input.shape", INK_GGUF_U32, true, 3, shape);
        ink_gguf_put_f32(&file, &arena, "inkling.input.scale", graph->input.scale);
        ink_gguf_put_f32(&file, &arena, "inkling.input.offset", graph->input.offset);
        put_strings(&file, &arena, "inkling.classes", graph->label_count, graph->labels);
        ink_gguf_put_u32(&file, &arena, "inkling.node.count", (uint32_t)graph->node_count);
        for (size_t i = 0; i < graph->node_count; i++)
            put_node(&file, &arena, graph, i);
        for (size_t i = 0; state && i < state->metadata_count && !arena.failed; i++)
            file.metadata[file.metadata_count++] = state->metadata[i];
    }
    status = arena.failed ? ink_fail(error, INK_ERR_MEMORY, "no memory to write the model")
                          : ink_gguf_write(&file, allocator, out, error);
    ink_arena_free(&arena);
    return status;
}
