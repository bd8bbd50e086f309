#include "common/run.h"

#include "common/chance.h"

#include <float.h>
#include <math.h>
#include <string.h>

const char *run_cpu_choice(size_t index)
{
    return index < 64 ? ink_cpu_name((ink_cpu)index) : NULL;
}

int run_open_model(const char *path, const run_options *options, ink_model **out, double *seconds)
{
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    how.input_scale = (float)options->input_scale;
    if (ink_cpu_from_name(options->cpu, &how.cpu, &error))
        return cli_failed("--cpu: %s", error.text);
    double start = clock_seconds();
    ink_status status = ink_model_open(path, &how, out, &error);
    if (status == INK_ERR_MAGIC) /* mostly a picture: the arguments were swapped */
        return cli_failed("%s: is not a model, wanted a GGUF file or a .bin of ggml's", path);
    if (status)
        return cli_failed("%s", error.text);
    if (seconds)
        *seconds = clock_seconds() - start;
    return CLI_DONE;
}

int run_open_session(const ink_model *model, const run_options *options, ink_session **out)
{
    ink_session_options how = INK_SESSION_OPTIONS_INIT;
    ink_error error;
    how.threads = (uint32_t)options->threads;
    how.batch = (uint32_t)options->batch;
    how.profile = options->profile;
    if (ink_session_open(model, &how, out, &error))
        return cli_failed("%s", error.text);
    return CLI_DONE;
}

int run_check_numbers(const char *name, const float *output, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(output[i]))
            return cli_failed("%s: the network overflows: its answer to a picture is no number", name);
    return CLI_DONE;
}

int run_images(ink_session *session, const char *name, const uint8_t *pixels, size_t images,
               size_t classes, float *output)
{
    ink_error error;
    if (ink_session_run_u8(session, pixels, images, output, &error))
        return cli_failed("%s: %s", name, error.text);
    return run_check_numbers(name, output, images * classes);
}

const char *run_polarity_name(size_t i)
{
    static const char *const names[] = { "find", "dark", "light", NULL };
    return names[i];
}

bool run_polarity(const char *name, ink_polarity *out)
{
    for (size_t i = 0; run_polarity_name(i); i++)
        if (strcmp(run_polarity_name(i), name) == 0) {
            *out = (ink_polarity)i;
            return true;
        }
    return false;
}

float run_threshold(double given)
{
    return given > (double)FLT_MIN ? (float)given : FLT_MIN;
}

int run_read(ink_session *session, const char *model, const char *name, const ink_picture *picture,
             const ink_read_options *options, size_t classes, ink_reading **out)
{
    ink_error error;
    if (ink_read(session, picture, options, out, &error))
        return cli_failed("%s: %s", name, error.text);
    int code = CLI_DONE;
    for (size_t i = 0; i < (*out)->count && !code; i++)
        code = run_check_numbers(model, (*out)->marks[i].probabilities, classes);
    if (code)
        ink_reading_close(out);
    return code;
}

size_t *run_most_likely(const float *values, size_t count, size_t wanted)
{
    size_t *best = must_alloc(wanted, sizeof *best);
    for (size_t i = 0, have = 0; i < count; i++) {
        size_t place = have;
        while (place > 0 && values[i] > values[best[place - 1]])
            place--;
        if (place == wanted)
            continue;
        have += have < wanted;
        memmove(best + place + 1, best + place, (have - 1 - place) * sizeof *best);
        best[place] = i;
    }
    return best;
}
