/* A network is put together from text and weights; and found from weights alone, by reading digits. The weights are
 * those of the models here, by PyTorch's names. */
#include "support.h"

#include "import/assemble.h"
#include "import/recognise.h"
#include "kernels/kernels.h"
#include "tensor/type.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 500, SIDE = 28, PIXELS = SIDE * SIDE };

static blob images, labels;
static ink_allocator allocator;

static int read_samples(void **state)
{
    (void)state;
    allocator = ink_allocator_or_default(NULL);
    images = file_get("samples/digits-images-idx3-ubyte");
    labels = file_get("samples/digits-labels-idx1-ubyte");
    return images.size == 16 + SAMPLES * PIXELS && labels.size == 8 + SAMPLES ? 0 : -1;
}

static int free_samples(void **state)
{
    (void)state;
    blob_free(&images);
    blob_free(&labels);
    return 0;
}

static ink_evidence evidence(void)
{
    return (ink_evidence){ .pixels = images.data + 16, .labels = labels.data + 8, .count = SAMPLES, .side = SIDE };
}

typedef struct net {
    ink_model *model; /* as it is here */
    ink_arena arena;
    ink_weight weights[16];
    size_t count;
    bool keras; /* they are told to be Keras' */
} net;

static void net_open(const char *path, net *n)
{
    ink_error error;
    *n = (net){ .count = 0 };
    ink_arena_init(&n->arena, &allocator);
    if (ink_model_open(path, NULL, &n->model, &error))
        fail_msg("%s", error.text);
    const ink_tensor_info *t;
    for (; (t = ink_model_tensor(n->model, n->count)); n->count++) {
        ink_weight *w = &n->weights[n->count];
        w->name = t->name;
        w->rank = t->rank;
        w->elements = 1;
        for (uint32_t i = 0; i < t->rank; i++)
            w->elements *= w->dim[i] = t->dim[i];
        float *data = ink_arena_array(&n->arena, (size_t)w->elements, sizeof *data);
        ink_type_to_f32(t->type, t->data, (size_t)w->elements, data);
        w->data = data;
    }
}

static void net_close(net *n)
{
    ink_model_close(&n->model);
    ink_arena_free(&n->arena);
}

static float *data_of(net *n, const char *name, uint64_t *elements)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->weights[i].name, name) == 0) {
            *elements = n->weights[i].elements;
            float *data = ink_arena_array(&n->arena, (size_t)*elements, sizeof *data);
            memcpy(data, n->weights[i].data, (size_t)*elements * sizeof *data);
            n->weights[i].data = data;
            return data;
        }
    fail_msg("no tensor %s", name);
    return NULL;
}

static float *run(const ink_model *model)
{
    ink_session *session;
    ink_error error;
    float *output = malloc(SAMPLES * 10 * sizeof *output);
    assert_non_null(output);
    if (ink_session_open(model, NULL, &session, &error) ||
        ink_session_run_u8(session, evidence().pixels, SAMPLES, output, &error))
        fail_msg("%s", error.text);
    ink_session_close(&session);
    return output;
}

/* What was found computes the same as the model that the weights are of; `bound` is for a network whose weights were
 * changed. */
static void check_same(const net *n, const ink_recognised *found, double bound)
{
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    if (ink_assemble(found->text.data, found->text.size, "found", 10, n->weights, n->count, &builder, &error) ||
        ink_builder_model(builder, NULL, &model, &error))
        fail_msg("%s", error.text);
    ink_builder_close(&builder);
    float *want = run(n->model), *got = run(model);
    for (size_t i = 0; i < SAMPLES * 10; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= bound))
            fail_msg("picture %d, class %d: %g, wanted %g, by\n%s", (int)i / 10, (int)i % 10, (double)got[i],
                     (double)want[i], found->text.data);
    free(want);
    free(got);
    ink_model_close(&model);
}

static ink_recognised recognise_by(size_t pictures, const net *n, ink_status want, const char *words)
{
    ink_chain chain;
    ink_arena arena;
    ink_recognised found;
    ink_error error;
    ink_evidence samples = evidence();
    samples.count = pictures;
    ink_arena_init(&arena, &allocator);
    if (ink_chain_read(n->weights, n->count, &arena, &chain, &error))
        fail_msg("%s", error.text);
    chain.keras = n->keras;
    const ink_status status = ink_recognise(&chain, n->weights, n->count, &samples, &allocator, &found, &error);
    if (want)
        check_error(status, &error, want, words);
    else if (status)
        fail_msg("%s", error.text);
    ink_arena_free(&arena);
    return found;
}

