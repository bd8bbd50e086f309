/* The conversation of engine_protocol.h. */
#include "engine_protocol.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 4096, FIRST_CALLS = 100, WARM_UP_CALLS = 2 };

static void *must_have(void *memory)
{
    if (!memory) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return memory;
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* A row of /proc/self/status, in KiB; -1 where there is none. */
static long status_kib(const char *key)
{
    char line[LINE];
    long found = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && found < 0 && fgets(line, sizeof line, file))
        if (!strncmp(line, key, strlen(key)))
            found = strtol(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return found;
}

/* From here on the peak is that of what follows. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

static void say_error(const char *what)
{
    printf("{\"error\": \"");
    for (; *what; what++)
        putchar(*what == '"' || *what == '\\' || (unsigned char)*what < ' ' ? '\'' : *what);
    printf("\"}\n");
    fflush(stdout);
}

typedef struct state {
    const engine *with;
    engine_setup setup;
    size_t classes;
    float *answers;       /* for `room` pictures */
    size_t room;
    long before_kib;      /* resident before the model was loaded */
    char prepared[LINE];  /* the variant and batch that are ready */
    size_t piece;         /* the engine is handed so many pictures at once */
} state;

static const char *prepare(state *s, const char *variant, size_t batch)
{
    char wanted[LINE];
    if (!batch || batch > s->setup.count)
        return "there are fewer pictures than that";
    if (batch > s->room) {
        s->answers = (float *)must_have(realloc(s->answers, batch * s->classes * sizeof *s->answers));
        memset(s->answers, 0, batch * s->classes * sizeof *s->answers);
        s->room = batch;
    }
    const char *slash = strchr(variant, '/');
    size_t piece = slash ? strtoul(slash + 1, NULL, 10) : batch;
    if (!piece || batch % piece)
        return "the batch is not a number of whole pieces";
    snprintf(wanted, sizeof wanted, "%.*s %zu", (int)strcspn(variant, "/"), variant, piece);
    s->piece = piece;
    if (!strcmp(wanted, s->prepared))
        return NULL;
    *strchr(wanted, ' ') = '\0';
    const char *error = s->with->prepare ? s->with->prepare(wanted, piece) : NULL;
    snprintf(s->prepared, sizeof s->prepared, "%.*s %zu", (int)strcspn(variant, "/"), variant, piece);
    if (error)
        s->prepared[0] = '\0';
    return error;
}

static const char *call(state *s, size_t first, size_t batch)
{
    const char *error = NULL;
    for (size_t done = 0; !error && done < batch; done += s->piece)
        error = s->with->call(first + done, s->piece, s->answers + done * s->classes);
    return error;
}

/* ---- commands ---- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static const char *run(state *s, const char *variant, size_t batch, double seconds)
{
    const char *error = prepare(s, variant, batch);
    if (error)
        return error;
    size_t slices = s->setup.count / batch, calls = 0, room = 1024;
    uint64_t *times = (uint64_t *)must_have(malloc(room * sizeof *times));
    uint64_t begin = now(), most = (uint64_t)(seconds * 1e9), end = 0;
    bool warming = true;
    for (size_t i = 0;; i++) {
        uint64_t from = now();
        error = call(s, i % slices * batch, batch);
        uint64_t to = now();
        if (error)
            break;
        if (warming) {
            /* A tenth of the time to warm up, and some calls unless they are long. */
            end = to + most;
            warming = to - begin < (i < WARM_UP_CALLS ? most : most / 10);
            continue;
        }
        if (calls == room) {
            room *= 2;
            times = (uint64_t *)must_have(realloc(times, room * sizeof *times));
        }
        times[calls++] = to - from;
        if (to > end)
            break;
    }
    if (!error) {
        qsort(times, calls, sizeof *times, by_size);
        double unit = 1e-3 / (double)batch;
        printf("{\"calls\": %zu, \"median_us\": %.4f, \"min_us\": %.4f}\n", calls, (double)times[calls / 2] * unit,
               (double)times[0] * unit);
    }
    free(times);
    return error;
}

