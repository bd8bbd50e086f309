/* One digit in any picture: what is prepared is as MNIST is, whatever the paper, the size and the colours. */
#include "pages.h"

#include "vision/prepare.h"

enum { BOX = 20, TRACE = 32 /* less of 255 is no ink */ };

static const uint8_t blank[PIXELS];

/* ---- what the caller does wrong ---- */

static void arguments_are_checked(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    const uint8_t pixel[12] = { 0 };
    const ink_picture good = { .pixels = pixel, .width = 2, .height = 2, .channels = 1 };
    struct {
        ink_picture picture;
        ink_read_options options;
        const char *words;
    } rows[] = {
        { { NULL, 2, 2, 1, 0 }, INK_READ_OPTIONS_INIT, "NULL" },
        { { pixel, 0, 2, 1, 0 }, INK_READ_OPTIONS_INIT, "0x2" },
        { { pixel, 2, 0, 1, 0 }, INK_READ_OPTIONS_INIT, "2x0" },
        { { pixel, UINT32_MAX, 1, 1, 0 }, INK_READ_OPTIONS_INIT, "4294967295x1" },
        { { pixel, 2, 2, 0, 0 }, INK_READ_OPTIONS_INIT, "0 channels" },
        { { pixel, 2, 2, 2, 0 }, INK_READ_OPTIONS_INIT, "2 channels" },
        { { pixel, 2, 2, 4, 0 }, INK_READ_OPTIONS_INIT, "4 channels" },
        { { pixel, 2, 2, 3, 5 }, INK_READ_OPTIONS_INIT, "stride of 5" },
        { good, { .size = sizeof(ink_read_options), .threshold = -0.1f }, "threshold" },
        { good, { .size = sizeof(ink_read_options), .threshold = 1.1f }, "threshold" },
        { good, { .size = sizeof(ink_read_options), .threshold = NAN }, "threshold" },
        { good, { .size = sizeof(ink_read_options), .polarity = (ink_polarity)3 }, "polarity 3" },
        { good, { .size = 0 }, "size" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ink_reading *reading = (ink_reading *)(void *)&r;
        uint8_t prepared[PIXELS];
        ink_error error;
        memset(prepared, 0x55, PIXELS);
        check_error(ink_read(r.session, &rows[i].picture, &rows[i].options, &reading, &error), &error,
                    INK_ERR_ARGUMENT, rows[i].words);
        assert_null(reading);
        check_error(ink_picture_prepare(&rows[i].picture, &rows[i].options, SIDE, SIDE, prepared, &error), &error,
                    INK_ERR_ARGUMENT, rows[i].words);
        assert_int_equal(prepared[0], 0x55);
    }
    ink_reading *reading = NULL;
    uint8_t prepared[PIXELS];
    ink_error error;
    check_error(ink_read(NULL, &good, NULL, &reading, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_read(r.session, &good, NULL, NULL, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_read(r.session, NULL, NULL, &reading, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_picture_prepare(NULL, NULL, SIDE, SIDE, prepared, &error), &error, INK_ERR_ARGUMENT, "NULL");
    check_error(ink_picture_prepare(&good, NULL, SIDE, SIDE, NULL, &error), &error, INK_ERR_ARGUMENT, "room");
    check_error(ink_picture_prepare(&good, NULL, 0, SIDE, prepared, &error), &error, INK_ERR_ARGUMENT, "28x0");
    check_error(ink_picture_prepare(&good, NULL, SIDE, 4097, prepared, &error), &error, INK_ERR_ARGUMENT, "4097x28");
    ink_reading_close(NULL);
    ink_reading_close(&reading);
    reader_close(&r);
}

/* What is claimed to be huge is refused before a pixel is looked at: there is one. */
static void huge_pictures_are_refused_unread(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    const uint8_t pixel = 7;
    fence end = fence_make(&pixel, 1);
    const struct {
        uint32_t width, height, channels;
        uint64_t most;
    } rows[] = {
        { 20000, 10001, 1, 0 }, { INT32_MAX, INT32_MAX, 3, 0 }, { 11, 10, 1, 109 }, { INT32_MAX, 2, 1, INT32_MAX },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const ink_picture picture = { end.data, rows[i].width, rows[i].height, rows[i].channels, 0 };
        const ink_read_options options = { .size = sizeof options, .max_pixels = rows[i].most };
        ink_reading *reading = NULL;
        uint8_t prepared[PIXELS];
        ink_error error;
        check_error(ink_read(r.session, &picture, &options, &reading, &error), &error, INK_ERR_LIMIT, "at most");
        check_error(ink_picture_prepare(&picture, &options, SIDE, SIDE, prepared, &error), &error, INK_ERR_LIMIT,
                    "at most");
    }
    fence_free(&end);
    page small = page_make(11, 10);
    const ink_read_options exact = { .size = sizeof exact, .max_pixels = 110 };
    ink_reading *reading = read_page(&r, &small, &exact);
    ink_reading_close(&reading);
    page_free(&small);
    reader_close(&r);
}

static void models_of_several_channels_are_refused(void **state)
{
    (void)state;
    opened it;
    const uint8_t pixel = 0;
    const ink_picture picture = { &pixel, 1, 1, 1, 0 };
    ink_session *session = NULL;
    ink_reading *reading = NULL;
    ink_error error;
    open_lines(&it, small_inkling, LINES("inkling.input.shape u32[] 2,6,6", "conv.weight f32:2,2,3,3 random"));
    check_error(ink_session_open(it.model, NULL, &session, &error), &error, INK_OK, NULL);
    check_error(ink_read(session, &picture, NULL, &reading, &error), &error, INK_ERR_ARGUMENT, "2 channels");
    ink_session_close(&session);
    close_opened(&it);
}

/* ---- one digit ---- */

static void nothing_is_nothing(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    static const uint32_t sizes[][2] = { { 1, 1 }, { 2, 1 }, { 1, 300 }, { 300, 1 }, { 50, 40 }, { 300, 200 } };
    static const uint8_t levels[] = { 0, 1, 127, 254, 255 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof levels; k++)
            for (int way = 0; way < 6; way++) {
                const ink_read_options options = { .size = sizeof options, .single = way % 2, .steps = way % 2,
                                                   .polarity = (ink_polarity)(way / 2) };
                uint8_t prepared[PIXELS];
                page p = page_make(sizes[i][0], sizes[i][1]);
                page_on(&p, levels[k], 0);
                ink_reading *reading = read_page(&r, &p, &options);
                assert_true(reading->count == 0 && reading->lines == 0);
                assert_string_equal(reading->text, "");
                ink_reading_close(&reading);
                prepare(&p, options.polarity, prepared);
                assert_memory_equal(prepared, blank, PIXELS);
                page_free(&p);
            }
    reader_close(&r);
}

/* The middle of the mass, in pixels from the upper left corner, and the size of what is inked at all. */
static void measure(const uint8_t *pixels, double middle[2], int size[2])
{
    double mass = 0;
    int first[2] = { SIDE, SIDE }, last[2] = { -1, -1 };
    middle[0] = middle[1] = 0;
    for (int i = 0; i < PIXELS; i++) {
        const int at[2] = { i % SIDE, i / SIDE };
        mass += pixels[i];
        for (int k = 0; k < 2; k++) {
            middle[k] += pixels[i] * (at[k] + 0.5);
            first[k] = pixels[i] >= TRACE && at[k] < first[k] ? at[k] : first[k];
            last[k] = pixels[i] >= TRACE && at[k] > last[k] ? at[k] : last[k];
        }
    }
    for (int k = 0; k < 2; k++) {
        middle[k] /= mass > 0 ? mass : 1;
        size[k] = last[k] - first[k] + 1;
    }
}

/* MNIST's: the longer side 20 of 28, the mass in the middle, which is the middle of pixel 14 to whole pixels. */
static void it_is_as_mnist_is(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 16, 24, 40, 100, 300 };
    for (size_t which = 0; which < SHAPES; which++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int light = 0; light < 2; light++) {
                const uint32_t s = sizes[i];
                uint8_t pixels[PIXELS];
                double middle[2];
                int size[2];
                page p = page_make(2 * s, s + s / 2);
                page_shape(&p, which, s * 0.7, s * 0.2, s);
                page_on(&p, light ? 30 : 225, light ? 220 : 40);
                prepare(&p, INK_POLARITY_FIND, pixels);
                measure(pixels, middle, size);
                const int longer = size[0] > size[1] ? size[0] : size[1];
                if (abs(longer - BOX) > 1 || fabs(middle[0] - 14.5) > 0.5 || fabs(middle[1] - 14.5) > 0.5)
                    fail_msg("shape %zu of %u pixels, light %d: %dx%d, its middle at %.2f, %.2f", which, s, light,
                             size[0], size[1], middle[0], middle[1]);
                page_free(&p);
            }
}

/* By how much pixels change, summed, where a picture moves by one pixel. */
static double steepness(const uint8_t *pixels)
{
    double sum = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const int here = pixels[y * SIDE + x];
            sum += abs(here - (x + 1 < SIDE ? pixels[y * SIDE + x + 1] : 0));
            sum += abs(here - (y + 1 < SIDE ? pixels[(y + 1) * SIDE + x] : 0));
        }
    return sum;
}

static double difference(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += abs(a[i] - b[i]);
    return sum;
}

/* Of a digit of N pixels an edge is known to half a pixel, and its box to another half: that is 20 / N where it is 20
 * high. Two pictures of it differ at most by what they move against each other, and by a level a pixel for rounding. */
static void size_and_polarity_do_not_matter(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 40, 80, 160, 320 };
    for (size_t which = 0; which < SHAPES; which++) {
        uint8_t first[PIXELS], other[PIXELS];
        for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
            const uint32_t s = sizes[i / 2];
            page p = page_make(2 * s, 2 * s);
            page_shape(&p, which, s * 0.5, s * 0.6, s);
            page_on(&p, i % 2 ? 20 : 235, i % 2 ? 235 : 20);
            prepare(&p, INK_POLARITY_FIND, other);
            page_free(&p);
            if (i == 0)
                memcpy(first, other, PIXELS);
            const double moved = 20.0 / (0.8 * sizes[0]) + 20.0 / (0.8 * s);
            const double most = moved * steepness(first) + PIXELS;
            if (difference(first, other) > most)
                fail_msg("shape %zu of %u pixels, light %zu: differs by %.0f, wanted at most %.0f", which, s, i % 2,
                         difference(first, other), most);
        }
        assert_memory_not_equal(first, blank, PIXELS);
    }
}

