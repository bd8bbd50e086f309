/* GGUF: files made by hand against what the reader says and the writer gives, and a table of bad
 * files. */
#include "support.h"

#include "formats/gguf.h"
#include "tensor/type.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD(tensors, keys) "t:GGUF 4:3 8:" #tensors " 8:" #keys " "

/* ---- reading and writing with everything checked on the side ---- */

typedef struct opened {
    blob made; /* the recipe's bytes, for their mark */
    fence file; /* a copy, which the reader gets */
    test_memory memory;
    ink_arena arena;
    ink_gguf gguf;
    ink_error error;
    ink_status status;
} opened;

static void open_bytes(opened *it, const void *data, size_t size)
{
    it->file = fence_make(data, size);
    it->memory = (test_memory){ 0 };
    ink_allocator allocator = test_allocator(&it->memory);
    ink_arena_init(&it->arena, &allocator);
    memset(&it->error, 0x77, sizeof it->error);
    memset(&it->gguf, 0x77, sizeof it->gguf);
    it->status = ink_gguf_read(it->file.data, size, &it->arena, &it->gguf, &it->error);
    if (it->status) /* a failure leaves the output alone */
        assert_true(it->gguf.version == 0x77777777 && it->gguf.alignment == 0x77777777);
}

static void open_recipe(opened *it, const char *recipe)
{
    it->made = blob_make(recipe);
    open_bytes(it, it->made.data, it->made.size);
}

static void close_opened(opened *it)
{
    ink_arena_free(&it->arena);
    assert_int_equal(it->memory.live, 0);
    fence_free(&it->file);
    blob_free(&it->made);
}

static ink_buffer write_file(const ink_gguf *file, test_memory *memory)
{
    ink_buffer out = { 0 };
    ink_error error;
    ink_allocator allocator = test_allocator(memory);
    check_error(ink_gguf_write(file, &allocator, &out, &error), &error, INK_OK, NULL);
    assert_int_equal(out.data[out.size], 0);
    return out;
}

static void check_same(const void *got, size_t got_size, const void *want, size_t want_size)
{
    size_t shorter = got_size < want_size ? got_size : want_size;
    for (size_t i = 0; i < shorter; i++)
        if (((const uint8_t *)got)[i] != ((const uint8_t *)want)[i])
            fail_msg("byte %zu is 0x%02x, wanted 0x%02x", i, ((const uint8_t *)got)[i],
                     ((const uint8_t *)want)[i]);
    assert_int_equal(got_size, want_size);
}

/* What was read must write as exactly these bytes. */
static void check_writes(const ink_gguf *file, const void *want, size_t size)
{
    test_memory memory = { 0 };
    ink_buffer out = write_file(file, &memory);
    check_same(out.data, out.size, want, size);
    ink_buffer_close(&out);
    assert_int_equal(memory.live, 0);
}

/* ---- one file with every kind of value and tensor ---- */

/* Tensor data by hand: 6 floats, 3 halves, 1 float, each padded to 32; in all 96 bytes. */
static const char everything[] =
    HEAD(3, 26)
    "s:n.u8 4:0 1:200 s:n.i8 4:1 1:-100 s:n.u16 4:2 2:60000 s:n.i16 4:3 2:-30000 "
    "s:n.u32 4:4 4:4000000000 s:n.i32 4:5 4:-2000000000 s:n.f32 4:6 f:-1.5 "
    "s:n.true 4:7 1:1 s:n.false 4:7 1:0 s:n.string 4:8 s:hello "
    "s:n.u64 4:10 8:0xfedcba9876543210 s:n.i64 4:11 8:-5000000000 "
    "s:n.f64 4:12 8:0x400921fb54442d18 "
    "s:a.u8 4:9 4:0 8:3 1:1 1:2 1:255 "
    "s:a.i8 4:9 4:1 8:2 1:-1 1:127 "
    "s:a.u16 4:9 4:2 8:1 2:65535 "
    "s:a.i16 4:9 4:3 8:1 2:-32768 "
    "s:a.u32 4:9 4:4 8:2 4:1 4:0xffffffff "
    "s:a.i32 4:9 4:5 8:0 "
    "s:a.f32 4:9 4:6 8:3 f:0.5 4:0x7fc00000 4:0xff800000 "
    "s:a.bool 4:9 4:7 8:4 1:1 1:0 1:0 1:1 "
    "s:a.string 4:9 4:8 8:4 s:one 8:0 8:5 x:6100620063 s:four "
    "s:a.none 4:9 4:8 8:0 "
    "s:a.u64 4:9 4:10 8:1 8:9007199254740993 "
    "s:a.i64 4:9 4:11 8:1 8:-1 "
    "s:a.f64 4:9 4:12 8:2 8:0x3ff0000000000000 8:0xc000000000000000 "
    "s:first.weight 4:2 8:3 8:2 4:0 8:0 "
    "s:second 4:4 8:3 8:1 8:1 8:1 4:1 8:32 "
    "s:scalar 4:0 4:0 8:64 "
    "pad:32 f:1 f:2 f:3 f:4 f:5 f:6 pad:32 2:0x3c00 2:0x4000 2:0x4200 pad:32 f:7 pad:32";

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

