/* Keras' files: `.keras`, a zip archive of config.json and model.weights.h5; `.h5`, a whole model or weights alone; and
 * the folders of TensorFlow's SavedModel, which are told but not read.
 * https://keras.io/guides/serialization_and_saving/ */
#ifndef INK_KERAS_FILE_H
#define INK_KERAS_FILE_H

#include "import/draft.h"

/* Is it a zip archive with Keras' members? */
bool ink_keras_is_archive(const uint8_t *data, size_t size);
/* Is it the saved_model.pb of a SavedModel? */
bool ink_keras_is_saved_model(const uint8_t *data, size_t size);

/* A `.keras` file's model to the draft, which is begun.
 * Errors: those of ink_zip_open, ink_hdf5_open and ink_keras_draft; INK_ERR_MISSING without its members. */
ink_status ink_keras_read_archive(const uint8_t *data, size_t size, ink_draft *draft, ink_error *error);

/* A `.h5` file's model to the draft, which is begun here; or, where it has no graph, its weights in PyTorch's order and
 * under PyTorch's names, as ink_chain_read takes them. A flatten before dense layers has channels last.
 * Errors: those of ink_hdf5_open and ink_keras_draft; INK_ERR_MISSING where there is neither. */
ink_status ink_keras_read_h5(const uint8_t *data, size_t size, ink_arena *arena, ink_draft *draft, ink_weight **weights,
                             size_t *count, ink_error *error);

#endif
