/* The functions on bytes and strings that the library calls. Copies of known small sizes are the compiler's own. */
#include <stdint.h>
#include <string.h>

#ifndef __wasm_bulk_memory__
typedef uint64_t __attribute__((may_alias, aligned(1))) word;
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
#ifdef __wasm_bulk_memory__
    return __builtin_memcpy(to, from, size);
#else
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; size >= sizeof(word); size -= sizeof(word), t += sizeof(word), f += sizeof(word))
        *(word *)(void *)t = *(const word *)(const void *)f;
    while (size--)
        *t++ = *f++;
    return to;
#endif
}

void *memmove(void *to, const void *from, size_t size)
{
#ifdef __wasm_bulk_memory__
    return __builtin_memmove(to, from, size);
#else
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= size)
        return memcpy(to, from, size);
    while (size--) /* they overlap, and the target is behind */
        t[size] = f[size];
    return to;
#endif
}

void *memset(void *to, int value, size_t size)
{
#ifdef __wasm_bulk_memory__
    return __builtin_memset(to, value, size);
#else
    unsigned char *t = to;
    const word many = (unsigned char)value * 0x0101010101010101u;
    for (; size >= sizeof(word); size -= sizeof(word), t += sizeof(word))
        *(word *)(void *)t = many;
    while (size--)
        *t++ = (unsigned char)value;
    return to;
#endif
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

void *memchr(const void *bytes, int value, size_t size)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++)
        if (b[i] == (unsigned char)value)
            return (void *)(uintptr_t)(b + i);
    return NULL;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

char *strchr(const char *text, int c)
{
    for (;; text++) {
        if (*text == (char)c)
            return (char *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (; size && *a && *a == *b; size--)
        a++, b++;
    return size ? (unsigned char)*a - (unsigned char)*b : 0;
}

size_t strcspn(const char *text, const char *stop)
{
    size_t length = 0;
    while (text[length] && !strchr(stop, text[length]))
        length++;
    return length;
}

size_t strspn(const char *text, const char *accept)
{
    size_t length = 0;
    while (text[length] && strchr(accept, text[length]))
        length++;
    return length;
}

char *strstr(const char *text, const char *wanted)
{
    const size_t length = strlen(wanted);
    for (;; text++) {
        if (!strncmp(text, wanted, length))
            return (char *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}