/* ---- bad files: '@' marks the byte that the error must point at ---- */

/* One key after this: its entry. One tensor after that: its entry. */
#define KEY HEAD(0, 1)
#define TENSOR HEAD(1, 0)
#define DATA "pad:32 z:64"

static const struct bad {
    const char *name;
    ink_status status;
    const char *words, *recipe;
} bad_files[] = {
    { "empty file", INK_ERR_TRUNCATED, "file is empty", "" },
    { "wrong magic", INK_ERR_MAGIC, "GGUF", "t:GGML 4:3 8:0 8:0" },
    { "wrong magic, short", INK_ERR_MAGIC, "GGUF", "t:PK" },
    { "half a magic", INK_ERR_TRUNCATED, "magic", "@ t:GGU" },
    { "no version", INK_ERR_TRUNCATED, "version", "t:GGUF @" },
    { "version 0", INK_ERR_VERSION, "version is 0, wanted 2 or 3", "t:GGUF @ 4:0 8:0 8:0" },
    { "version 1", INK_ERR_VERSION, "version is 1, wanted 2 or 3", "t:GGUF @ 4:1 4:0 4:0" },
    { "version 4", INK_ERR_VERSION, "version is 4,", "t:GGUF @ 4:4 8:0 8:0" },
    { "version 99", INK_ERR_VERSION, "version is 99,", "t:GGUF @ 4:99 8:0 8:0" },
    { "version 65539", INK_ERR_VERSION, "version is 65539,", "t:GGUF @ 4:65539 8:0 8:0" },
    { "big-endian 3", INK_ERR_ENDIAN, "big-endian GGUF file, version 3",
      "t:GGUF @ b4:3 b8:0 b8:0" },
    { "big-endian 2", INK_ERR_ENDIAN, "version 2", "t:GGUF @ b4:2 b8:1 b8:0" },

    /* counts */
    { "CVE-2024-21836 n_tensors", INK_ERR_TRUNCATED, "208378476404893491 tensors",
      "t:GGUF 4:3 @ 8:208378476404893491 8:0 z:64" },
    { "CVE-2024-25666 tensor count", INK_ERR_TRUNCATED, "do not fit",
      "t:GGUF 4:3 @ 8:0x0400000000000000 8:0 z:64" },
    { "CVE-2024-23605 n_kv", INK_ERR_TRUNCATED, "384307168202282326 keys",
      "t:GGUF 4:3 @ 8:0 8:384307168202282326 z:64" },
    { "CVE-2024-25664 key count", INK_ERR_TRUNCATED, "18446744073709551615 keys",
      "t:GGUF 4:3 @ 8:0 8:-1 z:64" },
    { "tensors times their least size overflow", INK_ERR_TRUNCATED, "do not fit",
      "t:GGUF 4:3 @ 8:737869762948382065 8:0 z:64" }, /* * 25 = 9 modulo 2^64 */
    { "keys times their least size overflow", INK_ERR_TRUNCATED, "do not fit",
      "t:GGUF 4:3 @ 8:0 8:0x2492492492492493 z:64" }, /* * 14 = 10 modulo 2^64 */
    { "tensors and keys overflow together", INK_ERR_TRUNCATED, "do not fit",
      "t:GGUF 4:3 @ 8:0x051eb851eb851eb8 8:0x0924924924924926 z:64" },
    { "one tensor too many", INK_ERR_TRUNCATED, "3 tensors", "t:GGUF 4:3 @ 8:3 8:0 z:74" },
    { "one key too many", INK_ERR_TRUNCATED, "3 keys", "t:GGUF 4:3 @ 8:0 8:3 z:41" },
    { "one of both too many", INK_ERR_TRUNCATED, "1 tensors and 1 keys",
      "t:GGUF 4:3 @ 8:1 8:1 z:38" },

    /* keys */
    { "empty key", INK_ERR_FORMAT, "key 0: the key is empty", KEY "@ 8:0 4:0 1:0 z:9" },
    { "key with a NUL", INK_ERR_FORMAT, "key 0: the key has a NUL",
      KEY "8:3 t:a @ x:0062 4:0 1:0" },
    { "key that is a NUL", INK_ERR_FORMAT, "NUL", KEY "8:1 @ x:00 4:0 1:0" },
    { "key of 65536 bytes", INK_ERR_FORMAT, "has 65536 bytes, wanted at most 65535",
      KEY "@ 8:65536 a:65536 4:0 1:0" },
    { "CVE-2024-23496 string length", INK_ERR_FORMAT, "has 18446744073709551615 bytes",
      KEY "@ 8:-1 a:20" },
    { "key past the end", INK_ERR_TRUNCATED, "needs 30 bytes, 6 are left", KEY "8:30 @ a:6" },
    { "key that is there twice", INK_ERR_FORMAT, "key 'k' is there twice",
      HEAD(0, 3) "s:k 4:0 1:0 s:l 4:0 1:0 @ s:k 4:4 4:0" },
    { "key that is there three times", INK_ERR_FORMAT, "key 'k' is there twice",
      HEAD(0, 4) "s:k 4:0 1:0 s:j 4:0 1:0 @ s:k 4:4 4:0 s:k 4:0 1:0" },

    /* values */
    { "value type 13", INK_ERR_TYPE, "key 'k': value type 13 is unknown", KEY "s:k @ 4:13 z:8" },
    { "value type -1", INK_ERR_TYPE, "4294967295", KEY "s:k @ 4:-1 z:8" },
    { "array type 13", INK_ERR_TYPE, "value type 13 is unknown", KEY "s:k 4:9 @ 4:13 8:0" },
    { "array of arrays", INK_ERR_TYPE, "array of arrays", KEY "s:k 4:9 @ 4:9 8:1 4:0 8:0" },
    { "number past the end", INK_ERR_TRUNCATED, "key 'k': 1 values of type u64",
      KEY "s:k 4:10 @ 4:0" },
    { "bool of 2", INK_ERR_FORMAT, "key 'k': bool is 2, wanted 0 or 1", KEY "s:k 4:7 @ 1:2" },
    { "bool of 255 in an array", INK_ERR_FORMAT, "bool is 255",
      KEY "s:k 4:9 4:7 8:4 1:0 1:1 @ 1:255 1:0" },
    { "CVE-2024-25667 array length", INK_ERR_TRUNCATED, "18446744073709551615 values of type u8",
      KEY "s:k 4:9 4:0 8:-1 @ z:64" },
    { "array whose bytes overflow", INK_ERR_TRUNCATED, "2305843009213693953 values of type u64",
      KEY "s:k 4:9 4:10 8:0x2000000000000001 @ z:64" },
    { "array one too long", INK_ERR_TRUNCATED, "5 values of type f32",
      KEY "s:k 4:9 4:6 8:5 @ z:19" },
    { "array without a length", INK_ERR_TRUNCATED, "array's length", KEY "s:k 4:9 4:0 @ 4:0" },
    { "CVE-2024-25665 string value length", INK_ERR_TRUNCATED,
      "key 'k': a string needs 18446744073709551615 bytes, 8 are left", KEY "s:k 4:8 8:-1 @ z:8" },
    { "string one too long", INK_ERR_TRUNCATED, "needs 5 bytes, 4 are left",
      KEY "s:k 4:8 8:5 @ z:4" },
    { "CVE-2024-21825 array of strings", INK_ERR_TRUNCATED, "1152921504606846977 values",
      KEY "s:k 4:9 4:8 8:0x1000000000000001 @ z:64" },
    { "CVE-2024-25668 length of a string in an array", INK_ERR_TRUNCATED,
      "needs 18446744073709551608 bytes", KEY "s:k 4:9 4:8 8:2 s:one 8:-8 @ z:64" },
    { "array of strings that ends in a length", INK_ERR_TRUNCATED, "length of a string",
      KEY "s:k 4:9 4:8 8:2 s:long-enough @ 4:0" },

    /* general.alignment */
    { "alignment 0", INK_ERR_FORMAT, "alignment is 0", KEY "@ s:general.alignment 4:4 4:0" },
    { "alignment 4", INK_ERR_FORMAT, "alignment is 4", KEY "@ s:general.alignment 4:4 4:4" },
    { "alignment 24", INK_ERR_FORMAT, "alignment is 24", KEY "@ s:general.alignment 4:4 4:24" },
    { "alignment 2^21", INK_ERR_LIMIT, "2097152, wanted at most 1048576",
      KEY "@ s:general.alignment 4:4 4:0x200000" },
    { "alignment 2^31", INK_ERR_LIMIT, "2147483648",
      HEAD(0, 2) "s:k 4:0 1:0 @ s:general.alignment 4:4 4:0x80000000" },
    { "alignment as u64", INK_ERR_TYPE, "type u64, wanted u32",
      KEY "@ s:general.alignment 4:10 8:32" },
    { "alignment as i32", INK_ERR_TYPE, "type i32", KEY "@ s:general.alignment 4:5 4:32" },
    { "alignment as string", INK_ERR_TYPE, "type string", KEY "@ s:general.alignment 4:8 s:32" },
    { "alignment as array", INK_ERR_TYPE, "type u32 array",
      KEY "@ s:general.alignment 4:9 4:4 8:1 4:32" },
    { "alignment as empty array", INK_ERR_TYPE, "type u32 array",
      KEY "@ s:general.alignment 4:9 4:4 8:0" },

    /* tensors */
    { "empty tensor name", INK_ERR_FORMAT, "tensor 0: the name is empty",
      TENSOR "@ 8:0 4:0 4:0 8:0 " DATA },
    { "tensor name of 64 bytes", INK_ERR_FORMAT, "has 64 bytes, wanted at most 63",
      TENSOR "@ 8:64 a:64 4:0 4:0 8:0 " DATA },
    { "tensor name with a NUL", INK_ERR_FORMAT, "NUL", TENSOR "8:2 t:a @ 1:0 4:0 4:0 8:0 " DATA },
    { "tensor name of 2^64 - 1 bytes", INK_ERR_FORMAT, "18446744073709551615",
      TENSOR "@ 8:-1 a:17 " DATA },
    { "tensor that is there twice", INK_ERR_FORMAT, "tensor 't' is there twice",
      HEAD(2, 0) "s:t 4:0 4:0 8:0 @ s:t 4:0 4:0 8:32 " DATA },
    { "CVE-2024-21802 dimensions", INK_ERR_SHAPE, "tensor 't': has 4294967295 dimensions",
      TENSOR "s:t @ 4:-1 z:64" },
    { "5 dimensions", INK_ERR_SHAPE, "has 5 dimensions, wanted at most 4",
      TENSOR "s:t @ 4:5 8:1 8:1 8:1 8:1 8:1 4:0 8:0 " DATA },
    { "dimension 0", INK_ERR_SHAPE, "dimension 1 is 0",
      TENSOR "s:t 4:2 8:1 @ 8:0 4:0 8:0 " DATA },
    { "dimension 2^32", INK_ERR_SHAPE, "dimension 0 is 4294967296",
      TENSOR "s:t 4:1 @ 8:0x100000000 4:0 8:0 " DATA },
    { "dimension -1", INK_ERR_SHAPE, "dimension 0 is 18446744073709551615",
      TENSOR "s:t 4:1 @ 8:-1 4:0 8:0 " DATA },
    { "elements overflow", INK_ERR_SHAPE, "elements cannot be counted",
      TENSOR "s:t 4:3 8:0xffffffff 8:0xffffffff @ 8:2 4:0 8:0 " DATA },
    { "elements overflow to a small number", INK_ERR_SHAPE, "elements cannot be counted",
      TENSOR "s:t 4:4 8:0x80000000 8:0x80000000 @ 8:4 8:1 4:0 8:0 " DATA },
    { "CVE-2026-33298 tensor bytes", INK_ERR_SHAPE, "bytes cannot be counted",
      TENSOR "s:t 4:3 8:0x80000000 8:0x80000000 8:1 @ 4:0 8:0 " DATA },
    { "CVE-2026-27940 total memory", INK_ERR_TRUNCATED, "needs 18446744052234715140 bytes",
      TENSOR "s:t 4:2 8:0xffffffff 8:0x3fffffff 4:0 @ 8:0 " DATA },
    { "CVE-2025-53630 sum of tensor sizes", INK_ERR_TRUNCATED, "tensor 't': needs 9223372",
      HEAD(3, 0) "s:t 4:2 8:0x7fffffff 8:0x40000000 4:0 @ 8:0 "
                 "s:u 4:2 8:0x7fffffff 8:0x40000000 4:0 8:0x7fffffff00000000 "
                 "s:v 4:1 8:8 4:0 8:0xfffffffe00000000 " DATA },
    { "CVE-2026-7482 tensor larger than the file", INK_ERR_TRUNCATED,
      "needs 4000000 bytes at offset 0, the file has 64",
      TENSOR "s:t 4:1 8:1000000 4:0 @ 8:0 " DATA },
    { "element type 4", INK_ERR_TYPE, "element type 4 is unknown",
      TENSOR "s:t 4:1 8:32 @ 4:4 8:0 " DATA },
    { "element type -1", INK_ERR_TYPE, "4294967295 is unknown",
      TENSOR "s:t 4:1 8:32 @ 4:-1 8:0 " DATA },
    { "element type Q4_0", INK_ERR_TYPE, "Q4_0 is not supported, wanted F32 or F16",
      TENSOR "s:t 4:1 8:32 @ 4:2 8:0 " DATA },
    { "element type Q8_0", INK_ERR_TYPE, "Q8_0", TENSOR "s:t 4:1 8:32 @ 4:8 8:0 " DATA },
    { "element type BF16", INK_ERR_TYPE, "BF16", TENSOR "s:t 4:1 8:4 @ 4:30 8:0 " DATA },
    { "element type I8", INK_ERR_TYPE, "I8", TENSOR "s:t 4:1 8:4 @ 4:24 8:0 " DATA },
    { "element type MXFP4", INK_ERR_TYPE, "MXFP4", TENSOR "s:t 4:1 8:32 @ 4:39 8:0 " DATA },

    /* offsets */
    { "offset not aligned", INK_ERR_FORMAT, "offset 4 is not a multiple of the alignment, 32",
      TENSOR "s:t 4:0 4:0 @ 8:4 " DATA },
    { "offset not aligned to 64", INK_ERR_FORMAT, "not a multiple of the alignment, 64",
      HEAD(1, 1) "s:general.alignment 4:4 4:64 s:t 4:0 4:0 @ 8:32 pad:64 z:64" },
    { "offset near 2^64", INK_ERR_TRUNCATED, "at offset 18446744073709551584",
      TENSOR "s:t 4:1 8:9 4:0 @ 8:-32 " DATA },
    { "offset at the end", INK_ERR_TRUNCATED, "tensor 't': needs 4 bytes at offset 64",
      TENSOR "s:t 4:0 4:0 @ 8:64 " DATA },
    { "data one byte too short", INK_ERR_TRUNCATED, "the file has 31",
      TENSOR "s:t 4:1 8:8 4:0 @ 8:0 pad:32 z:31" },
    { "no padding before the data", INK_ERR_TRUNCATED, "padding before the tensors' data",
      TENSOR "s:t 4:0 4:0 8:0 @" },
    { "no padding between tensors", INK_ERR_TRUNCATED, "tensor 'u'",
      HEAD(2, 0) "s:t 4:0 4:0 8:0 s:u 4:0 4:0 @ 8:32 pad:32 f:1 f:2" },
    { "tensors overlap", INK_ERR_FORMAT, "tensor 'u': offset 32 is inside the tensor before it",
      HEAD(2, 0) "s:t 4:1 8:9 4:0 8:0 s:u 4:0 4:0 @ 8:32 " DATA },
    { "tensors share their data", INK_ERR_FORMAT, "offset 0 is inside",
      HEAD(2, 0) "s:t 4:0 4:0 8:0 s:u 4:0 4:0 @ 8:0 " DATA },
    { "tensors out of order", INK_ERR_FORMAT, "offset 0 is inside the tensor before it, wanted 64",
      HEAD(2, 0) "s:t 4:0 4:0 8:32 s:u 4:0 4:0 @ 8:0 " DATA },
};

