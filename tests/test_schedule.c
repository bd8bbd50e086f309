/* Learning rates: the ends, the turning points and the formulas between. */
#include "support.h"

#include "train/schedule.h"

#include <math.h>

/* A float's rounding of the double inside, and of the rate itself. */
static void check_rate(const ink_schedule *s, uint64_t step, uint64_t steps, double want)
{
    const double found = (double)ink_schedule_rate(s, step, steps);
    if (!(fabs(found - want) <= 4 * 0x1p-24 * fabs(want)))
        fail_msg("schedule %llu, step %llu of %llu: %.9g, wanted %.9g", (unsigned long long)s->kind,
                 (unsigned long long)step, (unsigned long long)steps, found, want);
}

static void rates_are_those_of_the_formulas(void **state)
{
    (void)state;
    const ink_schedule constant = { .kind = INK_SCHEDULE_CONSTANT, .rate = 0.5f };
    const ink_schedule steps = { .kind = INK_SCHEDULE_STEP, .rate = 1, .every = 0.25f, .factor = 0.5f };
    const ink_schedule cosine = { .kind = INK_SCHEDULE_COSINE, .rate = 2, .last = 0.25f };
    const ink_schedule cycle = { .kind = INK_SCHEDULE_ONE_CYCLE, .rate = 1, .rise = 0.25f };
    for (uint64_t i = 0; i < 101; i += 10) {
        check_rate(&constant, i, 101, 0.5);
        check_rate(&steps, i, 100, pow(0.5, floor((double)i / 25)));
        check_rate(&cosine, i, 101, 0.5 + 1.5 * (1 + cos(acos(-1) * (double)i / 100)) / 2);
    }
    check_rate(&cycle, 0, 101, 1.0 / 25);
    check_rate(&cycle, 25, 101, 1);
    check_rate(&cycle, 100, 101, 1.0 / 250000);
    for (uint64_t i = 1; i < 101; i++) {
        const float before = ink_schedule_rate(&cycle, i - 1, 101), now = ink_schedule_rate(&cycle, i, 101);
        assert_true(i <= 25 ? now > before : now < before);
    }
}

static void warm_up_rises_from_near_zero(void **state)
{
    (void)state;
    const ink_schedule s = { .kind = INK_SCHEDULE_CONSTANT, .rate = 1, .warm_up = 0.125f };
    for (uint64_t i = 0; i < 80; i++)
        check_rate(&s, i, 80, i < 10 ? (double)(i + 1) / 10 : 1);
    check_rate(&s, 0, 1, 1); /* a single step is no warm-up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_of_the_formulas),
        cmocka_unit_test(warm_up_rises_from_near_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
