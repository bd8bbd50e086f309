/* What operators and their attributes refuse, with which status and in which words; the limits; what
 * the output options add; and what the plan must come to. */
#include "check_network.h"

#include "model/model.h"

#include <ctype.h>

/* ---- what is refused ---- */

typedef struct bad {
    uint32_t dim[3];
    const char *text;
    ink_status status;
    const char *words; /* a part of the error: who, what was found, what was wanted */
} bad;

static const bad bads[] = {
    /* conv2d */
    { { 1, 5, 5 }, "conv2d c", INK_ERR_MISSING,
      "tensor 'c.weight': missing, node 'c' (conv2d) needs it" },
    { { 1, 5, 5 }, "conv2d c weight:4,9", INK_ERR_SHAPE,
      "node 'c' (conv2d): its weight has 2 dimensions, wanted 4: O, C / groups, KH, KW" },
    { { 1, 5, 5 }, "conv2d c weight:4,2,3,3", INK_ERR_SHAPE,
      "tensor 'c.weight': found shape 4x2x3x3, node 'c' (conv2d) wants 4x1x3x3" },
    { { 4, 5, 5 }, "conv2d c groups=2 weight:4,4,3,3", INK_ERR_SHAPE,
      "found shape 4x4x3x3, node 'c' (conv2d) wants 4x2x3x3" },
    { { 1, 5, 5 }, "conv2d c weight:4,1,3,3 bias:5", INK_ERR_SHAPE,
      "tensor 'c.bias': found shape 5, node 'c' (conv2d) wants 4" },
    { { 1, 5, 5 }, "conv2d c weight:4,1,3,3 bias:4,1", INK_ERR_SHAPE,
      "found shape 4x1, node 'c' (conv2d) wants 4" },
    { { 3, 5, 5 }, "conv2d c groups=2 weight:4,1,3,3", INK_ERR_ATTRIBUTE,
      "node 'c' (conv2d): groups=2 does not divide its 3 input and 4 output channels" },
    { { 4, 5, 5 }, "conv2d c groups=2 weight:3,2,3,3", INK_ERR_ATTRIBUTE,
      "groups=2 does not divide its 4 input and 3 output channels" },
    { { 1, 5, 5 }, "conv2d c filters=3 weight:4,1,3,2", INK_ERR_SHAPE,
      "node 'c' (conv2d): found filters=3, its weight has 4 rows" },
    { { 1, 5, 5 }, "flatten f; dense d units=3 weight:4,25", INK_ERR_SHAPE,
      "node 'd' (dense): found units=3, its weight has 4 rows" },
    { { 1, 5, 5 }, "conv2d c kernel=3 weight:4,1,3,2", INK_ERR_SHAPE,
      "node 'c' (conv2d): found kernel=3,3, its weight is 3x2" },
    { { 2, 4, 5 }, "conv2d c weight:4,2,5,5", INK_ERR_SHAPE,
      "node 'c' (conv2d): its kernel of 5x5 is larger than the padded input 2x4x5" },
    { { 2, 5, 4 }, "conv2d c weight:4,2,5,5", INK_ERR_SHAPE, "larger than the padded input 2x5x4" },
    { { 2, 4, 5 }, "conv2d c padding=0,1,0,1 weight:4,2,5,5", INK_ERR_SHAPE,
      "larger than the padded input" },
    { { 1, 6, 6 }, "conv2d c dilation=1,3 weight:4,1,3,3", INK_ERR_SHAPE,
      "larger than the padded input 1x6x6" },
    { { 1, 1, 2000 }, "conv2d c weight:1,1,1,1025", INK_ERR_LIMIT,
      "node 'c' (conv2d): its kernel is 1x1025, the limit is 1024" },
    { { 1, 3, 4 }, "flatten f; conv2d c weight:1,1,3,3", INK_ERR_SHAPE,
      "node 'c' (conv2d): its input has the shape 12, wanted channels x height x width" },
    { { 1, 5, 5 }, "conv2d c stride=0 weight:1,1,3,3", INK_ERR_ATTRIBUTE,
      "node 'c': attribute 'stride' is 0, wanted an integer from 1 to 1024" },
    { { 1, 5, 5 }, "conv2d c groups=0 weight:1,1,3,3", INK_ERR_ATTRIBUTE,
      "attribute 'groups' is 0" },
    { { 1, 5, 5 }, "conv2d c padding=-1 weight:1,1,3,3", INK_ERR_ATTRIBUTE,
      "attribute 'padding' is -1" },

    /* dense */
    { { 1, 3, 4 }, "flatten f; dense d bias:5", INK_ERR_MISSING,
      "tensor 'd.weight': missing, node 'd' (dense)" },
    { { 1, 3, 4 }, "flatten f; dense d weight:5,12,1", INK_ERR_SHAPE,
      "node 'd' (dense): its weight has 3 dimensions, wanted 2: O, I" },
    { { 1, 3, 4 }, "flatten f; dense d weight:12,5", INK_ERR_SHAPE,
      "tensor 'd.weight': found shape 12x5, node 'd' (dense) wants 12x12" },
    { { 2, 3, 4 }, "dense d weight:5,24", INK_ERR_SHAPE,
      "found shape 5x24, node 'd' (dense) wants 5x4" },
    { { 1, 3, 4 }, "flatten f; dense d weight:5,12 bias:12", INK_ERR_SHAPE,
      "tensor 'd.bias': found shape 12, node 'd' (dense) wants 5" },

    /* pooling */
    { { 1, 5, 5 }, "max_pool2d p", INK_ERR_ATTRIBUTE, "node 'p': attribute 'kernel' is missing" },
    { { 1, 5, 5 }, "avg_pool2d p stride=2", INK_ERR_ATTRIBUTE,
      "node 'p': attribute 'kernel' is missing" },
    { { 1, 5, 5 }, "max_pool2d p kernel=2 padding=2", INK_ERR_ATTRIBUTE,
      "node 'p' (max_pool2d): padding of 2, wanted less than the kernel's 2" },
    { { 1, 5, 5 }, "avg_pool2d p kernel=2,3 padding=0,0,0,3", INK_ERR_ATTRIBUTE,
      "padding of 3, wanted less than the kernel's 3" },
    { { 2, 3, 9 }, "avg_pool2d p kernel=4", INK_ERR_SHAPE,
      "node 'p' (avg_pool2d): its kernel of 4 is larger than the padded input 2x3x9" },
    { { 2, 3, 9 }, "max_pool2d p kernel=4 ceil=1", INK_ERR_SHAPE, "its kernel of 4 is larger" },
    { { 1, 3, 4 }, "flatten f; max_pool2d p kernel=2", INK_ERR_SHAPE,
      "node 'p' (max_pool2d): its input has the shape 12, wanted channels x height x width" },
    { { 1, 3, 4 }, "reshape r shape=3,4; global_avg_pool2d p", INK_ERR_SHAPE,
      "its input has the shape 3x4, wanted" },
    { { 1, 5, 5 }, "max_pool2d p kernel=2 count_padding=1", INK_ERR_ATTRIBUTE,
      "node 'p': found attribute 'count_padding', it takes kernel, stride, padding, ceil" },
    { { 1, 5, 5 }, "global_max_pool2d p kernel=2", INK_ERR_ATTRIBUTE,
      "found attribute 'kernel', it takes none" },

    /* batch_norm */
    { { 3, 2, 2 }, "batch_norm b variance:3", INK_ERR_MISSING,
      "tensor 'b.mean': missing, node 'b' (batch_norm)" },
    { { 3, 2, 2 }, "batch_norm b mean:3", INK_ERR_MISSING, "tensor 'b.variance': missing" },
    { { 3, 2, 2 }, "batch_norm b mean:3 variance:2", INK_ERR_SHAPE,
      "tensor 'b.variance': found shape 2, node 'b' (batch_norm) wants 3" },
    { { 3, 2, 2 }, "batch_norm b weight:4 mean:3 variance:3", INK_ERR_SHAPE,
      "tensor 'b.weight': found shape 4" },
    { { 3, 2, 2 }, "batch_norm b bias:1,3 mean:3 variance:3", INK_ERR_SHAPE,
      "found shape 1x3, node 'b'" },
    { { 3, 2, 2 }, "reshape r shape=3,4; batch_norm b mean:3 variance:3", INK_ERR_SHAPE,
      "node 'b' (batch_norm): its input has the shape 3x4, wanted features or channels x height x "
      "width" },
    { { 3, 2, 2 }, "batch_norm b mean:3 variance:3=-0.5", INK_ERR_NOT_FINITE,
      "node 'b' (batch_norm): the variance of channel 0 is -0.5, with epsilon" },
    { { 3, 2, 2 }, "batch_norm b epsilon=0 mean:3 variance:3=0", INK_ERR_NOT_FINITE,
      "the variance of channel 0 is 0" },
    { { 1, 5, 5 }, "conv2d c weight:2,1,3,3; batch_norm b mean:2 variance:2=-1", INK_ERR_NOT_FINITE,
      "channel 0 is -1" },
    { { 3, 2, 2 }, "batch_norm b epsilon=-1 mean:3 variance:3", INK_ERR_ATTRIBUTE,
      "node 'b': attribute 'epsilon' is -1, wanted a number from 0 to 1000" },

    /* activations and softmax */
    { { 1, 2, 2 }, "relu r alpha=0.5", INK_ERR_ATTRIBUTE,
      "node 'r': found attribute 'alpha', it takes none" },
    { { 1, 2, 2 }, "elu e alpha=1e7", INK_ERR_ATTRIBUTE,
      "attribute 'alpha' is 1e+07, wanted a number from -1e+06 to 1e+06" },
    { { 1, 2, 2 }, "gelu g approximate=2", INK_ERR_ATTRIBUTE,
      "attribute 'approximate' is 2, wanted an integer from 0 to 1" },
    { { 2, 3, 4 }, "softmax s axis=0", INK_ERR_ATTRIBUTE,
      "node 's' (softmax): axis=0 of the input 2x3x4, wanted the last" },
    { { 2, 3, 4 }, "log_softmax s axis=-2", INK_ERR_ATTRIBUTE,
      "axis=-2 of the input 2x3x4, wanted the last" },
    { { 2, 3, 4 }, "softmax s axis=3", INK_ERR_ATTRIBUTE, "axis=3 of the input 2x3x4" },
    { { 2, 3, 4 }, "flatten f; softmax s axis=-2", INK_ERR_ATTRIBUTE, "axis=-2 of the input 24" },

    /* add, concat */
    { { 2, 3, 4 }, "add s", INK_ERR_GRAPH, "node 's' (add): has 1 inputs, wanted 2 to 64" },
    { { 2, 3, 4 }, "permute p order=0,2,1; add s <p,input", INK_ERR_SHAPE,
      "node 's' (add): its inputs have the shapes 2x4x3 and 2x3x4, wanted the same" },
    { { 2, 3, 4 }, "flatten f; add s <input,input,f", INK_ERR_SHAPE, "the shapes 2x3x4 and 24" },
    { { 2, 3, 4 }, "relu r <input,input", INK_ERR_GRAPH,
      "node 'r' (relu): has 2 inputs, wanted 1" },
    { { 2, 3, 4 }, "avg_pool2d p kernel=2; concat c <input,p", INK_ERR_SHAPE,
      "node 'c' (concat): its inputs have the shapes 2x3x4 and 2x1x2, wanted the same but for "
      "axis 0" },
    { { 2, 3, 4 }, "flatten f; concat c <input,f axis=2", INK_ERR_SHAPE,
      "2x3x4 and 24, wanted the same but for axis 2" },
    { { 2, 3, 4 }, "avg_pool2d p kernel=1,4; reshape r shape=2,3; concat c <input,r axis=2",
      INK_ERR_SHAPE, "2x3x4 and 2x3, wanted the same but for axis 2" },
    { { 2, 3, 4 }, "concat c <input,input axis=3", INK_ERR_ATTRIBUTE,
      "node 'c' (concat): axis=3 of the input 2x3x4" },
    { { 2, 3, 4 }, "flatten f; concat c axis=-2", INK_ERR_ATTRIBUTE, "axis=-2 of the input 24" },
    { { 2, 3, 4 }, "concat c axis=4", INK_ERR_ATTRIBUTE,
      "attribute 'axis' is 4, wanted an integer from -4 to 3" },

    /* pad, reshape, permute, dropout */
    { { 2, 3, 4 }, "pad p", INK_ERR_ATTRIBUTE, "node 'p': attribute 'padding' is missing" },
    { { 2, 3, 4 }, "flatten f; pad p padding=1", INK_ERR_SHAPE,
      "node 'p' (pad): its input has the shape 24" },
    { { 2, 3, 4 }, "reshape r", INK_ERR_ATTRIBUTE, "node 'r': attribute 'shape' is missing" },
    { { 2, 3, 4 }, "reshape r shape=5,5", INK_ERR_SHAPE,
      "node 'r' (reshape): cannot reshape 2x3x4 to 5x5" },
    { { 2, 3, 4 }, "reshape r shape=5,-1", INK_ERR_SHAPE, "cannot reshape 2x3x4 to 5x" },
    { { 2, 3, 4 }, "reshape r shape=-1,4,-1", INK_ERR_ATTRIBUTE,
      "node 'r' (reshape): shape[2] is -1, wanted sizes and at most one -1" },
    { { 2, 3, 4 }, "reshape r shape=0,24", INK_ERR_ATTRIBUTE, "shape[0] is 0" },
    { { 2, 3, 4 }, "reshape r shape=-2,24", INK_ERR_ATTRIBUTE, "attribute 'shape' is -2" },
    { { 2, 3, 4 }, "reshape r shape=16777216,16777216,16777216,16777216", INK_ERR_LIMIT,
      "node 'r' (reshape): its shape is too large" },
    { { 2, 3, 4 }, "permute p", INK_ERR_ATTRIBUTE, "node 'p': attribute 'order' is missing" },
    { { 2, 3, 4 }, "permute p order=0,1", INK_ERR_ATTRIBUTE,
      "node 'p' (permute): its order does not name each of the 3 axes of its input once" },
    { { 2, 3, 4 }, "permute p order=0,1,1", INK_ERR_ATTRIBUTE, "each of the 3 axes" },
    { { 2, 3, 4 }, "permute p order=1,2,3", INK_ERR_ATTRIBUTE, "each of the 3 axes" },
    { { 2, 3, 4 }, "permute p order=0,1,2,2", INK_ERR_ATTRIBUTE, "each of the 3 axes" },
    { { 2, 3, 4 }, "dropout d rate=1.5", INK_ERR_ATTRIBUTE,
      "node 'd': attribute 'rate' is 1.5, wanted a number from 0 to 1" },

    /* the graph */
    { { 2, 3, 4 }, "conv3d c", INK_ERR_OP, "node 'c': unknown operator 'conv3d'" },
    { { 2, 3, 4 }, "copy c", INK_ERR_OP, "unknown operator 'copy'" },
    { { 2, 3, 4 }, "relu r; tanh r", INK_ERR_GRAPH, "node 'r': the name is taken" },
    { { 2, 3, 4 }, "relu input", INK_ERR_GRAPH, "node 'input': the name is taken" },
    { { 2, 3, 4 }, "relu a,b", INK_ERR_GRAPH,
      "its name is 'a,b', wanted 1 to 63 bytes without commas and spaces" },
    { { 2, 3, 4 }, "relu 0123456789012345678901234567890123456789012345678901234567890123",
      INK_ERR_GRAPH, "wanted 1 to 63 bytes" },
    { { 2, 3, 4 }, "relu r <x", INK_ERR_GRAPH, "node 'r': its input 'x' is no node before it" },
    { { 2, 3, 4 }, "relu r <r", INK_ERR_GRAPH, "node 'r': its input 'r' is no node before it" },
    { { 2, 3, 4 }, "relu r; add s <r,,r", INK_ERR_GRAPH,
      "node 's': its input '' is no node before it" },
    { { 2, 3, 4 }, "relu r weight:3", INK_ERR_GRAPH, "tensor 'r.weight': belongs to no node" },
    { { 1, 5, 5 }, "conv2d c weight:2,1,3,3 bias:2 bias:2", INK_ERR_FORMAT,
      "tensor 'c.bias' is there twice" },
    { { 1, 5, 5 }, "conv2d c weight:2,1,3,3=nan", INK_ERR_NOT_FINITE,
      "tensor 'c.weight': holds a NaN or infinite value" },
    { { 1, 5, 5 }, "conv2d c weight:2,1,3,3 bias:2=-inf", INK_ERR_NOT_FINITE,
      "tensor 'c.bias': holds a NaN" },
    { { 1, 5, 5 }, "conv2d c weight:2,1,3,3,1", INK_ERR_SHAPE,
      "tensor 'c.weight': has 5 dimensions, wanted 1 to 4" },
    { { 1, 300, 300 }, "relu r", INK_ERR_LIMIT,
      "the output has 90000 elements, the limit is 65536" },
    { { 0, 5, 5 }, "relu r", INK_ERR_SHAPE,
      "input shape: found 0x5x5, wanted sizes from 1 to 65536" },
    { { 1, 65537, 5 }, "relu r", INK_ERR_SHAPE, "input shape: found 1x65537x5" },
};

