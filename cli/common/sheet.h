/* A contact sheet: pictures in rows, each with a title above and a caption below. */
#ifndef INK_CLI_SHEET_H
#define INK_CLI_SHEET_H

#include "common/paint.h"

typedef struct sheet_panel {
    const char *title, *caption;      /* NULL for none; a caption may take two lines */
    uint32_t width, height, channels; /* 1 or 3 */
    const uint8_t *pixels;            /* NULL for none */
} sheet_panel;

/* Pictures are enlarged by a whole factor or made smaller so that they fit a square; `columns` 0 for as many as look
 * well. Whoever gets it closes it. */
canvas sheet_draw(const sheet_panel *panels, size_t count, uint32_t columns);

#endif
