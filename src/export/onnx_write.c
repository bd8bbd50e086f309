#include "export/onnx_write.h"

#include "base/status.h"

#if INK_HAVE_PROTOBUFC

#include "base/number.h"
#include "export/export_text.h"
#include "import/onnx/onnx_tensor.h"
#include "model/model.h"
#include "ops/int8.h"
#include "tensor/type.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OPSET = 13, IR = 7, GELU_OPSET = 20, GELU_IR = 9 };

/* AttributeProto.AttributeType */
enum { FLOAT = 1, INT = 2, WORD = 3, INTS = 7 };

typedef struct writer {
    ink_arena arena;
    const ink_graph *graph;
    InkOnnx__Graph out;
    size_t node_room, tensor_room;
    bool wants_gelu;
} writer;

/* ---- parts of messages; without memory they give NULL, and the arena remembers ---- */

/* The structs of protobuf-c have no const; nothing is written through these. */
static char *text(const char *value)
{
    return (char *)(uintptr_t)value;
}

static char *part_name(writer *w, const ink_node *node, const char *part)
{
    return ink_arena_format(&w->arena, "%s.%s", node->name, part);
}

static char *value_name(const writer *w, const ink_node *node, uint32_t input)
{
    return text(ink_graph_value_name(w->graph, node->inputs[input]));
}

/* A copy in the arena of a message as its INIT macro gives it. */
static void *copy(writer *w, const void *message, size_t size)
{
    void *to = ink_arena_array(&w->arena, 1, size);
    if (to)
        memcpy(to, message, size);
    return to;
}

/* Adds a pointer to a list, which grows by doubling. */
static void *append(writer *w, void *list, size_t *count, void *item)
{
    size_t room = 1;
    while (room < *count)
        room *= 2;
    room = *count ? room : 0;
    void **to = ink_arena_grow(&w->arena, list, *count, sizeof *to, &room);
    if (!to)
        return list;
    to[(*count)++] = item;
    return to;
}

/* A node with this input; more are added by put_input. */
static InkOnnx__Node *put_node(writer *w, const char *op, const char *name, char *input, char *output)
{
    const InkOnnx__Node init = INK_ONNX__NODE__INIT;
    InkOnnx__Node *node = copy(w, &init, sizeof init);
    if (!node)
        return NULL;
    node->op_type = text(op);
    node->name = text(name);
    node->input = append(w, node->input, &node->n_input, input);
    node->output = append(w, node->output, &node->n_output, output);
    w->out.node = append(w, w->out.node, &w->out.n_node, node);
    return node;
}

static void put_input(writer *w, InkOnnx__Node *node, char *input)
{
    if (node)
        node->input = append(w, node->input, &node->n_input, input);
}

/* An attribute to be filled. */
static InkOnnx__Attribute *put_attribute(writer *w, InkOnnx__Node *node, const char *name, int32_t type)
{
    const InkOnnx__Attribute init = INK_ONNX__ATTRIBUTE__INIT;
    InkOnnx__Attribute *attribute = copy(w, &init, sizeof init);
    if (!node || !attribute)
        return NULL;
    attribute->name = text(name);
    attribute->has_type = true;
    attribute->type = type;
    node->attribute = append(w, node->attribute, &node->n_attribute, attribute);
    return attribute;
}

static void put_int(writer *w, InkOnnx__Node *node, const char *name, int64_t value)
{
    InkOnnx__Attribute *attribute = put_attribute(w, node, name, INT);
    if (attribute) {
        attribute->has_i = true;
        attribute->i = value;
    }
}

static void put_float(writer *w, InkOnnx__Node *node, const char *name, float value)
{
    InkOnnx__Attribute *attribute = put_attribute(w, node, name, FLOAT);
    if (attribute) {
        attribute->has_f = true;
        attribute->f = value;
    }
}

static void put_word(writer *w, InkOnnx__Node *node, const char *name, const char *value)
{
    InkOnnx__Attribute *attribute = put_attribute(w, node, name, WORD);
    if (attribute) {
        attribute->has_s = true;
        attribute->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)text(value) };
    }
}

