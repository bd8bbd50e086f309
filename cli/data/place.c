#include "data/place.h"

#include "common/out_file.h"
#include "common/say.h"
#include "data/digest.h"
#include "common/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *joined(const char *folder, const char *name, const char *end)
{
    text path = { 0 };
    size_t length = strlen(folder);
    text_printf(&path, "%s%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name,
                end);
    return path.data;
}

/* NAME-idxN-ubyte is also NAME.idxN-ubyte: MNIST's page says the one, its .gz files the other. */
static char *alias_of(const char *folder, const char *name)
{
    static const char tail[] = "-idx?-ubyte";
    size_t length = strlen(name), size = sizeof tail - 1;
    if (length <= size)
        return NULL;
    const char *end = name + length - size;
    if (strncmp(end, "-idx", 4) != 0 || end[4] < '1' || end[4] > '9' ||
        strcmp(end + 5, "-ubyte") != 0)
        return NULL;
    char *path = joined(folder, name, "");
    path[strlen(path) - size] = '.';
    return path;
}

void place_open(place *out, const char *folder, const char *name)
{
    *out = (place){ .path = joined(folder, name, ""), .part = joined(folder, name, ".gz.part") };
    out->alias = alias_of(folder, name);
}

void place_close(place *at)
{
    free(at->path);
    free(at->alias);
    free(at->part);
    *at = (place){ 0 };
}

/* ---- what is there ---- */

/* Calls `take` with all that is in the file, piece by piece. */
static int read_pieces(const char *path, int (*take)(void *user, const void *data, size_t size),
                       void *user)
{
    enum { PIECE = 1 << 16 };
    int file = open(path, O_RDONLY | O_CLOEXEC), code = CLI_DONE;
    if (file < 0)
        return cli_failed("%s: cannot open: %s", path, strerror(errno));
    char *piece = must_alloc(PIECE, 1);
    for (ssize_t got = 1; got != 0 && !code && !interrupt_seen();) {
        got = read(file, piece, PIECE);
        if (got < 0 && errno != EINTR)
            code = cli_failed("%s: cannot read: %s", path, strerror(errno));
        else if (got > 0)
            code = take(user, piece, (size_t)got);
    }
    free(piece);
    close(file);
    return code;
}

static int add_to_digest(void *user, const void *data, size_t size)
{
    digest_add(user, data, size);
    return CLI_DONE;
}

static int look(const char *path, const catalog_file *wanted, bool force, place_state *state,
                uint64_t *bytes)
{
    struct stat facts;
    char digits[DIGEST_DIGITS + 1] = "";
    if (stat(path, &facts)) {
        if (errno != ENOENT && errno != ENOTDIR)
            return cli_failed("%s: cannot read: %s", path, strerror(errno));
        *state = PLACE_MISSING;
        return CLI_DONE;
    }
    if (!S_ISREG(facts.st_mode))
        return cli_failed("%s: is there and no file", path);
    digest *sum = digest_open();
    int code = read_pieces(path, add_to_digest, sum);
    digest_close(&sum, digits);
    if (code || interrupt_seen())
        return code;
    bool right = strcmp(digits, wanted->sha256) == 0;
    *state = right ? PLACE_RIGHT : PLACE_WRONG;
    if (right)
        *bytes = (uint64_t)facts.st_size;
    if (!right && !force)
        return cli_failed("%s: is there with the SHA-256 %s, wanted %s; --force replaces it", path,
                          digits, wanted->sha256);
    return CLI_DONE;
}

int place_look(place *at, const catalog_file *wanted, bool force)
{
    int code = look(at->path, wanted, force, &at->at_path, &at->bytes);
    if (!code && at->alias)
        code = look(at->alias, wanted, force, &at->at_alias, &at->bytes);
    return code;
}

/* ---- the second name ---- */

static int write_piece(void *user, const void *data, size_t size)
{
    return out_file_write(user, data, size);
}

static int copy(const char *from, const char *to)
{
    out_file file = { 0 };
    int code = out_file_begin(to, &file);
    if (!code)
        code = read_pieces(from, write_piece, &file);
    if (!code && !interrupt_seen())
        code = out_file_commit(&file);
    out_file_close(&file);
    return code;
}

/* A link of another name first, for one that is there is not replaced. */
static int link_or_copy(const char *from, const char *to)
{
    const char *slash = strrchr(to, '/');
    text name = { 0 };
    text_bytes(&name, to, slash ? (size_t)(slash + 1 - to) : 0);
    text_printf(&name, ".inkling-%ld-link", (long)getpid());
    bool linked = link(from, name.data) == 0;
    bool moved = linked && rename(name.data, to) == 0;
    if (linked)
        unlink(name.data); /* rename leaves it where both are the same file already */
    text_free(&name);
    return moved ? CLI_DONE : copy(from, to);
}

int place_complete(place *at)
{
    int code = CLI_DONE;
    if (!at->alias)
        return code;
    if (at->at_path != PLACE_RIGHT)
        code = link_or_copy(at->alias, at->path);
    else if (at->at_alias != PLACE_RIGHT)
        code = link_or_copy(at->path, at->alias);
    if (!code)
        at->at_path = at->at_alias = PLACE_RIGHT;
    return code;
}

/* ---- the folder ---- */

int place_make_folder(const char *folder)
{
    text path = { 0 };
    int code = CLI_DONE;
    text_add(&path, folder);
    for (char *at = path.data; !code && at; at = strchr(at + 1, '/')) {
        char *end = strchr(at + 1, '/');
        if (end)
            *end = 0;
        if (mkdir(path.data, 0777) && errno != EEXIST && errno != EISDIR)
            code = cli_failed("%s: cannot make the folder: %s", path.data, strerror(errno));
        if (end)
            *end = '/';
    }
    struct stat facts;
    if (!code && stat(folder, &facts))
        code = cli_failed("%s: cannot make the folder: %s", folder, strerror(errno));
    else if (!code && !S_ISDIR(facts.st_mode))
        code = cli_failed("%s: is there and no folder", folder);
    text_free(&path);
    return code;
}
