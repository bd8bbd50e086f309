/* 3x3 and 5x5 convolutions of stride 1 by Winograd's minimal filtering: A. Lavin, S. Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2016 (arXiv:1509.09308). F(2x2, 3x3): a tile of 2x2 outputs takes 16 products for each pair of
 * channels where the convolution takes 36; F(4x4, 3x3): 4x4 outputs take 36 where it takes 144;
 * F(2x2, 5x5): 2x2 outputs take 36 where it takes 100. The transforms before and after are sums. Training goes by the
 * first alone. */
#ifndef INK_WINOGRAD_H
#define INK_WINOGRAD_H

#include "ops/op.h"

enum { INK_WINOGRAD_BLOCK = 48 }; /* tiles at once, at most */

typedef struct ink_winograd_sizes {
    size_t kernel;                 /* high and wide: 3 or 5 */
    size_t tile;                   /* outputs of a tile, high and wide: 2 or 4 */
    size_t channels, columns;      /* of the input and the output */
    size_t out_height, out_width;
    size_t in_width;               /* pixels of a row of the input as it lies; 0: those that the tiles read */
    bool pooled;                   /* a 2x2 max-pool of stride 2 takes the outputs; their sizes are even */
} ink_winograd_sizes;

struct ink_winograd {
    size_t kernel, tile, points;      /* products of a tile: 16 or 36 */
    size_t channels, columns;
    size_t in_height, in_width;       /* the input with its border: larger than the outputs in whole tiles by kernel - 1 */
    size_t out_height, out_width;     /* of the convolution; what is written is half of it if it is pooled */
    bool pooled;
    size_t tiles, block;              /* of an image; at once */
    size_t v_next, m_next;            /* from a point of the transformed inputs, or products, to the next */
    const uint32_t *in_offset, *out_offset; /* of each tile's corner, in elements */
    const uint8_t *inside;            /* so many of its columns are outputs, and 16 times so many rows */
    const ink_kernel *pack_kernel, *in_kernel, *product_kernel, *out_kernel, *back_kernel, *weight_kernel;
    float *packed, *zero;             /* [points] packed matrices, made by ink_winograd_pack; zeros for a bias */
    size_t matrix;                    /* floats of one */
};

/* Whether it pays in training, which transforms gradients too. */
bool ink_winograd_fits(size_t kernel_height, size_t kernel_width, size_t channels, size_t columns);
/* The tile, 2 or 4, with which a convolution of stride 1 costs least, or 0 where it costs less to compute its `pixels`
 * directly, or there is no way. */
size_t ink_winograd_tile(const ink_winograd_sizes *sizes, size_t pixels);

/* Makes one in the arena. Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
ink_status ink_winograd_prepare(ink_winograd **out, const ink_winograd_sizes *sizes, ink_prepare *p, ink_step *counted);
/* The weight of tap t, input channel c and output o is at w[t * tap_stride + c * depth_stride + o * column_stride]. */
void ink_winograd_pack(const ink_winograd *w, const float *weights, size_t tap_stride, size_t depth_stride,
                       size_t column_stride, bool turned);

/* A run over images, one after the other: x is [in_height, in_width, channels], y [out_height, out_width, columns], and
 * half as high and wide if pooled. The input may be overwritten when `add` returns; outputs are there after `end`. */
typedef struct ink_winograd_run {
    const ink_winograd *w;
    const float *bias;
    float slope;
    float *v, *m;
    size_t tiles, pieces; /* gathered so far: of images, from a tile on */
    struct {
        float *y;
        size_t tile, count;
    } piece[INK_WINOGRAD_BLOCK];
} ink_winograd_run;

/* Floats of scratch that a run needs. */
size_t ink_winograd_scratch(const ink_winograd *w);
void ink_winograd_begin(ink_winograd_run *run, const ink_winograd *w, const float *bias, float slope, float *scratch);
void ink_winograd_add(ink_winograd_run *run, const float *x, float *y);
void ink_winograd_end(ink_winograd_run *run);

/* The gradient of the weights, over several images. A block of images is transformed, then multiplied; what the
 * products sum up to becomes a gradient at the end. All lies in scratch. */
typedef struct ink_winograd_sums {
    float *v, *g, *sums; /* of the block's inputs and output gradients; [16, channels, columns] */
    size_t most, images; /* that a block has at most, and has now */
} ink_winograd_sums;

size_t ink_winograd_sums_scratch(const ink_winograd *w);
ink_winograd_sums ink_winograd_sums_begin(const ink_winograd *w, float *scratch);
/* One image: x as ink_winograd_add has it, dy [out_height, out_width, columns]. */
void ink_winograd_sums_add(const ink_winograd *w, ink_winograd_sums *s, const float *x, const float *dy);
/* Adds the gradient to [9, channels, columns]. */
void ink_winograd_sums_end(const ink_winograd *w, ink_winograd_sums *s, float *gradient);

#endif
