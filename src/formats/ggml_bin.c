#include "formats/ggml_bin.h"

#include "base/checked.h"
#include "base/cursor.h"

#include <assert.h>

/* "ggml" read as a big-endian number, so a little-endian file begins with the letters "lmgg". */
static const uint32_t magic = 0x67676d6c;

static const struct row {
    const char *name;
    uint32_t rank;
} rows[INK_GGML_BIN_TENSORS] = {
    { "fc1.weight", 2 },
    { "fc1.bias", 1 },
    { "fc2.weight", 2 },
    { "fc2.bias", 1 },
};

bool ink_ggml_bin_is(const void *data, size_t size)
{
    return size >= 4 && (ink_load_u32le(data) == magic || ink_load_u32be(data) == magic);
}

static ink_status read_tensor(ink_cursor *cursor, const struct row *row, ink_tensor_info *tensor,
                              ink_error *error)
{
    uint64_t at = cursor->at;
    uint32_t rank;
    if (!ink_cursor_u32(cursor, &rank))
        return ink_fail_at(error, INK_ERR_TRUNCATED, at, "%s: file ends before it", row->name);
    if (rank != row->rank)
        return ink_fail_at(error, INK_ERR_SHAPE, at, "%s: has %ld dimensions, wanted %lu",
                           row->name, (long)(int32_t)rank, (unsigned long)row->rank);
    *tensor = (ink_tensor_info){ .name = row->name, .type = INK_F32, .rank = rank };
    uint64_t bytes = sizeof(float);
    for (uint32_t i = rank; i-- > 0;) { /* the file has the fastest first */
        uint32_t dim;
        at = cursor->at;
        if (!ink_cursor_u32(cursor, &dim))
            return ink_fail_at(error, INK_ERR_TRUNCATED, at, "%s: file ends in its dimensions",
                               row->name);
        if (dim == 0 || dim > INT32_MAX)
            return ink_fail_at(error, INK_ERR_SHAPE, at,
                               "%s: dimension %lu is %ld, wanted 1 or more", row->name,
                               (unsigned long)(rank - 1 - i), (long)(int32_t)dim);
        bool counted = ink_mul_u64(bytes, dim, &bytes);
        assert(counted && "4 * 2^31 * 2^31 is less than 2^64");
        (void)counted;
        tensor->dim[i] = dim;
    }
    tensor->bytes = bytes;
    at = cursor->at;
    tensor->data = ink_cursor_bytes(cursor, bytes);
    if (!tensor->data)
        return ink_fail_at(error, INK_ERR_TRUNCATED, at, "%s: needs %llu bytes, %zu are left",
                           row->name, (unsigned long long)bytes, ink_cursor_left(cursor));
    return INK_OK;
}

ink_status ink_ggml_bin_read(const void *data, size_t size,
                             ink_tensor_info tensors[INK_GGML_BIN_TENSORS], ink_error *error)
{
    ink_cursor cursor = { .data = data, .size = size };
    ink_tensor_info found[INK_GGML_BIN_TENSORS];
    uint32_t word;
    if (size == 0)
        return ink_fail(error, INK_ERR_TRUNCATED, "file is empty");
    if (!ink_cursor_u32(&cursor, &word))
        return ink_fail(error, INK_ERR_TRUNCATED, "the magic needs 4 bytes, %zu are there", size);
    if (ink_load_u32be(data) == magic)
        return ink_fail(error, INK_ERR_ENDIAN, "is a big-endian ggml file");
    if (word != magic)
        return ink_fail(error, INK_ERR_MAGIC, "magic is 0x%08lx, wanted 0x%08lx",
                        (unsigned long)word, (unsigned long)magic);
    for (size_t i = 0; i < INK_GGML_BIN_TENSORS; i++)
        INK_TRY(read_tensor(&cursor, &rows[i], &found[i], error));
    if (ink_cursor_left(&cursor))
        return ink_fail_at(error, INK_ERR_TRAILING, cursor.at, "%zu bytes follow the last tensor",
                           ink_cursor_left(&cursor));
    memcpy(tensors, found, sizeof found);
    return INK_OK;
}

static char *put_u32(char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        *to++ = (char)(value >> 8 * i & 0xff);
    return to;
}

ink_status ink_ggml_bin_write(const ink_tensor_info tensors[INK_GGML_BIN_TENSORS],
                              const ink_allocator *allocator, ink_buffer *out, ink_error *error)
{
    uint64_t size = 4;
    bool counted = true;
    for (size_t i = 0; i < INK_GGML_BIN_TENSORS; i++) {
        assert(tensors[i].type == INK_F32 && tensors[i].rank == rows[i].rank);
        counted = counted && ink_add_u64(size, 4 + 4 * (uint64_t)tensors[i].rank, &size) &&
                  ink_add_u64(size, tensors[i].bytes, &size);
    }
    char *data = counted && size < SIZE_MAX ? ink_alloc(allocator, (size_t)size + 1) : NULL;
    if (!data)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for a file of %llu bytes",
                        (unsigned long long)size);
    char *at = put_u32(data, magic);
    for (size_t i = 0; i < INK_GGML_BIN_TENSORS; i++) {
        at = put_u32(at, tensors[i].rank);
        for (uint32_t j = tensors[i].rank; j-- > 0;)
            at = put_u32(at, tensors[i].dim[j]);
        memcpy(at, tensors[i].data, (size_t)tensors[i].bytes);
        at += tensors[i].bytes;
    }
    *at = 0;
    *out = (ink_buffer){ data, (size_t)size, *allocator };
    return INK_OK;
}
