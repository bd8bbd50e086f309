/* The layouts of ggml's MNIST examples, which hold no graph: each is a table of the nodes that its
 * program computes and of the tensors that it names. docs/formats.md, "ggml's layouts". */
#include "formats/ggml_bin.h"
#include "model/model.h"
#include "ops/int8.h"
#include "tensor/type.h"

#include <math.h>
#include <string.h>

/* How a tensor stands in the file. Dimensions here are slowest first, the reverse of ggml's. */
typedef enum stored {
    AS_IS,        /* as in the graph */
    BIAS_CHANNEL, /* [C] as [C, 1, 1], or read as [1, C, 1, 1] */
    BIAS_MAP      /* [C] as [1, C, H, W], each value repeated over the convolution's output */
} stored;

typedef struct tensor_row {
    const char *file, *graph; /* names */
    stored stored;
    ink_type type;            /* as the layout's program wants it */
} tensor_row;

typedef struct node_row {
    const char *op, *name, *attributes;
} node_row;

/* What these programs feed: pixel / 255. */
static const float default_scale = 1.0f / 255;

enum { NODES = 10, TENSORS = 6 };

typedef struct layout_row {
    ink_layout layout;
    const char *architecture;
    node_row nodes[NODES]; /* up to the first without op; the input is 28x28 or what the tensors say */
    tensor_row tensors[TENSORS];
} layout_row;

#define FC_NODES                                                                                   \
    { "flatten", "flatten", NULL }, { "dense", "fc1", NULL }, { "relu", "fc1_relu", NULL },        \
        { "dense", "fc2", NULL }
#define FC_TENSORS                                                                                 \
    { "fc1.weight", "fc1.weight", AS_IS, INK_F32 }, { "fc1.bias", "fc1.bias", AS_IS, INK_F32 },    \
        { "fc2.weight", "fc2.weight", AS_IS, INK_F32 }, { "fc2.bias", "fc2.bias", AS_IS, INK_F32 }
/* Two convolutions, each with relu and pooling, then a dense layer whose input is channels last. */
#define CNN_NODES(padding)                                                                         \
    { "conv2d", "conv1", padding }, { "relu", "conv1_relu", NULL },                                \
        { "max_pool2d", "pool1", "kernel=2 stride=2" }, { "conv2d", "conv2", padding },            \
        { "relu", "conv2_relu", NULL }, { "max_pool2d", "pool2", "kernel=2 stride=2" },            \
        { "permute", "channels_last", "order=1,2,0" }, { "flatten", "flatten", NULL },             \
        { "dense", "dense", NULL }

static const layout_row layouts[] = {
    { INK_LAYOUT_LEGACY, "legacy", { FC_NODES, { "softmax", "softmax", NULL } }, { FC_TENSORS } },
    { INK_LAYOUT_GGML, "mnist-fc", { FC_NODES }, { FC_TENSORS } },
    { INK_LAYOUT_GGML,
      "mnist-cnn",
      { CNN_NODES("padding=1") },
      { { "conv1.kernel", "conv1.weight", AS_IS, INK_F32 },
        { "conv1.bias", "conv1.bias", BIAS_CHANNEL, INK_F32 },
        { "conv2.kernel", "conv2.weight", AS_IS, INK_F32 },
        { "conv2.bias", "conv2.bias", BIAS_CHANNEL, INK_F32 },
        { "dense.weight", "dense.weight", AS_IS, INK_F32 },
        { "dense.bias", "dense.bias", AS_IS, INK_F32 } } },
    { INK_LAYOUT_GGML_2023,
      "mnist-cnn",
      { CNN_NODES(NULL), { "softmax", "softmax", NULL } },
      { { "kernel1", "conv1.weight", AS_IS, INK_F16 },
        { "bias1", "conv1.bias", BIAS_MAP, INK_F32 },
        { "kernel2", "conv2.weight", AS_IS, INK_F16 },
        { "bias2", "conv2.bias", BIAS_MAP, INK_F32 },
        { "dense_w", "dense.weight", AS_IS, INK_F32 },
        { "dense_b", "dense.bias", AS_IS, INK_F32 } } },
};

