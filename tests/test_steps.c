/* ink_session_run_steps: what it gives for a step is what a network that ends there computes. */
#include "check_network.h"

#include "model/model.h"

enum { SIZE = 12, PIXELS = SIZE * SIZE };

static const char *const nodes[] = {
    "conv2d a weight:8,1,3,3 bias:8 padding=1", "relu r", "max_pool2d p kernel=2", "conv2d b weight:16,8,3,3 bias:16 padding=1",
    "sigmoid s", "flatten f", "dense d weight:10,576 bias:10", "softmax last", NULL
};

/* The network up to node `last`. */
static ink_model *open_part(size_t last)
{
    const uint32_t dim[3] = { 1, SIZE, SIZE };
    char text[1024] = "";
    for (size_t i = 0; i <= last; i++) {
        strcat(text, i ? "; " : "");
        strcat(text, nodes[i]);
    }
    net n = net_make(dim, text);
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    options.output = INK_OUTPUT_AS_WRITTEN;
    options.cpu = check_only_cpu();
    assert_int_equal(ink_builder_open(NULL, 1, SIZE, SIZE, 1.0f / 255, 0, &builder, &error), INK_OK);
    for (size_t i = 0; i < n.node_count; i++)
        if (net_build_node(&n.nodes[i], builder, &error))
            fail_msg("%s", error.text);
    if (ink_builder_model(builder, &options, &model, &error))
        fail_msg("%s", error.text);
    ink_builder_close(&builder);
    net_free(&n);
    return model;
}

static void draw(uint8_t *pixels)
{
    uint64_t random = 5;
    for (size_t i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)(check_random_size(&random, 0, 2) ? 0 : check_random_size(&random, 0, 255));
}

static size_t elements_of(const ink_step_info *step)
{
    size_t elements = 1;
    for (uint32_t k = 0; k < step->rank; k++)
        elements *= step->dim[k];
    return elements;
}

static ink_session *open_session(const ink_model *model)
{
    ink_session *session;
    ink_error error;
    check_error(ink_session_open(model, NULL, &session, &error), &error, INK_OK, NULL);
    return session;
}

/* The outputs of all steps in one block, the i-th at outputs[i]; outputs[0] is to be freed. */
static float **run_steps(const ink_model *model, ink_session *session, const uint8_t *pixels)
{
    const size_t steps = ink_model_get_info(model)->steps;
    size_t floats = 0;
    for (size_t i = 0; i < steps; i++)
        floats += elements_of(ink_model_step(model, i));
    float **outputs = malloc(steps * sizeof *outputs), *at = malloc(floats * sizeof *at);
    assert_true(outputs && at);
    for (size_t i = 0; i < steps; at += elements_of(ink_model_step(model, i++)))
        outputs[i] = at;
    ink_error error;
    check_error(ink_session_run_steps(session, pixels, outputs, &error), &error, INK_OK, NULL);
    return outputs;
}

static void gives_what_shorter_networks_compute(void **state)
{
    (void)state;
    uint8_t pixels[PIXELS];
    size_t count = 0, compared = 0;
    draw(pixels);
    while (nodes[count])
        count++;
    ink_model *model = open_part(count - 1);
    ink_session *session = open_session(model);
    float **outputs = run_steps(model, session, pixels);
    for (size_t i = 0; i < ink_model_get_info(model)->steps; i++) {
        const ink_step_info *step = ink_model_step(model, i);
        const size_t elements = elements_of(step);
        for (size_t last = 0; last < count; last++) {
            ink_model *part = open_part(last);
            /* Flatten runs nothing, and gives what stands before it another shape. */
            if (!strcmp(ink_model_node(part, last)->name, step->name)) {
                ink_session *s = open_session(part);
                float *y = malloc(elements * sizeof *y);
                ink_error error;
                assert_non_null(y);
                assert_int_equal(ink_model_get_info(part)->classes, elements);
                check_error(ink_session_run_u8(s, pixels, 1, y, &error), &error, INK_OK, NULL);
                for (size_t k = 0; k < elements; k++)
                    if (fabsf(y[k] - outputs[i][k]) > 1e-5f)
                        fail_msg("step '%s', element %zu: %g, wanted %g", step->name, k, (double)outputs[i][k], (double)y[k]);
                compared++;
                free(y);
                ink_session_close(&s);
            }
            ink_model_close(&part);
        }
    }
    assert_true(compared >= 4);
    free(outputs[0]);
    free(outputs);
    ink_session_close(&session);
    ink_model_close(&model);
}