/* The same bytes of error text whatever was in the struct before, and nothing half made. */
static void bad_networks_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(bads); i++) {
        net n = net_make(bads[i].dim, bads[i].text);
        ink_model *model;
        ink_error error;
        memset(&error, 'x', sizeof error);
        const ink_status got = net_open(&n, NULL, &model, &error);
        if (got != bads[i].status || !memchr(error.text, 0, sizeof error.text) ||
            !strstr(error.text, bads[i].words))
            fail_msg("'%s' gives %d (%.496s), wanted %d (%s)", bads[i].text, got,
                     got ? error.text : "", bads[i].status, bads[i].words);
        check_error(got, &error, bads[i].status, bads[i].words);
        assert_int_equal(net_open(&n, NULL, &model, NULL), bads[i].status);
        net_free(&n);
    }
    printf("%zu networks refused\n", CHECK_COUNT(bads));
}

/* Sixty-four inputs are taken, one more is not. */
static void inputs_are_counted(void **state)
{
    (void)state;
    for (size_t count = 64; count <= 65; count++) {
        char text[300] = "concat c <input";
        for (size_t i = 1; i < count; i++)
            strcat(text, ",r");
        char whole[400];
        snprintf(whole, sizeof whole, "relu r; %s", text);
        net n = net_make((uint32_t[]){ 1, 2, 2 }, whole);
        ink_model *model;
        ink_error error;
        check_error(net_open(&n, NULL, &model, &error), &error, count == 64 ? INK_OK : INK_ERR_LIMIT,
                    "node 'c': more than 64 inputs");
        if (model)
            assert_int_equal(ink_model_get_info(model)->classes, 256);
        ink_model_close(&model);
        net_free(&n);
    }
}

