#include "common/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/* The locale's character set without setlocale, which would change the decimal point as well. */
static bool locale_is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = variable(names[i]);
        if (!*value)
            continue;
        const char *set = strchr(value, '.');
        return set && (strncasecmp(set, ".utf-8", 6) == 0 || strncasecmp(set, ".utf8", 5) == 0);
    }
    return false;
}

terminal terminal_facts(void)
{
    return terminal_facts_of(STDOUT_FILENO);
}

terminal terminal_facts_of(int file)
{
    const char *depth = variable("COLORTERM"), *kind = variable("TERM");
    terminal facts = { .present = isatty(file) != 0 };
    facts.colour = facts.present && !*variable("NO_COLOR") && *kind && strcmp(kind, "dumb") != 0;
    facts.true_colour = facts.colour &&
                        (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0);
    facts.utf8 = facts.present && locale_is_utf8();
    return facts;
}

const char *style_begin(const terminal *facts, style what)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
        [STYLE_RED] = "\033[31m", [STYLE_GREEN] = "\033[32m",
    };
    return facts->colour ? codes[what] : "";
}

const char *style_end(const terminal *facts, style what)
{
    return facts->colour && what != STYLE_PLAIN ? "\033[0m" : "";
}
