#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef _WIN32
#include <io.h>
#include <windows.h>
#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif
typedef unsigned io_size; /* of read and write; we ask for a gigabyte at most */
#else
#define O_BINARY 0
typedef size_t io_size;
#endif

/* strerror is not safe between threads and strerror_r has two forms; the few errors that a user meets
 * have names here, the rest their number. */
static const char *reason(int code, char number[32])
{
    switch (code) {
    case ENOENT: return "no such file or directory";
    case EACCES: return "permission denied";
    case EISDIR: return "is a directory";
    case ENOTDIR: return "a part of the path is not a directory";
    case ENOSPC: return "no space left on the device";
    case EROFS: return "read-only file system";
    case EMFILE: return "too many open files";
    case ENAMETOOLONG: return "the name is too long";
    case EIO: return "input/output error";
    case EFBIG: return "the file is too large for the file system or the limit of the process";
    case EPIPE: return "the reader has gone";
#ifdef EDQUOT
    case EDQUOT: return "the disk quota is used up";
#endif
    default: snprintf(number, 32, "error %d", code); return number;
    }
}

/* "path: what: why"; a path that is too long for the line does not push the rest out of it. */
static ink_status fail(ink_error *error, ink_status status, const char *path, const char *what,
                       const char *why)
{
    ink_fail(error, status, "%s: %s", what, why);
    ink_error_prefix(error, path);
    return status;
}

ink_status ink_file_read(const ink_allocator *allocator, const char *path, uint64_t limit,
                         void **data, size_t *size, ink_error *error)
{
    char number[32];
    int file = open(path, O_RDONLY | O_BINARY | O_CLOEXEC);
    if (file < 0)
        return fail(error, INK_ERR_OPEN, path, "cannot open", reason(errno, number));
    struct stat facts;
    ink_status status = INK_OK;
    char *bytes = NULL;
    size_t have = 0, capacity = 0;
    if (fstat(file, &facts)) {
        status = fail(error, INK_ERR_READ, path, "cannot read", reason(errno, number));
        goto done;
    }
    if (S_ISDIR(facts.st_mode)) {
        status = fail(error, INK_ERR_OPEN, path, "cannot open", "is a directory, wanted a file");
        goto done;
    }
    /* One byte more than the file says, so that the read that fills it also sees its end. */
    capacity = S_ISREG(facts.st_mode) && (uint64_t)facts.st_size < limit ? (size_t)facts.st_size + 1
                                                                         : 64 * 1024;
    for (;;) {
        if (S_ISREG(facts.st_mode) && (uint64_t)facts.st_size > limit) {
            have = (size_t)facts.st_size;
            status = INK_ERR_LIMIT;
        } else if (have > limit) {
            status = INK_ERR_LIMIT;
        }
        if (status) {
            ink_fail(error, status, "has more than the limit of %llu bytes", (unsigned long long)limit);
            ink_error_prefix(error, path);
            goto done;
        }
        if (!bytes || have == capacity) {
            size_t larger = bytes ? capacity * 2 : capacity;
            char *more = ink_alloc(allocator, larger);
            if (!more) {
                status = ink_fail(error, INK_ERR_MEMORY, "no memory for %zu bytes", larger);
                ink_error_prefix(error, path);
                goto done;
            }
            if (bytes)
                memcpy(more, bytes, have);
            ink_free(allocator, bytes);
            bytes = more;
            capacity = larger;
        }
        size_t want = capacity - have < 1 << 30 ? capacity - have : 1 << 30;
        long got = (long)read(file, bytes + have, (io_size)want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = fail(error, INK_ERR_READ, path, "cannot read", reason(errno, number));
            goto done;
        }
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *data = bytes;
    *size = have;
    bytes = NULL;
done:
    ink_free(allocator, bytes);
    close(file);
    return status;
}

/* For names that no other process chooses; the file is opened as a new one all the same. */
static long process_number(void)
{
#ifdef __wasi__ /* which has none */
    return 0;
#else
    return (long)getpid();
#endif
}

static int write_parts(int file, const ink_file_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t done = 0; done < parts[i].size;) {
            size_t want = parts[i].size - done < 1 << 30 ? parts[i].size - done : 1 << 30;
            long put = (long)write(file, (const char *)parts[i].data + done, (io_size)want);
            if (put < 0 && errno == EINTR)
                continue;
            if (put <= 0)
                return put < 0 ? errno : EIO;
            done += (size_t)put;
        }
    return 0;
}

#ifdef _WIN32
static int sync_file(int file) { return _commit(file) ? errno : 0; }
static int replace_file(const char *from, const char *to)
{
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ? 0 : EACCES;
}
#else
static int sync_file(int file) { return fsync(file) ? errno : 0; }
/* The rename itself lasts only once the folder is on the disk. Some file systems cannot sync a
 * folder, which is no reason to fail. */
static int replace_file(const char *from, const char *to)
{
    if (rename(from, to))
        return errno;
    char folder[4096];
    const char *slash = strrchr(to, '/');
    size_t length = slash ? (size_t)(slash - to) + 1 : 0;
    if (length >= sizeof folder)
        return 0;
    memcpy(folder, to, length);
    memcpy(folder + length, ".", 2);
    int handle = open(folder, O_RDONLY | O_CLOEXEC);
    if (handle >= 0) {
        (void)fsync(handle);
        close(handle);
    }
    return 0;
}
#endif

ink_status ink_file_write(const char *path, const ink_file_part *parts, size_t count, ink_error *error)
{
    char number[32], temporary[4096 + 64];
    struct stat facts;
    int code = 0, file;
    int there = stat(path, &facts) == 0;
    if (there && S_ISDIR(facts.st_mode))
        return fail(error, INK_ERR_WRITE, path, "cannot write", "is a directory");
    if (there && !S_ISREG(facts.st_mode)) {
        file = open(path, O_WRONLY | O_BINARY | O_CLOEXEC);
        if (file < 0)
            return fail(error, INK_ERR_WRITE, path, "cannot write", reason(errno, number));
        code = write_parts(file, parts, count);
        if (close(file) && !code)
            code = errno;
        return code ? fail(error, INK_ERR_WRITE, path, "cannot write", reason(code, number)) : INK_OK;
    }
    /* A link's target is replaced and not the link. */
    char target[4096];
#if defined(_WIN32) || defined(__wasi__)
    int length = snprintf(target, sizeof target, "%s", path);
#else
    char *real = there ? realpath(path, NULL) : NULL;
    int length = snprintf(target, sizeof target, "%s", real ? real : path);
    free(real);
#endif
    file = -1;
    code = ENAMETOOLONG;
    for (unsigned attempt = 0; length > 0 && (size_t)length + 32 < sizeof target && attempt < 100; attempt++) {
        snprintf(temporary, sizeof temporary, "%s.tmp-%ld-%u", target, process_number(), attempt);
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_BINARY | O_CLOEXEC,
                    there ? (int)(facts.st_mode & 0777) : 0666);
        code = file < 0 ? errno : 0;
        if (code != EEXIST)
            break;
    }
    if (file < 0)
        return fail(error, INK_ERR_WRITE, path, "cannot write", reason(code, number));
    code = write_parts(file, parts, count);
    if (!code)
        code = sync_file(file);
    if (close(file) && !code)
        code = errno;
    if (!code)
        code = replace_file(temporary, target);
    if (code) {
        (void)unlink(temporary);
        return fail(error, INK_ERR_WRITE, path, "cannot write", reason(code, number));
    }
    return INK_OK;
}
