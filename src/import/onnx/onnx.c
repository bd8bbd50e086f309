#include "import/onnx/onnx.h"

#include "base/cursor.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

/* ---- the outermost message ---- */

enum { VARINT = 0, EIGHT = 1, LENGTH = 2, FOUR = 5 };

/* A number of 7 bits a byte, at most 64. */
static bool read_varint(ink_cursor *cursor, uint64_t *to)
{
    *to = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = ink_cursor_bytes(cursor, 1);
        if (!byte)
            return false;
        *to |= (uint64_t)(*byte & 127) << shift;
        if (*byte < 128)
            return true;
    }
    return false;
}

/* ModelProto's fields, by number. */
static bool is_field(uint64_t tag)
{
    const uint64_t number = tag >> 3, type = tag & 7;
    return number == 1 || number == 5 ? type == VARINT
                                      : (number >= 2 && number <= 8) || number == 14 || number == 20 || number == 25 ||
                                            number == 26
                                        ? type == LENGTH
                                        : false;
}

bool ink_onnx_is(const uint8_t *data, size_t size)
{
    ink_cursor cursor = { data, size, 0 };
    uint64_t tag, version;
    return read_varint(&cursor, &tag) && tag == (1 << 3 | VARINT) && read_varint(&cursor, &version) && version >= 3 &&
           version < 64 && read_varint(&cursor, &tag) && is_field(tag);
}

#if INK_HAVE_PROTOBUFC

#include "import/onnx/onnx_fold.h"
#include "import/onnx/onnx_gelu.h"
#include "import/onnx/onnx_ops.h"
#include "import/onnx/onnx_view.h"

enum { OPSET_LEAST = 7, OPSET_MOST = 28, SIZE_MOST = 1 << 24, SIDE_MOST = 1 << 16 };

/* protobuf-c does not tell why it refuses bytes; whether they end too early shows from the outermost fields. */
static ink_status check_fields(const uint8_t *data, size_t size, ink_error *error)
{
    ink_cursor cursor = { data, size, 0 };
    while (ink_cursor_left(&cursor)) {
        const size_t start = cursor.at;
        uint64_t tag, length = 0;
        bool fits = read_varint(&cursor, &tag);
        const uint64_t type = fits ? tag & 7 : VARINT;
        if (type != VARINT && type != EIGHT && type != LENGTH && type != FOUR)
            return ink_fail_at(error, INK_ERR_FORMAT, start,
                               "is no ONNX file, or a damaged one: a field has the type %d", (int)type);
        if (type == VARINT || type == LENGTH)
            fits = fits && read_varint(&cursor, &length);
        if (type != VARINT)
            fits = fits && ink_cursor_bytes(&cursor, type == LENGTH ? length : type == EIGHT ? 8 : 4);
        if (!fits)
            return ink_fail_at(error, INK_ERR_TRUNCATED, start, "the file ends within a field");
    }
    return INK_OK;
}

/* ---- unpacking ---- */

/* All that is unpacked lies in the arena. What is allocated is counted and never given back, so the limit bounds the
 * work too: a field that stands there again and again is merged with what was there before, by copies. */
typedef struct unpacking {
    ink_arena *arena;
    size_t left;
    bool over;
} unpacking;

static void *unpack_alloc(void *context, size_t size)
{
    unpacking *u = context;
    if (size > u->left) {
        u->over = true;
        return NULL;
    }
    u->left -= size;
    return ink_arena_array(u->arena, size ? size : 1, 1);
}

static void unpack_free(void *context, void *block)
{
    (void)context;
    (void)block;
}

static ink_status unpack(const uint8_t *data, size_t size, ink_arena *arena, InkOnnx__Model **model, ink_error *error)
{
    unpacking u = { arena, size <= SIZE_MAX / 4 ? 2 * size + (64 << 20) : SIZE_MAX, false };
    ProtobufCAllocator allocator = { unpack_alloc, unpack_free, &u };
    INK_TRY(check_fields(data, size, error));
    *model = ink_onnx__model__unpack(&allocator, size, data);
    if (*model)
        return INK_OK;
    if (arena->failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
    if (u.over)
        return ink_fail(error, INK_ERR_LIMIT, "is made of too many small parts");
    return ink_fail(error, INK_ERR_FORMAT, "is no ONNX file, or a damaged one: its fields cannot be unpacked");
}

static ink_status read_opset(const InkOnnx__Model *model, int64_t *opset, ink_error *error)
{
    *opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0)
            *opset = model->opset_import[i]->version;
    }
    if (*opset < OPSET_LEAST || *opset > OPSET_MOST)
        return ink_fail(error, INK_ERR_VERSION, "has version %lld of ONNX's operators, wanted %d to %d",
                        (long long)*opset, OPSET_LEAST, OPSET_MOST);
    return INK_OK;
}

