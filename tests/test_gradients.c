/* The tape's gradients against central differences of the loss, for every operator, and against the
 * number of threads. The loss is summed in double, the network computes in float: a difference quotient of
 * five points at distance h has an error of about 2^-24 * loss / h from rounding, here 2e-5, and of
 * h^4 from the formula; gradients are compared relative to their tensor's largest, at least 1e-2. */
#include "check_cpus.h"

#include "base/random.h"
#include "train/init.h"
#include "train/lanes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 24, CLASSES = 4, SIDE = 6 };
/* of each tensor that are compared; a sanitizer looks at memory, and four times as slowly */
#ifdef __SANITIZE_ADDRESS__
enum { ELEMENTS = 5 };
#else
enum { ELEMENTS = 10 };
#endif

typedef struct node_row {
    const char *op, *name, *attributes, *inputs;
} node_row;

/* Smooth networks but where kinks are the operator's own: random values seldom lie near one. */
static const struct network {
    const char *name;
    uint32_t channels;
    node_row nodes[12];
} networks[] = {
    { "dense layers, the first on a picture of zeros and ink", 1,
      { { "flatten", "f", NULL, NULL }, { "dense", "d", "units=7", NULL }, { "tanh", "t", NULL, NULL },
        { "dense", "o", "units=4", NULL } } },
    { "convolution with stride, dilation, uneven padding", 2,
      { { "conv2d", "c", "filters=3 kernel=3", NULL }, { "tanh", "t", NULL, NULL },
        { "conv2d", "c2", "filters=5 kernel=3,2 stride=2,1 padding=1,0,0,2 dilation=1,2", NULL },
        { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "groups and depthwise", 1,
      { { "conv2d", "c", "filters=4 kernel=3 padding=1", NULL }, { "elu", "e", NULL, NULL },
        { "conv2d", "c2", "filters=6 kernel=3 groups=2", NULL },
        { "conv2d", "c3", "filters=6 kernel=3 groups=6 padding=1 stride=2", NULL },
        { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "leaky relu and pools", 2,
      { { "conv2d", "c", "filters=4 kernel=3", NULL }, { "leaky_relu", "l", "alpha=0.2", NULL },
        { "max_pool2d", "m", "kernel=3 stride=2 padding=1", NULL },
        { "conv2d", "c3", "filters=6 kernel=3 padding=1", NULL },
        { "avg_pool2d", "a", "kernel=2 stride=2 padding=1,0,0,1 count_padding=1", NULL },
        { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "batch norm on pictures and on features", 1,
      { { "conv2d", "c", "filters=4 kernel=3", NULL }, { "batch_norm", "b", NULL, NULL },
        { "sigmoid", "s", NULL, NULL }, { "global_avg_pool2d", "g", NULL, NULL },
        { "flatten", "f", NULL, NULL }, { "batch_norm", "b2", NULL, NULL },
        { "dense", "o", "units=4", NULL } } },
    { "3x3 convolutions of many channels", 1,
      { { "conv2d", "c", "filters=17 kernel=3 padding=1", NULL }, { "tanh", "t", NULL, NULL },
        { "conv2d", "c2", "filters=16 kernel=3 padding=1", NULL }, { "tanh", "t2", NULL, NULL },
        { "conv2d", "c3", "filters=18 kernel=3 padding=0,1,2,3", NULL }, { "tanh", "t3", NULL, NULL },
        { "conv2d", "c4", "filters=16 kernel=3", NULL }, { "tanh", "t4", NULL, NULL },
        { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "values that are read more than once", 2,
      { { "conv2d", "c", "filters=4 kernel=3", NULL }, { "tanh", "t", NULL, NULL },
        { "conv2d", "c2", "filters=4 kernel=3 padding=1", NULL }, { "add", "a", NULL, "t,c2" },
        { "concat", "k", "axis=0", "a,t,c2" }, { "pad", "p", "padding=1,0,2,1 value=0.5", NULL },
        { "gelu", "g", NULL, NULL }, { "global_avg_pool2d", "v", NULL, NULL },
        { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "views", 1,
      { { "conv2d", "c", "filters=4 kernel=3", NULL }, { "gelu", "g", "approximate=1", NULL },
        { "reshape", "r", "shape=2,2,4,4", NULL }, { "permute", "p", "order=1,0,2,3", NULL },
        { "reshape", "r2", "shape=4,4,4", NULL }, { "conv2d", "c2", "filters=3 kernel=2", NULL },
        { "permute", "p2", "order=1,2,0", NULL }, { "flatten", "f", NULL, NULL },
        { "softmax", "s", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "dropout", 1,
      { { "flatten", "f", NULL, NULL }, { "dense", "d", "units=9", NULL },
        { "dropout", "x", "rate=0.4", NULL }, { "dense", "o", "units=4", NULL } } },
    { "a value added to itself, log softmax", 2,
      { { "flatten", "f", NULL, NULL }, { "dense", "d", "units=9", NULL }, { "add", "a", NULL, "d,d" },
        { "log_softmax", "l", NULL, NULL }, { "dense", "o", "units=4", NULL } } },
    { "relu and global max", 1,
      { { "conv2d", "c", "filters=5 kernel=3", NULL }, { "relu", "r", NULL, NULL },
        { "global_max_pool2d", "g", NULL, NULL }, { "flatten", "f", NULL, NULL },
        { "dense", "o", "units=4", NULL } } },
};

/* A max-pool becomes a part of the convolution before it, and a relu of a batch norm, unless something stands
 * between: a dropout of nothing. By difference quotients such networks could only be checked roughly, since a step changes which element of a
 * window is the largest. */
static const struct network fused[][2] = {
#define CASE(name, first, second, relu, pool)                                                      \
    { { name, 1, { { "conv2d", "c", first, NULL }, { "tanh", "t", NULL, NULL },                    \
                   { "conv2d", "c2", second, NULL }, { "leaky_relu", "l", relu, NULL },            \
                   { "max_pool2d", "m", pool, NULL }, { "flatten", "f", NULL, NULL },              \
                   { "dense", "o", "units=4", NULL } } },                                          \
      { name, 1, { { "conv2d", "c", first, NULL }, { "tanh", "t", NULL, NULL },                    \
                   { "conv2d", "c2", second, NULL }, { "leaky_relu", "l", relu, NULL },            \
                   { "dropout", "n", "rate=0", NULL }, { "max_pool2d", "m", pool, NULL },          \
                   { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } } }
    CASE("few channels", "filters=3 kernel=3 padding=1", "filters=5 kernel=3", "alpha=0", "kernel=2"),
    CASE("many channels", "filters=9 kernel=3 padding=1", "filters=11 kernel=3 padding=1,1,0,1", "alpha=0.3",
         "kernel=3 stride=2 padding=1"),
    CASE("a last row that no window reaches", "filters=8 kernel=2", "filters=6 kernel=3", "alpha=0", "kernel=2"),
    CASE("stride and dilation", "filters=12 kernel=1", "filters=7 kernel=3,2 padding=2 stride=1,2 dilation=2,1",
         "alpha=1", "kernel=2,1 stride=3,1"),
    CASE("groups", "filters=16 kernel=3 padding=1", "filters=8 kernel=3 groups=2 padding=1", "alpha=0", "kernel=2"),
#undef CASE
    { { "batch norm and leaky relu", 1,
        { { "conv2d", "c", "filters=3 kernel=3", NULL }, { "batch_norm", "b", NULL, NULL },
          { "leaky_relu", "l", "alpha=0.5", NULL }, { "flatten", "f", NULL, NULL },
          { "dense", "o", "units=4", NULL } } },
      { "batch norm and leaky relu", 1,
        { { "conv2d", "c", "filters=3 kernel=3", NULL }, { "batch_norm", "b", NULL, NULL },
          { "dropout", "n", "rate=0", NULL }, { "leaky_relu", "l", "alpha=0.5", NULL },
          { "flatten", "f", NULL, NULL }, { "dense", "o", "units=4", NULL } } } },
};

typedef struct fixture {
    ink_arena arena;
    ink_graph graph;
    ink_tape tape;
    ink_lanes lanes;
    uint8_t pixels[BATCH * 2 * SIDE * SIDE], labels[BATCH];
    uint32_t indices[BATCH];
    ink_batch batch;
} fixture;

static fixture *make(const struct network *network, ink_cpu cpu, uint32_t threads)
{
    fixture *x = calloc(1, sizeof *x);
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const ink_limits limits = { 1 << 28, UINT64_C(1) << 32 };
    const ink_input input = { network->channels, SIDE, SIDE, 1.0f / 255, 0 };
    ink_error error = { .text = "" };
    assert_non_null(x);
    ink_arena_init(&x->arena, &allocator);
    assert_int_equal(ink_graph_init(&x->graph, &x->arena, &input, &error), INK_OK);
    for (const node_row *n = network->nodes; n->op; n++)
        if (ink_graph_add_text(&x->graph, n->op, n->name, n->inputs, n->attributes, &error))
            fail_msg("%s: %s", network->name, error.text);
    if (ink_network_init(&x->graph, 1, &limits, &error) ||
        ink_tape_make(&x->tape, &x->graph, cpu, &limits, &error) ||
        ink_lanes_init(&x->lanes, &x->tape, &allocator, threads, BATCH, 7, cpu, &error))
        fail_msg("%s: %s", network->name, error.text);
    ink_random random = { 5 };
    for (size_t i = 0; i < sizeof x->pixels; i++)
        x->pixels[i] = ink_random_below(&random, 3) ? (uint8_t)ink_random_below(&random, 256) : 0;
    for (uint32_t i = 0; i < BATCH; i++) {
        x->labels[i] = (uint8_t)ink_random_below(&random, CLASSES);
        x->indices[i] = i;
    }
    x->batch = (ink_batch){ .pixels = x->pixels, .labels = x->labels, .indices = x->indices, .count = BATCH,
                            .seed = 9 };
    for (size_t p = 0; p < x->tape.parameter_count; p++)
        for (size_t i = 0; i < x->tape.parameters[p].count; i++)
            if (x->tape.parameters[p].kind == INK_PARAMETER_BIAS)
                x->lanes.parameters[x->tape.parameters[p].at + i] += 0.3f * ink_random_signed(&random);
    return x;
}

static void end(fixture *x)
{
    ink_lanes_free(&x->lanes);
    ink_arena_free(&x->arena);
    free(x);
}

static ink_settings settings_of(const char *text)
{
    ink_settings settings;
    ink_error error;
    if (ink_settings_parse(&settings, text, &error))
        fail_msg("%s", error.text);
    return settings;
}

static ink_settings plain;

static double loss_at(fixture *x, float *weight, float value)
{
    const float before = *weight;
    double loss;
    size_t correct;
    *weight = value;
    ink_lanes_gradients(&x->lanes, &x->batch, &plain, &loss, &correct);
    *weight = before;
    return loss;
}

static void check_parameter(fixture *x, const struct network *network, const ink_tape_parameter *p,
                            const float *gradients)
{
    const double h = 4e-3;
    double largest = 0;
    for (size_t i = 0; i < p->count; i++)
        if (fabs((double)gradients[p->at + i]) > largest) /* fmax here ends gcc 12 for ARM */
            largest = fabs((double)gradients[p->at + i]);
    /* A bias before a batch norm changes nothing, so its gradient is 0 but for rounding. */
    const bool moot = !strcmp(p->node->name, "c") && p->index == 1 && !strcmp(network->nodes[1].op, "batch_norm");
    if (moot) {
        if (!(largest < 1e-5)) /* a thousandth of what the weights have */
            fail_msg("%s: '%s': gradient %g", network->name, p->tensor->name, largest);
        return;
    }
    if (!(largest > 1e-4))
        fail_msg("%s: '%s' has no gradient", network->name, p->tensor->name);
    for (size_t i = 0; i < p->count; i += 1 + p->count / ELEMENTS) {
        float *w = x->lanes.parameters + p->at + i;
        const double near = loss_at(x, w, (float)(*w + h)) - loss_at(x, w, (float)(*w - h));
        const double far = loss_at(x, w, (float)(*w + 2 * h)) - loss_at(x, w, (float)(*w - 2 * h));
        const double want = (8 * near - far) / (12 * h), found = gradients[p->at + i];
        if (fabs(want - found) > 0.01 * largest + 5e-5)
            fail_msg("%s: '%s'[%zu]: gradient %g, difference quotient %g, largest %g", network->name,
                     p->tensor->name, i, found, want, largest);
    }
}

static void gradients_are_those_of_the_loss(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof networks / sizeof *networks; n++)
        CHECK_EACH_CPU(cpu) {
            fixture *x = make(&networks[n], cpu, 1);
            double loss;
            size_t correct;
            ink_lanes_gradients(&x->lanes, &x->batch, &plain, &loss, &correct);
            float *gradients = malloc(x->tape.parameter_floats * sizeof *gradients);
            assert_non_null(gradients);
            memcpy(gradients, x->lanes.gradients, x->tape.parameter_floats * sizeof *gradients);
            for (size_t p = 0; p < x->tape.parameter_count; p++)
                if (x->tape.parameters[p].kind != INK_PARAMETER_STATISTIC)
                    check_parameter(x, &networks[n], &x->tape.parameters[p], gradients);
            free(gradients);
            end(x);
        }
}

/* Both sum the same products in other orders: thousands of float32 roundings, 1e-5 of the largest. */
static void what_becomes_one_step_gives_the_same(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof fused / sizeof *fused; n++)
        CHECK_EACH_CPU(cpu) {
            fixture *once = make(&fused[n][0], cpu, 1), *later = make(&fused[n][1], cpu, 1);
            double a, b;
            size_t correct;
            assert_true(once->tape.step_count == later->tape.step_count - 2);
            assert_true(once->tape.parameter_floats == later->tape.parameter_floats);
            memcpy(later->lanes.parameters, once->lanes.parameters,
                   once->tape.parameter_floats * sizeof *once->lanes.parameters);
            ink_lanes_gradients(&once->lanes, &once->batch, &plain, &a, &correct);
            ink_lanes_gradients(&later->lanes, &later->batch, &plain, &b, &correct);
            assert_true(fabs(a - b) < 1e-5);
            for (size_t p = 0; p < once->tape.parameter_count; p++) {
                const ink_tape_parameter *of = &once->tape.parameters[p];
                double largest = 0;
                for (size_t i = of->at; i < of->at + of->count; i++)
                    if (fabs((double)later->lanes.gradients[i]) > largest)
                        largest = fabs((double)later->lanes.gradients[i]);
                if (largest < 1e-4) /* a bias before a batch norm */
                    continue;
                for (size_t i = of->at; i < of->at + of->count; i++)
                    if (!(fabs((double)once->lanes.gradients[i] - (double)later->lanes.gradients[i]) <=
                          1e-5 * largest))
                        fail_msg("%s: '%s'[%zu]: %g at once, %g later, largest %g", fused[n][0].name,
                                 of->tensor->name, i - of->at, (double)once->lanes.gradients[i],
                                 (double)later->lanes.gradients[i], largest);
            }
            end(once);
            end(later);
        }
}

/* Every operator has a backward, and a network here that uses it. */
static void every_operator_is_differentiated(void **state)
{
    (void)state;
    for (size_t i = 0; ink_op_at(i); i++) {
        bool used = false;
        for (size_t n = 0; n < sizeof networks / sizeof *networks; n++)
            for (const node_row *row = networks[n].nodes; row->op; row++)
                used = used || !strcmp(row->op, ink_op_at(i)->name);
        if (!used || !ink_op_at(i)->tape_backward)
            fail_msg("operator '%s' is not tested", ink_op_at(i)->name);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const ink_settings adam = settings_of("decay=0.01 average=0.9 augment=light");
    for (size_t n = 0; n < sizeof networks / sizeof *networks; n++) {
        fixture *one = make(&networks[n], ink_cpu_detect(), 1), *three = make(&networks[n], ink_cpu_detect(), 3);
        for (int step = 0; step < 5; step++) {
            double a, b;
            size_t correct_a, correct_b;
            ink_lanes_step(&one->lanes, &one->batch, &adam, 0.01f, &a, &correct_a);
            ink_lanes_step(&three->lanes, &three->batch, &adam, 0.01f, &b, &correct_b);
            assert_true(a == b && correct_a == correct_b);
        }
        assert_memory_equal(one->lanes.parameters, three->lanes.parameters,
                            one->tape.parameter_floats * sizeof(float));
        assert_memory_equal(one->lanes.average, three->lanes.average,
                            one->tape.parameter_floats * sizeof(float));
        end(one);
        end(three);
    }
}

/* A few labelled pictures are learnt by heart. */
static void a_tiny_set_is_learnt(void **state)
{
    (void)state;
    static const char *const optimizers[] = { "optimizer=adamw", "optimizer=adam", "optimizer=sgd clip=1" };
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        const ink_settings settings = settings_of(optimizers[i]);
        fixture *x = make(&networks[1], ink_cpu_detect(), 2);
        double first = 0, loss = 0;
        size_t correct = 0;
        for (int step = 0; step < 200; step++) {
            ink_lanes_step(&x->lanes, &x->batch, &settings, 0.02f, &loss, &correct);
            first = step ? first : loss;
        }
        if (correct != BATCH || !(first > 1 && loss < 0.05))
            fail_msg("%s: %zu right, loss %g, at first %g", optimizers[i], correct, loss, first);
        end(x);
    }
}

int main(void)
{
    plain = settings_of("smoothing=0.1");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_is_differentiated),
        cmocka_unit_test(what_becomes_one_step_gives_the_same),
        cmocka_unit_test(gradients_are_those_of_the_loss),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_tiny_set_is_learnt),
    };
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
