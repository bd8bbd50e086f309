/* safetensors: the size of a JSON header in 8 bytes, the header, and the tensors one behind the other.
 * https://github.com/huggingface/safetensors tells the format. */
#ifndef INK_SAFETENSORS_H
#define INK_SAFETENSORS_H

#include "import/weights.h"

enum { INK_SAFETENSORS_MOST_HEADER = 16 << 20, INK_SAFETENSORS_MOST_FLOATS = 1 << 28 };

/* Does it begin as such a file does? */
bool ink_safetensors_is(const uint8_t *data, size_t size);

/* The tensors, in the order of their data, with what they hold in the arena. `*network` is the text that
 * `inkling convert` puts into __metadata__, or NULL.
 * Errors: INK_ERR_TRUNCATED, INK_ERR_FORMAT, INK_ERR_TYPE, INK_ERR_SHAPE, INK_ERR_LIMIT, INK_ERR_TRAILING,
 * INK_ERR_MEMORY; INK_ERR_OPEN in a build without jansson. */
ink_status ink_safetensors_read(const uint8_t *data, size_t size, ink_arena *arena, ink_weight **weights, size_t *count,
                                const char **network, ink_error *error);

#endif
