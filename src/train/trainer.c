/* The trainer: which examples a step takes, what an epoch is, and what a checkpoint must hold so that all of
 * it goes on as if it had never stopped. Everything drawn at random is a function of the seed and of the
 * step, so the only state are the vectors and a few counters. */
#include "base/checked.h"
#include "base/file.h"
#include "base/random.h"
#include "model/model.h"
#include "train/calibrate.h"
#include "train/fold.h"
#include "train/lanes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STATE_VERSION = 1, MAX_THREADS = 256 };
/* Streams of random numbers. */
enum { SPLIT_STREAM = 1, SHUFFLE_STREAM, AUGMENT_STREAM, LANES_STREAM, CALIBRATE_STREAM };

struct ink_trainer {
    ink_allocator allocator;
    ink_arena arena;
    ink_model *base;   /* the network as it came, which the tape reads */
    ink_graph graph;   /* the same, with the tape's memory */
    ink_tape tape;
    ink_lanes lanes;
    ink_settings settings;
    ink_examples examples;
    char digest[17];   /* of the examples, in hexadecimal */
    uint32_t classes;
    uint32_t *indices; /* [validation + training] */
    uint32_t *order;   /* [training]: the epoch's */
    uint32_t *unsorted; /* [training]: what is being sorted */
    uint64_t ordered;  /* which epoch's, from 1; 0: none yet */
    float *best;       /* the weights that validated best */
    uint64_t validated; /* the epoch that was validated last, from 1 */
    ink_trainer_info info;
};

/* ---- state: how a checkpoint and a trainer become each other ---- */

typedef struct vector {
    const char *key;
    float *data;
} vector;

enum { VECTORS = 4 };

static void list_vectors(const ink_trainer *t, vector out[VECTORS])
{
    const vector all[VECTORS] = { { "training.state.first", t->lanes.first },
                                  { "training.state.second", t->lanes.second },
                                  { "training.state.average", t->lanes.average },
                                  { "training.state.best", t->best } };
    memcpy(out, all, sizeof all);
}

typedef struct number {
    const char *key;
    void *to;
    bool real; /* a double, else an uint64_t */
} number;

enum { NUMBERS = 5 };

static void list_numbers(ink_trainer *t, number out[NUMBERS])
{
    const number all[NUMBERS] = { { "training.state.step", &t->lanes.step, false },
                                  { "training.state.validated", &t->validated, false },
                                  { "training.state.best_epoch", &t->info.best_epoch, false },
                                  { "training.state.best_accuracy", &t->info.best_accuracy, true },
                                  { "training.state.best_loss", &t->info.best_loss, true } };
    memcpy(out, all, sizeof all);
}

/* How many floats a vector has in a file, where nothing lies between the tensors. */
static size_t vector_floats(const ink_tape *tape)
{
    size_t count = 0;
    for (size_t i = 0; i < tape->parameter_count; i++)
        count += tape->parameters[i].count;
    return count;
}

static ink_status read_vector(ink_trainer *t, const ink_metadata *entry, float *out, ink_error *error)
{
    const size_t wanted = vector_floats(&t->tape);
    if (!entry->is_array || ink_gguf_value_type(entry) != INK_GGUF_F32 || entry->count != wanted)
        return ink_fail(error, INK_ERR_FORMAT, "key '%.64s': found %s with %zu values, wanted %zu f32",
                        entry->key, entry->type, entry->count, wanted);
    const char *from = entry->values;
    for (size_t i = 0; i < t->tape.parameter_count; i++) {
        const ink_tape_parameter *p = &t->tape.parameters[i];
        for (size_t k = 0; k < p->count; k++, from += sizeof(float)) {
            const size_t place = ink_tape_place(p, k);
            memcpy(&out[p->at + place], from, sizeof(float));
            if (!isfinite(out[p->at + place]))
                return ink_fail(error, INK_ERR_NOT_FINITE, "key '%.64s': value %zu is not finite",
                                entry->key, k);
        }
    }
    return INK_OK;
}

static const ink_metadata *find(const ink_model *model, const char *key)
{
    for (size_t i = 0; i < model->metadata_count; i++)
        if (!strcmp(model->metadata[i].key, key))
            return &model->metadata[i];
    return NULL;
}

