/* Learning rates over a training run. */
#ifndef INK_SCHEDULE_H
#define INK_SCHEDULE_H

#include "base/status.h"

#include <stdint.h>

typedef enum ink_schedule_kind {
    INK_SCHEDULE_CONSTANT,  /* the rate */
    INK_SCHEDULE_STEP,      /* the rate, times `factor` after each `every` of the run */
    INK_SCHEDULE_COSINE,    /* down to `last` * rate along half a cosine (I. Loshchilov, F. Hutter, 2017) */
    INK_SCHEDULE_ONE_CYCLE  /* up along half a cosine from rate / 25 for `rise` of the run, then down to
                               rate / 250,000 (L. Smith, N. Topin, "Super-Convergence", 2018, as PyTorch) */
} ink_schedule_kind;

typedef struct ink_schedule {
    uint64_t kind;          /* INK_SCHEDULE_... */
    float rate;
    float warm_up;          /* share of the run in which the rate first rises from 0 in a straight line */
    float every, factor;    /* step: 0.3 and 0.1, say */
    float last;             /* cosine */
    float rise;             /* one-cycle: 0.3, say */
} ink_schedule;

/* The rate for step `step` of `steps`, both counted from 0; a pure function of its arguments, so that a run
 * that is resumed goes on as if it had never stopped. */
float ink_schedule_rate(const ink_schedule *schedule, uint64_t step, uint64_t steps);

#endif
