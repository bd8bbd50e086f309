/* Models written as ONNX: read again they compute the same, and what ONNX cannot hold is told. */
#include "check.h"

#include "export/onnx_write.h"
#include "import/import.h"

#include <dirent.h>

static const char folder[] = "tests/golden";

static ink_model *open_model(const char *path, const ink_allocator *allocator)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    ink_error error;
    options.output = INK_OUTPUT_AS_WRITTEN;
    options.allocator = allocator;
    check_error(ink_model_open(path, &options, &model, &error), &error, INK_OK, NULL);
    return model;
}

static ink_status write_model(const ink_model *model, ink_buffer *out, ink_error *error)
{
    const ink_status status = ink_onnx_write(model, out, error);
    if (status == INK_ERR_OPEN) {
        print_message("skipped: built without protobuf-c\n");
        skip();
    }
    return status;
}

/* The written file as a model; NULL, and the fault, where it is no classifier for the reader. */
static ink_model *read_again(const ink_buffer *file, const char *name, ink_import_report *report)
{
    static const uint8_t pixel, label;
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const ink_evidence none = { .pixels = &pixel, .labels = &label, .count = 0, .side = 1 };
    const ink_import_options options = { .allocator = &allocator, .evidence = &none };
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    ink_builder *builder;
    ink_model *model = NULL;
    ink_error error;
    how.output = INK_OUTPUT_AS_WRITTEN;
    const ink_status status = ink_import((const uint8_t *)file->data, file->size, &options, &builder, report, &error);
    if (status && strstr(error.text, "as many as a picture or more"))
        return NULL;
    if (status || ink_builder_model(builder, &how, &model, &error))
        fail_msg("%s: %s\n%s", name, error.text, report->faults.data ? report->faults.data : "");
    ink_builder_close(&builder);
    return model;
}

static float *outputs(const ink_model *model, const float *x, size_t images)
{
    float *y = malloc(images * ink_model_get_info(model)->classes * sizeof *y);
    ink_session *session;
    ink_error error;
    assert_non_null(y);
    check_error(ink_session_open(model, NULL, &session, &error), &error, INK_OK, NULL);
    check_error(ink_session_run_f32(session, x, images, y, &error), &error, INK_OK, NULL);
    ink_session_close(&session);
    return y;
}

/* Constants may fold in another way than before, which a few roundings of the largest output bound. Closes it. */
static bool check_written(ink_model *model, const char *path)
{
    enum { IMAGES = 3, ROUNDINGS = 64 };
    uint64_t state = 1;
    ink_buffer file;
    ink_import_report report;
    ink_error error;
    check_error(write_model(model, &file, &error), &error, INK_OK, NULL);
    ink_model *again = read_again(&file, path, &report);
    const ink_model_info *info = ink_model_get_info(model);
    if (again) {
        const size_t classes = info->classes;
        assert_true(ink_model_get_info(again)->input_scale == info->input_scale);
        assert_true(ink_model_get_info(again)->input_offset == info->input_offset);
        float *x = check_random_floats(&state, IMAGES * (size_t)info->channels * info->height * info->width);
        float *want = outputs(model, x, IMAGES), *y = outputs(again, x, IMAGES);
        double largest = 1;
        assert_int_equal(ink_model_get_info(again)->classes, classes);
        for (size_t i = 0; i < IMAGES * classes; i++)
            largest = fabs((double)want[i]) > largest ? fabs((double)want[i]) : largest; /* gcc 12 for ARM: no fmax */
        for (size_t i = 0; i < IMAGES * classes; i++)
            if (!(fabs((double)y[i] - (double)want[i]) <= ROUNDINGS * CHECK_UNIT * largest))
                fail_msg("%s: output %zu is %.9g, before it was %.9g\n%s", path, i, (double)y[i], (double)want[i],
                         report.graph.data);
        free(x);
        free(want);
        free(y);
    }
    const bool was_read = again != NULL;
    ink_model_close(&again);
    ink_model_close(&model);
    ink_import_report_close(&report);
    ink_buffer_close(&file);
    return was_read;
}

/* The golden networks have every operator among them. Two have more outputs than their pictures have pixels, which
 * the reader takes for no classifiers. */
static void networks_are_the_same_when_read_again(void **state)
{
    (void)state;
    size_t written = 0, was_read = 0;
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (strstr(entry->d_name, ".gguf")) {
            char *path = folder_path(folder, entry->d_name);
            was_read += check_written(open_model(path, NULL), path);
            written++;
            free(path);
        }
    closedir(list);
    assert_int_equal(written, 15);
    assert_int_equal(was_read, 13);
}

static ink_model *build(uint32_t side, const char *op, const char *name, const char *attributes);

