/* Graphs: the input is a recipe for a network, made with the builder, so that most inputs are
 * networks that run. What the planned network says is compared with its nodes computed one at a time,
 * each as a network of its own: there the plan has nothing to fuse, to order or to place. Then the
 * file of the network goes through all that fuzz_gguf does with files. */
#include "use_model.h"

#include <math.h>
#include <stdbool.h>

enum { MOST_NODES = 9, MOST_INPUTS = 3, MOST_TENSORS = 4, MOST_FLOATS = 1 << 16 };

typedef struct recipe {
    const uint8_t *data;
    size_t size, at;
} recipe;

/* A number from 0 to below `count`; 0 once the recipe has ended. */
static uint32_t next(recipe *r, uint32_t count)
{
    return r->at < r->size ? r->data[r->at++] % count : 0;
}

typedef struct shape {
    uint32_t rank, dim[INK_MAX_DIMS];
} shape;

static size_t elements(const shape *s)
{
    size_t product = 1;
    for (uint32_t i = 0; i < s->rank; i++)
        product *= s->dim[i];
    return product;
}

typedef struct tensor {
    const char *suffix;
    ink_type type;
    shape shape;
    void *data;
} tensor;

/* A value is numbered: 0 is the picture, i + 1 what node i gives. */
typedef struct node {
    const char *op;
    char attributes[96];
    uint32_t input_count, inputs[MOST_INPUTS], tensor_count;
    tensor tensors[MOST_TENSORS];
} node;

typedef struct network {
    uint32_t node_count;
    node nodes[MOST_NODES];
    shape shapes[MOST_NODES + 1];  /* of the values */
    float *values[MOST_NODES + 1]; /* computed one node at a time */
} network;

/* Those that the plan does something about come more often. */
static const char *const ops[] = {
    "conv2d", "dense", "max_pool2d", "avg_pool2d", "global_max_pool2d", "global_avg_pool2d",
    "batch_norm", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "gelu", "softmax", "log_softmax",
    "add", "concat", "pad", "flatten", "reshape", "permute", "dropout",
    "conv2d", "conv2d", "conv2d", "dense", "batch_norm", "relu", "relu", "leaky_relu", "add", "pad",
    "dropout", "dropout",
};

/* ---- the recipe becomes a node ---- */

static void put_text(node *n, const char *text)
{
    size_t length = strlen(n->attributes);
    snprintf(n->attributes + length, sizeof n->attributes - length, "%s", text);
}

/* Appends `count` numbers from `least` on, e.g. "kernel=2,3 ". */
static void put(node *n, recipe *r, const char *name, size_t count, uint32_t least, uint32_t range)
{
    put_text(n, name);
    for (size_t i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%c%u", i ? ',' : '=', least + next(r, range));
        put_text(n, number);
    }
    put_text(n, " ");
}

static void add_tensor(node *n, recipe *r, const char *suffix, shape s)
{
    tensor *t = &n->tensors[n->tensor_count++];
    size_t count = elements(&s);
    /* Of a size that leaves values about as large as they were, however many are summed. */
    float scale = 2 / sqrtf((float)(count / s.dim[0]));
    uint32_t random = next(r, 256) + 1;
    *t = (tensor){ suffix, next(r, 4) ? INK_F32 : INK_F16, s, malloc(4 * count) };
    FUZZ_CHECK(t->data);
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        float value = (float)(random >> 8) / (1 << 24) - 0.5f;
        /* A variance is positive. As a half the value is 1.x * 2^-1 to 2^0 of either sign. */
        bool positive = strcmp(suffix, "variance") == 0;
        value = positive ? value + 1 : value * scale;
        uint16_t half = (uint16_t)(0x3800 | (random >> 20 & 0x3ff) | (random >> 15 & 0x8000));
        half = positive ? half & 0x7fff : half;
        if (t->type == INK_F16)
            memcpy((uint16_t *)t->data + i, &half, sizeof half);
        else
            memcpy((float *)t->data + i, &value, sizeof value);
    }
}

static void make_window(node *n, recipe *r, bool pool)
{
    if (pool)
        put(n, r, "kernel", 2, 1, 3);
    if (next(r, 2))
        put(n, r, "stride", 2, 1, 3);
    if (next(r, 2))
        put(n, r, "padding", 4, 0, 3);
    if (pool && next(r, 3) == 0)
        put_text(n, "ceil=1 ");
}

