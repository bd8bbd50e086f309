#include "import/tflite/tflite_value.h"

#include <string.h>

/* ---- the table ---- */

/* `options` is the type of table that the schema gives the operator, 0 for those of which nothing is read; `run` is for
 * values, `fold` for numbers of shapes and for constants; `any_space`: pixels that are dealt out may come. */
static const struct layer {
    int32_t op;
    uint32_t options;
    ink_tflite_do *run, *fold;
    bool any_space;
} layers[] = {
    { INK_TFLITE_ADD, 11, ink_tflite_run_arithmetic, NULL, true },
    { INK_TFLITE_AVERAGE_POOL_2D, 5, ink_tflite_run_average_pool_2d, NULL, false },
    { INK_TFLITE_CONCATENATION, 10, ink_tflite_run_concatenation, ink_tflite_fold_concatenation, false },
    { INK_TFLITE_CONV_2D, 1, ink_tflite_run_conv_2d, NULL, true },
    { INK_TFLITE_DEPTHWISE_CONV_2D, 2, ink_tflite_run_depthwise_conv_2d, NULL, true },
    { INK_TFLITE_DEQUANTIZE, 0, NULL, ink_tflite_fold_dequantize, false },
    { INK_TFLITE_FULLY_CONNECTED, 8, ink_tflite_run_fully_connected, NULL, false },
    { INK_TFLITE_LOGISTIC, 0, ink_tflite_run_elements, NULL, true },
    { INK_TFLITE_MAX_POOL_2D, 5, ink_tflite_run_max_pool_2d, NULL, false },
    { INK_TFLITE_MUL, 21, ink_tflite_run_arithmetic, NULL, true },
    { INK_TFLITE_RELU, 0, ink_tflite_run_elements, NULL, true },
    { INK_TFLITE_RELU_N1_TO_1, 0, ink_tflite_run_clip, NULL, true },
    { INK_TFLITE_RELU6, 0, ink_tflite_run_clip, NULL, true },
    { INK_TFLITE_RESHAPE, 17, ink_tflite_run_reshape, NULL, false },
    { INK_TFLITE_SOFTMAX, 9, ink_tflite_run_softmax, NULL, false },
    { INK_TFLITE_TANH, 0, ink_tflite_run_elements, NULL, true },
    { INK_TFLITE_PAD, 0, ink_tflite_run_pad, NULL, false },
    { INK_TFLITE_GATHER, 0, NULL, ink_tflite_fold_gather, false },
    { INK_TFLITE_BATCH_TO_SPACE_ND, 0, ink_tflite_run_batch_to_space_nd, NULL, true },
    { INK_TFLITE_SPACE_TO_BATCH_ND, 0, ink_tflite_run_space_to_batch_nd, NULL, false },
    { INK_TFLITE_TRANSPOSE, 0, ink_tflite_run_transpose, NULL, false },
    { INK_TFLITE_MEAN, 27, ink_tflite_run_mean, NULL, false },
    { INK_TFLITE_SUB, 28, ink_tflite_run_arithmetic, NULL, true },
    { INK_TFLITE_DIV, 29, ink_tflite_run_arithmetic, NULL, true },
    { INK_TFLITE_SQUEEZE, 30, ink_tflite_run_squeeze, NULL, false },
    { INK_TFLITE_STRIDED_SLICE, 32, NULL, ink_tflite_fold_strided_slice, false },
    { INK_TFLITE_LOG_SOFTMAX, 0, ink_tflite_run_log_softmax, NULL, false },
    { INK_TFLITE_CAST, 0, ink_tflite_run_cast, ink_tflite_fold_cast, false },
    { INK_TFLITE_PRELU, 0, ink_tflite_run_prelu, NULL, false },
    { INK_TFLITE_MAXIMUM, 39, ink_tflite_run_bound, NULL, false },
    { INK_TFLITE_MINIMUM, 39, ink_tflite_run_bound, NULL, false },
    { INK_TFLITE_PADV2, 0, ink_tflite_run_pad, NULL, false },
    { INK_TFLITE_EXPAND_DIMS, 0, ink_tflite_run_expand_dims, NULL, false },
    { INK_TFLITE_SHAPE, 0, ink_tflite_shape, NULL, false },
    { INK_TFLITE_REDUCE_PROD, 27, NULL, ink_tflite_fold_reduce_prod, false },
    { INK_TFLITE_REDUCE_MAX, 27, ink_tflite_run_reduce_max, NULL, false },
    { INK_TFLITE_PACK, 0, NULL, ink_tflite_fold_pack, false },
    { INK_TFLITE_FILL, 0, NULL, ink_tflite_fold_fill, false },
    { INK_TFLITE_LEAKY_RELU, 75, ink_tflite_run_leaky_relu, NULL, true },
    { INK_TFLITE_ELU, 0, ink_tflite_run_elements, NULL, true },
    { INK_TFLITE_BATCH_MATMUL, 101, ink_tflite_run_batch_matmul, NULL, false },
    { INK_TFLITE_GELU, 116, ink_tflite_run_gelu, NULL, true },
    { INK_TFLITE_RELU_0_TO_1, 0, ink_tflite_run_clip, NULL, true },
};

