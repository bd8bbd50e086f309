/* The settings of a training run, as text and as numbers. One table in settings.c says each one's name, bounds
 * and default; docs/training.md explains them. */
#ifndef INK_SETTINGS_H
#define INK_SETTINGS_H

#include "base/memory.h"
#include "train/augment.h"
#include "train/schedule.h"

typedef enum ink_optimizer {
    INK_ADAMW, /* I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", 2019 */
    INK_ADAM,  /* D. Kingma, J. Ba, 2015; the decay is a part of the gradient */
    INK_SGD    /* Nesterov's momentum as I. Sutskever and others, 2013, and PyTorch write it */
} ink_optimizer;

typedef enum ink_best { INK_BEST_ACCURACY, INK_BEST_LOSS } ink_best; /* of the validation pictures */

typedef struct ink_settings {
    uint64_t seed, epochs, batch, patience;
    uint64_t best;
    float validation; /* below 1: a share of the examples; else their number */
    uint64_t optimizer;
    float momentum, beta2, epsilon, decay, clip;
    ink_schedule schedule;
    float smoothing, average, statistics;
    ink_augment augment;
    float parted;    /* the share of the other pictures that are as reading cuts them out of a number */
    float negatives; /* the share of pictures that are replaced by what is no digit */
    float calibrate; /* above 0: the trained model is given its temperature, see calibrate.h, by validation pictures
                        that are augmented this many times as much as those trained on */
} ink_settings;

/* The defaults, and over them what the text says: "rate=0.003 epochs=5"; of two of a name the later holds.
 * Errors: INK_ERR_ARGUMENT, which names the setting, what was found and wanted. */
ink_status ink_settings_parse(ink_settings *settings, const char *text, ink_error *error);

/* Multiplies all amounts of augmentation, up to the highest allowed; chances stay. */
void ink_settings_strengthen(ink_settings *settings, double factor);

/* The text of the seed and of what is not the default; a string in the arena, or NULL without memory. */
const char *ink_settings_text(const ink_settings *settings, ink_arena *arena);

#endif
