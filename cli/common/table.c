#include "common/table.h"

#include <stdlib.h>
#include <string.h>

/* No cell is wider: one absurd name must not push the others off the screen. The last column pushes
 * nobody. */
enum { WIDEST = 48, WIDEST_LAST = 160 };

struct table_cell {
    char *string;
    style what;
};

static void add_cell(table *to, const char *string)
{
    if (to->count == to->capacity) {
        size_t capacity = to->capacity ? 2 * to->capacity : 64;
        struct table_cell *cells = must_alloc(capacity, sizeof *cells);
        if (to->count)
            memcpy(cells, to->cells, to->count * sizeof *cells);
        free(to->cells);
        to->cells = cells;
        to->capacity = capacity;
    }
    text masked = { 0 };
    text_add(&masked, "");
    size_t columns = strlen(to->alignment);
    bool heading = to->count < columns, last = to->count % columns + 1 == columns;
    text_masked_short(&masked, string, last ? WIDEST_LAST : WIDEST);
    to->cells[to->count++] = (struct table_cell){ masked.data, heading ? STYLE_BOLD : STYLE_PLAIN };
}

void table_cell(table *to, const char *string)
{
    add_cell(to, string);
}

void table_format(table *to, const char *format, ...)
{
    text cell = { 0 };
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(&cell, format, arguments);
    va_end(arguments);
    add_cell(to, text_string(&cell));
    text_free(&cell);
}

void table_style(table *to, style what)
{
    to->cells[to->count - 1].what = what;
}

static void write_cell(text *to, const struct table_cell *cell, size_t width, char alignment,
                       const terminal *facts)
{
    size_t space = width - utf8_columns(cell->string);
    if (alignment == 'r')
        text_repeat(to, " ", space);
    if (*cell->string)
        text_printf(to, "%s%s%s", style_begin(facts, cell->what), cell->string,
                    style_end(facts, cell->what));
    if (alignment != 'r')
        text_repeat(to, " ", space);
    text_add(to, "  ");
}

/* The width of each column, 0 for one that has a heading and nothing else: it is left out. */
static size_t *measure(const table *from, size_t columns)
{
    size_t *width = must_alloc(columns, sizeof *width);
    for (size_t i = columns; i < from->count; i++) {
        size_t cell = utf8_columns(from->cells[i].string);
        width[i % columns] = cell > width[i % columns] ? cell : width[i % columns];
    }
    for (size_t i = 0; i < columns; i++) {
        size_t heading = utf8_columns(from->cells[i].string);
        if (width[i] > 0 && heading > width[i])
            width[i] = heading;
    }
    return width;
}

void table_write(table *from, text *to, size_t indent, const terminal *facts)
{
    size_t columns = strlen(from->alignment);
    size_t *width = measure(from, columns);
    for (size_t i = 0; i < from->count; i++) {
        bool nothing = from->count == columns; /* no heading without rows */
        size_t column = i % columns;
        if (column == 0 && !nothing)
            text_repeat(to, " ", indent);
        if (width[column] > 0)
            write_cell(to, &from->cells[i], width[column], from->alignment[column], facts);
        if (column + 1 == columns && !nothing) {
            while (to->size > 0 && to->data[to->size - 1] == ' ')
                to->size--;
            text_add(to, "\n");
        }
        free(from->cells[i].string);
    }
    free(width);
    free(from->cells);
    *from = (table){ .alignment = from->alignment };
}
