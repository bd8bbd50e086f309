/* Everything that the public interface can do with a model file, for the targets that take one. */
#ifndef FUZZ_USE_MODEL_H
#define FUZZ_USE_MODEL_H

#include "fuzz.h"

#include "inkling.h"

#include <string.h>

/* The limits are those of the options: a model that passes them may not need more. */
static const uint64_t fuzz_most_memory = 16 << 20, fuzz_most_macs = 50000000;

static inline ink_model *fuzz_open(const void *data, size_t size, ink_error *error)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.max_memory = fuzz_most_memory;
    options.max_macs = fuzz_most_macs;
    ink_model *model = NULL;
    memset(error, 0, sizeof *error);
    ink_status status = ink_model_open_memory(data, size, &options, &model, error);
    FUZZ_CHECK((status == INK_OK) == (model != NULL));
    if (status) {
        /* It says what is wrong, in one line, and puts the blame on the file. */
        FUZZ_CHECK(error->status == status && status >= INK_ERR_TRUNCATED);
        FUZZ_CHECK(error->text[0] && memchr(error->text, 0, sizeof error->text));
        FUZZ_CHECK(!strchr(error->text, '\n'));
    }
    return model;
}

/* Reads every byte that the getters lead to; a sanitizer sees the wrong ones. */
static inline size_t fuzz_read_strings(const char *const *strings, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += strlen(strings[i]);
    return sum;
}

static inline void fuzz_read_info(const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    /* volatile, so that no read is optimised away */
    volatile size_t sum = strlen(info->name) + strlen(info->architecture) + strlen(info->format);
    FUZZ_CHECK(info->classes > 0 && info->macs <= fuzz_most_macs);
    FUZZ_CHECK(info->packed_bytes <= fuzz_most_memory && info->image_bytes <= fuzz_most_memory);
    FUZZ_CHECK(info->channels && info->height && info->width);
    sum += fuzz_read_strings(info->labels, info->classes);
    for (size_t i = 0; i < info->nodes; i++) {
        const ink_node_info *node = ink_model_node(model, i);
        sum += strlen(node->name) + strlen(node->op) + strlen(node->attributes);
        sum += fuzz_read_strings(node->inputs, node->input_count);
        FUZZ_CHECK(node->rank <= INK_MAX_DIMS);
    }
    for (size_t i = 0; i < info->steps; i++) {
        const ink_step_info *step = ink_model_step(model, i);
        sum += strlen(step->name) + strlen(step->ops) + strlen(step->kernel);
        sum += fuzz_read_strings(step->inputs, step->input_count);
        FUZZ_CHECK(step->rank <= INK_MAX_DIMS);
    }
    for (size_t i = 0; i < info->tensors; i++) {
        const ink_tensor_info *tensor = ink_model_tensor(model, i);
        const uint8_t *bytes = tensor->data;
        sum += strlen(tensor->name) + strlen(ink_type_name(tensor->type));
        sum += (size_t)bytes[0] + bytes[tensor->bytes - 1];
        FUZZ_CHECK(tensor->rank <= INK_MAX_DIMS);
    }
    for (size_t i = 0; i < info->metadata; i++) {
        const ink_metadata *entry = ink_model_metadata(model, i);
        double numbers = 0;
        sum += strlen(entry->key) + strlen(entry->type);
        for (size_t j = 0; j <= entry->count; j++) { /* one too many, too */
            sum += strlen(ink_metadata_string(entry, j));
            numbers += ink_metadata_number(entry, j);
        }
        sum += numbers > 0;
    }
    (void)sum;
    FUZZ_CHECK(!ink_model_node(model, info->nodes) && !ink_model_step(model, info->steps));
    FUZZ_CHECK(!ink_model_tensor(model, info->tensors));
    FUZZ_CHECK(!ink_model_metadata(model, info->metadata) && !ink_model_metadata(model, SIZE_MAX));
}

/* Runs two equal images at once and returns what the network says to them: the same, to the bit.
 * The caller frees it. */
static inline float *fuzz_run(const ink_model *model, ink_session **session)
{
    const ink_model_info *info = ink_model_get_info(model);
    ink_session_options options = INK_SESSION_OPTIONS_INIT;
    options.batch = 2;
    options.profile = 1;
    ink_error error;
    FUZZ_CHECK(ink_session_memory(model, &options) > 0);
    FUZZ_CHECK_OK(ink_session_open(model, &options, session, &error), error);
    size_t pixels = (size_t)info->channels * info->height * info->width;
    uint8_t *images = malloc(2 * pixels);
    float *output = malloc(2 * info->classes * sizeof *output);
    FUZZ_CHECK(images && output);
    for (size_t i = 0; i < pixels; i++)
        images[i] = images[pixels + i] = (uint8_t)(i * 37 + i / 11);
    FUZZ_CHECK_OK(ink_session_run_u8(*session, images, 2, output, &error), error);
    FUZZ_CHECK(!memcmp(output, output + info->classes, info->classes * sizeof *output));
    FUZZ_CHECK(ink_argmax(output, info->classes) < info->classes);
    free(images);
    return output;
}

/* A file that we wrote opens again, is written again to the same bytes, and in our own layout,
 * which says everything, it is the same network. */
static inline void fuzz_save(const ink_model *model, ink_layout layout, const float *output)
{
    ink_buffer file = { 0 }, again = { 0 };
    ink_error error;
    ink_status status = ink_model_save_memory(model, layout, &file, &error);
    FUZZ_CHECK(status == INK_OK || (status == INK_ERR_LAYOUT && layout != INK_LAYOUT_INKLING));
    if (status)
        return;
    ink_model *reopened = fuzz_open(file.data, file.size, &error);
    if (!reopened)
        fuzz_stop("a file that we wrote opens", error.text, __FILE__, __LINE__);
    FUZZ_CHECK_OK(ink_model_save_memory(reopened, layout, &again, &error), error);
    FUZZ_CHECK(again.size == file.size && !memcmp(again.data, file.data, file.size));
    ink_session *session = NULL;
    float *reopened_output = fuzz_run(reopened, &session);
    if (layout == INK_LAYOUT_INKLING)
        FUZZ_CHECK(!memcmp(reopened_output, output,
                           ink_model_get_info(model)->classes * sizeof *output));
    free(reopened_output);
    ink_session_close(&session);
    ink_model_close(&reopened);
    ink_buffer_close(&again);
    ink_buffer_close(&file);
}

static inline void fuzz_draw(const ink_model *model, ink_dot what, const ink_session *session)
{
    ink_buffer drawing = { 0 };
    ink_error error;
    FUZZ_CHECK_OK(ink_model_dot(model, what, session, &drawing, &error), error);
    FUZZ_CHECK(strlen(drawing.data) == drawing.size && drawing.size > 0);
    ink_buffer_close(&drawing);
}

static inline void fuzz_use_model(const void *data, size_t size)
{
    ink_error error;
    ink_model *model = fuzz_open(data, size, &error);
    if (!model)
        return;
    fuzz_read_info(model);
    ink_session *session = NULL;
    float *output = fuzz_run(model, &session);
    for (int layout = INK_LAYOUT_INKLING; layout <= INK_LAYOUT_LEGACY; layout++)
        fuzz_save(model, (ink_layout)layout, output);
    fuzz_draw(model, INK_DOT_GRAPH, NULL);
    fuzz_draw(model, INK_DOT_PLAN, NULL);
    fuzz_draw(model, INK_DOT_PLAN, session);
    free(output);
    ink_session_close(&session);
    ink_model_close(&model);
}

#endif
