/* Seams: where they go, what they cost, and that they lean as they are told. */
#include "support.h"

#include "vision/cuts.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 120, HEIGHT = 128 };

static uint8_t pixels[HEIGHT * WIDTH];
static const ink_plane mark = { WIDTH, HEIGHT, pixels };

/* A stroke from the top to the bottom, 16 wide, whose middle is at `middle` half way. */
static void draw(float middle, float lean)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (fabsf((float)x + 0.5f - middle - lean * (HEIGHT / 2.0f - (float)y)) < 8)
                pixels[y * WIDTH + x] = 255;
}

/* The least cost of a seam whose middle is between two places; 1 where there is none. */
static float cheapest(float lean, float from, float to, ink_cut *best)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    static ink_arena arena;
    ink_cut *cuts = NULL;
    size_t count = 0;
    float least = 1;
    ink_error error;
    ink_arena_free(&arena);
    ink_arena_init(&arena, &allocator);
    assert_int_equal(ink_cuts_find(&mark, lean, &arena, &cuts, &count, &error), INK_OK);
    for (size_t i = 0; i < count; i++) {
        if (i)
            assert_true(cuts[i].middle >= cuts[i - 1].middle);
        if (cuts[i].middle > from && cuts[i].middle < to && cuts[i].cost < least) {
            least = cuts[i].cost;
            *best = cuts[i];
        }
    }
    return least;
}

static void between_upright_strokes_a_seam_is_free(void **state)
{
    (void)state;
    ink_cut best = { 0 };
    memset(pixels, 0, sizeof pixels);
    draw(30, 0);
    draw(90, 0);
    assert_true(cheapest(0, 40, 80, &best) == 0);
    for (int y = 0; y < HEIGHT; y++)
        assert_true(best.at[y] > 38 && best.at[y] < 82);
}

/* Strokes 44 apart that move 64 sideways on their way: no upright seam passes without crossing one of them. */
static void between_leaning_strokes_it_is_if_it_leans(void **state)
{
    (void)state;
    ink_cut best = { 0 };
    memset(pixels, 0, sizeof pixels);
    draw(38, 0.5f);
    draw(82, 0.5f);
    assert_true(cheapest(0, 50, 70, &best) > 0.05f); /* 8 columns wide of 64 rows, crossed at a slant */
    assert_true(cheapest(0.5f, 50, 70, &best) == 0);
    for (int y = 0; y < HEIGHT; y++) {
        const float line = 60 + 0.5f * (HEIGHT / 2.0f - (float)y);
        assert_true(fabsf(best.at[y] - line) < 16); /* the strokes end 14 from it, and two rows are looked at as one */
    }
}

/* What no writing is has no seams. */
static void what_is_no_writing_has_none(void **state)
{
    (void)state;
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_cut *cuts = &(ink_cut){ 0 };
    size_t count = 7;
    ink_error error;
    ink_arena_init(&arena, &allocator);
    for (int i = 0; i < 2; i++) {
        const ink_plane none = { i ? 4 : WIDTH, i ? HEIGHT : 0, pixels };
        assert_int_equal(ink_cuts_find(&none, 0.2f, &arena, &cuts, &count, &error), INK_OK);
        assert_int_equal(count, 0);
        assert_null(cuts);
    }
    ink_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_upright_strokes_a_seam_is_free),
        cmocka_unit_test(between_leaning_strokes_it_is_if_it_leans),
        cmocka_unit_test(what_is_no_writing_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
