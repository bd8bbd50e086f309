/* The heap: chunks side by side from the end of the module's data to the end of its memory. A free chunk is joined with
 * free neighbours at once; the free ones are in a list, of which the smallest that fits is taken. The library takes few
 * and large blocks, so the list is short. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { PAGE = 65536, ALIGN = 64 };

/* Lies in front of its block, which is aligned to 64: a chunk begins 16 bytes before a multiple of it. */
typedef struct chunk chunk;
struct chunk {
    uint32_t size;     /* of the whole chunk, a multiple of 64; 0 for the sentinel at the memory's end */
    uint32_t before;   /* size of the chunk before it; 0 for the first */
    uint32_t free;
    uint32_t unused;
    chunk *next, *previous; /* of a free one, in place of the block */
};
enum { HEADER = 16 };

static chunk list = { .next = &list, .previous = &list };
static chunk *sentinel;

extern unsigned char __heap_base; /* from the linker */

static chunk *behind(chunk *c)
{
    return (chunk *)((uintptr_t)c + c->size);
}

static void insert(chunk *c)
{
    c->free = true;
    c->next = list.next;
    c->previous = &list;
    list.next->previous = c;
    list.next = c;
}

static void take_out(chunk *c)
{
    c->free = false;
    c->next->previous = c->previous;
    c->previous->next = c->next;
}

static void release(chunk *c)
{
    chunk *after = behind(c);
    if (after->free) {
        take_out(after);
        c->size += after->size;
    }
    if (c->before) {
        chunk *front = (chunk *)((uintptr_t)c - c->before);
        if (front->free) {
            take_out(front);
            front->size += c->size;
            c = front;
        }
    }
    behind(c)->before = c->size;
    insert(c);
}

/* Makes the memory longer by at least `size` bytes. */
static bool grow(uint32_t size)
{
    const uint32_t pages = (size + PAGE - 1) / PAGE;
    if (!sentinel) {
        const uintptr_t from = ((uintptr_t)&__heap_base + HEADER + ALIGN - 1) / ALIGN * ALIGN - HEADER;
        if (__builtin_wasm_memory_size(0) * PAGE < from + 2 * ALIGN && __builtin_wasm_memory_grow(0, 1) == SIZE_MAX)
            return false;
        const uintptr_t end = __builtin_wasm_memory_size(0) * PAGE - HEADER;
        chunk *first = (chunk *)from;
        first->size = (uint32_t)(end - from) / ALIGN * ALIGN;
        first->before = 0;
        sentinel = behind(first);
        sentinel->size = 0;
        sentinel->before = first->size;
        sentinel->free = false;
        insert(first);
        return true;
    }
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX)
        return false;
    chunk *c = sentinel;
    c->size = pages * PAGE;
    sentinel = behind(c);
    sentinel->size = 0;
    sentinel->free = false;
    release(c);
    return true;
}

static chunk *find(uint32_t size)
{
    chunk *best = NULL;
    for (chunk *c = list.next; c != &list; c = c->next)
        if (c->size >= size && (!best || c->size < best->size))
            best = c;
    return best;
}

int posix_memalign(void **out, size_t align, size_t bytes)
{
    if (align > ALIGN || bytes > UINT32_MAX / 4)
        return 1;
    /* At least room for the list's pointers. */
    const uint32_t size = ((uint32_t)bytes + HEADER + ALIGN - 1) / ALIGN * ALIGN;
    chunk *c;
    while (!(c = find(size)))
        if (!grow(size))
            return 1;
    take_out(c);
    if (c->size > size) {
        chunk *rest = (chunk *)((uintptr_t)c + size);
        rest->size = c->size - size;
        rest->before = size;
        behind(rest)->before = rest->size;
        c->size = size;
        insert(rest);
    }
    *out = (unsigned char *)c + HEADER;
    return 0;
}

void free(void *block)
{
    if (block)
        release((chunk *)((uintptr_t)block - HEADER));
}
