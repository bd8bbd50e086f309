/* Files of pictures and labels: IDX, or one picture (picture_file.h), each maybe in gzip. */
#ifndef INK_CLI_IMAGE_FILE_H
#define INK_CLI_IMAGE_FILE_H

#include "common/picture_file.h"

#include "inkling.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image_set {
    const char *name;  /* for messages */
    bool labels;       /* an IDX file of single numbers */
    bool prepare;      /* the model is to see what becomes of them, see preparing.h */
    size_t count;
    uint32_t height, width, channels; /* 1, or for pictures to be prepared 3 */
    const uint8_t *data; /* [count, height, width, channels], or [count] labels */
    void *owned;
} image_set;

/* What becomes of pictures that are not as the model wants them. */
typedef enum image_prepare {
    IMAGE_PREPARE_NONE,   /* they are refused */
    IMAGE_PREPARE_OTHERS, /* those of another size are prepared, where the model reads digits, and else refused */
    IMAGE_PREPARE_ALL,    /* all are prepared */
} image_prepare;

/* Reads a file of pictures or labels, "-" for standard input. The pictures have the size that
 * `model` wants: others are refused, before they are decoded. Says what is wrong and gives
 * CLI_FAILED, or 0. */
int image_set_read(const char *path, const ink_model_info *model, image_set *out);
/* The same for a command that can prepare pictures. */
int image_set_read_any(const char *path, const ink_model_info *model, image_prepare how, image_set *out);
/* The same of a file's bytes, which must stay until the set is closed. */
int image_set_of_bytes(const char *name, uint8_t *data, size_t size, const ink_model_info *model, image_prepare how,
                       image_set *out);
void image_set_close(image_set *set);

/* Refuses a file of labels, or one without any picture. */
int image_set_need_pictures(const image_set *set);

/* Refuses what is no file of labels, or not of one for each picture of `images`. */
int image_set_need_labels(const image_set *labels, const image_set *images);

/* Refuses a model that wants other input than grey pictures. */
int image_model_check(const char *path, const ink_model_info *model);

/* A file of one picture, maybe in gzip, in greys: what is transparent is over black, as ink is white here. It is opened
 * first, so that whoever asked can judge its size before anything of that size is made. */
typedef struct image_one {
    const char *name; /* for messages */
    uint32_t height, width;
    uint8_t *bytes; /* the whole file, owned */
    picture_file file;
} image_one;
/* Says what is wrong and gives CLI_FAILED, with nothing to close; or 0. */
int image_one_open(const char *path, image_one *out);
int image_one_decode(image_one *one, uint8_t *pixels); /* `pixels` takes [height, width] */
void image_one_close(image_one *one);

#endif
