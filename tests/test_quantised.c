/* Models whose tensors are of types that others write: they compute, bit for bit, what the model with the
 * same values as float32 computes, and are written as they were. tests/test_type.c has the decoders. */
#include "models.h"

#include <math.h>

static const ink_type types[] = { INK_F16, INK_BF16, INK_F64, INK_Q4_0, INK_Q4_1, INK_Q5_0, INK_Q5_1, INK_Q8_0 };

enum { TYPES = sizeof types / sizeof *types, IMAGES = 5 };

/* A convolution, batch norms and dense layers, each tensor of which has rows of a multiple of 32. */
static const struct {
    const char *op, *name, *attributes;
} nodes[] = {
    { "conv2d", "conv", "padding=0,15,0,16" }, { "batch_norm", "norm", NULL }, { "relu", "relu", NULL },
    { "max_pool2d", "pool", "kernel=2" },      { "batch_norm", "norm2", NULL }, { "flatten", "flat", NULL },
    { "dense", "fc1", NULL },                  { "relu", "relu1", NULL },       { "dense", "fc2", NULL },
};

static const struct {
    const char *name;
    uint32_t rank, dim[4];
} tensors[] = {
    { "conv.weight", 4, { 32, 1, 1, 32 } }, { "conv.bias", 1, { 32 } },
    { "norm.weight", 1, { 32 } },           { "norm.bias", 1, { 32 } },
    { "norm.mean", 1, { 32 } },             { "norm.variance", 1, { 32 } },
    { "norm2.mean", 1, { 32 } },            { "norm2.variance", 1, { 32 } },
    { "fc1.weight", 2, { 64, 512 } },       { "fc1.bias", 1, { 64 } },
    { "fc2.weight", 2, { 32, 64 } },        { "fc2.bias", 1, { 32 } },
};

enum { CHANNELS = 1, SIDE = 8, TENSORS = sizeof tensors / sizeof *tensors };

static size_t elements_of(size_t tensor)
{
    size_t count = 1;
    for (uint32_t i = 0; i < tensors[tensor].rank; i++)
        count *= tensors[tensor].dim[i];
    return count;
}

/* Any bytes make elements. Scales and plain numbers are set to be small; those of a variance to be above 0, by the
 * least element, or by quants that are all above the middle. */
static void fill(uint8_t *data, const ink_type_row *type, size_t blocks, bool positive, uint64_t *random)
{
    for (size_t b = 0; b < blocks; b++, data += type->block_bytes) {
        for (size_t i = 0; i < type->block_bytes; i++)
            data[i] = (uint8_t)(test_random(random) >> 56);
        const uint8_t sign = positive ? 0 : data[0] & 0x80;
        uint8_t *last = data + type->block_bytes - 1;
        if (type->block_items == 1) { /* 2^-4 to 2^-2; of a double by the last two bytes */
            *last = sign | (type->gguf == INK_F16 ? 0x2c : type->gguf == INK_F64 ? 0x3f : 0x3d);
            if (type->gguf == INK_F64)
                last[-1] = 0xb0;
            continue;
        }
        data[1] = 0x18 | (data[1] & 3); /* 2^-9 to 2^-8 */
        if (type->halves > 1)
            data[3] = positive ? 0x38 : 0xb0;
        for (uint8_t *q = data + 2; positive && type->halves == 1 && q <= last; q++)
            *q = type->gguf == INK_Q8_0 ? 0x40 | (*q & 0x3f) : 0xff;
    }
}

