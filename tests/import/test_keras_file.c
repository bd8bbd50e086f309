/* Keras' files: .keras, .h5 with a model and without, and HDF5 that is made to do harm. */
#include "zip_files.h"

#include "import/keras/hdf5_file.h"
#include "import/import.h"
#include "import/keras/keras_file.h"

#include <stdio.h>
#include <stdlib.h>

#if INK_HAVE_HDF5

#include "hdf5_files.h"

static const uint8_t paper[2 * 784], labels[2] = { 0, 1 };
static const ink_evidence evidence = { .pixels = paper, .labels = labels, .count = 2, .side = 28 };
static ink_allocator allocator;

static int set_allocator(void **state)
{
    (void)state;
    allocator = ink_allocator_or_default(NULL);
    return 0;
}

/* A dense layer of two pixels and three classes; the kernel is Keras', [I,O]. */
static const float kernel[6] = { 1, 2, 3, 4, 5, 6 }, bias[3] = { 0.5f, -1, 2 };
static const char config[] =
    "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
    "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"flat\",\"batch_input_shape\":[null,1,2]}},"
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":3}}]}}";
static const hsize_t two_by_three[] = { 2, 3 }, three[] = { 3 };

static ink_status import(blob *file, ink_builder **out, ink_import_report *report, ink_error *error)
{
    const ink_import_options options = { .allocator = &allocator, .evidence = &evidence };
    fence bytes = fence_make(file->data, file->size);
    blob_free(file);
    assert_true(ink_import_is(bytes.data, bytes.size));
    const ink_status status = ink_import(bytes.data, bytes.size, &options, out, report, error);
    fence_free(&bytes);
    if (status == INK_ERR_OPEN) {
        print_message("skipped: built without libzip or jansson\n");
        skip();
    }
    return status;
}

static void check_runs(blob file, const char *format)
{
    static const float input[2] = { 2, -1 }, wanted[3] = { 2 * 1 - 4 + 0.5f, 2 * 2 - 5 - 1, 2 * 3 - 6 + 2 };
    ink_import_report report;
    ink_builder *builder;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    ink_session *session;
    ink_error error;
    float output[3];
    options.output = INK_OUTPUT_AS_WRITTEN;
    if (import(&file, &builder, &report, &error) || ink_builder_model(builder, &options, &model, &error) ||
        ink_session_open(model, NULL, &session, &error) || ink_session_run_f32(session, input, 1, output, &error))
        fail_msg("%s", error.text);
    assert_string_equal(report.format, format);
    assert_memory_equal(output, wanted, sizeof wanted);
    ink_session_close(&session);
    ink_model_close(&model);
    ink_builder_close(&builder);
    ink_import_report_close(&report);
}

static hid_t chunks_of(bool gzip)
{
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(how, 2, (const hsize_t[]){ 1, 3 });
    if (gzip) {
        H5Pset_shuffle(how);
        H5Pset_deflate(how, 6);
    }
    return how;
}

enum { FIXED, VARIABLE, SPLIT, GZIP, WAYS };

/* A whole model as Keras 2 writes it, in each way that its parts can be stored. */
static blob make_h5(int way, const char *model)
{
    const hid_t file = hdf5_create();
    static const char *const layers[] = { "flat", "d" }, *const weights[] = { "d/kernel:0", "d/bias:0" };
    hdf5_tensor(file, "model_weights/d/d/kernel:0", 2, two_by_three, way == GZIP ? chunks_of(true) : H5P_DEFAULT,
        kernel);
    hdf5_tensor(file, "model_weights/d/d/bias:0", 1, three, H5P_DEFAULT, bias);
    const hid_t group = H5Gopen2(file, "model_weights/d", H5P_DEFAULT), all = H5Gopen2(file, "model_weights",
        H5P_DEFAULT);
    if (model)
        hdf5_texts(file, "model_config", &model, 0, way == VARIABLE);
    if (way == SPLIT) {
        hdf5_texts(group, "weight_names0", weights, 1, false);
        hdf5_texts(group, "weight_names1", weights + 1, 1, false);
    } else {
        hdf5_texts(group, "weight_names", weights, 2, way == VARIABLE);
    }
    hdf5_texts(all, "layer_names", layers, 2, way == VARIABLE);
    H5Gclose(group);
    H5Gclose(all);
    return hdf5_finish(file);
}

