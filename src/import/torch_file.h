/* PyTorch's files: what torch.save was given, and the tensors in it.
 *
 * Since 1.6 they are zip archives with one folder: data.pkl, and data/KEY for each storage; a TorchScript archive
 * is the same with code beside it, which is not looked at. Before, they were four pickles and the storages one
 * behind the other. (torch/serialization.py tells both.) */
#ifndef INK_TORCH_FILE_H
#define INK_TORCH_FILE_H

#include "import/pickle.h"
#include "import/weights.h"
#include "import/zip_file.h"

typedef struct ink_torch_storage {
    const char *key;
    const uint8_t *data;
    uint64_t size; /* bytes */
} ink_torch_storage;

typedef struct ink_torch_file {
    const ink_pickle *root;
    ink_arena *arena;
    ink_zip *zip;       /* NULL for the older form */
    const char *folder; /* in the archive, with the slash */
    ink_torch_storage *storages;
    size_t storage_count, storage_room;
    bool script; /* a TorchScript archive */
    uint64_t floats; /* given so far */
} ink_torch_file;

/* All tensors of a file together. */
enum { INK_TORCH_MOST_FLOATS = 1 << 28 };

/* Does it begin as such a file does? Any zip archive does. */
bool ink_torch_is(const uint8_t *data, size_t size);

/* `data` stays the caller's and must live as long; all else is in the arena, but for what ink_torch_close ends.
 * Errors: INK_ERR_MAGIC, those of ink_pickle_parse and ink_zip_read, INK_ERR_MISSING, INK_ERR_ENDIAN. */
ink_status ink_torch_open(const uint8_t *data, size_t size, ink_arena *arena, ink_torch_file *file, ink_error *error);
void ink_torch_close(ink_torch_file *file);

/* Is the value a tensor or parameter? */
bool ink_torch_is_tensor(const ink_pickle *value);

/* Reads it; `name` is for errors, and becomes weight->name.
 * Errors: INK_ERR_FORMAT, INK_ERR_MISSING for its storage, INK_ERR_TYPE, INK_ERR_SHAPE, INK_ERR_LIMIT,
 * INK_ERR_MEMORY. */
ink_status ink_torch_tensor(ink_torch_file *file, const ink_pickle *value, const char *name, ink_weight *weight,
                            ink_error *error);

#endif
