/* Operators, and what the plan makes of networks: each case goes through the public builder and a session,
 * and is compared with the definitions in double precision (check_reference.h) within a bound that is
 * carried along. On every set of kernels: single images and batches, threads, and sessions that take an
 * odd number of images at once must give the same bits.
 *
 * A case may also say which steps the plan must come to: what is fused, and where a copy is needed. */
#include "check_reference.h"

#include "model/model.h"

typedef struct network {
    const char *name;
    uint32_t dim[3];
    const char *text;
    const char *steps; /* NULL: whatever */
} network;

static const network networks[] = {
    /* conv2d */
    { "1x1 kernel", { 3, 5, 4 }, "conv2d c weight:4,3,1,1 bias:4", "copy conv2d copy" },
    { "3x3 kernel", { 1, 7, 8 }, "conv2d c weight:8,1,3,3 bias:8", "conv2d copy" },
    { "kernel as attribute", { 1, 7, 6 }, "conv2d c kernel=3,2 weight:5,1,3,2 bias:5", NULL },
    { "2x2 kernel without bias", { 2, 6, 5 }, "conv2d c kernel=2 weight:3,2,2,2", NULL },
    { "5x5 kernel, 17 outputs", { 2, 9, 8 }, "conv2d c weight:17,2,5,5 bias:17", NULL },
    { "1x4 kernel", { 2, 5, 9 }, "conv2d c weight:3,2,1,4 bias:3", NULL },
    { "4x1 kernel", { 2, 9, 5 }, "conv2d c weight:3,2,4,1 bias:3", NULL },
    { "kernel as large as the picture", { 2, 5, 6 }, "conv2d c weight:7,2,5,6 bias:7",
      "copy conv2d" },
    { "one output", { 3, 5, 5 }, "conv2d c weight:1,3,3,3 bias:1", "copy conv2d" },
    { "16 outputs", { 1, 6, 6 }, "conv2d c weight:16,1,3,3 bias:16", NULL },
    { "33 outputs of 33", { 1, 5, 5 },
      "conv2d a weight:33,1,2,2; conv2d b weight:33,33,2,2 bias:33", NULL },
    { "stride 2", { 2, 9, 8 }, "conv2d c stride=2 weight:4,2,3,3 bias:4", NULL },
    { "stride 2,3", { 2, 9, 11 }, "conv2d c stride=2,3 weight:4,2,3,2 bias:4", NULL },
    { "stride larger than the kernel", { 1, 9, 9 }, "conv2d c stride=4 weight:4,1,2,2 bias:4",
      NULL },
    { "padding 1", { 1, 6, 7 }, "conv2d c padding=1 weight:4,1,3,3 bias:4", NULL },
    { "padding 1,2", { 2, 5, 4 }, "conv2d c padding=1,2 weight:4,2,3,3 bias:4", NULL },
    { "padding 0,1,2,3", { 2, 5, 4 }, "conv2d c padding=0,1,2,3 weight:4,2,3,3 bias:4", NULL },
    { "padding 3,0,0,0", { 1, 4, 4 }, "conv2d c padding=3,0,0,0 weight:4,1,3,3 bias:4", NULL },
    { "padding larger than the kernel", { 1, 3, 2 }, "conv2d c padding=5 weight:3,1,2,3 bias:3",
      NULL },
    { "padding makes room", { 2, 2, 1 }, "conv2d c padding=2 weight:3,2,5,5 bias:3", NULL },
    { "dilation 2", { 2, 8, 9 }, "conv2d c dilation=2 weight:4,2,3,3 bias:4", NULL },
    { "dilation 2,3", { 2, 8, 9 }, "conv2d c dilation=2,3 weight:4,2,3,2 bias:4", NULL },
    { "dilation, stride, padding", { 2, 9, 9 },
      "conv2d c dilation=3,2 stride=2,1 padding=2,1,1,0 weight:4,2,2,3 bias:4", NULL },
    { "2 groups", { 4, 6, 5 }, "conv2d c groups=2 weight:6,2,3,3 bias:6", NULL },
    { "3 groups of 11 outputs", { 6, 5, 5 }, "conv2d c groups=3 padding=1 weight:33,2,3,3 bias:33",
      NULL },
    { "2 groups of 17 outputs", { 2, 5, 5 }, "conv2d c groups=2 weight:34,1,2,2", NULL },
    { "depthwise", { 5, 6, 7 }, "conv2d c groups=5 weight:5,1,3,3 bias:5", "copy conv2d copy" },
    { "depthwise, 17 channels", { 17, 5, 5 }, "conv2d c groups=17 weight:17,1,3,3", NULL },
    { "depthwise, stride, padding, dilation", { 8, 9, 7 },
      "conv2d c groups=8 stride=2,1 padding=0,2,1,0 dilation=1,2 weight:8,1,3,2 bias:8", NULL },
    { "depthwise, relu", { 9, 5, 6 }, "conv2d c groups=9 weight:9,1,2,2 bias:9; relu r",
      "copy conv2d+relu copy" },
    { "depthwise, leaky relu", { 3, 5, 6 },
      "conv2d c groups=3 weight:3,1,2,2 bias:3; leaky_relu r alpha=0.3",
      "copy conv2d+leaky_relu copy" },
    { "depthwise, two outputs a channel", { 4, 5, 6 }, "conv2d c groups=4 weight:8,1,3,3 bias:8",
      NULL },
    { "depthwise separable", { 3, 6, 6 },
      "conv2d a groups=3 padding=1 weight:3,1,3,3 bias:3; relu r; "
      "conv2d b weight:10,3,1,1 bias:10; relu s", "copy conv2d+relu conv2d+relu copy" },
    { "float16 weights", { 2, 6, 6 }, "conv2d c weight:5,2,3,3h bias:5", NULL },
    { "float16 weights and bias", { 2, 6, 6 }, "conv2d c padding=1 weight:5,2,3,3h bias:5h", NULL },
    { "float16, depthwise", { 4, 6, 6 }, "conv2d c groups=4 weight:4,1,3,3h bias:4h", NULL },
    { "many channels", { 40, 4, 4 }, "conv2d c weight:9,40,3,3 bias:9", NULL },

    /* dense */
    { "dense on a rank of 1", { 1, 1, 12 }, "flatten f; dense d weight:5,12 bias:5", "dense" },
    { "dense on the last axis of 3", { 2, 3, 4 }, "dense d weight:5,4 bias:5", "dense" },
    { "dense on the last axis of 3, then relu", { 2, 3, 4 }, "dense d weight:5,4; relu r",
      "dense+relu" },
    { "dense on the last axis of 2", { 2, 3, 4 }, "reshape r shape=6,4; dense d weight:3,4 bias:3",
      "dense" },
    { "dense on the last axis of 4", { 2, 3, 4 },
      "reshape r shape=2,3,2,2; dense d weight:3,2 bias:3", NULL },
    { "dense behind a convolution, last axis", { 1, 5, 6 },
      "conv2d c weight:3,1,2,2; dense d weight:4,5", "conv2d copy dense" },
    { "dense without bias", { 1, 3, 3 }, "flatten f; dense d weight:17,9", NULL },
    { "dense, float16", { 1, 4, 4 }, "flatten f; dense d weight:9,16h bias:9h", NULL },
    { "dense, 300 outputs", { 1, 2, 3 },
      "flatten f; dense d weight:300,6 bias:300; relu r; dense e weight:7,300 bias:7",
      "dense+relu dense" },
    { "dense, one output", { 1, 2, 3 }, "flatten f; dense d weight:1,6 bias:1", NULL },
    { "dense on a picture without flatten", { 1, 1, 8 }, "dense d weight:4,8 bias:4", "dense" },
    { "dense, leaky relu", { 1, 3, 4 },
      "flatten f; dense d weight:6,12 bias:6; leaky_relu r alpha=0.2", "dense+leaky_relu" },

    /* pooling */
    { "max pool", { 3, 6, 8 }, "max_pool2d p kernel=2", "copy max_pool2d copy" },
    { "max pool of one channel", { 1, 6, 8 }, "max_pool2d p kernel=2,4", "max_pool2d" },
    { "max pool, steps of 1", { 9, 5, 5 }, "max_pool2d p kernel=3 stride=1", NULL },
    { "max pool, padding", { 2, 7, 6 }, "max_pool2d p kernel=3 stride=2 padding=1", NULL },
    { "max pool, padding 0,1,2,0", { 2, 7, 6 }, "max_pool2d p kernel=3 stride=2 padding=0,1,2,0",
      NULL },
    { "max pool, ceil", { 2, 7, 5 }, "max_pool2d p kernel=2 ceil=1", NULL },
    { "max pool, ceil drops a window", { 2, 4, 4 },
      "max_pool2d p kernel=2 stride=3 padding=1 ceil=1", NULL },
    { "max pool, ceil takes a window", { 2, 6, 7 },
      "max_pool2d p kernel=3 stride=2 padding=1 ceil=1", NULL },
    { "max pool, gaps", { 3, 9, 9 }, "max_pool2d p kernel=2 stride=3", NULL },
    { "max pool of negatives in padding", { 1, 3, 3 },
      "relu r; leaky_relu l alpha=-1; conv2d c weight:1,1,1,1=-1; "
      "max_pool2d p kernel=3 padding=2 stride=1", NULL },
    { "average pool", { 3, 6, 8 }, "avg_pool2d p kernel=2", "copy avg_pool2d copy" },
    { "average pool, padding", { 2, 7, 6 }, "avg_pool2d p kernel=3 stride=2 padding=1", NULL },
    { "average pool, padding counts", { 2, 7, 6 },
      "avg_pool2d p kernel=3 stride=2 padding=1 count_padding=1", NULL },
    { "average pool, ceil", { 2, 7, 6 }, "avg_pool2d p kernel=3,2 stride=2 ceil=1", NULL },
    { "average pool, ceil, padding counts", { 2, 6, 5 },
      "avg_pool2d p kernel=3 stride=2 padding=1 ceil=1 count_padding=1", NULL },
    { "average pool, ceil, lopsided padding counts", { 9, 6, 5 },
      "avg_pool2d p kernel=4 stride=3 padding=0,1,3,2 ceil=1 count_padding=1", NULL },
    { "average pool, large window", { 2, 9, 9 }, "avg_pool2d p kernel=9,8", NULL },
    { "global max pool", { 5, 4, 3 }, "global_max_pool2d p", NULL },
    { "global average pool", { 9, 4, 3 }, "global_avg_pool2d p", NULL },
    { "global pools of one pixel", { 3, 1, 1 }, "global_avg_pool2d p; global_max_pool2d q", NULL },
    { "global average behind a convolution", { 1, 7, 7 },
      "conv2d c weight:10,1,3,3 bias:10; relu r; global_avg_pool2d p; flatten f; softmax s",
      "conv2d+relu global_avg_pool2d softmax" },

    /* batch_norm */
    { "batch norm", { 3, 4, 5 }, "batch_norm b weight:3 bias:3 mean:3 variance:3",
      "copy batch_norm copy" },
    { "batch norm, epsilon", { 3, 2, 2 },
      "batch_norm b epsilon=0.5 weight:3 bias:3 mean:3 variance:3", NULL },
    { "batch norm, no epsilon", { 3, 2, 2 }, "batch_norm b epsilon=0 mean:3 variance:3", NULL },
    { "batch norm without weight", { 3, 4, 5 }, "batch_norm b bias:3 mean:3 variance:3", NULL },
    { "batch norm without bias", { 9, 4, 5 }, "batch_norm b weight:9 mean:9 variance:9", NULL },
    { "batch norm, float16", { 3, 4, 5 }, "batch_norm b weight:3h bias:3h mean:3h variance:3h",
      NULL },
    { "batch norm of features", { 1, 3, 5 },
      "flatten f; batch_norm b weight:15 bias:15 mean:15 variance:15", "batch_norm" },
    { "batch norm folded", { 2, 6, 6 },
      "conv2d c weight:5,2,3,3 bias:5; batch_norm b weight:5 bias:5 mean:5 variance:5",
      "copy conv2d+batch_norm copy" },
    { "batch norm folded, no bias", { 1, 6, 6 },
      "conv2d c weight:5,1,3,3; batch_norm b mean:5 variance:5; relu r",
      "conv2d+batch_norm+relu copy" },
    { "batch norm folded, tiny variance", { 1, 5, 5 },
      "conv2d c weight:3,1,3,3; batch_norm b epsilon=0.001 weight:3 bias:3 mean:3 variance:3=0",
      NULL },
    { "batch norm folded, groups", { 4, 6, 6 },
      "conv2d c groups=2 weight:6,2,3,3 bias:6; batch_norm b weight:6 bias:6 mean:6 variance:6",
      NULL },
    { "batch norm folded, depthwise", { 6, 6, 6 },
      "conv2d c groups=6 weight:6,1,3,3; batch_norm b weight:6 bias:6 mean:6 variance:6; "
      "leaky_relu r", "copy conv2d+batch_norm+leaky_relu copy" },
    { "batch norm folded, dense", { 1, 4, 4 },
      "flatten f; dense d weight:9,16 bias:9; batch_norm b weight:9 bias:9 mean:9 variance:9; "
      "relu r", "dense+batch_norm+relu" },
    { "batch norm folded through dropout", { 1, 5, 5 },
      "conv2d c weight:5,1,3,3 bias:5; dropout x; batch_norm b weight:5 bias:5 mean:5 variance:5",
      "conv2d+batch_norm copy" },
    { "batch norm behind relu", { 1, 6, 6 },
      "conv2d c weight:5,1,3,3 bias:5; relu r; batch_norm b weight:5 bias:5 mean:5 variance:5",
      "conv2d+relu batch_norm copy" },
    { "batch norm behind relu, dense", { 1, 2, 3 },
      "flatten f; dense d weight:5,6; relu r; batch_norm b weight:5 bias:5 mean:5 variance:5",
      "dense+relu batch_norm" },
    { "batch norm twice", { 1, 6, 6 },
      "conv2d c weight:5,1,3,3 bias:5; batch_norm a weight:5 bias:5 mean:5 variance:5; "
      "batch_norm b weight:5 bias:5 mean:5 variance:5", "conv2d+batch_norm batch_norm copy" },
    { "batch norm behind a slope of 1", { 1, 6, 6 },
      "conv2d c weight:5,1,3,3 bias:5; leaky_relu r alpha=1; "
      "batch_norm b weight:5 bias:5 mean:5 variance:5", NULL },
    { "batch norm of a permuted convolution", { 1, 5, 6 },
      "conv2d c weight:4,1,2,2; permute p order=1,0,2; "
      "batch_norm b weight:4 bias:4 mean:4 variance:4", "conv2d copy batch_norm copy" },
    { "batch norm of rows of a dense layer", { 2, 3, 4 },
      "dense d weight:2,4; batch_norm b weight:2 bias:2 mean:2 variance:2",
      "dense copy batch_norm copy" },
    { "batch norm, and another reader", { 1, 5, 5 },
      "conv2d c weight:3,1,2,2; batch_norm b weight:3 bias:3 mean:3 variance:3; add a <b,c",
      "conv2d batch_norm add copy" },
    { "batch norm between flatten and dense", { 1, 6, 6 },
      "conv2d c weight:3,1,3,3 bias:3; relu r; flatten f; "
      "batch_norm b weight:48 bias:48 mean:48 variance:48; dense d weight:5,48 bias:5",
      "conv2d+relu copy batch_norm dense" },
    { "batch norm of a flattened pixel", { 2, 3, 3 },
      "conv2d c weight:6,2,3,3; flatten f; batch_norm b weight:6 bias:6 mean:6 variance:6", NULL },

    /* activations */
    { "relu", { 3, 4, 5 }, "relu r", "relu" },
    { "leaky relu", { 3, 4, 5 }, "leaky_relu r", "leaky_relu" },
    { "leaky relu 0.3", { 3, 4, 5 }, "leaky_relu r alpha=0.3", NULL },
    { "leaky relu 0", { 3, 4, 5 }, "leaky_relu r alpha=0", NULL },
    { "leaky relu 2.5", { 3, 4, 5 }, "leaky_relu r alpha=2.5", NULL },
    { "leaky relu -0.5", { 3, 4, 5 }, "leaky_relu r alpha=-0.5", NULL },
    { "elu", { 3, 4, 5 }, "elu e", NULL },
    { "elu 0.5", { 3, 4, 5 }, "elu e alpha=0.5", NULL },
    { "elu -2", { 3, 4, 5 }, "elu e alpha=-2", NULL },
    { "sigmoid", { 3, 4, 5 }, "sigmoid s", NULL },
    { "tanh", { 3, 4, 5 }, "tanh t", NULL },
    { "gelu", { 3, 4, 5 }, "gelu g", NULL },
    { "gelu by tanh", { 3, 4, 5 }, "gelu g approximate=1", NULL },
    { "gelu, approximate=0", { 1, 3, 5 }, "gelu g approximate=0", NULL },
    { "conv, leaky relu 2.5", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; leaky_relu r alpha=2.5",
      "conv2d leaky_relu copy" },
    { "conv, leaky relu -0.5", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; leaky_relu r alpha=-0.5",
      "conv2d leaky_relu copy" },
    { "conv, leaky relu 0", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; leaky_relu r alpha=0",
      "conv2d+leaky_relu copy" },
    { "conv, relu, relu", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; relu r; relu s",
      "conv2d+relu relu copy" },
    { "conv, tanh", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; tanh t", "conv2d tanh copy" },
    { "conv, dropout, relu", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; dropout x; relu r",
      "conv2d+relu copy" },
    { "conv, permute, relu", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; permute p order=2,0,1; relu r",
      "conv2d+relu copy" },
    { "conv, flatten, relu", { 1, 5, 5 }, "conv2d c weight:3,1,2,2; flatten f; relu r",
      "conv2d copy relu" },
    { "all activations in a row", { 1, 4, 4 },
      "relu a; leaky_relu b; elu c; tanh d; gelu e; sigmoid f",
      "relu leaky_relu elu tanh gelu sigmoid" },

    /* softmax */
    { "softmax", { 1, 1, 10 }, "flatten f; softmax s", "softmax" },
    { "softmax of rows", { 3, 4, 5 }, "softmax s", "softmax" },
    { "softmax, axis=2", { 3, 4, 5 }, "softmax s axis=2", NULL },
    { "softmax of a convolution's rows", { 1, 4, 5 }, "conv2d c weight:3,1,2,2; softmax s",
      "conv2d copy softmax" },
    { "softmax of channels", { 1, 4, 5 },
      "conv2d c weight:3,1,2,2; permute p order=1,2,0; softmax s axis=-1", "conv2d softmax" },
    { "log softmax", { 1, 1, 10 }, "flatten f; log_softmax s", "log_softmax" },
    { "log softmax of rows", { 2, 3, 40 }, "log_softmax s axis=-1", NULL },
    { "softmax of one", { 2, 3, 1 }, "softmax s; log_softmax t", NULL },
    { "dense behind softmax", { 1, 1, 6 },
      "softmax s; dense d weight:4,6 bias:4; log_softmax l; dropout x", NULL },

    /* add */
    { "add", { 2, 5, 5 },
      "conv2d a weight:3,2,3,3 padding=1; conv2d b <input weight:3,2,1,1; add s <a,b",
      "copy conv2d copy conv2d add copy" },
    { "add, with itself", { 2, 3, 3 }, "tanh t; add s <t,t", "tanh add" },
    { "add, the picture with itself", { 2, 3, 3 }, "add s <input,input", "add" },
    { "add, thrice itself", { 2, 3, 3 }, "tanh t; add s <t,t,t", NULL },
    { "add three", { 2, 3, 3 }, "tanh t; relu r; add s <input,t,r", "tanh relu add" },
    { "add, x y x", { 2, 3, 3 }, "tanh t; elu e <input; add s <t,e,t", NULL },
    { "add, y x x", { 2, 3, 3 }, "tanh t; elu e <input; add s <e,t,t", NULL },
    { "add, and read again", { 2, 3, 3 }, "tanh t; relu r; add s <t,r; add u <s,t; add v <u,s,r",
      NULL },
    { "add, the picture and a convolution", { 3, 4, 4 },
      "conv2d c weight:3,3,3,3 padding=1; add s <input,c", "copy conv2d copy add copy" },
    { "add, a convolution and the picture", { 3, 4, 4 },
      "conv2d c weight:3,3,3,3 padding=1; add s <c,input", NULL },
    { "add, three layouts", { 4, 4, 4 },
      "conv2d c weight:4,4,3,3 padding=1; permute p <c order=1,2,0; permute q <input order=2,1,0; "
      "add s <p,input,q,c", NULL },
    { "add vectors", { 1, 2, 6 },
      "flatten f; dense a <f weight:5,12 bias:5; dense b <f weight:5,12; add s <b,a",
      "dense dense add" },
    { "add, a rank of 4", { 2, 4, 6 },
      "reshape r shape=2,2,2,6; permute p order=1,0,2,3; add s <r,p", NULL },

    /* concat */
    { "concat channels", { 2, 4, 5 },
      "conv2d a weight:3,2,1,1; max_pool2d b <input kernel=3 stride=1 padding=1; "
      "concat c <a,b,input", NULL },
    { "concat rows", { 2, 3, 4 }, "avg_pool2d p kernel=2,1; concat c <input,p,input axis=1", NULL },
    { "concat columns", { 2, 3, 4 }, "avg_pool2d p kernel=1,2; concat c <p,input axis=2", NULL },
    { "concat, the last axis", { 2, 3, 4 }, "relu r; concat c <r,input axis=-1", NULL },
    { "concat, the first axis from behind", { 2, 3, 4 }, "relu r; concat c <r,input axis=-3",
      NULL },
    { "concat vectors", { 1, 2, 3 }, "flatten f; dense d weight:4,6; tanh t; concat c <t,f,d",
      "dense tanh concat" },
    { "concat, a rank of 2", { 2, 3, 4 },
      "reshape a shape=6,4; reshape b <input shape=2,-1; reshape c <b shape=6,4; "
      "concat d <a,c axis=1", NULL },
    { "concat, a rank of 4", { 2, 3, 4 }, "reshape a shape=2,3,2,2; tanh t; concat d <t,a axis=2",
      NULL },
    { "concat one", { 3, 3, 4 }, "concat c", NULL },
    { "concat with itself", { 2, 3, 4 }, "relu r; concat c <r,r,r axis=1", NULL },
    { "concat different layouts", { 3, 4, 4 },
      "conv2d c weight:2,3,1,1; permute p <input order=0,2,1; concat d <p,c,input; "
      "conv2d e weight:4,8,2,2", NULL },

    /* pad */
    { "pad", { 2, 3, 4 }, "pad p padding=1", NULL },
    { "pad 1,2,3,4 with a value", { 3, 3, 4 }, "pad p padding=1,2,3,4 value=-1.7", NULL },
    { "pad by nothing", { 2, 3, 4 }, "pad p padding=0", NULL },
    { "pad before conv", { 1, 5, 5 }, "pad p padding=1,0,2,3; conv2d c weight:4,1,3,3 bias:4",
      "pad+conv2d copy" },
    { "pad before a padded conv", { 2, 5, 5 },
      "pad p padding=1,0,2,3; conv2d c padding=2,1 weight:4,2,3,3 bias:4; relu r",
      "copy pad+conv2d+relu copy" },
    { "pad, dropout, conv", { 1, 5, 5 }, "pad p padding=1; dropout x; conv2d c weight:4,1,3,3",
      "pad+conv2d copy" },
    { "pad with a value before conv", { 1, 5, 5 },
      "pad p padding=1 value=2; conv2d c weight:4,1,3,3", "pad conv2d copy" },
    { "pad before two convs", { 1, 5, 5 },
      "pad p padding=1; conv2d a weight:3,1,3,3; conv2d b <p weight:3,1,3,3; add s <a,b",
      "pad conv2d conv2d add copy" },
    { "pad of what others read", { 1, 5, 5 },
      "tanh t; pad p padding=1; conv2d c weight:1,1,3,3; add s <c,t", "tanh pad+conv2d add" },
    { "pad, relu, conv", { 1, 4, 4 }, "pad p padding=1; relu r; conv2d c weight:3,1,3,3",
      "pad relu conv2d copy" },
    { "pad, pad, conv", { 1, 4, 4 }, "pad p padding=1; pad q padding=0,2; conv2d c weight:3,1,3,3",
      "pad pad+conv2d copy" },
    { "pad before a depthwise conv", { 5, 4, 4 },
      "pad p padding=1,2; conv2d c groups=5 weight:5,1,3,3", "copy pad+conv2d copy" },
    { "pad, conv, batch norm", { 1, 4, 4 },
      "pad p padding=1; conv2d c weight:3,1,3,3; batch_norm b weight:3 bias:3 mean:3 variance:3; "
      "relu r", "pad+conv2d+batch_norm+relu copy" },
    { "pad before pooling", { 2, 4, 4 }, "pad p padding=1 value=0.5; max_pool2d m kernel=2", NULL },

    /* flatten, reshape, permute, dropout */
    { "nothing but flatten", { 2, 3, 4 }, "flatten f", "" },
    { "nothing but dropout", { 2, 3, 4 }, "dropout x rate=0.3", "" },
    { "flatten a convolution", { 1, 4, 4 }, "conv2d c weight:3,1,2,2; flatten f", "conv2d copy" },
    { "flatten twice", { 2, 3, 4 }, "flatten f; flatten g; tanh t", "tanh" },
    { "reshape", { 2, 3, 4 }, "reshape r shape=4,6; dense d weight:2,6", "dense" },
    { "reshape, open size", { 2, 3, 4 }, "reshape r shape=3,-1,2; softmax s", NULL },
    { "reshape a convolution", { 1, 5, 5 },
      "conv2d c weight:4,1,2,2; reshape r shape=2,8,4; softmax s", "conv2d copy softmax" },
    { "reshape to a picture", { 1, 1, 24 },
      "dense d weight:24,24; reshape r shape=2,3,4; conv2d c weight:3,2,2,2",
      "dense copy conv2d copy" },
    { "permute 0,1,2", { 2, 3, 4 }, "permute p order=0,1,2", "" },
    { "permute 0,2,1", { 2, 3, 4 }, "permute p order=0,2,1", "copy" },
    { "permute 1,0,2", { 2, 3, 4 }, "permute p order=1,0,2; tanh t", "tanh copy" },
    { "permute 1,2,0", { 2, 3, 4 }, "permute p order=1,2,0; tanh t", NULL },
    { "permute 2,0,1", { 2, 3, 4 }, "permute p order=2,0,1; tanh t", NULL },
    { "permute 2,1,0", { 2, 3, 4 }, "permute p order=2,1,0; tanh t", NULL },
    { "permute there and back", { 2, 3, 4 }, "permute p order=2,0,1; tanh t; permute q order=1,2,0",
      "tanh" },
    { "permute, a rank of 1", { 1, 2, 3 }, "flatten f; permute p order=0; tanh t", NULL },
    { "permute, a rank of 2", { 2, 3, 4 },
      "reshape r shape=4,6; permute p order=1,0; dense d weight:3,4", NULL },
    { "permute, a rank of 4", { 4, 3, 4 },
      "reshape r shape=2,2,3,4; permute p order=3,1,0,2; flatten f; dense d weight:3,48", NULL },
    { "permute and reshape", { 2, 3, 4 }, "permute p order=2,0,1; reshape r shape=6,4; softmax s",
      "copy softmax" },
    { "permute and convolve", { 4, 5, 3 }, "permute p order=2,0,1; conv2d c weight:4,3,2,2", NULL },
    { "permute and pool", { 4, 5, 3 },
      "permute p order=1,2,0; avg_pool2d q kernel=2; permute r order=1,0,2", NULL },
    { "permute a convolution, convolve", { 1, 5, 5 },
      "conv2d c weight:4,1,2,2; permute p order=1,2,0; conv2d d weight:3,4,2,2", NULL },

    /* combinations */
    { "conv, flatten, dense", { 2, 5, 5 },
      "conv2d c weight:5,2,3,3 bias:5; flatten f; dense d weight:7,45 bias:7",
      "copy conv2d dense" },
    { "conv, flatten, dropout, dense", { 1, 5, 5 },
      "conv2d c weight:5,1,3,3 bias:5; relu r; flatten f; dropout x; dense d weight:7,45 bias:7; "
      "softmax s", "conv2d+relu dense softmax" },
    { "conv, dropout, flatten, dense", { 1, 5, 5 },
      "conv2d c weight:5,1,3,3 bias:5; dropout x; flatten f; dense d weight:7,45 bias:7; relu r",
      "conv2d dense+relu" },
    { "conv, flatten, dense, batch norm", { 1, 5, 5 },
      "conv2d c weight:5,1,3,3; flatten f; dense d weight:7,45; "
      "batch_norm b weight:7 bias:7 mean:7 variance:7", "conv2d dense+batch_norm" },
    { "flatten of a permuted picture, dense", { 2, 3, 4 },
      "permute p order=2,0,1; flatten f; dense d weight:5,24", NULL },
    { "conv, permute, flatten, dense", { 1, 5, 5 },
      "conv2d c weight:5,1,3,3 bias:5; relu r; permute p order=1,2,0; flatten f; "
      "dense d weight:7,45 bias:7", "conv2d+relu dense" },
    { "conv, other permute, flatten, dense", { 1, 5, 6 },
      "conv2d c weight:5,1,3,3 bias:5; permute p order=2,1,0; flatten f; "
      "dense d weight:7,60 bias:7", "conv2d copy dense" },
    { "conv, permute twice, flatten, dense", { 1, 5, 6 },
      "conv2d c weight:5,1,3,3 bias:5; permute p order=1,2,0; permute q order=2,0,1; flatten f; "
      "dense d weight:7,60 bias:7", "conv2d dense" },
    { "conv, flatten read twice", { 1, 5, 5 },
      "conv2d c weight:5,1,3,3 bias:5; flatten f; dense a <f weight:4,45; "
      "dense b <f weight:4,45 bias:4; add s <a,b", "conv2d copy dense dense add" },
    { "conv, reshape, dense", { 1, 5, 5 },
      "conv2d c weight:4,1,2,2; reshape r shape=64; dense d weight:3,64", "conv2d copy dense" },
    { "conv read twice, once by relu", { 1, 5, 5 },
      "conv2d c weight:3,1,2,2 bias:3; relu r; max_pool2d p <c kernel=2; global_avg_pool2d g <r; "
      "global_max_pool2d h <p; add s <g,h",
      "conv2d relu max_pool2d global_avg_pool2d global_max_pool2d add" },
    { "conv and its relu added", { 1, 5, 5 }, "conv2d c weight:3,1,2,2 bias:3; relu r; add s <c,r",
      "conv2d relu add copy" },
    { "conv seen by two views", { 1, 5, 5 },
      "conv2d c weight:4,1,2,2; permute p order=0,2,1; relu r; permute q <c order=0,1,2; tanh t; "
      "add s <r,t", NULL },
    { "a view read by relu and another", { 1, 5, 5 },
      "conv2d c weight:3,1,2,2; dropout x; relu r; add s <x,r", "conv2d relu add copy" },
    { "dead ends", { 1, 5, 5 },
      "conv2d c weight:3,1,2,2; conv2d dead weight:2,3,2,2 bias:2; relu dead2; relu r <c; "
      "flatten f", "conv2d+relu copy" },
    { "a dead start", { 2, 3, 4 }, "tanh dead; softmax dead2; elu e <input", "elu" },
    { "residual block", { 4, 6, 6 },
      "conv2d a weight:4,4,3,3 padding=1; batch_norm n weight:4 bias:4 mean:4 variance:4; relu r; "
      "conv2d b weight:4,4,3,3 padding=1; batch_norm m weight:4 bias:4 mean:4 variance:4; "
      "add s <m,input; relu t", NULL },
    { "two residual blocks", { 1, 5, 5 },
      "conv2d o weight:5,1,3,3; relu p; conv2d a weight:5,5,3,3 padding=1; relu r; "
      "conv2d b weight:5,5,3,3 padding=1; add s <b,p; relu t; conv2d c weight:5,5,3,3 padding=1; "
      "relu u; conv2d d weight:5,5,3,3 padding=1; add v <d,t; relu w; global_avg_pool2d g; "
      "flatten f; dense e weight:10,5 bias:10",
      "conv2d+relu conv2d+relu conv2d add relu conv2d+relu conv2d add relu global_avg_pool2d dense" },
    { "dense block", { 2, 5, 5 },
      "conv2d a weight:3,2,3,3 padding=1; relu b; concat c <input,b; "
      "conv2d d weight:3,5,3,3 padding=1; relu e; concat f <c,e; avg_pool2d g kernel=2; "
      "flatten h; dense i weight:6,32", NULL },
    { "branches as in inception", { 3, 6, 6 },
      "conv2d a weight:4,3,1,1 bias:4; relu ar; conv2d b <input weight:3,3,1,1; relu br; "
      "conv2d c weight:5,3,3,3 padding=1; relu cr; conv2d d <input weight:2,3,1,1; relu dr; "
      "conv2d e weight:4,2,5,5 padding=2; relu er; max_pool2d p <input kernel=3 stride=1 "
      "padding=1; conv2d q weight:3,3,1,1; relu qr; concat s <ar,cr,er,qr; global_avg_pool2d g; "
      "flatten f; dense o weight:10,16 bias:10; softmax m", NULL },
    { "channel shuffle", { 6, 4, 5 },
      "conv2d a groups=3 weight:6,2,1,1; reshape r shape=3,2,4,5; permute p order=1,0,2,3; "
      "reshape q shape=6,4,5; conv2d b groups=3 weight:6,2,1,1; relu s", NULL },
    { "one line of 40", { 1, 1, 40 },
      "conv2d a weight:4,1,1,5 bias:4; relu r; max_pool2d p kernel=1,2; "
      "conv2d b weight:6,4,1,3 bias:6; relu s; max_pool2d q kernel=1,2; flatten f; "
      "dense d weight:10,48 bias:10; softmax m",
      "conv2d+relu+max_pool2d conv2d+relu+max_pool2d dense softmax" },
    { "one column of 12, three channels", { 3, 12, 1 },
      "conv2d a weight:4,3,3,1 bias:4; elu r; flatten f; dense d weight:3,40", NULL },
    { "one pixel", { 1, 1, 1 },
      "conv2d a weight:3,1,1,1 bias:3; relu r; flatten f; dense d weight:2,3 bias:2", NULL },
    { "a picture of three channels", { 3, 8, 8 },
      "conv2d a weight:8,3,3,3 bias:8 padding=1; relu r; max_pool2d p kernel=2; "
      "conv2d b weight:12,8,3,3 bias:12; relu s; flatten f; dense d weight:10,48 bias:10; "
      "softmax m", "copy conv2d+relu+max_pool2d conv2d+relu dense softmax" },
    { "the small cnn of ggml", { 1, 12, 12 },
      "conv2d conv1 padding=1 weight:8,1,3,3 bias:8; relu r1; max_pool2d p1 kernel=2 stride=2; "
      "conv2d conv2 padding=1 weight:16,8,3,3 bias:16; relu r2; max_pool2d p2 kernel=2 stride=2; "
      "permute p order=1,2,0; flatten f; dense d weight:10,144 bias:10; softmax s",
      "conv2d+relu+max_pool2d conv2d+relu+max_pool2d dense softmax" },
    /* Max-pools that their convolution does itself, and those that it does not; with few channels, and with so many
     * that Winograd's way pays. */
    { "pool behind a convolution", { 1, 9, 11 }, "conv2d c weight:5,1,3,3 bias:5; max_pool2d p kernel=2",
      "conv2d+max_pool2d copy" },
    { "pool, then relu", { 1, 9, 11 }, "conv2d c weight:5,1,2,2 bias:5; max_pool2d p kernel=2; leaky_relu r alpha=0.1",
      "conv2d+max_pool2d+leaky_relu copy" },
    { "pool of 3x2", { 2, 12, 13 }, "conv2d c weight:17,2,3,2 bias:17 padding=1; relu r; max_pool2d p kernel=3,2",
      "copy conv2d+relu+max_pool2d copy" },
    { "pool of the whole", { 2, 7, 7 }, "conv2d c weight:9,2,2,2 stride=1,2 bias:9; relu r; max_pool2d p kernel=6,3",
      "copy conv2d+relu+max_pool2d" },
    { "pool with steps of its own", { 1, 9, 9 }, "conv2d c weight:4,1,2,2; max_pool2d p kernel=2 stride=1",
      "conv2d max_pool2d copy" },
    { "pool with padding", { 1, 9, 9 }, "conv2d c weight:4,1,2,2; max_pool2d p kernel=2 padding=1",
      "conv2d max_pool2d copy" },
    { "pool with a last part", { 1, 10, 10 }, "conv2d c weight:4,1,2,2; max_pool2d p kernel=2 ceil=1",
      "conv2d max_pool2d copy" },
    { "pool of groups", { 2, 9, 9 }, "conv2d c groups=2 weight:4,1,2,2; max_pool2d p kernel=2",
      "copy conv2d max_pool2d copy" },
    { "norm behind a pool", { 1, 8, 9 }, "conv2d c weight:4,1,3,3; max_pool2d p kernel=2; "
      "batch_norm n weight:4 bias:4 mean:4 variance:4", NULL },
    { "norm, relu, pool", { 1, 8, 9 }, "conv2d c weight:4,1,3,3; batch_norm n weight:4 bias:4 mean:4 variance:4; relu r; "
      "max_pool2d p kernel=2", "conv2d+batch_norm+relu+max_pool2d copy" },
    { "two pools", { 1, 14, 14 }, "conv2d c weight:4,1,3,3; max_pool2d p kernel=2; max_pool2d q kernel=3",
      "conv2d+max_pool2d max_pool2d copy" },
    { "winograd, 5x5", { 12, 13, 11 }, "conv2d c weight:17,12,5,5 bias:17 padding=2; relu r", "copy conv2d+relu copy" },
    { "winograd, 5x5, pool", { 12, 11, 12 }, "conv2d c weight:17,12,5,5 bias:17 padding=1; relu r; max_pool2d p kernel=2",
      "copy conv2d+relu+max_pool2d copy" },
    { "winograd", { 16, 8, 6 }, "conv2d c weight:16,16,3,3 bias:16; relu r", "copy conv2d+relu copy" },
    { "winograd, odd", { 20, 9, 7 }, "conv2d c weight:33,20,3,3 bias:33; leaky_relu r alpha=0.2",
      "copy conv2d+leaky_relu copy" },
    { "winograd, padding", { 16, 7, 7 }, "conv2d c weight:24,16,3,3 bias:24 padding=1", "copy conv2d copy" },
    { "winograd, padding 0,2,1,0", { 16, 6, 5 }, "conv2d c weight:24,16,3,3 bias:24 padding=0,2,1,0", NULL },
    { "winograd, pool", { 16, 13, 13 }, "conv2d c weight:32,16,3,3 bias:32; relu r; max_pool2d p kernel=2",
      "copy conv2d+relu+max_pool2d copy" },
    { "winograd, padding, pool", { 16, 9, 8 }, "conv2d c weight:24,16,3,3 bias:24 padding=1; relu r; "
      "max_pool2d p kernel=2", "copy conv2d+relu+max_pool2d copy" },
    { "winograd's place, pool of 3", { 16, 11, 11 }, "conv2d c weight:24,16,3,3 bias:24; max_pool2d p kernel=3",
      "copy conv2d+max_pool2d copy" },
    { "winograd, norm", { 16, 8, 8 }, "conv2d c weight:16,16,3,3; batch_norm n weight:16 bias:16 mean:16 variance:16; "
      "relu r", "copy conv2d+batch_norm+relu copy" },
    { "dense of zeros", { 1, 9, 9 }, "flatten f; dense a weight:70,81 bias:70; relu r; dense b weight:131,70 bias:131; "
      "relu s; dense c weight:10,131 bias:10; softmax m", "dense+relu dense+relu dense softmax" },
    { "autoencoder-like", { 1, 4, 4 },
      "flatten f; dense a weight:5,16 bias:5; tanh t; dense b weight:16,5 bias:16; sigmoid s; "
      "reshape r shape=1,4,4; conv2d c weight:2,1,2,2; log_softmax l", NULL },
    { "many readers", { 2, 3, 3 },
      "tanh a; relu b; elu c <a; gelu d <a; sigmoid e <a; add f <b,c,d,e,a; add g <f,a; "
      "concat h <g,f,e,d,c,b,a; global_max_pool2d i", NULL },
};

/* ---- the plan ---- */

/* The steps' operators with blanks between. */
static void check_steps(const network *c, const ink_model *model)
{
    char text[1000] = "";
    for (size_t i = 0; i < ink_model_get_info(model)->steps; i++) {
        const size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", ink_model_step(model, i)->ops);
    }
    if (c->steps && strcmp(c->steps, text) != 0)
        fail_msg("%s: the steps are '%s', wanted '%s'", c->name, text, c->steps);
}

/* Each float of an image's share of the arena belongs to the step that wrote it last: what a step reads
 * must still be what was written there. */
static void check_memory(const network *c, const ink_model *model)
{
    const ink_plan *plan = &model->plan;
    size_t *owner = calloc(plan->image_floats + 1, sizeof *owner);
    size_t *writer = calloc(plan->buffer_count + 1, sizeof *writer);
    assert_true(owner && writer);
    for (size_t i = 0; i <= plan->step_count; i++) { /* at the end, the output is read */
        const ink_step *step = i < plan->step_count ? &plan->steps[i] : NULL;
        const size_t count = step ? step->input_count : 1;
        for (size_t k = 0; k < count; k++) {
            const ink_view *view = step ? &step->inputs[k] : &plan->output;
            const size_t from = plan->buffers[view->buffer].offset;
            assert_true(view->buffer < plan->buffer_count);
            assert_true(from + view->elements <= plan->image_floats);
            for (size_t at = from; at < from + view->elements; at++)
                if (owner[at] != writer[view->buffer])
                    fail_msg("%s: step %zu reads float %zu of step %zu, which step %zu wrote over",
                             c->name, i + 1, at, writer[view->buffer], owner[at]);
        }
        if (!step)
            break;
        /* In place of its first input, or beside all that it reads. */
        const size_t to = plan->buffers[step->output.buffer].offset, end = to + step->output.elements;
        for (size_t k = 0; k < count; k++) {
            const size_t from = plan->buffers[step->inputs[k].buffer].offset;
            if ((k > 0 || from != to) && from < end && to < from + step->inputs[k].elements)
                fail_msg("%s: step %zu writes over its input %zu", c->name, i + 1, k);
        }
        assert_true(end <= plan->image_floats);
        for (size_t at = to; at < end; at++)
            owner[at] = i + 1;
        writer[step->output.buffer] = i + 1;
        const ink_step_info *info = ink_model_step(model, i);
        assert_true(info->offset == to * sizeof(float) && info->offset % 4 == 0);
        assert_true(info->bytes == step->output.elements * sizeof(float));
        assert_true(step->scratch <= plan->scratch_floats);
    }
    free(owner);
    free(writer);
}

static void check_shapes(const network *c, const ink_model *model, const ref *values)
{
    for (size_t i = 0; i < ink_model_get_info(model)->nodes; i++) {
        const ink_node_info *node = ink_model_node(model, i);
        if (node->rank != values[i + 1].rank ||
            memcmp(node->dim, values[i + 1].dim, node->rank * sizeof *node->dim))
            fail_msg("%s: the shape of node %s is %u: %ux%ux%ux%u, wanted %u: %ux%ux%ux%u", c->name,
                     node->name, node->rank, node->dim[0], node->dim[1], node->dim[2], node->dim[3],
                     values[i + 1].rank, values[i + 1].dim[0], values[i + 1].dim[1],
                     values[i + 1].dim[2], values[i + 1].dim[3]);
    }
}

/* ---- the numbers ---- */

enum { IMAGES = 50 };

/* A case with its inputs and what they must give, as written and as probabilities. */
typedef struct expected {
    const network *c;
    net n;
    size_t pixels, classes;
    float *x;
    double *value[2], *error[2];
    ref shapes[NET_NODES + 1]; /* the values of the last image */
} expected;

static bool gives_probabilities(const net *n)
{
    size_t i = n->node_count;
    while (i && (!strcmp(n->nodes[i - 1].op, "flatten") || !strcmp(n->nodes[i - 1].op, "reshape") ||
                 !strcmp(n->nodes[i - 1].op, "permute") || !strcmp(n->nodes[i - 1].op, "dropout")))
        i = n->nodes[i - 1].input[0];
    return i && (!strcmp(n->nodes[i - 1].op, "softmax") || !strcmp(n->nodes[i - 1].op, "sigmoid"));
}

static void expect_image(expected *e, size_t image, ref *values)
{
    ref_run(&e->n, e->x + image * e->pixels, values);
    const ref *out = &values[e->n.node_count];
    ref chances = ref_make(out->rank, out->dim);
    ref_softmax_row(out, &chances, 0, out->count, false);
    if (!e->value[0]) {
        e->classes = out->count;
        for (size_t k = 0; k < 2; k++) {
            e->value[k] = malloc(IMAGES * e->classes * sizeof *e->value[k]);
            e->error[k] = malloc(IMAGES * e->classes * sizeof *e->error[k]);
            assert_true(e->value[k] && e->error[k]);
        }
    }
    for (size_t k = 0; k < 2; k++) {
        const ref *from = k && !gives_probabilities(&e->n) ? &chances : out;
        memcpy(e->value[k] + image * e->classes, from->value, e->classes * sizeof *from->value);
        memcpy(e->error[k] + image * e->classes, from->error, e->classes * sizeof *from->error);
    }
    ref_free(&chances);
}

static void expect(expected *e, const network *c)
{
    uint64_t random = 7 + strlen(c->text);
    *e = (expected){ .c = c, .n = net_make(c->dim, c->text) };
    e->pixels = (size_t)c->dim[0] * c->dim[1] * c->dim[2];
    e->x = check_random_floats(&random, IMAGES * e->pixels);
    for (size_t i = 0; i < IMAGES * e->pixels; i++)
        e->x[i] *= i < e->pixels ? 0.0f : 3.0f; /* a black picture, too */
    for (size_t image = 0; image < IMAGES; image++) {
        ref values[NET_NODES + 1];
        expect_image(e, image, values);
        for (size_t i = 0; i <= e->n.node_count; i++)
            if (image + 1 == IMAGES)
                e->shapes[i] = values[i];
            else
                ref_free(&values[i]);
    }
}

static void expected_free(expected *e)
{
    for (size_t i = 0; i <= e->n.node_count; i++)
        ref_free(&e->shapes[i]);
    for (size_t k = 0; k < 2; k++) {
        free(e->value[k]);
        free(e->error[k]);
    }
    free(e->x);
    net_free(&e->n);
}

static void check_values(const expected *e, size_t which, const float *y, size_t images, ink_cpu cpu)
{
    for (size_t i = 0; i < images * e->classes; i++) {
        const double want = e->value[which][i], bound = e->error[which][i];
        if (!(bound <= 1.5e-2 * (1 + fabs(want))))
            fail_msg("%s: a bound of %g around %g says nothing", e->c->name, bound, want);
        if (!(fabs((double)y[i] - want) <= bound))
            fail_msg("%s, %s%s: image %zu, output %zu is %.9g, wanted %.9g +- %.3g", e->c->name,
                     ink_cpu_name(cpu), which ? ", probabilities" : "", i / e->classes,
                     i % e->classes, (double)y[i], want, bound);
    }
}

static ink_model *open_net(const net *n, const char *name, ink_cpu cpu, ink_output output)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    ink_error error;
    options.cpu = cpu;
    options.output = output;
    options.allocator = &check_nan_allocator;
    if (net_open(n, &options, &model, &error))
        fail_msg("%s: %s", name, error.text);
    assert_int_equal(ink_model_get_info(model)->cpu, cpu);
    return model;
}

