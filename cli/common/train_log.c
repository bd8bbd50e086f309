#include "common/train_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void train_log_free(train_log *log)
{
    free(log->epochs);
    *log = (train_log){ 0 };
}

void train_log_step(train_log *log, const ink_train_step *step, double seconds)
{
    log->loss += step->loss;
    log->correct += step->correct;
    log->images += step->images;
    log->seconds += seconds;
    log->steps++;
}

static void push(train_log *log, report_epoch row)
{
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : 16;
        report_epoch *more = must_alloc(log->capacity, sizeof *more);
        if (log->count)
            memcpy(more, log->epochs, log->count * sizeof *more);
        free(log->epochs);
        log->epochs = more;
    }
    log->epochs[log->count++] = row;
}

void train_log_epoch(train_log *log, uint64_t epoch, double rate, const ink_validation *validation)
{
    push(log, (report_epoch){
        .epoch = epoch, .rate = rate, .seconds = log->seconds, .loss = log->loss / (double)log->steps,
        .accuracy = (double)log->correct / fmax((double)log->images, 1),
        .validation_loss = validation ? validation->loss : (double)NAN,
        .validation_accuracy = validation ? validation->accuracy : (double)NAN });
    log->loss = log->seconds = 0;
    log->images = log->correct = log->steps = 0;
}

/* ---- the checkpoint's note: numbers in a fixed order, C99's hexadecimal floats, which are exact ---- */

static const char note_row[] = "%llu %la %la %la %la %la %la\n";
static const char note_under_way[] = "under way %la %la %llu %llu %llu\n";

void train_log_note(const train_log *log, text *to)
{
    for (size_t i = 0; i < log->count; i++) {
        const report_epoch *e = &log->epochs[i];
        text_printf(to, "%llu %a %a %a %a %a %a\n", (unsigned long long)e->epoch, e->rate, e->loss,
                    e->accuracy, e->validation_loss, e->validation_accuracy, e->seconds);
    }
    text_printf(to, "under way %a %a %llu %llu %llu\n", log->loss, log->seconds,
                (unsigned long long)log->images, (unsigned long long)log->correct,
                (unsigned long long)log->steps);
}

bool train_log_parse(train_log *log, const char *note)
{
    *log = (train_log){ 0 };
    for (const char *at = note; *at; at += *at == '\n') {
        unsigned long long epoch, images, correct, steps;
        report_epoch row;
        if (sscanf(at, note_row, &epoch, &row.rate, &row.loss, &row.accuracy, &row.validation_loss,
                   &row.validation_accuracy, &row.seconds) == 7) {
            row.epoch = epoch;
            push(log, row);
        } else if (sscanf(at, note_under_way, &log->loss, &log->seconds, &images, &correct, &steps) == 5) {
            log->images = images;
            log->correct = correct;
            log->steps = steps;
            return true;
        } else {
            break;
        }
        at += strcspn(at, "\n");
    }
    train_log_free(log);
    return false;
}

/* ---- for people and programs ---- */

static void json_number(text *to, const char *key, double value)
{
    if (isfinite(value))
        text_printf(to, ", \"%s\": %.9g", key, value);
    else
        text_printf(to, ", \"%s\": null", key);
}

void train_log_json(const train_log *log, text *to)
{
    for (size_t i = 0; i < log->count; i++) {
        const report_epoch *e = &log->epochs[i];
        text_printf(to, "{\"epoch\": %llu", (unsigned long long)e->epoch);
        json_number(to, "rate", e->rate);
        json_number(to, "loss", e->loss);
        json_number(to, "accuracy", e->accuracy);
        json_number(to, "validation_loss", e->validation_loss);
        json_number(to, "validation_accuracy", e->validation_accuracy);
        json_number(to, "seconds", e->seconds);
        text_add(to, "}\n");
    }
}

void train_log_line(const report_epoch *e, uint64_t epochs, bool best, const terminal *facts, text *to)
{
    const int digits = snprintf(NULL, 0, "%llu", (unsigned long long)epochs);
    text_printf(to, "epoch %*llu/%llu  loss %.4f  accuracy %6.2f %%", digits, (unsigned long long)e->epoch,
                (unsigned long long)epochs, e->loss, 100 * e->accuracy);
    if (!isnan(e->validation_accuracy))
        text_printf(to, "  validation %s%6.2f %%%s  loss %.4f%s", style_begin(facts, best ? STYLE_GREEN : STYLE_PLAIN),
                    100 * e->validation_accuracy, style_end(facts, best ? STYLE_GREEN : STYLE_PLAIN),
                    e->validation_loss, best ? " *" : "  ");
    text_printf(to, "  %.1f s\n", e->seconds);
}

static void add_time(text *to, double seconds)
{
    const unsigned long long whole = seconds < 1e9 ? (unsigned long long)seconds : 0;
    if (whole >= 3600)
        text_printf(to, "%llu:%02llu:%02llu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        text_printf(to, "%llu:%02llu", whole / 60, whole % 60);
}

void train_log_bar(const train_log *log, const ink_trainer_info *info, double seconds_left, text *to)
{
    enum { BAR = 24 };
    const uint64_t done = info->step % info->epoch_steps;
    const size_t filled = (size_t)(done * BAR / info->epoch_steps);
    text_printf(to, "\repoch %llu/%llu [", (unsigned long long)info->epoch + 1,
                (unsigned long long)info->epochs);
    text_repeat(to, "#", filled);
    text_repeat(to, "-", BAR - filled);
    text_printf(to, "] %.0f images/s  loss %.4f  accuracy %.2f %%  ",
                log->seconds > 0 ? (double)(log->steps * info->batch) / log->seconds : 0.0,
                log->loss / (double)log->steps, 100 * (double)log->correct / fmax((double)log->images, 1));
    add_time(to, seconds_left);
    text_add(to, " left\033[K");
}
