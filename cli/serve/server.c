#include "serve/server.h"

#include "common/say.h"

#if defined INK_HAVE_MICROHTTPD && defined INK_HAVE_JANSSON

#include "common/chance.h"
#include "serve/visits.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum {
    CONNECTION_MEMORY = 4 * API_HEADER_BYTES, /* of the library, for headers and pieces of bodies */
    BODIES = 8,    /* of the largest size are held at once; others are told to come again */
    SWALLOWED = 4, /* so many times the limit is read of a body that is refused, so that its sender sees the answer */
    SPARE = 64,    /* connections above the limit that are told so */
    TICK_MS = 100,
};

/* Consistent with what the page says of itself. */
#define PAGE_POLICY                                                                                                    \
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; object-src 'none'; "        \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct server {
    api *api;
    visits visits;
    const server_limits *limits;
    atomic_size_t held; /* bytes of bodies */
    atomic_bool stopping;
} server;

/* A request on its way. */
typedef struct exchange {
    visit *visit;
    bool judged;
    request asked;
    answer answer;
    size_t capacity;   /* of the body */
    uint64_t received; /* of it, also what was not kept */
    double complete;   /* when it was all there */
    text method, path; /* for the log */
} exchange;

int server_refused(void)
{
    return CLI_DONE;
}

/* ---- a request comes ---- */

static visit *visit_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

/* The first line of a request is there. */
static void *on_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    server *with = context;
    exchange *made = must_alloc(1, sizeof *made);
    made->asked.cuts_words = strstr(uri, "%00") != NULL;
    made->visit = visit_of(connection);
    visit_turn(&with->visits, made->visit, VISIT_RECEIVING);
    return made;
}

static enum MHD_Result on_parameter(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    request *asked = context;
    (void)kind;
    if (asked->parameters < REQUEST_PARAMETERS)
        asked->parameter[asked->parameters] = (request_parameter){ name, value ? value : "" };
    asked->parameters++;
    return MHD_YES;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void take_head(struct MHD_Connection *connection, const char *method, const char *path, exchange *to)
{
    request *asked = &to->asked;
    const char *length = header(connection, "Content-Length"); /* the library has checked it */
    asked->method = method;
    asked->path = path;
    asked->host = header(connection, "Host");
    asked->content_type = header(connection, "Content-Type");
    asked->content_encoding = header(connection, "Content-Encoding");
    asked->accept_encoding = header(connection, "Accept-Encoding");
    asked->if_none_match = header(connection, "If-None-Match");
    asked->length = length ? strtoull(length, NULL, 10) : 0;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    asked->header_bytes = info ? info->header_size : 0;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_parameter, asked);
}

static void drop_body(server *with, exchange *of)
{
    atomic_fetch_sub(&with->held, of->capacity);
    free(of->asked.body);
    of->asked.body = NULL;
    of->asked.body_size = of->capacity = 0;
}

static void refuse_busy(answer *to, const char *why)
{
    answer_error(to, 503, "%s", why);
    to->is_later = true;
}

/* Room for more bytes of the body, or an answer why there is none. */
static void reserve_body(server *with, exchange *of, size_t more)
{
    const uint64_t most = with->api->max_body;
    if (more > most - of->asked.body_size) {
        answer_error(&of->answer, 413, "body: is more than the limit of %" PRIu64 " bytes", most);
        return;
    }
    if (of->capacity - of->asked.body_size >= more)
        return;
    size_t capacity = of->capacity ? 2 * of->capacity : 4096;
    while (capacity < of->asked.body_size + more)
        capacity *= 2;
    capacity = capacity < most ? capacity : (size_t)most;
    const size_t added = capacity - of->capacity;
    if (atomic_fetch_add(&with->held, added) + added > BODIES * most) {
        atomic_fetch_sub(&with->held, added);
        refuse_busy(&of->answer, "too many large bodies at once");
        return;
    }
    uint8_t *larger = realloc(of->asked.body, capacity);
    if (!larger) {
        atomic_fetch_sub(&with->held, added);
        refuse_busy(&of->answer, "no memory for the body");
        return;
    }
    of->asked.body = larger;
    of->capacity = capacity;
}

static void take_piece(server *with, exchange *of, const char *data, size_t size)
{
    of->received += size;
    if (!of->answer.status)
        reserve_body(with, of, size);
    if (of->answer.status) { /* it is only swallowed */
        drop_body(with, of);
        return;
    }
    memcpy(of->asked.body + of->asked.body_size, data, size);
    of->asked.body_size += size;
}

/* ---- an answer goes ---- */

static void free_text(void *data)
{
    free(data);
}

/* The response takes over the answer's text. */
static struct MHD_Response *response_of(answer *from)
{
    if (from->file) /* never written to; the site outlives the daemon */
        return MHD_create_response_from_buffer(from->file_size, (void *)(uintptr_t)from->file, MHD_RESPMEM_PERSISTENT);
    if (!from->body.data)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *made =
        MHD_create_response_from_buffer_with_free_callback(from->body.size, from->body.data, free_text);
    if (made)
        from->body = (text){ 0 };
    return made;
}

