/* Pictures as PNG (ISO/IEC 15948) without a library: deflate's stored blocks (RFC 1951, 3.2.4), so that each
 * build of the program can draw. Colours, which are of larger pictures, are compressed where zlib is there. */
#ifndef INK_CLI_PNG_OUT_H
#define INK_CLI_PNG_OUT_H

#include "common/textbuf.h"

/* Appends a grey picture, [height, width], as a PNG file. */
void png_grey(text *to, const uint8_t *pixels, uint32_t height, uint32_t width);
/* The same of red, green, blue, [height, width, 3]. */
void png_rgb(text *to, const uint8_t *pixels, uint32_t height, uint32_t width);

#endif
