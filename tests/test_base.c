/* The ground under the library: checked arithmetic, cursor, arena, names, text, files, errors. */
#include "support.h"

#include "base/checked.h"
#include "base/cursor.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- checked.h ---- */

static void sums_and_products_are_checked(void **state)
{
    (void)state;
    uint64_t got = 0;
    assert_true(ink_add_u64(UINT64_MAX - 1, 1, &got));
    assert_true(got == UINT64_MAX);
    assert_true(ink_add_u64(0, 0, &got));
    assert_true(got == 0);
    assert_false(ink_add_u64(UINT64_MAX, 1, &got));
    assert_false(ink_add_u64(UINT64_MAX, UINT64_MAX, &got));

    assert_true(ink_mul_u64(UINT32_MAX, UINT32_MAX, &got));
    assert_true(got == UINT64_C(0xfffffffe00000001));
    assert_true(ink_mul_u64(UINT64_MAX, 1, &got));
    assert_true(got == UINT64_MAX);
    assert_true(ink_mul_u64(UINT64_MAX, 0, &got));
    assert_true(got == 0);
    assert_false(ink_mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &got));
    assert_false(ink_mul_u64(UINT64_MAX, 2, &got));
}

static void rounding_up_is_checked(void **state)
{
    (void)state;
    static const uint64_t rows[][3] = {
        { 0, 8, 0 },
        { 1, 8, 8 },
        { 8, 8, 8 },
        { 9, 8, 16 },
        { 7, 1, 7 },
        { 10, 3, 12 },
        { UINT64_MAX - 7, 8, UINT64_MAX - 7 },
        { UINT64_MAX, 1, UINT64_MAX },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t got = 0;
        assert_true(ink_round_up_u64(rows[i][0], rows[i][1], &got));
        assert_true(got == rows[i][2]);
        if (rows[i][0] < 100)
            assert_int_equal(ink_round_up((size_t)rows[i][0], (size_t)rows[i][1]), rows[i][2]);
    }
    uint64_t got;
    assert_false(ink_round_up_u64(UINT64_MAX - 6, 8, &got));
    assert_false(ink_round_up_u64(UINT64_MAX, 2, &got));
}

/* ---- cursor.h ---- */

static void cursor_stays_inside(void **state)
{
    (void)state;
    blob made = blob_make("4:0x04030201 8:0x0c0b0a0908070605 x:0d0e0f");
    fence file = fence_make(made.data, made.size);
    ink_cursor cursor = { file.data, file.size, 0 };
    uint32_t u32 = 9;
    uint64_t u64 = 9;
    assert_int_equal(ink_cursor_left(&cursor), 15);
    assert_true(ink_cursor_u32(&cursor, &u32) && u32 == 0x04030201);
    assert_true(ink_cursor_u64(&cursor, &u64) && u64 == UINT64_C(0x0c0b0a0908070605));
    assert_int_equal(ink_cursor_left(&cursor), 3);

    /* Too much: nothing moves and nothing is set. */
    assert_false(ink_cursor_u32(&cursor, &u32));
    assert_false(ink_cursor_u64(&cursor, &u64));
    assert_null(ink_cursor_bytes(&cursor, 4));
    assert_null(ink_cursor_bytes(&cursor, UINT64_MAX)); /* at + size would wrap */
    assert_null(ink_cursor_bytes(&cursor, (uint64_t)UINT32_MAX + 1));
    assert_true(u32 == 0x04030201 && cursor.at == 12);

    assert_ptr_equal(ink_cursor_bytes(&cursor, 3), file.data + 12);
    assert_int_equal(ink_cursor_left(&cursor), 0);
    assert_non_null(ink_cursor_bytes(&cursor, 0));
    assert_null(ink_cursor_bytes(&cursor, 1));
    assert_true(ink_load_u32le(file.data + 11) == 0x0f0e0d0c);
    assert_true(ink_load_u32be(file.data + 11) == 0x0c0d0e0f);
    assert_true(ink_load_u64le(file.data + 7) == UINT64_C(0x0f0e0d0c0b0a0908));
    fence_free(&file);
    blob_free(&made);
}

