/* inkling quantize: a model with weights of a byte each. */
#include "commands.h"

#include "common/image_file.h"
#include "common/json_out.h"
#include "common/out_file.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct quantize_options {
    const char *calibrate, *labels, *keep;
    run_options run;
    bool json;
} quantize_options;

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin", CLI_ONCE },
    { "OUT", "the GGUF file to write", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "calibrate", .letter = 'c', .kind = CLI_FILE, .value = "IMAGES", .at = offsetof(quantize_options, calibrate),
      .help = "pictures like those that the model was trained on, which tell the ranges of its values; an IDX file, maybe "
              "in gzip" },
    { .name = "labels", .letter = 'l', .kind = CLI_FILE, .value = "LABELS", .at = offsetof(quantize_options, labels),
      .help = "the IDX file of their labels, to tell the accuracy before and after" },
    { .name = "keep", .letter = 'k', .kind = CLI_WORD, .value = "NODES", .at = offsetof(quantize_options, keep),
      .help = "nodes whose weights stay as they are, with commas between; 'inkling inspect' names them" },
    RUN_THREADS_ROW(quantize_options),
    RUN_CPU_ROW(quantize_options),
    JS_OPTION_ROW(quantize_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "about a quarter of the file, and the accuracy before and after",
      "inkling quantize models/cnn.gguf cnn-i8.gguf -c IMAGES -l LABELS" },
    { "with the last layer as it was", "inkling quantize models/cnn.gguf cnn-i8.gguf -c IMAGES --keep dense" },
    { "what it costs on other pictures", "inkling eval cnn-i8.gguf OTHER-IMAGES OTHER-LABELS" },
    { NULL, NULL },
};

static const quantize_options defaults = { .run = RUN_DEFAULTS };

enum { CHUNK = 512 };

typedef struct job {
    const quantize_options *how;
    const char *source_path, *target_path;
    ink_model *before, *after;
    const ink_model_info *info;
    image_set images, labels;
    ink_buffer bytes;
    size_t layers, all_layers;
    size_t same, right_before, right_after; /* of the pictures */
    double difference;                      /* the largest of a probability */
} job;

/* ---- work ---- */

static int read_files(job *work)
{
    int code = image_set_read(work->how->calibrate, work->info, &work->images);
    if (!code)
        code = image_set_need_pictures(&work->images);
    if (code || !work->how->labels)
        return code;
    code = image_set_read(work->how->labels, work->info, &work->labels);
    return code ? code : image_set_need_labels(&work->labels, &work->images);
}

/* Goes through the pictures chunk by chunk, and tells how far it is. */
static int each_chunk(job *work, const char *what, int (*visit)(job *, void *, size_t first, size_t count), void *context)
{
    const size_t all = work->images.count;
    progress line = progress_begin(what);
    int code = CLI_DONE;
    for (size_t done = 0; done < all && !code;) {
        const size_t now = all - done < CHUNK ? all - done : CHUNK;
        code = visit(work, context, done, now);
        done += now;
        progress_step(&line, done, all);
    }
    progress_end(&line);
    return code;
}

static const uint8_t *picture_at(const job *work, size_t i)
{
    return work->images.data + i * work->images.height * work->images.width;
}

static int show(job *work, void *context, size_t first, size_t count)
{
    ink_error error;
    if (ink_quantizer_add(context, picture_at(work, first), count, &error))
        return cli_failed("%s: %s", work->source_path, error.text);
    return CLI_DONE;
}

static int quantize(job *work)
{
    ink_quantizer_options how = INK_QUANTIZER_OPTIONS_INIT;
    ink_quantizer *quantizer = NULL;
    ink_error error;
    how.keep = work->how->keep;
    if (ink_quantizer_open(work->before, &how, &quantizer, &error))
        return cli_failed("%s: %s", work->source_path, error.text);
    int code = each_chunk(work, "images shown", show, quantizer);
    if (!code && ink_quantizer_make(quantizer, &work->bytes, &error))
        code = cli_failed("%s: %s", work->source_path, error.text);
    ink_quantizer_close(&quantizer);
    return code;
}

typedef struct comparison {
    ink_session *before, *after;
    float *expected, *found;
} comparison;

static int compare_chunk(job *work, void *context, size_t first, size_t count)
{
    comparison *c = context;
    const size_t classes = work->info->classes;
    int code = run_images(c->before, work->source_path, picture_at(work, first), count, classes, c->expected);
    if (!code)
        code = run_images(c->after, work->target_path, picture_at(work, first), count, classes, c->found);
    for (size_t i = 0; i < count && !code; i++) {
        const float *expected = c->expected + i * classes, *found = c->found + i * classes;
        const size_t was = ink_argmax(expected, classes), is = ink_argmax(found, classes);
        work->same += was == is;
        for (size_t k = 0; k < classes; k++)
            work->difference = fmax(work->difference, fabs((double)expected[k] - (double)found[k]));
        if (work->how->labels) {
            work->right_before += was == work->labels.data[first + i];
            work->right_after += is == work->labels.data[first + i];
        }
    }
    return code;
}

