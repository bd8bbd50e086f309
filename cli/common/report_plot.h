/* Curves over the epochs of a training, for an HTML page. */
#ifndef INK_CLI_REPORT_PLOT_H
#define INK_CLI_REPORT_PLOT_H

#include "common/textbuf.h"

typedef struct plot_line {
    const char *name;
    const double *y; /* [count]; what is not finite is a gap */
} plot_line;

enum { PLOT_LINES = 2 };

typedef struct plot {
    const char *title, *unit; /* what is shown, and of what the ticks are */
    const double *x;          /* [count], whole numbers */
    size_t count;
    plot_line lines[PLOT_LINES]; /* the first solid with discs, the second dashed with squares */
    size_t line_count;
    double marked; /* the x of a vertical line; NaN for none */
    const char *mark; /* what stands above it */
} plot;

/* A figure: the frame stretches with the page, its text does not. The y axis begins at 0, or is
 * logarithmic where the values span more than a factor of 10; the page says so. */
void plot_html(text *to, const plot *what);

#endif
