/* What a model makes of labelled pictures: how many it reads, what it takes for what, the worst misreads. */
#ifndef INK_CLI_MEASURE_H
#define INK_CLI_MEASURE_H

#include "common/train_report.h"

#include "inkling.h"

typedef struct measure {
    size_t count, correct;
    uint64_t *confusion;     /* [classes, classes], row by true class */
    report_misread *misreads; /* the worst first */
    size_t misread_count;
} measure;

/* Runs the pictures with these indices, or all where it is NULL. Says what is wrong and gives CLI_FAILED with
 * nothing to free, or 0. */
int measure_model(const ink_model *model, uint32_t threads, const ink_examples *examples,
                  const uint32_t *indices, size_t count, size_t most_misreads, measure *out);
void measure_free(measure *of);

#endif
