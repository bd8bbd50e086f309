/* inkling read: the numbers in a drawing, photo or scan. */
#include "commands.h"

#include "common/answer_json.h"
#include "common/image_file.h"
#include "common/json_out.h"
#include "common/out_file.h"
#include "common/png_out.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/sheet.h"
#include "common/slurp.h"
#include "common/terminal.h"
#include "common/where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_MODEL "models/digits.gguf"
#define NOT_GIVEN (-1.0)

enum { SURE_INK = 0x1565c0, UNSURE_INK = 0xd32f2f };

typedef struct read_options {
    run_options run;
    const char *model, *annotate, *steps, *polarity;
    double threshold;
    bool one, json;
} read_options;

static const cli_operand operands[] = {
    { "IMAGE", "a PNG, JPEG, PBM, PGM or PPM, maybe in gzip; - for standard input", CLI_MANY },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "model", .letter = 'm', .kind = CLI_FILE, .value = "FILE", .at = offsetof(read_options, model),
      .help = "the model (default: the digits.gguf that came with the program, or what INKLING_MODEL names)" },
    { .name = "one", .kind = CLI_FLAG, .at = offsetof(read_options, one),
      .help = "the whole picture is one digit" },
    { .name = "polarity", .kind = CLI_CHOICE, .value = "WHICH", .choice = run_polarity_name,
      .at = offsetof(read_options, polarity),
      .help = "whether the writing is darker or lighter than what it is on (default find)" },
    { .name = "threshold", .kind = CLI_REAL, .value = "P", .low = 0, .high = 1, .at = offsetof(read_options, threshold),
      .help = "a digit less likely than P, 0 to 1, is unsure (default 0.7)" },
    { .name = "annotate", .letter = 'a', .kind = CLI_FILE, .value = "FILE.png", .at = offsetof(read_options, annotate),
      .help = "draw the picture with a box around each digit" },
    { .name = "steps", .letter = 's', .kind = CLI_FILE, .value = "FILE.png", .at = offsetof(read_options, steps),
      .help = "draw each step from the picture to the digits" },
    { .name = "threads", .letter = 't', .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 256,
      .at = offsetof(read_options, run.threads), .help = "share a picture's digits out among N threads (default 1)" },
    RUN_CPU_ROW(read_options),
    JS_OPTION_ROW(read_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "the number in a picture", "inkling read samples/number.png" },
    { "where each digit is, in the picture itself", "inkling read photo.jpg --annotate read.png" },
    { "why it was read so", "inkling read photo.jpg --steps steps.png" },
    { "the texts of many, for a program", "inkling read scans/*.png --json | jq -r '.images[].text'" },
    { "white on a blackboard", "inkling read board.jpg --polarity light" },
    { NULL, NULL },
};

static const read_options defaults = { .run = RUN_DEFAULTS, .polarity = "find", .threshold = NOT_GIVEN };

typedef struct job {
    const read_options *how;
    const char *model_path;
    ink_model *model;
    const ink_model_info *info;
    ink_session *session;
    ink_read_options reading;
    bool several; /* pictures */
    text answer;
    json_t *images;
    out_file annotated, steps;
} job;

/* ---- the model ---- */

/* Its path, or NULL after saying where was looked. free() it. */
static char *find_model(const read_options *how)
{
    const char *given = how->model ? how->model : getenv("INKLING_MODEL");
    if (given && *given) {
        text path = { 0 };
        text_add(&path, given);
        return path.data;
    }
    char *found = where_shared(OWN_MODEL);
    if (found)
        return found;
    char *place = where_beside("../share/inkling/" OWN_MODEL);
    cli_failed("the model that comes with the program is not there: no %s; set INKLING_MODEL or give --model",
               place ? place : "../share/inkling/" OWN_MODEL);
    free(place);
    return NULL;
}

/* ---- one picture's answer ---- */

static void add_unsure(job *work, const ink_reading *reading, const char *indent)
{
    enum { SHOWN = 8 };
    const terminal facts = terminal_facts();
    size_t unsure = 0, shown = 0;
    for (size_t i = 0; i < reading->count; i++)
        unsure += reading->marks[i].unsure != 0;
    if (!unsure)
        return;
    text_printf(&work->answer, "%s%s%zu of %zu unsure (?), most like ", indent, style_begin(&facts, STYLE_RED), unsure,
                reading->count);
    for (size_t i = 0; i < reading->count; i++) {
        const ink_mark *m = &reading->marks[i];
        if (!m->unsure || shown++ >= SHOWN)
            continue;
        text_add(&work->answer, shown > 1 ? ", " : "");
        text_masked_short(&work->answer, work->info->labels[m->digit], 40);
        text_printf(&work->answer, " (%.0f %%)", (double)m->probability * 100);
    }
    text_printf(&work->answer, "%s%s\n", shown > SHOWN ? " ..." : "", style_end(&facts, STYLE_RED));
}

