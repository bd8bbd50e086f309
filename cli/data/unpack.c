#include "data/unpack.h"

#include "common/say.h"
#include "data/digest.h"
#include "common/interrupt.h"

#ifdef INK_HAVE_ZLIB

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

int unpack_refused(void)
{
    return CLI_DONE;
}

enum { PIECE = 1 << 16 };

typedef struct unpacking {
    int file;
    const char *path;
    off_t place; /* of the next byte to read */
    const catalog_file *wanted;
    uint64_t limit, bytes;
    out_file *to;
    digest *sum;
    text *why;
    z_stream stream;
    unsigned char in[PIECE], out[PIECE];
} unpacking;

/* The next bytes of the download; none are left at its end. */
static unpack_end refill(unpacking *work)
{
    ssize_t got;
    do
        got = pread(work->file, work->in, PIECE, work->place);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        cli_failed("%s: cannot read: %s", work->path, strerror(errno));
        return UNPACK_FAILED;
    }
    work->place += got;
    work->stream.next_in = work->in;
    work->stream.avail_in = (uInt)got;
    return interrupt_seen() ? UNPACK_STOPPED : UNPACK_RIGHT;
}

static unpack_end take(unpacking *work, size_t size)
{
    work->bytes += size;
    if (work->bytes > work->limit) {
        text_printf(work->why, "inflates to more than %llu bytes", (unsigned long long)work->limit);
        return UNPACK_WRONG;
    }
    digest_add(work->sum, work->out, size);
    return out_file_write(work->to, work->out, size) ? UNPACK_FAILED : UNPACK_RIGHT;
}

/* One member of the gzip file. */
static unpack_end inflate_one(unpacking *work)
{
    for (;;) {
        unpack_end end = work->stream.avail_in ? UNPACK_RIGHT : refill(work);
        if (end)
            return end;
        if (work->stream.avail_in == 0) {
            text_add(work->why, "the gzip data ends before its checksum");
            return UNPACK_CUT;
        }
        work->stream.next_out = work->out;
        work->stream.avail_out = PIECE;
        int result = inflate(&work->stream, Z_NO_FLUSH);
        end = take(work, PIECE - work->stream.avail_out);
        if (end || result == Z_STREAM_END)
            return end;
        if (result != Z_OK && result != Z_BUF_ERROR) {
            text_printf(work->why, "is no gzip data, or damaged: %s",
                        work->stream.msg ? work->stream.msg : "not enough memory");
            return UNPACK_WRONG;
        }
    }
}

static unpack_end inflate_members(unpacking *work)
{
    for (;;) {
        unpack_end end = inflate_one(work);
        if (!end && work->stream.avail_in == 0)
            end = refill(work);
        if (end || work->stream.avail_in == 0)
            return end;
        inflateReset(&work->stream);
    }
}

static unpack_end compare(unpacking *work, const char *digits)
{
    if (strcmp(digits, work->wanted->sha256) == 0)
        return UNPACK_RIGHT;
    text_printf(work->why, "the SHA-256 is %s, wanted %s", digits, work->wanted->sha256);
    return UNPACK_WRONG;
}

unpack_end unpack(int file, const char *path, const catalog_file *wanted, uint64_t limit,
                  out_file *to, uint64_t *bytes, text *why)
{
    unpacking *work = must_alloc(1, sizeof *work);
    work->file = file;
    work->path = path;
    work->wanted = wanted;
    work->limit = limit;
    work->to = to;
    work->why = why;
    work->sum = digest_open();
    unpack_end end = UNPACK_FAILED;
    if (inflateInit2(&work->stream, 16 + MAX_WBITS) == Z_OK) {
        end = inflate_members(work);
        inflateEnd(&work->stream);
    } else {
        cli_failed("%s: no memory to inflate", path);
    }
    char digits[DIGEST_DIGITS + 1];
    digest_close(&work->sum, digits);
    if (end == UNPACK_RIGHT)
        end = compare(work, digits);
    *bytes = work->bytes;
    free(work);
    return end;
}

#else

int unpack_refused(void)
{
    return cli_failed("data: this inkling was built without zlib, which inflates downloads");
}

unpack_end unpack(int file, const char *path, const catalog_file *wanted, uint64_t limit,
                  out_file *to, uint64_t *bytes, text *why)
{
    (void)file;
    (void)path;
    (void)wanted;
    (void)limit;
    (void)to;
    (void)bytes;
    (void)why;
    return UNPACK_FAILED;
}

#endif
