/* The trainer through the public interface: settings, networks as text, learning, checkpoints that go on bit for
 * bit, folding, and every allocation that fails. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, COUNT = 96, CLASSES = 3 };

static uint8_t pixels[COUNT * SIDE * SIDE], labels[COUNT];
static const ink_examples examples = { pixels, labels, COUNT };

static const char network[] =
    "# a line of nothing but a remark\n"
    "input shape=1,8,8 scale=1/255\r\n"
    "\n"
    "conv2d name=c filters=6 kernel=3   # two of these\n"
    "batch_norm\n"
    "relu name=r\n"
    "max_pool2d kernel=2\n"
    "flatten\n"
    "dense name=d units=12\n"
    "batch_norm name=n\n"
    "relu\n"
    "dropout rate=0.2\n"
    "dense name=out units=classes";

/* A bar across, a bar down or a spot, somewhere, with noise. */
static void make_examples(void)
{
    uint32_t random = 1;
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *p = pixels + i * SIDE * SIDE;
        labels[i] = (uint8_t)(i % CLASSES);
        random = random * 1664525 + 1013904223;
        const size_t at = 1 + (random >> 16) % 6;
        for (size_t k = 0; k < SIDE * SIDE; k++) {
            random = random * 1664525 + 1013904223;
            const bool ink = labels[i] == 0 ? k / SIDE == at
                           : labels[i] == 1 ? k % SIDE == at
                                            : k / SIDE / 2 == at / 2 && k % SIDE / 2 == at / 2;
            p[k] = (uint8_t)((ink ? 200 : 0) + (random >> 28));
        }
    }
}

static ink_model *initial(const char *text)
{
    const ink_network_options options = { .size = sizeof options, .classes = CLASSES, .name = "net" };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_error error;
    if (ink_network_open(text, strlen(text), &options, &builder, &error) ||
        ink_builder_init_weights(builder, 1, &error) ||
        ink_builder_metadata(builder, "general.name", "a test", &error) ||
        ink_builder_model(builder, NULL, &model, &error))
        fail_msg("%s", error.text);
    ink_builder_close(&builder);
    return model;
}

static ink_status try_open(const char *settings, uint32_t threads, ink_trainer **out, ink_error *error)
{
    const ink_trainer_options options = { .size = sizeof options, .threads = threads, .settings = settings };
    ink_model *model = initial(network);
    const ink_status status = ink_trainer_open(model, &examples, &options, out, error);
    ink_model_close(&model);
    return status;
}

static ink_trainer *open_trainer(const char *settings, uint32_t threads)
{
    ink_trainer *trainer;
    ink_error error;
    if (try_open(settings, threads, &trainer, &error))
        fail_msg("%s", error.text);
    return trainer;
}

/* Trains up to a step, validating at the end of each epoch. */
static void train_to(ink_trainer *trainer, uint64_t step)
{
    const ink_trainer_info *info = ink_trainer_get_info(trainer);
    ink_train_step result;
    ink_validation validation;
    ink_error error;
    while (info->step < step && !info->done) {
        if (ink_trainer_step(trainer, &result, &error))
            fail_msg("%s", error.text);
        if (info->step % info->epoch_steps == 0 && info->validation &&
            ink_trainer_validate(trainer, &validation, &error))
            fail_msg("%s", error.text);
    }
}

static blob model_bytes(const ink_trainer *trainer)
{
    ink_model *model;
    ink_buffer buffer;
    ink_error error;
    blob bytes = { 0 };
    if (ink_trainer_model(trainer, NULL, &model, &error) ||
        ink_model_save_memory(model, INK_LAYOUT_INKLING, &buffer, &error))
        fail_msg("%s", error.text);
    blob_append(&bytes, buffer.data, buffer.size);
    ink_buffer_close(&buffer);
    ink_model_close(&model);
    return bytes;
}