static void put_ints(writer *w, InkOnnx__Node *node, const char *name, size_t count, const int64_t *values)
{
    InkOnnx__Attribute *attribute = put_attribute(w, node, name, INTS);
    int64_t *to = ink_arena_array(&w->arena, count, sizeof *to);
    if (attribute && to) {
        memcpy(to, values, count * sizeof *to);
        attribute->ints = to;
        attribute->n_ints = count;
    }
}

/* An initializer, with room for `bytes` to be filled; gives them. */
static uint8_t *put_tensor(writer *w, char *name, int32_t type, size_t rank, const int64_t *dims, size_t bytes)
{
    const InkOnnx__Tensor init = INK_ONNX__TENSOR__INIT;
    InkOnnx__Tensor *tensor = copy(w, &init, sizeof init);
    int64_t *sizes = ink_arena_array(&w->arena, rank ? rank : 1, sizeof *sizes);
    uint8_t *data = ink_arena_array(&w->arena, bytes ? bytes : 1, 1);
    if (!tensor || !sizes || !data || !name)
        return NULL;
    memcpy(sizes, dims, rank * sizeof *sizes);
    tensor->name = name;
    tensor->n_dims = rank;
    tensor->dims = sizes;
    tensor->has_data_type = true;
    tensor->data_type = type;
    tensor->has_raw_data = true;
    tensor->raw_data = (ProtobufCBinaryData){ bytes, data };
    w->out.initializer = append(w, w->out.initializer, &w->out.n_initializer, tensor);
    return data;
}

static void store(uint8_t *to, uint64_t bits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(bits >> 8 * i);
}

static void store_float(uint8_t *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    store(to, bits, sizeof bits);
}

/* `count` times the value, as a list, or as a scalar for count 0. */
static char *put_constant(writer *w, const ink_node *node, const char *part, size_t count, float value)
{
    char *name = part_name(w, node, part);
    const size_t all = count ? count : 1;
    uint8_t *data = put_tensor(w, name, INK_ONNX_FLOAT, count ? 1 : 0, &(int64_t){ (int64_t)count },
                               all * sizeof(float));
    for (size_t i = 0; data && i < all; i++)
        store_float(data + i * sizeof(float), value);
    return name;
}

static char *put_int_list(writer *w, const ink_node *node, const char *part, size_t count, const int64_t *values)
{
    char *name = part_name(w, node, part);
    uint8_t *data = put_tensor(w, name, INK_ONNX_INT64, 1, &(int64_t){ (int64_t)count }, count * sizeof *values);
    for (size_t i = 0; data && i < count; i++)
        store(data + i * sizeof *values, (uint64_t)values[i], sizeof *values);
    return name;
}

/* A parameter of the node as float32, a matrix transposed if that is wanted; NULL where the node has none. */
static char *put_parameter(writer *w, const ink_node *node, size_t index, bool transpose)
{
    const ink_tensor_info *from = node->parameters[index];
    int64_t dims[INK_MAX_DIMS];
    size_t elements = 1;
    if (!from)
        return NULL;
    for (uint32_t i = 0; i < from->rank; i++) {
        dims[i] = from->dim[transpose ? from->rank - 1 - i : i];
        elements *= from->dim[i];
    }
    uint8_t *data = put_tensor(w, text(from->name), INK_ONNX_FLOAT, from->rank, dims, elements * sizeof(float));
    for (size_t i = 0; data && i < elements; i++) {
        const size_t rows = from->dim[0], columns = elements / rows;
        store_float(data + (transpose ? i % columns * rows + i / columns : i) * sizeof(float),
                    ink_type_element(from->type, from->data, i));
    }
    return text(from->name);
}

/* ---- operators ---- */

static void put_pair(writer *w, InkOnnx__Node *to, const char *name, const ink_node *node, ink_attribute attribute)
{
    put_ints(w, to, name, 2, (const int64_t[]){ ink_attr_u32(&node->attributes, attribute, 0),
                                                ink_attr_u32(&node->attributes, attribute, 1) });
}

static void padding_of(const ink_node *node, int64_t padding[4])
{
    for (size_t i = 0; i < 4; i++)
        padding[i] = ink_attr_u32(&node->attributes, INK_ATTR_PADDING, i);
}

