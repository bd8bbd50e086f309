#include "train/touching.h"

#include <math.h>
#include <string.h>

/* The ink of a row: from where to where, and whether in one piece. */
static bool one_run(const uint8_t *row, const ink_bounds *box, int *left, int *right)
{
    int runs = 0;
    bool inside = false;
    for (int x = box->left; x < box->right; x++) {
        const bool ink = row[x] > 64;
        if (ink && !inside && runs++ == 0)
            *left = x;
        *right = ink ? x + 1 : *right;
        inside = ink;
    }
    return runs == 1;
}

/* Whether the picture may be read as a 1 or a 7: from a third downwards a single line, and above that nothing on
 * the right of where that line comes from. */
static bool one_or_seven(const ink_artist *a, const uint8_t *picture)
{
    ink_bounds box;
    if (!ink_raster_box(picture, 1, a->height, a->width, &box))
        return false;
    const int high = box.bottom - box.top, wide = box.right - box.left, third = box.top + high * 35 / 100;
    const int low = box.top + high * 80 / 100;
    int left = 0, right = 0, stem = 0, foot = 0;
    bool line = true; /* all the way */
    for (int y = box.top + high / 10; y < box.bottom - high / 10; y++) {
        const bool thin = one_run(picture + (size_t)y * (size_t)a->width, &box, &left, &right) &&
                          right - left <= high / 2;
        if (!thin && y >= third)
            return false;
        line = line && thin;
        stem = y == third ? right : stem;
        foot = y == low ? right : foot;
    }
    return line ? wide < high * 6 / 5 : box.right - stem - (stem - foot) * 35 / 45 < high / 5;
}

/* ---- strokes ---- */

enum { MAX_STROKES = 6, MAX_POINTS = 5 };

typedef struct stroke {
    ink_point point[MAX_POINTS];
    int points;
    bool smooth;
} stroke;

/* In a square from 0 to 1. On a grid of three by three, as the strokes of capital letters nearly are, or anywhere. */
static ink_point any_point(ink_artist *a, bool grid)
{
    if (grid)
        return (ink_point){ (float)below(a, 3) / 2 + even(a, -0.07f, 0.07f),
                            (float)below(a, 3) / 2 + even(a, -0.07f, 0.07f) };
    return (ink_point){ even(a, 0, 1), even(a, 0, 1) };
}

static float distance(ink_point p, ink_point q)
{
    return hypotf(p.x - q.x, p.y - q.y);
}

/* A single stroke, or two straight ones with a common end, that might be a 1, a 7 or a 0. */
static bool may_be_read(const stroke *s, int count)
{
    const ink_point *p = s[0].point;
    const int last = s[0].points - 1;
    if (count == 1 && s[0].points == 2)
        return fabsf(p[1].x - p[0].x) < 1.5f * fabsf(p[1].y - p[0].y);
    if (count == 1 && distance(p[0], p[last]) < 0.4f)
        return true;
    /* Smooth lines of many points turn out as 2, 3, 5 or 6 too often. */
    if (count == 1 && s[0].smooth)
        return s[0].points > 3;
    /* With the corner at the top: a 7, or a 1 with its flag. Z is written as many write a 2. */
    if (count == 1)
        return s[0].points == 3 ? p[1].y < p[0].y + 0.15f && p[1].y < p[2].y + 0.15f : s[0].points == 4;
    if (count == 2 && s[0].points == 2 && s[1].points == 2)
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 2; k++) {
                const ink_point corner = p[i], *q = s[1].point;
                if (distance(corner, q[k]) < 0.15f && corner.y < p[1 - i].y + 0.15f && corner.y < q[1 - k].y + 0.15f)
                    return true;
            }
    return false;
}

