/* Networks with the outputs that PyTorch gives for them (tests/golden/README.md), on every set of kernels.
 * What we write ourselves of each must compute the same bits, and be written again as the same bytes.
 *
 * INKLING_GOLDEN is another folder than tests/golden. */
#include "check_cpus.h"

#include <dirent.h>

enum { SAMPLES = 64, SAMPLES_HEADER = 16, NAMES = 200 };

/* PyTorch's outputs are exact to float32; inkling's may be off by this share of the largest of an image's
 * outputs (or of 1, whichever is larger), and probabilities by this. It is about a hundred times the
 * roundoff: the networks have up to eight layers, whose errors add up. */
static const double tolerance = 1e-5;

static const char *folder;

/* A file of the folder; without `must`, an empty blob stands for one that is not there. */
static blob get(const char *name, const char *suffix, bool must)
{
    char file[NAMES];
    snprintf(file, sizeof file, "%s.%s", name, suffix);
    char *path = folder_path(folder, file);
    FILE *there = fopen(path, "rb");
    blob data = { .mark = SIZE_MAX };
    if (there)
        fclose(there);
    if (there || must)
        data = file_get(path);
    free(path);
    return data;
}

/* The inputs of a network: floats of its own, or pictures of digits as bytes. */
typedef struct inputs {
    blob data;
    bool bytes;
    size_t images;
} inputs;

static inputs inputs_of(const char *name, const ink_model_info *info)
{
    const size_t pixels = (size_t)info->channels * info->height * info->width;
    inputs in = { .data = get(name, "input.f32", false) };
    in.bytes = in.data.data == NULL;
    if (in.bytes) {
        in.data = file_get("samples/digits-images-idx3-ubyte");
        in.images = SAMPLES;
        assert_true(pixels == 28 * 28 && in.data.size >= SAMPLES_HEADER + SAMPLES * pixels);
    } else {
        in.images = in.data.size / sizeof(float) / pixels;
        assert_true(in.images > 0 && in.data.size == in.images * pixels * sizeof(float));
    }
    return in;
}

/* Runs them; the outputs are in memory of malloc. */
static float *run(const ink_model *model, const inputs *in)
{
    const size_t count = in->images * ink_model_get_info(model)->classes;
    float *y = malloc((count + 1) * sizeof *y);
    float *x = malloc(in->data.size + 1); /* aligned as floats are */
    ink_session *session;
    ink_error error;
    assert_true(x && y);
    memcpy(x, in->data.data, in->data.size);
    check_error(ink_session_open(model, NULL, &session, &error), &error, INK_OK, NULL);
    const uint8_t *pixels = in->data.data + SAMPLES_HEADER;
    const ink_status status = in->bytes ? ink_session_run_u8(session, pixels, in->images, y, &error)
                                        : ink_session_run_f32(session, x, in->images, y, &error);
    check_error(status, &error, INK_OK, NULL);
    ink_session_close(&session);
    free(x);
    return y;
}

/* The largest difference, as a share of what the tolerance is a share of. */
static double check_outputs(const char *name, ink_cpu cpu, const float *got, const blob *want,
                            size_t images, size_t classes)
{
    double worst = 0;
    if (want->size != images * classes * sizeof(float))
        fail_msg("%s: outputs of %zu bytes, wanted %zu for %zu images of %zu classes", name, want->size,
                 images * classes * sizeof(float), images, classes);
    for (size_t i = 0; i < images; i++) {
        double largest = 1;
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t c = 0; c < classes; c++) {
                float value;
                memcpy(&value, want->data + (i * classes + c) * sizeof value, sizeof value);
                const double off = fabs((double)got[i * classes + c] - (double)value);
                if (pass == 0)
                    largest = fmax(largest, fabs((double)value));
                else if (!(off <= tolerance * largest))
                    fail_msg("%s, %s: image %zu, class %zu is %.9g, PyTorch says %.9g", name,
                             ink_cpu_name(cpu), i, c, (double)got[i * classes + c], (double)value);
                else
                    worst = fmax(worst, off / largest);
            }
    }
    return worst;
}

