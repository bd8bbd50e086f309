#include "train/trainer.h"

#include "base/checked.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

ink_status ink_trainer_init(ink_trainer *trainer, const ink_tape *tape, const ink_allocator *allocator,
                            uint32_t threads, size_t largest_batch, uint64_t seed, ink_cpu cpu,
                            ink_error *error)
{
    *trainer = (ink_trainer){ .allocator = *allocator, .tape = tape, .threads = threads, .seed = seed };
    const size_t p = tape->parameter_floats;
    trainer->lane_images = (largest_batch + INK_LANES - 1) / INK_LANES;
    trainer->arena_floats = ink_round_up(ink_tape_arena_floats(tape, trainer->lane_images), 16);
    trainer->adam = ink_kernel_find(INK_KERNEL_adam_f32, cpu);
    trainer->pixels_kernel = ink_kernel_find(INK_KERNEL_pixels_f32, cpu);
    float **const vectors[] = { &trainer->parameters, &trainer->first, &trainer->second, &trainer->average };
    bool failed = false;
    for (size_t i = 0; i < INK_COUNT(vectors); i++) {
        *vectors[i] = ink_alloc(allocator, p * sizeof(float));
        failed = failed || !*vectors[i];
        if (*vectors[i])
            memset(*vectors[i], 0, p * sizeof(float));
    }
    trainer->gradients = ink_alloc(allocator, INK_LANES * p * sizeof(float));
    trainer->arenas = ink_alloc(allocator, threads * trainer->arena_floats * sizeof(float));
    if (failed || !trainer->gradients || !trainer->arenas) {
        ink_trainer_free(trainer);
        return ink_fail(error, INK_ERR_MEMORY, "no memory to train");
    }
    memset(trainer->arenas, 0, threads * trainer->arena_floats * sizeof(float));
    ink_tape_import(tape, trainer->parameters);
    memcpy(trainer->average, trainer->parameters, p * sizeof(float));
    ink_status status = threads > 1 ? ink_pool_open(allocator, threads, &trainer->pool, error) : INK_OK;
    if (status)
        ink_trainer_free(trainer);
    return status;
}

void ink_trainer_free(ink_trainer *trainer)
{
    ink_pool_close(&trainer->pool);
    float **const vectors[] = { &trainer->parameters, &trainer->first, &trainer->second,
                                &trainer->average, &trainer->gradients, &trainer->arenas };
    for (size_t i = 0; i < INK_COUNT(vectors); i++) {
        ink_free(&trainer->allocator, *vectors[i]);
        *vectors[i] = NULL;
    }
}

static void each(ink_trainer *trainer, void (*job)(void *, uint32_t))
{
    atomic_store(&trainer->next, 0);
    if (trainer->pool)
        ink_pool_run(trainer->pool, job, trainer);
    else
        job(trainer, 0);
}

static bool take(ink_trainer *trainer, size_t count, size_t *item)
{
    *item = atomic_fetch_add_explicit(&trainer->next, 1, memory_order_relaxed);
    return *item < count;
}

static void pack_job(void *context, uint32_t worker)
{
    ink_trainer *t = context;
    size_t step;
    (void)worker;
    while (take(t, t->tape->step_count, &step))
        ink_tape_pack(t->tape, step, t->parameters);
}

/* Cross-entropy of softmax(logits) with labels smoothed: the true class has 1 - smoothing + smoothing / K,
 * the others smoothing / K. The gradient is (probability - target) / batch. */
static void loss(const ink_trainer *t, size_t lane, size_t first, const ink_tape_pass *pass, double *sum,
                 size_t *correct)
{
    const size_t classes = t->tape->values[t->tape->logits].elements;
    const float *x = ink_tape_logits(t->tape, pass);
    float *d = ink_tape_logits_gradient(t->tape, pass);
    const float smoothing = t->options->smoothing, share = 1.0f / (float)t->batch->count;
    (void)lane;
    for (size_t i = 0; i < pass->images; i++, x += classes, d += classes) {
        const size_t label = t->batch->labels[t->batch->indices[first + i]];
        const size_t best = ink_argmax(x, classes);
        float total = 0, mean = 0;
        for (size_t c = 0; c < classes; c++) {
            d[c] = expf(x[c] - x[best]);
            total += d[c];
            mean += x[c];
        }
        const float log_total = logf(total) + x[best];
        for (size_t c = 0; c < classes; c++)
            d[c] = (d[c] / total - smoothing / (float)classes - (c == label ? 1 - smoothing : 0)) * share;
        *sum += (1 - smoothing) * (log_total - x[label]) + smoothing * (log_total - mean / (float)classes);
        *correct += best == label;
    }
}

