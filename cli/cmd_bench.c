/* inkling bench: how fast a model runs. */
#include "commands.h"

#include "common/chance.h"
#include "common/image_file.h"
#include "common/json_out.h"
#include "common/run.h"
#include "common/slurp.h"
#include "common/table.h"
#include "common/where.h"

#include <stdlib.h>
#include <string.h>

typedef struct bench_options {
    run_options run; /* its `batch` stays the plan's choice */
    uint64_t batch;
    double seconds;
    const char *images;
    bool nodes, json;
} bench_options;

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "images", .kind = CLI_FILE, .value = "FILE", .at = offsetof(bench_options, images),
      .help = "an IDX file of images (default: inkling's samples, or noise if the model wants "
              "another size)" },
    RUN_THREADS_ROW(bench_options),
    { .name = "batch", .letter = 'b', .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 65536,
      .at = offsetof(bench_options, batch),
      .help = "hand over N images in one call (default 1); times are per image" },
    { .name = "seconds", .letter = 's', .kind = CLI_REAL, .value = "S", .low = 0.001, .high = 3600,
      .at = offsetof(bench_options, seconds), .help = "measure for S seconds (default 2)" },
    { .name = "nodes", .kind = CLI_FLAG, .at = offsetof(bench_options, nodes),
      .help = "then run again, timing each step of the plan" },
    RUN_CPU_ROW(bench_options),
    JS_OPTION_ROW(bench_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "microseconds for one image", "inkling bench models/cnn.gguf" },
    { "images per second of the whole machine",
      "inkling bench models/cnn.gguf --threads 8 --batch 1024" },
    { "what the vector instructions bring, step by step",
      "inkling bench models/cnn.gguf --cpu scalar --nodes" },
    { NULL, NULL },
};

static const bench_options defaults = { .run = RUN_DEFAULTS, .batch = 1, .seconds = 2 };

enum {
    MOST_CALLS = 1 << 20,    /* whose times are kept; then the run ends early */
    NOISE_IMAGES = 256,
};
static const size_t most_noise = (size_t)1 << 28; /* bytes */
#define SAMPLES_FOLDER "samples"
#define SAMPLES_NAME "digits-images-idx3-ubyte"

typedef struct job {
    const bench_options *how;
    const char *model_path;
    ink_model *model;
    const ink_model_info *info;
    const char *source;   /* where the pictures come from; NULL: noise */
    char *samples;        /* owns the name in `source` */
    uint8_t *pixels;      /* [different + batch - 1, picture]: the first ones again at the end, so
                             that a call that wraps around finds its images in one piece */
    size_t different, picture;
    float *answers;
    double *times;        /* of the calls, per image, in microseconds; sorted in the end */
    size_t calls;
    double elapsed, load_seconds;
    uint32_t used;        /* threads: fewer where images are few and small */
    /* Of the steps, per image, in microseconds: [steps, step_calls], each step's sorted; or NULL. */
    double *step_us;
    size_t step_calls;
    double peak;          /* multiply-adds a microsecond of one thread */
} job;

/* ---- pictures ---- */

static size_t batch_of(const job *work)
{
    return (size_t)work->how->batch;
}

static void repeat_first(job *work)
{
    for (size_t i = work->different; i < work->different + batch_of(work) - 1; i++)
        memcpy(work->pixels + i * work->picture,
               work->pixels + (i - work->different) * work->picture, work->picture);
}

static void make_noise(job *work)
{
    size_t fit = most_noise / work->picture;
    work->different = fit < 1 ? 1 : fit < NOISE_IMAGES ? fit : NOISE_IMAGES;
    work->pixels = must_alloc(work->different + batch_of(work) - 1, work->picture);
    chance random = { 0 };
    for (size_t i = 0; i < work->different * work->picture; i++)
        work->pixels[i] = (uint8_t)chance_next(&random);
    repeat_first(work);
}

