/* inkling help: help, manual pages and completion scripts. */
#include "commands.h"

#include "common/help.h"

#include <string.h>

typedef struct help_options {
    bool man;
    const char *completion;
} help_options;

static const cli_operand operands[] = {
    { "COMMAND", "the command to tell about; without one, all of them", CLI_MAYBE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "man", .kind = CLI_FLAG, .at = offsetof(help_options, man),
      .help = "print the manual page, for man -l -" },
    { .name = "completion", .kind = CLI_CHOICE, .value = "SHELL",
      .at = offsetof(help_options, completion), .choice = completion_shell,
      .help = "print the completion script of a shell" },
    { .name = NULL },
};

static const cli_example examples[] = {
    { "complete commands and options in this shell", "eval \"$(inkling help --completion bash)\"" },
    { "read the manual page", "inkling help --man predict | man -l -" },
    { NULL, NULL },
};

static const help_options defaults = { .man = false };

static int run(const void *given, char *const *operand, size_t count)
{
    const help_options *how = given;
    const cli_command *command = NULL;
    cli_guess guess = cli_guess_begin(count ? operand[0] : "");
    for (size_t i = 0; count && cli_commands[i]; i++) {
        cli_guess_try(&guess, cli_commands[i]->name);
        if (strcmp(cli_commands[i]->name, operand[0]) == 0)
            command = cli_commands[i];
    }
    if (count && !command)
        return guess.nearest
             ? cli_misused("unknown command '%s', did you mean '%s'?", operand[0], guess.nearest)
             : cli_misused("unknown command '%s' (see 'inkling --help')", operand[0]);
    if (how->completion && (how->man || count))
        return cli_misused("--completion goes with no other argument");
    text answer = { 0 };
    if (how->completion)
        completion_script(&answer, how->completion, cli_commands);
    else if (how->man && command)
        manual_command(&answer, command);
    else if (how->man)
        manual_overview(&answer, cli_commands);
    else if (command)
        help_command(&answer, command);
    else
        help_overview(&answer, cli_commands);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

const cli_command help_command_row = {
    .name = "help",
    .summary = "show help, manual pages, completion scripts",
    .description = "Shows the help of a command, its manual page in roff, or a script that lets a "
                   "shell complete commands and options.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
