#include "common/image_file.h"

#include "common/say.h"
#include "common/slurp.h"

#include <stdlib.h>
#include <string.h>

static int wrong_size(const char *name, uint32_t height, uint32_t width,
                      const ink_model_info *model)
{
    return cli_failed("%s: is %ux%u, the model wants %ux%u, white ink on black; 'inkling predict --prepare' makes that "
                      "of any picture of a digit", name, width, height, model->width, model->height);
}

/* Preparing is for digits: of other models nobody knows what their pictures are. */
static bool reads_digits(const ink_model_info *model)
{
    for (uint32_t i = 0; i < model->classes; i++)
        if (model->labels[i][0] != (char)('0' + i) || model->labels[i][1])
            return false;
    return model->classes == 10;
}

static bool must_prepare(const image_set *set, const ink_model_info *model, image_prepare how)
{
    const bool other = set->height != model->height || set->width != model->width;
    return how == IMAGE_PREPARE_ALL || (how == IMAGE_PREPARE_OTHERS && other && reads_digits(model));
}

int image_model_check(const char *path, const ink_model_info *model)
{
    if (model->channels != 1)
        return cli_failed("%s: its input has %u channels; pictures for it are not supported yet, "
                          "only grey ones with 1 channel", path, model->channels);
    return CLI_DONE;
}

/* The set's data points into the file's bytes. */
static int read_idx(bytes file, const ink_model_info *model, image_prepare how, image_set *out)
{
    ink_idx idx;
    ink_error error;
    if (ink_idx_parse(file.data, file.size, out->name, &idx, &error))
        return cli_failed("%s", error.text);
    if (idx.rank != 1 && idx.rank != 3)
        return cli_failed("%s: is an IDX file of rank %u, wanted 3 for pictures or 1 for labels",
                          out->name, idx.rank);
    out->labels = idx.rank == 1;
    out->count = idx.items;
    out->data = idx.data;
    if (out->labels)
        return CLI_DONE;
    out->height = idx.dim[1];
    out->width = idx.dim[2];
    out->channels = 1;
    out->prepare = must_prepare(out, model, how);
    if (!out->prepare && (out->height != model->height || out->width != model->width))
        return cli_failed("%s: its images are %ux%u, the model wants %ux%u", out->name, out->width,
                          out->height, model->width, model->height);
    return CLI_DONE;
}

static bool is_idx(bytes file)
{
    return file.size >= 2 && file.data[0] == 0 && file.data[1] == 0;
}

static int one_begin(const char *name, bytes file, const char *wanted, image_one *out)
{
    *out = (image_one){ .name = name, .bytes = file.data };
    int code = picture_file_open(name, file.data, file.size, wanted, &out->file);
    out->height = out->file.height;
    out->width = out->file.width;
    return code;
}

int image_one_open(const char *path, image_one *out)
{
    bytes file = { 0 };
    int code = slurp(path, &file);
    if (!code)
        code = one_begin(slurp_name(path), file, PICTURE_WANTED, out);
    if (code) {
        free(file.data);
        *out = (image_one){ 0 };
    }
    return code;
}

int image_one_decode(image_one *one, uint8_t *pixels)
{
    picture decoded;
    int code = picture_file_decode(&one->file, 0, PICTURE_BACK_BLACK, &decoded);
    if (!code)
        picture_to_grey(&decoded, pixels);
    picture_close(&decoded);
    return code;
}

void image_one_close(image_one *one)
{
    free(one->bytes);
    *one = (image_one){ 0 };
}

/* What is to be prepared is decoded as 'inkling read' decodes: there, paper is behind what is transparent. */
static int decode_to_prepare(const image_one *one, image_set *out)
{
    picture decoded;
    int code = picture_file_decode(&one->file, INK_READ_PIXELS, PICTURE_BACK_UNLIKE_INK, &decoded);
    out->owned = decoded.pixels;
    out->data = decoded.pixels;
    out->height = decoded.height;
    out->width = decoded.width;
    out->channels = decoded.channels;
    return code;
}

/* The set gets pixels of its own. */
static int read_one(bytes file, const ink_model_info *model, image_prepare how, image_set *out)
{
    image_one one;
    int code = one_begin(out->name, file, "an IDX file or " PICTURE_WANTED, &one);
    if (code)
        return code;
    out->count = 1;
    out->height = one.height;
    out->width = one.width;
    out->prepare = must_prepare(out, model, how);
    if (out->prepare)
        return decode_to_prepare(&one, out);
    if (one.height != model->height || one.width != model->width)
        return wrong_size(out->name, one.height, one.width, model);
    uint8_t *pixels = must_alloc(one.height, one.width);
    out->owned = pixels;
    out->data = pixels;
    out->channels = 1;
    return image_one_decode(&one, pixels);
}

int image_set_of_bytes(const char *name, uint8_t *data, size_t size, const ink_model_info *model, image_prepare how,
                       image_set *out)
{
    const bytes file = { data, size };
    *out = (image_set){ .name = name };
    int code = is_idx(file) ? read_idx(file, model, how, out) : read_one(file, model, how, out);
    if (code)
        image_set_close(out);
    return code;
}

int image_set_read_any(const char *path, const ink_model_info *model, image_prepare how, image_set *out)
{
    bytes file = { 0 };
    *out = (image_set){ 0 };
    int code = slurp(path, &file);
    if (!code)
        code = image_set_of_bytes(slurp_name(path), file.data, file.size, model, how, out);
    if (!code && !out->owned)
        out->owned = file.data;
    else
        free(file.data);
    return code;
}

int image_set_read(const char *path, const ink_model_info *model, image_set *out)
{
    return image_set_read_any(path, model, IMAGE_PREPARE_NONE, out);
}

void image_set_close(image_set *set)
{
    free(set->owned);
    *set = (image_set){ 0 };
}

int image_set_need_pictures(const image_set *set)
{
    if (set->labels)
        return cli_failed("%s: wanted pictures, these look like labels: an IDX file of rank 1",
                          set->name);
    if (set->count == 0)
        return cli_failed("%s: holds no pictures", set->name);
    return CLI_DONE;
}

int image_set_need_labels(const image_set *labels, const image_set *images)
{
    if (!labels->labels)
        return cli_failed("%s: wanted labels, an IDX file of rank 1, these look like pictures", labels->name);
    if (images->count != labels->count)
        return cli_failed("%s: holds %zu label%s, wanted %zu, one for each image of %s", labels->name, labels->count,
                          plural(labels->count), images->count, images->name);
    return CLI_DONE;
}
