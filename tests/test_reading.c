/* Numbers on paper: lines, boxes, doubts, steps; without memory, with each instruction set, in threads. */
#include "pages.h"

#include "vision/prepare.h"

#ifndef __wasm__
#include <pthread.h>
#endif

/* ---- pages ---- */

static void lines_are_read_in_order(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    box boxes[WRITTEN];
    page p = two_lines(&from, boxes);
    page_on(&p, 225, 35);
    ink_reading *reading = read_page(&r, &p, NULL);
    assert_string_equal(reading->text, written_text);
    assert_int_equal(reading->count, WRITTEN);
    assert_int_equal(reading->lines, 2);
    assert_true(reading->steps == 0);
    for (size_t i = 0; i < WRITTEN; i++) {
        const ink_mark *m = &reading->marks[i];
        const box *b = &boxes[i];
        assert_int_equal(m->digit, written[i]);
        assert_int_equal(m->line, i >= FIRST_LINE);
        assert_true(m->probability == m->probabilities[m->digit] && !m->unsure);
        /* All of the half-inked pixels are in it, and around them soft edges of a pixel or two of the sample's. */
        const bool holds = m->x <= b->x0 && m->y <= b->y0 && m->x + m->width >= b->x1 && m->y + m->height >= b->y1;
        const bool tight = m->x + 6 >= b->x0 && m->y + 6 >= b->y0 && m->x + m->width <= b->x1 + 6 &&
                           m->y + m->height <= b->y1 + 6;
        if (!holds || !tight)
            fail_msg("digit %zu: %u,%u %ux%u, wanted %u,%u to %u,%u", i, m->x, m->y, m->width, m->height, b->x0, b->y0,
                     b->x1, b->y1);
    }
    ink_reading_close(&reading);
    page_free(&p);
    samples_close(&from);
    reader_close(&r);
}

/* A digit higher than its neighbours, but over none of them, is of their line; one that is over one of them is not. */
static void a_line_may_be_uneven(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    for (int over = 0; over < 2; over++) {
        page p = page_make(300, 170);
        put_sample(&p, &from, 3, CLEAR, 20, 72);
        put_sample(&p, &from, 6, CLEAR, over ? 36 : 66, 42);
        put_sample(&p, &from, 2, CLEAR, over ? 74 : 108, 70);
        put_sample(&p, &from, 0, CLEAR, over ? 118 : 150, 72);
        page_on(&p, 225, 35);
        check_text(&r, over ? "two lines" : "one line", &p, over ? "6\n320" : "3620");
        page_free(&p);
    }
    samples_close(&from);
    reader_close(&r);
}

/* Digits pushed together until each lies over a part of the next: one mark on the page, several in the reading. Not all
 * such numbers are read right (docs/handwriting.md). */
static void digits_that_touch_are_parted(void **state)
{
    (void)state;
    static const int digits[] = { 8, 3, 5, 2 };
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    page p = page_make(260, 120), scratch = page_make(2 * SIDE, 2 * SIDE);
    uint32_t right = 40;
    for (int i = 0; i < 4; i++) {
        const uint32_t own = put_sample(&scratch, &from, digits[i], CLEAR, 0, 0).x0;
        right = put_sample(&p, &from, digits[i], CLEAR, right - own - 5, 32).x1;
    }
    page_free(&scratch);
    page_on(&p, 225, 35);
    ink_reading *reading = read_page(&r, &p, NULL);
    assert_string_equal(reading->text, "8352");
    for (size_t i = 1; i < reading->count; i++) /* each where it was put */
        assert_true(reading->marks[i].x > reading->marks[i - 1].x + 20 && reading->marks[i].width < 60);
    ink_reading_close(&reading);
    page_free(&p);
    samples_close(&from);
    reader_close(&r);
}

/* Wider than a digit is meant to be, and so looked at for cuts; but what is cut must not be better than the whole. */
static void a_wide_digit_stays_whole(void **state)
{
    (void)state;
    enum { POINTS = 48 };
    reader r = reader_open(test_cpu());
    for (int wide = 46; wide <= 62; wide += 4) { /* half its width; its height is 60 */
        page p = page_make(260, 120);
        for (int i = 0; i < POINTS; i++) {
            const double a = 6.283185307 * i / POINTS, b = 6.283185307 * (i + 1) / POINTS;
            page_stroke(&p, 80 + wide * cos(a), 60 + 30 * sin(a), 80 + wide * cos(b), 60 + 30 * sin(b), 8);
        }
        page_shape(&p, 0, 160, 25, 70); /* a 7 beside it tells how high the line is */
        page_on(&p, 225, 35);
        check_text(&r, "a wide 0", &p, "07");
        page_free(&p);
    }
    reader_close(&r);
}

