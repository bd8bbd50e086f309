#include "train/artist.h"

ink_artist ink_artist_of(const ink_negatives *from, uint64_t seed, uint8_t *to, uint8_t *scratch)
{
    const size_t size = (size_t)from->height * from->width;
    return (ink_artist){ .from = from, .random = { seed }, .height = (int)from->height, .width = (int)from->width,
                         .side = (int)(from->height < from->width ? from->height : from->width), .size = size,
                         .to = to, .other = scratch, .scratch = scratch + size };
}

const uint8_t *ink_artist_digit(ink_artist *a, const char *without, unsigned *value)
{
    uint32_t example = 0;
    for (int tries = 0; tries < 20; tries++) {
        example = a->from->indices[ink_random_below(&a->random, (uint32_t)a->from->count)];
        *value = value_of(a, example);
        if (!among(*value, without))
            break;
    }
    return a->from->pixels + (size_t)example * a->size;
}

bool ink_artist_narrow(const ink_artist *a, const uint8_t *picture, float least)
{
    ink_bounds box;
    return !ink_raster_box(picture, 1, a->height, a->width, &box) ||
           (float)(box.right - box.left) < least * (float)(box.bottom - box.top);
}

bool ink_artist_scale(ink_artist *a, const uint8_t *digit, ink_bounds part, int width, int height)
{
    if (width < 1 || height < 1 || width > a->width || height > a->height) /* or `other` and `scratch` are too small */
        return false;
    ink_raster_resample(digit, a->height, a->width, ink_axis_over((float)part.top, (float)part.bottom, height),
                        ink_axis_over((float)part.left, (float)part.right, width), a->other, a->scratch);
    return true;
}

void ink_artist_overlay(ink_artist *a, int left, int top, int width, int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const int px = left + x, py = top + y;
            if (px >= 0 && px < a->width && py >= 0 && py < a->height) {
                uint8_t *to = a->to + (size_t)py * (size_t)a->width + px;
                const uint8_t ink = a->other[(size_t)(y * width + x)];
                *to = ink > *to ? ink : *to;
            }
        }
}

void ink_artist_place(ink_artist *a, const uint8_t *digit, ink_bounds part, int left, int top, int width, int height)
{
    if (ink_artist_scale(a, digit, part, width, height))
        ink_artist_overlay(a, left, top, width, height);
}

int ink_artist_meeting(const ink_artist *a, int top, int width, int height, int away)
{
    enum { INK = 110 };
    int at = -a->width;
    for (int y = 0; y < height; y++) {
        if (top + y < 0 || top + y >= a->height)
            continue;
        const uint8_t *there = a->to + (size_t)(top + y) * (size_t)a->width, *here = a->other + (size_t)(y * width);
        int end = a->width, begin = 0;
        while (end > 0 && there[end - 1] < INK)
            end--;
        while (begin < width && here[begin] < INK)
            begin++;
        if (end > 0 && begin < width && end - begin > at)
            at = end - begin;
    }
    return at > -a->width ? at : away;
}

void ink_artist_fit(ink_artist *a)
{
    ink_raster_fit(a->to, 1, a->height, a->width, a->scratch);
}