static ink_session *open_session(const ink_model *model, uint32_t threads, uint32_t batch)
{
    ink_session_options options = INK_SESSION_OPTIONS_INIT;
    ink_session *session;
    ink_error error;
    options.allocator = &check_nan_allocator;
    options.threads = threads;
    options.batch = batch;
    check_error(ink_session_open(model, &options, &session, &error), &error, INK_OK, NULL);
    return session;
}

/* Runs the first `images` inputs, which end at a forbidden page as the outputs do. */
static const float *run_images(const expected *e, ink_session *session, size_t images,
                               check_room *in, check_room *out)
{
    ink_error error;
    const float *x = check_room_copy(in, e->x, images * e->pixels * sizeof *x, CHECK_AT_END);
    float *y = check_room_take(out, images * e->classes * sizeof *y, CHECK_AT_END);
    check_error(ink_session_run_f32(session, x, images, y, &error), &error, INK_OK, NULL);
    assert_true(check_room_kept(in) && check_room_kept(out));
    return y;
}

/* Every way to run a model gives the same bits. */
static void check_ways(const expected *e, const ink_model *model, const float *want, check_room *in,
                       check_room *out)
{
    static const struct {
        uint32_t threads, batch;
    } ways[] = { { 1, 0 }, { 1, 1 }, { 1, 3 }, { 1, 64 }, { 3, 0 }, { 3, 7 } };
    static const size_t counts[] = { IMAGES, 1, 2, 7, 0, IMAGES };
    for (size_t w = 0; w < CHECK_COUNT(ways); w++) {
        ink_session *session = open_session(model, ways[w].threads, ways[w].batch);
        for (size_t i = 0; i < CHECK_COUNT(counts); i++)
            if (memcmp(run_images(e, session, counts[i], in, out), want,
                       counts[i] * e->classes * sizeof *want))
                fail_msg("%s: %zu images with %u threads, %u at once give other bits than %d images "
                         "with one thread", e->c->name, counts[i], ways[w].threads, ways[w].batch,
                         IMAGES);
        ink_session_close(&session);
    }
}

