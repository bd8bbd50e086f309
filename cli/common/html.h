/* Parts of an HTML page that is well-formed XML as well, and needs nothing but itself. */
#ifndef INK_CLI_HTML_H
#define INK_CLI_HTML_H

#include "common/textbuf.h"

/* A string from outside, for the text of an element or for an attribute in double quotes. */
void html_text(text *to, const char *string);
/* A grey picture, [height, width], as the data: URI of a PNG. Needs no library, compresses
 * nothing. */
void html_picture(text *to, const uint8_t *pixels, uint32_t height, uint32_t width);

#endif