static void make_conv2d(node *n, recipe *r, const shape *in)
{
    uint32_t channels = in->dim[0], groups = next(r, 3) ? 1 : channels;
    shape weight = { 4, { groups * (1 + next(r, groups > 1 ? 2 : 20)), channels / groups } };
    weight.dim[2] = 1 + next(r, 4);
    weight.dim[3] = 1 + next(r, 4);
    if (groups > 1)
        put(n, r, "groups", 1, groups, 1);
    make_window(n, r, false);
    if (next(r, 5) == 0)
        put(n, r, "dilation", 2, 1, 3);
    add_tensor(n, r, "weight", weight);
    if (next(r, 3))
        add_tensor(n, r, "bias", (shape){ 1, { weight.dim[0] } });
}

static void make_batch_norm(node *n, recipe *r, const shape *in)
{
    const shape channels = { 1, { in->dim[0] } };
    add_tensor(n, r, "mean", channels);
    add_tensor(n, r, "variance", channels);
    if (next(r, 2))
        add_tensor(n, r, "weight", channels);
    if (next(r, 2))
        add_tensor(n, r, "bias", channels);
}

/* Fills a node whose operator and inputs are set. It may well be one that the library refuses. */
static void make_node(node *n, recipe *r, const shape *in)
{
    static const char *const orders[] = { "order=0,1,2", "order=0,2,1", "order=1,0,2",
                                          "order=1,2,0", "order=2,0,1", "order=2,1,0" };
    static const char *const shapes[] = { "shape=-1", "shape=2,-1", "shape=-1,3,2", "shape=3,-1,1",
                                          "shape=2,1,-1,2" };
    if (!strcmp(n->op, "conv2d") && in->rank == 3) {
        make_conv2d(n, r, in);
    } else if (!strcmp(n->op, "dense")) {
        shape weight = { 2, { 1 + next(r, 24), in->dim[in->rank - 1] } };
        add_tensor(n, r, "weight", weight);
        if (next(r, 3))
            add_tensor(n, r, "bias", (shape){ 1, { weight.dim[0] } });
    } else if (!strcmp(n->op, "batch_norm") && (in->rank == 1 || in->rank == 3)) {
        make_batch_norm(n, r, in);
    } else if (!strcmp(n->op, "max_pool2d")) {
        make_window(n, r, true);
    } else if (!strcmp(n->op, "avg_pool2d")) {
        make_window(n, r, true);
        put(n, r, "count_padding", 1, 0, 2);
    } else if (!strcmp(n->op, "pad")) {
        put(n, r, "padding", 4, 0, 3);
        put_text(n, next(r, 2) ? "value=0.5" : "");
    } else if (!strcmp(n->op, "concat")) {
        put(n, r, "axis", 1, 0, 3);
    } else if (!strcmp(n->op, "permute")) {
        put_text(n, in->rank == 3 ? orders[next(r, 6)] : "order=1,0");
    } else if (!strcmp(n->op, "reshape")) {
        put_text(n, shapes[next(r, 5)]);
    } else if (!strcmp(n->op, "gelu")) {
        put(n, r, "approximate", 1, 0, 2);
    } else if (!strcmp(n->op, "leaky_relu")) {
        put_text(n, next(r, 2) ? "alpha=0.3" : "alpha=-0.5");
    }
}

static void free_node(node *n)
{
    for (uint32_t i = 0; i < n->tensor_count; i++)
        free(n->tensors[i].data);
    *n = (node){ 0 };
}

/* ---- models of it ---- */

static ink_status add_to(ink_builder *builder, const node *n, uint32_t index, const char *inputs,
                         ink_error *error)
{
    char name[16];
    snprintf(name, sizeof name, "n%u", index);
    ink_status status = ink_builder_node(builder, n->op, name, inputs, n->attributes, error);
    for (uint32_t i = 0; i < n->tensor_count && !status; i++) {
        const tensor *t = &n->tensors[i];
        char full[32];
        snprintf(full, sizeof full, "%s.%s", name, t->suffix);
        status = ink_builder_tensor(builder, full, t->type, t->shape.rank, t->shape.dim, t->data,
                                    error);
    }
    return status;
}

