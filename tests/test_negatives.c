/* Pictures that are no digits, or were cut out of a number: what is drawn, which are chosen, and that training takes
 * them for what they are. */
#include "support.h"

#include "train/touching.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, COUNT = 40, CLASSES = 10 };

static uint8_t pixels[COUNT * PIXELS], labels[COUNT];
static uint32_t indices[COUNT];
static const ink_negatives source = { pixels, labels, indices, COUNT, SIDE, SIDE, true };

/* Stand-ins for digits: a ring or two and a bar, another for each class. */
static void make_digits(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *p = pixels + i * PIXELS;
        labels[i] = (uint8_t)(i % CLASSES);
        indices[i] = (uint32_t)i;
        const float angle = (float)labels[i] * 0.6f;
        const ink_point middle = { 14, 14 };
        const ink_point end = { 14 + 9 * cosf(angle), 14 + 9 * sinf(angle) };
        const ink_point other = { 14 - 5 * sinf(angle), 14 + 5 * cosf(angle) };
        ink_raster_stroke(p, SIDE, SIDE, middle, end, 1.2f + (float)(i % 3) / 2, 255);
        ink_raster_stroke(p, SIDE, SIDE, end, other, 1.2f, 255);
        ink_raster_fit(p, 1, SIDE, SIDE, (uint8_t[PIXELS]){ 0 });
    }
}

static void each_kind_is_drawn(void **state)
{
    (void)state;
    uint8_t one[PIXELS], two[PIXELS], scratch[2 * PIXELS], before[PIXELS];
    for (ink_negative kind = 0; kind < INK_NEGATIVE_KINDS; kind++) {
        int drawn = 0, inked = 0, changed = 0;
        memset(before, 0, PIXELS);
        for (uint64_t seed = 0; seed < 400; seed++) {
            memset(one, 77, PIXELS);
            memset(two, 99, PIXELS);
            const bool is = ink_negatives_draw_kind(&source, kind, seed * 7919, one, scratch);
            memset(scratch, 55, sizeof scratch);
            assert_int_equal(ink_negatives_draw_kind(&source, kind, seed * 7919, two, scratch), is);
            if (!is)
                continue;
            assert_memory_equal(one, two, PIXELS); /* of the seed alone, and all of it written */
            ink_bounds box;
            drawn++;
            inked += ink_raster_box(one, 1, SIDE, SIDE, &box);
            changed += memcmp(one, before, PIXELS) != 0;
            memcpy(before, one, PIXELS);
        }
        if (drawn < 60 || inked < drawn * 3 / 4 || changed < drawn * 3 / 4)
            fail_msg("kind %d: %d of 400 drawn, %d with ink, %d another than before", (int)kind, drawn, inked, changed);
    }
}

/* What is a 1 in every hand is none of them: a single line, within 30 degrees of upright. */
static void strokes_are_no_ones(void **state)
{
    (void)state;
    uint8_t to[PIXELS], scratch[2 * PIXELS];
    for (uint64_t seed = 0; seed < 3000; seed++) {
        ink_bounds box;
        if (!ink_negatives_draw_kind(&source, INK_NEGATIVE_STROKES, seed, to, scratch) ||
            !ink_raster_box(to, 1, SIDE, SIDE, &box))
            continue;
        int several = 0;
        for (int y = box.top; y < box.bottom; y++) {
            int runs = 0, wide = 0;
            for (int x = 0; x < SIDE; x++) {
                runs += to[y * SIDE + x] > 64 && (!x || to[y * SIDE + x - 1] <= 64);
                wide += to[y * SIDE + x] > 64;
            }
            several += runs > 1 || wide > 8;
        }
        if (!several && box.right - box.left < (box.bottom - box.top) / 2 + 2)
            fail_msg("seed %d: a line of %dx%d", (int)seed, box.right - box.left, box.bottom - box.top);
    }
}

static void labels_matter_for_digits_only(void **state)
{
    (void)state;
    uint8_t to[PIXELS], scratch[2 * PIXELS];
    ink_negatives others = source;
    others.digits = false;
    int kinds[INK_NEGATIVE_KINDS] = { 0 }, turned = 0;
    for (uint64_t seed = 0; seed < 1400; seed++) {
        kinds[ink_negatives_draw(&source, seed, to, scratch)]++;
        turned += ink_negatives_draw(&others, seed, to, scratch) == INK_NEGATIVE_TURNED;
    }
    for (int i = 0; i < INK_NEGATIVE_KINDS; i++) {
        const double share = (i == INK_NEGATIVE_SEVERAL ? 8 : i == INK_NEGATIVE_STROKES ? 4 : 1) / 17.0;
        const double deviation = sqrt(1400 * share * (1 - share));
        if (!(fabs(kinds[i] - 1400 * share) < 6 * deviation))
            fail_msg("kind %d: %d of 1400", i, kinds[i]);
    }
    assert_int_equal(turned, 0);
}