static int clamp(int level)
{
    return level < 0 ? 0 : level > 255 ? 255 : level;
}

static void paper_does_not_matter(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    box boxes[WRITTEN];
    page ink = two_lines(&from, boxes);
    uint64_t random = 5;

    page p = page_copy(&ink);
    page_on(&p, 20, 240);
    check_text(&r, "light on dark", &p, written_text);
    page_free(&p);

    p = page_copy(&ink);
    page_on(&p, 230, 40);
    for (uint32_t y = 0; y < p.height; y++)
        for (uint32_t x = 0; x < p.width; x++)
            p.greys[y * p.width + x] = (uint8_t)(p.greys[y * p.width + x] * (500 - x / 2 - y) / 500);
    check_text(&r, "shaded", &p, written_text);
    page_free(&p);

    p = page_copy(&ink);
    page_on(&p, 215, 40);
    for (size_t i = 0; i < (size_t)p.width * p.height; i++)
        p.greys[i] = (uint8_t)clamp(p.greys[i] + (int)(test_random(&random) >> 40) % 31 - 15);
    check_text(&r, "noisy", &p, written_text);
    page_free(&p);

    for (uint32_t dark = 0; dark < 2; dark++) {
        const uint8_t rule = dark ? 130 : 185;
        p = page_copy(&ink);
        page_on(&p, 225, 40);
        for (uint32_t y = 25; y < p.height; y += 40)
            for (uint32_t x = 0; x < p.width; x++)
                p.greys[y * p.width + x] = p.greys[y * p.width + x] < rule ? p.greys[y * p.width + x] : rule;
        check_text(&r, dark ? "ruled darkly" : "ruled", &p, written_text);
        page_free(&p);
    }

    p = page_copy(&ink);
    for (int i = 0; i < 40; i++) {
        const uint32_t x = (uint32_t)(test_random(&random) >> 33) % (p.width - 1);
        const uint32_t y = (uint32_t)(test_random(&random) >> 33) % (p.height - 1);
        p.greys[y * p.width + x] = p.greys[y * p.width + x + 1] = 255;
    }
    page_on(&p, 225, 40);
    check_text(&r, "with specks", &p, written_text);
    page_free(&p);

    p = page_copy(&ink);
    page_on(&p, 225, 40);
    for (uint32_t y = 0; y < p.height; y++)
        for (uint32_t x = 0; x < p.width; x++)
            if (x < 6 || y < 6 || x + 6 >= p.width || y + 6 >= p.height)
                p.greys[y * p.width + x] = 10;
    check_text(&r, "framed", &p, written_text);
    page_free(&p);

    page_free(&ink);
    samples_close(&from);
    reader_close(&r);
}

static void one_digit_is_prepared_as_it_is_read(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    for (int digit = 0; digit < 10; digit++) {
        const ink_read_options options = { .size = sizeof options, .single = 1 };
        uint8_t prepared[PIXELS];
        page p = page_make(150, 130);
        put_sample(&p, &from, digit, 0, 60, 40);
        page_on(&p, 210, 50);
        prepare(&p, INK_POLARITY_FIND, prepared);
        ink_reading *reading = read_page(&r, &p, &options);
        assert_int_equal(reading->count, 1);
        assert_int_equal(reading->marks[0].digit, digit);
        assert_memory_equal(reading->marks[0].pixels, prepared, PIXELS);
        ink_reading_close(&reading);
        page_free(&p);
    }
    samples_close(&from);
    reader_close(&r);
}

/* The answer is the geometric mean of what the network says of a digit, and of it turned by six degrees each way. Floats
 * were rounded some ten times on the way, their logarithms to 1e-7 of up to 28: 3e-6 each. */