static int plan_strokes(ink_artist *a, stroke s[MAX_STROKES])
{
    static const int counts[] = { 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 6 };
    const int count = counts[below(a, (int)(sizeof counts / sizeof *counts))];
    const bool grid = chance(a, 0.6f);
    const float joined = chance(a, 0.8f) ? 0.85f : 0.2f, smooth = even(a, 0, 0.6f);
    for (int i = 0; i < count; i++) {
        s[i].smooth = chance(a, smooth);
        s[i].points = s[i].smooth ? 3 + below(a, 3) : 2 + below(a, 3) * below(a, 2);
        if (s[i].points == 4 && !s[i].smooth && chance(a, 0.3f))
            s[i].points = 5;
        for (int k = 0; k < s[i].points; k++)
            for (int tries = 0; tries < 10; tries++) {
                s[i].point[k] = any_point(a, grid);
                if (!k || distance(s[i].point[k], s[i].point[k - 1]) > 0.35f)
                    break;
            }
        if (i && chance(a, joined)) { /* an end, or what is between, of one before */
            const stroke *before = &s[below(a, i)];
            const int at = below(a, before->points - 1);
            const float t = (float)below(a, 3) / 2;
            const ink_point p = before->point[at], q = before->point[at + 1];
            s[i].point[0] = (ink_point){ p.x + t * (q.x - p.x), p.y + t * (q.y - p.y) };
        }
    }
    return count;
}

/* ---- letters ---- */

/* What most letters are made of: stems, bars, diagonals and bows, on a grid. */
typedef enum part_kind { STEM, BAR, DIAGONAL, BOW } part_kind;
typedef enum opening { OPEN_RIGHT, OPEN_LEFT, OPEN_UP, OPEN_DOWN } opening;

typedef struct letter_part {
    part_kind kind;
    opening open;         /* of a bow */
    float x0, y0, x1, y1; /* its ends; of a bow its box */
} letter_part;

/* A whole, a first or a last part of a line from 0 to 1. */
static void choose_range(ink_artist *a, float *from, float *to, float whole)
{
    const int half = chance(a, whole) ? 0 : 1 + below(a, 2);
    *from = half == 2 ? even(a, 0.35f, 0.5f) : 0;
    *to = half == 1 ? even(a, 0.5f, 0.65f) : 1;
}

static letter_part any_part(ink_artist *a)
{
    static const part_kind kinds[] = { STEM, STEM, STEM, BAR, BAR, DIAGONAL, DIAGONAL, BOW, BOW };
    letter_part p = { .kind = kinds[below(a, 9)], .open = (opening)below(a, 4) };
    switch (p.kind) {
    case STEM:
        p.x0 = (float)below(a, 3) / 2;
        p.x1 = p.x0 + even(a, -0.08f, 0.08f);
        choose_range(a, &p.y0, &p.y1, 0.7f);
        break;
    case BAR:
        p.y0 = (float)below(a, 5) / 4;
        p.y1 = p.y0 + even(a, -0.08f, 0.08f);
        choose_range(a, &p.x0, &p.x1, 0.7f);
        break;
    case DIAGONAL:
        p.x0 = (float)below(a, 3) / 2;
        p.x1 = (float)below(a, 2);
        if (p.x0 != 0.5f) /* to the middle, or to the other side */
            p.x1 = p.x1 > 0 ? 0.5f : 1 - p.x0;
        choose_range(a, &p.y0, &p.y1, 0.6f);
        break;
    case BOW:
        choose_range(a, &p.x0, &p.x1, 0.5f);
        choose_range(a, &p.y0, &p.y1, 0.5f);
        break;
    }
    return p;
}

/* What may come to a digit: bows above each other are a 3, 8, 5 or 2, a bow at the foot of a stem's right a 6, at the
 * head of its left a 9; a bar, a stem to its right and something on its left a 4; bars joined by a diagonal a 2. */
static bool parts_may_be_read(const letter_part *p, int count)
{
    int bows = 0, stems = 0, bars = 0, diagonals = 0;
    bool low_bow = false, high_bow = false, wide_bow = false, left_stem = false, right_stem = false, middle_bar = false;
    for (int i = 0; i < count; i++) {
        const bool left = p[i].x0 < 0.3f, right = p[i].x0 > 0.3f;
        bows += p[i].kind == BOW;
        stems += p[i].kind == STEM;
        bars += p[i].kind == BAR;
        diagonals += p[i].kind == DIAGONAL;
        low_bow |= p[i].kind == BOW && p[i].y0 > 0.2f;
        high_bow |= p[i].kind == BOW && p[i].y1 < 0.8f;
        wide_bow |= p[i].kind == BOW && p[i].x1 - p[i].x0 > 0.8f;
        left_stem |= p[i].kind == STEM && left;
        right_stem |= p[i].kind == STEM && right;
        middle_bar |= p[i].kind == BAR && p[i].y0 > 0.3f && p[i].y0 < 0.9f;
    }
    if (count == 1) /* C, and n and u */
        return !bows || p[0].open == OPEN_LEFT;
    if (bows > 1 && (wide_bow || low_bow || high_bow))
        return true;
    if (bows && bars && !stems) /* 2, 5, 7 */
        return true;
    if ((low_bow && left_stem) || (high_bow && right_stem) || (low_bow && bars))
        return true;
    if (middle_bar && right_stem && (left_stem || diagonals) && stems < 3 && bars == 1 && !(left_stem && !diagonals))
        return true;
    return bars > 1 && diagonals && !stems;
}

