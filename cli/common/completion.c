/* Completion scripts for bash, zsh and fish. */
#include "common/help.h"

#include <string.h>

/* The shells' menus have room for one clause: the help up to its first colon or the like. So only
 * apostrophes are left that mean something to the shell. */
static void add_short_help(text *to, const char *help, const char *apostrophe)
{
    size_t length = strcspn(help, ";:([\\");
    while (length > 0 && help[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < length; i++)
        if (help[i] == '\'')
            text_add(to, apostrophe);
        else
            text_bytes(to, help + i, 1);
}

static void add_choices(text *to, const cli_option *option)
{
    for (size_t i = 0; option->choice(i); i++)
        text_printf(to, "%s%s", i ? " " : "", option->choice(i));
}

static void add_names(text *to, const cli_command *const *commands, const char *between)
{
    for (size_t i = 0; commands[i]; i++)
        text_printf(to, "%s%s", i ? between : "", commands[i]->name);
}

/* True for the command whose operand is the name of a command. */
static bool takes_command(const cli_command *command)
{
    return command->operands->name && strcmp(command->operands->name, "COMMAND") == 0;
}

/* What is offered for operands that are no files: "" or "a b ". */
static void add_words(text *to, const cli_command *command)
{
    for (size_t i = 0; command->words && command->words(i); i++)
        text_printf(to, "%s ", command->words(i));
}

/* ---- bash ---- */

static void bash_pattern(text *to, const cli_command *command, const cli_option *option)
{
    text_printf(to, "%s:--%s", command->name, option->name);
    if (option->letter)
        text_printf(to, "|%s:-%c", command->name, option->letter);
}

/* After an option: its choices, or nothing to offer where it wants a number or a word. */
static void bash_values(text *to, const cli_command *command)
{
    bool numbers = false;
    for (const cli_option *option = command->options; option->name; option++) {
        if (option->kind == CLI_NUMBER || option->kind == CLI_REAL ||
            option->kind == CLI_WORD || option->kind == CLI_WORDS) {
            text_add(to, numbers ? "|" : "    ");
            bash_pattern(to, command, option);
            numbers = true;
        }
    }
    text_add(to, numbers ? ")\n        compopt +o default\n        return ;;\n" : "");
    for (const cli_option *option = command->options; option->name; option++) {
        if (option->kind != CLI_CHOICE)
            continue;
        text_add(to, "    ");
        bash_pattern(to, command, option);
        text_add(to, ")\n        COMPREPLY=($(compgen -W '");
        add_choices(to, option);
        text_add(to, "' -- \"$word\"))\n        compopt +o default\n        return ;;\n");
    }
}

static void bash_options(text *to, const cli_command *command)
{
    text_printf(to, "    %s)\n        options='", command->name);
    for (const cli_option *option = command->options; option->name; option++) {
        if (option->letter)
            text_printf(to, "-%c ", option->letter);
        text_printf(to, "--%s ", option->name);
    }
    text_add(to, "-h --help'\n");
    if (takes_command(command))
        text_add(to, "        names=$commands\n");
    if (command->words) {
        text_add(to, "        names='");
        add_words(to, command);
        text_add(to, "'\n");
    }
    text_add(to, "        ;;\n");
}

static void bash_script(text *to, const cli_command *const *commands)
{
    text_add(to, "# bash completion for inkling, by 'inkling help --completion bash'\n\n"
                 "_inkling()\n{\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local command= options='-h --help -V --version' names=\n"
                 "    local commands='");
    add_names(to, commands, " ");
    text_add(to, "'\n    COMPREPLY=()\n"
                 "    if ((COMP_CWORD > 1)); then\n"
                 "        command=${COMP_WORDS[1]}\n"
                 "    else\n"
                 "        names=$commands\n"
                 "    fi\n"
                 "    case $command:$before in\n");
    for (size_t i = 0; commands[i]; i++)
        bash_values(to, commands[i]);
    text_add(to, "    esac\n    case $command in\n");
    for (size_t i = 0; commands[i]; i++)
        bash_options(to, commands[i]);
    text_add(to, "    esac\n"
                 "    if [[ $word == -* ]]; then\n"
                 "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                 "    elif [[ -n $names ]]; then\n"
                 "        COMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n"
                 "        compopt +o default\n"
                 "    fi\n"
                 "}\n"
                 "complete -o default -F _inkling inkling\n");
}

/* ---- zsh ---- */

static void zsh_option(text *to, const cli_option *option)
{
    text_add(to, "            ");
    if (option->letter)
        text_printf(to, "'(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->name,
                    option->letter, option->value ? "+" : "", option->name,
                    option->value ? "=" : "");
    else
        text_printf(to, "'--%s%s[", option->name, option->value ? "=" : "");
    add_short_help(to, option->help, "'\\''");
    text_add(to, "]");
    if (option->value)
        text_printf(to, ":%s:", option->value);
    if (option->kind == CLI_FILE)
        text_add(to, "_files");
    if (option->kind == CLI_CHOICE) {
        text_add(to, "(");
        add_choices(to, option);
        text_add(to, ")");
    }
    text_add(to, "' \\\n");
}

static void zsh_command(text *to, const cli_command *command, const cli_command *const *commands)
{
    text_printf(to, "    %s)\n        _arguments -s -S \\\n", command->name);
    for (const cli_option *option = command->options; option->name; option++)
        zsh_option(to, option);
    zsh_option(to, &cli_help_option);
    text_add(to, "           ");
    for (const cli_operand *operand = command->operands; operand->name; operand++) {
        static const char *const before[] = { ":", "::", "*:" };
        text_printf(to, " '%s%s:", before[operand->times], operand->name);
        if (takes_command(command)) {
            text_add(to, "(");
            add_names(to, commands, " ");
            text_add(to, ")'");
        } else if (command->words) {
            text_add(to, "(");
            add_words(to, command);
            text_add(to, ")'");
        } else {
            text_add(to, "_files'");
        }
    }
    text_add(to, "\n        ;;\n");
}

static void zsh_script(text *to, const cli_command *const *commands)
{
    text_add(to, "#compdef inkling\n"
                 "# zsh completion for inkling, by 'inkling help --completion zsh'\n\n"
                 "_inkling()\n{\n"
                 "    local -a commands\n"
                 "    commands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        text_printf(to, "        '%s:", commands[i]->name);
        add_short_help(to, commands[i]->summary, "'\\''");
        text_add(to, "'\n");
    }
    text_add(to, "    )\n"
                 "    if ((CURRENT == 2)); then\n"
                 "        if [[ $words[2] == -* ]]; then\n"
                 "            _arguments '(-h --help)'{-h,--help}'[show the help]' "
                 "'(-V --version)'{-V,--version}'[show the version]'\n"
                 "        else\n"
                 "            _describe command commands\n"
                 "        fi\n"
                 "        return\n"
                 "    fi\n"
                 "    local name=$words[2]\n"
                 "    shift words\n"
                 "    ((CURRENT--))\n"
                 "    case $name in\n");
    for (size_t i = 0; commands[i]; i++)
        zsh_command(to, commands[i], commands);
    text_add(to, "    esac\n}\n\n_inkling \"$@\"\n");
}

/* ---- fish ---- */

static void fish_option(text *to, const cli_command *command, const cli_option *option)
{
    text_printf(to, "complete -c inkling -n '__fish_seen_subcommand_from %s' -l %s",
                command->name, option->name);
    if (option->letter)
        text_printf(to, " -s %c", option->letter);
    if (option->kind == CLI_FILE)
        text_add(to, " -r -F");
    else if (option->kind != CLI_FLAG)
        text_add(to, " -x");
    if (option->kind == CLI_CHOICE) {
        text_add(to, " -a '");
        add_choices(to, option);
        text_add(to, "'");
    }
    text_add(to, " -d '");
    add_short_help(to, option->help, "\\'");
    text_add(to, "'\n");
}

static void fish_script(text *to, const cli_command *const *commands)
{
    text_add(to, "# fish completion for inkling, by 'inkling help --completion fish'\n\n"
                 "complete -c inkling -n __fish_use_subcommand -s h -l help -d 'show the help'\n"
                 "complete -c inkling -n __fish_use_subcommand -s V -l version "
                 "-d 'show the version'\n");
    for (size_t i = 0; commands[i]; i++) {
        text_printf(to, "\ncomplete -c inkling -n __fish_use_subcommand -f -a %s -d '",
                    commands[i]->name);
        add_short_help(to, commands[i]->summary, "\\'");
        text_add(to, "'\n");
        if (takes_command(commands[i])) {
            text_printf(to, "complete -c inkling -n '__fish_seen_subcommand_from %s' -f -a '",
                        commands[i]->name);
            add_names(to, commands, " ");
            text_add(to, "'\n");
        }
        if (commands[i]->words) {
            text_printf(to, "complete -c inkling -n '__fish_seen_subcommand_from %s' -f -a '",
                        commands[i]->name);
            add_words(to, commands[i]);
            text_add(to, "'\n");
        }
        for (const cli_option *option = commands[i]->options; option->name; option++)
            fish_option(to, commands[i], option);
        fish_option(to, commands[i], &cli_help_option);
    }
}

/* ---- all of them ---- */

static const struct {
    const char *shell;
    void (*write)(text *to, const cli_command *const *commands);
} scripts[] = {
    { "bash", bash_script },
    { "zsh", zsh_script },
    { "fish", fish_script },
};

enum { SCRIPTS = sizeof scripts / sizeof *scripts };

const char *completion_shell(size_t index)
{
    return index < SCRIPTS ? scripts[index].shell : NULL;
}

void completion_script(text *to, const char *shell, const cli_command *const *commands)
{
    for (size_t i = 0; i < SCRIPTS; i++)
        if (strcmp(scripts[i].shell, shell) == 0)
            scripts[i].write(to, commands);
}
