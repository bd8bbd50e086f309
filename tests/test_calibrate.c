/* Temperatures: found where they are known, and folded into the weights. */
#include "support.h"

#include "base/random.h"
#include "train/calibrate.h"
#include "train/raster.h"
#include "train/settings.h"

#include <math.h>
#include <string.h>

enum { COUNT = 4000, CLASSES = 4, SIDE = 4 };

static float logits[COUNT * CLASSES];
static uint8_t labels[COUNT], pixels[COUNT * SIDE * SIDE];

/* Labels drawn by the softmax of the logits, which are then stretched: the stretch is the temperature. */
static void temperatures_are_found(void **state)
{
    (void)state;
    static const double stretches[] = { 0.5, 1, 3 };
    for (size_t s = 0; s < sizeof stretches / sizeof *stretches; s++) {
        ink_random random = { 5 };
        for (size_t i = 0; i < COUNT; i++) {
            double sum = 0, p[CLASSES];
            for (size_t c = 0; c < CLASSES; c++) {
                const double x = 2 * (double)ink_random_signed(&random);
                logits[i * CLASSES + c] = (float)(x * stretches[s]);
                sum += p[c] = exp(x);
            }
            double left = (double)ink_random_float(&random) * sum;
            labels[i] = 0;
            while (labels[i] < CLASSES - 1 && (left -= p[labels[i]]) > 0)
                labels[i]++;
        }
        const double t = ink_temperature(logits, labels, COUNT, CLASSES);
        if (!(fabs(log(t / stretches[s])) < 0.1))
            fail_msg("stretched by %g: the temperature is %g", stretches[s], t);
        const double best = ink_cross_entropy(logits, labels, COUNT, CLASSES, t);
        assert_true(best <= ink_cross_entropy(logits, labels, COUNT, CLASSES, 1));
        assert_true(best <= ink_cross_entropy(logits, labels, COUNT, CLASSES, t * 1.01) &&
                    best <= ink_cross_entropy(logits, labels, COUNT, CLASSES, t / 1.01));
    }
    /* What is always right could be surer without end, what is always wrong less sure: the ends of the range. */
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)ink_argmax(logits + i * CLASSES, CLASSES);
    assert_true(fabs(ink_temperature(logits, labels, COUNT, CLASSES) - 0.125) < 0.001);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)((ink_argmax(logits + i * CLASSES, CLASSES) + 1) % CLASSES);
    assert_true(fabs(ink_temperature(logits, labels, COUNT, CLASSES) - 8) < 0.01);
}

static ink_trainer *open_trainer(const char *network, const char *settings, ink_error *error)
{
    const ink_network_options options = { .size = sizeof options, .classes = CLASSES, .height = SIDE, .width = SIDE };
    const ink_trainer_options trainer_options = { .size = sizeof trainer_options, .settings = settings };
    const ink_examples examples = { pixels, labels, 400 };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_trainer *trainer = NULL;
    if (ink_network_open(network, strlen(network), &options, &builder, error) ||
        ink_builder_init_weights(builder, 1, error) || ink_builder_model(builder, NULL, &model, error))
        fail_msg("%s", error->text);
    (void)ink_trainer_open(model, &examples, &trainer_options, &trainer, error);
    ink_model_close(&model);
    ink_builder_close(&builder);
    return trainer;
}

/* A quarter shows the class, noise all over, and one label of five is wrong: nothing to be sure of. */
static void make_examples(void)
{
    ink_random random = { 3 };
    for (size_t i = 0; i < COUNT; i++) {
        const uint32_t shown = ink_random_below(&random, CLASSES);
        labels[i] = (uint8_t)(ink_random_below(&random, 5) ? shown : ink_random_below(&random, CLASSES));
        for (uint32_t k = 0; k < SIDE * SIDE; k++)
            pixels[i * SIDE * SIDE + k] = (uint8_t)(ink_random_below(&random, 160) + (k / SIDE == shown ? 60 : 0));
    }
}

