#include "serve/metrics.h"

#include "common/chance.h"

#include "inkling.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>

/* Those that the server gives; the last stands for all others. */
static const unsigned statuses[METRICS_STATUSES] = { 200, 304, 400, 404, 405, 408, 413, 415, 421, 431, 500, 503, 0 };
enum { OTHER = 12 };

static const double bounds[METRICS_BUCKETS - 1] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                    0.01,   0.025,   0.1,    0.5,   2.5 };

void metrics_open(metrics *out, const char *(*name)(size_t route))
{
    struct timespec now;
    *out = (metrics){ .name = name };
    while (out->routes < METRICS_ROUTES && name(out->routes))
        out->routes++;
    clock_gettime(CLOCK_REALTIME, &now);
    out->started = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    pthread_mutex_init(&out->lock, NULL);
}

void metrics_close(metrics *closed)
{
    pthread_mutex_destroy(&closed->lock);
}

void metrics_request(metrics *to, size_t route, unsigned status, double seconds, uint64_t body_bytes)
{
    size_t column = 0;
    route = route < to->routes ? route : to->routes - 1;
    while (column < OTHER && statuses[column] != status)
        column++;
    pthread_mutex_lock(&to->lock);
    to->answered[route][column]++;
    for (size_t i = 0; i < METRICS_BUCKETS; i++)
        to->bucket[route][i] += i == METRICS_BUCKETS - 1 || seconds <= bounds[i];
    to->seconds[route] += seconds;
    to->body_bytes += body_bytes;
    pthread_mutex_unlock(&to->lock);
}

void metrics_connection(metrics *to, int change)
{
    pthread_mutex_lock(&to->lock);
    to->connections += change > 0;
    to->connections_ended += change < 0;
    pthread_mutex_unlock(&to->lock);
}

void metrics_cut(metrics *to)
{
    pthread_mutex_lock(&to->lock);
    to->connections_cut++;
    pthread_mutex_unlock(&to->lock);
}

static void head(text *to, const char *name, const char *type, const char *help)
{
    text_printf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_requests(const metrics *from, text *to)
{
    head(to, "inkling_http_requests_total", "counter", "Requests that were answered.");
    for (size_t r = 0; r < from->routes; r++)
        for (size_t s = 0; s <= OTHER; s++) {
            if (!from->answered[r][s])
                continue;
            text_printf(to, "inkling_http_requests_total{route=\"%s\",status=\"", from->name(r));
            if (statuses[s])
                text_printf(to, "%u", statuses[s]);
            else
                text_add(to, "other");
            text_printf(to, "\"} %" PRIu64 "\n", from->answered[r][s]);
        }
    head(to, "inkling_http_request_seconds", "histogram", "Time from a request's last byte to its answer.");
    for (size_t r = 0; r < from->routes; r++) {
        const uint64_t all = from->bucket[r][METRICS_BUCKETS - 1];
        for (size_t i = 0; i < METRICS_BUCKETS && all; i++) {
            text_printf(to, "inkling_http_request_seconds_bucket{route=\"%s\",le=\"", from->name(r));
            if (i < METRICS_BUCKETS - 1)
                text_printf(to, "%g", bounds[i]);
            else
                text_add(to, "+Inf");
            text_printf(to, "\"} %" PRIu64 "\n", from->bucket[r][i]);
        }
        if (all)
            text_printf(to,
                        "inkling_http_request_seconds_sum{route=\"%s\"} %.9g\n"
                        "inkling_http_request_seconds_count{route=\"%s\"} %" PRIu64 "\n",
                        from->name(r), from->seconds[r], from->name(r), all);
    }
}

void metrics_write(metrics *from, text *to)
{
    struct rusage used = { 0 };
    getrusage(RUSAGE_SELF, &used);
    pthread_mutex_lock(&from->lock);
    const metrics now = *from; /* so that nobody waits while text is made */
    pthread_mutex_unlock(&from->lock);
    head(to, "inkling_info", "gauge", "The version that runs.");
    text_printf(to, "inkling_info{version=\"%s\",cpu=\"%s\"} 1\n", ink_version(), ink_cpu_name(ink_cpu_detect()));
    write_requests(&now, to);
    head(to, "inkling_http_body_bytes_total", "counter", "Bytes of the requests' bodies.");
    text_printf(to, "inkling_http_body_bytes_total %" PRIu64 "\n", now.body_bytes);
    head(to, "inkling_http_connections", "gauge", "Connections that are open.");
    text_printf(to, "inkling_http_connections %" PRIu64 "\n", now.connections - now.connections_ended);
    head(to, "inkling_http_connections_total", "counter", "Connections that were opened.");
    text_printf(to, "inkling_http_connections_total %" PRIu64 "\n", now.connections);
    head(to, "inkling_http_connections_cut_total", "counter", "Connections that were too slow, or sent too much.");
    text_printf(to, "inkling_http_connections_cut_total %" PRIu64 "\n", now.connections_cut);
    head(to, "process_cpu_seconds_total", "counter", "Processor time, user and system.");
    text_printf(to, "process_cpu_seconds_total %.6f\n",
                (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    head(to, "process_start_time_seconds", "gauge", "When the server was started, in seconds since 1970.");
    text_printf(to, "process_start_time_seconds %.3f\n", now.started);
}
