/* ONNX files with the outputs that onnxruntime gives for them (tests/golden/README.md), and, where the data are,
 * files that people published: they read digits. */
#include "check.h"

#include "import/import.h"

#include <dirent.h>

enum { SIDE = 28, SAMPLES = 20, SAMPLES_HEADER = 16, LABELS_HEADER = 8 };

/* As in test_golden.c: about a hundred times the roundoff, as a share of the largest of an image's outputs. */
static const double tolerance = 1e-5;

static const char folder[] = "tests/golden/onnx";

static blob samples, labels;

static int get_samples(void **state)
{
    (void)state;
    samples = file_get("samples/digits-images-idx3-ubyte");
    labels = file_get("samples/digits-labels-idx1-ubyte");
    return 0;
}

static int free_samples(void **state)
{
    (void)state;
    blob_free(&samples);
    blob_free(&labels);
    return 0;
}

/* A file as a model; a companion is looked for as it is called, or as PATH.data. */
static ink_model *import(const char *path, ink_import_report *report)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const ink_evidence evidence = { .pixels = samples.data + SAMPLES_HEADER, .labels = labels.data + LABELS_HEADER,
                                    .count = SAMPLES, .side = SIDE };
    ink_import_options options = { .allocator = &allocator, .evidence = &evidence };
    ink_companion companion = { NULL, NULL, 0 };
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    char beside[600], name[300] = "";
    blob file = file_get(path), data = { 0 };
    ink_status status = ink_import(file.data, file.size, &options, &builder, report, &error);
    if (status == INK_ERR_OPEN && !report->wanted.data) {
        print_message("skipped: built without protobuf-c\n");
        skip();
    }
    if (status == INK_ERR_OPEN) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(report->wanted.data, "\n"), report->wanted.data);
        snprintf(beside, sizeof beside, "%s.data", path);
        data = file_get(beside);
        companion = (ink_companion){ name, data.data, data.size };
        options.companions = &companion;
        options.companion_count = 1;
        ink_import_report_close(report);
        status = ink_import(file.data, file.size, &options, &builder, report, &error);
    }
    if (status)
        fail_msg("%s: %s\n%s", path, error.text, report->faults.data ? report->faults.data : "");
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    how.output = INK_OUTPUT_AS_WRITTEN;
    if (ink_builder_model(builder, &how, &model, &error))
        fail_msg("%s: %s\n%s", path, error.text, report->graph.data);
    ink_builder_close(&builder);
    blob_free(&file);
    blob_free(&data);
    return model;
}

static blob get(const char *name, const char *suffix)
{
    char file[200];
    snprintf(file, sizeof file, "%s/%s%s", folder, name, suffix);
    return file_get(file);
}

static void check_golden(const char *name)
{
    char path[200];
    ink_import_report report;
    ink_session *session;
    ink_error error;
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    ink_model *model = import(path, &report);
    blob input = get(name, ".input.f32"), output = get(name, ".output.f32");
    const ink_model_info *info = ink_model_get_info(model);
    const size_t pixels = (size_t)info->channels * info->height * info->width, classes = info->classes;
    const size_t images = output.size / sizeof(float) / classes;
    assert_true(images > 0 && input.size == images * pixels * sizeof(float));
    float *x = malloc(input.size), *y = malloc(output.size), *want = malloc(output.size);
    assert_true(x && y && want);
    memcpy(x, input.data, input.size);
    memcpy(want, output.data, output.size);
    check_error(ink_session_open(model, NULL, &session, &error), &error, INK_OK, NULL);
    check_error(ink_session_run_f32(session, x, images, y, &error), &error, INK_OK, NULL);
    for (size_t i = 0; i < images; i++) {
        double largest = 1;
        for (size_t c = 0; c < classes; c++) { /* no fmax: gcc 12 for ARM crashes on it here */
            const double size = fabs((double)want[i * classes + c]);
            largest = size > largest ? size : largest;
        }
        for (size_t c = 0; c < classes; c++)
            if (!(fabs((double)y[i * classes + c] - (double)want[i * classes + c]) <= tolerance * largest))
                fail_msg("%s: image %zu, class %zu is %.9g, onnxruntime says %.9g\n%s", name, i, c,
                         (double)y[i * classes + c], (double)want[i * classes + c], report.graph.data);
    }
    ink_session_close(&session);
    ink_model_close(&model);
    ink_import_report_close(&report);
    blob_free(&input);
    blob_free(&output);
    free(x);
    free(y);
    free(want);
}

static void outputs_are_those_of_onnxruntime(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        const char *end = strstr(entry->d_name, ".onnx");
        if (end && !end[5]) {
            char name[100];
            snprintf(name, sizeof name, "%.*s", (int)(end - entry->d_name), entry->d_name);
            check_golden(name);
            count++;
        }
    }
    closedir(list);
    assert_int_equal(count, 14);
}

/* Files of five exporters, and how many of the first sample digits each reads at least. */
static void published_files_read_digits(void **state)
{
    static const struct {
        const char *name;
        size_t least;
    } files[] = {
        { "AndreyGermanov__pytorch_onnx_exporter__mnist.onnx", 18 },
        { "Baskov-Aleksey-Viktorovich__PyTorch-__mnist-8.onnx", 18 },
        { "N-Harish__onnx_converted_model__onnx_mnist.onnx", 18 },
        { "akinobu123__tf2onnx__model.onnx", 18 },
        { "andrewrgarcia__seedigits-cnn__mnist_model.onnx", 18 },
        { "hippobo__AICG_WebApp__mnist_model.onnx", 18 },
        { "wuhanstudio__onnx-parser__mnist-lg.onnx", 15 },
        { "wuhanstudio__onnx-parser__mnist-sm.onnx", 13 },
        { "zuramai__mnist-onnx__mnist.onnx", 18 },
    };
    const char *data = getenv("INKLING_DATA");
    (void)state;
    if (!data || !*data) {
        print_message("skipped: INKLING_DATA is not set\n");
        skip();
    }
    for (size_t i = 0; i < CHECK_COUNT(files); i++) {
        char path[600];
        ink_import_report report;
        snprintf(path, sizeof path, "%s/wild/onnx/%s", data, files[i].name);
        ink_model *model = import(path, &report);
        if (report.correct < files[i].least || report.scaling_from != INK_IMPORT_SAMPLES)
            fail_msg("%s: reads %zu of %d", files[i].name, report.correct, SAMPLES);
        ink_model_close(&model);
        ink_import_report_close(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_those_of_onnxruntime),
        cmocka_unit_test(published_files_read_digits),
    };
    return cmocka_run_group_tests(tests, get_samples, free_samples);
}