/* The network with all tensors of that type; `plain`: with their values as float32. */
static ink_model *make(size_t which, bool plain)
{
    const ink_type_row *type = ink_type_get(types[which]);
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    options.cpu = test_cpu();
    assert_int_equal(ink_builder_open(NULL, CHANNELS, SIDE, SIDE, 1.0f / 255, 0, &builder, NULL), INK_OK);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        check_error(ink_builder_node(builder, nodes[i].op, nodes[i].name, NULL, nodes[i].attributes, &error), &error,
                    INK_OK, NULL);
    for (size_t i = 0; i < TENSORS; i++) {
        const size_t count = elements_of(i), blocks = count / type->block_items;
        uint64_t random = 100 * which + i;
        uint8_t *data = malloc(blocks * type->block_bytes);
        float *floats = malloc(count * sizeof *floats);
        assert_true(data && floats);
        fill(data, type, blocks, strstr(tensors[i].name, "variance"), &random);
        ink_type_to_f32(types[which], data, count, floats);
        check_error(ink_builder_tensor(builder, tensors[i].name, plain ? INK_F32 : types[which], tensors[i].rank,
                                       tensors[i].dim, plain ? (const void *)floats : data, &error),
                    &error, INK_OK, NULL);
        free(floats);
        free(data);
    }
    check_error(ink_builder_model(builder, &options, &model, &error), &error, INK_OK, NULL);
    ink_builder_close(&builder);
    return model;
}

static float *answers(const ink_model *model)
{
    uint8_t pixels[IMAGES * SIDE * SIDE];
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(test_random(&random) >> 56);
    return run_model(model, pixels, IMAGES);
}

static void values_are_those_of_float32(void **state)
{
    (void)state;
    for (size_t t = 0; t < TYPES; t++) {
        ink_model *packed = make(t, false), *plain = make(t, true);
        float *got = answers(packed), *want = answers(plain);
        const size_t count = IMAGES * ink_model_get_info(packed)->classes;
        bool same = true;
        for (size_t i = 0; i < count; i++) {
            assert_true(isfinite(want[i]));
            same = same && want[i] == want[0];
            if (got[i] != want[i])
                fail_msg("%s: output %zu is %a, as f32 %a", ink_type_name(types[t]), i, (double)got[i],
                         (double)want[i]);
        }
        assert_false(same);
        free(got);
        free(want);
        ink_model_close(&packed);
        ink_model_close(&plain);
    }
}

