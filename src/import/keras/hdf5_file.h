/* HDF5 files, by libhdf5: groups, text attributes and tensors of files that lie in memory. Keras' .h5 are such.
 *
 * libhdf5 is large, and not made for files of strangers: programs let it run in a process that can do nothing else.
 * What a file can ask for is bounded here all the same: links to other files, storage in them, virtual datasets and
 * filters other than gzip's and the one that shuffles bytes before it are refused, and sizes compared with limits
 * before memory is taken. The format: https://docs.hdfgroup.org/hdf5/v1_14/_f_m_t3.html */
#ifndef INK_HDF5_FILE_H
#define INK_HDF5_FILE_H

#include "import/weights.h"

typedef struct ink_hdf5 ink_hdf5;

enum { INK_HDF5_MOST_TEXT = 16 << 20, INK_HDF5_MOST_NAMES = 4096, INK_HDF5_MOST_FLOATS = 1 << 28 };

typedef struct ink_hdf5_names {
    const char **names;
    size_t count, room;
} ink_hdf5_names;

/* Does it begin as such a file does? */
bool ink_hdf5_is(const uint8_t *data, size_t size);

/* `data` stays the caller's, and must live as long as the file; what is read goes to the arena.
 * Errors: INK_ERR_FORMAT, INK_ERR_MEMORY; INK_ERR_OPEN in a build without libhdf5. */
ink_status ink_hdf5_open(const uint8_t *data, size_t size, ink_arena *arena, ink_hdf5 **out, ink_error *error);
void ink_hdf5_close(ink_hdf5 **file);

/* Paths are names of groups with slashes between them; "" is the root. */
bool ink_hdf5_has(const ink_hdf5 *file, const char *path);

/* The text of an object's attribute; `*text` is NULL, and the status INK_OK, where there is none.
 * Errors: INK_ERR_FORMAT, INK_ERR_LIMIT, INK_ERR_MEMORY; so do those below. */
ink_status ink_hdf5_text(const ink_hdf5 *file, const char *path, const char *attribute, const char **text,
                         ink_error *error);

/* A list of texts, which may be split over attributes with 0, 1, ... behind the name. `*found` is whether there is
 * such an attribute. */
ink_status ink_hdf5_list(const ink_hdf5 *file, const char *path, const char *attribute, ink_hdf5_names *list,
                         bool *found, ink_error *error);

/* What is in a group, in the order of names. */
ink_status ink_hdf5_children(const ink_hdf5 *file, const char *path, ink_hdf5_names *list, ink_error *error);

/* A dataset of numbers as floats, called `name`. `out->data` is NULL, and the status INK_OK, where there is none. All
 * that is read of a file together is bounded. Errors: also INK_ERR_TYPE, INK_ERR_SHAPE. */
ink_status ink_hdf5_tensor(ink_hdf5 *file, const char *path, const char *name, ink_weight *out, ink_error *error);

#endif
