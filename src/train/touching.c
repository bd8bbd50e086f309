#include "train/touching.h"

#include <math.h>
#include <string.h>

/* ---- cutting ---- */

/* A straight cut: at `at` half way down, and `lean` columns further right for each row higher. */
typedef struct cut {
    float at, lean, half;
} cut;

/* How much of a pixel is left of it. */
static float left_of(const cut *c, int x, int y)
{
    const float line = c->at + c->lean * (c->half - (float)y - 0.5f);
    return fminf(fmaxf(line - (float)x, 0), 1);
}

/* Leaves what is on one side of [height, width] ink in rows of `stride`. */
static void keep(const cut *c, bool left, uint8_t *ink, int stride, int width, int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = &ink[(size_t)y * (size_t)stride + (size_t)x];
            const float kept = left ? left_of(c, x, y) : 1 - left_of(c, x, y);
            *pixel = (uint8_t)(kept * (float)*pixel + 0.5f);
        }
}

/* Ink, and how many rows have some. */
static uint64_t ink_of(const uint8_t *ink, int stride, int width, int height, int *rows)
{
    uint64_t sum = 0;
    *rows = 0;
    for (int y = 0; y < height; y++) {
        int most = 0;
        for (int x = 0; x < width; x++) {
            const int value = ink[(size_t)y * (size_t)stride + (size_t)x];
            sum += (uint64_t)value;
            most = value > most ? value : most;
        }
        *rows += most > 64;
    }
    return sum;
}

/* ---- two that touch ---- */

/* Leaves the end of a digit that is at another: what a wrong cut gives to its neighbour. False where that is so little
 * that the neighbour is what it was. */
static bool cut_to_end(ink_artist *a, bool left_end, uint8_t *ink, int stride, int width, int height)
{
    int before, after;
    const float kept = even(a, 0.15f, 0.6f) * (float)width;
    const cut c = { left_end ? kept : (float)width - kept, even(a, -0.15f, 0.4f), (float)height / 2 };
    const uint64_t all = ink_of(ink, stride, width, height, &before);
    keep(&c, left_end, ink, stride, width, height);
    return ink_of(ink, stride, width, height, &after) * 5 >= all && after * 2 >= before;
}

bool ink_touching_draw(ink_artist *a)
{
    unsigned one, two;
    ink_bounds p, q;
    const uint8_t *first = ink_artist_digit(a, "", &one);
    const uint8_t *second = ink_artist_digit(a, among(one, "1") ? "1" : "", &two);
    const bool ends = chance(a, 0.7f), ends_first = chance(a, 0.5f);
    if (ends && among(ends_first ? one : two, "1")) /* whose parts are 1s too */
        return false;
    if (!ink_raster_box(first, 1, a->height, a->width, &p) || !ink_raster_box(second, 1, a->height, a->width, &q))
        return false;
    const float squeeze = even(a, 0.7f, 1.1f), other = even(a, 0.85f, 1.18f);
    float w1 = (float)(p.right - p.left) * squeeze, h1 = (float)(p.bottom - p.top);
    float w2 = (float)(q.right - q.left) * squeeze * other, h2 = (float)(q.bottom - q.top) * other;
    const float scale = (float)a->side * 24 / 28 / fmaxf(w1 + w2, fmaxf(h1, h2));
    w1 *= scale, h1 *= scale, w2 *= scale, h2 *= scale;
    /* On one line, nearly. */
    const float foot = ((float)a->height + fmaxf(h1, h2)) / 2, most = 0.3f * fminf(w1, w2);
    const int left = (int)(((float)a->width - w1 - w2) / 2), right = left + (int)(w1 + 0.5f);
    const int width = (int)(w2 + 0.5f), height = (int)(h2 + 0.5f);
    const int top = (int)(foot - h2 + even(a, -0.08f, 0.08f) * fmaxf(h1, h2));
    ink_artist_place(a, first, p, left, (int)(foot - h1), right - left, (int)(h1 + 0.5f));
    if (!ink_artist_scale(a, second, q, width, height))
        return false;
    const int at = ink_artist_meeting(a, top, width, height, right);
    if ((float)(right - at) > most) /* one would lie over the other */
        return false;
    if (ends && ends_first && !cut_to_end(a, false, a->to + left, a->width, right - left, a->height))
        return false;
    if (ends && !ends_first && !cut_to_end(a, true, a->other, width, width, height))
        return false;
    ink_artist_overlay(a, at - (int)even(a, 0, 2.5f), top, width, height);
    ink_artist_fit(a);
    return !ink_artist_narrow(a, a->to, 0.5f);
}

