/* inkling-convert: the program behind `inkling convert`. */
#include "common/convert_options.h"

#include "common/chance.h"
#include "common/out_file.h"
#include "common/run.h"
#include "common/slurp.h"
#include "convert/answer.h"

#include "export/onnx_write.h"
#include "export/retype.h"
#include "export/safetensors_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which format ---- */

static ink_status write_onnx(const convert_job *work, ink_buffer *out, ink_error *error)
{
    return ink_onnx_write(work->source, out, error);
}

static ink_status write_safetensors(const convert_job *work, ink_buffer *out, ink_error *error)
{
    return ink_safetensors_write(work->source, out, error);
}

static ink_status write_layout(const convert_job *work, ink_buffer *out, ink_error *error)
{
    const ink_type type = work->how->type && strcmp(work->how->type, ink_type_name(INK_F16)) == 0 ? INK_F16 : INK_F32;
    return work->how->type ? ink_retype(work->source, type, NULL, out, error)
                           : ink_model_save_memory(work->source, work->layout, out, error);
}

static const convert_format formats[] = {
    { ".gguf", "GGUF", true, write_layout },
    { ".bin", "ggml .bin", true, write_layout },
    { ".onnx", "ONNX", false, write_onnx },
    { ".safetensors", "safetensors", false, write_safetensors },
};

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

static int choose_format(convert_job *work)
{
    const char *wanted = work->how->layout;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (has_suffix(work->target_path, formats[i].suffix))
            work->format = &formats[i];
    if (!work->format)
        return cli_misused("%s: unknown suffix, wanted .gguf (layouts inkling, ggml, ggml-2023), .bin (layout legacy), "
                           ".onnx or .safetensors", work->target_path);
    if (!work->format->is_ours && (wanted || work->how->type))
        return cli_misused("--%s is for .gguf and .bin, and %s is neither", wanted ? "layout" : "type",
                           work->target_path);
    const bool bin = strcmp(work->format->suffix, ".bin") == 0;
    work->layout = wanted ? layout_named(wanted) : bin ? INK_LAYOUT_LEGACY : INK_LAYOUT_INKLING;
    if (work->how->type && work->layout != INK_LAYOUT_INKLING)
        return cli_misused("--type is for the layout inkling; the layout %s has its own",
                           ink_layout_name(work->layout));
    if (work->format->is_ours && bin != (work->layout == INK_LAYOUT_LEGACY))
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

static int compare(convert_job *work)
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

/* Reads the copy as anybody would. */
static int read_back(convert_job *work)
{
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    const foreign_options none = { .scale = NAN };
    ink_error error;
    how.name = work->target_path;
    if (!work->format->is_ours) {
        const int code = foreign_read(work->target_path, (const uint8_t *)work->bytes.data, work->bytes.size, &none,
                                      &work->copy);
        work->target = work->copy.model;
        return code;
    }
    if (ink_model_open_memory(work->bytes.data, work->bytes.size, &how, &work->target, &error))
        return cli_failed("%s", error.text);
    return CLI_DONE;
}

static int make_copy(convert_job *work)
{
    ink_error error;
    if (work->format->write(work, &work->bytes, &error))
        return cli_failed("%s: %s", work->source_path, error.text);
    const int code = read_back(work);
    return code ? code : compare(work);
}

/* ---- the command ---- */

/* A file of another framework, or one of ours. */
static int read_source(convert_job *work)
{
    const run_options how = RUN_DEFAULTS;
    const foreign_options foreign_how = { work->how->graph, work->how->scale,
                                          isnan(work->how->offset) ? 0 : work->how->offset };
    bytes file = { NULL, 0 };
    int code = foreign_refuse_folder(work->source_path);
    if (!code)
        code = slurp(work->source_path, &file);
    if (!code && foreign_is(file.data, file.size)) {
        work->is_foreign = true;
        work->source_bytes = file.size;
        code = foreign_read(work->source_path, file.data, file.size, &foreign_how, &work->foreign);
        work->source = work->foreign.model;
    } else if (!code && !isnan(work->how->scale) && !work->how->graph) {
        code = cli_failed("%s: is a file of inkling or ggml, which says what becomes of a pixel; 'inkling predict "
                          "--input-scale' tells otherwise for one run", work->source_path);
    } else if (!code && work->how->graph) {
        code = cli_failed("%s: is no file that --graph is for: weights of PyTorch, Keras or safetensors",
                          work->source_path);
    } else if (!code && file.size >= 4 && memcmp(file.data, "GGUF", 4) && memcmp(file.data, "lmgg", 4) &&
               memcmp(file.data, "ggml", 4)) { /* the last is told to be of the other byte order */
        code = cli_failed("%s: is not a model of a format known here: Keras, PyTorch, ONNX, safetensors, "
                          "TensorFlow.js, TensorFlow Lite, GGUF or ggml's .bin", work->source_path);
    } else if (!code) {
        code = run_open_model(work->source_path, &how, &work->source, NULL);
    }
    free(file.data);
    return code;
}

static int convert(convert_job *work)
{
    out_file file = { 0 };
    int code = js_refused(work->how->json);
    if (!code)
        code = read_source(work);
    if (!code)
        code = make_copy(work);
    if (!code && work->verify.images)
        code = verify_run(&work->verify, work->source, work->target, work->target_path, &work->proof);
    if (!code)
        code = out_file_begin(work->target_path, &file);
    if (!code)
        code = out_file_write(&file, work->bytes.data, work->bytes.size);
    if (!code)
        code = work->how->json ? answer_json(work) : answer_text(work);
    if (!code)
        code = out_file_commit(&file);
    out_file_close(&file);
    return code;
}

static int check_scaling(const convert_options *how)
{
    if (!isnan(how->offset) && isnan(how->scale))
        return cli_misused("--input-offset goes with --input-scale: x = pixel * scale + offset");
    if (how->scale == 0)
        return cli_misused("--input-scale 0 makes all pictures the same");
    if (!isnan(how->scale) && how->graph)
        return cli_misused("--input-scale beside --graph, whose line 'input' tells what becomes of a pixel");
    return CLI_DONE;
}

static int run(const void *given, char *const *operand, size_t count)
{
    const convert_options *how = given;
    convert_job work = { .how = how, .source_path = operand[0], .target_path = operand[1] };
    work.verify = (verify_options){ how->verify, how->labels, how->reference, how->tolerance };
    (void)count;
    int code = check_scaling(how);
    if (!code)
        code = choose_format(&work);
    if (!code)
        code = verify_check(&work.verify);
    if (!code)
        code = convert(&work);
    if (work.format && !work.format->is_ours)
        foreign_close(&work.copy);
    else
        ink_model_close(&work.target);
    if (work.is_foreign)
        foreign_close(&work.foreign);
    else
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