static const char *write_answers(state *s, const char *variant, size_t batch, size_t count, const char *path)
{
    const char *error = prepare(s, variant, batch);
    FILE *file = error ? NULL : fopen(path, "wb");
    if (!error && !file)
        error = "cannot write the answers";
    for (size_t first = 0; !error && first + batch <= count; first += batch) {
        error = call(s, first, batch);
        if (!error && fwrite(s->answers, sizeof(float), batch * s->classes, file) != batch * s->classes)
            error = "cannot write the answers";
    }
    if (file && fclose(file) && !error)
        error = "cannot write the answers";
    if (!error)
        printf("{\"classes\": %zu}\n", s->classes);
    return error;
}

static void say_variants(const state *s, size_t batch)
{
    printf("[");
    for (const char *const *name = s->with->variants; *name; name++) {
        printf("%s\"%s\"", name == s->with->variants ? "" : ", ", *name);
        for (const size_t *piece = s->with->pieces; *piece; piece++)
            if (batch > *piece && batch % *piece == 0)
                printf(", \"%s/%zu\"", *name, *piece);
    }
    printf("]\n");
}

static bool obey(state *s, const char *line)
{
    char variant[LINE], path[LINE];
    size_t batch, count;
    double seconds;
    const char *error = NULL;
    if (!strncmp(line, "quit", 4))
        return false;
    if (sscanf(line, "run %s %zu %lf", variant, &batch, &seconds) == 3)
        error = run(s, variant, batch, seconds);
    else if (sscanf(line, "answers %s %zu %zu %s", variant, &batch, &count, path) == 4)
        error = write_answers(s, variant, batch, count, path);
    else if (sscanf(line, "variants %zu", &batch) == 1)
        say_variants(s, batch);
    else if (!strncmp(line, "memory", 6))
        printf("{\"peak_kib\": %ld, \"growth_kib\": %ld, \"answers_kib\": %zu}\n", status_kib("VmHWM:"),
               status_kib("VmHWM:") - s->before_kib, s->room * s->classes * sizeof *s->answers / 1024);
    else
        error = "no such command";
    if (error)
        say_error(error);
    fflush(stdout);
    return true;
}

/* ---- the start ---- */

static uint8_t *read_pictures(const char *path, size_t size)
{
    uint8_t *pixels = (uint8_t *)must_have(malloc(size + 1));
    FILE *file = fopen(path, "rb");
    if (!file || fread(pixels, 1, size, file) != size) {
        say_error("cannot read the pictures");
        exit(1);
    }
    fclose(file);
    return pixels;
}

static const char *start(state *s)
{
    const char *variant = s->with->variants[0];
    const char *error = s->with->pictures ? s->with->pictures(&s->setup) : NULL;
    if (error)
        return error;
    forget_peak();
    s->before_kib = status_kib("VmRSS:");
    uint64_t begin = now();
    error = s->with->open(&s->setup, &s->classes);
    uint64_t opened = now();
    if (!error)
        error = prepare(s, variant, 1);
    if (!error)
        error = call(s, 0, 1);
    uint64_t answered = now();
    for (size_t i = 0; !error && i < FIRST_CALLS && i < s->setup.count; i++)
        error = call(s, i, 1);
    if (!error)
        printf("{\"version\": \"%s\", \"import_ms\": 0, \"open_ms\": %.4f, \"answer_ms\": %.4f, \"peak_kib\": %ld, "
               "\"growth_kib\": %ld}\n",
               s->with->version(), (double)(opened - begin) * 1e-6, (double)(answered - begin) * 1e-6,
               status_kib("VmHWM:"), status_kib("VmHWM:") - s->before_kib);
    fflush(stdout);
    return error;
}

int engine_main(int argc, char **argv, const engine *with)
{
    state s = { 0 };
    char line[LINE];
    if (argc != 8) {
        fprintf(stderr, "usage: %s MODEL PICTURES COUNT PICTURE-BYTES SCALE OFFSET THREADS\n", argv[0]);
        return 2;
    }
    s.with = with;
    s.setup.model = argv[1];
    s.setup.count = strtoul(argv[3], NULL, 10);
    s.setup.picture = strtoul(argv[4], NULL, 10);
    s.setup.scale = strtof(argv[5], NULL);
    s.setup.offset = strtof(argv[6], NULL);
    s.setup.threads = (unsigned)strtoul(argv[7], NULL, 10);
    s.setup.pixels = read_pictures(argv[2], s.setup.count * s.setup.picture);
    const char *error = start(&s);
    if (error) {
        say_error(error);
        return 1;
    }
    while (fgets(line, sizeof line, stdin) && obey(&s, line))
        continue;
    return 0;
}
