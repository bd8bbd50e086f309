#include "import/import.h"

#include "import/assemble.h"
#include "import/keras/hdf5_file.h"
#include "import/keras/keras_file.h"
#include "import/torch/module_graph.h"
#include "import/onnx/onnx.h"
#include "import/safetensors.h"
#include "import/torch/script_graph.h"
#include "import/keras/tfjs.h"
#include "import/tflite/tflite.h"
#include "import/torch/torch_state.h"

#include <stdio.h>
#include <string.h>

typedef struct reading {
    ink_arena arena;
    ink_torch_file torch; /* open as long as `torch.zip` is */
    ink_torch_state state;     /* of a torch file: its modules */
    const ink_weight *weights; /* of a file without a graph */
    size_t count;
    const char *network; /* and its text, where it has one beside */
    bool keras; /* and they are Keras' */
    ink_draft draft; /* of a file with a graph */
    ink_text wanted;
    ink_companions companions;
    bool has_graph; /* one was given */
    ink_import_report *report;
} reading;

/* ---- formats: each tells its files, and gives their weights ---- */

static ink_status read_torch(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    ink_torch_state *state = &r->state;
    INK_TRY(ink_torch_open(data, size, &r->arena, &r->torch, error));
    r->report->format = r->torch.script ? "PyTorch TorchScript" : "PyTorch state_dict";
    if (r->torch.script && !r->has_graph && ink_script_has_graph(&r->torch)) {
        ink_draft_init(&r->draft, &r->arena);
        INK_TRY(ink_script_draft(&r->torch, &r->draft, error));
        return ink_draft_finish(&r->draft, error);
    }
    INK_TRY(ink_torch_state_read(&r->torch, state, error));
    if (state->module_count && !r->torch.script)
        r->report->format = "PyTorch module";
    snprintf(r->report->key, sizeof r->report->key, "%s", state->key);
    if (!r->has_graph && !r->torch.script && ink_module_has_graph(state)) {
        ink_draft_init(&r->draft, &r->arena);
        INK_TRY(ink_module_draft(&r->torch, state, &r->draft, error));
        return ink_draft_finish(&r->draft, error);
    }
    r->weights = state->weights;
    r->count = state->weight_count;
    return INK_OK;
}

static ink_status read_safetensors(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    ink_weight *weights = NULL;
    r->report->format = "safetensors";
    INK_TRY(ink_safetensors_read(data, size, &r->arena, &weights, &r->count, &r->network, error));
    r->weights = weights;
    return INK_OK;
}

static ink_status read_keras(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    r->report->format = "Keras .keras";
    ink_draft_init(&r->draft, &r->arena);
    return ink_keras_read_archive(data, size, &r->draft, error);
}

static ink_status read_h5(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    ink_weight *weights = NULL;
    r->report->format = "Keras .h5";
    INK_TRY(ink_keras_read_h5(data, size, &r->arena, &r->draft, &weights, &r->count, error));
    r->weights = weights;
    r->keras = true;
    if (!r->draft.arena)
        r->report->format = "Keras weights";
    return INK_OK;
}

static ink_status read_saved_model(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    (void)data;
    (void)size;
    r->report->format = "TensorFlow SavedModel";
    return ink_fail(error, INK_ERR_OP, "is a TensorFlow SavedModel; where it was made, with its folder, run: "
                    "keras.models.load_model('FOLDER').save('model.keras')");
}

static ink_status read_tfjs(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    r->report->format = "TensorFlow.js";
    ink_draft_init(&r->draft, &r->arena);
    return ink_tfjs_read(data, size, &r->companions, &r->draft, error);
}

static ink_status read_tflite(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    r->report->format = "TensorFlow Lite";
    ink_draft_init(&r->draft, &r->arena);
    return ink_tflite_read(data, size, &r->draft, error);
}

static ink_status read_onnx(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    r->report->format = "ONNX";
    ink_draft_init(&r->draft, &r->arena);
    return ink_onnx_read(data, size, &r->companions, &r->draft, error);
}

