/* What the comparison's engines in C and C++ share: the conversation with bench/compare.
 *
 * An engine is a program that lives as long as a network is measured. It is started with
 *
 *     ENGINE MODEL PICTURES COUNT PICTURE-BYTES SCALE OFFSET THREADS
 *
 * where PICTURES is a file of COUNT pictures, a byte a pixel. It loads the model, answers one picture, and
 * prints a line of JSON that tells how long that took. Then it answers lines on standard input, each with a
 * line of JSON; worker.py does the same for engines in Python:
 *
 *     variants BATCH                      the ways in which it can run calls of BATCH pictures
 *     run VARIANT BATCH SECONDS           calls, one after the other, each with other pictures
 *     answers VARIANT BATCH COUNT FILE    writes what the first COUNT pictures give, as floats
 *     memory                              the most memory that was resident so far
 *     quit
 *
 * A variant that ends in /N hands its pictures to the engine in pieces of N: some engines are faster so, for
 * what lies between two layers stays in the cache.
 */
#ifndef ENGINE_PROTOCOL_H
#define ENGINE_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct engine_setup {
    const char *model;
    const uint8_t *pixels; /* [count, picture] */
    size_t count, picture;
    float scale, offset;   /* x = pixel * scale + offset */
    unsigned threads;
} engine_setup;

/* Each function gives NULL, or what went wrong. */
typedef struct engine {
    const char *const *variants; /* ends with NULL */
    const size_t *pieces;        /* calls of more pictures may also be run in pieces of so many; ends with 0 */
    /* Before the clock runs: the pictures in the form that the engine's users have them in. NULL: as they are. */
    const char *(*pictures)(const engine_setup *setup);
    /* From a model file to something that can answer; `classes` is floats a picture. */
    const char *(*open)(const engine_setup *setup, size_t *classes);
    /* What calls of `batch` pictures need. NULL: nothing. */
    const char *(*prepare)(const char *variant, size_t batch);
    /* Answers the pictures from `first` on. */
    const char *(*call)(size_t first, size_t batch, float *answers);
    const char *(*version)(void);
} engine;

int engine_main(int argc, char **argv, const engine *with);

#ifdef __cplusplus
}
#endif
#endif
