/* One mark as MNIST has digits: a box of 20x20 of 28x28, the mass in the middle, anti-aliased. */
#ifndef INK_PREPARE_H
#define INK_PREPARE_H

#include "vision/plane.h"

#include <stdbool.h>

/* What becomes of a mark's looks; widths in parts of its box's longer side. */
typedef struct ink_looks {
    float thin, thick; /* a stroke of less, or more, is made so wide */
    float slant;       /* leaning more than this sideways for each pixel down is straightened to it */
} ink_looks;

extern const ink_looks ink_looks_usual;

typedef struct ink_preparer {
    uint32_t height, width; /* of what comes out */
    uint32_t box;           /* its longer side there, in pixels */
    ink_plane canvas, other; /* the mark enlarged, for work on its strokes */
    float *scratch;
} ink_preparer;

/* For marks of at most so many rows. False without memory. */
bool ink_preparer_init(ink_preparer *preparer, uint32_t height, uint32_t width, uint32_t most_rows, ink_arena *arena);

/* Writes [height, width] bytes; all 0 if the mark, 0 for paper and 255 for full ink, has nothing in it. */
void ink_preparer_run(ink_preparer *preparer, const ink_plane *mark, const ink_looks *looks, uint8_t *out);

#endif
