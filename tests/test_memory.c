/* Memory: every allocation fails once, and what an object takes is what was said. */
#include "models.h"

/* ---- every allocation fails once ---- */

/* What is tried: it takes memory from `allocator` alone and either gives back nothing and a status, or
 * succeeds and ends what it made. */
typedef ink_status attempt(const ink_allocator *allocator, const void *argument, ink_error *error);

/* Fails the first allocation, the second, ... until none is left; once that one alone, once all that
 * follow too. `least` is how many there must be at least, so that the test is none of nothing. */
static void fail_each(const char *name, attempt *make, const void *argument, size_t least)
{
    for (int after = 0; after < 2; after++) {
        for (size_t at = 1;; at++) {
            test_memory memory = { .fail_at = at, .fail_after = after };
            const ink_allocator allocator = test_allocator(&memory);
            ink_error error;
            memset(&error, 0x77, sizeof error);
            const ink_status status = make(&allocator, argument, &error);
            if (memory.live)
                fail_msg("%s: allocation %zu failed, %zu blocks are left", name, at, memory.live);
            if (status == INK_OK) {
                if (memory.allocations >= at)
                    fail_msg("%s: allocation %zu failed and nobody said so", name, at);
                if (at <= least)
                    fail_msg("%s: only %zu allocations", name, at - 1);
                break;
            }
            check_error(status, &error, INK_ERR_MEMORY, "no memory");
        }
    }
}

/* With an object that was made before, in memory of its own: only what comes then may fail. */
#define POISON(type) ((type *)(void *)&poison)
static char poison;

static ink_status open_memory(const ink_allocator *allocator, const void *argument, ink_error *error)
{
    const blob *file = argument;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.allocator = allocator;
    options.cpu = test_cpu();
    ink_model *model = POISON(ink_model);
    const ink_status status = ink_model_open_memory(file->data, file->size, &options, &model, error);
    assert_true((model != NULL) == (status == INK_OK));
    ink_model_close(&model);
    return status;
}

static ink_status open_path(const ink_allocator *allocator, const void *argument, ink_error *error)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.allocator = allocator;
    ink_model *model = POISON(ink_model);
    const ink_status status = ink_model_open(argument, &options, &model, error);
    assert_true((model != NULL) == (status == INK_OK));
    ink_model_close(&model);
    return status;
}

static void opening_a_model(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "model");
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        file_put(path, file.data, file.size);
        fail_each(small_names[i], open_memory, &file, 2);
        fail_each(small_names[i], open_path, path, 3);
        blob_free(&file);
    }
    free(path);
    folder_remove(folder);
}

static const char *const large_maps[] = {
    "bias1 f32:1,2,108,109 map", "bias2 f32:1,3,52,53 map", "dense_w f32:4,2028 random", NULL,
};

/* A network of all operators that prepare something: arrays of their own, folded norms, large blocks. */
static void opening_a_larger_model(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "inkling.input.shape u32[] 1,64,64", "inkling.node.count u32 8", "inkling.node.0.kernel i32[] 3,3",
        "inkling.node.0.padding u32 1", "inkling.node.1.op str batch_norm", "-inkling.node.1.alpha",
        "inkling.node.3.op str batch_norm", "inkling.node.3.name str norm", "inkling.node.4.inputs str[] norm",
        "inkling.node.4.op str conv2d", "inkling.node.4.groups u32 2", "inkling.node.5.op str permute",
        "inkling.node.5.name str permute", "inkling.node.5.inputs str[] dense",
        "inkling.node.5.order u32[] 1,2,0", "inkling.node.6.op str flatten", "inkling.node.6.name str flat",
        "inkling.node.6.inputs str[] permute", "inkling.node.7.op str dense", "inkling.node.7.name str end",
        "inkling.node.7.inputs str[] flat", "dense.weight f16:2,1,5,5 random", "dense.bias f32:2 random",
        "leaky.mean f32:2 random", "leaky.variance f32:2 1", "norm.mean f32:2 random",
        "norm.variance f32:2 1", "end.weight f32:3,1568 random", NULL,
    };
    blob file = model_make(small_inkling, changes);
    fail_each("larger", open_memory, &file, 6);
    blob_free(&file);
    file = model_make(small_cnn_2023, large_maps);
    fail_each("large maps", open_memory, &file, 8);
    blob_free(&file);
}

