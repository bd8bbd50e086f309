/* inkling eval: how well a model reads pictures whose digits are known. */
#include "commands.h"

#include "common/chance.h"
#include "common/image_file.h"
#include "common/json_out.h"
#include "common/preparing.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/slurp.h"
#include "common/table.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct eval_options {
    run_options run;
    bool prepare, json;
} eval_options;

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin", CLI_ONCE },
    { "IMAGES", "an IDX file of images of any size, maybe in gzip; - for standard input", CLI_ONCE },
    { "LABELS", "the IDX file of their labels", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    RUN_THREADS_ROW(eval_options),
    { .name = "batch", .letter = 'b', .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 65536,
      .at = offsetof(eval_options, run.batch),
      .help = "images that a thread takes at once (default: the plan's choice)" },
    PREPARING_ROW(eval_options),
    RUN_SCALE_ROW(eval_options),
    RUN_CPU_ROW(eval_options),
    JS_OPTION_ROW(eval_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "the accuracy on MNIST's test set",
      "inkling eval models/cnn.gguf t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz" },
    { "the same with each image prepared as a photo is",
      "inkling eval models/digits.gguf IMAGES LABELS --prepare --threads 2" },
    { "only that number", "inkling eval models/cnn.gguf IMAGES LABELS --json | jq .accuracy" },
    { NULL, NULL },
};

static const eval_options defaults = { .run = RUN_DEFAULTS };

enum {
    WORST = 10,         /* misreads that are listed */
    LABEL_VALUES = 256, /* a label is a byte */
    WIDE_MATRIX = 26,   /* more classes than this are not shown as a matrix */
};

/* Where the model gave the right class a smaller probability than this, the loss counts this: one
 * impossible answer must not make the mean infinite. */
#define LEAST_PROBABILITY ((double)FLT_MIN)

typedef struct misread {
    size_t index, label, digit;
    float probability; /* of the wrong digit */
} misread;

typedef struct job {
    const eval_options *how;
    const char *model_path;
    ink_model *model;
    const ink_model_info *info;
    ink_session *session;
    image_set images, labels;
    uint64_t *confusion; /* [classes, classes], row by true class */
    uint64_t correct;
    uint64_t unsure, unsure_correct, blank; /* of images that are prepared; blank ones are unsure too */
    double loss; /* sum of nats */
    misread worst[WORST];
    size_t worst_count;
    double load_seconds, run_seconds;
} job;

/* ---- checks ---- */

static int check_labels(const job *work)
{
    const image_set *images = &work->images, *labels = &work->labels;
    if (images->labels && !labels->labels)
        return cli_failed("%s holds labels and %s pictures: looks like you swapped them, wanted "
                          "IMAGES LABELS", images->name, labels->name);
    int code = image_set_need_pictures(images);
    if (!code)
        code = image_set_need_labels(labels, images);
    if (code)
        return code;
    for (size_t i = 0; i < labels->count; i++)
        if (labels->data[i] >= work->info->classes)
            return cli_failed("%s: label %zu is %u, the model has %u classes (0 to %u)",
                              labels->name, i, labels->data[i], work->info->classes,
                              work->info->classes - 1);
    return CLI_DONE;
}

/* Both files are read before either is judged, so that swapped ones are recognised. */
static int read_files(job *work, char *const *operand)
{
    const image_prepare how = work->how->prepare ? IMAGE_PREPARE_ALL : IMAGE_PREPARE_OTHERS;
    int code = image_set_read_any(operand[1], work->info, how, &work->images);
    if (!code)
        code = image_set_read_any(operand[2], work->info, how, &work->labels);
    return code ? code : check_labels(work);
}

/* ---- counting ---- */

static void note_misread(job *work, misread one)
{
    size_t place = work->worst_count;
    while (place > 0 && one.probability > work->worst[place - 1].probability)
        place--;
    if (place == WORST)
        return;
    work->worst_count += work->worst_count < WORST;
    memmove(work->worst + place + 1, work->worst + place,
            (work->worst_count - 1 - place) * sizeof *work->worst);
    work->worst[place] = one;
}

