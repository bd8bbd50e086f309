#include "graph/graph.h"

#include "base/checked.h"
#include "tensor/type.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char picture[] = "input";

ink_status ink_graph_init(ink_graph *graph, ink_arena *arena, const ink_input *input,
                          ink_error *error)
{
    *graph = (ink_graph){ .arena = arena, .input = *input };
    if (!input->channels || !input->height || !input->width || input->channels > 65536 ||
        input->height > 65536 || input->width > 65536)
        return ink_fail(error, INK_ERR_SHAPE, "input shape: found %ux%ux%u, wanted sizes from 1 to "
                        "65536", input->channels, input->height, input->width);
    if (!isfinite(input->scale) || !isfinite(input->offset))
        return ink_fail(error, INK_ERR_NOT_FINITE, "input scale %g and offset %g: wanted finite numbers",
                        (double)input->scale, (double)input->offset);
    if (input->scale == 0)
        return ink_fail(error, INK_ERR_FORMAT, "input scale is 0: every picture would be the same");
    return INK_OK;
}

/* Room for one more item of an array that grows by doubling. */
static void *grow(ink_arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t larger = *capacity ? *capacity * 2 : 32;
    void *copy = ink_arena_array(arena, larger, size);
    if (copy && count)
        memcpy(copy, items, count * size);
    if (copy)
        *capacity = larger;
    return copy;
}

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory for the graph");
}

static bool find_value(const ink_graph *graph, const char *name, uint32_t *value)
{
    size_t index;
    if (!strcmp(name, picture)) {
        *value = 0;
        return true;
    }
    if (!ink_names_find(&graph->node_names, name, &index))
        return false;
    *value = (uint32_t)index + 1;
    return true;
}

/* Keeps the names sorted by insertion: at most INK_MAX_NODES of them. */
static bool insert_name(ink_graph *graph, const char *name)
{
    if (!graph->node_names.names && !ink_names_init(&graph->node_names, graph->arena, INK_MAX_NODES))
        return false;
    ink_name *names = graph->node_names.names;
    size_t at = graph->node_names.count++;
    for (; at > 0 && strcmp(names[at - 1].name, name) > 0; at--)
        names[at] = names[at - 1];
    names[at] = (ink_name){ name, graph->node_count };
    return true;
}

ink_status ink_graph_add(ink_graph *graph, const char *op_name, const char *name,
                         const char *const *inputs, size_t input_count, ink_node **out,
                         ink_error *error)
{
    const ink_op *op = ink_op_find(op_name);
    uint32_t taken;
    if (!name || !*name || strlen(name) > 63 || name[strcspn(name, ", \t\n\r\v\f")])
        return ink_fail(error, INK_ERR_GRAPH, "node %zu: its name is '%.80s', wanted 1 to 63 bytes "
                        "without commas and spaces", graph->node_count, name ? name : "");
    if (!op)
        return ink_fail(error, INK_ERR_OP, "node '%s': unknown operator '%.64s'", name, op_name);
    if (find_value(graph, name, &taken))
        return ink_fail(error, INK_ERR_GRAPH, "node '%s': the name is taken", name);
    if (graph->node_count == INK_MAX_NODES)
        return ink_fail(error, INK_ERR_LIMIT, "node '%s': more than %d nodes", name, INK_MAX_NODES);
    const size_t count = input_count ? input_count : 1;
    if (count < op->min_inputs || count > op->max_inputs)
        return op->min_inputs == op->max_inputs
                   ? ink_fail(error, INK_ERR_GRAPH, "node '%s' (%s): has %zu inputs, wanted %u", name,
                              op->name, count, op->min_inputs)
                   : ink_fail(error, INK_ERR_GRAPH, "node '%s' (%s): has %zu inputs, wanted %u to %u",
                              name, op->name, count, op->min_inputs, op->max_inputs);
    if (count > INK_MAX_EDGES - graph->edge_count)
        return ink_fail(error, INK_ERR_LIMIT, "node '%s': the nodes have more than %d inputs in all",
                        name, INK_MAX_EDGES);
    ink_node *nodes = grow(graph->arena, graph->nodes, graph->node_count, &graph->node_capacity,
                           sizeof *nodes);
    uint32_t *values = ink_arena_array(graph->arena, count, sizeof *values);
    const char *copy = ink_arena_string(graph->arena, name, strlen(name));
    if (!nodes || !values || !copy)
        return no_memory(error);
    graph->nodes = nodes;
    values[0] = (uint32_t)graph->node_count; /* the value before this node */
    for (size_t i = 0; i < input_count; i++)
        if (!find_value(graph, inputs[i], &values[i]))
            return ink_fail(error, INK_ERR_GRAPH, "node '%s': its input '%.64s' is no node before it",
                            name, inputs[i]);
    if (!insert_name(graph, copy))
        return no_memory(error);
    graph->edge_count += count;
    ink_node *node = &nodes[graph->node_count++];
    *node = (ink_node){ .op = op, .name = copy, .input_count = (uint32_t)count, .inputs = values };
    *out = node;
    return INK_OK;
}

