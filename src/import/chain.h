/* Guesses at the network behind a list of weights.
 *
 * A state_dict has no graph. But most that people have are chains: convolutions, then dense layers, with batch norms
 * behind them, in the order of the file. What the weights do not say is how convolutions are padded and where pools
 * stand; few ways of doing it make the sizes fit, and names like features.3 say how many layers have no weights
 * in between. A guess is a network as text (docs/networks.md), for a program or a person to check. */
#ifndef INK_CHAIN_H
#define INK_CHAIN_H

#include "import/weights.h"

enum { INK_CHAIN_LAYERS = 64, INK_CHAIN_GUESSES = 48 };

typedef enum ink_chain_kind { INK_CHAIN_CONV, INK_CHAIN_DENSE, INK_CHAIN_NORM } ink_chain_kind;

/* What a module's attributes say of a convolution; padding is top, left, bottom, right. */
typedef struct ink_chain_window {
    uint64_t stride[2], padding[4], dilation[2];
} ink_chain_window;

typedef struct ink_chain_pool {
    uint8_t kernel, stride, padding, ceil;
} ink_chain_pool;

typedef struct ink_chain_layer {
    const char *name; /* without ".weight" */
    ink_chain_kind kind;
    const ink_weight *weight, *bias, *mean, *variance; /* NULL where there is none */
    uint64_t in, out, height, width; /* of a group for convolutions; the kernel's */
    size_t norm; /* the index of the batch norm behind it; SIZE_MAX: none */
    const ink_chain_window *window; /* NULL: to be guessed */
    double epsilon;                 /* of a norm; 0: PyTorch's own */
} ink_chain_layer;

typedef struct ink_chain {
    ink_chain_layer layers[INK_CHAIN_LAYERS];
    size_t count;
    uint32_t side; /* of the input, which is side x side */
    uint32_t channels;
    size_t first_norm; /* the index of one before the first layer; SIZE_MAX: none */
    bool keras; /* the caller sets it: a flatten has channels last, and a batch norm Keras' epsilon */
    /* What modules say that are all alike; NULL: to be guessed. */
    const char *activation, *pool_op;
    const ink_chain_pool *pool;
} ink_chain;

typedef enum ink_chain_padding { INK_CHAIN_BARE, INK_CHAIN_HALF, INK_CHAIN_ONE } ink_chain_padding;

typedef struct ink_chain_guess {
    uint8_t padding[INK_CHAIN_LAYERS]; /* of a convolution: none, half its kernel, one pixel */
    bool strided[INK_CHAIN_LAYERS];    /* it takes every second pixel */
    bool pooled[INK_CHAIN_LAYERS];     /* a pool stands behind it */
    ink_chain_pool pool;
    /* what stands before the dense layers */
    enum { INK_CHAIN_FLAT, INK_CHAIN_GLOBAL_AVG, INK_CHAIN_GLOBAL_MAX, INK_CHAIN_AVG } end;
    uint32_t end_kernel[2];            /* of INK_CHAIN_AVG: an adaptive pool */
    int oddity;                        /* 0 is as most people do it */
} ink_chain_guess;

/* Where batch norms stand. */
typedef enum ink_chain_norms { INK_CHAIN_NORM_FIRST, INK_CHAIN_NORM_SECOND, INK_CHAIN_NORM_LAST } ink_chain_norms;

/* What is the same for all layers, by the words of the text form. */
typedef struct ink_chain_style {
    const char *activation, *pool; /* "relu", "max_pool2d" */
    double scale, offset;          /* x = pixel * scale + offset */
    ink_chain_norms norms;         /* before the activation, behind it, or behind the pool */
    bool pool_first;               /* before the activation */
    bool bare_convs, bare_dense;   /* no activation behind convolutions, behind dense layers */
    const char *remark;            /* other activations that may be right; NULL or "": none */
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
