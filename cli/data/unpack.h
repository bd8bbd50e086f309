/* A downloaded .gz inflated into the file that it is for, and checked on the way. */
#ifndef INK_CLI_UNPACK_H
#define INK_CLI_UNPACK_H

#include "common/catalog.h"
#include "common/out_file.h"
#include "common/textbuf.h"

typedef enum unpack_end {
    UNPACK_RIGHT,
    UNPACK_CUT,     /* the end is missing, as far as can be told */
    UNPACK_WRONG,
    UNPACK_FAILED,  /* not the download's fault; was said */
    UNPACK_STOPPED  /* a signal came */
} unpack_end;

/* CLI_DONE; or CLI_FAILED and a line on standard error: built without zlib. */
int unpack_refused(void);
/* Inflates all of `file` into `to`, and at most `limit` bytes. `why` gets what is wrong with the
 * download, `*bytes` the size of what was in it. */
unpack_end unpack(int file, const char *path, const catalog_file *wanted, uint64_t limit,
                  out_file *to, uint64_t *bytes, text *why);

#endif
