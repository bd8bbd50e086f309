/* Nodes of an ONNX graph whose inputs are all known, mostly arithmetic on shapes: computed while reading. */
#ifndef INK_ONNX_FOLD_H
#define INK_ONNX_FOLD_H

#include "import/onnx/onnx_graph.h"

/* Is it one of the operators that are computed here? */
bool ink_onnx_folds(const char *op);

/* Computes the node. `Shape` takes values that are no constants too; the number of pictures is INK_ONNX_BATCH then.
 * What cannot be computed becomes a fault of the node. Errors: INK_ERR_LIMIT, INK_ERR_MEMORY, and those of
 * ink_onnx_tensor_read. */
ink_status ink_onnx_fold(ink_onnx *x, const ink_onnx_node *node);

#endif
