/* PyTorch's files, both forms, made by hand: tensors come out as they went in, and what is wrong is told. */
#include "torch_files.h"

#include "import/torch/torch_file.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- files ---- */

static const char older_head[] = "x:80028a0a6cfc9c46f9206aa85019 t:. x:8002 t:M 2:1001 t:. ";
static const char sizes_little[] = "x:8002 t:}X 4:13 t:little_endian x:88 t:s. ";

static blob older_of(const char *machine, const char *pickle, const char *rest)
{
    blob made = { 0 };
    const char *const parts[] = { older_head, machine, pickle, rest };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        blob part = blob_make(parts[i]);
        blob_append(&made, part.data, part.size);
        blob_free(&part);
    }
    return made;
}

/* ---- reading ---- */

typedef struct reading {
    fence bytes;
    ink_arena arena;
    ink_torch_file file;
    ink_weight weight;
    ink_error error;
    ink_status status;
} reading;

/* Opens the file, and reads the tensor "w" if it has one. Ends the bytes. */
static reading *read_file(blob bytes)
{
    reading *r = calloc(1, sizeof *r);
    assert_non_null(r);
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena_init(&r->arena, &allocator);
    r->bytes = fence_make(bytes.data, bytes.size);
    blob_free(&bytes);
    r->status = ink_torch_open(r->bytes.data, r->bytes.size, &r->arena, &r->file, &r->error);
    if (r->status == INK_ERR_OPEN) {
        print_message("skipped: built without libzip\n");
        skip();
    }
    const ink_pickle *w = r->status ? NULL : ink_pickle_get(r->file.root, "w");
    if (w)
        r->status = ink_torch_tensor(&r->file, w, "w", &r->weight, &r->error);
    return r;
}

static void reading_end(reading *r)
{
    if (!r->status || r->file.zip)
        ink_torch_close(&r->file);
    ink_arena_free(&r->arena);
    fence_free(&r->bytes);
    free(r);
}

static void check_weight(blob bytes, const char *what, uint32_t rank, const uint64_t *dim, const float *data)
{
    reading *r = read_file(bytes);
    if (r->status)
        fail_msg("%s: %s", what, r->error.text);
    uint64_t elements = 1;
    assert_int_equal(r->weight.rank, rank);
    for (uint32_t i = 0; i < rank; i++) {
        assert_int_equal(r->weight.dim[i], dim[i]);
        elements *= dim[i];
    }
    assert_int_equal(r->weight.elements, elements);
    for (uint64_t i = 0; i < elements; i++)
        if (memcmp(&r->weight.data[i], &data[i], sizeof *data))
            fail_msg("%s: element %d is %g, wanted %g", what, (int)i, (double)r->weight.data[i], (double)data[i]);
    reading_end(r);
}

