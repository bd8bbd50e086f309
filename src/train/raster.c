#include "train/raster.h"

#include <math.h>
#include <string.h>

/* Beyond a sixteenth of the size, pixels between are left out. */
enum { MAX_TAPS = 34 };

typedef struct taps {
    int first, count;
    float weight[MAX_TAPS];
} taps;

/* One row of a new picture from rows of the old one, written as a column: twice this is both axes, in memory's
 * order each time. */
static void gather(const uint8_t *from, int height, int width, const taps *t, int at, int count, uint8_t *to)
{
    enum { CHUNK = 32 };
    const int first = t->first < 0 ? 0 : t->first;
    const int end = t->first + t->count < height ? t->first + t->count : height;
    for (int left = 0; left < width; left += CHUNK) {
        const int columns = width - left < CHUNK ? width - left : CHUNK;
        float sum[CHUNK] = { 0 };
        for (int y = first; y < end; y++) {
            const uint8_t *row = from + (size_t)y * (size_t)width + left;
            const float weight = t->weight[y - t->first];
            for (int i = 0; i < columns; i++)
                sum[i] += weight * (float)row[i];
        }
        for (int i = 0; i < columns; i++)
            to[(size_t)(left + i) * (size_t)count + (size_t)at] = (uint8_t)(sum[i] + 0.5f);
    }
}

static void share_out(taps *t)
{
    float sum = 0;
    for (int i = 0; i < t->count; i++)
        sum += t->weight[i];
    for (int i = 0; i < t->count; i++)
        t->weight[i] /= sum;
}

static void resample_rows(const uint8_t *from, int height, int width, ink_axis axis, uint8_t *to)
{
    const float most = (MAX_TAPS - 2) / 2;
    const float reach = axis.step < 1 ? 1 : axis.step < most ? axis.step : most;
    for (int i = 0; i < axis.count; i++) {
        taps t = { .count = 0 };
        const float at = axis.origin + (float)i * axis.step;
        /* Far outside all weights would fall away; and no float that is too large becomes an int. */
        if (at > -reach && at < (float)height - 1 + reach) {
            t.first = (int)floorf(at - reach) + 1;
            while (t.count < MAX_TAPS && (float)(t.first + t.count) < at + reach) {
                t.weight[t.count] = reach - fabsf((float)(t.first + t.count) - at);
                t.count++;
            }
            share_out(&t);
        }
        gather(from, height, width, &t, i, axis.count, to);
    }
}

ink_axis ink_axis_over(float from, float to, int count)
{
    const float step = (to - from) / (float)count;
    return (ink_axis){ count, from + step / 2 - 0.5f, step };
}

void ink_raster_resample(const uint8_t *from, int height, int width, ink_axis y, ink_axis x, uint8_t *to,
                         uint8_t *scratch)
{
    resample_rows(from, height, width, y, scratch); /* [width, y.count] */
    resample_rows(scratch, width, y.count, x, to);  /* [y.count, x.count] */
}

void ink_raster_blur(uint8_t *plane, int height, int width, float sigma, uint8_t *scratch)
{
    taps t;
    const int radius = (int)ceilf(3 * sigma);
    if (!(sigma > 0))
        return;
    t.count = 2 * radius + 1;
    for (int i = 0; i < t.count; i++)
        t.weight[i] = expf((float)-((i - radius) * (i - radius)) / (2 * sigma * sigma));
    share_out(&t);
    for (int y = 0; y < height; y++) {
        t.first = y - radius;
        gather(plane, height, width, &t, y, height, scratch);
    }
    for (int x = 0; x < width; x++) {
        t.first = x - radius;
        gather(scratch, width, height, &t, x, width, plane);
    }
}

bool ink_raster_box(const uint8_t *picture, uint32_t channels, int height, int width, ink_bounds *box)
{
    const size_t plane = (size_t)height * (size_t)width;
    int peak = 0;
    for (size_t i = 0; i < plane * channels; i++)
        peak = picture[i] > peak ? picture[i] : peak;
    *box = (ink_bounds){ width, height, 0, 0 };
    for (uint32_t c = 0; c < channels; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                if (picture[c * plane + (size_t)y * (size_t)width + (size_t)x] > peak / 16) {
                    box->left = x < box->left ? x : box->left;
                    box->right = x + 1 > box->right ? x + 1 : box->right;
                    box->top = y < box->top ? y : box->top;
                    box->bottom = y + 1 > box->bottom ? y + 1 : box->bottom;
                }
    return peak > 0;
}

void ink_raster_fit(uint8_t *picture, uint32_t channels, int height, int width, uint8_t *scratch)
{
    ink_bounds box;
    const size_t plane = (size_t)height * (size_t)width;
    if (!ink_raster_box(picture, channels, height, width, &box))
        return;
    double sum = 0, x = 0, y = 0;
    for (uint32_t c = 0; c < channels; c++)
        for (int row = box.top; row < box.bottom; row++)
            for (int column = box.left; column < box.right; column++) {
                const double ink = picture[c * plane + (size_t)row * (size_t)width + (size_t)column];
                sum += ink;
                x += ink * column;
                y += ink * row;
            }
    const int longer = box.right - box.left > box.bottom - box.top ? box.right - box.left : box.bottom - box.top;
    const int side = height < width ? height : width;
    const float step = (float)longer / ((float)side * 20 / 28);
    /* MNIST's digits have their mass at 14, not at 13.5. */
    const ink_axis down = { height, (float)(y / sum) - step * (float)(height / 2), step };
    const ink_axis across = { width, (float)(x / sum) - step * (float)(width / 2), step };
    for (uint32_t c = 0; c < channels; c++)
        ink_raster_resample(picture + c * plane, height, width, down, across, picture + c * plane, scratch);
}

void ink_raster_stroke(uint8_t *plane, int height, int width, ink_point from, ink_point to, float radius,
                       float level)
{
    const float dx = to.x - from.x, dy = to.y - from.y, square = dx * dx + dy * dy, reach = radius + 1;
    const float low_x = fminf(from.x, to.x) - reach, high_x = fmaxf(from.x, to.x) + reach;
    const float low_y = fminf(from.y, to.y) - reach, high_y = fmaxf(from.y, to.y) + reach;
    if (!(low_x < (float)width && low_y < (float)height && high_x > 0 && high_y > 0))
        return;
    const int left = low_x > 0 ? (int)low_x : 0, right = high_x < (float)width ? (int)high_x : width - 1;
    const int top = low_y > 0 ? (int)low_y : 0, bottom = high_y < (float)height ? (int)high_y : height - 1;
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            const float px = (float)x - from.x, py = (float)y - from.y;
            const float along = square > 0 ? fminf(fmaxf((px * dx + py * dy) / square, 0), 1) : 0;
            const float rx = px - along * dx, ry = py - along * dy, away = rx * rx + ry * ry;
            if (away >= (radius + 0.5f) * (radius + 0.5f))
                continue;
            const float cover = fminf(radius + 0.5f - sqrtf(away), 1);
            uint8_t *here = plane + (size_t)y * (size_t)width + (size_t)x;
            if (level < 0)
                *here = (uint8_t)((float)*here * (1 - cover) + 0.5f);
            else if (cover * level > (float)*here)
                *here = (uint8_t)(cover * level + 0.5f);
        }
}

ink_point ink_raster_bezier(const ink_point p[3], float t)
{
    const float a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
    return (ink_point){ a * p[0].x + b * p[1].x + c * p[2].x, a * p[0].y + b * p[1].y + c * p[2].y };
}