static void bad_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const struct bad *row = &bad_files[i];
        opened it;
        open_recipe(&it, row->recipe);
        if (it.status != row->status || !strstr(it.error.text, row->words))
            print_error("bad file '%s':\n", row->name);
        check_error(it.status, &it.error, row->status, row->words);
        if (it.made.mark != SIZE_MAX && it.error.offset != it.made.mark)
            fail_msg("'%s': error at byte %llu (%s), wanted %zu", row->name,
                     (unsigned long long)it.error.offset, it.error.text, it.made.mark);
        assert_int_equal(ink_gguf_read(it.file.data, it.file.size, &it.arena, &it.gguf, NULL),
                         row->status); /* the ink_error may be NULL */
        close_opened(&it);
    }
}

/* ---- sweeps over a good file ---- */

static void truncation_is_seen_at_every_byte(void **state)
{
    (void)state;
    blob whole = blob_make(everything);
    size_t complete = whole.size - 28; /* what follows the last tensor's 4 bytes may be missing */
    for (size_t size = 0; size <= whole.size; size++) {
        opened it = { 0 };
        open_bytes(&it, whole.data, size);
        check_error(it.status, &it.error, size < complete ? INK_ERR_TRUNCATED : INK_OK, NULL);
        if (it.status)
            assert_in_range(it.error.offset, 0, size);
        else
            check_writes(&it.gguf, whole.data, whole.size); /* with the padding again */
        close_opened(&it);
    }
    blob_free(&whole);
}

