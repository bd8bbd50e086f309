/* The older layouts: what their networks compute, against plain loops in double precision, and
 * conversions between the layouts. What a layout cannot hold is in test_model.c. */
#include "models.h"

#include <math.h>

enum { IMAGES = 4 };

/* Nothing, everything, anything, and a little ink. */
static uint8_t *make_pixels(size_t pixels)
{
    uint8_t *all = malloc(IMAGES * pixels);
    uint64_t random = 99;
    assert_non_null(all);
    for (size_t i = 0; i < pixels; i++) {
        all[i] = 0;
        all[pixels + i] = 255;
        all[2 * pixels + i] = (uint8_t)(test_random(&random) >> 32);
        all[3 * pixels + i] = test_random(&random) >> 60 ? 0 : (uint8_t)(test_random(&random) >> 32);
    }
    return all;
}

/* ---- networks of the older layouts with random weights ---- */

typedef struct network_row {
    const char *name;
    ink_layout layout;
    uint32_t height, width, classes;
    uint32_t hidden;                    /* of the fully connected network; 0: the one with convolutions */
    uint32_t channels[2], kernel[2][2]; /* of the convolutions */
} network_row;

typedef struct network {
    const char *name;
    ink_layout layout;
    uint32_t height, width, classes, hidden, channels[2], kernel[2][2]; /* the row's */
    uint32_t padding, conv[2][2], pool[2][2]; /* sizes after each convolution and pooling */
    uint32_t dense_inputs;
    float *weight[3], *bias[3]; /* of fc1, fc2; or conv1, conv2, dense */
} network;

#define NO_CONVOLUTIONS { 0, 0 }, { { 0, 0 }, { 0, 0 } }

static const network_row networks[] = {
    { "legacy, 1 pixel", INK_LAYOUT_LEGACY, 1, 1, 1, 1, NO_CONVOLUTIONS },
    { "legacy, small", INK_LAYOUT_LEGACY, 3, 3, 2, 5, NO_CONVOLUTIONS },
    { "legacy, usual", INK_LAYOUT_LEGACY, 28, 28, 10, 500, NO_CONVOLUTIONS },
    { "mnist-fc, small", INK_LAYOUT_GGML, 2, 2, 3, 1, NO_CONVOLUTIONS },
    { "mnist-fc, odd", INK_LAYOUT_GGML, 5, 5, 17, 33, NO_CONVOLUTIONS },
    { "mnist-fc, usual", INK_LAYOUT_GGML, 28, 28, 10, 500, NO_CONVOLUTIONS },
    { "mnist-cnn, smallest", INK_LAYOUT_GGML, 4, 4, 1, 0, { 1, 1 }, { { 3, 3 }, { 3, 3 } } },
    { "mnist-cnn, small", INK_LAYOUT_GGML, 8, 8, 3, 0, { 3, 5 }, { { 3, 3 }, { 3, 3 } } },
    { "mnist-cnn, odd", INK_LAYOUT_GGML, 12, 12, 2, 0, { 17, 9 }, { { 3, 3 }, { 3, 3 } } },
    { "mnist-cnn, usual", INK_LAYOUT_GGML, 28, 28, 10, 0, { 8, 16 }, { { 3, 3 }, { 3, 3 } } },
    { "2023, smallest", INK_LAYOUT_GGML_2023, 4, 4, 1, 0, { 1, 1 }, { { 1, 1 }, { 1, 1 } } },
    { "2023, not square", INK_LAYOUT_GGML_2023, 10, 13, 5, 0, { 2, 3 }, { { 1, 2 }, { 3, 2 } } },
    { "2023, large kernels", INK_LAYOUT_GGML_2023, 15, 12, 3, 0, { 3, 2 }, { { 5, 4 }, { 3, 1 } } },
    { "2023, usual", INK_LAYOUT_GGML_2023, 28, 28, 10, 0, { 32, 64 }, { { 3, 3 }, { 3, 3 } } },
};

enum { NETWORKS = sizeof networks / sizeof *networks };

static float *random_floats(size_t count, size_t inputs, bool half, uint64_t *random)
{
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        const double uniform = (double)(test_random(random) >> 11) * 0x1p-53 - 0.5;
        const float value = (float)(3 * uniform / sqrt((double)inputs));
        values[i] = half ? ink_f16_to_f32(ink_f32_to_f16(value)) : value;
    }
    return values;
}

