#include "data/fetch_line.h"

#include "common/chance.h"
#include "common/say.h"

#include <unistd.h>

enum { COLUMNS = 79 };

void fetch_line_begin(fetch_line *line, const char *file, const char *from)
{
    *line = (fetch_line){ .facts = terminal_facts_of(STDERR_FILENO), .file = file };
    if (!line->facts.present)
        fetch_line_note(line, "from %s", from);
}

void fetch_line_show(fetch_line *line, uint64_t done, uint64_t total)
{
    double now = clock_seconds();
    if (!line->facts.present || now < line->next)
        return;
    line->next = now + 0.1;
    text plain = { 0 }, all = { 0 };
    text_printf(&plain, "  %.1f", (double)done / 1e6);
    if (total)
        text_printf(&plain, " of %.1f MB, %.0f %%", (double)total / 1e6,
                    100.0 * (double)done / (double)total);
    else
        text_add(&plain, " MB");
    fetch_line_end(line);
    size_t start = all.size;
    text_masked_short(&all, line->file, COLUMNS - plain.size);
    line->drawn = utf8_columns(all.data + start) + plain.size;
    text_add(&all, style_begin(&line->facts, STYLE_DIM));
    text_add(&all, plain.data);
    text_add(&all, style_end(&line->facts, STYLE_DIM));
    cli_print_error(&all);
    text_free(&plain);
    text_free(&all);
}

void fetch_line_end(fetch_line *line)
{
    if (line->drawn == 0)
        return;
    text blank = { 0 };
    text_add(&blank, "\r");
    text_repeat(&blank, " ", line->drawn);
    text_add(&blank, "\r");
    cli_print_error(&blank);
    text_free(&blank);
    line->drawn = 0;
}

void fetch_line_note(fetch_line *line, const char *format, ...)
{
    text raw = { 0 }, note = { 0 };
    va_list arguments;
    fetch_line_end(line);
    text_printf(&raw, "%s: ", line->file);
    va_start(arguments, format);
    text_vprintf(&raw, format, arguments);
    va_end(arguments);
    text_masked(&note, raw.data);
    text_add(&note, "\n");
    cli_print_error(&note);
    text_free(&raw);
    text_free(&note);
}
