#ifndef STDLIB_H
#define STDLIB_H
#include <stddef.h>
int posix_memalign(void **, size_t, size_t); /* up to 64 */
void free(void *);
#endif