/* The cross-entropy of a trained model on all of the examples, and its answers. */
static double measure(const ink_trainer *trainer, ink_model **model, uint8_t *answers)
{
    static float output[COUNT * CLASSES];
    ink_session *session;
    ink_error error;
    double loss = 0;
    if (ink_trainer_model(trainer, NULL, model, &error) || ink_session_open(*model, NULL, &session, &error) ||
        ink_session_run_u8(session, pixels, COUNT, output, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < COUNT; i++) {
        answers[i] = (uint8_t)ink_argmax(output + i * CLASSES, CLASSES);
        loss -= log(fmax((double)output[i * CLASSES + labels[i]], 1e-38)) / COUNT;
    }
    ink_session_close(&session);
    return loss;
}

/* What its metadata says. */
static float temperature_of(const ink_model *model)
{
    const char key[] = "training.temperature";
    ink_buffer file;
    ink_error error;
    float temperature = 0;
    assert_int_equal(ink_model_save_memory(model, INK_LAYOUT_INKLING, &file, &error), INK_OK);
    for (size_t at = 0; at + sizeof key + 8 < file.size; at++)
        if (!memcmp((const char *)file.data + at, key, sizeof key - 1))
            memcpy(&temperature, (const char *)file.data + at + sizeof key - 1 + 4, 4);
    ink_buffer_close(&file);
    return temperature;
}

static void a_model_that_is_too_sure_is_calibrated(void **state)
{
    (void)state;
    static const char *const networks[] = {
        "flatten\ndense units=60\nrelu\ndense name=out units=classes",
        "conv2d filters=20 kernel=3\nbatch_norm\nrelu\nconv2d name=out filters=4 kernel=2\nflatten\nsoftmax" };
    static uint8_t before[COUNT], after[COUNT];
    make_examples();
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        const char *const text[2] = { "epochs=60 batch=40 rate=0.02 validation=0.5",
                                      "epochs=60 batch=40 rate=0.02 validation=0.5 calibrate=1" };
        double loss[2];
        ink_model *model[2];
        ink_error error;
        for (int k = 0; k < 2; k++) {
            ink_trainer *trainer = open_trainer(networks[i], text[k], &error);
            ink_train_step step;
            if (!trainer)
                fail_msg("%s", error.text);
            while (!ink_trainer_get_info(trainer)->done)
                assert_int_equal(ink_trainer_step(trainer, &step, &error), INK_OK);
            loss[k] = measure(trainer, &model[k], k ? after : before);
            ink_trainer_close(&trainer);
        }
        if (!(loss[1] < 0.9 * loss[0])) /* on 4000, of which 400 were there to learn and to calibrate */
            fail_msg("network %d: the loss is %g, was %g", (int)i, loss[1], loss[0]);
        assert_memory_equal(before, after, COUNT);
        const float temperature = temperature_of(model[1]);
        if (!(temperature > 1.2f && temperature < 8.1f))
            fail_msg("network %d: the temperature is %g", (int)i, (double)temperature);
        ink_model_close(&model[0]);
        ink_model_close(&model[1]);
    }
}

static void amounts_are_strengthened_and_chances_are_not(void **state)
{
    (void)state;
    ink_settings s;
    ink_error error;
    assert_int_equal(ink_settings_parse(&s, "rate=0.5 shift=2 rotation=12 scale=0.8 shear=0.25 stretch=0.5 elastic=1 "
                                        "thickness=1 coarse=0.5 blur=4 contrast=0.5 noise=0.25 unchanged=0.25 "
                                        "outline=0.125 fit=0.5 erase=0.0625 lines=0.25", &error), INK_OK);
    ink_settings_strengthen(&s, 1.5);
    const ink_augment wanted = { .shift = 3, .rotation = 18, .scale = 1, .shear = 0.375f, .stretch = 0.75f,
                                 .elastic = 1.5f, .thickness = 1.5f, .coarse = 0.75f, .blur = INK_MAX_SIGMA,
                                 .contrast = 0.75f, .noise = 0.375f, .unchanged = 0.25f, .outline = 0.125f,
                                 .fit = 0.5f, .erase = 0.0625f, .lines = 0.25f };
    assert_memory_equal(&s.augment, &wanted, sizeof wanted);
    assert_true(s.schedule.rate == 0.5f);
}

/* The same weights: what they are calibrated by is all that differs. */
static void by_stronger_pictures_a_model_is_less_sure(void **state)
{
    (void)state;
    static const char *const text[] = { "epochs=20 batch=40 rate=0.02 validation=0.5 noise=0.2 calibrate=1",
                                        "epochs=20 batch=40 rate=0.02 validation=0.5 noise=0.2 calibrate=4" };
    float temperature[2];
    make_examples();
    for (int k = 0; k < 2; k++) {
        ink_error error;
        ink_train_step step;
        ink_model *model;
        ink_trainer *trainer = open_trainer("flatten\ndense units=60\nrelu\ndense units=classes", text[k], &error);
        assert_non_null(trainer);
        while (!ink_trainer_get_info(trainer)->done)
            assert_int_equal(ink_trainer_step(trainer, &step, &error), INK_OK);
        assert_int_equal(ink_trainer_model(trainer, NULL, &model, &error), INK_OK);
        temperature[k] = temperature_of(model);
        ink_model_close(&model);
        ink_trainer_close(&trainer);
    }
    if (!(temperature[1] > 1.1f * temperature[0]))
        fail_msg("the temperatures are %g and %g", (double)temperature[0], (double)temperature[1]);
}

static void what_cannot_be_calibrated_is_refused(void **state)
{
    (void)state;
    static const char *const networks[] = {
        "flatten\ndense units=classes\nrelu", "flatten\ndense units=classes\nbatch_norm",
        "flatten\ndense name=a units=classes\nrelu\nadd inputs=a,relu_3" };
    ink_error error;
    make_examples();
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        ink_trainer *plain = open_trainer(networks[i], NULL, &error);
        assert_non_null(plain);
        ink_trainer_close(&plain);
        assert_null(open_trainer(networks[i], "calibrate=1", &error));
        assert_string_equal(error.text, "setting 'calibrate': the network's logits are not the output of a conv2d or "
                                        "dense node, so there are no weights to divide by a temperature");
    }
    assert_null(open_trainer("flatten\ndense units=classes", "calibrate=1 validation=0", &error));
    assert_string_equal(error.text, "setting 'calibrate': found 1, and no pictures set aside to do it with, see "
                                    "'validation'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperatures_are_found),
        cmocka_unit_test(a_model_that_is_too_sure_is_calibrated),
        cmocka_unit_test(by_stronger_pictures_a_model_is_less_sure),
        cmocka_unit_test(amounts_are_strengthened_and_chances_are_not),
        cmocka_unit_test(what_cannot_be_calibrated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
