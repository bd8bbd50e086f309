/* TensorFlow.js' model.json: its shards are asked for, and what is not a layers-model of floats is refused. */
#include "support.h"

#include "import/import.h"

#include <stdio.h>
#include <string.h>

#define TOPOLOGY(settings) \
    "'modelTopology':{'model_config':{'class_name':'Sequential','config':{'name':'s','layers':[{'class_name':'Dense'," \
    "'config':{'name':'d','batch_input_shape':[null,1]" settings "}}]}}}"
#define WEIGHT(name, shape, rest) "{'name':'" name "','shape':" shape ",'dtype':'float32'" rest "}"
#define MANIFEST(paths, weights) "'weightsManifest':[{'paths':[" paths "],'weights':[" weights "]}]"
#define GOOD WEIGHT("s/d/kernel", "[1,2]", "") "," WEIGHT("s/d/bias", "[2]", "")
#define MODEL(paths, weights) "{'format':'layers-model'," TOPOLOGY("") "," MANIFEST(paths, weights) "}"

/* Imports JSON with ' for ", and with one file, "a.bin" or the "b.bin" behind it, for each recipe. */
static ink_status import(const char *text, const char *first, const char *second, ink_builder **out,
                         ink_import_report *report, ink_error *error)
{
    static const uint8_t paper[784], label[1];
    const ink_evidence evidence = { .pixels = paper, .labels = label, .count = 1, .side = 28 };
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    blob parts[] = { blob_make(first ? first : ""), blob_make(second ? second : "") };
    fence fences[] = { fence_make(parts[0].data, parts[0].size), fence_make(parts[1].data, parts[1].size) };
    const ink_companion companions[] = { { "a.bin", fences[0].data, fences[0].size },
                                         { "b.bin", fences[1].data, fences[1].size } };
    const ink_import_options options = { .allocator = &allocator, .evidence = &evidence, .companions = companions,
                                         .companion_count = second ? 2 : first ? 1 : 0 };
    fence json = fence_make(text, strlen(text));
    for (size_t i = 0; i < json.size; i++)
        if (json.data[i] == '\'')
            json.data[i] = '"';
    assert_true(ink_import_is(json.data, json.size));
    const ink_status status = ink_import(json.data, json.size, &options, out, report, error);
    fence_free(&json);
    for (size_t i = 0; i < 2; i++) {
        fence_free(&fences[i]);
        blob_free(&parts[i]);
    }
    if (status == INK_ERR_OPEN && !report->wanted.size) {
        print_message("skipped: built without jansson\n");
        skip();
    }
    return status;
}

static void check_runs(const char *model, const char *first, const char *second)
{
    static const float input[1] = { 3 }, wanted[2] = { 3 * 1 + 4, 3 * -2 + 8 };
    ink_import_report report;
    ink_builder *builder;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *loaded;
    ink_session *session;
    ink_error error;
    float output[2];
    options.output = INK_OUTPUT_AS_WRITTEN;
    if (import(model, first, second, &builder, &report, &error) || ink_builder_model(builder, &options, &loaded,
        &error) ||
        ink_session_open(loaded, NULL, &session, &error) || ink_session_run_f32(session, input, 1, output, &error))
        fail_msg("%s", error.text);
    assert_string_equal(report.format, "TensorFlow.js");
    assert_true(output[0] == wanted[0] && output[1] == wanted[1]);
    ink_session_close(&session);
    ink_model_close(&loaded);
    ink_builder_close(&builder);
    ink_import_report_close(&report);
}

/* A weight may lie in two files, and need not be called after its model. */
static void shards_are_joined(void **state)
{
    (void)state;
    check_runs(MODEL("'a.bin'", GOOD), "f:1 f:-2 f:4 f:8", NULL);
    check_runs(MODEL("'a.bin','b.bin'", GOOD), "f:1 x:0000", "x:00c0 f:4 f:8");
    check_runs(MODEL("'a.bin'", WEIGHT("d/kernel", "[1,2]", "") "," WEIGHT("d/bias", "[2]", "") ","
                     WEIGHT("model/d/kernel", "[1,2]", "")), "f:1 f:-2 f:4 f:8 f:0 f:0", NULL);
    check_runs(MODEL("'a.bin'", WEIGHT("x/d/kernel", "[1,2]", "") "," WEIGHT("y/d/kernel", "[1,2]", "") "," GOOD ","
                     WEIGHT("d/kernel", "[1,2]", "")), "f:0 f:0 f:0 f:0 f:9 f:9 f:4 f:8 f:1 f:-2", NULL);
    check_runs(MODEL("'a.bin'", WEIGHT("d/bias", "[2]", "") "," WEIGHT("d/kernel", "[1,2]", "")), "f:4 f:8 f:1 f:-2",
        NULL);
}

