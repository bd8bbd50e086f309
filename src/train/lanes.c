#include "train/lanes.h"

#include "base/checked.h"
#include "base/random.h"
#include "train/touching.h"

#include <math.h>
#include <string.h>

ink_status ink_lanes_init(ink_lanes *lanes, const ink_tape *tape, const ink_allocator *allocator,
                          uint32_t threads, size_t batch, uint64_t seed, ink_cpu cpu,
                          ink_error *error)
{
    if (threads > INK_MAX_LANES) /* the others would have an arena and nothing to do */
        threads = INK_MAX_LANES;
    *lanes = (ink_lanes){ .allocator = *allocator, .tape = tape, .threads = threads, .seed = seed };
    const size_t p = tape->parameter_floats;
    const size_t lane_count = batch / INK_LANE_IMAGES;
    lanes->lane_count = lane_count < 1 ? 1 : lane_count < INK_MAX_LANES ? lane_count : INK_MAX_LANES;
    lanes->lane_images = (batch + lanes->lane_count - 1) / lanes->lane_count;
    lanes->arena_floats = ink_round_up(ink_tape_arena_floats(tape, lanes->lane_images), 16);
    lanes->adam = ink_kernel_find(INK_KERNEL_adam_f32, cpu);
    lanes->pixels_kernel = ink_kernel_find(INK_KERNEL_pixels_f32, cpu);
    float **const vectors[] = { &lanes->parameters, &lanes->first, &lanes->second, &lanes->average };
    bool failed = false;
    for (size_t i = 0; i < INK_COUNT(vectors); i++) {
        *vectors[i] = ink_alloc(allocator, p * sizeof(float));
        failed = failed || !*vectors[i];
        if (*vectors[i])
            memset(*vectors[i], 0, p * sizeof(float));
    }
    lanes->gradients = ink_alloc(allocator, lanes->lane_count * p * sizeof(float));
    lanes->arenas = ink_alloc(allocator, threads * lanes->arena_floats * sizeof(float));
    lanes->pictures = ink_alloc(allocator, threads * INK_PICTURE_PARTS * tape->values[0].elements);
    if (failed || !lanes->gradients || !lanes->arenas || !lanes->pictures) {
        ink_lanes_free(lanes);
        return ink_fail(error, INK_ERR_MEMORY, "no memory to train");
    }
    memset(lanes->arenas, 0, threads * lanes->arena_floats * sizeof(float));
    ink_tape_import(tape, lanes->parameters);
    memcpy(lanes->average, lanes->parameters, p * sizeof(float));
    ink_status status = threads > 1 ? ink_pool_open(allocator, threads, &lanes->pool, error) : INK_OK;
    if (status)
        ink_lanes_free(lanes);
    return status;
}

void ink_lanes_free(ink_lanes *lanes)
{
    ink_pool_close(&lanes->pool);
    float **const vectors[] = { &lanes->parameters, &lanes->first, &lanes->second,
                                &lanes->average, &lanes->gradients, &lanes->arenas };
    for (size_t i = 0; i < INK_COUNT(vectors); i++) {
        ink_free(&lanes->allocator, *vectors[i]);
        *vectors[i] = NULL;
    }
    ink_free(&lanes->allocator, lanes->pictures);
    lanes->pictures = NULL;
}

static void each(ink_lanes *lanes, void (*job)(void *, uint32_t))
{
    atomic_store(&lanes->next, 0);
    if (lanes->pool)
        ink_pool_run(lanes->pool, job, lanes);
    else
        job(lanes, 0);
}

static bool take(ink_lanes *lanes, size_t count, size_t *item)
{
    *item = atomic_fetch_add_explicit(&lanes->next, 1, memory_order_relaxed);
    return *item < count;
}

static void pack_job(void *context, uint32_t worker)
{
    ink_lanes *t = context;
    size_t step;
    (void)worker;
    while (take(t, t->tape->step_count, &step))
        ink_tape_pack(t->tape, step, t->parameters);
}

static bool is_negative(const ink_batch *batch, const ink_settings *settings, uint32_t index)
{
    return ink_negatives_chosen(settings->negatives, ink_stream(batch->seed, index));
}

/* Cross-entropy of softmax(logits) with labels smoothed: the true class has 1 - smoothing + smoothing / K,
 * the others smoothing / K; so a negative, for which all have 1 / K, is one with a smoothing of 1.
 * The gradient is (probability - target) / batch. */
