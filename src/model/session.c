/* A session: one thread's mutable memory for one model, and its helpers. Images are shared out in chunks;
 * each thread runs whole chunks through the whole plan, so threads meet only at the end. */
#include "model/model.h"

#include "base/checked.h"
#include "base/thread_pool.h"

#if INK_HAVE_THREADS
#include <pthread.h>
#endif
#include <stdatomic.h>
#include <string.h>
#include <time.h>

struct ink_session {
    ink_allocator allocator;
    const ink_model *model;
    uint32_t threads;
    size_t batch;          /* images that fit a thread's part of the arena */
    size_t thread_floats;
    float *arena;          /* threads * thread_floats */
    double *seconds;       /* [threads, steps], or NULL */
    ink_pool *pool;        /* NULL with one thread */
    const ink_kernel *pixels_kernel;
    ink_observer *observer; /* or NULL */
    void *observer_context;
    float *const *step_outputs; /* while ink_session_run_steps runs, else NULL */
    /* The run that is under way. */
    const uint8_t *pixels;
    const float *floats;
    float *output;
    size_t images;
    uint32_t sharing;      /* threads that take part in it */
    uint64_t wake_for;
    atomic_size_t next;
};

/* To wake a thread costs some 10 us, and some 50 us pass until it works: time for so many multiply-adds. What is not
 * computed by them is counted by the floats that it writes. */
enum { WORTH_WAKING = 4000000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* on Windows from winpthreads */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Sizes for these options; false when they overflow or are out of range. */
static bool measure(const ink_model *model, const ink_session_options *options, ink_session *s,
                    uint64_t *arena_bytes, uint64_t *seconds_bytes)
{
    uint64_t floats;
    s->threads = options->threads ? options->threads : 1;
    s->batch = options->batch ? options->batch : model->plan.batch;
    if (s->threads > 256 || s->batch > 65536 ||
        !ink_mul_u64(model->plan.image_floats, s->batch, &floats) ||
        !ink_add_u64(floats, model->plan.scratch_floats, &floats) ||
        !ink_round_up_u64(floats, INK_ALIGNMENT / sizeof(float), &floats) ||
        floats > SIZE_MAX / sizeof(float) ||
        !ink_mul_u64(floats * sizeof(float), s->threads, arena_bytes) || *arena_bytes > SIZE_MAX / 2)
        return false;
    s->thread_floats = (size_t)floats;
    *seconds_bytes = options->profile ? s->threads * model->plan.step_count * sizeof(double) : 0;
    return true;
}

size_t ink_session_memory(const ink_model *model, const ink_session_options *options)
{
    ink_session_options o;
    ink_session s;
    uint64_t arena, seconds;
    if (!model || !ink_options_read(&o, sizeof o, options) || !measure(model, &o, &s, &arena, &seconds))
        return 0;
    return sizeof s + (size_t)arena + (size_t)seconds +
           (s.threads > 1 ? ink_pool_memory(s.threads) : 0);
}

ink_status ink_session_open(const ink_model *model, const ink_session_options *options,
                            ink_session **out, ink_error *error)
{
    ink_session_options o;
    ink_session sizes = { .model = model };
    uint64_t arena_bytes, seconds_bytes;
    if (!model || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_session_open: an argument is NULL");
    *out = NULL;
    if (!ink_options_read(&o, sizeof o, options))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_session_options: its size is not set");
    if (!measure(model, &o, &sizes, &arena_bytes, &seconds_bytes))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_session_options: found %u threads and batch %u, "
                        "wanted at most 256 threads, and a batch of 65536 that fits the memory",
                        o.threads, o.batch);
    const ink_allocator allocator = ink_allocator_or_default(o.allocator);
    ink_session *s = ink_alloc(&allocator, sizeof *s);
    if (!s)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the session");
    *s = sizes;
    s->allocator = allocator;
    s->wake_for = WORTH_WAKING;
    s->pixels_kernel = ink_kernel_find(INK_KERNEL_pixels_f32, model->info.cpu);
    s->arena = ink_alloc(&allocator, (size_t)arena_bytes);
    s->seconds = seconds_bytes ? ink_alloc(&allocator, (size_t)seconds_bytes) : NULL;
    ink_status status = INK_OK;
    if (!s->arena || (seconds_bytes && !s->seconds)) {
        status = ink_fail(error, INK_ERR_MEMORY, "no memory for the session: it needs %llu bytes",
                          (unsigned long long)(arena_bytes + seconds_bytes));
    } else {
        if (s->seconds)
            memset(s->seconds, 0, (size_t)seconds_bytes);
        if (s->threads > 1)
            status = ink_pool_open(&allocator, s->threads, &s->pool, error);
    }
    if (status)
        ink_session_close(&s);
    else
        *out = s;
    return status;
}

const ink_model_info *ink_session_info(const ink_session *session)
{
    return &session->model->info;
}

void ink_session_close(ink_session **session)
{
    if (!session || !*session)
        return;
    ink_session *s = *session;
    const ink_allocator allocator = s->allocator;
    ink_pool_close(&s->pool);
    ink_free(&allocator, s->seconds);
    ink_free(&allocator, s->arena);
    ink_free(&allocator, s);
    *session = NULL;
}

void ink_session_observe(ink_session *session, ink_observer *observer, void *context)
{
    session->observer = observer;
    session->observer_context = context;
}

/* What a step has written for one image, in the order of its shape, wherever it lies. */
static void read_view(const ink_view *view, const float *from, float *to)
{
    const uint8_t *bytes = (const uint8_t *)from; /* with a quantum */
    uint32_t dim[4];
    size_t stride[4];
    ink_view_copy_shape(view, dim, stride);
    for (uint32_t a = 0; a < dim[0]; a++)
        for (uint32_t b = 0; b < dim[1]; b++)
            for (uint32_t c = 0; c < dim[2]; c++)
                for (uint32_t d = 0; d < dim[3]; d++) {
                    const size_t at = a * stride[0] + b * stride[1] + c * stride[2] + d * stride[3];
                    *to++ = view->quantum.scale != 0 ?
                        (float)(bytes[at] - view->quantum.zero) * view->quantum.scale : from[at];
                }
}

/* Runs the plan on `count` images from image `first` on, in one thread's part of the arena. */
static void run_chunk(ink_session *s, uint32_t worker, size_t first, size_t count)
{
    const ink_model *model = s->model;
    const ink_plan *plan = &model->plan;
    const size_t pixels = plan->buffers[plan->input_buffer].floats;
    const size_t classes = model->info.classes;
    float *arena = s->arena + worker * s->thread_floats;
    float *scratch = arena + plan->image_floats * s->batch;
    float *input = arena + plan->buffers[plan->input_buffer].offset * s->batch;
    const uint8_t *taken = s->pixels ? s->pixels + first * pixels : NULL;
    if (taken && plan->takes_pixels)
        ; /* its readers see to it */
    else if (taken)
        s->pixels_kernel->run.pixels_f32(&(ink_pixels_f32){
            count * pixels, taken, model->info.input_scale,
            model->info.input_offset, input });
    else
        memcpy(input, s->floats + first * pixels, count * pixels * sizeof *input);
    double before = s->seconds ? now() : 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        const ink_step *step = &plan->steps[i];
        const float *inputs[INK_MAX_INPUTS];
        for (uint32_t k = 0; k < step->input_count; k++)
            inputs[k] = arena + plan->buffers[step->inputs[k].buffer].offset * s->batch;
        if (s->observer)
            s->observer(s->observer_context, step, inputs[0], count * step->inputs[0].elements);
        step->op->run(step, &(ink_run){
            count, inputs, arena + plan->buffers[step->output.buffer].offset * s->batch, scratch, taken });
        if (s->step_outputs && s->step_outputs[i])
            read_view(&step->output, arena + plan->buffers[step->output.buffer].offset * s->batch, s->step_outputs[i]);
        if (s->seconds) {
            const double after = now();
            s->seconds[worker * plan->step_count + i] += after - before;
            before = after;
        }
    }
    if (s->step_outputs)
        return;
    memcpy(s->output + first * classes, arena + plan->buffers[plan->output.buffer].offset * s->batch,
           count * classes * sizeof *s->output);
}

