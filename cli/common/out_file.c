#include "common/out_file.h"

#include "common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_write(const out_file *out, int reason)
{
    return cli_failed("%s: cannot write: %s", out->path, strerror(reason));
}

/* The place that is written: a link's target is replaced, not the link. */
static char *real_target(const char *path)
{
    char *real = realpath(path, NULL);
    if (real)
        return real;
    text copy = { 0 };
    text_add(&copy, path);
    return copy.data;
}

/* A name beside the target that is short, for the target's own may be as long as names can be. */
static char *temporary_name(const char *target, unsigned attempt)
{
    const char *slash = strrchr(target, '/');
    text name = { 0 };
    text_bytes(&name, target, slash ? (size_t)(slash + 1 - target) : 0);
    text_printf(&name, ".inkling-%ld-%u", (long)getpid(), attempt);
    return name.data;
}

/* The temporary files, for the signal that ends us while they are there. A command writes one file, or two at once. */
enum { AT_ONCE = 2 };
static char *volatile unfinished[AT_ONCE];

static void on_signal(int number)
{
    for (size_t i = 0; i < AT_ONCE; i++)
        if (unfinished[i])
            unlink(unfinished[i]);
    signal(number, SIG_DFL);
    raise(number); /* held back until we return, then it ends us */
}

static void watch(char *temporary)
{
    static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
    for (size_t i = 0; i < AT_ONCE; i++)
        if (!unfinished[i]) {
            unfinished[i] = temporary;
            break;
        }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        void (*before)(int) = signal(signals[i], on_signal);
        if (before != SIG_DFL) /* as nohup wants it, or the command, which then ends in its own way */
            signal(signals[i], before);
    }
}

/* It is in place, or removed. */
static void forget(out_file *out)
{
    for (size_t i = 0; i < AT_ONCE; i++)
        if (out->temporary && unfinished[i] == out->temporary)
            unfinished[i] = NULL;
    free(out->temporary);
    out->temporary = NULL;
}

int out_file_begin(const char *path, out_file *out)
{
    *out = (out_file){ .path = path, .file = -1 };
    struct stat facts;
    bool there = stat(path, &facts) == 0;
    if (there && S_ISDIR(facts.st_mode))
        return cannot_write(out, EISDIR);
    if (there && !S_ISREG(facts.st_mode)) {
        out->file = open(path, O_WRONLY | O_CLOEXEC);
        return out->file < 0 ? cannot_write(out, errno) : CLI_DONE;
    }
    out->target = real_target(path);
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        out->temporary = temporary_name(out->target, attempt);
        out->file = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         there ? facts.st_mode & 0777 : 0666);
        if (out->file >= 0) {
            watch(out->temporary);
            return CLI_DONE;
        }
        int reason = errno;
        free(out->temporary);
        out->temporary = NULL;
        if (reason != EEXIST)
            return cannot_write(out, reason);
    }
    return cannot_write(out, EEXIST);
}

static int write_now(const out_file *out, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(out->file, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return cannot_write(out, put < 0 ? errno : EIO);
        data += put;
        size -= (size_t)put;
    }
    return CLI_DONE;
}

int out_file_write(out_file *out, const void *data, size_t size)
{
    if (out->temporary)
        return write_now(out, data, size);
    /* What went into a device cannot be taken back, so it waits for the commit. */
    out->later = must_alloc(size, 1);
    memcpy(out->later, data, size);
    out->later_size = size;
    return CLI_DONE;
}

static int close_file(out_file *out)
{
    int file = out->file;
    out->file = -1;
    return file >= 0 && close(file) ? errno : 0;
}

int out_file_commit(out_file *out)
{
    int reason = 0;
    if (!out->temporary) {
        int code = write_now(out, out->later, out->later_size);
        reason = close_file(out);
        return code || !reason ? code : cannot_write(out, reason);
    }
    if (fsync(out->file) && errno != EINVAL)
        reason = errno;
    int closing = close_file(out);
    reason = reason ? reason : closing;
    if (!reason && rename(out->temporary, out->target))
        reason = errno;
    if (reason)
        return cannot_write(out, reason);
    forget(out);
    return CLI_DONE;
}

void out_file_close(out_file *out)
{
    if (!out->path)
        return;
    close_file(out);
    if (out->temporary)
        unlink(out->temporary);
    forget(out);
    free(out->target);
    free(out->later);
    *out = (out_file){ .file = -1 };
}

int out_file_put(const char *path, const text *contents)
{
    out_file file;
    int code = out_file_begin(path, &file);
    if (!code)
        code = out_file_write(&file, text_string(contents), contents->size);
    if (!code)
        code = out_file_commit(&file);
    out_file_close(&file);
    return code;
}
