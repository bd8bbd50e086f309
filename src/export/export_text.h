/* Texts that go into files of formats which hold UTF-8 only. */
#ifndef INK_EXPORT_TEXT_H
#define INK_EXPORT_TEXT_H

#include <stdbool.h>

/* Is it UTF-8, without a character that is too long, or half of a pair (RFC 3629)? */
bool ink_text_is_utf8(const char *text);

#endif
