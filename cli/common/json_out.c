#include "common/json_out.h"

#include "common/say.h"

#ifdef INK_HAVE_JANSSON

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

int js_refused(bool wanted)
{
    (void)wanted;
    return CLI_DONE;
}

static void need(bool done)
{
    if (!done)
        exit(cli_failed("no memory for the JSON document"));
}

static json_t *made(json_t *value)
{
    need(value != NULL);
    return value;
}

json_t *js_map(void)
{
    return made(json_object());
}

json_t *js_list(void)
{
    return made(json_array());
}

void js_put(json_t *map, const char *key, json_t *value)
{
    need(json_object_set_new(map, key, value) == 0);
}

void js_push(json_t *list, json_t *value)
{
    need(json_array_append_new(list, value) == 0);
}

json_t *js_text(const char *string)
{
    text valid = { 0 };
    while (*string) {
        uint32_t code = 0;
        size_t length = utf8_decode(string, &code);
        if (length)
            text_bytes(&valid, string, length);
        else
            text_add(&valid, "\xef\xbf\xbd");
        string += length ? length : 1;
    }
    json_t *value = made(json_string(text_string(&valid)));
    text_free(&valid);
    return value;
}

json_t *js_count(uint64_t number)
{
    return made(number <= INT64_MAX ? json_integer((json_int_t)number) : json_real((double)number));
}

json_t *js_integer(int64_t number)
{
    return made(json_integer(number));
}

json_t *js_number(double number)
{
    return made(isfinite(number) ? json_real(number) : json_null());
}

json_t *js_flag(bool value)
{
    return made(json_boolean(value));
}

json_t *js_nothing(void)
{
    return made(json_null());
}

json_t *js_floats(const float *values, size_t count)
{
    json_t *list = js_list();
    for (size_t i = 0; i < count; i++)
        js_push(list, js_number(values[i]));
    return list;
}

json_t *js_counts(const uint64_t *values, size_t count)
{
    json_t *list = js_list();
    for (size_t i = 0; i < count; i++)
        js_push(list, js_count(values[i]));
    return list;
}

void js_drop(json_t *document)
{
    json_decref(document);
}

int js_write(json_t *document, text *to)
{
    char *string = json_dumps(document, JSON_REAL_PRECISION(9));
    json_decref(document);
    if (!string)
        return cli_failed("no memory for the JSON document");
    text_printf(to, "%s\n", string);
    free(string);
    return CLI_DONE;
}

#else

int js_refused(bool wanted)
{
    return wanted ? cli_failed("--json: this inkling was built without jansson") : CLI_DONE;
}

json_t *js_map(void) { return NULL; }
json_t *js_list(void) { return NULL; }
json_t *js_text(const char *string) { (void)string; return NULL; }
json_t *js_count(uint64_t number) { (void)number; return NULL; }
json_t *js_integer(int64_t number) { (void)number; return NULL; }
json_t *js_number(double number) { (void)number; return NULL; }
json_t *js_flag(bool value) { (void)value; return NULL; }
json_t *js_nothing(void) { return NULL; }

void js_put(json_t *map, const char *key, json_t *value)
{
    (void)map;
    (void)key;
    (void)value;
}

void js_push(json_t *list, json_t *value)
{
    (void)list;
    (void)value;
}

json_t *js_floats(const float *values, size_t count)
{
    (void)values;
    (void)count;
    return NULL;
}

json_t *js_counts(const uint64_t *values, size_t count)
{
    (void)values;
    (void)count;
    return NULL;
}

void js_drop(json_t *document)
{
    (void)document;
}

int js_write(json_t *document, text *to)
{
    (void)document;
    (void)to;
    return js_refused(true);
}

#endif

int js_print(json_t *document)
{
    text answer = { 0 };
    int code = js_write(document, &answer);
    if (!code)
        code = cli_print(&answer);
    text_free(&answer);
    return code;
}
