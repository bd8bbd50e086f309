/* IDX: files made by hand, headers that lie, saving. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char images[] = "x:0000 x:08 x:03 b4:2 b4:3 b4:4 x:000102030405060708090a0b z:11 x:ff";
static const char labels[] = "x:00000801 b4:5 x:0504010902";

typedef struct opened {
    blob made;
    fence file;
    ink_idx idx;
    ink_error error;
    ink_status status;
} opened;

static void open_bytes(opened *it, const void *data, size_t size)
{
    it->file = fence_make(data, size);
    memset(&it->idx, 0x77, sizeof it->idx);
    memset(&it->error, 0x77, sizeof it->error);
    it->status = ink_idx_parse(it->file.data, size, "name", &it->idx, &it->error);
    if (it->status) /* a failure leaves the output alone */
        assert_true(it->idx.rank == 0x77777777);
}

static void open_recipe(opened *it, const char *recipe)
{
    it->made = blob_make(recipe);
    open_bytes(it, it->made.data, it->made.size);
}

static void close_opened(opened *it)
{
    fence_free(&it->file);
    blob_free(&it->made);
}

static void images_and_labels_are_read(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, images);
    check_error(it.status, &it.error, INK_OK, NULL);
    assert_int_equal(it.idx.rank, 3);
    assert_true(it.idx.dim[0] == 2 && it.idx.dim[1] == 3 && it.idx.dim[2] == 4);
    assert_int_equal(it.idx.dim[3], 0);
    assert_int_equal(it.idx.items, 2);
    assert_int_equal(it.idx.item_bytes, 12);
    assert_ptr_equal(it.idx.data, it.file.data + 16);
    assert_int_equal(it.idx.data[23], 255);
    close_opened(&it);

    open_recipe(&it, labels);
    check_error(it.status, &it.error, INK_OK, NULL);
    assert_int_equal(it.idx.rank, 1);
    assert_int_equal(it.idx.items, 5);
    assert_int_equal(it.idx.item_bytes, 1);
    assert_memory_equal(it.idx.data, "\5\4\1\11\2", 5);
    close_opened(&it);

    open_recipe(&it, "x:00000804 b4:1 b4:2 b4:1 b4:2 x:01020304");
    check_error(it.status, &it.error, INK_OK, NULL);
    assert_int_equal(it.idx.rank, 4);
    assert_int_equal(it.idx.item_bytes, 4);
    close_opened(&it);
}

