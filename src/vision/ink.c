#include "vision/ink.h"

#include "vision/ground.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 256 };

/* Tiles, each of which has one level of paper: between their middles it changes in straight lines. */
typedef struct tiles {
    uint32_t size, across, down;
    float *level;   /* [down, across] */
    float *scratch; /* as many */
} tiles;

static ink_status check(const ink_picture *p, const ink_read_options *options, ink_error *error)
{
    const uint64_t most = options->max_pixels ? options->max_pixels : 200000000;
    if (!p || !p->pixels)
        return ink_fail(error, INK_ERR_ARGUMENT, "picture: its pixels are NULL");
    if (p->channels != 1 && p->channels != 3)
        return ink_fail(error, INK_ERR_ARGUMENT, "picture: found %u channels, wanted 1 or 3", p->channels);
    if (p->width == 0 || p->height == 0 || p->width > INT32_MAX || p->height > INT32_MAX)
        return ink_fail(error, INK_ERR_ARGUMENT, "picture: found %ux%u pixels, wanted 1 to %d each way", p->width,
                        p->height, INT32_MAX);
    if ((uint64_t)p->width * p->height > most)
        return ink_fail(error, INK_ERR_LIMIT, "picture: found %ux%u pixels, wanted at most %llu in all", p->width,
                        p->height, (unsigned long long)most);
    if (p->stride && p->stride < (uint64_t)p->width * p->channels)
        return ink_fail(error, INK_ERR_ARGUMENT, "picture: found a stride of %zu bytes, wanted at least %llu",
                        p->stride, (unsigned long long)p->width * p->channels);
    if (options->polarity > INK_POLARITY_LIGHT)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_read_options: found polarity %d, wanted 0 to 2",
                        (int)options->polarity);
    return INK_OK;
}

/* ---- grey ---- */

/* Luminance, ITU-R BT.601, in 256ths. */
static uint32_t luminance(const uint8_t *rgb)
{
    return (77u * rgb[0] + 150u * rgb[1] + 29u * rgb[2] + 128) >> 8;
}

static uint32_t grey_at(const ink_picture *p, uint32_t x, uint32_t y)
{
    const size_t stride = p->stride ? p->stride : (size_t)p->width * p->channels;
    const uint8_t *pixel = p->pixels + (size_t)y * stride + (size_t)x * p->channels;
    return p->channels == 3 ? luminance(pixel) : *pixel;
}

void ink_picture_as_it_is(const ink_picture *picture, bool light, uint8_t *to)
{
    for (uint32_t y = 0; y < picture->height; y++)
        for (uint32_t x = 0; x < picture->width; x++)
            *to++ = (uint8_t)(light ? grey_at(picture, x, y) : 255 - grey_at(picture, x, y));
}

/* The median of a column, or of a row; and whether nearly all of it is as light. */
static bool plain(const ink_picture *p, bool column, uint32_t at, uint32_t *level)
{
    const uint32_t count = column ? p->height : p->width;
    uint32_t histogram[LEVELS] = { 0 }, near = 0;
    for (uint32_t i = 0; i < count; i++)
        histogram[column ? grey_at(p, at, i) : grey_at(p, i, at)]++;
    *level = ink_histogram_level(histogram, LEVELS, 0.5f);
    for (uint32_t i = *level > 12 ? *level - 12 : 0; i <= *level + 12 && i < LEVELS; i++)
        near += histogram[i];
    return near >= count - count / 5;
}

/* Whether a picture changes between two columns, or rows, over nearly all of their length. */
static bool changes(const ink_picture *p, bool column, uint32_t before, uint32_t after)
{
    enum { APART = 60 };
    const uint32_t count = column ? p->height : p->width;
    uint32_t far = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t a = column ? grey_at(p, before, i) : grey_at(p, i, before);
        const uint32_t b = column ? grey_at(p, after, i) : grey_at(p, i, after);
        far += a > b + APART || b > a + APART;
    }
    return far >= count - count / 5;
}

/* The bars at two sides of a picture that is framed, or of another shape than what shows it: plain, of one level, with
 * a straight edge from end to end. The picture shrinks to what lies between, at least two fifths of it. */
