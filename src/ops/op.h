/* Operators: what a node means. An operator is one constant that holds its name, what it takes, its shape
 * rule, how its weights are prepared and how it runs. It knows shapes and kernels, not graphs. */
#ifndef INK_OP_H
#define INK_OP_H

#include "kernels/kernels.h"
#include "ops/attributes.h"
#include "tensor/shape.h"

enum { INK_MAX_PARAMETERS = 4, INK_MAX_INPUTS = 64 };

typedef struct ink_op ink_op;

/* A node of the graph as written. Values are numbered: 0 is the picture, i + 1 what node i gives. */
typedef struct ink_node {
    const ink_op *op;
    const char *name;
    uint32_t input_count;
    uint32_t *inputs; /* values */
    ink_attributes attributes;
    const ink_tensor_info *parameters[INK_MAX_PARAMETERS]; /* in the operator's order; NULL: absent */
    ink_shape shape;       /* of the output, for one image */
    uint64_t macs;         /* multiply-adds for one image; only those of conv2d and dense count */
    uint64_t work;         /* of a pooling: elements that it reads; the graph's limit counts both */
    uint64_t parameter_count;
} ink_node;

/* How floats are kept as bytes: byte = x / scale + zero, rounded to the nearest, of two the even one, and cut off at 0 and
 * 255. A scale of 0: they are not. */
typedef struct ink_quantum {
    float scale;
    uint8_t zero;
} ink_quantum;

/* Where a value lies in an image's share of the arena: image i of a chunk begins i * elements behind
 * image 0. */
typedef struct ink_view {
    uint32_t buffer;
    ink_shape shape;
    size_t stride[INK_MAX_DIMS]; /* in elements */
    size_t elements;
    ink_quantum quantum; /* with a scale its elements are bytes; else floats */
} ink_view;

/* The layouts that operators ask for. Layout never changes what a value means, only where its
 * elements lie. */
typedef enum ink_wants {
    INK_WANTS_IMAGE, /* channels last (H, W, C) for rank 3, row-major for others; gives the same */
    INK_WANTS_ROWS,  /* row-major; gives the same */
    INK_WANTS_SAME,  /* any, the same for all inputs; gives the same */
    INK_WANTS_ANY,   /* any; gives channels last for rank 3, row-major for others */
    INK_IS_VIEW      /* runs nothing: its output is its input, seen otherwise */
} ink_wants;

typedef struct ink_winograd ink_winograd;

/* A step of the plan. */
typedef struct ink_step {
    const ink_op *op;
    const ink_node *node;       /* whose attributes and weights it uses; NULL for a copy */
    const char *name;           /* of the value that it makes */
    const char *ops;            /* "conv2d+relu" */
    uint32_t input_count;
    ink_view *inputs, output;
    /* What the plan fused into it. */
    const ink_node *batch_norm; /* folded into the weights, or NULL */
    float slope;                /* of a relu behind it; 1: none */
    const ink_node *pool;       /* conv2d: of a max-pool behind it that takes its windows side by side, or NULL */
    uint32_t padding[4];        /* the node's and that of a pad before it: top, left, bottom, right */
    uint32_t flat_channels;     /* dense: its input is a channels-last picture of so many channels, read
                                   as if it had been flattened channels first; 0: plain */
    bool sparse;                /* its first input is a picture or what a relu gives, so likely zeros */
    /* What the operator's prepare made. */
    const ink_kernel *kernel;
    const float *weights, *bias;
    const uint32_t *row_offset, *tap_offset;
    size_t rows, taps, depth, window; /* conv2d: as igemm has them */
    ink_winograd *winograd;     /* conv2d: or NULL */
    const char *way;            /* what stands before the kernel's name for people; NULL: nothing */
    size_t bordered;            /* floats of scratch for an image with its padding; bytes, where it is of bytes */
    const int8_t *bytes;        /* packed I8 weights, in place of `weights` */
    const int32_t *start;       /* and, like the bias, for each column: what its sum begins with */
    const float *scale;
    const uint8_t *table;       /* quantize: of the picture itself, by pixel */
    bool same;                  /* and it gives each pixel as it is */
    size_t group_weights;       /* floats of one group's packed weights */
    size_t scratch;             /* floats that a run needs, for all images together */
    uint64_t weight_bytes;
} ink_step;

typedef struct ink_prepare {
    ink_arena *arena; /* the model's */
    ink_cpu cpu;
    uint64_t memory_left; /* bytes of packed weights that are still allowed */
    ink_error *error;
} ink_prepare;

