/* Pictures on a terminal, and as text. */
#ifndef INK_CLI_PICTURE_H
#define INK_CLI_PICTURE_H

#include "common/textbuf.h"

#include <stdint.h>

/* As ggml's examples draw: "* " where there is ink (above 230), "_ " elsewhere. */
void picture_text(text *to, const uint8_t *pixels, uint32_t height, uint32_t width);
/* True greys, two pixels a character: a half block whose colour is the upper pixel on a ground of
 * the lower one. For UTF-8 terminals with 24-bit colours. */
void picture_colour(text *to, const uint8_t *pixels, uint32_t height, uint32_t width);
/* A bar of at most `columns`, in eighths of a block or, without UTF-8, in '#'. */
void picture_bar(text *to, double share, size_t columns, int utf8);

#endif
