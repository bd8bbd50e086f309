/* The connections, and how long each may take for what it is doing. Their sockets are the HTTP library's; here they are
 * only cut off, under a lock that the library's close waits for. */
#ifndef INK_SERVE_VISITS_H
#define INK_SERVE_VISITS_H

#include "serve/metrics.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum visit_state {
    VISIT_IDLE,      /* no request has begun */
    VISIT_RECEIVING, /* one has begun, and is not all there */
    VISIT_WORKING,   /* it is being answered */
    VISIT_SENDING,   /* the answer is on its way */
    VISIT_CUT,       /* over */
} visit_state;

typedef struct visit {
    struct visit *next, *previous;
    visit_state state;
    double since; /* when that began */
    int socket;
} visit;

typedef struct visits {
    pthread_mutex_t lock;
    visit *first;
    size_t coming, count; /* accepted, and begun */
    double timeout; /* seconds for each state but working */
    metrics *metrics;
} visits;

void visits_open(double timeout, metrics *counts, visits *out);
void visits_close(visits *closed);

/* A connection that was accepted counts from then on; it begins, or was lost, on the library's thread. */
void visit_accept(visits *of);
void visit_lose(visits *of);
visit *visit_begin(visits *of, int socket);
void visit_end(visits *of, visit *ended);

/* False where it was cut: then it must not be answered. */
bool visit_turn(visits *of, visit *turned, visit_state state);

size_t visits_count(visits *of); /* those that are coming included */
/* Those with a request that has begun. */
size_t visits_busy(visits *of);
/* Ends those that have taken too long. Who has begun a request is told 408. */
void visits_expire(visits *of);

#endif
