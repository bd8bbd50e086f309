/* Picture files: every kind that is read, made by the libraries' own writers, and what is refused. */
#include "support.h"

#include "common/exif.h"
#include "common/picture_file.h"
#include "common/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef INK_HAVE_PNG
#include <png.h>
#endif
#ifdef INK_HAVE_JPEG
#include <jpeglib.h>
#endif

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- reading, and what is said ---- */

static char line[1024];

static int read_bytes(const uint8_t *data, size_t size, uint64_t most_pixels, picture *out)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    const int old = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    fence exact = fence_make(data, size);
    picture_file opened;
    *out = (picture){ 0 };
    int code = picture_file_open("name", exact.data, exact.size, PICTURE_WANTED, &opened);
    if (!code)
        code = picture_file_decode(&opened, most_pixels, PICTURE_BACK_UNLIKE_INK, out);
    fence_free(&exact);
    assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
    close(old);
    rewind(file);
    line[fread(line, 1, sizeof line - 1, file)] = 0;
    fclose(file);
    return code;
}

static void must_read(const blob *file, uint64_t most_pixels, picture *out)
{
    if (read_bytes(file->data, file->size, most_pixels, out) || line[0])
        fail_msg("said: %s", line);
    assert_true(out->channels == 1 || out->channels == 3);
}

static void must_refuse(const uint8_t *data, size_t size, const char *words)
{
    picture none;
    if (!read_bytes(data, size, 0, &none))
        fail_msg("read %zu bytes, wanted: %s", size, words);
    assert_null(none.pixels);
    assert_memory_equal(line, "inkling: name: ", 15);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    if (!strstr(line, words))
        fail_msg("said: %swanted: %s", line, words);
}

static void must_refuse_cuts(const blob *file, const char *words)
{
    for (size_t size = 8; size < file->size; size += 7)
        must_refuse(file->data, size, words);
    must_refuse(file->data, file->size - 1, words);
}

static void check_pixels(const picture *found, uint32_t width, uint32_t height, uint32_t channels,
                         const uint8_t *wanted, int tolerance)
{
    assert_int_equal(found->width, width);
    assert_int_equal(found->height, height);
    assert_int_equal(found->channels, channels);
    for (size_t i = 0; i < (size_t)width * height * channels; i++)
        if (abs(found->pixels[i] - wanted[i]) > tolerance)
            fail_msg("sample %zu is %d, wanted %d", i, found->pixels[i], wanted[i]);
}

/* ---- netpbm ---- */

