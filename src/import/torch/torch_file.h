/* PyTorch's files: what torch.save was given, and the tensors in it.
 *
 * Since 1.6 they are zip archives with one folder: data.pkl, and data/KEY for each storage; a TorchScript archive
 * is the same with code and constants beside it. Before, they were four pickles and the storages one
 * behind the other. (torch/serialization.py tells both.) */
#ifndef INK_TORCH_FILE_H
#define INK_TORCH_FILE_H

#include "import/torch/pickle.h"
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
    const char *storage_folder; /* below it, "data/" */
    ink_torch_storage *storages;
    size_t storage_count, storage_room;
    struct ink_torch_read *read; /* tensors that ink_torch_tensor_once gave */
    size_t read_count, read_room;
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

/* A member of the archive, by its name below the folder; `*bytes` is NULL where there is none. */
ink_status ink_torch_member(ink_torch_file *file, const char *name, const uint8_t **bytes, size_t *size,
                            ink_error *error);

/* What TorchScript keeps beside its modules, as a file of its own: the tuple of "constants", the dict of
 * "traced_inputs". `beside` is not to be closed, and lives as long as `file`. Errors: those of ink_torch_open;
 * INK_ERR_MISSING where there is no such thing. */
ink_status ink_torch_beside(ink_torch_file *file, const char *name, ink_torch_file *beside, ink_error *error);

/* The sizes of a tensor that is not read; false where they are malformed. */
bool ink_torch_sizes(const ink_pickle *value, uint32_t *rank, uint64_t dim[INK_WEIGHT_DIMS]);

/* Is the value a tensor or parameter? */
bool ink_torch_is_tensor(const ink_pickle *value);

/* Reads it; `name` is for errors, and becomes weight->name.
 * Errors: INK_ERR_FORMAT, INK_ERR_MISSING for its storage, INK_ERR_TYPE, INK_ERR_SHAPE, INK_ERR_LIMIT,
 * INK_ERR_MEMORY. */
ink_status ink_torch_tensor(ink_torch_file *file, const ink_pickle *value, const char *name, ink_weight *weight,
                            ink_error *error);

/* The same for who may come to a value again: it is read once. INK_ERR_FORMAT stands for INK_ERR_SHAPE, which is for
 * networks. */
ink_status ink_torch_tensor_once(ink_torch_file *file, const ink_pickle *value, const char *name,
                                 const ink_weight **weight, ink_error *error);

#endif
