/* Values of an ONNX graph seen in other shapes and orders, and the operators that do nothing else. */
#ifndef INK_ONNX_VIEW_H
#define INK_ONNX_VIEW_H

#include "import/onnx/onnx_graph.h"

/* What a node of the draft gives, as it is. */
ink_onnx_view ink_onnx_plain(const char *node, ink_shape shape);

/* The same elements in row-major order under another shape of as many. */
void ink_onnx_reshape(ink_onnx *x, ink_onnx_view *view, ink_shape shape);
/* Axis i becomes what axis order[i] was. */
void ink_onnx_permute(ink_onnx *x, ink_onnx_view *view, const uint32_t *order);
/* Brings the axis to the front, and back. */
void ink_onnx_axis_first(ink_onnx *x, ink_onnx_view *view, uint32_t axis);
void ink_onnx_axis_back(ink_onnx *x, ink_onnx_view *view, uint32_t axis);

/* The draft's node that gives the value as ONNX sees it, with a node more where a change was pending. */
const char *ink_onnx_settle(ink_onnx *x, ink_onnx_view *view);

/* The value of input i, settled, with a picture's rank; NULL, and a fault, if it has another. */
ink_onnx_view *ink_onnx_picture(ink_onnx *x, const ink_onnx_node *node, size_t i);

/* Operators; see the table in onnx.c. */
void ink_onnx_op_same(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_cast_like(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_flatten(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_reshape(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_squeeze(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_unsqueeze(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_transpose(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_concat(ink_onnx *x, const ink_onnx_node *node);
void ink_onnx_op_pad(ink_onnx *x, const ink_onnx_node *node);

#endif
