#include "tensor/shape.h"

#include "base/checked.h"

#include <stdio.h>

const char *ink_shape_text(ink_shape shape, char text[INK_SHAPE_TEXT])
{
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < shape.rank; i++)
        at += (size_t)snprintf(text + at, INK_SHAPE_TEXT - at, i ? "x%u" : "%u", shape.dim[i]);
    return text;
}

bool ink_shape_elements(ink_shape shape, uint64_t *elements)
{
    *elements = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        if (!ink_mul_u64(*elements, shape.dim[i], elements) || *elements > UINT64_C(1) << 40)
            return false;
    return true;
}

bool ink_shape_equal(ink_shape a, ink_shape b)
{
    if (a.rank != b.rank)
        return false;
    for (uint32_t i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}
