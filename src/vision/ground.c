#include "vision/ground.h"

#include "vision/components.h"

#include <string.h>

enum {
    LEVELS = 256,
    ACROSS = 96, /* cells along the longer side */
    LEAST = 16,  /* cells along the shorter side: of fewer no shape can be told */
    ALIKE = 24,  /* levels that a ground may differ */
    SHARP = 30,  /* levels between sheet and ground, at the sheet's border */
};

/* A cell has one level, its median, so that strokes do not count. */
typedef struct cells {
    uint32_t size, across, down;
    uint8_t *level;       /* [down, across] */
    uint8_t *other;       /* [down, across]: not as the ground is */
    uint32_t *from, *to;  /* [down]: the columns of the part that may be a sheet, in each of its rows */
    ink_component part;
} cells;

static void measure_cells(const ink_plane *grey, cells *c)
{
    for (uint32_t v = 0; v < c->down; v++)
        for (uint32_t u = 0; u < c->across; u++) {
            uint32_t histogram[LEVELS] = { 0 };
            for (uint32_t y = v * c->size; y < (v + 1) * c->size; y++)
                for (uint32_t x = u * c->size; x < (u + 1) * c->size; x++)
                    histogram[grey->pixels[(size_t)y * grey->width + x]]++;
            c->level[v * c->across + u] = (uint8_t)ink_histogram_level(histogram, LEVELS, 0.5f);
        }
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

static bool at_edge(const cells *c, uint32_t u, uint32_t v)
{
    return u == 0 || v == 0 || u + 1 == c->across || v + 1 == c->down;
}

/* The level along the picture's edge; false where most of it is something else. */
static bool find_ground(const cells *c, uint32_t *level)
{
    uint32_t histogram[LEVELS] = { 0 }, alike = 0;
    const uint32_t border = 2 * (c->across + c->down) - 4;
    for (uint32_t v = 0; v < c->down; v++)
        for (uint32_t u = 0; u < c->across; u++)
            histogram[c->level[v * c->across + u]] += at_edge(c, u, v);
    *level = ink_histogram_level(histogram, LEVELS, 0.5f);
    for (uint32_t i = 0; i < LEVELS; i++)
        alike += apart(i, *level) <= ALIKE ? histogram[i] : 0;
    return alike * 2 >= border;
}

/* The largest connected part that is not as the ground is; its area is 0 where there is none. */
static ink_status find_part(cells *c, uint32_t ground, ink_arena *arena, ink_error *error)
{
    ink_plane plane = { c->across, c->down, c->other };
    ink_components parts;
    for (size_t i = 0; i < (size_t)c->across * c->down; i++)
        c->other[i] = apart(c->level[i], ground) > ALIKE;
    INK_TRY(ink_components_find(&plane, &plane, arena, &parts, error));
    uint32_t best = 0;
    for (uint32_t i = 1; i < parts.count; i++)
        best = parts.component[i].area > parts.component[best].area ? i : best;
    c->part = parts.component[best];
    const ink_box *b = &c->part.box;
    for (uint32_t v = b->y0; v < b->y1; v++) {
        const uint32_t *row = parts.label + (size_t)v * c->across;
        for (c->from[v] = b->x0; row[c->from[v]] != best;)
            c->from[v]++;
        for (c->to[v] = b->x1; row[c->to[v] - 1] != best;)
            c->to[v]--;
    }
    return INK_OK;
}

/* Whether a part is as a sheet lies in a picture: large, with nearly straight and upright sides, nearly all of it other
 * than the ground, and other at once. It may reach the picture's edge at one side or at two that face each other; at
 * more, what is around it may be a shadow that lies on it. */
static bool is_sheet(const cells *c)
{
    const ink_box *b = &c->part.box;
    uint32_t filled = 0, sides = 0, sharp = 0;
    for (uint32_t v = b->y0; v < b->y1; v++) {
        const uint32_t from = c->from[v], to = c->to[v];
        const uint8_t *row = c->level + v * c->across;
        filled += to - from;
        if (from >= 2 && from + 1 < c->across) {
            sides++;
            sharp += apart(row[from + 1], row[from - 2]) >= SHARP;
        }
        if (to + 1 < c->across && to >= 2) {
            sides++;
            sharp += apart(row[to - 2], row[to + 1]) >= SHARP;
        }
    }
    const uint32_t wide = ink_box_width(b), high = ink_box_height(b), area = c->part.area;
    const int beside = (b->x0 == 0) + (b->x1 == c->across), over = (b->y0 == 0) + (b->y1 == c->down);
    if (beside + over > 2 || (beside == 1 && over == 1))
        return false;
    return wide * 5 >= c->across * 2 && high * 5 >= c->down * 2 && area * 5 >= c->across * c->down &&
           filled * 5 >= wide * high * 4 && area * 20 >= filled * 17 && sharp * 20 >= sides * 17;
}

/* The columns of a row of cells that are the sheet's for sure: its border may cross a cell, but for where that is the
 * picture's edge. */
static bool inside(const cells *c, uint32_t v, uint32_t *from, uint32_t *to)
{
    const ink_box *b = &c->part.box;
    if ((v == b->y0 && v > 0) || (v + 1 == b->y1 && b->y1 < c->down))
        return false;
    *from = c->from[v];
    *to = c->to[v];
    for (uint32_t k = v > b->y0 ? v - 1 : v; k <= v + 1 && k < b->y1; k++) {
        *from = c->from[k] > *from ? c->from[k] : *from;
        *to = c->to[k] < *to ? c->to[k] : *to;
    }
    *from += *from > 0;
    *to -= *to < c->across;
    return *from < *to;
}

/* Whether anything is written on the sheet: or it is a bold stroke itself. */
static bool is_written(const ink_plane *grey, const cells *c)
{
    uint64_t ink = 0, all = 0;
    for (uint32_t v = c->part.box.y0; v < c->part.box.y1; v++) {
        uint32_t from, to;
        if (!inside(c, v, &from, &to))
            continue;
        for (uint32_t y = v * c->size; y < (v + 1) * c->size; y++)
            for (uint32_t x = from * c->size; x < to * c->size; x++) {
                ink += apart(grey->pixels[(size_t)y * grey->width + x], c->level[v * c->across + x / c->size]) >= SHARP;
                all++;
            }
    }
    return all > 0 && ink * 500 >= all;
}

static uint8_t middle(const uint8_t *three, ptrdiff_t step)
{
    const uint8_t a = three[0], b = three[step], c = three[2 * step];
    const uint8_t low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* What is outside gets the level of the sheet at its border in the nearest row. */
static void paint(ink_plane *grey, const cells *c)
{
    uint32_t first = c->part.box.y0, last = c->part.box.y1 - 1, from, to;
    while (!inside(c, first, &from, &to)) /* what is written is in some row */
        first++;
    while (!inside(c, last, &from, &to))
        last--;
    for (uint32_t y = 0; y < grey->height; y++) {
        const uint32_t at = y / c->size;
        uint32_t v = at < first ? first : at > last ? last : at;
        while (!inside(c, v, &from, &to)) /* a row that is all border, like the one above */
            v--;
        const uint8_t *row = c->level + v * c->across;
        const uint8_t left = to - from < 3 ? row[from] : middle(row + from, 1);
        const uint8_t right = to - from < 3 ? row[to - 1] : middle(row + to - 1, -1);
        uint8_t *pixel = grey->pixels + (size_t)y * grey->width;
        if (at < first || at > last) {
            for (uint32_t x = 0; x < grey->width; x++) {
                const uint32_t u = x / c->size;
                pixel[x] = u < from ? left : u >= to ? right : row[u];
            }
            continue;
        }
        memset(pixel, left, from * c->size);
        memset(pixel + to * c->size, right, grey->width - to * c->size);
    }
}

ink_status ink_ground_cover(ink_plane *grey, ink_arena *arena, ink_error *error)
{
    const uint32_t longer = grey->width > grey->height ? grey->width : grey->height;
    cells c = { .size = longer / ACROSS > 2 ? longer / ACROSS : 2 };
    c.across = grey->width / c.size;
    c.down = grey->height / c.size;
    if (c.across < LEAST || c.down < LEAST)
        return INK_OK;
    c.level = ink_arena_array(arena, (size_t)c.across * c.down, 1);
    c.other = ink_arena_array(arena, (size_t)c.across * c.down, 1);
    c.from = ink_arena_array(arena, c.down, sizeof *c.from);
    c.to = ink_arena_array(arena, c.down, sizeof *c.to);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to look for a sheet of paper");
    measure_cells(grey, &c);
    uint32_t ground;
    if (!find_ground(&c, &ground))
        return INK_OK;
    INK_TRY(find_part(&c, ground, arena, error));
    if (is_sheet(&c) && is_written(grey, &c))
        paint(grey, &c);
    return INK_OK;
}