static enum MHD_Result send_answer(server *with, struct MHD_Connection *connection, exchange *of)
{
    answer *from = &of->answer;
    const bool is_page = from->type && strncmp(from->type, "text/html", 9) == 0;
    const struct {
        const char *name, *value;
    } headers[] = {
        { "Content-Type", from->type },
        { "X-Content-Type-Options", "nosniff" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cache-Control", from->is_file ? "no-cache" : "no-store" },
        { "ETag", from->etag },
        { "Content-Encoding", from->encoding },
        { "Vary", from->is_file ? "Accept-Encoding" : NULL },
        { "Content-Security-Policy", is_page ? PAGE_POLICY : NULL },
        { "Allow", from->allow },
        { "Retry-After", from->is_later ? "1" : NULL },
        { "Connection", atomic_load(&with->stopping) || from->is_later ? "close" : NULL },
    };
    const unsigned status = from->status;
    struct MHD_Response *response = response_of(from);
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (headers[i].value)
            MHD_add_response_header(response, headers[i].name, headers[i].value);
    visit_turn(&with->visits, of->visit, VISIT_SENDING);
    const enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result finish(server *with, struct MHD_Connection *connection, exchange *of)
{
    if (!visit_turn(&with->visits, of->visit, VISIT_WORKING))
        return MHD_NO; /* it has been answered: 408 */
    of->complete = clock_seconds();
    if (!of->answer.status)
        api_answer(with->api, &of->asked, &of->answer);
    metrics_request(&with->api->metrics, api_route(of->asked.path), of->answer.status, clock_seconds() - of->complete,
                    of->received);
    return send_answer(with, connection, of);
}

/* The library calls this when the header is there, for each piece of the body, and once more when all is there. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **request_context)
{
    server *with = context;
    exchange *of = *request_context;
    (void)version;
    if (!of->judged) {
        of->judged = true;
        take_head(connection, method, path, of);
        if (with->limits->verbose) {
            text_masked_short(&of->method, method, 20);
            text_masked_short(&of->path, path, 200);
        }
        api_judge(with->api, &of->asked, &of->answer);
        if (visits_count(&with->visits) > with->limits->connections)
            refuse_busy(&of->answer, "too many connections");
        /* At once where the sender waits for that, or where what comes is not worth reading. */
        const bool waits = header(connection, "Expect") != NULL;
        if (of->answer.status && (waits || of->asked.length > SWALLOWED * with->api->max_body))
            return finish(with, connection, of);
        return MHD_YES;
    }
    if (*size) {
        take_piece(with, of, data, *size);
        *size = 0;
        if (of->received <= SWALLOWED * with->api->max_body)
            return MHD_YES;
        metrics_cut(&with->api->metrics);
        return MHD_NO;
    }
    return finish(with, connection, of);
}

static void tell(struct MHD_Connection *connection, const exchange *of, double seconds)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[64] = "?";
    text line = { 0 };
    if (info) {
        const socklen_t size =
            info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_storage) : sizeof(struct sockaddr);
        getnameinfo(info->client_addr, size, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    }
    text_printf(&line, "%s %s %s %u %" PRIu64 " bytes %.2f ms\n", address, text_string(&of->method),
                text_string(&of->path), of->answer.status, of->received, seconds * 1e3);
    cli_print_error(&line);
    text_free(&line);
}

/* The answer has gone, or the connection. */
static void on_end(void *context, struct MHD_Connection *connection, void **request_context,
                   enum MHD_RequestTerminationCode why)
{
    server *with = context;
    exchange *of = *request_context;
    (void)why;
    if (!of)
        return;
    if (with->limits->verbose && of->complete > 0)
        tell(connection, of, clock_seconds() - of->complete);
    visit_turn(&with->visits, of->visit, VISIT_IDLE);
    drop_body(with, of);
    answer_close(&of->answer);
    text_free(&of->method);
    text_free(&of->path);
    free(of);
    *request_context = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    server *with = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = visit_begin(&with->visits, info->connect_fd);
    } else {
        visit_end(&with->visits, *socket_context);
        *socket_context = NULL;
    }
}

static void CLI_PRINTF(2, 0) on_message(void *context, const char *format, va_list arguments)
{
    const server *with = context;
    text line = { 0 };
    if (!with->limits->verbose)
        return;
    text_add(&line, "libmicrohttpd: ");
    text_vprintf(&line, format, arguments);
    cli_print_error(&line);
    text_free(&line);
}

/* ---- start and stop ---- */

static const struct timespec moment = { .tv_nsec = 10 * 1000000L };

