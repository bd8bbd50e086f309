/* A request and its answer, without a network. */
#ifndef INK_SERVE_EXCHANGE_H
#define INK_SERVE_EXCHANGE_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUEST_PARAMETERS = 8 }; /* more are refused */

typedef struct request_parameter {
    const char *name, *value; /* of the query, decoded */
} request_parameter;

/* All borrowed; a header that did not come is NULL. */
typedef struct request {
    const char *method, *path; /* the path decoded, without its query */
    const char *host, *content_type, *content_encoding, *accept_encoding, *if_none_match;
    request_parameter parameter[REQUEST_PARAMETERS];
    bool cuts_words;      /* the path or a parameter has a NUL in it, so that it looks shorter than it is */
    size_t parameters;    /* how many came, perhaps more than there is room for */
    size_t header_bytes;
    uint64_t length;      /* of the body as it was promised; 0 where it was not */
    uint8_t *body;        /* the whole, once it is there */
    size_t body_size;
} request;

typedef struct answer {
    unsigned status;      /* HTTP's; 0: not answered yet */
    const char *type;     /* Content-Type */
    const char *allow;    /* 405: the methods that are allowed, else NULL */
    const char *etag, *encoding; /* NULL: none */
    bool is_file;         /* of the page: may be kept if it is asked for again each time */
    bool is_later;        /* 503: the same request may be right in a moment */
    text body;            /* owned */
    const uint8_t *file;  /* instead: borrowed from the site */
    size_t file_size;
} answer;

void answer_close(answer *closed);

/* Answers {"error": {"status": STATUS, "message": ...}}, in place of what was there. */
void answer_error(answer *to, unsigned status, const char *format, ...) CLI_PRINTF(3, 4);

#endif
