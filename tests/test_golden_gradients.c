/* The gradients that PyTorch gives for the two networks of the reference document, to 1e-5 of each tensor's largest,
 * on every set of kernels. scripts/make-golden-gradients.py made the files, and says what is in them.
 * INKLING_GOLDEN is another folder than tests/golden. */
#include "check_cpus.h"

#include "train/init.h"
#include "train/lanes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 64, MOST = 1000 };

static const char *folder = "tests/golden";

typedef struct node_row {
    const char *op, *name, *attributes;
} node_row;

static const struct network {
    const char *name;
    node_row nodes[10];
} networks[] = {
    { "fc", { { "flatten", "f", NULL }, { "dense", "fc1", "units=500" }, { "relu", "r", NULL },
              { "dense", "fc2", "units=10" } } },
    { "cnn", { { "conv2d", "conv1", "filters=32 kernel=3" }, { "relu", "r1", NULL },
               { "max_pool2d", "p1", "kernel=2" }, { "conv2d", "conv2", "filters=64 kernel=3" },
               { "relu", "r2", NULL }, { "max_pool2d", "p2", "kernel=2" }, { "permute", "p", "order=1,2,0" },
               { "flatten", "f", NULL }, { "dense", "dense", "units=10" } } },
};

/* The formula that the script has instead of random numbers. */
static float weight_of(size_t tensor, size_t i, bool bias)
{
    const uint32_t bits = (uint32_t)((uint64_t)i * 2654435761 + (uint64_t)tensor * 40503);
    return ((float)(bits >> 8) / 16777216.0f - 0.5f) * (bias ? 1.0f : 0.125f);
}

static blob sample(const char *name, size_t header, size_t size)
{
    char path[100];
    snprintf(path, sizeof path, "samples/%s", name);
    blob file = file_get(path);
    assert_true(file.size >= header + size);
    memmove(file.data, file.data + header, size);
    return file;
}

/* Gives the largest difference, as a share of its tensor's largest gradient. */
static double compare(const ink_tape *tape, const float *gradients, const float *wanted, size_t count,
                      const char *name)
{
    const float *end = wanted + count;
    double worst = 0;
    for (size_t t = 0; t < tape->parameter_count; t++) {
        const ink_tape_parameter *p = &tape->parameters[t];
        const size_t step = (p->count + MOST - 1) / MOST;
        float *found = malloc(p->count * sizeof *found);
        assert_non_null(found);
        assert_true((size_t)(end - wanted) > (p->count - 1) / step + 1);
        ink_tape_export(tape, p, gradients, found);
        const double largest = (double)*wanted++;
        for (size_t i = 0; i < p->count; i += step, wanted++) {
            const double off = fabs((double)found[i] - (double)*wanted) / largest;
            if (!(off <= 1e-5))
                fail_msg("%s, '%s'[%zu]: gradient %.9g, PyTorch's %.9g, largest %.9g", name, p->tensor->name, i,
                         (double)found[i], (double)*wanted, largest);
            if (off > worst)
                worst = off;
        }
        free(found);
    }
    assert_true(wanted == end);
    return worst;
}

static void check_network(const struct network *network, ink_cpu cpu)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const ink_limits limits = { 1 << 30, UINT64_C(1) << 40 };
    const ink_input input = { 1, 28, 28, 1.0f / 255, 0 };
    ink_arena arena;
    ink_graph graph;
    ink_tape tape;
    ink_lanes lanes;
    ink_settings settings;
    ink_error error;
    blob pixels = sample("digits-images-idx3-ubyte", 16, IMAGES * 784);
    blob labels = sample("digits-labels-idx1-ubyte", 8, IMAGES);
    ink_arena_init(&arena, &allocator);
    assert_int_equal(ink_graph_init(&graph, &arena, &input, &error), INK_OK);
    for (const node_row *n = network->nodes; n->op; n++)
        assert_int_equal(ink_graph_add_text(&graph, n->op, n->name, NULL, n->attributes, &error), INK_OK);
    assert_int_equal(ink_network_init(&graph, 1, &limits, &error), INK_OK);
    for (size_t t = 0; t < graph.tensor_count; t++) {
        float *data = (float *)(uintptr_t)graph.tensors[t].data;
        for (size_t i = 0; i < graph.tensors[t].bytes / sizeof *data; i++)
            data[i] = weight_of(t, i, graph.tensors[t].rank == 1);
    }
    assert_int_equal(ink_tape_make(&tape, &graph, cpu, &limits, &error), INK_OK);
    assert_int_equal(ink_lanes_init(&lanes, &tape, &allocator, 1, IMAGES, 1, cpu, &error), INK_OK);
    assert_int_equal(ink_settings_parse(&settings, "smoothing=0.1", &error), INK_OK);
    uint32_t indices[IMAGES];
    for (uint32_t i = 0; i < IMAGES; i++)
        indices[i] = i;
    const ink_batch batch = { .pixels = pixels.data, .labels = labels.data, .indices = indices, .count = IMAGES,
                              .seed = 1 };
    double loss;
    size_t correct;
    ink_lanes_gradients(&lanes, &batch, &settings, &loss, &correct);
    char name[40];
    snprintf(name, sizeof name, "%s.gradients.f32", network->name);
    char *path = folder_path(folder, name);
    blob wanted = file_get(path);
    const double worst = compare(&tape, lanes.gradients, (const float *)(const void *)wanted.data,
                                 wanted.size / sizeof(float), network->name);
    printf("%s, %s: off by at most %.2g of a tensor's largest gradient\n", network->name, ink_cpu_name(cpu), worst);
    free(path);
    blob_free(&wanted);
    blob_free(&pixels);
    blob_free(&labels);
    ink_lanes_free(&lanes);
    ink_arena_free(&arena);
}

static void gradients_are_pytorchs(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof networks / sizeof *networks; n++)
        CHECK_EACH_CPU(cpu)
            check_network(&networks[n], cpu);
}

int main(void)
{
    const char *other = getenv("INKLING_GOLDEN");
    folder = other && *other ? other : folder;
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_pytorchs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
