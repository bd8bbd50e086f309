/* Pictures of the netpbm programs: PBM (P1, P4), PGM (P2, P5) and PPM (P3, P6), one picture a file. */
#include "common/picture_formats.h"

#include "common/say.h"

static bool is_pnm(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6';
}

typedef struct reader {
    const char *name, *kind;
    const uint8_t *at, *end; /* what is left: after the header, the samples */
    bool plain, bits;        /* numbers as text; samples of a bit, 1 for black */
    uint32_t channels, width, height, most;
} reader;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* White space, and comments up to the end of their line. */
static void skip_space(reader *file)
{
    bool comment = false;
    for (; file->at < file->end; file->at++) {
        if (*file->at == '#')
            comment = true;
        else if (*file->at == '\n' || *file->at == '\r')
            comment = false;
        else if (!comment && !is_space(*file->at))
            return;
    }
}

static int read_number(reader *file, const char *what, uint32_t least, uint32_t most, uint32_t *value)
{
    skip_space(file);
    if (file->at == file->end)
        return cli_failed("%s: the %s is cut: it ends before %s", file->name, file->kind, what);
    if (!is_digit(*file->at))
        return cli_failed("%s: the %s is damaged: %s is not a number", file->name, file->kind, what);
    uint64_t number = 0;
    for (; file->at < file->end && is_digit(*file->at); file->at++)
        if (number <= UINT32_MAX)
            number = number * 10 + (uint64_t)(*file->at - '0');
    if (number < least || number > most)
        return cli_failed("%s: the %s is damaged: %s is out of range, wanted %u to %u", file->name, file->kind, what,
                          least, most);
    *value = (uint32_t)number;
    return CLI_DONE;
}

static int read_header(const picture_file *from, reader *file)
{
    static const char *const kinds[] = { "PBM", "PGM", "PPM" };
    const int kind = from->bytes[1] - '1';
    *file = (reader){ .name = from->name, .kind = kinds[kind % 3], .at = from->bytes + 2,
                      .end = from->bytes + from->size, .plain = kind < 3, .bits = kind % 3 == 0,
                      .channels = kind % 3 == 2 ? 3 : 1, .most = 1 };
    int code = read_number(file, "the width", 1, INT32_MAX, &file->width);
    if (!code)
        code = read_number(file, "the height", 1, INT32_MAX, &file->height);
    if (!code && !file->bits)
        code = read_number(file, "the largest value", 1, 65535, &file->most);
    if (!code && file->at < file->end && !is_space(*file->at))
        code = cli_failed("%s: the %s is damaged: no space after the %s", file->name, file->kind,
                          file->bits ? "height" : "largest value");
    if (!code && file->at < file->end)
        file->at++; /* exactly one: the next byte may be a sample that looks like white space */
    return code;
}

static int read_size(picture_file *file)
{
    reader header;
    int code = read_header(file, &header);
    file->width = header.width;
    file->height = header.height;
    return code;
}

/* What is there must do for the samples, so that a small file gets no large picture. */
static int check_bytes(const reader *file, size_t count)
{
    const size_t left = (size_t)(file->end - file->at);
    size_t wanted = count * (file->most > 255 ? 2 : 1);
    if (file->plain)
        wanted = file->bits ? count : 2 * count - 1; /* a digit, and a space between two numbers */
    else if (file->bits)
        wanted = ((size_t)file->width + 7) / 8 * file->height;
    if (left < wanted)
        return cli_failed("%s: the %s is cut: %zu bytes of pixels, wanted %s%zu", file->name, file->kind, left,
                          file->plain ? "at least " : "", wanted);
    return CLI_DONE;
}

static uint8_t to_byte(uint32_t sample, uint32_t most)
{
    return (uint8_t)((sample * 255 + most / 2) / most);
}

static int decode_plain(reader *file, size_t count, uint8_t *pixels)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t sample;
        int code = read_number(file, "a pixel", 0, file->most, &sample);
        if (code)
            return code;
        pixels[i] = to_byte(sample, file->most);
    }
    skip_space(file);
    return CLI_DONE;
}

/* Digits of 0 and 1, with or without space between them. */
static int decode_plain_bits(reader *file, size_t count, uint8_t *pixels)
{
    for (size_t i = 0; i < count; i++) {
        skip_space(file);
        if (file->at == file->end)
            return cli_failed("%s: the PBM is cut: it ends before a pixel", file->name);
        if (*file->at != '0' && *file->at != '1')
            return cli_failed("%s: the PBM is damaged: a pixel is neither 0 nor 1", file->name);
        pixels[i] = *file->at++ == '0' ? 255 : 0;
    }
    skip_space(file);
    return CLI_DONE;
}

static int decode_bits(reader *file, size_t count, uint8_t *pixels)
{
    for (size_t at = 0; at < count; at += file->width) {
        for (uint32_t x = 0; x < file->width; x++)
            pixels[at + x] = file->at[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
        file->at += (file->width + 7) / 8;
    }
    return CLI_DONE;
}

static int decode_binary(reader *file, size_t count, uint8_t *pixels)
{
    const size_t each = file->most > 255 ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t sample = *file->at++;
        if (each == 2)
            sample = sample << 8 | *file->at++;
        if (sample > file->most)
            return cli_failed("%s: the %s is damaged: %s %zu is %u, its largest value %u", file->name, file->kind,
                              file->channels == 1 ? "pixel" : "sample", i, sample, file->most);
        pixels[i] = to_byte(sample, file->most);
    }
    return CLI_DONE;
}

static int decode(const picture_file *from, uint64_t most_pixels, picture_back back, picture *out)
{
    (void)most_pixels;
    (void)back;
    reader file;
    int code = read_header(from, &file);
    const size_t count = (size_t)from->height * from->width * file.channels;
    if (!code)
        code = check_bytes(&file, count);
    if (code)
        return code;
    *out = (picture){ .width = file.width, .height = file.height, .channels = file.channels,
                      .pixels = must_alloc(count, 1) };
    int (*const read_samples)(reader *, size_t, uint8_t *) =
        file.bits ? file.plain ? decode_plain_bits : decode_bits : file.plain ? decode_plain : decode_binary;
    code = read_samples(&file, count, out->pixels);
    const size_t rest = (size_t)(file.end - file.at);
    if (!code && rest > 0)
        code = cli_failed("%s: %zu byte%s after the %s's last pixel", file.name, rest, plural(rest), file.kind);
    return code;
}

const picture_format picture_pnm = { .is = is_pnm, .read_size = read_size, .decode = decode };