/* cnn flattens channels last, as Keras does; PyTorch flattens channels first. */
static void flatten_as_torch(net *n)
{
    enum { CHANNELS = 64, PLACES = 25 };
    uint64_t count = 0;
    float *w = data_of(n, "dense.weight", &count);
    float *row = malloc(CHANNELS * PLACES * sizeof *row);
    assert_true(row && count == 10 * CHANNELS * PLACES);
    for (size_t o = 0; o < 10; o++, w += CHANNELS * PLACES) {
        memcpy(row, w, CHANNELS * PLACES * sizeof *row);
        for (size_t i = 0; i < CHANNELS * PLACES; i++)
            w[i % CHANNELS * PLACES + i / CHANNELS] = row[i];
    }
    free(row);
}

static ink_recognised recognise(const net *n, ink_status want, const char *words)
{
    return recognise_by(SAMPLES, n, want, words);
}

static void networks_are_found(void **state)
{
    static const char *const paths[] = { "models/fc.gguf", "models/cnn.gguf" };
    (void)state;
    /* Five thousand pictures through cnn take minutes where there are scalar kernels and an emulator. */
    const size_t count = ink_cpu_has(INK_CPU_AVX2) ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        net n;
        net_open(paths[i], &n);
        if (i == 1)
            flatten_as_torch(&n);
        ink_recognised found = recognise(&n, INK_OK, NULL);
        assert_true(found.correct >= SAMPLES - 3 && found.loss < 0.1 && found.tried >= 5 && found.tried < 30);
        assert_string_equal(found.style.activation, "relu");
        if (*found.rivals) /* activations that can hardly be told from it are told */
            assert_non_null(strstr(found.text.data, found.rivals));
        assert_true(found.style.scale == 1.0 / 255 && found.style.offset == 0);
        check_same(&n, &found, 1e-5); /* a sum in another order */
        ink_buffer_close(&found.text);
        net_close(&n);
    }
}

/* The same network for pixels from -1 to 1: with x = (y + 1) / 2, weights are half and biases have half their sum
 * more. Its probabilities differ by the rounding of the changed weights. */
static void its_scaling_is_found(void **state)
{
    (void)state;
    net n;
    uint64_t weights = 0, outputs = 0;
    net_open("models/fc.gguf", &n);
    const char *name = n.weights[0].rank == 2 ? n.weights[0].name : n.weights[1].name;
    char bias_name[64];
    snprintf(bias_name, sizeof bias_name, "%.*s.bias", (int)(strlen(name) - 7), name);
    float *w = data_of(&n, name, &weights), *b = data_of(&n, bias_name, &outputs);
    assert_int_equal(weights, outputs * PIXELS);
    for (uint64_t o = 0; o < outputs; o++) {
        double sum = 0;
        for (uint64_t i = 0; i < PIXELS; i++) {
            w[o * PIXELS + i] /= 2;
            sum += (double)w[o * PIXELS + i];
        }
        b[o] += (float)sum;
    }
    ink_recognised found = recognise(&n, INK_OK, NULL);
    assert_true(found.style.scale == 2.0 / 255 && found.style.offset == -1);
    check_same(&n, &found, 1e-3);
    ink_buffer_close(&found.text);
    net_close(&n);
}

/* The same network with a norm behind the activation that adds much, which the next bias takes away again: before the
 * activation it would leave little of that. */
