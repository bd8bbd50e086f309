/* The legacy .bin of ggml's 2023 MNIST example: a magic number, then tensors without names.
 * docs/formats.md, "The legacy .bin". */
#ifndef INK_GGML_BIN_H
#define INK_GGML_BIN_H

#include "base/memory.h"

enum { INK_GGML_BIN_TENSORS = 4 };

/* True when the bytes begin with the magic, in either byte order: ink_ggml_bin_read names a
 * big-endian file for what it is. */
bool ink_ggml_bin_is(const void *data, size_t size);

/* Reads fc1.weight, fc1.bias, fc2.weight, fc2.bias; names are constants, data points into the bytes
 * (and may be unaligned). Checks ranks (2, 1, 2, 1), dimensions against the bytes that are left,
 * and that nothing follows. Errors: INK_ERR_TRUNCATED, _MAGIC, _ENDIAN, _SHAPE, _TRAILING. */
ink_status ink_ggml_bin_read(const void *data, size_t size,
                             ink_tensor_info tensors[INK_GGML_BIN_TENSORS], ink_error *error);

/* Serialises four float32 tensors with those ranks. Errors: INK_ERR_MEMORY. */
ink_status ink_ggml_bin_write(const ink_tensor_info tensors[INK_GGML_BIN_TENSORS],
                              const ink_allocator *allocator, ink_buffer *out, ink_error *error);

#endif
