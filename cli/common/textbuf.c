#include "common/textbuf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "inkling: no memory for %zu bytes\n", bytes);
    _exit(1);
}

void *must_alloc(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block)
        out_of_memory(size && count > SIZE_MAX / size ? SIZE_MAX : count * size);
    return block;
}

static void text_reserve(text *to, size_t more)
{
    if (more > SIZE_MAX / 4 - to->size)
        out_of_memory(SIZE_MAX);
    if (to->capacity > to->size + more)
        return;
    size_t capacity = to->capacity ? to->capacity : 256;
    while (capacity <= to->size + more)
        capacity *= 2;
    char *data = realloc(to->data, capacity);
    if (!data)
        out_of_memory(capacity);
    to->data = data;
    to->capacity = capacity;
}

void text_bytes(text *to, const void *bytes, size_t size)
{
    text_reserve(to, size);
    if (size)
        memcpy(to->data + to->size, bytes, size);
    to->size += size;
    to->data[to->size] = 0;
}

void text_add(text *to, const char *string)
{
    text_bytes(to, string, strlen(string));
}

void text_vprintf(text *to, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length > 0) {
        text_reserve(to, (size_t)length);
        vsnprintf(to->data + to->size, (size_t)length + 1, format, again);
        to->size += (size_t)length;
    }
    va_end(again);
}

void text_printf(text *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(to, format, arguments);
    va_end(arguments);
}

void text_repeat(text *to, const char *string, size_t times)
{
    while (times-- > 0)
        text_add(to, string);
}

size_t utf8_decode(const char *s, uint32_t *code)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char first = (unsigned char)s[0];
    size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3
                  : first < 0xf8 ? 4 : 0;
    if (length == 0)
        return 0;
    uint32_t value = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)s[i]; /* a NUL ends the sequence and so the loop */
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    bool surrogate = value >= 0xd800 && value < 0xe000;
    if (value < least[length] || value > 0x10ffff || surrogate)
        return 0;
    *code = value;
    return length;
}

size_t utf8_columns(const char *s)
{
    size_t columns = 0;
    for (; *s; s++)
        columns += ((unsigned char)*s & 0xc0) != 0x80;
    return columns;
}

/* Control characters of both sets, line separators, and the marks that change the direction of the
 * text and so could make one name look like another. */
static bool confuses_terminal(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff;
}

void text_masked(text *to, const char *string)
{
    while (*string) {
        uint32_t code = 0;
        size_t length = utf8_decode(string, &code);
        if (length == 0 || confuses_terminal(code))
            text_add(to, "?");
        else
            text_bytes(to, string, length);
        string += length ? length : 1;
    }
}

void text_masked_lines(text *to, const char *lines, const char *indent)
{
    for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        text line = { 0 };
        text_bytes(&line, at, strcspn(at, "\n"));
        text_add(to, indent);
        text_masked(to, text_string(&line));
        text_add(to, "\n");
        text_free(&line);
    }
}

void text_masked_short(text *to, const char *string, size_t columns)
{
    size_t start = to->size;
    text_masked(to, string);
    if (to->size == start || utf8_columns(to->data + start) <= columns)
        return;
    char *end = to->data + start;
    for (size_t keep = columns > 3 ? columns - 3 : 0; keep > 0; keep--)
        do
            end++;
        while (((unsigned char)*end & 0xc0) == 0x80);
    to->size = (size_t)(end - to->data);
    text_add(to, "...");
}

void text_wrapped(text *to, const char *string, size_t indent, size_t width)
{
    size_t column = indent;
    bool first = true;
    while (*string) {
        size_t length = strcspn(string, " ");
        if (!first && column + 1 + length > width) {
            text_add(to, "\n");
            text_repeat(to, " ", indent);
            column = indent;
            first = true;
        }
        if (!first) {
            text_add(to, " ");
            column++;
        }
        text_bytes(to, string, length);
        column += length;
        first = false;
        string += length + strspn(string + length, " ");
    }
    text_add(to, "\n");
}

const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void text_free(text *to)
{
    free(to->data);
    *to = (text){ 0 };
}

const char *text_string(const text *from)
{
    return from->data ? from->data : "";
}
