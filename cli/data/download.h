/* One file by http or https, into a part file that later tries go on with. */
#ifndef INK_CLI_DOWNLOAD_H
#define INK_CLI_DOWNLOAD_H

#include "data/fetch_line.h"

#include <stdbool.h>

typedef enum download_end {
    DOWNLOAD_WHOLE,
    DOWNLOAD_CUT,     /* broken off: another try may bring the rest */
    DOWNLOAD_REFUSED, /* this address does not have it */
    DOWNLOAD_FAILED,  /* not the address' fault; was said */
    DOWNLOAD_STOPPED  /* a signal came */
} download_end;

typedef struct download {
    int file;         /* the part, open for reading and writing */
    const char *path; /* its name */
    uint64_t have;    /* bytes in it */
    uint64_t limit;   /* so many it may have */
    uint64_t timeout; /* seconds */
    bool resumed;     /* the last try began behind bytes of an earlier one */
    fetch_line *line;
} download;

/* CLI_DONE; or CLI_FAILED and a line on standard error: built without libcurl. */
int download_refused(void);
/* Once, before all others. */
int download_start(void);
void download_stop(void);

/* Empties the part. Gives CLI_FAILED, and says why, or 0. */
int download_empty(download *into);
/* Gets `url`, from byte `have` on where the server can do that; `why` gets what went wrong. */
download_end download_try(download *into, const char *url, text *why);
/* FOLDER/NAME.gz as an address. */
void download_address(text *to, const char *folder, const char *name);

#endif
