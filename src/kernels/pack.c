/* Weights in the order in which the products read them. */
#include "kernels/kernels.h"

#include <string.h>

size_t ink_igemm_packed_size(size_t tile, size_t columns, size_t taps, size_t depth)
{
    size_t panels = columns / tile + (columns % tile != 0), size;
    if (__builtin_mul_overflow(panels * tile, taps, &size) ||
        __builtin_mul_overflow(size, depth, &size))
        return 0;
    return size;
}

void ink_igemm_pack(float *packed, size_t tile, size_t columns, size_t taps, size_t depth,
                    const float *w, size_t column_stride, size_t tap_stride, size_t depth_stride)
{
    for (size_t column = 0; column < columns; column += tile) {
        const size_t width = columns - column < tile ? columns - column : tile;
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t i = 0; i < depth; i++, packed += tile) {
                const float *from = w + column * column_stride + tap * tap_stride + i * depth_stride;
                if (column_stride == 1)
                    memcpy(packed, from, width * sizeof *packed);
                else
                    for (size_t c = 0; c < width; c++)
                        packed[c] = from[c * column_stride];
                for (size_t c = width; c < tile; c++)
                    packed[c] = 0;
            }
    }
}
