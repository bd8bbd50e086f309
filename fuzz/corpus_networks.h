/* The networks whose files make_corpus.c writes. */
#ifndef FUZZ_CORPUS_NETWORKS_H
#define FUZZ_CORPUS_NETWORKS_H

#include "inkling.h"

/* A node when `op` is set, else a tensor; the last row has neither. */
typedef struct row {
    const char *op, *name, *inputs, *attributes;
    ink_type type;
    uint32_t dim[INK_MAX_DIMS];
} row;

#define NODE(op, name, inputs, attributes) { op, name, inputs, attributes, INK_F32, { 0 } }
#define TENSOR(name, type, ...) { NULL, name, NULL, NULL, type, { __VA_ARGS__ } }
#define END { NULL, NULL, NULL, NULL, INK_F32, { 0 } }

static const struct network {
    const char *name;
    uint32_t channels, height, width;
    row rows[24];
} networks[] = {
    { "quantised", 1, 4, 8,
      { NODE("flatten", "flat", NULL, NULL), NODE("dense", "a", NULL, NULL), NODE("relu", "relu", NULL, NULL),
        NODE("dense", "b", NULL, NULL), NODE("dense", "c", NULL, NULL), NODE("dense", "d", NULL, NULL),
        NODE("dense", "e", NULL, NULL), NODE("softmax", "softmax", NULL, NULL),
        TENSOR("a.weight", INK_Q8_0, 32, 32), TENSOR("a.bias", INK_BF16, 32), TENSOR("b.weight", INK_Q4_0, 32, 32),
        TENSOR("b.bias", INK_F64, 32), TENSOR("c.weight", INK_Q4_1, 32, 32), TENSOR("c.bias", INK_Q8_0, 32),
        TENSOR("d.weight", INK_Q5_0, 32, 32), TENSOR("e.weight", INK_Q5_1, 3, 32), END } },
    { "dense", 1, 4, 4,
      { NODE("flatten", "flat", NULL, NULL), NODE("dense", "fc1", NULL, NULL),
        NODE("relu", "relu", NULL, NULL), NODE("dropout", "drop", NULL, "rate=0.25"),
        NODE("dense", "fc2", NULL, NULL), NODE("softmax", "softmax", NULL, NULL),
        TENSOR("fc1.weight", INK_F32, 5, 16), TENSOR("fc1.bias", INK_F32, 5),
        TENSOR("fc2.weight", INK_F16, 3, 5), END } },
    { "conv", 1, 6, 6,
      { NODE("conv2d", "conv", NULL, NULL), NODE("relu", "relu", NULL, NULL),
        NODE("max_pool2d", "pool", NULL, "kernel=2"), NODE("flatten", "flat", NULL, NULL),
        NODE("dense", "fc", NULL, NULL), TENSOR("conv.weight", INK_F32, 3, 1, 3, 3),
        TENSOR("conv.bias", INK_F32, 3), TENSOR("fc.weight", INK_F32, 2, 12),
        TENSOR("fc.bias", INK_F32, 2), END } },
    { "conv-options", 2, 7, 6,
      { NODE("conv2d", "conv", NULL, "stride=2,1 padding=1,0,2,1 dilation=1,2 groups=2"),
        NODE("leaky_relu", "leaky", NULL, "alpha=0.2"),
        NODE("avg_pool2d", "avg", NULL, "kernel=2 stride=1 padding=1 ceil=1 count_padding=1"),
        NODE("global_avg_pool2d", "global", NULL, NULL), NODE("flatten", "flat", NULL, NULL),
        TENSOR("conv.weight", INK_F16, 4, 1, 3, 2), TENSOR("conv.bias", INK_F16, 4), END } },
    { "residual", 2, 6, 6,
      { NODE("conv2d", "conv1", "input", "padding=1"),
        NODE("batch_norm", "bn1", NULL, "epsilon=0.001"), NODE("relu", "relu1", NULL, NULL),
        NODE("conv2d", "conv2", NULL, "padding=1"), NODE("batch_norm", "bn2", NULL, NULL),
        NODE("add", "sum", "bn2,input,relu1", NULL), NODE("relu", "relu2", NULL, NULL),
        NODE("global_max_pool2d", "global", NULL, NULL), NODE("flatten", "flat", NULL, NULL),
        TENSOR("conv1.weight", INK_F32, 2, 2, 3, 3), TENSOR("bn1.weight", INK_F32, 2),
        TENSOR("bn1.bias", INK_F32, 2), TENSOR("bn1.mean", INK_F32, 2),
        TENSOR("bn1.variance", INK_F32, 2), TENSOR("conv2.weight", INK_F32, 2, 2, 3, 3),
        TENSOR("bn2.mean", INK_F32, 2), TENSOR("bn2.variance", INK_F32, 2), END } },
    { "branches", 1, 6, 5,
      { NODE("pad", "pad", "input", "padding=1,2,0,1 value=-0.5"),
        NODE("conv2d", "a", "pad", "kernel=2"), NODE("sigmoid", "a_act", "a", NULL),
        NODE("conv2d", "b", "pad", "kernel=2"), NODE("tanh", "b_act", "b", NULL),
        NODE("concat", "both", "a_act,b_act,a", "axis=0"), NODE("elu", "elu", NULL, "alpha=0.5"),
        NODE("gelu", "gelu", NULL, "approximate=1"),
        NODE("permute", "permute", NULL, "order=1,2,0"),
        NODE("reshape", "shape", NULL, "shape=6,-1"), NODE("log_softmax", "log", NULL, "axis=-1"),
        TENSOR("a.weight", INK_F32, 2, 1, 2, 2), TENSOR("b.weight", INK_F16, 1, 1, 2, 2), END } },
    { "i8", 1, 7, 6,
      { NODE("conv2d", "a", "input", "padding=1 input_scale=1"), NODE("batch_norm", "norm", NULL, NULL),
        NODE("relu", "relu", NULL, NULL), NODE("max_pool2d", "pool", NULL, "kernel=2"),
        NODE("conv2d", "b", NULL, "input_scale=0.1 input_zero=7"), NODE("leaky_relu", "leaky", NULL, NULL),
        NODE("max_pool2d", "over", NULL, "kernel=2 stride=1 padding=1"), NODE("flatten", "flat", NULL, NULL),
        NODE("dense", "d", NULL, "input_scale=0.5 input_zero=100"), TENSOR("a.weight", INK_I8, 3, 1, 3, 3),
        TENSOR("a.scale", INK_F32, 3), TENSOR("a.bias", INK_F32, 3), TENSOR("norm.mean", INK_F32, 3),
        TENSOR("norm.variance", INK_F32, 3), TENSOR("b.weight", INK_I8, 2, 3, 2, 2), TENSOR("b.scale", INK_F16, 2),
        TENSOR("d.weight", INK_I8, 2, 18), TENSOR("d.scale", INK_F32, 2), END } },
    { "no-weights", 3, 2, 3,
      { NODE("gelu", "gelu", NULL, NULL), NODE("max_pool2d", "max", NULL, "kernel=2,3 padding=1"),
        NODE("flatten", "flat", NULL, NULL), END } },
    { "one-node", 1, 1, 2, { NODE("flatten", "flat", NULL, NULL), END } },
    /* What ggml's own examples compute, as small as their layouts allow. */
    { "mnist-fc", 1, 4, 4,
      { NODE("flatten", "flatten", NULL, NULL), NODE("dense", "fc1", NULL, NULL),
        NODE("relu", "fc1_relu", NULL, NULL), NODE("dense", "fc2", NULL, NULL),
        NODE("softmax", "softmax", NULL, NULL), TENSOR("fc1.weight", INK_F32, 3, 16),
        TENSOR("fc1.bias", INK_F32, 3), TENSOR("fc2.weight", INK_F32, 2, 3),
        TENSOR("fc2.bias", INK_F32, 2), END } },
    { "mnist-fc-wide", 1, 3, 3,
      { NODE("flatten", "flatten", NULL, NULL), NODE("dense", "fc1", NULL, NULL),
        NODE("relu", "fc1_relu", NULL, NULL), NODE("dense", "fc2", NULL, NULL),
        TENSOR("fc1.weight", INK_F16, 17, 9), TENSOR("fc1.bias", INK_F32, 17),
        TENSOR("fc2.weight", INK_F32, 10, 17), TENSOR("fc2.bias", INK_F16, 10), END } },
    { "mnist-cnn", 1, 8, 8,
      { NODE("conv2d", "conv1", NULL, "padding=1"), NODE("relu", "conv1_relu", NULL, NULL),
        NODE("max_pool2d", "pool1", NULL, "kernel=2"), NODE("conv2d", "conv2", NULL, "padding=1"),
        NODE("relu", "conv2_relu", NULL, NULL), NODE("max_pool2d", "pool2", NULL, "kernel=2"),
        NODE("permute", "channels_last", NULL, "order=1,2,0"),
        NODE("flatten", "flatten", NULL, NULL), NODE("dense", "dense", NULL, NULL),
        TENSOR("conv1.weight", INK_F32, 2, 1, 3, 3), TENSOR("conv1.bias", INK_F32, 2),
        TENSOR("conv2.weight", INK_F32, 3, 2, 3, 3), TENSOR("conv2.bias", INK_F32, 3),
        TENSOR("dense.weight", INK_F32, 2, 12), TENSOR("dense.bias", INK_F32, 2), END } },
    { "mnist-cnn-2023", 1, 14, 14,
      { NODE("conv2d", "conv1", NULL, NULL), NODE("relu", "conv1_relu", NULL, NULL),
        NODE("max_pool2d", "pool1", NULL, "kernel=2"), NODE("conv2d", "conv2", NULL, NULL),
        NODE("relu", "conv2_relu", NULL, NULL), NODE("max_pool2d", "pool2", NULL, "kernel=2"),
        NODE("permute", "channels_last", NULL, "order=1,2,0"),
        NODE("flatten", "flatten", NULL, NULL), NODE("dense", "dense", NULL, NULL),
        NODE("softmax", "softmax", NULL, NULL), TENSOR("conv1.weight", INK_F16, 2, 1, 3, 3),
        TENSOR("conv1.bias", INK_F32, 2), TENSOR("conv2.weight", INK_F16, 2, 2, 3, 3),
        TENSOR("conv2.bias", INK_F32, 2), TENSOR("dense.weight", INK_F32, 2, 8),
        TENSOR("dense.bias", INK_F32, 2), END } },
};

#endif