static int plan_letter(ink_artist *a, stroke s[MAX_STROKES])
{
    letter_part p[4];
    const int count = chance(a, 0.15f) ? 1 : 2 + below(a, 3);
    for (int i = 0; i < count; i++)
        p[i] = any_part(a);
    if (parts_may_be_read(p, count))
        return 0;
    for (int i = 0; i < count; i++) {
        if (p[i].kind != BOW) {
            s[i] = (stroke){ .points = 2, .point = { { p[i].x0, p[i].y0 }, { p[i].x1, p[i].y1 } } };
            continue;
        }
        /* Open to the right, then turned. */
        const float far = even(a, 0.7f, 1.05f);
        const ink_point bow[5] = { { far, 0.1f }, { 0.1f, -0.15f }, { -0.15f, 0.5f }, { 0.1f, 1.15f }, { far, 0.9f } };
        s[i] = (stroke){ .points = 5, .smooth = true };
        for (int k = 0; k < 5; k++) {
            ink_point q = bow[k];
            if (p[i].open == OPEN_UP || p[i].open == OPEN_DOWN)
                q = (ink_point){ q.y, 1 - q.x };
            if (p[i].open == OPEN_LEFT)
                q.x = 1 - q.x;
            if (p[i].open == OPEN_DOWN)
                q.y = 1 - q.y;
            s[i].point[k] = (ink_point){ p[i].x0 + q.x * (p[i].x1 - p[i].x0), p[i].y0 + q.y * (p[i].y1 - p[i].y0) };
        }
    }
    return count;
}

static void draw_stroke(ink_artist *a, const stroke *s, float radius)
{
    enum { PIECES = 8 };
    for (int i = 0; i + 1 < s->points; i++) {
        const ink_point *p = s->point + i;
        if (!s->smooth) {
            ink_raster_stroke(a->to, a->height, a->width, p[0], p[1], radius, 255);
            continue;
        }
        /* From middle to middle between points, with the point between as the control point; whole at the ends. */
        if (i + 2 >= s->points)
            break;
        ink_point q[3] = { { (p[0].x + p[1].x) / 2, (p[0].y + p[1].y) / 2 }, p[1],
                           { (p[1].x + p[2].x) / 2, (p[1].y + p[2].y) / 2 } };
        q[0] = i ? q[0] : p[0];
        q[2] = i + 3 < s->points ? q[2] : p[2];
        ink_point before = q[0];
        for (int k = 1; k <= PIECES; k++) {
            const ink_point next = ink_raster_bezier(q, (float)k / PIECES);
            ink_raster_stroke(a->to, a->height, a->width, before, next, radius, 255);
            before = next;
        }
    }
}

static bool draw_strokes(ink_artist *a)
{
    stroke s[MAX_STROKES];
    const bool letter = chance(a, 0.6f);
    const int count = letter ? plan_letter(a, s) : plan_strokes(a, s);
    float left = 9, right = -9, top = 9, bottom = -9;
    if (!count || (!letter && may_be_read(s, count)))
        return false;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < s[i].points; k++) {
            left = fminf(left, s[i].point[k].x);
            right = fmaxf(right, s[i].point[k].x);
            top = fminf(top, s[i].point[k].y);
            bottom = fmaxf(bottom, s[i].point[k].y);
        }
    /* The longer side fills the box; a letter is as high as it is, and may be narrower. */
    const float radius = even(a, 0.5f, 2) * (float)a->side / 28;
    const float box = (float)a->side * 20 / 28 - 2 * radius;
    const float squeeze = even(a, 0.6f, 1.1f);
    const float longer = fmaxf((right - left) * squeeze, fmaxf(bottom - top, 0.2f));
    const float x_scale = box / longer * squeeze, y_scale = box / longer;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < s[i].points; k++) {
            ink_point *p = &s[i].point[k];
            p->x = (float)a->width / 2 + (p->x - (left + right) / 2) * x_scale;
            p->y = (float)a->height / 2 + (p->y - (top + bottom) / 2) * y_scale;
        }
        draw_stroke(a, &s[i], radius);
    }
    ink_artist_fit(a);
    return !ink_artist_narrow(a, a->to, 0.4f) && !one_or_seven(a, a->to);
}

