/* Shapes of one image's values, slowest dimension first; the batch is not part of them. */
#ifndef INK_SHAPE_H
#define INK_SHAPE_H

#include "inkling.h"

#include <stdbool.h>

typedef struct ink_shape {
    uint32_t rank; /* 1 to INK_MAX_DIMS */
    uint32_t dim[INK_MAX_DIMS];
} ink_shape;

/* Text for messages, e.g. "32x26x26"; a buffer of INK_SHAPE_TEXT holds every shape. */
enum { INK_SHAPE_TEXT = INK_MAX_DIMS * 11 };
const char *ink_shape_text(ink_shape shape, char text[INK_SHAPE_TEXT]);

/* The product of the dimensions; false when it overflows or is over 2^40, more than any machine has
 * for one picture. */
bool ink_shape_elements(ink_shape shape, uint64_t *elements);

bool ink_shape_equal(ink_shape a, ink_shape b);

/* A picture's shape. */
static inline ink_shape ink_shape_chw(uint32_t channels, uint32_t height, uint32_t width)
{
    return (ink_shape){ 3, { channels, height, width, 0 } };
}

#endif
