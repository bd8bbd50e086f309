/* What the fuzz targets share. A target is one file, fuzz_<name>.c, with this entry: libFuzzer
 * calls it with what it made up, replay.c with files. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with what went wrong, whether NDEBUG is set or not. */
#define FUZZ_CHECK(condition)                                                                      \
    ((condition) ? (void)0 : fuzz_stop(#condition, "", __FILE__, __LINE__))

/* The call must give INK_OK; `error` is what it filled. */
#define FUZZ_CHECK_OK(call, error)                                                                 \
    ((call) == INK_OK ? (void)0 : fuzz_stop(#call, (error).text, __FILE__, __LINE__))

static inline void fuzz_stop(const char *what, const char *why, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not true: %s %s\n", file, line, what, why);
    abort();
}

#endif
