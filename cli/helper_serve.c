/* inkling-serve: the program behind `inkling serve`. */
#include "common/serve_options.h"

#include "common/where.h"
#include "serve/server.h"

#include <stdlib.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Where the page is; an empty path where there is none. */
static int open_site(const serve_options *how, site *out)
{
    if (how->web)
        return site_open(how->web, out);
    char *found = where_shared("web");
    int code = CLI_DONE;
    if (found)
        code = site_open(found, out);
    free(found);
    return code;
}

/* The page needs its module, which the source tree does not hold before it is built. */
static void tell_site(const site *page)
{
    text line = { 0 };
    if (!site_find(page, "/"))
        text_add(&line, "inkling: no page is there, only the API (--web DIR names its folder)\n");
    else if (!site_find(page, "/inkling.wasm"))
        text_add(&line, "inkling: the page's module is not built: scripts/build-web makes web/inkling.wasm\n");
    if (line.size)
        cli_print_error(&line);
    text_free(&line);
}

static size_t default_threads(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 4 ? (size_t)(processors < 256 ? processors : 256) : 4;
}

static int tell_url(void *context)
{
    const text *url = context;
    text line = { 0 };
    if (!url)
        return CLI_DONE;
    text_printf(&line, "%s\n", url->data);
    int code = cli_print(&line);
    text_free(&line);
    return code;
}

static int run(const void *given, char *const *paths, size_t count)
{
    const serve_options *how = given;
    api served = { .max_body = how->max_body << 20 };
    listener at = { .socket = -1 };
    const server_limits limits = { .threads = how->threads ? (size_t)how->threads : default_threads(),
                                   .connections = (size_t)how->connections, .timeout = (double)how->timeout,
                                   .verbose = how->verbose };
    int code = server_refused();
    if (code)
        return code;
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 << 10); /* large pictures go back to the system when they are done with */
#endif
    metrics_open(&served.metrics, api_route_name);
    code = api_open(paths, count, &how->run, limits.threads, &served);
    if (!code)
        code = open_site(how, &served.site);
    if (!code)
        code = listener_open(how->host, (uint16_t)how->port, &at);
    if (!code && !how->quiet)
        tell_site(&served.site);
    if (!code) {
        served.own_host = at.loopback ? at.host.data : NULL;
        code = server_run(&served, &at, &limits, tell_url, how->quiet ? NULL : &at.url);
    }
    listener_close(&at);
    api_close(&served);
    metrics_close(&served.metrics);
    return code;
}

int main(int argc, char **argv)
{
    cli_start("inkling");
    where_start(argc > 0 ? argv[0] : NULL);
    cli_command command = serve_command;
    command.run = run;
    return cli_run(&command, argc, argv);
}
