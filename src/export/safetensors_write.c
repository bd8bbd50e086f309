#include "export/safetensors_write.h"

#include "base/number.h"
#include "export/export_text.h"
#include "model/model.h"
#include "tensor/type.h"
#include "ops/int8.h"

#include <string.h>

enum { LENGTH = 8, ALIGNMENT = 8 };

/* A part of a text between quotes; it is UTF-8. */
static void put_escaped(ink_text *to, const char *text, size_t length)
{
    for (const char *end = text + length; text < end; text++)
        if (*text == '"' || *text == '\\')
            ink_text_format(to, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            ink_text_format(to, "\\u%04x", (unsigned)*text);
        else
            ink_text_bytes(to, text, 1);
}

static void put_quoted(ink_text *to, const char *text)
{
    ink_text_bytes(to, "\"", 1);
    put_escaped(to, text, strlen(text));
    ink_text_bytes(to, "\"", 1);
}

/* ---- the network as text ---- */

static bool fits_a_word(const char *name)
{
    return *name && strlen(name) < 64 && !strpbrk(name, " ,=#\t\r\n\v\f");
}

static void put_number(ink_text *to, const char *word, double value)
{
    char number[32];
    number[ink_number_format(number, value)] = 0;
    ink_text_format(to, " %s=%s", word, number);
}

static void put_network(ink_text *to, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    ink_text_format(to, "input shape=%lu,%lu,%lu", (unsigned long)info->channels, (unsigned long)info->height,
                    (unsigned long)info->width);
    put_number(to, "scale", (double)info->input_scale);
    put_number(to, "offset", (double)info->input_offset);
    ink_text_bytes(to, "\n", 1);
    for (size_t i = 0; i < info->nodes; i++) {
        const ink_node_info *node = ink_model_node(model, i);
        ink_text_format(to, "%s name=%s inputs=", node->op, node->name);
        for (size_t k = 0; k < node->input_count; k++)
            ink_text_format(to, "%s%s", k ? "," : "", node->inputs[k]);
        ink_text_format(to, "%s%s\n", *node->attributes ? " " : "", node->attributes);
    }
}

static ink_status put_metadata(ink_text *to, const ink_model *model, ink_error *error)
{
    const ink_model_info *info = ink_model_get_info(model);
    bool fits = true;
    ink_text_format(to, "{\"__metadata__\":{\"format\":\"pt\"");
    for (size_t i = 0; i < info->nodes; i++)
        fits = fits && fits_a_word(ink_model_node(model, i)->name) && ink_text_is_utf8(ink_model_node(model, i)->name);
    if (fits) {
        ink_text network;
        ink_buffer text;
        ink_text_init(&network, &model->allocator);
        put_network(&network, model);
        INK_TRY(ink_text_finish(&network, &text, error));
        ink_text_format(to, ",\"inkling.network\":");
        put_quoted(to, text.data);
        ink_buffer_close(&text);
    }
    for (uint32_t i = 0; i < info->classes; i++)
        if (ink_text_is_utf8(info->labels[i])) {
            ink_text_format(to, ",\"inkling.label.%lu\":", (unsigned long)i);
            put_quoted(to, info->labels[i]);
        }
    ink_text_bytes(to, "}", 1);
    return INK_OK;
}

/* ---- tensors ---- */

/* inkling's last part of a name as PyTorch calls it. */
static void put_name(ink_text *to, const char *name)
{
    static const struct {
        const char *ours, *theirs;
    } rows[] = { { ".mean", ".running_mean" }, { ".variance", ".running_var" } };
    const char *dot = strrchr(name, '.'), *part = dot ? dot : "";
    const size_t length = strlen(name) - strlen(part);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(part, rows[i].ours) == 0)
            part = rows[i].theirs;
    ink_text_bytes(to, "\"", 1);
    put_escaped(to, name, length);
    put_escaped(to, part, strlen(part));
    ink_text_bytes(to, "\"", 1);
}