/* ---- changed digits ---- */

/* Which digits are none any more. 0, 1 and 8 are what they were, a mirrored 2 or 5 is a 5 or 2 to many; and as people
 * write, slanted and round, a 6 or 9 is one of these in every position, and a 2, 4 or 5 on its side often enough. */
static const struct {
    const char *digits;
    int xx, xy, yx, yy; /* where in the digit x and y of the new picture are, about the middle */
} turns[] = {
    { "347", -1, 0, 0, 1 }, /* mirrored */
    { "47", 1, 0, 0, -1 },  /* upside down, mirrored */
    { "3", 0, 1, -1, 0 },   /* a quarter to the left */
    { "34", 0, -1, 1, 0 },  /* a quarter to the right */
};

static bool draw_turned(ink_artist *a)
{
    const int turn = below(a, (int)(sizeof turns / sizeof *turns));
    unsigned value;
    const uint8_t *digit = ink_artist_digit(a, "0125689", &value);
    if (!among(value, turns[turn].digits))
        return false;
    /* Doubled, so that the middle between two pixels is a number. */
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            const int u = 2 * x - a->width + 1, v = 2 * y - a->height + 1;
            const int sx = (turns[turn].xx * u + turns[turn].xy * v + a->width - 1) / 2;
            const int sy = (turns[turn].yx * u + turns[turn].yy * v + a->height - 1) / 2;
            a->to[y * a->width + x] = sx >= 0 && sx < a->width && sy >= 0 && sy < a->height
                                          ? digit[sy * a->width + sx] : 0;
        }
    ink_artist_fit(a);
    return !ink_artist_narrow(a, a->to, 0.5f) && !one_or_seven(a, a->to);
}

/* Whether a part of a digit has a quarter of its ink: less may be a speck beside another digit. */
static bool has_ink(const ink_artist *a, const uint8_t *digit, const ink_bounds *part)
{
    uint64_t all = 0, inside = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            const uint8_t ink = digit[y * a->width + x];
            all += ink;
            inside += x >= part->left && x < part->right ? ink : 0;
        }
    return inside >= all / 4;
}

static bool draw_several(ink_artist *a)
{
    if (chance(a, 0.8f))
        return ink_touching_draw(a);
    const bool stacked = chance(a, 0.25f), cut = chance(a, 0.3f);
    unsigned one, two;
    ink_bounds p, q;
    /* A 1 above a 1 is a 1, and loops above each other are an 8. */
    const uint8_t *first = ink_artist_digit(a, stacked ? "01689" : "", &one);
    const uint8_t *second = ink_artist_digit(a, stacked ? "01689" : cut ? "1" : "", &two);
    if (!ink_raster_box(first, 1, a->height, a->width, &p) || !ink_raster_box(second, 1, a->height, a->width, &q))
        return false;
    if (cut && !stacked) { /* of one of the two only the part that is near */
        const bool left = chance(a, 0.5f);
        ink_bounds *of = left ? &p : &q;
        const int kept = (int)((float)(of->right - of->left) * even(a, 0.35f, 0.6f)) + 1;
        if (among(left ? one : two, "1"))
            return false;
        if (left)
            of->left = of->right - kept;
        else
            of->right = of->left + kept;
        if (!has_ink(a, left ? first : second, of))
            return false;
    }
    /* The two in their own sizes, a little squeezed, then both together into the box. */
    const float box = (float)a->side * 20 / 28, squeeze = stacked ? 1 : even(a, 0.55f, 1);
    float w1 = (float)(p.right - p.left) * squeeze, w2 = (float)(q.right - q.left) * squeeze;
    float h1 = (float)(p.bottom - p.top) * (stacked ? 0.7f : 1), h2 = (float)(q.bottom - q.top) * (stacked ? 0.7f : 1);
    const float wide = stacked ? fmaxf(w1, w2) : w1 + w2, high = stacked ? h1 + h2 : fmaxf(h1, h2);
    const float scale = box / fmaxf(wide, high), gap = even(a, -4.5f, 1.5f) * (float)a->side / 28;
    w1 *= scale, w2 *= scale, h1 *= scale, h2 *= scale;
    const float x = ((float)a->width - wide * scale) / 2, y = ((float)a->height - high * scale) / 2;
    ink_artist_place(a, first, p, (int)x, (int)y, (int)(w1 + 0.5f), (int)(h1 + 0.5f));
    if (stacked)
        ink_artist_place(a, second, q, (int)(x + even(a, -2, 2)), (int)(y + h1 + gap), (int)(w2 + 0.5f),
                         (int)(h2 + 0.5f));
    else
        ink_artist_place(a, second, q, (int)(x + w1 + gap), (int)(y + even(a, -2, 2)), (int)(w2 + 0.5f),
                         (int)(h2 + 0.5f));
    ink_artist_fit(a);
    return !ink_artist_narrow(a, a->to, 0.5f);
}

