/* Files of checksums, as sha256sum prints and reads them. */
#ifndef INK_CLI_SUMS_FILE_H
#define INK_CLI_SUMS_FILE_H

#include "common/catalog.h"

#include <stdbool.h>

/* A name that stays in its folder and hides nothing. */
bool sums_plain_name(const char *name);
/* Reads `path`; rows for .gz files are passed over, for what is inside is checked. `*out` ends with
 * a NULL name; sums_close frees it. Says what is wrong and gives CLI_FAILED, or 0. */
int sums_open(const char *path, catalog_file **out);
void sums_close(catalog_file **files);

#endif