/* Float16 stays, and all other types are written as the float32 that is computed with. The i-th tensor of float32, then
 * those of float16 from 0 on, so that all numbers lie at multiples of their size; NULL for one of the other type. */
static const ink_tensor_info *tensor_at(const ink_model *model, size_t i)
{
    const size_t count = ink_model_get_info(model)->tensors;
    const ink_tensor_info *tensor = ink_model_tensor(model, i % count);
    return (tensor->type == INK_F16) == (i >= count) ? tensor : NULL;
}

static size_t elements_of(const ink_tensor_info *tensor)
{
    return (size_t)ink_type_elements(ink_type_get(tensor->type), tensor->bytes);
}

static void put_data(ink_text *to, const ink_tensor_info *tensor)
{
    if (tensor->type == INK_F32 || tensor->type == INK_F16) {
        ink_text_bytes(to, tensor->data, (size_t)tensor->bytes);
        return;
    }
    for (size_t i = 0; i < elements_of(tensor); i++) {
        const float value = ink_type_element(tensor->type, tensor->data, i);
        ink_text_bytes(to, &value, sizeof value);
    }
}

static ink_status put_tensors(ink_text *to, const ink_model *model, ink_error *error)
{
    uint64_t at = 0;
    for (size_t i = 0; i < 2 * ink_model_get_info(model)->tensors; i++) {
        const ink_tensor_info *tensor = tensor_at(model, i);
        if (!tensor)
            continue;
        if (!ink_text_is_utf8(tensor->name))
            return ink_fail(error, INK_ERR_LAYOUT, "the name '%.64s' is no UTF-8, which safetensors wants",
                            tensor->name);
        ink_text_bytes(to, ",", 1);
        put_name(to, tensor->name);
        const bool half = tensor->type == INK_F16;
        const size_t bytes = elements_of(tensor) * (half ? 2 : 4);
        ink_text_format(to, ":{\"dtype\":\"%s\",\"shape\":[", half ? "F16" : "F32");
        for (uint32_t k = 0; k < tensor->rank; k++)
            ink_text_format(to, "%s%lu", k ? "," : "", (unsigned long)tensor->dim[k]);
        ink_text_format(to, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                        (unsigned long long)(at + bytes));
        at += bytes;
    }
    ink_text_bytes(to, "}", 1);
    return INK_OK;
}

static ink_status write_model(ink_text *header, ink_text *file, const ink_model *model, ink_error *error)
{
    uint8_t length[LENGTH];
    INK_TRY(put_metadata(header, model, error));
    INK_TRY(put_tensors(header, model, error));
    while (header->size % ALIGNMENT && !header->failed)
        ink_text_bytes(header, " ", 1);
    for (size_t i = 0; i < LENGTH; i++)
        length[i] = (uint8_t)((uint64_t)header->size >> 8 * i);
    ink_text_bytes(file, length, LENGTH);
    ink_text_bytes(file, header->data, header->size);
    for (size_t i = 0; i < 2 * ink_model_get_info(model)->tensors; i++) {
        const ink_tensor_info *tensor = tensor_at(model, i);
        if (tensor)
            put_data(file, tensor);
    }
    file->failed = file->failed || header->failed;
    return INK_OK;
}

ink_status ink_safetensors_write(const ink_model *model, ink_buffer *out, ink_error *error)
{
    ink_text header, file;
    const ink_node *quantized = ink_int8_find(model->graph.nodes, model->graph.node_count);
    *out = (ink_buffer){ .data = NULL };
    if (quantized)
        return ink_fail(error, INK_ERR_LAYOUT, "node '%.64s' (%s): its weight is i8, which is not written as safetensors; "
                        "take the model that it was made from", quantized->name, quantized->op->name);
    ink_text_init(&header, &model->allocator);
    ink_text_init(&file, &model->allocator);
    const ink_status status = write_model(&header, &file, model, error);
    ink_free(&header.allocator, header.data);
    if (status) {
        ink_free(&file.allocator, file.data);
        return status;
    }
    return ink_text_finish(&file, out, error);
}
