/* An ONNX graph while it becomes a draft: its values by name, its nodes in the order in which they compute, and what
 * is known of each value so far. */
#ifndef INK_ONNX_GRAPH_H
#define INK_ONNX_GRAPH_H

#include "base/names.h"
#include "import/draft.h"
#include "import/onnx/onnx_tensor.h"
#include "tensor/shape.h"

#define INK_ONNX_NONE SIZE_MAX

/* Stands in a shape, and in what is computed from it, for the number of pictures. */
#define INK_ONNX_BATCH (INT64_MIN + 7)

typedef enum ink_onnx_kind {
    INK_ONNX_UNKNOWN,
    INK_ONNX_CONSTANT, /* `tensor` */
    INK_ONNX_VALUE,    /* computed from the picture: `view` */
    INK_ONNX_FAILED,   /* the fault is noted; what depends on it is not told again */
} ink_onnx_kind;

/* A value of the draft as ONNX sees it: what a node of the draft gives, and one change of shape or order that has not
 * become a node yet, so that those that end each other leave nothing behind. Shapes are those of one picture: ONNX's
 * first dimension, the batch, is left out. */
typedef struct ink_onnx_view {
    const char *node;
    ink_shape from;  /* what the node gives */
    ink_shape shape; /* what ONNX sees */
    enum { INK_ONNX_PLAIN, INK_ONNX_RESHAPED, INK_ONNX_PERMUTED } how;
    uint32_t order[INK_MAX_DIMS]; /* axis i of `shape` is axis order[i] of `from` */
    bool takes_bias; /* the node is a convolution or dense layer without one */
} ink_onnx_view;

typedef struct ink_onnx_value {
    const char *name;
    const InkOnnx__Tensor *initializer;
    const InkOnnx__ValueInfo *input;
    size_t producer;   /* a node, or INK_ONNX_NONE */
    size_t uses, user; /* how many nodes read it, and the last of these */
    ink_onnx_kind kind;
    ink_onnx_tensor tensor;
    ink_onnx_view view;
} ink_onnx_value;

typedef struct ink_onnx_node {
    const InkOnnx__Node *proto;
    const char *op;      /* the proto's, or what a pattern of nodes was found to be */
    const char *label;   /* its name, or its output's, for errors */
    size_t *inputs, *outputs; /* values, or INK_ONNX_NONE for those left out */
    size_t input_count, output_count;
    enum { INK_ONNX_NEW, INK_ONNX_OPEN, INK_ONNX_DONE } state;
} ink_onnx_node;

typedef struct ink_onnx {
    ink_onnx_store store;
    ink_draft *draft;
    const InkOnnx__Graph *graph;
    int64_t opset;
    int64_t batch; /* how many pictures the input is declared with; 0: any number */
    ink_onnx_value *values;
    size_t value_count;
    ink_onnx_node *nodes;
    size_t *order, order_count; /* the nodes that an output needs, each behind those that it reads */
    ink_names names;
} ink_onnx;

/* Lists values and nodes. Errors: INK_ERR_FORMAT for a name that two nodes give; INK_ERR_LIMIT; INK_ERR_MEMORY. */
ink_status ink_onnx_graph_list(ink_onnx *x);
/* Finds what `output`, a value, needs, into `order`, and reads the initializers among it.
 * Errors: INK_ERR_FORMAT for a name that nothing gives, INK_ERR_GRAPH for a cycle, those of ink_onnx_tensor_read. */
ink_status ink_onnx_graph_sort(ink_onnx *x, size_t output);
/* The value of this name, or INK_ONNX_NONE. */
size_t ink_onnx_find(const ink_onnx *x, const char *name);

/* The i-th input or output of a node, NULL where it was left out. */
ink_onnx_value *ink_onnx_in(const ink_onnx *x, const ink_onnx_node *node, size_t i);
ink_onnx_value *ink_onnx_out(const ink_onnx *x, const ink_onnx_node *node, size_t i);
/* The same where it is a constant, else NULL. */
const ink_onnx_tensor *ink_onnx_constant(const ink_onnx *x, const ink_onnx_node *node, size_t i);

/* ---- attributes ---- */

const InkOnnx__Attribute *ink_onnx_attribute(const ink_onnx_node *node, const char *name);
int64_t ink_onnx_int(const ink_onnx_node *node, const char *name, int64_t fallback);
float ink_onnx_float(const ink_onnx_node *node, const char *name, float fallback);
/* Is it this word? */
bool ink_onnx_word_is(const ink_onnx_node *node, const char *name, const char *word);

/* A list of whole numbers that was an attribute in older versions and an input in newer: the attribute `name`, or the
 * constant input `i`. False, and a fault, where the input is no constant. `*count` is 0 without either. */
bool ink_onnx_ints(ink_onnx *x, const ink_onnx_node *node, const char *name, size_t i, const int64_t **to,
                   size_t *count);

/* ONNX's axis, which counts the batch and from the end if negative, as one of a picture's; false, and a fault, for the
 * batch or none. */
bool ink_onnx_axis(ink_onnx *x, const ink_onnx_node *node, int64_t axis, uint32_t rank, uint32_t *to);

/* ---- results ---- */

/* Notes a fault of a node; false always. */
bool ink_onnx_fault(ink_onnx *x, const ink_onnx_node *node, const char *format, ...) INK_PRINTF(3, 4);
/* Gives the node's output. */
void ink_onnx_give(ink_onnx *x, const ink_onnx_node *node, const ink_onnx_view *view);
void ink_onnx_give_tensor(ink_onnx *x, const ink_onnx_node *node, const ink_onnx_tensor *tensor);
/* A name for the draft's node: that of the weights, as PyTorch names them, or the node's. */
const char *ink_onnx_name(const ink_onnx *x, const ink_onnx_node *node);

#endif
