/* Layers with I8 weights, and what the plan makes of networks of them. Scales are powers of two and biases have few bits,
 * so that float32 is exact wherever it does not round to a byte: each instruction set, whatever the plan keeps as bytes
 * and whatever it folds, must give exactly what the definition gives (docs/formats.md, "I8 weights"). */
#include "check_reference.h"

#include "model/model.h"

enum { IMAGES = 9 };

typedef struct network {
    const char *name;
    uint32_t dim[3];
    const char *text;
    const char *steps; /* of the plan: what each computes, in brackets if it gives bytes */
} network;

#define Q(name, shape, out) "conv2d " name " weight:" shape "b bias:" out "q scale:" out " "
#define D(name, shape, out) "dense " name " weight:" shape "b bias:" out "q scale:" out " "

static const network networks[] = {
    { "a convolution of the picture", { 1, 8, 7 }, Q("c", "5,1,3,3", "5") "input_scale=1", "[quantize] conv2d copy" },
    { "of coarse bytes", { 1, 8, 7 }, Q("c", "5,1,3,3", "5") "input_scale=4 input_zero=9", "[quantize] conv2d copy" },
    { "of several channels", { 3, 6, 5 }, Q("c", "4,3,2,2", "4") "input_scale=2", "copy [quantize] conv2d copy" },
    { "without bias", { 1, 6, 6 }, "conv2d c weight:3,1,3,3b scale:3 input_scale=1 input_zero=255",
      "[quantize] conv2d copy" },
    { "padding is the byte of 0", { 2, 5, 6 }, Q("c", "4,2,3,3", "4") "padding=0,1,2,3 input_scale=2 input_zero=77",
      "copy [quantize] conv2d copy" },
    { "strides and dilation", { 2, 9, 9 },
      Q("c", "4,2,3,3", "4") "padding=1 dilation=2,3 stride=2,1 input_scale=1 input_zero=3", NULL },
    { "dilation without padding", { 1, 9, 9 }, Q("c", "4,1,3,3", "4") "dilation=2 input_scale=1", NULL },
    { "four channels, no padding: read where they are", { 4, 5, 5 }, Q("c", "33,4,3,3", "33") "input_scale=1",
      "copy [quantize] conv2d copy" },
    { "pad before it", { 1, 5, 5 }, "pad p padding=1,2,0,1; " Q("c", "3,1,3,3", "3") "input_scale=1 input_zero=4",
      "[quantize] pad+conv2d copy" },
    { "two convolutions", { 1, 9, 9 },
      Q("a", "6,1,3,3", "6") "input_scale=1; " Q("b", "5,6,3,3", "5") "padding=1 input_scale=0.0625 input_zero=100",
      "[quantize] [conv2d] conv2d copy" },
    { "relu between", { 1, 9, 9 },
      Q("a", "8,1,3,3", "8") "input_scale=1; relu r; " Q("b", "5,8,3,3", "5") "padding=1 input_scale=0.0625",
      "[quantize] [conv2d+relu] conv2d copy" },
    { "relu and a zero in the middle", { 1, 9, 9 },
      Q("a", "8,1,3,3", "8") "input_scale=1; relu r; " Q("b", "5,8,3,3", "5") "padding=1 input_scale=0.0625 input_zero=50",
      "[quantize] [conv2d+relu] conv2d copy" },
    { "leaky relu between", { 1, 9, 9 },
      Q("a", "7,1,3,3", "7") "input_scale=1; leaky_relu r alpha=0.25; " Q("b", "5,7,3,3", "5")
      "input_scale=0.125 input_zero=60", "[quantize] [conv2d+leaky_relu] conv2d copy" },
    { "max-pools between", { 1, 15, 17 },
      Q("a", "40,1,3,3", "40") "input_scale=1; relu r; max_pool2d p kernel=2; " Q("b", "35,40,2,2", "35")
      "padding=1 input_scale=0.0625; max_pool2d q kernel=3,2; relu s; flatten f; " D("d", "10,280", "10") "input_scale=0.5",
      NULL },
    { "windows of 12, 16 and 9", { 1, 20, 20 },
      Q("a", "6,1,3,3", "6") "padding=1 input_scale=1; max_pool2d p kernel=4,3; " Q("b", "5,6,1,1", "5")
      "padding=5 input_scale=0.125 input_zero=128; max_pool2d q kernel=4; " Q("c", "3,5,1,1", "3")
      "input_scale=0.25 input_zero=128; max_pool2d s kernel=3", NULL },
    { "a max-pool that overlaps stays in bytes", { 1, 9, 9 },
      Q("a", "35,1,3,3", "35") "input_scale=1; relu r; max_pool2d p kernel=3 stride=2 padding=1; " Q("b", "5,35,3,3", "5")
      "input_scale=0.0625 input_zero=9", "[quantize] [conv2d+relu] [max_pool2d] conv2d copy" },
    { "two of them", { 1, 9, 9 },
      Q("a", "3,1,3,3", "3") "input_scale=1; max_pool2d p kernel=2 stride=1; max_pool2d q kernel=3 stride=1; "
      Q("b", "5,3,2,2", "5") "input_scale=0.0625 input_zero=128",
      "[quantize] [conv2d] [max_pool2d] [max_pool2d] conv2d copy" },
    { "the largest of all, then a dense layer", { 1, 9, 9 },
      Q("a", "35,1,3,3", "35") "input_scale=1; relu r; global_max_pool2d g; flatten f; " D("d", "10,35", "10")
      "input_scale=0.125", "[quantize] [conv2d+relu] [global_max_pool2d] dense" },
    { "the mean is of floats", { 1, 6, 6 },
      Q("a", "3,1,3,3", "3") "input_scale=1; relu r; avg_pool2d g kernel=2; flatten f; " D("d", "10,12", "10")
      "input_scale=0.125", "[quantize] conv2d+relu avg_pool2d [quantize] dense" },
    { "a layer of floats between", { 1, 6, 6 },
      Q("a", "3,1,3,3", "3") "input_scale=1; conv2d m weight:2,3,1,1=0.5; " Q("b", "4,2,3,3", "4")
      "input_scale=0.125 input_zero=99", "[quantize] conv2d conv2d [quantize] conv2d copy" },
    { "dense layers", { 1, 3, 7 },
      "flatten f; " D("a", "17,21", "17") "input_scale=1; relu r; dropout o; " D("b", "70,17", "70")
      "input_scale=0.125; leaky_relu s alpha=0.5; " D("c", "3,70", "3") "input_scale=0.25 input_zero=30",
      "[quantize] [dense+relu] [dense+leaky_relu] dense" },
    { "dense on the last axis", { 2, 3, 7 }, D("a", "5,7", "5") "input_scale=1; " D("b", "3,5", "3")
      "input_scale=0.25 input_zero=128", NULL },
    { "channels last and flattened", { 1, 6, 5 },
      Q("a", "3,1,3,3", "3") "input_scale=1; permute p order=1,2,0; flatten f; " D("d", "10,36", "10")
      "input_scale=0.125 input_zero=100", "[quantize] [conv2d] dense" },
    { "channels first and flattened", { 1, 6, 5 },
      Q("a", "3,1,3,3", "3") "input_scale=1; flatten f; " D("d", "10,36", "10") "input_scale=0.125 input_zero=100",
      "[quantize] [conv2d] dense" },
    { "rows and columns turned round: a copy", { 1, 6, 5 },
      Q("a", "3,1,3,3", "3") "input_scale=1; permute p order=0,2,1; flatten f; " D("d", "10,36", "10")
      "input_scale=0.125 input_zero=100", NULL },
    { "two readers of one quantum share the bytes", { 1, 6, 6 },
      Q("a", "3,1,3,3", "3") "input_scale=1; relu r; " Q("b", "2,3,3,3", "2") "<r padding=1 input_scale=0.125; "
      Q("c", "2,3,3,3", "2") "<r padding=1 input_scale=0.125; add s <b,c",
      "[quantize] conv2d+relu [quantize] conv2d conv2d add copy" },
    { "of two each has its own", { 1, 6, 6 },
      Q("a", "3,1,3,3", "3") "input_scale=1; relu r; " Q("b", "2,3,3,3", "2") "<r padding=1 input_scale=0.125; "
      Q("c", "2,3,3,3", "2") "<r padding=1 input_scale=0.25; add s <b,c",
      "[quantize] conv2d+relu [quantize] conv2d [quantize] conv2d add copy" },
    { "a view of what others read too", { 1, 6, 6 },
      Q("a", "3,1,3,3", "3") "input_scale=1; relu r; flatten f <r; " D("d", "4,48", "4") "input_scale=0.25; "
      "flatten g <r; concat s <d,g", NULL },
    { "a pooled value that others read too", { 1, 9, 9 },
      Q("a", "3,1,3,3", "3") "input_scale=1; max_pool2d p kernel=2 stride=1; " Q("b", "3,3,1,1", "3")
      "<p input_scale=0.25 input_zero=100; add s <b,p", "[quantize] conv2d max_pool2d [quantize] conv2d add copy" },
    { "a residual block", { 1, 6, 6 },
      Q("a", "3,1,3,3", "3") "padding=1 input_scale=1; relu r; " Q("b", "3,3,3,3", "3") "padding=1 input_scale=0.125; "
      "add s <b,r; relu t; " Q("c", "2,3,3,3", "2") "input_scale=0.25",
      "[quantize] conv2d+relu [quantize] conv2d add relu [quantize] conv2d copy" },
    { "batch norms, of negative weight too", { 1, 9, 9 },
      Q("a", "5,1,3,3", "5") "input_scale=1; batch_norm n epsilon=0 weight:5=-2 bias:5q mean:5=0.5 variance:5=4; relu r; "
      "max_pool2d p kernel=2; " Q("b", "3,5,3,3", "3") "input_scale=0.125; "
      "batch_norm m epsilon=0 weight:3=0.5 bias:3q mean:3=-0.25 variance:3=0.25",
      "[quantize] [conv2d+batch_norm+relu+max_pool2d] conv2d+batch_norm" },
    { "a batch norm behind a dense layer", { 1, 3, 3 },
      "flatten f; " D("a", "5,9", "5") "input_scale=1; batch_norm n epsilon=0 weight:5=-1 bias:5q mean:5=0.5 variance:5=4",
      "[quantize] dense+batch_norm" },
    { "the picture read as it is, too", { 1, 6, 6 },
      Q("a", "1,1,3,3", "1") "padding=1 input_scale=1; add s <a,input", "[quantize] conv2d add" },
};

