/* Building JSON documents: a thin cover over jansson that masks what is no UTF-8, writes numbers
 * that JSON cannot hold as null, and ends the program without memory. Built without jansson, it
 * makes nothing and js_print says so; commands call js_refused first, so that nobody waits. */
#ifndef INK_CLI_JSON_OUT_H
#define INK_CLI_JSON_OUT_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json_t json_t;

/* The row of --json for option tables; `type` is the command's struct, which has a bool `json`. */
#define JS_OPTION_ROW(type)                                                                        \
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(type, json),                                \
      .help = "print one JSON document, and nothing else" }

/* Not 0, and a line on standard error, when --json was given and this program has no jansson. */
int js_refused(bool wanted);

json_t *js_map(void);
json_t *js_list(void);
/* Each takes over `value`. */
void js_put(json_t *map, const char *key, json_t *value);
void js_push(json_t *list, json_t *value);

json_t *js_text(const char *string); /* invalid UTF-8 becomes U+FFFD */
json_t *js_count(uint64_t number);
json_t *js_integer(int64_t number);
json_t *js_number(double number); /* 9 significant digits: a float survives */
json_t *js_flag(bool value);
json_t *js_nothing(void); /* null */
json_t *js_floats(const float *values, size_t count);
json_t *js_counts(const uint64_t *values, size_t count);

void js_drop(json_t *document); /* frees it */
/* Adds the document to `to`, on one line, and frees it. */
int js_write(json_t *document, text *to);
/* Prints it so to standard output and frees it. */
int js_print(json_t *document);

#endif
