#include "common/measure.h"

#include "common/say.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 };

static void note_misread(measure *m, size_t most, report_misread one)
{
    size_t place = m->misread_count;
    while (place > 0 && one.probability > m->misreads[place - 1].probability)
        place--;
    if (place == most)
        return;
    m->misread_count += m->misread_count < most;
    memmove(m->misreads + place + 1, m->misreads + place, (m->misread_count - 1 - place) * sizeof *m->misreads);
    m->misreads[place] = one;
}

int measure_model(const ink_model *model, uint32_t threads, const ink_examples *examples,
                  const uint32_t *indices, size_t count, size_t most_misreads, measure *out)
{
    const ink_model_info *info = ink_model_get_info(model);
    const size_t classes = info->classes, size = (size_t)info->channels * info->height * info->width;
    ink_session_options options = INK_SESSION_OPTIONS_INIT;
    ink_session *session;
    ink_error error;
    options.threads = threads;
    *out = (measure){ 0 };
    if (ink_session_open(model, &options, &session, &error))
        return cli_failed("%s", error.text);
    *out = (measure){ .count = count, .confusion = must_alloc(classes * classes, sizeof *out->confusion),
                      .misreads = must_alloc(most_misreads + 1, sizeof *out->misreads) };
    uint8_t *pixels = must_alloc(BLOCK, size);
    float *answers = must_alloc(BLOCK * classes, sizeof *answers);
    int code = CLI_DONE;
    for (size_t at = 0, block; at < count && !code; at += block) {
        block = count - at < BLOCK ? count - at : BLOCK;
        for (size_t i = 0; i < block; i++)
            memcpy(pixels + i * size, examples->pixels + (indices ? indices[at + i] : at + i) * size, size);
        if (ink_session_run_u8(session, pixels, block, answers, &error))
            code = cli_failed("%s", error.text);
        for (size_t i = 0; i < block && !code; i++) {
            const float *answer = answers + i * classes;
            const size_t index = indices ? indices[at + i] : at + i, predicted = ink_argmax(answer, classes);
            const uint8_t label = examples->labels[index];
            out->confusion[label * classes + predicted]++;
            out->correct += predicted == label;
            if (predicted != label)
                note_misread(out, most_misreads,
                             (report_misread){ .pixels = examples->pixels + index * size, .index = index,
                                               .label = label, .predicted = (uint8_t)predicted,
                                               .probability = answer[predicted],
                                               .label_probability = answer[label] });
        }
    }
    free(pixels);
    free(answers);
    ink_session_close(&session);
    if (code)
        measure_free(out);
    return code;
}

void measure_free(measure *of)
{
    free(of->confusion);
    free(of->misreads);
    *of = (measure){ 0 };
}