static void write_conv(writer *w, const ink_node *node)
{
    int64_t padding[4];
    InkOnnx__Node *to = put_node(w, "Conv", node->name, value_name(w, node, 0), text(node->name));
    padding_of(node, padding);
    put_input(w, to, put_parameter(w, node, 0, false));
    if (node->parameters[1])
        put_input(w, to, put_parameter(w, node, 1, false));
    put_ints(w, to, "kernel_shape", 2, (const int64_t[]){ node->parameters[0]->dim[2], node->parameters[0]->dim[3] });
    put_pair(w, to, "strides", node, INK_ATTR_STRIDE);
    put_pair(w, to, "dilations", node, INK_ATTR_DILATION);
    put_ints(w, to, "pads", 4, padding);
    put_int(w, to, "group", ink_attr_u32(&node->attributes, INK_ATTR_GROUPS, 0));
}

/* Rows of more than one a picture are multiplied by MatMul, which wants its matrix the other way round. */
static void write_dense(writer *w, const ink_node *node)
{
    const bool row = node->shape.rank == 1, bias = node->parameters[1] != NULL;
    char *product = !row && bias ? part_name(w, node, "product") : text(node->name);
    InkOnnx__Node *to = put_node(w, row ? "Gemm" : "MatMul", node->name, value_name(w, node, 0), product);
    put_input(w, to, put_parameter(w, node, 0, !row));
    if (row)
        put_int(w, to, "transB", 1);
    if (bias && !row)
        to = put_node(w, "Add", product, product, text(node->name));
    if (bias)
        put_input(w, to, put_parameter(w, node, 1, false));
}

static char *put_pad(writer *w, const ink_node *node, const int64_t padding[4], float value, char *output)
{
    const int64_t pads[8] = { 0, 0, padding[0], padding[1], 0, 0, padding[2], padding[3] };
    InkOnnx__Node *to = put_node(w, "Pad", output, value_name(w, node, 0), output);
    put_input(w, to, put_int_list(w, node, "pads", 8, pads));
    put_input(w, to, put_constant(w, node, "value", 0, value));
    return output;
}

static void write_pad(writer *w, const ink_node *node)
{
    int64_t padding[4];
    padding_of(node, padding);
    put_pad(w, node, padding, ink_attr_f32(&node->attributes, INK_ATTR_VALUE), text(node->name));
}

/* Sizes that are rounded up differ from program to program, so what that adds becomes padding at the end, which no mean
 * counts; where a mean counts the rest of the padding, that is put before it. */
static void write_pool(writer *w, const ink_node *node)
{
    const ink_attributes *a = &node->attributes;
    const ink_shape in = ink_graph_value_shape(w->graph, node->inputs[0]);
    const bool max = strcmp(node->op->name, "max_pool2d") == 0;
    bool counts = !max && ink_attr_u32(a, INK_ATTR_COUNT_PADDING, 0), adds = false;
    int64_t padding[4], extra[4] = { 0 };
    char *input = value_name(w, node, 0);
    padding_of(node, padding);
    for (size_t axis = 0; axis < 2; axis++) {
        const int64_t reach = ((int64_t)node->shape.dim[axis + 1] - 1) * ink_attr_u32(a, INK_ATTR_STRIDE, axis) +
                              ink_attr_u32(a, INK_ATTR_KERNEL, axis);
        const int64_t more = reach - (int64_t)in.dim[axis + 1] - padding[axis] - padding[axis + 2];
        extra[axis + 2] = more > 0 ? more : 0;
        adds = adds || more > 0;
    }
    if (counts && adds) {
        input = put_pad(w, node, padding, 0, part_name(w, node, "padded"));
        memset(padding, 0, sizeof padding);
        counts = false;
    }
    for (size_t i = 0; i < 4; i++)
        padding[i] += extra[i];
    InkOnnx__Node *to = put_node(w, max ? "MaxPool" : "AveragePool", node->name, input, text(node->name));
    put_pair(w, to, "kernel_shape", node, INK_ATTR_KERNEL);
    put_pair(w, to, "strides", node, INK_ATTR_STRIDE);
    put_ints(w, to, "pads", 4, padding);
    if (!max)
        put_int(w, to, "count_include_pad", counts);
}