static void leave_frame(ink_picture *p, bool columns, uint32_t *offset)
{
    const size_t stride = p->stride ? p->stride : (size_t)p->width * p->channels;
    uint32_t *const size = columns ? &p->width : &p->height;
    uint32_t bar[2], level[2];
    for (int end = 0; end < 2; end++) {
        const uint32_t last = *size - 1, most = *size * 3 / 10;
        if (!plain(p, columns, end ? last : 0, &level[end]))
            return;
        for (bar[end] = 1; bar[end] <= most; bar[end]++)
            if (changes(p, columns, end ? last - bar[end] + 1 : bar[end] - 1, end ? last - bar[end] : bar[end]))
                break;
        if (bar[end] > most)
            return;
    }
    if (level[0] > level[1] + 12 || level[1] > level[0] + 12)
        return;
    p->stride = stride;
    p->pixels += columns ? (size_t)bar[0] * p->channels : bar[0] * stride;
    *size -= bar[0] + bar[1];
    *offset = bar[0];
}

/* Means of squares of factor x factor pixels; what does not fill a square at the right and the bottom is left out. */
static void reduce(const ink_picture *p, uint32_t factor, ink_plane *to, uint32_t *sums)
{
    const size_t stride = p->stride ? p->stride : (size_t)p->width * p->channels;
    const uint32_t area = factor * factor;
    for (uint32_t y = 0; y < to->height; y++) {
        memset(sums, 0, to->width * sizeof *sums);
        for (uint32_t k = 0; k < factor; k++) {
            const uint8_t *row = p->pixels + ((size_t)y * factor + k) * stride;
            for (uint32_t x = 0; x < to->width; x++)
                for (uint32_t i = 0; i < factor; i++, row += p->channels)
                    sums[x] += p->channels == 3 ? luminance(row) : *row;
        }
        for (uint32_t x = 0; x < to->width; x++)
            to->pixels[(size_t)y * to->width + x] = (uint8_t)((sums[x] + area / 2) / area);
    }
}

/* ---- paper ---- */

static void tile_box(const tiles *t, const ink_plane *plane, uint32_t tx, uint32_t ty, uint32_t box[4])
{
    box[0] = tx * t->size;
    box[1] = ty * t->size;
    box[2] = tx + 1 < t->across ? box[0] + t->size : plane->width; /* the last takes what is left */
    box[3] = ty + 1 < t->down ? box[1] + t->size : plane->height;
}

/* The largest, or the smallest, of each tile and its neighbours. */
static void spread(tiles *t, bool largest)
{
    for (uint32_t y = 0; y < t->down; y++)
        for (uint32_t x = 0; x < t->across; x++) {
            float best = t->level[y * t->across + x];
            for (uint32_t v = y ? y - 1 : 0; v <= y + 1 && v < t->down; v++)
                for (uint32_t u = x ? x - 1 : 0; u <= x + 1 && u < t->across; u++)
                    if ((t->level[v * t->across + u] > best) == largest)
                        best = t->level[v * t->across + u];
            t->scratch[y * t->across + x] = best;
        }
    memcpy(t->level, t->scratch, (size_t)t->across * t->down * sizeof(float));
}

/* The paper at first: in each tile the level that nearly all of it is darker than, or lighter for light ink; and as
 * tiles may lie in a stroke altogether, the closing of these (J. Serra, "Image Analysis and Mathematical Morphology",
 * 1982). */
static void guess_paper(const ink_plane *grey, bool light, tiles *t)
{
    for (uint32_t ty = 0; ty < t->down; ty++)
        for (uint32_t tx = 0; tx < t->across; tx++) {
            uint32_t histogram[LEVELS] = { 0 }, box[4];
            tile_box(t, grey, tx, ty, box);
            for (uint32_t y = box[1]; y < box[3]; y++)
                for (uint32_t x = box[0]; x < box[2]; x++)
                    histogram[grey->pixels[(size_t)y * grey->width + x]]++;
            t->level[ty * t->across + tx] = (float)ink_histogram_level(histogram, LEVELS, light ? 0.15f : 0.85f);
        }
    spread(t, !light);
    spread(t, light);
}

/* A place between the middles of `count` tiles: the tile before it, and how far it is to the next; beyond the outer
 * middles the line of the last two goes on. */
