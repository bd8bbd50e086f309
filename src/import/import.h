/* A model file of another framework, as a builder. This is what `inkling convert` calls. */
#ifndef INK_IMPORT_H
#define INK_IMPORT_H

#include "import/companion.h"
#include "import/recognise.h"

typedef struct ink_import_options {
    const ink_allocator *allocator;
    const char *graph; /* the network as text, where the file has none; NULL: it is guessed */
    size_t graph_size;
    const char *graph_name;       /* for errors, e.g. the text's file */
    const ink_evidence *evidence; /* pictures to judge guesses by; a scaling that is known there counts, whatever
                                   * the file says */
    const ink_companion *companions; /* other files that the model consists of */
    size_t companion_count;
} ink_import_options;

/* How the network, and what becomes of a pixel, came to be known. */
typedef enum ink_import_source { INK_IMPORT_FILE, INK_IMPORT_TEXT, INK_IMPORT_SAMPLES, INK_IMPORT_ASSUMED,
                                 INK_IMPORT_TOLD }
    ink_import_source;

/* What was found; also after a failure. ink_import_report_close frees it. */
typedef struct ink_import_report {
    const char *format; /* "PyTorch state_dict", NULL for a file of no format known */
    char key[64];       /* of a checkpoint: under which the weights were; else "" */
    ink_buffer graph;   /* the network as text; after INK_ERR_GRAPH a draft of it, where there is one */
    ink_buffer faults;  /* what is not supported, one line each */
    ink_buffer wanted;  /* names of companions that were not given, one line each */
    ink_import_source graph_from, scaling_from;
    double scale, offset;  /* x = pixel * scale + offset, unless the graph's text says it */
    size_t tried, correct; /* guesses, and the pictures that the best reads */
} ink_import_report;

/* Is it a file of a format that is read here? */
bool ink_import_is(const uint8_t *data, size_t size);

/* Reads the file; nothing in it is run. `*out` is closed by the caller.
 * Errors: INK_ERR_ARGUMENT for a graph beside a file that holds one, and for a scaling beside a graph, which tells it;
 * INK_ERR_MAGIC for no format known; INK_ERR_OP, with `faults`, for layers that are not supported;
 * INK_ERR_OPEN, with `wanted`, where other files are needed: call again with these; those of the readers, of
 * ink_chain_read and ink_recognise. */
ink_status ink_import(const uint8_t *data, size_t size, const ink_import_options *options, ink_builder **out,
                      ink_import_report *report, ink_error *error);
void ink_import_report_close(ink_import_report *report);

#endif