/* ---- attributes as text ---- */

static const struct {
    const char *op, *text;
    const char *words; /* of the error, or NULL */
    const char *canonical; /* what the node then says, where it is good */
} attributes[] = {
    { "avg_pool2d", "kernel", "node 'p': found 'kernel', wanted attribute=value", NULL },
    { "avg_pool2d", "=3", "node 'p': found '', wanted attribute=value", NULL },
    { "avg_pool2d", "kernel=3 3", "found '3', wanted attribute=value", NULL },
    { "avg_pool2d", "kernel =3", "found 'kernel', wanted attribute=value", NULL },
    { "avg_pool2d", "a_name_of_far_more_than_any_attribute=1", "wanted attribute=value", NULL },
    { "avg_pool2d", "kernel=", "attribute 'kernel' has the value ''", NULL },
    { "avg_pool2d", "kernel=a", "attribute 'kernel' has the value 'a', wanted at most 4 numbers",
      NULL },
    { "avg_pool2d", "kernel=nan", "has the value 'nan'", NULL },
    { "avg_pool2d", "kernel=inf", "has the value 'inf'", NULL },
    { "avg_pool2d", "kernel=-", "attribute 'kernel' has the value '-'", NULL },
    { "avg_pool2d", "kernel=.", "attribute 'kernel' has the value '.'", NULL },
    { "avg_pool2d", "kernel=e3", "has the value 'e3'", NULL },
    { "avg_pool2d", "kernel=3,", "attribute 'kernel' has the value ''", NULL },
    { "avg_pool2d", "kernel=,3", "has the value ',3'", NULL },
    { "avg_pool2d", "kernel=3x", "attribute 'kernel' is followed by 'x', wanted a space", NULL },
    { "avg_pool2d", "kernel=3;", "is followed by ';'", NULL },
    { "avg_pool2d", "kernel=3e", "is followed by 'e'", NULL },
    { "avg_pool2d", "kernel=0x3", "is followed by 'x3'", NULL },
    { "avg_pool2d", "kernel=3,3,3", "attribute 'kernel' has 3 values, wanted 1 or 2", NULL },
    { "avg_pool2d", "kernel=3 padding=1,1,1", "attribute 'padding' has 3 values, wanted 1, 2 or 4",
      NULL },
    { "avg_pool2d", "kernel=3 padding=1,1,1,1,1", "wanted at most 4 numbers", NULL },
    { "avg_pool2d", "kernel=3 ceil=1,1", "attribute 'ceil' has 2 values, wanted 1", NULL },
    { "avg_pool2d", "kernel=3 kernel=3", "node 'p': attribute 'kernel' is given twice", NULL },
    { "avg_pool2d", "kernel=3 stride=1 stride=2", "attribute 'stride' is given twice", NULL },
    { "avg_pool2d", "size=3",
      "node 'p': found attribute 'size', it takes kernel, stride, padding, ceil, count_padding",
      NULL },
    { "avg_pool2d", "KERNEL=3", "found attribute 'KERNEL'", NULL },
    { "avg_pool2d", "kernel=3 alpha=1", "found attribute 'alpha'", NULL },
    { "avg_pool2d", "kernel=2.5", "attribute 'kernel' is 2.5, wanted an integer from 1 to 1024",
      NULL },
    { "avg_pool2d", "kernel=0", "attribute 'kernel' is 0, wanted an integer from 1 to 1024", NULL },
    { "avg_pool2d", "kernel=-3", "attribute 'kernel' is -3", NULL },
    { "avg_pool2d", "kernel=1025", "attribute 'kernel' is 1025", NULL },
    { "avg_pool2d", "kernel=1e999", "attribute 'kernel' is inf", NULL },
    { "avg_pool2d", "kernel=4294967297", "attribute 'kernel' is 4.29497e+09", NULL },
    { "avg_pool2d", "kernel=3 ceil=2", "attribute 'ceil' is 2, wanted an integer from 0 to 1",
      NULL },
    { "avg_pool2d", "kernel=3 ceil=0.5", "attribute 'ceil' is 0.5", NULL },
    { "avg_pool2d", "kernel=3 ceil=yes", "attribute 'ceil' has the value 'yes'", NULL },
    { "avg_pool2d", "", "attribute 'kernel' is missing", NULL },
    { "leaky_relu", "alpha=0.1,0.2", "attribute 'alpha' has 2 values, wanted 1", NULL },
    { "leaky_relu", "alpha=1e400", "attribute 'alpha' is inf", NULL },
    { "flatten", "axis=1", "found attribute 'axis', it takes none", NULL },

    { "avg_pool2d", "kernel=3", NULL, "kernel=3,3" },
    { "avg_pool2d", "  \tkernel=3,3\n", NULL, "kernel=3,3" },
    { "avg_pool2d", "kernel=+3", NULL, "kernel=3,3" },
    { "avg_pool2d", "kernel=3.0,3.", NULL, "kernel=3,3" },
    { "avg_pool2d", "kernel=30e-1,.3e1", NULL, "kernel=3,3" },
    { "avg_pool2d", "kernel=0.03E+2", NULL, "kernel=3,3" },
    { "avg_pool2d", "stride=3 kernel=3", NULL, "kernel=3,3" },
    { "avg_pool2d", "kernel=3,2 stride=2", NULL, "kernel=3,2 stride=2,2" },
    { "avg_pool2d", "kernel=3 stride=1,3", NULL, "kernel=3,3 stride=1,3" },
    { "avg_pool2d", "kernel=3 padding=1,2", NULL, "kernel=3,3 padding=1,2,1,2" },
    { "avg_pool2d", "kernel=3 padding=0,1,2,1 ceil=1 count_padding=1", NULL,
      "kernel=3,3 padding=0,1,2,1 ceil=1 count_padding=1" },
    { "avg_pool2d", "kernel=3 ceil=0 count_padding=0 padding=0", NULL, "kernel=3,3" },
    { "leaky_relu", "", NULL, "" },
    { "leaky_relu", "alpha=0.01", NULL, "" },
    { "leaky_relu", "alpha=-.5", NULL, "alpha=-0.5" },
    { "leaky_relu", "alpha=1e-3", NULL, "alpha=0.001" }, /* the float nearest to it */
    { "leaky_relu", "alpha=0.001", NULL, "alpha=0.001" },
    { "leaky_relu", "alpha=-1e6", NULL, "alpha=-1000000" },
    { "leaky_relu", "alpha=0.33333333333333333333", NULL, "alpha=0.33333334" },
    { "permute", "order=2,0,1", NULL, "order=2,0,1" },
    { "reshape", "shape=-1,6", NULL, "shape=-1,6" },
    { "gelu", "approximate=1", NULL, "approximate=1" },
    { "dropout", "rate=0.5", NULL, "" },
    { "concat", "axis=-1", NULL, "axis=-1" },
};

