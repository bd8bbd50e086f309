#include "train/augment.h"

#include "base/random.h"
#include "train/raster.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

int ink_augment_named(const char *name, ink_augment *augment)
{
    static const struct {
        const char *name;
        ink_augment augment;
    } rows[] = {
        { "none", { .shift = 0 } },
        { "light", { .shift = 2, .rotation = 10, .scale = 0.1f, .shear = 0.1f } },
        { "strong", { .shift = 2.5f, .rotation = 15, .scale = 0.15f, .shear = 0.2f, .elastic = 1.2f,
                      .thickness = 0.5f, .erase = 0.1f } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name)) {
            *augment = rows[i].augment;
            return 1;
        }
    return 0;
}

int ink_augment_any(const ink_augment *a)
{
    return a->shift > 0 || a->rotation > 0 || a->scale > 0 || a->shear > 0 || a->elastic > 0 ||
           a->thickness > 0 || a->outline > 0 || a->fit > 0 || a->erase > 0 || a->lines > 0 || a->coarse > 0 ||
           a->blur > 0 || a->stretch > 0 || a->contrast > 0 || a->noise > 0;
}

/* How the pixel at (x, y) of the new picture lies in the old one: an affine map about the middle, and
 * displacements of the points of a coarse grid with linear interpolation between. */
enum { GRID = 5 };
typedef struct warp {
    float xx, xy, x0, yx, yy, y0;
    int elastic;
    float dx[GRID][GRID], dy[GRID][GRID];
} warp;

static warp draw_warp(const ink_augment *a, ink_random *random, ink_random *more, uint32_t height, uint32_t width)
{
    warp w;
    const float angle = a->rotation * ink_random_signed(random) * 0.017453293f;
    const float both = a->scale * ink_random_signed(random);
    const float apart = a->scale * ink_random_signed(random) / 3 + a->stretch * ink_random_signed(more) / 2;
    const float size_x = expf(both + apart), size_y = expf(both - apart);
    const float shear = a->shear * ink_random_signed(random);
    const float cx = ((float)width - 1) / 2, cy = ((float)height - 1) / 2;
    const float tx = a->shift * ink_random_signed(random), ty = a->shift * ink_random_signed(random);
    const float c = cosf(angle), s = sinf(angle);
    w.xx = c / size_x;
    w.xy = (s + shear * c) / size_y;
    w.yx = -s / size_x;
    w.yy = (c - shear * s) / size_y;
    w.x0 = cx - w.xx * (cx + tx) - w.xy * (cy + ty);
    w.y0 = cy - w.yx * (cx + tx) - w.yy * (cy + ty);
    w.elastic = a->elastic > 0;
    for (int i = 0; w.elastic && i < GRID; i++)
        for (int k = 0; k < GRID; k++) {
            w.dx[i][k] = a->elastic * ink_random_signed(random);
            w.dy[i][k] = a->elastic * ink_random_signed(random);
        }
    return w;
}

static void displace(const warp *w, float gx, float gy, float *x, float *y)
{
    const int ix = gx < GRID - 2 ? (int)gx : GRID - 2, iy = gy < GRID - 2 ? (int)gy : GRID - 2;
    const float fx = gx - (float)ix, fy = gy - (float)iy;
    const float a = (1 - fx) * (1 - fy), b = fx * (1 - fy), c = (1 - fx) * fy, d = fx * fy;
    *x += a * w->dx[iy][ix] + b * w->dx[iy][ix + 1] + c * w->dx[iy + 1][ix] + d * w->dx[iy + 1][ix + 1];
    *y += a * w->dy[iy][ix] + b * w->dy[iy][ix + 1] + c * w->dy[iy + 1][ix] + d * w->dy[iy + 1][ix + 1];
}

/* The picture at a point between pixels, linear between the four around it; outside there is no ink. */
static float sample(const uint8_t *from, int height, int width, float x, float y)
{
    if (!(x > -1 && y > -1 && x < (float)width && y < (float)height))
        return 0;
    const int ix = (int)(x + 1) - 1, iy = (int)(y + 1) - 1;
    const float fx = x - (float)ix, fy = y - (float)iy;
    float v[2][2] = { { 0, 0 }, { 0, 0 } };
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (iy + i >= 0 && iy + i < height && ix + k >= 0 && ix + k < width)
                v[i][k] = from[(iy + i) * width + ix + k];
    return (v[0][0] * (1 - fx) + v[0][1] * fx) * (1 - fy) + (v[1][0] * (1 - fx) + v[1][1] * fx) * fy;
}

static void warp_plane(const warp *w, int height, int width, const uint8_t *from, uint8_t *to)
{
    const float grid_x = (float)(GRID - 1) / (float)(width > 1 ? width - 1 : 1);
    const float grid_y = (float)(GRID - 1) / (float)(height > 1 ? height - 1 : 1);
    for (int oy = 0; oy < height; oy++)
        for (int ox = 0; ox < width; ox++) {
            float x = w->xx * (float)ox + w->xy * (float)oy + w->x0;
            float y = w->yx * (float)ox + w->yy * (float)oy + w->y0;
            if (w->elastic)
                displace(w, (float)ox * grid_x, (float)oy * grid_y, &x, &y);
            to[oy * width + ox] = (uint8_t)(sample(from, height, width, x, y) + 0.5f);
        }
}