static size_t node_rows(const layout_row *row)
{
    size_t count = 0;
    while (count < NODES && row->nodes[count].op)
        count++;
    return count;
}

static size_t tensor_rows(const layout_row *row)
{
    size_t count = 0;
    while (count < TENSORS && row->tensors[count].file)
        count++;
    return count;
}

static const layout_row *find_row(const ink_gguf *file, const char *architecture)
{
    /* The same architecture names two generations: the first tensor of the table tells which. */
    const layout_row *row = NULL;
    for (size_t i = 0; i < INK_COUNT(layouts); i++) {
        const layout_row *at = &layouts[i];
        if (at->layout == INK_LAYOUT_LEGACY || strcmp(at->architecture, architecture))
            continue;
        for (size_t k = 0; k < tensor_rows(at); k++)
            if (ink_gguf_tensor(file, at->tensors[k].file))
                return at;
        row = row ? row : at;
    }
    return row;
}

/* ---- reading ---- */

/* The dimensions with the ones that ggml drops at the slow end put back, up to `rank`. */
static ink_tensor_info with_rank(ink_tensor_info tensor, uint32_t rank)
{
    while (tensor.rank < rank) {
        memmove(tensor.dim + 1, tensor.dim, 3 * sizeof *tensor.dim);
        tensor.dim[0] = 1;
        tensor.rank++;
    }
    return tensor;
}

static ink_status wrong_shape(const ink_tensor_info *tensor, const char *wanted, ink_error *error)
{
    ink_shape shape = { tensor->rank, { 0 } };
    char text[INK_SHAPE_TEXT];
    memcpy(shape.dim, tensor->dim, sizeof shape.dim);
    return ink_fail(error, INK_ERR_SHAPE, "tensor '%.64s': found shape %s, wanted %s", tensor->name,
                    ink_shape_text(shape, text), wanted);
}

/* Takes a repeated bias back to one value a channel. */
static ink_status read_map(ink_tensor_info *tensor, ink_arena *arena, ink_error *error)
{
    const uint32_t channels = tensor->dim[1];
    const size_t pixels = (size_t)tensor->dim[2] * tensor->dim[3], count = channels * pixels;
    if (!ink_type_is_finite(tensor->type, tensor->data, count))
        return ink_fail(error, INK_ERR_NOT_FINITE, "tensor '%.64s': holds a NaN or infinite value",
                        tensor->name);
    float *values = ink_arena_array(arena, count, sizeof *values);
    float *bias = ink_arena_array(arena, channels, sizeof *bias);
    if (!values || !bias)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for tensor '%.64s'", tensor->name);
    ink_type_to_f32(tensor->type, tensor->data, count, values);
    for (size_t c = 0; c < channels; c++) {
        bias[c] = values[c * pixels];
        for (size_t i = 0; i < pixels; i++)
            if (values[c * pixels + i] != bias[c])
                return ink_fail(error, INK_ERR_FORMAT, "tensor '%.64s': channel %zu holds %g and %g, "
                                "wanted one value repeated", tensor->name, c, (double)bias[c],
                                (double)values[c * pixels + i]);
    }
    tensor->type = INK_F32;
    tensor->rank = 1;
    tensor->dim[0] = channels;
    tensor->bytes = channels * sizeof *bias;
    tensor->data = bias;
    return INK_OK;
}

/* Adds one tensor of the file as the graph wants it. */
static ink_status read_tensor(const tensor_row *row, const ink_tensor_info *found, ink_graph *graph,
                              ink_error *error)
{
    ink_tensor_info tensor = *found;
    if (row->stored != AS_IS) {
        tensor = with_rank(tensor, 4);
        const bool channel = row->stored == BIAS_CHANNEL;
        if (tensor.dim[0] != 1 || (channel && (tensor.dim[2] != 1 || tensor.dim[3] != 1)))
            return wrong_shape(found, channel ? "1 x C x 1 x 1" : "1 x C x H x W", error);
        if (channel) {
            tensor.rank = 1;
            tensor.dim[0] = tensor.dim[1];
        } else {
            INK_TRY(read_map(&tensor, graph->arena, error));
        }
    } else if (strstr(row->graph, "conv")) {
        tensor = with_rank(tensor, 4);
    }
    tensor.name = row->graph;
    return ink_graph_add_tensor(graph, &tensor, error);
}

