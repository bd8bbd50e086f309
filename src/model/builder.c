/* The builder writes what it was given as a model file in memory and opens that, so that a built model
 * and a loaded one cannot differ. */
#include "model/model.h"

#include "tensor/type.h"

#include <string.h>

struct ink_builder {
    ink_allocator allocator;
    ink_arena arena;
    ink_graph graph;
    ink_gguf metadata; /* its metadata alone */
    size_t metadata_capacity;
};

ink_status ink_builder_open(const ink_allocator *allocator, uint32_t channels, uint32_t height,
                            uint32_t width, float scale, float offset, ink_builder **out,
                            ink_error *error)
{
    if (!out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_open: out is NULL");
    *out = NULL;
    const ink_allocator a = ink_allocator_or_default(allocator);
    ink_builder *builder = ink_alloc(&a, sizeof *builder);
    if (!builder)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the builder");
    *builder = (ink_builder){ .allocator = a };
    ink_arena_init(&builder->arena, &a);
    const ink_input input = { channels, height, width, scale, offset };
    ink_status status = ink_graph_init(&builder->graph, &builder->arena, &input, error);
    if (status)
        ink_builder_close(&builder);
    else
        *out = builder;
    return status;
}

void ink_builder_close(ink_builder **builder)
{
    if (!builder || !*builder)
        return;
    const ink_allocator allocator = (*builder)->allocator;
    ink_arena_free(&(*builder)->arena);
    ink_free(&allocator, *builder);
    *builder = NULL;
}

ink_graph *ink_builder_graph(ink_builder *builder)
{
    return &builder->graph;
}

ink_status ink_builder_node(ink_builder *builder, const char *op, const char *name,
                            const char *inputs, const char *attributes, ink_error *error)
{
    if (!builder || !op || !name)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_node: an argument is NULL");
    return ink_graph_add_text(&builder->graph, op, name, inputs, attributes, error);
}

ink_status ink_builder_tensor(ink_builder *builder, const char *name, ink_type type, uint32_t rank,
                              const uint32_t *dim, const void *data, ink_error *error)
{
    if (!builder || !name || !dim || !data)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_tensor: an argument is NULL");
    const ink_type_row *row = ink_type_get(type);
    if (!row)
        return ink_fail(error, INK_ERR_TYPE, "tensor '%.64s': unknown element type %d", name, (int)type);
    if (rank < 1 || rank > INK_MAX_DIMS)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.64s': has %u dimensions, wanted 1 to %d", name,
                        rank, INK_MAX_DIMS);
    ink_shape shape = { rank, { 0 } };
    uint64_t elements;
    memcpy(shape.dim, dim, rank * sizeof *dim);
    if (!ink_shape_elements(shape, &elements) || !elements || elements > SIZE_MAX / 8)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.64s': its dimensions are 0 or too large", name);
    if (dim[rank - 1] % row->block_items)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.64s': its last dimension is %lu, wanted a multiple of %lu, "
                        "the block of %s", name, (unsigned long)dim[rank - 1], (unsigned long)row->block_items,
                        row->text);
    ink_tensor_info info = { .name = name, .type = type, .rank = rank };
    memcpy(info.dim, dim, rank * sizeof *dim);
    (void)ink_type_bytes(row, elements, &info.bytes); /* at most 8 an element */
    void *copy = ink_arena_array(&builder->arena, (size_t)info.bytes, 1);
    if (!copy)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for tensor '%.64s'", name);
    memcpy(copy, data, (size_t)info.bytes);
    info.data = copy;
    return ink_graph_add_tensor(&builder->graph, &info, error);
}

ink_status ink_builder_labels(ink_builder *builder, const char *const *labels, size_t count,
                              ink_error *error)
{
    if (!builder || !labels)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_labels: an argument is NULL");
    const char **copies = ink_arena_array(&builder->arena, count, sizeof *copies);
    for (size_t i = 0; copies && i < count; i++) {
        if (!labels[i])
            return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_labels: label %zu is NULL", i);
        copies[i] = ink_arena_string(&builder->arena, labels[i], strlen(labels[i]));
    }
    if (builder->arena.failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the labels");
    builder->graph.labels = copies;
    builder->graph.label_count = count;
    return INK_OK;
}

ink_status ink_builder_metadata(ink_builder *builder, const char *key, const char *value,
                                ink_error *error)
{
    if (!builder || !key || !value || !*key)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_metadata: an argument is NULL or empty");
    if (ink_layout_owns_key(key))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_metadata: the key '%.64s' is made by the "
                        "library", key);
    ink_gguf *file = &builder->metadata;
    if (file->metadata_count == builder->metadata_capacity) {
        size_t capacity = builder->metadata_capacity ? builder->metadata_capacity * 2 : 16;
        ink_metadata *more = ink_arena_array(&builder->arena, capacity, sizeof *more);
        if (more && file->metadata_count)
            memcpy(more, file->metadata, file->metadata_count * sizeof *more);
        if (more) {
            file->metadata = more;
            builder->metadata_capacity = capacity;
        }
    }
    if (!builder->arena.failed)
        ink_gguf_put_string(file, &builder->arena, key, value);
    return builder->arena.failed ? ink_fail(error, INK_ERR_MEMORY, "no memory for the metadata") : INK_OK;
}

ink_status ink_builder_model(ink_builder *builder, const ink_model_options *options, ink_model **out,
                             ink_error *error)
{
    if (!builder || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_model: an argument is NULL");
    *out = NULL;
    ink_buffer file;
    ink_model_options o;
    if (!ink_options_read(&o, sizeof o, options))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_options: its size is not set");
    /* The attributes that were not given stay so: the reader completes them. */
    const ink_allocator allocator = ink_allocator_or_default(o.allocator);
    INK_TRY(ink_layout_write(&builder->graph, builder->metadata.metadata,
                             builder->metadata.metadata_count, NULL, &allocator, &file, error));
    o.name = o.name ? o.name : "builder";
    return ink_model_adopt(&file, &o, out, error);
}
