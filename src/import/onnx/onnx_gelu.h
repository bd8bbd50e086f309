/* GELU written out: before version 20 ONNX had no operator for it, so exporters write x / 2 (1 + erf(x / sqrt 2)). */
#ifndef INK_ONNX_GELU_H
#define INK_ONNX_GELU_H

#include "import/onnx/onnx_graph.h"

/* Finds these formulas and makes the last node of each a Gelu of x, so that the others are not needed. To be called
 * before ink_onnx_graph_sort. Errors: those of ink_onnx_tensor_read. */
ink_status ink_onnx_find_gelus(ink_onnx *x);

#endif