/* ---- running ---- */

static ink_session *open_session(const ink_model *model, uint32_t threads, uint32_t batch)
{
    ink_session_options options = INK_SESSION_OPTIONS_INIT;
    ink_session *session;
    ink_error error;
    options.allocator = &check_nan_allocator;
    options.threads = threads;
    options.batch = batch;
    check_error(ink_session_open(model, &options, &session, &error), &error, INK_OK, NULL);
    return session;
}

static void check_steps(const network *c, const ink_model *model)
{
    char found[1000] = "";
    for (size_t i = 0; i < model->plan.step_count; i++) {
        const bool bytes = model->plan.steps[i].output.quantum.scale > 0;
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s%s%s", i ? " " : "", bytes ? "[" : "",
                 model->plan.steps[i].ops, bytes ? "]" : "");
    }
    if (c->steps && strcmp(found, c->steps))
        fail_msg("%s: the steps are %s, wanted %s", c->name, found, c->steps);
}

/* Every way to run a model, by pixels where there are some, gives exactly these outputs. */
static void check_model(const network *c, const ink_model *model, const float *x, const uint8_t *pixels, const float *want)
{
    static const struct {
        uint32_t threads, batch;
    } ways[] = { { 1, 0 }, { 1, 1 }, { 2, 4 } };
    const size_t classes = model->info.classes;
    float *y = malloc(IMAGES * classes * sizeof *y);
    assert_non_null(y);
    for (size_t w = 0; w < CHECK_COUNT(ways); w++) {
        ink_session *session = open_session(model, ways[w].threads, ways[w].batch);
        for (size_t images = 0; images <= IMAGES; images += images ? IMAGES - 1 : 1) {
            ink_error error;
            memset(y, 0xff, IMAGES * classes * sizeof *y);
            check_error(pixels ? ink_session_run_u8(session, pixels, images, y, &error)
                               : ink_session_run_f32(session, x, images, y, &error), &error, INK_OK, NULL);
            for (size_t i = 0; i < images * classes; i++)
                if (y[i] != want[i])
                    fail_msg("%s, %s, %s: of %zu images with %u threads and batch %u image %zu, output %zu is %.9g, "
                             "wanted %.9g", c->name, ink_cpu_name(model->info.cpu), pixels ? "pixels" : "floats", images,
                             ways[w].threads, ways[w].batch, i / classes, i % classes, (double)y[i], (double)want[i]);
        }
        ink_session_close(&session);
    }
    free(y);
}

