/* A picture file: it is decoded, or refused in words; what is decoded is all there. */
#include "fuzz.h"

#include "common/picture_file.h"
#include "common/say.h"
#include "common/slurp.h"

#include <stdbool.h>
#include <string.h>

enum { MOST_PIXELS = 1 << 18, SCALED_PIXELS = 256 };

/* ---- in place of what talks to the user, and to the system ---- */

static unsigned said;

int cli_failed(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    FUZZ_CHECK(size > 0 && (size_t)size < sizeof line);
    FUZZ_CHECK(strncmp(line, "input: ", 7) == 0 && !strchr(line, '\n'));
    said++;
    return CLI_FAILED;
}

const char *cli_program(void)
{
    return "fuzz_picture";
}

int slurp(const char *path, bytes *out)
{
    (void)path;
    (void)out;
    return CLI_FAILED;
}

const char *slurp_name(const char *path)
{
    return path;
}

/* ---- the target ---- */

static void check(const picture_file *file, const picture *got, uint64_t most)
{
    uint32_t sum = 0;
    FUZZ_CHECK(got->channels == 1 || got->channels == 3);
    FUZZ_CHECK(got->full_width == file->width && got->full_height == file->height);
    FUZZ_CHECK(got->width >= 1 && got->width <= file->width && got->height >= 1 && got->height <= file->height);
    if (got->width != file->width || got->height != file->height)
        FUZZ_CHECK((uint64_t)got->width * got->height <= most || got->width == (file->width + 7) / 8);
    const size_t count = (size_t)got->width * got->height;
    for (size_t i = 0; i < count * got->channels; i++)
        sum += got->pixels[i];
    volatile uint32_t seen = sum;
    (void)seen;
    uint8_t *grey = malloc(count);
    FUZZ_CHECK(grey != NULL);
    picture_to_grey(got, grey);
    free(grey);
}

static void read_it(const uint8_t *data, size_t size, uint64_t most, picture_back back)
{
    picture_file file;
    picture got = { 0 };
    said = 0;
    int code = picture_file_open("input", data, size, PICTURE_WANTED, &file);
    if (!code && (uint64_t)file.width * file.height > MOST_PIXELS)
        return; /* time is better spent on small ones */
    if (!code)
        code = picture_file_decode(&file, most, back, &got);
    FUZZ_CHECK(code == (said ? CLI_FAILED : CLI_DONE) && said <= 1);
    FUZZ_CHECK(code ? !got.pixels : got.pixels != NULL);
    if (!code)
        check(&file, &got, most);
    picture_close(&got);
}

static uint32_t load_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Gives the chunks of a PNG the checksums of what is in them, or hardly any change would come through. */
static void mend_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 8, length; at + 12 <= size; at += 12 + length) {
        length = load_u32be(data + at);
        if (length > size - at - 12)
            return;
        uint32_t sum = UINT32_MAX;
        for (size_t i = 0; i < length + 4; i++) {
            sum ^= data[at + 4 + i];
            for (int bit = 0; bit < 8; bit++)
                sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
        }
        for (size_t i = 0; i < 4; i++)
            data[at + 8 + length + i] = (uint8_t)(~sum >> (24 - 8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_it(data, size, 0, PICTURE_BACK_UNLIKE_INK);
    if (size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        read_it(data, size, SCALED_PIXELS, PICTURE_BACK_BLACK);
    if (size < 8 || memcmp(data, "\x89PNG", 4) != 0)
        return 0;
    uint8_t *mended = malloc(size);
    FUZZ_CHECK(mended != NULL);
    memcpy(mended, data, size);
    mend_checksums(mended, size);
    read_it(mended, size, 0, PICTURE_BACK_UNLIKE_INK);
    read_it(mended, size, 0, PICTURE_BACK_BLACK);
    free(mended);
    return 0;
}
