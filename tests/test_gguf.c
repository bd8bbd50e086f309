/* GGUF: files made by hand against what the reader says and the writer gives. */
#include "gguf_files.h"

#include <math.h>

/* ---- the file with every kind of value and tensor ---- */

static void check_number(const ink_gguf *file, const char *key, const char *type, bool is_array,
                         size_t count, const double *want)
{
    const ink_metadata *entry = ink_gguf_find(file, key);
    assert_non_null(entry);
    assert_string_equal(entry->key, key);
    assert_string_equal(entry->type, type);
    assert_int_equal(entry->kind, strcmp(type, "bool") ? INK_VALUE_NUMBER : INK_VALUE_BOOL);
    assert_int_equal(entry->is_array, is_array);
    assert_int_equal(entry->count, count);
    for (size_t i = 0; i < count; i++) {
        double got = ink_metadata_number(entry, i);
        if (isnan(want[i]) ? !isnan(got) : got != want[i])
            fail_msg("%s[%zu] is %g, wanted %g", key, i, got, want[i]);
    }
    assert_true(ink_metadata_number(entry, count) == 0);
    assert_true(ink_metadata_number(entry, SIZE_MAX) == 0);
    assert_string_equal(ink_metadata_string(entry, 0), "");
}

#define ONE(file, key, type, value) check_number(file, key, type, false, 1, &(double){ value })
#define MANY(file, key, type, ...)                                                                 \
    check_number(file, key, type, true, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double),        \
                 (double[]){ __VA_ARGS__ })

static void everything_is_read(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, everything);
    check_error(it.status, &it.error, INK_OK, NULL);
    const ink_gguf *file = &it.gguf;
    assert_int_equal(file->version, 3);
    assert_int_equal(file->alignment, 32);
    assert_int_equal(file->metadata_count, 26);
    assert_string_equal(file->metadata[0].key, "n.u8"); /* the order of the file is kept */
    assert_string_equal(file->metadata[25].key, "a.f64");
    ONE(file, "n.u8", "u8", 200);
    ONE(file, "n.i8", "i8", -100);
    ONE(file, "n.u16", "u16", 60000);
    ONE(file, "n.i16", "i16", -30000);
    ONE(file, "n.u32", "u32", 4000000000.0);
    ONE(file, "n.i32", "i32", -2000000000.0);
    ONE(file, "n.f32", "f32", -1.5);
    ONE(file, "n.true", "bool", 1);
    ONE(file, "n.false", "bool", 0);
    ONE(file, "n.u64", "u64", 18364758544493064720.0);
    ONE(file, "n.i64", "i64", -5000000000.0);
    ONE(file, "n.f64", "f64", 0x1.921fb54442d18p1);
    MANY(file, "a.u8", "u8", 1, 2, 255);
    MANY(file, "a.i8", "i8", -1, 127);
    MANY(file, "a.u16", "u16", 65535);
    MANY(file, "a.i16", "i16", -32768);
    MANY(file, "a.u32", "u32", 1, 4294967295.0);
    check_number(file, "a.i32", "i32", true, 0, NULL);
    MANY(file, "a.f32", "f32", 0.5, NAN, -INFINITY);
    MANY(file, "a.bool", "bool", 1, 0, 0, 1);
    MANY(file, "a.u64", "u64", 9007199254740992.0);
    MANY(file, "a.i64", "i64", -1);
    MANY(file, "a.f64", "f64", 1, -2);

    const ink_metadata *string = ink_gguf_find(file, "n.string");
    assert_int_equal(string->kind, INK_VALUE_STRING);
    assert_int_equal(string->is_array, 0);
    assert_string_equal(ink_metadata_string(string, 0), "hello");
    assert_string_equal(ink_metadata_string(string, 1), "");
    assert_true(ink_metadata_number(string, 0) == 0);
    const ink_metadata *strings = ink_gguf_find(file, "a.string");
    assert_int_equal(strings->count, 4);
    assert_string_equal(strings->type, "string");
    assert_string_equal(ink_metadata_string(strings, 0), "one");
    assert_string_equal(ink_metadata_string(strings, 1), "");
    const ink_gguf_string *inner = (const ink_gguf_string *)strings->values + 2;
    assert_int_equal(inner->length, 5);
    assert_memory_equal(inner->text, "a\0b\0c", 6);
    assert_string_equal(ink_metadata_string(strings, 3), "four");
    assert_string_equal(ink_metadata_string(strings, 4), "");
    assert_int_equal(ink_gguf_find(file, "a.none")->count, 0);
    assert_true(ink_metadata_number(NULL, 0) == 0);
    assert_string_equal(ink_metadata_string(NULL, 0), "");

    assert_int_equal(file->tensor_count, 3);
    const ink_tensor_info *first = ink_gguf_tensor(file, "first.weight");
    assert_ptr_equal(first, &file->tensors[0]);
    assert_true(first->type == INK_F32 && first->rank == 2 && first->bytes == 24);
    assert_true(first->dim[0] == 2 && first->dim[1] == 3); /* the file has the fastest first */
    assert_ptr_equal(first->data, it.file.data + it.file.size - 96);
    const ink_tensor_info *second = ink_gguf_tensor(file, "second");
    assert_true(second->type == INK_F16 && second->rank == 4 && second->bytes == 6);
    assert_true(second->dim[0] == 1 && second->dim[2] == 1 && second->dim[3] == 3);
    assert_ptr_equal(second->data, it.file.data + it.file.size - 64);
    const ink_tensor_info *scalar = ink_gguf_tensor(file, "scalar");
    assert_true(scalar->type == INK_F32 && scalar->rank == 0 && scalar->bytes == 4);
    assert_null(ink_gguf_find(file, "n.u9"));
    assert_null(ink_gguf_find(file, ""));
    assert_null(ink_gguf_find(file, "first.weight"));
    assert_null(ink_gguf_tensor(file, "n.u8"));
    assert_null(ink_gguf_tensor(file, "firs"));
    assert_null(ink_gguf_tensor(file, "zzz"));
    close_opened(&it);
}