static uint32_t square_root(uint64_t n)
{
    uint64_t root = (uint64_t)sqrt((double)n);
    while (root * root > n)
        root--;
    while ((root + 1) * (root + 1) <= n)
        root++;
    return (uint32_t)root;
}

/* The 2023 layout repeats each bias over its convolution's output, so the first one's size tells the
 * picture's, and the second one's must be what follows. */
static ink_status find_input_2023(const ink_tensor_info *const *found, ink_input *input,
                                  ink_error *error)
{
    ink_tensor_info kernel[2], bias[2];
    for (size_t i = 0; i < 2; i++) {
        kernel[i] = with_rank(*found[2 * i], 4);
        bias[i] = with_rank(*found[2 * i + 1], 4);
        if (kernel[i].dim[2] > 1024 || kernel[i].dim[3] > 1024)
            return wrong_shape(found[2 * i], "a kernel of at most 1024x1024", error);
        if (bias[i].dim[2] > 65536 || bias[i].dim[3] > 65536)
            return wrong_shape(found[2 * i + 1], "a picture of at most 65536x65536", error);
    }
    if (bias[0].dim[2] / 2 + 1 != bias[1].dim[2] + kernel[1].dim[2] ||
        bias[0].dim[3] / 2 + 1 != bias[1].dim[3] + kernel[1].dim[3])
        return wrong_shape(found[3], "the size that the first bias, halved, and the second kernel give",
                           error);
    input->height = bias[0].dim[2] + kernel[0].dim[2] - 1;
    input->width = bias[0].dim[3] + kernel[0].dim[3] - 1;
    return INK_OK;
}

/* The picture's size is not in the file but follows from the tensors. */
static ink_status find_input(const layout_row *row, const ink_tensor_info *const *found,
                             ink_input *input, ink_error *error)
{
    *input = (ink_input){ 1, 0, 0, default_scale, 0 };
    if (row->layout == INK_LAYOUT_GGML_2023)
        return find_input_2023(found, input, error);
    /* The first dense layer sees a square picture, after two poolings in the network with convolutions. */
    const bool cnn = !strcmp(row->architecture, "mnist-cnn");
    const ink_tensor_info *weight = found[cnn ? 4 : 0];
    const uint32_t channels = cnn ? with_rank(*found[2], 4).dim[0] : 1;
    if (weight->rank != 2 || weight->dim[1] % channels)
        return wrong_shape(weight, cnn ? "classes x (H * W * channels)" : "hidden x pixels", error);
    const uint32_t pixels = weight->dim[1] / channels, side = square_root(pixels);
    if (side * side != pixels || side > 16384)
        return wrong_shape(weight, cnn ? "an input of H * H * channels" : "an input of H * H pixels",
                           error);
    input->height = input->width = side * (cnn ? 4 : 1);
    return INK_OK;
}

static ink_status build(const layout_row *row, const ink_tensor_info *const *found, ink_graph *graph,
                        ink_arena *arena, ink_error *error)
{
    ink_input input;
    INK_TRY(find_input(row, found, &input, error));
    INK_TRY(ink_graph_init(graph, arena, &input, error));
    for (size_t i = 0; i < node_rows(row); i++)
        INK_TRY(ink_graph_add_text(graph, row->nodes[i].op, row->nodes[i].name, NULL,
                                   row->nodes[i].attributes, error));
    for (size_t i = 0; i < tensor_rows(row); i++)
        INK_TRY(read_tensor(&row->tensors[i], found[i], graph, error));
    return INK_OK;
}

