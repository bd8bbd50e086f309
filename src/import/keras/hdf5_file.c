#include "import/keras/hdf5_file.h"

#include "base/checked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ink_hdf5_is(const uint8_t *data, size_t size)
{
    static const uint8_t magic[] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

#if INK_HAVE_HDF5

#include <hdf5.h>

enum { DEFLATE_MOST = 1100 /* deflate makes at most 1032 bytes of one */, NAME_MOST = 512 };

struct ink_hdf5 {
    hid_t id;
    ink_arena *arena;
    uint8_t *data;
    uint64_t floats; /* read so far */
};

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory to read an HDF5 file");
}

/* ---- the file, in the caller's memory: it is only read, so libhdf5 gets it as it is in place of copies ---- */

static void *image_malloc(size_t size, H5FD_file_image_op_t operation, void *data)
{
    (void)size;
    (void)operation;
    return data;
}

static void *image_memcpy(void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *data)
{
    (void)from;
    (void)size;
    (void)operation;
    (void)data;
    return to;
}

static void *image_realloc(void *block, size_t size, H5FD_file_image_op_t operation, void *data)
{
    (void)block;
    (void)size;
    (void)operation;
    (void)data;
    return NULL;
}

static herr_t image_free(void *block, H5FD_file_image_op_t operation, void *data)
{
    (void)block;
    (void)operation;
    (void)data;
    return 0;
}

static void *image_data_copy(void *data)
{
    return data;
}

static herr_t image_data_free(void *data)
{
    (void)data;
    return 0;
}

ink_status ink_hdf5_open(const uint8_t *data, size_t size, ink_arena *arena, ink_hdf5 **out, ink_error *error)
{
    enum { STEP = 1 << 16 };
    ink_hdf5 *file = *out = ink_arena_array(arena, 1, sizeof *file);
    if (!file)
        return no_memory(error);
    *file = (ink_hdf5){ .id = H5I_INVALID_HID, .arena = arena, .data = (uint8_t *)(uintptr_t)data };
    H5FD_file_image_callbacks_t callbacks = { image_malloc, image_memcpy, image_realloc, image_free,
                                              image_data_copy, image_data_free, file->data };
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0); /* no filters from files */
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_fapl_core(access, STEP, false) >= 0 &&
        H5Pset_file_image_callbacks(access, &callbacks) >= 0 && H5Pset_file_image(access, file->data, size) >= 0)
        file->id = H5Fopen("/dev/null/none", H5F_ACC_RDONLY, access); /* it looks for such a file too */
    H5Pclose(access);
    if (file->id >= 0)
        return INK_OK;
    *out = NULL;
    return ink_fail(error, INK_ERR_FORMAT, "the HDF5 file cannot be read: it is damaged or cut");
}

void ink_hdf5_close(ink_hdf5 **file)
{
    if (*file)
        H5Fclose((*file)->id);
    *file = NULL;
}

/* ---- objects ---- */

/* The object at a path of plain links, for H5Oclose; below 0 where there is none. Links to other files, and those by
 * name, are as if they were not there. */
