/* The graph of a pickled torch.nn.Sequential: its order, and the classes and attributes of what is in it, say all. A
 * class that is not torch.nn's has its forward in a program that is not in the file. */
#ifndef INK_MODULE_GRAPH_H
#define INK_MODULE_GRAPH_H

#include "import/chain.h"
#include "import/draft.h"
#include "import/torch/torch_state.h"

/* Is the model a Sequential of torch.nn's classes alone? */
bool ink_module_has_graph(const ink_torch_state *state);

/* Fills the draft, which is as ink_draft_init made it, but for its scaling; faults are told by ink_draft_finish.
 * Errors: INK_ERR_SHAPE where no size of picture fits; INK_ERR_FORMAT; INK_ERR_LIMIT; INK_ERR_MEMORY; those of
 * ink_torch_tensor. */
ink_status ink_module_draft(ink_torch_file *file, const ink_torch_state *state, ink_draft *draft, ink_error *error);

/* For a module whose forward is not in the file: its attributes say what convolutions and norms do, and where all
 * activations, or all pools, are of one kind, that it is this one; so `chain` has less to guess.
 * Errors: INK_ERR_MEMORY. */
ink_status ink_module_hints(const ink_torch_state *state, ink_arena *arena, ink_chain *chain, ink_error *error);

#endif
