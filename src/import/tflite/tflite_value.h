/* What TensorFlow Lite's operators compute with, while a draft is made of them.
 *
 * Axes. TensorFlow's pictures are H, W, C, inkling's C, H, W. A value has TensorFlow's axes, without the batch, and
 * inkling's order of them: transposing changes what the axes are called, and only an operator that needs an order
 * (ink_tflite_order) puts in a node `permute`. */
#ifndef INK_TFLITE_VALUE_H
#define INK_TFLITE_VALUE_H

#include "import/draft.h"
#include "import/tflite/tflite_file.h"

enum { INK_TFLITE_AXES = 4, INK_TFLITE_MOST_NUMBERS = 16 };

typedef enum ink_tflite_kind {
    INK_TFLITE_UNKNOWN, /* after a fault, which was told */
    INK_TFLITE_VALUE,   /* computed from the picture */
    INK_TFLITE_NUMBERS, /* of a shape */
    INK_TFLITE_CONSTANT
} ink_tflite_kind;

/* `value`, or that many for each picture of the batch. */
typedef struct ink_tflite_number {
    int64_t value;
    bool batch;
} ink_tflite_number;

/* A dilated convolution of TensorFlow: SPACE_TO_BATCH_ND deals the pixels out to more pictures, a convolution without
 * dilation runs, BATCH_TO_SPACE_ND puts the pixels back. Height and width each. */
typedef struct ink_tflite_space {
    uint64_t dilation[2], before[2], after[2]; /* the padding, less what is cropped at the end */
} ink_tflite_space;

typedef struct ink_tflite_value {
    ink_tflite_kind kind;
    /* INK_TFLITE_VALUE */
    const char *node;
    uint32_t rank;
    uint64_t dim[INK_TFLITE_AXES];  /* TensorFlow's order */
    uint8_t axis[INK_TFLITE_AXES];  /* inkling's axis k is TensorFlow's axis[k] */
    bool rows;     /* TensorFlow's first axis is the batch times dim[0], not the batch and then dim[0] */
    const ink_tflite_space *space; /* pixels are dealt out; the shape is that of all */
    bool is_convolved;             /* and the convolution was */
    bool is_input; /* nothing has changed the picture's numbers yet */
    float *scale, *shift; /* of the batch_norm that made it and is for it alone, of `channels` each; else NULL */
    uint64_t channels;
    /* INK_TFLITE_NUMBERS */
    ink_tflite_number *numbers;
    uint32_t count;
    /* INK_TFLITE_CONSTANT */
    int32_t constant; /* a tensor */
} ink_tflite_value;

/* A constant of floats. */
typedef struct ink_tflite_floats {
    const ink_tflite_tensor *tensor;
    ink_element element;
    uint64_t elements;
} ink_tflite_floats;

typedef struct ink_tflite_work {
    ink_draft *draft;
    ink_tflite_file file;
    ink_tflite_value *values; /* of each tensor */
    uint32_t *uses;           /* how many live nodes read it, and the output */
    uint64_t floats_left;     /* of weights, so that one constant that many layers share does no harm */
    const ink_tflite_node *node; /* the one at work */
} ink_tflite_work;

/* Notes a fault of the node at work: "layer 'NAME' (OP): " and the rest. */
void ink_tflite_fault(ink_tflite_work *work, const char *format, ...) INK_PRINTF(2, 3);

/* Input `index` of the node at work; NULL where it was left out. What is a constant in the file is one here. */
const ink_tflite_value *ink_tflite_input(ink_tflite_work *work, uint32_t index);
/* A copy of input `index`, which is computed from the picture; false after a fault. */
bool ink_tflite_take(ink_tflite_work *work, uint32_t index, ink_tflite_value *to);
/* A name for the next node of the draft. */
const char *ink_tflite_name(ink_tflite_work *work, const char *op);
/* Adds a node to the draft; the rest is as of printf. */
#define INK_TFLITE_NODE(work, op, inputs, ...) \
    ink_draft_node((work)->draft, op, ink_tflite_name(work, op), inputs, __VA_ARGS__)
/* The output of the node at work. */
void ink_tflite_give(ink_tflite_work *work, ink_tflite_value value);

