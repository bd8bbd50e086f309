#include "export/retype.h"

#include "model/model.h"
#include "ops/int8.h"
#include "tensor/type.h"

#include <math.h>
#include <string.h>

static ink_status retype_tensor(ink_tensor_info *tensor, ink_type type, ink_arena *arena, ink_error *error)
{
    const ink_type_row *from = ink_type_get(tensor->type);
    const size_t count = (size_t)ink_type_elements(from, tensor->bytes);
    const size_t bytes = ink_type_get(type)->block_bytes;
    float *floats = ink_arena_array(arena, count, sizeof *floats);
    uint8_t *data = ink_arena_array(arena, count, bytes);
    if (!floats || !data)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the tensor '%.64s' as %s", tensor->name,
                        ink_type_name(type));
    ink_type_to_f32(tensor->type, tensor->data, count, floats);
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = ink_f32_to_f16(floats[i]);
        if (type == INK_F16 && !isfinite(ink_f16_to_f32(half)))
            return ink_fail(error, INK_ERR_NOT_FINITE, "tensor '%.64s': %g is beyond f16's largest number, 65504",
                            tensor->name, (double)floats[i]);
        memcpy(data + i * bytes, type == INK_F16 ? (const void *)&half : (const void *)&floats[i], bytes);
    }
    tensor->type = type;
    tensor->bytes = count * bytes;
    tensor->data = data;
    return INK_OK;
}

ink_status ink_retype(const ink_model *model, ink_type type, const ink_allocator *allocator, ink_buffer *out,
                      ink_error *error)
{
    const ink_allocator a = ink_allocator_or_default(allocator);
    ink_graph graph = model->graph;
    const ink_node *quantized = ink_int8_find(graph.nodes, graph.node_count);
    ink_arena arena;
    if (quantized)
        return ink_fail(error, INK_ERR_LAYOUT, "node '%.64s' (%s): its weight is i8, which cannot be told in another type; "
                        "take the model that it was made from", quantized->name, quantized->op->name);
    ink_arena_init(&arena, &a);
    ink_status status = INK_OK;
    graph.tensors = ink_arena_array(&arena, graph.tensor_count, sizeof *graph.tensors);
    if (!graph.tensors)
        status = ink_fail(error, INK_ERR_MEMORY, "no memory for %zu tensors", graph.tensor_count);
    for (size_t i = 0; i < graph.tensor_count && !status; i++) {
        graph.tensors[i] = model->graph.tensors[i];
        const ink_type was = graph.tensors[i].type;
        const bool is_weight = graph.tensors[i].rank >= 2, is_plain = was == INK_F32 || was == INK_F16;
        const ink_type wanted = is_weight ? type : is_plain ? was : INK_F32;
        if (was != wanted)
            status = retype_tensor(&graph.tensors[i], wanted, &arena, error);
    }
    if (!status)
        status = ink_layout_write(&graph, model->metadata, model->metadata_count, NULL, &a, out, error);
    ink_arena_free(&arena);
    return status;
}
