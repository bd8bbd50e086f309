#include "import/tflite/tflite_file.h"

#include <string.h>

enum { MOST_NAME = 100, NO_TENSOR = -1 };

/* Numbers of the fields that are read, by table. */
enum { MODEL_VERSION, MODEL_CODES, MODEL_GRAPHS, MODEL_DESCRIPTION, MODEL_BUFFERS };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS };
enum { TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_NAME, TENSOR_QUANTIZATION, TENSOR_VARIABLE, TENSOR_SPARSITY,
       TENSOR_SIGNATURE, TENSOR_EXTERNAL = 10 };
enum { QUANTIZATION_SCALE = 2 };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };
enum { CODE_OLD, CODE_CUSTOM, CODE_VERSION, CODE_NEW };
enum { OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS_TYPE, OPERATOR_OPTIONS };

typedef struct opening {
    ink_tflite_file *file;
    ink_arena *arena;
    ink_flat_vector codes, buffers;
    ink_error *error;
} opening;

/* A copy that may go into a line of text. */
static const char *copy_name(const opening *o, ink_flat_string from)
{
    const size_t length = from.length < MOST_NAME ? from.length : MOST_NAME;
    char *name = ink_arena_string(o->arena, from.text, length);
    for (size_t i = 0; name && i < length; i++)
        if ((unsigned char)name[i] < ' ' || (unsigned char)name[i] >= 127)
            name[i] = '?';
    return name;
}

/* A model of more than 2 GiB has its constants behind the FlatBuffer, and says where. */
static ink_status read_buffer(const opening *o, uint32_t index, ink_tflite_tensor *tensor)
{
    ink_flat *flat = &o->file->flat;
    if (index >= o->buffers.count)
        return ink_fail(o->error, INK_ERR_FORMAT, "tensor '%s' lies in buffer %lu, the file has %zu", tensor->name,
                        (unsigned long)index, o->buffers.count);
    const ink_flat_table buffer = ink_flat_list_table(flat, o->buffers, index);
    const ink_flat_vector bytes = ink_flat_list(flat, &buffer, BUFFER_DATA, 1);
    const uint64_t offset = ink_flat_u64(flat, &buffer, BUFFER_OFFSET, 0);
    const uint64_t size = ink_flat_u64(flat, &buffer, BUFFER_SIZE, 0);
    if (bytes.count) {
        tensor->data = flat->data + bytes.at;
        tensor->bytes = bytes.count;
    } else if (offset > 1) { /* 0 and 1 say that there is none */
        if (offset > flat->size || size > flat->size - offset)
            return ink_fail(o->error, INK_ERR_TRUNCATED, "tensor '%s' ends at byte %llu, the file has %zu",
                            tensor->name, (unsigned long long)(offset + size), flat->size);
        tensor->data = flat->data + offset;
        tensor->bytes = (size_t)size;
    }
    return INK_OK;
}

static ink_status read_tensor(const opening *o, const ink_flat_table *from, ink_tflite_tensor *to)
{
    ink_flat *flat = &o->file->flat;
    const ink_flat_vector shape = ink_flat_list(flat, from, TENSOR_SHAPE, 4);
    const ink_flat_vector signature = ink_flat_list(flat, from, TENSOR_SIGNATURE, 4);
    const ink_flat_table quantization = ink_flat_sub(flat, from, TENSOR_QUANTIZATION);
    to->name = copy_name(o, ink_flat_text(flat, from, TENSOR_NAME));
    if (!to->name)
        return ink_fail(o->error, INK_ERR_MEMORY, "no memory to read a model");
    if (shape.count > INK_WEIGHT_DIMS)
        return ink_fail(o->error, INK_ERR_LIMIT, "tensor '%s' has %zu dimensions, wanted %d at most", to->name,
                        shape.count, INK_WEIGHT_DIMS);
    to->type = ink_flat_i8(flat, from, TENSOR_TYPE, INK_TFLITE_FLOAT32);
    to->rank = (uint32_t)shape.count;
    for (size_t i = 0; i < shape.count; i++) {
        const bool open = signature.count == shape.count && ink_flat_list_i32(flat, signature, i) < 0;
        to->dim[i] = open ? -1 : ink_flat_list_i32(flat, shape, i);
    }
    to->quantized = ink_flat_list(flat, &quantization, QUANTIZATION_SCALE, 4).count > 0;
    to->sparse = ink_flat_has(flat, from, TENSOR_SPARSITY);
    if (ink_flat_u32(flat, from, TENSOR_EXTERNAL, 0))
        return ink_fail(o->error, INK_ERR_OPEN, "tensor '%s' lies in another file, which is not read", to->name);
    return read_buffer(o, ink_flat_u32(flat, from, TENSOR_BUFFER, 0), to);
}

