/* The page: the files of a folder, all in memory. A request is looked up among their paths, so that no path leads
 * anywhere else. */
#ifndef INK_SERVE_SITE_H
#define INK_SERVE_SITE_H

#include "serve/exchange.h"

typedef struct site_file {
    char *path; /* as a request has it, "/index.html" */
    const char *type;
    uint8_t *data, *packed; /* as it is, and by gzip: NULL where that is hardly smaller */
    size_t size, packed_size;
    char etag[24], packed_etag[24];
} site_file;

typedef struct site {
    site_file *files; /* by path */
    size_t count, capacity, bytes;
} site;

/* Reads the folder and those in it: each file whose suffix is known here. What begins with a dot is left out. Says what
 * is wrong and gives CLI_FAILED, with nothing to close; or 0. */
int site_open(const char *folder, site *out);
void site_close(site *closed);

/* NULL where there is none; "/" and what else ends in a slash is that folder's index.html. */
const site_file *site_find(const site *in, const char *path);

/* 200, or 304 where the request knows the file. */
void site_answer(const site_file *file, const request *asked, answer *to);

#endif