/* Reads the new model as anybody would, and runs both. */
static int compare(job *work)
{
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    how.name = work->target_path;
    how.cpu = work->info->cpu;
    if (ink_model_open_memory(work->bytes.data, work->bytes.size, &how, &work->after, &error))
        return cli_failed("%s", error.text);
    comparison c = { .expected = must_alloc(CHUNK, work->info->classes * sizeof(float)),
                     .found = must_alloc(CHUNK, work->info->classes * sizeof(float)) };
    int code = run_open_session(work->before, &work->how->run, &c.before);
    if (!code)
        code = run_open_session(work->after, &work->how->run, &c.after);
    if (!code)
        code = each_chunk(work, "images compared", compare_chunk, &c);
    ink_session_close(&c.before);
    ink_session_close(&c.after);
    free(c.expected);
    free(c.found);
    const ink_node_info *node;
    for (size_t i = 0; (node = ink_model_node(work->after, i)) != NULL; i++)
        work->all_layers += strcmp(node->op, "conv2d") == 0 || strcmp(node->op, "dense") == 0;
    const ink_tensor_info *tensor;
    for (size_t i = 0; (tensor = ink_model_tensor(work->after, i)) != NULL; i++)
        work->layers += tensor->type == INK_I8;
    return code;
}

/* ---- answers ---- */

static double percent(size_t part, size_t whole)
{
    return (double)part * 100 / (double)whole;
}

static int print_text(const job *work)
{
    text answer = { 0 };
    const size_t images = work->images.count;
    const double before = (double)work->info->file_bytes, after = (double)work->bytes.size;
    text_printf(&answer, "layers     %zu of %zu with weights of i8, the ranges of their inputs from %zu image%s\n",
                work->layers, work->all_layers, images, plural(images));
    text_printf(&answer, "size       %.1f KiB before, %.1f KiB after, %.1f %%\n", before / 1024, after / 1024,
                after * 100 / before);
    if (work->how->labels)
        text_printf(&answer, "accuracy   %.2f %% before, %.2f %% after (%zu and %zu of %zu image%s)\n",
                    percent(work->right_before, images), percent(work->right_after, images), work->right_before,
                    work->right_after, images, plural(images));
    text_printf(&answer, "agreement  %zu of %zu image%s read as the same class; a probability differs by %.3f at most\n",
                work->same, images, plural(images), work->difference);
    const int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static int print_json(const job *work)
{
    json_t *document = js_map();
    const double images = (double)work->images.count;
    js_put(document, "source", js_text(work->source_path));
    js_put(document, "target", js_text(work->target_path));
    js_put(document, "images", js_count(work->images.count));
    js_put(document, "layers", js_count(work->all_layers));
    js_put(document, "layers_i8", js_count(work->layers));
    js_put(document, "bytes_before", js_count(work->info->file_bytes));
    js_put(document, "bytes_after", js_count(work->bytes.size));
    if (work->how->labels) {
        js_put(document, "accuracy_before", js_number((double)work->right_before / images));
        js_put(document, "accuracy_after", js_number((double)work->right_after / images));
    }
    js_put(document, "agreement", js_number((double)work->same / images));
    js_put(document, "largest_difference", js_number(work->difference));
    return js_print(document);
}

/* ---- the command ---- */

static int make_file(job *work)
{
    out_file file = { 0 };
    int code = image_model_check(work->source_path, work->info);
    if (!code)
        code = read_files(work);
    if (!code)
        code = quantize(work);
    if (!code)
        code = compare(work);
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
    if (!work.how->calibrate)
        return cli_misused("--calibrate is missing: IMAGES that tell what ranges the network's values have");
    if (work.how->labels && strcmp(work.how->calibrate, "-") == 0 && strcmp(work.how->labels, "-") == 0)
        return cli_misused("standard input (-) can be read only once");
    int code = js_refused(work.how->json);
    if (!code)
        code = run_open_model(work.source_path, &work.how->run, &work.before, NULL);
    if (!code) {
        work.info = ink_model_get_info(work.before);
        code = make_file(&work);
    }
    ink_model_close(&work.after);
    ink_model_close(&work.before);
    ink_buffer_close(&work.bytes);
    image_set_close(&work.images);
    image_set_close(&work.labels);
    return code;
}

const cli_command quantize_command = {
    .name = "quantize",
    .summary = "write a model with weights of a byte each",
    .description =
        "Rounds the weights of convolutions and dense layers to 8 bits, with a scale for each output channel, and writes "
        "the model anew: about a quarter of the file. What goes into these layers is rounded to bytes too, while the model "
        "runs; the ranges for that are learnt from the pictures of --calibrate. With AVX-512 VNNI such a model runs "
        "faster.\n"
        "It tells how many of these pictures the new model reads as another class than the old one, and with --labels the "
        "accuracy of both. Pictures that were not used to train or to calibrate tell the truth: 'inkling eval'.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
