/* The header needs no other before it, may be included twice, and fits the shared library. */
#include <inkling.h>
#include <inkling.h>

#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), 1;      \
    } while (0)

int main(void)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", INK_VERSION_MAJOR, INK_VERSION_MINOR,
             INK_VERSION_PATCH);
    CHECK(!strcmp(version, INK_VERSION));
    CHECK(!strcmp(ink_version(), INK_VERSION));

    const ink_model_options model_options = INK_MODEL_OPTIONS_INIT;
    const ink_session_options session_options = INK_SESSION_OPTIONS_INIT;
    CHECK(model_options.size == sizeof model_options);
    CHECK(session_options.size == sizeof session_options);

    /* Closing what was never opened does nothing. */
    ink_model *model = NULL;
    ink_session *session = NULL;
    ink_builder *builder = NULL;
    ink_buffer buffer = { 0 };
    ink_session_close(&session);
    ink_model_close(&model);
    ink_builder_close(&builder);
    ink_buffer_close(&buffer);

    /* A failure leaves no object and one line of text. */
    ink_error error = { 0 };
    CHECK(ink_model_open("no/such/file", &model_options, &model, &error) == INK_ERR_OPEN);
    CHECK(error.status == INK_ERR_OPEN && !model);
    CHECK(strstr(error.text, "no/such/file") && !strchr(error.text, '\n'));
    return 0;
}
