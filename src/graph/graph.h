/* The graph as written: nodes in topological order, the tensors that they name, and the input. It is made
 * by a reader of files or by hand, then checked once; after that it never changes. */
#ifndef INK_GRAPH_H
#define INK_GRAPH_H

#include "base/names.h"
#include "ops/op.h"

enum { INK_MAX_NODES = 4096, INK_MAX_EDGES = 4 * INK_MAX_NODES };

/* A picture's element as network input: x = pixel * scale + offset. */
typedef struct ink_input {
    uint32_t channels, height, width;
    float scale, offset;
} ink_input;

typedef struct ink_graph {
    ink_arena *arena; /* where everything here lies */
    ink_input input;
    size_t node_count, node_capacity;
    ink_node *nodes;
    size_t edge_count; /* inputs of all nodes */
    ink_names node_names; /* sorted as far as nodes have been added */
    size_t tensor_count, tensor_capacity;
    ink_tensor_info *tensors; /* data outside of the arena unless the builder put it there */
    size_t label_count;
    const char **labels; /* one for each class, after ink_graph_check */
    uint64_t parameters, macs;
} ink_graph;

/* What a graph may need at most. */
typedef struct ink_limits {
    uint64_t memory, macs;
} ink_limits;

/* Begins a graph. Errors: INK_ERR_SHAPE, INK_ERR_NOT_FINITE, INK_ERR_FORMAT for a bad input. */
ink_status ink_graph_init(ink_graph *graph, ink_arena *arena, const ink_input *input,
                          ink_error *error);

/* Adds a node whose attributes are still to be set; returns it through `out`. `inputs` are names of
 * nodes; with count 0 the value before it is meant. Errors: INK_ERR_OP, INK_ERR_GRAPH for a name that is
 * empty, taken, or not there yet, INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_graph_add(ink_graph *graph, const char *op, const char *name,
                         const char *const *inputs, size_t input_count, ink_node **out,
                         ink_error *error);

/* The same with text, as ink_builder_node takes it. */
ink_status ink_graph_add_text(ink_graph *graph, const char *op, const char *name, const char *inputs,
                              const char *attributes, ink_error *error);

/* Adds a tensor; `info` and its name are copied, the data is not. */
ink_status ink_graph_add_tensor(ink_graph *graph, const ink_tensor_info *info, ink_error *error);

/* Gives each node its parameters and its shape, and checks everything: every tensor belongs to a node
 * and is finite, shapes fit, labels are as many as classes, limits hold. Errors: from 35 on. */
ink_status ink_graph_check(ink_graph *graph, const ink_limits *limits, ink_error *error);

/* The shape of a value: 0 is the picture, i + 1 what node i gives. */
ink_shape ink_graph_value_shape(const ink_graph *graph, uint32_t value);
/* Its name. */
const char *ink_graph_value_name(const ink_graph *graph, uint32_t value);
/* How many classes the output has: its elements. */
size_t ink_graph_classes(const ink_graph *graph);

#endif
