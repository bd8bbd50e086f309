#include "common/convert_options.h"

#include "common/json_out.h"

#include "inkling.h"

#include <math.h>

static const char *layout_choice(size_t index)
{
    return index < 64 ? ink_layout_name((ink_layout)index) : NULL;
}

/* What is written when it is asked for; a quantised type only as SRC has it. */
static const char *type_choice(size_t index)
{
    static const ink_type types[] = { INK_F32, INK_F16 };
    return index < sizeof types / sizeof *types ? ink_type_name(types[index]) : NULL;
}

static const cli_operand operands[] = {
    { "SRC", "the model to read: of Keras, PyTorch, ONNX, safetensors, TensorFlow.js, TensorFlow Lite; GGUF, or "
             "ggml's .bin", CLI_ONCE },
    { "DST", "the file to write: NAME.gguf, NAME.bin, NAME.onnx or NAME.safetensors", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "layout", .letter = 'l', .kind = CLI_CHOICE, .value = "LAYOUT",
      .at = offsetof(convert_options, layout), .choice = layout_choice,
      .help = "how the network is laid out in the file; by default 'legacy' for a .bin and "
              "'inkling' for a .gguf" },
    { .name = "type", .kind = CLI_CHOICE, .value = "TYPE", .at = offsetof(convert_options, type),
      .choice = type_choice,
      .help = "how weights are stored, in the layout inkling of a .gguf; by default as they are in SRC" },
    { .name = "graph", .letter = 'g', .kind = CLI_FILE, .value = "FILE", .at = offsetof(convert_options, graph),
      .help = "the network as text, for a file that holds weights alone; see docs/networks.md" },
    { .name = "input-scale", .kind = CLI_REAL, .value = "F", .low = -1e6, .high = 1e6,
      .at = offsetof(convert_options, scale),
      .help = "the model takes pixel * F, whatever SRC or the sample digits say; 1/255 may be written so" },
    { .name = "input-offset", .kind = CLI_REAL, .value = "F", .low = -1e6, .high = 1e6,
      .at = offsetof(convert_options, offset),
      .help = "with --input-scale: it takes pixel * scale + F (default 0)" },
    { .name = "verify", .kind = CLI_FILE, .value = "IMAGES", .at = offsetof(convert_options, verify),
      .help = "an IDX file of images to run the result on; without --reference its answers are compared with "
              "those of SRC as it was read" },
    { .name = "labels", .kind = CLI_FILE, .value = "FILE", .at = offsetof(convert_options, labels),
      .help = "the IDX file of their labels: tells the accuracy too" },
    { .name = "reference", .kind = CLI_FILE, .value = "FILE.npy", .at = offsetof(convert_options, reference),
      .help = "what the model gives for these images where it comes from, an array of images and classes" },
    { .name = "tolerance", .kind = CLI_REAL, .value = "T", .low = 0, .high = 1,
      .at = offsetof(convert_options, tolerance),
      .help = "how far a probability may be from the reference's (default 1e-4)" },
    JS_OPTION_ROW(convert_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "a model of Keras", "inkling convert model.keras model.gguf" },
    { "with proof that it gives the same numbers",
      "inkling convert model.pt model.gguf --verify IMAGES --reference outputs.npy" },
    { "weights without a network, which this file tells", "inkling convert --graph net.txt weights.pt model.gguf" },
    { "a model that was trained on black digits on white paper",
      "inkling convert --input-scale -1/255 --input-offset 1 model.onnx model.gguf" },
    { "a model for everywhere else", "inkling convert models/cnn.gguf cnn.onnx" },
    { "from ggml's old format to a file that holds its graph", "inkling convert ggml-model-f32.bin "
                                                               "fc.gguf" },
    { "for today's ggml", "inkling convert --layout ggml fc.gguf fc-ggml.gguf" },
    { NULL, NULL },
};

static const convert_options defaults = { .scale = NAN, .offset = NAN, .tolerance = 1e-4 };

const cli_command convert_command = {
    .name = "convert",
    .summary = "make a model file of another framework's, or in another layout",
    .description =
        "Reads a model, writes it as a file of another format (by the suffix of DST) or layout, and checks that the "
        "copy computes the same: both read the same 64 made-up pictures, and the largest difference "
        "between their probabilities is told. If it is more than rounding, nothing is written.\n"
        "Nothing that is in a file is run: files of other frameworks are read in a process of its own, with limits "
        "on memory and time. What is not supported is named, all of it.\n"
        "A file that holds weights and no network (a state_dict, safetensors) is recognised when it is one of the "
        "usual shapes and reads sample digits; else --graph tells the network, and the error prints a draft of that "
        "file. What becomes of a pixel stands in few files: of the usual ways the one is taken by which the network "
        "reads sample digits best, unless --input-scale tells it.\n"
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
