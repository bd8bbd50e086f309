/* A sheet of pictures as augmentation changes them: a row a picture, the first column as it is. */
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

int train_sheet(const train_options *options, const char *settings)
{
    dataset data;
    int code = dataset_read(options->data, DATASET_TRAIN, &data);
    if (code)
        return code;
    const size_t size = (size_t)data.height * data.width;
    const uint32_t fits = WIDE / (COLUMNS * data.width), zoom = fits < 1 ? 1 : fits > 4 ? 4 : fits;
    const uint32_t step_x = data.width * zoom + GAP, step_y = data.height * zoom + GAP;
    const uint32_t width = COLUMNS * step_x + GAP, height = ROWS * step_y + GAP;
    uint8_t *sheet = must_alloc((size_t)width * height, 1), *changed = must_alloc(size, 1);
    text png = { 0 };
    ink_error error;
    memset(sheet, PAPER, (size_t)width * height);
    for (size_t row = 0; row < ROWS && !code; row++)
        for (size_t column = 0; column < COLUMNS && !code; column++) {
            const uint8_t *from = data.pixels + pick(&data, row) * size;
            const uint64_t seed = (options->seed == UINT64_MAX ? 1 : options->seed) + row * COLUMNS + column;
            memcpy(changed, from, size);
            if (column && ink_augment_picture(settings, seed, 1, data.height, data.width, from, changed, &error))
                code = cli_failed("%s", error.text);
            put(sheet + (GAP + row * step_y) * width + GAP + column * step_x, width, changed, data.height,
                data.width, zoom);
        }
    if (!code) {
        png_grey(&png, sheet, height, width);
        code = out_file_put(options->sheet, &png);
    }
    free(sheet);
    free(changed);
    text_free(&png);
    dataset_close(&data);
    return code;
}