/* inkling's own bytes, made of this model. */
static ink_model *to_bytes(const ink_model *model, ink_buffer *file)
{
    uint8_t pixels[IMAGES * SIDE * SIDE];
    uint64_t random = 8;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(test_random(&random) >> 56);
    ink_quantizer *quantizer;
    ink_model *bytes;
    ink_error error;
    check_error(ink_quantizer_open(model, NULL, &quantizer, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_add(quantizer, pixels, IMAGES, &error), &error, INK_OK, NULL);
    check_error(ink_quantizer_make(quantizer, file, &error), &error, INK_OK, NULL);
    ink_quantizer_close(&quantizer);
    check_error(ink_model_open_memory(file->data, file->size, NULL, &bytes, &error), &error, INK_OK, NULL);
    return bytes;
}

/* What becomes bytes is what the blocks hold: all of it, and as if it had been float32. */
static void bytes_are_those_of_float32(void **state)
{
    (void)state;
    for (size_t t = 0; t < TYPES; t++) {
        ink_model *packed = make(t, false), *plain = make(t, true);
        ink_buffer files[2];
        ink_model *got = to_bytes(packed, &files[0]), *want = to_bytes(plain, &files[1]);
        size_t compared = 0;
        const ink_tensor_info *a, *b;
        for (size_t i = 0; (a = ink_model_tensor(got, i)) != NULL && (b = ink_model_tensor(want, i)) != NULL; i++) {
            assert_string_equal(a->name, b->name);
            if (b->type == INK_I8 || strstr(b->name, ".scale")) {
                assert_int_equal(a->type, b->type);
                assert_int_equal(a->bytes, b->bytes);
                assert_memory_equal(a->data, b->data, a->bytes);
                compared++;
            }
        }
        assert_int_equal(compared, 6); /* of three layers */
        ink_model_close(&got);
        ink_model_close(&want);
        ink_buffer_close(&files[0]);
        ink_buffer_close(&files[1]);
        ink_model_close(&packed);
        ink_model_close(&plain);
    }
}

static const ink_metadata *find_key(const ink_model *model, const char *key)
{
    for (size_t i = 0; i < ink_model_get_info(model)->metadata; i++)
        if (!strcmp(ink_model_metadata(model, i)->key, key))
            return ink_model_metadata(model, i);
    return NULL;
}

/* Each type is told, kept with its bytes, and written to the same file again. */
static void types_are_kept_in_files(void **state)
{
    (void)state;
    for (size_t t = 0; t < TYPES; t++) {
        const ink_type_row *type = ink_type_get(types[t]);
        ink_model *model = make(t, false);
        ink_buffer file = save(model, INK_LAYOUT_INKLING);
        opened it;
        open_bytes(&it, file.data, file.size, NULL);
        for (size_t i = 0; i < TENSORS; i++) {
            const ink_tensor_info *a = ink_model_tensor(model, i), *b = ink_model_tensor(it.model, i);
            assert_string_equal(b->name, tensors[i].name);
            assert_int_equal(b->type, types[t]);
            assert_int_equal(b->bytes, elements_of(i) / type->block_items * type->block_bytes);
            check_same_bytes(b->name, b->data, (size_t)b->bytes, a->data, (size_t)a->bytes);
        }
        /* ggml wants to know of which version blocks are. */
        const ink_metadata *version = find_key(it.model, "general.quantization_version");
        assert_int_equal(version != NULL, type->block_items > 1);
        if (version) {
            assert_string_equal(version->type, "u32");
            assert_true(ink_metadata_number(version, 0) == 2);
        }
        ink_buffer again = save(it.model, INK_LAYOUT_INKLING);
        check_same_bytes(type->name, again.data, again.size, file.data, file.size);
        ink_buffer_close(&again);
        close_opened(&it);
        ink_buffer_close(&file);
        ink_model_close(&model);
    }
}

/* ---- a file as others write it ---- */

/* ggml's mnist-fc, 64-32-32, nearly all of it zeros: hidden 0 is 2 * pixel 0 + 1, class 1 is -1/2 of that. */
static void ggml_files_are_read(void **state)
{
    (void)state;
    /* 64 blocks of 34 bytes, then 32 */
    static const char file[] =
        "t:GGUF 4:3 8:4 8:2 s:general.architecture 4:8 s:mnist-fc s:general.quantization_version 4:4 4:2 "
        "s:fc1.weight 4:2 8:64 8:32 4:8 8:0 s:fc1.bias 4:1 8:32 4:30 8:2176 "
        "s:fc2.weight 4:2 8:32 8:32 4:8 8:2240 s:fc2.bias 4:1 8:32 4:28 8:3328 pad:32 "
        "2:0x3800 x:04 z:31 z:2142 2:0x3f80 z:62 "   /* 4 / 2; hidden 0 has the bias 1 */
        "z:34 2:0xb000 x:04 z:31 z:1020 "            /* row 1: 4 * -1/8 */
        "8:0x3fe0000000000000 z:248";                /* class 0 has the bias 1/2 */
    blob made = blob_make(file);
    opened it;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    options.output = INK_OUTPUT_AS_WRITTEN;
    options.input_scale = 1;
    open_bytes(&it, made.data, made.size, &options);
    assert_int_equal(ink_model_get_info(it.model)->layout, INK_LAYOUT_GGML);
    uint8_t pixels[64] = { 3, 200, 100 };
    float *output = run_model(it.model, pixels, 1);
    for (size_t i = 0; i < 32; i++)
        assert_true(output[i] == (i == 0 ? 0.5f : i == 1 ? -3.5f : 0)); /* (3 * 2 + 1) * -1/2 */
    free(output);
    /* ggml's layout has float32 only, and no version of blocks. */
    ink_buffer ggml = save(it.model, INK_LAYOUT_GGML);
    opened again;
    open_bytes(&again, ggml.data, ggml.size, &options);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ink_model_tensor(again.model, i)->type, INK_F32);
    assert_null(find_key(again.model, "general.quantization_version"));
    output = run_model(again.model, pixels, 1);
    assert_true(output[0] == 0.5f && output[1] == -3.5f && output[2] == 0);
    free(output);
    close_opened(&again);
    ink_buffer_close(&ggml);
    close_opened(&it);

    /* A scale that is infinite is found in any block. */
    for (size_t block = 0; block < 64; block += 21) {
        const size_t data = made.size - 3584, at = data + 34 * block + 1;
        const uint8_t was = made.data[at];
        ink_model *model;
        ink_error error;
        made.data[at] = 0x7c;
        check_error(ink_model_open_memory(made.data, made.size, NULL, &model, &error), &error, INK_ERR_NOT_FINITE,
                    "tensor 'fc1.weight': holds a NaN or infinite value");
        made.data[at] = was;
    }
    /* Each byte that is missing is missed. */
    for (size_t size = made.size - 1; size > 0; size -= size > 3000 ? 1 : 7 < size ? 7 : 1) {
        fence part = fence_make(made.data, size);
        ink_model *model;
        ink_error error;
        check_error(ink_model_open_memory(part.data, size, NULL, &model, &error), &error, INK_ERR_TRUNCATED, NULL);
        fence_free(&part);
    }
    blob_free(&made);
}