static void three_looks_make_an_answer(void **state)
{
    (void)state;
    static const float sines[] = { 0, 0.1f, -0.1f };
    enum { LOOKS = 3 };
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    double moved = 0;
    for (int digit = 0; digit < 10; digit++) {
        uint8_t looks[LOOKS][PIXELS];
        float of[LOOKS][10];
        double mean[10], sum = 0;
        const ink_read_options options = { .size = sizeof options, .single = 1 };
        page p = page_make(150, 130);
        put_sample(&p, &from, digit, 0, 60, 40);
        page_stroke(&p, 50, 45, 105, 75, 5); /* something to be unsure of */
        page_on(&p, 210, 50);
        ink_reading *reading = read_page(&r, &p, &options);
        assert_int_equal(reading->count, 1);
        const ink_preparer preparer = { .height = SIDE, .width = SIDE };
        for (int i = 0; i < LOOKS; i++)
            ink_preparer_turn(&preparer, reading->marks[0].pixels, sines[i], i ? 0.995f : 1, looks[i]);
        assert_memory_equal(looks[0], reading->marks[0].pixels, PIXELS);
        assert_int_equal(ink_session_run_u8(r.session, looks[0], LOOKS, of[0], NULL), INK_OK);
        for (int c = 0; c < 10; c++) {
            mean[c] = cbrt((of[0][c] + 1e-12) * (of[1][c] + 1e-12) * (of[2][c] + 1e-12));
            sum += mean[c];
        }
        for (int c = 0; c < 10; c++) {
            assert_true(fabs(reading->marks[0].probabilities[c] - mean[c] / sum) < 1e-5);
            moved = fmax(moved, fabs(of[0][c] - mean[c] / sum));
        }
        ink_reading_close(&reading);
        page_free(&p);
    }
    assert_true(moved > 0.05); /* or one look would do */
    samples_close(&from);
    reader_close(&r);
}

static void doubts_and_gaps_are_in_the_text(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    page p = page_make(360, 100);
    put_sample(&p, &from, 4, CLEAR, 30, 20);
    put_sample(&p, &from, 2, CLEAR, 74, 20);
    put_sample(&p, &from, 7, CLEAR, 260, 20);
    page_on(&p, 210, 50);
    check_text(&r, "a gap", &p, "42 7");
    ink_read_options options = { .size = sizeof options, .threshold = 1 };
    ink_reading *reading = read_page(&r, &p, &options);
    char wanted[] = "42 7";
    for (size_t i = 0; i < reading->count; i++) {
        assert_true((reading->marks[i].unsure != 0) == (reading->marks[i].probability < 1));
        if (reading->marks[i].unsure)
            wanted[i < 2 ? i : 3] = '?';
    }
    assert_string_equal(reading->text, wanted);
    ink_reading_close(&reading);
    page_free(&p);
    samples_close(&from);
    reader_close(&r);
}

static void steps_are_kept_where_they_are_asked_for(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    box boxes[WRITTEN];
    page p = two_lines(&from, boxes);
    page_on(&p, 225, 35);
    const ink_read_options options = { .size = sizeof options, .steps = 1 };
    ink_reading *reading = read_page(&r, &p, &options);
    static const char *const names[] = { "grey", "paper", "ink", "written", "marks" };
    assert_int_equal(reading->steps, 5);
    for (size_t i = 0; i < reading->steps; i++) {
        const ink_read_step *s = &reading->step[i];
        assert_string_equal(s->name, names[i]);
        assert_true(s->width == p.width && s->height == p.height);
    }
    const uint8_t *grey = reading->step[0].pixels, *paper = reading->step[1].pixels;
    const uint8_t *inked = reading->step[3].pixels, *marks = reading->step[4].pixels;
    size_t ink = 0;
    assert_memory_equal(grey, p.greys, (size_t)p.width * p.height);
    for (size_t k = 0; k < (size_t)p.width * p.height; k++) {
        /* 225, ink and all: soft edges up to half of the threshold, a quarter of the way to the ink, count as paper,
         * and beyond the last tile's middle half of that may be added. */
        assert_true(paper[k] >= 225 - 190 / 4 && paper[k] <= 225 + 190 / 8);
        assert_true(inked[k] == 0 || inked[k] == 255);
        assert_true(marks[k] == inked[k]); /* nothing but digits is written */
        ink += inked[k] == 0;
        if (grey[k] < 60 || grey[k] > 220) /* full ink and bare paper */
            assert_true(inked[k] == (grey[k] < 60 ? 0 : 255));
    }
    assert_true(ink > 500);
    ink_reading_close(&reading);
    page_free(&p);
    samples_close(&from);
    reader_close(&r);
}

/* ---- memory, kernels, threads ---- */