/* So many nodes that every array of the graph, the plan and the description needs blocks of its own. */
static blob long_model(void)
{
    enum { NODES = 1000 };
    static char lines[3 * NODES + 8][64];
    const char *all[3 * NODES + 8] = {
        "general.architecture str inkling", "inkling.version u32 1", "inkling.input.shape u32[] 1,1,1",
        "inkling.input.scale f32 1", "inkling.input.offset f32 0", "inkling.node.count u32 1000",
    };
    for (size_t i = 0; i < NODES; i++) {
        char (*at)[64] = &lines[3 * i];
        snprintf(at[0], sizeof *at, "inkling.node.%zu.op str %s", i, i % 2 ? "tanh" : "elu");
        snprintf(at[1], sizeof *at, "inkling.node.%zu.name str n%zu", i, i);
        snprintf(at[2], sizeof *at, i ? "inkling.node.%zu.inputs str[] n%zu"
                                      : "inkling.node.%zu.inputs str[] input", i, i - 1);
        for (size_t k = 0; k < 3; k++)
            all[6 + 3 * i + k] = at[k];
    }
    return model_make(all, NULL);
}

static void opening_a_longer_model(void **state)
{
    (void)state;
    blob file = long_model();
    fail_each("longer", open_memory, &file, 20);
    blob_free(&file);
}

/* An arena asks for more when a block is full, and where that is depends on all that came before. A
 * longer and longer name moves it through what the reader of the file takes, more and more classes
 * through the plan and the description. */
static void every_place_may_be_where_a_block_ends(void **state)
{
    (void)state;
    static char line[1 << 16];
    enum { BLOCK = 65400, READER = 8000 };
    for (int length = BLOCK - READER; length < BLOCK; length += 32) {
        snprintf(line, sizeof line, "general.name str %0*d", length, 0);
        blob file = model_make(small_inkling, LINES(line));
        fail_each("long name", open_memory, &file, 2);
        blob_free(&file);
    }
    for (unsigned classes = 1; classes < 1500; classes += 3) {
        char weight[64], bias[64];
        snprintf(weight, sizeof weight, "dense.weight f16:%u,8 1", classes);
        snprintf(bias, sizeof bias, "dense.bias f32:%u 1", classes);
        blob file = model_make(small_inkling, LINES("-inkling.classes", weight, bias));
        fail_each("classes", open_memory, &file, 2);
        blob_free(&file);
    }
}

/* The model is in other memory, so that only the session's may fail. */
typedef struct session_case {
    const ink_model *model;
    ink_session_options options;
} session_case;

static ink_status open_session(const ink_allocator *allocator, const void *argument, ink_error *error)
{
    session_case it = *(const session_case *)argument;
    ink_session *session = POISON(ink_session);
    it.options.allocator = allocator;
    const ink_status status = ink_session_open(it.model, &it.options, &session, error);
    assert_true((session != NULL) == (status == INK_OK));
    ink_session_close(&session);
    return status;
}

static void opening_a_session(void **state)
{
    (void)state;
    static const struct {
        uint32_t threads;
        int profile;
        size_t allocations;
    } rows[] = { { 1, 0, 2 }, { 1, 1, 3 }, { 4, 0, 3 }, { 4, 1, 4 } };
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        opened it;
        open_bytes(&it, file.data, file.size, NULL);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const session_case with = { it.model, { sizeof(ink_session_options), NULL,
                                                    rows[k].threads, 0, rows[k].profile } };
            fail_each("session", open_session, &with, rows[k].allocations);
        }
        close_opened(&it);
        blob_free(&file);
    }
}

/* All of a builder's calls, up to the first that fails. The builder's memory and the model's fail in
 * one count. */
