#include "common/help.h"

#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 26 };

const char *const help_about =
    "inkling runs small image classifiers, above all readers of handwritten digits. A model is one "
    "file: GGUF, or the .bin of ggml's MNIST example.";

const help_row help_exit_codes[] = {
    { "0", "done" },
    { "1", "failed: one line on standard error says why; nothing was printed and no file was "
           "written" },
    { "2", "wrong usage" },
    { NULL, NULL },
};

const help_row help_variables[] = {
    { "INKLING_LIBEXEC", "folder of the helper programs, instead of ../libexec/inkling beside the "
                         "program" },
    { "INKLING_MODEL", "the model that 'inkling read' uses where no --model is given" },
    { "INKLING_SAMPLES", "folder of the sample images that 'inkling bench' uses" },
    { "NO_COLOR", "if set and not empty: no colours" },
    { "COLORTERM", "truecolor or 24bit: the terminal can show pictures" },
    { NULL, NULL },
};

void help_synopsis(text *to, const cli_command *command)
{
    text_add(to, "[OPTION]...");
    for (const cli_operand *operand = command->operands; operand->name; operand++)
        text_printf(to, operand->times == CLI_MANY ? " %s..." :
                        operand->times == CLI_MAYBE ? " [%s]" : " %s", operand->name);
}

void help_of_option(text *to, const cli_option *option)
{
    text_add(to, option->help);
    if (option->kind != CLI_CHOICE)
        return;
    text_printf(to, "; %s is ", option->value);
    for (size_t i = 0; option->choice(i); i++)
        text_printf(to, "%s%s", i == 0 ? "" : option->choice(i + 1) ? ", " : " or ",
                    option->choice(i));
}

/* One row of two columns; a left side that is too wide gets a line for itself. */
static void add_row(text *to, size_t start, size_t column, const char *right)
{
    size_t used = to->size - start;
    if (used + 2 > column) {
        text_add(to, "\n");
        used = 0;
    }
    text_repeat(to, " ", column - used);
    text_wrapped(to, right, column, WIDTH);
}

static void add_option(text *to, const cli_option *option)
{
    size_t start = to->size;
    text_printf(to, option->letter ? "  -%c, " : "      ", option->letter);
    text_printf(to, "--%s", option->name);
    if (option->value)
        text_printf(to, " %s", option->value);
    text help = { 0 };
    help_of_option(&help, option);
    add_row(to, start, OPTION_COLUMN, text_string(&help));
    text_free(&help);
}

/* Paragraphs are separated by newlines. */
static void add_paragraphs(text *to, const char *paragraphs)
{
    while (*paragraphs) {
        size_t length = strcspn(paragraphs, "\n");
        text one = { 0 };
        text_bytes(&one, paragraphs, length);
        text_add(to, "\n");
        text_wrapped(to, one.data, 0, WIDTH);
        text_free(&one);
        paragraphs += length + (paragraphs[length] == '\n');
    }
}

static void add_operands(text *to, const cli_operand *operands)
{
    if (operands->name)
        text_add(to, "\n");
    for (; operands->name; operands++) {
        size_t start = to->size;
        text_printf(to, "  %s", operands->name);
        add_row(to, start, OPTION_COLUMN, operands->help);
    }
}

void help_command(text *to, const cli_command *command)
{
    text_printf(to, "usage: %s%s%s ", cli_program(), *command->name ? " " : "", command->name);
    help_synopsis(to, command);
    text_add(to, "\n");
    add_paragraphs(to, command->description);
    add_operands(to, command->operands);
    text_add(to, "\noptions:\n");
    for (const cli_option *option = command->options; option->name; option++)
        add_option(to, option);
    add_option(to, &cli_help_option);
    if (command->examples->line)
        text_add(to, "\nexamples:\n");
    for (const cli_example *example = command->examples; example->line; example++)
        text_printf(to, "  # %s\n  %s\n", example->why, example->line);
}

void help_overview(text *to, const cli_command *const *commands)
{
    text_add(to, "usage: inkling COMMAND [OPTION]... [ARGUMENT]...\n");
    add_paragraphs(to, help_about);
    text_add(to, "\ncommands:\n");
    for (size_t i = 0; commands[i]; i++) {
        size_t start = to->size;
        text_printf(to, "  %s", commands[i]->name);
        add_row(to, start, 12, commands[i]->summary);
    }
    text_add(to, "\n  -h, --help      show this help; 'inkling COMMAND --help' tells more\n"
                 "  -V, --version   show the version\n"
                 "\nexamples:\n"
                 "  inkling predict models/cnn.gguf samples/digit-3.png\n"
                 "  inkling eval models/cnn.gguf t10k-images-idx3-ubyte.gz "
                 "t10k-labels-idx1-ubyte.gz\n"
                 "  inkling bench models/cnn.gguf\n");
    text_add(to, "\nexit codes: 0 done, 1 failed, 2 wrong usage\n");
}
