#include "import/tflite/tflite.h"

#include "import/tflite/tflite_value.h"

#include <stdio.h>
#include <string.h>

bool ink_tflite_is(const uint8_t *data, size_t size)
{
    return size >= 8 && memcmp(data + 4, "TFL3", 4) == 0;
}

/* ---- what the output depends on ---- */

/* Counts who reads each tensor, of the nodes that the output depends on: a node stands behind those that it reads. */
static void count_uses(ink_tflite_work *work)
{
    const ink_tflite_file *file = &work->file;
    work->uses[file->output] = 1;
    for (size_t i = file->node_count; i-- > 0;) {
        const ink_tflite_node *node = &file->nodes[i];
        if (node->output >= 0 && work->uses[node->output])
            for (uint32_t k = 0; k < node->input_count; k++)
                if (node->input[k] >= 0)
                    work->uses[node->input[k]]++;
    }
}

/* Is it a tensor of whole numbers that stand for others? */
static bool is_quantized(const ink_tflite_tensor *tensor)
{
    static const int32_t whole[] = { 3, 7, 9, 16, 17, 19, 20 }; /* UINT8, INT16, INT8, UINT16, INT4, INT2, UINT4 */
    for (size_t i = 0; tensor->quantized && i < sizeof whole / sizeof *whole; i++)
        if (whole[i] == tensor->type)
            return true;
    return false;
}

/* One fault for all, for the remedy is one. */
static bool find_quantized(ink_tflite_work *work)
{
    for (size_t i = 0; i < work->file.tensor_count; i++) {
        const ink_tflite_tensor *tensor = &work->file.tensors[i];
        if (work->uses[i] && is_quantized(tensor)) {
            ink_draft_fault(work->draft, "the model is quantized, tensor '%.60s' to %s: convert it again without "
                            "`optimizations`, or with float16 weights", tensor->name,
                            ink_tflite_type_name(tensor->type));
            return true;
        }
    }
    return false;
}

/* ---- input and output ---- */

static void refuse_input(ink_draft *draft, const ink_tflite_tensor *input)
{
    char shape[100] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < input->rank; i++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%ld", i ? ", " : "", (long)input->dim[i]);
    ink_draft_fault(draft, "input '%.60s' is %s of shape [%s], wanted one picture, e.g. FLOAT32 of [1, 28, 28, 1] or "
                    "[1, 784]", input->name, ink_tflite_type_name(input->type), shape);
}

/* The side of a square of so many pixels, or 0. */
static uint32_t side_of(int32_t pixels)
{
    uint32_t side = 1;
    while (side < 4096 && (int64_t)side * side < pixels)
        side++;
    return (int64_t)side * side == pixels ? side : 0;
}

/* Channels are few: 1 to 4 of them first are those of PyTorch's order, which other converters keep. */
static bool set_picture(ink_draft *draft, const ink_tflite_tensor *input, ink_tflite_value *value)
{
    const int32_t *dim = input->dim;
    const bool channels_first = input->rank == 4 && dim[3] > 4 && dim[1] <= 4;
    const int32_t channels = input->rank < 4 ? 1 : channels_first ? dim[1] : dim[3];
    const int32_t height = input->rank == 2 ? (int32_t)side_of(dim[1]) : dim[channels_first ? 2 : 1];
    const int32_t width = input->rank == 2 ? height : dim[channels_first ? 3 : 2];
    if (channels < 1 || height < 1 || width < 1 || channels > 4096 || height > 4096 || width > 4096 ||
        (int64_t)height * width * channels > 1 << 24)
        return false;
    draft->channels = (uint32_t)channels;
    draft->height = (uint32_t)height;
    draft->width = (uint32_t)width;
    value->rank = 3;
    value->dim[channels_first ? 0 : 2] = (uint64_t)channels;
    value->dim[channels_first ? 1 : 0] = (uint64_t)height;
    value->dim[channels_first ? 2 : 1] = (uint64_t)width;
    memcpy(value->axis, channels_first ? (const uint8_t[]){ 0, 1, 2, 3 } : (const uint8_t[]){ 2, 0, 1, 3 },
           sizeof value->axis);
    return true;
}

