#include "train/settings.h"

#include "base/number.h"
#include "train/raster.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* float, a float that says how much a picture is changed, uint64_t, the uint64_t number of a word */
typedef enum kind { REAL, AMOUNT, COUNT, WORD } kind;

typedef struct row {
    const char *name;
    kind kind;
    size_t at;
    double fallback, lowest, highest;
    const char *words; /* of a WORD, with spaces between */
} row;

#define AT(field) offsetof(ink_settings, field)

static const row rows[] = {
    { "epochs", COUNT, AT(epochs), 10, 1, 1e6, NULL },
    { "batch", COUNT, AT(batch), 128, 1, 65536, NULL },
    { "seed", COUNT, AT(seed), 1, 0, 9007199254740991, NULL },
    { "validation", REAL, AT(validation), 0.1, 0, 1e9, NULL },
    { "patience", COUNT, AT(patience), 0, 0, 1e6, NULL },
    { "optimizer", WORD, AT(optimizer), INK_ADAMW, 0, 0, "adamw adam sgd" },
    { "rate", REAL, AT(schedule.rate), 0.001, 0, 100, NULL },
    { "momentum", REAL, AT(momentum), 0.9, 0, 0.9999, NULL },
    { "beta2", REAL, AT(beta2), 0.999, 0, 0.999999, NULL },
    { "epsilon", REAL, AT(epsilon), 1e-8, 1e-30, 1, NULL },
    { "decay", REAL, AT(decay), 0, 0, 10, NULL },
    { "clip", REAL, AT(clip), 0, 0, 1e9, NULL },
    { "schedule", WORD, AT(schedule.kind), INK_SCHEDULE_CONSTANT, 0, 0, "constant step cosine one-cycle" },
    { "warm-up", REAL, AT(schedule.warm_up), 0, 0, 1, NULL },
    { "step-every", REAL, AT(schedule.every), 0.3, 1e-6, 1, NULL },
    { "step-factor", REAL, AT(schedule.factor), 0.1, 0, 1, NULL },
    { "last", REAL, AT(schedule.last), 0, 0, 1, NULL },
    { "rise", REAL, AT(schedule.rise), 0.3, 0, 1, NULL },
    { "smoothing", REAL, AT(smoothing), 0, 0, 0.9, NULL },
    { "average", REAL, AT(average), 0, 0, 0.999999, NULL },
    { "statistics", REAL, AT(statistics), 0.1, 1e-6, 1, NULL },
    { "shift", AMOUNT, AT(augment.shift), 0, 0, 1000, NULL },
    { "rotation", AMOUNT, AT(augment.rotation), 0, 0, 180, NULL },
    { "scale", AMOUNT, AT(augment.scale), 0, 0, 1, NULL },
    { "shear", AMOUNT, AT(augment.shear), 0, 0, 1, NULL },
    { "stretch", AMOUNT, AT(augment.stretch), 0, 0, 1, NULL },
    { "elastic", AMOUNT, AT(augment.elastic), 0, 0, 100, NULL },
    { "thickness", AMOUNT, AT(augment.thickness), 0, 0, 3, NULL },
    { "unchanged", REAL, AT(augment.unchanged), 0, 0, 1, NULL },
    { "outline", REAL, AT(augment.outline), 0, 0, 1, NULL },
    { "fit", REAL, AT(augment.fit), 0, 0, 1, NULL },
    { "erase", REAL, AT(augment.erase), 0, 0, 1, NULL },
    { "lines", REAL, AT(augment.lines), 0, 0, 1, NULL },
    { "coarse", AMOUNT, AT(augment.coarse), 0, 0, 4, NULL },
    { "blur", AMOUNT, AT(augment.blur), 0, 0, INK_MAX_SIGMA, NULL },
    { "contrast", AMOUNT, AT(augment.contrast), 0, 0, 0.9, NULL },
    { "noise", AMOUNT, AT(augment.noise), 0, 0, 1, NULL },
    { "parted", REAL, AT(parted), 0, 0, 1, NULL },
    { "negatives", REAL, AT(negatives), 0, 0, 0.9, NULL },
    { "best", WORD, AT(best), INK_BEST_ACCURACY, 0, 0, "accuracy loss" },
    { "calibrate", REAL, AT(calibrate), 0, 0, 4, NULL },
};
enum { ROWS = sizeof rows / sizeof *rows };

static bool is_float(const row *r)
{
    return r->kind == REAL || r->kind == AMOUNT;
}

static void store(ink_settings *settings, const row *r, double value)
{
    char *to = (char *)settings + r->at;
    if (is_float(r))
        *(float *)(void *)to = (float)value;
    else
        *(uint64_t *)(void *)to = (uint64_t)value;
}

