#include "data/digest.h"

#include "common/say.h"

#ifdef INK_HAVE_OPENSSL

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *state;
};

static void need(bool done)
{
    if (!done)
        exit(cli_failed("OpenSSL does not compute a SHA-256"));
}

int digest_refused(void)
{
    return CLI_DONE;
}

digest *digest_open(void)
{
    digest *made = must_alloc(1, sizeof *made);
    made->state = EVP_MD_CTX_new();
    need(made->state && EVP_DigestInit_ex(made->state, EVP_sha256(), NULL) == 1);
    return made;
}

void digest_add(digest *to, const void *data, size_t size)
{
    need(EVP_DigestUpdate(to->state, data, size) == 1);
}

void digest_close(digest **from, char digits[DIGEST_DIGITS + 1])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    need(EVP_DigestFinal_ex((*from)->state, sum, &size) == 1 && size == DIGEST_DIGITS / 2);
    for (unsigned i = 0; i < size; i++)
        snprintf(digits + 2 * (size_t)i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free((*from)->state);
    free(*from);
    *from = NULL;
}

#else

int digest_refused(void)
{
    return cli_failed("data: this inkling was built without OpenSSL, which checks downloads");
}

digest *digest_open(void)
{
    return NULL;
}

void digest_add(digest *to, const void *data, size_t size)
{
    (void)to;
    (void)data;
    (void)size;
}

void digest_close(digest **from, char digits[DIGEST_DIGITS + 1])
{
    (void)from;
    digits[0] = 0;
}

#endif
