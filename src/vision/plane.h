/* Planes: grey pictures while they are prepared. */
#ifndef INK_PLANE_H
#define INK_PLANE_H

#include "base/memory.h"

#include <stdint.h>

typedef struct ink_plane {
    uint32_t width, height;
    uint8_t *pixels; /* [height, width] */
} ink_plane;

/* All 0; `pixels` is NULL without memory. */
ink_plane ink_plane_make(ink_arena *arena, uint32_t width, uint32_t height);

/* A part of a plane, its corner and size in pixels and parts of them, brought to the size of `to`. Each new pixel is
 * the mean of what it covers where the part shrinks, and lies on a line between its neighbours where it grows; outside
 * the plane there is 0. `scratch` takes to->width * from->height floats. */
void ink_plane_resample(const ink_plane *from, float x, float y, float width, float height, ink_plane *to,
                        float *scratch);

/* The level below which a share of the counts of a histogram lies. */
uint32_t ink_histogram_level(const uint32_t *histogram, uint32_t levels, float share);

#endif
