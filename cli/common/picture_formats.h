/* The decoders behind picture_file.h: one constant each. */
#ifndef INK_CLI_PICTURE_FORMATS_H
#define INK_CLI_PICTURE_FORMATS_H

#include "common/picture_file.h"

#include <stdbool.h>

struct picture_format {
    bool (*is)(const uint8_t *bytes, size_t size);
    /* Fills in width and height. Whatever they are: who decodes has checked them. */
    int (*read_size)(picture_file *file);
    /* Fills in all but full_width and full_height. After a failure the caller frees the pixels that are there. */
    int (*decode)(const picture_file *file, uint64_t most_pixels, picture_back back, picture *out);
};

extern const picture_format picture_png, picture_jpeg, picture_pnm;

#endif
