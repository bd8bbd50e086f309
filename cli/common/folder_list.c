#include "common/folder_list.h"

#include "common/say.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void add_name(folder_list *to, const char *name)
{
    if (to->count == to->capacity) {
        size_t capacity = 2 * to->capacity + 64;
        char **names = must_alloc(capacity, sizeof *names);
        if (to->count)
            memcpy(names, to->names, to->count * sizeof *names);
        free(to->names);
        to->names = names;
        to->capacity = capacity;
    }
    size_t size = strlen(name) + 1;
    to->names[to->count] = must_alloc(size, 1);
    memcpy(to->names[to->count++], name, size);
}

/* strcmp compares bytes as unsigned ones, whatever the locale. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int folder_list_try(const char *folder, folder_list *out)
{
    *out = (folder_list){ 0 };
    DIR *stream = opendir(folder);
    if (!stream)
        return errno;
    int failure = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            failure = errno; /* 0 at the end */
            break;
        }
        if (entry->d_name[0] != '.')
            add_name(out, entry->d_name);
    }
    closedir(stream);
    if (out->count)
        qsort(out->names, out->count, sizeof *out->names, compare_names);
    return failure;
}

int folder_list_read(const char *folder, folder_list *out)
{
    int failure = folder_list_try(folder, out);
    if (failure == ENOTDIR)
        return cli_failed("%s: is a file, wanted a folder", folder);
    if (failure)
        return cli_failed("%s: cannot read: %s", folder, strerror(failure));
    return CLI_DONE;
}

void folder_list_close(folder_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (folder_list){ 0 };
}

path_kind path_kind_of(const char *path)
{
    struct stat facts;
    if (stat(path, &facts))
        return PATH_NONE;
    return S_ISREG(facts.st_mode) ? PATH_FILE : S_ISDIR(facts.st_mode) ? PATH_FOLDER : PATH_OTHER;
}

char *path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder), more = strlen(name) + 1;
    while (length > 1 && folder[length - 1] == '/')
        length--; /* no "folder//name" in messages */
    char *path = must_alloc(length + 1 + more, 1);
    memcpy(path, folder, length);
    path[length] = '/';
    memcpy(path + length + 1, name, more);
    return path;
}