static ink_status open_one(const char *op, const char *text, ink_model **model, ink_error *error)
{
    ink_builder *builder = NULL;
    *model = NULL;
    ink_status status = ink_builder_open(NULL, 2, 6, 6, 1, 0, &builder, error);
    if (!status)
        status = ink_builder_node(builder, op, "p", NULL, text, error);
    if (!status)
        status = ink_builder_model(builder, NULL, model, error);
    ink_builder_close(&builder);
    return status;
}

static void attributes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(attributes); i++) {
        const char *op = attributes[i].op, *text = attributes[i].text, *words = attributes[i].words;
        ink_model *model;
        ink_error error;
        const ink_status got = open_one(op, text, &model, &error);
        if (got != (words ? INK_ERR_ATTRIBUTE : INK_OK) || (words && !strstr(error.text, words)))
            fail_msg("'%s' gives %d (%s), wanted: %s", text, got, got ? error.text : "",
                     words ? words : "nothing wrong");
        if (got)
            continue;
        char said[400];
        snprintf(said, sizeof said, "%s", ink_model_node(model, 0)->attributes);
        ink_model_close(&model);
        if (strcmp(said, attributes[i].canonical) != 0)
            fail_msg("'%s' is told as '%s', wanted '%s'", text, said, attributes[i].canonical);
        /* What a node says of itself can be given to the builder again. */
        check_error(open_one(op, said, &model, &error), &error, INK_OK, NULL);
        assert_string_equal(ink_model_node(model, 0)->attributes, said);
        ink_model_close(&model);
    }
}