/* Not one byte may differ: kinds of values that this library has no use for come through too. */
static void everything_is_written_as_it_was(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, everything);
    check_writes(&it.gguf, it.file.data, it.file.size);
    close_opened(&it);
}

static void put_makes_the_same_file(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_arena arena;
    ink_arena_init(&arena, &allocator);
    ink_metadata room[6];
    float values[6] = { 1, 2, 3, 4, 5, 6 };
    ink_tensor_info tensor = { "w", INK_F32, 2, { 2, 3 }, sizeof values, values };
    ink_gguf file = { .metadata = room, .tensors = &tensor, .tensor_count = 1 };
    char key[] = "general.architecture", text[] = "inkling"; /* both are copied */
    ink_gguf_put_string(&file, &arena, key, text);
    key[0] = text[0] = 'X';
    ink_gguf_put_u32(&file, &arena, "version", 7);
    ink_gguf_put_f32(&file, &arena, "scale", 0.25f);
    ink_gguf_string names[2] = { { "a", 1 }, { "b\0c", 3 } };
    ink_gguf_put(&file, &arena, "names", INK_GGUF_STRING, true, 2, names);
    ink_gguf_put(&file, &arena, "shape", INK_GGUF_U16, true, 3, (uint16_t[]){ 1, 28, 28 });
    ink_gguf_put(&file, &arena, "yes", INK_GGUF_BOOL, false, 1, (uint8_t[]){ 1 });
    assert_false(arena.failed);
    assert_int_equal(file.metadata_count, 6);
    blob want = blob_make(HEAD(1, 6) "s:general.architecture 4:8 s:inkling s:version 4:4 4:7 "
                            "s:scale 4:6 f:0.25 s:names 4:9 4:8 8:2 s:a 8:3 x:620063 "
                            "s:shape 4:9 4:2 8:3 2:1 2:28 2:28 s:yes 4:7 1:1 "
                            "s:w 4:2 8:3 8:2 4:0 8:0 pad:32 f:1 f:2 f:3 f:4 f:5 f:6 pad:32");
    check_writes(&file, want.data, want.size);
    assert_string_equal(ink_metadata_string(ink_gguf_find(&file, "names"), 0), "a");
    assert_null(ink_gguf_find(&file, "none"));
    assert_ptr_equal(ink_gguf_tensor(&file, "w"), &tensor);
    blob_free(&want);

    /* Without memory nothing is added, and the arena says so. */
    memory.fail_at = memory.allocations + 1;
    static const uint8_t large[100000];
    ink_gguf_put(&file, &arena, "large", INK_GGUF_U8, true, sizeof large, large);
    assert_true(arena.failed);
    ink_gguf_put_u32(&file, &arena, "after", 1);
    assert_int_equal(file.metadata_count, 6);
    ink_arena_free(&arena);
    assert_int_equal(memory.live, 0);
}