static void write_batch_norm(writer *w, const ink_node *node)
{
    static const char *const parts[] = { "weight", "bias" };
    InkOnnx__Node *to = put_node(w, "BatchNormalization", node->name, value_name(w, node, 0), text(node->name));
    for (size_t i = 0; i < 4; i++)
        put_input(w, to, node->parameters[i] ? put_parameter(w, node, i, false)
                                             : put_constant(w, node, parts[i], node->shape.dim[0], i == 0 ? 1 : 0));
    put_float(w, to, "epsilon", ink_attr_f32(&node->attributes, INK_ATTR_EPSILON));
}

/* Operators that are the same in ONNX. */
static void write_same(writer *w, const ink_node *node)
{
    static const struct {
        const char *op, *onnx;
    } rows[] = {
        { "relu", "Relu" },       { "leaky_relu", "LeakyRelu" },   { "elu", "Elu" },
        { "sigmoid", "Sigmoid" }, { "tanh", "Tanh" },              { "gelu", "Gelu" },
        { "softmax", "Softmax" }, { "log_softmax", "LogSoftmax" }, { "flatten", "Flatten" },
        { "global_max_pool2d", "GlobalMaxPool" }, { "global_avg_pool2d", "GlobalAveragePool" },
    };
    size_t i = 0;
    while (strcmp(rows[i].op, node->op->name) != 0)
        i++;
    const ink_attributes *a = &node->attributes;
    InkOnnx__Node *to = put_node(w, rows[i].onnx, node->name, value_name(w, node, 0), text(node->name));
    if (a->count[INK_ATTR_ALPHA])
        put_float(w, to, "alpha", ink_attr_f32(a, INK_ATTR_ALPHA));
    if (a->count[INK_ATTR_AXIS])
        put_int(w, to, "axis", -1); /* softmax has the last only */
    if (a->count[INK_ATTR_APPROXIMATE])
        put_word(w, to, "approximate", ink_attr_u32(a, INK_ATTR_APPROXIMATE, 0) ? "tanh" : "none");
    w->wants_gelu = w->wants_gelu || a->count[INK_ATTR_APPROXIMATE];
}

static void write_joined(writer *w, const ink_node *node)
{
    const bool add = strcmp(node->op->name, "add") == 0;
    const char *op = !add ? "Concat" : node->input_count == 2 ? "Add" : "Sum";
    InkOnnx__Node *to = put_node(w, op, node->name, value_name(w, node, 0), text(node->name));
    for (uint32_t i = 1; i < node->input_count; i++)
        put_input(w, to, value_name(w, node, i));
    if (!add) {
        const int64_t axis = (int64_t)node->attributes.value[INK_ATTR_AXIS][0];
        put_int(w, to, "axis", axis < 0 ? axis : axis + 1);
    }
}

static void write_reshape(writer *w, const ink_node *node)
{
    int64_t sizes[INK_MAX_DIMS + 1] = { 0 }; /* the batch as it is */
    InkOnnx__Node *to = put_node(w, "Reshape", node->name, value_name(w, node, 0), text(node->name));
    for (uint32_t i = 0; i < node->shape.rank; i++)
        sizes[i + 1] = node->shape.dim[i];
    put_input(w, to, put_int_list(w, node, "shape", node->shape.rank + 1, sizes));
}

static void write_permute(writer *w, const ink_node *node)
{
    int64_t order[INK_MAX_DIMS + 1] = { 0 };
    InkOnnx__Node *to = put_node(w, "Transpose", node->name, value_name(w, node, 0), text(node->name));
    for (uint32_t i = 0; i < node->shape.rank; i++)
        order[i + 1] = ink_attr_u32(&node->attributes, INK_ATTR_ORDER, i) + 1;
    put_ints(w, to, "perm", node->shape.rank + 1, order);
}

static void write_dropout(writer *w, const ink_node *node)
{
    InkOnnx__Node *to = put_node(w, "Dropout", node->name, value_name(w, node, 0), text(node->name));
    put_input(w, to, put_constant(w, node, "ratio", 0, ink_attr_f32(&node->attributes, INK_ATTR_RATE)));
}

static const struct {
    const char *op;
    void (*write)(writer *w, const ink_node *node);
} rows[] = {
    { "conv2d", write_conv },        { "dense", write_dense },
    { "max_pool2d", write_pool },    { "avg_pool2d", write_pool },
    { "batch_norm", write_batch_norm }, { "relu", write_same },
    { "leaky_relu", write_same },    { "elu", write_same },
    { "sigmoid", write_same },       { "tanh", write_same },
    { "gelu", write_same },          { "softmax", write_same },
    { "log_softmax", write_same },   { "global_max_pool2d", write_same },
    { "global_avg_pool2d", write_same }, { "flatten", write_same },
    { "add", write_joined },         { "concat", write_joined },
    { "pad", write_pad },            { "reshape", write_reshape },
    { "permute", write_permute },    { "dropout", write_dropout },
};

