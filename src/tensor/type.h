/* Element types. */
#ifndef INK_TYPE_H
#define INK_TYPE_H

#include "inkling.h"

#include <stdbool.h>

/* One row a type that GGUF knows; those without `decode` are named in errors and nothing more. The id
 * of a type that has one is its ink_type, too. */
typedef struct ink_type_row {
    const char *name;      /* as gguf-py and ggml name it, e.g. "F16", "Q8_0" */
    uint32_t gguf;         /* GGUF's id */
    uint32_t block_items;  /* elements in a block; 1 for plain types */
    uint32_t block_bytes;
    const char *text;      /* as this library names it, e.g. "q8_0"; NULL where it does not compute with it */
    uint32_t halves;       /* F16 at the start of a block that tell whether it is finite; 0: its elements do */
    /* `blocks` blocks at `data` (little-endian, maybe unaligned) as floats. */
    void (*decode)(const uint8_t *data, size_t blocks, float *out);
} ink_type_row;

enum { INK_TYPE_LARGEST_BLOCK = 32 }; /* elements, of a type with `decode` */

/* The row with this GGUF id, or NULL. */
const ink_type_row *ink_type_from_gguf(uint32_t gguf);
/* The row of a type that this library computes with, or NULL. */
const ink_type_row *ink_type_get(ink_type type);

/* Their names for messages, e.g. "F32, F16 or BF16". */
enum { INK_TYPE_NAMES = 128 };
const char *ink_type_names(char text[INK_TYPE_NAMES]);

/* What `elements` elements take, whole blocks; false when 64 bits cannot count that. */
bool ink_type_bytes(const ink_type_row *row, uint64_t elements, uint64_t *bytes);
/* And back: the elements of so many bytes, whole blocks of them. */
uint64_t ink_type_elements(const ink_type_row *row, uint64_t bytes);

/* IEEE 754 binary16. To half: round to nearest even, overflow to infinity. */
float ink_f16_to_f32(uint16_t half);
uint16_t ink_f32_to_f16(float value);

/* `count` elements, whole blocks, at `data` (little-endian, maybe unaligned) as floats. */
void ink_type_to_f32(ink_type type, const void *data, size_t count, float *out);
/* One of them, the i-th. */
float ink_type_element(ink_type type, const void *data, size_t i);
/* True when all elements are finite, as floats. */
bool ink_type_is_finite(ink_type type, const void *data, size_t count);

#endif
