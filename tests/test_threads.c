/* Threads: many sessions on one model, and many threads in one session, give the same bits as one. Built
 * with -DINK_SANITIZE=thread this also shows that nobody races. MAP_ANONYMOUS is no part of POSIX. */
#define _DEFAULT_SOURCE
#include "models.h"

#include "model/model.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { IMAGES = 1000, THREADS = 8, ROUNDS = 25 };

/* A model, pictures and what they give, each computed alone. */
typedef struct work {
    blob file;
    ink_model *model;
    size_t pixels, classes;
    uint8_t *images;
    float *inputs, *want;
} work;

static ink_session *open_session(const ink_model *model, uint32_t threads, uint32_t batch, int profile)
{
    const ink_session_options options = { sizeof options, NULL, threads, batch, profile };
    ink_session *session = NULL;
    if (ink_session_open(model, &options, &session, NULL))
        return NULL;
    ink_session_wake_for(session, 0); /* the networks are small, and threads are what is tested */
    return session;
}

static void work_make(work *w, size_t which)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    uint64_t random = 3;
    options.cpu = test_cpu();
    w->file = small_model(which);
    check_error(ink_model_open_memory(w->file.data, w->file.size, &options, &w->model, &error), &error,
                INK_OK, NULL);
    const ink_model_info *info = ink_model_get_info(w->model);
    w->pixels = (size_t)info->channels * info->height * info->width;
    w->classes = info->classes;
    w->images = malloc(IMAGES * w->pixels);
    w->inputs = malloc(IMAGES * w->pixels * sizeof *w->inputs);
    w->want = calloc(IMAGES * w->classes, sizeof *w->want);
    ink_session *session = open_session(w->model, 1, 1, 0);
    assert_true(w->images && w->inputs && w->want && session);
    for (size_t i = 0; i < IMAGES * w->pixels; i++) {
        w->images[i] = (uint8_t)(test_random(&random) >> 32);
        /* Not fused, so that it is what the bytes become. */
        const volatile float scaled = (float)w->images[i] * info->input_scale;
        w->inputs[i] = scaled + info->input_offset;
    }
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(ink_session_run_u8(session, w->images + i * w->pixels, 1,
                                            w->want + i * w->classes, NULL), INK_OK);
    ink_session_close(&session);
    /* Pictures that all gave the same would prove nothing. */
    if (w->classes > 1)
        assert_memory_not_equal(w->want, w->want + w->classes, w->classes * sizeof(float));
}

static void work_free(work *w)
{
    ink_model_close(&w->model);
    free(w->images);
    free(w->inputs);
    free(w->want);
    blob_free(&w->file);
}

/* Runs `count` pictures from `first` on and compares; false for any other bit, or one behind the end. */
static bool run_same(const work *w, ink_session *session, size_t first, size_t count, bool floats,
                     float *output)
{
    const size_t size = count * w->classes;
    memset(output, 0xa5, (size + 1) * sizeof *output);
    const ink_status status =
        floats ? ink_session_run_f32(session, w->inputs + first * w->pixels, count, output, NULL)
               : ink_session_run_u8(session, w->images + first * w->pixels, count, output, NULL);
    static const uint8_t untouched[sizeof(float)] = { 0xa5, 0xa5, 0xa5, 0xa5 };
    return status == INK_OK && !memcmp(output + size, untouched, sizeof untouched) &&
           !memcmp(output, w->want + first * w->classes, size * sizeof *output);
}

/* ---- threads in one session ---- */