static const char *const recipes[] = {
    "epochs=6 batch=16 rate=0.02 validation=16 average=0.8 schedule=one-cycle augment=light decay=0.01",
    "epochs=6 batch=20 rate=0.05 optimizer=sgd clip=1 validation=0.25 schedule=cosine warm-up=0.1 seed=7",
    "epochs=6 batch=5 rate=0.01 optimizer=adam decay=0.001 validation=0 schedule=step smoothing=0.1",
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

static void settings_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
    } good[] = {
        { NULL, "seed=1" },
        { " epochs=10\n", "seed=1" },
        { "epochs=5 epochs=7", "epochs=7 seed=1" },
        { "rate=3e-3 batch=64 rate=0.1 seed=5", "batch=64 seed=5 rate=0.1" },
        { "augment=light shift=3 augment=none scale=0.25", "seed=1 scale=0.25" },
        { "optimizer=sgd schedule=one-cycle momentum=.95", "seed=1 optimizer=sgd momentum=0.95 schedule=one-cycle" },
    };
    static const struct {
        const char *text, *message;
    } bad[] = {
        { "epoch=5", "there is no setting 'epoch'" },
        { "epochs", "settings: found 'epochs', wanted name=value" },
        { "epochs=0", "setting 'epochs': found '0', wanted an integer from 1 to 1000000" },
        { "epochs=1.5", "setting 'epochs': found '1.5', wanted an integer from 1 to 1000000" },
        { "rate=-1", "setting 'rate': found '-1', wanted a number from 0 to 100" },
        { "rate=nan", "setting 'rate': found 'nan', wanted a number from 0 to 100" },
        { "rate=", "setting 'rate': found '', wanted a number from 0 to 100" },
        { "rate=1,5", "setting 'rate': found '1,5', wanted a number from 0 to 100" },
        { "optimizer=adamax", "setting 'optimizer': found 'adamax', wanted one of adamw adam sgd" },
        { "optimizer=adam sgd", "settings: found 'sgd', wanted name=value" },
        { "augment=weak", "setting 'augment': found 'weak', wanted one of none, light, strong" },
        { "validation=96", "setting 'validation': found 96, there are 96 examples" },
    };
    ink_trainer *trainer;
    ink_error error;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        trainer = open_trainer(good[i].text, 1);
        assert_string_equal(ink_trainer_get_info(trainer)->settings, good[i].canonical);
        ink_trainer_close(&trainer);
        ink_buffer text;
        assert_int_equal(ink_training_settings(good[i].text, &text, &error), INK_OK);
        assert_string_equal(text.data, good[i].canonical);
        ink_buffer_close(&text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(try_open(bad[i].text, 1, &trainer, &error), INK_ERR_ARGUMENT);
        assert_null(trainer);
        assert_string_equal(error.text, bad[i].message);
    }
}

