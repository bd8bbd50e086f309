#include "common/paint.h"

#include "common/paint_font.h"
#include "common/textbuf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

canvas canvas_make(uint32_t width, uint32_t height, uint32_t colour)
{
    canvas made = { .width = width, .height = height, .pixels = must_alloc((size_t)width * height, 3) };
    paint_box(&made, 0, 0, width, height, colour);
    return made;
}

canvas canvas_of(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels)
{
    canvas made = { .width = width, .height = height, .pixels = must_alloc((size_t)width * height, 3) };
    paint_picture(&made, 0, 0, pixels, width, height, channels, 1);
    return made;
}

void canvas_close(canvas *closed)
{
    free(closed->pixels);
    *closed = (canvas){ 0 };
}

/* The part of from, from + size that lies in 0 to limit. */
static void clip(int64_t *from, int64_t size, int64_t limit, int64_t *end)
{
    *end = *from + size < limit ? *from + size : limit;
    *from = *from > 0 ? *from : 0;
}

void paint_box(canvas *on, int64_t x, int64_t y, int64_t width, int64_t height, uint32_t colour)
{
    int64_t right, bottom;
    clip(&x, width, on->width, &right);
    clip(&y, height, on->height, &bottom);
    for (; y < bottom; y++)
        for (int64_t at = x; at < right; at++) {
            uint8_t *to = on->pixels + ((size_t)y * on->width + (size_t)at) * 3;
            to[0] = (uint8_t)(colour >> 16);
            to[1] = (uint8_t)(colour >> 8);
            to[2] = (uint8_t)colour;
        }
}

void paint_frame(canvas *on, int64_t x, int64_t y, int64_t width, int64_t height, int64_t thickness, uint32_t colour)
{
    const int64_t outer = width + 2 * thickness;
    paint_box(on, x - thickness, y - thickness, outer, thickness, colour);
    paint_box(on, x - thickness, y + height, outer, thickness, colour);
    paint_box(on, x - thickness, y, thickness, height, colour);
    paint_box(on, x + width, y, thickness, height, colour);
}

void paint_picture(canvas *on, int64_t x, int64_t y, const uint8_t *pixels, uint32_t width, uint32_t height,
                   uint32_t channels, uint32_t zoom)
{
    int64_t left = x, top = y, right, bottom;
    clip(&left, (int64_t)width * zoom, on->width, &right);
    clip(&top, (int64_t)height * zoom, on->height, &bottom);
    for (int64_t row = top; row < bottom; row++)
        for (int64_t column = left; column < right; column++) {
            const size_t from = ((size_t)((row - y) / zoom) * width + (size_t)((column - x) / zoom)) * channels;
            uint8_t *to = on->pixels + ((size_t)row * on->width + (size_t)column) * 3;
            for (uint32_t k = 0; k < 3; k++)
                to[k] = pixels[from + (channels == 3 ? k : 0)];
        }
}

/* ---- text ---- */

static unsigned glyph_of(char letter)
{
    return letter >= ' ' && letter <= '~' ? (unsigned)(letter - ' ') : '?' - ' ';
}

static bool has_ink(unsigned glyph, unsigned x, unsigned y)
{
    return glyphs[glyph / PER_BLOCK][y][glyph % PER_BLOCK * GLYPH_STEP + x] == '#';
}

/* The columns that have ink; of digits all, so that they stand below each other, and a few of the blank. */
static void glyph_extent(unsigned glyph, unsigned *first, unsigned *end)
{
    *first = 0;
    *end = glyph ? GLYPH_WIDTH : 2;
    if (glyph == 0 || (glyph >= '0' - ' ' && glyph <= '9' - ' '))
        return;
    unsigned from = GLYPH_WIDTH, to = 0;
    for (unsigned y = 0; y < GLYPH_HEIGHT; y++)
        for (unsigned x = 0; x < GLYPH_WIDTH; x++)
            if (has_ink(glyph, x, y)) {
                from = x < from ? x : from;
                to = x + 1 > to ? x + 1 : to;
            }
    *first = from;
    *end = to;
}

void paint_text(canvas *on, int64_t x, int64_t y, uint32_t zoom, uint32_t colour, const char *string)
{
    for (; *string; string++) {
        const unsigned glyph = glyph_of(*string);
        unsigned first, end;
        glyph_extent(glyph, &first, &end);
        for (unsigned row = 0; row < GLYPH_HEIGHT; row++)
            for (unsigned column = first; column < end; column++)
                if (has_ink(glyph, column, row))
                    paint_box(on, x + (int64_t)(column - first) * zoom, y + (int64_t)row * zoom, zoom, zoom, colour);
        x += (int64_t)(end - first + 1) * zoom;
    }
}

uint32_t paint_text_width(const char *string, size_t size, uint32_t zoom)
{
    uint32_t width = 0;
    for (size_t i = 0; i < size && string[i]; i++) {
        unsigned first, end;
        glyph_extent(glyph_of(string[i]), &first, &end);
        width += end - first + (width ? 1 : 0);
    }
    return width * zoom;
}

void paint_tag(canvas *on, int64_t x, int64_t y, int64_t width, int64_t height, uint32_t colour, uint32_t zoom,
               const char *string)
{
    const int64_t thick = zoom, pad = 2 * thick, text_width = paint_text_width(string, strlen(string), zoom);
    const int64_t tag_width = text_width + 2 * pad, tag_height = PAINT_CAPITAL * thick + 2 * pad;
    paint_frame(on, x, y, width, height, thick, colour);
    int64_t left = x - thick, top = y - thick - tag_height;
    if (top < 0 && y + height + thick + tag_height <= on->height)
        top = y + height + thick;
    top = top < 0 ? 0 : top;
    left = left + tag_width > on->width ? (int64_t)on->width - tag_width : left;
    left = left < 0 ? 0 : left;
    paint_box(on, left, top, tag_width, tag_height, colour);
    paint_text(on, left + pad, top + pad, zoom, 0xffffff, string);
}
