#include "serve/listener.h"

#include "common/say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING = 512 }; /* connections that nobody has taken yet */

static int bind_failed(const char *host, uint16_t port, int why)
{
    if (why == EADDRINUSE)
        return cli_failed("port %u of %s is taken, perhaps by another 'inkling serve': --port 0 finds a free one",
                          (unsigned)port, host);
    if (why == EACCES)
        return cli_failed("port %u of %s: ports below 1024 are not for everybody, try --port 8080", (unsigned)port,
                          host);
    if (why == EADDRNOTAVAIL)
        return cli_failed("--host: %s is no address of this machine", host);
    return cli_failed("port %u of %s: cannot listen: %s", (unsigned)port, host, strerror(why));
}

static int listen_at(const struct addrinfo *at, const char *host, uint16_t port, int *out)
{
    const int yes = 1;
    const int made = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return bind_failed(host, port, errno);
    /* A server that ended a moment ago does not keep the port; one that runs does. */
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(made, at->ai_addr, at->ai_addrlen) || listen(made, WAITING)) {
        const int why = errno;
        close(made);
        return bind_failed(host, port, why);
    }
    *out = made;
    return CLI_DONE;
}

static bool is_loopback(const struct sockaddr *at)
{
    if (at->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr);
    return at->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr) >> 24 == 127;
}

/* The address as it was bound, with the port that was found. */
static int tell_place(const char *host, listener *to)
{
    struct sockaddr_storage at = { 0 };
    socklen_t size = sizeof at;
    char address[64] = "", port[8] = "";
    if (getsockname(to->socket, (struct sockaddr *)&at, &size) ||
        getnameinfo((struct sockaddr *)&at, size, address, sizeof address, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return cli_failed("%s: cannot find out the port", host);
    const bool six = at.ss_family == AF_INET6;
    to->loopback = is_loopback((struct sockaddr *)&at);
    text_printf(&to->host, six ? "[%s]" : "%s", address);
    text_printf(&to->url, "http://%s:%s/", to->host.data, port);
    return CLI_DONE;
}

int listener_open(const char *host, uint16_t port, listener *out)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char service[8];
    *out = (listener){ .socket = -1 };
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const int failed = getaddrinfo(*host ? host : "127.0.0.1", service, &hints, &found);
    if (failed)
        return cli_failed("--host: %s: %s", host, gai_strerror(failed));
    int code = listen_at(found, host, port, &out->socket);
    freeaddrinfo(found);
    if (!code)
        code = tell_place(host, out);
    if (code)
        listener_close(out);
    return code;
}

void listener_stop(listener *ends)
{
    if (ends->socket >= 0)
        close(ends->socket);
    ends->socket = -1;
}

void listener_close(listener *closed)
{
    listener_stop(closed);
    text_free(&closed->url);
    text_free(&closed->host);
    *closed = (listener){ .socket = -1 };
}