static void networks_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        ink_status status;
        const char *message;
    } bad[] = {
        { "", INK_ERR_GRAPH, "net: has no nodes" },
        { "# nothing\n\n", INK_ERR_GRAPH, "net: has no nodes" },
        { "input shape=1,8,8", INK_ERR_GRAPH, "net: has no nodes" },
        { "flatten\ninput shape=1,8,8", INK_ERR_FORMAT, "net:2: input: wanted once, before all nodes" },
        { "input shape=1,8", INK_ERR_FORMAT, "net:1: input: found 'shape=1,8', wanted "
                                             "shape=channels,height,width" },
        { "input scale=1/0", INK_ERR_FORMAT, "net:1: input: found 'scale=1/0', wanted shape=C,H,W, "
                                             "scale=number, offset=number" },
        { "input shape=0,8,8", INK_ERR_FORMAT, "net:1: input: found 'shape=0,8,8', wanted "
                                               "shape=channels,height,width" },
        { "flatten\ndens units=3", INK_ERR_OP, "net:2: node 'dens_2': unknown operator 'dens'" },
        { "flatten\ndense unit=3", INK_ERR_ATTRIBUTE, "net:2: node 'dense_2': found attribute 'unit', it takes "
                                                      "units, input_scale, input_zero" },
        { "flatten\ndense 3", INK_ERR_ATTRIBUTE, "net:2: node 'dense_2': found '3', wanted attribute=value" },
        { "flatten name=a\nflatten name=a", INK_ERR_GRAPH, "net:2: node 'a': the name is taken" },
        { "flatten inputs=b", INK_ERR_GRAPH, "net:1: node 'flatten_1': its input 'b' is no node before it" },
    };
    const ink_network_options options = { .size = sizeof options, .name = "net" };
    ink_builder *builder;
    ink_error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ink_network_open(bad[i].text, strlen(bad[i].text), &options, &builder, &error) != bad[i].status)
            fail_msg("'%s': %s", bad[i].text, error.text);
        assert_null(builder);
        assert_string_equal(error.text, bad[i].message);
    }
    const ink_network_options wide = { .size = sizeof wide, .width = 9, .name = "net" };
    assert_int_equal(ink_network_open(network, strlen(network), &wide, &builder, &error), INK_ERR_SHAPE);
    /* A weight needs a size to be drawn in. */
    assert_int_equal(ink_network_open("flatten\ndense", 13, &options, &builder, &error), INK_OK);
    assert_int_equal(ink_builder_init_weights(builder, 1, &error), INK_ERR_ATTRIBUTE);
    assert_string_equal(error.text, "node 'dense_2' (dense): it needs units");
    ink_builder_close(&builder);
}

static void networks_that_are_built_in(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t parameters;
    } wanted[] = { { "fc", 397510 }, { "cnn", 34826 }, { "small", 12810 }, { "digits", 289514 } };
    size_t i = 0;
    for (; ink_network_name(i); i++) {
        const char *text = ink_network_text(ink_network_name(i));
        ink_builder *builder;
        ink_model *model;
        ink_error error;
        assert_string_equal(ink_network_name(i), wanted[i].name);
        if (ink_network_open(text, strlen(text), NULL, &builder, &error) ||
            ink_builder_init_weights(builder, 1, &error) || ink_builder_model(builder, NULL, &model, &error))
            fail_msg("%s: %s", ink_network_name(i), error.text);
        assert_int_equal(ink_model_get_info(model)->parameters, wanted[i].parameters);
        assert_int_equal(ink_model_get_info(model)->classes, 10);
        ink_model_close(&model);
        ink_builder_close(&builder);
    }
    assert_int_equal(i, sizeof wanted / sizeof *wanted);
    assert_null(ink_network_text("cnn2"));
}

/* At a rate that moves nothing, an epoch's losses are those of all examples, each once. A lost example would change
 * the mean by about a hundredth; the losses, in float32, are known to about a millionth. */
static void an_epoch_takes_each_example_once(void **state)
{
    (void)state;
    const char *const settings[] = { "rate=1e-30 validation=0 batch=96", "rate=1e-30 validation=0 batch=32",
                                     "rate=1e-30 validation=0 batch=4" };
    ink_model *model = initial("input shape=1,8,8\nflatten\ndense units=classes");
    ink_session *session;
    ink_error error;
    float output[COUNT * CLASSES];
    double wanted = 0;
    assert_int_equal(ink_session_open(model, NULL, &session, &error), INK_OK);
    assert_int_equal(ink_session_run_u8(session, pixels, COUNT, output, &error), INK_OK);
    for (size_t i = 0; i < COUNT; i++) /* a session ends in the softmax that the network leaves out */
        wanted -= log((double)output[i * CLASSES + labels[i]]) / COUNT;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const ink_trainer_options options = { .size = sizeof options, .settings = settings[i] };
        ink_trainer *trainer;
        ink_train_step step;
        double loss = 0;
        assert_int_equal(ink_trainer_open(model, &examples, &options, &trainer, &error), INK_OK);
        const uint64_t steps = ink_trainer_get_info(trainer)->epoch_steps;
        for (uint64_t k = 0; k < steps; k++) {
            assert_int_equal(ink_trainer_step(trainer, &step, &error), INK_OK);
            loss += step.loss / (double)steps;
        }
        if (!(fabs(loss - wanted) < 1e-5))
            fail_msg("%s: the mean loss is %.9g, wanted %.9g", settings[i], loss, wanted);
        ink_trainer_close(&trainer);
    }
    ink_session_close(&session);
    ink_model_close(&model);
}

