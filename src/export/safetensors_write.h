/* A model's tensors as a safetensors file (github.com/huggingface/safetensors). */
#ifndef INK_SAFETENSORS_WRITE_H
#define INK_SAFETENSORS_WRITE_H

#include "inkling.h"

/* Tensors by their names, with PyTorch's parts ("bn1.running_mean"), so that a torch.nn.Module with layers of these
 * names loads them. "__metadata__" holds "inkling.network", the network as text with its scaling (docs/networks.md),
 * where its names can stand in one, and "inkling.label.0" and so on.
 * Errors: INK_ERR_LAYOUT for a name that is no UTF-8; INK_ERR_MEMORY. */
ink_status ink_safetensors_write(const ink_model *model, ink_buffer *out, ink_error *error);

#endif
