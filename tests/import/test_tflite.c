/* TensorFlow Lite: each operator computes what it does there, and what is wrong or not supported is told. */
#include "support.h"
#include "tflite_files.h"

#include "import/import.h"
#include "import/tflite/tflite.h"

#include <stdio.h>
#include <stdlib.h>

static const uint8_t paper[784], label;
static const ink_evidence evidence = { .pixels = paper, .labels = &label, .count = 1, .side = 28 };

static ink_status import_bytes(const uint8_t *data, size_t size, ink_builder **out, ink_import_report *report,
                               ink_error *error)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const ink_import_options options = { .allocator = &allocator, .evidence = &evidence };
    fence bytes = fence_make(data, size);
    const ink_status status = ink_import(bytes.data, bytes.size, &options, out, report, error);
    fence_free(&bytes);
    return status;
}

static ink_status import_model(const tfl_model *model, ink_builder **out, ink_import_report *report, ink_error *error)
{
    static flat_bytes file;
    tfl_make(&file, model);
    return import_bytes(file.data, file.size, out, report, error);
}

/* The operators' numbers, and those of their options, in the schema. */
enum { ADD = 0, AVERAGE_POOL = 1, CONCATENATION = 2, CONV = 3, DEPTHWISE = 4, DEQUANTIZE = 6, FULLY_CONNECTED = 9,
       LOGISTIC = 14, LSTM = 16, MAX_POOL = 17, MUL = 18, RELU = 19, RELU6 = 21, RESHAPE = 22, SOFTMAX = 25,
      CUSTOM = 32,
       PAD = 34, GATHER = 36, FROM_SPACE = 37, TO_SPACE = 38, TRANSPOSE = 39, MEAN = 40, SUB = 41, DIV = 42,
      SQUEEZE = 43,
       STRIDED_SLICE = 45, CAST = 53, PRELU = 54, MAXIMUM = 55, MINIMUM = 57, PADV2 = 60, EXPAND_DIMS = 70, SHAPE = 77,
       REDUCE_PROD = 81, REDUCE_MAX = 82, PACK = 83, LEAKY_RELU = 98, BATCH_MATMUL = 126 };

#define SQUARE { TFL_DIM(1, 2, 2, 1) }
#define SCORES TFL_VALUE(1, 4)
#define FLAT { .op = RESHAPE, TFL_IN(2, 3), TFL_ENDS }
#define TO_4 TFL_NUMBERS(1, 4)
#define ONE(value) { .rank = 1, .dim = { 1 }, TFL_FLOATS(value) }