static void refuse(ink_tflite_work *work)
{
    const ink_tflite_node *node = work->node;
    if (node->op == INK_TFLITE_CUSTOM && strncmp(node->custom, "Flex", 4) == 0)
        ink_tflite_fault(work, "the operator '%.60s' of TensorFlow, outside TensorFlow Lite, is not supported",
                         node->custom);
    else if (node->op == INK_TFLITE_CUSTOM)
        ink_tflite_fault(work, "the custom operator '%.60s' is not supported", node->custom);
    else
        ink_tflite_fault(work, "this operator is not supported: make the network of the layers that docs/operators.md "
                         "tells of");
}

/* The sizes that the file gives the output must be those that were found here. */
static void check_shape(ink_tflite_work *work)
{
    if (work->node->output < 0)
        return;
    const ink_tflite_value *value = &work->values[work->node->output];
    const ink_tflite_tensor *tensor = &work->file.tensors[work->node->output];
    if (value->kind != INK_TFLITE_VALUE || !tensor->rank || value->space)
        return;
    const uint32_t batch = !value->rows;
    bool fits = tensor->rank == value->rank + batch;
    for (uint32_t i = value->rows; fits && i < value->rank; i++)
        fits = tensor->dim[i + batch] == -1 || (uint64_t)tensor->dim[i + batch] == value->dim[i];
    if (!fits)
        ink_tflite_fault(work, "the file gives its output another shape than its inputs do");
}

static void check_size(ink_tflite_work *work)
{
    enum { MOST = 1 << 24 };
    ink_tflite_value *value = work->node->output >= 0 ? &work->values[work->node->output] : NULL;
    uint64_t elements = 1;
    if (!value || value->kind != INK_TFLITE_VALUE)
        return;
    for (uint32_t i = 0; i < value->rank; i++) {
        if (value->dim[i] > MOST || elements * value->dim[i] > MOST) {
            ink_tflite_fault(work, "it gives more than %d numbers", MOST);
            value->kind = INK_TFLITE_UNKNOWN;
            return;
        }
        elements *= value->dim[i];
    }
}

/* False when an input's fault was told already. */
static bool find_inputs(ink_tflite_work *work, bool *any_value, bool *any_space)
{
    *any_value = *any_space = false;
    for (uint32_t i = 0; i < work->node->input_count; i++) {
        const ink_tflite_value *value = ink_tflite_input(work, i);
        if (value && value->kind == INK_TFLITE_UNKNOWN)
            return false;
        if (value && value->kind == INK_TFLITE_VALUE) {
            const int32_t type = work->file.tensors[work->node->input[i]].type;
            *any_value = true;
            *any_space = *any_space || value->space;
            if (type != INK_TFLITE_FLOAT32 && work->node->op != INK_TFLITE_CAST) {
                ink_tflite_fault(work, "it computes with %s, wanted FLOAT32", ink_tflite_type_name(type));
                return false;
            }
        }
    }
    return true;
}

void ink_tflite_layer(ink_tflite_work *work)
{
    const ink_tflite_node *node = work->node;
    const struct layer *layer = NULL;
    bool any_value, any_space;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (layers[i].op == node->op)
            layer = &layers[i];
    if (!layer) {
        refuse(work);
        return;
    }
    if (!find_inputs(work, &any_value, &any_space))
        return;
    ink_tflite_do *run = any_value ? layer->run : layer->fold;
    if (layer->options && node->options_type && node->options_type != layer->options)
        ink_tflite_fault(work, "it has the options of another operator");
    else if (any_space && !layer->any_space)
        ink_tflite_fault(work, "it is not supported behind SPACE_TO_BATCH_ND");
    else if (!run)
        ink_tflite_fault(work, any_value ? "it is supported for sizes of shapes only, not for pictures"
                                         : "it computes with constants only");
    else {
        run(work);
        check_size(work);
        check_shape(work);
    }
}
