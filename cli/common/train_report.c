#include "common/train_report.h"

#include "common/html.h"
#include "common/report_plot.h"
#include "common/report_style.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDE_MATRIX = 32, /* more classes than this are drawn as a picture */
    CONFUSIONS = 20,  /* that are listed beside it */
    LONG_NAME = 4,    /* names longer than this stand upright above their column */
};

static const char *class_name(const train_report *report, size_t class)
{
    return class < report->classes ? report->names[class] : "?";
}

/* "<tag attributes>string</tag>" */
static void add_cell(text *to, const char *tag, const char *attributes, const char *string)
{
    text_printf(to, "<%s%s>", tag, attributes);
    html_text(to, string);
    text_printf(to, "</%s>", tag);
}

static void add_number(text *to, const char *format, double value)
{
    text_add(to, "<td>");
    if (isfinite(value))
        text_printf(to, format, value);
    else
        text_add(to, "\xe2\x80\x93"); /* an en dash */
    text_add(to, "</td>");
}

/* A share of nothing is not known. */
static double share(uint64_t part, uint64_t all)
{
    return all ? (double)part / (double)all : NAN;
}

/* ---- the top ---- */

static void add_head(text *to, const train_report *report)
{
    text_add(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; img-src data:\"/>\n"
                 "<link rel=\"icon\" href=\"data:,\"/>\n<title>");
    html_text(to, report->title);
    text_add(to, "</title>\n<style>\n");
    for (size_t i = 0; report_style[i]; i++) {
        text_add(to, report_style[i]);
        text_add(to, "\n");
    }
    text_add(to, "</style>\n</head>\n<body>\n<main>\n<h1>");
    html_text(to, report->title);
    text_add(to, "</h1>\n");
}

static void add_lede(text *to, const train_report *report)
{
    size_t all = report->validation_count, wrong = report->wrong_count;
    if (all == 0) {
        text_add(to, "<p class=\"lede\">No pictures were kept for validation, so how well the "
                     "model reads new pictures is not known.</p>\n");
        return;
    }
    text_printf(to, "<p class=\"lede\"><b>%.2f %%</b> of %zu validation picture%s read right, "
                    "%zu misread", 100 * share(all - wrong, all), all, plural(all), wrong);
    if (report->epoch_count)
        text_printf(to, ", with the weights of epoch %llu",
                    (unsigned long long)report->chosen_epoch);
    text_add(to, ".</p>\n");
}

static void add_facts(text *to, const train_report *report)
{
    if (report->fact_count == 0)
        return;
    text_add(to, "<section>\n<h2>What was trained</h2>\n<table class=\"facts\">\n"
                 "<caption class=\"unseen\">Settings and sizes</caption>\n<tbody>\n");
    for (size_t i = 0; i < report->fact_count; i++) {
        text_add(to, "<tr>");
        add_cell(to, "th", " scope=\"row\"", report->facts[i].label);
        add_cell(to, "td", "", report->facts[i].value);
        text_add(to, "</tr>\n");
    }
    text_add(to, "</tbody>\n</table>\n</section>\n");
}

/* ---- curves ---- */

static bool any_finite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            return true;
    return false;
}

static void add_plot(text *to, plot what)
{
    what.line_count = 1 + any_finite(what.lines[1].y, what.count);
    plot_html(to, &what);
}