static void netpbm_pictures_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        uint32_t width, height, channels;
        uint8_t pixels[12];
    } rows[] = {
        { "t:P1 x:0a t:3 x:20 t:2 x:0a t:101 x:0a t:0 x:20 t:1 x:20 t:0", 3, 2, 1, { 0, 255, 0, 255, 0, 255 } },
        { "t:P4 x:0a t:9 x:20 t:1 x:0a x:a080", 9, 1, 1, { 0, 255, 0, 255, 255, 255, 255, 255, 0 } },
        { "t:P2 x:0a t:3 x:20 t:1 x:0a t:5 x:0a t:0 x:20 t:5 x:20 t:1", 3, 1, 1, { 0, 255, 51 } },
        { "t:P5 x:0a t:2 x:20 t:1 x:0a t:65535 x:0a b2:257 b2:65535", 2, 1, 1, { 1, 255 } },
        { "t:P5 x:0a t:2 x:20 t:1 x:0a t:3 x:0a x:0302", 2, 1, 1, { 255, 170 } },
        { "t:P3 x:0a t:1 x:20 t:2 x:0a t:255 x:0a t:1 x:20 t:2 x:20 t:3 x:20 t:4 x:20 t:5 x:20 t:6", 1, 2, 3,
          { 1, 2, 3, 4, 5, 6 } },
        { "t:P6 x:0a t:2 x:20 t:1 x:0a t:255 x:0a x:010203040506", 2, 1, 3, { 1, 2, 3, 4, 5, 6 } },
        { "t:P6 x:0a t:1 x:20 t:1 x:0a t:65535 x:0a b2:0 b2:32896 b2:65535", 1, 1, 3, { 0, 128, 255 } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        blob file = blob_make(rows[i].file);
        picture found;
        must_read(&file, 0, &found);
        check_pixels(&found, rows[i].width, rows[i].height, rows[i].channels, rows[i].pixels, 0);
        assert_int_equal(found.full_width, rows[i].width);
        assert_int_equal(found.full_height, rows[i].height);
        picture_close(&found);
        picture_close(&found); /* harmless */
        must_refuse_cuts(&file, "");
        blob_free(&file);
    }
}

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
    } rows[] = {
        { "", "name: is empty, wanted a PNG, JPEG, PBM, PGM or PPM\n" },
        { "t:P", "is of no known format, wanted a PNG, JPEG" },
        { "t:hello", "is of no known format" },
        { "t:P8", "is of no known format" },
        { "t:P7 x:0a", "is a PAM picture" },
        { "t:GIF89a", "is a GIF picture" },
        { "t:BM z:20", "is a BMP picture" },
        { "x:49492a00", "is a TIFF picture" },
        { "x:4d4d002a", "is a TIFF picture" },
        { "b4:24 t:ftypheic z:12", "is a HEIC picture" },
        { "t:%PDF-1.4", "is a PDF document" },
        { "x:00000803 z:12", "looks like an IDX file" },
        { "t:GGUF", "is a GGUF model" },
        { "t:P4 x:0a t:8 x:20 t:1", "the PBM is cut: 0 bytes of pixels, wanted 1" },
        { "t:P4 x:0a t:9 x:20 t:1 x:0a x:ff", "the PBM is cut: 1 bytes of pixels, wanted 2" },
        { "t:P4 x:0a t:8 x:20 t:1 x:0a x:ffff", "1 byte after the PBM's last pixel" },
        { "t:P1 x:0a t:2 x:20 t:1 x:0a t:12", "the PBM is damaged: a pixel is neither 0 nor 1" },
        { "t:P1 x:0a t:2 x:20 t:1 x:0a t:1 x:0a", "the PBM is cut: it ends before a pixel" },
        { "t:P1 x:0a t:2 x:20 t:1 x:0a t:111", "1 byte after the PBM's last pixel" },
        { "t:P6 x:0a t:1 x:20 t:1 x:0a t:255 x:0a x:0102", "the PPM is cut: 2 bytes of pixels, wanted 3" },
        { "t:P6 x:0a t:1 x:20 t:1 x:0a t:7 x:0a x:010208", "the PPM is damaged: sample 2 is 8, its largest value 7" },
        { "t:P6 x:0a t:1 x:20 t:1 x:0a t:65536 x:0a x:010208", "the largest value is out of range, wanted 1 to 65535" },
        /* sizes */
        { "t:P5 x:0a t:65536 x:20 t:1 x:0a t:255 x:0a", "is 65536x1, more than the limit of 65535 on a side" },
        { "t:P5 x:0a t:1 x:20 t:2147483647 x:0a t:255 x:0a", "more than the limit of 65535 on a side" },
        { "t:P5 x:0a t:20000 x:20 t:10001 x:0a t:255 x:0a", "is 20000x10001, more than the limit of 200000000 pixels" },
        { "t:P6 x:0a t:20000 x:20 t:10000 x:0a t:255 x:0a", "the PPM is cut: 0 bytes of pixels, wanted 600000000" },
        { "t:P3 x:0a t:20000 x:20 t:10000 x:0a t:255 x:0a", "0 bytes of pixels, wanted at least 1199999999" },
        { "t:P1 x:0a t:20000 x:20 t:10000 x:0a", "0 bytes of pixels, wanted at least 200000000" },
#ifdef INK_HAVE_PNG
        { "x:89504e470d0a1a0a b4:13 t:IHDR b4:65535 b4:65535 x:0800000000", "the PNG is cut: 29 bytes" },
        { "x:89504e470d0a1a0a b4:13 t:IHDR b4:65536 b4:1 x:0800000000 z:4", "65536x1, more than the limit of 65535" },
        { "x:89504e470d0a1a0a b4:13 t:IHDR b4:65535 b4:65535 x:0800000000 z:4", "the limit of 200000000 pixels" },
        { "x:89504e470d0a1a0a b4:13 t:IHDR b4:20000 b4:10000 x:0806000000 z:4",
          "the PNG is cut: 33 bytes cannot hold 20000x10000 pixels" },
        { "x:89504e470d0a1a0a b4:13 t:IHDR b4:0 b4:1 x:0800000000 z:4", "is 0x1, wanted at least 1x1" },
        { "x:89504e470d0a1a0a b4:13 t:CgBI b4:0 b4:1 x:0800000000 z:4", "the PNG does not begin with its header" },
#else
        { "x:89504e470d0a1a0a", "is a PNG, and this inkling was built without libpng" },
#endif
#ifdef INK_HAVE_JPEG
        { "x:ffd8ff", "the JPEG is damaged: premature end of JPEG file" },
        { "x:ffd8ffd9", "the JPEG is damaged: JPEG datastream contains no image" },
        { "x:ffd8ffe0 z:100", "the JPEG is damaged: " },
        { "x:ffd8ffc0 b2:11 x:08 b2:1 b2:0 x:01011100", "the JPEG is damaged: " },
        { "x:ffd8ffc0 b2:11 x:08 b2:14000 b2:14000 x:01011100 x:ffda b2:8 x:010100003f00",
          "the JPEG cannot be read: 25 bytes cannot hold 14000x14000 pixels" },
        { "x:ffd8ffc0 b2:14 x:08 b2:8 b2:8 x:02 x:011100 x:021100 x:ffda b2:8 x:010100003f00",
          "the JPEG cannot be read: it has 2 components, wanted 1, 3 or 4" },
        { "x:ffd8ffc2 b2:17 x:08 b2:14000 b2:14000 x:03011100021100031100 x:ffda b2:12 x:03010002000300000000 z:100000",
          "the JPEG cannot be read: it takes more than the limit of 1024 MiB of memory" },
        { "x:ffd8ffc0 b2:11 x:08 b2:65500 b2:65500 x:01011100 x:ffda b2:8 x:010100003f00",
          "is 65500x65500, more than the limit of 200000000 pixels" },
#else
        { "x:ffd8ff", "is a JPEG, and this inkling was built without libjpeg" },
#endif
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        blob file = blob_make(rows[i].file);
        must_refuse(file.data, file.size, rows[i].words);
        blob_free(&file);
    }
}

