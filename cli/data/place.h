/* The names that a file of a data set has in its folder, and what is there under them. */
#ifndef INK_CLI_PLACE_H
#define INK_CLI_PLACE_H

#include "common/catalog.h"

#include <stdbool.h>

typedef enum place_state { PLACE_MISSING, PLACE_RIGHT, PLACE_WRONG } place_state;

typedef struct place {
    char *path, *alias; /* the alias is NULL for a name that has none */
    char *part;         /* the download that is not finished */
    place_state at_path, at_alias;
    uint64_t bytes;     /* of the file, once it is right */
} place;

void place_open(place *out, const char *folder, const char *name);
/* What is there; an error where it is something that cannot be replaced, or is wrong and `force`
 * was not given. Says so and gives CLI_FAILED, or 0. */
int place_look(place *at, const catalog_file *wanted, bool force);
/* The file is at `path` and right: now at `alias`, too; or the other way round. */
int place_complete(place *at);
void place_close(place *at);

/* Makes a folder and those that it lies in. */
int place_make_folder(const char *folder);

#endif