/* Errors rather than accuracies: from 99 to 99.5 % is half of the misreads, and looks like it. */
static void add_curves(text *to, const train_report *report)
{
    size_t count = report->epoch_count;
    if (count == 0)
        return;
    double *rooms = must_alloc(5 * count, sizeof *rooms);
    double *x = rooms, *y[4];
    char mark[64];
    bool known = false;
    for (size_t i = 0; i < 4; i++)
        y[i] = rooms + (i + 1) * count;
    for (size_t i = 0; i < count; i++) {
        const report_epoch *epoch = &report->epochs[i];
        x[i] = (double)epoch->epoch;
        y[0][i] = epoch->loss;
        y[1][i] = epoch->validation_loss;
        y[2][i] = 100 * (1 - epoch->accuracy);
        y[3][i] = 100 * (1 - epoch->validation_accuracy);
        known = known || epoch->epoch == report->chosen_epoch;
    }
    snprintf(mark, sizeof mark, "epoch %llu chosen", (unsigned long long)report->chosen_epoch);
    plot what = { .x = x, .count = count, .marked = known ? (double)report->chosen_epoch : NAN,
                  .mark = mark, .lines = { { "training", y[0] }, { "validation", y[1] } } };
    text_add(to, "<section>\n<h2>How it went</h2>\n<div class=\"plots\">\n");
    what.title = "Loss";
    what.unit = "nats a picture";
    add_plot(to, what);
    what.title = "Misread pictures";
    what.unit = "%";
    what.lines[0].y = y[2];
    what.lines[1].y = y[3];
    add_plot(to, what);
    text_add(to, "</div>\n</section>\n");
    free(rooms);
}

static void add_epochs(text *to, const train_report *report)
{
    if (report->epoch_count == 0)
        return;
    text_add(to, "<section class=\"epochs\">\n<h2>All epochs</h2>\n<details>\n"
                 "<summary>The numbers behind the curves</summary>\n"
                 "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
                 "aria-label=\"All epochs\">\n<table>\n<caption>Loss in nats, accuracy in per cent"
                 "</caption>\n<thead><tr><th scope=\"col\">epoch</th><th scope=\"col\">rate</th>"
                 "<th scope=\"col\">loss</th><th scope=\"col\">accuracy</th>"
                 "<th scope=\"col\">validation loss</th><th scope=\"col\">validation accuracy</th>"
                 "<th scope=\"col\">seconds</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < report->epoch_count; i++) {
        const report_epoch *epoch = &report->epochs[i];
        text_printf(to, "<tr><th scope=\"row\">%s%llu</th>",
                    epoch->epoch == report->chosen_epoch ? "chosen: " : "",
                    (unsigned long long)epoch->epoch);
        add_number(to, "%.3g", epoch->rate);
        add_number(to, "%.5f", epoch->loss);
        add_number(to, "%.2f", 100 * epoch->accuracy);
        add_number(to, "%.5f", epoch->validation_loss);
        add_number(to, "%.2f", 100 * epoch->validation_accuracy);
        add_number(to, "%.1f", epoch->seconds);
        text_add(to, "</tr>\n");
    }
    text_add(to, "</tbody>\n</table>\n</div>\n</details>\n</section>\n");
}

/* ---- which class was read as which ---- */

static uint64_t cell_of(const train_report *report, size_t label, size_t predicted)
{
    return report->confusion[label * report->classes + predicted];
}

static uint64_t row_sum(const train_report *report, size_t label)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < report->classes; i++)
        sum += cell_of(report, label, i);
    return sum;
}

static uint64_t column_sum(const train_report *report, size_t predicted)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < report->classes; i++)
        sum += cell_of(report, i, predicted);
    return sum;
}

static double recall(const train_report *report, size_t class)
{
    return share(cell_of(report, class, class), row_sum(report, class));
}

static double precision(const train_report *report, size_t class)
{
    return share(cell_of(report, class, class), column_sum(report, class));
}

/* The shade of a number of misreads, by their share of the class's pictures. */
static int shade(uint64_t count, uint64_t pictures)
{
    double part = share(count, pictures);
    return part < 0.01 ? 1 : part < 0.03 ? 2 : part < 0.1 ? 3 : 4;
}

static void add_matrix_row(text *to, const train_report *report, size_t label)
{
    uint64_t pictures = row_sum(report, label);
    text_add(to, "<tr>");
    add_cell(to, "th", " scope=\"row\"", report->names[label]);
    for (size_t i = 0; i < report->classes; i++) {
        unsigned long long count = cell_of(report, label, i);
        if (i == label)
            text_printf(to, "<td class=\"right\">%llu</td>", count);
        else if (count)
            text_printf(to, "<td class=\"w%d\">%llu</td>", shade(count, pictures), count);
        else
            text_add(to, "<td></td>"); /* so that the misreads stand out */
    }
    add_number(to, "%.1f %%", 100 * recall(report, label));
    text_add(to, "</tr>\n");
}

