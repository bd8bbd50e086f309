/* A growing text. Commands write their whole answer into one and print it at the end, so that a
 * failure half way leaves standard output empty. */
#ifndef INK_CLI_TEXTBUF_H
#define INK_CLI_TEXTBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __GNUC__
#  define CLI_PRINTF(at, from) __attribute__((format(printf, at, from)))
#else
#  define CLI_PRINTF(at, from)
#endif

typedef struct text {
    char *data; /* NUL-terminated once something was added */
    size_t size, capacity;
} text;

/* Memory for `count` zeroed items; free() ends it. Without memory the program says so and ends. */
void *must_alloc(size_t count, size_t size);

void text_bytes(text *to, const void *bytes, size_t size);
void text_add(text *to, const char *string);
void text_printf(text *to, const char *format, ...) CLI_PRINTF(2, 3);
void text_vprintf(text *to, const char *format, va_list arguments) CLI_PRINTF(2, 0);
void text_repeat(text *to, const char *string, size_t times);
/* A string from a file or the command line: what could confuse a terminal becomes '?'. */
void text_masked(text *to, const char *string);
/* The same for a text of lines, each begun with `indent`; they end as they are. */
void text_masked_lines(text *to, const char *lines, const char *indent);
/* As text_masked, and what is longer than `columns` ends in "...". */
void text_masked_short(text *to, const char *string, size_t columns);
/* Words of `string` filled into lines that begin at column `indent` and end before `width`; the
 * caller has already written up to `indent` in the first line. Ends with a newline. */
void text_wrapped(text *to, const char *string, size_t indent, size_t width);
void text_free(text *to);

/* "" after a 1, else "s". */
const char *plural(uint64_t count);

/* The string in the text, "" for an empty one. */
const char *text_string(const text *from);

/* Decodes the UTF-8 sequence at `s` into `*code` and gives its length; 0 when it is invalid. */
size_t utf8_decode(const char *s, uint32_t *code);
/* Code points of a valid string: the columns it takes, for the characters that we print. */
size_t utf8_columns(const char *s);

#endif
