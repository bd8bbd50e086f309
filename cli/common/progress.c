#include "common/progress.h"

#include "common/chance.h"
#include "common/say.h"

#include <unistd.h>

progress progress_begin(const char *what)
{
    double now = clock_seconds();
    return (progress){ .what = what, .begin = now, .told = now,
                       .wanted = isatty(STDERR_FILENO) != 0 };
}

void progress_step(progress *line, size_t done, size_t all)
{
    if (!line->wanted)
        return;
    double now = clock_seconds();
    if (now - line->begin <= 1 || now - line->told <= 0.1)
        return;
    text out = { 0 };
    text_printf(&out, "\r%zu of %zu %s, %.0f %%\033[K", done, all, line->what,
                (double)done * 100 / (double)all);
    cli_print_error(&out);
    text_free(&out);
    line->told = now;
    line->shown = true;
}

void progress_end(progress *line)
{
    text out = { 0 };
    text_add(&out, "\r\033[K");
    if (line->shown)
        cli_print_error(&out);
    text_free(&out);
    line->shown = false;
}
