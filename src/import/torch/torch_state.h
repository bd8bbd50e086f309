/* The named tensors of a file of torch.save, whether it holds a state_dict, a checkpoint with one under a key, a whole
 * module, or TorchScript; and of modules their classes and attributes. */
#ifndef INK_TORCH_STATE_H
#define INK_TORCH_STATE_H

#include "import/torch/torch_file.h"

typedef struct ink_torch_module {
    const char *path;  /* "features.0"; "" is the whole */
    const char *class; /* "torch.nn.modules.conv.Conv2d" */
    const ink_pickle *attributes; /* a DICT: kernel_size, stride, p, ... */
} ink_torch_module;

typedef struct ink_torch_state {
    ink_weight *weights; /* in the file's order; tensors that stand there twice once, by their first names */
    size_t weight_count;
    ink_torch_module *modules; /* in the file's order, none for a state_dict */
    size_t module_count;
    const char *key; /* under which the tensors were, "" when they are all there is */
} ink_torch_state;

/* All is in the file's arena. Errors: INK_ERR_MISSING where there is no tensor, INK_ERR_LIMIT, and those of
 * ink_torch_tensor. */
ink_status ink_torch_state_read(ink_torch_file *file, ink_torch_state *state, ink_error *error);

#endif
