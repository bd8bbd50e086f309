#include "import/companion.h"

#include <string.h>

const ink_companion *ink_companion_find(const ink_companions *companions, const char *name)
{
    for (size_t i = 0; i < companions->count; i++)
        if (strcmp(companions->files[i].name, name) == 0)
            return &companions->files[i];
    const size_t length = strlen(name);
    for (const char *at = companions->wanted->data, *end; at && (end = strchr(at, '\n')) != NULL; at = end + 1)
        if ((size_t)(end - at) == length && memcmp(at, name, length) == 0)
            return NULL;
    ink_text_format(companions->wanted, "%s\n", name);
    return NULL;
}

ink_status ink_companion_check(const char *name, ink_error *error)
{
    bool plain = *name && *name != '/' && strlen(name) < 256;
    for (const char *at = name; plain && *at; at++) {
        plain = (unsigned char)*at >= ' ' && *at != 127 && *at != '\\' && *at != ':';
        if ((at == name || at[-1] == '/') && (*at == '/' || (*at == '.' && at[1] == '.' && strchr("/", at[2]))))
            plain = false;
    }
    return plain ? INK_OK
                 : ink_fail(error, INK_ERR_FORMAT, "names a file outside its folder, '%.80s'; it is not opened", name);
}
