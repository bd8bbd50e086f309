/* What the parts of conv2d's training share. */
#ifndef INK_CONV2D_TRAIN_H
#define INK_CONV2D_TRAIN_H

#include "ops/op.h"

typedef struct ink_conv_sizes {
    size_t channels, height, width, padded_height, padded_width;
    size_t out, out_height, out_width, groups, taps, depth, columns; /* a group's depth and columns; of a pooled
                                                                        one, the pixels that the pool reads */
    size_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
    size_t pad_top, pad_left;
    size_t back_height, back_width; /* of dy with its border, moved apart */
} ink_conv_sizes;

ink_conv_sizes ink_conv_sizes_of(const ink_tape_step *step);
static inline bool ink_conv_pads(const ink_conv_sizes *s)
{
    return s->padded_height != s->height || s->padded_width != s->width;
}

/* The input with its border of zeros: itself, or a copy in the scratch, whose border is zero already. */
const float *ink_conv_padded(const ink_conv_sizes *s, const float *x, float *scratch);

/* conv2d_pooled.c. Sizes, of one image, of what a pooled convolution gives; the floats of scratch that it needs
 * behind that of the convolution alone; and whether its backward is the sparse one. */
ink_pool_f32 ink_conv_pool_of(const ink_tape_step *step, const ink_conv_sizes *s);
size_t ink_conv_pooled_scratch(const ink_tape_step *step, const ink_conv_sizes *s);
bool ink_conv_pooled_sparse(const ink_tape_step *step, const ink_conv_sizes *s);
void ink_conv_pooled_backward(const ink_tape_step *step, const ink_tape_run *run, float *scratch);

#endif