static ink_status write_node(writer *w, const ink_node *node, ink_error *error)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].op, node->op->name) == 0) {
            rows[i].write(w, node);
            return INK_OK;
        }
    return ink_fail(error, INK_ERR_LAYOUT, "node '%.64s': ONNX has no operator for %s", node->name, node->op->name);
}

/* ---- the model ---- */

/* An input or output, float [N, ...]. */
static void put_value(writer *w, InkOnnx__ValueInfo ***list, size_t *count, char *name, size_t rank,
                      const uint32_t *dims)
{
    const InkOnnx__ValueInfo info_init = INK_ONNX__VALUE_INFO__INIT;
    const InkOnnx__Type type_init = INK_ONNX__TYPE__INIT;
    const InkOnnx__TensorType tensor_init = INK_ONNX__TENSOR_TYPE__INIT;
    const InkOnnx__Shape shape_init = INK_ONNX__SHAPE__INIT;
    const InkOnnx__Dimension dim_init = INK_ONNX__DIMENSION__INIT;
    InkOnnx__ValueInfo *info = copy(w, &info_init, sizeof info_init);
    InkOnnx__Type *type = copy(w, &type_init, sizeof type_init);
    InkOnnx__TensorType *tensor = copy(w, &tensor_init, sizeof tensor_init);
    InkOnnx__Shape *shape = copy(w, &shape_init, sizeof shape_init);
    if (!info || !type || !tensor || !shape)
        return;
    info->name = name;
    info->type = type;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = INK_ONNX_FLOAT;
    tensor->shape = shape;
    for (size_t i = 0; i <= rank; i++) {
        InkOnnx__Dimension *dim = copy(w, &dim_init, sizeof dim_init);
        if (dim && i == 0)
            dim->dim_param = text("N");
        if (dim && i > 0) {
            dim->has_dim_value = true;
            dim->dim_value = dims[i - 1];
        }
        shape->dim = append(w, shape->dim, &shape->n_dim, dim);
    }
    *list = append(w, *list, count, info);
}

static void put_entry(writer *w, InkOnnx__Model *model, const char *key, const char *value)
{
    const InkOnnx__Entry init = INK_ONNX__ENTRY__INIT;
    InkOnnx__Entry *entry = copy(w, &init, sizeof init);
    if (!entry || !key || !ink_text_is_utf8(key) || !ink_text_is_utf8(value))
        return;
    entry->key = text(key);
    entry->value = text(value);
    model->metadata_props = append(w, model->metadata_props, &model->n_metadata_props, entry);
}

static void put_entries(writer *w, InkOnnx__Model *to, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    char number[2][32];
    number[0][ink_number_format(number[0], (double)info->input_scale)] = 0;
    number[1][ink_number_format(number[1], (double)info->input_offset)] = 0;
    for (size_t i = 0; i < 2; i++)
        put_entry(w, to, i ? "inkling.input_offset" : "inkling.input_scale",
                  ink_arena_format(&w->arena, "%s", number[i]));
    for (uint32_t i = 0; i < info->classes; i++)
        put_entry(w, to, ink_arena_format(&w->arena, "inkling.label.%lu", (unsigned long)i), info->labels[i]);
    for (size_t i = 0; i < info->metadata; i++) {
        const ink_metadata *entry = ink_model_metadata(model, i);
        if (entry->kind == INK_VALUE_STRING && !entry->is_array && !ink_layout_owns_key(entry->key))
            put_entry(w, to, entry->key, ink_metadata_string(entry, 0));
    }
}

