/* A program of somebody else's: prints the digit that a model sees on white paper. */
#include <inkling.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    static unsigned char pixels[28 * 28];
    float probability[10];
    ink_model *model = NULL;
    ink_session *session = NULL;
    ink_error error;
    if (argc != 2)
        return 2;
    if (ink_model_open(argv[1], NULL, &model, &error) ||
        ink_session_open(model, NULL, &session, &error) ||
        ink_session_run_u8(session, pixels, 1, probability, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    printf("%s %zu\n", ink_version(), ink_argmax(probability, 10));
    ink_session_close(&session);
    ink_model_close(&model);
    return 0;
}