/* Pictures as small as they come. */
static void any_size_will_do(void **state)
{
    (void)state;
    const uint8_t label = 4;
    const uint32_t index = 0;
    for (uint32_t height = 1; height <= 8; height++)
        for (uint32_t width = 1; width <= 8; width++) {
            const size_t size = (size_t)height * width;
            uint8_t *tiny = malloc(size), *to = malloc(size), *scratch = malloc(2 * size); /* and not a byte more */
            assert_true(tiny && to && scratch);
            memset(tiny, 200, size);
            const ink_negatives small = { tiny, &label, &index, 1, height, width, true };
            for (uint64_t seed = 0; seed < 100; seed++) {
                ink_negatives_draw(&small, seed, to, scratch);
                ink_parted_draw(&small, 0, seed, to, scratch);
            }
            free(tiny);
            free(to);
            free(scratch);
        }
}

/* How much of a picture's ink another has too. */
static double shared(const uint8_t *picture, const uint8_t *other)
{
    double all = 0, both = 0;
    for (int i = 0; i < PIXELS; i++) {
        all += picture[i];
        both += picture[i] < other[i] ? picture[i] : other[i];
    }
    return both / all;
}

/* What was cut out of a number is what it was but for a little; what is cut wrongly, or not at all, is not. */
static void parted_digits_are_what_they_were(void **state)
{
    (void)state;
    uint8_t one[PIXELS], two[PIXELS], was[PIXELS], scratch[2 * PIXELS];
    double parted = 0, touching = 0;
    int drawn = 0, changed = 0, several = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        const uint32_t example = (uint32_t)seed % COUNT;
        memcpy(was, pixels + example * PIXELS, PIXELS);
        memset(one, 77, PIXELS);
        const bool is = ink_parted_draw(&source, example, seed, one, scratch);
        memset(scratch, 55, sizeof scratch);
        assert_int_equal(ink_parted_draw(&source, example, seed, two, scratch), is);
        assert_memory_equal(one, two, PIXELS);
        if (!is) {
            assert_memory_equal(one, was, PIXELS);
            continue;
        }
        drawn++;
        changed += memcmp(one, was, PIXELS) != 0;
        parted += shared(was, one);
        ink_artist a = ink_artist_of(&source, seed, two, scratch);
        memset(two, 0, PIXELS);
        if (ink_touching_draw(&a)) {
            several++;
            touching += shared(was, two);
        }
    }
    if (drawn < 200 || changed < drawn / 2 || several < 60)
        fail_msg("%d parted, %d of them changed, %d touching", drawn, changed, several);
    parted /= drawn;
    touching /= several;
    /* A sixth of its ink at most is wrong, and a pixel's shift by what hangs on it; another digit shares little. */
    if (!(parted > 0.7) || !(touching < 0.6))
        fail_msg("parted digits have %g of their ink, touching ones %g", parted, touching);
    for (int share = 0; share < 3; share++) {
        int chosen = 0;
        for (uint64_t seed = 0; seed < 2000; seed++)
            chosen += ink_parted_chosen((float)share / 2, seed);
        assert_true(share == 0 ? chosen == 0 : share == 2 ? chosen == 2000 : chosen > 888 && chosen < 1112);
    }
}

static ink_trainer *open_trainer(const char *settings, uint32_t threads, uint32_t channels, ink_error *error)
{
    const char text[] = "flatten\ndense units=16\nrelu\ndense units=classes";
    const ink_network_options network = { .size = sizeof network, .classes = CLASSES, .channels = channels };
    const ink_trainer_options options = { .size = sizeof options, .threads = threads, .settings = settings };
    const ink_examples examples = { pixels, labels, COUNT / channels };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_trainer *trainer = NULL;
    if (ink_network_open(text, strlen(text), &network, &builder, error) ||
        ink_builder_init_weights(builder, 1, error) || ink_builder_model(builder, NULL, &model, error))
        fail_msg("%s", error->text);
    (void)ink_trainer_open(model, &examples, &options, &trainer, error);
    ink_model_close(&model);
    ink_builder_close(&builder);
    return trainer;
}

