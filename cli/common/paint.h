/* Drawing on pictures: frames, text, pictures in the picture. What lies outside of the canvas is left out. */
#ifndef INK_CLI_PAINT_H
#define INK_CLI_PAINT_H

#include <stddef.h>
#include <stdint.h>

typedef struct canvas {
    uint32_t width, height;
    uint8_t *pixels; /* red, green, blue, row by row; owned */
} canvas;

/* Colours are 0xRRGGBB. */
canvas canvas_make(uint32_t width, uint32_t height, uint32_t colour);
/* A copy of a picture: 1 channel or 3. */
canvas canvas_of(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels);
void canvas_close(canvas *closed);

void paint_box(canvas *on, int64_t x, int64_t y, int64_t width, int64_t height, uint32_t colour);
/* Lines of that thickness, around the box and not in it. */
void paint_frame(canvas *on, int64_t x, int64_t y, int64_t width, int64_t height, int64_t thickness, uint32_t colour);
/* A picture of 1 channel or 3, each pixel `zoom` times as large. */
void paint_picture(canvas *on, int64_t x, int64_t y, const uint8_t *pixels, uint32_t width, uint32_t height,
                   uint32_t channels, uint32_t zoom);

/* Text of ASCII, other bytes as '?', in a font of our own: capitals are 7 pixels high, a line takes 9, each pixel
 * `zoom` times as large. `x` and `y` are the upper left corner. */
enum { PAINT_CAPITAL = 7, PAINT_LINE = 9 };
void paint_text(canvas *on, int64_t x, int64_t y, uint32_t zoom, uint32_t colour, const char *string);
/* The columns that the first `size` bytes take. */
uint32_t paint_text_width(const char *string, size_t size, uint32_t zoom);

/* A frame around a box, and above it, or below where there is no room, `string` in white on the frame's colour. */
void paint_tag(canvas *on, int64_t x, int64_t y, int64_t width, int64_t height, uint32_t colour, uint32_t zoom,
               const char *string);

#endif