/* ---- the table of operators ---- */

/* `attributes` are those that are heeded, and those that cannot matter; with another one a node is refused. */
static const struct row {
    const char *op;
    void (*run)(ink_onnx *x, const ink_onnx_node *node);
    size_t inputs; /* that must be there */
    const char *attributes;
} rows[] = {
    { "Add", ink_onnx_op_arithmetic, 2, "" },
    { "AveragePool", ink_onnx_op_pool, 1, "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides" },
    { "BatchNormalization", ink_onnx_op_batch_norm, 5, "epsilon momentum spatial training_mode" },
    { "Cast", ink_onnx_op_same, 1, "round_mode saturate to" },
    { "CastLike", ink_onnx_op_cast_like, 2, "round_mode saturate" },
    { "Clip", ink_onnx_op_clip, 1, "max min" },
    { "Concat", ink_onnx_op_concat, 1, "axis" },
    { "Conv", ink_onnx_op_conv, 2, "auto_pad dilations group kernel_shape pads strides" },
    { "Div", ink_onnx_op_arithmetic, 2, "" },
    { "Dropout", ink_onnx_op_same, 1, "ratio seed" },
    { "Elu", ink_onnx_op_activation, 1, "alpha" },
    { "Flatten", ink_onnx_op_flatten, 1, "axis" },
    { "Gelu", ink_onnx_op_activation, 1, "approximate" },
    { "Gemm", ink_onnx_op_gemm, 2, "alpha beta transA transB" },
    { "GlobalAveragePool", ink_onnx_op_global_pool, 1, "" },
    { "GlobalMaxPool", ink_onnx_op_global_pool, 1, "" },
    { "HardSigmoid", ink_onnx_op_hard_sigmoid, 1, "alpha beta" },
    { "Identity", ink_onnx_op_same, 1, "" },
    { "LeakyRelu", ink_onnx_op_activation, 1, "alpha" },
    { "LogSoftmax", ink_onnx_op_softmax, 1, "axis" },
    { "MatMul", ink_onnx_op_matmul, 2, "" },
    { "Max", ink_onnx_op_clip, 2, "" },
    { "MaxPool", ink_onnx_op_pool, 1, "auto_pad ceil_mode dilations kernel_shape pads storage_order strides" },
    { "Mul", ink_onnx_op_arithmetic, 2, "" },
    { "Neg", ink_onnx_op_neg, 1, "" },
    { "Pad", ink_onnx_op_pad, 1, "mode pads value" },
    { "PRelu", ink_onnx_op_prelu, 2, "" },
    { "ReduceMax", ink_onnx_op_reduce, 1, "axes keepdims noop_with_empty_axes" },
    { "ReduceMean", ink_onnx_op_reduce, 1, "axes keepdims noop_with_empty_axes" },
    { "Relu", ink_onnx_op_activation, 1, "" },
    { "Reshape", ink_onnx_op_reshape, 2, "allowzero" },
    { "Selu", ink_onnx_op_selu, 1, "alpha gamma" },
    { "Sigmoid", ink_onnx_op_activation, 1, "" },
    { "Softmax", ink_onnx_op_softmax, 1, "axis" },
    { "Squeeze", ink_onnx_op_squeeze, 1, "axes" },
    { "Sub", ink_onnx_op_arithmetic, 2, "" },
    { "Sum", ink_onnx_op_sum, 1, "" },
    { "Tanh", ink_onnx_op_activation, 1, "" },
    { "Transpose", ink_onnx_op_transpose, 1, "perm" },
    { "Unsqueeze", ink_onnx_op_unsqueeze, 1, "axes" },
};