/* With `exact`, kernels are what half precision can hold. */
static network make_network(const network_row *row, bool exact)
{
    network n = { .name = row->name, .layout = row->layout, .height = row->height,
                  .width = row->width, .classes = row->classes, .hidden = row->hidden };
    memcpy(n.channels, row->channels, sizeof n.channels);
    memcpy(n.kernel, row->kernel, sizeof n.kernel);
    uint64_t random = n.height * 1000 + n.channels[0] + n.hidden + 1;
    uint32_t height = n.height, width = n.width, channels = 1;
    n.padding = n.layout == INK_LAYOUT_GGML;
    n.dense_inputs = n.hidden;
    for (size_t i = 0; i < 2 && !n.hidden; i++) {
        const uint32_t inputs = channels * n.kernel[i][0] * n.kernel[i][1];
        n.conv[i][0] = height + 2 * n.padding - n.kernel[i][0] + 1;
        n.conv[i][1] = width + 2 * n.padding - n.kernel[i][1] + 1;
        n.pool[i][0] = height = n.conv[i][0] / 2;
        n.pool[i][1] = width = n.conv[i][1] / 2;
        channels = n.channels[i];
        n.weight[i] = random_floats(channels * inputs, inputs, exact, &random);
        n.bias[i] = random_floats(channels, 1, false, &random);
        n.dense_inputs = channels * height * width;
    }
    if (n.hidden) {
        n.weight[0] = random_floats(n.hidden * n.height * n.width, n.height * n.width, false, &random);
        n.bias[0] = random_floats(n.hidden, 1, false, &random);
    }
    const size_t last = n.hidden ? 1 : 2;
    n.weight[last] = random_floats(n.classes * n.dense_inputs, n.dense_inputs, false, &random);
    n.bias[last] = random_floats(n.classes, 1, false, &random);
    return n;
}

static void free_network(network *n)
{
    for (size_t i = 0; i < 3; i++) {
        free(n->weight[i]);
        free(n->bias[i]);
    }
}

/* The file that the layout's own program would write. */
static blob network_file(const network *n)
{
    const uint32_t classes = n->classes, pixels = n->height * n->width;
    gguf_maker maker = { 0 };
#define TENSOR(name, type, values, rank, ...)                                                      \
    gguf_tensor(&maker, name, type, rank, (uint32_t[]){ __VA_ARGS__ }, values)
    if (n->layout == INK_LAYOUT_LEGACY) {
        const uint32_t numbers[4][3] = { { 2, pixels, n->hidden }, { 1, n->hidden },
                                         { 2, n->hidden, classes }, { 1, classes } };
        const float *const values[4] = { n->weight[0], n->bias[0], n->weight[1], n->bias[1] };
        blob file = blob_make("4:0x67676d6c");
        for (size_t i = 0; i < 4; i++) {
            const uint32_t rank = numbers[i][0], rows = rank == 2 ? numbers[i][2] : 1;
            blob_append(&file, numbers[i], (rank + 1) * sizeof(uint32_t));
            blob_append(&file, values[i], (size_t)numbers[i][1] * rows * sizeof(float));
        }
        return file;
    }
    gguf_string(&maker, "general.architecture", n->hidden ? "mnist-fc" : "mnist-cnn");
    if (n->hidden) {
        TENSOR("fc1.weight", INK_F32, n->weight[0], 2, n->hidden, pixels);
        TENSOR("fc1.bias", INK_F32, n->bias[0], 1, n->hidden);
        TENSOR("fc2.weight", INK_F32, n->weight[1], 2, classes, n->hidden);
        TENSOR("fc2.bias", INK_F32, n->bias[1], 1, classes);
        return gguf_finish(&maker);
    }
    const bool old = n->layout == INK_LAYOUT_GGML_2023;
    for (size_t i = 0; i < 2; i++) {
        static const char *const kernels[2][2] = { { "conv1.kernel", "conv2.kernel" },
                                                   { "kernel1", "kernel2" } };
        static const char *const biases[2][2] = { { "conv1.bias", "conv2.bias" },
                                                  { "bias1", "bias2" } };
        const uint32_t channels = n->channels[i], inputs = i ? n->channels[0] : 1;
        const uint32_t height = old ? n->conv[i][0] : 1, width = old ? n->conv[i][1] : 1;
        float *map = malloc((size_t)channels * height * width * sizeof *map);
        assert_non_null(map);
        for (size_t k = 0; k < (size_t)channels * height * width; k++)
            map[k] = n->bias[i][k / (height * width)];
        TENSOR(kernels[old][i], old ? INK_F16 : INK_F32, n->weight[i], 4, channels, inputs,
               n->kernel[i][0], n->kernel[i][1]);
        if (old)
            TENSOR(biases[1][i], INK_F32, map, 4, 1, channels, height, width);
        else
            TENSOR(biases[0][i], INK_F32, map, 3, channels, 1, 1);
        free(map);
    }
    TENSOR(old ? "dense_w" : "dense.weight", INK_F32, n->weight[2], 2, classes, n->dense_inputs);
    TENSOR(old ? "dense_b" : "dense.bias", INK_F32, n->bias[2], 1, classes);
#undef TENSOR
    return gguf_finish(&maker);
}

