/* What the terminal behind standard output, or another descriptor, can show. */
#ifndef INK_CLI_TERMINAL_H
#define INK_CLI_TERMINAL_H

#include <stdbool.h>

typedef struct terminal {
    bool present;    /* it is a terminal */
    bool colour;     /* ... that takes colours, and NO_COLOR is not set */
    bool true_colour; /* ... of 24 bits */
    bool utf8;       /* ... in a UTF-8 locale */
} terminal;

terminal terminal_facts(void); /* of standard output */
terminal terminal_facts_of(int file);

/* Escape sequences, "" where the terminal takes no colours. */
typedef enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN } style;
const char *style_begin(const terminal *facts, style what);
const char *style_end(const terminal *facts, style what);

#endif
