/* Small pages to read, for make_corpus. */
#ifndef FUZZ_CORPUS_PAGES_H
#define FUZZ_CORPUS_PAGES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MOST = 128 * 96 };

/* What fuzz_read takes: a head, then greys. */
typedef struct page {
    uint8_t head[8], greys[READ_MOST];
    uint32_t width, height;
} page;

static page page_make(uint8_t width, uint8_t height, uint8_t paper)
{
    page made = { .head = { (uint8_t)(width - 1), (uint8_t)(height - 1), 4, 0, 0, 178 } };
    made.width = width;
    made.height = height;
    memset(made.greys, paper, sizeof made.greys);
    return made;
}

/* A straight stroke of ink. */
static void page_stroke(page *to, int x0, int y0, int x1, int y1, int thick, uint8_t ink)
{
    const int dx = abs(x1 - x0), dy = abs(y1 - y0), steps = dx > dy ? dx : dy;
    for (int i = 0; i <= steps; i++)
        for (int v = 0; v < thick; v++)
            for (int u = 0; u < thick; u++) {
                const int x = x0 + (x1 - x0) * i / (steps ? steps : 1) + u;
                const int y = y0 + (y1 - y0) * i / (steps ? steps : 1) + v;
                if (x >= 0 && y >= 0 && x < (int)to->width && y < (int)to->height)
                    to->greys[(size_t)y * to->width + (size_t)x] = ink;
            }
}

/* Like a 7, 4 or 1, `high` pixels tall. */
static void page_digit(page *to, int which, int x, int y, int high, uint8_t ink)
{
    const int wide = high * 2 / 3;
    if (which == 7)
        page_stroke(to, x, y, x + wide, y, 3, ink);
    if (which == 4) {
        page_stroke(to, x, y, x, y + high / 2, 3, ink);
        page_stroke(to, x, y + high / 2, x + wide, y + high / 2, 3, ink);
    }
    page_stroke(to, x + wide, y, which == 7 ? x + wide / 3 : x + wide, y + high, 3, ink);
}

#endif