/* ---- limits ---- */

static const char cnn[] =
    "conv2d conv1 weight:32,1,3,3 bias:32; relu relu1; max_pool2d pool1 kernel=2; "
    "conv2d conv2 weight:64,32,3,3 bias:64; relu relu2; max_pool2d pool2 kernel=2; flatten flatten; "
    "dropout dropout; dense dense weight:10,1600 bias:10; softmax softmax";

static ink_status open_limited(const char *text, uint64_t memory, uint64_t macs, ink_model **model,
                               ink_error *error)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.cpu = check_only_cpu();
    options.max_memory = memory;
    options.max_macs = macs;
    options.output = INK_OUTPUT_AS_WRITTEN;
    net n = net_make((uint32_t[]){ 1, 28, 28 }, text);
    const ink_status status = net_open(&n, &options, model, error);
    net_free(&n);
    return status;
}

/* The smallest limit that a network opens with, by halving; one less is refused with these words. */
static uint64_t smallest_limit(const char *text, bool memory, const char *words)
{
    uint64_t refused = 0, taken = UINT64_C(1) << 40;
    ink_model *model;
    ink_error error;
    while (taken - refused > 1) {
        const uint64_t limit = refused + (taken - refused) / 2;
        if (open_limited(text, memory ? limit : 0, memory ? 0 : limit, &model, &error))
            refused = limit;
        else
            taken = limit;
        ink_model_close(&model);
    }
    check_error(open_limited(text, memory ? refused : 0, memory ? 0 : refused, &model, &error), &error,
                INK_ERR_LIMIT, words);
    return taken;
}

