/* Digits as they stand in a number where they touch, and as they are when reading cuts them apart. */
#ifndef INK_TOUCHING_H
#define INK_TOUCHING_H

#include "train/artist.h"

/* Two that touch, or one and the end of another, which a wrong cut gave to it: no digit, so a negative. False where it
 * came to something too much like one. */
bool ink_touching_draw(ink_artist *a);

/* Whether the picture with this seed is to be of a digit that was cut out, where the share `share` is. */
bool ink_parted_chosen(float share, uint64_t seed);

/* An example [height, width] as it may be when it has been cut out of a number: with a little of what it touched, or
 * without a little of its own. False where the neighbours that were tried cannot be cut off so; then `to` is the
 * example. The same seed gives the same. `scratch` has the bytes of two pictures. */
bool ink_parted_draw(const ink_negatives *from, uint32_t example, uint64_t seed, uint8_t *to, uint8_t *scratch);

#endif
