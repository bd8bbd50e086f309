/* Allocators and arenas. */
#ifndef INK_MEMORY_H
#define INK_MEMORY_H

#include "base/status.h"

#include <stdbool.h>

/* Every block is aligned to this, so that a kernel may load whole vectors from its start. */
#define INK_ALIGNMENT 64

/* A copy of `allocator`, or the default one (malloc) for NULL. */
ink_allocator ink_allocator_or_default(const ink_allocator *allocator);

void *ink_alloc(const ink_allocator *allocator, size_t size);
void ink_free(const ink_allocator *allocator, void *block);

/* Reads an option struct that a caller compiled against an older (shorter) or newer (longer) header:
 * the fields that both know are copied, the rest are 0. `options` begins with its own size_t size.
 * False when that size cannot be right. */
bool ink_options_read(void *to, size_t to_size, const void *options);

/* An arena hands out zeroed memory that is freed all at once. It fails for good: once an allocation
 * failed, all later ones give NULL, so a builder may check `failed` once at its end. */
typedef struct ink_arena_block ink_arena_block;
typedef struct ink_arena {
    ink_allocator allocator;
    ink_arena_block *blocks; /* the newest first */
    size_t used, capacity;   /* of the newest block */
    bool failed;
} ink_arena;

void ink_arena_init(ink_arena *arena, const ink_allocator *allocator);
void ink_arena_free(ink_arena *arena);
/* `count` items of `size` bytes, zeroed; aligned to 16, from 256 bytes on to INK_ALIGNMENT; NULL on
 * overflow or without memory. */
void *ink_arena_array(ink_arena *arena, size_t count, size_t size);
/* Room for one more item: `items` as it is while `count` is below `*room`, else a copy of twice the size, and NULL
 * without memory. What was there stays the arena's. */
void *ink_arena_grow(ink_arena *arena, void *items, size_t count, size_t size, size_t *room);
/* A copy of `length` bytes with a NUL behind it. */
char *ink_arena_string(ink_arena *arena, const char *text, size_t length);
/* A formatted string. */
char *ink_arena_format(ink_arena *arena, const char *format, ...) INK_PRINTF(2, 3);

/* A growing text for dot files and the like. After a failure it stays as it was and `failed` is set. */
typedef struct ink_text {
    ink_allocator allocator;
    char *data;
    size_t size, capacity;
    bool failed;
} ink_text;

void ink_text_init(ink_text *text, const ink_allocator *allocator);
void ink_text_bytes(ink_text *text, const void *data, size_t size);
void ink_text_format(ink_text *text, const char *format, ...) INK_PRINTF(2, 3);
/* Gives the text to `out`, or frees it and fails with INK_ERR_MEMORY. */
ink_status ink_text_finish(ink_text *text, ink_buffer *out, ink_error *error);

#endif
