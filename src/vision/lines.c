#include "vision/lines.h"

#include <math.h>
#include <string.h>

static uint32_t largest(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t smallest(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Pixels that two ranges share, or minus those between them. */
static int overlap(uint32_t a0, uint32_t a1, uint32_t b0, uint32_t b1)
{
    return (int)smallest(a1, b1) - (int)largest(a0, b0);
}

/* Indices 0 to count - 1 in the order of their keys; equal keys stay in order. */
static void sort(uint32_t *order, const double *key, size_t count, uint32_t *scratch)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t start = 0; start < count; start += 2 * run) {
            const size_t middle = start + run < count ? start + run : count;
            const size_t end = start + 2 * run < count ? start + 2 * run : count;
            size_t a = start, b = middle;
            for (size_t to = start; to < end; to++)
                scratch[to] = a < middle && (b == end || key[order[a]] <= key[order[b]]) ? order[a++] : order[b++];
        }
        memcpy(order, scratch, count * sizeof *order);
    }
}

/* ---- how high digits are ---- */

static bool touches_edge(const ink_components *c, const ink_box *b)
{
    return b->x0 == 0 || b->y0 == 0 || b->x1 == c->width || b->y1 == c->height;
}

/* The median height, each component counting by its height, so that specks do not; what touches the picture's edge, a
 * table or a shadow, is asked only where there is nothing else. */
static uint32_t digit_height(const ink_components *c, const bool *dropped, ink_arena *arena)
{
    uint64_t *weight = ink_arena_array(arena, (size_t)c->height + 1, sizeof *weight);
    if (!weight)
        return 0;
    for (int edge = 0; edge < 2; edge++) {
        uint64_t all = 0, sum = 0;
        for (size_t i = 1; i < c->count; i++) {
            const ink_component *k = &c->component[i];
            const ink_box *b = &k->box;
            const uint32_t h = ink_box_height(b);
            if ((dropped && dropped[i]) || h < 4 || (!edge && touches_edge(c, b)))
                continue;
            const uint64_t counts = (uint64_t)h * k->level * k->level;
            weight[h] += counts;
            all += counts;
        }
        for (uint32_t h = 0; h <= c->height && all; h++) {
            sum += weight[h];
            if (sum * 2 >= all)
                return h;
        }
    }
    return 0;
}

/* ---- ruled lines ---- */

typedef struct way {
    uint32_t along, across;  /* pixels in the line's direction, and over it */
    size_t step_along, step_across;
} way;

/* Marks the pixels of long runs. */
static void mark_runs(const ink_plane *written, const way *d, ink_plane *runs)
{
    const uint32_t least = largest(d->along / 16, 24);
    memset(runs->pixels, 0, (size_t)d->along * d->across);
    for (uint32_t v = 0; v < d->across; v++)
        for (uint32_t u = 0, start = 0; u <= d->along; u++)
            if (u == d->along || !written->pixels[u * d->step_along + v * d->step_across]) {
                if (u - start >= least)
                    memset(runs->pixels + (size_t)v * d->along + start, 1, u - start);
                start = u + 1;
            }
}

/* Takes one line out, column by column: but where ink goes on at both sides. */
static void erase_rule(ink_plane *written, const ink_components *runs, uint32_t number, const way *d)
{
    const ink_box *b = &runs->component[number].box;
    for (uint32_t u = b->x0; u < b->x1; u++) {
        uint32_t first = b->y1, last = 0;
        for (uint32_t v = b->y0; v < b->y1; v++)
            if (runs->label[(size_t)v * d->along + u] == number) {
                first = smallest(first, v);
                last = v;
            }
        uint8_t *column = written->pixels + u * d->step_along;
        if (first > last || (first > 0 && last + 1 < d->across && column[(first - 1) * d->step_across] &&
                             column[(last + 1) * d->step_across]))
            continue;
        for (uint32_t v = first; v <= last; v++)
            column[v * d->step_across] = 0;
    }
}

/* Long, flat and thin, as a ruled line is, and the bar of a large digit too. */
static bool is_long(const ink_component *run, const way *d)
{
    const uint32_t long_side = ink_box_width(&run->box);
    return long_side * 3 >= d->along && ink_box_height(&run->box) * 8 <= long_side &&
           run->area <= 12 * long_side + long_side * d->across / 100;
}

