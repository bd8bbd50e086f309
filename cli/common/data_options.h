/* The command `data` as data: `inkling` tells about it, the program inkling-data does it. */
#ifndef INK_CLI_DATA_OPTIONS_H
#define INK_CLI_DATA_OPTIONS_H

#include "common/args.h"

typedef struct data_options {
    const char *folder; /* NULL: data/NAME */
    const char *sums;   /* NULL: those of the table */
    cli_words mirrors;  /* none: those of the table */
    uint64_t timeout;
    bool force, json;
} data_options;

/* `run` is NULL: the helper program fills it in. */
extern const cli_command data_command;

#endif
