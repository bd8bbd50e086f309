/* IDX, MNIST's format: two zero bytes, the element type, the rank, a big-endian u32 for each
 * dimension, slowest first, then the elements. ink_idx_parse and ink_idx_save are declared in
 * inkling.h. */
#include "base/checked.h"
#include "base/cursor.h"
#include "base/file.h"

enum { HEADER = 4, TYPE_U8 = 0x08 };

static const char *type_name(uint8_t type)
{
    switch (type) {
    case 0x08: return "uint8";
    case 0x09: return "int8";
    case 0x0b: return "int16";
    case 0x0c: return "int32";
    case 0x0d: return "float32";
    case 0x0e: return "float64";
    default: return "unknown";
    }
}

static ink_status read_header(ink_cursor *cursor, ink_idx *idx, ink_error *error)
{
    if (cursor->size == 0)
        return ink_fail(error, INK_ERR_TRUNCATED, "file is empty");
    const uint8_t *head = ink_cursor_bytes(cursor, HEADER);
    if (!head)
        return ink_fail(error, INK_ERR_TRUNCATED, "the header needs %d bytes, %zu are there",
                        HEADER, cursor->size);
    if (head[0] == 0x1f && head[1] == 0x8b)
        return ink_fail(error, INK_ERR_MAGIC,
                        "is compressed with gzip, wanted an IDX file: unpack it with gunzip");
    if (head[0] || head[1])
        return ink_fail(error, INK_ERR_MAGIC, "begins with 0x%02x%02x, wanted 0x0000 for IDX",
                        head[0], head[1]);
    if (head[2] != TYPE_U8)
        return ink_fail_at(error, INK_ERR_TYPE, 2,
                           "element type is 0x%02x (%s), wanted 0x%02x (uint8)", head[2],
                           type_name(head[2]), TYPE_U8);
    if (head[3] == 0 || head[3] > INK_MAX_DIMS)
        return ink_fail_at(error, INK_ERR_SHAPE, 3, "has %u dimensions, wanted 1 to %d", head[3],
                           INK_MAX_DIMS);
    idx->rank = head[3];
    for (uint32_t i = 0; i < idx->rank; i++) {
        uint64_t at = cursor->at;
        const uint8_t *dim = ink_cursor_bytes(cursor, 4);
        if (!dim)
            return ink_fail_at(error, INK_ERR_TRUNCATED, at, "file ends in dimension %lu of %lu",
                               (unsigned long)i, (unsigned long)idx->rank);
        idx->dim[i] = ink_load_u32be(dim);
        if (idx->dim[0] == 0)
            return ink_fail_at(error, INK_ERR_SHAPE, at, "has 0 items, wanted 1 or more");
        if (idx->dim[i] == 0)
            return ink_fail_at(error, INK_ERR_SHAPE, at, "dimension %lu is 0, wanted 1 or more",
                               (unsigned long)i);
    }
    return INK_OK;
}

/* False when the product cannot be counted in 64 bits. */
static bool count_bytes(uint32_t rank, const uint32_t *dim, uint64_t *bytes)
{
    *bytes = 1;
    for (uint32_t i = 0; i < rank; i++)
        if (!ink_mul_u64(*bytes, dim[i], bytes))
            return false;
    return true;
}

static ink_status parse(ink_cursor *cursor, ink_idx *idx, ink_error *error)
{
    INK_TRY(read_header(cursor, idx, error));
    uint64_t bytes;
    if (!count_bytes(idx->rank, idx->dim, &bytes))
        return ink_fail_at(error, INK_ERR_TRUNCATED, HEADER,
                           "the elements cannot be counted in 64 bits, %zu bytes are left",
                           ink_cursor_left(cursor));
    uint64_t at = cursor->at;
    idx->data = ink_cursor_bytes(cursor, bytes);
    if (!idx->data)
        return ink_fail_at(error, INK_ERR_TRUNCATED, at,
                           "the elements need %llu bytes, %zu are left", (unsigned long long)bytes,
                           ink_cursor_left(cursor));
    if (ink_cursor_left(cursor))
        return ink_fail_at(error, INK_ERR_TRAILING, cursor->at, "%zu bytes follow the last item",
                           ink_cursor_left(cursor));
    idx->items = idx->dim[0];
    idx->item_bytes = (size_t)(bytes / idx->dim[0]);
    return INK_OK;
}

ink_status ink_idx_parse(const void *data, size_t size, const char *name, ink_idx *out,
                         ink_error *error)
{
    if ((!data && size) || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_idx_parse: an argument is NULL");
    ink_cursor cursor = { .data = data, .size = size };
    ink_idx idx = { 0 };
    ink_status status = parse(&cursor, &idx, error);
    if (status) {
        ink_error_prefix(error, name ? name : "memory");
        return status;
    }
    *out = idx;
    return INK_OK;
}

enum { LARGEST_HEADER = HEADER + 4 * INK_MAX_DIMS };

static ink_status make_header(uint32_t rank, const uint32_t *dim, uint8_t header[LARGEST_HEADER],
                              uint64_t *bytes, ink_error *error)
{
    if (rank == 0 || rank > INK_MAX_DIMS)
        return ink_fail(error, INK_ERR_ARGUMENT, "rank is %lu, wanted 1 to %d",
                        (unsigned long)rank, INK_MAX_DIMS);
    header[0] = header[1] = 0;
    header[2] = TYPE_U8;
    header[3] = (uint8_t)rank;
    for (uint32_t i = 0; i < rank; i++) {
        if (dim[i] == 0)
            return ink_fail(error, INK_ERR_ARGUMENT, "dimension %lu is 0, wanted 1 or more",
                            (unsigned long)i);
        for (uint32_t j = 0; j < 4; j++)
            header[HEADER + 4 * i + j] = (uint8_t)(dim[i] >> (24 - 8 * j));
    }
    if (!count_bytes(rank, dim, bytes) || *bytes > SIZE_MAX)
        return ink_fail(error, INK_ERR_ARGUMENT, "the dimensions are more than memory can hold");
    return INK_OK;
}

ink_status ink_idx_save(const char *path, uint32_t rank, const uint32_t *dim, const uint8_t *data,
                        ink_error *error)
{
    if (!path || !dim || !data)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_idx_save: an argument is NULL");
    uint8_t header[LARGEST_HEADER];
    uint64_t bytes = 0;
    ink_status status = make_header(rank, dim, header, &bytes, error);
    if (status) {
        ink_error_prefix(error, path);
        return status;
    }
    ink_file_part parts[] = { { header, HEADER + 4 * (size_t)rank }, { data, (size_t)bytes } };
    return ink_file_write(path, parts, sizeof parts / sizeof *parts, error);
}
