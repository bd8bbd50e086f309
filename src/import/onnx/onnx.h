/* ONNX: a graph of operators and its weights, as protocol buffers. github.com/onnx/onnx tells the format (docs/IR.md)
 * and the operators (docs/Operators.md, docs/Changelog.md); of these versions 7 to 28 are read. */
#ifndef INK_ONNX_H
#define INK_ONNX_H

#include "import/companion.h"
#include "import/draft.h"

/* Does it begin as such a file does? It has no magic number: the first field is the version of the format. */
bool ink_onnx_is(const uint8_t *data, size_t size);

/* Fills the draft, whose arena holds all that is made. What is not supported becomes faults of the draft, and so does
 * a network that is no classifier of pictures; ink_draft_finish is called.
 * Errors: INK_ERR_TRUNCATED, INK_ERR_FORMAT, INK_ERR_MISSING without a graph, INK_ERR_VERSION, INK_ERR_TYPE,
 * INK_ERR_SHAPE, INK_ERR_GRAPH for a cycle, INK_ERR_LIMIT, INK_ERR_MEMORY, those of ink_draft_finish; INK_ERR_OPEN
 * where files with weights are wanted, or in a build without protobuf-c. */
ink_status ink_onnx_read(const uint8_t *data, size_t size, const ink_companions *companions, ink_draft *draft,
                         ink_error *error);

#endif