/* Whatever a changed byte does, the reader stays inside the file and writes what it took. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    blob whole = blob_make(everything);
    size_t taken = 0, refused = 0;
    for (size_t i = 0; i < whole.size; i++) {
        uint8_t kept = whole.data[i];
        for (unsigned change = 0; change < 10; change++) {
            whole.data[i] = (uint8_t)(change < 8 ? kept ^ 1u << change : change == 8 ? 0 : 0xff);
            opened it = { 0 };
            open_bytes(&it, whole.data, whole.size);
            if (it.status) {
                refused++;
                check_error(it.status, &it.error, it.error.status, NULL);
            } else {
                taken++;
                test_memory memory = { 0 };
                ink_buffer once = write_file(&it.gguf, &memory);
                opened again = { 0 };
                open_bytes(&again, once.data, once.size);
                check_error(again.status, &again.error, INK_OK, NULL);
                check_writes(&again.gguf, once.data, once.size);
                close_opened(&again);
                ink_buffer_close(&once);
            }
            close_opened(&it);
        }
        whole.data[i] = kept;
    }
    assert_true(taken > 1000 && refused > 1000); /* both ways were gone */
    blob_free(&whole);
}

/* ---- memory ---- */

static void every_allocation_may_fail(void **state)
{
    (void)state;
    blob whole = blob_make(everything);
    for (size_t fail_at = 1;; fail_at++) {
        test_memory memory = { .fail_at = fail_at };
        ink_allocator allocator = test_allocator(&memory);
        ink_arena arena;
        ink_arena_init(&arena, &allocator);
        ink_gguf file;
        ink_error error;
        ink_buffer out = { 0 };
        ink_status status = ink_gguf_read(whole.data, whole.size, &arena, &file, &error);
        if (!status)
            status = ink_gguf_write(&file, &allocator, &out, &error);
        bool failed = memory.allocations >= fail_at;
        check_error(status, &error, failed ? INK_ERR_MEMORY : INK_OK, failed ? "no memory" : NULL);
        assert_int_equal(out.data != NULL, !failed);
        ink_buffer_close(&out);
        ink_arena_free(&arena);
        assert_int_equal(memory.live, 0);
        if (!failed) {
            assert_true(fail_at > 3); /* the arena's block, two lists of names, the bytes */
            break;
        }
    }
    blob_free(&whole);
}

