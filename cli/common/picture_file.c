#include "common/picture_formats.h"

#include "common/say.h"
#include "common/slurp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const picture_format *const formats[] = { &picture_png, &picture_jpeg, &picture_pnm };

/* What people hand over by mistake, by its first bytes. */
static int unknown_format(const char *name, const uint8_t *data, size_t size, const char *wanted)
{
    static const struct {
        const char *start;
        size_t length;
        const char *what;
    } known[] = {
        { "GGUF", 4, "a GGUF model" },
        { "lmgg", 4, "a ggml .bin model" },
        { "GIF8", 4, "a GIF picture" },
        { "RIFF", 4, "a WebP picture or other RIFF file" },
        { "BM", 2, "a BMP picture" },
        { "II*", 3, "a TIFF picture" },
        { "MM\0*", 4, "a TIFF picture" },
        { "%PDF", 4, "a PDF document" },
        { "<svg", 4, "an SVG drawing" },
        { "<?xml", 5, "an XML file, perhaps an SVG drawing" },
        { "P7", 2, "a PAM picture" },
        { "PK\x03\x04", 4, "a zip archive" },
        { "\x1f\x8b", 2, "gzip inside gzip" },
    };
    if (size == 0)
        return cli_failed("%s: is empty, wanted %s", name, wanted);
    if (size >= 3 && data[0] == 0 && data[1] == 0 && data[2] != 0)
        return cli_failed("%s: looks like an IDX file, wanted %s", name, wanted);
    if (size >= 12 && memcmp(data + 4, "ftyphei", 7) == 0)
        return cli_failed("%s: is a HEIC picture, wanted %s", name, wanted);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (size >= known[i].length && memcmp(data, known[i].start, known[i].length) == 0)
            return cli_failed("%s: is %s, wanted %s", name, known[i].what, wanted);
    return cli_failed("%s: is of no known format, wanted %s", name, wanted);
}

int picture_file_open(const char *name, const uint8_t *data, size_t size, const char *wanted, picture_file *out)
{
    *out = (picture_file){ .name = name, .bytes = data, .size = size };
    for (size_t i = 0; i < sizeof formats / sizeof *formats && !out->format; i++)
        if (formats[i]->is(data, size))
            out->format = formats[i];
    return out->format ? out->format->read_size(out) : unknown_format(name, data, size, wanted);
}

static int check_size(const picture_file *file)
{
    const uint32_t width = file->width, height = file->height;
    if (width < 1 || height < 1)
        return cli_failed("%s: is %" PRIu32 "x%" PRIu32 ", wanted at least 1x1", file->name, width, height);
    if (width > PICTURE_SIDE || height > PICTURE_SIDE)
        return cli_failed("%s: is %" PRIu32 "x%" PRIu32 ", more than the limit of %d on a side", file->name, width,
                          height, PICTURE_SIDE);
    if ((uint64_t)width * height > PICTURE_PIXELS)
        return cli_failed("%s: is %" PRIu32 "x%" PRIu32 ", more than the limit of %d pixels", file->name, width, height,
                          PICTURE_PIXELS);
    return CLI_DONE;
}

int picture_file_decode(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out)
{
    *out = (picture){ 0 };
    int code = check_size(file);
    if (!code)
        code = file->format->decode(file, most_pixels, back, out);
    if (code)
        picture_close(out);
    out->full_width = code ? 0 : file->width;
    out->full_height = code ? 0 : file->height;
    return code;
}

int picture_read(const char *path, uint64_t most_pixels, picture *out)
{
    bytes read = { 0 };
    picture_file file;
    *out = (picture){ 0 };
    int code = slurp(path, &read);
    if (!code)
        code = picture_file_open(slurp_name(path), read.data, read.size, PICTURE_WANTED, &file);
    if (!code)
        code = picture_file_decode(&file, most_pixels, PICTURE_BACK_UNLIKE_INK, out);
    free(read.data);
    return code;
}

void picture_close(picture *closed)
{
    free(closed->pixels);
    *closed = (picture){ 0 };
}

/* Rec. 601, which leaves greys as they are. */
void picture_to_grey(const picture *from, uint8_t *grey)
{
    const size_t count = (size_t)from->width * from->height;
    const uint8_t *at = from->pixels;
    if (from->channels == 1) {
        memcpy(grey, at, count);
        return;
    }
    for (size_t i = 0; i < count; i++, at += 3)
        grey[i] = (uint8_t)((299u * at[0] + 587u * at[1] + 114u * at[2] + 500) / 1000);
}
