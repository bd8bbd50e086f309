/* The graph of a TorchScript archive: its forward method is followed with one picture that has a shape and no
 * pixels, and what it does to that picture becomes nodes of a draft.
 *
 * Modules are taken as after eval(). Only what image classifiers need is known: anything else is a fault that names
 * operation, file and line. Steps, memory and depth are limited, so that a script without end ends here. */
#ifndef INK_SCRIPT_GRAPH_H
#define INK_SCRIPT_GRAPH_H

#include "import/draft.h"
#include "import/torch/torch_file.h"

/* Does the archive hold a forward method of its root? */
bool ink_script_has_graph(ink_torch_file *file);

/* Fills the draft, which is as ink_draft_init made it, but for its scaling; faults are told by ink_draft_finish.
 * Errors: INK_ERR_FORMAT, INK_ERR_OP for what is no such script; INK_ERR_SHAPE where no size of picture fits;
 * INK_ERR_LIMIT; INK_ERR_MEMORY; those of ink_torch_tensor. */
ink_status ink_script_draft(ink_torch_file *file, ink_draft *draft, ink_error *error);

/* The same with the code of one file, "__torch__", given rather than in the archive. For tests. */
ink_status ink_script_draft_by(ink_torch_file *file, const char *name, const uint8_t *text, size_t size,
                               ink_draft *draft, ink_error *error);

#endif