/* Each connection is an open file. */
static int allow_files(size_t connections)
{
    struct rlimit limit;
    const rlim_t wanted = connections + 4 * SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return CLI_DONE;
    if (limit.rlim_max < wanted)
        return cli_failed("--connections %zu: a process may have %llu files open here (ulimit -Hn), and they are files",
                          connections, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = wanted;
    return setrlimit(RLIMIT_NOFILE, &limit) ? cli_failed("--connections %zu: cannot raise ulimit -n", connections)
                                            : CLI_DONE;
}

/* The library's own limit is a share for each thread, and where it is reached version 0.9.75 keeps a lock for ever. So
 * that is never: no thread could have more than all of ours. */
static unsigned library_limit(const server_limits *limits)
{
    return (unsigned)((limits->connections + 2 * SPARE) * limits->threads);
}

/* Connections are accepted here and given to the library's threads in turn: where the threads accept, whoever wakes
 * first gets most of them, and those wait for each other while other threads have nothing to do. */
static struct MHD_Daemon *start(server *with)
{
    const unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET;
    const server_limits *limits = with->limits;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, with,
                            MHD_OPTION_EXTERNAL_LOGGER, on_message, with, /* the first: it hears of the others */
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)limits->threads,
                            MHD_OPTION_CONNECTION_LIMIT, library_limit(limits),
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_URI_LOG_CALLBACK, on_begin, with,
                            MHD_OPTION_NOTIFY_COMPLETED, on_end, with,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, with,
                            MHD_OPTION_END);
}

static bool has_room(server *with)
{
    return visits_count(&with->visits) < with->limits->connections + SPARE;
}

/* Those that wait, as long as there is room. */
static void accept_some(server *with, struct MHD_Daemon *daemon, int listening)
{
    while (has_room(with)) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        const int made = accept(listening, (struct sockaddr *)&from, &size);
        if (made < 0 && (errno == ECONNABORTED || errno == EINTR))
            continue;
        if (made < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                nanosleep(&moment, NULL); /* no memory or no files: it will be back at once, and not be better */
            return;
        }
        visit_accept(&with->visits);
        if (MHD_add_connection(daemon, made, (struct sockaddr *)&from, size) == MHD_NO) /* which has closed it */
            visit_lose(&with->visits);
    }
}

static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

/* Has one of the signals come? Then it is done with. */
static bool has_come(const sigset_t *signals)
{
    sigset_t pending;
    bool any = false;
    sigpending(&pending);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        any = any || (sigismember(signals, ends[i]) == 1 && sigismember(&pending, ends[i]) == 1);
    int which;
    return any && sigwait(signals, &which) == 0;
}

/* Takes connections until a signal of the set comes, and ends those that take too long. */
static void watch(server *with, struct MHD_Daemon *daemon, int listening, const sigset_t *signals)
{
    struct pollfd waiting = { .fd = listening, .events = POLLIN };
    while (!has_come(signals)) {
        if (poll(&waiting, has_room(with), TICK_MS) > 0)
            accept_some(with, daemon, listening);
        visits_expire(&with->visits);
    }
}

/* What has begun is finished. A request may be on its way on a connection that looks idle, so some moments are waited
 * for it in any case. */
static void drain(server *with)
{
    const double begin = clock_seconds(), grace = 0.1;
    for (;;) {
        const double waited = clock_seconds() - begin;
        if (waited > 2 * with->limits->timeout || (waited > grace && visits_busy(&with->visits) == 0))
            return;
        visits_expire(&with->visits);
        nanosleep(&moment, NULL);
    }
}

/* The threads that are made from here on leave these signals to this one. */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct sigaction now;
        if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(signals, ends[i]);
    }
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* who went away is told by the call that writes */
}

int server_run(api *with, listener *at, const server_limits *limits, int (*ready)(void *context), void *context)
{
    server here = { .api = with, .limits = limits };
    sigset_t signals;
    int code = allow_files(limits->connections);
    if (code)
        return code;
    block_signals(&signals);
    visits_open(limits->timeout, &with->metrics, &here.visits);
    struct MHD_Daemon *daemon = start(&here);
    code = daemon ? ready(context) : cli_failed("libmicrohttpd does not start: --verbose tells why");
    if (daemon && !code) {
        watch(&here, daemon, at->socket, &signals);
        accept_some(&here, daemon, at->socket); /* who was there before the signal */
        listener_stop(at);
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL); /* a second one ends us at once */
        atomic_store(&here.stopping, true);
        api_stop(with);
        drain(&here);
    }
    if (daemon)
        MHD_stop_daemon(daemon);
    visits_close(&here.visits);
    return code;
}

#else

int server_refused(void)
{
#ifdef INK_HAVE_JANSSON
    return cli_failed("serve: this inkling was built without libmicrohttpd");
#else
    return cli_failed("serve: this inkling was built without jansson");
#endif
}

int server_run(api *with, listener *at, const server_limits *limits, int (*ready)(void *context), void *context)
{
    (void)with;
    (void)at;
    (void)limits;
    (void)ready;
    (void)context;
    return server_refused();
}

#endif