static ink_status need(const ink_model *model, const char *key, const ink_metadata **entry, ink_error *error)
{
    *entry = find(model, key);
    return *entry ? INK_OK : ink_fail(error, INK_ERR_MISSING, "key '%s': missing, so this is no checkpoint of "
                                      "a training", key);
}

/* The settings of both runs must be the same, but for those that only say when to stop. */
static ink_status check_settings(ink_trainer *t, const char *text, ink_error *error)
{
    ink_settings before;
    INK_TRY(ink_settings_parse(&before, text, error));
    before.epochs = t->settings.epochs;
    before.patience = t->settings.patience;
    const char *then = ink_settings_text(&before, &t->arena), *now = ink_settings_text(&t->settings, &t->arena);
    if (!then || !now)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the settings");
    return strcmp(then, now) ? ink_fail(error, INK_ERR_ARGUMENT, "the checkpoint's settings are '%.180s', "
                                        "these are '%.180s'", then, now) : INK_OK;
}

static ink_status read_state(ink_trainer *t, const ink_model *model, ink_error *error)
{
    const ink_metadata *entry;
    vector vectors[VECTORS];
    number numbers[NUMBERS];
    INK_TRY(need(model, "training.state.version", &entry, error));
    if (ink_metadata_number(entry, 0) != STATE_VERSION)
        return ink_fail(error, INK_ERR_VERSION, "key 'training.state.version': found %g, wanted %d",
                        ink_metadata_number(entry, 0), STATE_VERSION);
    INK_TRY(need(model, "training.settings", &entry, error));
    INK_TRY(check_settings(t, ink_metadata_string(entry, 0), error));
    INK_TRY(need(model, "training.examples", &entry, error));
    if (strcmp(ink_metadata_string(entry, 0), t->digest))
        return ink_fail(error, INK_ERR_ARGUMENT, "the checkpoint was made with other examples");
    list_numbers(t, numbers);
    for (size_t i = 0; i < NUMBERS; i++) {
        INK_TRY(need(model, numbers[i].key, &entry, error));
        const double value = ink_metadata_number(entry, 0);
        if (!isfinite(value) || (!numbers[i].real && !(value >= 0 && value <= 1e15)))
            return ink_fail(error, INK_ERR_FORMAT, "key '%s': found %g", numbers[i].key, value);
        if (numbers[i].real)
            *(double *)numbers[i].to = value;
        else
            *(uint64_t *)numbers[i].to = (uint64_t)value;
    }
    if (t->info.best_epoch && !t->best)
        return ink_fail(error, INK_ERR_FORMAT, "key 'training.state.best_epoch': found %llu, without validation",
                        (unsigned long long)t->info.best_epoch);
    list_vectors(t, vectors);
    for (size_t i = 0; i < VECTORS; i++)
        if (vectors[i].data) {
            INK_TRY(need(model, vectors[i].key, &entry, error));
            INK_TRY(read_vector(t, entry, vectors[i].data, error));
        }
    entry = find(model, "training.state.note");
    const char *note = entry ? ink_metadata_string(entry, 0) : "";
    t->info.note = ink_arena_string(&t->arena, note, strlen(note));
    return t->info.note ? INK_OK : ink_fail(error, INK_ERR_MEMORY, "no memory for the note");
}

static void put_vector(const ink_trainer *t, ink_gguf *state, ink_arena *arena, const vector *v)
{
    float *floats = ink_arena_array(arena, vector_floats(&t->tape), sizeof *floats), *to = floats;
    for (size_t i = 0; floats && i < t->tape.parameter_count; to += t->tape.parameters[i++].count)
        ink_tape_export(&t->tape, &t->tape.parameters[i], v->data, to);
    if (floats)
        ink_gguf_put(state, arena, v->key, INK_GGUF_F32, true, (size_t)(to - floats), floats);
}

