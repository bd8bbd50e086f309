/* What several tests share: files made by hand, buffers that end at a forbidden page, an allocator
 * that fails when told to, a folder to write in. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#ifndef __wasi__
#include <setjmp.h>
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inkling.h"

/* ---- blob made by hand ---- */

typedef struct blob {
    uint8_t *data;
    size_t size, capacity;
    size_t mark; /* where the recipe had '@'; SIZE_MAX without */
} blob;

/* Makes bytes from a recipe of words with blanks between them:
 *
 *     t:GGUF       the letters as they are
 *     s:name       a GGUF string: its length in 8 bytes, then the letters
 *     4:3          a little-endian number of 1, 2, 4 or 8 bytes (decimal, 0x... or negative)
 *     b4:28        the same big-endian
 *     f:1.5        a float32, little-endian
 *     x:00ff10     bytes in hexadecimal
 *     z:12         so many zero bytes
 *     a:64         so many letters 'a'
 *     pad:32       zero bytes up to a multiple of that
 *     @            nothing, but sets `mark`
 *
 * blob_free frees them. */
blob blob_make(const char *recipe);
void blob_append(blob *to, const void *data, size_t size);
void blob_free(blob *made);

/* ---- guard pages ---- */

/* A copy that ends where a page begins which faults when it is touched, so that no read past the
 * end goes unseen. */
typedef struct fence {
    uint8_t *data;
    size_t size;
    void *map;
    size_t map_size;
} fence;

fence fence_make(const void *data, size_t size);
void fence_free(fence *made);

/* ---- allocator ---- */

/* Blocks begin filled with 0xa5, so that memory which nobody set shows, and are aligned to 64 but
 * to nothing more. Frees of blocks that are not its own end the test. */
typedef struct test_memory {
    size_t fail_at;     /* the allocation that fails, counted from 1; 0: none */
    bool fail_after;    /* all after that one fail too */
    size_t allocations; /* attempts so far */
    size_t live, live_bytes, peak_bytes;
} test_memory;

ink_allocator test_allocator(test_memory *memory);

/* ---- files ---- */

/* Makes an empty folder and gives its path; folder_remove removes it with all in it and frees the
 * path. */
char *folder_make(void);
void folder_remove(char *folder);
/* "folder/name", in memory of malloc. */
char *folder_path(const char *folder, const char *name);
void file_put(const char *path, const void *data, size_t size);
/* The file's bytes; free them with blob_free. */
blob file_get(const char *path);
size_t folder_count(const char *folder);
/* Lets this process write no file larger than that, so that writing fails halfway; 0 ends it. */
void limit_file_size(size_t limit);

/* ---- random numbers ---- */

/* xorshift64*; the same on every machine. `state` must not be 0. */
uint64_t test_random(uint64_t *state);

/* ---- checks ---- */

/* The error has this status, and a text of one line that contains `words`. */
void check_error(ink_status got, const ink_error *error, ink_status want, const char *words);

#endif
