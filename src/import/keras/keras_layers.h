/* Keras' layers, one row each: what a reader of models (keras_model.c) calls for each place where a layer is used. */
#ifndef INK_KERAS_LAYERS_H
#define INK_KERAS_LAYERS_H

#include "import/keras/keras_model.h"

#include <jansson.h>

/* How the draft's node holds a value of the file. */
typedef enum ink_keras_held {
    INK_KERAS_AS_IS,    /* with the same axes */
    INK_KERAS_PICTURE,  /* H,W,C in the file, C,H,W in the draft */
    INK_KERAS_ELEMENTS, /* the same elements in the same order, under another shape */
} ink_keras_held;

typedef struct ink_keras_value {
    const char *node; /* of the draft; NULL: not known, since something before it is not supported */
    ink_keras_held held;
    uint32_t rank; /* the file's, without the batch; 1 to 4 */
    uint64_t dim[4];
} ink_keras_value;

typedef struct ink_keras {
    ink_draft *draft;
    const ink_keras_weights *weights;
    size_t calls;      /* so far */
    bool input_shared; /* the picture is read by more than one layer */
    uint64_t floats;   /* so far */
    ink_status status; /* what ended the reading */
    ink_error *error;
} ink_keras;

/* One use of a layer. */
typedef struct ink_keras_call {
    ink_keras *keras;
    const char *class_name;
    const json_t *config;
    ink_keras_place place;
    size_t taken; /* weights so far */
    const ink_keras_value *inputs;
    size_t input_count;
} ink_keras_call;

/* The layer's output. What is not supported is noted in the draft, and the output then not known. */
ink_keras_value ink_keras_layer(ink_keras_call *call);

/* ---- for the layers themselves ---- */

/* Notes a fault of a layer; gives a value that is not known. */
ink_keras_value ink_keras_fault(const ink_keras_call *call, const char *format, ...) INK_PRINTF(2, 3);

/* Ends the reading. */
void ink_keras_fail(ink_keras *keras, ink_status status, const char *format, ...) INK_PRINTF(3, 4);

/* A list, also where Keras wraps a tuple; or NULL. */
const json_t *ink_keras_list(const json_t *value);
/* A number, also where Keras wraps NumPy's; false if it is none, and `*number` as it was. */
bool ink_keras_number(const json_t *value, double *number);

/* The value with the file's axes, and a value of rank 3 as a picture. */
ink_keras_value ink_keras_as_is(const ink_keras_call *call, ink_keras_value value);
ink_keras_value ink_keras_as_picture(const ink_keras_call *call, ink_keras_value value);

/* Adds a node that keeps the value's shape, named after the layer. */
ink_keras_value ink_keras_same(const ink_keras_call *call, const char *op, ink_keras_value value,
                               const char *attributes);

/* The layer's next weight, of this shape; NULL after a failure. A size of 0 is any, and filled in. */
const float *ink_keras_weight(ink_keras_call *call, const char *role, uint32_t rank, uint64_t *dim);

/* A tensor of a node, as ink_draft_tensor; NULL after a failure. */
float *ink_keras_tensor(const ink_keras_call *call, const char *node, const char *part, uint32_t rank,
                        const uint64_t *dim);

/* x * scale[c] + offset[c] for each channel c, or for all where `count` is 1. */
ink_keras_value ink_keras_scale(const ink_keras_call *call, ink_keras_value value, uint64_t count, const double *scale,
                                const double *offset);

/* The activation of the layer's config, under `key`. */
ink_keras_value ink_keras_activate(const ink_keras_call *call, ink_keras_value value, const char *key);

/* The layers that have windows: convolutions, pools, padding (keras_windows.c). */
ink_keras_value ink_keras_conv2d(ink_keras_call *call);
ink_keras_value ink_keras_depthwise_conv2d(ink_keras_call *call);
ink_keras_value ink_keras_separable_conv2d(ink_keras_call *call);
ink_keras_value ink_keras_max_pool2d(ink_keras_call *call);
ink_keras_value ink_keras_avg_pool2d(ink_keras_call *call);
ink_keras_value ink_keras_global_max_pool2d(ink_keras_call *call);
ink_keras_value ink_keras_global_avg_pool2d(ink_keras_call *call);
ink_keras_value ink_keras_zero_padding2d(ink_keras_call *call);

#endif
