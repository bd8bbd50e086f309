/* What every reader gives: named tensors, as floats. */
#ifndef INK_WEIGHTS_H
#define INK_WEIGHTS_H

#include "base/memory.h"

#include <stdint.h>

enum { INK_WEIGHT_DIMS = 8 };

/* The layer of a tensor whose name is that of a parameter alone: a state_dict of one torch.nn.Linear. */
#define INK_WEIGHT_UNNAMED "layer"

/* Element types that files of weights have. */
typedef enum ink_element {
    INK_ELEMENT_F32, INK_ELEMENT_F64, INK_ELEMENT_F16, INK_ELEMENT_BF16,
    INK_ELEMENT_I64, INK_ELEMENT_I32, INK_ELEMENT_I16, INK_ELEMENT_I8, INK_ELEMENT_U8, INK_ELEMENT_BOOL,
} ink_element;

typedef struct ink_weight {
    const char *name;
    uint32_t rank;
    uint64_t dim[INK_WEIGHT_DIMS]; /* slowest first */
    uint64_t elements;
    const float *data; /* dense */
    const void *source; /* where it begins in the file; tensors of one shape with one source are the same */
} ink_weight;

size_t ink_element_bytes(ink_element element);

/* The element at `at` of little-endian data, which may lie at any address. Whole numbers beyond 2^24 are rounded. */
float ink_element_get(ink_element element, const uint8_t *data, uint64_t at);

#endif
