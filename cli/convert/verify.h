/* Proof that a converted model computes what it did: its answers beside those of a reference. */
#ifndef INK_CLI_VERIFY_H
#define INK_CLI_VERIFY_H

#include "common/textbuf.h"

#include "inkling.h"

#include <stdbool.h>

typedef struct json_t json_t;

typedef struct verify_options {
    const char *images;    /* NULL: no proof is wanted */
    const char *labels;    /* or NULL */
    const char *reference; /* .npy; NULL: the source as it was read */
    double tolerance;      /* the largest difference between two probabilities */
} verify_options;

typedef struct verify_result {
    size_t images;           /* compared with the reference */
    size_t same;             /* of these, with the same class */
    double difference;       /* the largest, and where */
    size_t worst;
    bool softmax;            /* the reference held logits */
    size_t labelled, correct;
} verify_result;

/* Options that make no sense together. Gives CLI_USAGE, or 0. */
int verify_check(const verify_options *options);

/* Runs both, the model and without a reference the source, on the images. Says what is wrong, such as more difference
 * than is tolerated, and gives CLI_FAILED, or 0. */
int verify_run(const verify_options *options, const ink_model *source, const ink_model *model, const char *name,
               verify_result *out);

void verify_tell(const verify_options *options, const verify_result *result, text *to);
json_t *verify_json(const verify_options *options, const verify_result *result);

#endif
