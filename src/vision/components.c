#include "vision/components.h"

#include <string.h>

static uint32_t root_of(uint32_t *parent, uint32_t label)
{
    while (parent[label] != label) {
        parent[label] = parent[parent[label]];
        label = parent[label];
    }
    return label;
}

static uint32_t join(uint32_t *parent, uint32_t a, uint32_t b)
{
    if (!a || !b)
        return a | b;
    a = root_of(parent, a);
    b = root_of(parent, b);
    parent[a > b ? a : b] = a > b ? b : a;
    return a > b ? b : a;
}

/* Labels that may still stand for the same component; `parent` says which. Gives their number, with 0. */
static uint32_t label_rows(const ink_plane *written, uint32_t *label, uint32_t *parent)
{
    const uint32_t w = written->width;
    uint32_t next = 1;
    for (uint32_t y = 0; y < written->height; y++) {
        const uint8_t *row = written->pixels + (size_t)y * w;
        uint32_t *to = label + (size_t)y * w;
        const uint32_t *up = y ? to - w : NULL;
        for (uint32_t x = 0; x < w; x++) {
            if (!row[x])
                continue;
            uint32_t found = x ? to[x - 1] : 0;
            if (up && up[x]) {
                found = join(parent, found, up[x]); /* its neighbours are of the same component already */
            } else if (up) {
                found = x ? join(parent, found, up[x - 1]) : found;
                found = x + 1 < w ? join(parent, found, up[x + 1]) : found;
            }
            if (!found) {
                found = next++;
                parent[found] = found;
            }
            to[x] = found;
        }
    }
    return next;
}

/* The level of ink that 9 in 10 pixels of each component are below: by counting sixteen coarse levels. */
static void measure(const ink_plane *ink, ink_components *c, uint16_t (*counts)[16])
{
    for (uint32_t y = 0; y < c->height; y++)
        for (uint32_t x = 0; x < c->width; x++) {
            const size_t i = (size_t)y * c->width + x;
            const uint32_t n = c->label[i];
            if (!n)
                continue;
            ink_component *k = &c->component[n];
            if (!k->area)
                k->box = (ink_box){ x, y, x + 1, y + 1 };
            ink_box_add(&k->box, &(ink_box){ x, y, x + 1, y + 1 });
            k->area++;
            k->border += (uint32_t)((x == 0 || c->label[i - 1] != n) + (x + 1 == c->width || c->label[i + 1] != n) +
                                    (y == 0 || c->label[i - c->width] != n) +
                                    (y + 1 == c->height || c->label[i + c->width] != n));
            if (counts[n][ink->pixels[i] >> 4] < UINT16_MAX)
                counts[n][ink->pixels[i] >> 4]++;
        }
    for (size_t n = 1; n < c->count; n++) {
        uint32_t all = 0, sum = 0, level = 0;
        for (int i = 0; i < 16; i++)
            all += counts[n][i];
        for (uint32_t i = 0; i < 16 && sum * 10 <= all * 9; i++) {
            sum += counts[n][i];
            level = i * 16 + 15;
        }
        c->component[n].level = level;
    }
}

ink_status ink_components_find(const ink_plane *written, const ink_plane *ink, ink_arena *arena, ink_components *out,
                               ink_error *error)
{
    const uint32_t w = written->width, h = written->height;
    const size_t most = (size_t)((w + 1) / 2) * ((h + 1) / 2) + 1; /* a label needs a free pixel on each side */
    *out = (ink_components){ .width = w, .height = h };
    out->label = ink_arena_array(arena, (size_t)w * h, sizeof(uint32_t));
    uint32_t *parent = ink_arena_array(arena, most + 1, sizeof(uint32_t));
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the parts of a picture");
    const uint32_t labels = label_rows(written, out->label, parent);
    /* A root is the smallest of its labels, so it has its number before the others ask for it. */
    uint32_t count = 1;
    for (uint32_t i = 1; i < labels; i++)
        parent[i] = parent[i] == i ? count++ : parent[parent[i]];
    for (size_t i = 0; i < (size_t)w * h; i++)
        out->label[i] = parent[out->label[i]];
    out->count = count;
    out->component = ink_arena_array(arena, count, sizeof *out->component);
    uint16_t(*counts)[16] = ink_arena_array(arena, count, sizeof *counts);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the parts of a picture");
    measure(ink, out, counts);
    return INK_OK;
}