static ink_status build(const ink_allocator *allocator, const void *argument, ink_error *error)
{
    static const struct {
        const char *op, *name, *inputs, *attributes;
    } nodes[] = {
        { "conv2d", "a", NULL, "padding=1" }, { "relu", "b", "a", NULL },
        { "conv2d", "c", "b", "padding=1 groups=2" }, { "add", "d", "b,c", NULL },
        { "flatten", "e", NULL, NULL }, { "dense", "f", NULL, NULL },
    };
    static const struct {
        const char *name;
        ink_type type;
        uint32_t rank, dim[4];
    } tensors[] = {
        { "a.weight", INK_F32, 4, { 2, 1, 3, 3 } }, { "a.bias", INK_F32, 1, { 2 } },
        { "c.weight", INK_F16, 4, { 2, 1, 3, 3 } }, { "f.weight", INK_F32, 2, { 2, 20000 } },
    };
    static const char *const labels[2] = { "yes", "no" };
    static float data[40000];
    (void)argument;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.allocator = allocator;
    options.cpu = test_cpu();
    ink_builder *builder = POISON(ink_builder);
    ink_model *model = POISON(ink_model);
    ink_status status = ink_builder_open(allocator, 1, 100, 100, 1, 0, &builder, error);
    assert_true((builder != NULL) == (status == INK_OK));
    for (size_t i = 0; !status && i < sizeof nodes / sizeof *nodes; i++)
        status = ink_builder_node(builder, nodes[i].op, nodes[i].name, nodes[i].inputs,
                                  nodes[i].attributes, error);
    for (size_t i = 0; !status && i < sizeof tensors / sizeof *tensors; i++)
        status = ink_builder_tensor(builder, tensors[i].name, tensors[i].type, tensors[i].rank,
                                    tensors[i].dim, data, error);
    if (!status)
        status = ink_builder_labels(builder, labels, 2, error);
    for (size_t i = 0; !status && i < 40; i++) { /* more than one block of them */
        char key[32];
        snprintf(key, sizeof key, "key.%zu", i);
        status = ink_builder_metadata(builder, key, "value", error);
    }
    if (!status) {
        status = ink_builder_model(builder, &options, &model, error);
        assert_true((model != NULL) == (status == INK_OK));
        ink_model_close(&model);
    }
    ink_builder_close(&builder);
    return status;
}

static void building_a_model(void **state)
{
    (void)state;
    fail_each("builder", build, NULL, 8);
}

/* A convolution and a dense layer with I8 weights, and a batch norm behind the first. */
static ink_status build_int8(const ink_allocator *allocator, const void *argument, ink_error *error)
{
    static const struct {
        const char *name;
        ink_type type;
        uint32_t rank, dim[4];
    } tensors[] = {
        { "a.weight", INK_I8, 4, { 3, 1, 3, 3 } }, { "a.scale", INK_F32, 1, { 3 } },
        { "b.mean", INK_F32, 1, { 3 } }, { "b.variance", INK_F32, 1, { 3 } },
        { "d.weight", INK_I8, 2, { 2, 300 } }, { "d.scale", INK_F16, 1, { 2 } },
    };
    static float data[600];
    (void)argument;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.allocator = allocator;
    options.cpu = test_cpu();
    ink_builder *builder = POISON(ink_builder);
    ink_model *model = POISON(ink_model);
    ink_status status = ink_builder_open(allocator, 1, 12, 12, 1, 0, &builder, error);
    if (!status)
        status = ink_builder_node(builder, "conv2d", "a", NULL, "input_scale=2", error);
    if (!status)
        status = ink_builder_node(builder, "batch_norm", "b", NULL, NULL, error);
    if (!status)
        status = ink_builder_node(builder, "flatten", "c", NULL, NULL, error);
    if (!status)
        status = ink_builder_node(builder, "dense", "d", NULL, "input_scale=0.5 input_zero=3", error);
    for (size_t i = 0; !status && i < sizeof tensors / sizeof *tensors; i++)
        status = ink_builder_tensor(builder, tensors[i].name, tensors[i].type, tensors[i].rank, tensors[i].dim, data,
                                    error);
    if (!status) {
        status = ink_builder_model(builder, &options, &model, error);
        assert_true((model != NULL) == (status == INK_OK));
        ink_model_close(&model);
    }
    ink_builder_close(&builder);
    return status;
}

static void building_a_model_of_bytes(void **state)
{
    (void)state;
    fail_each("builder of i8", build_int8, NULL, 8);
}

static ink_status quantize(const ink_allocator *allocator, const void *argument, ink_error *error)
{
    static const uint8_t pixels[3 * 6 * 6] = { 1, 2, 250 };
    ink_quantizer_options options = INK_QUANTIZER_OPTIONS_INIT;
    options.allocator = allocator;
    ink_quantizer *quantizer = POISON(ink_quantizer);
    ink_status status = ink_quantizer_open(argument, &options, &quantizer, error);
    assert_true((quantizer != NULL) == (status == INK_OK));
    if (!status)
        status = ink_quantizer_add(quantizer, pixels, 3, error);
    if (!status) {
        ink_buffer out;
        status = ink_quantizer_make(quantizer, &out, error);
        assert_true((out.data != NULL) == (status == INK_OK));
        ink_buffer_close(&out);
    }
    ink_quantizer_close(&quantizer);
    assert_null(quantizer);
    return status;
}