static void lane_job(void *context, uint32_t worker)
{
    ink_trainer *t = context;
    const ink_tape *tape = t->tape;
    const ink_input *input = &tape->graph->input;
    const size_t pixels = tape->values[0].elements, p = tape->parameter_floats;
    size_t lane;
    while (take(t, INK_LANES, &lane)) {
        const size_t first = t->batch->count * lane / INK_LANES, end = t->batch->count * (lane + 1) / INK_LANES;
        ink_tape_pass pass = { .arena = t->arenas + worker * t->arena_floats, .images = end - first,
                               .capacity = t->lane_images, .parameters = t->parameters,
                               .gradients = t->gradients + lane * p, .learning = true,
                               .random = ink_stream(t->seed, t->step * INK_LANES + lane) };
        memset(pass.gradients, 0, p * sizeof(float));
        t->lane_loss[lane] = 0;
        t->lane_correct[lane] = 0;
        if (!pass.images)
            continue;
        float *x = ink_tape_input(tape, &pass);
        for (size_t i = 0; i < pass.images; i++)
            t->pixels_kernel->run.pixels_f32(&(ink_pixels_f32){
                pixels, t->batch->pixels + (size_t)t->batch->indices[first + i] * pixels, input->scale,
                input->offset, x + i * pixels });
        ink_tape_forward(tape, &pass);
        loss(t, lane, first, &pass, &t->lane_loss[lane], &t->lane_correct[lane]);
        ink_tape_backward(tape, &pass);
    }
}

enum { CHUNK = 8192 };

/* Adds the lanes' gradients of one chunk into the first lane's. */
static void add_lanes(const ink_trainer *t, size_t from, size_t count)
{
    float *sum = t->gradients + from;
    for (size_t lane = 1; lane < INK_LANES; lane++) {
        const float *g = t->gradients + lane * t->tape->parameter_floats + from;
        for (size_t i = 0; i < count; i++)
            sum[i] += g[i];
    }
}

static void add_job(void *context, uint32_t worker)
{
    ink_trainer *t = context;
    const size_t all = t->tape->parameter_floats;
    size_t chunk;
    (void)worker;
    while (take(t, (all + CHUNK - 1) / CHUNK, &chunk))
        add_lanes(t, chunk * CHUNK, all - chunk * CHUNK < CHUNK ? all - chunk * CHUNK : CHUNK);
}

static void update(ink_trainer *t, const ink_tape_parameter *p, size_t from, size_t count)
{
    const ink_step_options *o = t->options;
    const size_t at = p->at + from;
    add_lanes(t, at, count);
    if (p->kind == INK_PARAMETER_STATISTIC) {
        /* Each lane has measured its own; an empty lane would count as zeros, so batches fill all lanes. */
        for (size_t i = at; i < at + count; i++)
            t->parameters[i] += o->statistics * (t->gradients[i] / INK_LANES - t->parameters[i]);
    } else {
        const double steps = (double)t->step + 1;
        t->adam->run.adam_f32(&(ink_adam_f32){
            .size = count, .gradient = t->gradients + at, .weight = t->parameters + at,
            .first = t->first + at, .second = t->second + at, .rate = o->rate, .beta1 = o->beta1,
            .beta2 = o->beta2, .epsilon = o->epsilon,
            .decay = p->kind == INK_PARAMETER_WEIGHT ? o->decay : 0, .scale = 1,
            .correction1 = (float)(1 - pow(o->beta1, steps)),
            .correction2 = (float)(1 - pow(o->beta2, steps)) });
    }
    if (o->average > 0)
        for (size_t i = at; i < at + count; i++)
            t->average[i] += (1 - o->average) * (t->parameters[i] - t->average[i]);
}

static void update_job(void *context, uint32_t worker)
{
    ink_trainer *t = context;
    size_t total = 0, chunk;
    (void)worker;
    for (size_t i = 0; i < t->tape->parameter_count; i++)
        total += (t->tape->parameters[i].count + CHUNK - 1) / CHUNK;
    while (take(t, total, &chunk)) {
        const ink_tape_parameter *p = t->tape->parameters;
        for (; chunk >= (p->count + CHUNK - 1) / CHUNK; p++)
            chunk -= (p->count + CHUNK - 1) / CHUNK;
        const size_t from = chunk * CHUNK;
        update(t, p, from, p->count - from < CHUNK ? p->count - from : CHUNK);
    }
}

static void run_lanes(ink_trainer *trainer, const ink_batch *batch, const ink_step_options *options,
                      double *loss_out, size_t *correct)
{
    trainer->batch = batch;
    trainer->options = options;
    each(trainer, pack_job);
    each(trainer, lane_job);
    *loss_out = 0;
    *correct = 0;
    for (size_t lane = 0; lane < INK_LANES; lane++) {
        *loss_out += trainer->lane_loss[lane];
        *correct += trainer->lane_correct[lane];
    }
    *loss_out /= (double)batch->count;
}

void ink_trainer_gradients(ink_trainer *trainer, const ink_batch *batch, const ink_step_options *options,
                           double *loss_out, size_t *correct)
{
    run_lanes(trainer, batch, options, loss_out, correct);
    each(trainer, add_job);
}

void ink_trainer_step(ink_trainer *trainer, const ink_batch *batch, const ink_step_options *options,
                      double *loss_out, size_t *correct)
{
    run_lanes(trainer, batch, options, loss_out, correct);
    each(trainer, update_job);
    trainer->step++;
}
