/* inkling train: from labelled pictures to a model file. */
#include "commands.h"

#include "common/json_out.h"
#include "common/run.h"
#include "common/train_job.h"

#include <stddef.h>
#include <string.h>

static const char *optimizer_choice(size_t i)
{
    static const char *const names[] = { "adamw", "adam", "sgd", NULL };
    return names[i];
}

static const char *schedule_choice(size_t i)
{
    static const char *const names[] = { "constant", "step", "cosine", "one-cycle", NULL };
    return names[i];
}

static const char *best_choice(size_t i)
{
    static const char *const names[] = { "accuracy", "loss", NULL };
    return names[i];
}

static const char *augment_choice(size_t i)
{
    static const char *const names[] = { "none", "light", "strong", NULL };
    return names[i];
}

static const cli_operand operands[] = { { NULL, NULL, CLI_ONCE } };

#define OPTION(n, l, k, v, field, h)                                                               \
    { .name = n, .letter = l, .kind = k, .value = v, .at = offsetof(train_options, field), .help = h }
/* A setting of the trainer, which checks it itself. */
#define SETTING(i, n, v, h)                                                                        \
    { .name = n, .kind = CLI_WORD, .value = v, .at = offsetof(train_options, setting[i]), .help = h }
#define SETTING_OF(i, n, v, choices, h)                                                            \
    { .name = n, .kind = CLI_CHOICE, .value = v, .at = offsetof(train_options, setting[i]),        \
      .help = h, .choice = choices }

static const cli_option options[] = {
    OPTION("data", 'd', CLI_FILE, "DIR", data,
           "the pictures: a folder with MNIST's files, or with a folder of PNGs for each class"),
    OPTION("output", 'o', CLI_FILE, "MODEL", output, "write the trained model here"),
    OPTION("arch", 'a', CLI_FILE, "NAME", arch,
           "the network: fc, cnn, small, digits, or a text file of layers (docs/networks.md)"),
    { .name = "recipe", .letter = 'r', .kind = CLI_CHOICE, .value = "NAME", .choice = recipe_name,
      .at = offsetof(train_options, recipe), .help = "a network and settings that go well together" },
    OPTION("resume", 0, CLI_FILE, "CHECKPOINT", resume, "go on where a run was stopped, bit for bit"),
    { .name = "threads", .letter = 't', .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 256,
      .at = offsetof(train_options, threads),
      .help = "share the work out among N threads (default: the processors, at most 8); no result depends on it" },
    { .name = "seed", .kind = CLI_NUMBER, .value = "N", .least = 0, .most = 9007199254740991,
      .at = offsetof(train_options, seed), .help = "of all that is random (default 1)" },
    SETTING(0, "epochs", "N", "passes over the pictures (default 10)"),
    SETTING(1, "batch", "N", "pictures of a step (default 128)"),
    SETTING_OF(2, "optimizer", "NAME", optimizer_choice, "adamw unless said"),
    SETTING(3, "rate", "R", "learning rate (default 0.001)"),
    SETTING(4, "momentum", "M", "of sgd; beta 1 of the others (default 0.9)"),
    SETTING(5, "beta2", "B", "of adam and adamw (default 0.999)"),
    SETTING(6, "epsilon", "E", "of adam and adamw (default 1e-8)"),
    SETTING(7, "decay", "D", "weight decay (default 0)"),
    SETTING(8, "clip", "C", "bring the gradient's norm down to C (default 0: do not)"),
    SETTING_OF(9, "schedule", "NAME", schedule_choice, "of the learning rate: constant unless said"),
    SETTING(10, "warm-up", "S", "share of the run in which the rate first rises (default 0)"),
    SETTING(11, "step-every", "S", "of step: share of the run between steps (default 0.3)"),
    SETTING(12, "step-factor", "F", "of step: factor of the rate at each (default 0.1)"),
    SETTING(13, "last", "F", "of cosine: the last rate, as a share of the first (default 0)"),
    SETTING(14, "rise", "S", "of one-cycle: share of the run in which the rate rises (default 0.3)"),
    SETTING(15, "smoothing", "S", "label smoothing (default 0)"),
    SETTING(16, "average", "A", "average the weights over steps, keeping the share A at each (default 0: do not)"),
    SETTING(17, "statistics", "S", "how fast batch norms' running statistics move (default 0.1)"),
    SETTING_OF(18, "augment", "HOW", augment_choice, "change the pictures as another hand might have drawn them"),
    SETTING(19, "shift", "P", "augment: pixels each way"),
    SETTING(20, "rotation", "DEG", "augment: degrees each way"),
    SETTING(21, "scale", "S", "augment: 0.1 is sizes from 1/1.1 to 1.1"),
    SETTING(22, "shear", "S", "augment: pixels sideways for each pixel down"),
    SETTING(38, "stretch", "S", "augment: 0.1 is widths from 1/1.1 to 1.1 of what they were to the height"),
    SETTING(23, "elastic", "P", "augment: pixels, bends on a coarse grid"),
    SETTING(24, "thickness", "P", "augment: pixels that strokes grow or thin"),
    SETTING(37, "unchanged", "C", "augment: chance that a picture stays as it is"),
    SETTING(36, "outline", "C", "augment: chance of hollow strokes"),
    SETTING(28, "fit", "C", "augment: chance to be scaled and centred as MNIST's pictures are"),
    SETTING(25, "erase", "C", "augment: chance of a rectangle without ink"),
    SETTING(29, "lines", "C", "augment: chance of a line or two"),
    SETTING(30, "coarse", "F", "augment: 1 is a grid up to twice as coarse"),
    SETTING(31, "blur", "P", "augment: pixels, the sigma of a blur"),
    SETTING(32, "contrast", "S", "augment: paler ink, darker paper, and a gamma"),
    SETTING(33, "noise", "S", "augment: deviation of noise, as a share of black"),
    SETTING(40, "parted", "C", "augment: chance to be as cut out of a number whose digits touch"),
    SETTING(34, "negatives", "S", "share of pictures replaced by what is no digit, to be unsure of (default 0)"),
    SETTING(35, "calibrate", "F", "divide the logits so that probabilities are right on validation pictures, "
            "augmented F times as much as those trained on (default 0: do not)"),
    SETTING(26, "validation", "N", "pictures set aside to choose the best epoch: a number, or a share below 1 "
                                   "(default 0.1)"),
    SETTING_OF(39, "best", "WHAT", best_choice, "of the validation pictures that tells the best epoch: accuracy unless said"),
    SETTING(27, "patience", "N", "stop when N epochs brought nothing better (default 0: do not)"),
    OPTION("test", 0, CLI_FLAG, NULL, test, "at the end, measure the folder's test pictures too, once"),
    OPTION("checkpoint", 0, CLI_FILE, "FILE", checkpoint,
           "where the run is saved after each epoch, and kept (default: beside MODEL, removed at the end)"),
    OPTION("log", 0, CLI_FILE, "FILE", log, "the log, a line of JSON an epoch (default: beside MODEL, .log.jsonl)"),
    OPTION("report", 0, CLI_FILE, "FILE", report,
           "the page about the training (default: beside MODEL, .html)"),
    OPTION("no-files", 0, CLI_FLAG, NULL, no_files, "write the model alone: no checkpoint, log and report"),
    OPTION("force", 0, CLI_FLAG, NULL, force, "replace the checkpoint of another run"),
    OPTION("show-augmented", 0, CLI_FILE, "FILE.png", sheet,
           "draw pictures as they are trained on: augmented, or framed for those that are replaced; train nothing"),
    RUN_CPU_ROW(train_options),
    JS_OPTION_ROW(train_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "the network of the document, on MNIST", "inkling train --arch cnn --data mnist -o cnn.gguf" },
    { "as the model here was made", "inkling train --recipe cnn --data mnist -o cnn.gguf --test" },
    { "your own network, for half an hour of epochs at most",
      "inkling train --arch net.txt --data letters -o letters.gguf --epochs 100 --patience 10" },
    { "go on after Ctrl-C", "inkling train --resume cnn.checkpoint.gguf --data mnist -o cnn.gguf" },
    { "look at what the augmentation does",
      "inkling train --data mnist --augment strong --show-augmented sheet.png" },
    { NULL, NULL },
};

