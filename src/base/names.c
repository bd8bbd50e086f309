#include "base/names.h"

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

static bool comes_before(const ink_name *a, const ink_name *b)
{
    const int order = strcmp(a->name, b->name);
    return order ? order < 0 : a->index < b->index;
}

/* Lets the item at `at` sink until none below it in the heap of `count` items comes after it. */
static void sink(ink_name *heap, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_before(&heap[child], &heap[child + 1]))
            child++;
        if (!comes_before(&heap[at], &heap[child]))
            return;
        const ink_name swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

/* Heap sort (J. Williams, 1964): n log n for every input and no memory, neither of which all C libraries
 * promise of their qsort; the names come from files. */
void ink_names_sort(ink_names *names)
{
    for (size_t i = names->count / 2; i-- > 0;)
        sink(names->names, i, names->count);
    for (size_t end = names->count; end-- > 1;) {
        const ink_name last = names->names[end];
        names->names[end] = names->names[0];
        names->names[0] = last;
        sink(names->names, 0, end);
    }
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
