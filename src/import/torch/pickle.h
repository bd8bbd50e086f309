/* Python's pickles, read as data: nothing in them is run, and nothing is looked up.
 *
 * A pickle is a program for a small stack machine (the format is described in Python's own pickletools). Of its
 * operations those are taken that tensors, dictionaries and modules need. What would call a function becomes a
 * value of the kind INK_PICKLE_CALL when the function is one of a short list that PyTorch's files name, and ends
 * the reading otherwise. An object of a class is its class and its attributes, whatever the class is. */
#ifndef INK_PICKLE_H
#define INK_PICKLE_H

#include "base/memory.h"

#include <stdint.h>

typedef enum ink_pickle_kind {
    INK_PICKLE_NONE,
    INK_PICKLE_BOOL,       /* integer */
    INK_PICKLE_INT,        /* integer */
    INK_PICKLE_FLOAT,      /* number */
    INK_PICKLE_TEXT,       /* text, length: UTF-8, or the bytes of Python 2's str */
    INK_PICKLE_BYTES,      /* text, length */
    INK_PICKLE_GLOBAL,     /* text: "module.name" */
    INK_PICKLE_TUPLE,      /* items */
    INK_PICKLE_LIST,       /* items */
    INK_PICKLE_SET,        /* items */
    INK_PICKLE_DICT,       /* items: key, value, key, value */
    INK_PICKLE_PERSISTENT, /* items[0]: what names an object outside, a storage */
    INK_PICKLE_CALL,       /* text: the function; items[0]: its arguments, a tuple; state */
    INK_PICKLE_OBJECT,     /* text: the class; items[0]: the arguments, a tuple; state */
} ink_pickle_kind;

typedef struct ink_pickle ink_pickle;
struct ink_pickle {
    ink_pickle_kind kind;
    int64_t integer;
    double number;
    const char *text; /* with a NUL behind it, and maybe others within */
    size_t length;
    ink_pickle **items;
    size_t count, capacity;
    ink_pickle *state; /* of a call or object: what BUILD gave it, mostly its attributes as a DICT; or NULL */
};

/* A pickle of a model names its tensors and holds none of their numbers, so it is small: some kilobytes. */
enum { INK_PICKLE_MOST_MEMORY = 128 << 20 };

/* Reads one pickle from the start of `data`; `used` is how many bytes it was. All is in the arena. A value may stand
 * in several places, and within itself: who walks through it must count.
 * Errors, with the offset: INK_ERR_TRUNCATED, INK_ERR_FORMAT, INK_ERR_OP for an operation or function that no tensor
 * needs, INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_pickle_parse(const uint8_t *data, size_t size, ink_arena *arena, const ink_pickle **out, size_t *used,
                            ink_error *error);

/* The value under a key that is a text; NULL when `dict` is not a dict or has none. The last of several. */
const ink_pickle *ink_pickle_get(const ink_pickle *dict, const char *key);

/* Is it a call of this function, with so many arguments or more? */
bool ink_pickle_calls(const ink_pickle *value, const char *function, size_t arguments);

#endif
