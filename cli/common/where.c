#include "common/where.h"

#include "common/textbuf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *called_as = "";

void where_start(const char *argv0)
{
    called_as = argv0 ? argv0 : "";
}

/* The shell's search, for systems that do not tell. */
static char *search_path(const char *name)
{
    const char *path = getenv("PATH");
    char *found = NULL;
    while (path && !found) {
        size_t length = strcspn(path, ":");
        text candidate = { 0 };
        text_printf(&candidate, "%.*s/%s", (int)length, length ? path : ".", name);
        if (access(candidate.data, X_OK) == 0)
            found = realpath(candidate.data, NULL);
        text_free(&candidate);
        path = path[length] ? path + length + 1 : NULL;
    }
    return found;
}

static char *program_file(void)
{
    char *file = realpath("/proc/self/exe", NULL);
    if (file)
        return file;
    return strchr(called_as, '/') ? realpath(called_as, NULL) : search_path(called_as);
}

char *where_beside(const char *relative)
{
    char *file = program_file();
    if (!file)
        return NULL;
    char *slash = strrchr(file, '/');
    text whole = { 0 };
    text_bytes(&whole, file, slash ? (size_t)(slash + 1 - file) : 0);
    text_add(&whole, relative);
    free(file);
    return whole.data;
}

char *where_shared(const char *relative)
{
    static const char *const beside[] = { "../share/inkling", "../..", "../../..",
                                          "../../share/inkling", "../../../.." }; /* of a helper */
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        text path = { 0 };
        text_printf(&path, "%s/%s", beside[i], relative);
        char *found = where_beside(path.data);
        text_free(&path);
        char *real = found && access(found, R_OK) == 0 ? realpath(found, NULL) : NULL;
        free(found);
        if (real)
            return real;
    }
    return NULL;
}
