/* Model files for tests, made from text: one line an entry.
 *
 *     inkling.version u32 1                  a key, its type, its value
 *     inkling.input.shape u32[] 1,6,6        an array: commas between the values
 *     general.name str a digit               a string is the rest of the line; ~ stands for NUL
 *     conv.weight f32:2,1,3,3 random         a tensor (f32, f16 or i8): type and dimensions, slowest first; a fill
 *     bias1 f32:1,2,4,4 map@17=nan           the 17th element is another
 *
 * Fills: a number for all elements; "random", multiples of 1/256 in [-1/2, 1/2), which are exact in
 * half precision; "map", which gives each channel of [1, C, H, W] a random value of its own. The same
 * name and size give the same random numbers. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include "support.h"

#include "tensor/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- GGUF, piece by piece ---- */

typedef struct gguf_maker {
    blob keys, tensors, data;
    uint64_t key_count, tensor_count;
} gguf_maker;

static inline void put_number(blob *to, uint64_t value, size_t width)
{
    blob_append(to, &value, width);
}

static inline void put_text(blob *to, const char *text, size_t length)
{
    put_number(to, length, 8);
    for (size_t i = 0; i < length; i++)
        blob_append(to, text[i] == '~' ? "" : &text[i], 1);
}

static inline void put_padding(blob *to)
{
    while (to->size % 32)
        put_number(to, 0, 1);
}

/* Floats, stored as `type`, whose number is GGUF's. */
static inline void gguf_tensor(gguf_maker *maker, const char *name, ink_type type, uint32_t rank,
                               const uint32_t *dim, const float *values)
{
    size_t count = 1;
    put_text(&maker->tensors, name, strlen(name));
    put_number(&maker->tensors, rank, 4);
    for (uint32_t i = rank; i-- > 0; count *= dim[i])
        put_number(&maker->tensors, dim[i], 8);
    put_number(&maker->tensors, type, 4);
    put_number(&maker->tensors, maker->data.size, 8);
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = ink_f32_to_f16(values[i]);
        const int8_t byte = (int8_t)(type == INK_I8 ? values[i] : 0);
        if (type == INK_I8)
            blob_append(&maker->data, &byte, 1);
        else if (type == INK_F16)
            blob_append(&maker->data, &half, 2);
        else
            blob_append(&maker->data, &values[i], 4);
    }
    put_padding(&maker->data);
    maker->tensor_count++;
}

static inline void gguf_string(gguf_maker *maker, const char *key, const char *value)
{
    put_text(&maker->keys, key, strlen(key));
    put_number(&maker->keys, 8, 4);
    put_text(&maker->keys, value, strlen(value));
    maker->key_count++;
}

/* The whole file; the maker is empty again. */
static inline blob gguf_finish(gguf_maker *maker)
{
    blob file = blob_make("t:GGUF 4:3");
    put_number(&file, maker->tensor_count, 8);
    put_number(&file, maker->key_count, 8);
    blob_append(&file, maker->keys.data, maker->keys.size);
    blob_append(&file, maker->tensors.data, maker->tensors.size);
    put_padding(&file);
    blob_append(&file, maker->data.data, maker->data.size);
    blob_free(&maker->keys);
    blob_free(&maker->tensors);
    blob_free(&maker->data);
    *maker = (gguf_maker){ 0 };
    return file;
}

/* ---- a line of text ---- */

static inline float random_float(uint64_t *state)
{
    return (float)(int)(test_random(state) >> 56) / 256 - 0.5f;
}