/* Each name once, for values and tensors share them, and all in UTF-8. */
static ink_status check_names(writer *w, ink_error *error)
{
    ink_names names;
    if (!ink_names_init(&names, &w->arena, w->out.n_node + w->out.n_initializer + 1))
        return ink_fail(error, INK_ERR_MEMORY, "no memory to write a model");
    ink_names_add(&names, "input", 0);
    for (size_t i = 0; i < w->out.n_node; i++)
        ink_names_add(&names, w->out.node[i]->output[0], i + 1);
    for (size_t i = 0; i < w->out.n_initializer; i++)
        ink_names_add(&names, w->out.initializer[i]->name, w->out.n_node + i + 1);
    ink_names_sort(&names);
    for (size_t i = 0; i < names.count; i++) {
        if (!ink_text_is_utf8(names.names[i].name))
            return ink_fail(error, INK_ERR_LAYOUT, "the name '%.64s' is no UTF-8, which ONNX wants",
                            names.names[i].name);
        if (i && strcmp(names.names[i - 1].name, names.names[i].name) == 0)
            return ink_fail(error, INK_ERR_LAYOUT, "the name '%.64s' would stand for two things in an ONNX file",
                            names.names[i].name);
    }
    return INK_OK;
}

static ink_status pack(writer *w, InkOnnx__Model *model, const ink_allocator *allocator, ink_buffer *out,
                       ink_error *error)
{
    const size_t size = ink_onnx__model__get_packed_size(model);
    if (size >= (size_t)1 << 31)
        return ink_fail(error, INK_ERR_LIMIT, "as an ONNX file it has %zu bytes, wanted less than 2 GiB", size);
    uint8_t *data = w->arena.failed ? NULL : ink_alloc(allocator, size + 1);
    if (!data)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to write a model");
    (void)ink_onnx__model__pack(model, data);
    data[size] = 0;
    *out = (ink_buffer){ (char *)data, size, *allocator };
    return INK_OK;
}

static ink_status write_model(writer *w, const ink_model *model, ink_buffer *out, ink_error *error)
{
    const ink_graph *graph = w->graph;
    const ink_node *last = &graph->nodes[graph->node_count - 1];
    const uint32_t classes = (uint32_t)ink_graph_classes(graph);
    char *output = text(last->name);
    InkOnnx__Model to = INK_ONNX__MODEL__INIT;
    InkOnnx__OperatorSet version = INK_ONNX__OPERATOR_SET__INIT, *versions = &version;
    for (size_t i = 0; i < graph->node_count; i++)
        INK_TRY(write_node(w, &graph->nodes[i], error));
    if (last->shape.rank != 1) {
        output = part_name(w, last, "scores");
        put_node(w, "Flatten", output, text(last->name), output);
    }
    put_value(w, &w->out.input, &w->out.n_input, text("input"), 3,
              (const uint32_t[]){ graph->input.channels, graph->input.height, graph->input.width });
    put_value(w, &w->out.output, &w->out.n_output, output, 1, &classes);
    if (w->arena.failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to write a model");
    INK_TRY(check_names(w, error));
    w->out.name = text("inkling");
    version.domain = text("");
    version.has_version = true;
    version.version = w->wants_gelu ? GELU_OPSET : OPSET;
    to.has_ir_version = true;
    to.ir_version = w->wants_gelu ? GELU_IR : IR;
    to.producer_name = text("inkling");
    to.producer_version = text(INK_VERSION);
    to.graph = &w->out;
    to.n_opset_import = 1;
    to.opset_import = &versions;
    put_entries(w, &to, model);
    return pack(w, &to, &model->allocator, out, error);
}

ink_status ink_onnx_write(const ink_model *model, ink_buffer *out, ink_error *error)
{
    writer w = { .graph = &model->graph, .out = INK_ONNX__GRAPH__INIT };
    const ink_node *quantized = ink_int8_find(model->graph.nodes, model->graph.node_count);
    *out = (ink_buffer){ .data = NULL };
    if (quantized)
        return ink_fail(error, INK_ERR_LAYOUT, "node '%.64s' (%s): its weight is i8, which is not written as ONNX; take the "
                        "model that it was made from", quantized->name, quantized->op->name);
    ink_arena_init(&w.arena, &model->allocator);
    const ink_status status = write_model(&w, model, out, error);
    ink_arena_free(&w.arena);
    return status;
}

#else

ink_status ink_onnx_write(const ink_model *model, ink_buffer *out, ink_error *error)
{
    (void)model;
    *out = (ink_buffer){ .data = NULL };
    return ink_fail(error, INK_ERR_OPEN, "cannot be written as ONNX: built without protobuf-c");
}

#endif