ink_status ink_graph_add_text(ink_graph *graph, const char *op, const char *name, const char *inputs,
                              const char *attributes, ink_error *error)
{
    const char *names[INK_MAX_INPUTS];
    size_t count = 0;
    for (const char *at = inputs ? inputs : ""; *at;) {
        size_t length = strcspn(at, ",");
        if (count == INK_MAX_INPUTS)
            return ink_fail(error, INK_ERR_LIMIT, "node '%.64s': more than %d inputs", name,
                            INK_MAX_INPUTS);
        if (!(names[count++] = ink_arena_string(graph->arena, at, length)))
            return no_memory(error);
        at += length + (at[length] == ',');
    }
    ink_attributes values = { .count = { 0 } };
    const ink_op *found = ink_op_find(op);
    if (found)
        INK_TRY(ink_attributes_parse(&values, found->attributes, found->attribute_count, attributes,
                                     name, error));
    ink_node *node;
    INK_TRY(ink_graph_add(graph, op, name, names, count, &node, error));
    node->attributes = values;
    return INK_OK;
}

ink_status ink_graph_add_tensor(ink_graph *graph, const ink_tensor_info *info, ink_error *error)
{
    ink_tensor_info *tensors = grow(graph->arena, graph->tensors, graph->tensor_count,
                                    &graph->tensor_capacity, sizeof *tensors);
    const char *name = ink_arena_string(graph->arena, info->name, strlen(info->name));
    if (!tensors || !name)
        return no_memory(error);
    graph->tensors = tensors;
    tensors[graph->tensor_count] = *info;
    tensors[graph->tensor_count++].name = name;
    return INK_OK;
}

/* The node's tensors, found by name. */
static ink_status bind(ink_graph *graph, const ink_names *names, bool *used, ink_node *node,
                       ink_error *error)
{
    for (size_t i = 0; i < node->op->parameter_count; i++) {
        const ink_op_parameter *parameter = &node->op->parameters[i];
        char name[80]; /* a node's name has at most 63 bytes */
        snprintf(name, sizeof name, "%s.%s", node->name, parameter->suffix);
        size_t index;
        if (ink_names_find(names, name, &index)) {
            used[index] = true;
            node->parameters[i] = &graph->tensors[index];
            if (graph->tensors[index].type == INK_I8 &&
                (i > 0 || (node->op != &ink_op_conv2d && node->op != &ink_op_dense)))
                return ink_fail(error, INK_ERR_TYPE, "tensor '%.80s': is i8, which only the weight of a conv2d or dense "
                                "node may be", graph->tensors[index].name);
            uint64_t elements = 1;
            for (uint32_t k = 0; k < graph->tensors[index].rank; k++)
                elements *= graph->tensors[index].dim[k];
            node->parameter_count += elements;
        } else if (parameter->required) {
            return ink_fail(error, INK_ERR_MISSING, "tensor '%s': missing, node '%s' (%s) needs it",
                            name, node->name, node->op->name);
        }
    }
    return INK_OK;
}

static ink_status check_tensors(ink_graph *graph, ink_names *names, ink_error *error)
{
    if (!ink_names_init(names, graph->arena, graph->tensor_count))
        return no_memory(error);
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const ink_tensor_info *tensor = &graph->tensors[i];
        const ink_type_row *type = ink_type_get(tensor->type);
        if (!type)
            return ink_fail(error, INK_ERR_TYPE, "tensor '%.80s': unknown element type %d",
                            tensor->name, (int)tensor->type);
        uint64_t elements, bytes;
        ink_shape shape = { tensor->rank, { 0 } };
        if (tensor->rank < 1 || tensor->rank > INK_MAX_DIMS)
            return ink_fail(error, INK_ERR_SHAPE, "tensor '%.80s': has %u dimensions, wanted 1 to %d",
                            tensor->name, tensor->rank, INK_MAX_DIMS);
        memcpy(shape.dim, tensor->dim, sizeof shape.dim);
        if (!ink_shape_elements(shape, &elements) || !elements || shape.dim[shape.rank - 1] % type->block_items ||
            !ink_type_bytes(type, elements, &bytes) || bytes != tensor->bytes)
            return ink_fail(error, INK_ERR_SHAPE, "tensor '%.80s': its dimensions and its %llu bytes "
                            "do not fit", tensor->name, (unsigned long long)tensor->bytes);
        if (!ink_type_is_finite(tensor->type, tensor->data, (size_t)elements))
            return ink_fail(error, INK_ERR_NOT_FINITE, "tensor '%.80s': holds a NaN or infinite "
                            "value", tensor->name);
        ink_names_add(names, tensor->name, i);
    }
    ink_names_sort(names);
    for (size_t i = 1; i < names->count; i++)
        if (!strcmp(names->names[i].name, names->names[i - 1].name))
            return ink_fail(error, INK_ERR_GRAPH, "tensor '%.80s': is there twice",
                            names->names[i].name);
    return INK_OK;
}

