/* The trainer: steps of an optimizer on batches of a data set.
 *
 * A batch is cut into a fixed number of parts, the lanes. Each lane goes forward and backward on its own and
 * has gradients of its own, which are then added in one order. Threads take lanes, so their number changes
 * nothing in the result. A batch norm takes the statistics of its lane ("ghost batch norm": E. Hoffer et al.,
 * 2017, arXiv:1705.08741). */
#ifndef INK_TRAINER_H
#define INK_TRAINER_H

#include "base/thread_pool.h"
#include "graph/tape.h"

#include <stdatomic.h>

enum { INK_LANES = 8 };

typedef struct ink_batch {
    const uint8_t *pixels;   /* [all images, C, H, W] */
    const uint8_t *labels;
    const uint32_t *indices; /* which images the batch is made of */
    size_t count;
} ink_batch;

typedef struct ink_step_options {
    float rate, decay, beta1, beta2, epsilon, smoothing, average, statistics;
} ink_step_options;

typedef struct ink_trainer {
    ink_allocator allocator;
    const ink_tape *tape;
    uint32_t threads;
    ink_pool *pool;
    size_t lane_images;
    float *parameters, *first, *second, *average; /* vectors; average: NULL without */
    float *gradients;    /* [INK_LANES, parameters] */
    float *arenas;       /* [threads, arena_floats] */
    size_t arena_floats;
    uint64_t step, seed;
    const ink_kernel *adam, *pixels_kernel;
    /* the step under way */
    const ink_batch *batch;
    const ink_step_options *options;
    double lane_loss[INK_LANES];
    size_t lane_correct[INK_LANES];
    atomic_size_t next;
} ink_trainer;

ink_status ink_trainer_init(ink_trainer *trainer, const ink_tape *tape, const ink_allocator *allocator,
                            uint32_t threads, size_t largest_batch, uint64_t seed, ink_cpu cpu,
                            ink_error *error);
void ink_trainer_free(ink_trainer *trainer);

/* Gradients of the batch's mean loss, summed into the first lane's vector; no update. */
void ink_trainer_gradients(ink_trainer *trainer, const ink_batch *batch, const ink_step_options *options,
                           double *loss, size_t *correct);
/* Those, and one step of the optimizer. */
void ink_trainer_step(ink_trainer *trainer, const ink_batch *batch, const ink_step_options *options,
                      double *loss, size_t *correct);

#endif