/* ---- the same networks, computed plainly in double precision ---- */

/* A number and how far float32 may be from it. `rounding` holds the rounding errors of sums, which
 * have no common cause: squares add up, and a sum of n terms errs by less than 6 sqrt(n) u times the
 * sum of the absolute values, but for a chance below 2 n exp(-18) (N. J. Higham, T. Mary, "A New
 * Approach to Probabilistic Rounding Error Analysis", 2019). `shift` holds what other causes may add,
 * at worst: a pixel that is rounded and kernels that are, the same ones in many places. */
typedef struct approx {
    double value, rounding, shift;
} approx;

static const double unit = 0x1p-24; /* float32's */

/* The largest change of a weight that is rounded to half precision. */
static double half_change(float weight)
{
    return fmax(0x1p-11 * fabs((double)weight), 0x1p-25);
}

typedef struct dot_product {
    approx total;
    double squares, size;
    size_t terms;
} dot_product;

static dot_product sum_from(float bias)
{
    return (dot_product){ { bias, 0, 0 }, 0, fabs((double)bias), 1 };
}

static void sum_add(dot_product *s, float weight, double change, const approx *x)
{
    const double w = weight, largest = fabs(w) + change;
    s->total.value += w * x->value;
    s->total.shift += largest * x->shift + change * fabs(x->value);
    s->squares += largest * x->rounding * largest * x->rounding;
    s->size += largest * (fabs(x->value) + x->rounding + x->shift);
    s->terms++;
}

static approx sum_end(const dot_product *s, bool relu)
{
    approx result = s->total;
    const double own = 6 * sqrt((double)s->terms) * unit * s->size;
    result.rounding = sqrt(s->squares + own * own);
    if (relu && result.value < 0)
        result.value = 0;
    return result;
}

static approx *dense(const approx *x, size_t inputs, const float *weight, const float *bias,
                     size_t outputs, bool relu)
{
    approx *y = calloc(outputs, sizeof *y);
    assert_non_null(y);
    for (size_t o = 0; o < outputs; o++) {
        dot_product s = sum_from(bias[o]);
        for (size_t i = 0; i < inputs; i++)
            sum_add(&s, weight[o * inputs + i], 0, &x[i]);
        y[o] = sum_end(&s, relu);
    }
    return y;
}

/* Convolution, relu and pooling of [channels, height, width]. */
static approx *convolve(const network *n, size_t at, const approx *x, uint32_t channels,
                        uint32_t height, uint32_t width, bool rounded)
{
    const uint32_t out_height = n->pool[at][0], out_width = n->pool[at][1];
    const uint32_t kernel_height = n->kernel[at][0], kernel_width = n->kernel[at][1];
    approx *y = calloc((size_t)n->channels[at] * out_height * out_width, sizeof *y);
    assert_non_null(y);
    for (uint32_t o = 0; o < n->channels[at]; o++)
        for (uint32_t i = 0; i < 4 * out_height * out_width; i++) { /* pixels before pooling */
            const uint32_t cy = i / (2 * out_width), cx = i % (2 * out_width);
            dot_product s = sum_from(n->bias[at][o]);
            for (uint32_t c = 0; c < channels; c++)
                for (uint32_t k = 0; k < kernel_height * kernel_width; k++) {
                    const uint32_t iy = cy + k / kernel_width - n->padding;
                    const uint32_t ix = cx + k % kernel_width - n->padding;
                    const float w = n->weight[at][(o * channels + c) * kernel_height * kernel_width + k];
                    if (iy < height && ix < width) /* -1 is larger than any */
                        sum_add(&s, w, rounded ? half_change(w) : 0, &x[(c * height + iy) * width + ix]);
                }
            const approx v = sum_end(&s, true);
            approx *to = &y[(o * out_height + cy / 2) * out_width + cx / 2];
            to->value = fmax(to->value, v.value);
            to->rounding = fmax(to->rounding, v.rounding);
            to->shift = fmax(to->shift, v.shift);
        }
    return y;
}