static ink_status check_labels(ink_graph *graph, ink_error *error)
{
    const size_t classes = ink_graph_classes(graph);
    if (graph->label_count && graph->label_count != classes)
        return ink_fail(error, INK_ERR_SHAPE, "classes: found %zu names, the output has %zu elements",
                        graph->label_count, classes);
    if (graph->label_count)
        return INK_OK;
    graph->labels = ink_arena_array(graph->arena, classes, sizeof *graph->labels);
    for (size_t i = 0; graph->labels && i < classes; i++)
        graph->labels[i] = ink_arena_format(graph->arena, "%zu", i);
    graph->label_count = classes;
    return graph->arena->failed ? no_memory(error) : INK_OK;
}

ink_status ink_graph_check(ink_graph *graph, const ink_limits *limits, ink_error *error)
{
    enum { MAX_CLASSES = 65536 };
    ink_names names;
    if (!graph->node_count)
        return ink_fail(error, INK_ERR_GRAPH, "the graph has no nodes");
    INK_TRY(check_tensors(graph, &names, error));
    bool *used = ink_arena_array(graph->arena, graph->tensor_count, sizeof *used);
    if (!used)
        return no_memory(error);
    uint64_t work = 0;
    graph->parameters = graph->macs = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        ink_node *node = &graph->nodes[i];
        ink_shape inputs[INK_MAX_INPUTS];
        char text[INK_SHAPE_TEXT];
        uint64_t elements, bytes;
        for (uint32_t k = 0; k < node->input_count; k++)
            inputs[k] = ink_graph_value_shape(graph, node->inputs[k]);
        INK_TRY(ink_attributes_complete(&node->attributes, node->op->attributes,
                                        node->op->attribute_count, node->name, error));
        INK_TRY(bind(graph, &names, used, node, error));
        INK_TRY(node->op->shape(node, inputs, error));
        if (!ink_shape_elements(node->shape, &elements) || !elements ||
            !ink_mul_u64(elements, sizeof(float), &bytes) || bytes > limits->memory)
            return ink_fail(error, INK_ERR_LIMIT, "node '%s' (%s): its output %s is over the limit of "
                            "%llu bytes an image", node->name, node->op->name,
                            ink_shape_text(node->shape, text), (unsigned long long)limits->memory);
        if (!ink_add_u64(work, elements, &work) || !ink_add_u64(work, node->work, &work) ||
            !ink_add_u64(work, node->macs, &work) || work > limits->macs)
            return ink_fail(error, INK_ERR_LIMIT, "node '%s' (%s): an image takes more than the limit "
                            "of %llu operations", node->name, node->op->name,
                            (unsigned long long)limits->macs);
        graph->parameters += node->parameter_count;
        graph->macs += node->macs;
    }
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (!used[i])
            return ink_fail(error, INK_ERR_GRAPH, "tensor '%.80s': belongs to no node",
                            graph->tensors[i].name);
    if (ink_graph_classes(graph) > MAX_CLASSES)
        return ink_fail(error, INK_ERR_LIMIT, "the output has %zu elements, the limit is %d",
                        ink_graph_classes(graph), MAX_CLASSES);
    return check_labels(graph, error);
}

ink_shape ink_graph_value_shape(const ink_graph *graph, uint32_t value)
{
    return value ? graph->nodes[value - 1].shape
                 : ink_shape_chw(graph->input.channels, graph->input.height, graph->input.width);
}

const char *ink_graph_value_name(const ink_graph *graph, uint32_t value)
{
    return value ? graph->nodes[value - 1].name : picture;
}

size_t ink_graph_classes(const ink_graph *graph)
{
    uint64_t elements = 0;
    (void)ink_shape_elements(graph->nodes[graph->node_count - 1].shape, &elements);
    return (size_t)elements;
}
