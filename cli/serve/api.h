/* The API: what answers a request, as a function of the request and of what was opened at the start. */
#ifndef INK_SERVE_API_H
#define INK_SERVE_API_H

#include "common/run.h"
#include "serve/exchange.h"
#include "serve/metrics.h"
#include "serve/site.h"

#include <pthread.h>

enum {
    API_HEADER_BYTES = 16384,    /* of a request */
    API_IMAGES = 1024,           /* in a body */
    API_PIXELS = 16 * 1000000,   /* of a picture, or of all of a body's together: photos of phones have 12 million */
};

typedef struct api_model {
    const char *path; /* not owned */
    char *name;       /* what requests call it: the file's name without its folder and suffix */
    ink_model *model;
    const ink_model_info *info;
    double load_seconds;
} api_model;

typedef struct api {
    api_model *models;
    size_t count;
    site site;              /* empty where there is no page */
    uint64_t max_body;      /* bytes */
    const char *own_host;   /* not NULL: only requests to this name are answered, and to those of loopback */
    metrics metrics;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t returned;
    ink_session **sessions; /* [seats][count]: who answers takes a seat, so that each session has one thread */
    size_t *free_seats, seats, free_count;
    bool stopping;
} api;

/* Opens the models, and sessions for so many requests at once. Says what is wrong and gives CLI_FAILED, or 0. api_close
 * ends it in either case. */
int api_open(char *const *paths, size_t count, const run_options *run, size_t seats, api *out);
void api_close(api *closed);
void api_stop(api *ends); /* from now on /healthz says so */

/* Which route a path belongs to, for the metrics; the last name is that of all others. */
size_t api_route(const char *path);
const char *api_route_name(size_t route); /* NULL behind the last */

/* What can be said before the body is there: fills `to` where the request is wrong already, or leaves its status 0. */
void api_judge(api *with, const request *asked, answer *to);

/* The answer, whatever the request is. Any number of threads may be in it. The body is only read. */
void api_answer(api *with, const request *asked, answer *to);

#endif
