/* 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3): A. Lavin, S. Gray, "Fast Algorithms
 * for Convolutional Neural Networks", 2016 (arXiv:1509.09308). A tile of 2x2 outputs takes 16 products for each pair
 * of channels where the convolution takes 36; the transforms before and after are sums. */
#ifndef INK_WINOGRAD_H
#define INK_WINOGRAD_H

#include "ops/op.h"

struct ink_winograd {
    size_t channels, columns;         /* of the input and the output; 0: not used */
    size_t in_height, in_width;       /* the input with its border: two more than the outputs, rounded up to even */
    size_t out_height, out_width;
    size_t tiles;
    const uint32_t *in_offset, *out_offset; /* of each tile's corner, in elements */
    const uint8_t *inside;            /* bit 0: its right column is an output, bit 1: its lower row */
    const ink_kernel *in_kernel, *product_kernel, *out_kernel, *back_kernel, *weight_kernel;
    float *packed;                    /* [16] packed matrices, made by ink_winograd_pack */
    size_t matrix;                    /* floats of one */
};

/* Whether it pays: the products must be long enough for the transforms' sake. */
bool ink_winograd_fits(size_t kernel_height, size_t kernel_width, size_t channels, size_t columns);

/* Makes one in the arena. Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
ink_status ink_winograd_prepare(ink_winograd **out, size_t channels, size_t columns, size_t out_height,
                                size_t out_width, ink_prepare *p, ink_step *counted);
/* The weight of tap t, input channel c and output o is at w[t * tap_stride + c * depth_stride + o * column_stride]. */
void ink_winograd_pack(const ink_winograd *w, const float *weights, size_t tap_stride, size_t depth_stride,
                       size_t column_stride, bool turned);
/* Floats of scratch that a run needs. */
size_t ink_winograd_scratch(const ink_winograd *w);
/* One image: x is [in_height, in_width, channels], y [out_height, out_width, columns]. */
void ink_winograd_run(const ink_winograd *w, const float *x, const float *bias, float slope, float *y,
                      float *scratch);

/* The gradient of the weights, over several images. A block of images is transformed, then multiplied; what the
 * products sum up to becomes a gradient at the end. All lies in scratch. */
typedef struct ink_winograd_sums {
    float *v, *g, *sums; /* of the block's inputs and output gradients; [16, channels, columns] */
    size_t most, images; /* that a block has at most, and has now */
} ink_winograd_sums;

size_t ink_winograd_sums_scratch(const ink_winograd *w);
ink_winograd_sums ink_winograd_sums_begin(const ink_winograd *w, float *scratch);
/* One image: x as ink_winograd_run has it, dy [out_height, out_width, columns]. */
void ink_winograd_sums_add(const ink_winograd *w, ink_winograd_sums *s, const float *x, const float *dy);
/* Adds the gradient to [9, channels, columns]. */
void ink_winograd_sums_end(const ink_winograd *w, ink_winograd_sums *s, float *gradient);

#endif