/* ---- allocators and option structs ---- */

static void default_allocator_aligns(void **state)
{
    (void)state;
    ink_allocator allocator = ink_allocator_or_default(NULL);
    for (size_t size = 0; size < 300; size += 7) {
        char *block = ink_alloc(&allocator, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % INK_ALIGNMENT, 0);
        memset(block, 1, size);
        ink_free(&allocator, block);
    }
    ink_free(&allocator, NULL);

    test_memory memory = { 0 };
    ink_allocator own = test_allocator(&memory), half = { .alloc = own.alloc };
    assert_ptr_equal(ink_allocator_or_default(&own).context, &memory);
    assert_ptr_equal(ink_allocator_or_default(&half).alloc, allocator.alloc);
}

typedef struct options {
    size_t size;
    uint32_t first, second;
    void *third;
} options;

static void options_of_any_age_are_read(void **state)
{
    (void)state;
    int thing;
    options got;
    const options full = { sizeof full, 1, 2, &thing };
    memset(&got, 0x77, sizeof got);
    assert_true(ink_options_read(&got, sizeof got, NULL)); /* NULL means the defaults */
    assert_true(got.size == sizeof got && !got.first && !got.second && !got.third);

    assert_true(ink_options_read(&got, sizeof got, &full));
    assert_true(got.first == 1 && got.second == 2 && got.third == &thing);

    /* An older header, with fewer fields: a page that ends behind them shows any read of more. */
    options old = full;
    old.size = offsetof(options, second);
    fence page = fence_make(&old, old.size);
    memset(&got, 0x77, sizeof got);
    assert_true(ink_options_read(&got, sizeof got, page.data));
    assert_true(got.size == sizeof got && got.first == 1 && !got.second && !got.third);
    fence_free(&page);
    old.size = sizeof(size_t);
    page = fence_make(&old, old.size);
    assert_true(ink_options_read(&got, sizeof got, page.data));
    assert_true(!got.first && !got.third);
    fence_free(&page);

    /* A newer one, with more. */
    struct {
        options known;
        char more[100];
    } newer = { { sizeof newer, 3, 4, NULL }, "x" };
    assert_true(ink_options_read(&got, sizeof got, &newer));
    assert_true(got.size == sizeof got && got.first == 3 && got.second == 4);

    static const size_t wrong[] = { 0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        old.size = wrong[i];
        assert_false(ink_options_read(&got, sizeof got, &old));
    }
}

/* ---- arena ---- */

