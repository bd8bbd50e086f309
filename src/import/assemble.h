/* A network as text and a list of weights, made one. */
#ifndef INK_ASSEMBLE_H
#define INK_ASSEMBLE_H

#include "import/weights.h"

/* Gives each node of the text the weights that are called after it, by PyTorch's names: "conv1.weight", "conv1.bias",
 * "bn1.running_mean"; what has no layer in its name belongs to INK_WEIGHT_UNNAMED. `name` is the text's, for errors;
 * `classes` is what that word stands for. The builder is closed by the caller.
 * Errors: those of ink_network_open and ink_builder_tensor. What is left over or missing is told by
 * ink_builder_model. */
ink_status ink_assemble(const char *text, size_t size, const char *name, uint32_t classes, const ink_weight *weights,
                        size_t count, ink_builder **out, ink_error *error);

#endif