/* Each of the ways in which sizes are rounded up and padding is counted, with windows that reach beyond it. */
static void poolings_are_the_same_when_read_again(void **state)
{
    (void)state;
    for (uint32_t side = 8; side < 12; side++)
        for (int way = 0; way < 8; way++) {
            char attributes[100];
            const bool max = way & 1;
            snprintf(attributes, sizeof attributes, "kernel=3,4 stride=2,3 padding=1,2,0,1 ceil=%d%s", way >> 1 & 1,
                     max ? "" : way & 4 ? " count_padding=1" : "");
            assert_true(check_written(build(side, max ? "max_pool2d" : "avg_pool2d", "pool", attributes), attributes));
        }
}

static bool holds(const ink_buffer *file, const void *bytes, size_t size)
{
    for (size_t i = 0; i + size <= file->size; i++)
        if (memcmp(file->data + i, bytes, size) == 0)
            return true;
    return false;
}

static ink_model *build(uint32_t side, const char *op, const char *name, const char *attributes)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    options.output = INK_OUTPUT_AS_WRITTEN;
    check_error(ink_builder_open(NULL, 1, side, side, 0.5f, -0.25f, &builder, &error), &error, INK_OK, NULL);
    check_error(ink_builder_node(builder, op, name, NULL, attributes, &error), &error, INK_OK, NULL);
    check_error(ink_builder_node(builder, "flatten", "a.value", NULL, NULL, &error), &error, INK_OK, NULL);
    check_error(ink_builder_model(builder, &options, &model, &error), &error, INK_OK, NULL);
    ink_builder_close(&builder);
    return model;
}

/* Fields as the format numbers them: the version of the operators, the scaling, the names of input and output. */
static void the_file_says_what_it_is(void **state)
{
    static const char version_13[] = "\x42\x04\x0a\x00\x10\x0d", version_20[] = "\x42\x04\x0a\x00\x10\x14";
    static const char scale[] = "\x0a\x13inkling.input_scale\x12\x03" "0.5";
    static const char offset[] = "\x0a\x14inkling.input_offset\x12\x05" "-0.25";
    static const char input[] = "\x0a\x05input\x12";
    (void)state;
    for (int gelu = 0; gelu < 2; gelu++) {
        ink_model *model = build(2, gelu ? "gelu" : "relu", "r", NULL);
        ink_buffer file;
        ink_error error;
        check_error(write_model(model, &file, &error), &error, INK_OK, NULL);
        assert_true(file.data[0] == 8 && file.data[1] == (gelu ? 9 : 7));
        assert_true(holds(&file, version_13, sizeof version_13 - 1) == !gelu);
        assert_true(holds(&file, version_20, sizeof version_20 - 1) == gelu);
        assert_true(holds(&file, scale, sizeof scale - 1));
        assert_true(holds(&file, offset, sizeof offset - 1));
        assert_true(holds(&file, input, sizeof input - 1));
        ink_buffer_close(&file);
        ink_model_close(&model);
    }
}

static void names_that_do_not_fit_are_told(void **state)
{
    static const struct {
        const char *op, *name, *attributes, *words;
    } rows[] = {
        { "pad", "a", "padding=1", "the name 'a.value' would stand for two things" },
        { "relu", "caf\xe9", NULL, "is no UTF-8" },
        { "relu", "\xed\xa0\x80", NULL, "is no UTF-8" },
        { "relu", "\xc0\x80", NULL, "is no UTF-8" },
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        ink_model *model = build(2, rows[i].op, rows[i].name, rows[i].attributes);
        ink_buffer file;
        ink_error error;
        check_error(write_model(model, &file, &error), &error, INK_ERR_LAYOUT, rows[i].words);
        assert_null(file.data);
        ink_model_close(&model);
    }
    ink_model *model = build(2, "relu", "caf\xc3\xa9", NULL);
    ink_buffer file;
    ink_error error;
    check_error(write_model(model, &file, &error), &error, INK_OK, NULL);
    ink_buffer_close(&file);
    ink_model_close(&model);
}

static void memory_may_fail(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    ink_model *model = open_model("tests/golden/mlp.gguf", &allocator);
    ink_buffer file;
    ink_error error;
    ink_status status = INK_ERR_MEMORY;
    const size_t live = memory.live;
    for (size_t i = 1; status; i++) {
        memory.fail_at = memory.allocations + i;
        status = write_model(model, &file, &error);
        if (status)
            check_error(status, &error, INK_ERR_MEMORY, "no memory");
        assert_int_equal(memory.live, live + !status);
    }
    ink_buffer_close(&file);
    ink_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_the_same_when_read_again),
        cmocka_unit_test(poolings_are_the_same_when_read_again),
        cmocka_unit_test(the_file_says_what_it_is),
        cmocka_unit_test(names_that_do_not_fit_are_told),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
