/* What the numeric tests share: rooms that end at a forbidden page, random floats, and bounds on what
 * rounding may do. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- rounding ---- */

/* The unit roundoff of float32: a correctly rounded operation is off by at most this share. */
#define CHECK_UNIT 0x1p-24
/* What an operation may be off by where the result is subnormal, whatever its size. */
#define CHECK_TINY 0x1p-149

/* The bound on the relative error that k roundings make of one term: (1 + u)^k - 1 <= k u / (1 - k u).
 * N. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, lemma 3.1. */
static inline double check_gamma(double k)
{
    return k * CHECK_UNIT / (1 - k * CHECK_UNIT);
}

/* The distance between the float32 numbers around a value. */
static inline double check_ulp(double value)
{
    int exponent = -126;
    if (fabs(value) >= 0x1p-126)
        exponent = ilogb(value);
    return ldexp(1, exponent - 23);
}

/* ---- random numbers ---- */

/* From -1 to 1, every one of them a multiple of 2^-23. */
static inline float check_random_float(uint64_t *state)
{
    return (float)((int32_t)(test_random(state) >> 40) - (1 << 23)) * 0x1p-23f;
}

static inline float *check_random_floats(uint64_t *state, size_t count)
{
    float *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = check_random_float(state);
    return values;
}

/* From `low` to `high`, both included. */
static inline size_t check_random_size(uint64_t *state, size_t low, size_t high)
{
    return low + (size_t)(test_random(state) >> 33) % (high - low + 1);
}

/* ---- rooms ---- */

/* Where in its room an array lies: right before the page that faults, so that no access past its end
 * goes unseen, or one float behind an address that is a multiple of 64. Both are unaligned for most
 * sizes. Around it lie NaNs: what was read there by mistake shows in the result. */
typedef enum check_place { CHECK_AT_END, CHECK_UNALIGNED, CHECK_PLACES } check_place;

enum { CHECK_MARGIN = 64 };

typedef struct check_room {
    fence fence;
    uint8_t *at; /* the array that lies there now */
    size_t size;
} check_room;

static inline check_room check_room_make(size_t capacity)
{
    const size_t size = (capacity + 4 * CHECK_MARGIN) / CHECK_MARGIN * CHECK_MARGIN;
    void *nothing = calloc(1, size);
    assert_non_null(nothing);
    check_room room = { .fence = fence_make(nothing, size) };
    free(nothing);
    return room;
}

static inline void check_room_free(check_room *room)
{
    fence_free(&room->fence);
}

/* Room for `size` bytes, all NaN, as is what lies around it. */
static inline void *check_room_take(check_room *room, size_t size, check_place place)
{
    assert_true(size + 3 * CHECK_MARGIN <= room->fence.size);
    room->at = place == CHECK_AT_END ? room->fence.data + room->fence.size - size
                                     : room->fence.data + CHECK_MARGIN + sizeof(float);
    room->size = size;
    uint8_t *from = room->at - CHECK_MARGIN, *to = room->at + size;
    memset(from, 0xff, (size_t)(to - from) + (place == CHECK_AT_END ? 0 : CHECK_MARGIN));
    return room->at;
}

/* The same with a copy of `data` in it. */
static inline void *check_room_copy(check_room *room, const void *data, size_t size,
                                    check_place place)
{
    void *at = check_room_take(room, size, place);
    if (size)
        memcpy(at, data, size);
    return at;
}

/* True when bytes are as check_room_take left them. */
static inline bool check_is_poison(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

/* True when nothing around the array was written to. */
static inline bool check_room_kept(const check_room *room)
{
    const uint8_t *end = room->at + room->size, *last = room->fence.data + room->fence.size;
    const size_t behind = (size_t)(last - end);
    return check_is_poison(room->at - CHECK_MARGIN, CHECK_MARGIN) &&
           check_is_poison(end, behind < CHECK_MARGIN ? behind : CHECK_MARGIN);
}

/* ---- memory ---- */

/* An allocator whose blocks are full of NaNs: what was never written shows in the result. */
static inline void *check_alloc_nan(void *context, size_t size)
{
    void *block;
    (void)context;
    if (posix_memalign(&block, 64, size ? size : 1))
        return NULL;
    memset(block, 0xff, size);
    return block;
}

static inline void check_free_nan(void *context, void *block)
{
    (void)context;
    free(block);
}

static const ink_allocator check_nan_allocator = { NULL, check_alloc_nan, check_free_nan };

/* ---- processors ---- */

/* INKLING_TEST_CPU=scalar tests those kernels alone; INK_CPU_BEST, or without it, all that there are. */
static inline ink_cpu check_only_cpu(void)
{
    const char *name = getenv("INKLING_TEST_CPU");
    ink_cpu only = INK_CPU_BEST;
    ink_error error;
    if (name && ink_cpu_from_name(name, &only, &error))
        fail_msg("INKLING_TEST_CPU: %s", error.text);
    return only;
}

#endif