static void tensors_are_read(void **state)
{
    static const struct {
        const char *pickle, *storage;
        uint32_t rank;
        uint64_t dim[4];
        float data[6];
    } rows[] = {
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "0", PAIR("2", "3"), PAIR("3", "1")))), numbers, 2,
          { 2, 3 }, { 0, 1, 2, 3, 4, 5 } },
        { PICKLE(NAMED("w", PARAMETER(TENSOR("FloatStorage", "0", "0", ONE("6"), ONE("1"))))), numbers, 1,
          { 6 }, { 0, 1, 2, 3, 4, 5 } },
        /* transposed, a part, every second, one element again and again, a scalar, nothing */
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "0", PAIR("3", "2"), PAIR("1", "3")))), numbers, 2,
          { 3, 2 }, { 0, 3, 1, 4, 2, 5 } },
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "4", ONE("2"), ONE("1")))), numbers, 1, { 2 }, { 4, 5 } },
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "1", ONE("3"), ONE("2")))), numbers, 1, { 3 }, { 1, 3, 5 } },
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "5", ONE("3"), ONE("0")))), numbers, 1, { 3 }, { 5, 5, 5 } },
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "2", "t:)", "t:)"))), numbers, 0, { 0 }, { 2 } },
        { PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "0", PAIR("0", "3"), PAIR("3", "1")))), numbers, 2, { 0, 3 },
          { 0 } },
        /* types */
        { PICKLE(NAMED("w", TENSOR("DoubleStorage", "0", "0", ONE("1"), ONE("1")))), "x:000000000000f8bf", 1, { 1 },
          { -1.5f } },
        { PICKLE(NAMED("w", TENSOR("HalfStorage", "0", "0", ONE("2"), ONE("1")))), "x:003c00c1", 1, { 2 },
          { 1, -2.5f } },
        { PICKLE(NAMED("w", TENSOR("BFloat16Storage", "0", "0", ONE("2"), ONE("1")))), "x:803f20c0", 1, { 2 },
          { 1, -2.5f } },
        { PICKLE(NAMED("w", TENSOR("LongStorage", "0", "0", ONE("2"), ONE("1")))), "8:7 8:-7", 1, { 2 }, { 7, -7 } },
        { PICKLE(NAMED("w", TENSOR("IntStorage", "0", "0", ONE("2"), ONE("1")))), "4:7 4:-7", 1, { 2 }, { 7, -7 } },
        { PICKLE(NAMED("w", TENSOR("ShortStorage", "0", "0", ONE("2"), ONE("1")))), "2:7 2:-7", 1, { 2 }, { 7, -7 } },
        { PICKLE(NAMED("w", TENSOR("CharStorage", "0", "0", ONE("2"), ONE("1")))), "x:07f9", 1, { 2 }, { 7, -7 } },
        { PICKLE(NAMED("w", TENSOR("ByteStorage", "0", "0", ONE("2"), ONE("1")))), "x:07f9", 1, { 2 }, { 7, 249 } },
        { PICKLE(NAMED("w", TENSOR("BoolStorage", "0", "0", ONE("2"), ONE("1")))), "x:0002", 1, { 2 }, { 0, 1 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_weight(zip_of(rows[i].pickle, rows[i].storage), rows[i].pickle, rows[i].rank, rows[i].dim, rows[i].data);
}

#define OLDER_PICKLE PICKLE(NAMED("v", TENSOR("LongStorage", "1", "0", "t:)", "t:)"))                             \
                            NAMED("w", TENSOR("cuda.FloatStorage", "0", "0", PAIR("2", "3"), PAIR("3", "1"))))
#define OLDER_STORAGES "x:8002 t:]( x:8c 1:1 t:1 x:8c 1:1 t:0 t:e. 8:1 8:42 8:6 f:0 f:1 f:2 f:3 f:4 f:5"

static void the_older_form_is_read(void **state)
{
    (void)state;
    check_weight(older_of(sizes_little, OLDER_PICKLE, OLDER_STORAGES), "older", 2, (uint64_t[]){ 2, 3 },
                 (float[]){ 0, 1, 2, 3, 4, 5 });
}

static void tensors_are_told_from_the_rest(void **state)
{
    (void)state;
    reading *r = read_file(zip_of(PICKLE(NAMED("p", PARAMETER(TENSOR("FloatStorage", "0", "0", ONE("6"), ONE("1"))))
                                         NAMED("n", "t:N ") NAMED("d", "t:} ")), numbers));
    assert_int_equal(r->status, INK_OK);
    assert_true(ink_torch_is_tensor(ink_pickle_get(r->file.root, "p")));
    assert_false(ink_torch_is_tensor(ink_pickle_get(r->file.root, "n")));
    assert_false(ink_torch_is_tensor(ink_pickle_get(r->file.root, "d")));
    assert_false(ink_torch_is_tensor(r->file.root));
    assert_false(ink_torch_is_tensor(NULL));
    assert_false(r->file.script);
    reading_end(r);
}

/* ---- what is refused ---- */