static inline void line_tensor(gguf_maker *maker, const char *name, const char *type,
                               const char *fill)
{
    uint32_t rank = 0, dim[8];
    size_t count = 1;
    const char *at = strchr(type, ':') + 1;
    for (char *end; *at; at = *end ? end + 1 : end) {
        dim[rank] = (uint32_t)strtoul(at, &end, 10);
        count *= dim[rank++];
    }
    float *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    uint64_t state = count;
    for (const char *c = name; *c; c++)
        state = state * 31 + (uint8_t)*c;
    const bool map = !strncmp(fill, "map", 3), random = !strncmp(fill, "random", 6);
    for (size_t i = 0; i < count; i++)
        if (!map || i % (dim[2] * dim[3]) == 0)
            values[i] = map || random ? random_float(&state) * (*type == 'i' ? 254 : 1) : strtof(fill, NULL);
        else
            values[i] = values[i - 1];
    const char *other = strchr(fill, '@');
    if (other) {
        char *end;
        const size_t i = strtoul(other + 1, &end, 10);
        assert_true(i < count && *end == '=');
        values[i] = strtof(end + 1, NULL);
    }
    gguf_tensor(maker, name, *type == 'i' ? INK_I8 : type[1] == '1' ? INK_F16 : INK_F32, rank, dim, values);
    free(values);
}

static inline void line_value(blob *to, uint32_t type, const char *text, size_t length)
{
    char value[64];
    if (type == 8) {
        put_text(to, text, length);
        return;
    }
    assert_true(length > 0 && length < sizeof value);
    memcpy(value, text, length);
    value[length] = 0;
    static const uint8_t width[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };
    const float single = strtof(value, NULL);
    const double number = strtod(value, NULL);
    const uint64_t integer = *value == '-' ? (uint64_t)strtoll(value, NULL, 0)
                                           : strtoull(value, NULL, 0);
    blob_append(to, type == 6 ? (const void *)&single : type == 12 ? (const void *)&number : &integer,
                width[type]);
}

static inline void line_key(gguf_maker *maker, const char *name, const char *type, const char *text)
{
    static const char *const types[] = { "u8", "i8", "u16", "i16", "u32", "i32", "f32",
                                         "bool", "str", "", "u64", "i64", "f64" };
    const size_t length = strcspn(type, "[");
    uint32_t id = 0;
    while (strlen(types[id]) != length || strncmp(types[id], type, length))
        if (++id == sizeof types / sizeof *types)
            fail_msg("'%s': unknown type '%s'", name, type);
    put_text(&maker->keys, name, strlen(name));
    maker->key_count++;
    if (type[length] != '[') {
        put_number(&maker->keys, id, 4);
        line_value(&maker->keys, id, text, strlen(text));
        return;
    }
    uint64_t count = *text != 0;
    for (const char *c = text; *c; c++)
        count += *c == ',';
    put_number(&maker->keys, 9, 4);
    put_number(&maker->keys, id, 4);
    put_number(&maker->keys, count, 8);
    for (uint64_t i = 0; i < count; i++) {
        const size_t size = strcspn(text, ",");
        line_value(&maker->keys, id, text, size);
        text += size + 1;
    }
}

static inline void add_line(gguf_maker *maker, const char *line)
{
    char name[128], type[64];
    int at = 0;
    if (sscanf(line, "%127s %63s%n", name, type, &at) != 2) /* the rest may be long */
        fail_msg("'%s' is no entry", line);
    const char *rest = line + at + (line[at] == ' ');
    if (strchr(type, ':'))
        line_tensor(maker, name, type, rest);
    else
        line_key(maker, name, type, rest);
}

static inline bool same_name(const char *a, const char *b)
{
    const size_t length = strcspn(a, " ");
    return strcspn(b, " ") == length && !strncmp(a, b, length);
}

/* The file of these lines, with changes (NULL: none): a line takes the place of the one with its name
 * or is new; "-name" takes the line away. */
static inline blob model_make(const char *const *lines, const char *const *changes)
{
    static const char *const none[] = { NULL };
    gguf_maker maker = { 0 };
    changes = changes ? changes : none;
    for (const char *const *line = lines; *line; line++) {
        const char *use = *line;
        for (const char *const *change = changes; *change; change++)
            if (same_name(*change + (**change == '-'), *line))
                use = **change == '-' ? NULL : *change;
        if (use)
            add_line(&maker, use);
    }
    for (const char *const *change = changes; *change; change++) {
        bool found = false;
        for (const char *const *line = lines; *line; line++)
            found = found || same_name(*change + (**change == '-'), *line);
        if (!found && **change == '-')
            fail_msg("'%s': there is no such line", *change);
        if (!found)
            add_line(&maker, *change);
    }
    return gguf_finish(&maker);
}

