/* Augmentation: a picture changed as another hand might have drawn it. */
#ifndef INK_AUGMENT_H
#define INK_AUGMENT_H

#include "inkling.h"

#include <stddef.h>
#include <stdint.h>

/* Each field 0: not done. Amounts are drawn evenly from -amount to amount unless said. */
typedef struct ink_augment {
    float unchanged; /* 0 to 1: the chance that nothing at all is done: originals are crisper than what was warped */
    float shift;     /* pixels, each way */
    float rotation;  /* degrees */
    float scale;     /* 0.1: sizes from 1 / 1.1 to 1.1, both axes together, and a third of it apart */
    float shear;     /* pixels sideways for each pixel down */
    float stretch;   /* 0.1: widths from 1/1.1 to 1.1 of the height */
    float elastic;   /* pixels: displacements on a coarse grid, smooth between (after P. Simard, D. Steinkraus,
                        J. Platt, "Best Practices for Convolutional Neural Networks", 2003) */
    float thickness; /* pixels that strokes grow or thin, each towards the darkest, or lightest, of the neighbours.
                        Above 1, thinning ends before less than 35 % of the ink is left */
    float outline;   /* 0 to 1: the chance of strokes with their edges alone */
    float fit;       /* 0 to 1: the chance to be brought to the form of MNIST's pictures, see ink_raster_fit */
    float erase;     /* 0 to 1: the chance of a rectangle, up to a quarter of the picture, without ink */
    float lines;     /* 0 to 1: the chance of one or two curves, 1 or 2 pixels wide, of ink or of none */
    float coarse;    /* with a chance of 1/2 to a grid coarser by 1 to 1 + coarse, and back */
    float blur;      /* pixels: with a chance of 1/2 a Gaussian's sigma, from 0 to this */
    float contrast;  /* a gamma from exp(-contrast) to exp(contrast), ink lighter by up to the share `contrast`, paper
                        darker by up to 0.3 of it */
    float noise;     /* with a chance of 1/2 a Gaussian's deviation from 0 to this, as a share of 255 */
} ink_augment;

/* "none", "light" or "strong"; false for another name. */
int ink_augment_named(const char *name, ink_augment *augment);

/* Whether it changes anything. */
int ink_augment_any(const ink_augment *augment);

/* Writes a changed copy of a picture [channels, height, width]: warped, then the fields from `thickness` on, in
 * their order above. The same seed gives the same picture.
 * `scratch` has as many bytes as a channel. */
void ink_augment_apply(const ink_augment *augment, uint64_t seed, uint32_t channels, uint32_t height,
                       uint32_t width, const uint8_t *from, uint8_t *to, uint8_t *scratch);

#endif
