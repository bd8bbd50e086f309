/* A cursor over bytes that someone else made: every read is checked against the end. */
#ifndef INK_CURSOR_H
#define INK_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct ink_cursor {
    const uint8_t *data;
    size_t size, at; /* at <= size, always */
} ink_cursor;

static inline size_t ink_cursor_left(const ink_cursor *cursor)
{
    return cursor->size - cursor->at;
}

/* The next `size` bytes, or NULL, and the cursor stays where it is, when there are not so many. */
static inline const uint8_t *ink_cursor_bytes(ink_cursor *cursor, uint64_t size)
{
    if (size > ink_cursor_left(cursor))
        return NULL;
    const uint8_t *bytes = cursor->data + cursor->at;
    cursor->at += (size_t)size;
    return bytes;
}

static inline uint32_t ink_load_u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t ink_load_u64le(const uint8_t *p)
{
    return (uint64_t)ink_load_u32le(p) | (uint64_t)ink_load_u32le(p + 4) << 32;
}

static inline uint32_t ink_load_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline bool ink_cursor_u32(ink_cursor *cursor, uint32_t *value)
{
    const uint8_t *bytes = ink_cursor_bytes(cursor, 4);
    if (bytes)
        *value = ink_load_u32le(bytes);
    return bytes != NULL;
}

static inline bool ink_cursor_u64(ink_cursor *cursor, uint64_t *value)
{
    const uint8_t *bytes = ink_cursor_bytes(cursor, 8);
    if (bytes)
        *value = ink_load_u64le(bytes);
    return bytes != NULL;
}

#endif
