/* Runs what reads hostile files in a process of its own: it has its memory and the pipe to us, and nothing else. */
#ifndef INK_CLI_SANDBOX_H
#define INK_CLI_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the process has for its answer: sandbox_put writes to it, false when nobody reads any more. */
typedef struct sandbox_pipe {
    int file;
} sandbox_pipe;
bool sandbox_put(const sandbox_pipe *to, const void *data, size_t size);

typedef struct sandbox_limits {
    size_t memory;    /* bytes of address space, beyond what we have ourselves */
    unsigned seconds; /* of the processor; four times as many by the clock */
    size_t answer;    /* bytes */
} sandbox_limits;

typedef struct sandbox_answer {
    uint8_t *data; /* free() it */
    size_t size;
} sandbox_answer;

/* Runs `job` in a child and collects what it puts. The child sees our memory as it is now; with libseccomp it can
 * neither open files nor start anything, and its standard output and error go nowhere. Says what is wrong, naming
 * `name`, and gives CLI_FAILED: the job gave false, or the child died or was stopped; or 0. */
int sandbox_run(const char *name, bool (*job)(void *context, const sandbox_pipe *to), void *context,
                const sandbox_limits *limits, sandbox_answer *out);

/* Is there a filter of system calls in this build? */
bool sandbox_has_filter(void);

#endif
