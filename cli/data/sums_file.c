#include "data/sums_file.h"

#include "common/say.h"
#include "common/slurp.h"
#include "data/digest.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_LONGEST = 200, FILES_MOST = 1000 };

bool sums_plain_name(const char *name)
{
    if (!*name || *name == '.' || *name == '-' || strlen(name) > NAME_LONGEST)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f || *name == '/' || *name == '\\')
            return false;
    return true;
}

static bool is_gz(const char *name)
{
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".gz") == 0;
}

/* "DIGITS  NAME", or " *NAME" for what sha256sum read as binary. */
static bool split(char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits != DIGEST_DIGITS || line[digits] != ' ' ||
        (line[digits + 1] != ' ' && line[digits + 1] != '*'))
        return false;
    line[digits] = 0;
    for (size_t i = 0; i < digits; i++)
        if (line[i] >= 'A' && line[i] <= 'F')
            line[i] = (char)(line[i] - 'A' + 'a');
    return true;
}

static char *copy_of(const char *string)
{
    char *copy = must_alloc(strlen(string) + 1, 1);
    return strcpy(copy, string);
}

static int take_line(const char *path, size_t number, char *line, catalog_file *files,
                     size_t *count)
{
    line[strcspn(line, "\r")] = 0;
    if (!*line)
        return CLI_DONE;
    if (!split(line))
        return cli_failed("%s:%zu: wanted 64 hexadecimal digits, two spaces and a name, "
                          "found '%.40s'", path, number, line);
    const char *name = line + DIGEST_DIGITS + 2;
    if (!sums_plain_name(name))
        return cli_failed("%s:%zu: wanted the plain name of a file, found '%.40s'", path, number,
                          name);
    if (is_gz(name))
        return CLI_DONE;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(files[i].name, name) == 0)
            return cli_failed("%s:%zu: %s is there a second time", path, number, name);
    if (*count == FILES_MOST)
        return cli_failed("%s: more than the limit of %d files", path, FILES_MOST);
    files[*count].name = copy_of(name);
    files[*count].sha256 = copy_of(line);
    ++*count;
    return CLI_DONE;
}

int sums_open(const char *path, catalog_file **out)
{
    bytes raw;
    int code = slurp(path, &raw);
    if (code)
        return code;
    text all = { 0 };
    text_bytes(&all, raw.data, raw.size);
    free(raw.data);
    *out = must_alloc(FILES_MOST + 1, sizeof **out);
    size_t count = 0, number = 0;
    if (all.size && memchr(all.data, 0, all.size))
        code = cli_failed("%s: is no text, wanted the output of sha256sum", path);
    for (char *line = all.data; !code && line && *line;) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        *end = 0;
        code = take_line(path, ++number, line, *out, &count);
        line = next;
    }
    text_free(&all);
    if (!code && count == 0)
        code = cli_failed("%s: has no checksum of a file, other than of .gz files", path);
    if (code)
        sums_close(out);
    return code;
}

void sums_close(catalog_file **files)
{
    for (catalog_file *file = *files; file && file->name; file++) {
        free((void *)(uintptr_t)file->name);
        free((void *)(uintptr_t)file->sha256);
    }
    free(*files);
    *files = NULL;
}