static void a_small_set_is_learnt(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECIPES; i++) {
        char settings[200];
        snprintf(settings, sizeof settings, "%s epochs=30 augment=none", recipes[i]);
        ink_trainer *trainer = open_trainer(settings, 2);
        const ink_trainer_info *info = ink_trainer_get_info(trainer);
        train_to(trainer, info->steps);
        assert_true(info->done && info->epoch == 30);
        ink_model *model;
        ink_session *session;
        ink_error error;
        float output[COUNT * CLASSES];
        size_t correct = 0;
        assert_int_equal(ink_trainer_model(trainer, NULL, &model, &error), INK_OK);
        assert_int_equal(ink_session_open(model, NULL, &session, &error), INK_OK);
        assert_int_equal(ink_session_run_u8(session, pixels, COUNT, output, &error), INK_OK);
        for (size_t k = 0; k < COUNT; k++)
            correct += ink_argmax(output + k * CLASSES, CLASSES) == labels[k];
        if (correct < COUNT - 2)
            fail_msg("%s: %zu of %d right", recipes[i], correct, COUNT);
        /* Batch norms and dropout are gone from it. */
        for (size_t k = 0; ink_model_node(model, k); k++)
            assert_true(strcmp(ink_model_node(model, k)->op, "batch_norm") &&
                        strcmp(ink_model_node(model, k)->op, "dropout"));
        ink_session_close(&session);
        ink_model_close(&model);
        ink_trainer_close(&trainer);
    }
}

/* What is folded gives the same numbers as the checkpoint, which is not. A probability moves by less than
 * the largest relative rounding of a logit: a few hundred float32 roundings of numbers about 10. */
static void folding_changes_nothing(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "c.gguf");
    ink_trainer *trainer = open_trainer("epochs=3 batch=16 rate=0.02 validation=0", 1);
    ink_model *folded, *whole;
    ink_session *a, *b;
    ink_error error;
    float one[COUNT * CLASSES], two[COUNT * CLASSES];
    train_to(trainer, 18);
    assert_int_equal(ink_trainer_save(trainer, path, NULL, &error), INK_OK);
    assert_int_equal(ink_model_open(path, NULL, &whole, &error), INK_OK);
    assert_int_equal(ink_trainer_model(trainer, NULL, &folded, &error), INK_OK);
    assert_int_equal(ink_model_get_info(folded)->nodes + 3, ink_model_get_info(whole)->nodes);
    assert_int_equal(ink_session_open(whole, NULL, &a, &error), INK_OK);
    assert_int_equal(ink_session_open(folded, NULL, &b, &error), INK_OK);
    assert_int_equal(ink_session_run_u8(a, pixels, COUNT, one, &error), INK_OK);
    assert_int_equal(ink_session_run_u8(b, pixels, COUNT, two, &error), INK_OK);
    float smallest = 1;
    for (size_t i = 0; i < COUNT * CLASSES; i++) {
        assert_true(fabsf(one[i] - two[i]) < 1e-4f);
        smallest = one[i] < smallest ? one[i] : smallest;
    }
    assert_true(smallest < 0.2f); /* it has learnt something, else all would agree */
    ink_session_close(&a);
    ink_session_close(&b);
    ink_model_close(&whole);
    ink_model_close(&folded);
    ink_trainer_close(&trainer);
    free(path);
    folder_remove(folder);
}

