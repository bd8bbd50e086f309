/* Arithmetic on sizes from files: true when the result is right, false when it overflowed. */
#ifndef INK_CHECKED_H
#define INK_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ink_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool ink_mul_u64(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Rounds up to a multiple of `unit`, which must not be 0. */
static inline bool ink_round_up_u64(uint64_t a, uint64_t unit, uint64_t *rounded)
{
    uint64_t rest = a % unit;
    return ink_add_u64(a, rest ? unit - rest : 0, rounded);
}

/* The same for sizes that are known to be small. */
static inline size_t ink_round_up(size_t a, size_t unit)
{
    return (a + unit - 1) / unit * unit;
}

#endif