static void arena_gives_zeroed_memory(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_arena arena;
    ink_arena_init(&arena, &allocator);
    uint64_t random = 7;
    unsigned char *all[2000];
    size_t sizes[2000];
    for (size_t i = 0; i < 2000; i++) { /* a few of them larger than a block */
        sizes[i] = test_random(&random) % (i % 100 ? 200 : 200000);
        all[i] = ink_arena_array(&arena, sizes[i], 1);
        assert_non_null(all[i]);
        assert_int_equal((uintptr_t)all[i] % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(all[i][j], 0);
        memset(all[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < 2000; i++) /* none lies on another */
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(all[i][j], i % 251);
    assert_true(memory.live > 1);
    assert_false(arena.failed);
    ink_arena_free(&arena);
    assert_int_equal(memory.live, 0);
    assert_non_null(ink_arena_array(&arena, 1, 1)); /* and it may be used again */
    ink_arena_free(&arena);
    assert_int_equal(memory.live, 0);
}

static void arena_copies_and_formats_strings(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_arena arena;
    ink_arena_init(&arena, &allocator);
    assert_string_equal(ink_arena_string(&arena, "hello", 4), "hell");
    assert_string_equal(ink_arena_string(&arena, NULL, 0), "");
    assert_memory_equal(ink_arena_string(&arena, "a\0b", 3), "a\0b", 4);
    assert_string_equal(ink_arena_format(&arena, "%s.%d", "node", 7), "node.7");
    assert_string_equal(ink_arena_format(&arena, "%s", ""), "");
    char *wide = ink_arena_format(&arena, "%100000d", 5);
    assert_int_equal(strlen(wide), 100000);
    assert_int_equal(wide[99999], '5');
    assert_null(ink_arena_string(&arena, "x", SIZE_MAX));
    assert_true(arena.failed);
    ink_arena_free(&arena);
    assert_int_equal(memory.live, 0);
}

static void arena_fails_for_good(void **state)
{
    (void)state;
    static const size_t impossible[][2] = {
        { SIZE_MAX, 1 }, { SIZE_MAX / 2, 3 }, { (size_t)1 << 40, (size_t)1 << 40 }, { 1, SIZE_MAX },
    };
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        test_memory memory = { 0 };
        ink_allocator allocator = test_allocator(&memory);
        ink_arena arena;
        ink_arena_init(&arena, &allocator);
        assert_null(ink_arena_array(&arena, impossible[i][0], impossible[i][1]));
        assert_true(arena.failed);
        assert_int_equal(memory.live, 0);
        assert_null(ink_arena_array(&arena, 1, 1));
        ink_arena_free(&arena);
    }
    test_memory memory = { .fail_at = 2 };
    ink_allocator allocator = test_allocator(&memory);
    ink_arena arena;
    ink_arena_init(&arena, &allocator);
    assert_non_null(ink_arena_array(&arena, 1, 1));
    assert_null(ink_arena_array(&arena, 100000, 1));
    assert_true(arena.failed);
    assert_null(ink_arena_array(&arena, 1, 1)); /* although the first block has room */
    assert_null(ink_arena_string(&arena, "x", 1));
    assert_null(ink_arena_format(&arena, "%d", 1));
    ink_arena_free(&arena);
    assert_int_equal(memory.live, 0);
}

/* ---- names ---- */

static void names_are_sorted_and_found(void **state)
{
    (void)state;
    static const char *const list[] = { "pear", "fig", "", "apple", "fig", "figs", "fi", "fig" };
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_arena arena;
    ink_arena_init(&arena, &allocator);
    ink_names names;
    assert_true(ink_names_init(&names, &arena, 8));
    size_t index = 99;
    assert_false(ink_names_find(&names, "fig", &index));
    ink_names_sort(&names);
    for (size_t i = 0; i < 8; i++)
        ink_names_add(&names, list[i], i);
    ink_names_sort(&names);
    static const size_t order[] = { 2, 3, 6, 1, 4, 7, 5, 0 };
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(names.names[i].index, order[i]);
    assert_false(ink_names_find(&names, "figss", &index));
    assert_false(ink_names_find(&names, "zebra", &index));
    assert_int_equal(index, 99);
    assert_true(ink_names_find(&names, "", &index) && index == 2);
    assert_true(ink_names_find(&names, "fig", &index) && index == 1); /* the first of equals */
    assert_true(ink_names_find(&names, "pear", &index) && index == 0);
    assert_false(ink_names_init(&names, &arena, SIZE_MAX / 8));
    ink_arena_free(&arena);
    assert_int_equal(memory.live, 0);
}

/* Every number of names, in random order and with equals among them, against their order by definition. */
static void names_of_any_number_are_sorted(void **state)
{
    (void)state;
    enum { MOST = 300 };
    static char texts[MOST][8];
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    uint64_t random = 1;
    for (size_t count = 0; count <= MOST; count++) {
        ink_arena arena;
        ink_names names;
        bool seen[MOST] = { false };
        ink_arena_init(&arena, &allocator);
        assert_true(ink_names_init(&names, &arena, count));
        for (size_t i = 0; i < count; i++) {
            snprintf(texts[i], sizeof texts[i], "%d", (int)(test_random(&random) >> 57));
            ink_names_add(&names, texts[i], i);
        }
        ink_names_sort(&names);
        for (size_t i = 0; i < count; i++) {
            const ink_name *n = &names.names[i];
            assert_true(n->name == texts[n->index] && !seen[n->index]);
            seen[n->index] = true;
            const int order = i ? strcmp(n[-1].name, n->name) : -1;
            assert_true(order < 0 || (order == 0 && n[-1].index < n->index));
        }
        ink_arena_free(&arena);
    }
}

/* ---- text ---- */

static void text_grows(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_text text;
    ink_text_init(&text, &allocator);
    for (int i = 0; i < 5000; i++) {
        ink_text_format(&text, "%04d", i);
        ink_text_bytes(&text, "\0;", 2);
        ink_text_bytes(&text, NULL, 0);
    }
    ink_buffer out = { 0 };
    ink_error error;
    check_error(ink_text_finish(&text, &out, &error), &error, INK_OK, NULL);
    assert_int_equal(out.size, 5000 * 6);
    assert_memory_equal(out.data + 6 * 4321, "4321\0;", 6);
    assert_int_equal(out.data[out.size], 0);
    ink_buffer_close(&out);
    assert_true(!out.data && !out.size);
    ink_buffer_close(&out); /* a closed buffer may be closed again */
    ink_buffer_close(NULL);
    assert_int_equal(memory.live, 0);
}

static void empty_text_is_a_text(void **state)
{
    (void)state;
    test_memory memory = { 0 };
    ink_allocator allocator = test_allocator(&memory);
    ink_text text;
    ink_text_init(&text, &allocator);
    ink_buffer out = { 0 };
    check_error(ink_text_finish(&text, &out, NULL), NULL, INK_OK, NULL);
    assert_int_equal(out.size, 0);
    assert_string_equal(out.data, "");
    ink_buffer_close(&out);
    assert_int_equal(memory.live, 0);
}

static void text_without_memory_fails_at_its_end(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at <= 4; fail_at++) {
        test_memory memory = { .fail_at = fail_at };
        ink_allocator allocator = test_allocator(&memory);
        ink_text text;
        ink_text_init(&text, &allocator);
        for (int i = 0; i < 3000; i++)
            ink_text_format(&text, "%d", i);
        assert_true(text.failed);
        ink_buffer out = { 0 };
        ink_error error;
        check_error(ink_text_finish(&text, &out, &error), &error, INK_ERR_MEMORY, "no memory");
        assert_null(out.data);
        assert_int_equal(memory.live, 0);
    }
}

/* ---- reading files ---- */

static ink_status read_file(const char *path, uint64_t limit, blob *got, test_memory *memory,
                            ink_error *error)
{
    ink_allocator allocator = test_allocator(memory);
    void *data = NULL;
    size_t size = 0;
    ink_status status = ink_file_read(&allocator, path, limit, &data, &size, error);
    *got = (blob){ 0 };
    if (status) {
        assert_true(!data && !size);
    } else {
        blob_append(got, data, size);
        ink_free(&allocator, data);
    }
    assert_int_equal(memory->live, 0);
    return status;
}

static void files_are_read_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 1000, 65535, 65536, 65537, 300000 };
    char *folder = folder_make(), *path = folder_path(folder, "data");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        blob want = { 0 }, got;
        uint64_t random = 3;
        for (size_t j = 0; j < sizes[i]; j++)
            blob_append(&want, &(uint8_t){ (uint8_t)(test_random(&random) >> 56) }, 1);
        file_put(path, want.data, want.size);
        ink_error error;
        /* The limit is the largest size that passes. */
        for (uint64_t limit = sizes[i]; limit <= sizes[i] + 1; limit++) {
            test_memory memory = { 0 };
            check_error(read_file(path, limit, &got, &memory, &error), &error, INK_OK, NULL);
            assert_int_equal(got.size, want.size);
            if (got.size)
                assert_memory_equal(got.data, want.data, want.size);
            blob_free(&got);
        }
        if (sizes[i]) {
            test_memory memory = { 0 };
            check_error(read_file(path, sizes[i] - 1, &got, &memory, &error), &error,
                        INK_ERR_LIMIT, "/data: has more than the limit");
            assert_int_equal(memory.allocations, 0); /* told by its size, before any reading */
        }
        blob_free(&want);
    }
    free(path);
    folder_remove(folder);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "data");
    ink_error error;
    blob got;
    test_memory memory = { 0 };
    check_error(read_file(path, 100, &got, &memory, &error), &error, INK_ERR_OPEN,
                "/data: cannot open: no such file or directory");
    check_error(read_file(folder, 100, &got, &memory, &error), &error, INK_ERR_OPEN,
                ": is a directory");
    file_put(path, "x", 1);
    char *below = folder_path(path, "below");
    check_error(read_file(below, 100, &got, &memory, &error), &error, INK_ERR_OPEN,
                "cannot open: a part of the path is not a directory");
    check_error(read_file("", 100, &got, &memory, &error), &error, INK_ERR_OPEN, "cannot open");
    memory = (test_memory){ .fail_at = 1 };
    check_error(read_file(path, 100, &got, &memory, &error), &error, INK_ERR_MEMORY,
                "/data: no memory for 2 bytes");
    /* A file without a size, and without an end. */
    memory = (test_memory){ 0 };
    check_error(read_file("/dev/zero", 1000000, &got, &memory, &error), &error, INK_ERR_LIMIT,
                "/dev/zero: has more than the limit of 1000000 bytes");
    check_error(read_file("/dev/null", 0, &got, &memory, &error), &error, INK_OK, NULL);
    assert_int_equal(got.size, 0);
    blob_free(&got);
    memory = (test_memory){ .fail_at = 2 }; /* while it grows */
    check_error(read_file("/dev/zero", 1000000, &got, &memory, &error), &error, INK_ERR_MEMORY,
                "no memory for 131072 bytes");
    free(below);
    free(path);
    folder_remove(folder);
}

