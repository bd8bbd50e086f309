/* inkling predict: read pictures with a model. */
#include "commands.h"

#include "common/answer_json.h"
#include "common/chance.h"
#include "common/graph_file.h"
#include "common/image_file.h"
#include "common/json_out.h"
#include "common/picture.h"
#include "common/preparing.h"
#include "common/run.h"
#include "common/slurp.h"
#include "common/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_GIVEN UINT64_MAX

typedef struct predict_options {
    run_options run;
    uint64_t index, count, seed, top;
    bool random, no_picture, prepare, json;
    const char *picture, *dot;
} predict_options;

static const char *picture_choice(size_t index)
{
    static const char *const names[] = { "auto", "colour", "text", "none", NULL };
    return names[index];
}

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin", CLI_ONCE },
    { "IMAGE", "a PNG, JPEG, PBM, PGM or PPM, or an IDX file of many pictures, each maybe in gzip; - for standard "
               "input", CLI_MANY },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "index", .letter = 'i', .kind = CLI_NUMBER, .value = "N", .most = UINT32_MAX,
      .at = offsetof(predict_options, index),
      .help = "the image to take from an IDX file (default 0, the first)" },
    { .name = "random", .letter = 'r', .kind = CLI_FLAG, .at = offsetof(predict_options, random),
      .help = "a random image from an IDX file" },
    { .name = "seed", .kind = CLI_NUMBER, .value = "S", .most = NOT_GIVEN - 1,
      .at = offsetof(predict_options, seed),
      .help = "choose the same random images again; without it the seed is new and told" },
    { .name = "count", .letter = 'n', .kind = CLI_NUMBER, .value = "N", .least = 1,
      .most = 1000000, .at = offsetof(predict_options, count),
      .help = "take N images from each IDX file: the first, those from --index, or random ones" },
    { .name = "top", .letter = 'k', .kind = CLI_NUMBER, .value = "K", .least = 1,
      .most = UINT32_MAX, .at = offsetof(predict_options, top),
      .help = "show the K most likely classes (default 3)" },
    { .name = "picture", .kind = CLI_CHOICE, .value = "HOW", .choice = picture_choice,
      .at = offsetof(predict_options, picture),
      .help = "draw each picture (by default only a single one is drawn, in colour where the "
              "terminal can)" },
    { .name = "no-picture", .kind = CLI_FLAG, .at = offsetof(predict_options, no_picture),
      .help = "draw none; the same as --picture none" },
    { .name = "dot", .kind = CLI_FILE, .value = "FILE", .at = offsetof(predict_options, dot),
      .help = "draw the model's graph too, as 'inkling graph' does: .dot, .svg, .png, .pdf" },
    PREPARING_ROW(predict_options),
    RUN_SCALE_ROW(predict_options),
    RUN_THREADS_ROW(predict_options),
    RUN_CPU_ROW(predict_options),
    JS_OPTION_ROW(predict_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "read a picture", "inkling predict models/cnn.gguf samples/digit-3.png" },
    { "a random one of the test set", "inkling predict models/cnn.gguf "
                                      "t10k-images-idx3-ubyte.gz --random" },
    { "the digits of many pictures, for a program",
      "inkling predict models/cnn.gguf samples/*.png --json | jq '.results[].digit'" },
    { "a photo of a digit", "inkling predict models/digits.gguf photo.jpg" },
    { "a picture that another program makes",
      "magick digit.heic pgm:- | inkling predict models/digits.gguf --prepare -" },
    { NULL, NULL },
};

static const predict_options defaults = {
    .run = RUN_DEFAULTS, .index = NOT_GIVEN, .count = NOT_GIVEN, .seed = NOT_GIVEN, .top = 3,
};

/* A picture that is to be read; its name lives in argv. */
typedef struct item {
    const char *name;
    size_t index;
    bool one_of_many, prepared;
} item;

typedef struct job {
    const predict_options *how;
    const char *model_path;
    ink_model *model;
    const ink_model_info *info;
    ink_session *session;
    preparing preparing; /* its sessions are opened for the first picture that wants it */
    progress line;
    chance random;
    uint64_t seed;
    item *items;
    uint8_t *pixels; /* [count, height, width] */
    float *answers;  /* [count, classes] */
    uint8_t *states; /* [count], of those that are prepared: preparing_state */
    size_t count, capacity, picture_bytes;
    double load_seconds, run_seconds;
} job;

/* ---- collecting ---- */