static void the_place_of_norms_is_found(void **state)
{
    enum { HIDDEN = 500, SHIFT = 16 };
    static float zeros[HIDDEN], ones[HIDDEN], shifts[HIDDEN];
    static const struct {
        const char *name;
        const float *data;
    } norm[] = { { "bn.weight", ones }, { "bn.bias", shifts }, { "bn.running_mean", zeros },
                 { "bn.running_var", ones } };
    (void)state;
    net n;
    uint64_t weights = 0, outputs = 0;
    net_open("models/fc.gguf", &n);
    for (size_t i = 0; i < HIDDEN; i++) {
        ones[i] = 1;
        shifts[i] = SHIFT;
    }
    const float *w = data_of(&n, "fc2.weight", &weights);
    float *b = data_of(&n, "fc2.bias", &outputs);
    assert_int_equal(weights, outputs * HIDDEN);
    for (uint64_t o = 0; o < outputs; o++) {
        double sum = 0;
        for (uint64_t i = 0; i < HIDDEN; i++)
            sum += (double)w[o * HIDDEN + i];
        b[o] -= (float)(SHIFT * sum);
    }
    for (size_t i = 0; i < sizeof norm / sizeof *norm; i++)
        n.weights[n.count++] = (ink_weight){ norm[i].name, 1, { HIDDEN }, HIDDEN, norm[i].data, NULL };
    ink_recognised found = recognise(&n, INK_OK, NULL);
    assert_int_equal(found.style.norms, INK_CHAIN_NORM_SECOND);
    check_same(&n, &found, 1e-3); /* epsilon */
    ink_buffer_close(&found.text);
    net_close(&n);
}

/* Of ten pictures that it knows, fc reads all with numbers 255 times as large too, and is surer then. */
static void numbers_that_are_only_larger_are_not_taken(void **state)
{
    (void)state;
    net n;
    net_open("models/fc.gguf", &n);
    ink_recognised found = recognise_by(10, &n, INK_OK, NULL);
    assert_true(found.style.scale == 1.0 / 255 && found.correct == 10);
    ink_buffer_close(&found.text);
    net_close(&n);
}

/* Behind the activation a norm takes 5 away, and the next layer's bias adds what that changes; before the activation
 * it would leave little. */
static void norms_behind_activations_are_found(void **state)
{
    static const char *const parts[] = { "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var" };
    (void)state;
    net n;
    uint64_t size = 0, classes = 0;
    net_open("models/fc.gguf", &n);
    char bias_name[64];
    snprintf(bias_name, sizeof bias_name, "%.*s.bias", (int)(strlen(n.weights[2].name) - 7), n.weights[2].name);
    const uint64_t hidden = n.weights[0].dim[0];
    const float *w = data_of(&n, n.weights[2].name, &size);
    float *b = data_of(&n, bias_name, &classes);
    assert_true(n.count == 4 && size == hidden * classes);
    for (uint64_t o = 0; o < classes; o++) {
        double sum = 0;
        for (uint64_t i = 0; i < hidden; i++)
            sum += (double)w[o * hidden + i];
        b[o] += (float)(5 * sum);
    }
    memmove(&n.weights[6], &n.weights[2], 2 * sizeof *n.weights);
    for (size_t part = 0; part < 4; part++) {
        float *data = ink_arena_array(&n.arena, (size_t)hidden, sizeof *data);
        assert_non_null(data);
        for (uint64_t i = 0; i < hidden; i++)
            data[i] = part == 0 ? 1 : part == 1 ? 0 : part == 2 ? 5 : 0.999f; /* and Keras' epsilon */
        n.weights[2 + part] = (ink_weight){ .name = parts[part], .rank = 1, .dim = { hidden }, .elements = hidden,
                                            .data = data };
    }
    n.count += 4;
    n.keras = true;
    ink_recognised found = recognise(&n, INK_OK, NULL);
    assert_true(found.style.norms == INK_CHAIN_NORM_SECOND && found.correct >= SAMPLES - 3);
    check_same(&n, &found, 1e-3);
    ink_buffer_close(&found.text);
    net_close(&n);
}