/* The worst files: nothing but keys, tensors or empty strings, and strings as large as blocks. */
static void memory_is_bounded_by_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit;
        size_t count;
    } rows[] = {
        { "t:GGUF 4:3 8:0 8:20000 ", "8:1 a:1 4:0 1:0", 20000 },
        { "t:GGUF 4:3 8:20000 8:0 ", "8:1 a:1 4:0 4:0 8:0", 20000 },
        { "t:GGUF 4:3 8:0 8:1 s:k 4:9 4:8 8:40000 ", "8:0", 40000 },
        { "t:GGUF 4:3 8:0 8:20000 ", "8:1 a:1 4:8 8:0", 20000 },
        { "t:GGUF 4:3 8:0 8:10 ", "8:1 a:1 4:8 8:66000 a:66000", 10 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        blob file = blob_make(rows[i].head), unit = blob_make(rows[i].unit);
        for (size_t j = 0; j < rows[i].count; j++)
            blob_append(&file, unit.data, unit.size);
        opened it = { 0 };
        open_bytes(&it, file.data, file.size);
        if (it.memory.peak_bytes > 7 * file.size + 200000)
            fail_msg("row %zu: %zu bytes for a file of %zu", i, it.memory.peak_bytes, file.size);
        close_opened(&it);
        blob_free(&unit);
        blob_free(&file);
    }
}

