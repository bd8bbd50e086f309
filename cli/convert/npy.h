/* NumPy's .npy files of one array of floats. */
#ifndef INK_CLI_NPY_H
#define INK_CLI_NPY_H

#include <stddef.h>
#include <stdint.h>

typedef struct npy {
    size_t rows, columns;
    float *values; /* [rows, columns]; free() it */
} npy;

/* Reads a file of versions 1 to 3 (numpy.lib.format): float32 or float64, little-endian, in C order, of two
 * dimensions. Says what is wrong and gives CLI_FAILED, or 0. */
int npy_read(const char *path, npy *out);

/* The same from the bytes of a file called `name`. */
int npy_parse(const char *name, const uint8_t *data, size_t size, npy *out);

#endif
