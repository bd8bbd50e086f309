/* Changed pictures: what each knob may do and what it may not. */
#include "support.h"

#include "train/augment.h"
#include "train/raster.h"

#include <math.h>
#include <stdlib.h>
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

/* The width for the height changes, to both sides and by no more than the amount; the ink remains as much. */
static void stretching_keeps_the_area(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS];
    double x, y, least = 0, most = 0, mean = 0;
    draw(from);
    const double before = ink(from, &x, &y);
    ink_bounds box, was;
    assert_true(ink_raster_box(from, 1, SIDE, SIDE, &was));
    const double aspect = log((double)(was.right - was.left) / (was.bottom - was.top));
    for (uint64_t seed = 0; seed < 500; seed++) {
        apply((ink_augment){ .stretch = 0.4f }, seed, from, to);
        assert_true(fabs(ink(to, &x, &y) / before - 1) < 0.03);
        assert_true(ink_raster_box(to, 1, SIDE, SIDE, &box));
        const double by = log((double)(box.right - box.left) / (box.bottom - box.top)) - aspect;
        /* Edges are whole pixels: one more or less of each side. */
        assert_true(fabs(by) < 0.4 + 1.0 / (was.right - was.left) + 1.0 / (was.bottom - was.top));
        least = fmin(least, by);
        most = fmax(most, by);
        mean += by / 500;
    }
    assert_true(least < -0.25 && most > 0.25 && fabs(mean) < 0.1);
}

/* A line begins and ends outside: what ends within the picture is somebody's stroke. */
static void lines_go_across(void **state)
{
    (void)state;
    uint8_t blank[PIXELS] = { 0 }, to[PIXELS];
    int drawn = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        int all = 0, edge = 0;
        apply((ink_augment){ .lines = 1 }, seed, blank, to);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                all += to[y * SIDE + x] > 0;
                edge += to[y * SIDE + x] > 0 && (y == 0 || x == 0 || y == SIDE - 1 || x == SIDE - 1);
            }
        assert_true(all == 0 || edge > 0);
        drawn += all > SIDE;
    }
    assert_true(drawn > 150);
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

/* A new knob that is off moves nothing of what the old ones draw, and one that is on moves no other one's draws. */
static void knobs_are_independent(void **state)
{
    (void)state;
    uint8_t from[PIXELS], old[PIXELS], to[PIXELS], again[PIXELS];
    ink_augment strong;
    assert_true(ink_augment_named("strong", &strong));
    draw(from);
    int noisy = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        apply(strong, seed, from, old);
        ink_augment more = strong;
        more.noise = 0.05f;
        apply(more, seed, from, to);
        double error = 0;
        for (int i = 0; i < PIXELS; i++)
            error += fabs((double)to[i] - old[i]) / PIXELS;
        noisy += error > 0;
        assert_true(error < 0.05 * 255);
        /* Another one before it, which comes to nothing here: fit, at a chance that is never met. */
        more.fit = 1e-30f;
        apply(more, seed, from, again);
        assert_memory_equal(to, again, PIXELS);
    }
    assert_true(noisy > 10 && noisy < 40); /* half of 50: five standard deviations are 18 */
}

/* A bar of three pixels: up to three more on each side, and never gone. */
static void thickness_goes_far_and_keeps_ink(void **state)
{
    (void)state;
    uint8_t from[PIXELS] = { 0 }, to[PIXELS];
    double x, y, least = 9, most = 0;
    for (int i = 0; i < 20 * 3; i++)
        from[(4 + i / 3) * SIDE + 12 + i % 3] = 255;
    const double before = ink(from, &x, &y);
    for (uint64_t seed = 0; seed < 300; seed++) {
        apply((ink_augment){ .thickness = 3 }, seed, from, to);
        const double share = ink(to, &x, &y) / before;
        least = fmin(least, share);
        most = fmax(most, share);
    }
    assert_true(least >= 0.35 && least < 0.6);
    /* Each pass adds a column on either side, and rounds the ends: 9 columns of 26 rows at most. */
    assert_true(most > 2.6 && most < 9 * 26 / 60.0);
}

/* A filled square keeps its edges, two pixels of them, and loses what is within. */
static void outlines_are_hollow(void **state)
{
    (void)state;
    uint8_t from[PIXELS] = { 0 }, to[PIXELS];
    for (int i = 0; i < 10 * 10; i++)
        from[(9 + i / 10) * SIDE + 9 + i % 10] = 255;
    apply((ink_augment){ .outline = 1 }, 1, from, to);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const int in = x >= 10 && x < 18 && y >= 10 && y < 18; /* all of its neighbours are of the square */
            const int out = x < 8 || x > 19 || y < 8 || y > 19;
            const int corner = (x == 8 || x == 19) && (y == 8 || y == 19); /* which has no neighbour there */
            assert_int_equal(to[y * SIDE + x], in || out || corner ? 0 : 255);
        }
}

