/* TensorFlow.js' layers-models: model.json, with a Keras model and a list of weights that lie in files beside it.
 * https://www.tensorflow.org/js/guide/save_load */
#ifndef INK_TFJS_H
#define INK_TFJS_H

#include "import/companion.h"
#include "import/draft.h"

/* Does it begin as such a file does? */
bool ink_tfjs_is(const uint8_t *data, size_t size);

/* The model to the draft, which is begun. Files that are not there are noted as wanted, see ink_companion_find.
 * Errors: INK_ERR_OPEN for these, or in a build without jansson; INK_ERR_OP for a graph-model or quantized weights;
 * INK_ERR_FORMAT, INK_ERR_TYPE, INK_ERR_TRUNCATED, INK_ERR_LIMIT, INK_ERR_MEMORY; those of ink_keras_draft. */
ink_status ink_tfjs_read(const uint8_t *data, size_t size, const ink_companions *companions, ink_draft *draft,
                         ink_error *error);

#endif