static void any_number_of_threads_gives_the_same(void **state)
{
    (void)state;
    static const size_t counts[] = { 0, 1, 2, 3, 47, 48, 49, IMAGES };
    static const uint32_t batches[] = { 0, 1, 7, 2000 };
    for (size_t which = 0; which < SMALL_MODELS; which++) {
        work w;
        work_make(&w, which);
        float *output = malloc((IMAGES * w.classes + 1) * sizeof *output);
        assert_non_null(output);
        for (uint32_t threads = 1; threads <= THREADS; threads++)
            for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
                ink_session *session = open_session(w.model, threads, batches[b], threads & 1);
                assert_non_null(session);
                for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
                    for (int floats = 0; floats < 2; floats++)
                        if (!run_same(&w, session, (IMAGES - counts[c]) / 2, counts[c], floats, output))
                            fail_msg("%s: %u threads, batch %u, %zu images", small_names[which], threads,
                                     batches[b], counts[c]);
                /* The time of steps is counted whichever thread ran them. */
                double seconds = 0;
                for (size_t s = 0; s < ink_model_get_info(w.model)->steps; s++)
                    seconds += ink_session_step_seconds(session, s);
                assert_true(threads & 1 ? seconds > 0 : seconds == 0);
                ink_session_close(&session);
            }
        free(output);
        work_free(&w);
    }
}

/* As many as a session may have; most of them find nothing to do. */
static void most_threads_give_the_same(void **state)
{
    (void)state;
    work w;
    work_make(&w, 0);
    float *output = malloc((IMAGES * w.classes + 1) * sizeof *output);
    ink_session *session = open_session(w.model, 256, 1, 0);
    assert_true(output && session);
    for (size_t count = 0; count <= IMAGES; count += 1 + count / 2)
        assert_true(run_same(&w, session, 0, count, false, output));
    ink_session_close(&session);
    free(output);
    work_free(&w);
}

/* Where not all threads can be started the session says so and leaves none behind: stacks for so many
 * do not fit in the address space that is left. The sanitizers need more than that themselves. */
/* Threads are woken where each has enough to do, and each image goes to one. */
static void few_images_need_few_threads(void **state)
{
    (void)state;
    work w;
    work_make(&w, 0);
    const ink_session_options options = { sizeof options, NULL, 3, 0, 0 };
    ink_session *session = NULL;
    assert_int_equal(ink_session_open(w.model, &options, &session, NULL), INK_OK);
    const uint64_t image = ink_model_get_info(w.model)->macs;
    assert_int_equal(ink_session_threads(NULL, 1), 0);
    assert_int_equal(ink_session_threads(session, 0), 1);
    assert_int_equal(ink_session_threads(session, 1), 1);
    assert_int_equal(ink_session_threads(session, (size_t)(4000000 / image)), 1);
    assert_int_equal(ink_session_threads(session, (size_t)(8000000 / image)), 2);
    assert_int_equal(ink_session_threads(session, (size_t)(12000000 / image)), 3);
    assert_int_equal(ink_session_threads(session, SIZE_MAX), 3);
    ink_session_wake_for(session, 0);
    assert_int_equal(ink_session_threads(session, 1), 1);
    assert_int_equal(ink_session_threads(session, 2), 2);
    ink_session_close(&session);
    work_free(&w);
}

static void threads_that_do_not_start_are_told(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    skip();
#endif
#endif
    work w;
    work_make(&w, 0);
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    const ink_session_options options = { sizeof options, &allocator, 256, 1, 0 };
    ink_session *session = (ink_session *)(void *)&w;
    ink_error error;
    struct rlimit before, less;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    less = before;
    less.rlim_cur = (rlim_t)400 << 20;
    assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
    /* qemu takes the limit and does nothing about it. */
    void *probe = mmap(NULL, (size_t)less.rlim_cur, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe != MAP_FAILED) {
        munmap(probe, (size_t)less.rlim_cur);
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        work_free(&w);
        skip();
    }
    const ink_status status = ink_session_open(w.model, &options, &session, &error);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    check_error(status, &error, INK_ERR_THREAD, "of 255 cannot be started");
    assert_null(session);
    assert_int_equal(memory.live, 0);
    work_free(&w);
}

/* ---- sessions in many threads ---- */

typedef struct task {
    const work *work;
    size_t number;
    size_t faults; /* cmocka's checks may fail in the first thread only */
    pthread_t thread;
} task;

/* Tasks wait for each other here, so that they really run at once. */
static atomic_size_t gathered;

static void gather(void)
{
    atomic_fetch_add(&gathered, 1);
    while (atomic_load(&gathered) % THREADS)
        sched_yield();
}

