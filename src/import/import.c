#include "import/import.h"

#include "import/assemble.h"
#include "import/safetensors.h"
#include "import/torch_state.h"

#include <stdio.h>
#include <string.h>

typedef struct reading {
    ink_arena arena;
    ink_torch_file torch; /* open as long as `torch.zip` is */
    const ink_weight *weights;
    size_t count;
    ink_import_report *report;
} reading;

/* ---- formats: each tells its files, and gives their weights ---- */

static ink_status read_torch(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    ink_torch_state state;
    INK_TRY(ink_torch_open(data, size, &r->arena, &r->torch, error));
    r->report->format = r->torch.script ? "PyTorch TorchScript" : "PyTorch state_dict";
    INK_TRY(ink_torch_state_read(&r->torch, &state, error));
    if (state.module_count && !r->torch.script)
        r->report->format = "PyTorch module";
    snprintf(r->report->key, sizeof r->report->key, "%s", state.key);
    r->weights = state.weights;
    r->count = state.weight_count;
    return INK_OK;
}

static ink_status read_safetensors(const uint8_t *data, size_t size, reading *r, ink_error *error)
{
    ink_weight *weights = NULL;
    r->report->format = "safetensors";
    INK_TRY(ink_safetensors_read(data, size, &r->arena, &weights, &r->count, error));
    r->weights = weights;
    return INK_OK;
}

static const struct format {
    bool (*is)(const uint8_t *data, size_t size);
    ink_status (*read)(const uint8_t *data, size_t size, reading *r, ink_error *error);
} formats[] = {
    { ink_torch_is, read_torch },
    { ink_safetensors_is, read_safetensors },
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
    const ink_status status = ink_recognise(&chain, r->weights, r->count, options->evidence, options->allocator, &found,
                                            error);
    r->report->guessed = true;
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
    ink_text_init(&text, options->allocator);
    ink_text_bytes(&text, options->graph, options->graph_size);
    *classes = classes_of(r);
    return ink_text_finish(&text, &r->report->graph, error);
}

ink_status ink_import(const uint8_t *data, size_t size, const ink_import_options *options, ink_builder **out,
                      ink_import_report *report, ink_error *error)
{
    const struct format *format = format_of(data, size);
    reading r = { .report = report };
    uint32_t classes = 0;
    *report = (ink_import_report){ .format = NULL };
    *out = NULL;
    if (!format)
        return ink_fail(error, INK_ERR_MAGIC, "is no model of PyTorch and no safetensors file");
    ink_arena_init(&r.arena, options->allocator);
    ink_status status = format->read(data, size, &r, error);
    if (!status)
        status = options->graph ? take_graph(&r, options, &classes, error) : guess(&r, options, &classes, error);
    if (!status)
        status = ink_assemble(report->graph.data, report->graph.size,
                              options->graph ? options->graph_name : "the graph", classes, r.weights, r.count, out,
                              error);
    if (r.torch.arena)
        ink_torch_close(&r.torch);
    ink_arena_free(&r.arena);
    return status;
}

void ink_import_report_close(ink_import_report *report)
{
    ink_buffer_close(&report->graph);
}
