#include "serve/visits.h"

#include "common/chance.h"
#include "common/textbuf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TOO_SLOW "{\"error\": {\"status\": 408, \"message\": \"the request took too long to come\"}}\n"

void visits_open(double timeout, metrics *counts, visits *out)
{
    *out = (visits){ .timeout = timeout, .metrics = counts };
    pthread_mutex_init(&out->lock, NULL);
}

void visits_close(visits *closed)
{
    pthread_mutex_destroy(&closed->lock);
}

void visit_accept(visits *of)
{
    pthread_mutex_lock(&of->lock);
    of->coming++;
    pthread_mutex_unlock(&of->lock);
}

void visit_lose(visits *of)
{
    pthread_mutex_lock(&of->lock);
    of->coming--;
    pthread_mutex_unlock(&of->lock);
}

visit *visit_begin(visits *of, int socket)
{
    visit *made = must_alloc(1, sizeof *made);
    made->socket = socket;
    made->since = clock_seconds();
    pthread_mutex_lock(&of->lock);
    made->next = of->first;
    if (made->next)
        made->next->previous = made;
    of->first = made;
    of->coming--;
    of->count++;
    pthread_mutex_unlock(&of->lock);
    metrics_connection(of->metrics, 1);
    return made;
}

void visit_end(visits *of, visit *ended)
{
    pthread_mutex_lock(&of->lock);
    if (ended->previous)
        ended->previous->next = ended->next;
    else
        of->first = ended->next;
    if (ended->next)
        ended->next->previous = ended->previous;
    of->count--;
    pthread_mutex_unlock(&of->lock);
    free(ended);
    metrics_connection(of->metrics, -1);
}

bool visit_turn(visits *of, visit *turned, visit_state state)
{
    const double now = clock_seconds();
    pthread_mutex_lock(&of->lock);
    const bool goes_on = turned->state != VISIT_CUT;
    if (goes_on) {
        turned->state = state;
        turned->since = now;
    }
    pthread_mutex_unlock(&of->lock);
    return goes_on;
}

size_t visits_count(visits *of)
{
    pthread_mutex_lock(&of->lock);
    const size_t count = of->coming + of->count;
    pthread_mutex_unlock(&of->lock);
    return count;
}

size_t visits_busy(visits *of)
{
    size_t count = 0;
    pthread_mutex_lock(&of->lock);
    for (const visit *v = of->first; v; v = v->next)
        count += v->state == VISIT_RECEIVING || v->state == VISIT_WORKING || v->state == VISIT_SENDING;
    pthread_mutex_unlock(&of->lock);
    return count;
}

/* The HTTP library cannot answer before a request is all there, so this is written past it: nothing else is written to
 * the socket before the state is VISIT_WORKING. */
static void send_too_slow(int socket)
{
    text whole = { 0 };
    text_printf(&whole, "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                "Connection: close\r\n\r\n%s", strlen(TOO_SLOW), TOO_SLOW);
    send(socket, whole.data, whole.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    text_free(&whole);
}

void visits_expire(visits *of)
{
    const double now = clock_seconds();
    size_t cut = 0;
    pthread_mutex_lock(&of->lock);
    for (visit *v = of->first; v; v = v->next) {
        if (v->state == VISIT_WORKING || v->state == VISIT_CUT || now - v->since <= of->timeout)
            continue;
        if (v->state == VISIT_RECEIVING)
            send_too_slow(v->socket);
        v->state = VISIT_CUT;
        shutdown(v->socket, SHUT_RDWR);
        cut++;
    }
    pthread_mutex_unlock(&of->lock);
    while (cut-- > 0)
        metrics_cut(of->metrics);
}