static ink_model *finish(ink_builder *builder, ink_status status, ink_cpu cpu)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.max_memory = fuzz_most_memory;
    options.max_macs = fuzz_most_macs;
    options.output = INK_OUTPUT_AS_WRITTEN;
    options.cpu = cpu;
    ink_model *model = NULL;
    ink_error error;
    if (!status)
        (void)ink_builder_model(builder, &options, &model, &error);
    ink_builder_close(&builder);
    return model;
}

/* The first `count` nodes; NULL when the library refuses them. */
static ink_model *build(const network *net, uint32_t count, ink_cpu cpu)
{
    ink_builder *builder = NULL;
    ink_error error;
    const uint32_t *dim = net->shapes[0].dim;
    FUZZ_CHECK_OK(ink_builder_open(NULL, dim[0], dim[1], dim[2], 1, 0, &builder, &error), error);
    ink_status status = INK_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        char inputs[64] = "";
        for (uint32_t j = 0; j < net->nodes[i].input_count; j++) {
            size_t length = strlen(inputs);
            uint32_t from = net->nodes[i].inputs[j];
            if (from)
                snprintf(inputs + length, sizeof inputs - length, "%sn%u", j ? "," : "", from - 1);
            else
                snprintf(inputs + length, sizeof inputs - length, "%sinput", j ? "," : "");
        }
        status = add_to(builder, &net->nodes[i], i, inputs, &error);
    }
    return finish(builder, status, cpu);
}

/* Node i alone, behind a reshape that gives its input the shape that it has in the network. */
static ink_model *build_alone(const network *net, uint32_t i)
{
    ink_builder *builder = NULL;
    ink_error error;
    const shape *in = &net->shapes[net->nodes[i].inputs[0]];
    char to[64] = "shape=";
    for (uint32_t j = 0; j < in->rank; j++) {
        size_t length = strlen(to);
        snprintf(to + length, sizeof to - length, "%s%u", j ? "," : "", in->dim[j]);
    }
    FUZZ_CHECK_OK(ink_builder_open(NULL, 1, 1, (uint32_t)elements(in), 1, 0, &builder, &error),
                  error);
    FUZZ_CHECK_OK(ink_builder_node(builder, "reshape", "shaped", "input", to, &error), error);
    return finish(builder, add_to(builder, &net->nodes[i], i, "shaped", &error), INK_CPU_SCALAR);
}

static float *run(const ink_model *model, const float *input)
{
    ink_session *session = NULL;
    ink_error error;
    float *output = malloc(ink_model_get_info(model)->classes * sizeof *output);
    FUZZ_CHECK(output);
    FUZZ_CHECK_OK(ink_session_open(model, NULL, &session, &error), error);
    FUZZ_CHECK_OK(ink_session_run_f32(session, input, 1, output, &error), error);
    ink_session_close(&session);
    return output;
}

/* ---- one node at a time ---- */

static float *add_values(const network *net, const node *n)
{
    size_t count = elements(&net->shapes[n->inputs[0]]);
    float *sum = calloc(count, sizeof *sum);
    FUZZ_CHECK(sum);
    for (uint32_t i = 0; i < n->input_count; i++)
        for (size_t j = 0; j < count; j++)
            sum[j] += net->values[n->inputs[i]][j];
    return sum;
}

static float *concat_values(const network *net, const node *n, const shape *out)
{
    uint32_t axis = (uint32_t)atoi(n->attributes + strlen("axis="));
    size_t outer = 1, behind = 0, inner = 1;
    for (uint32_t i = 0; i < out->rank; i++)
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : out->dim[i];
    float *all = malloc(elements(out) * sizeof *all);
    FUZZ_CHECK(all);
    for (uint32_t i = 0; i < n->input_count; i++) {
        size_t length = net->shapes[n->inputs[i]].dim[axis] * inner;
        for (size_t j = 0; j < outer; j++)
            memcpy(all + j * out->dim[axis] * inner + behind,
                   net->values[n->inputs[i]] + j * length, length * sizeof *all);
        behind += length;
    }
    return all;
}