/* What to do instead of some that are not. */
static const struct {
    const char *op, *instead;
} hints[] = {
    { "If", "control flow is not run; export a model without branches, or simplify it with onnxsim" },
    { "Loop", "control flow is not run; export a model without loops" },
    { "Scan", "control flow is not run; export a model without loops" },
    { "LSTM", "recurrent layers are not supported; train one of convolutions or dense layers" },
    { "GRU", "recurrent layers are not supported; train one of convolutions or dense layers" },
    { "RNN", "recurrent layers are not supported; train one of convolutions or dense layers" },
    { "QLinearConv", "quantized layers are not supported; export the model before it is quantized" },
    { "QLinearMatMul", "quantized layers are not supported; export the model before it is quantized" },
    { "ConvInteger", "quantized layers are not supported; export the model before it is quantized" },
    { "MatMulInteger", "quantized layers are not supported; export the model before it is quantized" },
    { "QuantizeLinear", "quantized layers are not supported; export the model before it is quantized" },
    { "DequantizeLinear", "quantized layers are not supported; export the model before it is quantized" },
    { "DynamicQuantizeLinear", "quantized layers are not supported; export the model before it is quantized" },
    { "ConvTranspose", "it enlarges pictures, which a classifier need not" },
    { "Resize", "pictures are not resized by the network; leave it out and feed them in its size" },
    { "Upsample", "pictures are not resized by the network; leave it out and feed them in its size" },
    { "HardSwish", "not supported; train with Relu" },
    { "Softplus", "not supported; train with Relu or Elu" },
    { "LRN", "not supported; train with BatchNormalization" },
    { "InstanceNormalization", "not supported; train with BatchNormalization" },
    { "LayerNormalization", "not supported; train with BatchNormalization" },
    { "GroupNormalization", "not supported; train with BatchNormalization" },
    { "ArgMax", "wanted scores, one a class; end the model before it" },
};

static const struct row *row_of(const char *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].op, op) == 0)
            return &rows[i];
    return NULL;
}

static const char *hint_of(const char *op)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strcmp(hints[i].op, op) == 0)
            return hints[i].instead;
    return "not supported; docs/operators.md lists what a network may be made of";
}

/* Tells all operators that there are none for, before any is converted. */
static void check_operators(ink_onnx *x)
{
    for (size_t i = 0; i < x->order_count; i++) {
        const ink_onnx_node *node = &x->nodes[x->order[i]];
        const char *domain = node->proto->domain;
        if (domain && *domain && strcmp(domain, "ai.onnx") != 0)
            ink_onnx_fault(x, node, "of '%.40s', which is no part of ONNX's own operators; export without it", domain);
        else if (!row_of(node->op) && !ink_onnx_folds(node->op))
            ink_onnx_fault(x, node, "%s", hint_of(node->op));
    }
}

