/* JPEG through libjpeg(-turbo): its messages and its exits are ours to handle. */
#include "common/picture_formats.h"

#include "common/exif.h"
#include "common/say.h"

#include <string.h>

static bool is_jpeg(const uint8_t *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

#ifdef INK_HAVE_JPEG

#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

/* Progressive files of real programs have about ten scans; each takes time for the whole picture, however few its
 * bytes. Their coefficients are all in memory until the last one. */
enum { MOST_SCANS = 100, MOST_MEMORY = 1 << 30 };

/* Lives outside of the function that setjmp returns to, so that no local is clobbered. */
typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    const picture_file *file;
    uint64_t most_pixels;
    picture *out;
    uint8_t *row; /* of CMYK */
    const char *verdict; /* and why: */
    char problem[JMSG_LENGTH_MAX];
    jmp_buf failed;
} decoder;

/* What libjpeg would take, and we do not. */
static void CLI_PRINTF(2, 3) refuse(decoder *state, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(state->problem, sizeof state->problem, format, arguments);
    va_end(arguments);
    state->verdict = "cannot be read";
    longjmp(state->failed, 1);
}

static void on_error(j_common_ptr jpeg)
{
    decoder *state = jpeg->client_data;
    if (jpeg->err->msg_code == JERR_NO_BACKING_STORE)
        refuse(state, "it takes more than the limit of %d MiB of memory", MOST_MEMORY >> 20);
    state->verdict = "is damaged";
    jpeg->err->format_message(jpeg, state->problem);
    if (state->problem[0] >= 'A' && state->problem[0] <= 'Z' && state->problem[1] >= 'a')
        state->problem[0] = (char)(state->problem[0] - 'A' + 'a'); /* it does not begin our line */
    longjmp(state->failed, 1);
}

/* A level below 0 is a warning, after which libjpeg goes on with pixels that it made up. */
static void on_message(j_common_ptr jpeg, int level)
{
    static const int harmless[] = { JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM, JWRN_BOGUS_PROGRESSION };
    if (level >= 0)
        return;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (jpeg->err->msg_code == harmless[i])
            return;
    on_error(jpeg);
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    decoder *state = jpeg->client_data;
    if (state->jpeg.input_scan_number > MOST_SCANS)
        refuse(state, "it has more than the limit of %d scans", MOST_SCANS);
}

static void begin(decoder *state)
{
    jpeg_create_decompress(&state->jpeg);
    state->jpeg.mem->max_memory_to_use = MOST_MEMORY;
    state->jpeg.progress = &state->progress;
    jpeg_mem_src(&state->jpeg, state->file->bytes, (unsigned long)state->file->size);
    jpeg_read_header(&state->jpeg, TRUE);
}

static void check_components(decoder *state)
{
    const int count = state->jpeg.num_components;
    if (count != 1 && count != 3 && count != 4)
        refuse(state, "it has %d components, wanted 1, 3 or 4", count);
}

/* Each 64 pixels of the picture take a bit at least, in one of the components. Those may be sampled at a quarter. Not
 * with arithmetic coding, where many blocks may go into a bit. */
static void check_bytes(decoder *state)
{
    const struct jpeg_decompress_struct *jpeg = &state->jpeg;
    if (!jpeg->arith_code && (uint64_t)jpeg->image_width * jpeg->image_height / (64 * 8 * 4) > state->file->size)
        refuse(state, "%zu bytes cannot hold %ux%u pixels", state->file->size, jpeg->image_width, jpeg->image_height);
}

/* The largest number of eighths by which the picture has no more pixels than were asked for. */
static unsigned eighths(uint64_t width, uint64_t height, uint64_t most_pixels)
{
    unsigned scale = 8;
    while (most_pixels && scale > 1 && (width * scale + 7) / 8 * ((height * scale + 7) / 8) > most_pixels)
        scale--;
    return scale;
}

/* Adobe's programs write inks the other way round, 255 for none, and nobody else writes CMYK. */
static void from_cmyk(const uint8_t *cmyk, uint32_t width, bool inverted, uint8_t *rgb)
{
    const uint32_t flip = inverted ? 0 : 255;
    for (uint32_t x = 0; x < width; x++, cmyk += 4)
        for (uint32_t k = 0; k < 3; k++)
            *rgb++ = (uint8_t)(((cmyk[k] ^ flip) * (cmyk[3] ^ flip) + 127) / 255);
}