static void each_allocation_fails_once(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    page p = page_make(120, 60);
    page_shape(&p, 0, 8, 8, 40);
    page_shape(&p, 1, 42, 8, 40); /* they touch: there is something to part */
    page_on(&p, 220, 30);
    const ink_picture picture = picture_of(&p);
    for (int way = 0; way < 6; way++)
        for (size_t at = 1;; at++) {
            test_memory memory = { .fail_at = at, .fail_after = way % 2 };
            const ink_allocator allocator = test_allocator(&memory);
            const ink_read_options options = { .size = sizeof options, .allocator = &allocator, .steps = 1,
                                               .single = way / 2 == 1 };
            ink_reading *reading = NULL;
            uint8_t prepared[PIXELS];
            ink_error error;
            const ink_status status = way / 2 == 2
                                    ? ink_picture_prepare(&picture, &options, SIDE, SIDE, prepared, &error)
                                    : ink_read(r.session, &picture, &options, &reading, &error);
            assert_true((reading != NULL) == (status == INK_OK && way / 2 != 2));
            ink_reading_close(&reading);
            assert_true(memory.live == 0);
            if (status == INK_OK) {
                assert_true(memory.allocations < at && at > 2);
                break;
            }
            check_error(status, &error, INK_ERR_MEMORY, "no memory");
        }
    page_free(&p);
    reader_close(&r);
}

/* A reading to compare with: what the network saw, what it said, where. */
static bool same_reading(const ink_reading *a, const ink_reading *b, bool answers)
{
    bool same = a->count == b->count && strcmp(a->text, b->text) == 0;
    for (size_t i = 0; i < a->count && same; i++) {
        const ink_mark *m = &a->marks[i], *n = &b->marks[i];
        same = memcmp(m->pixels, n->pixels, PIXELS) == 0 && m->x == n->x && m->y == n->y && m->width == n->width &&
               m->height == n->height && m->line == n->line;
        same = same && (!answers || memcmp(m->probabilities, n->probabilities, 10 * sizeof(float)) == 0);
    }
    return same;
}

/* Preparing is no kernel's: what each sees is the same to the bit. */
static void kernels_see_the_same(void **state)
{
    (void)state;
    samples from = samples_open();
    box boxes[WRITTEN];
    page p = two_lines(&from, boxes);
    page_on(&p, 225, 35);
    reader scalar = reader_open(INK_CPU_SCALAR);
    ink_reading *wanted = read_page(&scalar, &p, NULL);
    for (int cpu = INK_CPU_SCALAR + 1; ink_cpu_name((ink_cpu)cpu); cpu++) {
        ink_cpu known;
        if (ink_cpu_from_name(ink_cpu_name((ink_cpu)cpu), &known, NULL))
            continue;
        reader r = reader_open(known);
        ink_reading *reading = read_page(&r, &p, NULL);
        assert_true(same_reading(reading, wanted, false));
        ink_reading_close(&reading);
        reader_close(&r);
    }
    ink_reading_close(&wanted);
    reader_close(&scalar);
    page_free(&p);
    samples_close(&from);
}

#ifndef __wasm__
typedef struct task {
    const ink_model *model;
    const ink_picture *picture;
    const ink_reading *wanted;
    bool same;
} task;

static void *read_again(void *argument)
{
    task *t = argument;
    ink_session *session = NULL;
    t->same = ink_session_open(t->model, NULL, &session, NULL) == INK_OK;
    for (int i = 0; i < 5 && t->same; i++) {
        ink_reading *reading = NULL;
        t->same = ink_read(session, t->picture, NULL, &reading, NULL) == INK_OK &&
                  same_reading(reading, t->wanted, true);
        ink_reading_close(&reading);
    }
    ink_session_close(&session);
    return NULL;
}

static void two_sessions_at_once(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    box boxes[WRITTEN];
    page p = two_lines(&from, boxes);
    page_on(&p, 225, 35);
    const ink_picture picture = picture_of(&p);
    ink_reading *wanted = read_page(&r, &p, NULL);
    task tasks[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        tasks[i] = (task){ r.model, &picture, wanted, false };
        assert_int_equal(pthread_create(&threads[i], NULL, read_again, &tasks[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(tasks[0].same && tasks[1].same);
    ink_reading_close(&wanted);
    page_free(&p);
    samples_close(&from);
    reader_close(&r);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_in_order),
        cmocka_unit_test(a_line_may_be_uneven),
        cmocka_unit_test(digits_that_touch_are_parted),
        cmocka_unit_test(a_wide_digit_stays_whole),
        cmocka_unit_test(paper_does_not_matter),
        cmocka_unit_test(one_digit_is_prepared_as_it_is_read),
        cmocka_unit_test(three_looks_make_an_answer),
        cmocka_unit_test(doubts_and_gaps_are_in_the_text),
        cmocka_unit_test(steps_are_kept_where_they_are_asked_for),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(kernels_see_the_same),
#ifndef __wasm__
        cmocka_unit_test(two_sessions_at_once),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
