/* A model as an ONNX file (github.com/onnx/onnx, docs/IR.md, docs/Operators.md), for onnxruntime and the like. */
#ifndef INK_ONNX_WRITE_H
#define INK_ONNX_WRITE_H

#include "inkling.h"

/* Version 13 of ONNX's operators, or 20 where a gelu wants it. The input is "input", float [N, C, H, W]: what the
 * network takes, so pixels are to be scaled before, x = pixel * scale + offset; these stand in metadata_props as
 * "inkling.input_scale" and "inkling.input_offset", beside "inkling.label.0" and so on and the model's own texts. The
 * output is float [N, classes], what the last node of the graph gives. Weights are named as inkling names them, and
 * are written as float32.
 * Errors: INK_ERR_LAYOUT for names that ONNX cannot hold; INK_ERR_LIMIT from 2 GiB on; INK_ERR_MEMORY; INK_ERR_OPEN
 * in a build without protobuf-c. */
ink_status ink_onnx_write(const ink_model *model, ink_buffer *out, ink_error *error);

#endif
