#include "import/tflite/flatbuffer.h"

#include "base/cursor.h"

#include <string.h>

enum { VTABLE_HEADER = 4, OFFSET = 4 };

ink_flat ink_flat_open(const uint8_t *data, size_t size)
{
    return (ink_flat){ .data = data, .size = size <= UINT32_MAX ? size : UINT32_MAX };
}

static bool is_inside(const ink_flat *flat, size_t at, uint64_t size)
{
    return at <= flat->size && size <= flat->size - at;
}

static void set_broken(ink_flat *flat, size_t at)
{
    if (!flat->broken)
        flat->broken_at = at;
    flat->broken = true;
}

static uint16_t load_u16(const ink_flat *flat, size_t at)
{
    return (uint16_t)(flat->data[at] | flat->data[at + 1] << 8);
}

/* Where the offset at `at` leads, to `size` bytes at least; 0, where it leads nowhere. */
static size_t follow(ink_flat *flat, size_t at, size_t size)
{
    if (is_inside(flat, at, OFFSET)) {
        const uint64_t to = at + (uint64_t)ink_load_u32le(flat->data + at);
        if (to > at && to <= flat->size && is_inside(flat, (size_t)to, size))
            return (size_t)to;
    }
    set_broken(flat, at);
    return 0;
}

/* A table begins with the distance back to its vtable: two sizes in bytes, its own and the table's, and for each
 * field where it lies in the table, or 0. */
static ink_flat_table table_at(ink_flat *flat, size_t at)
{
    ink_flat_table table = { .at = at };
    if (!at)
        return table;
    const int64_t vtable = (int64_t)at - (int32_t)ink_load_u32le(flat->data + at);
    if (vtable >= 0 && vtable <= (int64_t)flat->size && is_inside(flat, (size_t)vtable, VTABLE_HEADER)) {
        table.vtable = (size_t)vtable;
        table.vtable_size = load_u16(flat, table.vtable);
        table.table_size = load_u16(flat, table.vtable + 2);
        if (table.vtable_size >= VTABLE_HEADER && is_inside(flat, table.vtable, table.vtable_size) &&
            is_inside(flat, at, table.table_size))
            return table;
    }
    set_broken(flat, at);
    return (ink_flat_table){ .at = 0 };
}

/* Where a field of `size` bytes lies; 0, where it is not there. */
static size_t field_at(ink_flat *flat, const ink_flat_table *table, unsigned field, size_t size)
{
    const size_t entry = VTABLE_HEADER + 2 * (size_t)field;
    if (!table->at || entry + 2 > table->vtable_size)
        return 0;
    const size_t offset = load_u16(flat, table->vtable + entry);
    if (!offset)
        return 0;
    if (offset + size <= table->table_size)
        return table->at + offset;
    set_broken(flat, table->vtable + entry);
    return 0;
}

ink_flat_table ink_flat_root(ink_flat *flat)
{
    return table_at(flat, follow(flat, 0, OFFSET));
}

bool ink_flat_has(ink_flat *flat, const ink_flat_table *table, unsigned field)
{
    return field_at(flat, table, field, 1) != 0;
}

int32_t ink_flat_i8(ink_flat *flat, const ink_flat_table *table, unsigned field, int32_t fallback)
{
    const size_t at = field_at(flat, table, field, 1);
    return at ? (int8_t)flat->data[at] : fallback;
}

uint32_t ink_flat_u8(ink_flat *flat, const ink_flat_table *table, unsigned field, uint32_t fallback)
{
    const size_t at = field_at(flat, table, field, 1);
    return at ? flat->data[at] : fallback;
}

uint32_t ink_flat_u32(ink_flat *flat, const ink_flat_table *table, unsigned field, uint32_t fallback)
{
    const size_t at = field_at(flat, table, field, 4);
    return at ? ink_load_u32le(flat->data + at) : fallback;
}

int32_t ink_flat_i32(ink_flat *flat, const ink_flat_table *table, unsigned field, int32_t fallback)
{
    return (int32_t)ink_flat_u32(flat, table, field, (uint32_t)fallback);
}

uint64_t ink_flat_u64(ink_flat *flat, const ink_flat_table *table, unsigned field, uint64_t fallback)
{
    const size_t at = field_at(flat, table, field, 8);
    return at ? ink_load_u64le(flat->data + at) : fallback;
}

float ink_flat_f32(ink_flat *flat, const ink_flat_table *table, unsigned field, float fallback)
{
    const size_t at = field_at(flat, table, field, 4);
    const uint32_t bits = at ? ink_load_u32le(flat->data + at) : 0;
    if (at)
        memcpy(&fallback, &bits, sizeof fallback);
    return fallback;
}

ink_flat_table ink_flat_sub(ink_flat *flat, const ink_flat_table *table, unsigned field)
{
    const size_t at = field_at(flat, table, field, OFFSET);
    return table_at(flat, at ? follow(flat, at, OFFSET) : 0);
}

ink_flat_vector ink_flat_list(ink_flat *flat, const ink_flat_table *table, unsigned field, size_t size)
{
    const size_t at = field_at(flat, table, field, OFFSET), to = at ? follow(flat, at, OFFSET) : 0;
    if (!to)
        return (ink_flat_vector){ 0, 0 };
    const uint32_t count = ink_load_u32le(flat->data + to);
    if (is_inside(flat, to + OFFSET, (uint64_t)count * size))
        return (ink_flat_vector){ to + OFFSET, count };
    set_broken(flat, to);
    return (ink_flat_vector){ 0, 0 };
}

ink_flat_string ink_flat_text(ink_flat *flat, const ink_flat_table *table, unsigned field)
{
    const ink_flat_vector letters = ink_flat_list(flat, table, field, 1);
    return (ink_flat_string){ letters.count ? (const char *)flat->data + letters.at : "", letters.count };
}

int32_t ink_flat_list_i32(const ink_flat *flat, ink_flat_vector list, size_t index)
{
    return (int32_t)ink_load_u32le(flat->data + list.at + 4 * index);
}

ink_flat_table ink_flat_list_table(ink_flat *flat, ink_flat_vector list, size_t index)
{
    return table_at(flat, follow(flat, list.at + OFFSET * index, OFFSET));
}

ink_status ink_flat_check(const ink_flat *flat, ink_error *error)
{
    if (!flat->broken)
        return INK_OK;
    return ink_fail_at(error, INK_ERR_FORMAT, flat->broken_at, "what the field at byte %zu tells of lies outside the "
                       "file: it is damaged or cut short", flat->broken_at);
}
