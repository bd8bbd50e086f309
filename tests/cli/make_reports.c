/* Writes reports of made-up trainings, for test_train_report.py and for looking at them:
 *
 *     make_reports FOLDER
 *
 * The numbers are the same each time. */
#include "common/train_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCHS = 200, CLASSES = 100, MISREADS = 24, SIDE = 28, LARGE = 300 };

static report_epoch epochs[EPOCHS];
static uint64_t confusion[CLASSES * CLASSES];
static report_misread misreads[MISREADS];
static uint8_t pixels[LARGE * LARGE];
static char long_names[CLASSES][32];
static const char *names[CLASSES];

static const report_fact facts[] = {
    { "network", "mnist-cnn, 2 convolutions and a dense layer, 28\xc3\x97" "28 \xe2\x86\x92 10" },
    { "parameters", "57 962" },
    { "pictures", "54 000 to train on, 6 000 for validation" },
    { "optimizer", "AdamW, decay 0.01, rate 0.001 falling to 0 by a cosine" },
    { "augmentation", "shift 2, rotation 12\xc2\xb0, scale 10 %" },
    { "seed", "1" },
    { "time", "3 min 12 s on 2 threads (avx2)" },
};

static double noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0 - 0.5;
}

static void make_epochs(size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        double at = (double)(i + 1), rest = 1 + 0.15 * noise(&state);
        epochs[i] = (report_epoch){
            .epoch = i + 1,
            .rate = 0.001 * (1 - (double)i / (double)count),
            .loss = 0.35 / pow(at, 1.1),
            .accuracy = 1 - 0.1 / pow(at, 1.1),
            .validation_loss = (0.03 + 0.12 / at) * rest,
            .validation_accuracy = 1 - (0.007 + 0.03 / at) * rest,
            .seconds = 9.5 + noise(&state),
        };
    }
}

/* Each class is read as its neighbours now and then. */
static void make_confusion(uint32_t classes)
{
    memset(confusion, 0, sizeof confusion);
    for (uint32_t i = 0; i < classes; i++) {
        confusion[i * classes + i] = 600 - i % 7;
        confusion[i * classes + (i + 1) % classes] += 1 + i * i % 11;
        confusion[i * classes + (i * 3 + 2) % classes] += i % 4 * 9;
    }
    confusion[1] += 80;
}

static void make_misreads(uint32_t classes, const uint8_t *pictures)
{
    for (size_t i = 0; i < MISREADS; i++)
        misreads[i] = (report_misread){
            .pixels = pictures + i * SIDE * SIDE,
            .index = 17 + i * i * 37,
            .label = (uint8_t)(i % classes),
            .predicted = (uint8_t)((i + 1) % classes),
            .probability = 0.999f - (float)i * 0.02f,
            .label_probability = 0.0004f + (float)i * 0.015f,
        };
}

static void make_names(const char *const *from, size_t count)
{
    for (size_t i = 0; i < CLASSES; i++) {
        snprintf(long_names[i], sizeof long_names[i], i % 3 ? "%zu" : "kind of beetle %zu", i);
        names[i] = i < count ? from[i] : long_names[i];
    }
}

/* A report with everything in it; whoever wants less takes it away. */
static train_report make_report(const char *title, size_t epoch_count, uint32_t classes)
{
    make_epochs(epoch_count);
    make_confusion(classes);
    return (train_report){
        .title = title,
        .facts = facts, .fact_count = sizeof facts / sizeof *facts,
        .epochs = epochs, .epoch_count = epoch_count, .chosen_epoch = (epoch_count * 3 + 3) / 4,
        .classes = classes, .height = SIDE, .width = SIDE, .names = names,
        .confusion = confusion,
        .misreads = misreads, .misread_count = MISREADS,
        .validation_count = 6000, .wrong_count = 49,
    };
}

static void forget_validation(train_report *report)
{
    for (size_t i = 0; i < report->epoch_count; i++)
        epochs[i].validation_loss = epochs[i].validation_accuracy = NAN;
    report->confusion = NULL;
    report->misread_count = report->validation_count = report->wrong_count = 0;
    report->chosen_epoch = report->epoch_count;
}

