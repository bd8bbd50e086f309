/* inkling-convert: the program behind `inkling convert`. */
#include "common/convert_options.h"

#include "common/chance.h"
#include "common/json_out.h"
#include "common/out_file.h"
#include "common/run.h"

#include "inkling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    const convert_options *how;
    const char *source_path, *target_path;
    ink_layout layout;
    ink_model *source, *target; /* the target as it is read back from its bytes */
    ink_buffer bytes;
    double difference; /* the largest between two probabilities */
} job;

/* ---- which layout ---- */

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcmp(path + length - tail, suffix) == 0;
}

static ink_layout layout_named(const char *name)
{
    ink_layout layout = INK_LAYOUT_INKLING;
    while (strcmp(ink_layout_name(layout), name) != 0) /* the parser has seen that it is there */
        layout++;
    return layout;
}

static int choose_layout(job *work)
{
    const char *wanted = work->how->layout;
    bool bin = has_suffix(work->target_path, ".bin"), gguf = has_suffix(work->target_path, ".gguf");
    if (!bin && !gguf)
        return cli_misused("%s: unknown suffix, wanted .gguf (layouts inkling, ggml, ggml-2023) or "
                           ".bin (layout legacy)", work->target_path);
    work->layout = wanted ? layout_named(wanted) : bin ? INK_LAYOUT_LEGACY : INK_LAYOUT_INKLING;
    if (bin != (work->layout == INK_LAYOUT_LEGACY))
        return cli_misused("%s: --layout %s contradicts the suffix; a .bin has the layout legacy, "
                           "a .gguf inkling, ggml or ggml-2023", work->target_path, wanted);
    return CLI_DONE;
}

/* ---- the copy must compute the same ---- */

static int answers_of(const ink_model *model, const char *name, const uint8_t *pixels,
                      size_t images, float **out)
{
    const run_options how = RUN_DEFAULTS;
    ink_session *session = NULL;
    size_t classes = ink_model_get_info(model)->classes;
    *out = must_alloc(images, classes * sizeof **out);
    int code = run_open_session(model, &how, &session);
    if (!code)
        code = run_images(session, name, pixels, images, classes, *out);
    ink_session_close(&session);
    return code;
}

/* Strokes and not noise: black with some ink, as the network expects it. */
static uint8_t *make_pictures(size_t picture, size_t images)
{
    chance random = { 0 };
    uint8_t *pixels = must_alloc(images, picture);
    for (size_t i = 0; i < images; i++)
        for (size_t stroke = 0; stroke < 1 + picture / 32; stroke++) {
            size_t start = (size_t)chance_below(&random, picture);
            for (size_t k = 0; k < 8 && start + k < picture; k++)
                pixels[i * picture + start + k] = (uint8_t)chance_next(&random);
        }
    return pixels;
}

static int compare(job *work)
{
    enum { IMAGES = 64 };
    const ink_model_info *from = ink_model_get_info(work->source);
    const ink_model_info *to = ink_model_get_info(work->target);
    if (from->channels != to->channels || from->height != to->height || from->width != to->width ||
        from->classes != to->classes)
        return cli_failed("%s: not written: the copy's input or output has another shape",
                          work->target_path);
    uint8_t *pixels = make_pictures((size_t)from->channels * from->height * from->width, IMAGES);
    float *expected = NULL, *found = NULL;
    int code = answers_of(work->source, work->source_path, pixels, IMAGES, &expected);
    if (!code)
        code = answers_of(work->target, work->target_path, pixels, IMAGES, &found);
    for (size_t i = 0; !code && i < (size_t)IMAGES * from->classes; i++)
        work->difference = fmax(work->difference, fabs((double)expected[i] - (double)found[i]));
    free(pixels);
    free(expected);
    free(found);
    if (!code && work->difference > 0.01)
        code = cli_failed("%s: not written: the copy computes other probabilities, with "
                          "differences of up to %.3g", work->target_path, work->difference);
    return code;
}

