/* The part of a picture that a pooling window covers. */
#ifndef INK_WINDOW_H
#define INK_WINDOW_H

#include <stddef.h>

/* The half-open range of rows (or columns) of a picture of `size` that window `at` covers, when the
 * picture begins `pad` rows into the padded one. */
static inline void ink_window_clip(size_t at, size_t stride, size_t kernel, size_t pad, size_t size,
                                   size_t *from, size_t *to)
{
    size_t begin = at * stride, end = begin + kernel;
    *from = begin < pad ? 0 : begin - pad;
    *to = end < pad ? 0 : end - pad;
    *from = *from < size ? *from : size;
    *to = *to < size ? *to : size;
}

/* The same of the padded picture: how many rows it covers there. */
static inline size_t ink_window_padded(size_t at, size_t stride, size_t kernel, size_t before,
                                       size_t size, size_t after)
{
    size_t from, to;
    ink_window_clip(at, stride, kernel, 0, before + size + after, &from, &to);
    return to - from;
}

#endif