static void check_network(const network *c)
{
    ink_cpu cpus[CHECK_CPUS];
    const size_t cpu_count = check_cpus(cpus);
    expected e;
    expect(&e, c);
    check_room in = check_room_make(IMAGES * e.pixels * sizeof(float));
    check_room out = check_room_make(IMAGES * e.classes * sizeof(float));
    float *y = malloc(IMAGES * e.classes * sizeof *y);
    assert_non_null(y);
    for (size_t i = 0; i < cpu_count; i++) {
        for (size_t which = 0; which < 2; which++) {
            ink_model *model = open_net(&e.n, c->name, cpus[i],
                                        which ? INK_OUTPUT_PROBABILITIES : INK_OUTPUT_AS_WRITTEN);
            assert_int_equal(ink_model_get_info(model)->classes, e.classes);
            ink_session *session = open_session(model, 1, 0);
            memcpy(y, run_images(&e, session, IMAGES, &in, &out), IMAGES * e.classes * sizeof *y);
            ink_session_close(&session);
            check_values(&e, which, y, IMAGES, cpus[i]);
            check_memory(c, model);
            if (which == 0) {
                check_shapes(c, model, e.shapes);
                check_steps(c, model);
                check_ways(&e, model, y, &in, &out);
            }
            ink_model_close(&model);
        }
    }
    free(y);
    check_room_free(&in);
    check_room_free(&out);
    expected_free(&e);
}

