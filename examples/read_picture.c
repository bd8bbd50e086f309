/* Reads the digits in a picture of any size: where they are, which, and how sure that is.
 *
 *     cc -std=c11 read_picture.c -o read_picture $(pkg-config --cflags --libs inkling)
 *     ./read_picture ../models/digits.gguf picture.pgm
 *     ./read_picture ../models/digits.gguf pixels.raw 640 480
 *
 * The picture is a binary PGM (P5, 8 bits a pixel), or with a width and a height that many bytes of grey, row by row.
 * 0 is black and 255 white; whether the writing is dark or light is found out. */
#include <inkling.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_SIDE = 20000 };

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

/* Fills the picture, whose pixels the caller frees; gives what is wrong, or NULL. A width of 0 is that of the PGM. */
static const char *read_file(FILE *file, long width, long height, ink_picture *picture, unsigned char **pixels)
{
    if (width == 0) {
        if (getc(file) != 'P' || getc(file) != '5')
            return "is no binary PGM";
        width = read_number(file);
        height = read_number(file);
        if (read_number(file) != 255)
            return "does not have 8 bits a pixel";
    }
    if (width < 1 || height < 1 || width > MOST_SIDE || height > MOST_SIDE)
        return "has no size that this program takes";
    const size_t size = (size_t)width * (size_t)height;
    *pixels = malloc(size);
    *picture = (ink_picture){ .pixels = *pixels, .width = (uint32_t)width, .height = (uint32_t)height, .channels = 1 };
    if (!*pixels)
        return "needs more memory than there is";
    return fread(*pixels, 1, size, file) == size ? NULL : "ends too early";
}

int main(int argc, char **argv)
{
    ink_model *model = NULL;
    ink_session *session = NULL;
    ink_reading *reading = NULL;
    ink_picture picture;
    unsigned char *pixels = NULL;
    ink_error error;
    if (argc != 3 && argc != 5)
        return fprintf(stderr, "usage: read_picture MODEL PICTURE [WIDTH HEIGHT]\n"), 2;
    if (ink_model_open(argv[1], NULL, &model, &error) || ink_session_open(model, NULL, &session, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    FILE *file = fopen(argv[2], "rb");
    if (!file)
        return fprintf(stderr, "%s: cannot be opened\n", argv[2]), 1;
    const char *fault = read_file(file, argc > 4 ? atol(argv[3]) : 0, argc > 4 ? atol(argv[4]) : 0, &picture,
                                  &pixels);
    fclose(file);
    if (fault)
        return fprintf(stderr, "%s: %s\n", argv[2], fault), 1;

    /* The options say how: INK_READ_OPTIONS_INIT has them all, and NULL means the same. */
    ink_read_options options = INK_READ_OPTIONS_INIT;
    options.threshold = 0.8f; /* a digit that is less likely is a '?' */
    if (ink_read(session, &picture, &options, &reading, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    printf("%s\n", reading->text);
    const ink_model_info *info = ink_model_get_info(model);
    for (size_t i = 0; i < reading->count; i++) {
        const ink_mark *m = &reading->marks[i];
        printf("%s %.4f at %u,%u, %ux%u%s\n", info->labels[m->digit], (double)m->probability, (unsigned)m->x,
               (unsigned)m->y, (unsigned)m->width, (unsigned)m->height, m->unsure ? ", unsure" : "");
    }

    ink_reading_close(&reading);
    free(pixels);
    ink_session_close(&session);
    ink_model_close(&model);
    return 0;
}