/* '@' marks the byte that the error must point at. */
static const struct bad {
    const char *name;
    ink_status status;
    const char *words, *recipe;
} bad_files[] = {
    { "empty", INK_ERR_TRUNCATED, "name: file is empty", "" },
    { "half a header", INK_ERR_TRUNCATED, "name: the header needs 4 bytes, 3 are", "x:000008" },
    { "no IDX", INK_ERR_MAGIC, "name: begins with 0x8950, wanted 0x0000", "x:89504e470d0a1a0a" },
    { "first byte not 0", INK_ERR_MAGIC, "0x0100", "x:01000801 b4:1 z:1" },
    { "second byte not 0", INK_ERR_MAGIC, "0x0001", "x:00010801 b4:1 z:1" },
    { "still compressed", INK_ERR_MAGIC, "name: is compressed with gzip", "x:1f8b0808 z:30" },
    { "type 0", INK_ERR_TYPE, "0x00 (unknown), wanted 0x08 (uint8)", "x:0000 @ x:0001 b4:1 z:1" },
    { "type int8", INK_ERR_TYPE, "0x09 (int8)", "x:0000 @ x:0901 b4:1 z:1" },
    { "type 0x0a", INK_ERR_TYPE, "0x0a (unknown)", "x:0000 @ x:0a01 b4:1 z:1" },
    { "type int16", INK_ERR_TYPE, "0x0b (int16)", "x:0000 @ x:0b01 b4:1 z:2" },
    { "type int32", INK_ERR_TYPE, "0x0c (int32)", "x:0000 @ x:0c01 b4:1 z:4" },
    { "type float32", INK_ERR_TYPE, "0x0d (float32)", "x:0000 @ x:0d01 b4:1 z:4" },
    { "type float64", INK_ERR_TYPE, "0x0e (float64)", "x:0000 @ x:0e01 b4:1 z:8" },
    { "type and rank swapped", INK_ERR_TYPE, "0x03 (unknown)", "x:0000 @ x:0308 b4:1 z:1" },
    { "0 dimensions", INK_ERR_SHAPE, "has 0 dimensions, wanted 1 to 4", "x:000008 @ x:00 z:1" },
    { "5 dimensions", INK_ERR_SHAPE, "has 5 dimensions, wanted 1 to 4",
      "x:000008 @ x:05 b4:1 b4:1 b4:1 b4:1 b4:1 z:1" },
    { "255 dimensions", INK_ERR_SHAPE, "has 255 dimensions", "x:000008 @ x:ff z:100" },
    { "no room for the dimensions", INK_ERR_TRUNCATED, "file ends in dimension 2 of 3",
      "x:00000803 b4:1 b4:1 @ x:000000" },
    { "0 items", INK_ERR_SHAPE, "has 0 items, wanted 1 or more", "x:00000803 @ b4:0 b4:28 b4:28" },
    { "0 labels", INK_ERR_SHAPE, "has 0 items", "x:00000801 @ b4:0" },
    { "0 rows", INK_ERR_SHAPE, "dimension 1 is 0", "x:00000803 b4:1 @ b4:0 b4:28" },
    { "0 columns", INK_ERR_SHAPE, "dimension 2 is 0", "x:00000803 b4:1 b4:28 @ b4:0" },
    { "one item too many", INK_ERR_TRUNCATED, "the elements need 12 bytes, 8 are left",
      "x:00000803 b4:3 b4:2 b4:2 @ z:8" },
    { "little-endian dimensions", INK_ERR_TRUNCATED, "the elements need 83886080 bytes",
      "x:00000801 4:5 @ z:5" },
    { "2^32 - 1 items", INK_ERR_TRUNCATED, "need 4294967295 bytes", "x:00000801 b4:-1 @ z:9" },
    { "product overflows 32 bits", INK_ERR_TRUNCATED, "need 4294967296 bytes",
      "x:00000803 b4:1 b4:65536 b4:65536 @ z:9" },
    { "product overflows 64 bits to 0", INK_ERR_TRUNCATED, "cannot be counted in 64 bits",
      "x:000008 x:04 @ b4:65536 b4:65536 b4:65536 b4:65536" },
    { "product overflows 64 bits to 10", INK_ERR_TRUNCATED, "cannot be counted in 64 bits",
      "x:00000803 @ b4:2977518503 b4:3097670771 b4:2 z:10" },
    { "one byte more", INK_ERR_TRAILING, "1 bytes follow the last item",
      "x:00000801 b4:5 z:5 @ z:1" },
    { "one image more", INK_ERR_TRAILING, "4 bytes follow", "x:00000803 b4:2 b4:2 b4:2 z:8 @ z:4" },
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
            fail_msg("'%s': error at byte %llu, wanted %zu", row->name,
                     (unsigned long long)it.error.offset, it.made.mark);
        assert_int_equal(ink_idx_parse(it.file.data, it.file.size, NULL, &it.idx, NULL),
                         row->status);
        close_opened(&it);
    }
}