static void networks_compute(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(networks); i++)
        check_network(&networks[i]);
    printf("%zu networks\n", CHECK_COUNT(networks));
}

/* A thousand images and a few: several chunks for each thread, the last one smaller. */
static void many_images(void **state)
{
    (void)state;
    enum { MANY = 1003 };
    const network *c = NULL;
    for (size_t i = 0; i < CHECK_COUNT(networks); i++)
        if (strcmp(networks[i].name, "a picture of three channels") == 0)
            c = &networks[i];
    assert_non_null(c);
    expected e;
    expect(&e, c);
    float *x = malloc(MANY * e.pixels * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < MANY; i++)
        memcpy(x + i * e.pixels, e.x + i % IMAGES * e.pixels, e.pixels * sizeof *x);
    check_room in = check_room_make(MANY * e.pixels * sizeof *x);
    check_room out = check_room_make(MANY * e.classes * sizeof *x);
    ink_cpu cpus[CHECK_CPUS];
    for (size_t i = check_cpus(cpus); i-- > 0;)
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            ink_model *model = open_net(&e.n, c->name, cpus[i], INK_OUTPUT_PROBABILITIES);
            ink_session *session = open_session(model, threads, threads == 3 ? 0 : 13);
            const float *from = check_room_copy(&in, x, MANY * e.pixels * sizeof *x, CHECK_AT_END);
            float *y = check_room_take(&out, MANY * e.classes * sizeof *y, CHECK_AT_END);
            assert_int_equal(ink_session_run_f32(session, from, MANY, y, NULL), INK_OK);
            check_values(&e, 1, y, IMAGES, cpus[i]);
            for (size_t k = IMAGES; k < MANY; k++)
                if (memcmp(y + k * e.classes, y + k % IMAGES * e.classes, e.classes * sizeof *y))
                    fail_msg("image %zu of %d, %u threads: another result than image %zu, the same "
                             "picture", k, MANY, threads, k % IMAGES);
            ink_session_close(&session);
            ink_model_close(&model);
        }
    check_room_free(&in);
    check_room_free(&out);
    free(x);
    expected_free(&e);
}

static void every_operator_has_a_case(void **state)
{
    (void)state;
    size_t count = 0;
    for (const ink_op *op; (op = ink_op_at(count)); count++) {
        bool found = false;
        for (size_t i = 0; i < CHECK_COUNT(networks); i++) {
            net n = net_make(networks[i].dim, networks[i].text);
            for (size_t k = 0; k < n.node_count; k++)
                found = found || strcmp(n.nodes[k].op, op->name) == 0;
            net_free(&n);
        }
        if (!found)
            fail_msg("no case for the operator %s", op->name);
        assert_ptr_equal(ink_op_find(op->name), op);
    }
    assert_true(count >= 22);
    assert_null(ink_op_at(count));
    assert_null(ink_op_find("copy")); /* the plan's own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_a_case),
        cmocka_unit_test(networks_compute),
        cmocka_unit_test(many_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