static void read_rows(decoder *state)
{
    struct jpeg_decompress_struct *jpeg = &state->jpeg;
    const bool cmyk = jpeg->out_color_space == JCS_CMYK;
    const size_t row_bytes = (size_t)jpeg->output_width * state->out->channels;
    if (cmyk)
        state->row = must_alloc(jpeg->output_width, 4);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = state->out->pixels + jpeg->output_scanline * row_bytes;
        JSAMPROW row = cmyk ? state->row : to;
        if (jpeg_read_scanlines(jpeg, &row, 1) == 1 && cmyk)
            from_cmyk(state->row, jpeg->output_width, jpeg->saw_Adobe_marker, to);
    }
}

static void read_pixels(decoder *state)
{
    struct jpeg_decompress_struct *jpeg = &state->jpeg;
    begin(state);
    check_components(state);
    check_bytes(state);
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : jpeg->num_components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg->scale_num = eighths(jpeg->image_width, jpeg->image_height, state->most_pixels);
    jpeg->scale_denom = 8;
    jpeg_calc_output_dimensions(jpeg);
    *state->out = (picture){ .width = jpeg->output_width, .height = jpeg->output_height,
                             .channels = jpeg->num_components == 1 ? 1 : 3 };
    jpeg_start_decompress(jpeg);
    state->out->pixels = must_alloc((size_t)jpeg->output_width * jpeg->output_height, state->out->channels);
    read_rows(state);
    jpeg_finish_decompress(jpeg);
}

static int run_or_jump(decoder *state, void (*what)(decoder *))
{
    if (setjmp(state->failed))
        return cli_failed("%s: the JPEG %s: %s", state->file->name, state->verdict, state->problem);
    what(state);
    return CLI_DONE;
}

static int run(decoder *state, void (*what)(decoder *))
{
    state->jpeg.err = jpeg_std_error(&state->errors);
    state->jpeg.client_data = state;
    state->errors.error_exit = on_error;
    state->errors.emit_message = on_message;
    state->errors.output_message = on_output;
    state->progress.progress_monitor = on_progress;
    int code = run_or_jump(state, what);
    jpeg_destroy_decompress(&state->jpeg);
    free(state->row);
    return code;
}

static int read_size(picture_file *file)
{
    decoder state = { .file = file };
    if (run(&state, begin))
        return CLI_FAILED;
    const bool lying = exif_orientation(file->bytes, file->size) >= 5;
    file->width = lying ? state.jpeg.image_height : state.jpeg.image_width;
    file->height = lying ? state.jpeg.image_width : state.jpeg.image_height;
    return CLI_DONE;
}

/* Puts the picture upright. Where it lies, a row of the result is a column of what was decoded. */
static void turn(picture *from, unsigned orientation)
{
    static const struct {
        bool lying, right_to_left, bottom_up;
    } ways[] = { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 1, 1 }, { 0, 0, 1 },
                 { 1, 0, 0 }, { 1, 0, 1 }, { 1, 1, 1 }, { 1, 1, 0 } };
    enum { TILE = 32 }; /* so that rows of both stay in the cache */
    const uint32_t channels = from->channels, w = from->width, h = from->height;
    const bool lying = ways[orientation - 1].lying;
    picture to = { .width = lying ? h : w, .height = lying ? w : h, .channels = channels };
    to.pixels = must_alloc((size_t)w * h, channels);
    for (uint32_t top = 0; top < to.height; top += TILE)
        for (uint32_t left = 0; left < to.width; left += TILE)
            for (uint32_t y = top; y < to.height && y < top + TILE; y++)
                for (uint32_t x = left; x < to.width && x < left + TILE; x++) {
                    const uint32_t across = lying ? y : x, down = lying ? x : y;
                    const size_t column = ways[orientation - 1].right_to_left ? w - 1 - across : across;
                    const size_t row = ways[orientation - 1].bottom_up ? h - 1 - down : down;
                    const uint8_t *source = from->pixels + (row * w + column) * channels;
                    uint8_t *target = to.pixels + ((size_t)y * to.width + x) * channels;
                    for (uint32_t k = 0; k < channels; k++)
                        target[k] = source[k];
                }
    free(from->pixels);
    *from = to;
}

static int decode(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out)
{
    (void)back;
    decoder state = { .file = file, .most_pixels = most_pixels, .out = out };
    const unsigned orientation = exif_orientation(file->bytes, file->size);
    int code = run(&state, read_pixels);
    if (!code && orientation != 1)
        turn(out, orientation);
    return code;
}

#else

static int read_size(picture_file *file)
{
    return cli_failed("%s: is a JPEG, and this inkling was built without libjpeg", file->name);
}

static int decode(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out)
{
    (void)most_pixels;
    (void)back;
    (void)out;
    return cli_failed("%s: is a JPEG, and this inkling was built without libjpeg", file->name);
}

#endif

const picture_format picture_jpeg = { .is = is_jpeg, .read_size = read_size, .decode = decode };
