#include "train/schedule.h"

#include <math.h>

/* From `from` to `to` along half a cosine; `part` from 0 to 1. */
static double swing(double from, double to, double part)
{
    return to + (from - to) * (1 + cos(3.141592653589793 * part)) / 2;
}

float ink_schedule_rate(const ink_schedule *s, uint64_t step, uint64_t steps)
{
    const double at = steps > 1 ? (double)step / (double)(steps - 1) : 0; /* 0 at the first, 1 at the last */
    const double warm = s->warm_up > 0 ? fmin(1, ((double)step + 1) / (s->warm_up * (double)steps)) : 1;
    double part = 1;
    switch ((ink_schedule_kind)s->kind) {
    case INK_SCHEDULE_CONSTANT:
        break;
    case INK_SCHEDULE_STEP:
        part = s->every > 0 ? pow(s->factor, floor((double)step / (s->every * (double)steps))) : 1;
        break;
    case INK_SCHEDULE_COSINE:
        part = swing(1, s->last, at);
        break;
    case INK_SCHEDULE_ONE_CYCLE:
        part = at < s->rise ? swing(1.0 / 25, 1, at / s->rise)
                            : swing(1, 1.0 / 250000, s->rise < 1 ? (at - s->rise) / (1 - s->rise) : 0);
        break;
    }
    return (float)(s->rate * warm * part);
}
