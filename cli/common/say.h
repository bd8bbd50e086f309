/* What a program says besides its answer: one line on standard error, and the exit code. */
#ifndef INK_CLI_SAY_H
#define INK_CLI_SAY_H

#include "common/textbuf.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* First call of every main: the name that begins error lines, signals, standard descriptors. */
void cli_start(const char *program);
/* That name. */
const char *cli_program(void);

/* Say one line, "PROGRAM: ...", on standard error, and give the exit code to return. */
int cli_failed(const char *format, ...) CLI_PRINTF(1, 2);
int cli_misused(const char *format, ...) CLI_PRINTF(1, 2);

/* From now on what is said also goes to `to`, as it is and without the program's name: the last line only. NULL ends
 * that. For commands that go on after a failure and tell it in their answer. */
void cli_keep(text *to);
/* From now on what this thread says goes to `to` alone: the last line, as with cli_keep. NULL ends that. For a server,
 * whose clients are to hear it. */
void cli_catch(text *to);

/* Prints the whole text to standard output; says so and gives CLI_FAILED where that fails. */
int cli_print(const text *answer);
/* The same to standard error, for the programs that draw there. Failures are not said: where to? */
void cli_print_error(const text *answer);

#endif
