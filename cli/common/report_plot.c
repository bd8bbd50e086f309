#include "common/report_plot.h"

#include "common/html.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum {
    SIDE = 1000,       /* of the drawing, which the page stretches */
    FEW = 40,          /* so many epochs have a dot each */
    MOST_TICKS = 24,
    LOG_FACTOR = 10,
};

static const char *const classes[PLOT_LINES] = { "first", "second" };

typedef struct axis {
    double low, high; /* of the frame; exponents of ten on a logarithmic axis */
    bool logarithmic;
    double ticks[MOST_TICKS];
    size_t count;
} axis;

static void add_tick(axis *to, double value)
{
    if (to->count < MOST_TICKS)
        to->ticks[to->count++] = value;
}

/* The smallest of 1, 2, 5, 10, 20, ... times a power of ten that is not below. */
static double round_up(double value)
{
    double power = pow(10, floor(log10(value)));
    static const double steps[] = { 1, 2, 5 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * power >= value * (1 - 1e-9))
            return steps[i] * power;
    return 10 * power;
}

static double round_down(double value)
{
    double power = pow(10, floor(log10(value)));
    static const double steps[] = { 5, 2 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * power <= value * (1 + 1e-9))
            return steps[i] * power;
    return power;
}

/* From 1, 2, 5, 10, ... to such a number; where that is much, only powers of ten, or some. */
static axis log_axis(double least, double most)
{
    axis made = { .logarithmic = true };
    double low = round_down(least), high = round_up(most), decades = log10(high / low);
    made.low = log10(low);
    made.high = log10(high);
    if (decades > 2.5) {
        made.low = floor(made.low + 1e-9);
        made.high = ceil(made.high - 1e-9);
        double step = ceil((made.high - made.low) / 6);
        for (double at = made.low; at <= made.high; at += step)
            add_tick(&made, pow(10, at));
        return made;
    }
    for (double at = low; at <= high * (1 + 1e-9); at = round_up(at * 1.5))
        add_tick(&made, at);
    return made;
}

static axis linear_axis(double least, double most)
{
    axis made = { 0 };
    least = fmin(least, 0);
    if (most <= least)
        most = least + 1;
    double step = round_up((most - least) / 5), first = floor(least / step + 1e-9);
    double last = ceil(most / step - 1e-9);
    made.low = first * step;
    made.high = last * step;
    for (double i = first; i <= last; i++)
        add_tick(&made, i * step);
    return made;
}

static axis y_axis(const plot *what)
{
    double least = INFINITY, most = -INFINITY, positive = INFINITY;
    for (size_t l = 0; l < what->line_count; l++)
        for (size_t i = 0; i < what->count; i++) {
            double y = what->lines[l].y[i];
            if (!(fabs(y) < 1e300)) /* nor what rounding up would make infinite */
                continue;
            least = fmin(least, y);
            most = fmax(most, y);
            if (y > 1e-300)
                positive = fmin(positive, y);
        }
    if (!isfinite(least))
        return linear_axis(0, 1);
    if (least >= 0 && positive < most && most / positive > LOG_FACTOR)
        return log_axis(positive, most);
    return linear_axis(least, most);
}

/* Whole numbers. One epoch stands in the middle. */
static axis x_axis(const plot *what)
{
    axis made = { .low = INFINITY, .high = -INFINITY };
    for (size_t i = 0; i < what->count; i++) {
        made.low = fmin(made.low, what->x[i]);
        made.high = fmax(made.high, what->x[i]);
    }
    if (!(made.low <= made.high))
        made.low = made.high = 0;
    double step = made.high > made.low ? fmax(1, round_up((made.high - made.low) / 6)) : 1;
    double first = ceil(made.low / step), last = floor(made.high / step);
    for (double i = 0; i <= last - first && i < MOST_TICKS; i++)
        add_tick(&made, (first + i) * step);
    if (made.low == made.high) {
        made.low -= 0.5;
        made.high += 0.5;
    }
    return made;
}

/* 0 to 1 from the low end. What a logarithmic axis cannot show lies on its lower edge. */
static double place(const axis *on, double value)
{
    if (on->logarithmic)
        value = value > 0 ? log10(value) : on->low;
    return fmin(fmax((value - on->low) / (on->high - on->low), 0), 1);
}

/* ---- the drawing ---- */

static void add_point(text *to, char how, const axis *x, const axis *y, double at, double value)
{
    text_printf(to, "%c%.1f %.1f", how, SIDE * place(x, at), SIDE * (1 - place(y, value)));
}

