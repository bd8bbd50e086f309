/* HDF5 files made by libhdf5, in memory. */
#ifndef TESTS_HDF5_FILES_H
#define TESTS_HDF5_FILES_H

#include "support.h"

#include <hdf5.h>

#include <string.h>

static inline hid_t hdf5_create(void)
{
    enum { STEP = 4096 };
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, STEP, false);
    const hid_t file = H5Fcreate("test", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    assert_true(file >= 0);
    H5Pclose(access);
    return file;
}

/* Ends the file, and gives its bytes. */
static inline blob hdf5_finish(hid_t file)
{
    blob bytes = { 0 };
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    const ssize_t size = H5Fget_file_image(file, NULL, 0);
    assert_true(size > 0);
    uint8_t *image = test_malloc((size_t)size);
    assert_true(H5Fget_file_image(file, image, (size_t)size) == size);
    blob_append(&bytes, image, (size_t)size);
    test_free(image);
    H5Fclose(file);
    return bytes;
}

/* A text attribute of `count` texts of a fixed length, or of their own; `count` 0: one that is no list. */
static inline void hdf5_texts(hid_t object, const char *name, const char *const *texts, size_t count, bool variable)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    const hsize_t dim = count;
    const hid_t space = count ? H5Screate_simple(1, &dim, NULL) : H5Screate(H5S_SCALAR);
    size_t longest = 1;
    for (size_t i = 0; i < (count ? count : 1); i++)
        longest = strlen(texts[i]) > longest ? strlen(texts[i]) : longest;
    H5Tset_size(type, variable ? H5T_VARIABLE : longest);
    if (!variable)
        H5Tset_strpad(type, H5T_STR_NULLPAD);
    const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    char *fixed = test_calloc(count ? count : 1, longest);
    for (size_t i = 0; i < (count ? count : 1); i++)
        memcpy(fixed + i * longest, texts[i], strlen(texts[i]));
    assert_true(H5Awrite(attribute, type, variable ? (const void *)texts : fixed) >= 0);
    test_free(fixed);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

/* A dataset with the groups before it; `how` are its creation properties, closed here, or H5P_DEFAULT. */
static inline void hdf5_tensor(hid_t file, const char *path, int rank, const hsize_t *dim, hid_t how, const float *data)
{
    const hid_t links = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(rank, dim, NULL);
    H5Pset_create_intermediate_group(links, 1);
    const hid_t set = H5Dcreate2(file, path, H5T_IEEE_F32LE, space, links, how, H5P_DEFAULT);
    assert_true(set >= 0);
    if (data)
        assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(links);
    if (how != H5P_DEFAULT)
        H5Pclose(how);
}

#endif