static void put_after_reading_is_found(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, HEAD(0, 2) "s:b 4:0 1:1 s:c 4:0 1:2");
    ink_metadata room[3] = { it.gguf.metadata[0], it.gguf.metadata[1] };
    it.gguf.metadata = room;
    ink_gguf_put_u32(&it.gguf, &it.arena, "a", 3);
    ONE(&it.gguf, "a", "u32", 3);
    ONE(&it.gguf, "c", "u8", 2);
    close_opened(&it);
}

/* ---- variants of good files ---- */

static void version_2_is_read_and_3_written(void **state)
{
    (void)state;
    opened it;
    blob old = blob_make(everything);
    old.data[4] = 2;
    it.made = (blob){ 0 };
    open_bytes(&it, old.data, old.size);
    check_error(it.status, &it.error, INK_OK, NULL);
    assert_int_equal(it.gguf.version, 2);
    old.data[4] = 3;
    check_writes(&it.gguf, old.data, old.size);
    blob_free(&old);
    close_opened(&it);
}

static void alignments_are_kept(void **state)
{
    (void)state;
    static const struct {
        uint32_t alignment;
        const char *recipe;
    } rows[] = {
        { 8, HEAD(2, 1) "s:general.alignment 4:4 4:8 s:v 4:1 8:1 4:0 8:0 s:w 4:1 8:3 4:1 8:8 "
                        "pad:8 f:1 pad:8 2:1 2:2 2:3 pad:8" },
        { 64, HEAD(2, 1) "s:general.alignment 4:4 4:64 s:v 4:1 8:1 4:0 8:0 s:w 4:1 8:3 4:1 8:64 "
                         "pad:64 f:1 pad:64 2:1 2:2 2:3 pad:64" },
        { 1 << 20, HEAD(1, 1) "s:general.alignment 4:4 4:0x100000 s:v 4:1 8:1 4:0 8:0 "
                              "pad:0x100000 f:1 pad:0x100000" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened it;
        open_recipe(&it, rows[i].recipe);
        check_error(it.status, &it.error, INK_OK, NULL);
        assert_int_equal(it.gguf.alignment, rows[i].alignment);
        assert_memory_equal(it.gguf.tensors[0].data, "\0\0\x80\x3f", 4);
        check_writes(&it.gguf, it.file.data, it.file.size);
        close_opened(&it);
    }
}

static void files_without_tensors_or_keys_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *recipe, *written;
    } rows[] = {
        { HEAD(0, 0), HEAD(0, 0) "pad:32" },
        { HEAD(0, 1) "s:k 4:0 1:5", HEAD(0, 1) "s:k 4:0 1:5 pad:32" },
        { HEAD(1, 0) "s:t 4:0 4:1 8:0 pad:32 2:1", HEAD(1, 0) "s:t 4:0 4:1 8:0 pad:32 2:1 pad:32" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened it;
        open_recipe(&it, rows[i].recipe);
        check_error(it.status, &it.error, INK_OK, NULL);
        blob want = blob_make(rows[i].written);
        check_writes(&it.gguf, want.data, want.size);
        blob_free(&want);
        close_opened(&it);
    }
}

/* The specification asks for aligned offsets only; the writer closes the gap. */
static void gaps_between_tensors_are_read(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, HEAD(2, 0) "s:v 4:0 4:0 8:32 s:w 4:0 4:0 8:128 "
                                "pad:32 z:32 f:1 z:92 f:2 pad:32 t:behind");
    check_error(it.status, &it.error, INK_OK, NULL);
    blob want = blob_make(HEAD(2, 0) "s:v 4:0 4:0 8:0 s:w 4:0 4:0 8:32 "
                                       "pad:32 f:1 pad:32 f:2 pad:32");
    check_writes(&it.gguf, want.data, want.size);
    blob_free(&want);
    close_opened(&it);
}

/* Each length once, so that one byte too few for them all would show. */
static void strings_do_not_touch(void **state)
{
    (void)state;
    blob file = blob_make("t:GGUF 4:3 8:0 8:2 s:k 4:9 4:8 8:200");
    char text[200];
    for (uint64_t i = 0; i < 200; i++) {
        memset(text, (int)('a' + i % 26), (size_t)i);
        blob_append(&file, &i, 8);
        blob_append(&file, text, (size_t)i);
    }
    blob last = blob_make("s:last 4:8 s:string");
    blob_append(&file, last.data, last.size);
    opened it = { 0 };
    open_bytes(&it, file.data, file.size);
    check_error(it.status, &it.error, INK_OK, NULL);
    for (size_t i = 0; i < 200; i++) {
        const char *got = ink_metadata_string(&it.gguf.metadata[0], i);
        assert_int_equal(strlen(got), i);
        assert_true(i == 0 || got[i - 1] == (char)('a' + i % 26));
    }
    assert_string_equal(ink_metadata_string(ink_gguf_find(&it.gguf, "last"), 0), "string");
    close_opened(&it);
    blob_free(&last);
    blob_free(&file);
}

