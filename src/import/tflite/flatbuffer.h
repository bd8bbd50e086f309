/* FlatBuffers without generated code: tables, vectors and strings, every offset checked before it is followed.
 * https://flatbuffers.dev/internals tells the format.
 *
 * Where something lies outside the file, what was asked for is as if it were not there, and `broken` says so: a
 * reader asks once, ink_flat_check, when it has what it wants. */
#ifndef INK_FLATBUFFER_H
#define INK_FLATBUFFER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ink_flat {
    const uint8_t *data;
    size_t size;
    bool broken;
    size_t broken_at; /* the first field that leads nowhere */
} ink_flat;

/* A table that is not there has no fields: all have their defaults. */
typedef struct ink_flat_table {
    size_t at; /* 0: not there */
    size_t vtable, vtable_size, table_size;
} ink_flat_table;

/* `count` elements that lie within the file. */
typedef struct ink_flat_vector {
    size_t at, count;
} ink_flat_vector;

/* A string, not ended by a NUL that could be relied on. */
typedef struct ink_flat_string {
    const char *text; /* never NULL */
    size_t length;
} ink_flat_string;

/* At most 4 GiB, for offsets have 32 bits. */
ink_flat ink_flat_open(const uint8_t *data, size_t size);
ink_flat_table ink_flat_root(ink_flat *flat);

/* Fields have numbers, from 0, in the order of the schema. */
bool ink_flat_has(ink_flat *flat, const ink_flat_table *table, unsigned field);
int32_t ink_flat_i8(ink_flat *flat, const ink_flat_table *table, unsigned field, int32_t fallback);
uint32_t ink_flat_u8(ink_flat *flat, const ink_flat_table *table, unsigned field, uint32_t fallback);
int32_t ink_flat_i32(ink_flat *flat, const ink_flat_table *table, unsigned field, int32_t fallback);
uint32_t ink_flat_u32(ink_flat *flat, const ink_flat_table *table, unsigned field, uint32_t fallback);
uint64_t ink_flat_u64(ink_flat *flat, const ink_flat_table *table, unsigned field, uint64_t fallback);
float ink_flat_f32(ink_flat *flat, const ink_flat_table *table, unsigned field, float fallback);
ink_flat_table ink_flat_sub(ink_flat *flat, const ink_flat_table *table, unsigned field);
ink_flat_string ink_flat_text(ink_flat *flat, const ink_flat_table *table, unsigned field);
/* Elements of `size` bytes each; empty when it is not there. */
ink_flat_vector ink_flat_list(ink_flat *flat, const ink_flat_table *table, unsigned field, size_t size);

/* Elements of a vector; `index` is below its count. */
int32_t ink_flat_list_i32(const ink_flat *flat, ink_flat_vector list, size_t index);
ink_flat_table ink_flat_list_table(ink_flat *flat, ink_flat_vector list, size_t index);

/* Errors: INK_ERR_FORMAT, with the place, if anything lay outside the file. */
ink_status ink_flat_check(const ink_flat *flat, ink_error *error);

#endif