static float *compute(const network *net, uint32_t i)
{
    const node *n = &net->nodes[i];
    if (!strcmp(n->op, "add"))
        return add_values(net, n);
    if (!strcmp(n->op, "concat"))
        return concat_values(net, n, &net->shapes[i + 1]);
    ink_model *model = build_alone(net, i);
    FUZZ_CHECK(model); /* the network with this node was taken, so the node alone is */
    float *output = run(model, net->values[n->inputs[0]]);
    ink_model_close(&model);
    return output;
}

static void compare(const float *got, const float *want, size_t count, const network *net)
{
    float largest = 1;
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(want[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(got[i] - want[i]) <= 2e-3f * largest)) {
            for (uint32_t j = 0; j < net->node_count; j++)
                fprintf(stderr, "n%u = %s(%u of %u) %s\n", j, net->nodes[j].op,
                        net->nodes[j].inputs[0], net->nodes[j].input_count,
                        net->nodes[j].attributes);
            fprintf(stderr, "[%zu] is %g, wanted %g\n", i, (double)got[i], (double)want[i]);
            fuzz_stop("the plan computes what the nodes say", "", __FILE__, __LINE__);
        }
}

/* ---- all together ---- */

/* Tries to add a node to the network; keeps it when the library takes it. */
static void grow(network *net, recipe *r)
{
    uint32_t i = net->node_count;
    node *n = &net->nodes[i];
    *n = (node){ .op = ops[next(r, sizeof ops / sizeof *ops)], .input_count = 1 };
    if (!strcmp(n->op, "add") || !strcmp(n->op, "concat"))
        n->input_count = 2 + next(r, MOST_INPUTS - 1);
    for (uint32_t j = 0; j < n->input_count; j++) /* more often the value before */
        n->inputs[j] = i - (next(r, 3) ? 0 : next(r, i + 1));
    make_node(n, r, &net->shapes[n->inputs[0]]);
    ink_model *model = build(net, i + 1, INK_CPU_SCALAR);
    if (!model) {
        free_node(n);
        return;
    }
    const ink_node_info *info = ink_model_node(model, i);
    shape *out = &net->shapes[i + 1];
    out->rank = info->rank;
    memcpy(out->dim, info->dim, sizeof out->dim);
    ink_model_close(&model);
    if (elements(out) > MOST_FLOATS) {
        free_node(n);
        return;
    }
    net->node_count++;
    net->values[i + 1] = compute(net, i);
}

static void check(const network *net)
{
    static const ink_cpu cpus[] = { INK_CPU_SCALAR, INK_CPU_BEST };
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        ink_model *model = build(net, net->node_count, cpus[i]);
        FUZZ_CHECK(model);
        float *output = run(model, net->values[0]);
        FUZZ_CHECK(ink_model_get_info(model)->classes == elements(&net->shapes[net->node_count]));
        compare(output, net->values[net->node_count], ink_model_get_info(model)->classes, net);
        free(output);
        if (cpus[i] == INK_CPU_BEST) {
            ink_buffer file = { 0 };
            ink_error error;
            FUZZ_CHECK_OK(ink_model_save_memory(model, INK_LAYOUT_INKLING, &file, &error), error);
            fuzz_use_model(file.data, file.size);
            ink_buffer_close(&file);
        }
        ink_model_close(&model);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recipe r = { data, size, 0 };
    network net = { 0 };
    net.shapes[0].rank = 3;
    for (uint32_t i = 0; i < 3; i++)
        net.shapes[0].dim[i] = 1 + next(&r, i ? 9 : 4);
    size_t pixels = elements(&net.shapes[0]);
    net.values[0] = malloc(pixels * sizeof(float));
    FUZZ_CHECK(net.values[0]);
    for (size_t i = 0; i < pixels; i++)
        net.values[0][i] = (float)(i * 37 % 101) / 50 - 1;
    while (r.at < r.size && net.node_count < MOST_NODES)
        grow(&net, &r);
    if (net.node_count)
        check(&net);
    for (uint32_t i = 0; i <= net.node_count; i++)
        free(net.values[i]);
    for (uint32_t i = 0; i < net.node_count; i++)
        free_node(&net.nodes[i]);
    return 0;
}