static void loss(ink_lanes *t, size_t first, const ink_tape_pass *pass, size_t lane)
{
    const size_t classes = t->tape->values[t->tape->logits].elements;
    const float *x = ink_tape_logits(t->tape, pass);
    float *d = ink_tape_logits_gradient(t->tape, pass);
    const float share = 1.0f / (float)t->batch->count;
    t->lane_loss[lane] = 0;
    t->lane_correct[lane] = t->lane_negatives[lane] = 0;
    for (size_t i = 0; i < pass->images; i++, x += classes, d += classes) {
        const uint32_t index = t->batch->indices[first + i];
        const bool negative = is_negative(t->batch, t->settings, index);
        const float smoothing = negative ? 1 : t->settings->smoothing;
        const size_t label = t->batch->labels[index];
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
        t->lane_loss[lane] += (1 - smoothing) * (log_total - x[label]) +
                              smoothing * (log_total - mean / (float)classes);
        t->lane_correct[lane] += best == label && !negative;
        t->lane_negatives[lane] += negative;
    }
}

/* Asks for a picture of the batch: they lie anywhere, and the memory is far. */
static void prefetch(const ink_lanes *t, size_t example)
{
    const size_t pixels = t->tape->values[0].elements;
    const uint8_t *from = t->batch->pixels + (size_t)t->batch->indices[example] * pixels;
    for (size_t i = 0; i < pixels; i += 64)
        __builtin_prefetch(from + i);
}

const uint8_t *ink_picture_make(const ink_batch *batch, const ink_input *input, size_t classes,
                                const ink_settings *settings, uint32_t index, uint8_t *parts, bool *negative)
{
    const size_t pixels = (size_t)input->channels * input->height * input->width;
    const uint64_t seed = ink_stream(batch->seed, index);
    const ink_negatives digits = { batch->pixels, batch->labels, batch->digits, batch->digit_count,
                                   input->height, input->width, classes == 10 };
    const uint8_t *from = batch->pixels + index * pixels;
    uint8_t *drawn = parts + pixels;
    *negative = is_negative(batch, settings, index);
    if (*negative) {
        ink_negatives_draw(&digits, seed, drawn, drawn + pixels);
        from = drawn;
    } else if (ink_parted_chosen(settings->parted, seed) &&
               ink_parted_draw(&digits, index, seed, drawn, drawn + pixels)) {
        from = drawn;
    }
    if (!ink_augment_any(&settings->augment))
        return from;
    ink_augment_apply(&settings->augment, seed, input->channels, input->height, input->width, from, parts,
                      parts + 2 * pixels);
    return parts;
}

size_t ink_lanes_first(const ink_lanes *lanes, size_t count, size_t lane)
{
    return count * lane / lanes->lane_count;
}

static void lane_job(void *context, uint32_t worker)
{
    ink_lanes *t = context;
    const ink_tape *tape = t->tape;
    const ink_input *input = &tape->graph->input;
    const size_t pixels = tape->values[0].elements, p = tape->parameter_floats;
    const size_t classes = tape->values[tape->logits].elements;
    uint8_t *parts = t->pictures + worker * INK_PICTURE_PARTS * pixels;
    size_t lane;
    while (take(t, t->lane_count, &lane)) {
        const size_t first = ink_lanes_first(t, t->batch->count, lane);
        const size_t end = ink_lanes_first(t, t->batch->count, lane + 1);
        ink_tape_pass pass = { .arena = t->arenas + worker * t->arena_floats, .images = end - first,
                               .capacity = t->lane_images, .parameters = t->parameters,
                               .gradients = t->gradients + lane * p, .learning = true,
                               .random = ink_stream(t->seed, t->step * t->lane_count + lane) };
        for (size_t i = 0; i < tape->parameter_count; i++)
            if (!tape->parameters[i].written)
                memset(pass.gradients + tape->parameters[i].at, 0, tape->parameters[i].count * sizeof(float));
        float *x = ink_tape_input(tape, &pass);
        for (size_t i = 0; i < pass.images; i++) {
            bool negative;
            if (i + 1 < pass.images)
                prefetch(t, first + i + 1);
            const uint8_t *picture = ink_picture_make(t->batch, input, classes, t->settings,
                                                      t->batch->indices[first + i], parts, &negative);
            t->pixels_kernel->run.pixels_f32(&(ink_pixels_f32){ pixels, picture, input->scale, input->offset,
                                                                x + i * pixels });
        }
        ink_tape_forward(tape, &pass);
        loss(t, first, &pass, lane);
        ink_tape_backward(tape, &pass);
    }
}

enum { CHUNK = 8192 };

/* Adds the lanes' gradients of one chunk into the first lane's. */
static void add_lanes(const ink_lanes *t, size_t from, size_t count)
{
    float *sum = t->gradients + from;
    for (size_t lane = 1; lane < t->lane_count; lane++) {
        const float *g = t->gradients + lane * t->tape->parameter_floats + from;
        for (size_t i = 0; i < count; i++)
            sum[i] += g[i];
    }
}

