#include "vision/plane.h"

#include <math.h>

ink_plane ink_plane_make(ink_arena *arena, uint32_t width, uint32_t height)
{
    return (ink_plane){ width, height, ink_arena_array(arena, (size_t)width * height, 1) };
}

/* Which pixels of a row the new one that covers [from, from + span) takes, from first to last. */
typedef struct cover {
    int first, last;
    float from, to;  /* what it covers, for a row that shrinks */
    float low;       /* the share of the first of two, for one that grows */
} cover;

static cover cover_of(float from, float span)
{
    cover c = { .from = from, .to = from + span };
    if (span > 1) {
        c.first = (int)floorf(c.from);
        c.last = (int)ceilf(c.to) - 1;
    } else {
        const float middle = from + span / 2 - 0.5f;
        c.first = (int)floorf(middle);
        c.last = c.first + 1;
        c.low = 1 - (middle - (float)c.first);
    }
    return c;
}

static float share_of(const cover *c, int at, float span)
{
    if (span <= 1)
        return at == c->first ? c->low : 1 - c->low;
    const float low = (float)at > c->from ? (float)at : c->from;
    const float high = (float)(at + 1) < c->to ? (float)(at + 1) : c->to;
    return (high > low ? high - low : 0) / span;
}

void ink_plane_resample(const ink_plane *from, float x, float y, float width, float height, ink_plane *to,
                        float *scratch)
{
    enum { BLOCK = 64 }; /* columns that are added up at once */
    const float span_x = width / (float)to->width, span_y = height / (float)to->height;
    for (uint32_t ox = 0; ox < to->width; ox++) {
        const cover c = cover_of(x + span_x * (float)ox, span_x);
        const int first = c.first > 0 ? c.first : 0;
        const int last = c.last < (int)from->width - 1 ? c.last : (int)from->width - 1;
        for (uint32_t iy = 0; iy < from->height; iy++)
            scratch[(size_t)iy * to->width + ox] = 0;
        for (int ix = first; ix <= last; ix++) {
            const float share = share_of(&c, ix, span_x);
            for (uint32_t iy = 0; iy < from->height; iy++)
                scratch[(size_t)iy * to->width + ox] +=
                    share * (float)from->pixels[(size_t)iy * from->width + (size_t)ix];
        }
    }
    for (uint32_t oy = 0; oy < to->height; oy++) {
        const cover c = cover_of(y + span_y * (float)oy, span_y);
        const int first = c.first > 0 ? c.first : 0;
        const int last = c.last < (int)from->height - 1 ? c.last : (int)from->height - 1;
        for (uint32_t left = 0; left < to->width; left += BLOCK) {
            const uint32_t count = to->width - left < BLOCK ? to->width - left : BLOCK;
            float sum[BLOCK];
            for (uint32_t k = 0; k < count; k++)
                sum[k] = 0.5f;
            for (int iy = first; iy <= last; iy++) {
                const float share = share_of(&c, iy, span_y), *row = scratch + (size_t)iy * to->width + left;
                for (uint32_t k = 0; k < count; k++)
                    sum[k] += share * row[k];
            }
            for (uint32_t k = 0; k < count; k++)
                to->pixels[(size_t)oy * to->width + left + k] = (uint8_t)(sum[k] < 255 ? sum[k] : 255);
        }
    }
}

uint32_t ink_histogram_level(const uint32_t *histogram, uint32_t levels, float share)
{
    uint64_t all = 0, sum = 0;
    for (uint32_t i = 0; i < levels; i++)
        all += histogram[i];
    for (uint32_t i = 0; i < levels; i++) {
        sum += histogram[i];
        if ((double)sum > (double)share * (double)all)
            return i;
    }
    return levels - 1;
}
