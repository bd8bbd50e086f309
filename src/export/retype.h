/* A model with its weights stored as another element type. */
#ifndef INK_RETYPE_H
#define INK_RETYPE_H

#include "inkling.h"

/* Writes the model in inkling's layout, tensors of rank 2 or more (the weights of convolutions and dense layers) as
 * `type`, INK_F32 or INK_F16; biases and batch norms stay as they are where they are one of these, and are INK_F32
 * else. To f16: rounded to nearest even. `out` is closed by the caller.
 * Errors: INK_ERR_NOT_FINITE where a weight is too large for f16, INK_ERR_MEMORY. */
ink_status ink_retype(const ink_model *model, ink_type type, const ink_allocator *allocator, ink_buffer *out,
                      ink_error *error);

#endif
