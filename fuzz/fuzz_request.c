/* A request to the server: each has an answer, and what is no picture is refused in words.
 * The input is text up to the body: a line "METHOD PATH?NAME=VALUE&...", a line with the Content-Type, the body. */
#include "fuzz.h"

#include "common/picture_file.h"
#include "serve/api.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PIXELS = 1 << 14, MOST_LINE = 512 };

/* ---- a server with two small models and a page ---- */

static void save_model(const char *network_text, uint32_t channels, uint32_t side, const char *path)
{
    const ink_network_options network = { .size = sizeof network, .channels = channels, .height = side, .width = side };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_error error;
    FUZZ_CHECK_OK(ink_network_open(network_text, strlen(network_text), &network, &builder, &error), error);
    FUZZ_CHECK_OK(ink_builder_init_weights(builder, 3, &error), error);
    FUZZ_CHECK_OK(ink_builder_model(builder, NULL, &model, &error), error);
    FUZZ_CHECK_OK(ink_model_save(model, path, INK_LAYOUT_INKLING, &error), error);
    ink_model_close(&model);
    ink_builder_close(&builder);
}

static api *server(void)
{
    static const run_options run = RUN_DEFAULTS;
    static api opened;
    if (opened.count)
        return &opened;
    char folder[] = "/tmp/fuzz-request-XXXXXX";
    char names[3][64];
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    snprintf(names[0], sizeof names[0], "%s/grey.gguf", folder);
    snprintf(names[1], sizeof names[1], "%s/colour.gguf", folder);
    snprintf(names[2], sizeof names[2], "%s/index.html", folder);
    save_model("flatten\ndense units=classes\n", 1, 12, names[0]);
    save_model("flatten\ndense units=classes\n", 3, 4, names[1]);
    FILE *page = fopen(names[2], "w");
    FUZZ_CHECK(page && fputs("<!doctype html>", page) >= 0 && fclose(page) == 0);
    opened.max_body = 1 << 20;
    metrics_open(&opened.metrics, api_route_name);
    char *models[] = { names[0], names[1] };
    FUZZ_CHECK(api_open(models, 2, &run, 1, &opened) == CLI_DONE);
    FUZZ_CHECK(site_open(folder, &opened.site) == CLI_DONE);
    for (int i = 0; i < 3; i++)
        remove(names[i]);
    rmdir(folder);
    return &opened;
}

/* ---- the input as a request ---- */

/* Cuts off the text up to `end`, or to the line's end; NULL where nothing is left. */
static char *cut(char **rest, char end)
{
    char *begin = *rest;
    char *at = begin ? strchr(begin, end) : NULL;
    *rest = at ? at + 1 : NULL;
    if (at)
        *at = 0;
    return begin;
}

/* The next line of the input, in `to`; what is too long is cut. */
static void take_line(const uint8_t **data, size_t *size, char to[MOST_LINE])
{
    const uint8_t *end = memchr(*data, '\n', *size);
    const size_t length = end ? (size_t)(end - *data) : *size, kept = length < MOST_LINE - 1 ? length : MOST_LINE - 1;
    memcpy(to, *data, kept);
    to[kept] = 0;
    *data += length + (end != NULL);
    *size -= length + (end != NULL);
}

static void take_query(char *query, request *to)
{
    while (query) {
        char *value = cut(&query, '&');
        const char *name = cut(&value, '=');
        if (to->parameters < REQUEST_PARAMETERS)
            to->parameter[to->parameters] = (request_parameter){ name, value ? value : "" };
        to->parameters++;
    }
}

/* ---- what must hold ---- */

static void check_answer(const request *asked, const answer *got)
{
    FUZZ_CHECK(got->status == 200 || got->status == 304 || (got->status >= 400 && got->status <= 503));
    FUZZ_CHECK((got->allow != NULL) == (got->status == 405));
    if (got->is_file || got->status == 304)
        return;
    FUZZ_CHECK(got->body.size > 0 && got->body.data[got->body.size - 1] == '\n');
    if (strcmp(got->type, "application/json") != 0) {
        FUZZ_CHECK(strcmp(asked->path, "/metrics") == 0 && got->status == 200);
        return;
    }
    FUZZ_CHECK(strlen(got->body.data) == got->body.size);
    json_error_t where;
    json_t *document = json_loads(got->body.data, 0, &where);
    if (!document)
        fuzz_stop("the answer is JSON", where.text, __FILE__, __LINE__);
    const json_t *error = json_object_get(document, "error");
    FUZZ_CHECK((error == NULL) == (got->status == 200));
    if (error) {
        const char *message = json_string_value(json_object_get(error, "message"));
        FUZZ_CHECK(json_integer_value(json_object_get(error, "status")) == got->status);
        FUZZ_CHECK(message && *message && !strchr(message, '\n'));
    }
    json_decref(document);
}

/* Time is better spent on small ones. */
static bool is_large(const request *asked)
{
    picture_file file;
    text said = { 0 };
    cli_catch(&said);
    const bool opened = picture_file_open("body", asked->body, asked->body_size, "", &file) == CLI_DONE;
    cli_catch(NULL);
    text_free(&said);
    return opened && (uint64_t)file.width * file.height > MOST_PIXELS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[MOST_LINE], type[MOST_LINE];
    request asked = { 0 };
    answer judged = { 0 }, got = { 0 };
    take_line(&data, &size, line);
    take_line(&data, &size, type);
    if (strpbrk(line, "\r") || size > MOST_PIXELS * 4)
        return 0;
    char *rest = line;
    asked.method = cut(&rest, ' ');
    asked.path = cut(&rest, '?');
    asked.path = asked.path ? asked.path : "";
    take_query(rest, &asked);
    asked.content_type = *type ? type : NULL;
    asked.length = asked.body_size = size;
    asked.body = malloc(size ? size : 1);
    FUZZ_CHECK(asked.body != NULL);
    if (size)
        memcpy(asked.body, data, size);
    if (!is_large(&asked)) {
        api_judge(server(), &asked, &judged);
        api_answer(server(), &asked, &got);
        FUZZ_CHECK(!judged.status || judged.status == got.status); /* the body does not make it better */
        check_answer(&asked, &got);
        FUZZ_CHECK(!size || memcmp(asked.body, data, size) == 0);
        metrics_request(&server()->metrics, api_route(asked.path), got.status, 0, size);
    }
    answer_close(&judged);
    answer_close(&got);
    free(asked.body);
    return 0;
}
