/* Pictures of any size, one digit each, read as 'inkling read --one' reads: the network sees what ink_read prepares. */
#ifndef INK_CLI_PREPARING_H
#define INK_CLI_PREPARING_H

#include "common/image_file.h"
#include "common/progress.h"
#include "common/run.h"

/* The option for tables; `type` is the command's struct, which has a bool `prepare`. */
#define PREPARING_ROW(type)                                                                                            \
    { .name = "prepare", .kind = CLI_FLAG, .at = offsetof(type, prepare),                                              \
      .help = "prepare each picture as 'inkling read' does: find the digit on its paper, cut it out, centre it; "  \
              "without it that is done to pictures of another size than the model's" }

typedef enum preparing_state { PREPARING_SURE, PREPARING_UNSURE, PREPARING_BLANK } preparing_state;

/* Room for each picture's answer. */
typedef struct preparing_answers {
    uint8_t *pixels;  /* [count, height, width] of the model: what the network saw; NULL where nobody asks */
    float *answers;   /* [count, classes]; all equal for a picture on which nothing is written */
    uint8_t *states;  /* [count], each a preparing_state */
} preparing_answers;

typedef struct preparing {
    const char *model_path;
    const ink_model_info *info;
    ink_session **sessions; /* one a thread */
    size_t threads;
} preparing;

/* Says what is wrong and gives CLI_FAILED, or 0. preparing_close ends it in either case. */
int preparing_open(const ink_model *model, const char *model_path, const run_options *options, preparing *out);
void preparing_close(preparing *closed);

/* Reads `count` pictures of the set: from `first` on, or those of `indices` where it is not NULL. They are shared out
 * among the threads. `line` is told, after `done` pictures of `all`. */
int preparing_run(const preparing *with, const image_set *set, const size_t *indices, size_t first, size_t count,
                  const preparing_answers *to, progress *line, size_t done, size_t all);

#endif