/* Multiply-adds, elements written, and elements that poolings read, all count. */
static void operations_are_limited(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t operations;
        const char *words;
    } rows[] = {
        { "relu r", 784, "node 'r' (relu): an image takes more than the limit of 783 operations" },
        { "dense d weight:5,28", 28 * 5 + 28 * 5 * 28, "node 'd' (dense)" },
        { "conv2d c weight:4,1,3,3", 26 * 26 * 4 + 26 * 26 * 4 * 9, "node 'c' (conv2d)" },
        { "max_pool2d p kernel=5 stride=1", 24 * 24 + 24 * 24 * 25, "node 'p' (max_pool2d)" },
        { "global_avg_pool2d p", 1 + 784, "node 'p' (global_avg_pool2d)" },
        { "relu r; relu s; max_pool2d p kernel=28", 784 + 784 + 1 + 784, "node 'p' (max_pool2d)" },
    };
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        const uint64_t found = smallest_limit(rows[i].text, false, rows[i].words);
        if (found != rows[i].operations)
            fail_msg("'%s' takes %llu operations, wanted %llu", rows[i].text,
                     (unsigned long long)found, (unsigned long long)rows[i].operations);
    }
}

static void check_limited(const char *text, uint64_t memory, const char *words)
{
    ink_model *model;
    ink_error error;
    check_error(open_limited(text, memory, 0, &model, &error), &error, INK_ERR_LIMIT, words);
}