/* ---- writing files ---- */

static void check_contents(const char *path, const char *want)
{
    blob got = file_get(path);
    assert_int_equal(got.size, strlen(want));
    assert_memory_equal(got.data, want, got.size);
    blob_free(&got);
}

static ink_status write_file(const char *path, const char *first, const char *second,
                             ink_error *error)
{
    ink_file_part parts[] = { { first, strlen(first) }, { NULL, 0 }, { second, strlen(second) } };
    return ink_file_write(path, parts, 3, error);
}

static void files_are_written_whole(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "data");
    ink_error error;
    check_error(write_file(path, "one ", "two", &error), &error, INK_OK, NULL);
    check_contents(path, "one two");
    check_error(write_file(path, "3", "", &error), &error, INK_OK, NULL);
    check_contents(path, "3");
    check_error(ink_file_write(path, NULL, 0, &error), &error, INK_OK, NULL);
    check_contents(path, "");
    assert_int_equal(folder_count(folder), 1); /* no temporary file stays */

    /* The mode of a file that is there stays. */
    struct stat facts;
    assert_int_equal(chmod(path, 0640), 0);
    check_error(write_file(path, "mode", "", &error), &error, INK_OK, NULL);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);

    /* A link stays one, and what it leads to is replaced. */
    char *link = folder_path(folder, "link");
    assert_int_equal(symlink("data", link), 0);
    check_error(write_file(link, "through", "", &error), &error, INK_OK, NULL);
    assert_int_equal(lstat(link, &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
    check_contents(path, "through");
    assert_int_equal(folder_count(folder), 2);

    check_error(write_file("/dev/null", "x", "y", &error), &error, INK_OK, NULL);
    assert_int_equal(stat("/dev/null", &facts), 0);
    assert_true(S_ISCHR(facts.st_mode)); /* written to and not replaced */
    free(link);
    free(path);
    folder_remove(folder);
}

static void failed_writes_leave_the_old_file(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "data");
    char *missing = folder_path(folder, "none/data");
    ink_error error;
    check_error(write_file(missing, "x", "", &error), &error, INK_ERR_WRITE,
                "none/data: cannot write: no such file or directory");
    check_error(write_file(folder, "x", "", &error), &error, INK_ERR_WRITE, "is a directory");
    check_error(write_file("", "x", "", &error), &error, INK_ERR_WRITE, "cannot write");
    assert_int_equal(folder_count(folder), 0);

    file_put(path, "old", 3);
    static char large[100001];
    memset(large, 'x', sizeof large - 1);
    limit_file_size(5000);
    ink_status status = write_file(path, large, "", &error);
    limit_file_size(0);
    check_error(status, &error, INK_ERR_WRITE, "data: cannot write: the file is too large");
    check_contents(path, "old");
    assert_int_equal(folder_count(folder), 1);

    if (access("/dev/full", W_OK) == 0)
        check_error(write_file("/dev/full", "x", "", &error), &error, INK_ERR_WRITE,
                    "/dev/full: cannot write: no space left on the device");
    if (geteuid() != 0) { /* root may write everywhere */
        assert_int_equal(chmod(folder, 0500), 0);
        check_error(write_file(path, "new", "", &error), &error, INK_ERR_WRITE,
                    "data: cannot write: permission denied");
        check_contents(path, "old");
    }
    free(missing);
    free(path);
    folder_remove(folder);
}

