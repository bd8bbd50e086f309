/* The command `serve` as data: `inkling` tells about it, the program inkling-serve does it. */
#ifndef INK_CLI_SERVE_OPTIONS_H
#define INK_CLI_SERVE_OPTIONS_H

#include "common/args.h"
#include "common/run.h"

typedef struct serve_options {
    run_options run;
    const char *host, *web; /* web NULL: the page that came with the program */
    uint64_t port, threads, connections, max_body, timeout;
    bool verbose, quiet;
} serve_options;

/* `run` is NULL: the helper program fills it in. */
extern const cli_command serve_command;

#endif
