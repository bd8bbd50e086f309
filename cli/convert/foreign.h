/* Models of other frameworks, read in a sandbox. */
#ifndef INK_CLI_FOREIGN_H
#define INK_CLI_FOREIGN_H

#include "convert/sandbox.h"

#include "inkling.h"

typedef struct foreign_options {
    const char *graph_path; /* --graph, or NULL */
    double scale, offset;   /* x = pixel * scale + offset; NAN: as the file or samples tell */
} foreign_options;

typedef struct foreign {
    ink_model *model;
    char format[64], key[64];
    char digest[65]; /* SHA-256 of the file; "" in a build without it */
    const char *graph; /* the network as text */
    const char *graph_from, *scaling_from; /* "the file", "--graph", "samples", "assumed", "--input-scale" */
    double scale, offset; /* x = pixel * scale + offset */
    uint64_t correct, pictures; /* where samples judged */
    sandbox_answer answer; /* holds the strings and the model's bytes */
} foreign;

/* Is it a file of another framework? What is wrong with reading it is said then. */
bool foreign_is(const uint8_t *data, size_t size);

/* Refuses a folder, with what to do instead: SavedModel, a model of several files. Gives CLI_FAILED, or 0 where
 * `path` is no folder. */
int foreign_refuse_folder(const char *path);

/* Reads the file that was found at `path`. Says what is wrong, with what is not supported or a draft of a --graph
 * file below that, and gives CLI_FAILED, or 0. */
int foreign_read(const char *path, const uint8_t *data, size_t size, const foreign_options *how, foreign *out);
void foreign_close(foreign *from);

#endif