static ink_status read_tensors(const opening *o, const ink_flat_table *graph)
{
    ink_tflite_file *file = o->file;
    const ink_flat_vector tensors = ink_flat_list(&file->flat, graph, GRAPH_TENSORS, 4);
    if (tensors.count > INK_TFLITE_MOST_TENSORS)
        return ink_fail(o->error, INK_ERR_LIMIT, "has %zu tensors, wanted %d at most", tensors.count,
                        INK_TFLITE_MOST_TENSORS);
    file->tensors = ink_arena_array(o->arena, tensors.count, sizeof *file->tensors);
    if (!file->tensors)
        return ink_fail(o->error, INK_ERR_MEMORY, "no memory to read a model");
    file->tensor_count = tensors.count;
    for (size_t i = 0; i < tensors.count && !file->flat.broken; i++) {
        const ink_flat_table tensor = ink_flat_list_table(&file->flat, tensors, i);
        INK_TRY(read_tensor(o, &tensor, &file->tensors[i]));
    }
    return ink_flat_check(&file->flat, o->error);
}

static bool is_tensor(const ink_tflite_file *file, int32_t number)
{
    return number >= 0 && (size_t)number < file->tensor_count;
}

static ink_status read_code(const opening *o, uint32_t index, ink_tflite_node *node)
{
    ink_flat *flat = &o->file->flat;
    if (index >= o->codes.count)
        return ink_fail(o->error, INK_ERR_FORMAT, "an operator has the code %lu, the file has %zu",
                        (unsigned long)index, o->codes.count);
    const ink_flat_table code = ink_flat_list_table(flat, o->codes, index);
    const int32_t older = ink_flat_i8(flat, &code, CODE_OLD, 0), newer = ink_flat_i32(flat, &code, CODE_NEW, 0);
    node->op = newer > older ? newer : older; /* the older field ends at 127; files before 2.4 have only that one */
    if (node->op == INK_TFLITE_CUSTOM)
        node->custom = copy_name(o, ink_flat_text(flat, &code, CODE_CUSTOM));
    return INK_OK;
}

/* `made` says of each tensor whether an earlier node made it. */
static ink_status read_node(const opening *o, const ink_flat_table *from, size_t number, bool *made,
                            ink_tflite_node *to)
{
    const ink_tflite_file *file = o->file;
    ink_flat *flat = &o->file->flat;
    const ink_flat_vector inputs = ink_flat_list(flat, from, OPERATOR_INPUTS, 4);
    const ink_flat_vector outputs = ink_flat_list(flat, from, OPERATOR_OUTPUTS, 4);
    INK_TRY(read_code(o, ink_flat_u32(flat, from, OPERATOR_CODE, 0), to));
    INK_TRY(ink_flat_check(flat, o->error));
    if (inputs.count > INK_TFLITE_MOST_INPUTS)
        return ink_fail(o->error, INK_ERR_LIMIT, "operator %zu has %zu inputs, wanted %d at most", number,
                        inputs.count, INK_TFLITE_MOST_INPUTS);
    to->input_count = (uint32_t)inputs.count;
    for (size_t i = 0; i < inputs.count; i++) {
        const int32_t tensor = to->input[i] = ink_flat_list_i32(flat, inputs, i);
        if (tensor != NO_TENSOR && !is_tensor(file, tensor))
            return ink_fail(o->error, INK_ERR_FORMAT, "operator %zu reads tensor %ld, the file has %zu", number,
                            (long)tensor, file->tensor_count);
        if (tensor != NO_TENSOR && !made[tensor] && !file->tensors[tensor].data && tensor != file->input)
            to->input[i] = NO_TENSOR; /* a state, or an optional input that is empty */
    }
    to->output_count = (uint32_t)outputs.count;
    to->output = outputs.count ? ink_flat_list_i32(flat, outputs, 0) : NO_TENSOR;
    for (size_t i = 0; i < outputs.count; i++) {
        const int32_t tensor = ink_flat_list_i32(flat, outputs, i);
        if (!is_tensor(file, tensor) || made[tensor] || file->tensors[tensor].data || tensor == file->input)
            return ink_fail(o->error, INK_ERR_FORMAT, "operator %zu writes tensor %ld, which is none or has a value",
                            number, (long)tensor);
        made[tensor] = true;
    }
    to->options_type = ink_flat_u8(flat, from, OPERATOR_OPTIONS_TYPE, 0);
    to->options = ink_flat_sub(flat, from, OPERATOR_OPTIONS);
    return ink_flat_check(flat, o->error);
}