/* What is kept as bytes is given as floats: near to those of the model that was quantized. */
static void gives_floats_for_bytes(void **state)
{
    (void)state;
    enum { IMAGES = 32 };
    static uint8_t pixels[IMAGES * PIXELS];
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(check_random_size(&random, 0, 2) ? 0 : check_random_size(&random, 0, 255));
    ink_model *model = open_part(7), *bytes = NULL;
    ink_quantizer *quantizer;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_buffer file;
    ink_error error;
    options.cpu = check_only_cpu();
    options.output = INK_OUTPUT_AS_WRITTEN;
    check_error(ink_quantizer_open(model, NULL, &quantizer, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_add(quantizer, pixels, IMAGES, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_make(quantizer, &file, &error), &error, INK_OK, NULL);
    check_error(ink_model_open_memory(file.data, file.size, &options, &bytes, &error), &error, INK_OK, NULL);
    ink_session *session = open_session(model), *other = open_session(bytes);
    float **wanted = run_steps(model, session, pixels), **found = run_steps(bytes, other, pixels);
    size_t compared = 0, kept = 0;
    for (size_t i = 0; i < ink_model_get_info(bytes)->steps; i++) {
        const ink_step_info *step = ink_model_step(bytes, i);
        kept += step->bytes == elements_of(step);
        for (size_t k = 0; k < ink_model_get_info(model)->steps; k++)
            if (!strcmp(ink_model_step(model, k)->name, step->name)) {
                assert_int_equal(elements_of(step), elements_of(ink_model_step(model, k)));
                float largest = 0;
                for (size_t n = 0; n < elements_of(step); n++)
                    largest = fmaxf(largest, fabsf(wanted[k][n]));
                for (size_t n = 0; n < elements_of(step); n++) /* 127 steps of weights and 255 of inputs */
                    if (fabsf(wanted[k][n] - found[i][n]) > 0.05f * largest)
                        fail_msg("step '%s', element %zu: %g, wanted %g", step->name, n, (double)found[i][n],
                                 (double)wanted[k][n]);
                compared++;
            }
    }
    assert_true(compared >= 3 && kept >= 1);
    free(wanted[0]);
    free(found[0]);
    free(wanted);
    free(found);
    ink_session_close(&session);
    ink_session_close(&other);
    ink_quantizer_close(&quantizer);
    ink_model_close(&model);
    ink_model_close(&bytes);
    ink_buffer_close(&file);
}

static void takes_some_or_none_and_refuses_null(void **state)
{
    (void)state;
    uint8_t pixels[PIXELS];
    draw(pixels);
    ink_model *model = open_part(7);
    ink_session *session = open_session(model);
    float **all = run_steps(model, session, pixels);
    const size_t steps = ink_model_get_info(model)->steps;
    float *outputs[32] = { NULL }, last[10], answer[10];
    ink_error error;
    assert_true(steps <= 32);
    outputs[steps - 1] = last;
    check_error(ink_session_run_steps(session, pixels, outputs, &error), &error, INK_OK, NULL);
    assert_memory_equal(last, all[steps - 1], sizeof last);
    check_error(ink_session_run_u8(session, pixels, 1, answer, &error), &error, INK_OK, NULL); /* goes on as before */
    assert_memory_equal(last, answer, sizeof last);
    check_error(ink_session_run_steps(NULL, pixels, outputs, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_session_run_steps(session, NULL, outputs, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_session_run_steps(session, pixels, NULL, &error), &error, INK_ERR_ARGUMENT, "NULL");
    free(all[0]);
    free(all);
    ink_session_close(&session);
    ink_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_shorter_networks_compute),
        cmocka_unit_test(gives_floats_for_bytes),
        cmocka_unit_test(takes_some_or_none_and_refuses_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
