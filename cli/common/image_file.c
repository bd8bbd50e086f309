#include "common/image_file.h"

#include "common/say.h"
#include "common/slurp.h"

#include <stdlib.h>
#include <string.h>

static int wrong_size(const char *name, uint32_t height, uint32_t width,
                      const ink_model_info *model)
{
    return cli_failed("%s: is %ux%u, the model wants %ux%u; preparing other pictures is not "
                      "supported yet (draw or scale it to %ux%u, white ink on black)",
                      name, width, height, model->width, model->height, model->width,
                      model->height);
}

int image_model_check(const char *path, const ink_model_info *model)
{
    if (model->channels != 1)
        return cli_failed("%s: its input has %u channels; pictures for it are not supported yet, "
                          "only grey ones with 1 channel", path, model->channels);
    return CLI_DONE;
}

static int read_png(bytes file, const ink_model_info *model, image_set *out)
{
    int code = image_png_size(out->name, file.data, file.size, &out->height, &out->width);
    if (!code && (out->height != model->height || out->width != model->width))
        code = wrong_size(out->name, out->height, out->width, model);
    if (code)
        return code;
    uint8_t *pixels = must_alloc(out->height, out->width);
    out->owned = pixels;
    out->data = pixels;
    out->count = 1;
    return image_png_decode(out->name, file.data, file.size, pixels);
}

static int read_pgm(bytes file, const ink_model_info *model, image_set *out)
{
    pgm header;
    int code = image_pgm_open(out->name, file.data, file.size, &header);
    if (!code && (header.height != model->height || header.width != model->width))
        code = wrong_size(out->name, header.height, header.width, model);
    if (code)
        return code;
    uint8_t *pixels = must_alloc(header.height, header.width);
    out->owned = pixels;
    out->data = pixels;
    out->count = 1;
    out->height = header.height;
    out->width = header.width;
    return image_pgm_decode(&header, pixels);
}

/* The set keeps the file's bytes, which its data points into. */
static int read_idx(bytes file, const ink_model_info *model, image_set *out)
{
    ink_idx idx;
    ink_error error;
    out->owned = file.data;
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
    if (out->height != model->height || out->width != model->width)
        return cli_failed("%s: its images are %ux%u, the model wants %ux%u", out->name, out->width,
                          out->height, model->width, model->height);
    return CLI_DONE;
}

/* What people hand over by mistake, by its first bytes. */
static int unknown_format(const char *name, bytes file)
{
    static const struct {
        const char *start, *what;
    } known[] = {
        { "GGUF", "a GGUF model" },
        { "lmgg", "a ggml .bin model" },
        { "\xff\xd8\xff", "a JPEG picture" },
        { "GIF8", "a GIF picture" },
        { "RIFF", "a WebP picture or other RIFF file" },
        { "BM", "a BMP picture" },
        { "<svg", "an SVG drawing" },
        { "<?xml", "an XML file, perhaps an SVG drawing" },
        { "P1", "a PBM picture" },
        { "P3", "a PPM picture" },
        { "P4", "a PBM picture" },
        { "P6", "a PPM picture" },
        { "P7", "a PAM picture" },
        { "PK\x03\x04", "a zip archive" },
        { "\x1f\x8b", "gzip inside gzip" },
    };
    if (file.size == 0)
        return cli_failed("%s: is empty, wanted an IDX file, a PNG or a PGM", name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].start);
        if (file.size >= length && memcmp(file.data, known[i].start, length) == 0)
            return cli_failed("%s: is %s, wanted an IDX file, a PNG or a PGM", name, known[i].what);
    }
    return cli_failed("%s: is of no known format, wanted an IDX file, a PNG or a PGM", name);
}

int image_set_read(const char *path, const ink_model_info *model, image_set *out)
{
    *out = (image_set){ .name = slurp_name(path) };
    bytes file = { 0 };
    int code = slurp(path, &file);
    if (code)
        return code;
    const uint8_t *data = file.data;
    if (file.size >= 4 && memcmp(data, "\x89PNG", 4) == 0)
        code = read_png(file, model, out);
    else if (file.size >= 2 && data[0] == 'P' && (data[1] == '2' || data[1] == '5'))
        code = read_pgm(file, model, out);
    else if (file.size >= 2 && data[0] == 0 && data[1] == 0)
        code = read_idx(file, model, out);
    else
        code = unknown_format(out->name, file);
    if (out->owned != file.data)
        free(file.data);
    if (code)
        image_set_close(out);
    return code;
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
