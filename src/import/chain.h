/* Guesses at the network behind a list of weights.
 *
 * A state_dict has no graph. But most that people have are chains: convolutions, then dense layers, with batch norms
 * behind them, in the order of the file. What the weights do not say is how convolutions are padded and where pools
 * stand; few ways of doing it make the sizes fit, and names like features.3 say how many layers have no weights
 * in between. A guess is a network as text (docs/networks.md), for a program or a person to check. */
#ifndef INK_CHAIN_H
#define INK_CHAIN_H

#include "import/weights.h"

enum { INK_CHAIN_LAYERS = 64, INK_CHAIN_GUESSES = 32 };

typedef enum ink_chain_kind { INK_CHAIN_CONV, INK_CHAIN_DENSE, INK_CHAIN_NORM } ink_chain_kind;

typedef struct ink_chain_layer {
    const char *name; /* without ".weight" */
    ink_chain_kind kind;
    const ink_weight *weight, *bias, *mean, *variance; /* NULL where there is none */
    uint64_t in, out, height, width; /* of a group for convolutions; the kernel's */
    size_t norm; /* the index of the batch norm behind it; SIZE_MAX: none */
} ink_chain_layer;

typedef struct ink_chain {
    ink_chain_layer layers[INK_CHAIN_LAYERS];
    size_t count;
    uint32_t side; /* of the input, which is side x side */
    uint32_t channels;
    bool keras; /* the caller sets it: a flatten has channels last, and a batch norm Keras' epsilon */
} ink_chain;

typedef struct ink_chain_guess {
    bool padded[INK_CHAIN_LAYERS]; /* the convolution keeps the picture's size */
    bool pooled[INK_CHAIN_LAYERS]; /* a 2x2 pool stands behind it */
    enum { INK_CHAIN_FLAT, INK_CHAIN_GLOBAL_AVG, INK_CHAIN_GLOBAL_MAX } end; /* what comes before the dense layers */
    int oddity;                    /* 0 is as most people do it */
} ink_chain_guess;

/* What is the same for all guesses, by the words of the text form. */
typedef struct ink_chain_style {
    const char *activation, *pool; /* "relu", "max_pool2d" */
    double scale, offset;          /* x = pixel * scale + offset */
    bool norm_last;                /* batch norms stand behind the activation */
} ink_chain_style;

/* Groups the tensors into layers.
 * Errors: INK_ERR_OP, naming all tensors that belong to no layer of a chain; INK_ERR_GRAPH where the layers
 * make none; INK_ERR_LIMIT; INK_ERR_MEMORY. */
ink_status ink_chain_read(const ink_weight *weights, size_t count, ink_arena *arena, ink_chain *chain,
                          ink_error *error);

/* Outputs of the last layer. */
uint32_t ink_chain_classes(const ink_chain *chain);

/* The guesses whose sizes fit, the likeliest first; returns how many. */
size_t ink_chain_guess_all(const ink_chain *chain, ink_chain_guess guesses[INK_CHAIN_GUESSES]);

/* The guess as text. With `guess` NULL: a draft, with a remark where something is to be filled in. */
ink_status ink_chain_text(const ink_chain *chain, const ink_chain_guess *guess, const ink_chain_style *style,
                          const ink_allocator *allocator, ink_buffer *out, ink_error *error);

#endif