static void count_answer(job *work, size_t index, const float *answer)
{
    size_t label = work->labels.data[index], digit = ink_argmax(answer, work->info->classes);
    work->confusion[label * work->info->classes + digit]++;
    work->correct += label == digit;
    work->loss -= log(fmax((double)answer[label], LEAST_PROBABILITY));
    if (label != digit)
        note_misread(work, (misread){ index, label, digit, answer[digit] });
}

/* Of one that was prepared. On a blank one nothing was read: it is no misread of one class as another. */
static void count_prepared(job *work, size_t index, const float *answer, preparing_state state)
{
    const size_t label = work->labels.data[index];
    if (state == PREPARING_BLANK) {
        work->loss -= log((double)answer[label]);
        work->blank++;
    } else {
        count_answer(work, index, answer);
    }
    work->unsure += state != PREPARING_SURE;
    work->unsure_correct += state == PREPARING_UNSURE && ink_argmax(answer, work->info->classes) == label;
}

/* Images to run at once: enough to keep all threads busy, and answers of no more than 16 MiB. */
static size_t chunk_of(const job *work)
{
    const run_options *how = &work->how->run;
    size_t busy = (size_t)(how->threads * (how->batch ? how->batch : 64));
    size_t chunk = busy > 4096 ? busy : 4096, most = (1 << 22) / work->info->classes;
    chunk = chunk > most ? most : chunk;
    return chunk < 1 ? 1 : chunk > work->images.count ? work->images.count : chunk;
}

typedef struct chunk {
    float *answers;  /* [count, classes] */
    uint8_t *states; /* [count], where images are prepared */
    size_t first, count;
} chunk;

static int run_chunk(job *work, const preparing *with, const chunk *now, progress *line)
{
    const image_set *images = &work->images;
    const size_t each = (size_t)images->height * images->width;
    const preparing_answers to = { NULL, now->answers, now->states };
    const double start = clock_seconds();
    int code = images->prepare
             ? preparing_run(with, images, NULL, now->first, now->count, &to, line, now->first, images->count)
             : run_images(work->session, work->model_path, images->data + now->first * each, now->count,
                          work->info->classes, now->answers);
    work->run_seconds += clock_seconds() - start;
    return code;
}

/* Chunk by chunk, so that only the answers of one chunk are held. */
static int read_images(job *work)
{
    const size_t classes = work->info->classes, count = work->images.count, most = chunk_of(work);
    chunk now = { must_alloc(most, classes * sizeof *now.answers), must_alloc(most, 1), 0, 0 };
    preparing with = { 0 };
    progress line = progress_begin("images");
    int code = work->images.prepare ? preparing_open(work->model, work->model_path, &work->how->run, &with)
                                    : run_open_session(work->model, &work->how->run, &work->session);
    for (; now.first < count && !code; now.first += now.count) {
        now.count = count - now.first < most ? count - now.first : most;
        code = run_chunk(work, &with, &now, &line);
        for (size_t i = 0; i < now.count && !code; i++)
            if (work->images.prepare)
                count_prepared(work, now.first + i, now.answers + i * classes, (preparing_state)now.states[i]);
            else
                count_answer(work, now.first + i, now.answers + i * classes);
        progress_step(&line, now.first + now.count, count);
    }
    progress_end(&line);
    preparing_close(&with);
    free(now.answers);
    free(now.states);
    return code;
}

/* The Wilson score interval: unlike the simple one it stays inside 0 to 1 and is right near 1. */
static void wilson(uint64_t correct, uint64_t images, double interval[2])
{
    const double z = 1.959963984540054;
    double n = (double)images, p = (double)correct / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    interval[0] = fmax(0, middle - half);
    interval[1] = fmin(1, middle + half);
}

/* ---- the answer for a person ---- */

