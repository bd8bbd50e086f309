/* A network that a reader is making from a file that holds its graph: nodes as text, and weights named after them. */
#ifndef INK_DRAFT_H
#define INK_DRAFT_H

#include "import/weights.h"

/* After a failure (no memory, an argument too long) it stays as it was, and ink_draft_finish tells; so a reader asks
 * once. Names and weights are in the arena. */
typedef struct ink_draft {
    ink_arena *arena;
    uint32_t channels, height, width; /* of the picture; the reader sets them */
    bool scaling_known;               /* x = pixel * scale + offset stands in the file */
    double scale, offset;
    ink_text nodes, faults;
    size_t node_count, fault_count;
    ink_weight *weights;
    size_t weight_count, weight_room;
    const char **names;
    size_t name_room;
    ink_status status;
    char reason[200];
} ink_draft;

void ink_draft_init(ink_draft *draft, ink_arena *arena);
void ink_draft_free(ink_draft *draft);

/* Adds a node, and gives the name by which others take its output: `wanted` without what a text cannot hold, and
 * with a number if it is taken; NULL: the operator's name. `inputs` are such names, separated by commas, or "input",
 * the picture. `attributes` are those of docs/operators.md, as of printf: "kernel=%u,%u padding=%u". Values of type
 * float are exact with %.9g. Never NULL. */
const char *ink_draft_node(ink_draft *draft, const char *op, const char *wanted, const char *inputs,
                           const char *attributes, ...) INK_PRINTF(5, 6);

/* Adds the tensor `part` ("weight", "bias", "mean", "variance") of a node, zeroed, and gives it to be filled. Shapes
 * are inkling's: a convolution's weight is O, I / groups, KH, KW, a dense layer's O, I. NULL without memory, which
 * is remembered. */
float *ink_draft_tensor(ink_draft *draft, const char *node, const char *part, uint32_t rank, const uint64_t *dim);

/* Notes something that is not supported, with where it stands and what to do instead, as one line without its end:
 * "layer 'lstm_1' (LSTM): recurrent layers are not supported; ...". All are told at the end. */
void ink_draft_fault(ink_draft *draft, const char *format, ...) INK_PRINTF(2, 3);

/* Errors: INK_ERR_OP, where there are faults; INK_ERR_MEMORY; INK_ERR_GRAPH without a node. */
ink_status ink_draft_finish(ink_draft *draft, ink_error *error);

/* The whole text with its line `input`, x = pixel * scale + offset. */
ink_status ink_draft_text(const ink_draft *draft, double scale, double offset, const ink_allocator *allocator,
                          ink_buffer *out, ink_error *error);

#endif
