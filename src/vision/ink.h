/* Where the ink is: from any picture to a plane of ink, 0 for paper. */
#ifndef INK_INK_H
#define INK_INK_H

#include "vision/plane.h"

#include <stdbool.h>

typedef struct ink_map {
    uint32_t left, top;  /* where the planes begin in the picture: inside its frame */
    uint32_t factor;     /* a pixel of the planes is so many of the picture's, each way */
    bool light;          /* the ink is lighter than the paper */
    float noise;         /* standard deviation of the paper, in levels of ink */
    ink_plane grey;      /* the picture, reduced; around a sheet, painted as that is */
    ink_plane paper;     /* what it would be without ink */
    ink_plane ink;       /* how far from paper to ink each pixel is: 0 to 255 */
    ink_plane threshold; /* a pixel with more ink than this is written */
} ink_map;

/* Checks the picture and the options, and fills the map. Errors: INK_ERR_ARGUMENT, INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_map_make(const ink_picture *picture, const ink_read_options *options, ink_arena *arena, ink_map *map,
                        ink_error *error);

/* The picture's own greys, [height, width], white ink on black; with `light` false they are turned round. */
void ink_picture_as_it_is(const ink_picture *picture, bool light, uint8_t *to);

#endif