static void files_are_asked_for(void **state)
{
    (void)state;
    ink_import_report report;
    ink_builder *builder;
    ink_error error;
    char wanted[40];
    check_error(import(MODEL("'a.bin','b.bin'", GOOD), NULL, NULL, &builder, &report, &error), &error, INK_ERR_OPEN,
                "needs other files: a.bin and more");
    snprintf(wanted, sizeof wanted, "%.*s", (int)report.wanted.size, (const char *)report.wanted.data);
    assert_string_equal(wanted, "a.bin\nb.bin\n");
    ink_import_report_close(&report);
    check_error(import(MODEL("'a.bin','b.bin'", GOOD), "f:1", NULL, &builder, &report, &error), &error, INK_ERR_OPEN,
                "needs other files: b.bin");
    ink_import_report_close(&report);
}

static const struct {
    const char *model;
    ink_status status;
    const char *words;
} errors[] = {
    { MODEL("'../a.bin'", GOOD), INK_ERR_FORMAT, "a file outside its folder" },
    { MODEL("'/etc/passwd'", GOOD), INK_ERR_FORMAT, "a file outside its folder" },
    { MODEL("7", GOOD), INK_ERR_FORMAT, "is no text" },
    { MODEL("'a.bin'", WEIGHT("d/kernel", "[1,2]", ",'quantization':{'scale':1,'dtype':'uint8'}")), INK_ERR_OP,
      "weight 'd/kernel' is quantized" },
    { MODEL("'a.bin'", "{'name':'d/kernel','shape':[1,2],'dtype':'string'}"), INK_ERR_TYPE, "has the type string" },
    { MODEL("'a.bin'", WEIGHT("d/kernel", "[4,1073741824,4294967296]", "")), INK_ERR_FORMAT, "no list of sizes" },
    { MODEL("'a.bin'", WEIGHT("d/kernel", "[-1]", "")), INK_ERR_FORMAT, "no list of sizes" },
    { MODEL("'a.bin'", WEIGHT("d/kernel", "[1,1,1,1,1,1,1,1,1]", "")), INK_ERR_FORMAT, "no shape of up to 8" },
    { MODEL("'a.bin'", GOOD "," WEIGHT("more", "[1]", "")), INK_ERR_TRUNCATED,
      "have 16 bytes, its weightsManifest tells of 20" },
    { MODEL("'a.bin'", WEIGHT("d/kernel", "[1,2]", "")), INK_ERR_TRUNCATED,
      "have 16 bytes, its weightsManifest tells of 8" },
    { MODEL("'a.bin'", WEIGHT("e/kernel", "[1,2]", "") "," WEIGHT("e/bias", "[2]", "")), INK_ERR_MISSING,
      "its kernel is not" },
    { MODEL("'a.bin'", WEIGHT("s/d/kernel", "[1,2]", "") "," WEIGHT("t/d/kernel", "[1,2]", "")), INK_ERR_FORMAT,
      "two weights 'd/kernel'" },
    { "{'format':'graph-model','modelTopology':{'node':[]},'weightsManifest':[]}", INK_ERR_OP,
      "TensorFlow.js graph-model" },
    { "{'modelTopology':", INK_ERR_FORMAT, "no JSON" },
    { "{" TOPOLOGY(",'activation':'swish'") "," MANIFEST("'a.bin'", GOOD) "}", INK_ERR_OP, "'swish' is not supported" },
};

static void others_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        ink_import_report report;
        ink_builder *builder;
        ink_error error;
        const ink_status status = import(errors[i].model, "f:1 f:-2 f:4 f:8", NULL, &builder, &report, &error);
        if (status != errors[i].status || !strstr(error.text, errors[i].words))
            fail_msg("%zu: %d %s, wanted %s", i, status, error.text, errors[i].words);
        ink_import_report_close(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_joined),
        cmocka_unit_test(files_are_asked_for),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
