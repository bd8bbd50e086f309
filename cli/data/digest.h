/* SHA-256. Built without OpenSSL there is none, and digest_refused says so. */
#ifndef INK_CLI_DIGEST_H
#define INK_CLI_DIGEST_H

#include <stddef.h>

enum { DIGEST_DIGITS = 64 };

typedef struct digest digest;

/* CLI_DONE; or CLI_FAILED and a line on standard error. */
int digest_refused(void);
digest *digest_open(void);
void digest_add(digest *to, const void *data, size_t size);
/* Ends it and writes small hexadecimal digits. */
void digest_close(digest **from, char digits[DIGEST_DIGITS + 1]);

#endif