/* An array of `capacity` items with what the old one held, which it frees. */
static void *larger(void *old, size_t count, size_t capacity, size_t size)
{
    void *made = must_alloc(capacity, size);
    if (count)
        memcpy(made, old, count * size);
    free(old);
    return made;
}

static void reserve(job *work, size_t more)
{
    if (work->capacity - work->count >= more)
        return;
    const size_t count = work->count, capacity = count + more + count / 2;
    work->items = larger(work->items, count, capacity, sizeof *work->items);
    work->pixels = larger(work->pixels, count, capacity, work->picture_bytes);
    work->answers = larger(work->answers, count, capacity, work->info->classes * sizeof *work->answers);
    work->states = larger(work->states, count, capacity, sizeof *work->states);
    work->capacity = capacity;
}

/* Those of the set that were chosen last are read while the set is there: what is kept is what the network saw. */
static int read_prepared(job *work, const image_set *set, size_t from)
{
    const size_t count = work->count - from;
    size_t *indices = must_alloc(count, sizeof *indices);
    const preparing_answers to = { work->pixels + from * work->picture_bytes,
                                   work->answers + from * work->info->classes, work->states + from };
    int code = work->preparing.sessions ? CLI_DONE
             : preparing_open(work->model, work->model_path, &work->how->run, &work->preparing);
    for (size_t i = 0; i < count; i++)
        indices[i] = work->items[from + i].index;
    const double start = clock_seconds();
    work->line = progress_begin("images");
    if (!code)
        code = preparing_run(&work->preparing, set, indices, 0, count, &to, &work->line, 0, count);
    progress_end(&work->line);
    work->run_seconds += clock_seconds() - start;
    free(indices);
    return code;
}

static int choose(job *work, const image_set *set)
{
    const predict_options *how = work->how;
    size_t count = how->count == NOT_GIVEN ? 1 : (size_t)how->count;
    size_t first = how->index == NOT_GIVEN ? 0 : (size_t)how->index;
    if (first >= set->count)
        return cli_failed("%s: --index %zu is out of range: it holds %zu image%s (0 to %zu)",
                          set->name, first, set->count, plural(set->count),
                          set->count - 1);
    if (!how->random && count > set->count - first)
        return cli_failed("%s: --count %zu is too many: it holds %zu image%s%s", set->name, count,
                          set->count - first, plural(set->count - first),
                          first ? " from there on" : "");
    reserve(work, count);
    for (size_t i = 0; i < count; i++) {
        size_t index = how->random ? (size_t)chance_below(&work->random, set->count) : first + i;
        work->items[work->count] = (item){ set->name, index, set->count > 1, set->prepare };
        if (!set->prepare)
            memcpy(work->pixels + work->count * work->picture_bytes,
                   set->data + index * work->picture_bytes, work->picture_bytes);
        work->count++;
    }
    return set->prepare ? read_prepared(work, set, work->count - count) : CLI_DONE;
}

static int collect(job *work, char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        image_set set;
        int code = image_set_read_any(paths[i], work->info,
                                      work->how->prepare ? IMAGE_PREPARE_ALL : IMAGE_PREPARE_OTHERS, &set);
        if (!code)
            code = image_set_need_pictures(&set);
        if (!code)
            code = choose(work, &set);
        image_set_close(&set);
        if (code)
            return code;
    }
    return CLI_DONE;
}

/* ---- the answer for a person ---- */

static void add_label(text *to, const ink_model_info *info, size_t class)
{
    text_masked_short(to, info->labels[class], 40);
}

static bool is_blank(const job *work, size_t i)
{
    return work->items[i].prepared && work->states[i] == PREPARING_BLANK;
}

static bool is_unsure(const job *work, size_t i)
{
    return work->items[i].prepared && work->states[i] != PREPARING_SURE;
}

static size_t shown_classes(const job *work)
{
    return work->how->top < work->info->classes ? (size_t)work->how->top : work->info->classes;
}

static void add_picture(text *to, const job *work, const uint8_t *pixels, const terminal *facts)
{
    enum { WIDEST = 64 }; /* that is drawn unasked */
    const char *how = work->how->no_picture ? "none" : work->how->picture;
    uint32_t height = work->info->height, width = work->info->width;
    bool unasked = !how || strcmp(how, "auto") == 0;
    if (unasked)
        how = width > WIDEST ? "none" : facts->true_colour && facts->utf8 ? "colour" : "text";
    if (strcmp(how, "colour") == 0)
        picture_colour(to, pixels, height, width);
    else if (strcmp(how, "text") == 0)
        picture_text(to, pixels, height, width);
    else
        return;
    text_add(to, "\n");
}