static const struct format {
    bool (*is)(const uint8_t *data, size_t size);
    ink_status (*read)(const uint8_t *data, size_t size, reading *r, ink_error *error);
} formats[] = {
    { ink_keras_is_archive, read_keras }, /* a zip archive too: before PyTorch's */
    { ink_hdf5_is, read_h5 },
    { ink_tfjs_is, read_tfjs },
    { ink_keras_is_saved_model, read_saved_model },
    { ink_torch_is, read_torch },
    { ink_safetensors_is, read_safetensors },
    { ink_tflite_is, read_tflite },
    { ink_onnx_is, read_onnx },
};

static const struct format *format_of(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].is(data, size))
            return &formats[i];
    return NULL;
}

bool ink_import_is(const uint8_t *data, size_t size)
{
    return format_of(data, size) != NULL;
}

/* ---- weights without a graph ---- */

static ink_status guess(reading *r, const ink_import_options *options, uint32_t *classes, ink_error *error)
{
    ink_chain chain;
    ink_recognised found;
    INK_TRY(ink_chain_read(r->weights, r->count, &r->arena, &chain, error));
    chain.keras = r->keras;
    INK_TRY(ink_module_hints(&r->state, &r->arena, &chain, error));
    const ink_status status = ink_recognise(&chain, r->weights, r->count, options->evidence, options->allocator, &found,
                                            error);
    r->report->graph_from = INK_IMPORT_SAMPLES;
    r->report->scaling_from = options->evidence->scaling_known ? INK_IMPORT_TOLD : INK_IMPORT_SAMPLES;
    r->report->tried = found.tried;
    r->report->correct = found.correct;
    r->report->graph = found.text;
    *classes = ink_chain_classes(&chain);
    return status;
}

/* Classes are the outputs of the last layer that has weights for each. */
static uint32_t classes_of(const reading *r)
{
    uint64_t classes = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->weights[i].rank >= 2)
            classes = r->weights[i].dim[0];
    return classes <= UINT32_MAX ? (uint32_t)classes : 0;
}

static ink_status take_graph(reading *r, const ink_import_options *options, uint32_t *classes, ink_error *error)
{
    ink_text text;
    if (options->evidence->scaling_known)
        return ink_fail(error, INK_ERR_ARGUMENT, "%s, whose line 'input' tells what becomes of a pixel: it takes no "
                        "--input-scale", options->graph ? "is told its graph" : "holds its graph as text");
    r->report->graph_from = r->report->scaling_from = options->graph ? INK_IMPORT_TEXT : INK_IMPORT_FILE;
    ink_text_init(&text, options->allocator);
    if (options->graph)
        ink_text_bytes(&text, options->graph, options->graph_size);
    else
        ink_text_format(&text, "%s", r->network);
    *classes = classes_of(r);
    return ink_text_finish(&text, &r->report->graph, error);
}

static ink_status assemble_chain(reading *r, const ink_import_options *options, ink_builder **out, ink_error *error)
{
    uint32_t classes = 0;
    INK_TRY(options->graph || r->network ? take_graph(r, options, &classes, error)
                                         : guess(r, options, &classes, error));
    return ink_assemble(r->report->graph.data, r->report->graph.size,
                        options->graph ? options->graph_name : "the graph", classes, r->weights, r->count, out, error);
}

/* ---- a graph of the file's own ---- */

static ink_status assemble_draft(reading *r, double scale, double offset, ink_builder **out, ink_error *error)
{
    ink_buffer_close(&r->report->graph);
    INK_TRY(ink_draft_text(&r->draft, scale, offset, &r->arena.allocator, &r->report->graph, error));
    return ink_assemble(r->report->graph.data, r->report->graph.size, "the graph", 0, r->draft.weights,
                        r->draft.weight_count, out, error);
}

