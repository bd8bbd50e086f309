#include "train/fold.h"

#include "tensor/type.h"

#include <math.h>
#include <string.h>

typedef struct folder {
    const ink_tape *tape;
    const float *parameters;
    ink_graph *out;
    uint32_t *uses;  /* by value of the old graph */
    uint32_t *value; /* by value of the old graph: the new one */
    const ink_node **maker; /* by value of the new graph: the old node that it comes from */
    ink_error *error;
} folder;

static ink_status no_memory(const folder *f)
{
    return ink_fail(f->error, INK_ERR_MEMORY, "no memory for the trained network");
}

/* The floats of a parameter, in the order of files. A tensor of a node that the output does not need is not
 * on the tape and stays as it was. */
static float *floats_of(const folder *f, const ink_tensor_info *tensor, size_t *count)
{
    *count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        *count *= tensor->dim[i];
    float *floats = ink_arena_array(f->out->arena, *count, sizeof *floats);
    for (size_t i = 0; floats && i < f->tape->parameter_count; i++)
        if (f->tape->parameters[i].tensor == tensor) {
            ink_tape_export(f->tape, &f->tape->parameters[i], f->parameters, floats);
            return floats;
        }
    if (floats)
        ink_type_to_f32(tensor->type, tensor->data, *count, floats);
    return floats;
}

static ink_status add_tensor(const folder *f, const char *name, uint32_t rank, const uint32_t *dim,
                             const float *data, size_t count)
{
    ink_tensor_info info = { .name = name, .type = INK_F32, .rank = rank, .bytes = count * sizeof *data,
                             .data = data };
    memcpy(info.dim, dim, rank * sizeof *dim);
    return data && name ? ink_graph_add_tensor(f->out, &info, f->error) : no_memory(f);
}

static ink_status copy_node(folder *f, uint32_t at)
{
    const ink_node *old = &f->tape->graph->nodes[at - 1];
    const char *inputs[INK_MAX_INPUTS];
    ink_node *node;
    for (uint32_t i = 0; i < old->input_count; i++)
        inputs[i] = ink_graph_value_name(f->out, f->value[old->inputs[i]]);
    INK_TRY(ink_graph_add(f->out, old->op->name, old->name, inputs, old->input_count, &node, f->error));
    node->attributes = old->attributes;
    f->value[at] = (uint32_t)f->out->node_count;
    f->maker[f->value[at]] = old;
    for (size_t i = 0; i < old->op->parameter_count; i++) {
        const ink_tensor_info *tensor = old->parameters[i];
        size_t count;
        if (tensor) {
            const float *floats = floats_of(f, tensor, &count);
            INK_TRY(add_tensor(f, tensor->name, tensor->rank, tensor->dim, floats, count));
        }
    }
    return INK_OK;
}

static ink_tensor_info *find(ink_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (!strcmp(graph->tensors[i].name, name))
            return &graph->tensors[i];
    return NULL;
}

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias of each channel, into what makes x. */
static ink_status fold_norm(folder *f, const ink_node *norm, const ink_node *layer)
{
    enum { WEIGHT, BIAS, MEAN, VARIANCE };
    const float *n[INK_MAX_PARAMETERS] = { NULL };
    const double epsilon = ink_attr_f32(&norm->attributes, INK_ATTR_EPSILON);
    const char *weight_name = ink_arena_format(f->out->arena, "%s.weight", layer->name);
    const char *bias_name = ink_arena_format(f->out->arena, "%s.bias", layer->name);
    size_t count;
    for (size_t i = 0; i < norm->op->parameter_count; i++)
        if (norm->parameters[i] && !(n[i] = floats_of(f, norm->parameters[i], &count)))
            return no_memory(f);
    if (!weight_name || !bias_name)
        return no_memory(f);
    const uint32_t channels = layer->parameters[0]->dim[0];
    if (!find(f->out, bias_name))
        INK_TRY(add_tensor(f, bias_name, 1, &channels,
                           ink_arena_array(f->out->arena, channels, sizeof(float)), channels));
    float *weight = (float *)(uintptr_t)find(f->out, weight_name)->data; /* ours: floats_of made it */
    float *bias = (float *)(uintptr_t)find(f->out, bias_name)->data;
    const size_t row = (size_t)find(f->out, weight_name)->bytes / sizeof *weight / channels;
    for (size_t c = 0; c < channels; c++) {
        const double scale = (n[WEIGHT] ? n[WEIGHT][c] : 1) / sqrt(n[VARIANCE][c] + epsilon);
        for (size_t i = c * row; i < (c + 1) * row; i++)
            weight[i] = (float)(weight[i] * scale);
        bias[c] = (float)((bias[c] - n[MEAN][c]) * scale + (n[BIAS] ? n[BIAS][c] : 0));
    }
    return INK_OK;
}

/* The conv2d or dense layer that a batch norm can become a part of: the norm alone reads it, and the norm's
 * channels are its rows of weights. */
static const ink_node *layer_before(const folder *f, const ink_node *norm)
{
    const uint32_t input = norm->inputs[0];
    const ink_node *layer = f->maker[f->value[input]];
    const bool fits = layer && (layer->op == &ink_op_conv2d ||
                                (layer->op == &ink_op_dense && layer->shape.rank == 1));
    return fits && f->uses[input] == 1 && layer == &f->tape->graph->nodes[input - 1] ? layer : NULL;
}

ink_status ink_fold(const ink_tape *tape, const float *parameters, bool fold, ink_arena *arena, ink_graph *out,
                    ink_error *error)
{
    const ink_graph *graph = tape->graph;
    const size_t values = graph->node_count + 1;
    folder f = { .tape = tape, .parameters = parameters, .out = out, .error = error };
    INK_TRY(ink_graph_init(out, arena, &graph->input, error));
    out->labels = graph->labels;
    out->label_count = graph->label_count;
    f.uses = ink_arena_array(arena, values, sizeof *f.uses);
    f.value = ink_arena_array(arena, values, sizeof *f.value);
    f.maker = ink_arena_array(arena, values, sizeof *f.maker);
    if (arena->failed)
        return no_memory(&f);
    for (size_t i = 0; i < graph->node_count; i++)
        for (uint32_t k = 0; k < graph->nodes[i].input_count; k++)
            f.uses[graph->nodes[i].inputs[k]]++;
    for (uint32_t at = 1; at < values; at++) {
        const ink_node *node = &graph->nodes[at - 1];
        const bool last = at + 1 == values; /* it is the output, and stays */
        const ink_node *layer = node->op == &ink_op_batch_norm && fold && !last ? layer_before(&f, node) : NULL;
        if (layer)
            INK_TRY(fold_norm(&f, node, layer));
        if (layer || (fold && !last && node->op == &ink_op_dropout)) {
            f.value[at] = f.value[node->inputs[0]];
            f.maker[f.value[at]] = layer ? NULL : f.maker[f.value[at]]; /* one norm a layer */
        } else {
            INK_TRY(copy_node(&f, at));
        }
    }
    return INK_OK;
}
