/* The history of a training: a row an epoch, which the screen, the log file, the report and the checkpoint
 * show or keep. */
#ifndef INK_CLI_TRAIN_LOG_H
#define INK_CLI_TRAIN_LOG_H

#include "common/terminal.h"
#include "common/train_report.h"

#include "inkling.h"

typedef struct train_log {
    report_epoch *epochs;
    size_t count, capacity;
    /* The epoch under way. */
    double loss, seconds; /* sums */
    uint64_t images, correct, steps;
} train_log;

void train_log_free(train_log *log);
/* Adds a step to the epoch under way. */
void train_log_step(train_log *log, const ink_train_step *step, double seconds);
/* Ends the epoch; `validation` is NULL where there is none. */
void train_log_epoch(train_log *log, uint64_t epoch, double rate, const ink_validation *validation);

/* The whole history as a checkpoint's note, and back; false for a note that is none. */
void train_log_note(const train_log *log, text *to);
bool train_log_parse(train_log *log, const char *note);

/* JSON, a line an epoch. */
void train_log_json(const train_log *log, text *to);
/* One epoch in a line; `best`: with a mark. */
void train_log_line(const report_epoch *epoch, uint64_t epochs, bool best, const terminal *facts, text *to);
/* How far the epoch under way is, to be drawn over and over on a terminal. */
void train_log_bar(const train_log *log, const ink_trainer_info *info, double seconds_left, text *to);

#endif
