/* The socket that waits for connections. */
#ifndef INK_SERVE_LISTENER_H
#define INK_SERVE_LISTENER_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct listener {
    int socket;
    bool loopback; /* only this machine can connect */
    text url;      /* "http://127.0.0.1:8080/" */
    text host;     /* as a Host header has it, without a port: "127.0.0.1", "[::1]" */
} listener;

/* Port 0 takes a free one. Says what is wrong and gives CLI_FAILED, with nothing to close; or 0. */
int listener_open(const char *host, uint16_t port, listener *out);
/* No more connections; what it is called stays, for those that are there. */
void listener_stop(listener *ends);
void listener_close(listener *closed);

#endif