static int make_copy(job *work)
{
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    how.name = work->target_path;
    if (ink_model_save_memory(work->source, work->layout, &work->bytes, &error))
        return cli_failed("%s: %s", work->source_path, error.text);
    if (ink_model_open_memory(work->bytes.data, work->bytes.size, &how, &work->target, &error))
        return cli_failed("%s", error.text);
    return compare(work);
}

/* ---- the answer ---- */

static void add_side(text *to, const char *verb, const char *path, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    text_printf(to, "%s ", verb);
    text_masked(to, path);
    text_printf(to, ": %s, layout %s, %zu tensors, %llu bytes\n", info->format,
                ink_layout_name(info->layout), info->tensors, (unsigned long long)info->file_bytes);
}

/* ggml's programs have the sizes of one network each built in, and abort on others. Which network a file
 * holds is told by its layout, its first operator and its number of parameters. */
static const char *ggml_note(const ink_model *model)
{
    static const struct {
        ink_layout layout;
        const char *op;
        uint64_t parameters;
        const char *note;
    } rows[] = {
        { INK_LAYOUT_GGML, "flatten", 397510, "ggml's own program takes 784-500-10 only" },
        { INK_LAYOUT_LEGACY, "flatten", 397510, "ggml's own program takes 784-500-10 only" },
        { INK_LAYOUT_GGML, "conv2d", 9098, "ggml's own program takes 28x28, channels 8 and 16, and 10 "
                                           "classes only" },
        { INK_LAYOUT_GGML_2023, "conv2d", 34826, "ggml's own program takes 28x28, channels 32 and 64, "
                                                 "and 10 classes only" },
    };
    const ink_model_info *info = ink_model_get_info(model);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].layout == info->layout && !strcmp(rows[i].op, ink_model_node(model, 0)->op) &&
            rows[i].parameters != info->parameters)
            return rows[i].note;
    return NULL;
}

static int print_text(const job *work)
{
    text answer = { 0 };
    add_side(&answer, "read ", work->source_path, work->source);
    add_side(&answer, "wrote", work->target_path, work->target);
    text_printf(&answer, "check  64 pictures, largest difference between probabilities %.3g\n",
                work->difference);
    if (ggml_note(work->target))
        text_printf(&answer, "note   %s\n", ggml_note(work->target));
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static json_t *side_json(const char *path, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    json_t *side = js_map();
    js_put(side, "file", js_text(path));
    js_put(side, "format", js_text(info->format));
    js_put(side, "layout", js_text(ink_layout_name(info->layout)));
    js_put(side, "tensors", js_count(info->tensors));
    js_put(side, "parameters", js_count(info->parameters));
    js_put(side, "bytes", js_count(info->file_bytes));
    return side;
}

static int print_json(const job *work)
{
    json_t *document = js_map();
    js_put(document, "read", side_json(work->source_path, work->source));
    js_put(document, "wrote", side_json(work->target_path, work->target));
    js_put(document, "largest_difference", js_number(work->difference));
    if (ggml_note(work->target))
        js_put(document, "note", js_text(ggml_note(work->target)));
    return js_print(document);
}

/* ---- the command ---- */

static int convert(job *work)
{
    const run_options how = RUN_DEFAULTS;
    out_file file = { 0 };
    int code = js_refused(work->how->json);
    if (!code)
        code = run_open_model(work->source_path, &how, &work->source, NULL);
    if (!code)
        code = make_copy(work);
    if (!code)
        code = out_file_begin(work->target_path, &file);
    if (!code)
        code = out_file_write(&file, work->bytes.data, work->bytes.size);
    if (!code)
        code = work->how->json ? print_json(work) : print_text(work);
    if (!code)
        code = out_file_commit(&file);
    out_file_close(&file);
    return code;
}

static int run(const void *given, char *const *operand, size_t count)
{
    job work = { .how = given, .source_path = operand[0], .target_path = operand[1] };
    (void)count;
    int code = choose_layout(&work);
    if (!code)
        code = convert(&work);
    ink_model_close(&work.target);
    ink_model_close(&work.source);
    ink_buffer_close(&work.bytes);
    return code;
}

int main(int argc, char **argv)
{
    cli_start("inkling");
    cli_command command = convert_command;
    command.run = run;
    return cli_run(&command, argc, argv);
}