static void files_are_read_by_name(void **state)
{
    (void)state;
    picture grey, other;
    assert_int_equal(picture_read("samples/digit-3.pgm", 0, &grey), CLI_DONE);
    assert_int_equal(grey.width, 28);
    assert_int_equal(grey.channels, 1);
    assert_int_equal(picture_read("samples/nothing", 0, &other), CLI_FAILED);
    assert_null(other.pixels);
    assert_int_equal(picture_read("samples/README.md", 0, &other), CLI_FAILED);
    assert_null(other.pixels);
#ifdef INK_HAVE_PNG
    assert_int_equal(picture_read("samples/digit-3.png", 1, &other), CLI_DONE); /* a PNG has one scale */
    check_pixels(&other, 28, 28, 1, grey.pixels, 0);
    picture_close(&other);
#endif
    uint8_t luma[28 * 28];
    picture_to_grey(&grey, luma);
    assert_memory_equal(luma, grey.pixels, sizeof luma);
    picture_close(&grey);
    static uint8_t colours[] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 7, 7, 7 };
    picture_to_grey(&(picture){ .width = 2, .height = 2, .channels = 3, .pixels = colours }, luma);
    const uint8_t wanted[] = { 76, 150, 29, 7 };
    assert_memory_equal(luma, wanted, 4);
}

/* ---- Exif ---- */

