/* The data sets that can be fetched: one row each. */
#ifndef INK_CLI_CATALOG_H
#define INK_CLI_CATALOG_H

#include <stddef.h>
#include <stdint.h>

typedef struct catalog_file {
    const char *name;   /* a mirror has it as NAME.gz */
    const char *sha256; /* of what is in the .gz, in small hexadecimal digits */
    uint64_t bytes;     /* the same; 0 where it is not known */
} catalog_file;

typedef struct catalog_set {
    const char *name;
    const char *const *mirrors; /* ends with NULL */
    const catalog_file *files;     /* ends with a NULL name */
} catalog_set;

/* catalog_at(0), catalog_at(1), ... up to NULL. */
const catalog_set *catalog_at(size_t index);
/* NULL where there is none. */
const catalog_set *catalog_named(const char *name);

#endif