static hid_t open_object(const ink_hdf5 *file, const char *path)
{
    hid_t at = H5Oopen(file->id, "/", H5P_DEFAULT);
    while (at >= 0 && *path) {
        char name[NAME_MOST];
        const size_t length = strcspn(path, "/");
        hid_t next = H5I_INVALID_HID;
        H5L_info_t info;
        if (length && length < sizeof name && !(length == 1 && *path == '.')) {
            memcpy(name, path, length);
            name[length] = 0;
            if (H5Iget_type(at) == H5I_GROUP && H5Lexists(at, name, H5P_DEFAULT) > 0 &&
                H5Lget_info(at, name, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD)
                next = H5Oopen(at, name, H5P_DEFAULT);
        }
        H5Oclose(at);
        at = next;
        path += length + (path[length] == '/');
    }
    return at;
}

bool ink_hdf5_has(const ink_hdf5 *file, const char *path)
{
    const hid_t object = open_object(file, path);
    if (object >= 0)
        H5Oclose(object);
    return object >= 0;
}

static ink_status add_name(const ink_hdf5 *file, ink_hdf5_names *list, const char *name, size_t length,
                           ink_error *error)
{
    if (list->count >= INK_HDF5_MOST_NAMES)
        return ink_fail(error, INK_ERR_LIMIT, "a list has more than %d names", INK_HDF5_MOST_NAMES);
    const char **names = ink_arena_grow(file->arena, list->names, list->count, sizeof *names, &list->room);
    const char *copy = ink_arena_string(file->arena, name, length);
    if (!names || !copy)
        return no_memory(error);
    list->names = names;
    list->names[list->count++] = copy;
    return INK_OK;
}

typedef struct listing {
    const ink_hdf5 *file;
    ink_hdf5_names *list;
    ink_status status;
    ink_error *error;
} listing;

static herr_t list_one(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    listing *l = context;
    (void)group;
    (void)info;
    l->status = add_name(l->file, l->list, name, strlen(name), l->error);
    return l->status ? -1 : 0;
}

ink_status ink_hdf5_children(const ink_hdf5 *file, const char *path, ink_hdf5_names *list, ink_error *error)
{
    listing l = { file, list, INK_OK, error };
    hsize_t at = 0;
    const hid_t group = open_object(file, path);
    if (group < 0)
        return INK_OK;
    const bool listed = H5Iget_type(group) != H5I_GROUP ||
                        H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, list_one, &l) >= 0;
    H5Oclose(group);
    return listed || l.status ? l.status
                              : ink_fail(error, INK_ERR_FORMAT, "group '%.200s' of the HDF5 file is damaged", path);
}

/* ---- attributes ---- */

/* The texts of one attribute that is open. */
static ink_status read_texts(const ink_hdf5 *file, hid_t attribute, const char *name, hid_t type, hid_t space,
                             ink_hdf5_names *list, ink_error *error)
{
    const hssize_t points = H5Sget_simple_extent_npoints(space);
    if (points == 0) /* an empty list is one of numbers */
        return INK_OK;
    if (points < 0 || H5Tget_class(type) != H5T_STRING)
        return ink_fail(error, INK_ERR_FORMAT, "attribute '%.60s' of the HDF5 file holds no text", name);
    const bool variable = H5Tis_variable_str(type) > 0;
    const size_t count = (size_t)points, each = variable ? sizeof(char *) : H5Tget_size(type);
    if (count > INK_HDF5_MOST_NAMES || !each || each > INK_HDF5_MOST_TEXT / count)
        return ink_fail(error, INK_ERR_LIMIT, "attribute '%.60s' of the HDF5 file has more than %d texts or %d MiB",
                        name, INK_HDF5_MOST_NAMES, INK_HDF5_MOST_TEXT >> 20);
    char *texts = ink_arena_array(file->arena, count, each);
    if (!texts)
        return no_memory(error);
    if (H5Aread(attribute, type, texts) < 0)
        return ink_fail(error, INK_ERR_FORMAT, "attribute '%.60s' of the HDF5 file is damaged", name);
    ink_status status = INK_OK;
    for (size_t i = 0; i < count && !status; i++) {
        const char *text = texts + i * each;
        if (variable)
            memcpy(&text, texts + i * each, sizeof text);
        const char *end = text && !variable ? memchr(text, 0, each) : NULL;
        const size_t length = !text ? 0 : variable ? strlen(text) : end ? (size_t)(end - text) : each;
        status = length > INK_HDF5_MOST_TEXT
                     ? ink_fail(error, INK_ERR_LIMIT, "attribute '%.60s' of the HDF5 file has more than %d MiB", name,
                                INK_HDF5_MOST_TEXT >> 20)
                     : add_name(file, list, text ? text : "", length, error);
    }
    if (variable)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    return status;
}