static void add_job(void *context, uint32_t worker)
{
    ink_lanes *t = context;
    const size_t all = t->tape->parameter_floats;
    size_t chunk;
    (void)worker;
    while (take(t, (all + CHUNK - 1) / CHUNK, &chunk))
        add_lanes(t, chunk * CHUNK, all - chunk * CHUNK < CHUNK ? all - chunk * CHUNK : CHUNK);
}

static void sgd(const ink_lanes *t, const float *gradient, float *weight, float *velocity, float decay,
                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i] * t->gradient_scale + decay * weight[i];
        velocity[i] = t->settings->momentum * velocity[i] + g;
        weight[i] -= t->rate * (g + t->settings->momentum * velocity[i]);
    }
}

static void update(ink_lanes *t, const ink_tape_parameter *p, size_t from, size_t count)
{
    const ink_settings *s = t->settings;
    const size_t at = p->at + from;
    float *gradient = t->gradients + at, *weight = t->parameters + at;
    const float decay = p->kind == INK_PARAMETER_WEIGHT ? s->decay : 0;
    if (s->clip == 0)
        add_lanes(t, at, count);
    if (p->kind == INK_PARAMETER_STATISTIC) {
        for (size_t i = 0; i < count; i++)
            weight[i] += s->statistics * (gradient[i] / (float)t->lane_count - weight[i]);
    } else if (s->optimizer == INK_SGD) {
        sgd(t, gradient, weight, t->first + at, decay, count);
    } else {
        const double steps = (double)t->step + 1;
        t->adam->run.adam_f32(&(ink_adam_f32){
            .size = count, .gradient = gradient, .weight = weight, .first = t->first + at,
            .second = t->second + at, .rate = t->rate, .beta1 = s->momentum, .beta2 = s->beta2,
            .epsilon = s->epsilon, .decay = s->optimizer == INK_ADAMW ? decay : 0,
            .l2 = s->optimizer == INK_ADAM ? decay : 0,
            .scale = t->gradient_scale, .correction1 = (float)(1 - pow(s->momentum, steps)),
            .correction2 = (float)(1 - pow(s->beta2, steps)) });
    }
    /* Young averages move faster: a share of 1 / (step + 10) at first, as TensorFlow's. */
    const float young = ((float)t->step + 1) / ((float)t->step + 10);
    const float share = 1 - (s->average < young ? s->average : young);
    for (size_t i = at; s->average > 0 && i < at + count; i++)
        t->average[i] += share * (t->parameters[i] - t->average[i]);
}

static void update_job(void *context, uint32_t worker)
{
    ink_lanes *t = context;
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

/* The factor that brings the gradient's norm down to the most that is wanted. */
static float clip_scale(const ink_lanes *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->tape->parameter_count; i++) {
        const ink_tape_parameter *p = &t->tape->parameters[i];
        for (size_t k = p->at; p->kind != INK_PARAMETER_STATISTIC && k < p->at + p->count; k++)
            sum += (double)t->gradients[k] * t->gradients[k];
    }
    const double norm = sqrt(sum);
    return norm > t->settings->clip ? (float)(t->settings->clip / norm) : 1;
}

static void run_lanes(ink_lanes *lanes, const ink_batch *batch, const ink_settings *settings,
                      double *loss_out, size_t *correct)
{
    lanes->batch = batch;
    lanes->settings = settings;
    each(lanes, pack_job);
    each(lanes, lane_job);
    *loss_out = 0;
    *correct = lanes->negatives = 0;
    for (size_t lane = 0; lane < lanes->lane_count; lane++) {
        *loss_out += lanes->lane_loss[lane];
        *correct += lanes->lane_correct[lane];
        lanes->negatives += lanes->lane_negatives[lane];
    }
    *loss_out /= (double)batch->count;
}

void ink_lanes_gradients(ink_lanes *lanes, const ink_batch *batch, const ink_settings *settings,
                         double *loss_out, size_t *correct)
{
    run_lanes(lanes, batch, settings, loss_out, correct);
    each(lanes, add_job);
}

void ink_lanes_step(ink_lanes *lanes, const ink_batch *batch, const ink_settings *settings, float rate,
                    double *loss_out, size_t *correct)
{
    run_lanes(lanes, batch, settings, loss_out, correct);
    lanes->rate = rate;
    lanes->gradient_scale = 1;
    if (settings->clip > 0) { /* which needs the whole sum; else each chunk is added up and used while near */
        each(lanes, add_job);
        lanes->gradient_scale = clip_scale(lanes);
    }
    each(lanes, update_job);
    lanes->step++;
}