static int take_images(job *work, const char *path)
{
    image_set set;
    int code = image_set_read(path, work->info, &set);
    if (!code)
        code = image_set_need_pictures(&set);
    if (!code) {
        work->source = set.name;
        work->different = set.count;
        work->pixels = must_alloc(set.count + batch_of(work) - 1, work->picture);
        memcpy(work->pixels, set.data, set.count * work->picture);
        repeat_first(work);
    }
    image_set_close(&set);
    return code;
}

/* The samples that came along; NULL when not found. */
static char *find_samples(void)
{
    const char *folder = getenv("INKLING_SAMPLES");
    text path = { 0 };
    if (!folder || !*folder)
        return where_shared(SAMPLES_FOLDER "/" SAMPLES_NAME);
    text_printf(&path, "%s/" SAMPLES_NAME, folder);
    return path.data; /* a wrong one is an error and no reason to look elsewhere */
}

static int prepare_pictures(job *work)
{
    enum { SAMPLE_SIDE = 28 };
    const ink_model_info *info = work->info;
    work->picture = (size_t)info->channels * info->height * info->width;
    if (work->how->images) {
        int code = image_model_check(work->model_path, info);
        return code ? code : take_images(work, work->how->images);
    }
    if (info->channels != 1 || info->height != SAMPLE_SIDE || info->width != SAMPLE_SIDE) {
        make_noise(work);
        return CLI_DONE;
    }
    work->samples = find_samples();
    if (!work->samples)
        return cli_failed("the sample images are not installed: no ../share/inkling/" SAMPLES_FOLDER "/" SAMPLES_NAME
                          " beside the program; set INKLING_SAMPLES or give --images");
    return take_images(work, work->samples);
}

/* ---- measuring ---- */

/* Calls for `seconds`, cycling through the pictures. Keeps each call's time where `times` is not
 * NULL. Nothing is allocated or looked at in between. */