static bool is_word_of(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = words; length && (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static bool check_node(ink_onnx *x, const ink_onnx_node *node, const struct row *row)
{
    for (size_t i = 0; i < row->inputs; i++)
        if (!ink_onnx_in(x, node, i))
            return ink_onnx_fault(x, node, "input %zu is left out", i);
    for (size_t i = 0; i < node->proto->n_attribute; i++) {
        const char *name = node->proto->attribute[i]->name ? node->proto->attribute[i]->name : "";
        if (!is_word_of(row->attributes, name))
            return ink_onnx_fault(x, node, "has the attribute '%.30s', which is not known", name);
    }
    return true;
}

/* What is known of a node's inputs together. */
static ink_onnx_kind kind_of_inputs(ink_onnx *x, const ink_onnx_node *node)
{
    ink_onnx_kind kind = INK_ONNX_CONSTANT;
    for (size_t i = 0; i < node->input_count; i++) {
        const ink_onnx_value *value = ink_onnx_in(x, node, i);
        if (!value)
            continue;
        if (value->kind == INK_ONNX_FAILED)
            return INK_ONNX_FAILED;
        if (value->kind == INK_ONNX_UNKNOWN) {
            ink_onnx_fault(x, node, "reads '%.60s', an output that is not supported", value->name);
            return INK_ONNX_FAILED;
        }
        if (value->kind == INK_ONNX_VALUE)
            kind = INK_ONNX_VALUE;
    }
    return kind;
}

static ink_status convert(ink_onnx *x, const ink_onnx_node *node)
{
    const struct row *row = row_of(node->op);
    const ink_onnx_kind kind = kind_of_inputs(x, node);
    const bool is_done = ink_onnx_out(x, node, 0) && ink_onnx_out(x, node, 0)->kind == INK_ONNX_FAILED;
    if (kind != INK_ONNX_FAILED && !is_done) {
        if (kind == INK_ONNX_CONSTANT || strcmp(node->op, "Shape") == 0) {
            if (ink_onnx_folds(node->op))
                INK_TRY(ink_onnx_fold(x, node));
            else
                ink_onnx_fault(x, node, "of constants only is not computed; simplify the model with onnxsim");
        } else if (!row) {
            ink_onnx_fault(x, node, "is supported for constants only, not for what is computed from the picture");
        } else if (check_node(x, node, row)) {
            row->run(x, node);
        }
    }
    if (ink_onnx_out(x, node, 0) && ink_onnx_out(x, node, 0)->kind == INK_ONNX_UNKNOWN)
        ink_onnx_out(x, node, 0)->kind = INK_ONNX_FAILED;
    return INK_OK;
}

/* ---- the picture ---- */

/* Of the values that are needed, the only one that comes from outside. */
static ink_onnx_value *find_input(ink_onnx *x)
{
    ink_onnx_value *found = NULL;
    for (size_t i = 0; i < x->order_count; i++) {
        const ink_onnx_node *node = &x->nodes[x->order[i]];
        for (size_t k = 0; k < node->input_count; k++) {
            ink_onnx_value *value = ink_onnx_in(x, node, k);
            if (!value || !value->input || value->initializer || value == found)
                continue;
            if (found) {
                ink_draft_fault(x->draft, "it has more than one input, '%.60s' and '%.60s'; wanted one, the picture",
                                found->name, value->name);
                return NULL;
            }
            found = value;
        }
    }
    if (!found)
        ink_draft_fault(x->draft, "its output does not depend on an input; wanted one, the picture");
    return found;
}

/* The type and sizes that a value is declared with; those that are open are 0. */
static bool read_type(const InkOnnx__ValueInfo *info, int32_t *type, uint32_t *rank, uint64_t sizes[INK_WEIGHT_DIMS])
{
    const InkOnnx__TensorType *tensor = info && info->type ? info->type->tensor_type : NULL;
    if (!tensor || !tensor->shape || tensor->shape->n_dim > INK_WEIGHT_DIMS)
        return false;
    *type = tensor->elem_type;
    *rank = (uint32_t)tensor->shape->n_dim;
    for (uint32_t i = 0; i < *rank; i++) {
        const int64_t size = tensor->shape->dim[i]->dim_value;
        sizes[i] = size > 0 ? (uint64_t)size : 0;
    }
    return true;
}

/* The side of a square of so many elements; 0 for none. */
static uint32_t side_of(uint64_t elements)
{
    uint32_t side = 1;
    while ((uint64_t)side * side < elements)
        side++;
    return (uint64_t)side * side == elements ? side : 0;
}

/* The view that the sizes mean, of a picture of the draft; false where they mean none. A single size but for ones is a
 * square's, or else a picture of one row. Pictures are channels first, but those whose last size only is that of
 * channels. */
static bool place_picture(ink_onnx *x, const uint64_t *sizes, uint32_t rank, ink_onnx_view *view)
{
    ink_shape own = { .rank = rank - 1 }, picture = { 3, { 1, 1, 1 } };
    uint32_t wide = 0, longest = 1;
    if (rank < 2 || rank > 4)
        return false;
    for (uint32_t i = 0; i < own.rank; i++) {
        if (sizes[i + 1] < 1 || sizes[i + 1] > SIZE_MOST)
            return false;
        own.dim[i] = (uint32_t)sizes[i + 1];
        wide += own.dim[i] != 1;
        longest = own.dim[i] > longest ? own.dim[i] : longest;
    }
    const bool last = rank == 4 && own.dim[0] > 4 && own.dim[2] <= 4;
    const uint32_t side = wide <= 1 ? side_of(longest) : 0;
    if (side || rank == 2)
        picture.dim[1] = picture.dim[2] = side;
    else if (rank == 3)
        picture = (ink_shape){ 3, { 1, own.dim[0], own.dim[1] } };
    else
        picture = last ? (ink_shape){ 3, { own.dim[2], own.dim[0], own.dim[1] } } : own;
    if (!picture.dim[1] || (!side && longest > SIDE_MOST))
        return false;
    x->draft->channels = picture.dim[0];
    x->draft->height = picture.dim[1];
    x->draft->width = picture.dim[2];
    *view = ink_onnx_plain("input", picture);
    if (last && !side)
        ink_onnx_permute(x, view, (const uint32_t[]){ 1, 2, 0, 0 });
    else
        ink_onnx_reshape(x, view, own);
    return true;
}

static bool take_input(ink_onnx *x)
{
    ink_onnx_value *value = find_input(x);
    int32_t type = 0;
    uint32_t rank = 0;
    uint64_t sizes[INK_WEIGHT_DIMS] = { 0 };
    if (!value)
        return false;
    if (!read_type(value->input, &type, &rank, sizes) || !place_picture(x, sizes, rank, &value->view)) {
        ink_draft_fault(x->draft, "its input '%.60s' is no picture of a fixed size; wanted N x channels x height x "
                        "width, N x height x width, or N x the elements of a square", value->name);
        return false;
    }
    if (type != INK_ONNX_UINT8 && !ink_onnx_is_float(type)) {
        ink_draft_fault(x->draft, "its input '%.60s' has the type %d of ONNX; wanted floats or bytes", value->name,
                        (int)type);
        return false;
    }
    if (type == INK_ONNX_UINT8) {
        x->draft->scaling_known = true;
        x->draft->scale = 1;
    }
    value->kind = INK_ONNX_VALUE;
    x->batch = (int64_t)sizes[0];
    return true;
}

/* ---- the scores ---- */

/* Whether a value is a class, and no scores: what a largest score's place was found from. */
static size_t before_argmax(const ink_onnx *x, size_t value)
{
    for (size_t at = value, steps = 0; steps < 8 && x->values[at].producer != INK_ONNX_NONE; steps++) {
        const ink_onnx_node *node = &x->nodes[x->values[at].producer];
        const int64_t axis = ink_onnx_int(node, "axis", 0);
        const bool is_argmax = strcmp(node->op, "ArgMax") == 0;
        if (node->input_count != 1 || node->inputs[0] == INK_ONNX_NONE || (is_argmax && axis != 1 && axis != -1))
            return value;
        if (is_argmax)
            return node->inputs[0];
        if (strcmp(node->op, "Cast") != 0 && strcmp(node->op, "Identity") != 0)
            return value;
        at = node->inputs[0];
    }
    return value;
}

/* A remark in the network's text. */
static void note_argmax(ink_onnx *x, const char *name)
{
    char text[61] = "";
    for (size_t i = 0; i < sizeof text - 1 && name[i]; i++)
        text[i] = (unsigned char)name[i] < ' ' || name[i] == 127 ? '?' : name[i];
    ink_text_format(&x->draft->nodes, "# ArgMax at the end is left out: the scores '%s' are the output\n", text);
}

/* The output with the scores: the only one, but for classes that were found from it. */
static ink_status find_output(ink_onnx *x, size_t *output)
{
    *output = INK_ONNX_NONE;
    bool argmax = false;
    for (size_t i = 0; i < x->graph->n_output; i++) {
        const char *name = x->graph->output[i]->name;
        const size_t value = name ? ink_onnx_find(x, name) : INK_ONNX_NONE;
        if (value == INK_ONNX_NONE)
            return ink_fail(x->store.error, INK_ERR_FORMAT, "nothing gives its output '%.60s'", name ? name : "");
        const size_t scores = before_argmax(x, value);
        argmax = argmax || scores != value;
        if (*output != INK_ONNX_NONE && *output != scores) {
            ink_draft_fault(x->draft, "it has more than one output, '%.60s' and '%.60s'; wanted one, the scores",
                            x->values[*output].name, x->values[scores].name);
            return ink_draft_finish(x->draft, x->store.error);
        }
        *output = scores;
    }
    if (*output == INK_ONNX_NONE)
        return ink_fail(x->store.error, INK_ERR_MISSING, "its graph has no output");
    if (argmax)
        note_argmax(x, x->values[*output].name);
    return INK_OK;
}

/* One score a class: rank 1, or with axes of size 1 besides. */
static void give_scores(ink_onnx *x, ink_onnx_value *value)
{
    ink_onnx_view *view = &value->view;
    uint64_t classes = 0;
    uint32_t others = 0;
    char text[INK_SHAPE_TEXT];
    if (value->kind != INK_ONNX_VALUE) {
        if (!x->draft->fault_count)
            ink_draft_fault(x->draft, "its output '%.60s' does not depend on the picture", value->name);
        return;
    }
    (void)ink_shape_elements(view->shape, &classes);
    for (uint32_t i = 0; i < view->shape.rank; i++)
        others += view->shape.dim[i] != 1;
    if (others != 1) {
        ink_draft_fault(x->draft, "its output '%.60s' is N x %s; wanted scores, N x classes", value->name,
                        ink_shape_text(view->shape, text));
        return;
    }
    if (classes >= (uint64_t)x->draft->channels * x->draft->height * x->draft->width) {
        ink_draft_fault(x->draft, "its output '%.60s' has %llu numbers, as many as a picture or more; wanted one a "
                        "class", value->name, (unsigned long long)classes);
        return;
    }
    ink_onnx_reshape(x, view, (ink_shape){ 1, { (uint32_t)classes } });
    ink_onnx_settle(x, view); /* the last node of the text, for nothing is converted that it does not need */
}

/* ---- reading ---- */

static ink_status ask_for_companions(const ink_onnx *x)
{
    for (size_t i = 0; i < x->graph->n_initializer; i++)
        INK_TRY(ink_onnx_tensor_ask(x->graph->initializer[i], &x->store));
    return x->store.companions->wanted->size
               ? ink_fail(x->store.error, INK_ERR_OPEN, "has its weights in another file, which is needed too")
               : INK_OK;
}

static uint64_t most_numbers(size_t size, const ink_companions *companions)
{
    uint64_t most = (uint64_t)size + (1 << 20); /* each takes a byte or more, but for those that are computed */
    for (size_t i = 0; i < companions->count; i++)
        most += companions->files[i].size;
    return most < 1 << 28 ? most : 1 << 28;
}

/* What becomes of a pixel stands in files that are written here, both or neither. */
static void read_scaling(const InkOnnx__Model *model, ink_draft *draft)
{
    static const char *const keys[] = { "inkling.input_scale", "inkling.input_offset" };
    double number[2] = { 0, 0 };
    bool found[2] = { false, false };
    for (size_t i = 0; i < model->n_metadata_props; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *key = model->metadata_props[i]->key, *value = model->metadata_props[i]->value;
            if (key && value && strcmp(key, keys[k]) == 0)
                found[k] = ink_number_parse(&value, &number[k]) && !*value && fabs(number[k]) < 1e30;
        }
    if (found[0] && found[1] && number[0] != 0 && !draft->scaling_known) {
        draft->scaling_known = true;
        draft->scale = number[0];
        draft->offset = number[1];
    }
}

ink_status ink_onnx_read(const uint8_t *data, size_t size, const ink_companions *companions, ink_draft *draft,
                         ink_error *error)
{
    InkOnnx__Model *model;
    size_t output;
    ink_onnx x = { .store = { draft->arena, companions, most_numbers(size, companions), error }, .draft = draft };
    INK_TRY(unpack(data, size, draft->arena, &model, error));
    x.graph = model->graph;
    if (!x.graph)
        return ink_fail(error, INK_ERR_MISSING, "holds no graph: no model");
    INK_TRY(read_opset(model, &x.opset, error));
    INK_TRY(ink_onnx_graph_list(&x));
    INK_TRY(ask_for_companions(&x));
    INK_TRY(find_output(&x, &output));
    INK_TRY(ink_onnx_find_gelus(&x));
    INK_TRY(ink_onnx_graph_sort(&x, output));
    check_operators(&x);
    if (take_input(&x)) {
        for (size_t i = 0; i < x.order_count; i++)
            INK_TRY(convert(&x, &x.nodes[x.order[i]]));
        give_scores(&x, &x.values[output]);
    }
    read_scaling(model, draft);
    return ink_draft_finish(draft, error);
}

#else

ink_status ink_onnx_read(const uint8_t *data, size_t size, const ink_companions *companions, ink_draft *draft,
                         ink_error *error)
{
    (void)data;
    (void)size;
    (void)companions;
    (void)draft;
    return ink_fail(error, INK_ERR_OPEN, "is an ONNX file: built without protobuf-c, which reads those");
}

#endif
