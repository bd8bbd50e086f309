/* The legacy .bin: files made by hand, bad files, round trips. */
#include "support.h"

#include "formats/ggml_bin.h"

#include <string.h>

/* 3 inputs, 2 hidden, 2 classes; the file lists dimensions fastest first. */
static const char good[] =
    "4:0x67676d6c "
    "4:2 4:3 4:2 f:1 f:2 f:3 f:4 f:5 f:6 "
    "4:1 4:2 f:7 f:8 "
    "4:2 4:2 4:2 f:9 f:10 f:11 f:12 "
    "4:1 4:2 f:13 f:14";

typedef struct opened {
    blob made;
    fence file;
    ink_tensor_info tensors[INK_GGML_BIN_TENSORS];
    ink_error error;
    ink_status status;
} opened;

static void open_bytes(opened *it, const void *data, size_t size)
{
    it->file = fence_make(data, size);
    memset(it->tensors, 0x77, sizeof it->tensors);
    memset(&it->error, 0x77, sizeof it->error);
    it->status = ink_ggml_bin_read(it->file.data, size, it->tensors, &it->error);
    if (it->status) /* a failure leaves the output alone */
        assert_true(it->tensors[0].rank == 0x77777777 && it->tensors[3].rank == 0x77777777);
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

static void check_tensor(const ink_tensor_info *tensor, const char *name, uint32_t rank,
                         uint32_t slow, uint32_t fast, const void *data)
{
    assert_string_equal(tensor->name, name);
    assert_int_equal(tensor->type, INK_F32);
    assert_int_equal(tensor->rank, rank);
    assert_int_equal(tensor->dim[0], slow);
    assert_int_equal(tensor->dim[1], fast);
    assert_int_equal(tensor->bytes, 4 * slow * (rank == 2 ? fast : 1));
    assert_ptr_equal(tensor->data, data);
}

static void good_file_is_read(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, good);
    check_error(it.status, &it.error, INK_OK, NULL);
    check_tensor(&it.tensors[0], "fc1.weight", 2, 2, 3, it.file.data + 16);
    check_tensor(&it.tensors[1], "fc1.bias", 1, 2, 0, it.file.data + 48);
    check_tensor(&it.tensors[2], "fc2.weight", 2, 2, 2, it.file.data + 68);
    check_tensor(&it.tensors[3], "fc2.bias", 1, 2, 0, it.file.data + 92);
    close_opened(&it);
}

static void round_trip_gives_the_same_bytes(void **state)
{
    (void)state;
    opened it;
    open_recipe(&it, good);
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_buffer out = { 0 };
    ink_error error;
    check_error(ink_ggml_bin_write(it.tensors, &allocator, &out, &error), &error, INK_OK, NULL);
    assert_int_equal(out.size, it.file.size);
    assert_memory_equal(out.data, it.file.data, out.size);
    assert_int_equal(out.data[out.size], 0);
    ink_buffer_close(&out);
    assert_null(out.data);
    assert_int_equal(memory.live, 0);

    memory = (test_memory){ .fail_at = 1 };
    check_error(ink_ggml_bin_write(it.tensors, &allocator, &out, &error), &error, INK_ERR_MEMORY,
                "no memory for a file of 100 bytes");
    assert_null(out.data);
    close_opened(&it);
}

static void magic_is_told(void **state)
{
    (void)state;
    assert_true(ink_ggml_bin_is("lmgg", 4));
    assert_true(ink_ggml_bin_is("lmgg and more", 13));
    assert_true(ink_ggml_bin_is("ggml", 4)); /* big-endian: for read to name */
    assert_false(ink_ggml_bin_is("lmg", 3));
    assert_false(ink_ggml_bin_is("GGUF", 4));
    assert_false(ink_ggml_bin_is(NULL, 0));
}

#define MAGIC "4:0x67676d6c "
#define FC1 MAGIC "4:2 4:1 4:1 f:1 4:1 4:1 f:1 " /* fc1 of one weight and one bias */