/* Takes out the long runs that are longer than that. Whether there were any. */
static bool erase_rules(ink_plane *written, const ink_components *runs, const way *d, uint32_t longer)
{
    bool any = false;
    for (uint32_t i = 1; i < runs->count; i++)
        if (is_long(&runs->component[i], d) && ink_box_width(&runs->component[i].box) > longer) {
            erase_rule(written, runs, i, d);
            any = true;
        }
    return any;
}

/* Whether a pixel that was taken out is near the place U of a run. */
static bool at_rule(const ink_plane *before, const ink_plane *written, const ink_box *run, const way *d, uint32_t u)
{
    const uint32_t reach = ink_box_height(run) + 2, end = smallest(u + reach, d->along);
    for (uint32_t v = run->y0; v < run->y1; v++)
        for (uint32_t k = u > reach ? u - reach : 0; k < end; k++) {
            const size_t i = k * d->step_along + v * d->step_across;
            if (before->pixels[i] && !written->pixels[i])
                return true;
        }
    return false;
}

/* Takes out the sides of boxes: as high as what is written or higher, from one ruled line to another, and not alone. */
static void erase_sides(const ink_plane *before, ink_plane *written, const ink_components *runs, const way *d,
                        uint32_t tall, bool *side)
{
    uint32_t sides = 0;
    for (uint32_t i = 1; i < runs->count; i++) {
        const ink_box *b = &runs->component[i].box;
        side[i] = ink_box_width(b) * 10 >= tall * 9 && ink_box_height(b) * 8 <= ink_box_width(b) &&
                  at_rule(before, written, b, d, b->x0) && at_rule(before, written, b, d, b->x1);
        sides += side[i];
    }
    for (uint32_t i = 1; i < runs->count && sides > 1; i++)
        if (side[i])
            erase_rule(written, runs, i, d);
}

/* `before` is what was written before the lines over these were taken out, NULL where none were. */
static ink_status erase_way(const ink_plane *before, ink_plane *written, const ink_plane *faint, const ink_plane *ink,
                            const way *d, ink_arena *arena, bool *erased, ink_error *error)
{
    ink_components runs, rest;
    ink_plane marked = ink_plane_make(arena, d->along, d->across);
    ink_plane without = ink_plane_make(arena, written->width, written->height);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to look for ruled lines");
    mark_runs(faint, d, &marked);
    INK_TRY(ink_components_find(&marked, &marked, arena, &runs, error));
    /* A bar of a digit is no ruled line: these are much longer than what is written is high, without them. */
    memcpy(without.pixels, written->pixels, (size_t)written->width * written->height);
    if (!erase_rules(&without, &runs, d, 0) && !before)
        return INK_OK;
    INK_TRY(ink_components_find(&without, ink, arena, &rest, error));
    const uint32_t tall = digit_height(&rest, NULL, arena);
    bool *side = ink_arena_array(arena, runs.count, sizeof *side);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to look for ruled lines");
    *erased = erase_rules(written, &runs, d, 3 * tall);
    if (before)
        erase_sides(before, written, &runs, d, tall, side);
    return INK_OK;
}

ink_status ink_rules_erase(ink_plane *written, const ink_plane *faint, const ink_plane *ink,
                           const ink_allocator *allocator, ink_error *error)
{
    const uint32_t w = written->width, h = written->height;
    const way ways[2] = { { w, h, 1, w }, { h, w, w, 1 } };
    ink_arena kept;
    bool erased = false;
    ink_arena_init(&kept, allocator);
    ink_plane before = ink_plane_make(&kept, w, h);
    ink_status status = kept.failed ? ink_fail(error, INK_ERR_MEMORY, "no memory to look for ruled lines") : INK_OK;
    if (!status)
        memcpy(before.pixels, written->pixels, (size_t)w * h);
    for (int i = 0; i < 2 && !status; i++) {
        ink_arena arena; /* of its own: labels take four bytes a pixel */
        ink_arena_init(&arena, allocator);
        status = erase_way(erased ? &before : NULL, written, faint, ink, &ways[i], &arena, &erased, error);
        ink_arena_free(&arena);
    }
    ink_arena_free(&kept);
    return status;
}

