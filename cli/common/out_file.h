/* Files that a command writes: prepared in a temporary file beside the target, put in place last.
 * So a command can do all that may fail, print its answer, and only then let the file appear. */
#ifndef INK_CLI_OUT_FILE_H
#define INK_CLI_OUT_FILE_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct out_file {
    const char *path;  /* as the user named it */
    char *target;      /* links followed */
    char *temporary;   /* NULL for a device or a pipe, which is written in place */
    int file;
    void *later;       /* the bytes for a device, written at the end */
    size_t later_size;
} out_file;

/* Makes the temporary file, empty and open as `out->file`; or says why not and gives CLI_FAILED. */
int out_file_begin(const char *path, out_file *out);
/* Writes all the contents. */
int out_file_write(out_file *out, const void *data, size_t size);
/* Puts the file in place. After it, or after any failure, out_file_close cleans up. */
int out_file_commit(out_file *out);
/* Removes the temporary file unless it was committed. A zeroed struct may be closed too. */
void out_file_close(out_file *out);

/* All of that at once: a whole file. */
int out_file_put(const char *path, const text *contents);

#endif
