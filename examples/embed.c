/* Reads one digit: inkling inside a program of your own.
 *
 *     cc -std=c11 embed.c -o embed $(pkg-config --cflags --libs inkling)
 *     ./embed ../models/cnn.gguf ../samples/digit-3.pgm
 *
 * In a tree that was built but not installed:
 *
 *     cc -std=c11 -I../include embed.c ../build/lib/libinkling.a -lm -lpthread -o embed
 *
 * The picture is a binary PGM (P5, 8 bits a pixel) of the model's size, or that many bytes and nothing
 * else, row by row. As in MNIST 0 is paper and 255 is ink. */
#include <inkling.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* A number of a PGM's header; -1 when there is none. Comments run from # to the end of the line. */
static long read_number(FILE *file)
{
    int c = getc(file);
    while (c == '#' || isspace(c)) {
        if (c == '#')
            while (c != '\n' && c != EOF)
                c = getc(file);
        c = getc(file);
    }
    long value = -1;
    for (; isdigit(c) && value < 1000000; c = getc(file))
        value = (value < 0 ? 0 : value * 10) + (c - '0');
    return value; /* the byte after the number is read: before the pixels there is exactly one */
}

/* Fills `pixels`; gives what is wrong, or NULL. */
static const char *read_picture(FILE *file, long width, long height, unsigned char *pixels)
{
    const size_t size = (size_t)(width * height);
    if (fseek(file, 0, SEEK_END))
        return "cannot be read";
    const long bytes = ftell(file);
    rewind(file);
    if (bytes != width * height) {
        if (getc(file) != 'P' || getc(file) != '5')
            return "is neither a binary PGM nor the bytes of a picture";
        if (read_number(file) != width || read_number(file) != height)
            return "does not have the size that the model takes";
        if (read_number(file) != 255)
            return "does not have 8 bits a pixel";
    }
    return fread(pixels, 1, size, file) == size ? NULL : "ends too early";
}

int main(int argc, char **argv)
{
    ink_model *model = NULL;
    ink_session *session = NULL;
    ink_error error;
    if (argc != 3)
        return fprintf(stderr, "usage: embed MODEL PICTURE\n"), 2;

    /* Once: the model, which threads may share, and a session, one for each thread. */
    if (ink_model_open(argv[1], NULL, &model, &error) ||
        ink_session_open(model, NULL, &session, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    const ink_model_info *info = ink_model_get_info(model);
    if (info->channels != 1)
        return fprintf(stderr, "%s: takes pictures of %u colours, wanted grey\n", argv[1],
                       (unsigned)info->channels), 1;
    unsigned char *pixels = malloc((size_t)info->height * info->width);
    float *probability = malloc(info->classes * sizeof *probability);
    FILE *file = fopen(argv[2], "rb");
    if (!pixels || !probability || !file)
        return fprintf(stderr, "%s: %s\n", argv[2], file ? "no memory for it" : "cannot be opened"), 1;

    /* For each picture: its bytes, then its probabilities. */
    const char *fault = read_picture(file, (long)info->width, (long)info->height, pixels);
    if (fault)
        return fprintf(stderr, "%s: %s\n", argv[2], fault), 1;
    if (ink_session_run_u8(session, pixels, 1, probability, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    const size_t best = ink_argmax(probability, info->classes);
    printf("%s %.4f\n", info->labels[best], (double)probability[best]);

    fclose(file);
    free(probability);
    free(pixels);
    ink_session_close(&session);
    ink_model_close(&model);
    return 0;
}