static ink_model *open_golden(const blob *file, const char *name, ink_cpu cpu, ink_output output)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    ink_error error;
    options.cpu = cpu;
    options.output = output;
    options.name = name;
    check_error(ink_model_open_memory(file->data, file->size, &options, &model, &error), &error,
                INK_OK, NULL);
    return model;
}

/* Written in inkling's layout, read again: the same bits; written again: the same bytes. */
static void check_rewritten(const ink_model *model, const char *name, ink_cpu cpu, const inputs *in,
                            const float *want)
{
    ink_buffer first, second;
    ink_error error;
    check_error(ink_model_save_memory(model, INK_LAYOUT_INKLING, &first, &error), &error, INK_OK,
                NULL);
    const blob written = { .data = (uint8_t *)first.data, .size = first.size };
    ink_model *again = open_golden(&written, name, cpu, INK_OUTPUT_AS_WRITTEN);
    const ink_model_info *info = ink_model_get_info(again);
    assert_int_equal(info->layout, INK_LAYOUT_INKLING);
    assert_int_equal(info->parameters, ink_model_get_info(model)->parameters);
    assert_int_equal(info->macs, ink_model_get_info(model)->macs);
    float *y = run(again, in);
    if (memcmp(y, want, in->images * info->classes * sizeof *y))
        fail_msg("%s: written and read again, it gives other bits", name);
    check_error(ink_model_save_memory(again, INK_LAYOUT_INKLING, &second, &error), &error, INK_OK,
                NULL);
    if (first.size != second.size || memcmp(first.data, second.data, first.size))
        fail_msg("%s: written, read and written again, it has other bytes", name);
    free(y);
    ink_model_close(&again);
    ink_buffer_close(&first);
    ink_buffer_close(&second);
}

static void check_golden(const char *name, const char *suffix)
{
    blob file = get(name, suffix, true), output = get(name, "output.f32", true);
    blob probabilities = get(name, "probs.f32", false);
    ink_cpu cpus[CHECK_CPUS];
    double worst = 0;
    for (size_t i = check_cpus(cpus); i-- > 0;) {
        ink_model *model = open_golden(&file, name, cpus[i], INK_OUTPUT_AS_WRITTEN);
        const ink_model_info *info = ink_model_get_info(model);
        inputs in = inputs_of(name, info);
        float *y = run(model, &in);
        worst = fmax(worst, check_outputs(name, cpus[i], y, &output, in.images, info->classes));
        if (strcmp(suffix, "gguf") == 0)
            check_rewritten(model, name, cpus[i], &in, y);
        free(y);
        ink_model_close(&model);
        if (probabilities.data) {
            model = open_golden(&file, name, cpus[i], INK_OUTPUT_PROBABILITIES);
            y = run(model, &in);
            worst = fmax(worst, check_outputs(name, cpus[i], y, &probabilities, in.images, 10));
            free(y);
            ink_model_close(&model);
        }
        blob_free(&in.data);
    }
    printf("%-14s off by at most %.2g\n", name, worst);
    blob_free(&file);
    blob_free(&output);
    blob_free(&probabilities);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void networks_give_what_pytorch_gives(void **state)
{
    (void)state;
    static char names[100][NAMES];
    char *sorted[CHECK_COUNT(names)];
    size_t count = 0;
    DIR *list = opendir(folder);
    if (!list)
        fail_msg("cannot open %s (tests run from the project's root)", folder);
    for (struct dirent *entry; (entry = readdir(list));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || (strcmp(dot, ".gguf") && strcmp(dot, ".bin")))
            continue;
        assert_true(count < CHECK_COUNT(names));
        snprintf(names[count], NAMES, "%s", entry->d_name);
        sorted[count] = names[count];
        count++;
    }
    closedir(list);
    assert_in_range(count, 16, CHECK_COUNT(names)); /* the folder's networks, or something is missing */
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++) {
        char *dot = strrchr(sorted[i], '.');
        *dot = 0;
        check_golden(sorted[i], dot + 1);
    }
    printf("%zu networks in %s\n", count, folder);
}

int main(void)
{
    const char *other = getenv("INKLING_GOLDEN");
    folder = other && *other ? other : "tests/golden";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_give_what_pytorch_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
