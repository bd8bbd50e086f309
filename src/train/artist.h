/* What draws pictures of digits that it is given: chance, and boxes of ink laid over each other. For touching.c and
 * negatives.c alone, so its smallest functions have short names. */
#ifndef INK_ARTIST_H
#define INK_ARTIST_H

#include "base/random.h"
#include "train/negatives.h"
#include "train/raster.h"

#include <string.h>

typedef struct ink_artist {
    const ink_negatives *from;
    ink_random random;
    int height, width, side; /* the shorter one */
    size_t size;
    uint8_t *to, *other, *scratch; /* a picture each */
} ink_artist;

/* For pictures of `from`, into `to`; `scratch` has the bytes of two. */
ink_artist ink_artist_of(const ink_negatives *from, uint64_t seed, uint8_t *to, uint8_t *scratch);

static inline float even(ink_artist *a, float low, float high)
{
    return low + (high - low) * ink_random_float(&a->random);
}

static inline bool chance(ink_artist *a, float share)
{
    return ink_random_float(&a->random) < share;
}

static inline int below(ink_artist *a, int n)
{
    return (int)ink_random_below(&a->random, (uint32_t)n);
}

/* The value that an example stands for, or what none of the rules is about. */
static inline unsigned value_of(const ink_artist *a, uint32_t example)
{
    return a->from->digits ? a->from->labels[example] : 255;
}

static inline bool among(unsigned value, const char *digits)
{
    return value < 10 && strchr(digits, (int)('0' + value));
}

/* Any example whose digit is not one of those; the last tried where there seems to be no other. */
const uint8_t *ink_artist_digit(ink_artist *a, const char *without, unsigned *value);

/* Too narrow, and anything may be read as a 1. */
bool ink_artist_narrow(const ink_artist *a, const uint8_t *picture, float least);

/* What is in a box of a digit, in another size, into `other`. False where that has no room. */
bool ink_artist_scale(ink_artist *a, const uint8_t *digit, ink_bounds part, int width, int height);

/* Puts `other` over the picture. */
void ink_artist_overlay(ink_artist *a, int left, int top, int width, int height);

/* The two, where there is room. */
void ink_artist_place(ink_artist *a, const uint8_t *digit, ink_bounds part, int left, int top, int width, int height);

/* Where the left edge of `other` is when it comes from the right and meets the picture's ink; `away` if it never
 * does. */
int ink_artist_meeting(const ink_artist *a, int top, int width, int height, int away);

void ink_artist_fit(ink_artist *a);

#endif