static uint32_t between(uint32_t at, uint32_t size, uint32_t count, float *part)
{
    const float place = ((float)at + 0.5f) / (float)size - 0.5f;
    const uint32_t last = count < 2 ? 0 : count - 2; /* that has a next one */
    const uint32_t at_place = place <= 0 ? 0 : (uint32_t)place, before = at_place < last ? at_place : last;
    *part = count < 2 ? 0 : fminf(place - (float)before, 1.5f);
    return before;
}

/* Levels between the middles of tiles. */
static void draw_tiles(const tiles *t, ink_plane *to)
{
    const uint32_t right = t->across > 1, down = t->down > 1 ? t->across : 0;
    for (uint32_t y = 0; y < to->height; y++) {
        float fx, fy;
        const float *row = t->level + between(y, t->size, t->down, &fy) * t->across;
        for (uint32_t x = 0; x < to->width; x++) {
            const float *a = row + between(x, t->size, t->across, &fx), *b = a + down;
            const float level = (a[0] * (1 - fx) + a[right] * fx) * (1 - fy) + (b[0] * (1 - fx) + b[right] * fx) * fy;
            to->pixels[(size_t)y * to->width + x] = (uint8_t)(level < 0 ? 0 : level < 255 ? level + 0.5f : 255);
        }
    }
}

/* How far a level lies from the paper towards the ink, 0 to 255; negative on the other side. Light that falls unevenly
 * scales paper and ink alike, so dark ink is a share of the paper's level. */
static float ink_level(uint8_t grey, uint8_t paper, bool light)
{
    const float room = light ? 255 - (float)paper : (float)paper;
    const float far = light ? (float)grey - (float)paper : (float)paper - (float)grey;
    return far * 255 / (room > 48 ? room : 48);
}

/* The threshold that parts a histogram best (N. Otsu, "A Threshold Selection Method from Gray-Level Histograms",
 * 1979). */
static uint32_t otsu(const uint32_t *histogram)
{
    double count = 0, sum = 0, below = 0, below_sum = 0, best = -1;
    uint32_t threshold = 0;
    for (int i = 0; i < LEVELS; i++) {
        count += histogram[i];
        sum += (double)i * histogram[i];
    }
    for (uint32_t i = 0; i + 1 < LEVELS; i++) {
        below += histogram[i];
        below_sum += (double)i * histogram[i];
        if (below == 0 || below == count)
            continue;
        const double apart = below_sum / below - (sum - below_sum) / (count - below);
        const double between = below * (count - below) * apart * apart;
        if (between > best) {
            best = between;
            threshold = i;
        }
    }
    return threshold;
}

static void ink_of(const ink_plane *grey, const ink_plane *paper, bool light, ink_plane *ink, uint32_t *histogram)
{
    memset(histogram, 0, LEVELS * sizeof *histogram);
    for (size_t i = 0; i < (size_t)grey->width * grey->height; i++) {
        const float level = ink_level(grey->pixels[i], paper->pixels[i], light);
        ink->pixels[i] = (uint8_t)(level < 0 ? 0 : level < 255 ? level + 0.5f : 255);
        histogram[ink->pixels[i]]++;
    }
}

