#include "model/model.h"

#include "base/file.h"
#include "formats/ggml_bin.h"

#include <math.h>
#include <string.h>

static const struct {
    ink_layout layout;
    const char *name;
} layout_names[] = {
    { INK_LAYOUT_INKLING, "inkling" },
    { INK_LAYOUT_GGML, "ggml" },
    { INK_LAYOUT_GGML_2023, "ggml-2023" },
    { INK_LAYOUT_LEGACY, "legacy" },
};

const char *ink_layout_name(ink_layout layout)
{
    for (size_t i = 0; i < INK_COUNT(layout_names); i++)
        if (layout_names[i].layout == layout)
            return layout_names[i].name;
    return NULL;
}

static ink_status read_gguf(ink_model *model, const void *data, size_t size, ink_error *error)
{
    ink_gguf file;
    INK_TRY(ink_gguf_read(data, size, &model->arena, &file, error));
    const ink_metadata *entry = ink_gguf_find(&file, "general.architecture");
    if (!entry || entry->kind != INK_VALUE_STRING || entry->is_array)
        return ink_fail(error, INK_ERR_MISSING, "key 'general.architecture': %s, wanted a string",
                        entry ? "is no string" : "missing");
    model->info.architecture = ink_metadata_string(entry, 0);
    if (strlen(model->info.architecture) != ((const ink_gguf_string *)entry->values)->length)
        return ink_fail(error, INK_ERR_ARCHITECTURE, "key 'general.architecture': found '%.64s' with a "
                        "NUL behind it", model->info.architecture);
    model->info.format = file.version == 2 ? "GGUF v2" : "GGUF v3";
    model->metadata = file.metadata;
    model->metadata_count = file.metadata_count;
    if (!strcmp(model->info.architecture, "inkling"))
        return ink_layout_read(&file, &model->graph, &model->arena, error);
    return ink_older_read_gguf(&file, model->info.architecture, &model->graph, &model->arena,
                               &model->info.layout, error);
}

static ink_status read_any(ink_model *model, const void *data, size_t size, ink_error *error)
{
    uint8_t begin[4];
    if (size < sizeof begin || ink_gguf_is(data, size))
        return read_gguf(model, data, size, error);
    memcpy(begin, data, sizeof begin);
    /* The .bin's magic as a big-endian integer: its reader says so. */
    if (!memcmp(begin, "ggml", sizeof begin))
        return ink_older_read_bin(data, size, &model->graph, &model->arena, error);
    if (!ink_ggml_bin_is(data, size))
        return ink_fail(error, INK_ERR_MAGIC, "is no model file: begins with the bytes %02x %02x %02x "
                        "%02x, wanted GGUF or ggml's .bin", begin[0], begin[1], begin[2], begin[3]);
    model->info.architecture = "legacy";
    model->info.format = "ggml .bin";
    model->info.layout = INK_LAYOUT_LEGACY;
    return ink_older_read_bin(data, size, &model->graph, &model->arena, error);
}

static ink_status make(ink_model *model, const void *data, size_t size,
                       const ink_model_options *options, ink_error *error)
{
    const uint64_t gigabyte = UINT64_C(1) << 30;
    const ink_limits limits = { options->max_memory ? options->max_memory : gigabyte,
                                options->max_macs ? options->max_macs : UINT64_C(100000000000) };
    const ink_cpu cpu = options->cpu == INK_CPU_BEST ? ink_cpu_detect() : options->cpu;
    if (size > (options->max_file ? options->max_file : gigabyte))
        return ink_fail(error, INK_ERR_LIMIT, "the file has %zu bytes, the limit is %llu", size,
                        (unsigned long long)(options->max_file ? options->max_file : gigabyte));
    model->info.cpu = cpu;
    model->info.file_bytes = size;
    INK_TRY(read_any(model, data, size, error));
    INK_TRY(ink_graph_check(&model->graph, &limits, error));
    model->info.input_scale = options->input_scale != 0 ? options->input_scale
                                                        : model->graph.input.scale;
    INK_TRY(ink_plan_make(&model->plan, &model->graph, cpu, options->output == INK_OUTPUT_PROBABILITIES,
                          model->info.input_scale, &limits, error));
    return ink_model_describe(model, error);
}

