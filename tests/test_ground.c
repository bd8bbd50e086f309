/* What is around writing: a sheet on a table, boxes of a form, a page with little on it. */
#include "pages.h"

/* A picture of `ground` with a page on it, whose rows are moved right by LEAN of their number. */
static page lay(const page *sheet, uint32_t margin, int ground, double lean, uint64_t *random)
{
    const uint32_t reach = (uint32_t)(lean * sheet->height) + 1;
    page made = page_make(sheet->width + 2 * margin + reach, sheet->height + 2 * margin);
    for (size_t i = 0; i < (size_t)made.width * made.height; i++)
        made.greys[i] = (uint8_t)(ground + (int)(test_random(random) >> 40) % 13 - 6);
    for (uint32_t y = 0; y < sheet->height; y++)
        memcpy(made.greys + (size_t)(y + margin) * made.width + margin + (uint32_t)(lean * y),
               sheet->greys + (size_t)y * sheet->width, sheet->width);
    return made;
}

static void a_sheet_may_lie_on_anything(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int paper, ink, ground;
        double lean; /* columns a row */
    } rows[] = {
        { "white on a dark table", 230, 40, 60, 0 },  { "askew on a table", 215, 50, 90, 0.06 },
        { "grey on a white table", 170, 30, 235, 0 }, { "a board on a light wall", 50, 220, 200, 0.04 },
        { "a board on a grey wall", 40, 230, 110, 0 },
    };
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    box boxes[WRITTEN];
    page ink = two_lines(&from, boxes);
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        page sheet = page_copy(&ink);
        page_on(&sheet, rows[i].paper, rows[i].ink);
        for (uint32_t y = 0; y < sheet.height; y++) /* and the light falls from above */
            for (uint32_t x = 0; x < sheet.width; x++)
                sheet.greys[y * sheet.width + x] = (uint8_t)(sheet.greys[y * sheet.width + x] * (1000 - y) / 1000);
        page p = lay(&sheet, 60, rows[i].ground, rows[i].lean, &random);
        check_text(&r, rows[i].what, &p, written_text);
        page_free(&p);
        page_free(&sheet);
    }
    page_free(&ink);
    samples_close(&from);
    reader_close(&r);
}

/* What is large and of one level, but has nothing on it, is what was drawn. */
static void a_bold_stroke_is_no_sheet(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    page p = page_make(70, 150);
    for (uint32_t y = 25; y < 125; y++)
        memset(p.greys + y * p.width + 20, 255, 30);
    page_on(&p, 220, 40);
    ink_reading *reading = read_page(&r, &p, NULL);
    assert_int_equal(reading->count, 1);
    assert_true(reading->marks[0].height >= 96 && reading->marks[0].height <= 104 && reading->marks[0].width <= 34);
    ink_reading_close(&reading);
    page_free(&p);
    reader_close(&r);
}

/* One digit to a box, as forms have it; and a 1 between two ruled lines, which touches one of them. */
static void boxes_are_no_digits(void **state)
{
    (void)state;
    enum { BOXES = 4, BOX = 76, LEFT = 20, TOP = 20 };
    static const int digits[BOXES] = { 4, 1, 7, 0 };
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    page p = page_make(2 * LEFT + BOXES * BOX + 2, 2 * TOP + BOX + 2);
    for (uint32_t i = 0; i < BOXES; i++)
        put_sample(&p, &from, digits[i], CLEAR, LEFT + i * BOX + 10, TOP + 8);
    for (uint32_t k = 0; k < 2; k++) {
        for (uint32_t x = LEFT; x < p.width - LEFT; x++)
            p.greys[(TOP + k) * p.width + x] = p.greys[(TOP + BOX + k) * p.width + x] = 255;
        for (uint32_t i = 0; i <= BOXES; i++)
            for (uint32_t y = TOP; y < TOP + BOX; y++)
                p.greys[y * p.width + LEFT + i * BOX + k] = 255;
    }
    page_on(&p, 240, 30);
    ink_reading *reading = read_page(&r, &p, NULL);
    assert_int_equal(reading->count, BOXES);
    for (size_t i = 0; i < BOXES; i++)
        assert_int_equal(reading->marks[i].digit, digits[i]);
    ink_reading_close(&reading);
    page_free(&p);

    p = page_make(300, 120);
    put_sample(&p, &from, 3, CLEAR, 60, 30);
    put_sample(&p, &from, 2, CLEAR, 180, 30);
    page_stroke(&p, 145, 42, 145, 84, 5);
    for (uint32_t x = 0; x < p.width; x++)
        p.greys[20 * p.width + x] = p.greys[86 * p.width + x] = 255;
    page_on(&p, 240, 30);
    check_text(&r, "a 1 on a line", &p, "312");
    page_free(&p);
    samples_close(&from);
    reader_close(&r);
}

/* A short number, much stronger than the page's ruled lines, which are most of what is not paper. */
static void little_may_be_written_on_a_page(void **state)
{
    (void)state;
    reader r = reader_open(test_cpu());
    samples from = samples_open();
    uint64_t random = 11;
    for (int lines = 0; lines < 2; lines++) {
        page p = page_make(1300, 1000);
        put_sample(&p, &from, 2, CLEAR, 500, 400);
        put_sample(&p, &from, 0, CLEAR, 550, 400);
        put_sample(&p, &from, 6, CLEAR, 600, 400);
        page_on(&p, 215, 40);
        for (uint32_t y = 0; y < p.height; y++)
            for (uint32_t x = 0; x < p.width; x++) {
                uint8_t *at = &p.greys[y * p.width + x];
                const bool rule = lines && (y + x / 30) % 40 < 2;
                int noise = 0;
                for (int k = 0; k < 4; k++)
                    noise += (int)(test_random(&random) >> 40) % 9 - 4;
                *at = (uint8_t)((rule && *at > 190 ? 190 : *at) + noise);
            }
        check_text(&r, lines ? "ruled" : "plain", &p, "206");
        page_free(&p);
    }
    samples_close(&from);
    reader_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sheet_may_lie_on_anything), cmocka_unit_test(a_bold_stroke_is_no_sheet),
        cmocka_unit_test(boxes_are_no_digits),         cmocka_unit_test(little_may_be_written_on_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
