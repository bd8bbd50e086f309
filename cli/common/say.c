#include "common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "inkling";

/* All of the bytes, or false and errno. */
static bool write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(file, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        size -= (size_t)put;
    }
    return true;
}

void cli_start(const char *program)
{
    program_name = program;
    /* A reader that has seen enough ends us quietly, even if our parent ignores the signal. */
    signal(SIGPIPE, SIG_DFL);
    /* With a standard descriptor closed, the next file that we open would take its place, and our
     * messages would go into it. Read-only, so that writing there is still an error. */
    int file;
    do
        file = open("/dev/null", O_RDONLY);
    while (file >= 0 && file <= STDERR_FILENO);
    if (file > STDERR_FILENO)
        close(file);
}

const char *cli_program(void)
{
    return program_name;
}

static text *kept;                 /* what cli_keep asked for */
static _Thread_local text *caught; /* what cli_catch asked for */

void cli_keep(text *to)
{
    kept = to;
}

void cli_catch(text *to)
{
    caught = to;
}

static void CLI_PRINTF(1, 0) say(const char *format, va_list arguments)
{
    if (caught) {
        text_free(caught);
        text_vprintf(caught, format, arguments);
        return;
    }
    text raw = { 0 }, line = { 0 };
    text_vprintf(&raw, format, arguments);
    text_printf(&line, "%s: ", program_name);
    text_masked(&line, text_string(&raw)); /* one line, whatever a file's name holds */
    text_add(&line, "\n");
    write_all(STDERR_FILENO, line.data, line.size);
    if (kept) {
        text_free(kept);
        text_add(kept, text_string(&raw));
    }
    text_free(&raw);
    text_free(&line);
}

int cli_failed(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return CLI_FAILED;
}

int cli_misused(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return CLI_USAGE;
}

int cli_print(const text *answer)
{
    bool written = write_all(STDOUT_FILENO, text_string(answer), answer->size);
    /* Some file systems tell only at close that the disk was full; a copy's close tells as well. */
    if (written) {
        int copy = dup(STDOUT_FILENO);
        written = copy >= 0 && close(copy) == 0;
    }
    if (!written)
        return cli_failed("cannot write to standard output: %s", strerror(errno));
    return CLI_DONE;
}

void cli_print_error(const text *answer)
{
    write_all(STDERR_FILENO, text_string(answer), answer->size);
}