/* ---- what is refused ---- */

static void builders_want_whole_blocks(void **state)
{
    (void)state;
    static const uint8_t data[4096];
    ink_builder *builder;
    ink_error error;
    assert_int_equal(ink_builder_open(NULL, 1, 1, 64, 1, 0, &builder, NULL), INK_OK);
    check_error(ink_builder_tensor(builder, "w", INK_Q8_0, 2, (const uint32_t[]){ 32, 33 }, data, &error), &error,
                INK_ERR_SHAPE, "tensor 'w': its last dimension is 33, wanted a multiple of 32, the block of q8_0");
    check_error(ink_builder_tensor(builder, "w", INK_Q4_0, 4, (const uint32_t[]){ 32, 32, 3, 3 }, data, &error), &error,
                INK_ERR_SHAPE, "its last dimension is 3,");
    check_error(ink_builder_tensor(builder, "w", (ink_type)25, 1, (const uint32_t[]){ 32 }, data, &error), &error,
                INK_ERR_TYPE, "type 25");
    check_error(ink_builder_tensor(builder, "w", INK_Q5_1, 2, (const uint32_t[]){ 1, 32 }, data, &error), &error,
                INK_OK, NULL);
    ink_builder_close(&builder);
}

/* Blocks are seven times as large when they are floats, so the limit is looked at before memory is taken. */
static void limits_hold_for_what_is_unpacked(void **state)
{
    (void)state;
    static const char *const ops[] = { "conv2d", "dense" };
    static uint8_t data[1 << 20];
    for (size_t i = 0; i < 2; i++) {
        const uint32_t dim[4] = { 1024, 1, 1, 512 };
        test_memory memory = { 0 };
        const ink_allocator allocator = test_allocator(&memory);
        ink_model_options options = INK_MODEL_OPTIONS_INIT;
        ink_builder *builder;
        ink_model *model;
        ink_error error;
        options.allocator = &allocator;
        options.max_memory = 1 << 20;
        assert_int_equal(ink_builder_open(NULL, 1, 1, 512, 1, 0, &builder, NULL), INK_OK);
        assert_int_equal(ink_builder_node(builder, "flatten", "f", NULL, NULL, NULL), INK_OK);
        assert_int_equal(ink_builder_node(builder, "reshape", "r", NULL, i ? "shape=512" : "shape=1,1,512", NULL),
                         INK_OK);
        assert_int_equal(ink_builder_node(builder, ops[i], "n", NULL, NULL, NULL), INK_OK);
        if (i)
            assert_int_equal(ink_builder_tensor(builder, "n.weight", INK_Q4_0, 2, (const uint32_t[]){ 1024, 512 }, data,
                                                NULL), INK_OK);
        else
            assert_int_equal(ink_builder_tensor(builder, "n.weight", INK_Q4_0, 4, dim, data, NULL), INK_OK);
        check_error(ink_builder_model(builder, &options, &model, &error), &error, INK_ERR_LIMIT, "weights are over");
        assert_int_equal(memory.live, 0);
        assert_true(memory.peak_bytes < 1 << 20);
        ink_builder_close(&builder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_float32),
        cmocka_unit_test(bytes_are_those_of_float32),
        cmocka_unit_test(types_are_kept_in_files),
        cmocka_unit_test(ggml_files_are_read),
        cmocka_unit_test(builders_want_whole_blocks),
        cmocka_unit_test(limits_hold_for_what_is_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
