/* Interoperation: model files that other programs wrote, and what those programs answer to MNIST's
 * 10,000 test images. Needs the data folder in INKLING_DATA; without it the test is skipped. With the
 * reference kernels, which are slow, every tenth image is tried. */
#include "models.h"

#include <math.h>

enum { ALL = 10000, CLASSES = 10, PIXELS = 28 * 28 };

static const char *folder;

/* What a command prints; `size` bytes exactly. */
static uint8_t *unpack(const char *name, size_t size)
{
    char command[4096 + 32];
    assert_null(strchr(folder, '\''));
    assert_true((size_t)snprintf(command, sizeof command, "gzip -dc '%s/%s'", folder, name) <
                sizeof command);
    uint8_t *bytes = malloc(size + 1);
    FILE *pipe = popen(command, "r");
    assert_true(bytes && pipe);
    const size_t got = fread(bytes, 1, size + 1, pipe);
    if (pclose(pipe) != 0 || got != size)
        fail_msg("%s: got %zu bytes, wanted %zu", command, got, size);
    return bytes;
}

/* ---- .npy ---- */

/* The value of a key in the header's Python dictionary: what stands behind "'key':". */
static const char *npy_value(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = strstr(header, quoted);
    if (!at)
        fail_msg(".npy: no %s in '%s'", key, header);
    return at + strlen(quoted) + strspn(at + strlen(quoted), " ");
}

/* The floats of a .npy file of shape (10000, 10), float32, little-endian, rows first (NumPy's
 * numpy.lib.format). */
static float *npy_read(const char *name)
{
    char *path = folder_path(folder, name);
    blob file = file_get(path);
    assert_true(file.size > 12 && !memcmp(file.data, "\x93NUMPY", 6));
    const uint8_t major = file.data[6];
    assert_in_range(major, 1, 3);
    const size_t begin = major == 1 ? 10 : 12; /* the header's length takes 2 bytes, later 4 */
    size_t length = file.data[8] | (size_t)file.data[9] << 8;
    if (major > 1)
        length |= (size_t)file.data[10] << 16 | (size_t)file.data[11] << 24;
    assert_true(length < 4096 && begin + length <= file.size);
    char header[4097];
    memcpy(header, file.data + begin, length);
    header[length] = 0;
    unsigned rows, columns;
    assert_int_equal(strncmp(npy_value(header, "descr"), "'<f4'", 5), 0);
    assert_int_equal(strncmp(npy_value(header, "fortran_order"), "False", 5), 0);
    assert_int_equal(sscanf(npy_value(header, "shape"), "(%u, %u)", &rows, &columns), 2);
    assert_true(rows == ALL && columns == CLASSES);
    const size_t bytes = sizeof(float) * ALL * CLASSES;
    assert_int_equal(file.size, begin + length + bytes);
    float *values = malloc(bytes);
    assert_non_null(values);
    memcpy(values, file.data + begin + length, bytes);
    blob_free(&file);
    free(path);
    return values;
}

/* ---- one model ---- */

/* The accuracies are those of data/models/README.md: images right of 10,000. */
static const struct row {
    const char *model, *expected;
    bool logits;       /* what is expected is not yet probabilities */
    float input_scale;
    double tolerance;  /* of a probability; ggml rounds a convolution's input to half precision */
    ink_layout layout;
    size_t right;
    bool same_bytes;   /* the file is as we would write it */
} rows[] = {
    { "models/mnist-fc-legacy.bin", "models/mnist-fc-legacy.pixels1.probs.npy", false, 0, 1e-5,
      INK_LAYOUT_LEGACY, 9831, true },
    { "models/mnist-fc-legacy.bin", "models/mnist-fc-legacy.pixels255.probs.npy", false, 1, 1e-3,
      INK_LAYOUT_LEGACY, 9831, true },
    { "models/mnist-cnn-2023.gguf", "models/mnist-cnn-2023.probs.npy", false, 0, 1e-3,
      INK_LAYOUT_GGML_2023, 9909, true },
    { "models/mnist-fc-ggml.gguf", "models/mnist-fc-ggml.logits.npy", true, 0, 1e-5, INK_LAYOUT_GGML,
      9787, true },
    { "models/mnist-cnn-ggml.gguf", "models/mnist-cnn-ggml.logits.npy", true, 0, 1e-3, INK_LAYOUT_GGML,
      9865, false },
};

static void to_probabilities(float *values)
{
    double sum = 0;
    const double largest = values[ink_argmax(values, CLASSES)];
    for (size_t i = 0; i < CLASSES; i++)
        sum += exp(values[i] - largest);
    for (size_t i = 0; i < CLASSES; i++)
        values[i] = (float)(exp(values[i] - largest) / sum);
}

