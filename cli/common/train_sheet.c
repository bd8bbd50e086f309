/* A sheet of pictures as they are trained on: a row a picture, the first column as it is, the others of the first
 * epochs; what is no picture of its class any more has a white frame. */
#include "common/train_job.h"

#include "common/dataset.h"
#include "common/out_file.h"
#include "common/png_out.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 10, COLUMNS = 12, GAP = 4, WIDE = 1400, PAPER = 96 };

/* Puts a picture, each pixel `zoom` times as large. */
static void put(uint8_t *sheet, size_t sheet_width, const uint8_t *pixels, uint32_t height, uint32_t width,
                uint32_t zoom)
{
    for (uint32_t y = 0; y < height * zoom; y++)
        for (uint32_t x = 0; x < width * zoom; x++)
            sheet[y * sheet_width + x] = pixels[y / zoom * width + x / zoom];
}

/* The n-th picture of a class, or any where the class has no more. */
static size_t pick(const dataset *data, size_t row)
{
    size_t left = row / data->classes;
    for (size_t i = 0; i < data->count; i++)
        if (data->labels[i] == row % data->classes && left-- == 0)
            return i;
    return row % data->count;
}

/* A trainer with these settings; what network it has is of no account. */
static int open_trainer(const dataset *data, const char *settings, ink_trainer **out)
{
    static const char layers[] = "flatten\ndense units=classes\n";
    const ink_network_options network = { .size = sizeof network, .channels = data->channels,
                                          .height = data->height, .width = data->width, .classes = data->classes };
    const ink_trainer_options trainer = { .size = sizeof trainer, .settings = settings };
    const ink_examples all = { data->pixels, data->labels, data->count };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_error error;
    ink_status status = ink_network_open(layers, strlen(layers), &network, &builder, &error);
    if (!status)
        status = ink_builder_init_weights(builder, 1, &error);
    if (!status)
        status = ink_builder_model(builder, NULL, &model, &error);
    if (!status)
        status = ink_trainer_open(model, &all, &trainer, out, &error);
    ink_model_close(&model);
    ink_builder_close(&builder);
    return status ? cli_failed("%s", error.text) : CLI_DONE;
}

int train_sheet(const train_options *options, const char *settings)
{
    dataset data;
    ink_trainer *trainer = NULL;
    int code = dataset_read(options->data, DATASET_TRAIN, &data);
    if (code)
        return code;
    const size_t size = (size_t)data.channels * data.height * data.width;
    const uint32_t fits = WIDE / (COLUMNS * data.width), zoom = fits < 1 ? 1 : fits > 4 ? 4 : fits;
    const uint32_t step_x = data.width * zoom + GAP, step_y = data.height * zoom + GAP;
    const uint32_t width = COLUMNS * step_x + GAP, height = ROWS * step_y + GAP;
    uint8_t *sheet = must_alloc((size_t)width * height, 1), *changed = must_alloc(size, 1);
    text png = { 0 };
    ink_error error;
    memset(sheet, PAPER, (size_t)width * height);
    code = open_trainer(&data, settings, &trainer);
    for (size_t row = 0; row < ROWS && !code; row++)
        for (size_t column = 0; column < COLUMNS && !code; column++) {
            const size_t example = pick(&data, row);
            uint8_t *at = sheet + (GAP + row * step_y) * width + GAP + column * step_x;
            int negative = 0;
            memcpy(changed, data.pixels + example * size, size);
            if (column && ink_trainer_picture(trainer, column - 1, example, changed, &negative, &error))
                code = cli_failed("%s", error.text);
            for (uint32_t y = 0; negative && y < step_y; y++) /* a white frame */
                memset(at - (size_t)(GAP / 2) * (width + 1) + (size_t)y * width, 255, step_x);
            put(at, width, changed, data.height, data.width, zoom);
        }
    if (!code) {
        png_grey(&png, sheet, height, width);
        code = out_file_put(options->sheet, &png);
    }
    ink_trainer_close(&trainer);
    free(sheet);
    free(changed);
    text_free(&png);
    dataset_close(&data);
    return code;
}