/* The mean of the pixels without ink in each tile; where there are hardly any, that of the neighbours. */
static void measure_paper(const ink_plane *grey, const ink_plane *ink, uint32_t written, tiles *t)
{
    size_t missing = 0;
    for (uint32_t ty = 0; ty < t->down; ty++)
        for (uint32_t tx = 0; tx < t->across; tx++) {
            uint32_t box[4], count = 0;
            uint64_t sum = 0;
            tile_box(t, grey, tx, ty, box);
            for (uint32_t y = box[1]; y < box[3]; y++)
                for (uint32_t x = box[0]; x < box[2]; x++) {
                    const size_t i = (size_t)y * grey->width + x;
                    if (ink->pixels[i] < written) {
                        sum += grey->pixels[i];
                        count++;
                    }
                }
            const bool enough = count * 10 > (box[2] - box[0]) * (box[3] - box[1]);
            t->level[ty * t->across + tx] = enough ? (float)sum / (float)count : -1;
            missing += !enough;
        }
    if (missing == (size_t)t->across * t->down) /* a picture all of ink is none: let it be paper */
        for (size_t i = 0; i < missing; i++)
            t->level[i] = 128;
    while (missing && missing < (size_t)t->across * t->down) {
        memcpy(t->scratch, t->level, (size_t)t->across * t->down * sizeof(float));
        for (uint32_t y = 0; y < t->down; y++)
            for (uint32_t x = 0; x < t->across; x++) {
                float sum = 0, count = 0;
                if (t->level[y * t->across + x] >= 0)
                    continue;
                for (uint32_t v = y ? y - 1 : 0; v <= y + 1 && v < t->down; v++)
                    for (uint32_t u = x ? x - 1 : 0; u <= x + 1 && u < t->across; u++)
                        if (t->level[v * t->across + u] >= 0) {
                            sum += t->level[v * t->across + u];
                            count++;
                        }
                if (count > 0) {
                    t->scratch[y * t->across + x] = sum / count;
                    missing--;
                }
            }
        memcpy(t->level, t->scratch, (size_t)t->across * t->down * sizeof(float));
    }
}

/* How far a pixel is from the paper, squared, so that noise counts little, and less still where it is no farther than
 * the paper's own shades; on the side where no ink is, that is worse. */
static double deviation(uint8_t grey, uint8_t paper, bool light)
{
    enum { SHADES = 16 };
    const int far = light ? grey - paper : paper - grey, square = far * far;
    const double part = square < SHADES * SHADES ? (double)square / (SHADES * SHADES) : 1;
    return part * square * (far < 0 ? 4 : 1);
}

/* What it takes to explain the picture so: ink; the picture's edge counted once more, as people write in the middle;
 * and paper that is not all alike, or bold strokes would do as paper. */
static double cost_of(const ink_plane *grey, const ink_plane *paper, bool light, const tiles *t)
{
    double sum = 0, edge = 0, mean = 0, uneven = 0;
    const uint32_t w = grey->width, h = grey->height;
    const size_t n = (size_t)t->across * t->down;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            const size_t i = (size_t)y * w + x;
            const double far = deviation(grey->pixels[i], paper->pixels[i], light);
            sum += far;
            edge += x == 0 || y == 0 || x + 1 == w || y + 1 == h ? far : 0;
        }
    for (size_t i = 0; i < n; i++)
        mean += (double)t->level[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        uneven += ((double)t->level[i] - mean) * ((double)t->level[i] - mean) / (double)n;
    return sum / ((double)w * h) + edge / (2.0 * ((double)w + h)) + 4 * uneven;
}

/* ---- the threshold ---- */

/* The paper's standard deviation in each tile, [down, across], told by the pixels on the side where no ink is; gives
 * that over all. */
static float measure_noise(const ink_map *map, const tiles *t, float *noise)
{
    double sum = 0, count = 0;
    for (uint32_t ty = 0; ty < t->down; ty++)
        for (uint32_t tx = 0; tx < t->across; tx++) {
            uint32_t box[4];
            double tile_sum = 0, tile_count = 0;
            tile_box(t, &map->grey, tx, ty, box);
            for (uint32_t y = box[1]; y < box[3]; y++)
                for (uint32_t x = box[0]; x < box[2]; x++) {
                    const size_t i = (size_t)y * map->grey.width + x;
                    const float level = ink_level(map->grey.pixels[i], map->paper.pixels[i], map->light);
                    tile_sum += level < 0 ? (double)level * level : 0;
                    tile_count += level < 0;
                }
            noise[ty * t->across + tx] = tile_count > 0 ? sqrtf((float)(tile_sum / tile_count)) : 0;
            sum += tile_sum;
            count += tile_count;
        }
    return count > 0 ? sqrtf((float)(sum / count)) : 0;
}

/* The least that is taken for ink. */
static float above_noise(float noise)
{
    return fmaxf(4.5f * noise, 10);
}

/* A share of the strongest ink near, so that faint writing is found beside bold, and a bold stroke's blurred edge is no
 * part of it; never so low that noise would be written. */
