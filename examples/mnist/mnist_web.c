/* The document's web demo on libinkling: web/mnist.js calls these two. README.md has the line that compiles it.
 *
 * The model is loaded at the first digit and kept; one eval is then some microseconds. */
#include <inkling.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DIGIT = 28 * 28 };

int wasm_eval(const uint8_t *digit);
int wasm_random_digit(uint8_t *digit);

/* The digit that 28 x 28 bytes show, 0 = paper, 255 = ink; -1 where the model cannot be used. */
int wasm_eval(const uint8_t *digit)
{
    static ink_model *model;
    static ink_session *session;
    float probability[10];
    ink_error error = { 0 };
    if (!model && ink_model_open("models/mnist/digits.gguf", NULL, &model, &error))
        fprintf(stderr, "%s\n", error.text);
    if (model && !session && ink_session_open(model, NULL, &session, &error))
        fprintf(stderr, "%s\n", error.text);
    if (!session || ink_session_run_u8(session, digit, 1, probability, &error))
        return -1;
    return (int)ink_argmax(probability, 10);
}

/* Writes one of the sample digits, and returns 1; 0 where there are none. */
int wasm_random_digit(uint8_t *digit)
{
    static uint8_t *file;
    static ink_idx images;
    if (!file) {
        FILE *f = fopen("models/mnist/t10k-images.idx3-ubyte", "rb");
        long size = -1;
        ink_error error = { 0 };
        if (f && !fseek(f, 0, SEEK_END) && (size = ftell(f)) > 0 && !fseek(f, 0, SEEK_SET) && (file = malloc((size_t)size)) &&
            fread(file, 1, (size_t)size, f) == (size_t)size &&
            !ink_idx_parse(file, (size_t)size, "t10k-images.idx3-ubyte", &images, &error) && images.item_bytes == DIGIT)
            srand((unsigned)time(NULL));
        else {
            fprintf(stderr, "%s\n", error.text[0] ? error.text : "failed to read the digits");
            free(file);
            file = NULL;
        }
        if (f)
            fclose(f);
    }
    if (!file || !images.items)
        return 0;
    memcpy(digit, images.data + (size_t)rand() % images.items * DIGIT, DIGIT);
    return 1;
}
