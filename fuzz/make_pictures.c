/* Writes the seeds of fuzz_picture: make_pictures FOLDER makes the folder `picture` in it, with small pictures of every
 * kind. The same files each time, as long as libpng and libjpeg are the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>
#include <png.h>

enum { WIDE = 11, HIGH = 9, ROW = WIDE * 8 };

static const char *folder;
static size_t files;
static uint8_t noise[HIGH][ROW], *pointers[HIGH];

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "make_pictures: %s: %s\n", what, why);
    exit(1);
}

static FILE *create(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/picture/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file)
        stop(path, "cannot be written");
    files++;
    return file;
}

static void save(const char *name, const void *data, size_t size)
{
    FILE *file = create(name);
    if (fwrite(data, 1, size, file) != size || fclose(file))
        stop(name, "cannot be written");
}

static void save_png(int colour, int depth, int interlaced, int transparent)
{
    static const png_color palette[256] = { { 255, 255, 255 }, { 0, 0, 0 }, { 200, 30, 60 } };
    static const png_byte alphas[2] = { 0, 128 };
    static const png_color_16 clear = { .gray = 1, .red = 1, .green = 2, .blue = 3 };
    char name[64];
    snprintf(name, sizeof name, "png-%d-%d%s%s.png", colour, depth, interlaced ? "-interlaced" : "",
             transparent ? "-transparent" : "");
    FILE *file = create(name);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, WIDE, HIGH, depth, colour, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 1 << depth < 8 ? 1 << depth : 8);
    if (transparent)
        png_set_tRNS(png, info, colour == PNG_COLOR_TYPE_PALETTE ? alphas : NULL, 2, &clear);
    png_set_compression_level(png, 9);
    png_write_info(png, info);
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    if (fclose(file))
        stop(name, "cannot be written");
}

static void save_pngs(void)
{
    static const int kinds[][2] = { { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 }, { 0, 16 }, { 2, 8 }, { 2, 16 }, { 3, 1 },
                                    { 3, 2 }, { 3, 4 }, { 4, 8 }, { 4, 16 }, { 6, 8 }, { 6, 16 } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        save_png(kinds[i][0], kinds[i][1], 0, 0);
        save_png(kinds[i][0], kinds[i][1], 1, kinds[i][0] < 4);
    }
}

typedef struct jpeg_kind {
    const char *name;
    int components;
    J_COLOR_SPACE space, stored;
    int progressive, arithmetic, adobe, restart;
    const char *exif; /* of 32 bytes */
} jpeg_kind;

static void save_jpeg(const jpeg_kind *kind)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    FILE *file = create(kind->name);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = WIDE;
    jpeg.image_height = HIGH;
    jpeg.input_components = kind->components;
    jpeg.in_color_space = kind->space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, kind->stored);
    jpeg_set_quality(&jpeg, 60, TRUE);
    jpeg.optimize_coding = !kind->arithmetic;
    jpeg.arith_code = kind->arithmetic;
    jpeg.write_Adobe_marker = kind->adobe;
    jpeg.restart_interval = (unsigned)kind->restart;
    if (kind->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (kind->exif)
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, (const JOCTET *)kind->exif, 32);
    jpeg_write_scanlines(&jpeg, pointers, HIGH);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    if (fclose(file))
        stop(kind->name, "cannot be written");
}

#define BIG_ENDIAN "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0"
#define LITTLE_ENDIAN "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0"

static void save_jpegs(void)
{
    static const jpeg_kind kinds[] = {
        { "jpeg-grey.jpg", 1, JCS_GRAYSCALE, JCS_GRAYSCALE, 0, 0, 0, 0, NULL },
        { "jpeg-ycc.jpg", 3, JCS_RGB, JCS_YCbCr, 0, 0, 0, 1, BIG_ENDIAN },
        { "jpeg-rgb.jpg", 3, JCS_RGB, JCS_RGB, 0, 0, 1, 0, LITTLE_ENDIAN },
        { "jpeg-progressive.jpg", 3, JCS_RGB, JCS_YCbCr, 1, 0, 0, 0, NULL },
        { "jpeg-arithmetic.jpg", 3, JCS_RGB, JCS_YCbCr, 0, 1, 0, 0, NULL },
        { "jpeg-arithmetic-progressive.jpg", 1, JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 1, 0, 0, NULL },
        { "jpeg-cmyk.jpg", 4, JCS_CMYK, JCS_CMYK, 0, 0, 0, 0, NULL },
        { "jpeg-cmyk-adobe.jpg", 4, JCS_CMYK, JCS_CMYK, 0, 0, 1, 0, NULL },
        { "jpeg-ycck-adobe.jpg", 4, JCS_CMYK, JCS_YCCK, 1, 0, 1, 0, BIG_ENDIAN },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        save_jpeg(&kinds[i]);
}

static void save_netpbm(void)
{
    static const struct {
        const char *name, *data;
        size_t size;
    } rows[] = {
#define FILE_OF(name, data) { name, data, sizeof data - 1 }
        FILE_OF("p1.pbm", "P1 # bits\n3 2\n101\n0 1 0\n"),   FILE_OF("p2.pgm", "P2\n3 2\n15\n0 1 2\n13 14 15\n"),
        FILE_OF("p3.ppm", "P3\n1 2\n255\n0 1 2\n253 254 255\n"), FILE_OF("p4.pbm", "P4\n9 2\n\xaa\x80\x55\0"),
        FILE_OF("p5.pgm", "P5\n3 2\n255\n\0\1\2\3\4\5"),      FILE_OF("p5-16.pgm", "P5 1 2 1000\n\0\1\3\xe8"),
        FILE_OF("p6.ppm", "P6\n1 2\n7\n\0\1\2\3\4\7"),        FILE_OF("broken-cut.ppm", "P6\n1 2\n255\n\0\1\2\3\4"),
        FILE_OF("broken-huge.pbm", "P4\n65535 65535\n"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        save(rows[i].name, rows[i].data, rows[i].size);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    char path[1024];
    snprintf(path, sizeof path, "%s/picture", folder);
    (void)mkdir(path, 0777);
    uint32_t random = 1;
    for (size_t y = 0; y < HIGH; y++) {
        pointers[y] = noise[y];
        for (size_t x = 0; x < ROW; x++) {
            random = random * 1664525 + 1013904223;
            noise[y][x] = (uint8_t)(random >> 24 & 0x77); /* the palette has eight */
        }
    }
    save_pngs();
    save_jpegs();
    save_netpbm();
    printf("%zu files\n", files);
    return 0;
}
