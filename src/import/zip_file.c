#include "import/zip_file.h"

#include "base/status.h"

#include <stdlib.h>

#if INK_HAVE_LIBZIP

#include <zip.h>

enum { DEFLATE_MOST = 1100 }; /* deflate makes at most 1032 bytes of one */

struct ink_zip {
    zip_t *archive;
    uint64_t read; /* bytes given so far */
};

static ink_status fail_by(ink_error *error, ink_status status, zip_error_t *why)
{
    const ink_status said = ink_fail(error, status, "the zip archive cannot be read: %s", zip_error_strerror(why));
    zip_error_fini(why);
    return said;
}

ink_status ink_zip_open(const void *data, size_t size, ink_zip **out, ink_error *error)
{
    zip_error_t why;
    zip_error_init(&why);
    *out = NULL;
    ink_zip *zip = calloc(1, sizeof *zip);
    zip_source_t *source = zip ? zip_source_buffer_create(data, size, 0, &why) : NULL;
    if (!source) {
        free(zip);
        zip_error_fini(&why);
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read a zip archive");
    }
    zip->archive = zip_open_from_source(source, ZIP_RDONLY, &why);
    if (!zip->archive) {
        zip_source_free(source);
        free(zip);
        return fail_by(error, INK_ERR_FORMAT, &why);
    }
    zip_error_fini(&why);
    *out = zip;
    return INK_OK;
}

void ink_zip_close(ink_zip **zip)
{
    if (!*zip)
        return;
    zip_discard((*zip)->archive);
    free(*zip);
    *zip = NULL;
}

const char *ink_zip_name(const ink_zip *zip, size_t index)
{
    return index < INT64_MAX ? zip_get_name(zip->archive, index, ZIP_FL_ENC_RAW) : NULL;
}

ink_status ink_zip_read(ink_zip *zip, const char *name, ink_arena *arena, const uint8_t **bytes, size_t *size,
                        ink_error *error)
{
    *bytes = NULL;
    *size = 0;
    const zip_int64_t index = zip_name_locate(zip->archive, name, ZIP_FL_ENC_RAW);
    zip_stat_t about;
    if (index < 0)
        return INK_OK;
    if (zip_stat_index(zip->archive, (zip_uint64_t)index, 0, &about) || !(about.valid & ZIP_STAT_SIZE))
        return ink_fail(error, INK_ERR_FORMAT, "member '%.200s': its size is not told", name);
    if (about.valid & ZIP_STAT_ENCRYPTION_METHOD && about.encryption_method != ZIP_EM_NONE)
        return ink_fail(error, INK_ERR_FORMAT, "member '%.200s' is encrypted", name);
    if (about.valid & ZIP_STAT_COMP_SIZE && about.size / DEFLATE_MOST > about.comp_size)
        return ink_fail(error, INK_ERR_LIMIT, "member '%.200s': %llu bytes cannot come from %llu compressed ones", name,
                        (unsigned long long)about.size, (unsigned long long)about.comp_size);
    if (about.size > INK_ZIP_MOST_BYTES - zip->read)
        return ink_fail(error, INK_ERR_LIMIT, "member '%.200s': with %llu bytes the archive has more than %d MiB", name,
                        (unsigned long long)about.size, INK_ZIP_MOST_BYTES >> 20);
    zip->read += about.size;
    zip_file_t *file = zip_fopen_index(zip->archive, (zip_uint64_t)index, 0);
    if (!file)
        return ink_fail(error, INK_ERR_FORMAT, "member '%.200s': %s", name, zip_strerror(zip->archive));
    uint8_t *to = ink_arena_array(arena, about.size ? (size_t)about.size : 1, 1);
    if (!to) {
        zip_fclose(file);
        return ink_fail(error, INK_ERR_MEMORY, "no memory for member '%.200s'", name);
    }
    /* Only a read that meets the end compares the checksum. */
    uint8_t more;
    const zip_int64_t got = zip_fread(file, to, about.size), rest = got < 0 ? got : zip_fread(file, &more, 1);
    ink_status status = INK_OK;
    if (rest < 0)
        status = ink_fail(error, INK_ERR_FORMAT, "member '%.200s': %s", name, zip_file_strerror(file));
    else if ((zip_uint64_t)got != about.size || rest)
        status = ink_fail(error, INK_ERR_FORMAT, "member '%.200s' has not the %llu bytes that its entry says", name,
                          (unsigned long long)about.size);
    zip_fclose(file);
    if (!status) {
        *bytes = to;
        *size = (size_t)about.size;
    }
    return status;
}

#else

ink_status ink_zip_open(const void *data, size_t size, ink_zip **out, ink_error *error)
{
    (void)data;
    (void)size;
    *out = NULL;
    return ink_fail(error, INK_ERR_OPEN, "is a zip archive: built without libzip, which reads those");
}

void ink_zip_close(ink_zip **zip)
{
    *zip = NULL;
}

const char *ink_zip_name(const ink_zip *zip, size_t index)
{
    (void)zip;
    (void)index;
    return NULL;
}

ink_status ink_zip_read(ink_zip *zip, const char *name, ink_arena *arena, const uint8_t **bytes, size_t *size,
                        ink_error *error)
{
    (void)zip;
    (void)name;
    (void)arena;
    *bytes = NULL;
    *size = 0;
    return ink_fail(error, INK_ERR_OPEN, "built without libzip");
}

#endif