static float *run_row(const ink_model *model, const uint8_t *images, size_t count)
{
    ink_session *session;
    ink_error error;
    const ink_session_options options = { sizeof options, NULL, 2, 0, 0 };
    float *output = malloc(count * CLASSES * sizeof *output);
    assert_non_null(output);
    check_error(ink_session_open(model, &options, &session, &error), &error, INK_OK, NULL);
    check_error(ink_session_run_u8(session, images, count, output, &error), &error, INK_OK, NULL);
    ink_session_close(&session);
    return output;
}

static void check_row(const struct row *row)
{
    const ink_cpu cpu = test_cpu();
    const size_t step = cpu == INK_CPU_SCALAR ? 10 : 1, count = ALL / step;
    uint8_t *file = unpack("mnist/t10k-images-idx3-ubyte.gz", 16 + ALL * PIXELS);
    uint8_t *labels = unpack("mnist/t10k-labels-idx1-ubyte.gz", 8 + ALL);
    float *expected = npy_read(row->expected);
    uint8_t *images = malloc(count * PIXELS);
    ink_idx idx;
    ink_error error;
    assert_non_null(images);
    check_error(ink_idx_parse(file, 16 + ALL * PIXELS, "images", &idx, &error), &error, INK_OK, NULL);
    assert_true(idx.items == ALL && idx.item_bytes == PIXELS);
    for (size_t i = 0; i < count; i++)
        memcpy(images + i * PIXELS, idx.data + i * step * PIXELS, PIXELS);
    check_error(ink_idx_parse(labels, 8 + ALL, "labels", &idx, &error), &error, INK_OK, NULL);

    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    char *path = folder_path(folder, row->model);
    options.cpu = cpu;
    options.input_scale = row->input_scale;
    check_error(ink_model_open(path, &options, &model, &error), &error, INK_OK, NULL);
    const ink_model_info *info = ink_model_get_info(model);
    assert_int_equal(info->layout, row->layout);
    assert_true(info->channels == 1 && info->height == 28 && info->width == 28);
    assert_int_equal(info->classes, CLASSES);
    float *got = run_row(model, images, count);
    size_t right = 0;
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        float *want = expected + i * step * CLASSES;
        const size_t digit = ink_argmax(got + i * CLASSES, CLASSES);
        if (digit != ink_argmax(want, CLASSES))
            fail_msg("%s: image %zu is read as %zu, wanted %zu", row->expected, i * step, digit,
                     ink_argmax(want, CLASSES));
        right += digit == idx.data[i * step];
        if (row->logits)
            to_probabilities(want);
        for (size_t c = 0; c < CLASSES; c++)
            largest = fmax(largest, fabs((double)got[i * CLASSES + c] - (double)want[c]));
    }
    print_message("%s: %zu images, %zu right, largest difference %.2g\n", row->expected, count, right,
                  largest);
    if (!(largest <= row->tolerance))
        fail_msg("%s: a probability differs by %g", row->expected, largest);
    if (step == 1)
        assert_int_equal(right, row->right);

    /* The file is written again as it was, and as inkling's own it gives the same bits. */
    ink_buffer own = save(model, INK_LAYOUT_INKLING), same = save(model, row->layout);
    blob bytes = file_get(path);
    if (row->same_bytes)
        check_same_bytes(row->model, same.data, same.size, bytes.data, bytes.size);
    ink_model *again;
    check_error(ink_model_open_memory(own.data, own.size, &options, &again, &error), &error, INK_OK, NULL);
    float *converted = run_row(again, images, 500);
    check_same_bytes(row->expected, converted, 500 * CLASSES * sizeof *got, got,
                     500 * CLASSES * sizeof *got);
    ink_model_close(&again);
    ink_model_close(&model);
    ink_buffer_close(&own);
    ink_buffer_close(&same);
    blob_free(&bytes);
    free(converted);
    free(got);
    free(path);
    free(images);
    free(expected);
    free(labels);
    free(file);
}

#define ROW(name, index)                                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        check_row(&rows[index]);                                                                   \
    }
ROW(legacy_fc_of_pytorch, 0)
ROW(legacy_fc_fed_as_the_2023_program_does, 1)
ROW(cnn_of_the_2023_example, 2)
ROW(fc_of_ggml_today, 3)
ROW(cnn_of_ggml_today, 4)

int main(void)
{
    folder = getenv("INKLING_DATA");
    if (!folder || !*folder) {
        fprintf(stderr, "skipped: INKLING_DATA does not name the folder with other programs' models\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_fc_of_pytorch),
        cmocka_unit_test(legacy_fc_fed_as_the_2023_program_does),
        cmocka_unit_test(cnn_of_the_2023_example),
        cmocka_unit_test(fc_of_ggml_today),
        cmocka_unit_test(cnn_of_ggml_today),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
