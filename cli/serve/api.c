#include "serve/api.h"

#include "common/answer_json.h"
#include "common/chance.h"
#include "common/run.h"
#include "serve/body.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the query says. */
typedef struct choices {
    const api_model *model;
    bool prepare;
    ink_read_options reading;
} choices;

typedef struct route {
    const char *path, *allow; /* the methods, as Allow lists them */
    const char *parameters;   /* of the query, for messages; NULL: none */
    void (*answer)(api *with, const request *asked, const choices *how, answer *to);
} route;

/* ---- the query ---- */

typedef struct parameter {
    const char *name, *wanted;
    bool (*take)(const api *with, const char *value, choices *to);
} parameter;

static bool take_flag(const char *value, bool *to)
{
    *to = strcmp(value, "1") == 0;
    return *to || strcmp(value, "0") == 0;
}

static bool take_model(const api *with, const char *value, choices *to)
{
    to->model = NULL;
    for (size_t i = 0; i < with->count && !to->model; i++)
        if (strcmp(with->models[i].name, value) == 0)
            to->model = &with->models[i];
    return to->model != NULL;
}

static bool take_threshold(const api *with, const char *value, choices *to)
{
    double number;
    (void)with;
    if (!cli_parse_real(value, &number) || number < 0 || number > 1)
        return false;
    to->reading.threshold = run_threshold(number);
    return true;
}

static bool take_polarity(const api *with, const char *value, choices *to)
{
    (void)with;
    return run_polarity(value, &to->reading.polarity);
}

static bool take_single(const api *with, const char *value, choices *to)
{
    bool single;
    (void)with;
    const bool good = take_flag(value, &single);
    to->reading.single = single;
    return good;
}

static bool take_prepare(const api *with, const char *value, choices *to)
{
    (void)with;
    return take_flag(value, &to->prepare);
}

static const parameter parameters[] = {
    { "model", "the name of a model of GET /v1/models", take_model },
    { "threshold", "a number from 0 to 1", take_threshold },
    { "polarity", "find, dark or light", take_polarity },
    { "single", "0 or 1", take_single },
    { "prepare", "0 or 1", take_prepare },
};

/* Is `name` a word of `list`? */
static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (; list && *list && length; list += strspn(list, ", ")) {
        const size_t size = strcspn(list, ", ");
        if (size == length && strncmp(list, name, length) == 0)
            return true;
        list += size;
    }
    return false;
}

static void take_parameter(const api *with, const route *at, const request_parameter *given, choices *how, answer *to)
{
    const parameter *known = NULL;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (strcmp(parameters[i].name, given->name) == 0 && is_listed(at->parameters, given->name))
            known = &parameters[i];
    if (!known)
        answer_error(to, 400, "unknown parameter '%s', wanted %s", given->name,
                     at->parameters ? at->parameters : "none");
    else if (!known->take(with, given->value, how))
        answer_error(to, known->take == take_model ? 404 : 400, "%s: wanted %s, found '%s'", known->name,
                     known->wanted, given->value);
}

static void read_query(const api *with, const route *at, const request *asked, choices *how, answer *to)
{
    *how = (choices){ .model = with->models, .reading = INK_READ_OPTIONS_INIT };
    if (asked->parameters > REQUEST_PARAMETERS)
        answer_error(to, 400, "%zu parameters, more than the limit of %d", asked->parameters, REQUEST_PARAMETERS);
    for (size_t i = 0; i < asked->parameters && !to->status; i++)
        take_parameter(with, at, &asked->parameter[i], how, to);
}

/* ---- sessions ---- */

static size_t take_seat(api *with)
{
    pthread_mutex_lock(&with->lock);
    while (with->free_count == 0)
        pthread_cond_wait(&with->returned, &with->lock);
    const size_t seat = with->free_seats[--with->free_count];
    pthread_mutex_unlock(&with->lock);
    return seat;
}

static void return_seat(api *with, size_t seat)
{
    pthread_mutex_lock(&with->lock);
    with->free_seats[with->free_count++] = seat;
    pthread_cond_signal(&with->returned);
    pthread_mutex_unlock(&with->lock);
}

static ink_session *session_of(const api *with, size_t seat, const api_model *model)
{
    return with->sessions[seat * with->count + (size_t)(model - with->models)];
}

/* ---- the answers ---- */

static void send_json(json_t *document, answer *to)
{
    to->status = 200;
    to->type = "application/json";
    js_write(document, &to->body);
}

/* HTTP's status, or 0; what is wrong was said. */
static unsigned run_set(const api_model *model, ink_session *session, const image_set *set, float *answers,
                        uint8_t *states)
{
    if (!set->prepare)
        return run_images(session, model->name, set->data, set->count, model->info->classes, answers) ? 500 : 0;
    const preparing with = { model->name, model->info, &session, 1 };
    const preparing_answers room = { NULL, answers, states };
    progress quiet = { 0 };
    return preparing_run(&with, set, NULL, 0, set->count, &room, &quiet, 0, set->count) ? 500 : 0;
}