ink_status ink_older_read_gguf(const ink_gguf *file, const char *architecture, ink_graph *graph,
                               ink_arena *arena, ink_layout *layout, ink_error *error)
{
    const layout_row *row = find_row(file, architecture);
    const ink_tensor_info *found[TENSORS] = { NULL };
    if (!row)
        return ink_fail(error, INK_ERR_ARCHITECTURE, "key 'general.architecture': found '%.64s', "
                        "wanted inkling, mnist-fc or mnist-cnn", architecture);
    for (size_t i = 0; i < tensor_rows(row); i++)
        if (!(found[i] = ink_gguf_tensor(file, row->tensors[i].file)))
            return ink_fail(error, INK_ERR_MISSING, "tensor '%s': missing, the architecture '%s' "
                            "(layout %s) needs it", row->tensors[i].file, architecture,
                            ink_layout_name(row->layout));
    for (size_t i = 0; i < file->tensor_count; i++) {
        bool known = false;
        for (size_t k = 0; k < tensor_rows(row); k++)
            known = known || found[k] == &file->tensors[i];
        if (!known)
            return ink_fail(error, INK_ERR_GRAPH, "tensor '%.64s': the architecture '%s' (layout %s) "
                            "has none of that name", file->tensors[i].name, architecture,
                            ink_layout_name(row->layout));
    }
    *layout = row->layout;
    return build(row, found, graph, arena, error);
}

ink_status ink_older_read_bin(const void *data, size_t size, ink_graph *graph, ink_arena *arena,
                              ink_error *error)
{
    ink_tensor_info tensors[INK_GGML_BIN_TENSORS];
    const ink_tensor_info *found[INK_GGML_BIN_TENSORS];
    INK_TRY(ink_ggml_bin_read(data, size, tensors, error));
    for (size_t i = 0; i < INK_GGML_BIN_TENSORS; i++)
        found[i] = &tensors[i];
    return build(&layouts[0], found, graph, arena, error);
}

/* ---- writing ---- */

/* What a graph must be for a layout: its nodes without dropouts, in a chain. */
typedef struct fitted {
    const ink_node *nodes[NODES]; /* of the graph, one for each row; NULL where the graph has none */
    size_t found;                 /* how many of them */
    bool reorder;                 /* the dense layer's input is channels first and becomes last */
} fitted;

static bool same_attributes(const ink_node *node, const node_row *row)
{
    ink_attributes wanted = { .count = { 0 } };
    const ink_op *op = node->op;
    if (ink_attributes_parse(&wanted, op->attributes, op->attribute_count, row->attributes, "", NULL) ||
        ink_attributes_complete(&wanted, op->attributes, op->attribute_count, "", NULL))
        return false;
    for (size_t i = 0; i < op->attribute_count; i++) {
        const ink_attribute a = op->attributes[i].attribute;
        for (size_t k = 0; k < wanted.count[a]; k++)
            if (wanted.value[a][k] != node->attributes.value[a][k])
                return false;
    }
    return true;
}

/* The next node that computes something: dropouts do not. The end: NULL. */
static const ink_node *next_node(const ink_graph *graph, size_t *at, bool *chain)
{
    while (*at < graph->node_count) {
        const ink_node *node = &graph->nodes[*at];
        *chain = *chain && node->input_count == 1 && node->inputs[0] == *at;
        ++*at;
        if (node->op != &ink_op_dropout)
            return node;
    }
    return NULL;
}

static ink_status does_not_fit(const layout_row *row, const char *what, const ink_node *node,
                               ink_error *error)
{
    const char *name = ink_layout_name(row->layout);
    const bool other = strcmp(name, row->architecture) != 0;
    return ink_fail(error, INK_ERR_LAYOUT, "layout %s%s%s%s: %s%s%s%s; use the layout inkling", name,
                    other ? " (" : "", other ? row->architecture : "", other ? ")" : "", what,
                    node ? " node '" : "", node ? node->name : "", node ? "'" : "");
}

