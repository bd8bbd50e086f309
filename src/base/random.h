/* Random numbers from a counter: number i of a stream is a function of the seed and i alone, so that
 * whoever needs it can have it, in any order and on any thread. */
#ifndef INK_RANDOM_H
#define INK_RANDOM_H

#include <stdint.h>

/* SplitMix64's output function: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number
 * Generators", 2014. */
static inline uint64_t ink_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A stream of its own for each pair. */
static inline uint64_t ink_stream(uint64_t seed, uint64_t number)
{
    return ink_mix(ink_mix(seed) ^ ink_mix(number * UINT64_C(0xd1342543de82ef95)));
}

typedef struct ink_random {
    uint64_t state;
} ink_random;

static inline uint64_t ink_random_u64(ink_random *random)
{
    const uint64_t value = ink_mix(random->state);
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return value;
}

/* From 0 up to but not 1, in steps of 2^-24. */
static inline float ink_random_float(ink_random *random)
{
    return (float)(ink_random_u64(random) >> 40) * 0x1p-24f;
}

/* From -1 to 1. */
static inline float ink_random_signed(ink_random *random)
{
    return 2 * ink_random_float(random) - 1;
}

/* From 0 to n - 1; n from 1 to 2^32 - 1. The bias is below n / 2^32. */
static inline uint32_t ink_random_below(ink_random *random, uint32_t n)
{
    return (uint32_t)((ink_random_u64(random) >> 32) * n >> 32);
}

#endif