static const struct {
    const char *name;
    tfl_model model;
    float input[16], output[16];
    double scale; /* that the file tells; 0: none */
} rows[] = {
    /* One pixel of padding, and it is behind. */
    { "CONV_2D SAME, stride 2",
      { .tensor = { TFL_VALUE(1, 4, 4, 1), SCORES, TFL_VALUE(1, 2, 2, 1), TO_4,
          { TFL_DIM(1, 3, 3, 1), TFL_FLOATS(1, 1, 1, 1, 1, 1, 1, 1, 1) }, ONE(100) },
        { { .op = CONV, TFL_IN(0, 4, 5), .output = 2, .options_type = 1, .option = { 0, 2, 2 } }, FLAT } },
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 145, 139, 166, 150 }, 0 },
    /* O, KH, KW, I / groups, and no bias; what is flattened is H, W, C. */
    { "CONV_2D VALID, two groups, fused RELU",
      { .tensor = { TFL_VALUE(1, 2, 3, 2), SCORES, TFL_VALUE(1, 1, 2, 2), TO_4,
          { TFL_DIM(2, 2, 2, 1), TFL_FLOATS(1, 10, 100, 1000, -1, 1, 1, 1) } },
        { { .op = CONV, TFL_IN(0, 4, -1), .output = 2, .options_type = 1, .option = { 1, 1, 1, 1 } }, FLAT } },
      { 1, 2, 3, 4, 5, 6, 0, 7, 0, 9, 0, 0 }, { 5421, 16, 6532, 0 }, 0 },
    { "DEPTHWISE_CONV_2D of two pixels",
      { .tensor = { TFL_VALUE(1, 1, 2, 2), TFL_VALUE(1, 2), TFL_VALUE(1, 1, 1, 2), TFL_NUMBERS(1, 2),
          { TFL_DIM(1, 1, 2, 2), TFL_FLOATS(1, 10, 100, 1000) } },
        { { .op = DEPTHWISE, TFL_IN(0, 4), .output = 2, .options_type = 2, .option = { 1, 1, 1, 1 } }, FLAT } },
      { 1, 2, 3, 4 }, { 201, 4030 }, 0 },
    { "DEPTHWISE_CONV_2D, multiplier 2",
      { .tensor = { TFL_VALUE(1, 1, 2, 2), TFL_VALUE(1, 8), TFL_VALUE(1, 1, 2, 4), TFL_NUMBERS(1, 8),
          { TFL_DIM(1, 1, 1, 4), TFL_FLOATS(1, 10, 100, 1000) } },
        { { .op = DEPTHWISE, TFL_IN(0, 4), .output = 2, .options_type = 2, .option = { 1, 1, 1, 2 } }, FLAT } },
      { 1, 2, 3, 4 }, { 1, 10, 300, 3000, 2, 20, 400, 4000 }, 0 },
    { "SPACE_TO_BATCH_ND: dilation 2 with padding 1, cropped by 1",
      { .tensor = { TFL_VALUE(-1, 1, 3, 1), TFL_VALUE(-1, 3), TFL_VALUE(-1, 1, 3, 1), TFL_NUMBERS(-1, 3),
          { TFL_DIM(1, 1, 2, 1), TFL_FLOATS(1, 10) }, TFL_NUMBERS(1, 2),
          { .type = 2, TFL_DIM(2, 2), .numbers = (const int32_t[]){ 0, 0, 1, 2 } },
          { .type = 2, TFL_DIM(2, 2), .numbers = (const int32_t[]){ 0, 0, 0, 1 } }, TFL_VALUE(-1, 1, 3, 1),
          TFL_VALUE(-1, 1, 2, 1) },
        { { .op = TO_SPACE, TFL_IN(0, 5, 6), .output = 8 },
          { .op = CONV, TFL_IN(8, 4), .output = 9, .options_type = 1, .option = { 1, 1, 1 } },
          { .op = FROM_SPACE, TFL_IN(9, 5, 7), .output = 2 }, FLAT } },
      { 1, 2, 3 }, { 20, 31, 2 }, 0 },
    { "FULLY_CONNECTED, float16 weights",
      { .tensor = { TFL_VALUE(1, 2, 2), TFL_VALUE(1, 2), { .type = 1, TFL_DIM(2, 4),
          .halves = (const uint16_t[]){ 0x3c00, 0x4000, 0x4200, 0x4400, 0xc000, 0, 0, 0x3800 } }, TFL_VALUE(2, 4),
          { TFL_DIM(2), TFL_FLOATS(100, 200) } },
        { { .op = DEQUANTIZE, TFL_IN(2), .output = 3 }, { .op = FULLY_CONNECTED, TFL_IN(0, 3, 4), TFL_ENDS } } },
      { 1, 2, 3, 4 }, { 130, 200 }, 0 },
    { "FULLY_CONNECTED along the last axis, fused TANH of 0",
      { .tensor = { TFL_VALUE(1, 2, 2), SCORES, TFL_VALUE(1, 2, 2), TO_4, { TFL_DIM(2, 2), TFL_FLOATS(1, -1, 0, 0) } },
        { { .op = FULLY_CONNECTED, TFL_IN(0, 4), .output = 2, .options_type = 8, .option = { 4, 0, 1 } }, FLAT } },
      { 1, 1, 3, 3 }, { 0, 0, 0, 0 }, 0 },
    { "BATCH_MATMUL",
      { .tensor = { TFL_VALUE(1, 2, 2), SCORES, TFL_VALUE(1, 2, 2), TO_4, { TFL_DIM(2, 2), TFL_FLOATS(1, 10, 100,
      1000) } },
        { { .op = BATCH_MATMUL, TFL_IN(0, 4), .output = 2 }, FLAT } },
      { 1, 2, 3, 4 }, { 201, 2010, 403, 4030 }, 0 },
    /* As TensorFlow writes a Dense of pictures' rows: all rows of the batch, and back. */
    { "rows of a batch of any size",
      { .tensor = { TFL_VALUE(-1, 2, 2), TFL_VALUE(-1, 2), TFL_SIZES(3), TFL_NUMBERS(0, 1), TFL_SIZES(2),
      TFL_NUMBERS(0),
          TFL_SIZES(1), TFL_NUMBERS(2), TFL_SIZES(1), TFL_SIZES(2), TFL_VALUE(-1, -1),
          { TFL_DIM(1, 2), TFL_FLOATS(1, 10) }, TFL_VALUE(-1, 1) },
        { { .op = SHAPE, TFL_IN(0), .output = 2 }, { .op = GATHER, TFL_IN(2, 3), .output = 4 },
          { .op = REDUCE_PROD, TFL_IN(4, 5), .output = 6 }, { .op = PACK, TFL_IN(6, 7), .output = 9 },
          { .op = RESHAPE, TFL_IN(0, 9), .output = 10 },
          { .op = FULLY_CONNECTED, TFL_IN(10, 11), .output = 12 }, { .op = RESHAPE, TFL_IN(12, 4), TFL_ENDS } } },
      { 1, 2, 3, 4 }, { 21, 43 }, 0 },
    { "Flatten of a batch of any size",
      { .tensor = { TFL_VALUE(-1, 2, 2, 1), TFL_VALUE(-1, 4), TFL_SIZES(4), TFL_NUMBERS(0), TFL_NUMBERS(1),
      TFL_NUMBERS(1),
          TFL_SIZES(1), TFL_NUMBERS(4), TFL_SIZES(2), TFL_VALUE(-1, 2, 2, 1) },
        { { .op = RELU, TFL_IN(0), .output = 9 }, { .op = SHAPE, TFL_IN(9), .output = 2 },
          { .op = STRIDED_SLICE, TFL_IN(2, 3, 4, 5), .output = 6, .options_type = 32, .option = { 0, 0, 0, 0, 1 } },
          { .op = PACK, TFL_IN(6, 7), .output = 8 }, { .op = RESHAPE, TFL_IN(9, 8), TFL_ENDS } } },
      { 1, -2, 3, 4 }, { 1, 0, 3, 4 }, 0 },
    { "MAX_POOL_2D SAME, stride 1",
      { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 2, 2, 1), TO_4 },
        { { .op = MAX_POOL, TFL_IN(0), .output = 2, .options_type = 5, .option = { 0, 1, 1, 2, 2 } }, FLAT } },
      { 4, 3, 2, 1 }, { 4, 3, 2, 1 }, 0 },
    { "AVERAGE_POOL_2D SAME counts no padding",
      { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 2, 2, 1), TO_4 },
        { { .op = AVERAGE_POOL, TFL_IN(0), .output = 2, .options_type = 5, .option = { 0, 1, 1, 2, 2 } }, FLAT } },
      { 4, 3, 2, 1 }, { 2.5f, 2, 1.5f, 1 }, 0 },
    { "MEAN", { .tensor = { TFL_VALUE(1, 2, 2, 2), TFL_VALUE(1, 2), TFL_NUMBERS(1, 2) },
      { { .op = MEAN, TFL_IN(0, 2), TFL_ENDS } } },
      { 1, 2, 3, 6, 10, 20, 30, 60 }, { 3, 30 }, 0 },
    { "REDUCE_MAX over width and channels",
      { .tensor = { TFL_VALUE(1, 2, 2, 2), TFL_VALUE(1, 2), TFL_NUMBERS(-1, 2) },
      { { .op = REDUCE_MAX, TFL_IN(0, 2), TFL_ENDS } } },
      { 1, 2, 3, 6, 10, 20, 30, 60 }, { 20, 60 }, 0 },
    { "MUL, ADD for each channel, fused RELU6",
      { .tensor = { TFL_VALUE(1, 1, 2, 2), SCORES, TFL_VALUE(1, 1, 2, 2), TO_4, { TFL_DIM(2), TFL_FLOATS(2, 3) },
          { TFL_DIM(1, 1, 1, 2), TFL_FLOATS(1, -8) }, TFL_VALUE(1, 1, 2, 2) },
        { { .op = MUL, TFL_IN(0, 4), .output = 6 },
          { .op = ADD, TFL_IN(5, 6), .output = 2, .options_type = 11, .option = { 3 } }, FLAT } },
      { 1, 4, 2, 4 }, { 3, 0, 6, 4 }, 0 },
    { "MUL of all, then ADD along another axis than the channels'",
      { .tensor = { TFL_VALUE(1, 1, 2, 2), SCORES, TFL_VALUE(1, 2, 1, 2), TO_4, TFL_NUMBERS(0, 3, 1, 2), ONE(2),
          { TFL_DIM(2), TFL_FLOATS(10, 100) }, TFL_VALUE(1, 2, 1, 2), TFL_VALUE(1, 2, 1, 2) },
        { { .op = TRANSPOSE, TFL_IN(0, 4), .output = 7 }, { .op = MUL, TFL_IN(7, 5), .output = 8 },
          { .op = ADD, TFL_IN(8, 6), .output = 2 }, FLAT } },
      { 1, 2, 3, 4 }, { 12, 104, 16, 108 }, 0 },
    /* The sum is read twice: it may not change under its other reader. */
    { "ADD of values, SUB of a value and from a constant, DIV",
      { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 2, 2, 1), TO_4, ONE(2), TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2, 2, 1),
          TFL_VALUE(1, 2, 2, 1) },
        { { .op = ADD, TFL_IN(0, 4), .output = 5 }, { .op = SUB, TFL_IN(4, 5), .output = 6 },
          { .op = DIV, TFL_IN(6, 4), .output = 7 }, { .op = SUB, TFL_IN(5, 7), .output = 2 }, FLAT } },
      { 2, 4, 6, 8 }, { 5, 8, 11, 14 }, 0 },
    { "PRELU, MAXIMUM, MINIMUM, LEAKY_RELU",
      { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 2, 2, 1), TO_4, ONE(0.5f), ONE(-3), ONE(7), TFL_VALUE(1, 2, 2, 1),
          TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2, 2, 1) },
        { { .op = PRELU, TFL_IN(0, 4), .output = 7 }, { .op = MAXIMUM, TFL_IN(7, 5), .output = 8 },
          { .op = MINIMUM, TFL_IN(8, 6), .output = 9 },
          { .op = LEAKY_RELU, TFL_IN(9), .output = 2, .options_type = 75, .option = { 0x40000000 /* 2 */ } }, FLAT } },
      { -2, -10, 5, 9 }, { -2, -6, 5, 7 }, 0 },
    { "CONCATENATION of channels and of rows, other orders of axes",
      { .tensor = { SQUARE, TFL_VALUE(1, 16), TFL_VALUE(1, 4, 2, 2), TFL_NUMBERS(1, 16), TFL_NUMBERS(0, 2, 1, 3),
          TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2, 2, 2) },
        { { .op = TRANSPOSE, TFL_IN(0, 4), .output = 5 },
          { .op = CONCATENATION, TFL_IN(0, 5), .output = 6, .options_type = 10, .option = { 3 } },
          { .op = CONCATENATION, TFL_IN(6, 6), .output = 2, .options_type = 10, .option = { 1 } }, FLAT } },
      { 1, 2, 3, 4 }, { 1, 1, 2, 3, 3, 2, 4, 4, 1, 1, 2, 3, 3, 2, 4, 4 }, 0 },
    { "PAD, PADV2, EXPAND_DIMS, SQUEEZE",
      { .tensor = { TFL_VALUE(1, 1, 1, 1), TFL_VALUE(1, 6), TFL_VALUE(1, 3, 2), TFL_NUMBERS(1, 6),
          { .type = 2, TFL_DIM(4, 2), .numbers = (const int32_t[]){ 0, 0, 1, 0, 0, 0, 0, 0 } }, TFL_VALUE(1, 2, 1, 1),
          { .type = 2, TFL_DIM(4, 2), .numbers = (const int32_t[]){ 0, 0, 0, 1, 0, 1, 0, 0 } }, ONE(9),
          TFL_VALUE(1, 3, 2, 1), TFL_NUMBERS(1), TFL_VALUE(1, 1, 3, 2, 1) },
        { { .op = PAD, TFL_IN(0, 4), .output = 5 }, { .op = PADV2, TFL_IN(5, 6, 7), .output = 8 },
          { .op = EXPAND_DIMS, TFL_IN(8, 9), .output = 10 },
          { .op = SQUEEZE, TFL_IN(10), .output = 2, .list = (const int32_t[]){ 1, -1 }, .list_count = 2 }, FLAT } },
      { 5 }, { 0, 9, 5, 9, 9, 9 }, 0 },
    { "PyTorch's order of axes",
      { .tensor = { TFL_VALUE(1, 2, 1, 5), TFL_VALUE(1, 10), TFL_VALUE(1, 1, 5, 2), TFL_NUMBERS(1, 10),
          TFL_NUMBERS(0, 2, 3, 1) },
        { { .op = TRANSPOSE, TFL_IN(0, 4), .output = 2 }, FLAT } },
      { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, { 1, 6, 2, 7, 3, 8, 4, 9, 5, 10 }, 0 },
    { "bytes",
      { .tensor = { TFL_BYTES(1, 2, 2, 1), SCORES, TFL_VALUE(1, 2, 2, 1), TO_4 },
      { { .op = CAST, TFL_IN(0), .output = 2 }, FLAT } },
      { 0, 1, 128, 255 }, { 0, 1, 128, 255 }, 1 },
    { "a scaling of bytes",
      { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 2, 2, 1), TO_4, ONE(1.0f / 128) },
      { { .op = MUL, TFL_IN(0, 4), .output = 2 }, FLAT } },
      { 0, 1, 128, 255 }, { 0, 1.0f / 128, 1, 255.0f / 128 }, 1 },
};