/* Takes the next images, a batch or, so that threads end at the same time, half of a thread's share of what is left. */
static size_t take(ink_session *s, size_t *first)
{
    size_t count;
    *first = atomic_load_explicit(&s->next, memory_order_relaxed);
    do {
        const size_t left = s->images - *first, share = s->sharing > 1 ? left / (2 * s->sharing) + (left > 0) : left;
        count = share < s->batch ? share : s->batch;
    } while (count && !atomic_compare_exchange_weak_explicit(&s->next, first, *first + count, memory_order_relaxed,
                                                             memory_order_relaxed));
    return count;
}

static void run_worker(void *context, uint32_t worker)
{
    ink_session *s = context;
    size_t first, count;
    if (worker >= s->sharing)
        return; /* woken with the others, as the pool wakes all */
    while ((count = take(s, &first)) > 0)
        run_chunk(s, worker, first, count);
}

void ink_session_wake_for(ink_session *session, uint64_t work)
{
    session->wake_for = work;
}

uint32_t ink_session_threads(const ink_session *session, size_t images)
{
    if (!session)
        return 0;
    const ink_model *model = session->model;
    const uint64_t image = model->info.macs + model->plan.image_floats + 1, threads = session->threads;
    const uint64_t worth = images / (session->wake_for / image + 1); /* threads with images enough */
    return (uint32_t)(worth < 2 ? 1 : worth < threads ? worth : threads);
}

static ink_status run(ink_session *s, const uint8_t *pixels, const float *floats, size_t images,
                      float *output, ink_error *error)
{
    if (!s || (images && ((!pixels && !floats) || !output)))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_session_run: an argument is NULL");
    /* More than any memory holds: a mistake. */
    if (images > SIZE_MAX / 64)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_session_run: %zu images", images);
    s->pixels = pixels;
    s->floats = floats;
    s->images = images;
    s->output = output;
    s->sharing = ink_session_threads(s, images);
    atomic_store(&s->next, 0);
    if (s->sharing > 1)
        ink_pool_run(s->pool, run_worker, s);
    else
        run_worker(s, 0);
    return INK_OK;
}

ink_status ink_session_run_u8(ink_session *session, const uint8_t *pixels, size_t images,
                              float *output, ink_error *error)
{
    return run(session, pixels, NULL, images, output, error);
}

ink_status ink_session_run_f32(ink_session *session, const float *input, size_t images,
                               float *output, ink_error *error)
{
    return run(session, NULL, input, images, output, error);
}

ink_status ink_session_run_steps(ink_session *session, const uint8_t *pixels, float *const *outputs, ink_error *error)
{
    if (!session || !pixels || !outputs)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_session_run_steps: an argument is NULL");
    session->pixels = pixels;
    session->floats = NULL;
    session->step_outputs = outputs;
    run_chunk(session, 0, 0, 1);
    session->step_outputs = NULL;
    return INK_OK;
}

double ink_session_step_seconds(const ink_session *session, size_t step)
{
    double sum = 0;
    if (session && session->seconds && step < session->model->plan.step_count)
        for (uint32_t i = 0; i < session->threads; i++)
            sum += session->seconds[i * session->model->plan.step_count + step];
    return sum;
}
