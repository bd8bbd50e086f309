/* Pictures to read, drawn by the tests: shapes and sample digits on paper; and the model that reads them. */
#ifndef TESTS_PAGES_H
#define TESTS_PAGES_H

#include "models.h"

#include <math.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE };

/* ---- pages ---- */

typedef struct page {
    uint32_t width, height;
    uint8_t *greys; /* 0 is paper, 255 ink, until page_on lays them on paper */
} page;

static inline page page_make(uint32_t width, uint32_t height)
{
    page made = { width, height, calloc(width, height) };
    assert_non_null(made.greys);
    return made;
}

static inline page page_copy(const page *from)
{
    page made = page_make(from->width, from->height);
    memcpy(made.greys, from->greys, (size_t)from->width * from->height);
    return made;
}

static inline void page_free(page *made)
{
    free(made->greys);
    made->greys = NULL;
}

/* A round stroke with soft edges. */
static inline void page_stroke(page *to, double x0, double y0, double x1, double y1, double width)
{
    const double dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
    for (uint32_t y = 0; y < to->height; y++)
        for (uint32_t x = 0; x < to->width; x++) {
            const double u = x + 0.5 - x0, v = y + 0.5 - y0;
            const double along = length > 0 ? fmin(fmax((u * dx + v * dy) / length, 0), 1) : 0;
            const double far = hypot(u - along * dx, v - along * dy);
            const double level = fmin(fmax(width / 2 + 0.5 - far, 0), 1) * 255;
            uint8_t *at = &to->greys[(size_t)y * to->width + x];
            *at = level > *at ? (uint8_t)(level + 0.5) : *at;
        }
}

/* Lines through points of a square of side 1; they end in a 9. */
static const double shapes[][12] = {
    { 0.2, 0.1, 0.8, 0.1, 0.4, 0.9, 9 },                                   /* a 7 */
    { 0.3, 0.1, 0.2, 0.5, 0.75, 0.55, 0.7, 0.2, 0.65, 0.95, 9 },           /* a 4 */
    { 0.5, 0.05, 0.5, 0.95, 9 },                                           /* a 1 */
    { 0.2, 0.2, 0.8, 0.15, 0.75, 0.8, 0.15, 0.85, 0.2, 0.2, 9 },           /* a 0 */
    { 0.05, 0.5, 0.95, 0.45, 9 },                                          /* a dash: wider than high */
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* In a box of that size, with strokes of a ninth of it, which are neither thin nor thick. */
static inline void page_shape(page *to, size_t which, double left, double top, double size)
{
    const double *p = shapes[which];
    for (; p[2] < 9; p += 2)
        page_stroke(to, left + p[0] * size, top + p[1] * size, left + p[2] * size, top + p[3] * size, size / 9);
}

/* Ink becomes grey: `ink` where it is full, `paper` where there is none. */
static inline void page_on(page *to, int paper, int ink)
{
    for (size_t i = 0; i < (size_t)to->width * to->height; i++)
        to->greys[i] = (uint8_t)(paper + (ink - paper) * to->greys[i] / 255);
}

static inline ink_picture picture_of(const page *from)
{
    return (ink_picture){ .pixels = from->greys, .width = from->width, .height = from->height, .channels = 1 };
}

static inline void prepare(const page *from, ink_polarity polarity, uint8_t *pixels)
{
    const ink_picture picture = picture_of(from);
    const ink_read_options options = { .size = sizeof options, .polarity = polarity };
    ink_error error;
    memset(pixels, 0x55, PIXELS);
    check_error(ink_picture_prepare(&picture, &options, SIDE, SIDE, pixels, &error), &error, INK_OK, NULL);
}

/* ---- models ---- */

typedef struct reader {
    ink_model *model;
    ink_session *session;
} reader;

static inline reader reader_open(ink_cpu cpu)
{
    reader made = { 0 };
    ink_error error;
    const ink_model_options options = { .size = sizeof options, .cpu = cpu };
    check_error(ink_model_open("models/digits.gguf", &options, &made.model, &error), &error, INK_OK, NULL);
    check_error(ink_session_open(made.model, NULL, &made.session, &error), &error, INK_OK, NULL);
    return made;
}

static inline void reader_close(reader *made)
{
    ink_session_close(&made->session);
    ink_model_close(&made->model);
}

static inline ink_reading *read_page(const reader *with, const page *from, const ink_read_options *options)
{
    const ink_picture picture = picture_of(from);
    ink_reading *reading = NULL;
    ink_error error;
    check_error(ink_read(with->session, &picture, options, &reading, &error), &error, INK_OK, NULL);
    assert_non_null(reading);
    return reading;
}

static inline void check_text(const reader *with, const char *what, const page *from, const char *wanted)
{
    ink_reading *reading = read_page(with, from, NULL);
    if (strcmp(reading->text, wanted) != 0)
        fail_msg("%s: read '%s', wanted '%s'", what, reading->text, wanted);
    ink_reading_close(&reading);
}

/* ---- samples ---- */

typedef struct samples {
    blob images, labels;
} samples;

static inline samples samples_open(void)
{
    return (samples){ file_get("samples/digits-images-idx3-ubyte"), file_get("samples/digits-labels-idx1-ubyte") };
}

static inline void samples_close(samples *made)
{
    blob_free(&made->images);
    blob_free(&made->labels);
}

typedef struct box {
    uint32_t x0, y0, x1, y1;
} box;

/* Puts the n-th sample of a digit at twice its size; gives where its ink is. */
static inline box put_sample(page *to, const samples *from, int digit, int n, uint32_t left, uint32_t top)
{
    const uint8_t *labels = from->labels.data + 8, *image = from->images.data + 16;
    size_t i = 0;
    for (;; i++)
        if (labels[i] == digit && n-- == 0)
            break;
    image += i * PIXELS;
    box ink = { UINT32_MAX, UINT32_MAX, 0, 0 };
    for (uint32_t y = 0; y < 2 * SIDE; y++)
        for (uint32_t x = 0; x < 2 * SIDE; x++) {
            const uint8_t level = image[y / 2 * SIDE + x / 2];
            uint8_t *at = &to->greys[(size_t)(top + y) * to->width + left + x];
            *at = level > *at ? level : *at;
            if (level < 128)
                continue;
            ink.x0 = left + x < ink.x0 ? left + x : ink.x0;
            ink.y0 = top + y < ink.y0 ? top + y : ink.y0;
            ink.x1 = left + x + 1 > ink.x1 ? left + x + 1 : ink.x1;
            ink.y1 = top + y + 1 > ink.y1 ? top + y + 1 : ink.y1;
        }
    return ink;
}

static const int written[] = { 3, 1, 4, 2, 9, 0, 6 };
enum { FIRST_LINE = 3, CLEAR = 6, WRITTEN = sizeof written / sizeof *written };
static const char written_text[] = "314\n2906";

/* Two lines of digits as ink without paper; they rise a little. */
static inline page two_lines(const samples *from, box boxes[WRITTEN])
{
    page made = page_make(300, 190);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        const bool second = i >= FIRST_LINE;
        const uint32_t place = second ? i - FIRST_LINE : i;
        boxes[i] = put_sample(&made, from, written[i], CLEAR, 30 + 44 * place + (second ? 9 : 0),
                              (second ? 108 : 28) - 3 * place);
    }
    return made;
}

#endif
