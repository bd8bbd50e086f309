/* The attributes of nodes, as data: one row an attribute says its name, its values and their bounds, and
 * serves the text form, the file form and the checks. */
#ifndef INK_ATTRIBUTES_H
#define INK_ATTRIBUTES_H

#include "base/memory.h"

typedef enum ink_attribute {
    INK_ATTR_KERNEL,        /* height, width of a window */
    INK_ATTR_STRIDE,        /* height, width */
    INK_ATTR_PADDING,       /* top, left, bottom, right */
    INK_ATTR_DILATION,      /* height, width */
    INK_ATTR_GROUPS,
    INK_ATTR_CEIL,          /* the output size is rounded up */
    INK_ATTR_COUNT_PADDING, /* the average counts padding */
    INK_ATTR_AXIS,          /* of one image: 0 is the channels; negative counts from the end */
    INK_ATTR_SHAPE,         /* of one image; one entry may be -1 */
    INK_ATTR_ORDER,         /* of the axes of one image */
    INK_ATTR_ALPHA,
    INK_ATTR_EPSILON,
    INK_ATTR_VALUE,
    INK_ATTR_APPROXIMATE,   /* gelu by tanh */
    INK_ATTR_RATE,          /* of dropout, in training */
    INK_ATTR_FILTERS,       /* output channels; needed only where there is no weight yet that says it */
    INK_ATTR_UNITS,         /* output features, likewise */
    INK_ATTR_INPUT_SCALE,   /* of a layer with I8 weights: what a byte of its input counts */
    INK_ATTR_INPUT_ZERO,    /* and the byte that stands for 0 */
    INK_ATTRIBUTES
} ink_attribute;

typedef enum ink_attribute_kind { INK_KIND_INT, INK_KIND_FLOAT, INK_KIND_BOOL } ink_attribute_kind;

typedef struct ink_attribute_row {
    const char *name;
    ink_attribute_kind kind;
    uint8_t count; /* how many values it has; for shape and order at most */
    bool open;     /* fewer values are meant as they are; else one or two stand for all */
    double lowest, highest;
} ink_attribute_row;

const ink_attribute_row *ink_attribute_get(ink_attribute attribute);

/* What an operator says of an attribute that it takes. */
typedef struct ink_op_attribute {
    ink_attribute attribute;
    bool required;
    double fallback; /* each value's, where it is not required; NAN: the operator's shape rule fills it */
} ink_op_attribute;

/* The values of one node; count 0: not given. Floats are exact in a double. */
typedef struct ink_attributes {
    uint8_t count[INK_ATTRIBUTES];
    double value[INK_ATTRIBUTES][INK_MAX_DIMS];
} ink_attributes;

static inline uint32_t ink_attr_u32(const ink_attributes *a, ink_attribute attribute, size_t i)
{
    return (uint32_t)a->value[attribute][i];
}

static inline float ink_attr_f32(const ink_attributes *a, ink_attribute attribute)
{
    return (float)a->value[attribute][0];
}

/* Finds the attribute with this name among those that an operator takes. `node` names it in errors. */
ink_status ink_attribute_find(const ink_op_attribute *takes, size_t takes_count, const char *name,
                              const char *node, ink_attribute *attribute, ink_error *error);

/* Sets an attribute from `count` numbers: checks how many and their bounds, and expands one padding to
 * four and the like. */
ink_status ink_attribute_set(ink_attributes *a, ink_attribute attribute, const double *values,
                             size_t count, const char *node, ink_error *error);

/* Sets attributes from text such as "kernel=3,3 stride=2"; NULL is none. */
ink_status ink_attributes_parse(ink_attributes *a, const ink_op_attribute *takes, size_t takes_count,
                                const char *text, const char *node, ink_error *error);

/* Fills in what was not given; fails for one that is required. */
ink_status ink_attributes_complete(ink_attributes *a, const ink_op_attribute *takes,
                                   size_t takes_count, const char *node, ink_error *error);

/* The text form, without what equals the fallback; a string in the arena, or NULL without memory. */
const char *ink_attributes_text(const ink_attributes *a, const ink_op_attribute *takes,
                                size_t takes_count, ink_arena *arena);

#endif
