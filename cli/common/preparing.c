#include "common/preparing.h"

#include "common/textbuf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND = 64 }; /* pictures that a thread reads before progress is told */

/* What one thread does: every `step`-th picture, so that a slow part of the file is no thread's alone. */
typedef struct share {
    const preparing *with;
    const image_set *set;
    const size_t *indices; /* of all pictures of the call */
    size_t from, to, step;
    const preparing_answers *answers;
    ink_session *session;
    ink_status status;
    ink_error error;
} share;

int preparing_open(const ink_model *model, const char *model_path, const run_options *options, preparing *out)
{
    run_options one = *options;
    *out = (preparing){ .model_path = model_path, .info = ink_model_get_info(model), .threads = options->threads };
    out->sessions = must_alloc(out->threads, sizeof *out->sessions);
    one.threads = 1;
    int code = CLI_DONE;
    for (size_t i = 0; i < out->threads && !code; i++)
        code = run_open_session(model, &one, &out->sessions[i]);
    return code;
}

void preparing_close(preparing *closed)
{
    for (size_t i = 0; i < closed->threads && closed->sessions; i++)
        ink_session_close(&closed->sessions[i]);
    free(closed->sessions);
    *closed = (preparing){ 0 };
}

static void take_mark(const share *s, size_t at, const ink_reading *reading)
{
    const ink_model_info *info = s->with->info;
    const size_t classes = info->classes, size = (size_t)info->height * info->width;
    const ink_mark *m = reading->count ? reading->marks : NULL;
    float *answer = s->answers->answers + at * classes;
    for (size_t i = 0; i < classes; i++)
        answer[i] = m ? m->probabilities[i] : 1 / (float)classes;
    if (s->answers->pixels && m)
        memcpy(s->answers->pixels + at * size, m->pixels, size);
    else if (s->answers->pixels)
        memset(s->answers->pixels + at * size, 0, size);
    s->answers->states[at] = (uint8_t)(!m ? PREPARING_BLANK : m->unsure ? PREPARING_UNSURE : PREPARING_SURE);
}

static void *run_share(void *argument)
{
    share *s = argument;
    const image_set *set = s->set;
    const size_t size = (size_t)set->height * set->width * set->channels;
    const ink_read_options options = { .size = sizeof options, .single = 1 };
    for (size_t at = s->from; at < s->to && !s->status; at += s->step) {
        const ink_picture given = { set->data + s->indices[at] * size, set->width, set->height, set->channels, 0 };
        ink_reading *reading = NULL;
        s->status = ink_read(s->session, &given, &options, &reading, &s->error);
        if (!s->status)
            take_mark(s, at, reading);
        ink_reading_close(&reading);
    }
    return NULL;
}

/* The first share is the caller's, and what no thread can be had for. */
static int run_shares(share *shares, size_t count)
{
    pthread_t *threads = must_alloc(count, sizeof *threads);
    bool *started = must_alloc(count, sizeof *started);
    const share *bad = NULL;
    for (size_t i = 1; i < count; i++)
        started[i] = pthread_create(&threads[i], NULL, run_share, &shares[i]) == 0;
    for (size_t i = 0; i < count; i++)
        if (!started[i])
            run_share(&shares[i]);
    for (size_t i = 0; i < count; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        bad = shares[i].status && !bad ? &shares[i] : bad;
    }
    int code = bad ? cli_failed("%s: %s", bad->set->name, bad->error.text) : CLI_DONE;
    free(started);
    free(threads);
    return code;
}

int preparing_run(const preparing *with, const image_set *set, const size_t *indices, size_t first, size_t count,
                  const preparing_answers *to, progress *line, size_t done, size_t all)
{
    const size_t round = ROUND * with->threads;
    size_t *own = indices ? NULL : must_alloc(count, sizeof *own);
    share *shares = must_alloc(with->threads, sizeof *shares);
    int code = CLI_DONE;
    for (size_t i = 0; own && i < count; i++)
        own[i] = first + i;
    for (size_t at = 0; at < count && !code; at += round) {
        const size_t end = count - at < round ? count : at + round;
        for (size_t i = 0; i < with->threads; i++)
            shares[i] = (share){ .with = with, .set = set, .indices = own ? own : indices, .from = at + i, .to = end,
                                 .step = with->threads, .answers = to, .session = with->sessions[i] };
        code = run_shares(shares, end - at < with->threads ? end - at : with->threads);
        progress_step(line, done + end, all);
    }
    if (!code)
        code = run_check_numbers(with->model_path, to->answers, count * with->info->classes);
    free(shares);
    free(own);
    return code;
}