static ink_status match_graph(const layout_row *row, const ink_graph *graph, fitted *match,
                              ink_error *error)
{
    size_t at = 0;
    bool chain = true;
    *match = (fitted){ .reorder = false };
    const ink_node *node = next_node(graph, &at, &chain);
    for (size_t i = 0; i < node_rows(row); i++) {
        const node_row *want = &row->nodes[i];
        if (node && !strcmp(node->op->name, want->op) && same_attributes(node, want)) {
            match->nodes[i] = node;
            match->found++;
            node = next_node(graph, &at, &chain);
        } else if (!strcmp(want->op, "permute")) {
            match->reorder = true;
        } else if (strcmp(want->op, "softmax")) {
            return does_not_fit(row, node ? "the network differs at" : "the network ends too early",
                                node, error);
        }
    }
    /* Written or not, one softmax at the end makes no difference. */
    const node_row *last = &row->nodes[node_rows(row) - 1];
    const bool ended = !strcmp(last->op, "softmax") && match->nodes[node_rows(row) - 1];
    if (node && node->op == &ink_op_softmax && !ended)
        node = next_node(graph, &at, &chain);
    if (node || !chain)
        return does_not_fit(row, node ? "the network goes on with" : "the network branches", node,
                            error);
    for (size_t i = 0; i < node_rows(row); i++)
        for (size_t k = 0; match->nodes[i] && k < match->nodes[i]->op->parameter_count; k++)
            if (k == INK_INT8_SCALE && match->nodes[i]->parameters[k])
                return does_not_fit(row, "there are weights of i8 at", match->nodes[i], error);
            else if (k != INK_INT8_SCALE && !match->nodes[i]->parameters[k])
                return does_not_fit(row, "there is no bias at", match->nodes[i], error);
    if (graph->input.offset != 0 || graph->input.scale != default_scale || graph->input.channels != 1)
        return does_not_fit(row, "the input is not one channel of pixel / 255", NULL, error);
    return INK_OK;
}

/* The parameter of the matched graph that a row of tensors names. */
static const ink_tensor_info *find_parameter(const layout_row *row, const fitted *match,
                                             const char *name, const ink_node **node)
{
    const size_t length = strcspn(name, ".");
    for (size_t i = 0; i < node_rows(row); i++) {
        *node = match->nodes[i];
        if (*node && strlen(row->nodes[i].name) == length &&
            !strncmp(row->nodes[i].name, name, length))
            for (size_t k = 0; k < (*node)->op->parameter_count; k++)
                if (!strcmp((*node)->op->parameters[k].suffix, name + length + 1))
                    return (*node)->parameters[k];
    }
    return NULL;
}

/* Stores floats in the row's type; false when that has no room for one of them. */
static bool set_data(ink_tensor_info *tensor, ink_type type, const float *values, size_t count,
                     ink_arena *arena)
{
    tensor->type = type;
    tensor->bytes = count * ink_type_get(type)->block_bytes;
    tensor->data = values;
    if (type != INK_F16)
        return true;
    uint16_t *halves = ink_arena_array(arena, count, sizeof *halves);
    for (size_t i = 0; halves && i < count; i++)
        halves[i] = ink_f32_to_f16(values[i]);
    tensor->data = halves;
    return !halves || ink_type_is_finite(type, halves, count);
}

static ink_status write_tensor(const layout_row *layout, const tensor_row *row, const fitted *match,
                               const ink_shape *flattened, ink_arena *arena, ink_tensor_info *out,
                               ink_error *error)
{
    const ink_node *node;
    const ink_tensor_info *from = find_parameter(layout, match, row->graph, &node);
    if (!from)
        return does_not_fit(layout, "there is no tensor for", NULL, error);
    size_t count = 1, pixels = 1;
    for (uint32_t i = 0; i < from->rank; i++)
        count *= from->dim[i];
    if (row->stored == BIAS_MAP)
        pixels = (size_t)node->shape.dim[1] * node->shape.dim[2];
    float *plain = ink_arena_array(arena, count, sizeof *plain);
    float *values = ink_arena_array(arena, count * pixels, sizeof *values);
    if (!plain || !values)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to write the model");
    ink_type_to_f32(from->type, from->data, count, plain);
    const bool reorder = match->reorder && !strcmp(row->graph, "dense.weight");
    const size_t channels = flattened->dim[0];
    const size_t area = (size_t)flattened->dim[1] * flattened->dim[2];
    for (size_t i = 0; i < count; i++)
        if (reorder)
            values[(i / (channels * area) * area + i % area) * channels + i / area % channels] =
                plain[i];
        else
            for (size_t k = 0; k < pixels; k++)
                values[i * pixels + k] = plain[i];
    *out = *from;
    out->name = row->file;
    if (row->stored == BIAS_MAP) {
        const uint32_t dim[4] = { 1, from->dim[0], node->shape.dim[1], node->shape.dim[2] };
        out->rank = 4;
        memcpy(out->dim, dim, sizeof dim);
    } else if (row->stored == BIAS_CHANNEL) {
        /* ggml's own writer drops the slowest dimension, which is 1. */
        const uint32_t dim[4] = { from->dim[0], 1, 1, 0 };
        out->rank = 3;
        memcpy(out->dim, dim, sizeof dim);
    }
    if (!set_data(out, row->type, values, count * pixels, arena))
        return does_not_fit(layout, "a weight is too large for F16 at", node, error);
    return arena->failed ? ink_fail(error, INK_ERR_MEMORY, "no memory to write the model") : INK_OK;
}

