/* GGUF that is not what it should be: a table of bad files, and sweeps over a good one. */
#include "gguf_files.h"

#include <stdio.h>

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
    { "element type I16", INK_ERR_TYPE,
      "I16 is not supported, wanted F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, I8, F64 or BF16",
      TENSOR "s:t 4:1 8:4 @ 4:25 8:0 " DATA },
    { "element type Q8_1", INK_ERR_TYPE, "Q8_1 is not", TENSOR "s:t 4:1 8:32 @ 4:9 8:0 " DATA },
    { "element type Q4_K", INK_ERR_TYPE, "Q4_K", TENSOR "s:t 4:1 8:256 @ 4:12 8:0 " DATA },
    { "element type MXFP4", INK_ERR_TYPE, "MXFP4", TENSOR "s:t 4:1 8:32 @ 4:39 8:0 " DATA },

    /* blocks */
    { "Q8_0, half a block", INK_ERR_SHAPE,
      "tensor 't': dimension 0, the fastest, is 16, wanted a multiple of 32, the block of Q8_0",
      TENSOR "s:t 4:1 @ 8:16 4:8 8:0 " DATA },
    { "Q4_0, a kernel of 3 columns", INK_ERR_SHAPE, "dimension 0, the fastest, is 3,",
      TENSOR "s:t 4:4 @ 8:3 8:3 8:32 8:32 4:2 8:0 " DATA },
    { "Q4_1, more than a block", INK_ERR_SHAPE, "is 33, wanted a multiple of 32, the block of Q4_1",
      TENSOR "s:t 4:2 @ 8:33 8:32 4:3 8:0 " DATA },
    { "Q5_0, a dense layer transposed", INK_ERR_SHAPE, "is 10,",
      TENSOR "s:t 4:2 @ 8:10 8:32 4:6 8:0 " DATA },
    { "Q5_1, 1 and 32", INK_ERR_SHAPE, "is 1,", TENSOR "s:t 4:2 @ 8:1 8:32 4:7 8:0 " DATA },
    { "Q8_0 without dimensions", INK_ERR_SHAPE, "is 1,", TENSOR "s:t 4:0 @ 4:8 8:0 " DATA },
    { "Q8_0 whose bytes overflow", INK_ERR_SHAPE, "bytes cannot be counted",
      TENSOR "s:t 4:3 8:0xffffffe0 8:0xffffffff 8:1 @ 4:8 8:0 " DATA },
    { "F64 whose bytes overflow", INK_ERR_SHAPE, "bytes cannot be counted",
      TENSOR "s:t 4:2 8:0x80000000 8:0x40000000 @ 4:28 8:0 " DATA },
    { "Q8_0, one byte too short", INK_ERR_TRUNCATED, "needs 34 bytes at offset 0, the file has 33",
      TENSOR "s:t 4:1 8:32 4:8 @ 8:0 pad:32 z:33" },
    { "Q5_1, one byte too short", INK_ERR_TRUNCATED, "needs 72 bytes at offset 0, the file has 71",
      TENSOR "s:t 4:2 8:32 8:3 4:7 @ 8:0 pad:32 z:71" },
    { "BF16, one byte too short", INK_ERR_TRUNCATED, "needs 6 bytes", TENSOR "s:t 4:1 8:3 4:30 @ 8:0 pad:32 z:5" },
    { "F64, one byte too short", INK_ERR_TRUNCATED, "needs 24 bytes", TENSOR "s:t 4:1 8:3 4:28 @ 8:0 pad:32 z:23" },
    { "blocks overlap", INK_ERR_FORMAT, "tensor 'u': offset 32 is inside the tensor before it, wanted 64",
      HEAD(2, 0) "s:t 4:1 8:32 4:8 8:0 s:u 4:0 4:0 @ 8:32 " DATA },
    { "blocks of version 1", INK_ERR_VERSION, "general.quantization_version is 1, wanted 2",
      HEAD(1, 1) "s:general.quantization_version 4:4 @ 4:1 s:t 4:1 8:32 4:8 8:0 " DATA },
    { "blocks of version 2.5", INK_ERR_VERSION, "is 2.5, wanted 2",
      HEAD(1, 1) "s:general.quantization_version 4:6 @ f:2.5 s:t 4:1 8:32 4:2 8:0 " DATA },
    { "a version of blocks that is a string", INK_ERR_TYPE, "general.quantization_version has type string,",
      HEAD(1, 1) "s:general.quantization_version 4:8 s:2 s:t 4:1 8:32 4:8 8:0 " DATA },
    { "a version of blocks that is an array", INK_ERR_TYPE, "has type u32 array, wanted u32",
      HEAD(1, 1) "s:general.quantization_version 4:9 4:4 8:1 4:2 s:t 4:1 8:32 4:8 8:0 " DATA },

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(truncation_is_seen_at_every_byte),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(memory_is_bounded_by_the_file),
        cmocka_unit_test(many_names_are_sorted_and_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
