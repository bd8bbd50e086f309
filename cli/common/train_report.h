/* The page that tells how a training went. */
#ifndef INK_CLI_TRAIN_REPORT_H
#define INK_CLI_TRAIN_REPORT_H

#include "common/textbuf.h"

typedef struct report_epoch {
    uint64_t epoch;
    double rate, loss, accuracy; /* accuracies are 0 to 1; what is not known is NaN */
    double validation_loss, validation_accuracy; /* NaN where nothing was kept for validation */
    double seconds;
} report_epoch;

typedef struct report_fact {
    const char *label, *value;
} report_fact;

typedef struct report_misread {
    const uint8_t *pixels; /* [height, width] */
    size_t index;          /* by which the user finds the picture */
    uint8_t label, predicted;
    float probability, label_probability; /* given to `predicted`, and to `label` */
} report_misread;

typedef struct train_report {
    const char *title;
    const report_fact *facts; /* e.g. "network", "cnn" */
    size_t fact_count;
    const report_epoch *epochs; /* in their order */
    size_t epoch_count;
    uint64_t chosen_epoch; /* whose weights were kept */
    uint32_t classes, height, width;
    const char *const *names; /* [classes] */
    const uint64_t *confusion; /* [true class, predicted] of the validation pictures; or NULL */
    const report_misread *misreads; /* worst first */
    size_t misread_count;
    size_t validation_count, wrong_count; /* 0 and 0 where nothing was kept for validation */
} train_report;

/* Appends a whole HTML page, which is well-formed XML, runs no script and loads nothing. */
void train_report_html(text *to, const train_report *report);

#endif
