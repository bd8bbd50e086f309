#include "serve/exchange.h"

#include "common/json_out.h"

#include <stdlib.h>

void answer_close(answer *closed)
{
    text_free(&closed->body);
    *closed = (answer){ 0 };
}

void answer_error(answer *to, unsigned status, const char *format, ...)
{
    va_list arguments;
    text message = { 0 };
    va_start(arguments, format);
    text_vprintf(&message, format, arguments);
    va_end(arguments);
    json_t *document = js_map(), *error = js_map();
    js_put(error, "status", js_count(status));
    js_put(error, "message", js_text(text_string(&message)));
    js_put(document, "error", error);
    answer_close(to);
    to->status = status;
    to->type = "application/json";
    js_write(document, &to->body);
    text_free(&message);
}