static void find_threshold(ink_map *map, tiles *t, const float *noise)
{
    uint32_t all[LEVELS] = { 0 };
    const float least = above_noise(map->noise);
    for (uint32_t ty = 0; ty < t->down; ty++)
        for (uint32_t tx = 0; tx < t->across; tx++) {
            uint32_t histogram[LEVELS] = { 0 }, box[4];
            tile_box(t, &map->ink, tx, ty, box);
            for (uint32_t y = box[1]; y < box[3]; y++)
                for (uint32_t x = box[0]; x < box[2]; x++)
                    histogram[map->ink.pixels[(size_t)y * map->ink.width + x]]++;
            for (int i = 0; i < LEVELS; i++)
                all[i] += (float)i >= least ? histogram[i] : 0;
            t->level[ty * t->across + tx] = (float)ink_histogram_level(histogram, LEVELS, 0.98f);
        }
    spread(t, true);
    const float strong = 0.25f * (float)ink_histogram_level(all, LEVELS, 0.8f);
    for (size_t i = 0; i < (size_t)t->across * t->down; i++) {
        const float local = fmaxf(0.4f * t->level[i], above_noise(noise[i]));
        t->level[i] = fminf(fmaxf(local, strong), 250);
    }
    draw_tiles(t, &map->threshold);
}

ink_status ink_map_make(const ink_picture *given, const ink_read_options *options, ink_arena *arena, ink_map *map,
                        ink_error *error)
{
    INK_TRY(check(given, options, error));
    ink_picture inside = *given;
    const ink_picture *picture = &inside;
    uint32_t factor = 1, left = 0, top = 0, histogram[LEVELS];
    leave_frame(&inside, true, &left);
    leave_frame(&inside, false, &top);
    while ((uint64_t)(picture->width / factor) * (picture->height / factor) > INK_READ_PIXELS)
        factor++;
    if (factor > picture->width || factor > picture->height)
        return ink_fail(error, INK_ERR_LIMIT, "picture: found %ux%u pixels, wanted a shape less long", picture->width,
                        picture->height);
    const uint32_t width = picture->width / factor, height = picture->height / factor;
    const uint32_t longer = width > height ? width : height;
    *map = (ink_map){ .factor = factor, .left = left, .top = top };
    map->grey = ink_plane_make(arena, width, height);
    map->paper = ink_plane_make(arena, width, height);
    map->ink = ink_plane_make(arena, width, height);
    map->threshold = ink_plane_make(arena, width, height);
    const uint32_t side = longer / (options->single ? 6 : 16); /* one digit fills its picture */
    tiles t = { .size = side > 8 ? side : 8 };
    t.across = width / t.size ? width / t.size : 1;
    t.down = height / t.size ? height / t.size : 1;
    t.level = ink_arena_array(arena, (size_t)t.across * t.down, sizeof(float));
    t.scratch = ink_arena_array(arena, (size_t)t.across * t.down, sizeof(float));
    float *noise = ink_arena_array(arena, (size_t)t.across * t.down, sizeof(float));
    uint32_t *sums = ink_arena_array(arena, width, sizeof *sums);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for a picture of %ux%u pixels", picture->width,
                        picture->height);
    reduce(picture, factor, &map->grey, sums);
    INK_TRY(ink_ground_cover(&map->grey, arena, error));
    double costs[2];
    for (int light = 1; light >= 0; light--) { /* dark ink last, for then its paper is there already */
        guess_paper(&map->grey, light, &t);
        draw_tiles(&t, &map->paper);
        costs[light] = cost_of(&map->grey, &map->paper, light, &t);
    }
    map->light = options->polarity ? options->polarity == INK_POLARITY_LIGHT : costs[1] < costs[0];
    if (map->light) {
        guess_paper(&map->grey, true, &t);
        draw_tiles(&t, &map->paper);
    }
    ink_of(&map->grey, &map->paper, map->light, &map->ink, histogram);
    const uint32_t written = otsu(histogram) / 2 + 1;
    measure_paper(&map->grey, &map->ink, written, &t);
    draw_tiles(&t, &map->paper);
    ink_of(&map->grey, &map->paper, map->light, &map->ink, histogram);
    map->noise = measure_noise(map, &t, noise);
    find_threshold(map, &t, noise);
    return INK_OK;
}