static void memory_is_limited(void **state)
{
    (void)state;
    const uint64_t picture = 28 * 28 * sizeof(float);
    /* The picture and the output, in one place or two. */
    assert_int_equal(smallest_limit("flatten f", true, "over the limit of 3135 bytes an image"), picture);
    assert_int_equal(smallest_limit("relu r", true, "node 'r' (relu): its output 1x28x28 is over the "
                                                    "limit"), picture);
    assert_int_equal(smallest_limit("softmax s; add t <s,input", true, "one image needs 6272 bytes, the "
                                                                       "limit is 6271"), 2 * picture);
    check_limited("pad p padding=1000; global_avg_pool2d q", 10000000,
                  "node 'p' (pad): its output 1x2028x2028 is over the limit of 10000000 bytes an image");
    /* The copy of the input with its border. */
    check_limited("conv2d c padding=500 stride=500 weight:1,1,1,1", 1000000,
                  "node 'c' (conv2d): its padded input of 1056784 elements is over the limit of memory");
    /* Packed weights, and the whole network: what it says that it needs is what it needs. */
    static const struct {
        const char *text, *words;
    } rows[] = {
        { "conv2d c weight:1000,1,28,28; global_max_pool2d p", "packed weights are over the limit" },
        { "flatten f; dense d weight:1000,784", "packed weights are over the limit" },
        { "conv2d c weight:32,1,3,3; max_pool2d p kernel=2 stride=1", "one image needs" },
        { cnn, NULL },
    };
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        const uint64_t limit = smallest_limit(rows[i].text, true, rows[i].words);
        ink_model *model;
        ink_error error;
        check_error(open_limited(rows[i].text, limit, 0, &model, &error), &error, INK_OK, NULL);
        const ink_model_info *info = ink_model_get_info(model);
        uint64_t scratch = 0;
        for (size_t k = 0; k < info->steps; k++)
            scratch = ink_model_step(model, k)->scratch_bytes > scratch ? ink_model_step(model, k)->scratch_bytes
                                                                        : scratch;
        assert_int_equal(limit, info->packed_bytes > info->image_bytes + scratch ? info->packed_bytes
                                                                                 : info->image_bytes + scratch);
        ink_model_close(&model);
    }
}

/* Sizes that overflow on the way must not come out small. */
static void products_do_not_overflow(void **state)
{
    (void)state;
    static const struct {
        uint32_t dim[3];
        const char *text;
        const char *words;
    } rows[] = {
        { { 65536, 65536, 65536 }, "relu r", "node 'r' (relu)" },
        { { 65536, 65536, 65536 }, "global_max_pool2d p", "node 'p' (global_max_pool2d)" },
        { { 65536, 65536, 65536 }, "flatten f", "node 'f' (flatten)" },
        { { 65536, 65536, 65536 }, "max_pool2d p kernel=1024", "" },
        { { 256, 65536, 65536 }, "max_pool2d p kernel=1024 stride=1", "" },
        { { 1, 65536, 65536 }, "pad p padding=1024", "node 'p' (pad)" },
        { { 1, 65536, 65536 }, "conv2d c padding=1024 weight:300,1,1,1", "node 'c' (conv2d)" },
        { { 1, 65536, 65536 }, "global_avg_pool2d p", "" },
        { { 65536, 65536, 1 }, "concat c <input,input,input", "" },
    };
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        net n = net_make(rows[i].dim, rows[i].text);
        ink_model *model;
        ink_error error;
        const ink_status got = net_open(&n, NULL, &model, &error);
        if (got != INK_ERR_LIMIT || !strstr(error.text, rows[i].words))
            fail_msg("'%s' of %ux%ux%u gives %d (%s), wanted a limit", rows[i].text, rows[i].dim[0],
                     rows[i].dim[1], rows[i].dim[2], got, got ? error.text : "");
        net_free(&n);
    }
}

/* ---- what the output options add ---- */

static void outputs_end_as_asked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written, *probabilities; /* the steps' names */
    } rows[] = {
        { "flatten f; dense d weight:5,784", "d", "d probabilities" },
        { "flatten f; dense d weight:5,784; relu r", "r", "r probabilities" },
        { "flatten f; dense d weight:5,784; softmax s", "d s", "d s" },
        { "flatten f; dense d weight:5,784; sigmoid s", "d s", "d s" },
        { "flatten f; dense d weight:5,784; softmax s; dropout x; reshape r shape=5,1", "d s", "d s" },
        { "flatten f; dense d weight:5,784; log_softmax s", "d s", "d s probabilities" },
        { "flatten f; dense d weight:5,784; softmax s; relu r", "d s r", "d s r probabilities" },
        { "flatten f; dropout x", "", "probabilities" },
    };
    for (size_t i = 0; i < CHECK_COUNT(rows); i++)
        for (size_t which = 0; which < 2; which++) {
            const char *want = which ? rows[i].probabilities : rows[i].written;
            ink_model_options options = INK_MODEL_OPTIONS_INIT;
            options.output = which ? INK_OUTPUT_PROBABILITIES : INK_OUTPUT_AS_WRITTEN;
            net n = net_make((uint32_t[]){ 1, 28, 28 }, rows[i].text);
            ink_model *model;
            ink_error error;
            char names[200] = "";
            check_error(net_open(&n, &options, &model, &error), &error, INK_OK, NULL);
            for (size_t k = 0; k < ink_model_get_info(model)->steps; k++) {
                strcat(names, k ? " " : "");
                strcat(names, ink_model_step(model, k)->name);
            }
            if (strcmp(names, want) != 0)
                fail_msg("'%s' with output %zu has the steps '%s', wanted '%s'", rows[i].text, which,
                         names, want);
            assert_int_equal(ink_model_get_info(model)->nodes, n.node_count);
            ink_model_close(&model);
            net_free(&n);
        }
}

