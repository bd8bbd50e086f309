/* Tables of text: columns as wide as their widest cell. */
#ifndef INK_CLI_TABLE_H
#define INK_CLI_TABLE_H

#include "common/terminal.h"
#include "common/textbuf.h"

typedef struct table {
    const char *alignment; /* one letter a column: 'l' or 'r' */
    struct table_cell *cells;
    size_t count, capacity; /* of cells, row by row; the first row is the heading */
} table;

/* Adds a cell; what it holds is masked. */
void table_cell(table *to, const char *string);
void table_format(table *to, const char *format, ...) CLI_PRINTF(2, 3);
/* Styles the cell that was added last. */
void table_style(table *to, style what);
/* Writes the rows, each after `indent` spaces and without columns that are empty; frees the cells.
 * There must be a whole number of rows, the heading among them. */
void table_write(table *from, text *to, size_t indent, const terminal *facts);

#endif