static void whole_models_are_read(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++)
        check_runs(make_h5(way, config), "Keras .h5");
}

/* As Keras 3 writes it, and as old versions did, some under Windows. */
static void archives_are_read(void **state)
{
    static const char *const folders[] = { "layers/dense", "layers\\dense", "_layer_checkpoint_dependencies/dense",
                                           "_layer_checkpoint_dependencies\\dense" };
    (void)state;
    for (size_t way = 0; way < sizeof folders / sizeof *folders; way++) {
        char path[80];
        const hid_t file = hdf5_create();
        snprintf(path, sizeof path, "%s/vars/0", folders[way]);
        hdf5_tensor(file, path, 2, two_by_three, H5P_DEFAULT, kernel);
        snprintf(path, sizeof path, "%s/vars/1", folders[way]);
        hdf5_tensor(file, path, 1, three, H5P_DEFAULT, bias);
        zip_entry entries[] = {
            { .name = "metadata.json", .data = blob_make("t:{}") },
            { .name = "config.json" },
            { .name = "model.weights.h5", .data = hdf5_finish(file) },
        };
        blob_append(&entries[1].data, config, sizeof config - 1);
        blob zip = zip_make(entries, 3);
        for (size_t i = 0; i < 3; i++)
            blob_free(&entries[i].data);
        check_runs(zip, "Keras .keras");
    }
}

/* The weights of a model within the model stand together, in an order of their own. */
static blob make_nested(const char *const *names, size_t count)
{
    static const char *const model =
        "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
        "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"m\",\"layers\":["
        "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"flat\",\"batch_input_shape\":[null,1,2]}},"
        "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":3}}]}}]}}";
    const hid_t file = hdf5_create();
    for (size_t i = 0; i < count; i++) {
        char path[80];
        snprintf(path, sizeof path, "m/%s", names[i]);
        if (strstr(names[i], "kernel"))
            hdf5_tensor(file, path, 2, two_by_three, H5P_DEFAULT, kernel);
        else
            hdf5_tensor(file, path, 1, three, H5P_DEFAULT, bias);
    }
    const hid_t group = H5Gopen2(file, "m", H5P_DEFAULT);
    hdf5_texts(group, "weight_names", names, count, false);
    hdf5_texts(file, "model_config", &model, 0, false);
    H5Gclose(group);
    return hdf5_finish(file);
}

static void models_within_models_go_by_names(void **state)
{
    static const char *const names[] = { "d/bias:0", "ad/kernel:0", "d/kernel:0", "x/d/kernel:0" };
    static const char *const other[] = { "d/bias:0", "ad/kernel:0", "d/kernels:0" };
    (void)state;
    ink_import_report report;
    ink_builder *builder;
    ink_error error;
    check_runs(make_nested(names, 3), "Keras .h5");
    static const char *const bare[] = { "bias", "kernel" }; /* Keras 3.0 */
    check_runs(make_nested(bare, 2), "Keras .h5");
    blob twice = make_nested(names, 4), none = make_nested(other, 3);
    check_error(import(&twice, &builder, &report, &error), &error, INK_ERR_FORMAT,
        "model 'm' has two weights 'd/kernel'");
    ink_import_report_close(&report);
    check_error(import(&none, &builder, &report, &error), &error, INK_ERR_MISSING, "its kernel is not in the file");
    ink_import_report_close(&report);
}