static ink_status read_nodes(const opening *o, const ink_flat_table *graph)
{
    ink_tflite_file *file = o->file;
    const ink_flat_vector nodes = ink_flat_list(&file->flat, graph, GRAPH_OPERATORS, 4);
    if (nodes.count > INK_TFLITE_MOST_NODES)
        return ink_fail(o->error, INK_ERR_LIMIT, "has %zu operators, wanted %d at most", nodes.count,
                        INK_TFLITE_MOST_NODES);
    bool *made = ink_arena_array(o->arena, file->tensor_count, sizeof *made);
    file->nodes = ink_arena_array(o->arena, nodes.count, sizeof *file->nodes);
    if (!made || !file->nodes)
        return ink_fail(o->error, INK_ERR_MEMORY, "no memory to read a model");
    file->node_count = nodes.count;
    for (size_t i = 0; i < nodes.count; i++) {
        const ink_flat_table node = ink_flat_list_table(&file->flat, nodes, i);
        INK_TRY(read_node(o, &node, i, made, &file->nodes[i]));
    }
    return ink_flat_check(&file->flat, o->error);
}

/* The one tensor of the list `field`. */
static ink_status read_end(const opening *o, const ink_flat_table *graph, unsigned field, const char *what,
                           int32_t *tensor)
{
    ink_tflite_file *file = o->file;
    const ink_flat_vector list = ink_flat_list(&file->flat, graph, field, 4);
    INK_TRY(ink_flat_check(&file->flat, o->error));
    if (list.count != 1)
        return ink_fail(o->error, INK_ERR_GRAPH, "has %zu %ss, wanted one: a classifier takes a picture and gives "
                        "scores", list.count, what);
    *tensor = ink_flat_list_i32(&file->flat, list, 0);
    return is_tensor(file, *tensor) ? INK_OK
                                    : ink_fail(o->error, INK_ERR_FORMAT, "its %s is tensor %ld, the file has %zu",
                                               what, (long)*tensor, file->tensor_count);
}

ink_status ink_tflite_open(const uint8_t *data, size_t size, ink_arena *arena, ink_tflite_file *file,
                           ink_error *error)
{
    *file = (ink_tflite_file){ .flat = ink_flat_open(data, size) };
    const ink_flat_table model = ink_flat_root(&file->flat);
    const ink_flat_vector graphs = ink_flat_list(&file->flat, &model, MODEL_GRAPHS, 4);
    const opening o = { file, arena, ink_flat_list(&file->flat, &model, MODEL_CODES, 4),
                        ink_flat_list(&file->flat, &model, MODEL_BUFFERS, 4), error };
    INK_TRY(ink_flat_check(&file->flat, error));
    const uint32_t version = ink_flat_u32(&file->flat, &model, MODEL_VERSION, 0);
    if (version != 3)
        return ink_fail(error, INK_ERR_VERSION, "is of version %lu of the format, wanted 3", (unsigned long)version);
    if (graphs.count != 1)
        return ink_fail(error, INK_ERR_GRAPH, "holds %zu graphs, wanted one: loops, conditions and recurrent "
                        "layers are not supported", graphs.count);
    const ink_flat_table graph = ink_flat_list_table(&file->flat, graphs, 0);
    INK_TRY(read_tensors(&o, &graph));
    INK_TRY(read_end(&o, &graph, GRAPH_INPUTS, "input", &file->input));
    INK_TRY(read_end(&o, &graph, GRAPH_OUTPUTS, "output", &file->output));
    return read_nodes(&o, &graph);
}
