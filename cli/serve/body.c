#include "serve/body.h"

#include "common/say.h"
#include "serve/api.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *type;
    body_kind kind;
} kinds[] = {
    { "image/png", BODY_PICTURE },
    { "image/jpeg", BODY_PICTURE },
    { "application/octet-stream", BODY_RAW },
    { "application/x-idx", BODY_IDX },
};
const char *const body_types = "image/png, image/jpeg, application/octet-stream or application/x-idx";

body_kind body_kind_of(const char *content_type)
{
    const size_t length = content_type ? strcspn(content_type, "; \t") : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (length == strlen(kinds[i].type) && strncasecmp(content_type, kinds[i].type, length) == 0)
            return kinds[i].kind;
    return BODY_UNKNOWN;
}

/* Of `count` pictures together. */
static unsigned check_size(uint64_t count, uint64_t width, uint64_t height)
{
    if (width < 1 || height < 1 || width > PICTURE_SIDE || height > PICTURE_SIDE) {
        cli_failed(BODY_NAME ": its pictures are %" PRIu64 "x%" PRIu64 ", wanted 1x1 to %dx%d", width, height,
                   PICTURE_SIDE, PICTURE_SIDE);
        return 400;
    }
    if (count > API_IMAGES) {
        cli_failed(BODY_NAME ": holds %" PRIu64 " pictures, more than the limit of %d", count, API_IMAGES);
        return 413;
    }
    if (count * width * height > API_PIXELS) {
        cli_failed(BODY_NAME ": is %" PRIu64 "x%" PRIu64 ", more than the limit of %d pixels", width, height,
                   API_PIXELS);
        return 413;
    }
    return 0;
}

/* The header alone, so that a picture that is too large is refused before anything of its size is made. */
static unsigned open_picture(const request *asked, picture_file *file)
{
    if (picture_file_open(BODY_NAME, asked->body, asked->body_size, "a PNG or JPEG", file))
        return 400;
    if (file->width < 1 || file->height < 1)
        return 0; /* the decoder says so */
    return check_size(1, file->width, file->height);
}

static unsigned raw_images(const request *asked, const ink_model_info *model, image_prepare how, image_set *out)
{
    const size_t size = (size_t)model->channels * model->height * model->width;
    if (asked->body_size == 0 || asked->body_size % size) {
        cli_failed(BODY_NAME ": is %zu bytes, wanted %zu for each picture, %ux%ux%u", asked->body_size, size,
                   model->channels, model->height, model->width);
        return 400;
    }
    *out = (image_set){ .name = BODY_NAME, .prepare = how == IMAGE_PREPARE_ALL, .count = asked->body_size / size,
                        .height = model->height, .width = model->width, .channels = model->channels,
                        .data = asked->body };
    return check_size(out->count, model->width, model->height);
}

static unsigned idx_images(const request *asked, const ink_model_info *model, image_prepare how, image_set *out)
{
    if (asked->body_size < 2 || asked->body[0] || asked->body[1]) {
        cli_failed(BODY_NAME ": is no IDX file");
        return 400;
    }
    if (image_set_of_bytes(BODY_NAME, asked->body, asked->body_size, model, how, out) || image_set_need_pictures(out))
        return 400;
    return check_size(out->count, out->width, out->height);
}

unsigned body_images(const request *asked, const ink_model_info *model, image_prepare how, image_set *out)
{
    const body_kind kind = body_kind_of(asked->content_type);
    picture_file file;
    *out = (image_set){ 0 };
    if ((kind != BODY_RAW || how == IMAGE_PREPARE_ALL) && image_model_check("the model", model))
        return 400;
    if (kind == BODY_RAW)
        return raw_images(asked, model, how, out);
    if (kind == BODY_IDX)
        return idx_images(asked, model, how, out);
    const unsigned status = open_picture(asked, &file);
    if (status)
        return status;
    return image_set_of_bytes(BODY_NAME, asked->body, asked->body_size, model, how, out) ? 400 : 0;
}

unsigned body_picture(const request *asked, picture *out)
{
    picture_file file;
    *out = (picture){ 0 };
    const unsigned status = open_picture(asked, &file);
    if (status)
        return status;
    return picture_file_decode(&file, INK_READ_PIXELS, PICTURE_BACK_UNLIKE_INK, out) ? 400 : 0;
}