static ink_status write_row(const layout_row *row, const fitted *match, const ink_input *input,
                            const ink_metadata *metadata, size_t metadata_count, ink_arena *arena,
                            ink_buffer *out, ink_error *error)
{
    ink_tensor_info tensors[TENSORS];
    ink_gguf file = { .version = 3, .tensor_count = tensor_rows(row), .tensors = tensors };
    /* What the dense layer's input was before it was flattened; only the CNN reorders. */
    ink_shape flattened = { 0 };
    for (size_t i = 0; i < node_rows(row); i++)
        if (match->nodes[i] && match->nodes[i]->op == &ink_op_max_pool2d)
            flattened = match->nodes[i]->shape;
    file.metadata = ink_arena_array(arena, metadata_count + 1, sizeof *file.metadata);
    const ink_tensor_info *written[TENSORS];
    for (size_t i = 0; i < file.tensor_count; i++) {
        INK_TRY(write_tensor(row, &row->tensors[i], match, &flattened, arena, &tensors[i], error));
        written[i] = &tensors[i];
    }
    /* What the reader will take the picture to be. */
    ink_input told;
    if (find_input(row, written, &told, NULL) || told.height != input->height ||
        told.width != input->width)
        return does_not_fit(row, "from its tensors a reader would not find the picture's size", NULL,
                            error);
    if (row->layout == INK_LAYOUT_LEGACY)
        return ink_ggml_bin_write(tensors, &arena->allocator, out, error);
    if (!file.metadata)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to write the model");
    ink_gguf_put_string(&file, arena, "general.architecture", row->architecture);
    for (size_t i = 0; i < metadata_count; i++)
        if (!ink_layout_owns_key(metadata[i].key))
            file.metadata[file.metadata_count++] = metadata[i];
    return arena->failed ? ink_fail(error, INK_ERR_MEMORY, "no memory to write the model")
                         : ink_gguf_write(&file, &arena->allocator, out, error);
}

ink_status ink_older_write(const ink_graph *graph, const ink_metadata *metadata,
                           size_t metadata_count, ink_layout layout, const ink_allocator *allocator,
                           ink_buffer *out, ink_error *error)
{
    ink_status status = ink_fail(error, INK_ERR_ARGUMENT, "unknown layout %d", (int)layout);
    size_t furthest = 0;
    for (size_t i = 0; i < INK_COUNT(layouts); i++) {
        fitted match;
        ink_error why;
        if (layouts[i].layout != layout)
            continue;
        status = match_graph(&layouts[i], graph, &match, &why);
        if (status) { /* of a layout's networks the one that is most like it says what is wrong */
            if (error && match.found >= furthest)
                *error = why;
            furthest = match.found > furthest ? match.found : furthest;
            continue;
        }
        ink_arena arena;
        ink_arena_init(&arena, allocator);
        status = write_row(&layouts[i], &match, &graph->input, metadata, metadata_count, &arena, out,
                           error);
        ink_arena_free(&arena);
        break;
    }
    return status;
}
