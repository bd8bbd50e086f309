/* Models of several files: weights that lie in files beside the one that was named. A reader opens no file; it asks
 * for them, and its caller calls again. */
#ifndef INK_COMPANION_H
#define INK_COMPANION_H

#include "base/memory.h"

#include <stdint.h>

typedef struct ink_companion {
    const char *name; /* as the model's file has it */
    const uint8_t *data;
    size_t size;
} ink_companion;

typedef struct ink_companions {
    const ink_companion *files;
    size_t count;
    ink_text *wanted; /* one line each */
} ink_companions;

/* The file of this name, or NULL: it was noted as wanted, and the reader goes on to see what else it wants, then
 * fails with INK_ERR_OPEN. */
const ink_companion *ink_companion_find(const ink_companions *companions, const char *name);

/* Is it a plain name of a file in the model's folder or below? Errors: INK_ERR_FORMAT for all others. */
ink_status ink_companion_check(const char *name, ink_error *error);

#endif
