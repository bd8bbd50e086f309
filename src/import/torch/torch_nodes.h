/* PyTorch's layers as nodes of a draft, shapes checked: what TorchScript and modules have in common. */
#ifndef INK_TORCH_NODES_H
#define INK_TORCH_NODES_H

#include "import/draft.h"

enum { INK_TORCH_RANK = 4 };

/* What a layer takes and gives; without the batch. */
typedef struct ink_torch_value {
    const char *node; /* as ink_draft_node names it; NULL: the layer that makes it is not supported */
    uint32_t rank;
    uint64_t dim[INK_TORCH_RANK];
} ink_torch_value;

typedef struct ink_torch_net {
    ink_draft *draft;
    bool dry; /* shapes alone: the draft is left as it is */
    size_t nodes, faults;
    const char *name;  /* for the next node; "": its operator's */
    const char *where; /* for errors: "layer 'conv1' (Conv2d)", "__torch__.py:12: torch.conv2d" */
    ink_error *error;
} ink_torch_net;

/* What a convolution or pool looks at; padding is top, left, bottom, right. */
typedef struct ink_torch_window {
    uint64_t kernel[2], stride[2], padding[4], dilation[2];
    uint64_t groups;
    bool ceil, count_padding;
} ink_torch_window;

/* Notes what is not supported, with `where` before it. */
void ink_torch_fault(ink_torch_net *net, const char *format, ...) INK_PRINTF(2, 3);

/* Reads the network once, for an input of this shape; INK_ERR_SHAPE says that its size does not fit. */
typedef ink_status ink_torch_run(void *reader, ink_torch_net *net, const ink_torch_value *input);

/* Finds the size of the pictures by dry runs, and fills the draft by a last one: `hint`, if it is not NULL and fits,
 * else 28 x 28, else the first size that fits. Errors: those of `run`. */
ink_status ink_torch_fit(ink_draft *draft, const ink_torch_value *hint, ink_torch_run *run, void *reader,
                         ink_error *error);

/* Each adds a node or some, and gives its output. INK_ERR_SHAPE where sizes do not fit; what is not supported becomes
 * a fault, and out->node NULL. A value without a node gives one without a node. Weights of several tensors may be
 * NULL where PyTorch's may be None. */
ink_status ink_torch_conv(ink_torch_net *net, const ink_torch_value *x, const ink_weight *weight,
                          const ink_weight *bias, const ink_torch_window *window, ink_torch_value *out);
/* `turned`: the weight is I, O. */
ink_status ink_torch_dense(ink_torch_net *net, const ink_torch_value *x, const ink_weight *weight, bool turned,
                           const ink_weight *bias, ink_torch_value *out);
ink_status ink_torch_norm(ink_torch_net *net, const ink_torch_value *x, const ink_weight *weight,
                          const ink_weight *bias, const ink_weight *mean, const ink_weight *variance, double epsilon,
                          ink_torch_value *out);
/* x * scale + offset, of one element or of one for each channel. */
ink_status ink_torch_affine(ink_torch_net *net, const ink_torch_value *x, const float *scale, size_t scales,
                            const float *offset, size_t offsets, ink_torch_value *out);
/* "max_pool2d" or "avg_pool2d". */
ink_status ink_torch_pool(ink_torch_net *net, const char *op, const ink_torch_value *x, const ink_torch_window *window,
                          ink_torch_value *out);
/* The same, to a size. */
ink_status ink_torch_adaptive(ink_torch_net *net, bool max, const ink_torch_value *x, const uint64_t size[2],
                              ink_torch_value *out);
/* One of the sizes may be UINT64_MAX: what is left. */
ink_status ink_torch_reshape(ink_torch_net *net, const ink_torch_value *x, uint32_t rank, const uint64_t *dim,
                             ink_torch_value *out);
/* PyTorch's axes, which count the batch, from `from` to `until`, become one. */
ink_status ink_torch_flatten(ink_torch_net *net, const ink_torch_value *x, int64_t from, int64_t until,
                             ink_torch_value *out);
/* Scores of classes are rank 1: what convolutions make of them, C, 1, 1, is flattened. */
ink_status ink_torch_finish(ink_torch_net *net, const ink_torch_value *x, ink_torch_value *out);
ink_status ink_torch_permute(ink_torch_net *net, const ink_torch_value *x, const uint32_t *order,
                             ink_torch_value *out);
/* top, left, bottom, right */
ink_status ink_torch_pad(ink_torch_net *net, const ink_torch_value *x, const uint64_t padding[4], double value,
                         ink_torch_value *out);
/* An operator that keeps the shape. */
ink_status ink_torch_same(ink_torch_net *net, const char *op, const char *attributes, const ink_torch_value *x,
                          ink_torch_value *out);
/* `axis` without the batch: softmax or log_softmax. */
ink_status ink_torch_softmax(ink_torch_net *net, const char *op, const ink_torch_value *x, uint32_t axis,
                             ink_torch_value *out);
ink_status ink_torch_add(ink_torch_net *net, const ink_torch_value *a, const ink_torch_value *b, ink_torch_value *out);
ink_status ink_torch_concat(ink_torch_net *net, const ink_torch_value *x, size_t count, uint32_t axis,
                            ink_torch_value *out);

/* PyTorch's axis, from -rank - 1 to rank, where 0 is the batch, as one of `x`; false for the batch, or none. */
bool ink_torch_axis(const ink_torch_value *x, int64_t axis, uint32_t *out);

uint64_t ink_torch_elements(const ink_torch_value *x);

#endif