/* An input's numbers, of a constant too; false after a fault. `to` has room for INK_TFLITE_MOST_NUMBERS. */
bool ink_tflite_numbers(ink_tflite_work *work, uint32_t index, ink_tflite_number *to, uint32_t *count);
/* An input as floats; false after a fault. Neither is empty. */
bool ink_tflite_constant(ink_tflite_work *work, uint32_t index, ink_tflite_floats *to);
float ink_tflite_float(const ink_tflite_floats *from, uint64_t at);
/* As ink_draft_tensor, within floats_left. */
float *ink_tflite_tensor_new(ink_tflite_work *work, const char *node, const char *part, uint32_t rank,
                             const uint64_t *dim);

uint64_t ink_tflite_elements(const ink_tflite_value *value);
/* A node of one input, the value, with the same shape. */
ink_tflite_value ink_tflite_same(ink_tflite_work *work, const char *op, ink_tflite_value value,
                                 const char *attributes);
/* The value with inkling's axes in the order that is wanted, which has value.rank axes. */
ink_tflite_value ink_tflite_order(ink_tflite_work *work, ink_tflite_value value, const uint8_t *wanted);
/* The same elements in another shape. False after a fault. */
bool ink_tflite_reshape(ink_tflite_work *work, ink_tflite_value *value, uint32_t rank, const uint64_t *dim);
/* x * scale[c] + shift[c] along the last axis, or, of one element each, of all. Where a batch_norm made the value it
 * is changed instead. False after a fault. */
bool ink_tflite_affine(ink_tflite_work *work, ink_tflite_value *value, uint64_t count, const float *scale,
                       const float *shift);
/* What an operator does at its end, by its number in the schema. False after a fault. */
bool ink_tflite_activate(ink_tflite_work *work, ink_tflite_value *value, int32_t activation);
/* min(max(x, low), high). False after a fault. */
bool ink_tflite_clip(ink_tflite_work *work, ink_tflite_value *value, float low, float high);

/* ---- for the operators ---- */

/* Input 0 as a picture, C, H, W for inkling; false after a fault. */
bool ink_tflite_take_picture(ink_tflite_work *work, ink_tflite_value *to);
/* What a node of the draft makes of a value. */
ink_tflite_value ink_tflite_made(ink_tflite_value from, const char *node);
/* The output of the node at work, after its fused activation. */
void ink_tflite_give_activated(ink_tflite_work *work, ink_tflite_value value, int32_t activation);
/* A number of the node's options, 0 for a negative one. */
uint64_t ink_tflite_option(ink_tflite_work *work, unsigned field, int32_t fallback);
int32_t ink_tflite_option_i8(ink_tflite_work *work, unsigned field);
bool ink_tflite_has_input(ink_tflite_work *work, uint32_t index);
/* TensorFlow's axis, of `count` and the batch, as one without the batch; -1 for the batch and for none. */
int32_t ink_tflite_axis_of(ink_tflite_number axis, uint32_t count);

/* Have they the same shape? */
bool ink_tflite_is_alike(const ink_tflite_value *a, const ink_tflite_value *b);

/* ---- the operators ---- */

/* What the node at work computes, of values or, as `fold`, of numbers and constants only. */
typedef void ink_tflite_do(ink_tflite_work *work);

ink_tflite_do ink_tflite_fold_cast, ink_tflite_fold_concatenation, ink_tflite_fold_dequantize, ink_tflite_fold_fill,
    ink_tflite_fold_gather, ink_tflite_fold_pack, ink_tflite_fold_reduce_prod, ink_tflite_fold_strided_slice,
    ink_tflite_shape;

ink_tflite_do ink_tflite_run_arithmetic, ink_tflite_run_average_pool_2d, ink_tflite_run_batch_matmul,
    ink_tflite_run_batch_to_space_nd, ink_tflite_run_bound, ink_tflite_run_cast, ink_tflite_run_clip,
    ink_tflite_run_concatenation, ink_tflite_run_conv_2d, ink_tflite_run_depthwise_conv_2d, ink_tflite_run_elements,
    ink_tflite_run_expand_dims, ink_tflite_run_fully_connected, ink_tflite_run_gelu, ink_tflite_run_leaky_relu,
    ink_tflite_run_log_softmax, ink_tflite_run_max_pool_2d, ink_tflite_run_mean, ink_tflite_run_pad,
    ink_tflite_run_prelu, ink_tflite_run_reduce_max, ink_tflite_run_reshape, ink_tflite_run_softmax,
    ink_tflite_run_space_to_batch_nd, ink_tflite_run_squeeze, ink_tflite_run_transpose;

/* The node at work, by the table of operators. */
void ink_tflite_layer(ink_tflite_work *work);

#endif
