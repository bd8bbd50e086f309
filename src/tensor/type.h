/* Element types. */
#ifndef INK_TYPE_H
#define INK_TYPE_H

#include "inkling.h"

#include <stdbool.h>

/* One row a type that GGUF knows; those without `usable` are named in errors and nothing more. */
typedef struct ink_type_row {
    const char *name;      /* as gguf-py and ggml name it, e.g. "F16", "Q8_0" */
    uint32_t gguf;         /* GGUF's id */
    uint32_t block_items;  /* elements in a block; 1 for plain types */
    uint32_t block_bytes;
    bool usable;           /* this library computes with it */
    ink_type type;         /* where it is usable */
} ink_type_row;

/* The row with this GGUF id, or NULL. */
const ink_type_row *ink_type_from_gguf(uint32_t gguf);
/* The row of a usable type. */
const ink_type_row *ink_type_get(ink_type type);

/* IEEE 754 binary16. To half: round to nearest even, overflow to infinity. */
float ink_f16_to_f32(uint16_t half);
uint16_t ink_f32_to_f16(float value);

/* `count` elements at `data` (little-endian, maybe unaligned) as floats. */
void ink_type_to_f32(ink_type type, const void *data, size_t count, float *out);
/* True when all elements are finite. */
bool ink_type_is_finite(ink_type type, const void *data, size_t count);

#endif
