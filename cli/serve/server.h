/* HTTP by libmicrohttpd: takes requests off the network, and puts answers on it. */
#ifndef INK_SERVE_SERVER_H
#define INK_SERVE_SERVER_H

#include "serve/api.h"
#include "serve/listener.h"

typedef struct server_limits {
    size_t threads, connections;
    double timeout; /* seconds */
    bool verbose;   /* a line on standard error for each request */
} server_limits;

/* Not 0, and a line on standard error, where this program was built without what it takes. */
int server_refused(void);

/* Answers until SIGINT, SIGTERM or SIGHUP; requests that have begun are finished, within the timeout, and the listener
 * is stopped. `ready` is called once requests are taken. Says what is wrong and gives CLI_FAILED, or 0. */
int server_run(api *with, listener *at, const server_limits *limits, int (*ready)(void *context), void *context);

#endif
