/* What hangs together: the connected components of what is written. */
#ifndef INK_COMPONENTS_H
#define INK_COMPONENTS_H

#include "vision/ink.h"

typedef struct ink_box {
    uint32_t x0, y0, x1, y1; /* x1 and y1 are just outside */
} ink_box;

static inline uint32_t ink_box_width(const ink_box *b)
{
    return b->x1 - b->x0;
}

static inline uint32_t ink_box_height(const ink_box *b)
{
    return b->y1 - b->y0;
}

/* Makes `to` hold `b` too. */
static inline void ink_box_add(ink_box *to, const ink_box *b)
{
    to->x0 = b->x0 < to->x0 ? b->x0 : to->x0;
    to->y0 = b->y0 < to->y0 ? b->y0 : to->y0;
    to->x1 = b->x1 > to->x1 ? b->x1 : to->x1;
    to->y1 = b->y1 > to->y1 ? b->y1 : to->y1;
}

typedef struct ink_component {
    ink_box box;
    uint32_t area;   /* pixels */
    uint32_t border; /* their sides that are not to others of it: twice the area over this is the width of a stroke */
    uint32_t level;  /* of its ink: 9 in 10 of its pixels have less */
} ink_component;

typedef struct ink_components {
    uint32_t width, height;
    uint32_t *label;           /* [height, width]: 0, or the number of a component */
    size_t count;              /* with number 0, which is none */
    ink_component *component;  /* [count] */
} ink_components;

/* Labels the pixels that `written` marks, neighbours at corners too (A. Rosenfeld, J. Pfaltz, "Sequential Operations in
 * Digital Picture Processing", 1966). Errors: INK_ERR_MEMORY. */
ink_status ink_components_find(const ink_plane *written, const ink_plane *ink, ink_arena *arena, ink_components *out,
                               ink_error *error);

#endif
