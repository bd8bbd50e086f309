/* Drawing: what is put where, what lies outside, and that a PNG of it is the same picture. */
#include "support.h"

#include "common/paint.h"
#include "common/picture_file.h"
#include "common/png_out.h"
#include "common/sheet.h"

#include <stdlib.h>
#include <string.h>

enum { WIDE = 12, HIGH = 9, GREEN = 0x10a020 };

static uint32_t colour_at(const canvas *on, int64_t x, int64_t y)
{
    const uint8_t *at = on->pixels + (y * on->width + x) * 3;
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* How many pixels have that colour. */
static size_t count_of(const canvas *on, uint32_t colour)
{
    size_t count = 0;
    for (int64_t y = 0; y < on->height; y++)
        for (int64_t x = 0; x < on->width; x++)
            count += colour_at(on, x, y) == colour;
    return count;
}

static void boxes_and_frames_end_at_the_edge(void **state)
{
    (void)state;
    static const struct {
        int64_t x, y, width, height;
        size_t box, frame; /* pixels of it that are on the canvas; the frame is 1 thick */
    } rows[] = {
        { 2, 3, 4, 2, 8, 16 },
        { 0, 0, WIDE, HIGH, WIDE * HIGH, 0 },
        { -2, -3, 4, 5, 4, 5 },
        { 10, 7, 5, 5, 4, 5 },
        { -1, -1, WIDE + 2, HIGH + 2, WIDE * HIGH, 0 },
        { 12, 0, 5, 5, 0, 6 },
        { 0, -100, 5, 5, 0, 0 },
        { 3, 3, 0, 0, 0, 4 },
        { INT32_MIN, INT32_MIN, UINT32_MAX, UINT32_MAX, WIDE * HIGH, 0 },
        { INT32_MAX, INT32_MAX, UINT32_MAX, UINT32_MAX, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        canvas on = canvas_make(WIDE, HIGH, 0xffffff);
        assert_int_equal(count_of(&on, 0xffffff), WIDE * HIGH);
        paint_frame(&on, rows[i].x, rows[i].y, rows[i].width, rows[i].height, 1, 0x000001);
        assert_int_equal(count_of(&on, 0x000001), rows[i].frame);
        paint_box(&on, rows[i].x, rows[i].y, rows[i].width, rows[i].height, GREEN);
        assert_int_equal(count_of(&on, GREEN), rows[i].box);
        assert_int_equal(count_of(&on, 0x000001), rows[i].frame); /* it lies around the box */
        canvas_close(&on);
        canvas_close(&on); /* harmless */
    }
}

static void pictures_are_enlarged_and_cut(void **state)
{
    (void)state;
    static const uint8_t grey[] = { 10, 20, 30, 40 }, rgb[] = { 1, 2, 3, 4, 5, 6 };
    canvas on = canvas_make(WIDE, HIGH, 0xffffff);
    paint_picture(&on, 2, 1, grey, 2, 2, 1, 3);
    assert_int_equal(count_of(&on, 0xffffff), WIDE * HIGH - 36);
    assert_int_equal(colour_at(&on, 2, 1), 0x0a0a0a);
    assert_int_equal(colour_at(&on, 4, 3), 0x0a0a0a);
    assert_int_equal(colour_at(&on, 5, 3), 0x141414);
    assert_int_equal(colour_at(&on, 7, 6), 0x282828);
    paint_picture(&on, -3, -1, rgb, 2, 1, 3, 4);
    assert_int_equal(colour_at(&on, 0, 0), 0x010203);
    assert_int_equal(colour_at(&on, 1, 2), 0x040506);
    paint_picture(&on, 11, 8, grey, 2, 2, 1, 5);
    assert_int_equal(colour_at(&on, 11, 8), 0x0a0a0a);
    canvas_close(&on);
    on = canvas_of(grey, 1, 4, 1);
    assert_int_equal(colour_at(&on, 0, 3), 0x282828);
    canvas_close(&on);
}

/* The ink of a text lies in the columns that it is said to take, and each letter has some. */
static void text_takes_its_width(void **state)
{
    (void)state;
    for (int letter = -128; letter < 128; letter++) {
        const char string[] = { (char)(letter ? letter : 'x'), 0 };
        for (uint32_t zoom = 1; zoom < 4; zoom++) {
            const uint32_t width = paint_text_width(string, 1, zoom);
            assert_in_range(width, zoom, 5 * zoom);
            canvas on = canvas_make(width + 2, PAINT_LINE * zoom + 2, 0xffffff);
            paint_text(&on, 1, 1, zoom, GREEN, string);
            const size_t ink = count_of(&on, GREEN);
            assert_true(letter == ' ' ? ink == 0 : ink >= zoom * zoom);
            assert_int_equal(ink % (zoom * zoom), 0);
            paint_frame(&on, 1, 1, width, PAINT_LINE * zoom, 1, 0xffffff);
            assert_int_equal(count_of(&on, GREEN), ink);
            paint_text(&on, -3, -4, zoom, GREEN, string);
            paint_text(&on, width, 5, zoom, GREEN, string);
            canvas_close(&on);
        }
    }
    assert_int_equal(paint_text_width("", 9, 3), 0);
    assert_int_equal(paint_text_width("12", 2, 1), 11); /* digits stand below each other */
    assert_int_equal(paint_text_width("00", 9, 2), 22);
}

/* The label is on the canvas wherever the box is. */
static void tags_stay_on_the_canvas(void **state)
{
    (void)state;
    static const int64_t places[][2] = { { 30, 30 }, { 0, 0 }, { 110, 2 }, { 110, 90 }, { -5, 95 }, { 119, 99 } };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        canvas on = canvas_make(120, 100, 0);
        paint_tag(&on, places[i][0], places[i][1], 10, 12, GREEN, 1, "7 99.5%");
        canvas alone = canvas_make(120, 100, 0);
        paint_text(&alone, 10, 10, 1, 0xffffff, "7 99.5%");
        assert_int_equal(count_of(&on, 0xffffff), count_of(&alone, 0xffffff));
        canvas_close(&alone);
        canvas_close(&on);
    }
}

static void sheets_hold_pictures_of_any_size(void **state)
{
    (void)state;
    uint8_t *large = calloc(2000 * 3, 1000);
    assert_non_null(large);
    memset(large, 77, 2000 * 3 * 1000);
    static const uint8_t grey[28 * 28];
    const sheet_panel panels[] = {
        { "1  large", "a caption that is so long that it takes more than the two lines that there are for it, by far, "
                      "and so ends in dots", 2000, 1000, 3, large },
        { "2  small", NULL, 28, 28, 1, grey },
        { NULL, "anunbrokenwordthatislongerthanalinecanbeanditgoesonandonuntilnobodywouldreadit", 1000, 1, 1, large },
        { "none", "", 0, 0, 1, NULL },
        { "a title that is longer than a line can be, so that it ends in dots", "\xc3\xa9", 1, 2000, 3, large },
    };
    canvas sheet = sheet_draw(panels, 5, 2);
    assert_int_equal(sheet.width, 2 * 360 + 3 * 32);
    assert_true(count_of(&sheet, 0x4d4d4d) >= 360 * 180);
    assert_true(count_of(&sheet, 0x000000) == 336 * 336);
    canvas_close(&sheet);
    for (size_t count = 0; count <= 5; count++) {
        sheet = sheet_draw(panels, count, 0);
        assert_true(sheet.width >= 64 && sheet.width <= 3 * 360 + 4 * 32);
        canvas_close(&sheet);
    }
    free(large);
}

#ifdef INK_HAVE_PNG

static void a_png_is_the_same_picture(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = { { 1, 1 }, { 5, 3 }, { 300, 200 } };
    uint64_t random = 5;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        canvas on = canvas_make(sizes[i][0], sizes[i][1], GREEN);
        const size_t size = (size_t)on.width * on.height * 3;
        for (size_t k = 0; k < size; k++)
            on.pixels[k] = (uint8_t)test_random(&random);
        text png = { 0 };
        picture_file file;
        picture back;
        png_rgb(&png, on.pixels, on.height, on.width);
        assert_int_equal(picture_file_open("x", (const uint8_t *)png.data, png.size, PICTURE_WANTED, &file), 0);
        assert_int_equal(picture_file_decode(&file, 0, PICTURE_BACK_BLACK, &back), 0);
        assert_int_equal(back.width, on.width);
        assert_int_equal(back.height, on.height);
        assert_int_equal(back.channels, 3);
        assert_memory_equal(back.pixels, on.pixels, size);
        picture_close(&back);
        text_free(&png);
        canvas_close(&on);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_and_frames_end_at_the_edge),
        cmocka_unit_test(pictures_are_enlarged_and_cut),
        cmocka_unit_test(text_takes_its_width),
        cmocka_unit_test(tags_stay_on_the_canvas),
        cmocka_unit_test(sheets_hold_pictures_of_any_size),
#ifdef INK_HAVE_PNG
        cmocka_unit_test(a_png_is_the_same_picture),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
