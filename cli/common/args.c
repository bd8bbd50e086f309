#include "common/args.h"

#include "common/help.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_option cli_help_option = {
    .name = "help", .letter = 'h', .kind = CLI_FLAG, .help = "show this help",
};

/* ---- did you mean ---- */

enum { GUESS_LENGTH = 32 };

/* Letters to change, insert, remove or swap with a neighbour to make `b` of `a`. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    size_t row[3][GUESS_LENGTH + 1];
    if (m > GUESS_LENGTH || n > GUESS_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
            now[j] = best;
        }
    }
    return row[m % 3][n];
}

cli_guess cli_guess_begin(const char *word)
{
    return (cli_guess){ .word = word, .distance = strlen(word) / 3 + 2 };
}

void cli_guess_try(cli_guess *guess, const char *candidate)
{
    size_t length = strlen(guess->word), distance = edit_distance(guess->word, candidate);
    if (length >= 2 && strncmp(guess->word, candidate, length) == 0)
        distance = 0; /* an abbreviation */
    if (distance < guess->distance && distance < strlen(candidate)) {
        guess->distance = distance;
        guess->nearest = candidate;
    }
}

/* ---- options ---- */

typedef struct parser {
    const cli_command *command;
    char **operand;
    size_t operands;
    void *values;
    bool help;
} parser;

/* "inkling predict", "inkling", "mnist": what the user typed to get here. */
static const char *see(const cli_command *command)
{
    static char name[64];
    snprintf(name, sizeof name, "%s%s%s", cli_program(), *command->name ? " " : "",
             command->name);
    return name;
}

static int unknown_option(const parser *state, const char *given, size_t length)
{
    text word = { 0 };
    text_bytes(&word, given, length);
    cli_guess guess = cli_guess_begin(text_string(&word));
    cli_guess_try(&guess, cli_help_option.name);
    for (const cli_option *option = state->command->options; option->name; option++)
        cli_guess_try(&guess, option->name);
    int code = guess.nearest
             ? cli_misused("unknown option '--%s', did you mean '--%s'? (see '%s --help')",
                           word.data, guess.nearest, see(state->command))
             : cli_misused("unknown option '--%s' (see '%s --help')", text_string(&word),
                           see(state->command));
    text_free(&word);
    return code;
}

bool cli_parse_real(const char *string, double *value)
{
    double parts[2] = { 0, 1 };
    char *end = NULL;
    for (int i = 0; i < 2; i++) {
        /* strtod would take leading spaces, "nan", "inf" and hexadecimal as well. */
        if (string[strspn(string, "+-.0123456789eE/")] || !*string)
            return false;
        parts[i] = strtod(string, &end);
        if (end == string || (*end && *end != '/'))
            return false;
        if (*end == 0)
            break;
        if (i == 1)
            return false;
        string = end + 1;
    }
    if (parts[1] == 0)
        return false;
    *value = parts[0] / parts[1];
    return isfinite(*value);
}

static bool parse_number(const char *string, uint64_t *value)
{
    if (!*string || string[strspn(string, "0123456789")])
        return false;
    errno = 0;
    unsigned long long number = strtoull(string, NULL, 10);
    *value = number;
    return errno == 0 && number <= UINT64_MAX;
}

static int bad_choice(const cli_option *option, const char *given)
{
    text names = { 0 };
    cli_guess guess = cli_guess_begin(given);
    for (size_t i = 0; option->choice(i); i++) {
        text_printf(&names, "%s%s", i ? ", " : "", option->choice(i));
        cli_guess_try(&guess, option->choice(i));
    }
    int code = guess.nearest
             ? cli_misused("--%s: '%s' is none of %s, did you mean '%s'?", option->name, given,
                           text_string(&names), guess.nearest)
             : cli_misused("--%s: '%s' is none of %s", option->name, given, text_string(&names));
    text_free(&names);
    return code;
}

static int store_word(cli_words *words, const cli_option *option, const char *given)
{
    size_t count = 0;
    while (words->word[count])
        count++;
    if (!*given)
        return cli_misused("--%s: wanted %s, found nothing", option->name, option->value);
    if (count == CLI_WORDS_MOST)
        return cli_misused("--%s: given more than %d times", option->name, CLI_WORDS_MOST);
    words->word[count] = given;
    return CLI_DONE;
}