/* Moves each pixel towards the largest (amount > 0) or smallest of itself and its four neighbours. */
static void thicken(float amount, int height, int width, const uint8_t *from, uint8_t *to)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t here = from[y * width + x];
            const uint8_t around[4] = { y ? from[(y - 1) * width + x] : here,
                                        y + 1 < height ? from[(y + 1) * width + x] : here,
                                        x ? from[y * width + x - 1] : here,
                                        x + 1 < width ? from[y * width + x + 1] : here };
            uint8_t far = here;
            for (int i = 0; i < 4; i++)
                far = (amount > 0) == (around[i] > far) ? around[i] : far;
            to[y * width + x] = (uint8_t)((float)here + fabsf(amount) * ((float)far - (float)here) + 0.5f);
        }
}

static uint64_t ink_of(const uint8_t *plane, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += plane[i];
    return sum;
}

/* As many passes as there are whole pixels, and one of the rest. The plane comes in `scratch`, and leaves in `to`. */
static void change_thickness(float amount, bool keep, int height, int width, uint8_t *to, uint8_t *scratch)
{
    const size_t size = (size_t)height * (size_t)width;
    const uint64_t least = amount < 0 && keep ? ink_of(scratch, size) * 35 / 100 : 0;
    uint8_t *from = scratch, *next = to;
    for (float left = fabsf(amount); left > 0; left--) {
        thicken(copysignf(left < 1 ? left : 1, amount), height, width, from, next);
        if (ink_of(next, size) < least)
            break;
        uint8_t *const swapped = from;
        from = next;
        next = swapped;
    }
    if (from != to)
        memcpy(to, from, size);
}

/* Leaves the edges of strokes alone, as one draws hollow digits: the largest of a pixel and its neighbours less the
 * smallest (the morphological gradient). */
static void draw_outline(int height, int width, uint8_t *plane, uint8_t *scratch)
{
    memcpy(scratch, plane, (size_t)height * (size_t)width);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t most = 0, least = 255;
            for (int i = 0; i < 5; i++) {
                const int v = y + (i == 1) - (i == 2), u = x + (i == 3) - (i == 4);
                const uint8_t there = v >= 0 && v < height && u >= 0 && u < width ? scratch[v * width + u] : 0;
                most = there > most ? there : most;
                least = there < least ? there : least;
            }
            plane[y * width + x] = (uint8_t)(most - least);
        }
}

static void erase(ink_random *random, uint32_t channels, uint32_t height, uint32_t width, uint8_t *to)
{
    const size_t plane = (size_t)height * width;
    const uint32_t h = 1 + ink_random_below(random, (height + 1) / 2);
    const uint32_t v = 1 + ink_random_below(random, (width + 1) / 2);
    const uint32_t top = ink_random_below(random, height - h + 1);
    const uint32_t left = ink_random_below(random, width - v + 1);
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t y = 0; y < h; y++)
            memset(to + c * plane + (size_t)(top + y) * width + left, 0, v);
}

/* One or two curves from edge to edge, as ruled lines, folds and scratches go; a quarter of them take ink away. One that
 * ends within the picture might be another digit's stroke, and two digits that touch are not one. */
static void draw_lines(ink_random *random, uint32_t channels, int height, int width, uint8_t *to)
{
    enum { PIECES = 12 };
    for (uint32_t lines = 1 + ink_random_below(random, 2); lines; lines--) {
        ink_point p[3], from, next;
        for (int i = 0; i < 3; i++)
            p[i] = (ink_point){ (1.4f * ink_random_float(random) - 0.2f) * (float)width,
                                (1.4f * ink_random_float(random) - 0.2f) * (float)height };
        if (ink_random_below(random, 3)) {
            p[0].x = -1;
            p[2].x = (float)width;
        } else {
            p[0].y = -1;
            p[2].y = (float)height;
        }
        const float grey = 60 + 195 * ink_random_float(random);
        const float level = ink_random_below(random, 4) ? grey : -1;
        const float radius = 0.5f + 0.5f * ink_random_float(random);
        from = p[0];
        for (int i = 1; i <= PIECES; i++, from = next) {
            next = ink_raster_bezier(p, (float)i / PIECES);
            for (uint32_t c = 0; c < channels; c++)
                ink_raster_stroke(to + (size_t)c * (size_t)height * (size_t)width, height, width, from, next, radius,
                                  level);
        }
    }
}

