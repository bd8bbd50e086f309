/* PGM, grey pictures of the netpbm programs: P2 (text) and P5 (binary), one picture a file. */
#include "common/image_file.h"

#include "common/say.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* White space, and comments up to the end of their line. */
static void skip_space(pgm *file)
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

static int read_number(pgm *file, const char *what, uint32_t least, uint32_t most, uint32_t *value)
{
    skip_space(file);
    if (file->at == file->end)
        return cli_failed("%s: the PGM is cut: it ends before %s", file->name, what);
    if (!is_digit(*file->at))
        return cli_failed("%s: the PGM is damaged: %s is not a number", file->name, what);
    uint64_t number = 0;
    for (; file->at < file->end && is_digit(*file->at); file->at++)
        if (number <= UINT32_MAX)
            number = number * 10 + (uint64_t)(*file->at - '0');
    if (number < least || number > most)
        return cli_failed("%s: the PGM is damaged: %s is out of range, wanted %u to %u", file->name,
                          what, least, most);
    *value = (uint32_t)number;
    return CLI_DONE;
}

int image_pgm_open(const char *name, const uint8_t *bytes, size_t size, pgm *out)
{
    *out = (pgm){ .name = name, .at = bytes + 2, .end = bytes + size, .plain = bytes[1] == '2' };
    int code = read_number(out, "the width", 1, INT32_MAX, &out->width);
    if (!code)
        code = read_number(out, "the height", 1, INT32_MAX, &out->height);
    if (!code)
        code = read_number(out, "the largest value", 1, 65535, &out->most);
    if (!code && out->at < out->end && !is_space(*out->at))
        code = cli_failed("%s: the PGM is damaged: no space after the largest value", name);
    if (!code && out->at < out->end)
        out->at++; /* exactly one: the next byte may be a sample that looks like white space */
    return code;
}

static uint8_t to_grey(uint32_t sample, uint32_t most)
{
    return (uint8_t)((sample * 255 + most / 2) / most);
}

static int decode_plain(pgm *file, size_t count, uint8_t *pixels)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t sample;
        int code = read_number(file, "a pixel", 0, file->most, &sample);
        if (code)
            return code;
        pixels[i] = to_grey(sample, file->most);
    }
    skip_space(file);
    return CLI_DONE;
}

static int decode_binary(pgm *file, size_t count, uint8_t *pixels)
{
    size_t each = file->most > 255 ? 2 : 1, left = (size_t)(file->end - file->at);
    if (left / each < count)
        return cli_failed("%s: the PGM is cut: %zu bytes of pixels, wanted %zu", file->name, left,
                          count * each);
    for (size_t i = 0; i < count; i++) {
        uint32_t sample = *file->at++;
        if (each == 2)
            sample = sample << 8 | *file->at++;
        if (sample > file->most)
            return cli_failed("%s: the PGM is damaged: pixel %zu is %u, its largest value %u",
                              file->name, i, sample, file->most);
        pixels[i] = to_grey(sample, file->most);
    }
    return CLI_DONE;
}

int image_pgm_decode(pgm *file, uint8_t *pixels)
{
    size_t count = (size_t)file->height * file->width;
    int code = file->plain ? decode_plain(file, count, pixels) : decode_binary(file, count, pixels);
    if (!code && file->at < file->end)
        code = cli_failed("%s: %zu byte%s after the PGM's last pixel", file->name,
                          (size_t)(file->end - file->at), plural((uint64_t)(file->end - file->at)));
    return code;
}