/* ---- the plan of the cnn ---- */

static void activations_share_memory(void **state)
{
    (void)state;
    ink_model *model;
    ink_error error;
    uint64_t sum = 784 * sizeof(float), pair = 0, before = sum;
    check_error(open_limited(cnn, 0, 0, &model, &error), &error, INK_OK, NULL);
    const ink_model_info *info = ink_model_get_info(model);
    assert_int_equal(info->steps, 4);
    for (size_t i = 0; i < info->steps; i++) {
        const uint64_t bytes = ink_model_step(model, i)->bytes;
        sum += bytes;
        pair = bytes + before > pair ? bytes + before : pair;
        before = bytes;
    }
    /* A chain needs what the largest step reads and writes, and the plan comes to just that. */
    assert_int_equal(pair, (32 * 13 * 13 + 64 * 5 * 5) * sizeof(float));
    assert_true(info->image_bytes < sum);
    assert_int_equal(info->image_bytes, (pair + 63) / 64 * 64);
    ink_model_close(&model);
}

/* ---- drawings ---- */

static ink_buffer draw(const ink_model *model, ink_dot what)
{
    ink_buffer text;
    ink_error error;
    check_error(ink_model_dot(model, what, NULL, &text, &error), &error, INK_OK, NULL);
    assert_int_equal(strlen(text.data), text.size);
    return text;
}

static void drawings_do_not_change(void **state)
{
    (void)state;
    for (ink_dot what = INK_DOT_GRAPH; what <= INK_DOT_PLAN; what++) {
        ink_model *models[2];
        ink_error error;
        ink_buffer texts[3];
        for (size_t i = 0; i < 2; i++)
            check_error(open_limited(cnn, 0, 0, &models[i], &error), &error, INK_OK, NULL);
        texts[0] = draw(models[0], what);
        texts[1] = draw(models[1], what); /* at other addresses */
        texts[2] = draw(models[0], what);
        assert_string_equal(texts[0].data, texts[1].data);
        assert_string_equal(texts[0].data, texts[2].data);
        for (const char *at = texts[0].data; (at = strstr(at, "0x")); at++) /* "10x1600" is a shape */
            assert_true(isdigit((unsigned char)at[-1]));
        assert_ptr_equal(strstr(texts[0].data, "digraph inkling {"), texts[0].data);
        assert_string_equal(texts[0].data + texts[0].size - 3, "\n}\n");
        const size_t count = what == INK_DOT_GRAPH ? ink_model_get_info(models[0])->nodes
                                                   : ink_model_get_info(models[0])->steps;
        for (size_t i = 1; i <= count + 1; i++) { /* each is there, with an edge to it, and no more */
            char node[32], edge[32];
            snprintf(node, sizeof node, "\n  n%zu [", i);
            snprintf(edge, sizeof edge, " -> n%zu;", i);
            assert_int_equal(strstr(texts[0].data, node) != NULL, i <= count);
            assert_int_equal(strstr(texts[0].data, edge) != NULL, i <= count);
        }
        for (size_t i = 0; i < 3; i++)
            ink_buffer_close(&texts[i]);
        for (size_t i = 0; i < 2; i++)
            ink_model_close(&models[i]);
    }
}

/* A name may hold what would end a label, or the line. */
static void drawings_quote_names(void **state)
{
    (void)state;
    net n = net_make((uint32_t[]){ 1, 2, 2 }, "relu a\"b\\c\x01");
    ink_model *model;
    ink_error error;
    check_error(net_open(&n, NULL, &model, &error), &error, INK_OK, NULL);
    for (ink_dot what = INK_DOT_GRAPH; what <= INK_DOT_PLAN; what++) {
        ink_buffer text = draw(model, what);
        assert_non_null(strstr(text.data, "a\\\"b\\\\c?"));
        ink_buffer_close(&text);
    }
    ink_model_close(&model);
    net_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_networks_are_refused),
        cmocka_unit_test(inputs_are_counted),
        cmocka_unit_test(attributes_are_read),
        cmocka_unit_test(operations_are_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(products_do_not_overflow),
        cmocka_unit_test(outputs_end_as_asked),
        cmocka_unit_test(activations_share_memory),
        cmocka_unit_test(drawings_do_not_change),
        cmocka_unit_test(drawings_quote_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
