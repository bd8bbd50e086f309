/* The command `convert` as data: `inkling` tells about it, the program inkling-convert does it. */
#ifndef INK_CLI_CONVERT_OPTIONS_H
#define INK_CLI_CONVERT_OPTIONS_H

#include "common/args.h"

typedef struct convert_options {
    const char *layout; /* NULL: by the suffix */
    const char *type;   /* NULL: as it is */
    const char *graph;  /* files, or NULL */
    double scale, offset; /* of --input-scale, or NAN; of --input-offset */
    const char *verify, *labels, *reference;
    double tolerance;
    bool json;
} convert_options;

/* `run` is NULL: the helper program fills it in. */
extern const cli_command convert_command;

#endif