static void a_missing_member_is_told(void **state)
{
    (void)state;
    zip_entry entries[] = { { .name = "config.json" }, { .name = "model.weights.json", .data = blob_make("t:{}") } };
    blob_append(&entries[0].data, config, sizeof config - 1);
    blob zip = zip_make(entries, 2);
    ink_import_report report;
    ink_builder *builder;
    ink_error error;
    blob_free(&entries[0].data);
    blob_free(&entries[1].data);
    check_error(import(&zip, &builder, &report, &error), &error, INK_ERR_MISSING, "without model.weights.h5");
    ink_import_report_close(&report);
}

/* ---- weights alone ---- */

static void check_weights(blob file, bool norm)
{
    static const float turned[6] = { 1, 4, 2, 5, 3, 6 };
    ink_arena arena;
    ink_draft draft = { .arena = NULL };
    ink_weight *weights;
    size_t count;
    ink_error error;
    fence bytes = fence_make(file.data, file.size);
    blob_free(&file);
    ink_arena_init(&arena, &allocator);
    if (ink_keras_read_h5(bytes.data, bytes.size, &arena, &draft, &weights, &count, &error))
        fail_msg("%s", error.text);
    assert_null(draft.arena);
    assert_int_equal(count, norm ? 6 : 2);
    const ink_weight *dense = weights + count - 2;
    if (norm) {
        static const char *const parts[] = { "weight", "bias", "running_mean", "running_var" };
        for (size_t i = 0; i < 4; i++) {
            assert_true(strstr(weights[i].name, "batch_normalization.") == weights[i].name);
            assert_string_equal(strchr(weights[i].name, '.') + 1, parts[i]);
        }
    }
    assert_string_equal(strchr(dense[0].name, '.'), ".weight");
    assert_string_equal(strchr(dense[1].name, '.'), ".bias");
    assert_true(dense[0].rank == 2 && dense[0].dim[0] == 3 && dense[0].dim[1] == 2);
    assert_memory_equal(dense[0].data, turned, sizeof turned);
    assert_memory_equal(dense[1].data, bias, sizeof bias);
    ink_arena_free(&arena);
    fence_free(&bytes);
}

static void weights_alone_are_turned(void **state)
{
    (void)state;
    check_weights(make_h5(FIXED, NULL), false);
    const hid_t file = hdf5_create(); /* Keras 3's save_weights */
    hdf5_tensor(file, "layers/dense/vars/0", 2, two_by_three, H5P_DEFAULT, kernel);
    hdf5_tensor(file, "layers/dense/vars/1", 1, three, H5P_DEFAULT, bias);
    for (int i = 0; i < 4; i++) {
        char path[60];
        snprintf(path, sizeof path, "layers/batch_normalization/vars/%d", i);
        hdf5_tensor(file, path, 1, three, H5P_DEFAULT, bias);
    }
    check_weights(hdf5_finish(file), true);
}

/* A model within the model has the means of its norms behind all that is trained; they come to their layer. */
static void weights_of_a_layer_come_together(void **state)
{
    static const char *const names[] = { "n/gamma:0", "s/d/kernel:0", "s/d/bias:0", "n/moving_mean:0" };
    static const char *const wanted[] = { "n.weight", "n.running_mean", "d.weight", "d.bias" }, *const layers[] = { "s"
        };
    (void)state;
    ink_arena arena;
    ink_draft draft = { .arena = NULL };
    ink_weight *weights;
    size_t count;
    ink_error error;
    const hid_t file = hdf5_create();
    for (size_t i = 0; i < 4; i++) {
        char path[60];
        snprintf(path, sizeof path, "s/%s", names[i]);
        hdf5_tensor(file, path, i == 1 ? 2 : 1, i == 1 ? two_by_three : three, H5P_DEFAULT, kernel);
    }
    const hid_t group = H5Gopen2(file, "s", H5P_DEFAULT);
    hdf5_texts(group, "weight_names", names, 4, true);
    hdf5_texts(file, "layer_names", layers, 1, true);
    H5Gclose(group);
    blob bytes = hdf5_finish(file);
    ink_arena_init(&arena, &allocator);
    if (ink_keras_read_h5(bytes.data, bytes.size, &arena, &draft, &weights, &count, &error))
        fail_msg("%s", error.text);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(weights[i].name, wanted[i]);
    ink_arena_free(&arena);
    blob_free(&bytes);
}

