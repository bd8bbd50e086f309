/* A sorted index of names: looking one up costs log n, whatever a hostile file holds. */
#ifndef INK_NAMES_H
#define INK_NAMES_H

#include "base/memory.h"

typedef struct ink_name {
    const char *name;
    size_t index;
} ink_name;

typedef struct ink_names {
    size_t count;
    ink_name *names; /* sorted; of equal names the one with the smallest index first */
} ink_names;

/* Makes room for `capacity` names in the arena; false without memory. */
bool ink_names_init(ink_names *names, ink_arena *arena, size_t capacity);
/* Adds a name without sorting; the caller has made room. */
void ink_names_add(ink_names *names, const char *name, size_t index);
/* Sorts; needed before a search. */
void ink_names_sort(ink_names *names);
/* True, and the smallest index, when the name is there. */
bool ink_names_find(const ink_names *names, const char *name, size_t *index);

#endif
