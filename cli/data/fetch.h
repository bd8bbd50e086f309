/* `inkling data fetch`. */
#ifndef INK_CLI_FETCH_H
#define INK_CLI_FETCH_H

#include "common/data_options.h"
#include "common/catalog.h"

/* Gets what is missing of `set` into `folder`, and prints what is there. */
int fetch_set(const catalog_set *set, const char *folder, const data_options *how);

#endif