/* ---- a small model of each kind ---- */

static const char *const small_inkling[] = {
    "general.architecture str inkling",
    "general.name str a small one",
    "inkling.version u32 1",
    "inkling.input.shape u32[] 1,6,6",
    "inkling.input.scale f32 0.0078125",
    "inkling.input.offset f32 -1",
    "inkling.classes str[] a,b,c",
    "inkling.node.count u32 5",
    "inkling.node.0.op str conv2d",
    "inkling.node.0.name str conv",
    "inkling.node.0.inputs str[] input",
    "inkling.node.0.kernel i32[] 3,3",
    "inkling.node.1.op str leaky_relu",
    "inkling.node.1.name str leaky",
    "inkling.node.1.inputs str[] conv",
    "inkling.node.1.alpha f32 0.25",
    "inkling.node.2.op str max_pool2d",
    "inkling.node.2.name str pool",
    "inkling.node.2.inputs str[] leaky",
    "inkling.node.2.kernel i32[] 2,2",
    "inkling.node.3.op str flatten",
    "inkling.node.3.name str flat",
    "inkling.node.3.inputs str[] pool",
    "inkling.node.4.op str dense",
    "inkling.node.4.name str dense",
    "inkling.node.4.inputs str[] flat",
    "conv.weight f32:2,1,3,3 random",
    "conv.bias f32:2 random",
    "dense.weight f16:3,8 random",
    "dense.bias f32:3 random",
    NULL
};

static const char *const small_fc[] = {
    "general.architecture str mnist-fc",
    "fc1.weight f32:5,9 random",
    "fc1.bias f32:5 random",
    "fc2.weight f32:3,5 random",
    "fc2.bias f32:3 random",
    NULL
};

/* 8x8, padded, two pooled to 2x2. */
static const char *const small_cnn[] = {
    "general.architecture str mnist-cnn",
    "conv1.kernel f32:2,1,3,3 random",
    "conv1.bias f32:2,1,1 random",
    "conv2.kernel f32:3,2,3,3 random",
    "conv2.bias f32:3,1,1 random",
    "dense.weight f32:4,12 random",
    "dense.bias f32:4 random",
    NULL
};

/* 10x11: 8x9, pooled to 4x4, 2x3, pooled to 1x1. */
static const char *const small_cnn_2023[] = {
    "general.architecture str mnist-cnn",
    "kernel1 f16:2,1,3,3 random",
    "bias1 f32:1,2,8,9 map",
    "kernel2 f16:3,2,3,2 random",
    "bias2 f32:1,3,2,3 map",
    "dense_w f32:4,3 random",
    "dense_b f32:4 random",
    NULL
};

/* Pixels 9, hidden 3, classes 2. */
static const char small_legacy[] =
    "4:0x67676d6c 4:2 4:9 4:3 "
    "f:0.1 f:-0.2 f:0.3 f:0.4 f:0.5 f:-0.6 f:0.7 f:0.8 f:-0.9 "
    "f:-0.15 f:0.25 f:0.35 f:0.45 f:-0.55 f:0.65 f:0.75 f:-0.85 f:0.95 "
    "f:0.3 f:0.2 f:0.1 f:-0.1 f:-0.2 f:-0.3 f:0.4 f:0.5 f:0.6 "
    "4:1 4:3 f:0.5 f:-0.25 f:0.125 4:2 4:3 4:2 f:1 f:-2 f:3 f:-1 f:2 f:0.5 4:1 4:2 f:0.25 f:-0.5";

enum { SMALL_MODELS = 5 };

