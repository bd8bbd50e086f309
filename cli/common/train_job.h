/* A run of `inkling train`. */
#ifndef INK_CLI_TRAIN_JOB_H
#define INK_CLI_TRAIN_JOB_H

#include "common/recipes.h"
#include "common/run.h"

enum { TRAIN_SETTINGS = 40 };

typedef struct train_options {
    run_options run;
    const char *data, *output, *arch, *recipe, *resume, *checkpoint, *log, *report, *sheet;
    const char *setting[TRAIN_SETTINGS];
    uint64_t threads, seed; /* seed UINT64_MAX: not given */
    bool test, no_files, force, json;
} train_options;

/* Does it all; `settings` are those given, as the trainer reads them. Gives the exit code. */
int train_run(const train_options *options, const char *settings);

/* train_sheet.c: draws pictures of the data as these settings change them. */
int train_sheet(const train_options *options, const char *settings);

#endif