/* fc as a file that holds its graph: black ink on white, by the weights' signs; and what cannot be judged. */
static void the_scaling_of_a_graph_is_found(void **state)
{
    (void)state;
    net n;
    ink_arena arena;
    ink_draft draft;
    ink_recognised found;
    ink_error error;
    uint64_t weights = 0, outputs = 0;
    const ink_evidence samples = evidence();
    net_open("models/fc.gguf", &n);
    float *w = data_of(&n, "fc1.weight", &weights), *b = data_of(&n, "fc1.bias", &outputs);
    for (uint64_t o = 0; o < outputs; o++)
        for (uint64_t i = 0; i < PIXELS; i++) {
            b[o] += w[o * PIXELS + i]; /* W x + b = -W (1 - x) + (b + W 1) */
            w[o * PIXELS + i] = -w[o * PIXELS + i];
        }
    ink_arena_init(&arena, &allocator);
    ink_draft_init(&draft, &arena);
    draft.channels = 1;
    draft.height = draft.width = SIDE;
    const char *last = ink_draft_node(&draft, "flatten", NULL, "input", "%s", "");
    last = ink_draft_node(&draft, "dense", "fc1", last, "units=%u", (unsigned)outputs);
    last = ink_draft_node(&draft, "relu", NULL, last, "%s", "");
    ink_draft_node(&draft, "dense", "fc2", last, "units=10");
    for (size_t i = 0; i < n.count; i++)
        memcpy(ink_draft_tensor(&draft, n.weights[i].name[2] == '1' ? "fc1" : "fc2", strchr(n.weights[i].name, '.') + 1,
                                n.weights[i].rank, n.weights[i].dim),
               n.weights[i].data, (size_t)n.weights[i].elements * sizeof(float));
    assert_int_equal(ink_draft_finish(&draft, &error), INK_OK);
    assert_int_equal(ink_recognise_scaling(&draft, 10, &samples, &allocator, &found, &error), INK_OK);
    assert_true(found.style.scale == -1.0 / 255 && found.style.offset == 1 && found.correct >= SAMPLES - 3);
    assert_int_equal(ink_recognise_scaling(&draft, 9, &samples, &allocator, &found, &error), INK_OK);
    assert_true(found.style.scale == 1.0 / 255 && found.correct == 0 && found.tried == 0);
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    net_close(&n);
}

/* fc behind a convolution that takes apart what a stride of two passes over, and gives 1 - x of it: a pool and a
 * padding of one make the sizes fit too. */
static void strides_are_found(void **state)
{
    enum { PARTS = 4, HALF = SIDE / 2 };
    static float take[PARTS * PARTS], ones[PARTS];
    (void)state;
    net n;
    uint64_t count = 0, outputs = 0;
    net_open("models/fc.gguf", &n);
    float *w = data_of(&n, "fc1.weight", &count), *b = data_of(&n, "fc1.bias", &outputs), row[PIXELS];
    for (size_t part = 0; part < PARTS; part++) {
        take[part * PARTS + part] = -1;
        ones[part] = 1;
    }
    for (uint64_t o = 0; o < outputs; o++, w += PIXELS) {
        double sum = 0;
        memcpy(row, w, sizeof row);
        for (size_t i = 0; i < PIXELS; i++) {
            w[(i / SIDE % 2 * 2 + i % 2) * HALF * HALF + i / SIDE / 2 * HALF + i % SIDE / 2] = -row[i];
            sum += (double)row[i];
        }
        b[o] += (float)sum; /* W x + b = -W (1 - x) + (b + W 1) */
    }
    memmove(n.weights + 2, n.weights, n.count * sizeof *n.weights);
    n.weights[0] = (ink_weight){ "conv.weight", 4, { PARTS, 1, 2, 2 }, PARTS * PARTS, take, NULL };
    n.weights[1] = (ink_weight){ "conv.bias", 1, { PARTS }, PARTS, ones, NULL };
    n.count += 2;
    ink_recognised found = recognise(&n, INK_OK, NULL);
    assert_true(found.guess.strided[0] && found.style.scale == 1.0 / 255);
    check_same(&n, &found, 1e-4); /* sums of larger numbers, which nearly cancel */
    ink_buffer_close(&found.text);
    net_close(&n);
}

static void what_reads_nothing_gives_a_draft(void **state)
{
    (void)state;
    net n;
    uint64_t count = 0;
    net_open("models/cnn.gguf", &n);
    for (size_t i = 0; i < n.count; i++) {
        float *data = data_of(&n, n.weights[i].name, &count);
        uint64_t random = i + 1;
        for (uint64_t k = 0; k < count; k++)
            data[k] = (float)(test_random(&random) >> 40) / (float)(1 << 24) - 0.5f;
    }
    ink_recognised found = recognise_by(5, &n, INK_ERR_GRAPH, "no guess at it reads nine of ten sample pictures");
    assert_non_null(strstr(found.text.data, "padding=?"));
    ink_buffer_close(&found.text);
    net_close(&n);
}

