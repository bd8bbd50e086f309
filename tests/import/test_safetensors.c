/* safetensors: tensors come out as they went in, and what is wrong is told. */
#include "support.h"

#include "import/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    fence bytes;
    ink_arena arena;
    ink_weight *weights;
    size_t count;
    const char *network;
    ink_error error;
    ink_status status;
} reading;

static void read_bytes(blob bytes, reading *r)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena_init(&r->arena, &allocator);
    r->bytes = fence_make(bytes.data, bytes.size);
    blob_free(&bytes);
    r->status = ink_safetensors_read(r->bytes.data, r->bytes.size, &r->arena, &r->weights, &r->count,
                                     &r->network, &r->error);
    if (r->status == INK_ERR_OPEN) {
        print_message("skipped: built without jansson\n");
        skip();
    }
}

static void reading_end(reading *r)
{
    ink_arena_free(&r->arena);
    fence_free(&r->bytes);
}

/* The header's size, the header, the data. */
static blob file_of(const char *header, const char *data)
{
    const uint64_t length = strlen(header);
    blob file = { 0 }, rest = blob_make(data);
    for (int i = 0; i < 8; i++)
        blob_append(&file, &(uint8_t){ (uint8_t)(length >> 8 * i) }, 1);
    blob_append(&file, header, length);
    if (rest.size)
        blob_append(&file, rest.data, rest.size);
    blob_free(&rest);
    return file;
}

#define ROW(name, type, shape, from, to) \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}"