static void quantizing_a_model(void **state)
{
    (void)state;
    blob file = model_make(small_inkling, NULL);
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    options.cpu = test_cpu();
    assert_int_equal(ink_model_open_memory(file.data, file.size, &options, &model, NULL), INK_OK);
    fail_each("quantizer", quantize, model, 8);
    ink_model_close(&model);
    blob_free(&file);
}

/* What a model makes comes from the model's own allocator, so here the model is opened with one that
 * fails later: at the n-th allocation from then on. */
static void each_later_failure(const char *name, ink_status (*make)(const ink_model *, int, ink_buffer *,
                                                                   ink_error *),
                               int which, const blob *file)
{
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    options.allocator = &allocator;
    assert_int_equal(ink_model_open_memory(file->data, file->size, &options, &model, NULL), INK_OK);
    const size_t live = memory.live;
    for (int after = 0; after < 2; after++)
        for (size_t at = 1;; at++) {
            ink_buffer out;
            ink_error error;
            memset(&out, 0x77, sizeof out);
            memory.allocations = 0;
            memory.fail_at = at;
            memory.fail_after = after;
            const ink_status status = make(model, which, &out, &error);
            assert_true((out.data != NULL) == (status == INK_OK));
            assert_true(status == INK_OK || out.size == 0);
            assert_int_equal(memory.live, live + (status == INK_OK));
            ink_buffer_close(&out);
            if (status == INK_OK) {
                if (memory.allocations >= at || at == 1)
                    fail_msg("%s: allocation %zu failed and nobody said so", name, at);
                break;
            }
            check_error(status, &error, INK_ERR_MEMORY, "no memory");
        }
    memory.fail_at = 0;
    ink_model_close(&model);
    assert_int_equal(memory.live, 0);
}

static ink_status save_as(const ink_model *model, int layout, ink_buffer *out, ink_error *error)
{
    return ink_model_save_memory(model, (ink_layout)layout, out, error);
}

static void saving_a_model(void **state)
{
    (void)state;
    /* As inkling, and as what it was read from. */
    static const ink_layout layouts[SMALL_MODELS] = { INK_LAYOUT_INKLING, INK_LAYOUT_GGML, INK_LAYOUT_GGML,
                                                      INK_LAYOUT_GGML_2023, INK_LAYOUT_LEGACY };
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        each_later_failure(small_names[i], save_as, INK_LAYOUT_INKLING, &file);
        each_later_failure(small_names[i], save_as, (int)layouts[i], &file);
        blob_free(&file);
    }
    blob file = model_make(small_cnn_2023, large_maps);
    each_later_failure("large maps", save_as, INK_LAYOUT_GGML_2023, &file);
    blob_free(&file);
    file = long_model();
    each_later_failure("longer", save_as, INK_LAYOUT_INKLING, &file);
    blob_free(&file);
}

static ink_status draw(const ink_model *model, int what, ink_buffer *out, ink_error *error)
{
    /* A session that profiled, in memory of malloc. */
    const ink_session_options options = { sizeof options, NULL, 1, 0, 1 };
    const uint8_t pixels[200] = { 0 };
    float output[16];
    ink_session *session;
    assert_int_equal(ink_session_open(model, &options, &session, NULL), INK_OK);
    assert_int_equal(ink_session_run_u8(session, pixels, 1, output, NULL), INK_OK);
    const ink_status status = ink_model_dot(model, (ink_dot)what, session, out, error);
    ink_session_close(&session);
    return status;
}

static void drawing_a_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        each_later_failure("graph", draw, INK_DOT_GRAPH, &file);
        each_later_failure("plan", draw, INK_DOT_PLAN, &file);
        blob_free(&file);
    }
    blob file = long_model();
    each_later_failure("long graph", draw, INK_DOT_GRAPH, &file);
    each_later_failure("long plan", draw, INK_DOT_PLAN, &file);
    blob_free(&file);
}

/* ---- what is taken ---- */

