/* What is shown on standard error while something is downloaded: one line that changes on a
 * terminal, elsewhere a line for each file. */
#ifndef INK_CLI_FETCH_LINE_H
#define INK_CLI_FETCH_LINE_H

#include "common/terminal.h"
#include "common/textbuf.h"

#include <stdint.h>

typedef struct fetch_line {
    terminal facts;
    const char *file;
    double next;   /* when the line may change again */
    size_t drawn;  /* columns of the line that is there */
} fetch_line;

/* `from` is the address. */
void fetch_line_begin(fetch_line *line, const char *file, const char *from);
/* `total` is 0 where it is not known. */
void fetch_line_show(fetch_line *line, uint64_t done, uint64_t total);
/* Wipes the line away; what is said next stands in its place. */
void fetch_line_end(fetch_line *line);
/* A line that stays: what went wrong and what is done about it. */
void fetch_line_note(fetch_line *line, const char *format, ...) CLI_PRINTF(2, 3);

#endif