static const struct bad {
    const char *name;
    ink_status status;
    const char *words, *recipe;
} bad_files[] = {
    { "empty", INK_ERR_TRUNCATED, "file is empty", "" },
    { "half a magic", INK_ERR_TRUNCATED, "needs 4 bytes, 3 are there", "t:lmg" },
    { "wrong magic", INK_ERR_MAGIC, "magic is 0x46554747, wanted 0x67676d6c", "t:GGUF z:100" },
    { "ggmf, a later format", INK_ERR_MAGIC, "magic is 0x67676d66", "4:0x67676d66 z:100" },
    { "big-endian", INK_ERR_ENDIAN, "big-endian", "b4:0x67676d6c b4:2 b4:1 b4:1 z:4" },
    { "nothing but the magic", INK_ERR_TRUNCATED, "fc1.weight: file ends before it", MAGIC "@" },
    { "0 dimensions", INK_ERR_SHAPE, "fc1.weight: has 0 dimensions, wanted 2", MAGIC "@ 4:0 z:20" },
    { "1 dimension", INK_ERR_SHAPE, "has 1 dimensions, wanted 2", MAGIC "@ 4:1 4:1 f:1 z:20" },
    { "-1 dimensions", INK_ERR_SHAPE, "has -1 dimensions", MAGIC "@ 4:-1 z:20" },
    { "2^31 - 1 dimensions", INK_ERR_SHAPE, "has 2147483647 dim", MAGIC "@ 4:0x7fffffff z:20" },
    { "bias of 2 dimensions", INK_ERR_SHAPE, "fc1.bias: has 2 dimensions, wanted 1",
      MAGIC "4:2 4:1 4:1 f:1 @ 4:2 4:1 4:1 f:1" },
    { "dimension 0", INK_ERR_SHAPE, "fc1.weight: dimension 0 is 0, wanted 1 or more",
      MAGIC "4:2 @ 4:0 4:2 z:20" },
    { "dimension -1", INK_ERR_SHAPE, "fc1.weight: dimension 1 is -1", MAGIC "4:2 4:3 @ 4:-1 z:20" },
    { "dimension -2^31", INK_ERR_SHAPE, "-2147483648", MAGIC "4:2 @ 4:0x80000000 4:1 z:20" },
    { "dimensions whose product overflows 32 bits", INK_ERR_TRUNCATED, "needs 17179869184 bytes",
      MAGIC "4:2 4:65536 4:65536 @ z:20" },
    { "largest dimensions", INK_ERR_TRUNCATED, "needs 18446744056529682436 bytes, 20 are left",
      MAGIC "4:2 4:0x7fffffff 4:0x7fffffff @ z:20" },
    { "no second dimension", INK_ERR_TRUNCATED, "ends in its dimensions", MAGIC "4:2 4:1 @ z:2" },
    { "values one byte short", INK_ERR_TRUNCATED, "needs 24 bytes, 23 are left",
      MAGIC "4:2 4:3 4:2 @ z:23" },
    { "no second layer", INK_ERR_TRUNCATED, "fc2.weight: file ends before it", FC1 "@" },
    { "last bias too long", INK_ERR_TRUNCATED, "fc2.bias: needs 8 bytes, 4 are left",
      FC1 "4:2 4:1 4:1 f:1 4:1 4:2 @ f:1" },
    { "one byte more", INK_ERR_TRAILING, "1 bytes follow the last tensor",
      FC1 "4:2 4:1 4:1 f:1 4:1 4:1 f:1 @ z:1" },
    { "a third layer", INK_ERR_TRAILING, "20 bytes follow",
      FC1 "4:2 4:1 4:1 f:1 4:1 4:1 f:1 @ 4:2 4:1 4:1 f:1 z:4" },
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
        assert_int_equal(ink_ggml_bin_read(it.file.data, it.file.size, it.tensors, NULL),
                         row->status);
        close_opened(&it);
    }
}

static void truncation_is_seen_at_every_byte(void **state)
{
    (void)state;
    blob whole = blob_make(good);
    for (size_t size = 0; size < whole.size; size++) {
        opened it = { 0 };
        open_bytes(&it, whole.data, size);
        check_error(it.status, &it.error, INK_ERR_TRUNCATED, NULL);
        close_opened(&it);
    }
    blob_free(&whole);
}

static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    blob whole = blob_make(good);
    size_t taken = 0, refused = 0;
    for (size_t i = 0; i < whole.size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            whole.data[i] ^= (uint8_t)(1u << bit);
            opened it = { 0 };
            open_bytes(&it, whole.data, whole.size);
            *(it.status ? &refused : &taken) += 1;
            check_error(it.status, &it.error, it.status, NULL);
            close_opened(&it);
            whole.data[i] ^= (uint8_t)(1u << bit);
        }
    assert_int_equal(taken, 14 * 4 * 8); /* all bits of the values and none of the others */
    assert_int_equal(taken + refused, whole.size * 8);
    blob_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file_is_read),
        cmocka_unit_test(round_trip_gives_the_same_bytes),
        cmocka_unit_test(magic_is_told),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(truncation_is_seen_at_every_byte),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