/* ---- groups ---- */

/* Whether two boxes are parts of one digit: one above the other, near, and not as high together as two lines. */
static bool belongs(const ink_box *a, const ink_box *b, uint32_t tall)
{
    const int share = overlap(a->x0, a->x1, b->x0, b->x1), gap = -overlap(a->y0, a->y1, b->y0, b->y1);
    const uint32_t narrow = smallest(ink_box_width(a), ink_box_width(b));
    const uint32_t low = smallest(ink_box_height(a), ink_box_height(b));
    const uint32_t both = largest(a->y1, b->y1) - smallest(a->y0, b->y0);
    return share * 2 >= (int)narrow && gap * 4 <= (int)tall && both * 2 <= tall * 3 && low * 4 <= tall * 3;
}

/* What the writing is like, over all of it: means by area. */
typedef struct hand {
    uint32_t tall;
    float level, stroke;
    size_t inside; /* components of about that height, away from the picture's edge */
} hand;

static float stroke_of(const ink_component *k)
{
    return 2 * (float)k->area / (float)k->border;
}

static hand hand_of(const ink_components *c, uint32_t tall)
{
    double level = 0, stroke = 0, sum = 0;
    hand all = { .tall = tall };
    for (size_t i = 1; i < c->count; i++) {
        const ink_component *k = &c->component[i];
        const uint32_t h = ink_box_height(&k->box);
        const double squared = (double)k->level * k->level, weight = k->area * squared * squared;
        level += k->level * weight;
        stroke += (double)stroke_of(k) * weight;
        sum += weight;
        all.inside += !touches_edge(c, &k->box) && h * 2 > tall && h < tall * 2;
    }
    all.level = sum > 0 ? (float)(level / sum) : 0;
    all.stroke = sum > 0 ? (float)(stroke / sum) : 0;
    return all;
}

/* What is left of ruled lines: long and very flat; or thinner and fainter than the writing, and straight or from the
 * picture's edge. */
static bool is_rule(const ink_components *c, const ink_component *k, const hand *all)
{
    const uint32_t w = ink_box_width(&k->box), h = ink_box_height(&k->box);
    const uint32_t shorter = smallest(w, h), longer = largest(w, h);
    const float stroke = stroke_of(k);
    if (h * 8 <= all->tall && w >= 6 * h)
        return true;
    const bool thin = stroke < 0.7f * all->stroke && (float)k->level < 0.8f * all->level;
    const bool straight = longer >= 6 * shorter || ((float)shorter < 2.5f * stroke && longer >= 3 * shorter);
    return thin && (straight || touches_edge(c, &k->box));
}

/* Much fainter than the writing, and not of its height: dirt, and a ruled line that is broken. */
static bool is_faint(const ink_component *k, const hand *all)
{
    const uint32_t w = ink_box_width(&k->box), h = ink_box_height(&k->box);
    const bool shaped = h * 5 >= 3 * all->tall && h * 2 <= 3 * all->tall && w <= 2 * h;
    return (float)k->level * 4 < all->level || ((float)k->level * 2 < all->level && !shaped);
}

/* What is no part of any digit: specks, faint dirt, rules, and where there is writing beside it, what touches the
 * picture's edge and is not as high as writing. */
static void drop(const ink_components *c, uint32_t tall, bool *dropped)
{
    const hand all = hand_of(c, tall);
    for (size_t i = 1; i < c->count; i++) {
        const ink_component *k = &c->component[i];
        const uint32_t w = ink_box_width(&k->box), h = ink_box_height(&k->box);
        const bool odd = h * 2 < tall || h * 2 > 3 * tall || w > 3 * tall;
        dropped[i] = k->area < 4 || (w * 5 < tall && h * 5 < tall) || is_faint(k, &all) ||
                     (touches_edge(c, &k->box) && all.inside >= 2 && odd) || is_rule(c, k, &all);
    }
}