/* Half of the pictures stay as they are, whatever else is asked for. */
static void some_stay_as_they_are(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS];
    int same = 0;
    draw(from);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        apply((ink_augment){ .unchanged = 0.5f, .shift = 2, .noise = 0.3f, .outline = 1, .blur = 1 }, seed, from, to);
        same += !memcmp(from, to, PIXELS);
    }
    assert_true(same > 421 && same < 579); /* five standard deviations are 79 */
}

/* Whatever the size and the place were, the box is MNIST's and the mass in the middle. */
static void fitting_undoes_place_and_size(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS];
    ink_bounds box;
    double x, y;
    draw(from);
    for (uint64_t seed = 0; seed < 200; seed++) {
        apply((ink_augment){ .shift = 4, .scale = 0.3f, .fit = 1 }, seed, from, to);
        assert_true(ink_raster_box(to, 1, SIDE, SIDE, &box));
        const int wide = box.right - box.left, high = box.bottom - box.top;
        const int longer = wide > high ? wide : high;
        if (longer < 19 || longer > 22)
            fail_msg("seed %d: the box is %dx%d", (int)seed, wide, high);
        ink(to, &x, &y);
        assert_true(fabs(x - 14) < 0.25 && fabs(y - 14) < 0.25);
    }
    /* One that has the size already is moved, and keeps its ink. */
    memset(from, 0, PIXELS);
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < 10; k++)
            from[(4 + i) * SIDE + 9 + k] = 200; /* mass at 13.5, 13.5 */
    apply((ink_augment){ .fit = 1 }, 1, from, to);
    assert_true(ink(to, &x, &y) > 0.99 * 200 * 200);
    assert_true(fabs(x - 14) < 0.01 && fabs(y - 14) < 0.01);
    memset(from, 0, PIXELS); /* and what has no ink has no box */
    apply((ink_augment){ .fit = 1 }, 1, from, to);
    assert_memory_equal(from, to, PIXELS);
}

/* The largest step between neighbours. */
static int steepest(const uint8_t *picture)
{
    int most = 0;
    for (int i = 1; i < PIXELS; i++) {
        const int step = abs(picture[i] - picture[i - 1]);
        most = step > most ? step : most;
    }
    return most;
}

static void grids_blur_levels_and_noise(void **state)
{
    (void)state;
    uint8_t from[PIXELS], to[PIXELS], even[PIXELS];
    double cx, cy, x, y;
    draw(from);
    memset(even, 100, PIXELS);
    const double before = ink(from, &cx, &cy);
    int coarse = 0, lined = 0;
    double variance = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        /* Ink and its place stay; edges become softer, never harder. */
        const ink_augment soft[2] = { { .coarse = 1 }, { .blur = 1 } };
        for (int k = 0; k < 2; k++) {
            apply(soft[k], seed, from, to);
            assert_true(fabs(ink(to, &x, &y) / before - 1) < 0.02);
            assert_true(fabs(x - cx) < 0.15 && fabs(y - cy) < 0.15);
            assert_true(steepest(to) <= steepest(from));
            coarse += k == 0 && memcmp(from, to, PIXELS);
        }
        /* What was darker stays so; paper is darker by 0.3 * 0.5 at most, ink has half of its strength at least. */
        apply((ink_augment){ .contrast = 0.5f }, seed, from, to);
        for (int i = 1; i < PIXELS; i++)
            assert_true((from[i] > from[i - 1]) == (to[i] > to[i - 1]));
        assert_true(to[0] <= 0.15 * 255 + 1 && to[14 * SIDE + 14 + 6] >= 127);
        apply((ink_augment){ .noise = 0.1f }, seed, even, to);
        for (int i = 0; i < PIXELS; i++)
            variance += (to[i] - 100.0) * (to[i] - 100.0) / PIXELS / 400;
        apply((ink_augment){ .lines = 0.5f }, seed, even, to);
        lined += memcmp(even, to, PIXELS) != 0;
    }
    assert_true(coarse > 150 && coarse < 250); /* half of them: five standard deviations are 50 */
    assert_true(lined > 130 && lined < 250); /* less what is all outside or paler than this */
    /* Half of them, u^2 of the amount's square, a third on average. */
    assert_true(fabs(variance / (25.5 * 25.5 / 6) - 1) < 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(amounts_hold),
        cmocka_unit_test(stretching_keeps_the_area),
        cmocka_unit_test(lines_go_across),
        cmocka_unit_test(erasing_takes_a_rectangle),
        cmocka_unit_test(knobs_are_independent),
        cmocka_unit_test(thickness_goes_far_and_keeps_ink),
        cmocka_unit_test(outlines_are_hollow),
        cmocka_unit_test(some_stay_as_they_are),
        cmocka_unit_test(fitting_undoes_place_and_size),
        cmocka_unit_test(grids_blur_levels_and_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
