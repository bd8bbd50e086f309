/* What script_graph.c, which follows statements, and script_ops.c, which knows torch's functions, have in common. */
#ifndef INK_SCRIPT_MACHINE_H
#define INK_SCRIPT_MACHINE_H

#include "import/torch/script_text.h"
#include "import/torch/torch_file.h"
#include "import/torch/torch_nodes.h"

typedef enum ink_script_holds {
    INK_HOLDS_UNKNOWN, /* of what is not supported: a fault told so */
    INK_HOLDS_NONE,
    INK_HOLDS_BOOL,     /* integer */
    INK_HOLDS_INT,      /* integer */
    INK_HOLDS_FLOAT,    /* number */
    INK_HOLDS_TEXT,     /* text */
    INK_HOLDS_LIST,     /* items; a tuple too */
    INK_HOLDS_OBJECT,   /* object: a module; text: its path, "features.0" */
    INK_HOLDS_FUNCTION, /* text: "torch.relu", or a method's name where items[0] is its object */
    INK_HOLDS_WEIGHT,   /* weight; text: its path, "" for a constant */
    INK_HOLDS_PICTURE,  /* picture: what the network computes */
} ink_script_holds;

/* What views of one tensor share. A change in place by one of them makes the others stale. */
typedef struct ink_script_storage {
    uint32_t version;
} ink_script_storage;

typedef struct ink_script_value ink_script_value;
struct ink_script_value {
    ink_script_holds kind;
    int64_t integer;
    double number;
    const char *text;
    ink_script_value **items;
    size_t count, room;
    const ink_pickle *object;
    const ink_weight *weight;
    bool turned; /* the weight is transposed */
    ink_torch_value picture;
    ink_script_storage *storage;
    uint32_t version;
};

typedef struct ink_script_machine {
    ink_torch_file *file, *constants;
    ink_torch_net *net;
    ink_arena *arena; /* of this run; what lives longer is in the file's */
    struct ink_script_cache *cache;
    const char *module; /* the path of the module whose method runs */
    size_t left;        /* steps */
    int depth;
    ink_error *error;
} ink_script_machine;

enum { INK_SCRIPT_SLOTS = 14 };

/* Does the function begin with torch., ops. or stand for itself (int, range)? Then it is called here, with arguments
 * that may have keywords; `*out` is never NULL after INK_OK. */
ink_status ink_script_operate(ink_script_machine *m, const char *function, ink_script_value *const *arguments,
                              const char *const *keywords, size_t count, ink_script_value **out);

ink_status ink_script_new(ink_script_machine *m, ink_script_holds kind, ink_script_value **out);
ink_status ink_script_append(ink_script_machine *m, ink_script_value *list, ink_script_value *item);
ink_status ink_script_spend(ink_script_machine *m, size_t steps);

static inline bool ink_script_is_number(const ink_script_value *v)
{
    return v->kind == INK_HOLDS_INT || v->kind == INK_HOLDS_FLOAT || v->kind == INK_HOLDS_BOOL;
}

static inline double ink_script_number(const ink_script_value *v)
{
    return v->kind == INK_HOLDS_FLOAT ? v->number : (double)v->integer;
}

#endif
