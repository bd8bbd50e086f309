/* Labelled digits in the program itself, to judge guesses by: samples/, which the build turns into C. */
#ifndef INK_CLI_SAMPLES_H
#define INK_CLI_SAMPLES_H

#include <stddef.h>

/* Whole IDX files. */
extern const unsigned char samples_images[], samples_labels[];
extern const size_t samples_images_size, samples_labels_size;

#endif
