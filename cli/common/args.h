/* Commands as data. A command is one table row; its options are rows of another table. The parser,
 * --help, the manual pages and the shells' completions all read these rows, and nothing else lists
 * the options. */
#ifndef INK_CLI_ARGS_H
#define INK_CLI_ARGS_H

#include "common/say.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cli_kind {
    CLI_FLAG,   /* bool */
    CLI_FILE,   /* const char *, a path */
    CLI_WORD,   /* const char *, which the command checks */
    CLI_CHOICE, /* const char *, one of choice(0), choice(1), ... up to NULL */
    CLI_NUMBER, /* uint64_t, least to most */
    CLI_REAL,   /* double, low to high; "1/255" is a number too */
    CLI_WORDS   /* cli_words, any text; may be given several times */
} cli_kind;

enum { CLI_WORDS_MOST = 8 };
typedef struct cli_words {
    const char *word[CLI_WORDS_MOST + 1]; /* as given; NULL behind the last */
} cli_words;

typedef struct cli_option {
    const char *name; /* NULL ends the table */
    char letter;      /* 0: none */
    cli_kind kind;
    const char *value; /* what stands for the value in the help */
    const char *help;
    size_t at; /* where the value lies in the command's struct of options */
    uint64_t least, most;
    double low, high;
    const char *(*choice)(size_t index);
} cli_option;

typedef enum cli_times { CLI_ONCE, CLI_MAYBE, CLI_MANY } cli_times; /* MANY is at least once */

typedef struct cli_operand {
    const char *name; /* NULL ends the table */
    const char *help;
    cli_times times;  /* MAYBE and MANY: the last operand only */
} cli_operand;

typedef struct cli_example {
    const char *why, *line; /* NULL ends the table */
} cli_example;

typedef struct cli_command {
    const char *name;        /* "" for a program that is one command */
    const char *summary;     /* for the list of commands */
    const char *description; /* paragraphs, separated by newlines */
    const cli_operand *operands;
    const cli_option *options;
    const cli_example *examples;
    const void *defaults; /* the struct of options with nothing given */
    size_t options_size;
    int (*run)(const void *options, char *const *operands, size_t count);
    const char *(*words)(size_t index); /* what completions offer as operands; NULL: files */
    const char *helper; /* instead of `run`: the program in libexec that is the command */
} cli_command;

/* Every command has these, before its own. */
extern const cli_option cli_help_option;

/* Parses, answers --help, or runs; argv[0] is the command's name. Gives the exit code. */
int cli_run(const cli_command *command, int argc, char **argv);

/* A number as CLI_REAL takes it; false for anything else and for what is not finite. */
bool cli_parse_real(const char *string, double *value);

/* The candidate most like `word`, or NULL when none is near. Used as "did you mean". */
typedef struct cli_guess {
    const char *word, *nearest;
    size_t distance;
} cli_guess;
cli_guess cli_guess_begin(const char *word);
void cli_guess_try(cli_guess *guess, const char *candidate);

#endif