static json_t *prediction_json(const api_model *model, const image_set *set, const float *answers,
                               const uint8_t *states, double seconds)
{
    json_t *document = js_map(), *results = js_list();
    for (size_t i = 0; i < set->count; i++) {
        const preparing_state state = states[i];
        js_push(results, json_of_prediction(BODY_NAME, i, model->info, answers + i * model->info->classes,
                                            set->prepare ? &state : NULL));
    }
    js_put(document, "model", js_text(model->name));
    js_put(document, "results", results);
    js_put(document, "load_ms", js_number(model->load_seconds * 1e3));
    js_put(document, "us_per_image", js_number(seconds * 1e6 / (double)set->count));
    js_put(document, "threads", js_count(1));
    js_put(document, "cpu", js_text(ink_cpu_name(model->info->cpu)));
    return document;
}

static void predict(api *with, const request *asked, const choices *how, answer *to)
{
    image_set set;
    text said = { 0 };
    cli_catch(&said);
    const image_prepare prepare = how->prepare ? IMAGE_PREPARE_ALL : IMAGE_PREPARE_OTHERS;
    unsigned status = body_images(asked, how->model->info, prepare, &set);
    if (!status) {
        float *answers = must_alloc(set.count, how->model->info->classes * sizeof *answers);
        uint8_t *states = must_alloc(set.count, sizeof *states);
        const size_t seat = take_seat(with);
        const double start = clock_seconds();
        status = run_set(how->model, session_of(with, seat, how->model), &set, answers, states);
        const double seconds = clock_seconds() - start;
        return_seat(with, seat);
        if (!status)
            send_json(prediction_json(how->model, &set, answers, states, seconds), to);
        free(answers);
        free(states);
    }
    cli_catch(NULL);
    if (status)
        answer_error(to, status, "%s", text_string(&said));
    text_free(&said);
    image_set_close(&set);
}

static unsigned read_one(const choices *how, ink_session *session, const picture *shown, json_t *images)
{
    const ink_picture given = { shown->pixels, shown->width, shown->height, shown->channels, 0 };
    const ink_model_info *info = how->model->info;
    ink_reading *reading = NULL;
    if (run_read(session, how->model->name, BODY_NAME, &given, &how->reading, info->classes, &reading))
        return 500;
    js_push(images, json_of_reading(BODY_NAME, info, shown, reading));
    ink_reading_close(&reading);
    return 0;
}

/* Many pictures, as bytes or in an IDX file. */
static unsigned read_set(const request *asked, const choices *how, ink_session *session, json_t *images)
{
    image_set set;
    unsigned status = body_images(asked, how->model->info, IMAGE_PREPARE_ALL, &set);
    for (size_t i = 0; i < set.count && !status; i++) {
        const size_t size = (size_t)set.height * set.width;
        uint8_t *pixels = asked->body + (set.data - asked->body) + i * size; /* only read */
        const picture one = { set.width, set.height, 1, pixels, set.width, set.height };
        status = read_one(how, session, &one, images);
    }
    image_set_close(&set);
    return status;
}

static unsigned read_picture(const request *asked, const choices *how, ink_session *session, json_t *images)
{
    picture one;
    unsigned status = body_picture(asked, &one);
    if (!status)
        status = read_one(how, session, &one, images);
    picture_close(&one);
    return status;
}

static void read_numbers(api *with, const request *asked, const choices *how, answer *to)
{
    text said = { 0 };
    cli_catch(&said);
    json_t *document = js_map(), *images = js_list();
    js_put(document, "model", js_text(how->model->name));
    js_put(document, "images", images);
    unsigned status = image_model_check(how->model->name, how->model->info) ? 400 : 0;
    if (!status) {
        const size_t seat = take_seat(with);
        ink_session *session = session_of(with, seat, how->model);
        status = body_kind_of(asked->content_type) == BODY_PICTURE ? read_picture(asked, how, session, images)
                                                                   : read_set(asked, how, session, images);
        return_seat(with, seat);
    }
    cli_catch(NULL);
    if (status) {
        js_drop(document);
        answer_error(to, status, "%s", text_string(&said));
    } else {
        send_json(document, to);
    }
    text_free(&said);
}

static void list_models(api *with, const request *asked, const choices *how, answer *to)
{
    json_t *document = js_map(), *models = js_list();
    (void)asked;
    (void)how;
    for (size_t i = 0; i < with->count; i++) {
        json_t *one = js_map();
        js_put(one, "model", js_text(with->models[i].name));
        js_put(one, "default", js_flag(i == 0));
        json_put_model(one, with->models[i].info);
        js_push(models, one);
    }
    js_put(document, "models", models);
    send_json(document, to);
}

