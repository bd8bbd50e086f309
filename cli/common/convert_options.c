#include "common/convert_options.h"

#include "common/json_out.h"

#include "inkling.h"

static const char *layout_choice(size_t index)
{
    return index < 64 ? ink_layout_name((ink_layout)index) : NULL;
}

static const cli_operand operands[] = {
    { "SRC", "the model to read: GGUF, or ggml's .bin", CLI_ONCE },
    { "DST", "the file to write: NAME.gguf or NAME.bin", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "layout", .letter = 'l', .kind = CLI_CHOICE, .value = "LAYOUT",
      .at = offsetof(convert_options, layout), .choice = layout_choice,
      .help = "how the network is laid out in the file; by default 'legacy' for a .bin and "
              "'inkling' for a .gguf" },
    JS_OPTION_ROW(convert_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "from ggml's old format to a file that holds its graph", "inkling convert ggml-model-f32.bin "
                                                               "fc.gguf" },
    { "for today's ggml", "inkling convert --layout ggml fc.gguf fc-ggml.gguf" },
    { NULL, NULL },
};

static const convert_options defaults = { .layout = NULL };

const cli_command convert_command = {
    .name = "convert",
    .summary = "write a model in another file format or layout",
    .description =
        "Reads a model, writes it as a file of another format or layout, and checks that the copy "
        "computes the same: both read the same 64 made-up pictures, and the largest difference "
        "between their probabilities is told. If it is more than rounding, nothing is written.\n"
        "Layouts: 'inkling' holds the graph itself and takes every network; 'ggml' is what today's "
        "ggml MNIST example reads, 'ggml-2023' what that of 2023 reads (its convolutions are "
        "rounded to 16-bit floats); 'legacy' is the .bin of its fully connected network.\n"
        "A file that is there is replaced at once and whole, or left as it was.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .helper = "inkling-convert",
};