/* Of a convolution's kernel [KH,KW,I,O] each number has its place in O,I,KH,KW. */
static void kernels_are_turned(void **state)
{
    (void)state;
    static const hsize_t dim[] = { 2, 3, 2, 2 };
    static const char *const layers[] = { "c" }, *const names[] = { "c/kernel:0" };
    float data[24];
    ink_arena arena;
    ink_draft draft = { .arena = NULL };
    ink_weight *weights;
    size_t count;
    ink_error error;
    for (int i = 0; i < 24; i++)
        data[i] = (float)i;
    const hid_t file = hdf5_create();
    hdf5_tensor(file, "c/c/kernel:0", 4, dim, H5P_DEFAULT, data);
    const hid_t group = H5Gopen2(file, "c", H5P_DEFAULT);
    hdf5_texts(group, "weight_names", names, 1, false);
    hdf5_texts(file, "layer_names", layers, 1, false);
    H5Gclose(group);
    blob bytes = hdf5_finish(file);
    ink_arena_init(&arena, &allocator);
    if (ink_keras_read_h5(bytes.data, bytes.size, &arena, &draft, &weights, &count, &error))
        fail_msg("%s", error.text);
    for (int h = 0; h < 2; h++)
        for (int w = 0; w < 3; w++)
            for (int i = 0; i < 2; i++)
                for (int o = 0; o < 2; o++)
                    assert_true(weights->data[((o * 2 + i) * 2 + h) * 3 + w] == data[((h * 3 + w) * 2 + i) * 2 + o]);
    assert_true(weights->dim[0] == 2 && weights->dim[1] == 2 && weights->dim[2] == 2 && weights->dim[3] == 3);
    ink_arena_free(&arena);
    blob_free(&bytes);
}

/* ---- files made to do harm ---- */

enum { SOFT, OUTSIDE, EXTERNAL, VIRTUAL, FILTER, UNWRITTEN, HUGE_ONE, TEXT, GROUP, RANK, HARMS };

static const struct {
    ink_status status;
    const char *words;
} harms[HARMS] = {
    [SOFT] = { INK_ERR_MISSING, "its kernel is not in the file" },
    [OUTSIDE] = { INK_ERR_MISSING, "its kernel is not in the file" },
    [EXTERNAL] = { INK_ERR_FORMAT, "lies in another file" },
    [VIRTUAL] = { INK_ERR_FORMAT, "lies in another file" },
    [FILTER] = { INK_ERR_FORMAT, "compressed otherwise than by gzip" },
    [UNWRITTEN] = { INK_ERR_LIMIT, "cannot come from 0 bytes" },
    [HUGE_ONE] = { INK_ERR_LIMIT, "has more than" },
    [TEXT] = { INK_ERR_TYPE, "holds no numbers" },
    [GROUP] = { INK_ERR_FORMAT, "is no tensor" },
    [RANK] = { INK_ERR_SHAPE, "wanted 8 at most" },
};