static ink_status read_attribute(const ink_hdf5 *file, hid_t object, const char *name, ink_hdf5_names *list,
                                 bool *found, ink_error *error)
{
    *found = object >= 0 && H5Aexists(object, name) > 0;
    if (!*found)
        return INK_OK;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    const ink_status status = type >= 0 && space >= 0
                                  ? read_texts(file, attribute, name, type, space, list, error)
                                  : ink_fail(error, INK_ERR_FORMAT, "attribute '%.60s' of the HDF5 file is damaged",
                                             name);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

ink_status ink_hdf5_text(const ink_hdf5 *file, const char *path, const char *attribute, const char **text,
                         ink_error *error)
{
    ink_hdf5_names list = { .count = 0 };
    bool found;
    const hid_t object = open_object(file, path);
    const ink_status status = read_attribute(file, object, attribute, &list, &found, error);
    H5Oclose(object);
    *text = list.count ? list.names[0] : NULL;
    return status;
}

ink_status ink_hdf5_list(const ink_hdf5 *file, const char *path, const char *attribute, ink_hdf5_names *list,
                         bool *found, ink_error *error)
{
    const hid_t object = open_object(file, path);
    ink_status status = read_attribute(file, object, attribute, list, found, error);
    bool more = !status && !*found;
    for (unsigned part = 0; more; part++) {
        char name[80];
        snprintf(name, sizeof name, "%.60s%u", attribute, part);
        status = read_attribute(file, object, name, list, &more, error);
        *found = *found || more;
        more = more && !status;
    }
    H5Oclose(object);
    return status;
}

/* ---- tensors ---- */

/* Is its data in this file, and stored in a way that cannot make much of little? */
static const char *storage_fault(hid_t set)
{
    const hid_t how = H5Dget_create_plist(set);
    const char *fault = how < 0 ? "is damaged" : NULL;
    if (!fault && (H5Pget_layout(how) == H5D_VIRTUAL || H5Pget_layout(how) < 0 || H5Pget_external_count(how) != 0))
        fault = "lies in another file; such are not opened";
    const int filters = fault ? 0 : H5Pget_nfilters(how);
    for (int i = 0; i < filters; i++) {
        unsigned flags, configuration;
        size_t values = 0;
        const H5Z_filter_t filter = H5Pget_filter2(how, (unsigned)i, &flags, &values, NULL, 0, NULL, &configuration);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE)
            fault = "is compressed otherwise than by gzip; save it by Keras as it is";
    }
    H5Pclose(how);
    return fault;
}

static ink_status read_shape(hid_t set, const char *path, ink_weight *out, ink_error *error)
{
    hsize_t dim[H5S_MAX_RANK];
    const hid_t space = H5Dget_space(set);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank >= 0 && rank <= INK_WEIGHT_DIMS)
        H5Sget_simple_extent_dims(space, dim, NULL);
    const bool simple = H5Sget_simple_extent_type(space) != H5S_NULL;
    H5Sclose(space);
    if (rank < 0 || rank > INK_WEIGHT_DIMS || !simple)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.200s' has %d dimensions, wanted %d at most", path, rank,
                        INK_WEIGHT_DIMS);
    out->rank = (uint32_t)rank;
    out->elements = 1;
    bool fits = true;
    for (int i = 0; i < rank; i++) {
        out->dim[i] = dim[i];
        fits = fits && ink_mul_u64(out->elements, dim[i], &out->elements);
    }
    return fits ? INK_OK : ink_fail(error, INK_ERR_LIMIT, "tensor '%.200s' has too many numbers", path);
}