/* The logits of one image. `rounded`: the kernels may have been rounded to half precision. */
static approx *forward(const network *n, const uint8_t *pixels, float scale, bool rounded)
{
    const size_t count = (size_t)n->height * n->width;
    approx *x = calloc(count, sizeof *x), *y;
    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = (approx){ pixels[i] * (double)scale, 0, pixels[i] * (double)scale * unit };
    if (n->hidden) {
        y = dense(x, count, n->weight[0], n->bias[0], n->hidden, true);
    } else {
        approx *a = convolve(n, 0, x, 1, n->height, n->width, rounded);
        approx *b = convolve(n, 1, a, n->channels[0], n->pool[0][0], n->pool[0][1], rounded);
        const size_t area = (size_t)n->pool[1][0] * n->pool[1][1];
        y = calloc(n->dense_inputs, sizeof *y);
        assert_non_null(y);
        for (size_t i = 0; i < n->dense_inputs; i++) /* channels last */
            y[i] = b[i % n->channels[1] * area + i / n->channels[1]];
        free(a);
        free(b);
    }
    free(x);
    const size_t last = n->hidden ? 1 : 2;
    x = dense(y, n->dense_inputs, n->weight[last], n->bias[last], n->classes, false);
    free(y);
    return x;
}

static void check_close(const char *name, size_t i, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound))
        fail_msg("%s: output %zu is %.9g, wanted %.9g +- %.2g", name, i, got, want, bound);
}

/* Compares outputs for all images with the plain computation. */
static void check_outputs(const network *n, const float *got, const uint8_t *pixels, float scale,
                          bool logits, bool rounded)
{
    for (size_t image = 0; image < IMAGES; image++, got += n->classes) {
        approx *z = forward(n, pixels + image * n->height * n->width, scale, rounded);
        double largest = -INFINITY, least = INFINITY, sum = 0, error = 0;
        for (size_t i = 0; i < n->classes; i++) {
            largest = fmax(largest, z[i].value);
            least = fmin(least, z[i].value);
            error = fmax(error, z[i].rounding + z[i].shift);
        }
        for (size_t i = 0; i < n->classes; i++)
            sum += exp(z[i].value - largest);
        /* A bound that lets mistakes through would be none; logits are some units apart. */
        if (!rounded && scale < 1)
            assert_true(error < 4e-4);
        /* Each logit may be off by `error`; then the difference to the largest, exp, sum, quotient. */
        const double relative = expm1(2 * error + 2 * unit * (largest - least)) +
                                (double)(n->classes + 8) * unit;
        for (size_t i = 0; i < n->classes; i++) {
            const double p = exp(z[i].value - largest) / sum;
            if (logits)
                check_close(n->name, i, got[i], z[i].value, z[i].rounding + z[i].shift);
            else
                check_close(n->name, i, got[i], p, p * relative + 1e-37);
        }
        free(z);
    }
}

static void older_layouts_compute_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETWORKS; i++) {
        network n = make_network(&networks[i], networks[i].layout == INK_LAYOUT_GGML_2023);
        blob file = network_file(&n);
        uint8_t *pixels = make_pixels((size_t)n.height * n.width);
        for (int variant = 0; variant < 3; variant++) {
            opened it;
            ink_model_options options = INK_MODEL_OPTIONS_INIT;
            const float scale = variant == 1 ? 1.0f : 1.0f / 255;
            options.input_scale = variant == 1 ? 1 : 0;
            options.output = variant == 2 ? INK_OUTPUT_AS_WRITTEN : INK_OUTPUT_PROBABILITIES;
            open_bytes(&it, file.data, file.size, &options);
            const ink_model_info *info = ink_model_get_info(it.model);
            assert_int_equal(info->layout, n.layout);
            assert_true(info->height == n.height && info->width == n.width && info->channels == 1);
            assert_true(info->classes == n.classes && info->input_offset == 0);
            assert_true(info->input_scale == scale);
            float *output = run_model(it.model, pixels, IMAGES);
            /* ggml's layouts of today end in logits, the others in a softmax. */
            check_outputs(&n, output, pixels, scale, variant == 2 && n.layout == INK_LAYOUT_GGML,
                          false);
            free(output);
            close_opened(&it);
        }
        free(pixels);
        blob_free(&file);
        free_network(&n);
    }
}