/* Builds it once to see that it is a network at all, and how many classes it has. */
static ink_status count_classes(ink_builder *builder, const ink_allocator *allocator, uint32_t *classes,
                                ink_error *error)
{
    const ink_model_options how = { .size = sizeof how, .allocator = allocator };
    ink_model *model = NULL;
    INK_TRY(ink_builder_model(builder, &how, &model, error));
    const size_t count = ink_model_get_info(model)->classes;
    ink_model_close(&model);
    *classes = count <= UINT32_MAX ? (uint32_t)count : 0;
    return INK_OK;
}

static ink_status finish_draft(reading *r, const ink_import_options *options, ink_builder **out, ink_error *error)
{
    ink_import_report *report = r->report;
    ink_recognised found;
    uint32_t classes = 0;
    if (options->graph)
        return ink_fail(error, INK_ERR_ARGUMENT, "is a %s file, which holds its graph: it takes no --graph",
                        report->format);
    report->graph_from = report->scaling_from = INK_IMPORT_FILE;
    if (options->evidence->scaling_known) {
        report->scaling_from = INK_IMPORT_TOLD;
        r->draft.scale = options->evidence->scale;
        r->draft.offset = options->evidence->offset;
    }
    report->scale = r->draft.scale;
    report->offset = r->draft.offset;
    INK_TRY(assemble_draft(r, report->scale, report->offset, out, error));
    ink_status status = count_classes(*out, options->allocator, &classes, error);
    if (!status && !r->draft.scaling_known && !options->evidence->scaling_known) {
        status = ink_recognise_scaling(&r->draft, classes, options->evidence, options->allocator, &found, error);
        report->scaling_from = !status && found.correct ? INK_IMPORT_SAMPLES : INK_IMPORT_ASSUMED;
        if (!status) {
            ink_builder_close(out);
            report->correct = found.correct;
            report->scale = found.style.scale;
            report->offset = found.style.offset;
            return assemble_draft(r, report->scale, report->offset, out, error);
        }
    }
    if (status)
        ink_builder_close(out);
    return status;
}

/* ---- a file ---- */

static ink_status read_file(const struct format *format, const uint8_t *data, size_t size, reading *r,
                            ink_error *error)
{
    const ink_status status = format->read(data, size, r, error);
    if (r->wanted.size)
        return ink_fail(error, INK_ERR_OPEN, "needs other files: %.*s%s", (int)strcspn(r->wanted.data, "\n"),
                        r->wanted.data, strchr(r->wanted.data, '\n')[1] ? " and more" : "");
    return status;
}

/* The text to the report, if there is one; without memory the report goes without. */
static void give(ink_text *text, ink_buffer *to)
{
    if (text->size)
        (void)ink_text_finish(text, to, NULL);
    else
        ink_free(&text->allocator, text->data);
    text->data = NULL;
}

ink_status ink_import(const uint8_t *data, size_t size, const ink_import_options *options, ink_builder **out,
                      ink_import_report *report, ink_error *error)
{
    const struct format *format = format_of(data, size);
    reading r = { .has_graph = options->graph != NULL, .report = report };
    *report = (ink_import_report){ .format = NULL };
    *out = NULL;
    if (!format)
        return ink_fail(error, INK_ERR_MAGIC, "is a file of no format known here");
    ink_arena_init(&r.arena, options->allocator);
    ink_text_init(&r.wanted, options->allocator);
    r.companions = (ink_companions){ options->companions, options->companion_count, &r.wanted };
    ink_status status = read_file(format, data, size, &r, error);
    if (!status)
        status = r.draft.arena ? finish_draft(&r, options, out, error) : assemble_chain(&r, options, out, error);
    if (r.draft.arena)
        give(&r.draft.faults, &report->faults);
    give(&r.wanted, &report->wanted);
    ink_draft_free(&r.draft);
    if (r.torch.arena)
        ink_torch_close(&r.torch);
    ink_arena_free(&r.arena);
    return status;
}

void ink_import_report_close(ink_import_report *report)
{
    ink_buffer_close(&report->graph);
    ink_buffer_close(&report->faults);
    ink_buffer_close(&report->wanted);
}
