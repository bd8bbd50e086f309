/* Pictures that are no digits, for a network that should not be sure of them: trained towards the uniform
 * distribution (D. Hendrycks, M. Mazeika, T. Dietterich, "Deep Anomaly Detection with Outlier Exposure", 2019,
 * arXiv:1812.04606). Made for handwritten digits, white on black, of one channel. */
#ifndef INK_NEGATIVES_H
#define INK_NEGATIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The digits that they are made of. */
typedef struct ink_negatives {
    const uint8_t *pixels;   /* [examples, height, width] */
    const uint8_t *labels;
    const uint32_t *indices; /* the examples to choose from */
    size_t count;            /* of these; at least 1 */
    uint32_t height, width;
    bool digits;             /* the labels are the digits' values: then digits turned and mirrored are among them */
} ink_negatives;

/* The kinds, drawn evenly, but for SEVERAL, eight times, and STROKES, four times as often. */
typedef enum ink_negative {
    INK_NEGATIVE_STROKES,  /* one to six strokes, joined or not, and stems with bars and bows: scribbles, letters */
    INK_NEGATIVE_TURNED,   /* a digit mirrored, upside down or turned by 90 degrees, where that is no digit */
    INK_NEGATIVE_SEVERAL,  /* two digits, or one and a part of one, touching, side by side or one above the other */
    INK_NEGATIVE_PART,     /* a digit of which a straight line leaves 25 to 45 % of the ink */
    INK_NEGATIVE_OVERLAID, /* two to four digits on top of each other */
    INK_NEGATIVE_FILLED,   /* a digit enlarged until only pieces of it are seen, or inverted; polygons */
    INK_NEGATIVE_EMPTY,    /* nothing, noise, specks, a dash */
    INK_NEGATIVE_KINDS
} ink_negative;

/* Whether the picture with this seed is to be a negative, where the share `share` is. */
bool ink_negatives_chosen(float share, uint64_t seed);

/* Draws one, [height, width], and tells its kind. The same seed gives the same. `scratch` has the bytes of two
 * pictures. */
ink_negative ink_negatives_draw(const ink_negatives *from, uint64_t seed, uint8_t *to, uint8_t *scratch);

/* The same, of a certain kind; false where that came to something too much like a digit. */
bool ink_negatives_draw_kind(const ink_negatives *from, ink_negative kind, uint64_t seed, uint8_t *to,
                             uint8_t *scratch);

#endif