static void operators_compute_what_they_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ink_builder *builder;
        ink_import_report report;
        ink_error error;
        ink_model_options options = INK_MODEL_OPTIONS_INIT;
        ink_model *model = NULL;
        ink_session *session = NULL;
        float output[16];
        options.output = INK_OUTPUT_AS_WRITTEN;
        if (import_model(&rows[i].model, &builder, &report, &error) ||
            ink_builder_model(builder, &options, &model, &error) || ink_session_open(model, NULL, &session, &error) ||
            ink_session_run_f32(session, rows[i].input, 1, output, &error))
            fail_msg("%s: %s", rows[i].name, error.text);
        assert_string_equal(report.format, "TensorFlow Lite");
        const size_t classes = ink_model_get_info(model)->classes;
        assert_int_equal(classes, rows[i].model.tensor[1].dim[1]);
        for (size_t k = 0; k < classes; k++) /* whole numbers and halves: nothing is rounded */
            if (output[k] != rows[i].output[k])
                fail_msg("%s: output %zu is %g, wanted %g\n%s", rows[i].name, k, (double)output[k],
                         (double)rows[i].output[k], (const char *)report.graph.data);
        if ((report.scaling_from == INK_IMPORT_FILE) != (rows[i].scale != 0) ||
            (rows[i].scale != 0 && (report.scale != rows[i].scale || report.offset != 0)))
            fail_msg("%s: the scaling is %g", rows[i].name, report.scale);
        ink_session_close(&session);
        ink_model_close(&model);
        ink_builder_close(&builder);
        ink_import_report_close(&report);
    }
}