static ink_status resume(const char *path, const char *settings, const ink_examples *from, ink_trainer **out,
                         ink_error *error)
{
    const ink_trainer_options options = { .size = sizeof options, .threads = 3, .settings = settings,
                                          .resume = 1 };
    ink_model *checkpoint;
    *out = NULL;
    ink_status status = ink_model_open(path, NULL, &checkpoint, error);
    if (!status)
        status = ink_trainer_open(checkpoint, from, &options, out, error);
    ink_model_close(&checkpoint);
    return status;
}

static void a_resumed_run_is_the_same(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "c.gguf");
    for (size_t i = 0; i < RECIPES; i++) {
        ink_trainer *whole = open_trainer(recipes[i], 1);
        const uint64_t steps = ink_trainer_get_info(whole)->steps;
        train_to(whole, steps);
        blob wanted = model_bytes(whole);
        /* Stopped in the middle of an epoch, at the end of one, at the first and behind the last step. */
        const uint64_t epoch = ink_trainer_get_info(whole)->epoch_steps, stops[] = { 0, 1, epoch, epoch + 2, steps };
        for (size_t k = 0; k < sizeof stops / sizeof *stops; k++) {
            ink_trainer *part = open_trainer(recipes[i], 2);
            ink_error error;
            train_to(part, stops[k]);
            assert_int_equal(ink_trainer_save(part, path, "a note", &error), INK_OK);
            ink_trainer_close(&part);
            if (resume(path, recipes[i], &examples, &part, &error))
                fail_msg("%s", error.text);
            assert_int_equal(ink_trainer_get_info(part)->step, stops[k]);
            assert_string_equal(ink_trainer_get_info(part)->note, "a note");
            train_to(part, steps);
            blob found = model_bytes(part);
            assert_int_equal(found.size, wanted.size);
            assert_memory_equal(found.data, wanted.data, wanted.size);
            blob_free(&found);
            ink_trainer_close(&part);
        }
        blob_free(&wanted);
        ink_trainer_close(&whole);
    }
    free(path);
    folder_remove(folder);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "c.gguf"), *model_path = folder_path(folder, "m.gguf");
    ink_trainer *trainer = open_trainer(recipes[0], 1);
    ink_model *model;
    ink_error error;
    train_to(trainer, 3);
    assert_int_equal(ink_trainer_save(trainer, path, NULL, &error), INK_OK);
    assert_int_equal(ink_trainer_model(trainer, NULL, &model, &error), INK_OK);
    assert_int_equal(ink_model_save(model, model_path, INK_LAYOUT_INKLING, &error), INK_OK);
    ink_model_close(&model);
    ink_trainer_close(&trainer);
    assert_int_equal(resume(path, "epochs=6", &examples, &trainer, &error), INK_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "the checkpoint's settings are 'epochs=6 batch=16 seed=1 validation=16"));
    /* When to stop may change. */
    char longer[200];
    snprintf(longer, sizeof longer, "%s epochs=9 patience=4", recipes[0]);
    assert_int_equal(resume(path, longer, &examples, &trainer, &error), INK_OK);
    ink_trainer_close(&trainer);
    pixels[5]++;
    assert_int_equal(resume(path, recipes[0], &examples, &trainer, &error), INK_ERR_ARGUMENT);
    assert_string_equal(error.text, "the checkpoint was made with other examples");
    pixels[5]--;
    assert_int_equal(resume(model_path, recipes[0], &examples, &trainer, &error), INK_ERR_MISSING);
    assert_string_equal(error.text, "key 'training.state.version': missing, so this is no checkpoint of a training");
    labels[7] = CLASSES;
    assert_int_equal(try_open(NULL, 1, &trainer, &error), INK_ERR_ARGUMENT);
    assert_string_equal(error.text, "example 7: its label is 3, the network has 3 classes");
    labels[7] = 7 % CLASSES;
    /* A checkpoint of which the state is not what it should be. */
    blob bytes = file_get(path);
    const char first[] = "training.state.first";
    for (size_t i = 0; i + sizeof first < bytes.size; i++)
        if (!memcmp(bytes.data + i, first, sizeof first - 1)) {
            const uint32_t infinite = 0x7f800000;
            memcpy(bytes.data + i + sizeof first - 1 + 4 + 4 + 8, &infinite, 4);
        }
    file_put(path, bytes.data, bytes.size);
    blob_free(&bytes);
    assert_int_equal(resume(path, recipes[0], &examples, &trainer, &error), INK_ERR_NOT_FINITE);
    assert_string_equal(error.text, "key 'training.state.first': value 0 is not finite");
    /* One that claims a best epoch and has no weights of it. */
    trainer = open_trainer(recipes[2], 1);
    assert_int_equal(ink_trainer_save(trainer, path, NULL, &error), INK_OK);
    ink_trainer_close(&trainer);
    bytes = file_get(path);
    const char best[] = "training.state.best_epoch";
    for (size_t i = 0; i + sizeof best < bytes.size; i++)
        if (!memcmp(bytes.data + i, best, sizeof best - 1))
            bytes.data[i + sizeof best - 1 + 4] = 7;
    file_put(path, bytes.data, bytes.size);
    blob_free(&bytes);
    assert_int_equal(resume(path, recipes[2], &examples, &trainer, &error), INK_ERR_FORMAT);
    assert_string_equal(error.text, "key 'training.state.best_epoch': found 7, without validation");
    free(path);
    free(model_path);
    folder_remove(folder);
}