/* What was read, as it stands; of several files each after its name. */
static void add_text(job *work, const char *name, const ink_reading *reading)
{
    const bool block = work->several && reading->lines > 1;
    if (work->several) {
        text_masked(&work->answer, name);
        text_add(&work->answer, block ? ":\n" : ": ");
    }
    if (reading->count)
        text_masked_lines(&work->answer, reading->text, block ? "  " : "");
    else
        text_add(&work->answer, "nothing is written\n");
    add_unsure(work, reading, work->several ? "  " : "");
}

/* ---- pictures of the answer ---- */

static int put_png(out_file *to, const canvas *drawn)
{
    text png = { 0 };
    png_rgb(&png, drawn->pixels, drawn->height, drawn->width);
    int code = out_file_write(to, text_string(&png), png.size);
    text_free(&png);
    return code;
}

/* "7", or what the model calls the class, and '?' behind it where that is unsure. */
static void mark_title(const job *work, const ink_mark *m, char *to, size_t size)
{
    snprintf(to, size, "%.8s%s", work->info->labels[m->digit], m->unsure ? "?" : "");
}

static int draw_boxes(job *work, const picture *p, const ink_reading *reading)
{
    int code = out_file_begin(work->how->annotate, &work->annotated);
    if (code)
        return code;
    canvas drawn = canvas_of(p->pixels, p->width, p->height, p->channels);
    const uint32_t longer = p->width > p->height ? p->width : p->height;
    const uint32_t zoom = longer < 1000 ? 1 : longer / 500;
    for (size_t i = 0; i < reading->count; i++) {
        const ink_mark *m = &reading->marks[i];
        char title[16], tag[32];
        mark_title(work, m, title, sizeof title);
        snprintf(tag, sizeof tag, "%s %.0f%%", title, (double)m->probability * 100);
        paint_tag(&drawn, m->x, m->y, m->width, m->height, m->unsure ? UNSURE_INK : SURE_INK, zoom, tag);
    }
    code = put_png(&work->annotated, &drawn);
    canvas_close(&drawn);
    return code;
}

/* What an ink_read_step shows. */
static const char *caption_of(const char *name)
{
    static const char *const captions[][2] = {
        { "grey", "in greys, inside its frame" },
        { "paper", "what it would be without ink" },
        { "ink", "how far each pixel is from paper to ink" },
        { "written", "more ink than the threshold there; ruled lines are left out" },
        { "marks", "what belongs to a digit" },
    };
    for (size_t i = 0; i < sizeof captions / sizeof *captions; i++)
        if (strcmp(captions[i][0], name) == 0)
            return captions[i][1];
    return NULL;
}

typedef struct mark_text {
    char title[16], caption[32];
} mark_text;

static int draw_steps(job *work, const picture *p, const ink_reading *reading)
{
    int code = out_file_begin(work->how->steps, &work->steps);
    if (code)
        return code;
    const size_t count = 1 + reading->steps + reading->count;
    sheet_panel *panels = must_alloc(count, sizeof *panels), *to = panels;
    mark_text *texts = must_alloc(reading->count + 1, sizeof *texts);
    *to++ = (sheet_panel){ "picture", "as it is in the file", p->width, p->height, p->channels, p->pixels };
    for (size_t i = 0; i < reading->steps; i++) {
        const ink_read_step *s = &reading->step[i];
        *to++ = (sheet_panel){ s->name, caption_of(s->name), s->width, s->height, 1, s->pixels };
    }
    for (size_t i = 0; i < reading->count; i++) {
        const ink_mark *m = &reading->marks[i];
        mark_title(work, m, texts[i].title, sizeof texts[i].title);
        snprintf(texts[i].caption, sizeof texts[i].caption, "%.2f %%, as the network saw it",
                 (double)m->probability * 100);
        *to++ = (sheet_panel){ texts[i].title, texts[i].caption, work->info->width, work->info->height, 1, m->pixels };
    }
    canvas drawn = sheet_draw(panels, count, 0);
    code = put_png(&work->steps, &drawn);
    canvas_close(&drawn);
    free(texts);
    free(panels);
    return code;
}

/* ---- the command ---- */

static int read_one(job *work, const char *path)
{
    const char *name = slurp_name(path);
    picture p;
    ink_reading *reading = NULL;
    int code = picture_read(path, INK_READ_PIXELS, &p);
    if (code)
        return code;
    const ink_picture shown = { p.pixels, p.width, p.height, p.channels, 0 };
    code = run_read(work->session, work->model_path, name, &shown, &work->reading, work->info->classes, &reading);
    if (!code && work->how->annotate)
        code = draw_boxes(work, &p, reading);
    if (!code && work->how->steps)
        code = draw_steps(work, &p, reading);
    if (!code && work->how->json)
        js_push(work->images, json_of_reading(name, work->info, &p, reading));
    else if (!code)
        add_text(work, name, reading);
    ink_reading_close(&reading);
    picture_close(&p);
    return code;
}