static const char *const small_names[SMALL_MODELS] = { "inkling", "mnist-fc", "mnist-cnn",
                                                       "mnist-cnn of 2023", "legacy" };

/* All but the legacy one. */
static const char *const *const small_texts[SMALL_MODELS - 1] = { small_inkling, small_fc, small_cnn,
                                                                  small_cnn_2023 };

static inline blob small_model(size_t which)
{
    return which < SMALL_MODELS - 1 ? model_make(small_texts[which], NULL) : blob_make(small_legacy);
}

/* ---- what the environment asks for ---- */

/* The kernels that the tests are to use: INKLING_TEST_CPU, or the best. */
static inline ink_cpu test_cpu(void)
{
    const char *name = getenv("INKLING_TEST_CPU");
    ink_cpu cpu = INK_CPU_BEST;
    if (name && *name)
        assert_int_equal(ink_cpu_from_name(name, &cpu, NULL), INK_OK);
    return cpu;
}

/* ---- opening and running with everything checked on the side ---- */

typedef struct opened {
    test_memory memory;
    ink_allocator allocator;
    fence file;
    ink_model *model;
} opened;

/* `options` may be NULL; the allocator and the kernels are the test's. */
static inline void open_bytes(opened *it, const void *data, size_t size, const ink_model_options *options)
{
    ink_model_options o = INK_MODEL_OPTIONS_INIT;
    if (options)
        o = *options;
    ink_error error;
    it->memory = (test_memory){ 0 };
    it->allocator = test_allocator(&it->memory);
    it->file = fence_make(data, size);
    o.allocator = &it->allocator;
    o.cpu = test_cpu();
    check_error(ink_model_open_memory(it->file.data, size, &o, &it->model, &error), &error, INK_OK,
                NULL);
}

static inline void open_lines(opened *it, const char *const *lines, const char *const *changes)
{
    blob file = model_make(lines, changes);
    open_bytes(it, file.data, file.size, NULL);
    blob_free(&file);
}

static inline void close_opened(opened *it)
{
    ink_model_close(&it->model);
    assert_null(it->model);
    assert_int_equal(it->memory.live, 0);
    fence_free(&it->file);
}

/* The outputs of a run in memory of malloc; what lies behind them stays as it was. */
static inline float *run_model(const ink_model *model, const uint8_t *pixels, size_t images)
{
    ink_session *session;
    ink_error error;
    const size_t count = images * ink_model_get_info(model)->classes;
    float *output = malloc((count + 8) * sizeof *output);
    assert_non_null(output);
    memset(output, 0xa5, (count + 8) * sizeof *output);
    check_error(ink_session_open(model, NULL, &session, &error), &error, INK_OK, NULL);
    check_error(ink_session_run_u8(session, pixels, images, output, &error), &error, INK_OK, NULL);
    ink_session_close(&session);
    for (size_t i = 0; i < 8 * sizeof *output; i++)
        assert_int_equal(((uint8_t *)(output + count))[i], 0xa5);
    return output;
}

static inline ink_buffer save(const ink_model *model, ink_layout layout)
{
    ink_buffer out;
    ink_error error;
    memset(&out, 0x77, sizeof out);
    check_error(ink_model_save_memory(model, layout, &out, &error), &error, INK_OK, NULL);
    assert_int_equal(out.data[out.size], 0);
    return out;
}

static inline void check_same_bytes(const char *name, const void *got, size_t got_size, const void *want,
                             size_t want_size)
{
    for (size_t i = 0; i < got_size && i < want_size; i++)
        if (((const uint8_t *)got)[i] != ((const uint8_t *)want)[i])
            fail_msg("%s: byte %zu is 0x%02x, wanted 0x%02x", name, i, ((const uint8_t *)got)[i],
                     ((const uint8_t *)want)[i]);
    if (got_size != want_size)
        fail_msg("%s: has %zu bytes, wanted %zu", name, got_size, want_size);
}

#endif
