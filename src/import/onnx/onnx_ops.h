/* Operators of ONNX that compute, as nodes of a draft; see the table in onnx.c. Each is called when all inputs that
 * it needs are there and the first, or one of the first two, is computed from the picture. */
#ifndef INK_ONNX_OPS_H
#define INK_ONNX_OPS_H

#include "import/onnx/onnx_graph.h"

void ink_onnx_op_conv(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_gemm(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_matmul(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_pool(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_global_pool(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_reduce(ink_onnx *x, const ink_onnx_node *node);

/* onnx_elements.c */
void ink_onnx_op_batch_norm(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_activation(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_neg(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_selu(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_hard_sigmoid(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_prelu(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_clip(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_softmax(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_arithmetic(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_sum(ink_onnx *x, const ink_onnx_node *node);

#endif
