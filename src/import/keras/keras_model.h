/* A Keras model as JSON, and where its weights are, to a draft. `.keras`, `.h5` and TensorFlow.js' model.json hold the
 * same JSON and differ in their weights. https://keras.io/api/models/model_saving_apis/ tells of the files; what a
 * layer computes, and what its settings mean, https://keras.io/api/layers/. */
#ifndef INK_KERAS_MODEL_H
#define INK_KERAS_MODEL_H

#include "import/draft.h"

/* Where a layer stands. */
typedef struct ink_keras_place {
    const char *name;  /* the layer's, unique in its model */
    const char *outer; /* that of the layer of the whole model that it is in, or its own */
    const char *path;  /* by classes, as in Keras 3's files: "layers/sequential/layers/conv2d_1" */
} ink_keras_place;

/* A file's weights. */
typedef struct ink_keras_weights {
    void *context;
    bool flipped; /* kernels are those of a convolution, as Theano computed it, and not of a correlation */
    /* The `index`-th weight of a layer, which Keras calls `role`; out->data is NULL if there is none.
     * Errors: those of the file. */
    ink_status (*find)(void *context, const ink_keras_place *place, size_t index, const char *role, ink_weight *out,
                       ink_error *error);
    /* Is there a folder of this path? NULL where there are none. */
    bool (*has)(void *context, const char *path);
} ink_keras_weights;

/* At most: layers of one model, models within models, layers in all with those that are used more than once, and
 * numbers in all weights, each use counted. */
enum {
    INK_KERAS_LAYERS = 1024, INK_KERAS_DEPTH = 8, INK_KERAS_CALLS = 4096, INK_KERAS_INPUTS = 64,
    INK_KERAS_MOST_JSON = 16 << 20,
};
#define INK_KERAS_MOST_FLOATS (UINT64_C(1) << 28)

/* Fills the draft from `text`, the model's config ("class_name", "config"). Within the JSON's object it stands under
 * the keys of `where`, separated by slashes; NULL: it is the whole.
 * Errors: INK_ERR_FORMAT, INK_ERR_SHAPE, INK_ERR_MISSING, INK_ERR_LIMIT, INK_ERR_MEMORY, those of finding weights and
 * of ink_draft_finish; INK_ERR_OPEN in a build without jansson. */
ink_status ink_keras_draft(const char *text, size_t size, const char *where, const ink_keras_weights *weights,
                           ink_draft *draft, ink_error *error);

#endif
