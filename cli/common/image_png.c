/* PNG through libpng's low-level interface: its messages and its exits are ours to handle. */
#include "common/image_file.h"

#include "common/say.h"

#ifdef INK_HAVE_PNG

#include <png.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE = 8, IHDR_END = SIGNATURE + 4 + 4 + 13 + 4 };

static uint32_t load_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

int image_png_size(const char *name, const uint8_t *bytes, size_t size, uint32_t *height,
                   uint32_t *width)
{
    if (size < IHDR_END)
        return cli_failed("%s: the PNG is cut: %zu bytes, its header alone has %d", name, size,
                          IHDR_END);
    if (memcmp(bytes + SIGNATURE + 4, "IHDR", 4) != 0)
        return cli_failed("%s: the PNG does not begin with its header (IHDR)", name);
    *width = load_u32be(bytes + SIGNATURE + 8);
    *height = load_u32be(bytes + SIGNATURE + 12);
    return CLI_DONE;
}

/* Lives outside of the function that setjmp returns to, so that no local is clobbered. */
typedef struct decoder {
    const uint8_t *at;
    size_t left;
    png_structp png;
    png_infop info;
    png_bytep colours; /* [height, width, 4]: red, green, blue, alpha */
    png_bytepp rows;
    uint32_t height, width;
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

/* Any colour type to 8-bit red, green, blue, alpha. */
static void read_colours(decoder *state)
{
    png_structp png = state->png;
    png_set_user_limits(png, state->width, state->height);
    png_set_chunk_cache_max(png, 64);
    png_set_chunk_malloc_max(png, 1 << 20);
    png_set_read_fn(png, state, on_read);
    png_read_info(png, state->info);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    png_set_interlace_handling(png);
    png_read_update_info(png, state->info);
    if (png_get_rowbytes(png, state->info) != (size_t)state->width * 4)
        png_error(png, "its rows have an unexpected length");
    for (uint32_t y = 0; y < state->height; y++)
        state->rows[y] = state->colours + (size_t)y * state->width * 4;
    png_read_image(png, state->rows);
    png_read_end(png, NULL);
}

static int decode(decoder *state)
{
    if (setjmp(state->failed))
        return CLI_FAILED;
    read_colours(state);
    return CLI_DONE;
}

/* Luma of Rec. 601, which leaves greys as they are, over black. */
static uint8_t to_grey(const png_byte *colour)
{
    unsigned luma = (299u * colour[0] + 587u * colour[1] + 114u * colour[2] + 500) / 1000;
    return (uint8_t)((luma * colour[3] + 127) / 255);
}

int image_png_decode(const char *name, const uint8_t *bytes, size_t size, uint8_t *pixels)
{
    decoder state = { .at = bytes, .left = size };
    if (image_png_size(name, bytes, size, &state.height, &state.width))
        return CLI_FAILED;
    int code = CLI_FAILED;
    state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
    state.info = state.png ? png_create_info_struct(state.png) : NULL;
    if (!state.info) {
        png_destroy_read_struct(&state.png, NULL, NULL);
        return cli_failed("%s: no memory for libpng", name);
    }
    size_t count = (size_t)state.height * state.width;
    state.colours = must_alloc(count, 4);
    state.rows = must_alloc(state.height, sizeof *state.rows);
    code = decode(&state);
    for (size_t i = 0; !code && i < count; i++)
        pixels[i] = to_grey(state.colours + 4 * i);
    png_destroy_read_struct(&state.png, &state.info, NULL);
    free(state.colours);
    free(state.rows);
    if (code)
        cli_failed("%s: the PNG is damaged: %s", name, state.problem);
    return code;
}

#else

int image_png_size(const char *name, const uint8_t *bytes, size_t size, uint32_t *height,
                   uint32_t *width)
{
    (void)bytes;
    (void)size;
    (void)height;
    (void)width;
    return cli_failed("%s: is a PNG, and this inkling was built without libpng", name);
}

int image_png_decode(const char *name, const uint8_t *bytes, size_t size, uint8_t *pixels)
{
    (void)pixels;
    return image_png_size(name, bytes, size, NULL, NULL);
}

#endif
