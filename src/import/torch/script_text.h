/* The source text in a TorchScript archive, as trees.
 *
 * torch.jit writes the methods of a module as a small part of Python (torch/csrc/jit/serialization/python_print.cpp):
 * assignments, calls, attributes, lists, `if`, `for` and `return`. That part is read here; nothing is run. */
#ifndef INK_SCRIPT_TEXT_H
#define INK_SCRIPT_TEXT_H

#include "base/memory.h"

#include <stdint.h>

typedef enum ink_script_kind {
    INK_SCRIPT_NONE,
    INK_SCRIPT_BOOL,      /* integer */
    INK_SCRIPT_INT,       /* integer */
    INK_SCRIPT_FLOAT,     /* number */
    INK_SCRIPT_TEXT,      /* text */
    INK_SCRIPT_NAME,      /* text */
    INK_SCRIPT_LIST,      /* items; a tuple too */
    INK_SCRIPT_DICT,      /* items: key, value, key, value */
    INK_SCRIPT_ATTRIBUTE, /* items[0].text */
    INK_SCRIPT_INDEX,     /* items[0][items[1]] */
    INK_SCRIPT_CALL,      /* items[0](items[1], ...); keywords[i] is NULL where there is none */
} ink_script_kind;

typedef struct ink_script_tree ink_script_tree;
struct ink_script_tree {
    ink_script_kind kind;
    uint32_t line;
    uint32_t hash; /* of `text`, for names */
    const char *text;
    int64_t integer;
    double number;
    ink_script_tree **items;
    const char **keywords;
    size_t count, item_room, keyword_room;
};

typedef enum ink_script_step {
    INK_SCRIPT_ASSIGN, /* targets = value */
    INK_SCRIPT_VALUE,  /* value */
    INK_SCRIPT_RETURN, /* return value */
    INK_SCRIPT_IF,     /* if value: body, else: other */
    INK_SCRIPT_FOR,    /* for targets[0] in value: body */
} ink_script_step;

typedef struct ink_script_line ink_script_line;
typedef struct ink_script_block {
    ink_script_line *lines;
    size_t count, room;
} ink_script_block;

struct ink_script_line {
    ink_script_step step;
    uint32_t line;
    bool unpacks; /* a, b = ... or a, = ... */
    const ink_script_tree **targets;
    size_t target_count, target_room;
    const ink_script_tree *value; /* NULL: a bare return */
    ink_script_block body, other;
};

typedef struct ink_script_parameter {
    const char *name;
    uint32_t hash;
    const ink_script_tree *value; /* its default; or NULL */
} ink_script_parameter;

typedef struct ink_script_function {
    const char *name, *class; /* class "": no method */
    uint32_t line;
    ink_script_parameter *parameters;
    size_t count, room;
    ink_script_block body;
} ink_script_function;

/* NAME : Final[TYPE] = value, in a class. */
typedef struct ink_script_constant {
    const char *name, *class;
    const ink_script_tree *value;
} ink_script_constant;

typedef struct ink_script {
    const char *file; /* for errors */
    ink_script_function *functions;
    size_t count, room;
    ink_script_constant *constants;
    size_t constant_count, constant_room;
} ink_script;

enum { INK_SCRIPT_MOST_BYTES = 1 << 20, INK_SCRIPT_DEPTH = 100 };

/* All is in the arena. Errors name file and line: INK_ERR_FORMAT for what is no such text, INK_ERR_OP for a statement
 * that is not known here, INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_script_parse(const char *file, const uint8_t *text, size_t size, ink_arena *arena, ink_script *script,
                            ink_error *error);

/* The function of that name in a class, "" for none; or NULL. */
const ink_script_function *ink_script_find(const ink_script *script, const char *class, const char *name);

uint32_t ink_script_hash(const char *name);

#endif
