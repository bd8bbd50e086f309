/* Lines of writing: which components are a mark, which marks are a line, and what is none. */
#ifndef INK_LINES_H
#define INK_LINES_H

#include "vision/components.h"

/* A page has fewer marks: more are a texture, and would take seconds to read. */
enum { INK_MOST_MARKS = 4096 };

/* A mark, or several that touch. */
typedef struct ink_group {
    ink_box box;
    uint32_t line;
} ink_group;

typedef struct ink_page {
    uint32_t tall;      /* how high a digit is, about, in pixels */
    size_t count;
    ink_group *group;   /* line by line, from left to right */
    uint32_t *group_of; /* [components]: 1 + the index of the component's group, 0 for none */
    uint32_t lines;
} ink_page;

/* Takes ruled lines, frames and boxes out of what is written: what is long and thin, but where a stroke crosses it.
 * They are looked for in `faint`, what would be written at a lower threshold: a line about as strong as the threshold
 * would be in pieces. Errors: INK_ERR_MEMORY. */
ink_status ink_rules_erase(ink_plane *written, const ink_plane *faint, const ink_plane *ink,
                           const ink_allocator *allocator, ink_error *error);

/* All of a page. Errors: INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_page_find(const ink_components *components, ink_arena *arena, ink_page *out, ink_error *error);

/* A page with one group at most: the components that make the picture's one digit. */
ink_status ink_page_single(const ink_components *components, ink_arena *arena, ink_page *out, ink_error *error);

#endif