/* Bounds are inclusive: the longest key and name pass. */
static void longest_names_are_read(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, HEAD(1, 1) "8:65535 a:65535 4:0 1:1 8:63 a:63 4:0 4:0 8:0 pad:32 f:1 pad:32");
    check_error(it.status, &it.error, INK_OK, NULL);
    assert_int_equal(strlen(it.gguf.metadata[0].key), 65535);
    assert_int_equal(strlen(it.gguf.tensors[0].name), 63);
    check_writes(&it.gguf, it.file.data, it.file.size);
    close_opened(&it);
}

static void magic_is_told(void **state)
{
    (void)state;
    assert_true(ink_gguf_is("GGUF", 4));
    assert_true(ink_gguf_is("GGUF and more", 13));
    assert_false(ink_gguf_is("GGU", 3));
    assert_false(ink_gguf_is("FUGG", 4));
    assert_false(ink_gguf_is(NULL, 0));
}

/* ---- what the writer refuses ---- */

static void bad_names_are_not_written(void **state)
{
    (void)state;
    static char key[65537], name[65];
    memset(key, 'k', sizeof key - 1);
    memset(name, 'n', sizeof name - 1);
    const uint8_t one = 1;
    const float value = 1;
    const struct {
        const char *keys[2], *names[2], *words;
    } rows[] = {
        { { "a", "a" }, { "v", "w" }, "key 'a' is there twice" },
        { { "a", "" }, { "v", "w" }, "key 1: its name has 0 bytes" },
        { { key, "a" }, { "v", "w" }, "key 0: its name has 65536 bytes" },
        { { "a", "b" }, { "v", "v" }, "tensor 'v' is there twice" },
        { { "a", "b" }, { "", "w" }, "tensor 0: its name has 0 bytes" },
        { { "a", "b" }, { "v", name }, "tensor 1: its name has 64 bytes" },
        { { "a", "general.alignment" }, { "v", "w" }, "general.alignment has type u8" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ink_metadata metadata[2];
        ink_tensor_info tensors[2];
        for (size_t j = 0; j < 2; j++) {
            metadata[j] = (ink_metadata){ rows[i].keys[j], "u8", INK_VALUE_NUMBER, 0, 1, &one };
            tensors[j] = (ink_tensor_info){ rows[i].names[j], INK_F32, 1, { 1 }, 4, &value };
        }
        ink_gguf file = { 3, 32, 2, 2, metadata, tensors, { 0, NULL }, { 0, NULL } };
        test_memory memory = { 0 };
        ink_allocator allocator = test_allocator(&memory);
        ink_buffer out = { 0 };
        ink_error error;
        ink_status status = ink_gguf_write(&file, &allocator, &out, &error);
        check_error(status, &error, i == 6 ? INK_ERR_TYPE : INK_ERR_FORMAT, rows[i].words);
        assert_null(out.data);
        assert_int_equal(memory.live, 0);
    }
}

static void alignment_must_be_in_the_metadata(void **state)
{
    (void)state;
    ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_gguf file = { .alignment = 64 };
    ink_buffer out = { 0 };
    ink_error error;
    check_error(ink_gguf_write(&file, &allocator, &out, &error), &error, INK_ERR_FORMAT,
                "alignment is 64, but the metadata say 32");
    assert_null(out.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(everything_is_written_as_it_was),
        cmocka_unit_test(put_makes_the_same_file),
        cmocka_unit_test(put_after_reading_is_found),
        cmocka_unit_test(version_2_is_read_and_3_written),
        cmocka_unit_test(alignments_are_kept),
        cmocka_unit_test(files_without_tensors_or_keys_are_read),
        cmocka_unit_test(gaps_between_tensors_are_read),
        cmocka_unit_test(strings_do_not_touch),
        cmocka_unit_test(longest_names_are_read),
        cmocka_unit_test(magic_is_told),
        cmocka_unit_test(bad_names_are_not_written),
        cmocka_unit_test(alignment_must_be_in_the_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
