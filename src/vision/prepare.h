/* One mark as MNIST has digits: a box of 20x20 of 28x28, the mass in the middle, anti-aliased. */
#ifndef INK_PREPARE_H
#define INK_PREPARE_H

#include "vision/plane.h"

#include <stdbool.h>

typedef struct ink_preparer {
    uint32_t height, width; /* of what comes out */
    uint32_t box;           /* its longer side there, in pixels */
    ink_plane canvas, other; /* the mark enlarged, for work on its strokes */
    float *scratch;
} ink_preparer;

/* For marks of at most so many rows. False without memory. */
bool ink_preparer_init(ink_preparer *preparer, uint32_t height, uint32_t width, uint32_t most_rows, ink_arena *arena);

/* Writes [height, width] bytes; all 0 if the mark, 0 for paper and 255 for full ink, has nothing in it. */
void ink_preparer_run(ink_preparer *preparer, const ink_plane *mark, uint8_t *out);

/* Turns what was prepared, [height, width] bytes, about its middle by the angle of this sine and cosine; counter to the
 * clock where the sine is above 0. */
void ink_preparer_turn(const ink_preparer *preparer, const uint8_t *from, float sine, float cosine, uint8_t *to);

#endif