/* The picture, in the shape in which the file takes it. */
static void set_input(ink_tflite_work *work)
{
    const ink_tflite_tensor *input = &work->file.tensors[work->file.input];
    ink_tflite_value value = { .kind = INK_TFLITE_VALUE, .node = "input", .is_input = true };
    const bool is_type = input->type == INK_TFLITE_FLOAT32 || (input->type == INK_TFLITE_UINT8 && !input->quantized);
    if (!is_type || input->rank < 2 || input->rank > 4 || !set_picture(work->draft, input, &value)) {
        refuse_input(work->draft, input);
        return;
    }
    if (input->rank < 4) { /* H, W or one row of pixels */
        const uint64_t dim[2] = { (uint64_t)input->dim[1], input->rank == 3 ? (uint64_t)input->dim[2] : 0 };
        if (!ink_tflite_reshape(work, &value, input->rank - 1, dim))
            return;
    }
    work->values[work->file.input] = value;
}

/* Scores are one axis; others of one element do no harm. */
static void check_output(ink_tflite_work *work)
{
    const ink_tflite_value value = work->values[work->file.output];
    const char *name = work->file.tensors[work->file.output].name;
    if (value.kind == INK_TFLITE_UNKNOWN && work->draft->fault_count)
        return;
    if (value.kind != INK_TFLITE_VALUE) {
        ink_draft_fault(work->draft, "output '%.60s' is not computed from the picture", name);
        return;
    }
    const uint64_t elements = ink_tflite_elements(&value);
    bool one = !value.rows;
    for (uint32_t i = 0; i < value.rank; i++)
        one = one && (value.dim[i] == 1 || value.dim[i] == elements);
    if (!one)
        ink_draft_fault(work->draft, "output '%.60s' has %lu axes: no scores of classes", name,
                        (unsigned long)value.rank);
    else if (elements < 2)
        ink_draft_fault(work->draft, "output '%.60s' is one number: no scores of two or more classes; end the model "
                        "with one output for each class", name);
    else if (value.rank > 1)
        (void)ink_draft_node(work->draft, "flatten", "scores", value.node, "%s", "");
}

/* ---- the whole ---- */

static ink_status begin(ink_tflite_work *work, const uint8_t *data, size_t size, ink_error *error)
{
    ink_arena *arena = work->draft->arena;
    INK_TRY(ink_tflite_open(data, size, arena, &work->file, error));
    work->values = ink_arena_array(arena, work->file.tensor_count, sizeof *work->values);
    work->uses = ink_arena_array(arena, work->file.tensor_count, sizeof *work->uses);
    if (!work->values || !work->uses)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    for (size_t i = 0; i < work->file.tensor_count; i++)
        if (work->file.tensors[i].data)
            work->values[i] = (ink_tflite_value){ .kind = INK_TFLITE_CONSTANT, .constant = (int32_t)i };
    return INK_OK;
}

ink_status ink_tflite_read(const uint8_t *data, size_t size, ink_draft *draft, ink_error *error)
{
    enum { SPARE_FLOATS = 1 << 20 }; /* what batch norms of one number become */
    ink_tflite_work work = { .draft = draft, .floats_left = (uint64_t)size + SPARE_FLOATS };
    INK_TRY(begin(&work, data, size, error));
    count_uses(&work);
    if (find_quantized(&work))
        return ink_draft_finish(draft, error);
    const ink_tflite_node input = { .op = -1, .output = work.file.input };
    work.node = &input;
    set_input(&work);
    for (size_t i = 0; i < work.file.node_count && !draft->status && !draft->arena->failed; i++) {
        work.node = &work.file.nodes[i];
        if (work.node->output >= 0 && work.uses[work.node->output])
            ink_tflite_layer(&work);
    }
    INK_TRY(ink_flat_check(&work.file.flat, error));
    check_output(&work);
    return ink_draft_finish(draft, error);
}