/* A session takes exactly what ink_session_memory says, and a run takes nothing at all. */
static void sessions_take_what_they_say(void **state)
{
    (void)state;
    static const ink_session_options rows[] = {
        { sizeof(ink_session_options), NULL, 0, 0, 0 },   { sizeof(ink_session_options), NULL, 1, 1, 0 },
        { sizeof(ink_session_options), NULL, 1, 7, 1 },   { sizeof(ink_session_options), NULL, 2, 0, 0 },
        { sizeof(ink_session_options), NULL, 3, 1, 1 },   { sizeof(ink_session_options), NULL, 8, 5, 1 },
        { sizeof(ink_session_options), NULL, 17, 100, 0 },
    };
    enum { IMAGES = 200 };
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        opened it;
        open_bytes(&it, file.data, file.size, NULL);
        const ink_model_info *info = ink_model_get_info(it.model);
        const size_t pixels = (size_t)info->height * info->width;
        uint8_t *images = calloc(IMAGES, pixels);
        float *floats = calloc(IMAGES * pixels, sizeof *floats);
        float *output = calloc(IMAGES * info->classes, sizeof *output);
        assert_true(images && floats && output);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            test_memory memory = { 0 };
            const ink_allocator allocator = test_allocator(&memory);
            ink_session_options options = rows[k];
            ink_session *session;
            const size_t said = ink_session_memory(it.model, &options), model_had = it.memory.allocations;
            options.allocator = &allocator;
            assert_int_equal(ink_session_memory(it.model, &options), said);
            assert_int_equal(memory.allocations, 0);
            assert_int_equal(ink_session_open(it.model, &options, &session, NULL), INK_OK);
            assert_int_equal(memory.live_bytes, said);
            assert_int_equal(memory.peak_bytes, said);
            assert_true(said > (options.threads ? options.threads : 1) * info->image_bytes);
            const size_t allocations = memory.allocations;
            for (size_t images_now = 0; images_now <= IMAGES; images_now += 1 + images_now) {
                assert_int_equal(ink_session_run_u8(session, images, images_now, output, NULL), INK_OK);
                assert_int_equal(ink_session_run_f32(session, floats, images_now, output, NULL), INK_OK);
            }
            assert_int_equal(memory.allocations, allocations);
            assert_int_equal(memory.live_bytes, said);
            assert_int_equal(it.memory.allocations, model_had); /* nor does the model, for a session */
            ink_session_close(&session);
            assert_int_equal(memory.live, 0);
        }
        assert_true(ink_session_memory(it.model, NULL) > 0);
        free(images);
        free(floats);
        free(output);
        close_opened(&it);
        blob_free(&file);
    }
}

/* Closing twice, closing what was never opened, closing in either order of builder and model. */
static void objects_are_independent(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.allocator = &allocator;
    ink_builder *builder;
    ink_model *model;
    const float one = 1;
    assert_int_equal(ink_builder_open(&allocator, 1, 1, 1, 1, 0, &builder, NULL), INK_OK);
    assert_int_equal(ink_builder_node(builder, "flatten", "f", NULL, NULL, NULL), INK_OK);
    assert_int_equal(ink_builder_node(builder, "dense", "d", NULL, NULL, NULL), INK_OK);
    assert_int_equal(ink_builder_tensor(builder, "d.weight", INK_F32, 2, (const uint32_t[]){ 1, 1 }, &one,
                                        NULL), INK_OK);
    assert_int_equal(ink_builder_model(builder, &options, &model, NULL), INK_OK);
    ink_builder_close(&builder);
    ink_builder_close(&builder);
    assert_null(builder);
    assert_string_equal(ink_model_node(model, 1)->name, "d"); /* the model needs no builder */
    ink_buffer out;
    assert_int_equal(ink_model_save_memory(model, INK_LAYOUT_INKLING, &out, NULL), INK_OK);
    ink_model_close(&model);
    ink_model_close(&model);
    assert_null(model);
    assert_int_equal(memory.live, 1); /* and a buffer no model */
    ink_buffer_close(&out);
    ink_buffer_close(&out);
    assert_true(!out.data && !out.size);
    assert_int_equal(memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_model),
        cmocka_unit_test(opening_a_larger_model),
        cmocka_unit_test(opening_a_longer_model),
        cmocka_unit_test(every_place_may_be_where_a_block_ends),
        cmocka_unit_test(opening_a_session),
        cmocka_unit_test(building_a_model),
        cmocka_unit_test(building_a_model_of_bytes),
        cmocka_unit_test(quantizing_a_model),
        cmocka_unit_test(saving_a_model),
        cmocka_unit_test(drawing_a_model),
        cmocka_unit_test(sessions_take_what_they_say),
        cmocka_unit_test(objects_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