static void tell_health(api *with, const request *asked, const choices *how, answer *to)
{
    (void)asked;
    (void)how;
    pthread_mutex_lock(&with->lock);
    const bool stopping = with->stopping;
    pthread_mutex_unlock(&with->lock);
    if (stopping) {
        answer_error(to, 503, "the server is stopping");
        return;
    }
    json_t *document = js_map();
    js_put(document, "status", js_text("ok"));
    js_put(document, "version", js_text(ink_version()));
    send_json(document, to);
}

static void tell_metrics(api *with, const request *asked, const choices *how, answer *to)
{
    (void)asked;
    (void)how;
    to->status = 200;
    to->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(&with->metrics, &to->body);
}

/* ---- routes ---- */

static const route routes[] = {
    { "/v1/predict", "POST", "model, prepare", predict },
    { "/v1/read", "POST", "model, threshold, polarity, single", read_numbers },
    { "/v1/models", "GET, HEAD", NULL, list_models },
    { "/healthz", "GET, HEAD", NULL, tell_health },
    { "/metrics", "GET, HEAD", NULL, tell_metrics },
};
enum { ROUTES = sizeof routes / sizeof *routes };

const char *api_route_name(size_t at)
{
    return at < ROUTES ? routes[at].path : at == ROUTES ? "other" : NULL;
}

size_t api_route(const char *path)
{
    size_t at = 0;
    while (at < ROUTES && strcmp(routes[at].path, path) != 0)
        at++;
    return at;
}

/* The name in "name:port", "[::1]:port" or without a port is `name`. */
static bool is_host(const char *host, const char *name)
{
    const size_t length = strlen(name);
    if (strncasecmp(host, name, length) != 0 || (host[length] && host[length] != ':'))
        return false;
    return !host[length] || !host[length + 1 + strspn(host + length + 1, "0123456789")];
}

/* A page elsewhere can have its own name mean 127.0.0.1, and would then be taken for ours by the browser; the header
 * still has that name. What is no browser may leave it out. */
static bool is_our_host(const api *with, const char *host)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
    if (!with->own_host || !host || is_host(host, with->own_host))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_host(host, names[i]))
            return true;
    return false;
}

static void check_method(const char *allow, const request *asked, answer *to)
{
    if (is_listed(allow, asked->method))
        return;
    answer_error(to, 405, "%s: wanted %s, found %s", asked->path, allow, asked->method);
    to->allow = allow;
}

static void check_body(const api *with, const request *asked, answer *to)
{
    if (asked->length > with->max_body)
        answer_error(to, 413, BODY_NAME ": is %" PRIu64 " bytes, more than the limit of %" PRIu64, asked->length,
                     with->max_body);
    else if (asked->content_encoding && strcasecmp(asked->content_encoding, "identity") != 0)
        answer_error(to, 415, "Content-Encoding: wanted none, found '%s'", asked->content_encoding);
    else if (body_kind_of(asked->content_type) == BODY_UNKNOWN)
        answer_error(to, 415, "Content-Type: wanted %s, found %s%s%s", body_types, asked->content_type ? "'" : "",
                     asked->content_type ? asked->content_type : "none", asked->content_type ? "'" : "");
}

static void judge(const api *with, const request *asked, choices *how, answer *to)
{
    const size_t at = api_route(asked->path);
    if (asked->header_bytes > API_HEADER_BYTES)
        answer_error(to, 431, "the header is %zu bytes, more than the limit of %d", asked->header_bytes,
                     API_HEADER_BYTES);
    else if (!is_our_host(with, asked->host))
        answer_error(to, 421, "Host: wanted localhost, 127.0.0.1 or [::1], found '%s'", asked->host);
    else if (asked->cuts_words)
        answer_error(to, 400, "the address has a %%00 in it");
    else if (at < ROUTES)
        check_method(routes[at].allow, asked, to);
    else if (!site_find(&with->site, asked->path))
        answer_error(to, 404, "%s: is not there", asked->path);
    else
        check_method("GET, HEAD", asked, to);
    if (!to->status && at < ROUTES)
        read_query(with, &routes[at], asked, how, to);
    if (!to->status && at < ROUTES && strcmp(routes[at].allow, "POST") == 0)
        check_body(with, asked, to);
}

void api_judge(api *with, const request *asked, answer *to)
{
    choices how;
    judge(with, asked, &how, to);
}

void api_answer(api *with, const request *asked, answer *to)
{
    const size_t at = api_route(asked->path);
    choices how;
    judge(with, asked, &how, to);
    if (to->status)
        return;
    if (at < ROUTES)
        routes[at].answer(with, asked, &how, to);
    else
        site_answer(site_find(&with->site, asked->path), asked, to);
}