static int store(const parser *state, const cli_option *option, const char *given)
{
    void *field = (char *)state->values + option->at;
    uint64_t number;
    double real;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)field = true;
        break;
    case CLI_FILE:
        if (!*given)
            return cli_misused("--%s: wanted the name of a file, found nothing", option->name);
        *(const char **)field = given;
        break;
    case CLI_WORD:
        *(const char **)field = given;
        break;
    case CLI_CHOICE:
        for (size_t i = 0; option->choice(i); i++)
            if (strcmp(option->choice(i), given) == 0) {
                *(const char **)field = given;
                return CLI_DONE;
            }
        return bad_choice(option, given);
    case CLI_NUMBER:
        if (!parse_number(given, &number) || number < option->least || number > option->most)
            return cli_misused("--%s: wanted a whole number from %llu to %llu, found '%s'",
                               option->name, (unsigned long long)option->least,
                               (unsigned long long)option->most, given);
        *(uint64_t *)field = number;
        break;
    case CLI_REAL:
        if (!cli_parse_real(given, &real) || real < option->low || real > option->high)
            return cli_misused("--%s: wanted a number from %g to %g, found '%s'", option->name,
                               option->low, option->high, given);
        *(double *)field = real;
        break;
    case CLI_WORDS:
        return store_word(field, option, given);
    }
    return CLI_DONE;
}

/* `--name`, `--name=value` or `--name value`; `*next` is the argument after it, or NULL. */
static int parse_long(parser *state, const char *argument, char ***next)
{
    size_t length = strcspn(argument, "=");
    const char *value = argument[length] ? argument + length + 1 : NULL;
    const cli_option *option = state->command->options;
    while (option->name &&
           (strncmp(option->name, argument, length) != 0 || option->name[length] != 0))
        option++;
    bool help = length == strlen(cli_help_option.name) &&
                strncmp(cli_help_option.name, argument, length) == 0;
    if (!help && !option->name)
        return unknown_option(state, argument, length);
    const char *name = help ? cli_help_option.name : option->name;
    if (help || option->kind == CLI_FLAG) {
        if (value)
            return cli_misused("--%s takes no value, found '%s'", name, value);
        if (help) {
            state->help = true;
            return CLI_DONE;
        }
    } else if (!value) {
        if (!**next)
            return cli_misused("--%s wants a value, %s (see '%s --help')", name, option->value,
                               see(state->command));
        value = *(*next)++;
    }
    return store(state, option, value);
}

/* `-a`, `-ab`, `-n5` or `-n 5`. */
static int parse_short(parser *state, const char *letters, char ***next)
{
    for (; *letters; letters++) {
        if (*letters == cli_help_option.letter) {
            state->help = true;
            continue;
        }
        const cli_option *option = state->command->options;
        while (option->name && option->letter != *letters)
            option++;
        if (!option->name)
            return cli_misused("unknown option '-%c' (see '%s --help')", *letters,
                               see(state->command));
        const char *value = NULL;
        if (option->kind != CLI_FLAG) {
            value = letters[1] ? letters + 1 : **next ? *(*next)++ : NULL;
            if (!value)
                return cli_misused("-%c wants a value, %s (see '%s --help')", *letters,
                                   option->value, see(state->command));
        }
        int code = store(state, option, value);
        if (code || value)
            return code;
    }
    return CLI_DONE;
}

/* Operands go to the front of argv, in order. */
static int parse(parser *state, char **argv)
{
    bool options = true;
    for (char **next = argv; *next;) {
        char *argument = *next++;
        int code = CLI_DONE;
        if (!options || argument[0] != '-' || argument[1] == 0)
            state->operand[state->operands++] = argument;
        else if (strcmp(argument, "--") == 0)
            options = false;
        else if (argument[1] == '-')
            code = parse_long(state, argument + 2, &next);
        else
            code = parse_short(state, argument + 1, &next);
        if (code)
            return code;
    }
    return CLI_DONE;
}

static int check_operands(const parser *state)
{
    size_t place = 0;
    const cli_operand *wanted = state->command->operands;
    for (; wanted->name; wanted++) {
        if (place == state->operands && wanted->times != CLI_MAYBE)
            return cli_misused("%s is missing (see '%s --help')", wanted->name,
                               see(state->command));
        place = wanted->times == CLI_MANY ? state->operands
              : place < state->operands ? place + 1 : place;
    }
    if (place < state->operands)
        return cli_misused("unexpected argument '%s' (see '%s --help')", state->operand[place],
                           see(state->command));
    for (size_t i = 0; i < state->operands; i++)
        if (!*state->operand[i])
            return cli_misused("argument %zu is empty, wanted the name of a file", i + 1);
    return CLI_DONE;
}

int cli_run(const cli_command *command, int argc, char **argv)
{
    parser state = { .command = command, .operand = argv + (argc > 0) };
    if (argc < 1)
        return cli_misused("called without a name");
    state.values = must_alloc(1, command->options_size);
    if (command->options_size)
        memcpy(state.values, command->defaults, command->options_size);
    int code = parse(&state, argv + 1);
    if (!code && state.help) {
        text answer = { 0 };
        help_command(&answer, command);
        code = cli_print(&answer);
        text_free(&answer);
    } else if (!code) {
        code = check_operands(&state);
        if (!code)
            code = command->run(state.values, state.operand, state.operands);
    }
    free(state.values);
    return code;
}
