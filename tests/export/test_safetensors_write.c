/* Models written as safetensors: the tensors are there under PyTorch's names, and with the network that stands beside
 * them they are the same model again. */
#include "check.h"

#include "export/safetensors_write.h"
#include "import/safetensors.h"

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

/* The tensor that the model's name means in the file. */
static const ink_weight *find(const ink_weight *weights, size_t count, const char *name)
{
    static const struct {
        const char *ours, *theirs;
    } parts[] = { { ".mean", ".running_mean" }, { ".variance", ".running_var" } };
    char theirs[200];
    snprintf(theirs, sizeof theirs, "%s", name);
    for (size_t i = 0; i < CHECK_COUNT(parts); i++) {
        char *at = strstr(theirs, parts[i].ours);
        if (at && !at[strlen(parts[i].ours)])
            strcpy(at, parts[i].theirs);
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(weights[i].name, theirs) == 0)
            return &weights[i];
    fail_msg("no tensor '%s'", theirs);
    return NULL;
}

static void tensors_are_read_again(void **state)
{
    static const char *const files[] = { "tests/golden/resnet.gguf", "tests/golden/half.gguf", "models/cnn.gguf" };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(files); i++) {
        const ink_allocator allocator = ink_allocator_or_default(NULL);
        ink_model *model = open_model(files[i], NULL);
        ink_arena arena;
        ink_weight *weights;
        ink_buffer file;
        ink_error error;
        size_t count;
        ink_arena_init(&arena, &allocator);
        check_error(ink_safetensors_write(model, &file, &error), &error, INK_OK, NULL);
        assert_true((unsigned char)file.data[0] % 8 == 0); /* of the header's length */
        const char *network = NULL;
        const ink_status status = ink_safetensors_read((const uint8_t *)file.data, file.size, &arena, &weights, &count,
                                                       &network, &error);
        if (status == INK_ERR_OPEN) {
            print_message("skipped: built without jansson\n");
            skip();
        }
        check_error(status, &error, INK_OK, NULL);
        assert_int_equal(count, ink_model_get_info(model)->tensors);
        assert_non_null(network);
        assert_non_null(strstr(network, ink_model_node(model, 0)->name));
        for (size_t k = 0; k < count; k++) {
            const ink_tensor_info *tensor = ink_model_tensor(model, k);
            const ink_weight *weight = find(weights, count, tensor->name);
            assert_int_equal(weight->rank, tensor->rank);
            for (uint32_t d = 0; d < tensor->rank; d++)
                assert_int_equal(weight->dim[d], tensor->dim[d]);
            const ink_element element = tensor->type == INK_F32 ? INK_ELEMENT_F32 : INK_ELEMENT_F16;
            for (uint64_t e = 0; e < weight->elements; e++)
                assert_true(weight->data[e] == ink_element_get(element, tensor->data, e));
        }
        ink_arena_free(&arena);
        ink_buffer_close(&file);
        ink_model_close(&model);
    }
}

/* A small model with this name for its node and its first class. */
static ink_model *build(const char *name, const char *label)
{
    const char *const labels[] = { label, "1", "2", "3" };
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    static const float weights[16] = { 1, 2, 3 };
    char tensor[100];
    snprintf(tensor, sizeof tensor, "%s.weight", name);
    check_error(ink_builder_open(NULL, 1, 1, 4, 0.5f, 0, &builder, &error), &error, INK_OK, NULL);
    check_error(ink_builder_node(builder, "flatten", "f", NULL, NULL, &error), &error, INK_OK, NULL);
    check_error(ink_builder_node(builder, "dense", name, NULL, NULL, &error), &error, INK_OK, NULL);
    check_error(ink_builder_tensor(builder, tensor, INK_F32, 2, (const uint32_t[]){ 4, 4 }, weights, &error), &error,
                INK_OK, NULL);
    check_error(ink_builder_labels(builder, labels, 4, &error), &error, INK_OK, NULL);
    check_error(ink_builder_model(builder, NULL, &model, &error), &error, INK_OK, NULL);
    ink_builder_close(&builder);
    return model;
}

static void the_header_is_json(void **state)
{
    static const struct {
        const char *name, *label, *wanted; /* NULL: refused */
    } rows[] = {
        { "fc", "0",
          "\"inkling.network\":\"input shape=1,1,4 scale=0.5 offset=0\\u000aflatten name=f inputs=input\\u000a"
          "dense name=fc inputs=f\\u000a\",\"inkling.label.0\":\"0\"" },
        { "fc", "a \"b\" \\ \n", "\"inkling.label.0\":\"a \\\"b\\\" \\\\ \\u000a\"" },
        { "fc", "\xff", "\\u000a\",\"inkling.label.1\":\"1\"" },
        { "two#words", "0", "{\"format\":\"pt\",\"inkling.label.0\":\"0\"" },
        { "fc\"1\"", "0", "\"fc\\\"1\\\".weight\":{\"dtype\":\"F32\",\"shape\":[4,4],\"data_offsets\":[0,64]}" },
        { "\xff", "0", NULL },
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        ink_model *model = build(rows[i].name, rows[i].label);
        ink_buffer file;
        ink_error error;
        const ink_status status = ink_safetensors_write(model, &file, &error);
        if (rows[i].wanted) {
            check_error(status, &error, INK_OK, NULL);
            if (!strstr(file.data + 8, rows[i].wanted))
                fail_msg("wanted %s, is %s", rows[i].wanted, file.data + 8);
            ink_buffer_close(&file);
        } else {
            check_error(status, &error, INK_ERR_LAYOUT, "is no UTF-8");
            assert_null(file.data);
        }
        ink_model_close(&model);
    }
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
        status = ink_safetensors_write(model, &file, &error);
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
        cmocka_unit_test(tensors_are_read_again),
        cmocka_unit_test(the_header_is_json),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
