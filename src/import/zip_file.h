/* Zip archives, by libzip: .keras and PyTorch's files are such. */
#ifndef INK_ZIP_FILE_H
#define INK_ZIP_FILE_H

#include "base/memory.h"

#include <stdint.h>

typedef struct ink_zip ink_zip;

/* All members together may give no more bytes than this, however small the archive is. */
enum { INK_ZIP_MOST_BYTES = 1 << 30 };

/* `data` stays the caller's, and must live as long as the archive.
 * Errors: INK_ERR_FORMAT, INK_ERR_MEMORY; INK_ERR_OPEN in a build without libzip. */
ink_status ink_zip_open(const void *data, size_t size, ink_zip **out, ink_error *error);
void ink_zip_close(ink_zip **zip);

/* The name of the i-th member, or NULL behind the last. */
const char *ink_zip_name(const ink_zip *zip, size_t index);

/* The member's bytes in the arena, its checksum compared. `*bytes` is NULL, and the status INK_OK, when there is no
 * such member. Errors: INK_ERR_FORMAT (encrypted, damaged, compressed in a way unknown), INK_ERR_LIMIT,
 * INK_ERR_MEMORY. */
ink_status ink_zip_read(ink_zip *zip, const char *name, ink_arena *arena, const uint8_t **bytes, size_t *size,
                        ink_error *error);

#endif