/* Gives each component, from left to right, a group: the first that it belongs to, or a new one. */
static ink_status gather(const ink_components *c, const bool *dropped, ink_arena *arena, ink_page *page,
                         ink_error *error)
{
    const size_t n = c->count;
    double *key = ink_arena_array(arena, n, sizeof *key);
    uint32_t *order = ink_arena_array(arena, n, sizeof *order), *scratch = ink_arena_array(arena, n, sizeof *scratch);
    page->group = ink_arena_array(arena, n, sizeof *page->group);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the marks of a picture");
    for (size_t i = 0; i < n; i++)
        key[i] = c->component[i].box.x0;
    sort(order, key, n, scratch);
    size_t from = 0; /* groups before it end left of all that is to come */
    for (size_t i = 0; i < n; i++) {
        const uint32_t at = order[i];
        ink_box box = c->component[at].box;
        if (at == 0 || dropped[at])
            continue;
        while (from < page->count && page->group[from].box.x1 + 4 * page->tall < box.x0)
            from++;
        size_t to = page->count;
        for (size_t k = from; k < page->count && to == page->count; k++)
            if (belongs(&page->group[k].box, &box, page->tall))
                to = k;
        if (to == INK_MOST_MARKS)
            return ink_fail(error, INK_ERR_LIMIT, "picture: found more than %d marks, wanted a page of writing",
                            INK_MOST_MARKS);
        if (to == page->count)
            page->group[page->count++].box = box;
        else
            ink_box_add(&page->group[to].box, &box);
        page->group_of[at] = (uint32_t)to + 1;
    }
    return INK_OK;
}

/* ---- lines ---- */

/* Whether a group of one line stands over one of another: then these are two lines. */
static bool over(const ink_page *page, uint32_t line, uint32_t other)
{
    for (size_t i = 0; i < page->count; i++)
        for (size_t k = 0; k < page->count && page->group[i].line == line; k++) {
            const ink_box *a = &page->group[i].box, *b = &page->group[k].box;
            if (page->group[k].line == other && overlap(a->x0, a->x1, b->x0, b->x1) > 0)
                return true;
        }
    return false;
}

/* What is written a little higher or lower than the rest, beside it, is of the same line. */
static void join_lines(ink_page *page, double *top, double *bottom, double *middle, uint32_t *lines)
{
    for (uint32_t a = 0; a < *lines; a++)
        for (uint32_t b = a + 1; b < *lines;) {
            const double shared = fmin(bottom[a], bottom[b]) - fmax(top[a], top[b]);
            const double both = fmax(bottom[a], bottom[b]) - fmin(top[a], top[b]);
            if (shared * 8 < fmin(bottom[a] - top[a], bottom[b] - top[b]) || both > 2.5 * page->tall ||
                over(page, a, b)) {
                b++;
                continue;
            }
            top[a] = fmin(top[a], top[b]);
            bottom[a] = fmax(bottom[a], bottom[b]);
            middle[a] = (top[a] + bottom[a]) / 2;
            const uint32_t last = --*lines;
            top[b] = top[last];
            bottom[b] = bottom[last];
            middle[b] = middle[last];
            for (size_t i = 0; i < page->count; i++) {
                uint32_t *line = &page->group[i].line;
                *line = *line == b ? a : *line == last ? b : *line;
            }
        }
}

/* Follows each line from left to right, so that it may rise or fall: a group goes to the line whose height it shares
 * most, as that was at its last groups. */