static ink_status check_storage(const ink_hdf5 *file, hid_t set, const char *path, const ink_weight *tensor,
                                ink_error *error)
{
    const hid_t type = H5Dget_type(set);
    const H5T_class_t class = H5Tget_class(type);
    const size_t bytes = H5Tget_size(type);
    H5Tclose(type);
    if ((class != H5T_FLOAT && class != H5T_INTEGER) || !bytes || bytes > 8)
        return ink_fail(error, INK_ERR_TYPE, "tensor '%.200s' holds no numbers of 1 to 8 bytes", path);
    const char *fault = storage_fault(set);
    if (fault)
        return ink_fail(error, INK_ERR_FORMAT, "tensor '%.200s' %s", path, fault);
    if (tensor->elements > INK_HDF5_MOST_FLOATS - file->floats)
        return ink_fail(error, INK_ERR_LIMIT, "with tensor '%.200s' the file has more than %d numbers", path,
                        INK_HDF5_MOST_FLOATS);
    const uint64_t stored = H5Dget_storage_size(set);
    if (tensor->elements * bytes / DEFLATE_MOST > stored || (tensor->elements && !stored))
        return ink_fail(error, INK_ERR_LIMIT, "tensor '%.200s': %llu numbers cannot come from %llu bytes", path,
                        (unsigned long long)tensor->elements, (unsigned long long)stored);
    return INK_OK;
}

static ink_status read_dataset(ink_hdf5 *file, hid_t set, const char *path, ink_weight *out, ink_error *error)
{
    if (H5Iget_type(set) != H5I_DATASET)
        return ink_fail(error, INK_ERR_FORMAT, "'%.200s' of the HDF5 file is no tensor", path);
    INK_TRY(read_shape(set, path, out, error));
    INK_TRY(check_storage(file, set, path, out, error));
    float *data = ink_arena_array(file->arena, out->elements ? (size_t)out->elements : 1, sizeof *data);
    if (!data)
        return no_memory(error);
    file->floats += out->elements;
    if (out->elements && H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        return ink_fail(error, INK_ERR_FORMAT, "tensor '%.200s' of the HDF5 file is damaged or cut", path);
    out->data = data;
    out->source = data;
    return INK_OK;
}

ink_status ink_hdf5_tensor(ink_hdf5 *file, const char *path, const char *name, ink_weight *out, ink_error *error)
{
    *out = (ink_weight){ .name = name };
    const hid_t set = open_object(file, path);
    if (set < 0)
        return INK_OK;
    const ink_status status = read_dataset(file, set, path, out, error);
    H5Oclose(set);
    return status;
}

#else

ink_status ink_hdf5_open(const uint8_t *data, size_t size, ink_arena *arena, ink_hdf5 **out, ink_error *error)
{
    (void)data;
    (void)size;
    (void)arena;
    *out = NULL;
    return ink_fail(error, INK_ERR_OPEN, "holds HDF5, as Keras writes it: built without libhdf5, which reads that");
}

void ink_hdf5_close(ink_hdf5 **file)
{
    *file = NULL;
}

bool ink_hdf5_has(const ink_hdf5 *file, const char *path)
{
    (void)file;
    (void)path;
    return false;
}

ink_status ink_hdf5_text(const ink_hdf5 *file, const char *path, const char *attribute, const char **text,
                         ink_error *error)
{
    (void)file;
    (void)path;
    (void)attribute;
    *text = NULL;
    return ink_fail(error, INK_ERR_OPEN, "built without libhdf5");
}

ink_status ink_hdf5_list(const ink_hdf5 *file, const char *path, const char *attribute, ink_hdf5_names *list,
                         bool *found, ink_error *error)
{
    (void)file;
    (void)path;
    (void)attribute;
    (void)list;
    *found = false;
    return ink_fail(error, INK_ERR_OPEN, "built without libhdf5");
}

ink_status ink_hdf5_children(const ink_hdf5 *file, const char *path, ink_hdf5_names *list, ink_error *error)
{
    (void)file;
    (void)path;
    (void)list;
    return ink_fail(error, INK_ERR_OPEN, "built without libhdf5");
}

ink_status ink_hdf5_tensor(ink_hdf5 *file, const char *path, const char *name, ink_weight *out, ink_error *error)
{
    (void)file;
    (void)path;
    *out = (ink_weight){ .name = name };
    return ink_fail(error, INK_ERR_OPEN, "built without libhdf5");
}

#endif
