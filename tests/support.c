/* MAP_ANONYMOUS is no part of POSIX. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef __wasi__
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#endif

/* ---- blob made by hand ---- */

void blob_append(blob *to, const void *data, size_t size)
{
    if (to->size + size > to->capacity) {
        to->capacity = 2 * (to->size + size) + 64;
        to->data = realloc(to->data, to->capacity);
        assert_non_null(to->data);
    }
    if (size)
        memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void append_number(blob *to, uint64_t value, size_t width, bool big)
{
    uint8_t number[8];
    for (size_t i = 0; i < width; i++)
        number[big ? width - 1 - i : i] = (uint8_t)(value >> 8 * i);
    blob_append(to, number, width);
}

static void append_repeated(blob *to, int byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        blob_append(to, &(uint8_t){ (uint8_t)byte }, 1);
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t value = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
    if (end == text || *end)
        fail_msg("recipe: '%s' is no number", text);
    return value;
}

static void append_hex(blob *to, const char *digits)
{
    for (; digits[0] && digits[1]; digits += 2)
        append_number(to, number_of((char[]){ '0', 'x', digits[0], digits[1], 0 }), 1, false);
}

static void append_word(blob *to, const char *word)
{
    const char *colon = strchr(word, ':'), *value = colon ? colon + 1 : word;
    size_t length = colon ? (size_t)(colon - word) : strlen(word);
    bool big = word[0] == 'b' && length == 2;
    char kind = length == 1 || big ? word[big] : 0;
    if (strcmp(word, "@") == 0) {
        to->mark = to->size;
    } else if (strncmp(word, "pad:", 4) == 0) {
        while (to->size % number_of(value))
            append_repeated(to, 0, 1);
    } else if (kind == '1' || kind == '2' || kind == '4' || kind == '8') {
        append_number(to, number_of(value), (size_t)(kind - '0'), big);
    } else if (kind == 's' || kind == 't') {
        if (kind == 's')
            append_number(to, strlen(value), 8, false);
        blob_append(to, value, strlen(value));
    } else if (kind == 'f') {
        float number = strtof(value, NULL);
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        append_number(to, bits, 4, false);
    } else if (kind == 'x') {
        append_hex(to, value);
    } else if (kind == 'z' || kind == 'a') {
        append_repeated(to, kind == 'z' ? 0 : 'a', (size_t)number_of(value));
    } else {
        fail_msg("recipe: unknown word '%s'", word);
    }
}

blob blob_make(const char *recipe)
{
    blob made = { .mark = SIZE_MAX };
    blob_append(&made, "", 0); /* so that `data` is not NULL */
    for (const char *at = recipe; *(at += strspn(at, " "));) {
        char word[256];
        size_t length = strcspn(at, " ");
        assert_in_range(length, 1, sizeof word - 1);
        memcpy(word, at, length);
        word[length] = 0;
        append_word(&made, word);
        at += length;
    }
    return made;
}

void blob_free(blob *made)
{
    free(made->data);
    *made = (blob){ 0 };
}

/* ---- guard pages ---- */

#ifdef __wasi__ /* which has none: bytes that must stay as they are, and are NaNs to who reads them */

enum { GUARD = 256 };

fence fence_make(const void *data, size_t size)
{
    fence made = { .size = size, .map_size = size + GUARD };
    made.map = malloc(made.map_size);
    assert_non_null(made.map);
    made.data = made.map;
    if (size)
        memcpy(made.data, data, size);
    memset(made.data + size, 0xff, GUARD);
    return made;
}

void fence_free(fence *made)
{
    for (size_t i = 0; i < GUARD; i++)
        assert_int_equal(made->data[made->size + i], 0xff);
    free(made->map);
    *made = (fence){ 0 };
}

#else

fence fence_make(const void *data, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), rounded = (size + page - 1) / page * page;
    fence made = { .size = size, .map_size = rounded + page };
    made.map = mmap(NULL, made.map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    assert_true(made.map != MAP_FAILED);
    assert_int_equal(mprotect((char *)made.map + rounded, page, PROT_NONE), 0);
    made.data = (uint8_t *)made.map + rounded - size;
    if (size)
        memcpy(made.data, data, size);
    return made;
}

void fence_free(fence *made)
{
    assert_int_equal(munmap(made->map, made->map_size), 0);
    *made = (fence){ 0 };
}

#endif

/* ---- allocator ---- */

/* Stands in the 64 bytes before each block. */
typedef struct header {
    uint64_t magic;
    size_t size;
    void *base;
} header;

static const uint64_t header_magic = 0x696e6b6c696e6721;

static void *memory_alloc(void *context, size_t size)
{
    test_memory *memory = context;
    memory->allocations++;
    if (memory->fail_at && (memory->allocations == memory->fail_at ||
                            (memory->fail_after && memory->allocations > memory->fail_at)))
        return NULL;
    if (size > SIZE_MAX / 2)
        return NULL;
    void *base;
    if (posix_memalign(&base, 128, size + 64))
        return NULL;
    char *block = (char *)base + 64; /* so a multiple of 64 that is none of 128 */
    memcpy(base, &(header){ header_magic, size, base }, sizeof(header));
    memset(block, 0xa5, size);
    memory->live++;
    memory->live_bytes += size;
    if (memory->live_bytes > memory->peak_bytes)
        memory->peak_bytes = memory->live_bytes;
    return block;
}

static void memory_free(void *context, void *block)
{
    test_memory *memory = context;
    assert_non_null(block);
    header *head = (header *)(void *)((char *)block - 64);
    assert_true(head->magic == header_magic);
    assert_true(memory->live > 0 && memory->live_bytes >= head->size);
    memory->live--;
    memory->live_bytes -= head->size;
    void *base = head->base;
    memset(base, 0x5a, head->size + 64);
    free(base);
}

ink_allocator test_allocator(test_memory *memory)
{
    return (ink_allocator){ memory, memory_alloc, memory_free };
}

/* ---- files ---- */

char *folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = folder_path(base ? base : "/tmp", "inkling-test-XXXXXX");
#ifdef __wasi__ /* which has no mkdtemp */
    for (unsigned number = 0; mkdir(folder, 0700); number++) {
        assert_in_range(number, 0, 999999);
        snprintf(folder + strlen(folder) - 6, 7, "%06u", number);
    }
#else
    assert_non_null(mkdtemp(folder));
#endif
    return folder;
}