static void run_tasks(const work *w, void *(*main)(void *))
{
    task tasks[THREADS];
    atomic_store(&gathered, 0);
    for (size_t i = 0; i < THREADS; i++) {
        tasks[i] = (task){ .work = w, .number = i };
        assert_int_equal(pthread_create(&tasks[i].thread, NULL, main, &tasks[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(tasks[i].thread, NULL), 0);
        if (tasks[i].faults)
            fail_msg("thread %zu: %zu faults", i, tasks[i].faults);
    }
}

/* One session, many runs of changing sizes. */
static void *run_often(void *argument)
{
    task *t = argument;
    const work *w = t->work;
    float *output = malloc((IMAGES * w->classes + 1) * sizeof *output);
    ink_session *session = open_session(w->model, t->number % 2 ? 2 : 1, 0, t->number % 3 == 0);
    uint64_t random = t->number + 1;
    gather();
    for (int i = 0; output && session && i < ROUNDS; i++) {
        const size_t count = test_random(&random) % 200;
        const size_t first = test_random(&random) % (IMAGES - count + 1);
        t->faults += !run_same(w, session, first, count, i % 2, output);
    }
    t->faults += !output || !session;
    ink_session_close(&session);
    free(output);
    return NULL;
}

/* Sessions come and go; the model is asked, saved and drawn meanwhile, and opened again. */
static void *open_often(void *argument)
{
    task *t = argument;
    const work *w = t->work;
    const ink_model_info *info = ink_model_get_info(w->model);
    float output[64];
    gather();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        ink_session *session = open_session(w->model, 1 + (i + (uint32_t)t->number) % 4, 1 + i % 3, 0);
        t->faults += !session || !run_same(w, session, i, 5, i % 2, output);
        ink_session_close(&session);
        ink_buffer text = { 0 }, file = { 0 };
        ink_model *model = NULL;
        t->faults += ink_model_dot(w->model, (ink_dot)(i % 2), NULL, &text, NULL) != INK_OK;
        t->faults += ink_model_save_memory(w->model, INK_LAYOUT_INKLING, &file, NULL) != INK_OK;
        t->faults += ink_model_open_memory(w->file.data, w->file.size, NULL, &model, NULL) != INK_OK;
        t->faults += !model || ink_model_get_info(model)->parameters != info->parameters;
        t->faults += strcmp(ink_model_node(w->model, 0)->inputs[0], "input") != 0;
        ink_model_close(&model);
        ink_buffer_close(&file);
        ink_buffer_close(&text);
    }
    return NULL;
}

static void sessions_run_at_once(void **state)
{
    (void)state;
    for (size_t which = 0; which < SMALL_MODELS; which++) {
        work w;
        work_make(&w, which);
        run_tasks(&w, run_often);
        work_free(&w);
    }
}

static void sessions_open_and_close_at_once(void **state)
{
    (void)state;
    for (size_t which = 0; which < SMALL_MODELS; which++) {
        work w;
        work_make(&w, which);
        run_tasks(&w, open_often);
        work_free(&w);
    }
}

/* A session may go from one thread to another between runs. */
static void *use_once(void *argument)
{
    void **both = argument;
    float output[64];
    const bool same = run_same(both[0], both[1], 3, 10, false, output);
    return same ? NULL : argument;
}

static void sessions_may_change_threads(void **state)
{
    (void)state;
    work w;
    work_make(&w, 2);
    ink_session *session = open_session(w.model, 3, 2, 1);
    assert_non_null(session);
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        void *both[2] = { &w, session }, *fault;
        assert_int_equal(pthread_create(&thread, NULL, use_once, both), 0);
        assert_int_equal(pthread_join(thread, &fault), 0);
        assert_null(fault);
    }
    ink_session_close(&session);
    work_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same),
        cmocka_unit_test(most_threads_give_the_same),
        cmocka_unit_test(few_images_need_few_threads),
        cmocka_unit_test(threads_that_do_not_start_are_told),
        cmocka_unit_test(sessions_run_at_once),
        cmocka_unit_test(sessions_open_and_close_at_once),
        cmocka_unit_test(sessions_may_change_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
