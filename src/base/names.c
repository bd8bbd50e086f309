#include "base/names.h"

#include <stdlib.h>
#include <string.h>

bool ink_names_init(ink_names *names, ink_arena *arena, size_t capacity)
{
    names->count = 0;
    names->names = ink_arena_array(arena, capacity, sizeof *names->names);
    return names->names != NULL;
}

void ink_names_add(ink_names *names, const char *name, size_t index)
{
    names->names[names->count++] = (ink_name){ name, index };
}

static int by_name(const void *a, const void *b)
{
    const ink_name *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

void ink_names_sort(ink_names *names)
{
    if (names->count)
        qsort(names->names, names->count, sizeof *names->names, by_name);
}

bool ink_names_find(const ink_names *names, const char *name, size_t *index)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names->names[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == names->count || strcmp(names->names[low].name, name))
        return false;
    *index = names->names[low].index;
    return true;
}
