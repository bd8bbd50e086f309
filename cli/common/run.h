/* Opening models and sessions as the options of the command line say, and running pictures. */
#ifndef INK_CLI_RUN_H
#define INK_CLI_RUN_H

#include "common/args.h"

#include "inkling.h"

/* Part of a command's struct of options; the rows below fill it. */
typedef struct run_options {
    const char *cpu;
    double input_scale;
    uint64_t threads, batch;
    bool profile; /* no option: set by commands that want the time of each step */
} run_options;

#define RUN_DEFAULTS { .cpu = "best", .threads = 1 }

const char *run_cpu_choice(size_t index);

/* Rows for option tables; `type` is the command's struct, which has a field `run`. */
#define RUN_CPU_ROW(type)                                                                          \
    { .name = "cpu", .kind = CLI_CHOICE, .value = "ISA", .at = offsetof(type, run.cpu),            \
      .choice = run_cpu_choice, .help = "which kernels run" }
#define RUN_SCALE_ROW(type)                                                                        \
    { .name = "input-scale", .kind = CLI_REAL, .value = "F", .low = 1e-30, .high = 1e30,           \
      .at = offsetof(type, run.input_scale),                                                       \
      .help = "scale of the pixels, like 1 or 1/255, instead of the model's own" }
#define RUN_THREADS_ROW(type)                                                                      \
    { .name = "threads", .letter = 't', .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 256, \
      .at = offsetof(type, run.threads),                                                           \
      .help = "share the images out among N threads (default 1)" }

/* Opens a model; `seconds` takes how long it took, if not NULL. Says what is wrong and gives
 * CLI_FAILED, or 0. */
int run_open_model(const char *path, const run_options *options, ink_model **out, double *seconds);
int run_open_session(const ink_model *model, const run_options *options, ink_session **out);

/* Runs pictures. Says so, and gives CLI_FAILED, if the model computes something that is no number:
 * its weights are finite but overflow. `name` names the model. */
int run_images(ink_session *session, const char *name, const uint8_t *pixels, size_t images,
               size_t classes, float *output);

/* The indices of the `wanted` largest values, the largest first, of equals the first; free() it. `wanted` is at most
 * `count`. */
size_t *run_most_likely(const float *values, size_t count, size_t wanted);

/* That alone, of probabilities. */
int run_check_numbers(const char *name, const float *output, size_t count);

/* The names of ink_polarity, in its order; NULL behind the last. */
const char *run_polarity_name(size_t i);

/* The polarity of such a name; false for another. */
bool run_polarity(const char *name, ink_polarity *out);

/* A threshold as ink_read_options take it, where 0 is the default; no likeliest class is as unlikely as what stands for
 * 0 then. */
float run_threshold(double given);

/* Reads a picture by ink_read; `name` names it, and `model` the model. Says what is wrong and gives CLI_FAILED, also
 * where the model computes what is no number; or 0. */
int run_read(ink_session *session, const char *model, const char *name, const ink_picture *picture,
             const ink_read_options *options, size_t classes, ink_reading **out);

#endif