/* One run of a step: so many images of a chunk, at these places. */
typedef struct ink_run {
    size_t images;
    const float *const *inputs;
    float *output, *scratch;
    const uint8_t *pixels; /* the picture itself, where the network is given bytes; else NULL */
} ink_run;

/* ---- training: a step of the tape ----
 * Values lie channels last for rank 3 and row-major else, always. Parameters are kept in the order that
 * their product wants, see `place`, in one vector for the whole network. */
typedef struct ink_tape_step {
    const ink_op *op;
    const ink_node *node;
    uint32_t input_count, output;    /* `output` is a value */
    const uint32_t *inputs;          /* values */
    const ink_shape *input_shapes;
    size_t parameter[INK_MAX_PARAMETERS]; /* place in the vector, in floats; SIZE_MAX: absent */
    float slope;                     /* of a relu that is a part of it; 1: none */
    const ink_node *pool;            /* of a max-pool behind that, which is a part of it too; NULL: none */
    bool sparse;                     /* its input is the picture itself, mostly zeros; the gradient of its first
                                        parameter is written, not added to */
    bool wants_gradient;             /* of its inputs: false where they are the picture */
    /* What the operator's tape_prepare makes. */
    size_t saved;                    /* floats an image that it keeps from forward to backward */
    size_t saved_once;               /* and for all images together */
    size_t scratch;                  /* floats that a run needs besides */
    const ink_kernel *kernel, *gradient_kernel, *transposed_kernel, *pool_kernel,
        *unpool_kernel, *rows_kernel, *sums_kernel, *activation_kernel;
    const uint32_t *row_offset, *tap_offset;      /* forward */
    const uint32_t *back_row_offset, *back_tap_offset;
    const uint32_t *weight_row_offset;            /* of the weight gradient */
    ink_winograd *winograd, *back_winograd;       /* of a convolution and of its input's gradient, or NULL */
    float *packed, *packed_bias, *packed_back, *packed_rows, *zero_bias; /* shared by all threads, made by tape_pack */
} ink_tape_step;

typedef struct ink_tape_run {
    size_t images;
    const float *const *inputs;
    float *output;
    float *d_output;            /* may be overwritten */
    float *const *d_inputs;     /* to be written, not added to; an entry is NULL where nobody needs it */
    const float *parameters;
    float *gradients;           /* added to, in the same places; statistics are written */
    float *saved, *scratch;
    bool learning;              /* dropout drops, batch norm takes the batch's statistics */
    uint64_t random;            /* seeds what is drawn: the same in backward as in forward */
} ink_tape_run;

typedef struct ink_op_parameter {
    const char *suffix; /* the tensor is "<node>.<suffix>" */
    bool required;
} ink_op_parameter;

struct ink_op {
    const char *name;
    uint32_t min_inputs, max_inputs;
    ink_wants wants;
    int activation; /* INK_ACT_..., for the operators that are one; else -1 */
    size_t attribute_count, parameter_count;
    const ink_op_attribute *attributes;
    const ink_op_parameter *parameters;
    /* Checks the input shapes, attributes and parameters and fills node->shape and node->macs.
     * Errors: INK_ERR_SHAPE, INK_ERR_ATTRIBUTE, INK_ERR_LIMIT. */
    ink_status (*shape)(ink_node *node, const ink_shape *inputs, ink_error *error);
    /* For views: the strides of the output, given those of the input; false when the input must first be
     * copied to row-major order (then it is called again). */
    bool (*view)(const ink_node *node, const ink_view *input, ink_view *output);
    /* Chooses the kernel, packs weights, fills the last part of the step; NULL for views.
     * Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
    ink_status (*prepare)(ink_step *step, ink_prepare *prepare);
    void (*run)(const ink_step *step, const ink_run *run);
    /* Training. `place` gives where element i of a parameter, counted as in a file, lies in the vector;
     * NULL: i. The others: see ink_tape_step; `tape_pack` is called once for each new set of weights. */
    size_t (*place)(const ink_node *node, size_t parameter, size_t i);
    ink_status (*tape_prepare)(ink_tape_step *step, ink_prepare *prepare);
    void (*tape_pack)(const ink_tape_step *step, const float *parameters);
    void (*tape_forward)(const ink_tape_step *step, const ink_tape_run *run);
    void (*tape_backward)(const ink_tape_step *step, const ink_tape_run *run);
};

/* A library that only runs networks (web/module) is linked without what these would lead to. */
#if INK_HAVE_TRAINING
#define INK_TAPE(function) function
#else
#define INK_TAPE(function) (0 ? (function) : NULL)
#endif

