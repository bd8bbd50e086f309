/* The pictures in a request's body. */
#ifndef INK_SERVE_BODY_H
#define INK_SERVE_BODY_H

#include "common/image_file.h"
#include "serve/exchange.h"

/* What messages call the body; answers too, in place of a file's name. */
#define BODY_NAME "body"

typedef enum body_kind { BODY_UNKNOWN, BODY_PICTURE, BODY_RAW, BODY_IDX } body_kind;

/* By the Content-Type, which may be NULL. */
body_kind body_kind_of(const char *content_type);
/* The types, for messages. */
extern const char *const body_types;

/* HTTP's status of what is wrong: 0 where nothing is, else it was said (cli_catch). The set borrows the body.
 * For /v1/predict, whose pictures are prepared as `how` says, and for /v1/read, which prepares all itself. */
unsigned body_images(const request *asked, const ink_model_info *model, image_prepare how, image_set *out);
unsigned body_picture(const request *asked, picture *out);

#endif