static void draw_line(text *to, const plot *what, size_t line, const axis *x, const axis *y)
{
    const double *values = what->lines[line].y;
    text path = { 0 }, dots = { 0 };
    for (size_t i = 0; i < what->count; i++) {
        bool before = i > 0 && isfinite(values[i - 1]);
        bool after = i + 1 < what->count && isfinite(values[i + 1]);
        if (!isfinite(values[i]))
            continue;
        add_point(&path, before ? 'L' : 'M', x, y, what->x[i], values[i]);
        if (what->count <= FEW || (!before && !after)) {
            add_point(&dots, 'M', x, y, what->x[i], values[i]);
            text_add(&dots, "h0"); /* its round or square ends are the dot */
        }
    }
    if (path.size)
        text_printf(to, "<path class=\"%s\" d=\"%s\"/>\n", classes[line], path.data);
    if (dots.size)
        text_printf(to, "<path class=\"%s dots\" d=\"%s\"/>\n", classes[line], dots.data);
    text_free(&path);
    text_free(&dots);
}

static void draw(text *to, const plot *what, const axis *x, const axis *y)
{
    text_printf(to, "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
                    "aria-hidden=\"true\">\n<path class=\"grid\" d=\"", SIDE, SIDE);
    for (size_t i = 0; i < y->count; i++)
        text_printf(to, "M0 %.1fH%d", SIDE * (1 - place(y, y->ticks[i])), SIDE);
    for (size_t i = 0; i < x->count; i++)
        text_printf(to, "M%.1f %dv-14", SIDE * place(x, x->ticks[i]), SIDE);
    text_add(to, "\"/>\n");
    if (isfinite(what->marked))
        text_printf(to, "<path class=\"mark\" d=\"M%.1f 0V%d\"/>\n", SIDE * place(x, what->marked),
                    SIDE);
    for (size_t l = 0; l < what->line_count; l++)
        draw_line(to, what, l, x, y);
    text_add(to, "</svg>\n");
}

/* ---- what stands around it ---- */

static void add_ticks(text *to, const plot *what, const axis *x, const axis *y)
{
    for (size_t i = 0; i < y->count; i++)
        text_printf(to, "<span class=\"y\" style=\"bottom:%.2f%%\">%.6g</span>",
                    100 * place(y, y->ticks[i]), y->ticks[i]);
    for (size_t i = 0; i < x->count; i++)
        text_printf(to, "<span class=\"x\" style=\"left:%.2f%%\">%.0f</span>",
                    100 * place(x, x->ticks[i]), x->ticks[i]);
    if (isfinite(what->marked)) {
        double at = place(x, what->marked);
        text_printf(to, "<span class=\"over\" style=\"%s:%.2f%%\">",
                    at > 0.5 ? "right" : "left", 100 * (at > 0.5 ? 1 - at : at));
        html_text(to, what->mark);
        text_add(to, "</span>");
    }
    text_add(to, "\n");
}

/* The first and the last value of each line, for who does not see the drawing. */
static void add_summary(text *to, const plot *what)
{
    html_text(to, what->title);
    for (size_t l = 0; l < what->line_count; l++) {
        const double *y = what->lines[l].y;
        size_t first = 0, last = what->count;
        while (first < what->count && !isfinite(y[first]))
            first++;
        while (last > first && !isfinite(y[last - 1]))
            last--;
        text_add(to, l ? "; " : ": ");
        html_text(to, what->lines[l].name);
        if (first == last) {
            text_add(to, " has no values");
            continue;
        }
        text_printf(to, " %.4g at epoch %.0f", y[first], what->x[first]);
        if (last - 1 > first)
            text_printf(to, ", %.4g at epoch %.0f", y[last - 1], what->x[last - 1]);
    }
}

static void add_legend(text *to, const plot *what)
{
    text_add(to, "<p class=\"legend\">");
    for (size_t l = 0; l < what->line_count; l++) {
        text_printf(to, "<span><svg viewBox=\"0 0 32 10\" aria-hidden=\"true\"><path class=\"%s\" "
                        "d=\"M0 5H32\"/><path class=\"%s dots\" d=\"M16 5h0\"/></svg> ",
                    classes[l], classes[l]);
        html_text(to, what->lines[l].name);
        text_add(to, "</span> ");
    }
    text_add(to, "</p>\n");
}

/* On a logarithmic axis there is no place for 0. */
static bool has_zero(const plot *what)
{
    for (size_t l = 0; l < what->line_count; l++)
        for (size_t i = 0; i < what->count; i++)
            if (what->lines[l].y[i] <= 0)
                return true;
    return false;
}

void plot_html(text *to, const plot *what)
{
    axis x = x_axis(what), y = y_axis(what);
    text_add(to, "<figure class=\"plot\">\n<figcaption><b>");
    html_text(to, what->title);
    text_add(to, "</b> <span class=\"dim\">");
    html_text(to, what->unit);
    if (y.logarithmic)
        text_add(to, has_zero(what) ? ", logarithmic, with 0 on the lower edge" : ", logarithmic");
    text_add(to, "</span></figcaption>\n");
    add_legend(to, what);
    text_add(to, "<div class=\"frame\" role=\"img\" aria-label=\"");
    add_summary(to, what);
    text_add(to, "\">\n");
    draw(to, what, &x, &y);
    add_ticks(to, what, &x, &y);
    text_add(to, "</div>\n<p class=\"below dim\">epoch</p>\n</figure>\n");
}
