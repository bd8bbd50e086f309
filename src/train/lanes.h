/* The lanes: steps of an optimizer on batches of a data set.
 *
 * A batch is cut into parts, the lanes: one for each INK_LANE_IMAGES images, at most INK_MAX_LANES. Each lane goes forward and backward on its own and
 * has gradients of its own, which are then added in one order. Threads take lanes, so their number changes
 * nothing in the result. A batch norm takes the statistics of its lane ("ghost batch norm": E. Hoffer et al.,
 * 2017, arXiv:1705.08741). */
#ifndef INK_LANES_H
#define INK_LANES_H

#include "base/thread_pool.h"
#include "graph/tape.h"
#include "train/settings.h"

#include <stdatomic.h>

enum { INK_MAX_LANES = 8, INK_LANE_IMAGES = 16 };

typedef struct ink_batch {
    const uint8_t *pixels;   /* [all images, C, H, W] */
    const uint8_t *labels;
    const uint32_t *indices; /* which images the batch is made of */
    size_t count;
    uint64_t seed;           /* of the augmentation of this pass over the images */
    const uint32_t *digits;  /* with `negatives` or `parted` set: the images to make others of, at least one */
    size_t digit_count;
} ink_batch;

typedef struct ink_lanes {
    ink_allocator allocator;
    const ink_tape *tape;
    uint32_t threads;
    ink_pool *pool;
    size_t lane_count, lane_images;
    /* Vectors: the weights, the optimizer's moments, the averaged weights (as long as `average` is set). */
    float *parameters, *first, *second, *average;
    float *gradients;    /* [lane_count, parameters] */
    float *arenas;       /* [threads, arena_floats] */
    size_t arena_floats;
    uint8_t *pictures;   /* [threads, INK_PICTURE_PARTS, pixels] */
    uint64_t step, seed;
    const ink_kernel *adam, *pixels_kernel;
    /* the step under way */
    const ink_batch *batch;
    const ink_settings *settings;
    float rate, gradient_scale;
    double lane_loss[INK_MAX_LANES];
    size_t lane_correct[INK_MAX_LANES], lane_negatives[INK_MAX_LANES];
    size_t negatives;    /* of the last batch; they are not among the correct ones */
    atomic_size_t next;
} ink_lanes;

/* The parameters begin as the graph's, the averaged ones too; the moments are 0.
 * All batches have `batch` images.
 * Errors: INK_ERR_MEMORY, INK_ERR_THREAD. */
ink_status ink_lanes_init(ink_lanes *lanes, const ink_tape *tape, const ink_allocator *allocator,
                          uint32_t threads, size_t batch, uint64_t seed, ink_cpu cpu,
                          ink_error *error);
void ink_lanes_free(ink_lanes *lanes);

/* The first image of a lane in its batch, and of the last + 1: where the batch ends. */
size_t ink_lanes_first(const ink_lanes *lanes, size_t count, size_t lane);

/* What `ink_picture_make` works in: pictures' bytes, of which the first holds the result. */
enum { INK_PICTURE_PARTS = 4 };

/* The picture that an image of the batch goes in as: augmented or replaced by a negative, as the settings say, in
 * `parts`, or the image itself. */
const uint8_t *ink_picture_make(const ink_batch *batch, const ink_input *input, size_t classes,
                                const ink_settings *settings, uint32_t index, uint8_t *parts, bool *negative);

/* Gradients of the batch's mean loss, summed into the first lane's vector; no update. */
void ink_lanes_gradients(ink_lanes *lanes, const ink_batch *batch, const ink_settings *settings,
                         double *loss, size_t *correct);
/* Those, and one step of the optimizer at this learning rate. */
void ink_lanes_step(ink_lanes *lanes, const ink_batch *batch, const ink_settings *settings, float rate,
                    double *loss, size_t *correct);

#endif