char *folder_path(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    assert_non_null(path);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

void folder_remove(char *folder)
{
#ifndef __wasi__
    (void)chmod(folder, 0700);
#endif
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (is_dot(entry->d_name))
            continue;
        char *path = folder_path(folder, entry->d_name);
        if (remove(path))
            folder_remove(path); /* not empty */
        else
            free(path);
    }
    closedir(list);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

size_t folder_count(const char *folder)
{
    size_t count = 0;
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));)
        count += !is_dot(entry->d_name);
    closedir(list);
    return count;
}

void file_put(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(size == 0 || fwrite(data, size, 1, file) == 1);
    assert_int_equal(fclose(file), 0);
}

blob file_get(const char *path)
{
    blob got = { .mark = SIZE_MAX };
    blob_append(&got, "", 0);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    char part[4096];
    for (size_t count; (count = fread(part, 1, sizeof part, file)) > 0;)
        blob_append(&got, part, count);
    assert_false(ferror(file));
    fclose(file);
    return got;
}

#ifndef __wasi__
void limit_file_size(size_t limit)
{
    struct rlimit now;
    signal(SIGXFSZ, limit ? SIG_IGN : SIG_DFL); /* so that write fails and nothing dies */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
    now.rlim_cur = limit ? (rlim_t)limit : now.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}
#endif

/* ---- random numbers ---- */

uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* ---- checks ---- */

void check_error(ink_status got, const ink_error *error, ink_status want, const char *words)
{
    if (got != want)
        fail_msg("got %d (%s: %s), wanted %d (%s)", got, ink_status_text(got),
                 got ? error->text : "", want, ink_status_text(want));
    if (got == INK_OK)
        return;
    assert_int_equal(error->status, want);
    size_t length = strlen(error->text);
    assert_in_range(length, 1, sizeof error->text - 1);
    assert_null(strpbrk(error->text, "\r\n"));
    if (words && !strstr(error->text, words))
        fail_msg("'%s' does not say '%s'", error->text, words);
}