static void bad_tensors_are_told(void **state)
{
    static const struct {
        const char *tensor, *storage;
        ink_status status;
        const char *words;
    } rows[] = {
        { TENSOR("FloatStorage", "0", "1", ONE("6"), ONE("1")), numbers, INK_ERR_SHAPE,
          "tensor 'w' reaches to element 7, its storage has 6" },
        { TENSOR("FloatStorage", "0", "0", ONE("6"), ONE("1")), "x:00", INK_ERR_SHAPE, "its storage has 0" },
        { TENSOR("FloatStorage", "0", "0", ONE("2"), ONE("6")), numbers, INK_ERR_SHAPE, "reaches to element 7" },
        { TENSOR("FloatStorage", "0", "-1", ONE("6"), ONE("1")), numbers, INK_ERR_FORMAT, "malformed" },
        { TENSOR("FloatStorage", "0", "0", ONE("-6"), ONE("1")), numbers, INK_ERR_FORMAT, "malformed" },
        { TENSOR("FloatStorage", "0", "0", ONE("6"), ONE("-1")), numbers, INK_ERR_FORMAT, "malformed" },
        { TENSOR("FloatStorage", "0", "0", ONE("6"), PAIR("1", "1")), numbers, INK_ERR_FORMAT, "malformed" },
        { TENSOR("FloatStorage", "0", "0", "t:N", ONE("1")), numbers, INK_ERR_FORMAT, "malformed" },
        { TENSOR("FloatStorage", "0", "0", "t:NNNNNNNNN(t", ONE("1")), numbers, INK_ERR_FORMAT, "malformed" },
        { TENSOR("FloatStorage", "0", "0", ONE("0x7fffffff"), ONE("0")), numbers, INK_ERR_LIMIT, "more than" },
        { TENSOR("FloatStorage", "0", "0", "t:(J 4:0x7fffffff t:J 4:0x7fffffff t:J 4:0x7fffffff t:t",
                 "t:(K 1:0 t:K 1:0 t:K 1:0 t:t"), numbers, INK_ERR_LIMIT, "more than" },
        { TENSOR("FloatStorage", "7", "0", ONE("6"), ONE("1")), numbers, INK_ERR_MISSING,
          "storage '7' is not in the file" },
        { TENSOR("ComplexFloatStorage", "0", "0", ONE("6"), ONE("1")), numbers, INK_ERR_TYPE,
          "has the type torch.ComplexFloatStorage" },
        { "t:ctorch._utils x:0a t:_rebuild_qtensor x:0a t:(NNNNtR ", numbers, INK_ERR_TYPE, "_rebuild_qtensor" },
        { "t:ctorch._utils x:0a t:_rebuild_tensor_v2 x:0a t:(NNNNtR ", numbers, INK_ERR_FORMAT, "malformed" },
        { "t:ctorch._utils x:0a t:_rebuild_tensor_v2 x:0a t:(NNtR ", numbers, INK_ERR_TYPE, "wanted a plain tensor" },
        { "t:N ", numbers, INK_ERR_TYPE, "made by nothing known" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char pickle[2000];
        snprintf(pickle, sizeof pickle, "x:8002 t:}X 4:1 t:w %st:s.", rows[i].tensor);
        reading *r = read_file(zip_of(pickle, rows[i].storage));
        if (r->status == INK_OK)
            fail_msg("%s: was read", rows[i].tensor);
        check_error(r->status, &r->error, rows[i].status, rows[i].words);
        reading_end(r);
    }
}

static void bad_archives_are_told(void **state)
{
    const zip_entry good = { .name = "net/data.pkl", .data = blob_make("t:N.") };
    const struct {
        zip_entry entry;
        ink_status status;
        const char *words;
    } rows[] = {
        { { .name = "data.pkl", .data = good.data }, INK_ERR_MISSING, "or FOLDER/data.pkl" },
        { { .name = "a/b/data.pkl", .data = good.data }, INK_ERR_MISSING, "or FOLDER/data.pkl" },
        { { .name = "net/data.pkl", .data = good.data, .flags = 1 }, INK_ERR_FORMAT, "is encrypted" },
        { { .name = "net/data.pkl", .data = good.data, .wrong_checksum = true }, INK_ERR_FORMAT, "CRC" },
        { { .name = "net/data.pkl", .data = good.data, .method = 8, .claimed = 1 << 30 }, INK_ERR_LIMIT,
          "cannot come from 2 compressed ones" },
        { { .name = "net/data.pkl", .data = good.data, .method = 99 }, INK_ERR_FORMAT, "zip archive" },
        { { .name = "net/data.pkl" }, INK_ERR_TRUNCATED, "the pickle has no end" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading *r = read_file(zip_make(&rows[i].entry, 1));
        if (r->status == INK_OK)
            fail_msg("row %d: was read", (int)i);
        check_error(r->status, &r->error, rows[i].status, rows[i].words);
        reading_end(r);
    }
    zip_entry big[] = { good, { .name = "net/byteorder", .data = blob_make("t:big") } };
    reading *r = read_file(zip_make(big, 2));
    check_error(r->status, &r->error, INK_ERR_ENDIAN, "big-endian");
    reading_end(r);
    blob_free(&big[0].data);
    blob_free(&big[1].data);
}

static void bad_older_files_are_told(void **state)
{
    const struct {
        const char *machine, *pickle, *rest;
        ink_status status;
        const char *words;
    } rows[] = {
        { "x:8002 t:}X 4:13 t:little_endian x:89 t:s. ", OLDER_PICKLE, OLDER_STORAGES, INK_ERR_ENDIAN, "big-endian" },
        { sizes_little, OLDER_PICKLE, "t:N.", INK_ERR_FORMAT, "no list of storages" },
        { sizes_little, OLDER_PICKLE, "t:]X 4:1 t:5 t:a. 8:1 8:1", INK_ERR_TYPE, "storage 0" },
        { sizes_little, OLDER_PICKLE, "t:]Na. 8:1 8:1", INK_ERR_TYPE, "storage 0" },
        { sizes_little, OLDER_PICKLE, "t:]X 4:1 t:1 t:a. 8:1", INK_ERR_TRUNCATED, "storage '1' has 8 bytes, 0 are left" },
        { sizes_little, OLDER_PICKLE, "t:]X 4:1 t:1 t:a. 4:1", INK_ERR_TRUNCATED, "ends before storage '1'" },
        { sizes_little, OLDER_PICKLE, "t:]X 4:1 t:1 t:a. 8:0x2000000000000001 8:1", INK_ERR_TRUNCATED,
          "ends before storage '1'" },
        { sizes_little, OLDER_PICKLE, "t:]. ", INK_ERR_MISSING, "storage '0' is not in the file" },
        { "t:.", "", "", INK_ERR_FORMAT, "empty stack" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading *r = read_file(older_of(rows[i].machine, rows[i].pickle, rows[i].rest));
        check_error(r->status, &r->error, rows[i].status, rows[i].words);
        reading_end(r);
    }
    reading *r = read_file(blob_make("t:GGUF 4:3"));
    check_error(r->status, &r->error, INK_ERR_MAGIC, "no file of torch.save");
    reading_end(r);
}

/* Every prefix, and every byte changed. */
static void broken_files_do_no_harm(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        blob whole = form ? older_of(sizes_little, OLDER_PICKLE, OLDER_STORAGES)
                          : zip_of(PICKLE(NAMED("w", TENSOR("FloatStorage", "0", "0", ONE("6"), ONE("1")))), numbers);
        for (size_t size = 0; size < whole.size; size++) {
            blob part = { 0 };
            blob_append(&part, whole.data, size);
            reading *r = read_file(part);
            assert_true(r->status != INK_OK && r->error.text[0]);
            reading_end(r);
        }
        for (size_t at = 0; at < whole.size; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                blob other = { 0 };
                blob_append(&other, whole.data, whole.size);
                other.data[at] ^= (uint8_t)(1U << bit);
                reading *r = read_file(other);
                assert_true(r->status == INK_OK || r->error.text[0]);
                reading_end(r);
            }
        blob_free(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_read),
        cmocka_unit_test(the_older_form_is_read),
        cmocka_unit_test(tensors_are_told_from_the_rest),
        cmocka_unit_test(bad_tensors_are_told),
        cmocka_unit_test(bad_archives_are_told),
        cmocka_unit_test(bad_older_files_are_told),
        cmocka_unit_test(broken_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