/* Pixels, or multiples of 1/8 on both sides of 0, halves among them; and what must come of them. */
static float *make_inputs(const network *c, const net *n, bool are_pixels, uint8_t *pixels, float *x)
{
    const size_t size = (size_t)c->dim[0] * c->dim[1] * c->dim[2];
    uint64_t random = 7;
    float *want = NULL;
    ref values[NET_NODES + 1];
    for (size_t i = 0; i < IMAGES * size; i++) {
        pixels[i] = (uint8_t)check_random_size(&random, 0, 255);
        x[i] = are_pixels ? pixels[i] : (float)check_random_size(&random, 0, 4000) / 8 - 100;
    }
    for (size_t image = 0; image < IMAGES; image++) {
        ref_run(n, x + image * size, values);
        const ref *last = &values[n->node_count];
        if (!want)
            want = malloc(IMAGES * last->count * sizeof *want);
        assert_non_null(want);
        for (size_t i = 0; i < last->count; i++) {
            want[image * last->count + i] = (float)last->value[i];
            assert_true((double)(float)last->value[i] == last->value[i]); /* or nothing would be exact */
        }
        for (size_t i = 0; i <= n->node_count; i++)
            ref_free(&values[i]);
    }
    return want;
}

static void check_network(const network *c)
{
    const size_t size = (size_t)c->dim[0] * c->dim[1] * c->dim[2];
    ink_cpu cpus[CHECK_CPUS];
    const size_t cpu_count = check_cpus(cpus);
    net n = net_make(c->dim, c->text);
    uint8_t *pixels = malloc(IMAGES * size);
    float *x = malloc(IMAGES * size * sizeof *x);
    assert_true(pixels && x);
    for (int are_pixels = 0; are_pixels < 2; are_pixels++) {
        float *want = make_inputs(c, &n, are_pixels, pixels, x);
        for (size_t i = 0; i < cpu_count; i++) {
            ink_model_options options = INK_MODEL_OPTIONS_INIT;
            ink_model *model;
            ink_error error;
            options.cpu = cpus[i];
            options.output = INK_OUTPUT_AS_WRITTEN;
            options.allocator = &check_nan_allocator;
            if (net_open(&n, &options, &model, &error))
                fail_msg("%s: %s", c->name, error.text);
            check_steps(c, model);
            check_model(c, model, x, NULL, want);
            if (are_pixels)
                check_model(c, model, NULL, pixels, want);
            ink_model_close(&model);
        }
        free(want);
    }
    free(pixels);
    free(x);
    net_free(&n);
}

static void networks_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(networks); i++)
        check_network(&networks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