static bool draw_part(ink_artist *a)
{
    enum { BINS = 64 };
    double bins[BINS] = { 0 }, all = 0, left = 0;
    unsigned value;
    /* A piece of a 1 is a 1; the loops of 6, 8 and 9 are a 0. */
    const uint8_t *digit = ink_artist_digit(a, "1689", &value);
    if (among(value, "1689"))
        return false;
    const float angle = even(a, 0, 6.2831853f), c = cosf(angle), s = sinf(angle);
    const float reach = hypotf((float)a->width, (float)a->height) / 2;
    for (int i = 0; i < (int)a->size; i++) {
        const float x = (float)(i % a->width) - (float)a->width / 2, y = (float)(i / a->width) - (float)a->height / 2;
        const int bin = (int)((c * x + s * y + reach) / (2 * reach) * (BINS - 1));
        bins[bin < 0 ? 0 : bin < BINS ? bin : BINS - 1] += digit[i];
        all += digit[i];
    }
    int end = 0;
    for (const double wanted = all * (double)even(a, 0.25f, 0.45f); end < BINS && left < wanted; end++)
        left += bins[end];
    const float edge = (float)end / (BINS - 1) * 2 * reach - reach;
    for (int i = 0; i < (int)a->size; i++) {
        const float x = (float)(i % a->width) - (float)a->width / 2, y = (float)(i / a->width) - (float)a->height / 2;
        const float cover = fminf(fmaxf(edge - (c * x + s * y) + 0.5f, 0), 1);
        a->to[i] = (uint8_t)(cover * digit[i] + 0.5f);
    }
    ink_artist_fit(a);
    return !ink_artist_narrow(a, a->to, 0.6f) && !one_or_seven(a, a->to);
}

static bool draw_overlaid(ink_artist *a)
{
    const int count = 2 + below(a, 2) + below(a, 2);
    unsigned before = 255, value;
    for (int i = 0; i < count; i++, before = value) {
        /* Of two, none is a 1, and neighbours are not the same: else it is the other one, or a broad one. */
        const uint8_t *digit = ink_artist_digit(a, count == 2 ? "1" : "", &value);
        if (i && value < 10 && value == before)
            return false;
        const int span = a->side / 4;
        int dx = 0, dy = 0;
        if (i && span) {
            dx = (below(a, 2) ? 1 : -1) * (span / 3 + below(a, span));
            dy = below(a, span) - span / 2;
        }
        for (int y = 0; y < a->height; y++)
            for (int x = 0; x < a->width; x++) {
                const int sx = x - dx, sy = y - dy;
                uint8_t *to = a->to + (size_t)y * (size_t)a->width + x;
                if (sx >= 0 && sx < a->width && sy >= 0 && sy < a->height && digit[sy * a->width + sx] > *to)
                    *to = digit[sy * a->width + sx];
            }
    }
    ink_artist_fit(a);
    return true;
}

