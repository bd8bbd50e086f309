/* A pool of threads that all run one job at a time. WebAssembly without threads has the same pool: there the caller
 * does the work of each in turn. */
#ifndef INK_THREAD_POOL_H
#define INK_THREAD_POOL_H

#include "base/memory.h"

#if defined(__wasm__) && !defined(_REENTRANT)
#define INK_HAVE_THREADS 0
#else
#define INK_HAVE_THREADS 1
#endif

typedef struct ink_pool ink_pool;

/* Bytes that ink_pool_open takes. */
size_t ink_pool_memory(uint32_t threads);

/* Starts `threads` - 1 threads: the caller of ink_pool_run is one more. They sleep between jobs.
 * Errors: INK_ERR_MEMORY, INK_ERR_THREAD. */
ink_status ink_pool_open(const ink_allocator *allocator, uint32_t threads, ink_pool **out,
                         ink_error *error);
void ink_pool_close(ink_pool **pool);

/* Runs job(context, worker) on the caller, worker 0, and once on each other thread that wakes before the caller's own is
 * over; returns when all that began have finished. So a job must take its work piece by piece until none is left. The
 * caller waits for the others' last pieces at most 50 us awake, then asleep. A job may not wait
 * for that of another worker. */
void ink_pool_run(ink_pool *pool, void (*job)(void *context, uint32_t worker), void *context);

#endif
