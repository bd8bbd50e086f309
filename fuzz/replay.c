/* Gives a fuzz target the inputs in files, without libFuzzer: replay_<name> FILE-OR-FOLDER...
 * Folders are read with all that is in them. Fails when it found no input at all. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static size_t inputs;

static void stop(const char *path, const char *why)
{
    fprintf(stderr, "replay: %s: %s\n", path, why);
    exit(1);
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        stop(path, strerror(errno));
    uint8_t *data = NULL;
    size_t size = 0, got;
    do {
        data = realloc(data, size + 65536);
        if (!data)
            stop(path, "no memory");
        got = fread(data + size, 1, 65536, file);
        size += got;
    } while (got);
    if (ferror(file))
        stop(path, "cannot be read");
    fclose(file);
    /* Exactly as large as the input, so that a sanitizer sees the first byte behind it. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        stop(path, "no memory");
    memcpy(exact, data, size);
    free(data);
    printf("%s\n", path);
    fflush(stdout); /* so that the last line names the input that crashed */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs++;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void replay(const char *path);

/* In alphabetical order, so that two runs print the same. */
static void replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        stop(path, strerror(errno));
    char **paths = NULL;
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        size_t size = strlen(path) + strlen(entry->d_name) + 2;
        paths = realloc(paths, (count + 1) * sizeof *paths);
        if (!paths || !(paths[count] = malloc(size)))
            stop(path, "no memory");
        snprintf(paths[count++], size, "%s/%s", path, entry->d_name);
    }
    closedir(folder);
    if (count)
        qsort(paths, count, sizeof *paths, by_text);
    for (size_t i = 0; i < count; i++) {
        replay(paths[i]);
        free(paths[i]);
    }
    free(paths);
}

static void replay(const char *path)
{
    struct stat facts;
    if (stat(path, &facts))
        stop(path, strerror(errno));
    if (S_ISDIR(facts.st_mode))
        replay_folder(path);
    else
        replay_file(path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (!inputs) {
        fprintf(stderr, "replay: no inputs; usage: %s FILE-OR-FOLDER...\n", argv[0]);
        return 1;
    }
    printf("%zu inputs\n", inputs);
    return 0;
}
