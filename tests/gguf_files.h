/* For the tests of GGUF: a file made by hand, opened with everything checked on the side. */
#ifndef TESTS_GGUF_FILES_H
#define TESTS_GGUF_FILES_H

#include "support.h"

#include "formats/gguf.h"

#include <string.h>

/* A recipe for the header of version 3; keys and then tensors follow. */
#define HEAD(tensors, keys) "t:GGUF 4:3 8:" #tensors " 8:" #keys " "

/* One file with every kind of value and tensor. Its tensors are 6 floats, 3 halves and 1 float,
 * each padded to 32: 96 bytes. */
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

typedef struct opened {
    blob made;  /* the recipe's bytes, for their mark */
    fence file; /* a copy, which the reader gets */
    test_memory memory;
    ink_arena arena;
    ink_gguf gguf;
    ink_error error;
    ink_status status;
} opened;

static inline void open_bytes(opened *it, const void *data, size_t size)
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

static inline void open_recipe(opened *it, const char *recipe)
{
    it->made = blob_make(recipe);
    open_bytes(it, it->made.data, it->made.size);
}

static inline void close_opened(opened *it)
{
    ink_arena_free(&it->arena);
    assert_int_equal(it->memory.live, 0);
    fence_free(&it->file);
    blob_free(&it->made);
}

static inline ink_buffer write_file(const ink_gguf *file, test_memory *memory)
{
    ink_buffer out = { 0 };
    ink_error error;
    ink_allocator allocator = test_allocator(memory);
    check_error(ink_gguf_write(file, &allocator, &out, &error), &error, INK_OK, NULL);
    assert_int_equal(out.data[out.size], 0);
    return out;
}

static inline void check_same(const void *got, size_t got_size, const void *want, size_t want_size)
{
    size_t shorter = got_size < want_size ? got_size : want_size;
    for (size_t i = 0; i < shorter; i++)
        if (((const uint8_t *)got)[i] != ((const uint8_t *)want)[i])
            fail_msg("byte %zu is 0x%02x, wanted 0x%02x", i, ((const uint8_t *)got)[i],
                     ((const uint8_t *)want)[i]);
    assert_int_equal(got_size, want_size);
}

/* What was read must write as exactly these bytes. */
static inline void check_writes(const ink_gguf *file, const void *want, size_t size)
{
    test_memory memory = { 0 };
    ink_buffer out = write_file(file, &memory);
    check_same(out.data, out.size, want, size);
    ink_buffer_close(&out);
    assert_int_equal(memory.live, 0);
}

#endif