static double load(const ink_settings *settings, const row *r)
{
    const char *from = (const char *)settings + r->at;
    return is_float(r) ? (double)*(const float *)(const void *)from
                       : (double)*(const uint64_t *)(const void *)from;
}

/* The n-th word of a list; its length, 0 behind the last. */
static size_t word(const char *words, size_t n, const char **at)
{
    for (*at = words; n && **at; n--) {
        *at += strcspn(*at, " ");
        *at += **at == ' ';
    }
    return strcspn(*at, " ");
}

static bool set_word(ink_settings *settings, const row *r, const char *text, size_t length)
{
    const char *at;
    size_t n = 0, size;
    for (; (size = word(r->words, n, &at)) > 0; n++)
        if (size == length && !memcmp(at, text, length)) {
            store(settings, r, (double)n);
            return true;
        }
    return false;
}

static ink_status set(ink_settings *settings, const char *name, size_t name_length, const char *text,
                      size_t length, ink_error *error)
{
    const int shown = length < 40 ? (int)length : 40;
    char given[16] = "";
    double value;
    if (name_length == 7 && !memcmp(name, "augment", 7)) {
        if (length < sizeof given)
            memcpy(given, text, length);
        if (!ink_augment_named(given, &settings->augment))
            return ink_fail(error, INK_ERR_ARGUMENT, "setting 'augment': found '%.*s', wanted one of none, "
                            "light, strong", shown, text);
        return INK_OK;
    }
    for (const row *r = rows; r < rows + ROWS; r++) {
        if (strlen(r->name) != name_length || memcmp(r->name, name, name_length))
            continue;
        if (r->kind == WORD)
            return set_word(settings, r, text, length)
                       ? INK_OK
                       : ink_fail(error, INK_ERR_ARGUMENT, "setting '%s': found '%.*s', wanted one of %s",
                                  r->name, shown, text, r->words);
        const char *at = text;
        const bool number = ink_number_parse(&at, &value) && at == text + length;
        if (!number || !(value >= r->lowest && value <= r->highest) ||
            (r->kind == COUNT && value != floor(value)))
            return ink_fail(error, INK_ERR_ARGUMENT, "setting '%s': found '%.*s', wanted %s from %.9g to "
                            "%.17g", r->name, shown, text, r->kind == COUNT ? "an integer" : "a number",
                            r->lowest, r->highest);
        store(settings, r, value);
        return INK_OK;
    }
    return ink_fail(error, INK_ERR_ARGUMENT, "there is no setting '%.*s'",
                    (int)(name_length < 40 ? name_length : 40), name);
}

ink_status ink_settings_parse(ink_settings *settings, const char *text, ink_error *error)
{
    memset(settings, 0, sizeof *settings);
    for (const row *r = rows; r < rows + ROWS; r++)
        store(settings, r, r->fallback);
    for (const char *at = text ? text : ""; *at;) {
        if (isspace((unsigned char)*at)) {
            at++;
            continue;
        }
        const size_t length = strcspn(at, " \t\n\v\f\r"), name = strcspn(at, "=");
        if (name >= length)
            return ink_fail(error, INK_ERR_ARGUMENT, "settings: found '%.*s', wanted name=value",
                            (int)(length < 40 ? length : 40), at);
        INK_TRY(set(settings, at, name, at + name + 1, length - name - 1, error));
        at += length;
    }
    return INK_OK;
}

void ink_settings_strengthen(ink_settings *settings, double factor)
{
    for (const row *r = rows; r < rows + ROWS; r++)
        if (r->kind == AMOUNT)
            store(settings, r, fmin(load(settings, r) * factor, r->highest));
}

const char *ink_settings_text(const ink_settings *settings, ink_arena *arena)
{
    char text[ROWS * 48];
    size_t size = 0;
    text[0] = 0;
    for (const row *r = rows; r < rows + ROWS; r++) {
        const double value = load(settings, r);
        const bool seed = r->at == AT(seed); /* said always: it is what makes a run that run */
        if (!seed && value == (is_float(r) ? (double)(float)r->fallback : r->fallback))
            continue;
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s=", size ? " " : "", r->name);
        if (is_float(r)) {
            size += ink_number_format(text + size, value);
        } else if (r->kind == COUNT) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%.0f", value);
        } else {
            const char *at;
            const size_t length = word(r->words, (size_t)value, &at);
            memcpy(text + size, at, length + 1);
            size += length;
            text[size] = 0;
        }
    }
    return ink_arena_string(arena, text, size);
}