/* ggml drops dimensions of 1 at the slow end, other writers do not: both are read, one is written. */
static void dropped_dimensions_are_put_back(void **state)
{
    (void)state;
    static const struct {
        const char *const *lines;
        const char *given[6], *usual[6];
    } rows[] = {
        { small_cnn,
          { "conv1.bias f32:1,2,1,1 random", "conv2.bias f32:1,3,1,1 random" },
          { NULL } },
        { small_cnn,
          { "conv1.kernel f32:3,3 random", "conv1.bias f32:1,1 random",
            "conv2.kernel f32:1,3,3 random", "conv2.bias f32:1 random", "dense.weight f32:4,4 random" },
          { "conv1.kernel f32:1,1,3,3 random", "conv1.bias f32:1,1,1 random",
            "conv2.kernel f32:1,1,3,3 random", "conv2.bias f32:1,1,1 random",
            "dense.weight f32:4,4 random" } },
        { small_cnn_2023,
          { "bias1 f32:2,8,9 0.5", "bias2 f32:3,2,3 -0.5" },
          { "bias1 f32:1,2,8,9 0.5", "bias2 f32:1,3,2,3 -0.5" } },
        { small_cnn_2023,
          { "kernel1 f16:1,3,3 random", "bias1 f32:8,9 0.25", "kernel2 f16:3,1,3,2 random" },
          { "kernel1 f16:1,1,3,3 random", "bias1 f32:1,1,8,9 0.25", "kernel2 f16:3,1,3,2 random" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened it;
        open_lines(&it, rows[i].lines, rows[i].given);
        ink_buffer out = save(it.model, ink_model_get_info(it.model)->layout);
        blob usual = model_make(rows[i].lines, rows[i].usual);
        check_same_bytes("the usual form", out.data, out.size, usual.data, usual.size);
        blob_free(&usual);
        ink_buffer_close(&out);
        close_opened(&it);
    }
}

/* ---- conversions ---- */

static const ink_layout all_layouts[] = { INK_LAYOUT_INKLING, INK_LAYOUT_GGML, INK_LAYOUT_GGML_2023,
                                          INK_LAYOUT_LEGACY };

enum { LAYOUTS = sizeof all_layouts / sizeof *all_layouts };

static bool can_hold(ink_layout layout, const network *n)
{
    switch (layout) {
    case INK_LAYOUT_INKLING: return true;
    case INK_LAYOUT_GGML: return n->hidden || n->padding;
    case INK_LAYOUT_GGML_2023: return !n->hidden && !n->padding;
    case INK_LAYOUT_LEGACY: return n->hidden;
    }
    return false;
}

/* To each layout that can hold it and back: not one bit of an output differs, the same layout is
 * written again byte for byte, and the way back gives the file of the beginning. */
static void conversions_keep_every_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETWORKS; i++) {
        network n = make_network(&networks[i], true);
        blob file = network_file(&n);
        uint8_t *pixels = make_pixels((size_t)n.height * n.width);
        opened first;
        open_bytes(&first, file.data, file.size, NULL);
        float *want = run_model(first.model, pixels, IMAGES);
        size_t held = 0;
        for (size_t k = 0; k < LAYOUTS; k++) {
            const ink_layout layout = all_layouts[k];
            ink_error error;
            ink_buffer out = { 0 };
            if (!can_hold(layout, &n)) {
                check_error(ink_model_save_memory(first.model, layout, &out, &error), &error,
                            INK_ERR_LAYOUT, "at node '");
                assert_non_null(strstr(error.text, ink_layout_name(layout)));
                assert_true(!out.data && !out.size);
                continue;
            }
            opened second;
            out = save(first.model, layout);
            open_bytes(&second, out.data, out.size, NULL);
            assert_int_equal(ink_model_get_info(second.model)->layout, layout);
            float *got = run_model(second.model, pixels, IMAGES);
            check_same_bytes(n.name, got, IMAGES * n.classes * sizeof *got, want,
                             IMAGES * n.classes * sizeof *want);
            ink_buffer again = save(second.model, layout), back = save(second.model, n.layout);
            check_same_bytes("written again", again.data, again.size, out.data, out.size);
            check_same_bytes("and back", back.data, back.size, file.data, file.size);
            ink_buffer_close(&again);
            ink_buffer_close(&back);
            ink_buffer_close(&out);
            close_opened(&second);
            free(got);
            held++;
        }
        assert_int_equal(held, n.hidden ? 3 : 2);
        close_opened(&first);
        free(want);
        free(pixels);
        blob_free(&file);
        free_network(&n);
    }
}

