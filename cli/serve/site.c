#include "serve/site.h"

#include "common/say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef INK_HAVE_ZLIB
#include <zlib.h>
#endif

enum { DEEPEST = 8, MOST_FILES = 4096, MOST_BYTES = 256 << 20 };

static const struct {
    const char *suffix, *type;
    bool packs; /* is it worth gzip's time? */
} types[] = {
    { ".html", "text/html; charset=utf-8", true },
    { ".js", "text/javascript; charset=utf-8", true },
    { ".mjs", "text/javascript; charset=utf-8", true },
    { ".css", "text/css; charset=utf-8", true },
    { ".json", "application/json", true },
    { ".webmanifest", "application/manifest+json", true },
    { ".wasm", "application/wasm", true },
    { ".txt", "text/plain; charset=utf-8", true },
    { ".md", "text/plain; charset=utf-8", true },
    { ".ts", "text/plain; charset=utf-8", true },
    { ".svg", "image/svg+xml", true },
    { ".png", "image/png", false },
    { ".jpg", "image/jpeg", false },
    { ".jpeg", "image/jpeg", false },
    { ".ico", "image/x-icon", false },
    { ".pgm", "image/x-portable-graymap", true },
    { ".gguf", "application/octet-stream", false },
    { ".bin", "application/octet-stream", false },
    { ".gz", "application/gzip", false }, /* as it is: the page itself inflates it */
    { "-ubyte", "application/octet-stream", true }, /* IDX */
};

static size_t type_of(const char *name)
{
    const size_t length = strlen(name), count = sizeof types / sizeof *types;
    for (size_t i = 0; i < count; i++) {
        const size_t tail = strlen(types[i].suffix);
        if (length > tail && strcasecmp(name + length - tail, types[i].suffix) == 0)
            return i;
    }
    return count;
}

/* ---- reading the folder ---- */

/* FNV-1a (Fowler, Noll, Vo): another content has another tag, as good as always; nobody gains by making two alike. */
static void write_etag(const site_file *file, const char *suffix, char *etag, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < file->size; i++)
        hash = (hash ^ file->data[i]) * 0x100000001b3;
    snprintf(etag, size, "\"%016" PRIx64 "%s\"", hash, suffix);
}

#ifdef INK_HAVE_ZLIB

static void pack(site_file *file)
{
    z_stream stream = { 0 };
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    const size_t room = file->size - file->size / 8; /* what saves less is not worth inflating */
    file->packed = must_alloc(room, 1);
    stream.next_in = file->data;
    stream.avail_in = (uInt)file->size;
    stream.next_out = file->packed;
    stream.avail_out = (uInt)room;
    const bool fits = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    file->packed_size = fits ? room - stream.avail_out : 0;
    deflateEnd(&stream);
    if (!fits) {
        free(file->packed);
        file->packed = NULL;
    }
}

#else

static void pack(site_file *file)
{
    (void)file;
}

#endif

static int read_whole(int file, const char *path, uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t got = read(file, data + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return cli_failed("%s: cannot read: %s", path, got ? strerror(errno) : "it became shorter");
        at += (size_t)got;
    }
    return CLI_DONE;
}

static int check_room(const site *to, const char *path, uint64_t size)
{
    if (to->count == MOST_FILES)
        return cli_failed("%s: is one file more than the limit of %d; is that the page's folder?", path, MOST_FILES);
    if (size > MOST_BYTES - to->bytes)
        return cli_failed("%s: makes the folder larger than the limit of %d bytes; is that the page's folder?", path,
                          MOST_BYTES);
    return CLI_DONE;
}

/* `path` is the file's own, `name` what requests call it. */
static int add_file(int file, const char *path, const char *name, size_t size, site *to)
{
    const size_t type = type_of(name);
    int code = check_room(to, path, size);
    if (code)
        return code;
    site_file one = { .type = types[type].type, .size = size, .data = must_alloc(size, 1) };
    code = read_whole(file, path, one.data, size);
    if (code) {
        free(one.data);
        return code;
    }
    if (types[type].packs)
        pack(&one);
    write_etag(&one, "", one.etag, sizeof one.etag);
    write_etag(&one, "-z", one.packed_etag, sizeof one.packed_etag);
    text copy = { 0 };
    text_add(&copy, name);
    one.path = copy.data;
    if (to->count == to->capacity) {
        to->capacity = to->capacity ? 2 * to->capacity : 64;
        site_file *larger = must_alloc(to->capacity, sizeof *larger);
        if (to->count)
            memcpy(larger, to->files, to->count * sizeof *larger);
        free(to->files);
        to->files = larger;
    }
    to->files[to->count++] = one;
    to->bytes += size;
    return CLI_DONE;
}

