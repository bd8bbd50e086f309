#include "common/slurp.h"

#include "common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef INK_HAVE_ZLIB
#include <zlib.h>
#endif

const char *slurp_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static bool is_gzip(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

static int too_large(const char *name)
{
    return cli_failed("%s: is larger than the limit of %zu bytes", name, SLURP_LIMIT);
}

/* Makes room for more; the block grows by half so that a large file is not held twice over. */
static int grow(bytes *block, size_t *capacity, const char *name)
{
    size_t larger = *capacity + *capacity / 2 + 4096;
    uint8_t *data = realloc(block->data, larger);
    if (!data)
        return cli_failed("%s: no memory for %zu bytes", name, larger);
    block->data = data;
    *capacity = larger;
    return 0;
}

static int read_all(int file, size_t expected, const char *name, bytes *out)
{
    size_t capacity = expected + 1; /* the byte that is not there tells the end */
    out->data = malloc(capacity);
    if (!out->data)
        return cli_failed("%s: no memory for %zu bytes", name, capacity);
    for (;;) {
        ssize_t got = read(file, out->data + out->size, capacity - out->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cli_failed("%s: cannot read: %s", name, strerror(errno));
        if (got == 0)
            return 0;
        out->size += (size_t)got;
        if (out->size > SLURP_LIMIT)
            return too_large(name);
        if (out->size == capacity && grow(out, &capacity, name))
            return CLI_FAILED;
    }
}

static int read_file(const char *path, bytes *out)
{
    const char *name = slurp_name(path);
    int file = name == path ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    if (file < 0)
        return cli_failed("%s: cannot open: %s", name, strerror(errno));
    struct stat facts;
    int code = 0;
    if (fstat(file, &facts))
        code = cli_failed("%s: cannot read: %s", name, strerror(errno));
    else if (S_ISDIR(facts.st_mode))
        code = cli_failed("%s: is a directory, wanted a file", name);
    else if (S_ISREG(facts.st_mode) && facts.st_size > (off_t)SLURP_LIMIT)
        code = too_large(name);
    else
        code = read_all(file, S_ISREG(facts.st_mode) ? (size_t)facts.st_size : 4096, name, out);
    close(file);
    return code;
}

#ifdef INK_HAVE_ZLIB

/* One member; `stream` knows the input that is left. */
static int inflate_member(z_stream *stream, const char *name, bytes *out, size_t *capacity)
{
    for (;;) {
        if (out->size == *capacity && grow(out, capacity, name))
            return CLI_FAILED;
        size_t room = *capacity - out->size < 1 << 30 ? *capacity - out->size : 1 << 30;
        stream->next_out = out->data + out->size;
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_NO_FLUSH);
        out->size += room - stream->avail_out;
        if (out->size > SLURP_LIMIT)
            return cli_failed("%s: inflates to more than the limit of %zu bytes", name,
                              SLURP_LIMIT);
        if (result == Z_STREAM_END)
            return 0;
        if (result == Z_BUF_ERROR || (result == Z_OK && stream->avail_in == 0 && stream->avail_out))
            return cli_failed("%s: the gzip data is cut: it ends before its checksum", name);
        if (result != Z_OK)
            return cli_failed("%s: the gzip data is damaged: %s", name,
                              stream->msg ? stream->msg : "not enough memory");
    }
}

static int inflate_all(const char *name, bytes *in, bytes *out)
{
    z_stream stream = { .next_in = in->data, .avail_in = (uInt)in->size };
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return cli_failed("%s: no memory to inflate", name);
    size_t capacity = 0;
    int code;
    do {
        code = inflate_member(&stream, name, out, &capacity);
        bool another = is_gzip(stream.next_in, stream.avail_in);
        if (!code && stream.avail_in > 0 && !another)
            code = cli_failed("%s: %u byte%s after the end of the gzip data", name,
                              stream.avail_in, plural(stream.avail_in));
    } while (!code && stream.avail_in > 0 && inflateReset(&stream) == Z_OK);
    inflateEnd(&stream);
    return code;
}

#else

static int inflate_all(const char *name, bytes *in, bytes *out)
{
    (void)in;
    (void)out;
    return cli_failed("%s: is compressed, and this inkling was built without zlib", name);
}

#endif

int slurp(const char *path, bytes *out)
{
    bytes file = { 0 };
    *out = (bytes){ 0 };
    int code = read_file(path, &file);
    if (!code && is_gzip(file.data, file.size)) {
        code = inflate_all(slurp_name(path), &file, out);
        free(file.data);
    } else {
        *out = file;
    }
    if (code) {
        free(out->data);
        *out = (bytes){ 0 };
    }
    return code;
}