static void what_cannot_be_judged_gives_a_draft(void **state)
{
    (void)state;
    static const float zeros[2000];
    net n = { .weights = { { "fc.weight", 2, { 10, 100 }, 1000, zeros, NULL } }, .count = 1 };
    ink_recognised found = recognise(&n, INK_ERR_GRAPH, "not those of which there are samples");
    assert_non_null(strstr(found.text.data, "dense name=fc units=10"));
    ink_buffer_close(&found.text);
    n = (net){ .weights = { { "c.weight", 4, { 2, 1, 3, 3 }, 18, zeros, NULL },
                            { "fc.weight", 2, { 10, 77 }, 770, zeros, NULL } }, .count = 2 };
    found = recognise(&n, INK_ERR_GRAPH, "no padding and pooling makes the sizes fit");
    ink_buffer_close(&found.text);
    n = (net){ .weights = { { "fc.weight", 2, { 2, 784 }, 1568, zeros, NULL } }, .count = 1 };
    found = recognise(&n, INK_ERR_GRAPH, "fewer classes than the samples");
    ink_buffer_close(&found.text);
}

/* ---- text and weights ---- */

static void weights_find_their_nodes(void **state)
{
    (void)state;
    static const float values[16] = { 1, 2, 3, 4 };
    const ink_weight weights[] = {
        { "a.b.weight", 2, { 2, 4 }, 8, values, NULL },       { "bn.running_mean", 1, { 2 }, 2, values, NULL },
        { "bn.running_var", 1, { 2 }, 2, values, NULL },      { "bn.num_batches_tracked", 0, { 0 }, 1, values, NULL },
    };
    static const char text[] = "input shape=1,2,2\nflatten\ndense name=a.b\nbatch_norm name=bn\n";
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    if (ink_assemble(text, strlen(text), "t", 2, weights, 4, &builder, &error) ||
        ink_builder_model(builder, NULL, &model, &error))
        fail_msg("%s", error.text);
    ink_builder_close(&builder);
    assert_int_equal(ink_model_get_info(model)->tensors, 3);
    ink_model_close(&model);

    /* a tensor that no node has, one that is missing, one of too many dimensions */
    const ink_weight more[] = { weights[0], weights[1], weights[2], { "c.weight", 2, { 2, 2 }, 4, values, NULL } };
    assert_int_equal(ink_assemble(text, strlen(text), "t", 2, more, 4, &builder, &error), INK_OK);
    check_error(ink_builder_model(builder, NULL, &model, &error), &error, INK_ERR_GRAPH, "c.weight");
    ink_builder_close(&builder);
    assert_int_equal(ink_assemble(text, strlen(text), "t", 2, weights, 2, &builder, &error), INK_OK);
    check_error(ink_builder_model(builder, NULL, &model, &error), &error, INK_ERR_MISSING, "bn.variance");
    ink_builder_close(&builder);
    const ink_weight five = { "a.b.weight", 5, { 1, 1, 1, 2, 4 }, 8, values, NULL };
    check_error(ink_assemble(text, strlen(text), "t", 2, &five, 1, &builder, &error), &error, INK_ERR_SHAPE,
                "has 5 dimensions");
    assert_null(builder);
    const ink_weight large = { "a.b.weight", 1, { UINT64_C(1) << 32 }, 0, values, NULL };
    check_error(ink_assemble(text, strlen(text), "t", 2, &large, 1, &builder, &error), &error, INK_ERR_LIMIT,
                "is 4294967296");
    check_error(ink_assemble("conv3d\n", 7, "t", 2, weights, 1, &builder, &error), &error, INK_ERR_OP, "t:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_found),
        cmocka_unit_test(its_scaling_is_found),
        cmocka_unit_test(the_place_of_norms_is_found),
        cmocka_unit_test(numbers_that_are_only_larger_are_not_taken),
        cmocka_unit_test(the_scaling_of_a_graph_is_found),
        cmocka_unit_test(norms_behind_activations_are_found),
        cmocka_unit_test(strides_are_found),
        cmocka_unit_test(what_reads_nothing_gives_a_draft),
        cmocka_unit_test(what_cannot_be_judged_gives_a_draft),
        cmocka_unit_test(weights_find_their_nodes),
    };
    return cmocka_run_group_tests(tests, read_samples, free_samples);
}
