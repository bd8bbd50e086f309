/* A sheet that lies on something else: only what is on the sheet is writing. */
#ifndef INK_GROUND_H
#define INK_GROUND_H

#include "vision/plane.h"

/* Where a picture shows a sheet of paper, a board or a canvas with another ground around it, that ground is painted as
 * the sheet is at its border; any other picture stays as it is. Errors: INK_ERR_MEMORY. */
ink_status ink_ground_cover(ink_plane *grey, ink_arena *arena, ink_error *error);

#endif