static void add_matrix(text *to, const train_report *report)
{
    bool tall = false;
    for (size_t i = 0; i < report->classes; i++)
        tall = tall || utf8_columns(report->names[i]) > LONG_NAME;
    text_add(to, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
                 "aria-label=\"Which class was read as which\">\n<table class=\"matrix\">\n"
                 "<caption>Rows: what they are. Columns: what they were read as.</caption>\n"
                 "<thead><tr><td class=\"corner\"></td>");
    for (size_t i = 0; i < report->classes; i++) {
        text_printf(to, "<th scope=\"col\"><span%s>", tall ? " class=\"tall\"" : "");
        html_text(to, report->names[i]);
        text_add(to, "</span></th>");
    }
    text_add(to, "<th scope=\"col\">recall</th></tr></thead>\n<tbody>\n");
    for (size_t label = 0; label < report->classes; label++)
        add_matrix_row(to, report, label);
    text_add(to, "</tbody>\n<tfoot><tr><th scope=\"row\">precision</th>");
    for (size_t i = 0; i < report->classes; i++)
        add_number(to, "%.1f", 100 * precision(report, i));
    text_add(to, "<td></td></tr></tfoot>\n</table>\n</div>\n"
                 "<p class=\"dim\">The stronger the shade of a misread, the larger its share of "
                 "its row. Recall is the share of a class that was read right; precision, in %, "
                 "the share of right ones among those that were read as it.</p>\n");
}

/* Shares as greys, by their square root so that few misreads are seen as well. */
static void add_map(text *to, const train_report *report)
{
    size_t classes = report->classes;
    uint8_t *pixels = must_alloc(classes, classes);
    for (size_t label = 0; label < classes; label++) {
        uint64_t pictures = row_sum(report, label);
        for (size_t i = 0; i < classes; i++) {
            double part = pictures ? share(cell_of(report, label, i), pictures) : 0;
            pixels[label * classes + i] = (uint8_t)(255 - 255 * sqrt(part) + 0.5);
        }
    }
    text_add(to, "<figure>\n<img class=\"map\" alt=\"Which class was read as which, as a picture: "
                 "right ones are on the diagonal\" src=\"");
    html_picture(to, pixels, report->classes, report->classes);
    text_printf(to, "\"/>\n<figcaption class=\"dim\">A row for each of the %u classes, from the "
                    "top; a column for what it was read as, from the left. White is never, black "
                    "is always.</figcaption>\n</figure>\n", report->classes);
    free(pixels);
}

typedef struct confusion {
    size_t label, predicted;
    uint64_t count;
} confusion;

/* The commonest first; among equals, by class. */
static size_t find_confusions(const train_report *report, confusion found[CONFUSIONS])
{
    size_t held = 0;
    for (size_t label = 0; label < report->classes; label++)
        for (size_t i = 0; i < report->classes; i++) {
            uint64_t count = label == i ? 0 : cell_of(report, label, i);
            size_t place = held;
            while (place > 0 && count > found[place - 1].count)
                place--;
            if (count == 0 || place == CONFUSIONS)
                continue;
            held += held < CONFUSIONS;
            memmove(found + place + 1, found + place, (held - 1 - place) * sizeof *found);
            found[place] = (confusion){ label, i, count };
        }
    return held;
}

static void add_commonest(text *to, const train_report *report)
{
    confusion found[CONFUSIONS];
    size_t count = find_confusions(report, found);
    if (count == 0)
        return;
    text_add(to, "<table class=\"names\">\n<caption>The commonest confusions</caption>\n<thead><tr>"
                 "<th scope=\"col\" class=\"name\">is</th><th scope=\"col\" class=\"name\">read as"
                 "</th><th scope=\"col\">pictures</th><th scope=\"col\">of</th></tr></thead>\n"
                 "<tbody>\n");
    for (size_t i = 0; i < count; i++) {
        text_add(to, "<tr>");
        add_cell(to, "td", "", report->names[found[i].label]);
        add_cell(to, "td", " class=\"name\"", report->names[found[i].predicted]);
        text_printf(to, "<td>%llu</td><td>%llu</td></tr>\n", (unsigned long long)found[i].count,
                    (unsigned long long)row_sum(report, found[i].label));
    }
    text_add(to, "</tbody>\n</table>\n");
}