static void a_rate_that_is_too_high_is_told(void **state)
{
    (void)state;
    const ink_trainer_options options = { .size = sizeof options, .settings = "optimizer=sgd rate=100 epochs=1000" };
    ink_model *model = initial("input shape=1,8,8\nflatten\ndense units=9\ndense units=9\ndense units=classes");
    ink_trainer *trainer;
    ink_train_step step;
    ink_error error;
    ink_status status = ink_trainer_open(model, &examples, &options, &trainer, &error);
    ink_model_close(&model);
    for (int i = 0; i < 1000 && !status; i++)
        status = ink_trainer_step(trainer, &step, &error);
    assert_int_equal(status, INK_ERR_NOT_FINITE);
    assert_non_null(strstr(error.text, "the learning rate 100 may be too high"));
    ink_trainer_close(&trainer);
}

/* Trains, checks which epochs are called the best so far, and gives the last of them. */
static uint64_t best_epoch(uint64_t seed, bool by_loss)
{
    char settings[120];
    snprintf(settings, sizeof settings, "epochs=30 rate=0.05 validation=24 batch=4 augment=strong seed=%d best=%s",
             (int)seed, by_loss ? "loss" : "accuracy");
    ink_trainer *trainer = open_trainer(settings, 1);
    const ink_trainer_info *info = ink_trainer_get_info(trainer);
    double accuracy = -1, loss = INFINITY;
    ink_train_step step;
    ink_validation now;
    ink_error error;
    while (!info->done) {
        assert_int_equal(ink_trainer_step(trainer, &step, &error), INK_OK);
        if (info->step % info->epoch_steps)
            continue;
        assert_int_equal(ink_trainer_validate(trainer, &now, &error), INK_OK);
        const bool wanted = by_loss ? now.loss < loss
                                    : now.accuracy > accuracy || (now.accuracy == accuracy && now.loss < loss);
        assert_int_equal(now.best, wanted);
        assert_true(!wanted || info->best_epoch == info->epoch);
        if (wanted) {
            accuracy = now.accuracy;
            loss = now.loss;
        }
    }
    const uint64_t best = info->best_epoch;
    ink_trainer_close(&trainer);
    return best;
}

