#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "base/memory.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <malloc.h>
#elif defined(__linux__)
#include <sys/mman.h>
#endif

/* The system gives out memory by pages of 4 KiB, and zeroing and mapping them one by one takes most of the time in which
 * a model is opened: 4.5 MB 1.8 ms, by large pages 0.3 ms. So blocks of a quarter of a large page and more ask for these, a last
 * part of over an eighth of one too. */
#if defined(__linux__) && defined(MADV_HUGEPAGE)
static void *alloc_large(size_t size)
{
    enum { PAGE = 1 << 21 };
    void *block = NULL;
    const size_t rest = size % PAGE, whole = rest > PAGE / 8 ? size + (PAGE - rest) : size;
    if (posix_memalign(&block, PAGE, whole))
        return NULL;
    (void)madvise(block, whole / PAGE * PAGE, MADV_HUGEPAGE); /* where there are none, small ones do */
    return block;
}
enum { LARGE = 1 << 19 };
#endif

static void *default_alloc(void *context, size_t size)
{
    (void)context;
#ifdef _WIN32
    return _aligned_malloc(size ? size : 1, INK_ALIGNMENT);
#else
    void *block = NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (size > LARGE && size < SIZE_MAX / 2)
        return alloc_large(size);
#endif
    return posix_memalign(&block, INK_ALIGNMENT, size ? size : 1) ? NULL : block;
#endif
}

static void default_free(void *context, void *block)
{
    (void)context;
#ifdef _WIN32
    _aligned_free(block);
#else
    free(block);
#endif
}

ink_allocator ink_allocator_or_default(const ink_allocator *allocator)
{
    if (allocator && allocator->alloc && allocator->free)
        return *allocator;
    return (ink_allocator){ .alloc = default_alloc, .free = default_free };
}

void *ink_alloc(const ink_allocator *allocator, size_t size)
{
    return allocator->alloc(allocator->context, size);
}

void ink_free(const ink_allocator *allocator, void *block)
{
    if (block)
        allocator->free(allocator->context, block);
}

bool ink_options_read(void *to, size_t to_size, const void *options)
{
    memset(to, 0, to_size);
    if (options) {
        size_t size;
        memcpy(&size, options, sizeof size);
        if (size < sizeof size || size > 4096)
            return false;
        memcpy(to, options, size < to_size ? size : to_size);
    }
    memcpy(to, &to_size, sizeof to_size);
    return true;
}

void ink_buffer_close(ink_buffer *buffer)
{
    if (!buffer)
        return;
    if (buffer->data)
        ink_free(&buffer->allocator, buffer->data);
    *buffer = (ink_buffer){ 0 };
}

/* ---- arena ---- */

struct ink_arena_block {
    ink_arena_block *next;
    /* Items begin INK_ALIGNMENT bytes in. */
};

/* Large arrays are weights and begin on a cache line; small items would only waste space there. */
enum { ARENA_BLOCK = 64 * 1024, ARENA_ALIGN = 16, ARENA_LARGE = 256 };

void ink_arena_init(ink_arena *arena, const ink_allocator *allocator)
{
    *arena = (ink_arena){ .allocator = *allocator };
}

void ink_arena_free(ink_arena *arena)
{
    for (ink_arena_block *block = arena->blocks; block;) {
        ink_arena_block *next = block->next;
        ink_free(&arena->allocator, block);
        block = next;
    }
    ink_arena_init(arena, &(ink_allocator){ arena->allocator.context, arena->allocator.alloc,
                                            arena->allocator.free });
}

void *ink_arena_array(ink_arena *arena, size_t count, size_t size)
{
    uint64_t bytes;
    if (arena->failed || !ink_mul_u64(count, size, &bytes) || bytes > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    size_t need = ink_round_up(bytes ? (size_t)bytes : 1, ARENA_ALIGN);
    if (need >= ARENA_LARGE)
        arena->used = ink_round_up(arena->used, INK_ALIGNMENT);
    if (!arena->blocks || arena->used > arena->capacity || arena->capacity - arena->used < need) {
        /* What is large has a block to itself, behind the one that small items go on to fill. */
        const bool own = need > ARENA_BLOCK / 4;
        const size_t capacity = own ? need + INK_ALIGNMENT : ARENA_BLOCK;
        ink_arena_block *block = ink_alloc(&arena->allocator, capacity);
        if (!block) {
            arena->failed = true;
            return NULL;
        }
        if (own && arena->blocks) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
            return memset((char *)block + INK_ALIGNMENT, 0, need);
        }
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = INK_ALIGNMENT;
        arena->capacity = capacity;
    }
    char *item = (char *)arena->blocks + arena->used;
    arena->used += need;
    memset(item, 0, need);
    return item;
}

void *ink_arena_grow(ink_arena *arena, void *items, size_t count, size_t size, size_t *room)
{
    enum { FIRST = 16 };
    if (count < *room)
        return items;
    const size_t more = *room ? 2 * *room : FIRST;
    void *grown = ink_arena_array(arena, more, size);
    if (!grown)
        return NULL;
    if (count)
        memcpy(grown, items, count * size);
    *room = more;
    return grown;
}

char *ink_arena_string(ink_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX) {
        arena->failed = true;
        return NULL;
    }
    char *copy = ink_arena_array(arena, length + 1, 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *ink_arena_format(ink_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : ink_arena_array(arena, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

/* ---- text ---- */

void ink_text_init(ink_text *text, const ink_allocator *allocator)
{
    *text = (ink_text){ .allocator = *allocator };
}

static bool text_reserve(ink_text *text, size_t more)
{
    if (text->failed || more > SIZE_MAX / 4 - text->size) {
        text->failed = true;
        return false;
    }
    if (text->size + more + 1 <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 1024;
    while (capacity < text->size + more + 1)
        capacity *= 2;
    char *data = ink_alloc(&text->allocator, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    if (text->data)
        memcpy(data, text->data, text->size);
    ink_free(&text->allocator, text->data);
    text->data = data;
    text->capacity = capacity;
    return true;
}

void ink_text_bytes(ink_text *text, const void *data, size_t size)
{
    if (!text_reserve(text, size))
        return;
    if (size)
        memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = 0;
}

void ink_text_format(ink_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        text->failed = true;
    else if (text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

ink_status ink_text_finish(ink_text *text, ink_buffer *out, ink_error *error)
{
    ink_text_bytes(text, "", 0);
    if (text->failed) {
        ink_free(&text->allocator, text->data);
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the output");
    }
    *out = (ink_buffer){ text->data, text->size, text->allocator };
    return INK_OK;
}
