/* Everything that is told about the commands, made from their tables. */
#ifndef INK_CLI_HELP_H
#define INK_CLI_HELP_H

#include "common/args.h"

/* `inkling --help` and `inkling CMD --help`. `commands` ends with NULL. */
void help_overview(text *to, const cli_command *const *commands);
void help_command(text *to, const cli_command *command);

/* Manual pages in roff: of all commands, or of one. */
void manual_overview(text *to, const cli_command *const *commands);
void manual_command(text *to, const cli_command *command);

/* The completion script of a shell, which is completion_shell(0), completion_shell(1), ... */
const char *completion_shell(size_t index);
void completion_script(text *to, const char *shell, const cli_command *const *commands);

/* "[OPTION]... MODEL IMAGE..." */
void help_synopsis(text *to, const cli_command *command);
/* An option's help with its choices, e.g. "which kernels run; ISA is best or scalar". */
void help_of_option(text *to, const cli_option *option);

/* What every command has in common: rows that end with a NULL name. */
typedef struct help_row {
    const char *name, *help;
} help_row;
extern const help_row help_exit_codes[], help_variables[];
extern const char *const help_about;

#endif
