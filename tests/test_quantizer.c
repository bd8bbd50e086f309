/* The quantizer: what it writes is, weight by weight and range by range, what docs/formats.md says, and computes nearly what
 * the model did. */
#include "check_network.h"

#include "model/model.h"

enum { IMAGES = 64, SIZE = 12, PIXELS = SIZE * SIZE };

static const char text[] =
    "conv2d a weight:8,1,3,3 bias:8 padding=1; batch_norm n weight:8 bias:8 mean:8 variance:8; relu r; "
    "max_pool2d p kernel=2; dropout o; conv2d g groups=2 weight:8,4,3,3; leaky_relu l alpha=0.1; "
    "conv2d b weight:6,8,3,3 bias:6; flatten f; dense d weight:10,24h; relu s; dense e weight:4,10 bias:4; "
    "batch_norm last mean:4 variance:4";

static uint8_t pixels[IMAGES * PIXELS];

static void draw_pictures(void)
{
    uint64_t random = 11;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(check_random_size(&random, 0, 3) ? 0 : check_random_size(&random, 0, 255));
}

static ink_model *open_text(const char *network, float scale, float offset)
{
    const uint32_t dim[3] = { 1, SIZE, SIZE };
    net n = net_make(dim, network);
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    options.output = INK_OUTPUT_AS_WRITTEN;
    options.cpu = check_only_cpu();
    assert_int_equal(ink_builder_open(NULL, 1, SIZE, SIZE, scale, offset, &builder, &error), INK_OK);
    for (size_t i = 0; i < n.node_count; i++)
        if (net_build_node(&n.nodes[i], builder, &error))
            fail_msg("%s", error.text);
    assert_int_equal(ink_builder_metadata(builder, "general.name", "to be quantized", &error), INK_OK);
    if (ink_builder_model(builder, &options, &model, &error))
        fail_msg("%s", error.text);
    ink_builder_close(&builder);
    net_free(&n);
    return model;
}

typedef struct quantized {
    ink_buffer file;
    ink_model *model;
} quantized;

