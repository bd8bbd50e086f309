/* PNG through libpng's low-level interface: its messages and its exits are ours to handle. */
#include "common/picture_formats.h"

#include "common/say.h"

#include <string.h>

static bool is_png(const uint8_t *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "\x89PNG", 4) == 0;
}

#ifdef INK_HAVE_PNG

#include <png.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIGNATURE = 8, IHDR_END = SIGNATURE + 4 + 4 + 13 + 4, DEFLATE_MOST = 1032 };

static uint32_t load_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static int read_size(picture_file *file)
{
    if (file->size < IHDR_END)
        return cli_failed("%s: the PNG is cut: %zu bytes, its header alone has %d", file->name, file->size, IHDR_END);
    if (memcmp(file->bytes + SIGNATURE + 4, "IHDR", 4) != 0)
        return cli_failed("%s: the PNG does not begin with its header (IHDR)", file->name);
    file->width = load_u32be(file->bytes + SIGNATURE + 8);
    file->height = load_u32be(file->bytes + SIGNATURE + 12);
    return CLI_DONE;
}

/* Deflate makes no more than 1032 bytes of one, so a small file that promises a huge picture cannot keep that. */
static int check_bytes(const picture_file *file)
{
    const uint64_t bits = file->bytes[SIGNATURE + 16]; /* of a sample; a pixel has one at least */
    const uint64_t row = (file->width * bits + 7) / 8 + 1;
    if (row * file->height / DEFLATE_MOST > file->size)
        return cli_failed("%s: the PNG is cut: %zu bytes cannot hold %ux%u pixels", file->name, file->size, file->width,
                          file->height);
    return CLI_DONE;
}

/* Lives outside of the function that setjmp returns to, so that no local is clobbered. */
typedef struct decoder {
    const uint8_t *at;
    size_t left;
    uint32_t width, height, channels; /* 1 or 3, and one more with alpha */
    png_structp png;
    png_infop info;
    uint8_t *pixels;
    png_bytepp rows;
    char problem[128];
    jmp_buf failed;
} decoder;

static void on_error(png_structp png, png_const_charp message)
{
    decoder *state = png_get_error_ptr(png);
    snprintf(state->problem, sizeof state->problem, "%s", message);
    longjmp(state->failed, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep to, size_t size)
{
    decoder *state = png_get_io_ptr(png);
    if (size > state->left)
        png_error(png, "it ends too early");
    memcpy(to, state->at, size);
    state->at += size;
    state->left -= size;
}

/* Any colour type to 8-bit grey or red, green, blue; with alpha where anything can be transparent. */
static void read_pixels(decoder *state)
{
    png_structp png = state->png;
    png_set_user_limits(png, state->width, state->height);
    png_set_chunk_cache_max(png, 64);
    png_set_chunk_malloc_max(png, 1 << 20);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT); /* tRNS is an ancillary chunk, too */
    png_set_read_fn(png, state, on_read);
    png_read_info(png, state->info);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, state->info);
    state->channels = png_get_channels(png, state->info);
    if (state->channels < 1 || state->channels > 4 ||
        png_get_rowbytes(png, state->info) != (size_t)state->width * state->channels)
        png_error(png, "its rows have an unexpected length");
    state->pixels = must_alloc((size_t)state->height * state->width, state->channels);
    state->rows = must_alloc(state->height, sizeof *state->rows);
    for (uint32_t y = 0; y < state->height; y++)
        state->rows[y] = state->pixels + (size_t)y * state->width * state->channels;
    png_read_image(png, state->rows);
    png_read_end(png, NULL);
}

static int read_or_jump(decoder *state)
{
    if (setjmp(state->failed))
        return CLI_FAILED;
    read_pixels(state);
    return CLI_DONE;
}

/* ---- what is transparent ---- */

/* Is what can be seen light, and would be lost on white? Where half of the picture is transparent that is drawn with
 * light ink. Where less is, dark spots in it tell that it is paper that was cut out. */
static bool is_light_ink(const uint8_t *pixels, size_t count, uint32_t channels)
{
    enum { DARK = 90 };
    const uint32_t colours = channels - 1;
    uint64_t seen = 0, light = 0, dark = 0, clear = 0;
    for (size_t i = 0; i < count; i++, pixels += channels) {
        const uint32_t alpha = pixels[colours];
        const uint32_t luma =
            colours == 1 ? pixels[0] : (299u * pixels[0] + 587u * pixels[1] + 114u * pixels[2]) / 1000;
        seen += alpha;
        light += alpha * luma;
        dark += luma < DARK ? alpha : 0;
        clear += alpha < 128;
    }
    return 2 * light > 255 * seen && (2 * clear > count || (20 * clear > count && 100 * dark < seen));
}

/* Puts the pixels before `back` and drops their alpha, in place. */
static void compose(uint8_t *pixels, size_t count, uint32_t channels, uint32_t back)
{
    const uint32_t colours = channels - 1;
    uint8_t *to = pixels;
    for (size_t i = 0; i < count; i++, pixels += channels) {
        const uint32_t alpha = pixels[colours], rest = back * (255 - alpha) + 127;
        for (uint32_t k = 0; k < colours; k++)
            *to++ = (uint8_t)((pixels[k] * alpha + rest) / 255);
    }
}

static void drop_alpha(decoder *state, picture_back back)
{
    const size_t count = (size_t)state->height * state->width;
    const bool black = back == PICTURE_BACK_BLACK || is_light_ink(state->pixels, count, state->channels);
    if (state->channels == 2) /* the number of channels as a constant: the loops become twice as fast */
        compose(state->pixels, count, 2, black ? 0 : 255);
    else
        compose(state->pixels, count, 4, black ? 0 : 255);
    state->channels--;
    uint8_t *smaller = realloc(state->pixels, count * state->channels);
    state->pixels = smaller ? smaller : state->pixels;
}

static int decode(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out)
{
    (void)most_pixels; /* libpng has one scale */
    decoder state = { .at = file->bytes, .left = file->size, .width = file->width, .height = file->height };
    int code = check_bytes(file);
    if (code)
        return code;
    state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
    state.info = state.png ? png_create_info_struct(state.png) : NULL;
    if (!state.info) {
        png_destroy_read_struct(&state.png, NULL, NULL);
        return cli_failed("%s: no memory for libpng", file->name);
    }
    code = read_or_jump(&state);
    png_destroy_read_struct(&state.png, &state.info, NULL);
    free(state.rows);
    if (code)
        cli_failed("%s: the PNG is damaged: %s", file->name, state.problem);
    else if (state.channels % 2 == 0)
        drop_alpha(&state, back);
    *out = (picture){ .width = file->width, .height = file->height, .channels = state.channels,
                      .pixels = state.pixels };
    return code;
}

#else

static int read_size(picture_file *file)
{
    return cli_failed("%s: is a PNG, and this inkling was built without libpng", file->name);
}

static int decode(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out)
{
    (void)most_pixels;
    (void)back;
    (void)out;
    return cli_failed("%s: is a PNG, and this inkling was built without libpng", file->name);
}

#endif

const picture_format picture_png = { .is = is_png, .read_size = read_size, .decode = decode };