/* What is not the same in every file: node names, dropouts, whether a permute stands before the dense
 * layer, whether the end is a softmax. */
static ink_model *build(const network *n, bool permute, bool softmax, const ink_allocator *allocator)
{
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    const size_t last = n->hidden ? 1 : 2, area = (size_t)n->pool[1][0] * n->pool[1][1];
    const char *padding = n->padding ? "padding=1" : NULL;
#define NODE(op, name, attributes)                                                                 \
    check_error(ink_builder_node(builder, op, name, NULL, attributes, &error), &error, INK_OK, NULL)
#define TENSOR(name, rank, values, ...)                                                            \
    check_error(ink_builder_tensor(builder, name, INK_F32, rank, (uint32_t[]){ __VA_ARGS__ },      \
                                   values, &error), &error, INK_OK, NULL)
    check_error(ink_builder_open(allocator, 1, n->height, n->width, 1.0f / 255, 0, &builder, &error),
                &error, INK_OK, NULL);
    if (n->hidden) {
        NODE("flatten", "f", NULL);
        NODE("dense", "hidden", NULL);
        NODE("relu", "r", NULL);
        TENSOR("hidden.weight", 2, n->weight[0], n->hidden, n->height * n->width);
        TENSOR("hidden.bias", 1, n->bias[0], n->hidden);
    } else {
        NODE("conv2d", "a", padding);
        NODE("relu", "ra", NULL);
        NODE("dropout", "da", "rate=0.25");
        NODE("max_pool2d", "pa", "kernel=2");
        NODE("conv2d", "b", padding);
        NODE("relu", "rb", NULL);
        NODE("max_pool2d", "pb", "kernel=2");
        if (permute)
            NODE("permute", "last", "order=1,2,0");
        NODE("flatten", "f", NULL);
        TENSOR("a.weight", 4, n->weight[0], n->channels[0], 1, n->kernel[0][0], n->kernel[0][1]);
        TENSOR("a.bias", 1, n->bias[0], n->channels[0]);
        TENSOR("b.weight", 4, n->weight[1], n->channels[1], n->channels[0], n->kernel[1][0],
               n->kernel[1][1]);
        TENSOR("b.bias", 1, n->bias[1], n->channels[1]);
    }
    NODE("dropout", "d", NULL);
    NODE("dense", "end", NULL);
    if (softmax)
        NODE("softmax", "s", "axis=0");
    const size_t inputs = n->dense_inputs;
    float *weight = malloc(n->classes * inputs * sizeof *weight);
    assert_non_null(weight);
    for (size_t i = 0; i < n->classes * inputs; i++) {
        const size_t o = i / inputs, at = i % inputs, channels = n->channels[1];
        /* Without a permute the inputs of the dense layer come channels first. */
        weight[i] = n->hidden || permute
                        ? n->weight[last][i]
                        : n->weight[last][o * inputs + at % area * channels + at / area];
    }
    TENSOR("end.weight", 2, weight, n->classes, n->dense_inputs);
    TENSOR("end.bias", 1, n->bias[last], n->classes);
    free(weight);
#undef NODE
#undef TENSOR
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.cpu = test_cpu();
    options.allocator = allocator;
    check_error(ink_builder_model(builder, &options, &model, &error), &error, INK_OK, NULL);
    ink_builder_close(&builder);
    return model;
}

/* However the network was put together, the file is the one that the layout's program would write:
 * the dense weights are reordered where the network is channels first. */