static void add_matrix(text *to, const job *work, const terminal *facts)
{
    size_t classes = work->info->classes;
    text alignment = { 0 };
    text_add(&alignment, "l");
    text_repeat(&alignment, "r", classes + 1);
    table rows = { .alignment = alignment.data };
    table_cell(&rows, "");
    for (size_t i = 0; i < classes; i++)
        table_cell(&rows, work->info->labels[i]);
    table_cell(&rows, "right");
    for (size_t label = 0; label < work->info->classes; label++) {
        const uint64_t *row = work->confusion + label * classes;
        uint64_t images = 0;
        table_cell(&rows, work->info->labels[label]);
        table_style(&rows, STYLE_BOLD);
        for (size_t digit = 0; digit < classes; digit++) {
            images += row[digit];
            if (row[digit] == 0) {
                table_cell(&rows, "."); /* so that the misreads stand out */
                table_style(&rows, STYLE_DIM);
                continue;
            }
            table_format(&rows, "%llu", (unsigned long long)row[digit]);
            table_style(&rows, digit == label ? STYLE_GREEN : STYLE_RED);
        }
        if (images)
            table_format(&rows, "%.2f %%", (double)row[label] * 100 / (double)images);
        else
            table_cell(&rows, "no images");
    }
    text_add(to, "\nwhich digit (row) was read as which (column):\n");
    table_write(&rows, to, 2, facts);
    text_free(&alignment);
}

static void add_worst(text *to, const job *work, const terminal *facts)
{
    uint64_t misreads = work->images.count - work->correct - work->blank;
    if (misreads == 0)
        return;
    text_printf(to, "\nthe surest of %llu misread%s:\n", (unsigned long long)misreads,
                plural(misreads));
    table rows = { .alignment = "rllr" };
    table_cell(&rows, "index");
    table_cell(&rows, "is");
    table_cell(&rows, "read as");
    table_cell(&rows, "with");
    for (size_t i = 0; i < work->worst_count; i++) {
        const misread *one = &work->worst[i];
        table_format(&rows, "%zu", one->index);
        table_cell(&rows, work->info->labels[one->label]);
        table_cell(&rows, work->info->labels[one->digit]);
        table_style(&rows, STYLE_RED);
        table_format(&rows, "%.2f %%", (double)one->probability * 100);
    }
    table_write(&rows, to, 2, facts);
}

/* Of the images of which the model is sure, how many it reads; 1 where there are none. */
static double accuracy_of_sure(const job *work)
{
    const uint64_t sure = work->images.count - work->unsure;
    return sure ? (double)(work->correct - work->unsure_correct) / (double)sure : 1;
}

static void add_unsure(text *to, const job *work)
{
    const double images = (double)work->images.count;
    text_printf(to, "unsure    %.2f %%, %llu image%s; of the others %.2f %% are right\n",
                (double)work->unsure * 100 / images, (unsigned long long)work->unsure, plural(work->unsure),
                accuracy_of_sure(work) * 100);
    if (work->blank)
        text_printf(to, "          on %llu of the unsure nothing is written\n", (unsigned long long)work->blank);
}

