/* Manual pages. Nothing but man(7) macros that every roff knows. */
#include "common/help.h"

#include "inkling.h"

#include <ctype.h>
#include <string.h>

/* Text for roff: backslashes and hyphens escaped, so that options can be copied from the page. */
static void add_escaped(text *to, const char *string)
{
    for (; *string; string++)
        if (*string == '\\')
            text_add(to, "\\e");
        else if (*string == '-')
            text_add(to, "\\-");
        else
            text_bytes(to, string, 1);
}

/* A line of text. One that begins with a full stop or an apostrophe would be a macro. */
static void add_line(text *to, const char *string)
{
    if (*string == '.' || *string == '\'')
        text_add(to, "\\&");
    add_escaped(to, string);
    text_add(to, "\n");
}

static void add_upper(text *to, const char *string)
{
    for (; *string; string++) {
        char upper = (char)toupper((unsigned char)*string);
        text_bytes(to, &upper, 1);
    }
}

static void add_title(text *to, const char *name, const char *summary)
{
    text_add(to, ".TH \"");
    add_upper(to, name);
    text_printf(to, "\" \"1\" \"\" \"inkling %s\" \"inkling\"\n.SH NAME\n", ink_version());
    add_escaped(to, name);
    text_add(to, " \\- ");
    add_line(to, summary);
}

static void add_paragraphs(text *to, const char *paragraphs)
{
    bool first = true;
    while (*paragraphs) {
        size_t length = strcspn(paragraphs, "\n");
        text one = { 0 };
        text_bytes(&one, paragraphs, length);
        if (!first)
            text_add(to, ".PP\n");
        add_line(to, text_string(&one));
        text_free(&one);
        first = false;
        paragraphs += length + (paragraphs[length] == '\n');
    }
}

static void add_synopsis(text *to, const cli_command *command)
{
    text line = { 0 };
    help_synopsis(&line, command);
    text_printf(to, ".B inkling %s\n", command->name);
    add_line(to, text_string(&line));
    text_free(&line);
}

static void add_option(text *to, const cli_option *option)
{
    text help = { 0 };
    help_of_option(&help, option);
    text_add(to, ".TP\n");
    if (option->letter)
        text_printf(to, "\\fB\\-%c\\fR, ", option->letter);
    text_add(to, "\\fB\\-\\-");
    add_escaped(to, option->name);
    text_add(to, "\\fR");
    if (option->value)
        text_printf(to, " \\fI%s\\fR", option->value);
    text_add(to, "\n");
    add_line(to, text_string(&help));
    text_free(&help);
}

static void add_arguments(text *to, const cli_command *command)
{
    for (const cli_operand *operand = command->operands; operand->name; operand++) {
        text_printf(to, ".TP\n\\fI%s\\fR\n", operand->name);
        add_line(to, operand->help);
    }
    for (const cli_option *option = command->options; option->name; option++)
        add_option(to, option);
    add_option(to, &cli_help_option);
}

static void add_rows(text *to, const char *title, const help_row *rows)
{
    text_printf(to, ".SH %s\n", title);
    for (; rows->name; rows++) {
        text_printf(to, ".TP\n.B %s\n", rows->name);
        add_line(to, rows->help);
    }
}

void manual_command(text *to, const cli_command *command)
{
    text name = { 0 };
    text_printf(&name, "inkling-%s", command->name);
    add_title(to, name.data, command->summary);
    text_free(&name);
    text_add(to, ".SH SYNOPSIS\n");
    add_synopsis(to, command);
    text_add(to, ".SH DESCRIPTION\n");
    add_paragraphs(to, command->description);
    text_add(to, ".SH OPTIONS\n");
    add_arguments(to, command);
    if (command->examples->line)
        text_add(to, ".SH EXAMPLES\n");
    for (const cli_example *example = command->examples; example->line; example++) {
        text_add(to, ".PP\n");
        add_line(to, example->why);
        text_add(to, ".PP\n.RS 4\n.nf\n");
        add_line(to, example->line);
        text_add(to, ".fi\n.RE\n");
    }
    add_rows(to, "EXIT STATUS", help_exit_codes);
    add_rows(to, "ENVIRONMENT", help_variables);
    text_add(to, ".SH SEE ALSO\n.BR inkling (1)\n");
}

void manual_overview(text *to, const cli_command *const *commands)
{
    add_title(to, "inkling", "run small image classifiers: load a model, read a digit");
    text_add(to, ".SH SYNOPSIS\n");
    for (size_t i = 0; commands[i]; i++) {
        if (i > 0)
            text_add(to, ".br\n");
        add_synopsis(to, commands[i]);
    }
    text_add(to, ".br\n.B inkling \\-\\-version\n.SH DESCRIPTION\n");
    add_paragraphs(to, help_about);
    text_add(to, ".SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++) {
        text_add(to, ".SS ");
        add_synopsis(to, commands[i]);
        add_paragraphs(to, commands[i]->description);
        add_arguments(to, commands[i]);
    }
    add_rows(to, "EXIT STATUS", help_exit_codes);
    add_rows(to, "ENVIRONMENT", help_variables);
    text_add(to, ".SH SEE ALSO\n");
    for (size_t i = 0; commands[i]; i++) {
        text_add(to, ".BR inkling\\-");
        text_printf(to, "%s (1)%s\n", commands[i]->name, commands[i + 1] ? "," : "");
    }
}