static void add_classes(text *to, const train_report *report)
{
    text_add(to, "<details>\n<summary>Every class</summary>\n<table class=\"names\">\n"
                 "<caption>Recall is the share of a class that was read right; precision the share "
                 "of right ones among those that were read as it.</caption>\n<thead><tr>"
                 "<th scope=\"col\" class=\"name\">class</th><th scope=\"col\">pictures</th>"
                 "<th scope=\"col\">recall</th><th scope=\"col\">precision</th></tr></thead>\n"
                 "<tbody>\n");
    for (size_t i = 0; i < report->classes; i++) {
        text_add(to, "<tr>");
        add_cell(to, "td", "", report->names[i]);
        text_printf(to, "<td>%llu</td>", (unsigned long long)row_sum(report, i));
        add_number(to, "%.1f %%", 100 * recall(report, i));
        add_number(to, "%.1f %%", 100 * precision(report, i));
        text_add(to, "</tr>\n");
    }
    text_add(to, "</tbody>\n</table>\n</details>\n");
}

static void add_confusion(text *to, const train_report *report)
{
    if (!report->confusion)
        return;
    text_add(to, "<section>\n<h2>Which class was read as which</h2>\n");
    if (report->classes <= WIDE_MATRIX) {
        add_matrix(to, report);
    } else {
        add_map(to, report);
        add_commonest(to, report);
        add_classes(to, report);
    }
    text_add(to, "</section>\n");
}

/* ---- misread pictures ---- */

static void add_misread(text *to, const train_report *report, const report_misread *one)
{
    const char *label = class_name(report, one->label);
    const char *predicted = class_name(report, one->predicted);
    text_add(to, "<li><figure><img alt=\"Picture ");
    text_printf(to, "%zu, ", one->index);
    html_text(to, label);
    text_add(to, " that was read as ");
    html_text(to, predicted);
    text_add(to, "\" src=\"");
    html_picture(to, one->pixels, report->height, report->width);
    text_printf(to, "\"/><figcaption>%zu, is ", one->index);
    add_cell(to, "b", "", label);
    text_add(to, ", read as ");
    add_cell(to, "b", "", predicted);
    text_printf(to, " (%.1f %%)<br/><span class=\"dim\">", 100 * (double)one->probability);
    html_text(to, label);
    text_printf(to, " had %.1f %%</span></figcaption></figure></li>\n",
                100 * (double)one->label_probability);
}

static void add_misreads(text *to, const train_report *report)
{
    if (report->validation_count == 0)
        return;
    text_add(to, "<section>\n<h2>Misread pictures</h2>\n");
    if (report->wrong_count == 0)
        text_printf(to, "<p>None: all %zu validation pictures were read right.</p>\n",
                    report->validation_count);
    else
        text_printf(to, "<p>%zu of %zu validation pictures were misread%s.</p>\n",
                    report->wrong_count, report->validation_count,
                    report->misread_count == 0 ? ""
                    : report->misread_count < report->wrong_count ? "; these are the worst of them"
                                                                  : ", the worst first");
    if (report->misread_count) {
        text_add(to, "<ul class=\"grid-of-pictures\">\n");
        for (size_t i = 0; i < report->misread_count; i++)
            add_misread(to, report, &report->misreads[i]);
        text_add(to, "</ul>\n");
    }
    text_add(to, "</section>\n");
}

void train_report_html(text *to, const train_report *report)
{
    add_head(to, report);
    add_lede(to, report);
    add_facts(to, report);
    add_curves(to, report);
    add_confusion(to, report);
    add_misreads(to, report);
    add_epochs(to, report);
    text_add(to, "</main>\n</body>\n</html>\n");
}