/* With a list that is searched one by one this takes minutes. */
static void many_names_are_sorted_and_found(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    blob file = blob_make("t:GGUF 4:3 8:0 8:100000 ");
    for (uint32_t i = 0; i < COUNT; i++) {
        char key[32];
        uint32_t shuffled = (uint32_t)((uint64_t)i * 48271 % COUNT); /* has no factor of COUNT */
        uint64_t length = (uint64_t)snprintf(key, sizeof key, "key.%u", shuffled), type = 4;
        blob_append(&file, &length, 8);
        blob_append(&file, key, (size_t)length);
        blob_append(&file, &type, 4);
        blob_append(&file, &shuffled, 4);
    }
    opened it = { 0 };
    open_bytes(&it, file.data, file.size);
    check_error(it.status, &it.error, INK_OK, NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        char key[32];
        snprintf(key, sizeof key, "key.%u", i);
        const ink_metadata *entry = ink_gguf_find(&it.gguf, key);
        assert_non_null(entry);
        assert_true(ink_metadata_number(entry, 0) == i);
    }
    assert_null(ink_gguf_find(&it.gguf, "key.100000"));
    close_opened(&it);
    blob_free(&file);
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
        cmocka_unit_test(longest_names_are_read),
        cmocka_unit_test(magic_is_told),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(truncation_is_seen_at_every_byte),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(memory_is_bounded_by_the_file),
        cmocka_unit_test(many_names_are_sorted_and_found),
        cmocka_unit_test(bad_names_are_not_written),
        cmocka_unit_test(alignment_must_be_in_the_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
