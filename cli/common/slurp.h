/* Whole files, decompressed. */
#ifndef INK_CLI_SLURP_H
#define INK_CLI_SLURP_H

#include <stddef.h>
#include <stdint.h>

/* No file of pictures that we read is larger, compressed or not. */
#define SLURP_LIMIT ((size_t)1 << 30)

typedef struct bytes {
    uint8_t *data; /* free() it */
    size_t size;
} bytes;

/* Reads `path`, or standard input for "-". Where it is gzip it is inflated to its end: every
 * checksum is checked, and bytes behind the last member are an error. Says what is wrong and gives
 * CLI_FAILED, or 0. */
int slurp(const char *path, bytes *out);

/* How messages name it: the path, or "standard input". */
const char *slurp_name(const char *path);

#endif
