/* What the public functions tell of a model. */
#include "model/model.h"

#include <string.h>

static void copy_shape(uint32_t *rank, uint32_t dim[INK_MAX_DIMS], ink_shape shape)
{
    *rank = shape.rank;
    memcpy(dim, shape.dim, sizeof shape.dim);
}

static void describe_node(const ink_model *model, const ink_node *node, ink_node_info *info,
                          ink_arena *arena)
{
    const char **inputs = ink_arena_array(arena, node->input_count, sizeof *inputs);
    for (uint32_t i = 0; inputs && i < node->input_count; i++)
        inputs[i] = ink_graph_value_name(&model->graph, node->inputs[i]);
    *info = (ink_node_info){ .name = node->name, .op = node->op->name, .inputs = inputs,
                             .input_count = node->input_count,
                             .parameters = node->parameter_count, .macs = node->macs };
    info->attributes = ink_attributes_text(&node->attributes, node->op->attributes,
                                           node->op->attribute_count, arena);
    copy_shape(&info->rank, info->dim, node->shape);
}

/* The step that wrote a buffer last before step `at`: the one whose value is read there. */
static const char *writer_of(const ink_plan *plan, uint32_t buffer, size_t at)
{
    while (at-- > 0)
        if (plan->steps[at].output.buffer == buffer)
            return plan->steps[at].name;
    return "input";
}

static void describe_step(const ink_model *model, size_t index, ink_step_info *info,
                          ink_arena *arena)
{
    const ink_plan *plan = &model->plan;
    const ink_step *step = &plan->steps[index];
    const ink_plan_buffer *buffer = &plan->buffers[step->output.buffer];
    const char **inputs = ink_arena_array(arena, step->input_count, sizeof *inputs);
    for (uint32_t i = 0; inputs && i < step->input_count; i++)
        inputs[i] = writer_of(plan, step->inputs[i].buffer, index);
    *info = (ink_step_info){ .name = step->name, .ops = step->ops,
                             /* Steps that only move elements do it by ink_copy_f32. */
                             .kernel = !step->kernel ? "copy_f32" : !step->way ? step->kernel->name
                                       : ink_arena_format(arena, "%s%s", step->way, step->kernel->name),
                             .inputs = inputs, .input_count = step->input_count,
                             .macs = step->node ? step->node->macs : 0,
                             .weight_bytes = step->weight_bytes,
                             .offset = buffer->offset * sizeof(float),
                             .bytes = step->output.elements *
                                      (step->output.quantum.scale > 0 ? sizeof(uint8_t) : sizeof(float)),
                             .scratch_bytes = step->scratch * sizeof(float) };
    copy_shape(&info->rank, info->dim, step->output.shape);
}

ink_status ink_model_describe(ink_model *model, ink_error *error)
{
    const ink_graph *graph = &model->graph;
    ink_arena *arena = &model->arena;
    ink_model_info *info = &model->info;
    info->name = "";
    for (size_t i = 0; i < model->metadata_count; i++)
        if (!strcmp(model->metadata[i].key, "general.name"))
            info->name = ink_metadata_string(&model->metadata[i], 0);
    info->channels = graph->input.channels;
    info->height = graph->input.height;
    info->width = graph->input.width;
    info->input_offset = graph->input.offset;
    info->classes = (uint32_t)ink_graph_classes(graph);
    info->labels = graph->labels;
    info->parameters = graph->parameters;
    info->macs = graph->macs;
    info->packed_bytes = model->plan.packed_bytes;
    info->image_bytes = model->plan.image_floats * sizeof(float);
    info->nodes = graph->node_count;
    info->steps = model->plan.step_count;
    info->tensors = graph->tensor_count;
    info->metadata = model->metadata_count;
    model->nodes = ink_arena_array(arena, info->nodes, sizeof *model->nodes);
    model->steps = ink_arena_array(arena, info->steps, sizeof *model->steps);
    for (size_t i = 0; model->nodes && i < info->nodes; i++)
        describe_node(model, &graph->nodes[i], &model->nodes[i], arena);
    for (size_t i = 0; model->steps && i < info->steps; i++)
        describe_step(model, i, &model->steps[i], arena);
    return arena->failed ? ink_fail(error, INK_ERR_MEMORY, "no memory to describe the model") : INK_OK;
}

const ink_model_info *ink_model_get_info(const ink_model *model)
{
    return model ? &model->info : NULL;
}

const ink_node_info *ink_model_node(const ink_model *model, size_t index)
{
    return model && index < model->info.nodes ? &model->nodes[index] : NULL;
}

const ink_step_info *ink_model_step(const ink_model *model, size_t index)
{
    return model && index < model->info.steps ? &model->steps[index] : NULL;
}

const ink_tensor_info *ink_model_tensor(const ink_model *model, size_t index)
{
    return model && index < model->info.tensors ? &model->graph.tensors[index] : NULL;
}

const ink_metadata *ink_model_metadata(const ink_model *model, size_t index)
{
    return model && index < model->info.metadata ? &model->metadata[index] : NULL;
}