/* One that cannot be read does not keep the others from being read. */
static int read_all(job *work, char *const *paths, size_t count)
{
    text error = { 0 };
    progress line = progress_begin("pictures");
    int code = CLI_DONE;
    cli_keep(&error);
    for (size_t i = 0; i < count; i++) {
        if (read_one(work, paths[i])) {
            code = CLI_FAILED;
            if (work->how->json) {
                json_t *image = js_map();
                js_put(image, "file", js_text(slurp_name(paths[i])));
                js_put(image, "error", js_text(text_string(&error)));
                js_push(work->images, image);
            }
        }
        progress_step(&line, i + 1, count);
    }
    cli_keep(NULL);
    progress_end(&line);
    text_free(&error);
    return code;
}

static int print(job *work)
{
    if (!work->how->json)
        return work->answer.size ? cli_print(&work->answer) : CLI_DONE;
    json_t *document = js_map();
    js_put(document, "model", js_text(work->model_path));
    js_put(document, "images", work->images);
    return js_print(document);
}

/* The files appear last, when nothing else can fail. */
static int read_and_tell(job *work, char *const *paths, size_t count)
{
    const int read = read_all(work, paths, count);
    int code = print(work);
    if (!code && !read && work->how->annotate)
        code = out_file_commit(&work->annotated);
    if (!code && !read && work->how->steps)
        code = out_file_commit(&work->steps);
    return code ? code : read;
}

static int check_usage(const read_options *how, char *const *paths, size_t count)
{
    const char *const outputs[][2] = { { "--annotate", how->annotate }, { "--steps", how->steps } };
    size_t inputs = 0;
    for (size_t i = 0; i < count; i++)
        inputs += strcmp(paths[i], "-") == 0;
    if (inputs > 1)
        return cli_misused("standard input (-) can be read only once");
    for (size_t i = 0; i < 2; i++) {
        if (!outputs[i][1])
            continue;
        if (count > 1)
            return cli_misused("%s draws one picture, and there are %zu", outputs[i][0], count);
        if (strcmp(outputs[i][1], paths[0]) == 0)
            return cli_misused("%s: %s is the picture that is read", outputs[i][0], paths[0]);
    }
    if (how->annotate && how->steps && strcmp(how->annotate, how->steps) == 0)
        return cli_misused("--annotate and --steps name the same file, %s", how->steps);
    return CLI_DONE;
}

static ink_read_options options_of(const read_options *how)
{
    ink_read_options to = INK_READ_OPTIONS_INIT;
    run_polarity(how->polarity, &to.polarity);
    to.single = how->one;
    to.steps = how->steps != NULL;
    if (how->threshold >= 0)
        to.threshold = run_threshold(how->threshold);
    return to;
}

static int run(const void *given, char *const *paths, size_t count)
{
    const read_options *how = given;
    job work = { .how = how, .several = count > 1, .reading = options_of(how) };
    int code = check_usage(how, paths, count);
    if (!code)
        code = js_refused(how->json);
    char *model = code ? NULL : find_model(how);
    if (!model)
        return code ? code : CLI_FAILED;
    work.model_path = model;
    code = run_open_model(model, &how->run, &work.model, NULL);
    if (!code) {
        work.info = ink_model_get_info(work.model);
        code = image_model_check(model, work.info);
    }
    if (!code)
        code = run_open_session(work.model, &how->run, &work.session);
    if (!code) {
        work.images = how->json ? js_list() : NULL;
        code = read_and_tell(&work, paths, count);
    }
    out_file_close(&work.annotated);
    out_file_close(&work.steps);
    text_free(&work.answer);
    ink_session_close(&work.session);
    ink_model_close(&work.model);
    free(model);
    return code;
}

const cli_command read_command = {
    .name = "read",
    .summary = "read the numbers in drawings, photos and scans",
    .description =
        "Finds the digits in a picture of any size, line by line, and reads them. Paper may be shaded or ruled, the "
        "writing dark or light; specks are left out, digits that touch are parted.\n"
        "A digit that the model does not know well is unsure: '?' stands for it, and the last line says what it is "
        "most like. What is no digit should be among them.\n"
        "Boxes in --json are [x, y, width, height] in the file's own pixels, a photo turned upright as its camera "
        "noted. A picture that cannot be read is told on standard error, and the others are read; the exit code is 1 "
        "then.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