/* The same to the bit, whether the polarity is told or found; and near it with a quarter of the contrast. */
static void contrast_does_not_matter_much(void **state)
{
    (void)state;
    uint8_t strong[PIXELS], pale[PIXELS], told[PIXELS];
    page p = page_make(120, 100);
    page_shape(&p, 1, 30, 20, 60);
    page faint = page_copy(&p);
    page_on(&p, 250, 10);
    page_on(&faint, 200, 150);
    prepare(&p, INK_POLARITY_FIND, strong);
    prepare(&faint, INK_POLARITY_FIND, pale);
    prepare(&p, INK_POLARITY_DARK, told);
    assert_memory_equal(strong, told, PIXELS);
    /* 50 levels of contrast: each is 255 / 50 levels of ink, and half of that is lost in rounding. The edge, half
     * paper, moves by as much of its slope of one pixel, and the box with it. */
    const double most = (2 * 255.0 / 50 / 2 / 255 + 20.0 / 48) * steepness(strong) + 255.0 / 50 * PIXELS;
    if (difference(strong, pale) > most)
        fail_msg("differs by %.0f, wanted at most %.0f", difference(strong, pale), most);
    page_free(&p);
    page_free(&faint);
}

static void colours_and_strides(void **state)
{
    (void)state;
    enum { GAP = 13 };
    page p = page_make(70, 50);
    page_shape(&p, 3, 15, 5, 40);
    page_on(&p, 215, 33);
    uint8_t wanted[PIXELS], got[PIXELS];
    prepare(&p, INK_POLARITY_FIND, wanted);
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        const size_t row = (size_t)p.width * channels, stride = row + GAP, size = stride * (p.height - 1) + row;
        uint8_t *spread = malloc(size);
        assert_non_null(spread);
        memset(spread, 0xa5, size);
        for (size_t i = 0; i < (size_t)p.width * p.height * channels; i++)
            spread[i / row * stride + i % row] = p.greys[i / channels];
        fence end = fence_make(spread, size); /* behind the last row there is nothing */
        const ink_picture picture = { end.data, p.width, p.height, channels, stride };
        assert_int_equal(ink_picture_prepare(&picture, NULL, SIDE, SIDE, got, NULL), INK_OK);
        assert_memory_equal(got, wanted, PIXELS);
        fence_free(&end);
        free(spread);
    }
    page_free(&p);
}