static int print_text(const job *work)
{
    terminal facts = terminal_facts();
    text answer = { 0 };
    double images = (double)work->images.count, interval[2];
    wilson(work->correct, work->images.count, interval);
    text_printf(&answer, "accuracy  %s%.2f %%%s, %llu of %zu image%s\n",
                style_begin(&facts, STYLE_BOLD), (double)work->correct * 100 / images,
                style_end(&facts, STYLE_BOLD), (unsigned long long)work->correct,
                work->images.count, plural(work->images.count));
    text_printf(&answer, "          %.2f to %.2f %% with 95 %% confidence (Wilson interval)\n",
                interval[0] * 100, interval[1] * 100);
    if (work->images.prepare)
        add_unsure(&answer, work);
    text_printf(&answer, "loss      %.6f nats, the mean of -ln p (p under %.3g counts as that)\n",
                work->loss / images, LEAST_PROBABILITY);
    text_printf(&answer,
                "time      %.2f us an image (%llu thread%s, %s), model loaded in %.2f ms\n",
                work->run_seconds * 1e6 / images, (unsigned long long)work->how->run.threads,
                plural(work->how->run.threads), ink_cpu_name(work->info->cpu),
                work->load_seconds * 1e3);
    if (work->info->classes <= WIDE_MATRIX)
        add_matrix(&answer, work, &facts);
    add_worst(&answer, work, &facts);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

/* ---- the answer for a program ---- */

static int print_json(const job *work)
{
    json_t *document = js_map(), *confusion = js_list(), *worst = js_list(), *ends = js_list();
    double images = (double)work->images.count, interval[2];
    wilson(work->correct, work->images.count, interval);
    js_push(ends, js_number(interval[0]));
    js_push(ends, js_number(interval[1]));
    for (size_t label = 0; label < work->info->classes; label++)
        js_push(confusion, js_counts(work->confusion + label * work->info->classes,
                                     work->info->classes));
    for (size_t i = 0; i < work->worst_count; i++) {
        json_t *one = js_map();
        js_put(one, "index", js_count(work->worst[i].index));
        js_put(one, "label", js_count(work->worst[i].label));
        js_put(one, "digit", js_count(work->worst[i].digit));
        js_put(one, "probability", js_number(work->worst[i].probability));
        js_push(worst, one);
    }
    js_put(document, "model", js_text(work->model_path));
    js_put(document, "images", js_count(work->images.count));
    js_put(document, "correct", js_count(work->correct));
    js_put(document, "accuracy", js_number((double)work->correct / images));
    js_put(document, "accuracy_ci95", ends);
    if (work->images.prepare) {
        js_put(document, "unsure", js_count(work->unsure));
        js_put(document, "blank", js_count(work->blank));
        js_put(document, "accuracy_of_sure", js_number(accuracy_of_sure(work)));
    }
    js_put(document, "loss", js_number(work->loss / images));
    js_put(document, "load_ms", js_number(work->load_seconds * 1e3));
    js_put(document, "us_per_image", js_number(work->run_seconds * 1e6 / images));
    js_put(document, "threads", js_count(work->how->run.threads));
    js_put(document, "cpu", js_text(ink_cpu_name(work->info->cpu)));
    js_put(document, "confusion", confusion);
    js_put(document, "worst", worst);
    return js_print(document);
}

/* ---- the command ---- */

static int evaluate(job *work, char *const *operand)
{
    int code = image_model_check(work->model_path, work->info);
    if (!code && work->info->classes > LABEL_VALUES)
        code = cli_failed("%s: has %u classes, and labels of a byte can name %d only",
                          work->model_path, work->info->classes, LABEL_VALUES);
    if (!code)
        code = read_files(work, operand);
    if (code)
        return code;
    size_t classes = work->info->classes;
    work->confusion = must_alloc(classes, classes * sizeof *work->confusion);
    code = read_images(work);
    if (code)
        return code;
    return work->how->json ? print_json(work) : print_text(work);
}

static int run(const void *given, char *const *operand, size_t count)
{
    job work = { .how = given, .model_path = operand[0] };
    (void)count;
    if (strcmp(operand[1], "-") == 0 && strcmp(operand[2], "-") == 0)
        return cli_misused("standard input (-) can be read only once");
    int code = js_refused(work.how->json);
    if (!code)
        code = run_open_model(work.model_path, &work.how->run, &work.model, &work.load_seconds);
    if (code)
        return code;
    work.info = ink_model_get_info(work.model);
    code = evaluate(&work, operand);
    ink_session_close(&work.session);
    ink_model_close(&work.model);
    image_set_close(&work.images);
    image_set_close(&work.labels);
    free(work.confusion);
    return code;
}

const cli_command eval_command = {
    .name = "eval",
    .summary = "measure the accuracy on labelled images",
    .description =
        "Reads images whose classes are known, and tells the accuracy with its 95 % interval "
        "(Wilson's), the mean loss in nats, which digit was read as which, the misreads of which "
        "the model was surest, and the time an image takes.\n"
        "Images of the model's size are taken as they are, white ink on black. With a model of digits, those of "
        "another size are prepared first, as 'inkling read' does, and all are with --prepare: then it also tells of "
        "how many the model is unsure.\n"
        "For the loss, a probability under 1.18e-38 (the smallest normal float) counts as that, so "
        "that one impossible answer does not make the mean infinite.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
