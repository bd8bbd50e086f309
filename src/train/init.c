#include "train/init.h"

#include "base/random.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A normal deviate: G. Box, M. Muller, 1958. */
static float normal(ink_random *random)
{
    const double u = 1 - (double)ink_random_float(random), v = ink_random_float(random);
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

/* Whether what reads this value first is a rectifier, looking through batch norm, dropout and pooling. */
static bool is_rectified(const ink_graph *graph, size_t node)
{
    for (size_t i = node + 1; i < graph->node_count; i++) {
        if (graph->nodes[i].inputs[0] != node + 1)
            continue;
        const ink_op *op = graph->nodes[i].op;
        if (op->activation >= 0)
            return op != &ink_op_sigmoid && op != &ink_op_tanh;
        if (op == &ink_op_batch_norm || op == &ink_op_dropout || op == &ink_op_max_pool2d ||
            op == &ink_op_avg_pool2d)
            return is_rectified(graph, i);
    }
    return false;
}

static bool has(const ink_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (!strcmp(graph->tensors[i].name, name))
            return true;
    return false;
}

/* Adds a tensor; *data is NULL where the graph has it already. */
static ink_status add(ink_graph *graph, const ink_node *node, const char *suffix, uint32_t rank,
                      const uint32_t *dim, float **data, ink_error *error)
{
    char name[80];
    ink_shape shape = { rank, { 0 } };
    uint64_t count;
    *data = NULL;
    snprintf(name, sizeof name, "%s.%s", node->name, suffix);
    if (has(graph, name))
        return INK_OK;
    memcpy(shape.dim, dim, rank * sizeof *dim);
    if (!ink_shape_elements(shape, &count) || count > UINT32_MAX)
        return ink_fail(error, INK_ERR_LIMIT, "node '%.64s' (%s): its weight is too large", node->name,
                        node->op->name);
    *data = ink_arena_array(graph->arena, (size_t)count, sizeof **data);
    if (!*data)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the weights");
    ink_tensor_info info = { .name = name, .type = INK_F32, .rank = rank,
                             .bytes = count * sizeof **data, .data = *data };
    memcpy(info.dim, dim, rank * sizeof *dim);
    return ink_graph_add_tensor(graph, &info, error);
}

static ink_status add_weight(ink_graph *graph, size_t index, uint32_t rank, const uint32_t *dim,
                             ink_random *random, ink_error *error)
{
    const ink_node *node = &graph->nodes[index];
    float *weight, *bias;
    size_t taps = 1;
    for (uint32_t i = 2; i < rank; i++)
        taps *= dim[i];
    const size_t inputs = dim[1] * taps, outputs = dim[0] * taps, count = dim[0] * inputs;
    INK_TRY(add(graph, node, "weight", rank, dim, &weight, error));
    INK_TRY(add(graph, node, "bias", 1, dim, &bias, error));
    const bool he = is_rectified(graph, index);
    const float deviation = sqrtf(2.0f / (float)inputs);
    const float limit = sqrtf(6.0f / (float)(inputs + outputs));
    for (size_t i = 0; weight && i < count; i++)
        weight[i] = he ? deviation * normal(random) : limit * ink_random_signed(random);
    return INK_OK;
}

static ink_status init_node(ink_graph *graph, size_t index, ink_shape input, ink_random *random,
                            ink_error *error)
{
    const ink_node *node = &graph->nodes[index];
    const ink_attributes *a = &node->attributes;
    if (node->op == &ink_op_batch_norm) {
        static const char *const suffixes[] = { "weight", "bias", "mean", "variance" };
        for (size_t i = 0; i < INK_COUNT(suffixes); i++) {
            float *data;
            INK_TRY(add(graph, node, suffixes[i], 1, input.dim, &data, error));
            for (uint32_t c = 0; data && c < input.dim[0]; c++)
                data[c] = i == 0 || i == 3 ? 1 : 0;
        }
        return INK_OK;
    }
    const bool conv = node->op == &ink_op_conv2d;
    if (!conv && node->op != &ink_op_dense)
        return INK_OK;
    if (conv && (!a->count[INK_ATTR_FILTERS] || !a->count[INK_ATTR_KERNEL]))
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "it needs filters and kernel%s", "");
    if (!conv && !a->count[INK_ATTR_UNITS])
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "it needs units%s", "");
    const uint32_t groups = a->count[INK_ATTR_GROUPS] ? ink_attr_u32(a, INK_ATTR_GROUPS, 0) : 1;
    if (conv)
        return add_weight(graph, index, 4,
                          (uint32_t[]){ ink_attr_u32(a, INK_ATTR_FILTERS, 0), input.dim[0] / groups,
                                        ink_attr_u32(a, INK_ATTR_KERNEL, 0),
                                        ink_attr_u32(a, INK_ATTR_KERNEL, 1) }, random, error);
    return add_weight(graph, index, 2,
                      (uint32_t[]){ ink_attr_u32(a, INK_ATTR_UNITS, 0), input.dim[input.rank - 1] },
                      random, error);
}

ink_status ink_network_init(ink_graph *graph, uint64_t seed, const ink_limits *limits, ink_error *error)
{
    /* The shapes that weights follow from come node by node: each check sees one node more. */
    const size_t nodes = graph->node_count;
    for (size_t i = 0; i < nodes; i++) {
        ink_graph known = *graph;
        known.node_count = i;
        if (i)
            INK_TRY(ink_graph_check(&known, limits, error));
        ink_random random = { ink_stream(seed, i) };
        INK_TRY(init_node(graph, i, ink_graph_value_shape(graph, graph->nodes[i].inputs[0]), &random,
                          error));
    }
    graph->label_count = 0;
    return ink_graph_check(graph, limits, error);
}

ink_status ink_builder_init_weights(ink_builder *builder, uint64_t seed, ink_error *error)
{
    const ink_limits limits = { UINT64_C(1) << 30, UINT64_C(100000000000) };
    if (!builder)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_builder_init_weights: builder is NULL");
    return ink_network_init(ink_builder_graph(builder), seed, &limits, error);
}