/* Other sizes than 28x28, and what has no room for a digit. */
static void models_of_any_size(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = { { 1, 1 },   { 1, 40 },  { 40, 1 },  { 5, 9 },
                                         { 14, 14 }, { 32, 32 }, { 100, 64 } };
    page p = page_make(70, 50);
    page_shape(&p, 3, 15, 5, 40);
    page_on(&p, 215, 33);
    const ink_picture picture = picture_of(&p);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = (size_t)sizes[i][0] * sizes[i][1];
        uint8_t *room = malloc(size);
        uint32_t most = 0;
        assert_non_null(room);
        ink_error error;
        check_error(ink_picture_prepare(&picture, NULL, sizes[i][0], sizes[i][1], room, &error), &error, INK_OK, NULL);
        for (size_t k = 0; k < size; k++)
            most = room[k] > most ? room[k] : most;
        assert_true(most > 0);
        free(room);
    }
    page_free(&p);
}

/* Quarter turns and half ones need no pixel between others, so they are exact. */
static void turns_go_the_way_they_say(void **state)
{
    (void)state;
    const ink_preparer wide = { .height = 2, .width = 3 }, square = { .height = 3, .width = 3 };
    const uint8_t from[] = { 10, 20, 30, 40, 50, 60, 70, 80, 90 };
    const uint8_t left[] = { 30, 60, 90, 20, 50, 80, 10, 40, 70 }; /* counter to the clock */
    const uint8_t right[] = { 70, 40, 10, 80, 50, 20, 90, 60, 30 };
    const uint8_t around[] = { 60, 50, 40, 30, 20, 10 };
    uint8_t to[9];
    ink_preparer_turn(&square, from, 1, 0, to);
    assert_memory_equal(to, left, 9);
    ink_preparer_turn(&square, from, -1, 0, to);
    assert_memory_equal(to, right, 9);
    ink_preparer_turn(&wide, from, 0, -1, to);
    assert_memory_equal(to, around, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(huge_pictures_are_refused_unread),
        cmocka_unit_test(models_of_several_channels_are_refused),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(it_is_as_mnist_is),
        cmocka_unit_test(size_and_polarity_do_not_matter),
        cmocka_unit_test(contrast_does_not_matter_much),
        cmocka_unit_test(colours_and_strides),
        cmocka_unit_test(models_of_any_size),
        cmocka_unit_test(turns_go_the_way_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
