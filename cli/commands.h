/* The commands, one file each. */
#ifndef INK_CLI_COMMANDS_H
#define INK_CLI_COMMANDS_H

#include "common/args.h"

extern const cli_command predict_command, eval_command, inspect_command, graph_command,
    bench_command, train_command, quantize_command, read_command, help_command_row;

/* All of them, in the order of the help; ends with NULL. */
extern const cli_command *const cli_commands[];

/* libexec.c: becomes the helper program of `command`. Returns only when that fails. */
int run_helper(const cli_command *command, char **argv);

#endif
