/* The plan: what really runs. It drops what nothing reads, fuses, chooses layouts and kernels, packs
 * weights, and places every value in one arena. docs/architecture.md, "The plan". */
#ifndef INK_PLAN_H
#define INK_PLAN_H

#include "graph/graph.h"

/* Memory of one value for one image; steps numbered from 1, 0 is the filling of the input. */
typedef struct ink_plan_buffer {
    size_t floats, offset;  /* in an image's share of the arena */
    uint32_t first, last;   /* steps that write and read it */
} ink_plan_buffer;

typedef struct ink_plan {
    size_t step_count;
    ink_step *steps;
    uint32_t buffer_count;
    ink_plan_buffer *buffers;
    uint32_t input_buffer;
    bool takes_pixels;      /* the input's floats are read by quantize steps alone, which can do with its pixels */
    ink_view output;        /* row-major */
    size_t image_floats;    /* of the arena, for one image */
    size_t scratch_floats;  /* of the arena besides */
    size_t batch;           /* images that a thread takes at once unless told otherwise */
    uint64_t packed_bytes;
} ink_plan;

/* Makes the plan of a checked graph for one instruction set. With `probabilities` a softmax is added
 * unless the graph ends in one or in sigmoids (behind a log_softmax it gives the exponential). A byte's
 * pixel is the input pixel * scale + the graph's offset. Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
ink_status ink_plan_make(ink_plan *plan, const ink_graph *graph, ink_cpu cpu, bool probabilities,
                         float scale, const ink_limits *limits, ink_error *error);

#endif