#define EXIF "x:ffd8 x:ffe1 b2:34 t:Exif x:0000 "
#define END " x:00000000 z:4 x:ffda b2:4 z:2"

static void orientations_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        unsigned wanted;
    } rows[] = {
        { EXIF "t:MM b2:42 b4:8 b2:1 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 6 },
        { EXIF "t:II 2:42 4:8 2:1 2:0x112 2:3 4:1 2:8 2:0" END, 8 },
        { "x:ffd8 x:ffe0 b2:4 z:2 x:ffff x:ffe1 b2:34 t:Exif x:0000 t:II 2:42 4:8 2:1 2:0x112 2:3 4:1 2:3 2:0" END, 3 },
        { "x:ffd8 x:ffe1 b2:9 t:http:// x:ffe1 b2:34 t:Exif x:0000 t:II 2:42 4:8 2:1 2:0x112 2:3 4:1 2:3 2:0" END, 3 },
        { "x:ffd8 x:ffe1 b2:46 t:Exif x:0000 t:II 2:42 4:8 2:2 2:1 2:3 4:1 4:9 2:0x112 2:3 4:1 4:5 z:8", 5 },
        /* odd ones */
        { "x:ffd8 x:ffda b2:4 z:2", 1 },
        { "", 1 },
        { "x:ffd8ff", 1 },
        { EXIF "t:MM b2:42 b4:8 b2:1 b2:0x112 b2:3 b4:1 b2:0 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:8 b2:1 b2:0x112 b2:3 b4:1 b2:9 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:8 b2:1 b2:0x112 b2:4 b4:1 b4:6" END, 1 },
        { EXIF "t:MM b2:42 b4:8 b2:1 b2:0x112 b2:3 b4:2 b2:6 b2:6" END, 1 },
        { EXIF "t:MM b2:43 b4:8 b2:1 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { EXIF "t:MI b2:42 b4:8 b2:1 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:9 b2:1 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:4294967290 b2:1 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:0 b2:1 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:8 b2:65535 b2:0x111 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { EXIF "t:MM b2:42 b4:8 b2:0 b2:0x112 b2:3 b4:1 b2:6 b2:0" END, 1 },
        { "x:ffd8 x:ffe1 b2:60 t:Exif x:0000 t:II 2:42 4:8 2:1 2:0x112 2:3 4:1 2:3 2:0", 1 },
        { "x:ffd8 x:ffe1 b2:26 t:Exif x:0000 t:II 2:42 4:8 2:1 2:0x112 2:3 4:1 2:3 2:0", 1 },
        { "x:ffd8 x:ffe1 b2:0 t:Exif x:0000", 1 },
        { "x:ffd8 x:ffe1 b2:8 t:Exif x:0000", 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        blob file = blob_make(rows[i].file);
        for (size_t size = 0; size <= file.size; size++) {
            fence exact = fence_make(file.data, size);
            const unsigned found = exif_orientation(exact.data, size);
            if (size == file.size ? found != rows[i].wanted : found < 1 || found > 8)
                fail_msg("row %zu, %zu bytes: %u, wanted %u", i, size, found, rows[i].wanted);
            fence_free(&exact);
        }
        blob_free(&file);
    }
}

/* ---- PNG ---- */

#ifdef INK_HAVE_PNG

enum { WIDE = 13, HIGH = 9, PIXELS = WIDE * HIGH };

static void put_png(png_structp png, png_bytep data, size_t size)
{
    blob_append(png_get_io_ptr(png), data, size);
}

/* `rows` are as PNG has them, `stride` bytes each. The tables are NULL where the kind has none. */
static blob png_make(int colour, int depth, bool interlaced, const uint8_t *rows, size_t stride,
                     const png_color *palette, const uint8_t *palette_alpha, const png_color_16 *clear)
{
    blob out = { 0 };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep pointers[HIGH];
    png_set_write_fn(png, &out, put_png, NULL);
    png_set_IHDR(png, info, WIDE, HIGH, depth, colour, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (palette)
        png_set_PLTE(png, info, palette, 1 << depth);
    if (palette_alpha || clear)
        png_set_tRNS(png, info, palette_alpha, palette_alpha ? 1 << depth : 0, clear);
    png_write_info(png, info);
    for (size_t y = 0; y < HIGH; y++)
        pointers[y] = (png_bytep)(uintptr_t)(rows + y * stride);
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return out;
}

static void pack(uint8_t *rows, size_t stride, int depth, size_t sample, uint32_t value)
{
    uint8_t *row = rows + sample / 64 * stride;
    const size_t at = sample % 64;
    if (depth == 16) {
        row[2 * at] = (uint8_t)(value >> 8);
        row[2 * at + 1] = (uint8_t)value;
    } else {
        row[at * (size_t)depth / 8] |= (uint8_t)(value << (8 - depth - (int)(at * (size_t)depth % 8)));
    }
}

/* A picture of each kind; its samples go through all values, and those that count as alpha are 0, half or whole. */
static void check_png_kind(int colour, int depth, bool interlaced, bool transparent)
{
    enum { STRIDE = WIDE * 8 };
    const uint32_t most = (1u << depth) - 1;
    const bool palette = colour == PNG_COLOR_TYPE_PALETTE;
    const uint32_t colours = colour & PNG_COLOR_MASK_COLOR && !palette ? 3 : 1;
    const uint32_t alpha = colour & PNG_COLOR_MASK_ALPHA ? 1 : 0;
    const uint32_t channels = palette ? 3 : colours;
    uint8_t rows[STRIDE * HIGH] = { 0 }, wanted[PIXELS * 3], palette_alpha[256];
    png_color table[256];
    png_color_16 clear = { .gray = 1, .red = 1, .green = 2, .blue = 3 }; /* the second pixel below */
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = (png_color){ (uint8_t)(i * 77), (uint8_t)(i * 31 + 5), (uint8_t)(255 - i) };
        palette_alpha[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 128 : 255;
    }
    for (uint32_t i = 0; i < PIXELS; i++) {
        uint32_t back = 255, seen = 255, value[3];
        for (uint32_t k = 0; k < colours; k++) {
            value[k] = depth == 16 ? (i * 563 + k) % 60000 : (i + k) % (most + 1);
            pack(rows, STRIDE, depth, i / WIDE * 64 + i % WIDE * (colours + alpha) + k, value[k]);
        }
        if (alpha) {
            seen = i % 3 * 255 / 2;
            pack(rows, STRIDE, depth, i / WIDE * 64 + i % WIDE * (colours + alpha) + colours,
                 depth == 16 ? seen * 257 : seen);
        } else if (transparent) {
            seen = palette ? palette_alpha[value[0]]
                 : value[0] == 1 && (colours == 1 || (value[1] == 2 && value[2] == 3)) ? 0 : 255;
        }
        for (uint32_t k = 0; k < channels; k++) {
            const png_color *entry = &table[value[0] % 256];
            const uint32_t full = palette ? k == 0 ? entry->red : k == 1 ? entry->green : entry->blue
                                          : (value[k] * 255 + most / 2) / most;
            wanted[i * channels + k] = (uint8_t)((full * seen + back * (255 - seen) + 127) / 255);
        }
    }
    blob file = png_make(colour, depth, interlaced, rows, STRIDE, palette ? table : NULL,
                         palette && transparent ? palette_alpha : NULL, !palette && transparent ? &clear : NULL);
    picture found;
    must_read(&file, 0, &found);
    check_pixels(&found, WIDE, HIGH, channels, wanted, 0);
    picture_close(&found);
    must_refuse_cuts(&file, "the PNG is ");
    blob_free(&file);
}

static void every_kind_of_png_is_read(void **state)
{
    (void)state;
    static const struct {
        int colour, depth;
    } rows[] = {
        { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 }, { 0, 16 }, { 2, 8 }, { 2, 16 }, { 3, 1 }, { 3, 2 }, { 3, 4 }, { 3, 8 },
        { 4, 8 }, { 4, 16 }, { 6, 8 }, { 6, 16 },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int interlaced = 0; interlaced < 2; interlaced++)
            for (int transparent = 0; transparent < (rows[i].colour < 4 ? 2 : 1); transparent++)
                check_png_kind(rows[i].colour, rows[i].depth, interlaced, transparent);
}

/* Drawings on nothing: `ink` where the pattern has a share `seen` of the columns. */
static void check_back(uint8_t ink, uint8_t dot, uint32_t seen, uint8_t back)
{
    uint8_t rows[HIGH][WIDE][2] = { 0 }, wanted[PIXELS];
    for (uint32_t y = 0; y < HIGH; y++)
        for (uint32_t x = 0; x < WIDE; x++) {
            rows[y][x][0] = x == 0 ? dot : ink;
            rows[y][x][1] = x < seen ? 255 : 0;
            wanted[y * WIDE + x] = x < seen ? rows[y][x][0] : back;
        }
    blob file = png_make(PNG_COLOR_TYPE_GRAY_ALPHA, 8, false, rows[0][0], sizeof rows[0], NULL, NULL, NULL);
    picture found;
    must_read(&file, 0, &found);
    check_pixels(&found, WIDE, HIGH, 1, wanted, 0);
    picture_close(&found);
    blob_free(&file);
}

static void transparent_drawings_can_be_seen(void **state)
{
    (void)state;
    check_back(0, 0, 4, 255);       /* black ink that differs from nothing by its alpha only */
    check_back(255, 255, 4, 0);     /* white ink */
    check_back(200, 200, 4, 0);     /* chalk */
    check_back(255, 255, 12, 0);    /* white ink on little that is transparent */
    check_back(255, 0, 12, 255);    /* paper that was cut out, with a dark stroke */
    check_back(255, 0, 5, 0);       /* white ink with a dark end */
    check_back(100, 100, 12, 255);
    check_back(255, 255, 0, 255);   /* nothing at all is paper */
}

static void a_damaged_png_is_refused(void **state)
{
    (void)state;
    uint8_t rows[HIGH][WIDE] = { 0 };
    blob file = png_make(PNG_COLOR_TYPE_GRAY, 8, false, rows[0], WIDE, NULL, NULL, NULL);
    /* Each byte but the signature: pixels that are wrong, or chunks whose checksum is. */
    for (size_t i = 8; i < file.size; i++) {
        file.data[i] ^= 0x55;
        must_refuse(file.data, file.size, "");
        file.data[i] ^= 0x55;
    }
    blob_free(&file);
}

#endif

/* ---- JPEG ---- */

#ifdef INK_HAVE_JPEG

typedef struct jpeg_kind {
    uint32_t width, height;
    int components;
    J_COLOR_SPACE space, stored;
    bool progressive, arithmetic, no_adobe;
    const char *app1; /* a recipe */
    unsigned scans;   /* of one coefficient each, where not 0 */
} jpeg_kind;

static blob jpeg_make(const jpeg_kind *kind, const uint8_t *pixels)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = kind->width;
    jpeg.image_height = kind->height;
    jpeg.input_components = kind->components;
    jpeg.in_color_space = kind->space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_set_colorspace(&jpeg, kind->stored);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1; /* colours as sharp as greys */
    if (kind->components == 4)
        jpeg.comp_info[3].h_samp_factor = jpeg.comp_info[3].v_samp_factor = 1;
    if (kind->progressive)
        jpeg_simple_progression(&jpeg);
    static jpeg_scan_info scans[256];
    for (unsigned i = 0; i < kind->scans; i++) /* the first coefficient, and then nothing new each time */
        scans[i] = (jpeg_scan_info){ .comps_in_scan = 1, .Ss = i ? 1 : 0, .Se = i ? 63 : 0, .Ah = i > 1 ? 1 : 0,
                                     .Al = i == 1 ? 1 : 0 };
    if (kind->scans) {
        jpeg.scan_info = scans;
        jpeg.num_scans = (int)kind->scans;
    }
    jpeg.arith_code = kind->arithmetic;
    if (kind->no_adobe)
        jpeg.write_Adobe_marker = FALSE;
    jpeg_start_compress(&jpeg, TRUE);
    if (kind->app1) {
        blob marker = blob_make(kind->app1);
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, marker.data, (unsigned)marker.size);
        blob_free(&marker);
    }
    while (jpeg.next_scanline < jpeg.image_height) {
        const size_t at = (size_t)jpeg.next_scanline * kind->width * (unsigned)kind->components;
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + at);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    blob out = { 0 };
    blob_append(&out, data, size);
    free(data);
    return out;
}

/* Blocks of 8x8 with one colour each, which JPEG keeps nearly as they are. */
enum { BLOCKS_WIDE = 3, BLOCKS_HIGH = 2, ACROSS = 8 * BLOCKS_WIDE, DOWN = 8 * BLOCKS_HIGH };

static void paint_blocks(int components, uint8_t *pixels)
{
    for (int y = 0; y < DOWN; y++)
        for (int x = 0; x < ACROSS; x++)
            for (int k = 0; k < components; k++)
                *pixels++ = (uint8_t)(30 + 40 * (x / 8) + 110 * (y / 8) - 15 * k);
}

static void every_kind_of_jpeg_is_read(void **state)
{
    (void)state;
    static const jpeg_kind kinds[] = {
        { ACROSS, DOWN, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, false, false, false, NULL, 0 },
        { ACROSS, DOWN, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, true, false, false, NULL, 0 },
        { ACROSS, DOWN, 3, JCS_RGB, JCS_YCbCr, false, false, false, NULL, 0 },
        { ACROSS, DOWN, 3, JCS_RGB, JCS_YCbCr, true, false, false, NULL, 0 },
        { ACROSS, DOWN, 3, JCS_RGB, JCS_RGB, false, false, false, NULL, 0 },
        { ACROSS, DOWN, 4, JCS_CMYK, JCS_CMYK, false, false, false, NULL, 0 },
        { ACROSS, DOWN, 4, JCS_CMYK, JCS_CMYK, false, false, true, NULL, 0 },
        { ACROSS, DOWN, 4, JCS_CMYK, JCS_YCCK, false, false, false, NULL, 0 },
        { ACROSS, DOWN, 4, JCS_CMYK, JCS_YCCK, true, false, false, NULL, 0 },
#ifdef C_ARITH_CODING_SUPPORTED
        { ACROSS, DOWN, 3, JCS_RGB, JCS_YCbCr, false, true, false, NULL, 0 },
#endif
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const int components = kinds[i].components;
        uint8_t pixels[ACROSS * DOWN * 4], wanted[ACROSS * DOWN * 3];
        paint_blocks(components, pixels);
        memcpy(wanted, pixels, components == 4 ? 0 : (size_t)(ACROSS * DOWN * components));
        for (int p = 0; p < ACROSS * DOWN && components == 4; p++)
            for (int k = 0; k < 3; k++) {
                const int ink = pixels[4 * p + k], black = pixels[4 * p + 3];
                wanted[3 * p + k] = (uint8_t)((kinds[i].no_adobe ? (255 - ink) * (255 - black) : ink * black) / 255);
            }
        blob file = jpeg_make(&kinds[i], pixels);
        picture found;
        must_read(&file, 0, &found);
        check_pixels(&found, ACROSS, DOWN, components == 1 ? 1 : 3, wanted, 4);
        picture_close(&found);
        must_refuse_cuts(&file, "the JPEG is damaged: ");
        must_refuse(file.data, file.size - 2, "the JPEG is damaged: premature end of JPEG file\n");
        blob_free(&file);
    }
}

/* Where the block of column `x` and row `y` of the upright picture is in one of each orientation (Exif, 4.6.4). */
static void block_of(unsigned orientation, int x, int y, int *column, int *row)
{
    const int right = BLOCKS_WIDE - 1, bottom = BLOCKS_HIGH - 1;
    const int places[8][2] = { { x, y }, { right - x, y }, { right - x, bottom - y }, { x, bottom - y },
                               { y, x }, { y, bottom - x }, { right - y, bottom - x }, { right - y, x } };
    *column = places[orientation - 1][0];
    *row = places[orientation - 1][1];
}

static void pictures_are_put_upright(void **state)
{
    (void)state;
    for (unsigned orientation = 1; orientation <= 8; orientation++)
        for (int components = 1; components <= 3; components += 2) {
            char app1[128];
            snprintf(app1, sizeof app1, "t:Exif x:0000 t:MM b2:42 b4:8 b2:1 b2:0x112 b2:3 b4:1 b2:%u b2:0 z:4",
                     orientation);
            const J_COLOR_SPACE space = components == 1 ? JCS_GRAYSCALE : JCS_RGB;
            const jpeg_kind kind = { .width = ACROSS, .height = DOWN, .components = components, .space = space,
                                     .stored = components == 1 ? space : JCS_YCbCr, .app1 = app1 };
            uint8_t pixels[ACROSS * DOWN * 3], wanted[ACROSS * DOWN * 3];
            paint_blocks(components, pixels);
            const int wide = orientation < 5 ? ACROSS : DOWN, high = orientation < 5 ? DOWN : ACROSS;
            for (int y = 0; y < high; y++)
                for (int x = 0; x < wide; x++) {
                    int column, row;
                    block_of(orientation, x / 8, y / 8, &column, &row);
                    memcpy(wanted + (y * wide + x) * components, pixels + (8 * row * ACROSS + 8 * column) * components,
                           (size_t)components);
                }
            blob file = jpeg_make(&kind, pixels);
            picture found;
            must_read(&file, 0, &found);
            check_pixels(&found, (uint32_t)wide, (uint32_t)high, (uint32_t)components, wanted, 4);
            assert_int_equal(found.full_width, wide);
            picture_close(&found);
            must_read(&file, 100, &found); /* 384 pixels: half of each side is 96 */
            assert_int_equal(found.width, wide / 2);
            assert_int_equal(found.height, high / 2);
            assert_int_equal(found.full_width, wide);
            assert_int_equal(found.full_height, high);
            picture_close(&found);
            must_read(&file, 1, &found); /* not less than an eighth */
            assert_int_equal(found.width, wide / 8);
            picture_close(&found);
            blob_free(&file);
        }
}

static void a_jpeg_of_many_scans_is_refused(void **state)
{
    (void)state;
    jpeg_kind kind = { ACROSS, DOWN, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, false, false, false, NULL, 3 };
    uint8_t pixels[ACROSS * DOWN];
    paint_blocks(1, pixels);
    blob file = jpeg_make(&kind, pixels);
    picture found;
    must_read(&file, 0, &found);
    picture_close(&found);
    /* The last scan again and again: libjpeg's writer would refuse to. */
    size_t scan = file.size - 2;
    while (file.data[scan] != 0xff || file.data[scan + 1] != 0xda)
        scan--;
    blob many = { 0 };
    blob_append(&many, file.data, scan);
    for (int i = 0; i < 200; i++)
        blob_append(&many, file.data + scan, file.size - 2 - scan);
    blob_append(&many, file.data + file.size - 2, 2);
    must_refuse(many.data, many.size, "the JPEG cannot be read: it has more than the limit of 100 scans");
    blob_free(&many);
    blob_free(&file);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(netpbm_pictures_are_read),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(files_are_read_by_name),
        cmocka_unit_test(orientations_are_found),
#ifdef INK_HAVE_PNG
        cmocka_unit_test(every_kind_of_png_is_read),
        cmocka_unit_test(transparent_drawings_can_be_seen),
        cmocka_unit_test(a_damaged_png_is_refused),
#endif
#ifdef INK_HAVE_JPEG
        cmocka_unit_test(every_kind_of_jpeg_is_read),
        cmocka_unit_test(pictures_are_put_upright),
        cmocka_unit_test(a_jpeg_of_many_scans_is_refused),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
