/* TensorFlow Lite's .tflite files, of float weights: see tflite_file.h for the format. */
#ifndef INK_TFLITE_H
#define INK_TFLITE_H

#include "import/draft.h"

/* Does it begin as such a file does? */
bool ink_tflite_is(const uint8_t *data, size_t size);

/* The network, into a draft that was begun.
 * Errors: INK_ERR_OP for layers that are not supported, INK_ERR_GRAPH for what is no classifier of pictures,
 * INK_ERR_FORMAT, INK_ERR_TRUNCATED, INK_ERR_VERSION, INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_tflite_read(const uint8_t *data, size_t size, ink_draft *draft, ink_error *error);

#endif
