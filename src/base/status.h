/* Filling an ink_error. */
#ifndef INK_STATUS_H
#define INK_STATUS_H

#include "inkling.h"

/* Lets the compiler check a printf-like function: the format is argument `at`, its values from `from`. */
#if defined(__GNUC__) && defined(_WIN32)
#  define INK_PRINTF(at, from) __attribute__((format(gnu_printf, at, from)))
#elif defined(__GNUC__)
#  define INK_PRINTF(at, from) __attribute__((format(printf, at, from)))
#else
#  define INK_PRINTF(at, from)
#endif

/* Fills `error` unless it is NULL and returns `status`, so that a check is one line:
 * `return ink_fail(error, INK_ERR_SHAPE, "tensor '%s': ...", ...)`. */
ink_status ink_fail(ink_error *error, ink_status status, const char *format, ...) INK_PRINTF(3, 4);

/* The same with the byte offset of the field that is wrong. */
ink_status ink_fail_at(ink_error *error, ink_status status, uint64_t offset, const char *format, ...)
    INK_PRINTF(4, 5);

/* Puts "prefix: " before the text, e.g. the name of the file that a parser was not told. */
void ink_error_prefix(ink_error *error, const char *prefix);

/* Returns the first failure of a function that returns ink_status. */
#define INK_TRY(call)                                                                              \
    do {                                                                                           \
        ink_status ink_try_status_ = (call);                                                       \
        if (ink_try_status_ != INK_OK)                                                             \
            return ink_try_status_;                                                                \
    } while (0)

#endif