static int cycle(job *work, ink_session *session, double seconds, double *times, size_t *calls)
{
    size_t batch = batch_of(work), at = 0, done = 0;
    double start = clock_seconds(), now = start;
    ink_error error;
    while (now - start < seconds && (!times || done < MOST_CALLS)) {
        double before = now;
        if (ink_session_run_u8(session, work->pixels + at * work->picture, batch, work->answers,
                               &error))
            return cli_failed("%s: %s", work->model_path, error.text);
        now = clock_seconds();
        if (times)
            times[done] = (now - before) * 1e6 / (double)batch;
        done++;
        at = (at + batch) % work->different;
    }
    work->elapsed = now - start;
    *calls = done;
    return CLI_DONE;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(job *work)
{
    ink_session *session = NULL;
    double seconds = work->how->seconds, warm = seconds / 5 < 0.5 ? seconds / 5 : 0.5;
    size_t ignored;
    int code = run_open_session(work->model, &work->how->run, &session);
    work->answers = must_alloc(batch_of(work), work->info->classes * sizeof *work->answers);
    work->times = must_alloc(MOST_CALLS, sizeof *work->times);
    /* Written to once, so that its page faults are not measured. */
    memset(work->times, 0xff, MOST_CALLS * sizeof *work->times);
    work->used = ink_session_threads(session, batch_of(work));
    if (!code)
        code = cycle(work, session, warm, NULL, &ignored);
    if (!code)
        code = cycle(work, session, seconds, work->times, &work->calls);
    ink_session_close(&session);
    qsort(work->times, work->calls, sizeof *work->times, compare);
    return code;
}

/* A pass of its own: reading the clock at each step would disturb the times above. */
static int measure_steps(job *work)
{
    enum { CALLS_MOST = 20000 };
    ink_session *session = NULL;
    run_options how = work->how->run;
    const size_t steps = work->info->steps, batch = batch_of(work);
    const double seconds = work->how->seconds < 1 ? work->how->seconds : 1;
    ink_error error;
    how.profile = true;
    int code = run_open_session(work->model, &how, &session);
    work->peak = ink_cpu_peak(work->info->cpu) / 1e6;
    double *now = must_alloc(steps, sizeof *now), *before = must_alloc(steps, sizeof *before);
    work->step_us = must_alloc(steps * CALLS_MOST, sizeof *work->step_us);
    memset(before, 0, steps * sizeof *before);
    const double begin = clock_seconds();
    for (size_t n = 0, at = 0; !code && n < CALLS_MOST && (!n || clock_seconds() - begin < seconds); n++) {
        if (ink_session_run_u8(session, work->pixels + at * work->picture, batch, work->answers, &error))
            code = cli_failed("%s: %s", work->model_path, error.text);
        for (size_t i = 0; i < steps; i++) {
            now[i] = ink_session_step_seconds(session, i);
            work->step_us[i * CALLS_MOST + n] = (now[i] - before[i]) * 1e6 / (double)batch;
            before[i] = now[i];
        }
        at = (at + batch) % work->different;
        work->step_calls = n + 1;
    }
    for (size_t i = 0; i < steps; i++) {
        double *times = memmove(work->step_us + i * work->step_calls, work->step_us + i * CALLS_MOST,
                                work->step_calls * sizeof *times);
        qsort(times, work->step_calls, sizeof *times, compare);
    }
    free(now);
    free(before);
    ink_session_close(&session);
    return code;
}

/* Of a step's sorted times. */
static double step_least(const job *work, size_t step)
{
    return work->step_us[step * work->step_calls];
}

static double step_median(const job *work, size_t step)
{
    return work->step_us[step * work->step_calls + work->step_calls / 2];
}

/* The smallest time that `share` of the calls did not exceed. */
static double percentile(const job *work, double share)
{
    size_t place = (size_t)(share * (double)work->calls);
    return work->times[place < work->calls ? place : work->calls - 1];
}

static double per_second(const job *work)
{
    return (double)work->calls * (double)work->how->batch / work->elapsed;
}

/* ---- the answer ---- */

static void add_steps(text *to, const job *work, const terminal *facts)
{
    table rows = { .alignment = "lllrrrrr" };
    static const char *const headings[] = { "step",  "computes", "kernel",        "us least",
                                            "median", "share",    "multiply-adds", "of the peak" };
    double sum = 0;
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        table_cell(&rows, headings[i]);
    for (size_t i = 0; i < work->info->steps; i++)
        sum += step_median(work, i);
    for (size_t i = 0; i < work->info->steps; i++) {
        const ink_step_info *step = ink_model_step(work->model, i);
        const double least = step_least(work, i);
        table_cell(&rows, step->name);
        table_cell(&rows, step->ops);
        table_cell(&rows, step->kernel);
        table_format(&rows, "%.3f", least);
        table_format(&rows, "%.3f", step_median(work, i));
        table_format(&rows, "%.1f %%", sum > 0 ? step_median(work, i) * 100 / sum : 0);
        if (step->macs)
            table_format(&rows, "%llu", (unsigned long long)step->macs);
        else
            table_cell(&rows, "");
        if (step->macs && least > 0 && work->peak > 0)
            table_format(&rows, "%.0f %%", (double)step->macs / least / work->peak * 100);
        else
            table_cell(&rows, "");
    }
    text_printf(to, "\nthe steps of the plan, timed in a run of their own; peak of a thread: %.1f thousand million\n"
                    "multiply-adds a second. A step that skips some by its method may come out above it:\n",
                work->peak / 1e3);
    table_write(&rows, to, 2, facts);
}

static int print_text(const job *work)
{
    terminal facts = terminal_facts();
    text answer = { 0 };
    text_masked(&answer, work->model_path);
    text_printf(&answer, ": %s, %llu thread%s", ink_cpu_name(work->info->cpu),
                (unsigned long long)work->how->run.threads, plural(work->how->run.threads));
    if (work->used < work->how->run.threads)
        text_printf(&answer, " of which %u work%s", work->used, work->used == 1 ? "s" : "");
    text_printf(&answer, ", %llu image%s a call\n", (unsigned long long)work->how->batch, plural(work->how->batch));
    if (work->source) {
        text_printf(&answer, "%zu different image%s from ", work->different,
                    plural(work->different));
        text_masked(&answer, work->source);
        text_add(&answer, "\n\n");
    } else {
        text_printf(&answer, "%zu images of noise: the samples are 28x28 and grey, the model wants "
                             "%ux%ux%u\n\n", work->different, work->info->channels,
                    work->info->height, work->info->width);
    }
    text_printf(&answer,
                "  an image   %s%.3f us%s median, %.3f least, %.3f 95th percentile, %.3f 99th\n",
                style_begin(&facts, STYLE_BOLD), percentile(work, 0.5),
                style_end(&facts, STYLE_BOLD), work->times[0], percentile(work, 0.95),
                percentile(work, 0.99));
    text_printf(&answer, "  a second   %s%.0f images%s\n", style_begin(&facts, STYLE_BOLD),
                per_second(work), style_end(&facts, STYLE_BOLD));
    text_printf(&answer, "  measured   %zu call%s in %.2f s; model loaded in %.2f ms\n",
                work->calls, plural(work->calls), work->elapsed, work->load_seconds * 1e3);
    if (work->step_us)
        add_steps(&answer, work, &facts);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static json_t *steps_json(const job *work)
{
    json_t *steps = js_list();
    for (size_t i = 0; i < work->info->steps; i++) {
        const ink_step_info *step = ink_model_step(work->model, i);
        json_t *row = js_map();
        js_put(row, "name", js_text(step->name));
        js_put(row, "ops", js_text(step->ops));
        js_put(row, "kernel", js_text(step->kernel));
        js_put(row, "us_min", js_number(step_least(work, i)));
        js_put(row, "us_median", js_number(step_median(work, i)));
        js_put(row, "multiply_adds", js_count(step->macs));
        js_push(steps, row);
    }
    return steps;
}

static int print_json(const job *work)
{
    json_t *document = js_map();
    js_put(document, "model", js_text(work->model_path));
    js_put(document, "images", work->source ? js_text(work->source) : js_text("noise"));
    js_put(document, "different_images", js_count(work->different));
    js_put(document, "batch", js_count(work->how->batch));
    js_put(document, "threads", js_count(work->how->run.threads));
    js_put(document, "threads_used", js_count(work->used));
    js_put(document, "cpu", js_text(ink_cpu_name(work->info->cpu)));
    js_put(document, "load_ms", js_number(work->load_seconds * 1e3));
    js_put(document, "calls", js_count(work->calls));
    js_put(document, "seconds", js_number(work->elapsed));
    js_put(document, "us_min", js_number(work->times[0]));
    js_put(document, "us_median", js_number(percentile(work, 0.5)));
    js_put(document, "us_p95", js_number(percentile(work, 0.95)));
    js_put(document, "us_p99", js_number(percentile(work, 0.99)));
    js_put(document, "images_per_second", js_number(per_second(work)));
    if (work->step_us) {
        js_put(document, "peak_multiply_adds_per_second", js_number(work->peak * 1e6));
        js_put(document, "nodes", steps_json(work));
    }
    return js_print(document);
}

/* ---- the command ---- */

static int run(const void *given, char *const *operand, size_t count)
{
    job work = { .how = given, .model_path = operand[0] };
    (void)count;
    int code = js_refused(work.how->json);
    if (!code)
        code = run_open_model(work.model_path, &work.how->run, &work.model, &work.load_seconds);
    if (code)
        return code;
    work.info = ink_model_get_info(work.model);
    code = prepare_pictures(&work);
    if (!code)
        code = measure(&work);
    if (!code && work.how->nodes)
        code = measure_steps(&work);
    if (!code)
        code = work.how->json ? print_json(&work) : print_text(&work);
    ink_model_close(&work.model);
    free(work.samples);
    free(work.pixels);
    free(work.answers);
    free(work.times);
    free(work.step_us);
    return code;
}

const cli_command bench_command = {
    .name = "bench",
    .summary = "measure how fast a model runs",
    .description =
        "Runs a model over and over and tells the latency of an image, the images a second and, "
        "with --nodes, the time of each step. It cycles through several hundred different images, "
        "so that neither caches nor branch prediction can learn one by heart, and warms up before "
        "it measures.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