#define OP(identifier) extern const ink_op ink_op_##identifier;
#include "ops/ops.inc"
#undef OP
/* Not in the table, since no file may name them: the plan's own changes of layout, and from floats to bytes. */
extern const ink_op ink_op_copy, ink_op_quantize;

/* The operator with this name, or NULL. */
const ink_op *ink_op_find(const char *name);
/* The i-th operator, or NULL after the last. */
const ink_op *ink_op_at(size_t i);

/* ---- for operators ---- */

/* conv2d's training, in a file of its own. */
size_t ink_conv2d_place(const ink_node *node, size_t parameter, size_t i);
ink_status ink_conv2d_tape_prepare(ink_tape_step *step, ink_prepare *p);
void ink_conv2d_tape_pack(const ink_tape_step *step, const float *parameters);
void ink_conv2d_tape_forward(const ink_tape_step *step, const ink_tape_run *run);
void ink_conv2d_tape_backward(const ink_tape_step *step, const ink_tape_run *run);
/* Makes a max-pool behind it a part of a conv2d's step, which has been prepared; its `saved` and `scratch` are
 * then larger. Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
ink_status ink_conv2d_tape_pool(ink_tape_step *step, const ink_node *pool, ink_prepare *p);
/* Sizes of a pooling of values of this shape, channels last. */
ink_pool_f32 ink_pool_geometry(const ink_node *node, ink_shape in);

#define INK_COUNT(array) (sizeof(array) / sizeof *(array))

/* A failure that names the node: "node 'conv1' (conv2d): ...". */
#define ink_node_fail(error, status, node, format, ...)                                            \
    ink_fail(error, status, "node '%.64s' (%s): " format, (node)->name, (node)->op->name,          \
             __VA_ARGS__)

/* Checks a parameter's rank and dimensions; NULL is fine (an optional one that is not there). */
ink_status ink_parameter_check(const ink_node *node, size_t index, uint32_t rank,
                               const uint32_t *dim, ink_error *error);

/* Fails where the attribute, `filters` or `units`, is not what the weight says; then drops it: it was for a
 * network without weights. */
ink_status ink_outputs_check(ink_node *node, ink_attribute attribute, ink_error *error);

/* Fails unless input 0 is a picture (rank 3). */
ink_status ink_picture_check(const ink_node *node, const ink_shape *inputs, ink_error *error);

/* Takes `count` floats, offsets or bytes of packed weights from the arena, counted against the limit.
 * Errors: INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_prepare_floats(ink_prepare *prepare, ink_step *step, size_t count, float **out);
ink_status ink_prepare_bytes(ink_prepare *prepare, ink_step *step, size_t count, uint8_t **out);
ink_status ink_prepare_offsets(ink_prepare *prepare, ink_step *step, size_t count, uint32_t **out);

/* `count` floats of parameter `index` as float32, or all `fallback` when it is absent. */
void ink_parameter_floats(const ink_node *node, size_t index, size_t count, float fallback,
                          float *out);
/* A parameter of rows x size elements as floats: where it lies, if it lies so, else a copy in `temporary`; NULL when
 * there is no memory. */
const float *ink_parameter_read(const ink_node *node, size_t index, size_t rows, size_t size, ink_arena *temporary);
/* The same with each row multiplied by its scale; NULL when there is no memory. */
const float *ink_scale_rows(const float *values, const float *scale, size_t rows, size_t size, ink_arena *temporary);

/* The scale and shift that a batch norm amounts to for each of its channels:
 * scale = weight / sqrt(variance + epsilon), shift = bias - mean * scale. */
void ink_batch_norm_affine(const ink_node *node, size_t channels, float *scale, float *shift);

/* Resolves a negative axis; false when it is out of range. */
bool ink_axis_resolve(const ink_node *node, uint32_t rank, uint32_t *axis);

/* A tape's layout of a value: channels last for rank 3, else row-major. */
ink_view ink_tape_view(ink_shape shape);

/* Fills a view's strides for its shape: row-major, or channels last for rank 3. */
void ink_view_rows(ink_view *view);
void ink_view_image(ink_view *view);
/* True when the elements lie in that order; dimensions of 1 have no say. */
bool ink_view_is_rows(const ink_view *view);
bool ink_view_is_image(const ink_view *view);
bool ink_view_same(const ink_view *a, const ink_view *b);

/* The image-shaped strides and dimensions of a view for ink_copy_f32: always four of each. */
void ink_view_copy_shape(const ink_view *view, uint32_t dim[4], size_t stride[4]);

#endif
