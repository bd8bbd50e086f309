/* A picture, and how to read it: what is found is within the picture, in order, and the same each time. */
#include "fuzz.h"

#include "inkling.h"

#include <string.h>

enum { HEAD = 8, MOST_SIDE = 200, MOST_PIXELS = 64 * 200, SIDE = 12, CLASSES = 4 };

/* Small and quick, of weights drawn once: what it says of a mark is of no account. */
static ink_session *open_session(void)
{
    static const char text[] = "flatten\ndense units=classes\n";
    const ink_network_options network = { .size = sizeof network, .height = SIDE, .width = SIDE, .classes = CLASSES };
    static ink_session *session;
    static ink_model *model;
    ink_builder *builder = NULL;
    ink_error error;
    if (session)
        return session;
    FUZZ_CHECK_OK(ink_network_open(text, strlen(text), &network, &builder, &error), error);
    FUZZ_CHECK_OK(ink_builder_init_weights(builder, 3, &error), error);
    FUZZ_CHECK_OK(ink_builder_model(builder, NULL, &model, &error), error);
    FUZZ_CHECK_OK(ink_session_open(model, NULL, &session, &error), error);
    ink_builder_close(&builder);
    return session;
}

static void check_mark(const ink_picture *picture, const ink_reading *reading, const ink_read_options *options,
                       size_t i)
{
    const ink_mark *m = &reading->marks[i];
    const float threshold = options->threshold > 0 ? options->threshold : INK_READ_THRESHOLD;
    uint32_t ink = 0;
    FUZZ_CHECK(m->digit < CLASSES && m->probability >= 0 && m->probability <= 1);
    FUZZ_CHECK(m->probability == m->probabilities[m->digit]);
    FUZZ_CHECK((m->unsure != 0) == (m->probability < threshold));
    FUZZ_CHECK(m->width > 0 && m->height > 0);
    FUZZ_CHECK(m->x < picture->width && m->width <= picture->width - m->x);
    FUZZ_CHECK(m->y < picture->height && m->height <= picture->height - m->y);
    FUZZ_CHECK(m->line < reading->lines && (i == 0 || m->line >= m[-1].line));
    for (size_t k = 0; k < (size_t)SIDE * SIDE; k++)
        ink += m->pixels[k];
    volatile uint32_t seen = ink;
    (void)seen;
}

static void check_text(const ink_reading *reading)
{
    size_t marks = 0, lines = reading->count > 0;
    for (const char *at = reading->text; *at; at++) {
        marks += *at != ' ' && *at != '\n';
        lines += *at == '\n';
    }
    FUZZ_CHECK(marks == reading->count && lines <= reading->lines);
}

static void check_steps(const ink_reading *reading, const ink_read_options *options)
{
    FUZZ_CHECK((reading->steps > 0) == (options->steps != 0));
    uint32_t sum = 0;
    for (size_t i = 0; i < reading->steps; i++) {
        const ink_read_step *s = &reading->step[i];
        FUZZ_CHECK(s->name[0] && s->width > 0 && s->height > 0);
        for (size_t k = 0; k < (size_t)s->width * s->height; k++)
            sum += s->pixels[k];
    }
    volatile uint32_t seen = sum;
    (void)seen;
}

/* One digit is prepared as it is read. */
static void check_single(const ink_picture *picture, const ink_read_options *options, const ink_reading *reading)
{
    static const uint8_t blank[SIDE * SIDE];
    uint8_t prepared[SIDE * SIDE];
    ink_error error;
    memset(prepared, 0x55, sizeof prepared);
    FUZZ_CHECK_OK(ink_picture_prepare(picture, options, SIDE, SIDE, prepared, &error), error);
    if (!options->single)
        return;
    FUZZ_CHECK(reading->count <= 1);
    FUZZ_CHECK(!memcmp(prepared, reading->count ? reading->marks[0].pixels : blank, sizeof prepared));
}

/* The pixels are what is left of the input, again and again, right before memory that is not theirs. */
static void read_it(const uint8_t *data, size_t size, ink_picture picture, const ink_read_options *options)
{
    const size_t row = (size_t)picture.width * picture.channels;
    const size_t bytes = (picture.stride ? picture.stride : row) * (picture.height - 1) + row;
    uint8_t *pixels = malloc(bytes);
    FUZZ_CHECK(pixels != NULL);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = size ? data[i % size] : 255;
    picture.pixels = pixels;
    ink_reading *reading = NULL;
    ink_error error = { .text = "" };
    const ink_status status = ink_read(open_session(), &picture, options, &reading, &error);
    FUZZ_CHECK((status == INK_OK) == (reading != NULL));
    FUZZ_CHECK(!status || status == INK_ERR_LIMIT); /* of a strange shape */
    if (status)
        FUZZ_CHECK(error.text[0] && !strchr(error.text, '\n'));
    for (size_t i = 0; reading && i < reading->count; i++)
        check_mark(&picture, reading, options, i);
    if (reading) {
        check_text(reading);
        check_steps(reading, options);
        check_single(&picture, options, reading);
    }
    ink_reading_close(&reading);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    ink_picture picture = { .width = 1 + data[0] % MOST_SIDE, .height = 1 + data[1] % MOST_SIDE,
                            .channels = data[2] & 1 ? 3 : 1 };
    ink_read_options options = INK_READ_OPTIONS_INIT;
    while ((uint64_t)picture.width * picture.height > MOST_PIXELS)
        picture.height = (picture.height + 1) / 2;
    picture.stride = data[2] & 2 ? (size_t)picture.width * picture.channels + data[3] % 9 : 0;
    options.polarity = (ink_polarity)(data[4] % 3);
    options.threshold = (float)data[5] / 255;
    options.steps = data[2] & 4;
    for (options.single = 0; options.single < 2; options.single++)
        read_it(data + HEAD, size - HEAD, picture, &options);
    return 0;
}
