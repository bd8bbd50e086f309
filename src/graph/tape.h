/* The tape: the graph made ready for training. It runs forward and keeps every value, then backward, giving
 * each parameter its gradient (reverse-mode differentiation). One tape serves any number of threads, each
 * with its own arena. */
#ifndef INK_TAPE_H
#define INK_TAPE_H

#include "graph/graph.h"

typedef enum ink_parameter_kind {
    INK_PARAMETER_WEIGHT,   /* trained, and what weight decay is for */
    INK_PARAMETER_BIAS,     /* trained: biases, and the scales of batch norms */
    INK_PARAMETER_STATISTIC /* measured: running means and variances */
} ink_parameter_kind;

typedef struct ink_tape_parameter {
    const ink_tensor_info *tensor;
    const ink_node *node;
    size_t index;       /* which of the node's parameters */
    size_t at, count;   /* its place in the vector of all parameters, in floats */
    ink_parameter_kind kind;
    bool written;       /* its gradient is written at once, not added to: nobody need zero it */
} ink_tape_parameter;

typedef struct ink_tape_value {
    size_t at, elements; /* of one image: n images begin at at * n */
    uint32_t storage;    /* the value in whose place it lies: itself but for a fused relu */
    bool wants_gradient;
} ink_tape_value;

typedef struct ink_tape_use {
    bool add; /* the gradient of this input is added to what is there already */
} ink_tape_use;

typedef struct ink_tape {
    const ink_graph *graph;
    const ink_kernel *relu_grad;
    size_t step_count;
    ink_tape_step *steps;
    size_t *saved_at;        /* by step, of one image */
    size_t *saved_once_at;   /* by step */
    ink_tape_use **uses;     /* by step and input */
    ink_tape_value *values;  /* by value */
    size_t parameter_count;  /* tensors */
    ink_tape_parameter *parameters;
    size_t parameter_floats;
    uint32_t logits;         /* the value that the loss takes: what a softmax at the end would have taken */
    size_t value_floats, largest_value, saved_floats, saved_once_floats, scratch_floats;
} ink_tape;

/* Makes the tape of a checked graph; its parts lie in the graph's arena.
 * Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
ink_status ink_tape_make(ink_tape *tape, const ink_graph *graph, ink_cpu cpu, const ink_limits *limits,
                         ink_error *error);

/* Floats of an arena for `images` at once. */
size_t ink_tape_arena_floats(const ink_tape *tape, size_t images);

/* Where element i of a parameter, counted as in a file, lies behind its place in the vector. */
static inline size_t ink_tape_place(const ink_tape_parameter *p, size_t i)
{
    return p->node->op->place ? p->node->op->place(p->node, p->index, i) : i;
}

/* Takes the parameters from the graph's tensors to the vector, and back to `floats` in the order of files. */
void ink_tape_import(const ink_tape *tape, float *parameters);
void ink_tape_export(const ink_tape *tape, const ink_tape_parameter *parameter, const float *parameters,
                     float *floats);

/* Packs the weights of step `step` for the kernels; to be done for all steps after each change. */
void ink_tape_pack(const ink_tape *tape, size_t step, const float *parameters);

typedef struct ink_tape_pass {
    float *arena;
    size_t images;          /* at most those that the arena was sized for */
    size_t capacity;        /* those */
    const float *parameters;
    float *gradients;       /* a vector as the parameters'; added to, but for those that are `written` */
    bool learning;
    uint64_t random;
} ink_tape_pass;

/* Where the picture goes, the logits come from, and their gradient goes. */
float *ink_tape_input(const ink_tape *tape, const ink_tape_pass *pass);
float *ink_tape_logits(const ink_tape *tape, const ink_tape_pass *pass);
float *ink_tape_logits_gradient(const ink_tape *tape, const ink_tape_pass *pass);

void ink_tape_forward(const ink_tape *tape, const ink_tape_pass *pass);
void ink_tape_backward(const ink_tape *tape, const ink_tape_pass *pass);

#endif
