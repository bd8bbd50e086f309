/* Changed pictures: what each knob may do and what it may not. */
#include "support.h"

#include "train/augment.h"

#include <math.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE };

/* A thick ring a little off the middle: no symmetry hides a fault. */
static void draw(uint8_t *picture)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const double r = hypot(x - 14.5, y - 12.0);
            picture[y * SIDE + x] = r > 4 && r < 8 ? 255 : r > 3 && r < 9 ? 100 : 0;
        }
}

static double ink(const uint8_t *picture, double *cx, double *cy)
{
    double sum = 0, x = 0, y = 0;
    for (int i = 0; i < PIXELS; i++) {
        sum += picture[i];
        x += picture[i] * (i % SIDE);
        y += picture[i] * (i / SIDE);
    }
    *cx = x / sum;
    *cy = y / sum;
    return sum;
}

static void apply(ink_augment a, uint64_t seed, const uint8_t *from, uint8_t *to)
{
    uint8_t scratch[PIXELS];
    ink_augment_apply(&a, seed, 1, SIDE, SIDE, from, to, scratch);
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS];
    ink_augment none;
    assert_true(ink_augment_named("none", &none));
    assert_false(ink_augment_named("wild", &none));
    draw(from);
    for (uint64_t seed = 0; seed < 20; seed++) {
        apply(none, seed, from, to);
        assert_memory_equal(from, to, PIXELS);
    }
}

static void the_seed_decides(void **state)
{
    (void)state;
    uint8_t from[PIXELS], a[PIXELS], b[PIXELS];
    ink_augment strong;
    assert_true(ink_augment_named("strong", &strong));
    draw(from);
    for (uint64_t seed = 0; seed < 50; seed++) {
        apply(strong, seed, from, a);
        apply(strong, seed, from, b);
        assert_memory_equal(a, b, PIXELS);
        apply(strong, seed + 1000, from, b);
        assert_memory_not_equal(a, b, PIXELS);
    }
}

/* Each knob alone, 500 times: it does something, within its amount, and on average nothing one-sided. */
static void amounts_hold(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS];
    double cx, cy, x, y;
    draw(from);
    const double before = ink(from, &cx, &cy);
    double mean_x = 0, mean_y = 0, most = 0, least_ink = 2, most_ink = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        apply((ink_augment){ .shift = 2 }, seed * 7919, from, to);
        const double share = ink(to, &x, &y) / before;
        assert_true(fabs(share - 1) < 0.01); /* nothing leaves the picture */
        most = fmax(most, fmax(fabs(x - cx), fabs(y - cy)));
        mean_x += (x - cx) / 500;
        mean_y += (y - cy) / 500;
        /* The middle turns about the picture's middle: no farther than its distance from that. */
        apply((ink_augment){ .rotation = 15 }, seed, from, to);
        assert_true(fabs(ink(to, &x, &y) / before - 1) < 0.03);
        assert_true(hypot(x - cx, y - cy) <= hypot(cx - 13.5, cy - 13.5) * 0.2618 + 0.05);
        apply((ink_augment){ .scale = 0.1f }, seed, from, to);
        assert_true(fabs(log(ink(to, &x, &y) / before)) < 0.2 + 0.03); /* area: twice the amount */
        apply((ink_augment){ .thickness = 0.5f }, seed, from, to);
        const double thick = ink(to, &x, &y) / before;
        least_ink = fmin(least_ink, thick);
        most_ink = fmax(most_ink, thick);
    }
    assert_true(most > 1.8 && most < 2.05);
    /* Four standard errors of a mean of 500 draws from -2 to 2. */
    assert_true(fabs(mean_x) < 4 * 2 / sqrt(3 * 500.0) && fabs(mean_y) < 4 * 2 / sqrt(3 * 500.0));
    assert_true(least_ink < 0.9 && most_ink > 1.1);
}

static void erasing_takes_a_rectangle(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS];
    int times = 0;
    memset(from, 200, sizeof from);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        apply((ink_augment){ .erase = 0.3f }, seed, from, to);
        int left = SIDE, right = -1, top = SIDE, bottom = -1, erased = 0;
        for (int i = 0; i < PIXELS; i++)
            if (!to[i]) {
                erased++;
                left = i % SIDE < left ? i % SIDE : left;
                right = i % SIDE > right ? i % SIDE : right;
                top = i / SIDE < top ? i / SIDE : top;
                bottom = i / SIDE > bottom ? i / SIDE : bottom;
            } else {
                assert_int_equal(to[i], 200);
            }
        if (erased) {
            times++;
            assert_int_equal(erased, (right - left + 1) * (bottom - top + 1));
            assert_true(right - left < SIDE / 2 && bottom - top < SIDE / 2);
        }
    }
    /* 1000 draws with chance 0.3: five standard deviations are 72. */
    assert_true(times > 228 && times < 372);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(amounts_hold),
        cmocka_unit_test(erasing_takes_a_rectangle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