static void tensors_are_read(void **state)
{
    static const struct {
        const char *type, *bytes, *data;
        float value;
    } types[] = {
        { "F32", "4", "f:1.5", 1.5f },        { "F64", "8", "x:000000000000f8bf", -1.5f },
        { "F16", "2", "x:00c1", -2.5f },      { "BF16", "2", "x:20c0", -2.5f },
        { "I64", "8", "8:-7", -7 },           { "I32", "4", "4:-7", -7 },
        { "I16", "2", "2:-7", -7 },           { "I8", "1", "x:f9", -7 },
        { "U8", "1", "x:f9", 249 },           { "BOOL", "1", "x:01", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char header[200];
        snprintf(header, sizeof header, "{" ROW("w", "%s", "1", "0", "%s") "}", types[i].type, types[i].bytes);
        reading r = { 0 };
        read_bytes(file_of(header, types[i].data), &r);
        if (r.status)
            fail_msg("%s: %s", types[i].type, r.error.text);
        assert_true(r.count == 1 && r.weights[0].elements == 1 && r.weights[0].data[0] == types[i].value);
        reading_end(&r);
    }
}

/* In the order of the data, whatever the header's; metadata are none; scalars and empty tensors are. */
static void several_are_read_in_order(void **state)
{
    (void)state;
    reading r = { 0 };
    const blob file = file_of("{\"__metadata__\":{\"format\":\"pt\"}," ROW("fc.bias", "F32", "", "24", "28") ","
                              ROW("none", "F32", "0,5", "24", "24") "," ROW("fc.weight", "F32", "2,3", "0", "24") "}   ",
                              "f:0 f:1 f:2 f:3 f:4 f:5 f:6");
    assert_true(ink_safetensors_is(file.data, file.size));
    read_bytes(file, &r);
    if (r.status)
        fail_msg("%s", r.error.text);
    assert_int_equal(r.count, 3);
    assert_string_equal(r.weights[0].name, "fc.weight");
    assert_true(r.weights[0].rank == 2 && r.weights[0].dim[0] == 2 && r.weights[0].dim[1] == 3);
    for (size_t i = 0; i < 6; i++)
        assert_true(r.weights[0].data[i] == (float)i);
    assert_string_equal(r.weights[1].name, "none");
    assert_int_equal(r.weights[1].elements, 0);
    assert_string_equal(r.weights[2].name, "fc.bias");
    assert_true(r.weights[2].rank == 0 && r.weights[2].elements == 1 && r.weights[2].data[0] == 6);
    reading_end(&r);
}

static void bad_files_are_told(void **state)
{
    static const struct {
        const char *header, *data;
        ink_status status;
        const char *words;
    } rows[] = {
        { "{" ROW("w", "F8_E4M3", "1", "0", "1") "}", "x:00", INK_ERR_TYPE, "tensor 'w' has the type F8_E4M3" },
        { "{\"w\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "f:1", INK_ERR_TYPE, "has the type none" },
        { "{\"w\":7}", "f:1", INK_ERR_TYPE, "has the type none" },
        { "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "f:1", INK_ERR_FORMAT, "its shape" },
        { "{" ROW("w", "F32", "-1", "0", "4") "}", "f:1", INK_ERR_FORMAT, "its shape" },
        { "{" ROW("w", "F32", "1.0", "0", "4") "}", "f:1", INK_ERR_FORMAT, "its shape" },
        { "{" ROW("w", "F32", "1,1,1,1,1,1,1,1,1", "0", "4") "}", "f:1", INK_ERR_FORMAT, "its shape" },
        { "{" ROW("w", "F32", "1", "4", "0") "}", "f:1", INK_ERR_FORMAT, "its data_offsets" },
        { "{" ROW("w", "F32", "1", "0", "4,5") "}", "f:1", INK_ERR_FORMAT, "its data_offsets" },
        { "{" ROW("w", "F32", "1", "-4", "0") "}", "f:1", INK_ERR_FORMAT, "its data_offsets" },
        { "{" ROW("w", "F32", "2", "0", "4") "}", "f:1", INK_ERR_SHAPE, "does not give the 4 bytes" },
        { "{" ROW("w", "F32", "4294967296,4294967296", "0", "0") "}", "f:1", INK_ERR_SHAPE, "does not give the 0 bytes" },
        { "{" ROW("w", "F32", "4611686018427387904", "0", "0") "}", "f:1", INK_ERR_SHAPE, "does not give the 0 bytes" },
        { "{" ROW("w", "F32", "1", "4", "8") "}", "f:1 f:1", INK_ERR_FORMAT, "begins at byte 4 of the data, wanted 0" },
        { "{" ROW("a", "F32", "1", "0", "4") "," ROW("b", "F32", "1", "0", "4") "}", "f:1", INK_ERR_FORMAT,
          "begins at byte 0 of the data, wanted 4" },
        { "{" ROW("a", "F32", "1", "0", "4") "," ROW("b", "F32", "1", "8", "12") "}", "f:1 f:1 f:1", INK_ERR_FORMAT,
          "tensor 'b' begins at byte 8 of the data, wanted 4" },
        { "{" ROW("w", "F32", "2", "0", "8") "}", "f:1", INK_ERR_TRUNCATED, "tensor 'w' needs 8 bytes, 4 are left" },
        { "{" ROW("w", "F32", "1", "0", "4") "}", "f:1 x:00", INK_ERR_TRAILING, "1 bytes are left" },
        { "{" ROW("w", "F32", "1", "0", "4") "," ROW("w", "F32", "1", "0", "4") "}", "f:1", INK_ERR_FORMAT, "duplicate" },
        { "{", "", INK_ERR_FORMAT, "no JSON" },
        { "[]", "", INK_ERR_FORMAT, "no JSON object" },
        { "{}", "", INK_ERR_MISSING, "holds no tensors" },
        { "{\"__metadata__\":{}}", "", INK_ERR_MISSING, "holds no tensors" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        read_bytes(file_of(rows[i].header, rows[i].data), &r);
        if (r.status == INK_OK)
            fail_msg("%s: was read", rows[i].header);
        check_error(r.status, &r.error, rows[i].status, rows[i].words);
        reading_end(&r);
    }
    static const struct {
        const char *bytes;
        ink_status status;
        const char *words;
    } files[] = {
        { "", INK_ERR_TRUNCATED, "ends within the size" },
        { "4:1", INK_ERR_TRUNCATED, "ends within the size" },
        { "8:3 t:{}", INK_ERR_TRUNCATED, "the header has 3 bytes, 2 are there" },
        { "8:0x1000001 t:{}", INK_ERR_LIMIT, "the header has 16777217 bytes" },
        { "8:-1 t:{}", INK_ERR_LIMIT, "the header has 18446744073709551615 bytes" },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        reading r = { 0 };
        read_bytes(blob_make(files[i].bytes), &r);
        check_error(r.status, &r.error, files[i].status, files[i].words);
        reading_end(&r);
    }
}

static void it_is_told_by_its_beginning(void **state)
{
    (void)state;
    assert_true(ink_safetensors_is((const uint8_t *)"\2\0\0\0\0\0\0\0{}", 10));
    assert_false(ink_safetensors_is((const uint8_t *)"\2\0\0\0\0\0\0\0", 8));
    assert_false(ink_safetensors_is((const uint8_t *)"\2\0\0\0\1\0\0\0{}", 10));
    assert_false(ink_safetensors_is((const uint8_t *)"GGUF\3\0\0\0\1\0", 10));
}

/* Every prefix fails, and no byte changed does harm. */
static void broken_files_do_no_harm(void **state)
{
    (void)state;
    blob whole = file_of("{" ROW("a", "F32", "1", "0", "4") "," ROW("b", "U8", "2", "4", "6") "}", "f:1 x:0102");
    for (size_t size = 0; size < whole.size; size++) {
        blob part = { 0 };
        reading r = { 0 };
        blob_append(&part, whole.data, size);
        read_bytes(part, &r);
        assert_true(r.status != INK_OK && r.error.text[0]);
        reading_end(&r);
    }
    for (size_t at = 0; at < whole.size; at++)
        for (unsigned change = 1; change < 256; change++) {
            blob other = { 0 };
            reading r = { 0 };
            blob_append(&other, whole.data, whole.size);
            other.data[at] ^= (uint8_t)change;
            read_bytes(other, &r);
            assert_true(r.status == INK_OK || r.error.text[0]);
            reading_end(&r);
        }
    blob_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_read),
        cmocka_unit_test(several_are_read_in_order),
        cmocka_unit_test(bad_files_are_told),
        cmocka_unit_test(it_is_told_by_its_beginning),
        cmocka_unit_test(broken_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
