/* GGUF, the file format of ggml (specification: docs/gguf.md in ggml's repository), versions 2 and 3,
 * little-endian. This layer knows keys, values and tensors; what they mean is src/model's business. */
#ifndef INK_GGUF_H
#define INK_GGUF_H

#include "base/names.h"

typedef enum ink_gguf_type {
    INK_GGUF_U8 = 0, INK_GGUF_I8 = 1, INK_GGUF_U16 = 2, INK_GGUF_I16 = 3, INK_GGUF_U32 = 4,
    INK_GGUF_I32 = 5, INK_GGUF_F32 = 6, INK_GGUF_BOOL = 7, INK_GGUF_STRING = 8, INK_GGUF_ARRAY = 9,
    INK_GGUF_U64 = 10, INK_GGUF_I64 = 11, INK_GGUF_F64 = 12, INK_GGUF_TYPES = 13
} ink_gguf_type;

/* A string value: `text` has a NUL behind its `length` bytes and may hold others inside. */
typedef struct ink_gguf_string {
    const char *text;
    uint64_t length;
} ink_gguf_string;

/* `metadata[i].values` points to ink_gguf_string items for strings and else to the packed
 * little-endian bytes, as the file has them and maybe unaligned. Keys, names and strings lie in the
 * arena; values and tensor data point into the file's bytes when it was read. Tensor dimensions are
 * slowest first here, fastest first in the file. */
typedef struct ink_gguf {
    uint32_t version;   /* 2 or 3 when read; always written as 3 */
    uint32_t alignment; /* bytes, see general.alignment */
    size_t metadata_count, tensor_count;
    ink_metadata *metadata;
    ink_tensor_info *tensors;
    /* The entries by name, when the file was read: a search among a million keys is short. Empty in
     * a file that is being put together, which is searched from its start. */
    ink_names by_key, by_name;
} ink_gguf;

/* True when the bytes begin with GGUF's magic. */
bool ink_gguf_is(const void *data, size_t size);

/* What general.quantization_version says of the blocks of today's types; a file with such a tensor has it. */
enum { INK_GGUF_QUANTIZATION = 2 };

/* Reads and checks the whole structure; no byte of tensor data is looked at. What it takes from the
 * arena is bounded by a small multiple of `size`. Errors: INK_ERR_TRUNCATED, _MAGIC, _VERSION,
 * _ENDIAN, _FORMAT, _LIMIT, _TYPE, _SHAPE, _MEMORY, with the byte offset of the field. */
ink_status ink_gguf_read(const void *data, size_t size, ink_arena *arena, ink_gguf *out,
                         ink_error *error);

/* Serialises to version 3 so that ggml's own loader takes it: contiguous, in order, each tensor
 * padded, the last one too. Errors: INK_ERR_MEMORY; INK_ERR_FORMAT for a name that is empty, too long
 * or there twice. */
ink_status ink_gguf_write(const ink_gguf *file, const ink_allocator *allocator, ink_buffer *out,
                          ink_error *error);

/* The entry with this key, or NULL. */
const ink_metadata *ink_gguf_find(const ink_gguf *file, const char *key);
/* The tensor with this name, or NULL. */
const ink_tensor_info *ink_gguf_tensor(const ink_gguf *file, const char *name);
/* GGUF's type of an entry's values (of its items, for an array). */
ink_gguf_type ink_gguf_value_type(const ink_metadata *entry);

/* Adds an entry to `file`, whose `metadata` array has room for it. `values` are `count` numbers, bytes
 * of 0 or 1, or ink_gguf_string items; they and the key are copied to the arena. Without memory the
 * file stays as it is and `arena->failed` is set. */
void ink_gguf_put(ink_gguf *file, ink_arena *arena, const char *key, ink_gguf_type type,
                  bool is_array, size_t count, const void *values);
void ink_gguf_put_string(ink_gguf *file, ink_arena *arena, const char *key, const char *text);
void ink_gguf_put_u32(ink_gguf *file, ink_arena *arena, const char *key, uint32_t value);
void ink_gguf_put_f32(ink_gguf *file, ink_arena *arena, const char *key, float value);

#endif
