/* What is in a folder, in an order that does not depend on the file system. */
#ifndef INK_CLI_FOLDER_LIST_H
#define INK_CLI_FOLDER_LIST_H

#include <stddef.h>

typedef struct folder_list {
    char **names; /* sorted by their bytes, hidden ones (".*") left out */
    size_t count, capacity;
} folder_list;

/* Says what is wrong and gives CLI_FAILED, or 0. Close it in any case. */
int folder_list_read(const char *folder, folder_list *out);
/* The same, but says nothing and gives errno's number. */
int folder_list_try(const char *folder, folder_list *out);
void folder_list_close(folder_list *list);

/* What stands behind a path, links followed. */
typedef enum path_kind { PATH_NONE, PATH_FILE, PATH_FOLDER, PATH_OTHER } path_kind;
path_kind path_kind_of(const char *path);

/* "folder/name"; free() it. */
char *path_join(const char *folder, const char *name);

#endif