static ink_status make_state(ink_trainer *t, const char *note, ink_arena *arena, ink_gguf *state,
                             ink_error *error)
{
    vector vectors[VECTORS];
    number numbers[NUMBERS];
    *state = (ink_gguf){ .metadata = ink_arena_array(arena, NUMBERS + VECTORS + 4, sizeof *state->metadata) };
    if (state->metadata) {
        ink_gguf_put_string(state, arena, "training.settings", t->info.settings);
        ink_gguf_put_u32(state, arena, "training.state.version", STATE_VERSION);
        ink_gguf_put_string(state, arena, "training.examples", t->digest);
        if (note)
            ink_gguf_put_string(state, arena, "training.state.note", note);
        list_numbers(t, numbers);
        for (size_t i = 0; i < NUMBERS; i++)
            ink_gguf_put(state, arena, numbers[i].key, numbers[i].real ? INK_GGUF_F64 : INK_GGUF_U64, false, 1,
                         numbers[i].to);
        list_vectors(t, vectors);
        for (size_t i = 0; i < VECTORS; i++)
            if (vectors[i].data)
                put_vector(t, state, arena, &vectors[i]);
    }
    return arena->failed ? ink_fail(error, INK_ERR_MEMORY, "no memory for the checkpoint") : INK_OK;
}

/* The metadata that the model came with, but for what the trainer says itself. */
static size_t own_metadata(const ink_trainer *t, ink_metadata *out)
{
    static const char *const replaced[] = { "training.settings", "training.examples", "training.epoch",
                                            "training.validation_accuracy", "training.temperature" };
    size_t count = 0;
    for (size_t i = 0; i < t->base->metadata_count; i++) {
        bool keep = true;
        for (size_t k = 0; k < INK_COUNT(replaced); k++)
            keep = keep && strcmp(t->base->metadata[i].key, replaced[k]);
        if (keep)
            out[count++] = t->base->metadata[i];
    }
    return count;
}

/* Writes the network with these weights; `state` is NULL for a file that will only be run, `temperature` 0 where the
 * weights stay as they are. */
static ink_status write_network(const ink_trainer *t, const float *parameters, bool fold, double temperature,
                                const ink_gguf *state, ink_arena *arena, ink_buffer *out, ink_error *error)
{
    ink_graph graph;
    ink_gguf file = { .metadata = ink_arena_array(arena, t->base->metadata_count + 6, sizeof *file.metadata) };
    if (!file.metadata)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the metadata");
    INK_TRY(ink_fold(&t->tape, parameters, fold, arena, &graph, error));
    if (temperature > 0)
        ink_divide_weights(ink_logits_maker(&t->tape), &graph, temperature);
    file.metadata_count = own_metadata(t, file.metadata);
    if (!state) {
        const bool best = t->info.best_epoch && parameters == t->best;
        ink_gguf_put_string(&file, arena, "training.settings", t->info.settings);
        ink_gguf_put_string(&file, arena, "training.examples", t->digest);
        ink_gguf_put_u32(&file, arena, "training.epoch",
                         (uint32_t)(best ? t->info.best_epoch : t->info.epoch));
        if (best)
            ink_gguf_put_f32(&file, arena, "training.validation_accuracy", (float)t->info.best_accuracy);
        if (temperature > 0)
            ink_gguf_put_f32(&file, arena, "training.temperature", (float)temperature);
    }
    return ink_layout_write(&graph, file.metadata, file.metadata_count, state, &t->allocator, out, error);
}

ink_status ink_trainer_save(const ink_trainer *trainer, const char *path, const char *note, ink_error *error)
{
    ink_arena arena;
    ink_gguf state;
    ink_buffer buffer = { 0 };
    if (!trainer || !path)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_save: an argument is NULL");
    ink_arena_init(&arena, &trainer->allocator);
    ink_trainer *t = (ink_trainer *)(uintptr_t)trainer; /* the lists of numbers serve reading too */
    ink_status status = make_state(t, note, &arena, &state, error);
    if (!status)
        status = write_network(trainer, trainer->lanes.parameters, false, 0, &state, &arena, &buffer, error);
    ink_arena_free(&arena);
    if (!status)
        status = ink_file_write(path, &(ink_file_part){ buffer.data, buffer.size }, 1, error);
    else
        ink_error_prefix(error, path);
    ink_buffer_close(&buffer);
    return status;
}