/* By accuracy, of equals by loss; or by loss alone. Of ten runs some must differ, or these runs show nothing. */
static void what_is_best_can_be_said(void **state)
{
    (void)state;
    int differ = 0;
    for (uint64_t seed = 1; seed <= 10; seed++)
        differ += best_epoch(seed, false) != best_epoch(seed, true);
    assert_true(differ > 0);
}

static void patience_ends_a_run(void **state)
{
    (void)state;
    ink_trainer *trainer = open_trainer("epochs=50 rate=0 validation=16 patience=3 batch=16", 1);
    const ink_trainer_info *info = ink_trainer_get_info(trainer);
    train_to(trainer, info->steps);
    assert_int_equal(info->best_epoch, 1);
    assert_int_equal(info->epoch, 4);
    assert_true(info->done);
    ink_trainer_close(&trainer);
}

/* The n-th allocation fails, for each n until none does. */
static void each_allocation_may_fail(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "c.gguf");
    ink_model *model = initial(network);
    ink_status status = INK_ERR_MEMORY;
    for (size_t n = 1; status; n++) {
        test_memory memory = { .fail_at = n };
        const ink_allocator allocator = test_allocator(&memory);
        const ink_trainer_options options = { .size = sizeof options, .threads = 1, .allocator = &allocator,
                                              .settings = "batch=32 validation=32 calibrate=1 blur=1" };
        const ink_model_options model_options = { .size = sizeof model_options, .allocator = &allocator };
        ink_trainer *trainer = NULL;
        ink_model *trained = NULL;
        ink_train_step step;
        ink_validation validation;
        ink_error error;
        status = ink_trainer_open(model, &examples, &options, &trainer, &error);
        if (!status)
            status = ink_trainer_step(trainer, &step, &error);
        if (!status)
            status = ink_trainer_validate(trainer, &validation, &error);
        if (!status)
            status = ink_trainer_save(trainer, path, "note", &error);
        if (!status)
            status = ink_trainer_model(trainer, &model_options, &trained, &error);
        if (status && status != INK_ERR_MEMORY)
            fail_msg("allocation %zu: %s", n, error.text);
        ink_model_close(&trained);
        ink_trainer_close(&trainer);
        assert_int_equal(memory.live, 0);
        assert_true(n < 1000);
    }
    ink_model_close(&model);
    free(path);
    folder_remove(folder);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    ink_trainer *trainer = open_trainer("validation=0", 1);
    ink_model *model = initial(network);
    ink_validation validation;
    ink_error error;
    const ink_trainer_options many = { .size = sizeof many, .threads = 257 };
    ink_trainer *none;
    assert_int_equal(ink_trainer_validate(trainer, &validation, &error), INK_ERR_ARGUMENT);
    assert_int_equal(ink_trainer_open(model, &examples, &many, &none, &error), INK_ERR_ARGUMENT);
    assert_int_equal(ink_trainer_open(NULL, &examples, NULL, &none, &error), INK_ERR_ARGUMENT);
    assert_int_equal(ink_trainer_step(NULL, NULL, &error), INK_ERR_ARGUMENT);
    assert_int_equal(ink_trainer_save(trainer, NULL, NULL, &error), INK_ERR_ARGUMENT);
    assert_int_equal(ink_trainer_save(trainer, "/nowhere/at/all", NULL, &error), INK_ERR_WRITE);
    assert_null(ink_trainer_get_info(NULL));
    ink_trainer_close(NULL);
    ink_model_close(&model);
    ink_trainer_close(&trainer);
}

int main(void)
{
    make_examples();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_and_written),
        cmocka_unit_test(networks_are_read),
        cmocka_unit_test(networks_that_are_built_in),
        cmocka_unit_test(an_epoch_takes_each_example_once),
        cmocka_unit_test(a_small_set_is_learnt),
        cmocka_unit_test(folding_changes_nothing),
        cmocka_unit_test(a_resumed_run_is_the_same),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_rate_that_is_too_high_is_told),
        cmocka_unit_test(what_is_best_can_be_said),
        cmocka_unit_test(patience_ends_a_run),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
