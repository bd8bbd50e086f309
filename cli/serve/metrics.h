/* What /metrics tells: counts since the start, in Prometheus' text format. */
#ifndef INK_SERVE_METRICS_H
#define INK_SERVE_METRICS_H

#include "common/textbuf.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { METRICS_ROUTES = 8, METRICS_STATUSES = 16, METRICS_BUCKETS = 12 };

typedef struct metrics {
    pthread_mutex_t lock;
    double started;
    size_t routes;
    const char *(*name)(size_t route);
    uint64_t answered[METRICS_ROUTES][METRICS_STATUSES];
    uint64_t bucket[METRICS_ROUTES][METRICS_BUCKETS]; /* requests that took no longer; the last: all */
    double seconds[METRICS_ROUTES];
    uint64_t body_bytes, connections, connections_ended, connections_cut;
} metrics;

/* `name` gives the routes' names, and NULL behind the last, which stands for all others. */
void metrics_open(metrics *out, const char *(*name)(size_t route));
void metrics_close(metrics *closed);

/* A request that took `seconds` from its last byte to its answer. */
void metrics_request(metrics *to, size_t route, unsigned status, double seconds, uint64_t body_bytes);
void metrics_connection(metrics *to, int change); /* 1 opened, -1 ended */
void metrics_cut(metrics *to); /* one was ended because it was too slow, or sent too much */

void metrics_write(metrics *from, text *to);

#endif