static int write_report(const char *folder, const char *name, const train_report *report)
{
    char path[4096];
    text page = { 0 };
    train_report_html(&page, report);
    snprintf(path, sizeof path, "%s/%s.html", folder, name);
    FILE *file = fopen(path, "wb");
    int failed = !file || fwrite(page.data, 1, page.size, file) != page.size || fclose(file);
    if (failed)
        fprintf(stderr, "cannot write %s\n", path);
    text_free(&page);
    return failed;
}

/* Strings that could break out of the page, numbers that no axis can show, and a picture of more
 * than one block: pixel i is i * 7. */
static int write_hostile(const char *folder)
{
    static const report_fact bad_facts[] = {
        { "</td><script>alert(1)</script>", "\"quoted\" & 'so'" },
        { "bytes", "\xff\xfe \x01 \xef\xbf\xbf\xef\xbf\xbe \xe2\x80\xae" },
    };
    static const char *const bad_names[] = { "<b>", "\" onerror=\"x", "]]>", "&amp;" };
    make_names(bad_names, 4);
    train_report report = make_report("</title><script>alert('1')</script>", 12, 4);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    misreads[0] = (report_misread){ .pixels = pixels, .index = SIZE_MAX, .label = 1,
                                    .predicted = 200, .probability = 1 };
    epochs[0].loss = INFINITY;
    epochs[1].validation_loss = 1e308;
    epochs[2].loss = 5e-324;
    epochs[3].loss = 0;
    epochs[4].loss = NAN;
    epochs[5].accuracy = 1;
    epochs[6].validation_loss = -1;
    epochs[7].epoch = UINT64_MAX;
    report.facts = bad_facts;
    report.fact_count = 2;
    report.height = report.width = LARGE;
    report.misread_count = 1;
    report.confusion = NULL;
    return write_report(folder, "hostile", &report);
}

static int write_all(const char *folder, const uint8_t *pictures)
{
    static const char *const digits[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    static const char *const clothes[] = { "T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                                           "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot" };
    static const char *const two[] = { "no", "yes" };
    make_names(digits, 10);
    make_misreads(10, pictures);
    train_report report = make_report("Training of mnist-cnn.gguf", 20, 10);
    int failed = write_report(folder, "digits", &report);

    report = make_report("Two hundred epochs", 200, 10);
    failed |= write_report(folder, "long", &report);

    report = make_report("No validation", 15, 10);
    forget_validation(&report);
    failed |= write_report(folder, "unvalidated", &report);

    make_names(clothes, 10);
    report = make_report("All read right", 30, 10);
    for (size_t i = 0; i < 30; i++) {
        epochs[i].accuracy = i > 20 ? 1 : epochs[i].accuracy;
        epochs[i].validation_accuracy = i > 20 ? 1 : epochs[i].validation_accuracy;
    }
    report.wrong_count = report.misread_count = 0;
    failed |= write_report(folder, "perfect", &report);

    make_names(two, 2);
    make_misreads(2, pictures);
    report = make_report("One epoch, two classes", 1, 2);
    confusion[2] = confusion[3] = 0; /* no picture of one of them */
    report.misread_count = 1;
    report.wrong_count = 1;
    failed |= write_report(folder, "one", &report);

    make_names(NULL, 0);
    make_misreads(100, pictures);
    report = make_report("A hundred classes", 60, 100);
    failed |= write_report(folder, "many", &report);

    report = (train_report){ .title = "Nothing", .classes = 2, .names = names };
    failed |= write_report(folder, "nothing", &report);
    return failed | write_hostile(folder);
}

int main(int argc, char **argv)
{
    static uint8_t file[16 + MISREADS * SIDE * SIDE];
    FILE *samples = fopen("samples/digits-images-idx3-ubyte", "rb");
    if (argc != 2 || !samples || fread(file, 1, sizeof file, samples) != sizeof file) {
        fprintf(stderr, "usage: make_reports FOLDER, in the project's root\n");
        return 2;
    }
    fclose(samples);
    return write_all(argv[1], file + 16);
}