static void truncation_is_seen_at_every_byte(void **state)
{
    (void)state;
    blob whole = blob_make(images);
    for (size_t size = 0; size < whole.size; size++) {
        opened it = { 0 };
        open_bytes(&it, whole.data, size);
        check_error(it.status, &it.error, INK_ERR_TRUNCATED, "name: ");
        close_opened(&it);
    }
    blob_free(&whole);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    ink_idx idx;
    ink_error error;
    const uint8_t data[1] = { 1 };
    const uint32_t dim[5] = { 1, 1, 0xffffffff, 0xffffffff, 1 }, none[2] = { 1, 0 };
    const uint32_t most[4] = { 0xffffffff, 0xffffffff, 2, 1 };
    check_error(ink_idx_parse(NULL, 1, "n", &idx, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_idx_parse(data, 1, "n", NULL, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_idx_parse(NULL, 0, NULL, &idx, &error), &error, INK_ERR_TRUNCATED,
                "memory: file is empty");
    check_error(ink_idx_save(NULL, 1, dim, data, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_idx_save("p", 1, NULL, data, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_idx_save("p", 1, dim, NULL, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_idx_save("p", 0, dim, data, &error), &error, INK_ERR_ARGUMENT,
                "p: rank is 0, wanted 1 to 4");
    check_error(ink_idx_save("p", 5, dim, data, &error), &error, INK_ERR_ARGUMENT, "rank is 5");
    check_error(ink_idx_save("p", 2, none, data, &error), &error, INK_ERR_ARGUMENT,
                "p: dimension 1 is 0, wanted 1 or more");
    check_error(ink_idx_save("p", 4, most, data, &error), &error, INK_ERR_ARGUMENT,
                "more than memory can hold");
    assert_int_equal(access("p", F_OK), -1);
}

static void saved_files_are_what_they_should_be(void **state)
{
    (void)state;
    static const struct {
        uint32_t rank, dim[4];
        const char *recipe;
    } rows[] = {
        { 3, { 2, 3, 4 }, images },
        { 1, { 5 }, labels },
        { 2, { 1, 3 }, "x:00000802 b4:1 b4:3 x:010203" },
        { 4, { 1, 2, 1, 2 }, "x:00000804 b4:1 b4:2 b4:1 b4:2 x:01020304" },
        { 1, { 70000 }, "x:00000801 b4:70000 a:70000" },
    };
    char *folder = folder_make(), *path = folder_path(folder, "digits");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) { /* each replaces the one before it */
        blob want = blob_make(rows[i].recipe);
        ink_error error;
        const uint8_t *data = want.data + 4 + 4 * rows[i].rank;
        check_error(ink_idx_save(path, rows[i].rank, rows[i].dim, data, &error), &error, INK_OK,
                    NULL);
        blob got = file_get(path);
        assert_int_equal(got.size, want.size);
        assert_memory_equal(got.data, want.data, want.size);
        opened it = { 0 };
        open_bytes(&it, got.data, got.size);
        check_error(it.status, &it.error, INK_OK, NULL);
        assert_int_equal(it.idx.rank, rows[i].rank);
        assert_memory_equal(it.idx.dim, rows[i].dim, sizeof it.idx.dim);
        close_opened(&it);
        blob_free(&got);
        blob_free(&want);
        assert_int_equal(folder_count(folder), 1); /* no temporary file stays */
    }
    free(path);
    folder_remove(folder);
}

static void failed_saves_name_the_path(void **state)
{
    (void)state;
    const uint32_t dim = 1;
    const uint8_t data = 7;
    ink_error error;
    char *folder = folder_make(), *missing = folder_path(folder, "none/digits");
    check_error(ink_idx_save(missing, 1, &dim, &data, &error), &error, INK_ERR_WRITE,
                "none/digits: cannot write: no such file or directory");
    check_error(ink_idx_save(folder, 1, &dim, &data, &error), &error, INK_ERR_WRITE,
                "cannot write: is a directory");
    check_error(ink_idx_save("", 1, &dim, &data, &error), &error, INK_ERR_WRITE, NULL);
    free(missing);
    folder_remove(folder);
}

/* Writing stops in the middle, as on a full disk. */
static void failed_saves_keep_the_old_file(void **state)
{
    (void)state;
    static const uint8_t data[100000];
    const uint32_t dim = sizeof data;
    ink_error error;
    char *folder = folder_make(), *path = folder_path(folder, "digits");
    file_put(path, "old", 3);
    limit_file_size(5000);
    ink_status status = ink_idx_save(path, 1, &dim, data, &error);
    limit_file_size(0);
    check_error(status, &error, INK_ERR_WRITE, "digits: cannot write: the file is too large");
    assert_int_equal(folder_count(folder), 1); /* no temporary file stays */
    blob got = file_get(path);
    assert_int_equal(got.size, 3);
    assert_memory_equal(got.data, "old", 3);
    blob_free(&got);
    free(path);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_and_labels_are_read),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(truncation_is_seen_at_every_byte),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(saved_files_are_what_they_should_be),
        cmocka_unit_test(failed_saves_name_the_path),
        cmocka_unit_test(failed_saves_keep_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