static int add_folder(const char *path, const char *name, unsigned depth, site *to);

static int add_entry(const char *path, const char *name, unsigned depth, site *to)
{
    struct stat facts;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for its other end */
    if (file < 0 || fstat(file, &facts)) {
        const int why = errno;
        if (file >= 0)
            close(file);
        return cli_failed("%s: cannot read: %s", path, strerror(why));
    }
    int code = CLI_DONE;
    if (S_ISDIR(facts.st_mode))
        code = add_folder(path, name, depth + 1, to);
    else if (S_ISREG(facts.st_mode) && type_of(name) < sizeof types / sizeof *types)
        code = add_file(file, path, name, (size_t)facts.st_size, to);
    close(file);
    return code;
}

static int add_folder(const char *path, const char *name, unsigned depth, site *to)
{
    DIR *folder = opendir(path);
    if (!folder)
        return cli_failed("%s: cannot read the folder: %s", path, strerror(errno));
    int code = CLI_DONE;
    if (depth > DEEPEST)
        code = cli_failed("%s: is more than %d folders deep; is that the page's folder?", path, DEEPEST);
    for (struct dirent *entry; !code && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "node_modules") == 0)
            continue;
        text whole = { 0 }, called = { 0 };
        text_printf(&whole, "%s/%s", path, entry->d_name);
        text_printf(&called, "%s/%s", name, entry->d_name);
        code = add_entry(whole.data, called.data, depth, to);
        text_free(&whole);
        text_free(&called);
    }
    closedir(folder);
    return code;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const site_file *)a)->path, ((const site_file *)b)->path);
}

int site_open(const char *folder, site *out)
{
    *out = (site){ 0 };
    int code = add_folder(folder, "", 0, out);
    if (code)
        site_close(out);
    else if (out->count)
        qsort(out->files, out->count, sizeof *out->files, by_path);
    return code;
}

void site_close(site *closed)
{
    for (size_t i = 0; i < closed->count; i++) {
        free(closed->files[i].path);
        free(closed->files[i].data);
        free(closed->files[i].packed);
    }
    free(closed->files);
    *closed = (site){ 0 };
}

/* ---- answering ---- */

const site_file *site_find(const site *in, const char *path)
{
    const size_t length = strlen(path);
    text whole = { 0 };
    text_add(&whole, path);
    text_add(&whole, length && path[length - 1] == '/' ? "index.html" : "");
    const site_file wanted = { .path = whole.data };
    const site_file *found = in->count ? bsearch(&wanted, in->files, in->count, sizeof *in->files, by_path) : NULL;
    text_free(&whole);
    return found;
}

/* Does a list of names like "gzip;q=1.0, br" hold `name`, and not with the weight 0? */
static bool accepts(const char *list, const char *name)
{
    const size_t length = strlen(name);
    while (list && *list) {
        list += strspn(list, " \t,");
        const size_t size = strcspn(list, ",");
        const char *rest = list + length;
        const bool ends = size == length || (size > length && (*rest == ';' || *rest == ' '));
        if (ends && strncasecmp(list, name, length) == 0) {
            const char *weight = size > length ? strstr(rest, "q=") : NULL;
            return !weight || weight >= list + size || strtod(weight + 2, NULL) > 0;
        }
        list += size;
    }
    return false;
}

/* Is `etag` in an If-None-Match? A weak tag does there. */
static bool knows(const char *list, const char *etag)
{
    return list && (strcmp(list, "*") == 0 || strstr(list, etag) != NULL);
}

void site_answer(const site_file *file, const request *asked, answer *to)
{
    const bool packed = file->packed && accepts(asked->accept_encoding, "gzip");
    to->is_file = true;
    to->type = file->type;
    to->etag = packed ? file->packed_etag : file->etag;
    to->encoding = packed ? "gzip" : NULL;
    to->status = 304;
    if (knows(asked->if_none_match, file->etag) || knows(asked->if_none_match, file->packed_etag))
        return;
    to->status = 200;
    to->file = packed ? file->packed : file->data;
    to->file_size = packed ? file->packed_size : file->size;
}
