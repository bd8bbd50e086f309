/* The library as a WebAssembly module: functions of numbers and addresses, which web/inkling.js calls. What has a structure
 * is given as JSON, in which addresses stand for floats and bytes. What goes wrong is told by a NULL or a status, and by
 * the error that the module keeps. It imports nothing. */
#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* A page's file comes from anywhere, and a page has less to give than a program: bytes, and multiply-adds an image. */
#define MOST_MEMORY (256ull << 20)
#define MOST_MACS 10000000000ull

typedef struct module_model {
    void *file;
    ink_model *model;
    ink_session *session;
    ink_buffer info;
    /* Answers, each until the next one. */
    ink_reading *reading;
    ink_buffer reading_text, layers_text;
    float *layers;
} module_model;

static ink_error error;

#define EXPORT(type, name, ...) \
    __attribute__((export_name(#name))) type module_##name(__VA_ARGS__); \
    type module_##name(__VA_ARGS__)

/* ---- bytes, errors, facts ---- */

EXPORT(void *, alloc, size_t size)
{
    void *block = NULL;
    if (posix_memalign(&block, INK_ALIGNMENT, size ? size : 1)) {
        ink_fail(&error, INK_ERR_MEMORY, "no memory for %zu bytes", size);
        return NULL;
    }
    return block;
}

EXPORT(void, free, void *block)
{
    free(block);
}

EXPORT(const char *, version, void)
{
    return ink_version();
}

EXPORT(const char *, cpu, void)
{
    return ink_cpu_name(ink_cpu_detect());
}

EXPORT(float, threshold, void)
{
    return INK_READ_THRESHOLD;
}

EXPORT(uint32_t, error_status, void)
{
    return error.status;
}

EXPORT(const char *, error_status_text, void)
{
    return ink_status_text(error.status);
}

EXPORT(const char *, error_text, void)
{
    return error.text;
}

/* ---- JSON ---- */

static void item(ink_text *t, const char *key)
{
    const char last = t->size ? t->data[t->size - 1] : '[';
    if (last != '[' && last != '{')
        ink_text_format(t, ",");
    if (key)
        ink_text_format(t, "\"%s\":", key);
}

static void put_string(ink_text *t, const char *key, const char *value)
{
    item(t, key);
    ink_text_format(t, "\"");
    for (; *value; value++) {
        const unsigned char c = (unsigned char)*value;
        if (c < ' ' || c == '"' || c == '\\')
            ink_text_format(t, "\\u00%02x", c);
        else
            ink_text_bytes(t, value, 1);
    }
    ink_text_format(t, "\"");
}

static void put_number(ink_text *t, const char *key, uint64_t value)
{
    item(t, key);
    ink_text_format(t, "%llu", (unsigned long long)value);
}

static void put_numbers(ink_text *t, const char *key, uint32_t count, const uint32_t *values)
{
    item(t, key);
    ink_text_format(t, "[");
    for (uint32_t i = 0; i < count; i++)
        put_number(t, NULL, values[i]);
    ink_text_format(t, "]");
}

static void put_strings(ink_text *t, const char *key, size_t count, const char *const *values)
{
    item(t, key);
    ink_text_format(t, "[");
    for (size_t i = 0; i < count; i++)
        put_string(t, NULL, values[i]);
    ink_text_format(t, "]");
}

/* ---- models ---- */

static ink_status describe(const ink_model *model, ink_buffer *out)
{
    const ink_model_info *info = ink_model_get_info(model);
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_text t;
    ink_text_init(&t, &allocator);
    ink_text_format(&t, "{");
    put_string(&t, "name", info->name);
    put_string(&t, "architecture", info->architecture);
    put_string(&t, "format", info->format);
    put_string(&t, "layout", ink_layout_name(info->layout));
    put_number(&t, "channels", info->channels);
    put_number(&t, "height", info->height);
    put_number(&t, "width", info->width);
    put_number(&t, "classes", info->classes);
    put_strings(&t, "labels", info->classes, info->labels);
    put_number(&t, "parameters", info->parameters);
    put_number(&t, "macs", info->macs);
    put_number(&t, "fileBytes", info->file_bytes);
    put_number(&t, "packedBytes", info->packed_bytes);
    put_string(&t, "cpu", ink_cpu_name(info->cpu));
    item(&t, "steps");
    ink_text_format(&t, "[");
    for (size_t i = 0; i < info->steps; i++) {
        const ink_step_info *step = ink_model_step(model, i);
        item(&t, NULL);
        ink_text_format(&t, "{");
        put_string(&t, "name", step->name);
        put_string(&t, "ops", step->ops);
        put_string(&t, "kernel", step->kernel);
        put_strings(&t, "inputs", step->input_count, step->inputs);
        put_numbers(&t, "shape", step->rank, step->dim);
        put_number(&t, "macs", step->macs);
        put_number(&t, "weightBytes", step->weight_bytes);
        ink_text_format(&t, "}");
    }
    ink_text_format(&t, "]}");
    return ink_text_finish(&t, out, &error);
}

EXPORT(void, close, module_model *m)
{
    if (!m)
        return;
    ink_reading_close(&m->reading);
    ink_buffer_close(&m->reading_text);
    ink_buffer_close(&m->layers_text);
    ink_buffer_close(&m->info);
    ink_session_close(&m->session);
    ink_model_close(&m->model);
    free(m->layers);
    free(m->file);
    free(m);
}

/* `file` is of module_alloc, and the model's from then on, also where this fails. `name` is for errors. */
EXPORT(module_model *, open, void *file, size_t size, const char *name)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.name = name;
    options.max_file = options.max_memory = MOST_MEMORY;
    options.max_macs = MOST_MACS;
    /* One picture at a time is what a page shows, and what its memory is measured by. */
    ink_session_options session = INK_SESSION_OPTIONS_INIT;
    session.batch = 1;
    module_model *m = module_alloc(sizeof *m);
    if (!m) {
        free(file);
        return NULL;
    }
    *m = (module_model){ .file = file };
    if (ink_model_open_memory(file, size, &options, &m->model, &error) ||
        ink_session_open(m->model, &session, &m->session, &error) || describe(m->model, &m->info)) {
        module_close(m);
        return NULL;
    }
    return m;
}

EXPORT(const char *, info, const module_model *m)
{
    return m->info.data;
}

/* ---- runs ---- */

/* Pixels [images, C, H, W]; probabilities take [images, classes]. */
EXPORT(ink_status, predict, module_model *m, const uint8_t *pixels, size_t images, float *probabilities)
{
    return ink_session_run_u8(m->session, pixels, images, probabilities, &error);
}

/* Red, green, blue and how much of it covers the white paper, made red, green, blue in the same place. */
static void lay_over_white(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t alpha = pixels[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            pixels[3 * i + c] = (uint8_t)((pixels[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

/* What ink_read finds in [height, width, channels] bytes; with 4 channels they are changed. NULL: an error. */
EXPORT(const char *, read, module_model *m, uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels,
       uint32_t polarity, int single, float threshold)
{
    const ink_model_info *info = ink_model_get_info(m->model);
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_read_options options = INK_READ_OPTIONS_INIT;
    options.polarity = (ink_polarity)polarity;
    options.single = single;
    options.threshold = threshold;
    ink_reading_close(&m->reading);
    ink_buffer_close(&m->reading_text);
    if (channels == 4)
        lay_over_white(pixels, (size_t)width * height);
    const ink_picture picture = { pixels, width, height, channels == 4 ? 3 : channels, 0 };
    if (ink_read(m->session, &picture, &options, &m->reading, &error))
        return NULL;
    ink_text t;
    ink_text_init(&t, &allocator);
    ink_text_format(&t, "{");
    put_string(&t, "text", m->reading->text);
    put_number(&t, "lines", m->reading->lines);
    item(&t, "digits");
    ink_text_format(&t, "[");
    for (size_t i = 0; i < m->reading->count; i++) {
        const ink_mark *mark = &m->reading->marks[i];
        item(&t, NULL);
        ink_text_format(&t, "{");
        put_number(&t, "digit", mark->digit);
        put_string(&t, "label", info->labels[mark->digit]);
        item(&t, "unsure");
        ink_text_format(&t, mark->unsure ? "true" : "false");
        put_numbers(&t, "box", 4, (uint32_t[]){ mark->x, mark->y, mark->width, mark->height });
        put_number(&t, "line", mark->line);
        put_number(&t, "probabilities", (uintptr_t)mark->probabilities);
        put_number(&t, "pixels", (uintptr_t)mark->pixels);
        ink_text_format(&t, "}");
    }
    ink_text_format(&t, "]}");
    return ink_text_finish(&t, &m->reading_text, &error) ? NULL : m->reading_text.data;
}

static uint64_t elements_of(const ink_step_info *step)
{
    uint64_t elements = 1; /* the step's own buffer holds them, so no product is too large */
    for (uint32_t k = 0; k < step->rank; k++)
        elements *= step->dim[k];
    return elements;
}

/* Room for what all steps give, one behind the other. */
static ink_status layers_alloc(module_model *m, size_t steps)
{
    uint64_t floats = 0;
    free(m->layers);
    m->layers = NULL;
    for (size_t i = 0; i < steps; i++)
        floats += elements_of(ink_model_step(m->model, i));
    if (floats <= MOST_MEMORY / sizeof *m->layers)
        m->layers = module_alloc((size_t)floats * sizeof *m->layers);
    return m->layers ? INK_OK : ink_fail(&error, INK_ERR_MEMORY, "no memory for what %zu steps give", steps);
}

/* What each step of the plan gives for one picture: [C, H, W] bytes. NULL: an error. */
EXPORT(const char *, layers, module_model *m, const uint8_t *pixels)
{
    const size_t steps = ink_model_get_info(m->model)->steps;
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_buffer_close(&m->layers_text);
    float **outputs = module_alloc(steps * sizeof *outputs);
    if (!outputs || layers_alloc(m, steps)) {
        free(outputs);
        return NULL;
    }
    float *at = m->layers;
    ink_text t;
    ink_text_init(&t, &allocator);
    ink_text_format(&t, "[");
    for (size_t i = 0; i < steps; i++) {
        const ink_step_info *step = ink_model_step(m->model, i);
        outputs[i] = at;
        item(&t, NULL);
        ink_text_format(&t, "{");
        put_string(&t, "name", step->name);
        put_string(&t, "ops", step->ops);
        put_numbers(&t, "shape", step->rank, step->dim);
        put_number(&t, "values", (uintptr_t)at);
        ink_text_format(&t, "}");
        at += elements_of(step);
    }
    ink_text_format(&t, "]");
    const ink_status status = ink_session_run_steps(m->session, pixels, outputs, &error);
    free(outputs);
    return ink_text_finish(&t, &m->layers_text, &error) || status ? NULL : m->layers_text.data;
}