static void add_name(text *to, const item *one)
{
    text_masked(to, one->name);
    if (one->one_of_many)
        text_printf(to, "[%zu]", one->index);
}

/* One picture: drawn, its digit, its probabilities as bars. */
static void add_whole(text *to, const job *work, size_t i, const terminal *facts)
{
    const float *answer = work->answers + i * work->info->classes;
    size_t shown = shown_classes(work), digit = ink_argmax(answer, work->info->classes), widest = 0;
    char number[24];
    if (is_blank(work, i)) {
        add_name(to, &work->items[i]);
        text_add(to, ": nothing is written\n\n");
        return;
    }
    size_t *best = run_most_likely(answer, work->info->classes, shown);
    add_picture(to, work, work->pixels + i * work->picture_bytes, facts);
    add_name(to, &work->items[i]);
    text_printf(to, ": %s", style_begin(facts, STYLE_BOLD));
    add_label(to, work->info, digit);
    text_add(to, style_end(facts, STYLE_BOLD));
    snprintf(number, sizeof number, "%zu", digit);
    if (strcmp(number, work->info->labels[digit]) != 0)
        text_printf(to, " (class %zu)", digit);
    text_add(to, is_unsure(work, i) ? "? unsure: it may be another, or no digit\n\n" : "\n\n");
    text *labels = must_alloc(shown, sizeof *labels);
    for (size_t k = 0; k < shown; k++) {
        add_label(&labels[k], work->info, best[k]);
        size_t columns = utf8_columns(text_string(&labels[k]));
        widest = columns > widest ? columns : widest;
    }
    for (size_t k = 0; k < shown; k++) {
        double share = answer[best[k]];
        text_printf(to, "  %s", text_string(&labels[k]));
        text_repeat(to, " ", widest - utf8_columns(text_string(&labels[k])));
        text_printf(to, "  %6.2f %%  ", share * 100);
        picture_bar(to, share, 40, facts->utf8);
        while (to->data[to->size - 1] == ' ')
            to->size--;
        text_add(to, "\n");
        text_free(&labels[k]);
    }
    free(labels);
    free(best);
    text_add(to, "\n");
}

/* Many pictures: a line each. */
static void add_list(text *to, const job *work, const terminal *facts)
{
    size_t shown = shown_classes(work);
    table rows = { .alignment = shown > 1 ? "llrl" : "llr" };
    table_cell(&rows, "picture");
    table_cell(&rows, "digit");
    table_cell(&rows, "probability");
    if (shown > 1)
        table_cell(&rows, "or else");
    for (size_t i = 0; i < work->count; i++) {
        const float *answer = work->answers + i * work->info->classes;
        size_t *best = run_most_likely(answer, work->info->classes, shown);
        text cell = { 0 };
        add_name(&cell, &work->items[i]);
        table_cell(&rows, text_string(&cell));
        text_free(&cell);
        if (is_blank(work, i)) {
            table_cell(&rows, "nothing");
            table_cell(&rows, "");
        } else {
            table_format(&rows, "%s%s", work->info->labels[best[0]], is_unsure(work, i) ? "?" : "");
            table_style(&rows, STYLE_BOLD);
            table_format(&rows, "%.2f %%", (double)answer[best[0]] * 100);
        }
        for (size_t k = 1; k < shown && !is_blank(work, i); k++) {
            text_add(&cell, k > 1 ? ", " : "");
            add_label(&cell, work->info, best[k]);
            text_printf(&cell, " %.2f %%", (double)answer[best[k]] * 100);
        }
        if (shown > 1)
            table_cell(&rows, text_string(&cell));
        text_free(&cell);
        free(best);
    }
    table_write(&rows, to, 0, facts);
    text_add(to, "\n");
}

