/* inkling as one of the engines that bench/compare measures: inkling.h, and nothing else of it. */
#include "engine_protocol.h"

#include <inkling.h>

static const uint8_t *pixels;
static size_t picture;
static ink_model *model;
static ink_session *session;
static ink_error error;

static const char *open_model(const engine_setup *setup, size_t *classes)
{
    ink_session_options options = INK_SESSION_OPTIONS_INIT;
    options.threads = setup->threads;
    if (ink_model_open(setup->model, NULL, &model, &error) || ink_session_open(model, &options, &session, &error))
        return error.text;
    pixels = setup->pixels;
    picture = setup->picture;
    *classes = ink_model_get_info(model)->classes;
    return NULL;
}

static const char *call(size_t first, size_t batch, float *answers)
{
    return ink_session_run_u8(session, pixels + first * picture, batch, answers, &error) ? error.text : NULL;
}

int main(int argc, char **argv)
{
    static const char *const variants[] = { "bytes", NULL };
    static const size_t pieces[] = { 0 }; /* a session takes pieces of its own */
    static const engine with = { variants, pieces, NULL, open_model, NULL, call, ink_version };
    int code = engine_main(argc, argv, &with);
    ink_session_close(&session);
    ink_model_close(&model);
    return code;
}
