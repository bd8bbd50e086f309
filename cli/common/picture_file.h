/* Files of one picture, of any kind: PNG, JPEG, and netpbm's PBM, PGM and PPM, each maybe in gzip. */
#ifndef INK_CLI_PICTURE_FILE_H
#define INK_CLI_PICTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Larger pictures are refused before anything of their size is made. */
enum { PICTURE_SIDE = 65535, PICTURE_PIXELS = 200000000 };

/* A decoded picture, upright: what a camera says of how it was held has been done. */
typedef struct picture {
    uint32_t width, height, channels;  /* 1: grey, 3: red, green, blue */
    uint8_t *pixels;                   /* row by row, owned */
    uint32_t full_width, full_height;  /* the file's, larger where it was decoded at a scale */
} picture;

/* Reads the file, "-" for standard input. A JPEG of more than `most_pixels` is decoded at the largest eighth of its
 * size that has no more, or at an eighth; 0 for its own size. What is transparent becomes paper, see
 * PICTURE_BACK_UNLIKE_INK. Says what is wrong and gives CLI_FAILED, with nothing to close; or 0. */
int picture_read(const char *path, uint64_t most_pixels, picture *out);
void picture_close(picture *closed);

/* Its luma, [height, width]. */
void picture_to_grey(const picture *from, uint8_t *grey);

/* ---- in two steps, for callers that judge the size first ---- */

typedef struct picture_format picture_format; /* see picture_formats.h */

typedef struct picture_file {
    const char *name; /* for messages */
    const uint8_t *bytes; /* the whole file, not owned */
    size_t size;
    const picture_format *format;
    uint32_t width, height; /* upright */
} picture_file;

/* What stands behind pixels that are transparent. */
typedef enum picture_back {
    /* White, but black where white would hide what is drawn: light ink, and much of the picture transparent. */
    PICTURE_BACK_UNLIKE_INK,
    PICTURE_BACK_BLACK,
} picture_back;

/* Reads the header. `wanted` is what a message says where this is no picture. */
int picture_file_open(const char *name, const uint8_t *bytes, size_t size, const char *wanted, picture_file *out);
int picture_file_decode(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out);

/* What we read, for `wanted`. */
#define PICTURE_WANTED "a PNG, JPEG, PBM, PGM or PPM"

#endif