static void built_networks_are_written_in_the_older_layouts(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETWORKS; i++)
        for (int variant = 0; variant < 4; variant++) {
            network n = make_network(&networks[i], true);
            blob file = network_file(&n);
            uint8_t *pixels = make_pixels((size_t)n.height * n.width);
            test_memory memory = { 0 };
            ink_allocator allocator = test_allocator(&memory);
            ink_model *model = build(&n, variant & 1, variant & 2, &allocator);
            ink_buffer out = save(model, n.layout);
            check_same_bytes(n.name, out.data, out.size, file.data, file.size);
            float *output = run_model(model, pixels, IMAGES);
            check_outputs(&n, output, pixels, 1.0f / 255, false, false);
            opened again;
            open_bytes(&again, out.data, out.size, NULL);
            float *same = run_model(again.model, pixels, IMAGES);
            check_same_bytes(n.name, same, IMAGES * n.classes * sizeof *same, output,
                             IMAGES * n.classes * sizeof *same);
            close_opened(&again);
            free(same);
            free(output);
            ink_buffer_close(&out);
            ink_model_close(&model);
            assert_int_equal(memory.live, 0);
            free(pixels);
            blob_free(&file);
            free_network(&n);
        }
}

/* The 2023 layout has kernels in half precision: each is the nearest, and outputs move by no more than
 * that can move them. */
static void kernels_are_rounded_to_half_precision(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETWORKS; i++) {
        if (networks[i].layout != INK_LAYOUT_GGML_2023)
            continue;
        network n = make_network(&networks[i], false);
        uint8_t *pixels = make_pixels((size_t)n.height * n.width);
        ink_model *model = build(&n, true, false, NULL);
        ink_buffer out = save(model, INK_LAYOUT_GGML_2023);
        opened it;
        open_bytes(&it, out.data, out.size, NULL);
        size_t changed = 0;
        for (size_t k = 0; k < 2; k++) {
            const ink_tensor_info *tensor = ink_model_tensor(it.model, 2 * k);
            assert_true(tensor->type == INK_F16 && tensor->rank == 4);
            for (size_t w = 0; w < tensor->bytes / 2; w++) {
                uint16_t half;
                memcpy(&half, (const char *)tensor->data + 2 * w, 2);
                const float plain = n.weight[k][w], stored = ink_f16_to_f32(half);
                assert_true(fabs((double)stored - (double)plain) <= half_change(plain));
                changed += stored != plain;
            }
        }
        assert_true(changed > 0);
        float *before = run_model(model, pixels, IMAGES), *after = run_model(it.model, pixels, IMAGES);
        check_outputs(&n, before, pixels, 1.0f / 255, false, false);
        check_outputs(&n, after, pixels, 1.0f / 255, false, true);
        free(before);
        free(after);
        close_opened(&it);
        ink_buffer_close(&out);
        ink_model_close(&model);
        free(pixels);
        free_network(&n);
    }
}

/* ---- files ---- */

static void models_are_saved_to_files(void **state)
{
    (void)state;
    char *folder = folder_make();
    char *path = folder_path(folder, "model"), *bad = folder_path(folder, "none/model");
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        opened it;
        ink_error error;
        ink_model *model;
        open_bytes(&it, file.data, file.size, NULL);
        const ink_layout layout = ink_model_get_info(it.model)->layout;
        check_error(ink_model_save(it.model, path, layout, &error), &error, INK_OK, NULL);
        ink_buffer want = save(it.model, layout);
        blob got = file_get(path);
        check_same_bytes(small_names[i], got.data, got.size, want.data, want.size);
        check_error(ink_model_open(path, NULL, &model, &error), &error, INK_OK, NULL);
        ink_model_close(&model);
        /* What fails leaves the file as it is, and no other. */
        check_error(ink_model_save(it.model, bad, layout, &error), &error, INK_ERR_WRITE, "none/model");
        const bool convolutions = i == 2 || i == 3; /* which the legacy layout has not */
        const ink_layout other = convolutions ? INK_LAYOUT_LEGACY : INK_LAYOUT_GGML_2023;
        check_error(ink_model_save(it.model, path, other, &error), &error, INK_ERR_LAYOUT, path);
        blob same = file_get(path);
        check_same_bytes("the old file", same.data, same.size, got.data, got.size);
        blob_free(&same);
        assert_int_equal(folder_count(folder), 1);
        blob_free(&got);
        ink_buffer_close(&want);
        close_opened(&it);
        blob_free(&file);
    }
    free(path);
    free(bad);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_layouts_compute_what_they_say),
        cmocka_unit_test(dropped_dimensions_are_put_back),
        cmocka_unit_test(conversions_keep_every_bit),
        cmocka_unit_test(built_networks_are_written_in_the_older_layouts),
        cmocka_unit_test(kernels_are_rounded_to_half_precision),
        cmocka_unit_test(models_are_saved_to_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
