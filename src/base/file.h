/* Whole files: read with a limit, written so that a reader never sees half of one. */
#ifndef INK_FILE_H
#define INK_FILE_H

#include "base/memory.h"

/* Reads all of `path` into memory of `allocator`; the caller frees `*data`. A directory, a file that
 * changes its size meanwhile to more than `limit`, or one larger than that is an error that names the
 * path. Errors: INK_ERR_OPEN, INK_ERR_READ, INK_ERR_LIMIT, INK_ERR_MEMORY. */
ink_status ink_file_read(const ink_allocator *allocator, const char *path, uint64_t limit,
                         void **data, size_t *size, ink_error *error);

/* Writes the parts one after another to a temporary file beside `path`, syncs it, renames it to `path`
 * and syncs the folder. On failure the temporary file is removed and `path` is what it was.
 * A path that is there and no regular file (/dev/stdout, a pipe) is written in place.
 * Errors: INK_ERR_WRITE. */
typedef struct ink_file_part {
    const void *data;
    size_t size;
} ink_file_part;
ink_status ink_file_write(const char *path, const ink_file_part *parts, size_t count,
                          ink_error *error);

#endif