/* ---- filled ones ---- */

/* A convex polygon by its edges: straight lines around a middle. */
typedef struct polygon {
    int edges;
    float x[8], y[8], distance[8]; /* each edge's normal, and how far it is along that */
} polygon;

static polygon any_polygon(ink_artist *a)
{
    polygon p = { .edges = 3 + below(a, 5) };
    const float turn = even(a, 0, 6.2831853f);
    const float cx = (float)a->width / 2 + even(a, -0.18f, 0.18f) * (float)a->side;
    const float cy = (float)a->height / 2 + even(a, -0.18f, 0.18f) * (float)a->side;
    for (int i = 0; i < p.edges; i++) {
        const float angle = turn + 6.2831853f * ((float)i + even(a, -0.25f, 0.25f)) / (float)p.edges;
        p.x[i] = cosf(angle);
        p.y[i] = sinf(angle);
        p.distance[i] = p.x[i] * cx + p.y[i] * cy + even(a, 0.12f, 0.35f) * (float)a->side;
    }
    return p;
}

static bool draw_polygons(ink_artist *a)
{
    polygon shapes[3];
    const int count = 1 + below(a, 3);
    for (int i = 0; i < count; i++)
        shapes[i] = any_polygon(a);
    const float level = even(a, 0.4f, 1), slope_x = even(a, -0.03f, 0.03f), slope_y = even(a, -0.03f, 0.03f);
    const float grain = chance(a, 0.5f) ? even(a, 0, 0.5f) : 0, stripe = chance(a, 0.3f) ? even(a, 0.2f, 0.7f) : 0;
    const float wave_x = even(a, -1.5f, 1.5f), wave_y = even(a, -1.5f, 1.5f);
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            float cover = 0;
            for (int i = 0; i < count; i++) {
                float inside = 1;
                for (int k = 0; k < shapes[i].edges; k++)
                    inside = fminf(inside, shapes[i].distance[k] + 0.5f - shapes[i].x[k] * (float)x -
                                               shapes[i].y[k] * (float)y);
                cover = fmaxf(cover, inside);
            }
            if (cover <= 0)
                continue;
            const float wave = stripe > 0 ? stripe * (0.5f + 0.5f * sinf(wave_x * (float)x + wave_y * (float)y)) : 0;
            float ink = level + slope_x * (float)(x - a->width / 2) + slope_y * (float)(y - a->height / 2);
            ink = fminf(fmaxf(ink * (1 - wave) - grain * ink_random_float(&a->random), 0), 1);
            a->to[y * a->width + x] = (uint8_t)(255 * cover * ink + 0.5f);
        }
    return !ink_artist_narrow(a, a->to, 0.6f);
}

static bool draw_filled(ink_artist *a)
{
    unsigned value;
    ink_bounds box;
    const int what = below(a, 4);
    if (what > 1)
        return draw_polygons(a);
    const uint8_t *digit = ink_artist_digit(a, "", &value);
    if (!ink_raster_box(digit, 1, a->height, a->width, &box))
        return false;
    if (what == 0) { /* inverted, in its box and a margin */
        const int margin = 1 + below(a, 4);
        for (int y = 0; y < a->height; y++)
            for (int x = 0; x < a->width; x++)
                if (x >= box.left - margin && x < box.right + margin && y >= box.top - margin &&
                    y < box.bottom + margin)
                    a->to[y * a->width + x] = (uint8_t)(255 - digit[y * a->width + x]);
        return !ink_artist_narrow(a, a->to, 0.5f);
    }
    /* Around a place that has ink, so that there is something to see. */
    int at = 0;
    for (int tries = 0; tries < 50 && digit[at] < 128; tries++)
        at = below(a, (int)a->size);
    const float step = 1 / even(a, 3, 5.5f);
    ink_raster_resample(digit, a->height, a->width,
                        (ink_axis){ a->height, (float)(at / a->width) - step * even(a, 0.3f, 0.7f) * (float)a->height,
                                    step },
                        (ink_axis){ a->width, (float)(at % a->width) - step * even(a, 0.3f, 0.7f) * (float)a->width,
                                    step }, a->to, a->scratch);
    return !ink_artist_narrow(a, a->to, 0.7f) && !one_or_seven(a, a->to);
}

