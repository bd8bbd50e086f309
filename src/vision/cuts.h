/* Where digits that touch may be parted: seams of little ink from the top to the bottom of a group. */
#ifndef INK_CUTS_H
#define INK_CUTS_H

#include "vision/plane.h"

typedef struct ink_cut {
    float cost;   /* ink that it goes through, in parts of the group's height */
    float middle; /* its mean place, in pixels from the group's left edge */
    float *at;    /* [rows]: what is left of this is the left part */
} ink_cut;

enum { INK_CUT_ROWS = 64 }; /* a group is looked at with so many rows, whatever its height */

/* Seams are looked for around lines that lean to the right by `lean` columns a row: 0 is upright.
 *
 * The cheapest seams (after S. Avidan, A. Shamir, "Seam Carving for Content-Aware Image Resizing", 2007), from left to
 * right, none near another that costs less. `mark` is the group's ink. Errors: INK_ERR_MEMORY. */
ink_status ink_cuts_find(const ink_plane *mark, float lean, ink_arena *arena, ink_cut **cuts, size_t *count,
                         ink_error *error);

#endif
