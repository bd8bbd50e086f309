/* What the API opens at the start: models, and sessions for as many requests as are answered at once. */
#include "serve/api.h"

#include <stdlib.h>
#include <string.h>

/* The file's name without its folder and suffix. */
static char *short_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    text copy = { 0 };
    text_bytes(&copy, name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
    return copy.data;
}

static int open_model(const char *path, const run_options *run, api *to)
{
    api_model *one = &to->models[to->count];
    int code = run_open_model(path, run, &one->model, &one->load_seconds);
    if (code)
        return code;
    one->path = path;
    one->info = ink_model_get_info(one->model);
    one->name = short_name(path);
    for (size_t i = 0; i < to->count; i++)
        if (strcmp(to->models[i].name, one->name) == 0)
            code = cli_failed("%s: requests would call it '%s', as they do %s", path, one->name, to->models[i].path);
    to->count++;
    return code;
}

int api_open(char *const *paths, size_t count, const run_options *run, size_t seats, api *out)
{
    int code = CLI_DONE;
    out->models = must_alloc(count, sizeof *out->models);
    out->sessions = must_alloc(seats * count, sizeof *out->sessions);
    out->free_seats = must_alloc(seats, sizeof *out->free_seats);
    out->seats = seats;
    pthread_mutex_init(&out->lock, NULL);
    pthread_cond_init(&out->returned, NULL);
    for (size_t i = 0; i < count && !code; i++)
        code = open_model(paths[i], run, out);
    for (size_t i = 0; i < seats * count && !code; i++)
        code = run_open_session(out->models[i % count].model, run, &out->sessions[i]);
    while (out->free_count < seats) {
        out->free_seats[out->free_count] = out->free_count;
        out->free_count++;
    }
    return code;
}

void api_close(api *closed)
{
    for (size_t i = 0; closed->sessions && i < closed->seats * closed->count; i++)
        ink_session_close(&closed->sessions[i]);
    for (size_t i = 0; i < closed->count; i++) {
        ink_model_close(&closed->models[i].model);
        free(closed->models[i].name);
    }
    if (closed->models) {
        pthread_cond_destroy(&closed->returned);
        pthread_mutex_destroy(&closed->lock);
    }
    free(closed->models);
    free(closed->sessions);
    free(closed->free_seats);
    site_close(&closed->site);
    *closed = (api){ 0 };
}

void api_stop(api *ends)
{
    pthread_mutex_lock(&ends->lock);
    ends->stopping = true;
    pthread_mutex_unlock(&ends->lock);
}