static bool draw_empty(ink_artist *a)
{
    const int what = below(a, 8);
    const float side = (float)a->side;
    if (what == 0) /* nothing */
        return true;
    if (what < 3) { /* noise, fine or in spots */
        const float most = even(a, 20, 255);
        for (size_t i = 0; i < a->size; i++)
            a->to[i] = (uint8_t)(most * ink_random_float(&a->random));
        if (what == 2)
            ink_raster_blur(a->to, a->height, a->width, even(a, 0.5f, 2.5f), a->scratch);
        return true;
    }
    if (what < 6) { /* specks, far apart or near */
        const float spread = even(a, 0.1f, 0.45f) * side;
        const float x = (float)a->width / 2, y = (float)a->height / 2;
        for (int left = 1 + below(a, 6); left; left--) {
            const ink_point p = { x + even(a, -spread, spread), y + even(a, -spread, spread) };
            const ink_point q = { p.x + even(a, -1, 1), p.y + even(a, -1, 1) };
            ink_raster_stroke(a->to, a->height, a->width, p, q, even(a, 0.3f, 1.5f) * side / 28, even(a, 80, 255));
        }
        return true;
    }
    const float half = even(a, 0.08f, 0.36f) * side, y = (float)a->height / 2; /* a dash */
    const ink_point p = { (float)a->width / 2 - half, y + even(a, -0.25f, 0.25f) * half };
    const ink_point q = { (float)a->width / 2 + half, y + even(a, -0.25f, 0.25f) * half };
    ink_raster_stroke(a->to, a->height, a->width, p, q, even(a, 0.5f, 2) * side / 28, 255);
    return true;
}

/* ---- all of them ---- */

enum { CHOICE_STREAM = 11, KIND_STREAM };

bool ink_negatives_chosen(float share, uint64_t seed)
{
    ink_random random = { ink_stream(seed, CHOICE_STREAM) };
    return share > 0 && ink_random_float(&random) < share;
}

bool ink_negatives_draw_kind(const ink_negatives *from, ink_negative kind, uint64_t seed, uint8_t *to,
                             uint8_t *scratch)
{
    bool (*const draw[INK_NEGATIVE_KINDS])(ink_artist *) = { draw_strokes, draw_turned, draw_several, draw_part,
                                                             draw_overlaid, draw_filled, draw_empty };
    ink_artist a = ink_artist_of(from, seed, to, scratch);
    memset(to, 0, a.size);
    return (kind != INK_NEGATIVE_TURNED || from->digits) && draw[kind](&a);
}

/* How often each is drawn. Where digits touch, nothing is mistaken for one as often as two are, or one with the end of
 * another; and there are more letters and signs than all else. */
static ink_negative draw_kind(ink_random *random)
{
    static const uint8_t weights[INK_NEGATIVE_KINDS] = {
        [INK_NEGATIVE_STROKES] = 4, [INK_NEGATIVE_TURNED] = 1, [INK_NEGATIVE_SEVERAL] = 8, [INK_NEGATIVE_PART] = 1,
        [INK_NEGATIVE_OVERLAID] = 1, [INK_NEGATIVE_FILLED] = 1, [INK_NEGATIVE_EMPTY] = 1,
    };
    uint32_t all = 0, kind = 0;
    for (uint32_t i = 0; i < INK_NEGATIVE_KINDS; i++)
        all += weights[i];
    for (uint32_t at = ink_random_below(random, all); at >= weights[kind]; kind++)
        at -= weights[kind];
    return (ink_negative)kind;
}

ink_negative ink_negatives_draw(const ink_negatives *from, uint64_t seed, uint8_t *to, uint8_t *scratch)
{
    ink_random random = { ink_stream(seed, KIND_STREAM) };
    ink_negative kind = draw_kind(&random);
    /* The same kind again: what is hard to draw is not to be rare. But a kind need not be possible at all. */
    for (int tries = 0; tries < 40; tries++) {
        if (ink_negatives_draw_kind(from, kind, ink_random_u64(&random), to, scratch))
            return kind;
        if (tries % 8 == 7)
            kind = draw_kind(&random);
    }
    memset(to, 0, (size_t)from->height * from->width);
    return INK_NEGATIVE_EMPTY;
}
