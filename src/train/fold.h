/* A trained network as it is run: without what only training needs. */
#ifndef INK_FOLD_H
#define INK_FOLD_H

#include "graph/tape.h"

/* Copies the tape's graph into `out`, whose arena is `arena`, with float32 tensors from the vector.
 * With `fold`, a batch norm behind a conv2d or dense layer is multiplied into its weights, and dropout is left
 * out. Errors: INK_ERR_MEMORY. */
ink_status ink_fold(const ink_tape *tape, const float *parameters, bool fold, ink_arena *arena, ink_graph *out,
                    ink_error *error);

#endif