/* The dataset "d/k", which is not what a file of Keras has there. */
static void put_harm(hid_t file, int harm)
{
    static const hsize_t ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, huge[] = { 1 << 20, 1 << 20 };
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE), group = H5Gopen2(file, "d", H5P_DEFAULT);
    const hid_t space = H5Screate_simple(2, two_by_three, NULL);
    if (harm == SOFT)
        H5Lcreate_soft("/d/b", file, "d/k", H5P_DEFAULT, H5P_DEFAULT);
    if (harm == OUTSIDE)
        H5Lcreate_external("other.h5", "/d/k", file, "d/k", H5P_DEFAULT, H5P_DEFAULT);
    if (harm == EXTERNAL)
        H5Pset_external(how, "/dev/zero", 0, 24);
    if (harm == VIRTUAL)
        H5Pset_virtual(how, space, "other.h5", "/k", space);
    if (harm == FILTER || harm == HUGE_ONE)
        H5Pset_chunk(how, 2, two_by_three);
    if (harm == FILTER)
        H5Pset_fletcher32(how);
    if (harm == EXTERNAL || harm == VIRTUAL || harm == UNWRITTEN)
        hdf5_tensor(group, "k", 2, two_by_three, H5Pcopy(how), NULL);
    if (harm == FILTER)
        hdf5_tensor(group, "k", 2, two_by_three, H5Pcopy(how), kernel);
    if (harm == HUGE_ONE)
        hdf5_tensor(group, "k", 2, huge, H5Pcopy(how), NULL);
    if (harm == GROUP)
        H5Gclose(H5Gcreate2(group, "k", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    if (harm == RANK)
        hdf5_tensor(group, "k", 9, ones, H5P_DEFAULT, kernel);
    if (harm == TEXT)
        H5Dclose(H5Dcreate2(group, "k", H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Gclose(group);
    H5Pclose(how);
}

static void harm_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = { "k", "b" }, *const model = config;
    for (int harm = 0; harm < HARMS; harm++) {
        ink_import_report report;
        ink_builder *builder;
        ink_error error = { 0 };
        const hid_t file = hdf5_create();
        hdf5_tensor(file, "d/b", 1, three, H5P_DEFAULT, bias);
        put_harm(file, harm);
        const hid_t group = H5Gopen2(file, "d", H5P_DEFAULT);
        hdf5_texts(group, "weight_names", names, 2, false);
        hdf5_texts(file, "model_config", &model, 0, true);
        H5Gclose(group);
        blob bytes = hdf5_finish(file);
        const ink_status status = import(&bytes, &builder, &report, &error);
        if (status != harms[harm].status || !strstr(error.text, harms[harm].words))
            fail_msg("%d: %d %s", harm, status, error.text);
        ink_import_report_close(&report);
    }
}

static void damage_is_told(void **state)
{
    (void)state;
    blob whole = make_h5(VARIABLE, config);
    for (size_t size = 8; size < whole.size; size += whole.size / 40) {
        blob cut = { 0 };
        ink_import_report report;
        ink_builder *builder = NULL;
        ink_error error = { 0 };
        blob_append(&cut, whole.data, size);
        assert_int_not_equal(import(&cut, &builder, &report, &error), INK_OK);
        assert_true(error.text[0]);
        ink_import_report_close(&report);
    }
    blob_free(&whole);
}

static void other_files_are_told(void **state)
{
    (void)state;
    ink_import_report report;
    ink_builder *builder;
    ink_error error;
    blob empty = hdf5_finish(hdf5_create());
    check_error(import(&empty, &builder, &report, &error), &error, INK_ERR_MISSING, "holds no model of Keras");
    ink_import_report_close(&report);
    blob saved = blob_make("x:080112 x:10 x:0a07 x:22 x:05 t:serve x:00 z:8");
    check_error(import(&saved, &builder, &report, &error), &error, INK_ERR_OP, ".save('model.keras')");
    ink_import_report_close(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_models_are_read),
        cmocka_unit_test(archives_are_read),
        cmocka_unit_test(models_within_models_go_by_names),
        cmocka_unit_test(a_missing_member_is_told),
        cmocka_unit_test(weights_alone_are_turned),
        cmocka_unit_test(weights_of_a_layer_come_together),
        cmocka_unit_test(kernels_are_turned),
        cmocka_unit_test(harm_is_refused),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(other_files_are_told),
    };
    return cmocka_run_group_tests(tests, set_allocator, NULL);
}

#else

int main(void)
{
    printf("skipped: built without libhdf5\n");
    return 77;
}

#endif
