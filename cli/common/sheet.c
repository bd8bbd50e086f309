#include "common/sheet.h"

#include "common/textbuf.h"

#include <stdlib.h>
#include <string.h>

enum {
    SQUARE = 360, GAP = 32, MOST_PANELS = 400, ZOOM = 2,
    LINE = (PAINT_LINE + 2) * ZOOM, TITLE = 30, CAPTION = 2 * LINE + 10,
    PAPER = 0xf6f5f1, CARD = 0xffffff, EDGE = 0xc9c6bd, TITLE_INK = 0x20242b, CAPTION_INK = 0x6b6f76,
};

/* How large a panel's picture becomes. */
static void fit(const sheet_panel *panel, uint32_t *width, uint32_t *height, uint32_t *zoom)
{
    const uint32_t w = panel->width, h = panel->height, longer = w > h ? w : h;
    *zoom = longer && longer <= SQUARE ? SQUARE / longer : 1;
    *width = w * *zoom;
    *height = h * *zoom;
    if (longer > SQUARE) {
        *width = (uint32_t)((uint64_t)w * SQUARE / longer);
        *height = (uint32_t)((uint64_t)h * SQUARE / longer);
    }
    *width = w && !*width ? 1 : *width;
    *height = h && !*height ? 1 : *height;
}

/* The mean of the pixels from which each comes. */
static uint8_t *shrink(const sheet_panel *panel, uint32_t width, uint32_t height)
{
    const uint32_t channels = panel->channels;
    uint8_t *small = must_alloc((size_t)width * height, channels), *to = small;
    for (uint32_t y = 0; y < height; y++) {
        const size_t top = (size_t)y * panel->height / height, bottom = ((size_t)y + 1) * panel->height / height;
        for (uint32_t x = 0; x < width; x++) {
            const size_t left = (size_t)x * panel->width / width, right = ((size_t)x + 1) * panel->width / width;
            for (uint32_t k = 0; k < channels; k++) {
                uint64_t sum = 0;
                for (size_t row = top; row < bottom; row++)
                    for (size_t column = left; column < right; column++)
                        sum += panel->pixels[(row * panel->width + column) * channels + k];
                const uint64_t area = (bottom - top) * (right - left);
                *to++ = (uint8_t)((sum + area / 2) / area);
            }
        }
    }
    return small;
}

/* How many bytes of `string` fit; at a blank where that is possible. */
static size_t line_size(const char *string, size_t size)
{
    size_t fits = 0, blank = 0;
    while (fits < size && paint_text_width(string, fits + 1, ZOOM) <= SQUARE) {
        fits++;
        if (fits == size || string[fits] == ' ')
            blank = fits;
    }
    return blank ? blank : fits ? fits : size < 1 ? size : 1;
}

/* One line or two; what is longer ends in dots. */
static void put_lines(canvas *on, uint32_t x, uint32_t y, uint32_t colour, const char *string, int lines)
{
    char line[SQUARE];
    for (; lines > 0 && *string; lines--, y += LINE) {
        const size_t left = strlen(string);
        size_t size = line_size(string, left);
        size = size < sizeof line - 4 ? size : sizeof line - 4;
        memcpy(line, string, size);
        line[size] = 0;
        if (lines == 1 && size < left) {
            while (size > 0 && paint_text_width(line, size, ZOOM) + paint_text_width("...", 3, ZOOM) > SQUARE - 2)
                size--;
            memcpy(line + size, "...", 4);
        }
        paint_text(on, x, y, ZOOM, colour, line);
        string += size;
        string += strspn(string, " ");
    }
}

static void put_panel(canvas *on, uint32_t x, uint32_t y, uint32_t row_height, const sheet_panel *panel)
{
    uint32_t width, height, zoom;
    fit(panel, &width, &height, &zoom);
    for (uint32_t bold = 0; panel->title && bold < 2; bold++)
        put_lines(on, x + bold, y, TITLE_INK, panel->title, 1);
    y += TITLE;
    if (panel->pixels) {
        const uint32_t left = x + (SQUARE - width) / 2, top = y + (row_height - height) / 2;
        uint8_t *small = panel->width > SQUARE || panel->height > SQUARE ? shrink(panel, width, height) : NULL;
        paint_frame(on, x, y, SQUARE, row_height, 1, EDGE);
        paint_box(on, x, y, SQUARE, row_height, CARD);
        if (small)
            paint_picture(on, left, top, small, width, height, panel->channels, 1);
        else
            paint_picture(on, left, top, panel->pixels, panel->width, panel->height, panel->channels, zoom);
        if (width < SQUARE || height < row_height)
            paint_frame(on, left, top, width, height, 1, EDGE);
        free(small);
    }
    if (panel->caption)
        put_lines(on, x, y + row_height + 10, CAPTION_INK, panel->caption, 2);
}

/* The tallest picture of a row. */
static uint32_t height_of(const sheet_panel *panels, size_t count)
{
    uint32_t most = 0, width, height, zoom;
    for (size_t i = 0; i < count; i++) {
        fit(&panels[i], &width, &height, &zoom);
        most = panels[i].pixels && height > most ? height : most;
    }
    return most;
}

canvas sheet_draw(const sheet_panel *panels, size_t count, uint32_t columns)
{
    count = count < MOST_PANELS ? count : MOST_PANELS;
    if (columns < 1 || columns > 8)
        columns = count < 4 ? (uint32_t)count : count == 4 ? 2 : 3;
    columns = columns ? columns : 1;
    uint32_t height = GAP;
    for (size_t i = 0; i < count; i += columns)
        height += TITLE + height_of(panels + i, count - i < columns ? count - i : columns) + CAPTION + GAP;
    canvas sheet = canvas_make(columns * (SQUARE + GAP) + GAP, height, PAPER);
    uint32_t y = GAP;
    for (size_t i = 0; i < count; i += columns) {
        const size_t here = count - i < columns ? count - i : columns;
        const uint32_t row_height = height_of(panels + i, here);
        for (size_t k = 0; k < here; k++)
            put_panel(&sheet, GAP + (uint32_t)k * (SQUARE + GAP), y, row_height, &panels[i + k]);
        y += TITLE + row_height + CAPTION + GAP;
    }
    return sheet;
}