/* The reason must be seen, however long the path is. */
static void long_paths_do_not_hide_the_reason(void **state)
{
    (void)state;
    static char path[20000];
    memset(path, 'p', sizeof path - 1);
    ink_error error;
    blob got;
    test_memory memory = { 0 };
    check_error(read_file(path, 100, &got, &memory, &error), &error, INK_ERR_OPEN,
                "the name is too long");
    check_error(write_file(path, "x", "", &error), &error, INK_ERR_WRITE, "the name is too long");
    path[1000] = 0; /* for the system still one name that is too long, but not for our buffers */
    check_error(write_file(path, "x", "", &error), &error, INK_ERR_WRITE, "the name is too long");
}

/* ---- errors ---- */

static void errors_are_filled(void **state)
{
    (void)state;
    ink_error error;
    memset(&error, 0x77, sizeof error);
    assert_int_equal(ink_fail_at(&error, INK_ERR_SHAPE, 1234, "%s %d", "dim", 5), INK_ERR_SHAPE);
    check_error(error.status, &error, INK_ERR_SHAPE, "dim 5");
    assert_int_equal(error.offset, 1234);
    assert_int_equal(ink_fail(&error, INK_ERR_GRAPH, "g"), INK_ERR_GRAPH);
    assert_int_equal(error.offset, 0);
    assert_int_equal(ink_fail(NULL, INK_ERR_GRAPH, "g"), INK_ERR_GRAPH);
    assert_int_equal(ink_fail_at(NULL, INK_ERR_GRAPH, 1, "g"), INK_ERR_GRAPH);

    /* Names from files stand in errors, and errors go to terminals: one line, no controls. */
    ink_fail(&error, INK_ERR_GRAPH, "key '%s'", "a\nb\r\t\033[31m\177\302\265");
    assert_string_equal(error.text, "key 'a?b???[31m?\302\265'");
    ink_error_prefix(&error, "x\ny");
    assert_null(strchr(error.text, '\n'));

    static char long_text[2000];
    memset(long_text, 'l', sizeof long_text - 1);
    ink_fail(&error, INK_ERR_GRAPH, "%s", long_text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void prefixes_keep_the_reason(void **state)
{
    (void)state;
    ink_error error;
    static char path[20000];
    ink_fail(&error, INK_ERR_SHAPE, "why");
    ink_error_prefix(&error, "file");
    assert_string_equal(error.text, "file: why");
    ink_error_prefix(&error, "a%sb%n"); /* no format */
    assert_string_equal(error.text, "a%sb%n: file: why");
    ink_error_prefix(&error, NULL);
    assert_string_equal(error.text, "a%sb%n: file: why");
    ink_error_prefix(NULL, "file");
    for (size_t length = 0; length < sizeof path; length += length < 600 ? 1 : 997) {
        memset(path, 'p', length);
        path[length] = 0;
        if (length)
            path[length - 1] = 'e';
        ink_fail(&error, INK_ERR_SHAPE, "why");
        ink_error_prefix(&error, path);
        assert_non_null(strstr(error.text, ": why"));
        assert_true(length == 0 || strstr(error.text, "e: why"));
        assert_int_equal(strncmp(error.text, "...p", 4) == 0, length > sizeof error.text / 2);
        assert_true(strlen(error.text) < sizeof error.text);
    }
    memset(path, 'l', sizeof path);
    ink_fail(&error, INK_ERR_SHAPE, "%.*s", 490, path); /* a long reason after a long path */
    path[sizeof path - 1] = 0;
    ink_error_prefix(&error, path);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_non_null(strstr(error.text, ": l"));
}

static void statuses_have_words(void **state)
{
    (void)state;
    static const ink_status all[] = {
        INK_OK, INK_ERR_ARGUMENT, INK_ERR_CPU, INK_ERR_LAYOUT, INK_ERR_MEMORY, INK_ERR_OPEN,
        INK_ERR_READ, INK_ERR_WRITE, INK_ERR_THREAD, INK_ERR_TRUNCATED, INK_ERR_MAGIC,
        INK_ERR_VERSION, INK_ERR_ENDIAN, INK_ERR_FORMAT, INK_ERR_LIMIT, INK_ERR_TRAILING,
        INK_ERR_TYPE, INK_ERR_ARCHITECTURE, INK_ERR_MISSING, INK_ERR_SHAPE, INK_ERR_OP,
        INK_ERR_ATTRIBUTE, INK_ERR_GRAPH, INK_ERR_NOT_FINITE,
    };
    enum { ALL = sizeof all / sizeof *all };
    for (size_t i = 0; i < ALL; i++) {
        assert_string_not_equal(ink_status_text(all[i]), "unknown status");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ink_status_text(all[i]), ink_status_text(all[j]));
    }
    size_t known = 0;
    for (int value = -100; value < 1000; value++)
        known += strcmp(ink_status_text((ink_status)value), "unknown status") != 0;
    assert_int_equal(known, ALL); /* a status without a row above would be found here */
    assert_string_equal(ink_version(), INK_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_are_checked),
        cmocka_unit_test(rounding_up_is_checked),
        cmocka_unit_test(cursor_stays_inside),
        cmocka_unit_test(default_allocator_aligns),
        cmocka_unit_test(options_of_any_age_are_read),
        cmocka_unit_test(arena_gives_zeroed_memory),
        cmocka_unit_test(arena_copies_and_formats_strings),
        cmocka_unit_test(arena_fails_for_good),
        cmocka_unit_test(names_are_sorted_and_found),
        cmocka_unit_test(names_of_any_number_are_sorted),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(empty_text_is_a_text),
        cmocka_unit_test(text_without_memory_fails_at_its_end),
        cmocka_unit_test(files_are_read_whole),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(files_are_written_whole),
        cmocka_unit_test(failed_writes_leave_the_old_file),
        cmocka_unit_test(long_paths_do_not_hide_the_reason),
        cmocka_unit_test(errors_are_filled),
        cmocka_unit_test(prefixes_keep_the_reason),
        cmocka_unit_test(statuses_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