static int print_text(const job *work)
{
    terminal facts = terminal_facts();
    text answer = { 0 };
    if (work->count == 1 || work->how->picture)
        for (size_t i = 0; i < work->count; i++)
            add_whole(&answer, work, i, &facts);
    else
        add_list(&answer, work, &facts);
    if (work->how->random && work->how->seed == NOT_GIVEN)
        text_printf(&answer, "chosen with --seed %llu\n", (unsigned long long)work->seed);
    double each = work->run_seconds * 1e6 / (double)work->count;
    text_printf(&answer, "model loaded in %.2f ms, ", work->load_seconds * 1e3);
    if (work->count > 1)
        text_printf(&answer, "%zu pictures read in %.1f us each", work->count, each);
    else
        text_printf(&answer, "first picture read in %.1f us", each);
    text_printf(&answer, " (%s)\n", ink_cpu_name(work->info->cpu));
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

/* ---- the answer for a program ---- */

static json_t *json_result(const job *work, size_t i)
{
    const item *one = &work->items[i];
    const preparing_state state = work->states[i];
    return json_of_prediction(one->name, one->index, work->info, work->answers + i * work->info->classes,
                              one->prepared ? &state : NULL);
}

static int print_json(const job *work)
{
    json_t *document = js_map(), *results = js_list();
    for (size_t i = 0; i < work->count; i++)
        js_push(results, json_result(work, i));
    js_put(document, "model", js_text(work->model_path));
    js_put(document, "results", results);
    if (work->how->random)
        js_put(document, "seed", js_count(work->seed));
    js_put(document, "load_ms", js_number(work->load_seconds * 1e3));
    js_put(document, "us_per_image", js_number(work->run_seconds * 1e6 / (double)work->count));
    js_put(document, "threads", js_count(work->how->run.threads));
    js_put(document, "cpu", js_text(ink_cpu_name(work->info->cpu)));
    return js_print(document);
}

/* ---- the command ---- */

static int check_usage(const predict_options *how, char *const *paths, size_t count)
{
    size_t inputs = 0;
    for (size_t i = 0; i < count; i++)
        inputs += strcmp(paths[i], "-") == 0;
    if (inputs > 1)
        return cli_misused("standard input (-) can be read only once");
    if (how->random && how->index != NOT_GIVEN)
        return cli_misused("--random and --index do not go together");
    if (!how->random && how->seed != NOT_GIVEN)
        return cli_misused("--seed goes with --random only");
    return how->dot ? graph_check_name("--dot", how->dot) : CLI_DONE;
}

/* Those that are as the model wants them, as many at once as follow each other. */
static int read_pictures(job *work)
{
    const size_t classes = work->info->classes;
    int code = run_open_session(work->model, &work->how->run, &work->session);
    const double start = clock_seconds();
    for (size_t i = 0, count; i < work->count && !code; i += count ? count : 1) {
        for (count = 0; i + count < work->count && !work->items[i + count].prepared;)
            count++;
        if (count)
            code = run_images(work->session, work->model_path, work->pixels + i * work->picture_bytes, count, classes,
                              work->answers + i * classes);
    }
    work->run_seconds += clock_seconds() - start;
    return code;
}

/* The graph's file appears last, when nothing else can fail. */
static int deliver(const job *work)
{
    out_file graph = { 0 };
    int code = CLI_DONE;
    if (work->how->dot)
        code = graph_begin(work->model, INK_DOT_GRAPH, NULL, work->how->dot, &graph);
    if (!code)
        code = work->how->json ? print_json(work) : print_text(work);
    if (!code && work->how->dot)
        code = out_file_commit(&graph);
    out_file_close(&graph);
    return code;
}

static int run(const void *given, char *const *operand, size_t count)
{
    job work = { .how = given, .model_path = operand[0] };
    int code = check_usage(work.how, operand + 1, count - 1);
    if (!code)
        code = js_refused(work.how->json);
    if (!code)
        code = run_open_model(work.model_path, &work.how->run, &work.model, &work.load_seconds);
    if (code)
        return code;
    work.info = ink_model_get_info(work.model);
    work.picture_bytes = (size_t)work.info->height * work.info->width;
    work.seed = work.how->seed == NOT_GIVEN ? chance_fresh_seed() : work.how->seed;
    work.random.state = work.seed;
    code = image_model_check(work.model_path, work.info);
    if (!code)
        code = collect(&work, operand + 1, count - 1);
    if (!code)
        code = read_pictures(&work);
    if (!code)
        code = deliver(&work);
    preparing_close(&work.preparing);
    ink_session_close(&work.session);
    ink_model_close(&work.model);
    free(work.items);
    free(work.pixels);
    free(work.answers);
    free(work.states);
    return code;
}

const cli_command predict_command = {
    .name = "predict",
    .summary = "read pictures of one digit each",
    .description =
        "Reads pictures with a model: draws the picture, and tells the digit, the probabilities, and how long it "
        "took. Several pictures get a line each.\n"
        "Pictures of the model's size are taken as they are: white ink on black. With a model of digits, those of "
        "another size are prepared first: the digit is found on its paper, dark or light, cut out, scaled and centred "
        "as the model knows digits. Then what is drawn is what the network saw, and an answer may be unsure. --prepare "
        "does that to all.\n"
        "Of several digits in a picture 'inkling read' tells each.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
