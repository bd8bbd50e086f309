/* A file of another framework becomes a builder: by a graph that is given, or one that is guessed. */
#include "torch_files.h"

#include "import/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t paper[2 * 784], labels[2] = { 0, 1 };
static const ink_evidence evidence = { .pixels = paper, .labels = labels, .count = 2, .side = 28 };

static ink_allocator allocator;

static int set_allocator(void **state)
{
    (void)state;
    allocator = ink_allocator_or_default(NULL);
    return 0;
}

#define TEXT(length, text) "x:8c 1:" length " t:" text " "
#define DENSE                                                                                                 \
    "x:8002 t:}( " TEXT("8", "d.weight") TENSOR("FloatStorage", "0", "0", PAIR("2", "2"), PAIR("2", "1"))       \
    TEXT("6", "d.bias") TENSOR("FloatStorage", "0", "4", ONE("2"), ONE("1")) "t:u."

static ink_status import(blob file, const char *graph, ink_builder **out, ink_import_report *report, ink_error *error)
{
    const ink_import_options options = { .allocator = &allocator, .graph = graph, .graph_name = "net.txt",
                                         .graph_size = graph ? strlen(graph) : 0, .evidence = &evidence };
    fence bytes = fence_make(file.data, file.size);
    blob_free(&file);
    const ink_status status = ink_import(bytes.data, bytes.size, &options, out, report, error);
    fence_free(&bytes);
    if (status == INK_ERR_OPEN) {
        print_message("skipped: built without libzip or jansson\n");
        skip();
    }
    return status;
}

static void check_runs(ink_builder *builder, const char *format, const ink_import_report *report)
{
    static const float input[2] = { 1, 2 }, wanted[2] = { 0 * 1 + 1 * 2 + 4, 2 * 1 + 3 * 2 + 5 };
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    ink_session *session;
    ink_error error;
    float output[2];
    assert_string_equal(report->format, format);
    options.output = INK_OUTPUT_AS_WRITTEN;
    if (ink_builder_model(builder, &options, &model, &error) || ink_session_open(model, NULL, &session, &error) ||
        ink_session_run_f32(session, input, 1, output, &error))
        fail_msg("%s", error.text);
    assert_true(output[0] == wanted[0] && output[1] == wanted[1]);
    ink_session_close(&session);
    ink_model_close(&model);
}

static const char graph[] = "input shape=1,1,2\nflatten\ndense name=d units=classes\n";

static blob safetensors(void)
{
    static const char header[] = "{\"d.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                                 "\"d.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}";
    blob file = blob_make("8:0"), data = blob_make(numbers);
    file.data[0] = sizeof header - 1;
    blob_append(&file, header, sizeof header - 1);
    blob_append(&file, data.data, data.size);
    blob_free(&data);
    return file;
}

static void a_graph_is_taken(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        ink_builder *builder;
        ink_import_report report;
        ink_error error;
        if (import(i ? safetensors() : zip_of(DENSE, numbers), graph, &builder, &report, &error))
            fail_msg("%s", error.text);
        check_runs(builder, i ? "safetensors" : "PyTorch state_dict", &report);
        assert_int_equal(report.graph_from, INK_IMPORT_TEXT);
        assert_string_equal(report.key, "");
        assert_string_equal(report.graph.data, graph);
        ink_builder_close(&builder);
        ink_import_report_close(&report);
    }
}

static void a_checkpoint_says_where_its_weights_were(void **state)
{
    (void)state;
    ink_builder *builder;
    ink_import_report report;
    ink_error error;
    if (import(zip_of("x:8002 t:}( " TEXT("3", "net") "t:}( " TEXT("8", "d.weight")
                      TENSOR("FloatStorage", "0", "0", PAIR("2", "2"), PAIR("2", "1")) "t:u t:u.", numbers),
               graph, &builder, &report, &error))
        fail_msg("%s", error.text);
    assert_string_equal(report.key, "net");
    ink_builder_close(&builder);
    ink_import_report_close(&report);
}

static void what_fails_is_told(void **state)
{
    static const struct {
        const char *pickle, *graph;
        ink_status status;
        const char *words;
        bool draft;
    } rows[] = {
        { DENSE, NULL, INK_ERR_GRAPH, "which is no square picture", false },
        { "t:N.", NULL, INK_ERR_MISSING, "holds no tensors", false },
        { "t:cos x:0a t:system x:0a t:)R.", NULL, INK_ERR_OP, "would call os.system", false },
        { DENSE, "conv3d\n", INK_ERR_OP, "net.txt:1", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ink_builder *builder;
        ink_import_report report;
        ink_error error;
        check_error(import(zip_of(rows[i].pickle, numbers), rows[i].graph, &builder, &report, &error), &error,
                    rows[i].status, rows[i].words);
        assert_null(builder);
        assert_true((report.graph.data != NULL) == rows[i].draft);
        ink_import_report_close(&report);
    }
    ink_builder *builder;
    ink_import_report report;
    ink_error error;
    check_error(import(blob_make("t:GGUF 4:3"), NULL, &builder, &report, &error), &error, INK_ERR_MAGIC, "no format known");
    assert_null(report.format);
}

static void files_are_told(void **state)
{
    (void)state;
    blob zip = zip_of("t:N.", numbers), tensors = safetensors();
    assert_true(ink_import_is(zip.data, zip.size));
    assert_true(ink_import_is(tensors.data, tensors.size));
    assert_false(ink_import_is((const uint8_t *)"GGUF\3\0\0\0", 8));
    assert_false(ink_import_is((const uint8_t *)"", 0));
    blob_free(&zip);
    blob_free(&tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_is_taken),
        cmocka_unit_test(a_checkpoint_says_where_its_weights_were),
        cmocka_unit_test(what_fails_is_told),
        cmocka_unit_test(files_are_told),
    };
    return cmocka_run_group_tests(tests, set_allocator, NULL);
}