static void make_coarse(float factor, int height, int width, uint8_t *plane, uint8_t *scratch)
{
    const int h = (int)((float)height / factor + 0.5f), w = (int)((float)width / factor + 0.5f);
    if (h < 1 || w < 1)
        return;
    ink_raster_resample(plane, height, width, ink_axis_over(0, (float)height, h), ink_axis_over(0, (float)width, w),
                        plane, scratch);
    ink_raster_resample(plane, h, w, ink_axis_over(0, (float)h, height), ink_axis_over(0, (float)w, width), plane,
                        scratch);
}

static void change_levels(float amount, ink_random *random, size_t count, uint8_t *to)
{
    uint8_t level[256];
    const float gamma = expf(amount * ink_random_signed(random));
    const float ink = 1 - amount * ink_random_float(random);
    const float paper = 0.3f * amount * ink_random_float(random);
    for (int i = 0; i < 256; i++) {
        const float x = powf((float)i / 255, gamma) * ink;
        level[i] = (uint8_t)(255 * (paper + (1 - paper) * x) + 0.5f);
    }
    for (size_t i = 0; i < count; i++)
        to[i] = level[to[i]];
}

/* The sum of a random number's eight bytes is as good as normal. */
static void add_noise(float deviation, ink_random *random, size_t count, uint8_t *to)
{
    const float mean = 8 * 127.5f, of_sum = 209.02f; /* sqrt(8 * (256^2 - 1) / 12) */
    for (size_t i = 0; i < count; i++) {
        const uint64_t bytes = ink_random_u64(random), mask = UINT64_C(0x00ff00ff00ff00ff);
        const uint64_t pairs = (bytes & mask) + (bytes >> 8 & mask);
        const float sum = (float)(pairs * UINT64_C(0x0001000100010001) >> 48);
        const float x = (float)to[i] + (sum - mean) / of_sum * 255 * deviation + 0.5f;
        to[i] = (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
    }
}

/* What was there first draws from the seed itself, everything else from a stream of its own: so an amount that is 0
 * changes nothing of what the others do. */
enum {
    FIT_STREAM = 1, LINES_STREAM, COARSE_STREAM, BLUR_STREAM, CONTRAST_STREAM, NOISE_STREAM, OUTLINE_STREAM,
    UNCHANGED_STREAM, STRETCH_STREAM
};

void ink_augment_apply(const ink_augment *a, uint64_t seed, uint32_t channels, uint32_t height,
                       uint32_t width, const uint8_t *from, uint8_t *to, uint8_t *scratch)
{
    const int h = (int)height, w = (int)width;
    const size_t plane = (size_t)height * width, size = plane * channels;
    ink_random more = { ink_stream(seed, UNCHANGED_STREAM) }, random = { seed };
    if (a->unchanged > 0 && ink_random_float(&more) < a->unchanged) {
        memcpy(to, from, size);
        return;
    }
    more.state = ink_stream(seed, STRETCH_STREAM);
    const warp map = draw_warp(a, &random, &more, height, width);
    const float thickness = a->thickness * ink_random_signed(&random);
    for (uint32_t c = 0; c < channels; c++) {
        warp_plane(&map, h, w, from + c * plane, thickness != 0 ? scratch : to + c * plane);
        if (thickness != 0)
            change_thickness(thickness, a->thickness > 1, h, w, to + c * plane, scratch);
    }
    more.state = ink_stream(seed, OUTLINE_STREAM);
    if (a->outline > 0 && ink_random_float(&more) < a->outline)
        for (uint32_t c = 0; c < channels; c++)
            draw_outline(h, w, to + c * plane, scratch);
    more.state = ink_stream(seed, FIT_STREAM);
    if (a->fit > 0 && ink_random_float(&more) < a->fit)
        ink_raster_fit(to, channels, h, w, scratch);
    if (ink_random_float(&random) < a->erase)
        erase(&random, channels, height, width, to);
    more.state = ink_stream(seed, LINES_STREAM);
    if (a->lines > 0 && ink_random_float(&more) < a->lines)
        draw_lines(&more, channels, h, w, to);
    more.state = ink_stream(seed, COARSE_STREAM);
    if (a->coarse > 0 && ink_random_below(&more, 2)) {
        const float factor = 1 + a->coarse * ink_random_float(&more);
        for (uint32_t c = 0; c < channels; c++)
            make_coarse(factor, h, w, to + c * plane, scratch);
    }
    more.state = ink_stream(seed, BLUR_STREAM);
    const float sigma = a->blur > 0 && ink_random_below(&more, 2) ? a->blur * ink_random_float(&more) : 0;
    for (uint32_t c = 0; c < channels && sigma > 0; c++)
        ink_raster_blur(to + c * plane, h, w, sigma, scratch);
    more.state = ink_stream(seed, CONTRAST_STREAM);
    if (a->contrast > 0)
        change_levels(a->contrast, &more, size, to);
    more.state = ink_stream(seed, NOISE_STREAM);
    if (a->noise > 0 && ink_random_below(&more, 2))
        add_noise(a->noise * ink_random_float(&more), &more, size, to);
}
