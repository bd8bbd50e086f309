/* Tensors of ONNX as numbers: whole ones exactly, for shapes are computed from them, all others as floats.
 * github.com/onnx/onnx, docs/IR.md and docs/ExternalData.md tell how they stand in a file. */
#ifndef INK_ONNX_TENSOR_H
#define INK_ONNX_TENSOR_H

#include "import/companion.h"
#include "import/weights.h"

#include <onnx.pb-c.h>

/* TensorProto.DataType. */
enum {
    INK_ONNX_FLOAT = 1, INK_ONNX_UINT8 = 2, INK_ONNX_INT8 = 3, INK_ONNX_INT16 = 5, INK_ONNX_INT32 = 6,
    INK_ONNX_INT64 = 7, INK_ONNX_BOOL = 9, INK_ONNX_FLOAT16 = 10, INK_ONNX_DOUBLE = 11, INK_ONNX_BFLOAT16 = 16,
};

/* Exactly one of `floats` and `whole` is set, but that a tensor without elements may have neither. */
typedef struct ink_onnx_tensor {
    uint32_t rank;
    uint64_t dim[INK_WEIGHT_DIMS], elements;
    bool is_whole;
    const float *floats;
    const int64_t *whole;
} ink_onnx_tensor;

/* What the tensors are read with. */
typedef struct ink_onnx_store {
    ink_arena *arena;
    const ink_companions *companions;
    uint64_t numbers_left; /* that all tensors together may still have */
    ink_error *error;
} ink_onnx_store;

/* Is it a type of floats here? */
bool ink_onnx_is_float(int32_t type);
/* Of floats, whole numbers and truth values, those that are read; false for others. */
bool ink_onnx_element(int32_t type, ink_element *element);

/* Asks for the companion in which the tensor lies, if it is one that is not given yet.
 * Errors: INK_ERR_FORMAT for a location that no companion may have. */
ink_status ink_onnx_tensor_ask(const InkOnnx__Tensor *from, const ink_onnx_store *store);

/* Its numbers, in the arena. Errors: INK_ERR_TYPE, INK_ERR_SHAPE, INK_ERR_FORMAT, INK_ERR_LIMIT, INK_ERR_OPEN,
 * INK_ERR_TRUNCATED for external data, INK_ERR_MEMORY. */
ink_status ink_onnx_tensor_read(const InkOnnx__Tensor *from, ink_onnx_store *store, ink_onnx_tensor *to);

/* Sets `elements` by the dimensions; false where these without the zeros among them are too many. So no part of the
 * dimensions has a product that is. */
bool ink_onnx_tensor_size(ink_onnx_tensor *tensor);

/* Makes room in `to`, whose rank, dimensions and kind are set: zeroed numbers, in `*floats` or `*whole`.
 * Errors: INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_onnx_tensor_make(ink_onnx_store *store, ink_onnx_tensor *to, float **floats, int64_t **whole);

/* The i-th number, whatever its kind. */
double ink_onnx_tensor_get(const ink_onnx_tensor *tensor, uint64_t i);

#endif
