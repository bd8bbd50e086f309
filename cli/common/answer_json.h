/* Answers as JSON: the same ones of 'inkling read', 'predict' and 'inspect', and of the server. */
#ifndef INK_CLI_ANSWER_JSON_H
#define INK_CLI_ANSWER_JSON_H

#include "common/json_out.h"
#include "common/picture_file.h"
#include "common/preparing.h"

#include "inkling.h"

/* Puts what there is to tell about a model: name, architecture, format, layout, input, classes, labels, parameters,
 * multiply_adds, file_bytes, packed_bytes, image_bytes, cpu. */
void json_put_model(json_t *document, const ink_model_info *model);

/* Of one picture that ink_read read: file, text and digits, whose boxes are told in the file's own pixels. */
json_t *json_of_reading(const char *file, const ink_model_info *model, const picture *shown,
                        const ink_reading *reading);

/* Of one picture of one digit; `answer` is [classes], `state` what became of it when it was prepared, NULL where it was
 * not. Of a picture on which nothing is written the digit is null, and each class as likely as the others. */
json_t *json_of_prediction(const char *file, size_t index, const ink_model_info *model, const float *answer,
                           const preparing_state *state);

#endif
