/* Numbers as text, the same in each locale: strtod and printf would take a comma for the decimal point
 * in some. */
#ifndef INK_NUMBER_H
#define INK_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* A decimal number at *at, which moves behind it; false when there is none. */
bool ink_number_parse(const char **at, double *value);

/* The fewest digits that bring a float back exactly, or a double that is one; its length. `text` has
 * room for 32 bytes. */
size_t ink_number_format(char *text, double value);

#endif