static const float *weights_now(const ink_trainer *t)
{
    return t->settings.average > 0 ? t->lanes.average : t->lanes.parameters;
}

static ink_status make_model(const ink_trainer *t, const float *parameters, double temperature,
                             const ink_model_options *options, ink_model **out, ink_error *error)
{
    ink_arena arena;
    ink_buffer buffer = { 0 };
    ink_model_options o;
    if (!ink_options_read(&o, sizeof o, options))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_options: its size is not set");
    ink_arena_init(&arena, &t->allocator);
    ink_status status = write_network(t, parameters, true, temperature, NULL, &arena, &buffer, error);
    ink_arena_free(&arena);
    o.name = o.name ? o.name : "trainer";
    return status ? status : ink_model_adopt(&buffer, &o, out, error);
}

/* ---- opening ---- */

static void shuffle(uint32_t *indices, size_t count, uint64_t seed)
{
    ink_random random = { seed };
    for (size_t i = count; i > 1; i--) {
        const uint32_t k = ink_random_below(&random, (uint32_t)i), at = indices[i - 1];
        indices[i - 1] = indices[k];
        indices[k] = at;
    }
}

static ink_status set_examples(ink_trainer *t, ink_error *error)
{
    const ink_examples *e = &t->examples;
    const double part = t->settings.validation;
    if (!e->count || e->count >= UINT32_MAX)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_open: there are %zu examples", e->count);
    for (size_t i = 0; i < e->count; i++)
        if (e->labels[i] >= t->classes)
            return ink_fail(error, INK_ERR_ARGUMENT, "example %zu: its label is %u, the network has %u classes",
                            i, e->labels[i], t->classes);
    const double aside = part < 1 ? floor(part * (double)e->count) : part;
    if (!(aside < (double)e->count))
        return ink_fail(error, INK_ERR_ARGUMENT, "setting 'validation': found %.9g, there are %zu examples",
                        part, e->count);
    t->info.validation = (size_t)aside;
    t->info.training = e->count - t->info.validation;
    t->info.batch = t->settings.batch < t->info.training ? (size_t)t->settings.batch : t->info.training;
    t->info.epoch_steps = t->info.training / t->info.batch;
    t->info.epochs = t->settings.epochs;
    t->info.steps = t->info.epoch_steps * t->settings.epochs;
    t->indices = ink_arena_array(&t->arena, e->count, sizeof *t->indices);
    t->order = ink_arena_array(&t->arena, t->info.training, sizeof *t->order);
    t->unsorted = ink_arena_array(&t->arena, t->info.training, sizeof *t->unsorted);
    if (!t->indices || !t->order || !t->unsorted)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for %zu examples", e->count);
    for (size_t i = 0; i < e->count; i++)
        t->indices[i] = (uint32_t)i;
    shuffle(t->indices, e->count, ink_stream(t->settings.seed, SPLIT_STREAM));
    t->info.validation_indices = t->indices;
    const size_t pixels = t->tape.values[0].elements;
    uint64_t hash = e->count; /* FNV-1a */
    for (size_t i = 0; i < e->count * pixels; i++)
        hash = (hash ^ e->pixels[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < e->count; i++)
        hash = (hash ^ e->labels[i]) * UINT64_C(0x100000001b3);
    snprintf(t->digest, sizeof t->digest, "%016llx", (unsigned long long)hash);
    return INK_OK;
}

/* A model of its own, so that the caller may close his. */
static ink_status copy_model(ink_trainer *t, const ink_model *model, ink_cpu cpu, ink_error *error)
{
    ink_buffer file;
    const ink_model_options options = { .size = sizeof options, .allocator = &t->allocator, .cpu = cpu,
                                        .name = "trainer" };
    INK_TRY(ink_layout_write(&model->graph, model->metadata, model->metadata_count, NULL, &t->allocator, &file,
                             error));
    INK_TRY(ink_model_adopt(&file, &options, &t->base, error));
    t->graph = t->base->graph;
    t->graph.arena = &t->arena;
    return INK_OK;
}

static void update_info(ink_trainer *t)
{
    ink_trainer_info *info = &t->info;
    info->step = t->lanes.step;
    info->epoch = info->step / info->epoch_steps;
    info->done = info->step >= info->steps ||
                 (t->settings.patience && t->validated >= info->best_epoch + t->settings.patience);
}

static ink_status open_trainer(ink_trainer *t, const ink_model *model, const ink_trainer_options *options,
                               ink_error *error)
{
    const ink_cpu cpu = options->cpu == INK_CPU_BEST ? ink_cpu_detect() : options->cpu;
    const ink_limits limits = { UINT64_C(1) << 32, UINT64_C(100000000000) };
    INK_TRY(ink_settings_parse(&t->settings, options->settings, error));
    INK_TRY(copy_model(t, model, cpu, error));
    INK_TRY(ink_tape_make(&t->tape, &t->graph, cpu, &limits, error));
    t->classes = (uint32_t)t->tape.values[t->tape.logits].elements;
    if (t->settings.calibrate > 0 && !ink_logits_maker(&t->tape))
        return ink_fail(error, INK_ERR_ARGUMENT, "setting 'calibrate': the network's logits are not the output of a "
                        "conv2d or dense node, so there are no weights to divide by a temperature");
    if ((t->settings.negatives > 0 || t->settings.parted > 0) && t->graph.input.channels != 1)
        return ink_fail(error, INK_ERR_ARGUMENT, "setting '%s': the pictures have %u channels, wanted 1",
                        t->settings.negatives > 0 ? "negatives" : "parted", t->graph.input.channels);
    INK_TRY(set_examples(t, error));
    if (t->settings.calibrate > 0 && !t->info.validation)
        return ink_fail(error, INK_ERR_ARGUMENT, "setting 'calibrate': found %g, and no pictures set aside to do it "
                        "with, see 'validation'", (double)t->settings.calibrate);
    t->info.note = "";
    t->info.settings = ink_settings_text(&t->settings, &t->arena);
    for (size_t i = 0; i < t->tape.parameter_count; i++)
        t->info.parameters += t->tape.parameters[i].kind != INK_PARAMETER_STATISTIC
                                  ? t->tape.parameters[i].count : 0;
    t->best = t->info.validation ? ink_arena_array(&t->arena, t->tape.parameter_floats, sizeof *t->best) : NULL;
    if (!t->info.settings || t->arena.failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the trainer");
    if (!t->info.parameters)
        return ink_fail(error, INK_ERR_GRAPH, "the network has no weights to train");
    INK_TRY(ink_lanes_init(&t->lanes, &t->tape, &t->allocator, options->threads ? options->threads : 1,
                           t->info.batch, ink_stream(t->settings.seed, LANES_STREAM), cpu, error));
    if (options->resume)
        INK_TRY(read_state(t, model, error));
    update_info(t);
    return INK_OK;
}

ink_status ink_trainer_open(const ink_model *model, const ink_examples *examples,
                            const ink_trainer_options *given, ink_trainer **out, ink_error *error)
{
    ink_trainer_options options;
    if (!out || !model || !examples || !examples->pixels || !examples->labels)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_open: an argument is NULL");
    *out = NULL;
    if (!ink_options_read(&options, sizeof options, given))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_options: its size is not set");
    if (options.threads > MAX_THREADS)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_options: %u threads, wanted at most %d",
                        options.threads, MAX_THREADS);
    if (options.cpu != INK_CPU_BEST && !ink_cpu_has(options.cpu))
        return ink_fail(error, INK_ERR_CPU, "ink_trainer_options: this processor cannot run cpu %d",
                        (int)options.cpu);
    const ink_allocator allocator = ink_allocator_or_default(options.allocator);
    ink_trainer *t = ink_alloc(&allocator, sizeof *t);
    if (!t)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the trainer");
    *t = (ink_trainer){ .allocator = allocator, .examples = *examples };
    ink_arena_init(&t->arena, &allocator);
    const ink_status status = open_trainer(t, model, &options, error);
    if (status)
        ink_trainer_close(&t);
    else
        *out = t;
    return status;
}

void ink_trainer_close(ink_trainer **trainer)
{
    if (!trainer || !*trainer)
        return;
    ink_trainer *t = *trainer;
    const ink_allocator allocator = t->allocator;
    if (t->lanes.tape)
        ink_lanes_free(&t->lanes);
    ink_arena_free(&t->arena);
    ink_model_close(&t->base);
    ink_free(&allocator, t);
    *trainer = NULL;
}

const ink_trainer_info *ink_trainer_get_info(const ink_trainer *trainer)
{
    return trainer ? &trainer->info : NULL;
}

/* ---- running ---- */

/* Sorts examples by class; those of one class stay in their order. */
static void sort_by_class(ink_trainer *t, uint32_t *order, size_t count)
{
    const uint8_t *labels = t->examples.labels;
    size_t at[UINT8_MAX + 2] = { 0 };
    for (size_t i = 0; i < count; i++)
        at[labels[order[i]] + 1]++;
    for (size_t label = 0; label < UINT8_MAX; label++)
        at[label + 1] += at[label];
    memcpy(t->unsorted, order, count * sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[at[labels[t->unsorted[i]]]++] = t->unsorted[i];
}

/* The epoch's order: drawn by the seed, and within each lane sorted by class. There the order is of no account but
 * for rounding, and pictures of one class have more blank pixels in common, which a dense layer skips for six at
 * once: 62 % of MNIST's in place of 56. */
static void set_order(ink_trainer *t, uint64_t epoch)
{
    memcpy(t->order, t->indices + t->info.validation, t->info.training * sizeof *t->order);
    shuffle(t->order, t->info.training, ink_stream(ink_stream(t->settings.seed, SHUFFLE_STREAM), epoch));
    for (uint64_t step = 0; step < t->info.epoch_steps; step++)
        for (size_t lane = 0; lane < t->lanes.lane_count; lane++) {
            const size_t first = ink_lanes_first(&t->lanes, t->info.batch, lane);
            const size_t end = ink_lanes_first(&t->lanes, t->info.batch, lane + 1);
            sort_by_class(t, t->order + (size_t)step * t->info.batch + first, end - first);
        }
    t->ordered = epoch + 1;
}

/* An epoch's batches, but for which images are in one. */
static ink_batch batch_of(const ink_trainer *t, uint64_t epoch)
{
    return (ink_batch){ .pixels = t->examples.pixels, .labels = t->examples.labels, .count = t->info.batch,
                        .seed = ink_stream(ink_stream(t->settings.seed, AUGMENT_STREAM), epoch),
                        .digits = t->indices + t->info.validation, .digit_count = t->info.training };
}

ink_status ink_trainer_step(ink_trainer *t, ink_train_step *out, ink_error *error)
{
    if (!t || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_step: an argument is NULL");
    *out = (ink_train_step){ 0 };
    if (t->info.done)
        return INK_OK;
    const uint64_t epoch = t->lanes.step / t->info.epoch_steps;
    if (t->ordered != epoch + 1)
        set_order(t, epoch);
    ink_batch batch = batch_of(t, epoch);
    batch.indices = t->order + (size_t)(t->lanes.step % t->info.epoch_steps) * t->info.batch;
    const float rate = ink_schedule_rate(&t->settings.schedule, t->lanes.step, t->info.steps);
    out->rate = (double)rate;
    ink_lanes_step(&t->lanes, &batch, &t->settings, rate, &out->loss, &out->correct);
    out->images = batch.count - t->lanes.negatives;
    update_info(t);
    if (!isfinite(out->loss))
        return ink_fail(error, INK_ERR_NOT_FINITE, "the loss of step %llu is not finite: the learning rate %g "
                        "may be too high", (unsigned long long)t->info.step, (double)rate);
    return INK_OK;
}

/* Runs the pictures set aside through a session, a block at a time. */
static ink_status run_validation(ink_trainer *t, ink_session *session, uint8_t *pixels, float *output,
                                 ink_validation *out, ink_error *error)
{
    const size_t size = t->tape.values[0].elements;
    for (size_t at = 0, block; at < t->info.validation; at += block) {
        block = t->info.validation - at < 256 ? t->info.validation - at : 256;
        for (size_t i = 0; i < block; i++)
            memcpy(pixels + i * size, t->examples.pixels + t->indices[at + i] * size, size);
        INK_TRY(ink_session_run_u8(session, pixels, block, output, error));
        for (size_t i = 0; i < block; i++) {
            const float *p = output + i * t->classes;
            const uint8_t label = t->examples.labels[t->indices[at + i]];
            out->correct += ink_argmax(p, t->classes) == label;
            out->loss -= log(fmax((double)p[label], 1e-38));
        }
    }
    out->count = t->info.validation;
    out->loss /= (double)out->count;
    out->accuracy = (double)out->correct / (double)out->count;
    return INK_OK;
}

ink_status ink_trainer_validate(ink_trainer *t, ink_validation *out, ink_error *error)
{
    ink_model *model = NULL;
    ink_session *session = NULL;
    if (!t || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_validate: an argument is NULL");
    *out = (ink_validation){ 0 };
    if (!t->info.validation)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_validate: no examples were set aside");
    const ink_model_options model_options = { .size = sizeof model_options, .allocator = &t->allocator,
                                              .cpu = t->base->info.cpu };
    const ink_session_options session_options = { .size = sizeof session_options, .allocator = &t->allocator,
                                                  .threads = t->lanes.threads };
    uint8_t *pixels = ink_alloc(&t->allocator, 256 * t->tape.values[0].elements);
    float *output = ink_alloc(&t->allocator, 256 * t->classes * sizeof *output);
    ink_status status = pixels && output ? INK_OK
                                         : ink_fail(error, INK_ERR_MEMORY, "no memory to validate");
    if (!status)
        status = make_model(t, weights_now(t), 0, &model_options, &model, error);
    if (!status)
        status = ink_session_open(model, &session_options, &session, error);
    if (!status)
        status = run_validation(t, session, pixels, output, out, error);
    ink_session_close(&session);
    ink_model_close(&model);
    ink_free(&t->allocator, pixels);
    ink_free(&t->allocator, output);
    if (status)
        return status;
    const ink_trainer_info *info = &t->info;
    t->validated = info->epoch;
    const bool clearer = out->loss < info->best_loss;
    const bool better = t->settings.best == INK_BEST_LOSS || out->accuracy == info->best_accuracy
                            ? clearer : out->accuracy > info->best_accuracy;
    out->best = !info->best_epoch || better;
    if (out->best) {
        memcpy(t->best, weights_now(t), t->tape.parameter_floats * sizeof *t->best);
        t->info.best_epoch = info->epoch ? info->epoch : 1;
        t->info.best_accuracy = out->accuracy;
        t->info.best_loss = out->loss;
    }
    update_info(t);
    return INK_OK;
}

/* ---- the trained model ---- */

enum { BLOCK = 256 };

/* The logits of the pictures set aside, [copies, validation, classes]: as they are, and as augmented. A network that
 * ends in a softmax gives their logarithms, which are as good. */
static ink_status run_logits(const ink_trainer *t, ink_session *session, size_t copies, uint8_t *pixels,
                             uint8_t *labels, float *logits, ink_error *error)
{
    const size_t size = t->tape.values[0].elements;
    const ink_node *last = &t->graph.nodes[t->graph.node_count - 1];
    ink_settings settings = t->settings;
    ink_batch batch = batch_of(t, 0);
    settings.negatives = settings.parted = 0;
    ink_settings_strengthen(&settings, (double)t->settings.calibrate);
    for (size_t at = 0, block; at < copies * t->info.validation; at += block) {
        block = copies * t->info.validation - at < BLOCK ? copies * t->info.validation - at : BLOCK;
        for (size_t i = 0; i < block; i++) {
            const size_t copy = (at + i) / t->info.validation;
            const uint32_t example = t->indices[(at + i) % t->info.validation];
            const uint8_t *picture = t->examples.pixels + example * size;
            uint8_t *parts = pixels + (size_t)BLOCK * size;
            bool negative;
            batch.seed = ink_stream(ink_stream(t->settings.seed, CALIBRATE_STREAM), copy);
            if (copy)
                picture = ink_picture_make(&batch, &t->graph.input, t->classes, &settings, example, parts, &negative);
            memcpy(pixels + i * size, picture, size);
            labels[at + i] = t->examples.labels[example];
        }
        INK_TRY(ink_session_run_u8(session, pixels, block, logits + at * t->classes, error));
    }
    for (size_t i = 0; last->op == &ink_op_softmax && i < copies * t->info.validation * t->classes; i++)
        logits[i] = logf(fmaxf(logits[i], 1e-38f));
    return INK_OK;
}

static ink_status find_temperature(const ink_trainer *t, const float *parameters, double *temperature, ink_error *error)
{
    ink_model *model = NULL;
    ink_session *session = NULL;
    const ink_model_options model_options = { .size = sizeof model_options, .allocator = &t->allocator,
                                              .cpu = t->base->info.cpu, .output = INK_OUTPUT_AS_WRITTEN };
    const ink_session_options session_options = { .size = sizeof session_options, .allocator = &t->allocator,
                                                  .threads = t->lanes.threads };
    const size_t copies = ink_augment_any(&t->settings.augment) ? 3 : 1, count = copies * t->info.validation;
    uint8_t *pixels = ink_alloc(&t->allocator, (BLOCK + INK_PICTURE_PARTS) * t->tape.values[0].elements);
    uint8_t *labels = ink_alloc(&t->allocator, count);
    float *logits = ink_alloc(&t->allocator, count * t->classes * sizeof *logits);
    ink_status status = pixels && labels && logits ? INK_OK
                                                   : ink_fail(error, INK_ERR_MEMORY, "no memory to calibrate");
    if (!status)
        status = make_model(t, parameters, 0, &model_options, &model, error);
    if (!status)
        status = ink_session_open(model, &session_options, &session, error);
    if (!status)
        status = run_logits(t, session, copies, pixels, labels, logits, error);
    if (!status)
        *temperature = ink_temperature(logits, labels, count, t->classes);
    ink_session_close(&session);
    ink_model_close(&model);
    ink_free(&t->allocator, pixels);
    ink_free(&t->allocator, labels);
    ink_free(&t->allocator, logits);
    return status;
}

ink_status ink_trainer_model(const ink_trainer *trainer, const ink_model_options *options, ink_model **out,
                             ink_error *error)
{
    double temperature = 0;
    if (!trainer || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_model: an argument is NULL");
    *out = NULL;
    const float *parameters = trainer->info.best_epoch ? trainer->best : weights_now(trainer);
    if (trainer->settings.calibrate > 0)
        INK_TRY(find_temperature(trainer, parameters, &temperature, error));
    return make_model(trainer, parameters, temperature, options, out, error);
}

ink_status ink_training_settings(const char *text, ink_buffer *out, ink_error *error)
{
    ink_settings settings;
    ink_arena arena;
    ink_text copy;
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    if (!out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_training_settings: out is NULL");
    *out = (ink_buffer){ 0 };
    INK_TRY(ink_settings_parse(&settings, text, error));
    ink_arena_init(&arena, &allocator);
    ink_text_init(&copy, &allocator);
    const char *canonical = ink_settings_text(&settings, &arena);
    if (canonical)
        ink_text_bytes(&copy, canonical, strlen(canonical));
    else
        copy.failed = true;
    ink_arena_free(&arena);
    return ink_text_finish(&copy, out, error);
}

ink_status ink_trainer_picture(const ink_trainer *t, uint64_t epoch, size_t example, uint8_t *to, int *negative,
                               ink_error *error)
{
    if (!t || !to)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_picture: an argument is NULL");
    if (example >= t->examples.count)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_trainer_picture: found example %zu, there are %zu", example,
                        t->examples.count);
    const size_t pixels = t->tape.values[0].elements;
    const ink_batch batch = batch_of(t, epoch);
    uint8_t *parts = ink_alloc(&t->allocator, INK_PICTURE_PARTS * pixels);
    bool replaced;
    if (!parts)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the picture");
    memcpy(to, ink_picture_make(&batch, &t->graph.input, t->classes, &t->settings, (uint32_t)example, parts,
                                &replaced), pixels);
    if (negative)
        *negative = replaced;
    ink_free(&t->allocator, parts);
    return INK_OK;
}