/* The share is right, the same pictures are chosen for any number of threads, and they do not count as digits. */
static void training_takes_them_as_uniform(void **state)
{
    (void)state;
    ink_error error;
    ink_train_step a, b;
    ink_trainer *one = open_trainer("batch=40 validation=0 negatives=0.4 noise=0.1 fit=0.5 epochs=200 rate=0.02", 1,
                                    1, &error);
    ink_trainer *two = open_trainer("batch=40 validation=0 negatives=0.4 noise=0.1 fit=0.5 epochs=200 rate=0.02", 3,
                                    1, &error);
    if (!one || !two)
        fail_msg("%s", error.text);
    size_t images = 0;
    double first = 0;
    for (int step = 0; step < 200; step++) {
        size_t digits = 0;
        for (size_t i = 0; i < COUNT; i++) {
            uint8_t to[PIXELS];
            int negative;
            assert_int_equal(ink_trainer_picture(one, (uint64_t)step, i, to, &negative, &error), INK_OK);
            digits += !negative;
        }
        assert_int_equal(ink_trainer_step(one, &a, &error), INK_OK);
        assert_int_equal(ink_trainer_step(two, &b, &error), INK_OK);
        assert_true(a.loss == b.loss && a.images == b.images && a.correct == b.correct);
        assert_int_equal(a.images, digits);
        assert_true(a.correct <= a.images);
        images += a.images;
        first = step ? first : a.loss;
    }
    /* 8000 draws with chance 0.6: five standard deviations are 219. */
    assert_true(images > 4800 - 219 && images < 4800 + 219);
    assert_true(a.loss < first);
    /* The digits are learnt, and of what is none it is not sure: the loss of a uniform answer is log 10. */
    ink_model *model;
    ink_session *session;
    float output[COUNT * CLASSES];
    uint8_t shown[COUNT * PIXELS];
    double sure_digits = 0, sure_others = 0;
    assert_int_equal(ink_trainer_model(one, NULL, &model, &error), INK_OK);
    assert_int_equal(ink_session_open(model, NULL, &session, &error), INK_OK);
    assert_int_equal(ink_session_run_u8(session, pixels, COUNT, output, &error), INK_OK);
    for (size_t i = 0; i < COUNT; i++)
        sure_digits += (double)output[i * CLASSES + ink_argmax(output + i * CLASSES, CLASSES)] / COUNT;
    for (size_t i = 0; i < COUNT; i++)
        ink_negatives_draw(&source, 1000000 + i, shown + i * PIXELS, (uint8_t[2 * PIXELS]){ 0 });
    assert_int_equal(ink_session_run_u8(session, shown, COUNT, output, &error), INK_OK);
    for (size_t i = 0; i < COUNT; i++)
        sure_others += (double)output[i * CLASSES + ink_argmax(output + i * CLASSES, CLASSES)] / COUNT;
    if (!(sure_digits > sure_others + 0.25))
        fail_msg("sure of digits by %g, of others by %g", sure_digits, sure_others);
    ink_session_close(&session);
    ink_model_close(&model);
    ink_trainer_close(&one);
    ink_trainer_close(&two);
}

/* Without the setting, a picture is what augmentation makes of it, and without that what it was. */
static void pictures_as_trained_on(void **state)
{
    (void)state;
    uint8_t to[PIXELS], again[PIXELS];
    int negative = 1;
    ink_error error;
    ink_trainer *trainer = open_trainer("validation=0", 1, 1, &error);
    assert_int_equal(ink_trainer_picture(trainer, 3, 7, to, &negative, &error), INK_OK);
    assert_memory_equal(to, pixels + 7 * PIXELS, PIXELS);
    assert_int_equal(negative, 0);
    assert_int_equal(ink_trainer_picture(trainer, 3, COUNT, to, NULL, &error), INK_ERR_ARGUMENT);
    assert_string_equal(error.text, "ink_trainer_picture: found example 40, there are 40");
    assert_int_equal(ink_trainer_picture(trainer, 3, 0, NULL, NULL, &error), INK_ERR_ARGUMENT);
    ink_trainer_close(&trainer);
    trainer = open_trainer("validation=0 augment=light", 1, 1, &error);
    assert_int_equal(ink_trainer_picture(trainer, 3, 7, to, NULL, &error), INK_OK);
    assert_int_equal(ink_trainer_picture(trainer, 4, 7, again, NULL, &error), INK_OK);
    assert_memory_not_equal(to, again, PIXELS);
    ink_trainer_close(&trainer);
    trainer = open_trainer("validation=0 parted=1", 1, 1, &error);
    int parted = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(ink_trainer_picture(trainer, 3, i, to, &negative, &error), INK_OK);
        assert_int_equal(negative, 0);
        parted += memcmp(to, pixels + i * PIXELS, PIXELS) != 0;
    }
    assert_true(parted > COUNT / 4);
    ink_trainer_close(&trainer);
    assert_null(open_trainer("validation=0 negatives=0.1", 1, 2, &error));
    assert_string_equal(error.text, "setting 'negatives': the pictures have 2 channels, wanted 1");
    assert_null(open_trainer("validation=0 parted=0.1", 1, 2, &error));
    assert_string_equal(error.text, "setting 'parted': the pictures have 2 channels, wanted 1");
}

int main(void)
{
    make_digits();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_drawn),
        cmocka_unit_test(strokes_are_no_ones),
        cmocka_unit_test(labels_matter_for_digits_only),
        cmocka_unit_test(any_size_will_do),
        cmocka_unit_test(parted_digits_are_what_they_were),
        cmocka_unit_test(training_takes_them_as_uniform),
        cmocka_unit_test(pictures_as_trained_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
