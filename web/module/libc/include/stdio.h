#ifndef STDIO_H
#define STDIO_H
#include <stdarg.h>
#include <stddef.h>

/* %d %u %x of int, long, long long and size_t, %c, %s, %f, %g, with width, zeros in front, and precision. */
int snprintf(char *, size_t, const char *, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *, size_t, const char *, va_list) __attribute__((format(printf, 3, 0)));
#endif