static const train_options defaults = { .run = { .cpu = "best" }, .seed = UINT64_MAX };

/* The settings that were given, as the trainer reads them. */
static void add_settings(const train_options *given, text *to)
{
    for (const cli_option *row = options; row->name; row++) {
        const char *value;
        if (row->at < offsetof(train_options, setting) ||
            row->at >= offsetof(train_options, setting) + sizeof given->setting)
            continue;
        memcpy(&value, (const char *)given + row->at, sizeof value);
        /* Without blanks, so that one option cannot be two settings. */
        if (value && strcspn(value, " \t\n\r\v\f") == strlen(value))
            text_printf(to, " %s=%s", row->name, value);
        else if (value)
            text_printf(to, " %s=?", row->name);
    }
    if (given->seed != UINT64_MAX)
        text_printf(to, " seed=%llu", (unsigned long long)given->seed);
}

static int run(const void *values, char *const *operand, size_t count)
{
    const train_options *given = values;
    text settings = { 0 };
    (void)operand;
    (void)count;
    if (js_refused(given->json))
        return CLI_FAILED;
    add_settings(given, &settings);
    const int code = train_run(given, text_string(&settings));
    text_free(&settings);
    return code;
}

const cli_command train_command = {
    .name = "train",
    .summary = "train a network on labelled pictures",
    .description =
        "Trains a network on the pictures of a folder, and writes a model file that all other commands "
        "read. Part of the pictures is set aside; the model is the epoch that read those best.\n"
        "After each epoch, and after Ctrl-C, a checkpoint is saved, from which --resume goes on as if "
        "nothing had happened. The same seed gives the same model for any number of threads.\n"
        "Beside the model go a log in JSON lines and a page with curves, what was taken for what, and "
        "the worst misreads.",
    .operands = operands, .options = options, .examples = examples,
    .defaults = &defaults, .options_size = sizeof defaults, .run = run,
};
