/* Lists of the elements that are not zero. */
#ifndef INK_SPARSE_LISTS_H
#define INK_SPARSE_LISTS_H

#include <stddef.h>
#include <stdint.h>

/* Writes the indices of the elements of x that are not zero, in order; returns how many. Written without a
 * branch: whether a pixel is zero is hard to predict. */
static inline size_t ink_sparse_row(const float *x, size_t size, uint32_t *index)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        index[count] = (uint32_t)i;
        count += x[i] != 0;
    }
    return count;
}

typedef size_t ink_sparse_lister(const float *x, size_t size, uint32_t *index); /* ink_sparse_row, or as it */

/* Sorts the elements of x [points, depth] that are not zero by column: those of column i are
 * point[begin[i]] to point[begin[i + 1]], by rising point, with their values beside. */
static inline void ink_sparse_columns(ink_sparse_lister *list, const float *x, size_t points, size_t depth,
                                      uint32_t *begin, uint32_t *point, float *value)
{
    for (size_t i = 0; i <= depth; i++)
        begin[i] = 0;
    for (size_t p = 0; p < points; p++)
        for (size_t i = 0; i < depth; i++)
            begin[i + 1] += x[p * depth + i] != 0;
    for (size_t i = 0; i < depth; i++)
        begin[i + 1] += begin[i];
    /* begin[i] moves to the end of its list, which is where the next one began. */
    for (size_t p = 0; p < points; p++)
        for (size_t from = 0; from < depth; from += 256) {
            uint32_t index[256];
            const float *row = x + p * depth + from;
            const size_t count = list(row, depth - from < 256 ? depth - from : 256, index);
            for (size_t n = 0; n < count; n++) {
                const uint32_t at = begin[from + index[n]]++;
                point[at] = (uint32_t)p;
                value[at] = row[index[n]];
            }
        }
    for (size_t i = depth; i > 0; i--)
        begin[i] = begin[i - 1];
    begin[0] = 0;
}

#endif
