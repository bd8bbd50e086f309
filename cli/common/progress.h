/* A line on standard error that tells how far something is, where it takes more than a second and
 * a terminal is there to show it. */
#ifndef INK_CLI_PROGRESS_H
#define INK_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct progress {
    const char *what; /* what is counted, e.g. "images" */
    double begin, told;
    bool wanted, shown;
} progress;

progress progress_begin(const char *what);
/* `done` of `all`, which is not 0; may be called as often as one likes. */
void progress_step(progress *line, size_t done, size_t all);
/* Wipes the line. */
void progress_end(progress *line);

#endif