/* ---- one that was cut out ---- */

enum { PARTED_STREAM = 13, PARTED_CHOICE_STREAM };

bool ink_parted_chosen(float share, uint64_t seed)
{
    ink_random random = { ink_stream(seed, PARTED_CHOICE_STREAM) };
    return share > 0 && ink_random_float(&random) < share;
}

static void mirror(ink_artist *a)
{
    for (int y = 0; y < a->height; y++) {
        uint8_t *row = a->to + (size_t)y * (size_t)a->width;
        for (int x = 0; x < a->width / 2; x++) {
            const uint8_t other = row[x];
            row[x] = row[a->width - 1 - x];
            row[a->width - 1 - x] = other;
        }
    }
}

/* What a cut takes from the picture, and leaves of `other`, which is to be cut off: 255 is a pixel of ink. */
static float wrong(const ink_artist *a, const cut *c, int left, int top, int width, int height)
{
    float sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            const float before = left_of(c, x, y);
            const bool covers = x >= left && x < left + width && y >= top && y < top + height;
            const float foreign = covers ? (float)a->other[(size_t)((y - top) * width + x - left)] : 0;
            sum += (1 - before) * (float)a->to[y * a->width + x] + before * foreign;
        }
    return sum;
}

/* Puts another digit to the right of the picture's, and cuts it off again, not quite where that is best. False, and
 * nothing is changed, where more than `most` would be wrong. */
static bool part_from_another(ink_artist *a, float most)
{
    ink_bounds p, q;
    unsigned value;
    const uint8_t *digit = ink_artist_digit(a, "", &value);
    if (!ink_raster_box(a->to, 1, a->height, a->width, &p) || !ink_raster_box(digit, 1, a->height, a->width, &q))
        return false;
    const float high = (float)(p.bottom - p.top), scale = high / (float)(q.bottom - q.top) * even(a, 0.85f, 1.18f);
    const int width = (int)((float)(q.right - q.left) * scale * even(a, 0.8f, 1.1f) + 0.5f);
    const int height = (int)((float)(q.bottom - q.top) * scale + 0.5f);
    const int top = p.bottom - height + (int)(even(a, -0.08f, 0.08f) * high);
    if (!ink_artist_scale(a, digit, q, width, height))
        return false;
    const int left = ink_artist_meeting(a, top, width, height, p.right) - (int)even(a, 0, 2.5f);
    cut c = { .lean = even(a, -0.1f, 0.3f), .half = (float)a->height / 2 };
    float best = (float)left, least = INFINITY;
    for (int at = left - 1; at <= p.right + 1; at++) {
        c.at = (float)at;
        const float sum = wrong(a, &c, left, top, width, height);
        best = sum < least ? c.at : best;
        least = fminf(sum, least);
    }
    c.at = best + even(a, -1, 1);
    if (wrong(a, &c, left, top, width, height) > most)
        return false;
    ink_artist_overlay(a, left, top, width, height);
    keep(&c, true, a->to, a->width, a->width, a->height);
    return true;
}

bool ink_parted_draw(const ink_negatives *from, uint32_t example, uint64_t seed, uint8_t *to, uint8_t *scratch)
{
    ink_artist a = ink_artist_of(from, ink_stream(seed, PARTED_STREAM), to, scratch);
    int rows;
    memcpy(to, from->pixels + (size_t)example * a.size, a.size);
    /* A little more or less makes another digit of a 1. */
    const float share = among(value_of(&a, example), "1") ? 0.08f : 0.16f;
    const float most = share * (float)ink_of(to, a.width, a.width, a.height, &rows);
    const int sides = 1 + below(&a, 3); /* right, left, both */
    bool changed = false;
    if (sides & 1)
        changed = part_from_another(&a, most);
    if (sides & 2) {
        mirror(&a);
        changed |= part_from_another(&a, most);
        mirror(&a);
    }
    if (changed)
        ink_artist_fit(&a);
    return changed;
}