static const struct {
    tfl_model model;
    ink_status status;
    const char *words;
} bad[] = {
    /* what is not supported, and what to do */
    { { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 2) },
      { { .op = LSTM, TFL_IN(0), .output = 2 }, { .op = CUSTOM, .custom = "FlexErf", TFL_IN(2), TFL_ENDS } } },
      INK_ERR_OP, "2 things in it are not supported" },
    { { .tensor = { SQUARE, SCORES }, { { .op = CUSTOM, .custom = "Detect", TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "layer 'tb' (CUSTOM): the custom operator 'Detect'" },
    { { .tensor = { SQUARE, SCORES }, { { .op = CUSTOM, .custom = "FlexErf", TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "'FlexErf' of TensorFlow" },
    { { .tensor = { SQUARE, SCORES }, { { .op = 4000, TFL_IN(0), TFL_ENDS } } }, INK_ERR_OP, "(operator 4000)" },
    { { .tensor = { SQUARE, SCORES, { .type = 9, TFL_DIM(4, 4), .halves = (const uint16_t[16]){ 0 },
      .quantized = true } },
        { { .op = FULLY_CONNECTED, TFL_IN(0, 2), TFL_ENDS } } },
      INK_ERR_OP, "tensor 'tc' to INT8: convert it again without `optimizations`" },
    { { .tensor = { SQUARE, SCORES },
      { { .op = SOFTMAX, TFL_IN(0), TFL_ENDS, .options_type = 9, .option = { 0x40000000 } } } },
      INK_ERR_OP, "its beta is 2" },
    { { .tensor = { TFL_VALUE(1, 4), TFL_VALUE(1, 5) }, { { .op = RELU, TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "another shape" },
    { { .tensor = { SQUARE, SCORES }, { { .op = SOFTMAX, TFL_IN(0), TFL_ENDS, .options_type = 8 } } },
      INK_ERR_OP, "the options of another operator" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1) },
      { { .op = ADD, TFL_IN(0, 0), TFL_ENDS, .options_type = 11, .option = { 5 } } } },
      INK_ERR_OP, "fused activation 5" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1) }, { { .op = MUL, TFL_IN(0, 0), TFL_ENDS } } },
      INK_ERR_OP, "only sums and differences" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1), ONE(1) }, { { .op = DIV, TFL_IN(2, 0), TFL_ENDS } } },
      INK_ERR_OP, "divided by a value" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1), { TFL_DIM(2, 2, 1), TFL_FLOATS(1, 2, 3, 4) } },
      { { .op = ADD, TFL_IN(0, 2), TFL_ENDS } } }, INK_ERR_OP, "has 4 numbers: only one, or one for each channel" },
    { { .tensor = { SQUARE, TFL_VALUE(2, 2, 1, 1), TFL_NUMBERS(1, 0, 2, 3) },
      { { .op = TRANSPOSE, TFL_IN(0, 2), TFL_ENDS } } }, INK_ERR_OP, "it moves the batch" },
    { { .tensor = { SQUARE, SCORES, TFL_NUMBERS(1, 5) }, { { .op = RESHAPE, TFL_IN(0, 2), TFL_ENDS } } },
      INK_ERR_OP, "4 elements for each picture" },
    { { .tensor = { SQUARE, SCORES, TFL_NUMBERS(-1, -1) }, { { .op = RESHAPE, TFL_IN(0, 2), TFL_ENDS } } },
      INK_ERR_OP, "4 elements for each picture" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2), TFL_NUMBERS(1, 3) },
      { { .op = MEAN, TFL_IN(0, 2), TFL_ENDS } } }, INK_ERR_OP, "another shape" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2), TFL_NUMBERS(1) }, { { .op = MEAN, TFL_IN(0, 2), TFL_ENDS } } },
      INK_ERR_OP, "only the height and width" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1), ONE(1) },
      { { .op = CONV, TFL_IN(0, 2), TFL_ENDS, .option = { 0, 1, 1 } } } }, INK_ERR_OP, "not those of a convolution" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1), { TFL_DIM(1, 3, 3, 1), TFL_FLOATS(0, 0, 0, 0, 0, 0, 0, 0, 0) } },
      { { .op = CONV, TFL_IN(0, 2), TFL_ENDS, .option = { 1, 1, 1 } } } },
      INK_ERR_OP, "a window of 3 does not fit 2 pixels" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1), { TFL_DIM(1, 1, 1, 1), TFL_FLOATS(0) } },
      { { .op = CONV, TFL_IN(0, 2), TFL_ENDS } } }, INK_ERR_OP, "stride 0" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 2, 2, 1), { TFL_DIM(1, 1, 1, 2), TFL_FLOATS(0, 0) } },
      { { .op = CONV, TFL_IN(0, 2), TFL_ENDS, .option = { 0, 1, 1 } } } },
      INK_ERR_OP, "for 2 channels, its input has 1" },
    { { .tensor = { SQUARE, SCORES, { TFL_DIM(4, 3), TFL_FLOATS(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) } },
      { { .op = FULLY_CONNECTED, TFL_IN(0, 2), TFL_ENDS } } }, INK_ERR_OP, "for 3 numbers, its input has 4" },
    { { .tensor = { SQUARE, TFL_VALUE(1, 4, 2, 1), TFL_NUMBERS(1, 2) },
      { { .op = TO_SPACE, TFL_IN(0, 2, 2), TFL_ENDS } } }, INK_ERR_OP, "dilated convolutions only" },
    { { .tensor = { SQUARE, SCORES, TFL_NUMBERS(1) }, { { .op = PACK, TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "sizes of shapes only" },
    { { .tensor = { TFL_VALUE(1, 4000000), TFL_VALUE(1, 4000000), ONE(2) },
      { { .op = MUL, TFL_IN(0, 2), TFL_ENDS } } }, INK_ERR_OP, "more weights than the file has bytes" },
    { { .tensor = { TFL_VALUE(1, 4096, 4096, 1), TFL_VALUE(1, 8192, 4096, 1) },
        { { .op = CONCATENATION, TFL_IN(0, 0), TFL_ENDS, .option = { 1 } } } }, INK_ERR_OP,
      "it gives more than 16777216 numbers" },
    /* no classifier of pictures */
    { { .tensor = { SQUARE, SCORES }, { { .op = RELU, TFL_IN(0), .output = -1 } } }, INK_ERR_FORMAT, "writes tensor -1" },
    { { .tensor = { SQUARE, SCORES, SQUARE }, { { .op = RELU, TFL_IN(0), .output = 2 } } }, INK_ERR_OP,
      "output 'tb' is not computed from the picture" },
    { { .tensor = { TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2, 2, 1) },
      { { .op = RELU, TFL_IN(0), TFL_ENDS } } }, INK_ERR_OP, "output 'tb' has 3 axes: no scores" },
    { { .tensor = { TFL_VALUE(1, 1, 1, 1), TFL_VALUE(1, 1, 1, 1) },
      { { .op = RELU, TFL_IN(0), TFL_ENDS } } }, INK_ERR_OP, "output 'tb' is one number" },
    { { .tensor = { TFL_VALUE(1, 785), TFL_VALUE(1, 785) }, { { .op = RELU, TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "input 'ta' is FLOAT32 of shape [1, 785], wanted one picture" },
    { { .tensor = { TFL_SIZES(1, 4), SCORES }, { { .op = RELU, TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "input 'ta' is INT32 of shape [1, 4]" },
    { { .tensor = { TFL_BYTES(1, 4), SCORES }, { { .op = RELU, TFL_IN(0), TFL_ENDS } } },
      INK_ERR_OP, "computes with UINT8, wanted FLOAT32" },
    { { .tensor = { SQUARE, SCORES }, { { .op = RELU, TFL_IN(0), TFL_ENDS } }, .inputs = 2 },
      INK_ERR_GRAPH, "has 2 inputs, wanted one" },
    { { .tensor = { SQUARE, SCORES }, { { .op = RELU, TFL_IN(0), TFL_ENDS } }, .graphs = 2 },
      INK_ERR_GRAPH, "holds 2 graphs, wanted one" },
    /* damaged */
    { { .tensor = { SQUARE, SCORES }, { { .op = RELU, TFL_IN(0), TFL_ENDS } }, .version = 2 },
      INK_ERR_VERSION, "version 2" },
    { { .tensor = { SQUARE, SCORES }, { { .op = RELU, TFL_IN(7), TFL_ENDS } } },
      INK_ERR_FORMAT, "operator 0 reads tensor 7, the file has 2" },
    { { .tensor = { SQUARE, SCORES }, { { .op = RELU, TFL_IN(0), .output = 0 } } },
      INK_ERR_FORMAT, "operator 0 writes tensor 0" },
    { { .tensor = { SQUARE, SCORES, TFL_VALUE(1, 4) },
      { { .op = RELU, TFL_IN(0), TFL_ENDS }, { .op = RELU, TFL_IN(0), TFL_ENDS } } },
      INK_ERR_FORMAT, "operator 1 writes tensor 1" },
};

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ink_builder *builder;
        ink_import_report report;
        ink_error error;
        const ink_status status = import_model(&bad[i].model, &builder, &report, &error);
        if (!status)
            fail_msg("%zu (%s) was read", i, bad[i].words);
        if (report.faults.data && strstr(report.faults.data, bad[i].words))
            check_error(status, &error, bad[i].status, "");
        else
            check_error(status, &error, bad[i].status, bad[i].words);
        assert_null(builder);
        ink_import_report_close(&report);
    }
}

static void files_are_told(void **state)
{
    (void)state;
    assert_true(ink_tflite_is((const uint8_t *)"\x1c\0\0\0TFL3", 8));
    assert_false(ink_tflite_is((const uint8_t *)"\x1c\0\0\0TFL", 7));
    assert_false(ink_tflite_is((const uint8_t *)"TFL3\0\0\0\0", 8));
}

static void check_harmless(const uint8_t *data, size_t size, bool must_fail)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_draft draft;
    ink_error error;
    fence bytes = fence_make(data, size);
    ink_arena_init(&arena, &allocator);
    ink_draft_init(&draft, &arena);
    const ink_status status = ink_tflite_read(bytes.data, bytes.size, &draft, &error);
    assert_true(status == INK_OK ? !must_fail : error.text[0] != 0);
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    fence_free(&bytes);
}

static const tfl_model dense = {
    .tensor = { TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2), TFL_NUMBERS(-1, 4), TFL_VALUE(1, 4),
      { TFL_DIM(2, 4), TFL_FLOATS(1, 2, 3, 4, 5, 6, 7, 8) } },
    .op = { { .op = RESHAPE, TFL_IN(0, 2), .output = 3 }, { .op = FULLY_CONNECTED, TFL_IN(3, 4), TFL_ENDS } },
};

/* No prefix and no change of a byte does harm; a prefix without the last constant cannot be read. */
static void broken_files_do_no_harm(void **state)
{
    static flat_bytes file;
    (void)state;
    tfl_make(&file, &dense);
    check_harmless(file.data, file.size, false);
    for (size_t size = 0; size < file.size; size++)
        check_harmless(file.data, size, true);
    for (size_t at = 0; at < file.size; at++) {
        static const uint8_t changes[] = { 1, 4, 0x80, 0xff };
        const uint8_t was = file.data[at];
        for (size_t i = 0; i < sizeof changes; i++) {
            file.data[at] = was ^ changes[i];
            check_harmless(file.data, file.size, false);
        }
        file.data[at] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_compute_what_they_do),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(files_are_told),
        cmocka_unit_test(broken_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
