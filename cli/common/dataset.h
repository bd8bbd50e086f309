/* Labelled pictures of a folder, to train on or to measure with. */
#ifndef INK_CLI_DATASET_H
#define INK_CLI_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATASET_CLASSES = 256, /* a label is a byte */
    DATASET_SIDE = 4096,   /* no PNG or PGM is larger on any side */
};

typedef enum dataset_part { DATASET_TRAIN, DATASET_TEST } dataset_part;

typedef struct dataset {
    uint32_t channels, height, width, classes; /* channels is 1; 2 to DATASET_CLASSES classes */
    size_t count;             /* at least 1 */
    const uint8_t *pixels;    /* [count, channels, height, width], 0 is black */
    const uint8_t *labels;    /* [count], each below classes */
    const char *const *names; /* [classes], UTF-8 without control characters, no two the same */
    uint8_t *pixel_memory, *label_memory; /* what the fields above point into */
    char **name_memory;
} dataset;

/* Reads one part of a folder, which holds either
 * - IDX files as MNIST's, maybe in gzip: train-images-idx3-ubyte and train-labels-idx1-ubyte, the
 *   test part's with t10k or test, all with a '.' for the second '-' if need be. An uncompressed
 *   file goes before a compressed one. Names of the classes are the lines of labels.txt; without
 *   it "0", "1" and so on, up to the largest label of both parts; or
 * - a folder for each class, with its pictures as PNG or PGM, all of one size. Such folders are in
 *   `train` (or `training`) and `test` (or `testing`), or in the folder itself, which then has no
 *   test part. Classes and pictures are in the order of their names' bytes, and both parts have
 *   the classes of the training part. Hidden files are no pictures.
 * Links are followed, folders in a class's folder are not. Says what is wrong and gives CLI_FAILED,
 * with nothing to close; or 0. */
int dataset_read(const char *folder, dataset_part part, dataset *out);
void dataset_close(dataset *set);

/* Whether the folder has files of that part, good or bad; says nothing. */
bool dataset_has(const char *folder, dataset_part part);

#endif