static quantized quantize(const ink_model *model, const char *keep)
{
    quantized q = { { 0 }, NULL };
    ink_quantizer *quantizer;
    ink_quantizer_options options = INK_QUANTIZER_OPTIONS_INIT;
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    options.keep = keep;
    how.output = INK_OUTPUT_AS_WRITTEN;
    how.cpu = check_only_cpu();
    check_error(ink_quantizer_open(model, &options, &quantizer, &error), &error, INK_OK, NULL);
    /* In parts, or at once. */
    check_error(ink_quantizer_add(quantizer, pixels, 5, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_add(quantizer, pixels + 5 * PIXELS, IMAGES - 5, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_add(quantizer, NULL, 0, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_make(quantizer, &q.file, &error), &error, INK_OK, NULL);
    ink_buffer again;
    check_error(ink_quantizer_make(quantizer, &again, &error), &error, INK_OK, NULL);
    assert_int_equal(again.size, q.file.size);
    assert_memory_equal(again.data, q.file.data, again.size);
    ink_buffer_close(&again);
    ink_quantizer_close(&quantizer);
    check_error(ink_model_open_memory(q.file.data, q.file.size, &how, &q.model, &error), &error, INK_OK, NULL);
    return q;
}

static void quantized_free(quantized *q)
{
    ink_model_close(&q->model);
    ink_buffer_close(&q->file);
}

static const ink_node *node_of(const ink_model *model, const char *name)
{
    for (size_t i = 0; i < model->graph.node_count; i++)
        if (!strcmp(model->graph.nodes[i].name, name))
            return &model->graph.nodes[i];
    return NULL;
}

static float weight_at(const ink_node *node, size_t i)
{
    const ink_tensor_info *w = node->parameters[0];
    float value;
    const uint16_t *halves = w->data;
    memcpy(&value, (const char *)w->data + i * sizeof value * (w->type == INK_F32), sizeof value);
    if (w->type == INK_F32)
        return value;
    const int exponent = (halves[i] >> 10 & 31) - 25, fraction = (halves[i] & 1023) | 1024;
    return (halves[i] & 0x7fff) ? (float)ldexp(halves[i] & 0x8000 ? -fraction : fraction, exponent) : 0;
}

/* Each weight, with its norm's factor, is the nearest multiple of its channel's scale, and the largest one 127 times it. */
static void check_weights(const ink_node *old, const ink_node *new, const float *norm)
{
    const ink_tensor_info *w = new->parameters[0], *scale = new->parameters[2];
    assert_true(w->type == INK_I8 && scale && scale->type == INK_F32 && scale->rank == 1);
    const size_t channels = w->dim[0], row = (size_t)w->bytes / channels;
    for (size_t o = 0; o < channels; o++) {
        const int8_t *bytes = (const int8_t *)w->data + o * row;
        const double s = (double)((const float *)scale->data)[o];
        int largest = 0;
        for (size_t i = 0; i < row; i++) {
            const double value = (double)weight_at(old, o * row + i) * (norm ? (double)norm[o] : 1);
            largest = abs(bytes[i]) > largest ? abs(bytes[i]) : largest;
            assert_true(fabs(value - bytes[i] * s) <= s * (0.5 + 1e-6));
        }
        assert_int_equal(largest, 127);
    }
}

static void run(const ink_model *model, float *y)
{
    ink_session *session;
    assert_int_equal(ink_session_open(model, NULL, &session, NULL), INK_OK);
    assert_int_equal(ink_session_run_u8(session, pixels, IMAGES, y, NULL), INK_OK);
    ink_session_close(&session);
}

static void files_are_as_described(void **state)
{
    (void)state;
    ink_model *model = open_text(text, 1.0f / 255, 0);
    quantized q = quantize(model, NULL);
    assert_string_equal(q.model->info.name, "to be quantized");
    assert_null(node_of(q.model, "n"));
    assert_non_null(node_of(q.model, "last")); /* the output's */
    assert_non_null(node_of(q.model, "o"));
    float factor[8], shift[8];
    ink_batch_norm_affine(node_of(model, "n"), 8, factor, shift);
    check_weights(node_of(model, "a"), node_of(q.model, "a"), factor);
    check_weights(node_of(model, "b"), node_of(q.model, "b"), NULL);
    check_weights(node_of(model, "d"), node_of(q.model, "d"), NULL);
    for (size_t i = 0; i < 8; i++) {
        const float bias = ((const float *)node_of(model, "a")->parameters[1]->data)[i] * factor[i];
        assert_true(((const float *)node_of(q.model, "a")->parameters[1]->data)[i] == bias + shift[i]);
    }
    /* Groups, and a layer whose batch norm is the output, stay. */
    assert_true(node_of(q.model, "g")->parameters[0]->type == INK_F32 && !node_of(q.model, "g")->parameters[2]);
    assert_true(node_of(q.model, "e")->parameters[0]->type == INK_F32);
    assert_null(node_of(q.model, "d")->parameters[1]); /* had no bias and got none */
    /* A pixel is its own byte. What a relu gives has its 0 at 0; what a leaky one gives has not. */
    const ink_attributes *a = &node_of(q.model, "a")->attributes, *b = &node_of(q.model, "b")->attributes;
    assert_true(ink_attr_f32(a, INK_ATTR_INPUT_SCALE) == 1.0f / 255 && ink_attr_u32(a, INK_ATTR_INPUT_ZERO, 0) == 0);
    assert_true(ink_attr_u32(b, INK_ATTR_INPUT_ZERO, 0) > 0 && ink_attr_u32(b, INK_ATTR_INPUT_ZERO, 0) < 128);
    assert_int_equal(ink_attr_u32(&node_of(q.model, "d")->attributes, INK_ATTR_INPUT_ZERO, 0) > 0, 1);

    float before[IMAGES * 4], after[IMAGES * 4];
    double error = 0, size = 0;
    run(model, before);
    run(q.model, after);
    for (size_t i = 0; i < IMAGES * 4; i++) {
        error += pow((double)after[i] - (double)before[i], 2);
        size += pow((double)before[i], 2);
    }
    /* Seven or eight bits of four layers: each adds noise of about 1/200 of its values. */
    assert_true(error > 0 && sqrt(error / size) < 0.05);
    quantized_free(&q);
    ink_model_close(&model);
}

static void layers_can_be_kept(void **state)
{
    (void)state;
    ink_model *model = open_text(text, 1.0f / 255, 0);
    quantized q = quantize(model, "d,a");
    assert_true(node_of(q.model, "a")->parameters[0]->type == INK_F32);
    assert_non_null(node_of(q.model, "n")); /* and so does what was folded into it */
    assert_true(node_of(q.model, "d")->parameters[0]->type == INK_F16);
    assert_true(node_of(q.model, "b")->parameters[0]->type == INK_I8);
    quantized_free(&q);
    ink_model_close(&model);
}

/* Pixels that go from -1 to 1, or the other way round, are bytes all the same. */
static void pictures_keep_their_bytes(void **state)
{
    (void)state;
    static const struct {
        float scale, offset;
        uint32_t zero;
    } rows[] = { { 1.0f / 128, -1, 128 }, { 1, 0, 0 }, { -1.0f / 255, 1, 0 }, { -1, 0, 255 } };
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        ink_model *model = open_text("conv2d a weight:3,1,3,3; flatten f; dense d weight:2,300", rows[i].scale,
                                     rows[i].offset);
        quantized q = quantize(model, "d");
        const ink_attributes *a = &node_of(q.model, "a")->attributes;
        assert_true(ink_attr_f32(a, INK_ATTR_INPUT_SCALE) == fabsf(rows[i].scale));
        assert_int_equal(ink_attr_u32(a, INK_ATTR_INPUT_ZERO, 0), rows[i].zero);
        assert_true(q.model->plan.takes_pixels && q.model->plan.steps[0].same == (rows[i].scale > 0));
        quantized_free(&q);
        ink_model_close(&model);
    }
}

/* Nothing but zeros, and an input that overflows: still a file that opens. */
static void odd_values_are_taken(void **state)
{
    (void)state;
    static const char *const networks[] = {
        "conv2d a weight:3,1,3,3=0; relu r; flatten f; dense d weight:2,300",
        "conv2d a weight:3,1,3,3=1e38; conv2d b weight:3,3,3,3=1e38; flatten f; dense d weight:2,192",
    };
    for (size_t i = 0; i < CHECK_COUNT(networks); i++) {
        ink_model *model = open_text(networks[i], 1, 0);
        quantized q = quantize(model, NULL);
        quantized_free(&q);
        ink_model_close(&model);
    }
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    ink_model *model = open_text(text, 1, 0);
    ink_model *none = open_text("relu r; flatten f", 1, 0);
    ink_quantizer *quantizer;
    ink_buffer out;
    ink_error error;
    ink_quantizer_options options = INK_QUANTIZER_OPTIONS_INIT;
    check_error(ink_quantizer_open(NULL, NULL, &quantizer, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_quantizer_open(none, NULL, &quantizer, &error), &error, INK_ERR_GRAPH, "no dense node");
    options.keep = "a,nothing";
    check_error(ink_quantizer_open(model, &options, &quantizer, &error), &error, INK_ERR_ARGUMENT, "'nothing'");
    options.keep = "r";
    check_error(ink_quantizer_open(model, &options, &quantizer, &error), &error, INK_ERR_ARGUMENT, "'r'");
    options.size = 1;
    check_error(ink_quantizer_open(model, &options, &quantizer, &error), &error, INK_ERR_ARGUMENT, "size");
    assert_null(quantizer);
    check_error(ink_quantizer_open(model, NULL, &quantizer, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_add(quantizer, NULL, 1, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_quantizer_make(quantizer, &out, &error), &error, INK_ERR_ARGUMENT, "no picture");
    assert_null(out.data);
    ink_quantizer_close(&quantizer);
    ink_quantizer_close(&quantizer);

    /* What is quantized is no longer trained, quantized, or written in a layout that knows floats only. */
    quantized q = quantize(model, NULL);
    const uint8_t label = 0;
    const ink_examples examples = { pixels, &label, 1 };
    ink_trainer *trainer = NULL;
    check_error(ink_quantizer_open(q.model, NULL, &quantizer, &error), &error, INK_ERR_TYPE, "i8 already");
    check_error(ink_trainer_open(q.model, &examples, NULL, &trainer, &error), &error, INK_ERR_GRAPH,
                "is i8, which cannot be trained");
    quantized_free(&q);
    ink_model_close(&none);
    ink_model_close(&model);
    model = open_text("flatten f; dense d weight:5,144 bias:5; relu r; dense e weight:3,5 bias:3; softmax s", 1.0f / 255, 0);
    q = quantize(model, NULL);
    check_error(ink_model_save_memory(model, INK_LAYOUT_LEGACY, &out, &error), &error, INK_OK, NULL);
    ink_buffer_close(&out);
    check_error(ink_model_save_memory(q.model, INK_LAYOUT_LEGACY, &out, &error), &error, INK_ERR_LAYOUT,
                "weights of i8 at node 'd'");
    quantized_free(&q);
    ink_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_as_described),
        cmocka_unit_test(layers_can_be_kept),
        cmocka_unit_test(pictures_keep_their_bytes),
        cmocka_unit_test(odd_values_are_taken),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    draw_pictures();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