static ink_status check_options(const ink_model_options *given, ink_model_options *options,
                                ink_error *error)
{
    if (!ink_options_read(options, sizeof *options, given))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_options: its size is not set");
    if (options->cpu != INK_CPU_BEST && !ink_cpu_has(options->cpu))
        return ink_fail(error, INK_ERR_CPU, "ink_model_options: this processor cannot run cpu %d",
                        (int)options->cpu);
    if (options->output != INK_OUTPUT_PROBABILITIES && options->output != INK_OUTPUT_AS_WRITTEN)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_options: unknown output %d",
                        (int)options->output);
    if (!isfinite(options->input_scale))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_options: input_scale is not finite");
    return INK_OK;
}

/* `file` is what the model will own, or NULL where the bytes are borrowed. It is freed on failure. */
static ink_status open_bytes(const void *data, size_t size, void *file,
                             const ink_allocator *allocator, const ink_model_options *options,
                             ink_model **out, ink_error *error)
{
    ink_model *model = ink_alloc(allocator, sizeof *model);
    if (!model) {
        ink_free(allocator, file);
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the model");
    }
    *model = (ink_model){ .allocator = *allocator, .file = file };
    ink_arena_init(&model->arena, allocator);
    ink_status status = make(model, data, size, options, error);
    if (status)
        ink_model_close(&model);
    else
        *out = model;
    return status;
}

ink_status ink_model_open_memory(const void *data, size_t size, const ink_model_options *options,
                                 ink_model **out, ink_error *error)
{
    ink_model_options o;
    if (!out || (!data && size))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_open_memory: an argument is NULL");
    *out = NULL;
    INK_TRY(check_options(options, &o, error));
    const ink_allocator allocator = ink_allocator_or_default(o.allocator);
    ink_status status = open_bytes(data, size, NULL, &allocator, &o, out, error);
    if (status)
        ink_error_prefix(error, o.name ? o.name : "memory");
    return status;
}

ink_status ink_model_open(const char *path, const ink_model_options *options, ink_model **out,
                          ink_error *error)
{
    ink_model_options o;
    void *data;
    size_t size;
    if (!out || !path)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_open: an argument is NULL");
    *out = NULL;
    INK_TRY(check_options(options, &o, error));
    const ink_allocator allocator = ink_allocator_or_default(o.allocator);
    INK_TRY(ink_file_read(&allocator, path, o.max_file ? o.max_file : UINT64_C(1) << 30, &data, &size,
                          error));
    ink_status status = open_bytes(data, size, data, &allocator, &o, out, error);
    if (status)
        ink_error_prefix(error, path);
    return status;
}

ink_status ink_model_adopt(ink_buffer *file, const ink_model_options *options, ink_model **out,
                           ink_error *error)
{
    ink_model_options o;
    ink_buffer bytes = *file;
    *file = (ink_buffer){ 0 };
    ink_status status = check_options(options, &o, error);
    if (status)
        ink_buffer_close(&bytes);
    else
        status = open_bytes(bytes.data, bytes.size, bytes.data, &bytes.allocator, &o, out, error);
    if (status)
        ink_error_prefix(error, options->name);
    return status;
}

void ink_model_close(ink_model **model)
{
    if (!model || !*model)
        return;
    ink_model *m = *model;
    const ink_allocator allocator = m->allocator;
    ink_arena_free(&m->arena);
    ink_free(&allocator, m->file);
    ink_free(&allocator, m);
    *model = NULL;
}

ink_status ink_model_save_memory(const ink_model *model, ink_layout layout, ink_buffer *out,
                                 ink_error *error)
{
    if (!model || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_save_memory: an argument is NULL");
    *out = (ink_buffer){ 0 };
    if (layout == INK_LAYOUT_INKLING)
        return ink_layout_write(&model->graph, model->metadata, model->metadata_count, NULL,
                                &model->allocator, out, error);
    return ink_older_write(&model->graph, model->metadata, model->metadata_count, layout,
                           &model->allocator, out, error);
}

ink_status ink_model_save(const ink_model *model, const char *path, ink_layout layout,
                          ink_error *error)
{
    ink_buffer buffer;
    if (!path)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_save: path is NULL");
    ink_status status = ink_model_save_memory(model, layout, &buffer, error);
    if (status) {
        ink_error_prefix(error, path);
        return status;
    }
    status = ink_file_write(path, &(ink_file_part){ buffer.data, buffer.size }, 1, error);
    ink_buffer_close(&buffer);
    return status;
}

size_t ink_argmax(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}