static ink_status order_lines(const ink_components *c, ink_page *page, ink_arena *arena, ink_error *error)
{
    const size_t n = page->count;
    double *key = ink_arena_array(arena, n + 1, sizeof *key), *top = ink_arena_array(arena, n + 1, sizeof *top);
    double *bottom = ink_arena_array(arena, n + 1, sizeof *bottom);
    double *middle = ink_arena_array(arena, n + 1, sizeof *middle);
    uint32_t *order = ink_arena_array(arena, n + 1, sizeof *order);
    uint32_t *scratch = ink_arena_array(arena, n + 1, sizeof *scratch);
    uint32_t *rank = ink_arena_array(arena, n + 1, sizeof *rank), *to = ink_arena_array(arena, n + 1, sizeof *to);
    ink_group *sorted = ink_arena_array(arena, n + 1, sizeof *sorted);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the lines of a picture");
    uint32_t lines = 0;
    for (size_t i = 0; i < n; i++)
        key[i] = page->group[i].box.x0;
    sort(order, key, n, scratch);
    for (size_t i = 0; i < n; i++) {
        ink_group *g = &page->group[order[i]];
        const double y0 = g->box.y0, y1 = g->box.y1;
        uint32_t best = lines;
        double most = 0.4;
        for (uint32_t k = 0; k < lines; k++) {
            const double shared = fmin(y1, bottom[k]) - fmax(y0, top[k]);
            const double share = shared / fmin(y1 - y0, bottom[k] - top[k]);
            if (share > most) {
                most = share;
                best = k;
            }
        }
        g->line = best;
        if (best == lines) {
            top[lines] = y0;
            bottom[lines] = y1;
            middle[lines++] = (y0 + y1) / 2;
        } else if ((y1 - y0) * 2 > page->tall) { /* a dash says nothing of where the line is */
            top[best] = (top[best] + y0) / 2;
            bottom[best] = (bottom[best] + y1) / 2;
        }
    }
    join_lines(page, top, bottom, middle, &lines);
    sort(order, middle, lines, scratch);
    for (uint32_t i = 0; i < lines; i++)
        rank[order[i]] = i;
    for (size_t i = 0; i < n; i++) {
        page->group[i].line = rank[page->group[i].line];
        key[i] = (double)page->group[i].line * 4294967296.0 + page->group[i].box.x0 + page->group[i].box.x1;
    }
    sort(order, key, n, scratch);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = page->group[order[i]];
        to[order[i]] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < c->count; i++)
        if (page->group_of[i])
            page->group_of[i] = to[page->group_of[i] - 1];
    page->group = sorted;
    page->lines = lines;
    return INK_OK;
}

ink_status ink_page_find(const ink_components *c, ink_arena *arena, ink_page *page, ink_error *error)
{
    *page = (ink_page){ .group_of = ink_arena_array(arena, c->count, sizeof(uint32_t)) };
    bool *dropped = ink_arena_array(arena, c->count, sizeof *dropped);
    page->tall = digit_height(c, NULL, arena);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the marks of a picture");
    drop(c, page->tall, dropped);
    const uint32_t tall = digit_height(c, dropped, arena);
    page->tall = tall ? tall : page->tall;
    drop(c, page->tall, dropped);
    INK_TRY(gather(c, dropped, arena, page, error));
    return order_lines(c, page, arena, error);
}

/* ---- one digit ---- */

/* Pixels between two boxes, 0 where they meet. */
static uint32_t distance(const ink_box *a, const ink_box *b)
{
    const int x = -overlap(a->x0, a->x1, b->x0, b->x1), y = -overlap(a->y0, a->y1, b->y0, b->y1);
    return (uint32_t)(x > y ? x > 0 ? x : 0 : y > 0 ? y : 0);
}

ink_status ink_page_single(const ink_components *c, ink_arena *arena, ink_page *page, ink_error *error)
{
    *page = (ink_page){ .group_of = ink_arena_array(arena, c->count, sizeof(uint32_t)),
                        .group = ink_arena_array(arena, 1, sizeof *page->group) };
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the marks of a picture");
    size_t main = 0;
    double best = 0;
    for (size_t i = 1; i < c->count; i++) {
        const ink_component *k = &c->component[i];
        const double weight = (double)k->area * k->level * (touches_edge(c, &k->box) ? 0.25 : 1);
        if (weight > best) {
            best = weight;
            main = i;
        }
    }
    if (!main)
        return INK_OK;
    const ink_component *m = &c->component[main];
    page->group[0].box = m->box;
    page->group_of[main] = 1;
    page->count = page->lines = 1;
    for (bool more = true; more;) { /* what was too far away may be near to what came in since */
        more = false;
        for (size_t i = 1; i < c->count; i++) {
            const ink_component *k = &c->component[i];
            const ink_box *b = &page->group[0].box;
            const uint32_t longer = largest(ink_box_width(b), ink_box_height(b));
            const uint32_t near = longer / (touches_edge(c, &k->box) && !touches_edge(c, &m->box) ? 20 : 3);
            if (page->group_of[i] || k->area * 16 < m->area || k->level * 3 < m->level || distance(b, &k->box) > near)
                continue;
            ink_box_add(&page->group[0].box, &k->box);
            page->group_of[i] = 1;
            more = true;
        }
    }
    page->tall = ink_box_height(&page->group[0].box);
    return INK_OK;
}
