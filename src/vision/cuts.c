#include "vision/cuts.h"

#include <math.h>
#include <string.h>

/* In rows: how far apart seams are looked for, how far one may stray, and how near to another there is no need of it.
 */
enum { EVERY = 2, STRAY = 6, NEAR = 2 };
enum { MOST_COLUMNS = 4096 }; /* some hundred digits; what is longer for its height is no writing */
static const float dearest = 0.6f;  /* the most ink, in heights */
static const float sideways = 0.06f; /* of the cost of a pixel of full ink, for each step to the side */

typedef struct seam {
    float cost, middle;
    int16_t at[INK_CUT_ROWS];
} seam;

/* How far a leaning line is to the right of its middle. */
static int leaning(float lean, int y)
{
    return (int)nearbyintf(lean * ((float)INK_CUT_ROWS / 2 - (float)y));
}

static float ink_at(const ink_plane *small, int x, int y)
{
    return x < 0 || x >= (int)small->width ? 0 : (float)small->pixels[(uint32_t)y * small->width + (uint32_t)x] / 255;
}

/* The cheapest way down between two lines, told by their columns in the middle row. `cost` and `from` take
 * [INK_CUT_ROWS, 2 * STRAY + 1]. */
static void find_seam(const ink_plane *small, float lean, int first, int last, float *cost, int8_t *from, seam *out)
{
    const int n = last - first + 1;
    for (int y = 0; y < INK_CUT_ROWS; y++) {
        const int left = first + leaning(lean, y);
        for (int i = 0; i < n; i++) {
            float best = 0;
            int8_t by = 0;
            if (y) {
                best = cost[(y - 1) * n + i];
                for (int k = -1; k <= 1; k += 2)
                    if (i + k >= 0 && i + k < n && cost[(y - 1) * n + i + k] + sideways < best) {
                        best = cost[(y - 1) * n + i + k] + sideways;
                        by = (int8_t)k;
                    }
            }
            cost[y * n + i] = best + ink_at(small, left + i, y);
            from[y * n + i] = by;
        }
    }
    int at = n / 2;
    for (int k = 0; k < n; k++) /* the one nearest to the middle, of equals */
        if (cost[(INK_CUT_ROWS - 1) * n + k] < cost[(INK_CUT_ROWS - 1) * n + at])
            at = k;
    float sum = 0, ink = 0;
    for (int y = INK_CUT_ROWS - 1; y >= 0; y--) {
        const int x = first + at + leaning(lean, y);
        out->at[y] = (int16_t)x;
        sum += (float)(first + at);
        ink += ink_at(small, x, y);
        at += from[y * n + at];
    }
    out->cost = ink / INK_CUT_ROWS;
    out->middle = sum / INK_CUT_ROWS;
}

ink_status ink_cuts_find(const ink_plane *mark, float lean, ink_arena *arena, ink_cut **cuts, size_t *count,
                         ink_error *error)
{
    const float scale = (float)mark->height / INK_CUT_ROWS;
    const float columns = (float)mark->width / scale;
    *count = 0;
    *cuts = NULL;
    if (columns < 10 || columns > MOST_COLUMNS || mark->height == 0)
        return INK_OK;
    ink_plane small = ink_plane_make(arena, (uint32_t)columns, INK_CUT_ROWS);
    const size_t most = small.width / EVERY + 1, window = (size_t)INK_CUT_ROWS * (2 * STRAY + 1);
    float *scratch = ink_arena_array(arena, (size_t)small.width * mark->height, sizeof *scratch);
    float *cost = ink_arena_array(arena, window, sizeof *cost);
    int8_t *from = ink_arena_array(arena, window, sizeof *from);
    seam *found = ink_arena_array(arena, most, sizeof *found);
    ink_cut *kept = ink_arena_array(arena, most, sizeof *kept);
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to part digits that touch");
    ink_plane_resample(mark, 0, 0, (float)mark->width, (float)mark->height, &small, scratch);
    size_t n = 0;
    for (int middle = NEAR; middle + NEAR < (int)small.width; middle += EVERY) {
        const int first = middle > STRAY ? middle - STRAY : 0;
        const int last = middle + STRAY < (int)small.width ? middle + STRAY : (int)small.width - 1;
        find_seam(&small, lean, first, last, cost, from, &found[n]);
        n += found[n].cost <= dearest && found[n].middle >= 2 && found[n].middle <= (float)small.width - 3;
    }
    for (size_t i = 0; i < n; i++) {
        bool best = true;
        for (size_t k = 0; k < n; k++)
            if (k != i && fabsf(found[k].middle - found[i].middle) < NEAR &&
                (found[k].cost < found[i].cost || (found[k].cost == found[i].cost && k < i)))
                best = false;
        if (!best)
            continue;
        ink_cut cut = { found[i].cost, found[i].middle * scale, ink_arena_array(arena, mark->height, sizeof(float)) };
        if (!cut.at)
            return ink_fail(error, INK_ERR_MEMORY, "no memory to part digits that touch");
        for (uint32_t y = 0; y < mark->height; y++) {
            uint32_t row = (uint32_t)((float)y / scale);
            row = row < INK_CUT_ROWS ? row : INK_CUT_ROWS - 1;
            cut.at[y] = ((float)found[i].at[row] + 0.5f) * scale;
        }
        size_t place = (*count)++; /* seams that stray may pass each other */
        for (; place && kept[place - 1].middle > cut.middle; place--)
            kept[place] = kept[place - 1];
        kept[place] = cut;
    }
    *cuts = kept;
    return INK_OK;
}
