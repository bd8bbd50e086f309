/* Reading: marks are found, parted, prepared and shown to the network; the answer is a block of its own. */
#include "vision/cuts.h"
#include "vision/lines.h"
#include "vision/prepare.h"

#include "model/model.h"

#include <math.h>
#include <string.h>

/* A part of a line that is not parted further: a group, or what of it lies between two cuts. A group is parted in
 * several ways. A line's digits are a path from place to place: from 0, its begin, along pieces of one way in each
 * group. */
typedef struct piece {
    uint32_t group, way;
    size_t from, to;             /* places */
    const ink_cut *left, *right; /* NULL: the group's own edge */
    ink_box box;                 /* of its ink */
} piece;

/* Pieces that may be one digit. */
typedef struct span {
    size_t first, count; /* pieces */
    ink_box box;
    float score;         /* how well it would be a digit: 0 at best */
} span;

enum {
    AT_ONCE = 64, /* pictures that the network is shown together */
    MOST = 32,    /* pieces of a span, but for a whole group: enough for a digit that is wider than high */
};

typedef struct reader {
    const ink_picture *picture;
    ink_session *session;
    const ink_model_info *info;
    const ink_read_options *options;
    ink_arena *arena;
    ink_map map;
    ink_plane written, crop;
    ink_components components;
    ink_page page;
    ink_preparer preparer;
    uint8_t *batch; /* [AT_ONCE] prepared pictures: those that the network is shown together */
    piece *pieces;
    size_t piece_count, piece_room;
    size_t place; /* the last of the line */
    span *chosen; /* the digits, in reading order */
    size_t chosen_count, chosen_room;
} reader;

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory to read a picture");
}

/* ---- cutting out ---- */

static bool within(const reader *r, const span *s, uint32_t component, uint32_t x, uint32_t y)
{
    const uint32_t group = component ? r->page.group_of[component] : 0;
    if (!group)
        return false;
    const piece *first = &r->pieces[s->first], *last = first + s->count - 1;
    if (group - 1 < first->group || group - 1 > last->group)
        return false;
    const ink_box *b = &r->page.group[group - 1].box;
    if (group - 1 == first->group && first->left && (float)(x - b->x0) + 0.5f < first->left->at[y - b->y0])
        return false;
    return !(group - 1 == last->group && last->right && (float)(x - b->x0) + 0.5f >= last->right->at[y - b->y0]);
}

/* Whether a pixel without a component is the soft edge of the span's ink. */
static bool beside(const reader *r, const span *s, uint32_t x, uint32_t y)
{
    const ink_components *c = &r->components;
    for (uint32_t v = y ? y - 1 : 0; v <= y + 1 && v < c->height; v++)
        for (uint32_t u = x ? x - 1 : 0; u <= x + 1 && u < c->width; u++)
            if (within(r, s, c->label[(size_t)v * c->width + u], u, v))
                return true;
    return false;
}

/* The ink of a span alone, its strongest 255, with a margin of a pixel. False if there is none. */
static bool cut_out(reader *r, const span *s, ink_plane *out)
{
    const ink_components *c = &r->components;
    const ink_box *b = &s->box;
    const uint32_t x0 = b->x0 ? b->x0 - 1 : 0, x1 = b->x1 < c->width ? b->x1 + 1 : c->width;
    const uint32_t y0 = b->y0 ? b->y0 - 1 : 0, y1 = b->y1 < c->height ? b->y1 + 1 : c->height;
    uint32_t histogram[256] = { 0 };
    *out = (ink_plane){ x1 - x0, y1 - y0, r->crop.pixels };
    uint8_t *to = out->pixels;
    for (uint32_t y = y0; y < y1; y++)
        for (uint32_t x = x0; x < x1; x++, to++) {
            const size_t i = (size_t)y * c->width + x;
            const uint32_t component = c->label[i];
            const bool mine = within(r, s, component, x, y);
            *to = mine || (!component && r->map.ink.pixels[i] && beside(r, s, x, y)) ? r->map.ink.pixels[i] : 0;
            histogram[*to] += mine;
        }
    histogram[0] = 0;
    const float strong = 0.85f * (float)ink_histogram_level(histogram, 256, 0.9f);
    const float weak = fmaxf(0.1f * strong, 2 * r->map.noise);
    if (!(strong > weak))
        return false;
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        const float level = ((float)i - weak) * 255 / (strong - weak);
        table[i] = (uint8_t)(level < 0 ? 0 : level < 255 ? level + 0.5f : 255);
    }
    for (size_t i = 0; i < (size_t)out->width * out->height; i++)
        out->pixels[i] = table[out->pixels[i]];
    return true;
}

static void prepare(reader *r, const span *s, uint8_t *pixels)
{
    ink_plane mark;
    if (cut_out(r, s, &mark))
        ink_preparer_run(&r->preparer, &mark, pixels);
    else
        memset(pixels, 0, (size_t)r->preparer.width * r->preparer.height);
}

/* ---- pieces ---- */

/* The box of a piece's ink within its group's; x1 is 0 where it has none. */
static ink_box box_of(const reader *r, size_t at)
{
    const ink_components *c = &r->components;
    const piece *p = &r->pieces[at];
    const span alone = { .first = at, .count = 1 };
    const ink_box all = p->box;
    const float width = (float)ink_box_width(&all);
    ink_box found = { UINT32_MAX, UINT32_MAX, 0, 0 };
    for (uint32_t y = all.y0; y < all.y1; y++) {
        /* What may be the piece's, with a pixel to spare: there are many, and each is a small part of the group. */
        const float left = p->left ? p->left->at[y - all.y0] - 1 : 0;
        const float right = p->right ? p->right->at[y - all.y0] + 1 : width;
        const uint32_t x1 = all.x0 + (uint32_t)fminf(fmaxf(right, 0), width);
        for (uint32_t x = all.x0 + (uint32_t)fminf(fmaxf(left, 0), width); x < x1; x++)
            if (within(r, &alone, c->label[(size_t)y * c->width + x], x, y))
                ink_box_add(&found, &(ink_box){ x, y, x + 1, y + 1 });
    }
    return found;
}

/* Adds a piece, whose box is found; nothing where seams that pass each other leave nothing. */
static ink_status add_piece(reader *r, const piece *added, ink_error *error)
{
    enum { MOST_PIECES = 4 * INK_MOST_MARKS };
    if (r->piece_count == MOST_PIECES)
        return ink_fail(error, INK_ERR_LIMIT,
                        "picture: its marks come to more than %d pieces, wanted a page of writing", MOST_PIECES);
    r->pieces = ink_arena_grow(r->arena, r->pieces, r->piece_count, sizeof *r->pieces, &r->piece_room);
    if (!r->pieces)
        return no_memory(error);
    piece *p = &r->pieces[r->piece_count];
    *p = *added;
    p->box = r->page.group[p->group].box;
    if (p->left || p->right)
        p->box = box_of(r, r->piece_count);
    r->piece_count += p->box.x1 > 0;
    return INK_OK;
}

/* All of a group in one piece. */
static ink_status add_whole(reader *r, uint32_t group, ink_error *error)
{
    const piece whole = { .group = group, .from = r->place, .to = r->place + 1 };
    r->place++;
    return add_piece(r, &whole, error);
}

/* The pieces of a way, from the place `from` on; the last of them leads to SIZE_MAX, the group's end. */
static ink_status add_way(reader *r, uint32_t group, uint32_t way, size_t from, const ink_cut *cuts, size_t count,
                          ink_error *error)
{
    const size_t first = r->piece_count;
    piece p = { .group = group, .way = way, .from = from };
    for (size_t i = 0; i <= count; i++) {
        const size_t before = r->piece_count;
        p.left = i ? &cuts[i - 1] : NULL;
        p.right = i < count ? &cuts[i] : NULL;
        p.to = r->place + 1;
        INK_TRY(add_piece(r, &p, error));
        if (r->piece_count > before)
            p.from = ++r->place;
    }
    if (r->piece_count > first) { /* no ink is beyond these */
        r->pieces[first].left = r->pieces[r->piece_count - 1].right = NULL;
        r->pieces[r->piece_count - 1].to = SIZE_MAX;
    }
    return INK_OK;
}

/* Whether all of a group is a digit, as the network has it. */
static ink_status is_digit(reader *r, const span *s, bool *sure, ink_error *error)
{
    const size_t classes = r->info->classes;
    float *answers = ink_arena_array(r->arena, classes, sizeof *answers);
    if (!answers)
        return no_memory(error);
    prepare(r, s, r->batch);
    INK_TRY(ink_session_run_u8(r->session, r->batch, 1, answers, error));
    *sure = answers[ink_argmax(answers, classes)] >= INK_READ_THRESHOLD;
    return INK_OK;
}

/* A digit is hardly wider than high: what is wider may be several, and is cut wherever that is cheap. Upright seams and
 * such that lean as writing does give two ways to part it, of which one is chosen. */
static ink_status add_pieces(reader *r, uint32_t group, ink_error *error)
{
    enum { WAYS = 2 };
    static const float leans[WAYS] = { 0, 0.2f };
    const ink_box *b = &r->page.group[group].box;
    const uint32_t w = ink_box_width(b), h = ink_box_height(b);
    const uint32_t tall = h > r->page.tall / 2 ? h : r->page.tall / 2;
    const size_t at = r->piece_count, from = r->place;
    const span whole = { .first = at, .count = 1, .box = *b };
    ink_plane mark;
    bool done = w * 4 <= tall * 3 || h * 3 <= r->page.tall;
    INK_TRY(add_whole(r, group, error));
    if (!done && w * 10 < h * 16)
        INK_TRY(is_digit(r, &whole, &done, error));
    if (done || !cut_out(r, &whole, &mark))
        return INK_OK;
    /* without its margin: cuts are counted from the group's box */
    const uint32_t left = b->x0 > 0, up = b->y0 > 0;
    for (uint32_t y = 0; y < h; y++)
        memmove(mark.pixels + (size_t)y * w, mark.pixels + (size_t)(y + up) * mark.width + left, w);
    mark.width = w;
    mark.height = h;
    ink_cut *cuts[WAYS];
    size_t count[WAYS];
    for (uint32_t i = 0; i < WAYS; i++)
        INK_TRY(ink_cuts_find(&mark, leans[i], r->arena, &cuts[i], &count[i], error));
    r->piece_count = at;
    r->place = from;
    for (uint32_t i = 0; i < WAYS; i++)
        INK_TRY(add_way(r, group, i, from, cuts[i], count[i], error));
    r->place++;
    for (size_t i = at; i < r->piece_count; i++)
        if (r->pieces[i].to == SIZE_MAX)
            r->pieces[i].to = r->place;
    return INK_OK;
}

/* ---- choosing ---- */

/* What a span costs beside the network's doubt. */
static float penalty(const reader *r, const span *s)
{
    const piece *first = &r->pieces[s->first], *last = first + s->count - 1;
    const float tall = (float)r->page.tall, high = (float)ink_box_height(&s->box) / tall;
    const float wide = (float)ink_box_width(&s->box) / (float)ink_box_height(&s->box);
    float sum = wide > 1 ? 2 * (wide - 1) : 0;
    const ink_box *group = &r->page.group[first->group].box;
    const float cut = ink_box_width(group) * 10 < ink_box_height(group) * 11 ? 0.5f : 0.1f;
    if (first->left)
        sum += cut + 0.5f * first->left->cost;
    if (last->right)
        sum += cut + 0.5f * last->right->cost;
    if (high < 0.6f && (first->left || last->right))
        sum += 3 * (0.6f - high);
    if (first->group != last->group)
        sum += 0.3f;
    return sum;
}

/* Digits that would find room in its width. */
static float room(const reader *r, const span *s)
{
    const float tall = (float)(ink_box_height(&s->box) * 2 > r->page.tall ? ink_box_height(&s->box) : r->page.tall);
    return fmaxf(1, (float)ink_box_width(&s->box) / (0.7f * tall));
}

static bool is_group(const reader *r, const span *s)
{
    const piece *first = &r->pieces[s->first], *last = first + s->count - 1;
    return first->group == last->group && !first->left && !last->right;
}

/* May a piece stand behind the span's last in a digit? Else it is of another way, or too much. */
static bool goes_on(const reader *r, const span *s, size_t next)
{
    const piece *first = &r->pieces[s->first], *p = &r->pieces[next];
    if (p->group == p[-1].group && p->way != p[-1].way)
        return false;
    return s->count < MOST || p->group == first->group;
}

static bool may_be_one(const reader *r, const span *s)
{
    const piece *first = &r->pieces[s->first], *last = first + s->count - 1;
    const uint32_t w = ink_box_width(&s->box), h = ink_box_height(&s->box);
    if (s->count == 1)
        return true;
    if (r->page.group[first->group].line != r->page.group[last->group].line)
        return false;
    if (first->group == last->group) { /* all of a group may be one, whatever its shape; each way has it */
        const uint32_t group = ink_box_height(&r->page.group[first->group].box);
        const uint32_t tall = group > r->page.tall ? group : r->page.tall;
        return is_group(r, s) ? first->way == 0 : w * 2 < 3 * h && w * 10 <= 11 * tall;
    }
    /* of two groups: parts of a broken digit, near each other */
    if (last->group != first->group + 1 || first->left || last->right || w * 5 > 6 * r->page.tall)
        return false;
    const ink_box *a = &r->page.group[first->group].box, *b = &r->page.group[last->group].box;
    return b->x0 < a->x1 + r->page.tall / 6;
}

/* The spans of the pieces of a line that may be digits, by their first piece. */
static ink_status find_spans(reader *r, size_t first, span **out, size_t *count, ink_error *error)
{
    span *spans = NULL;
    size_t most = 0;
    *count = 0;
    for (size_t i = first; i < r->piece_count; i++) {
        span s = { .first = i, .box = r->pieces[i].box };
        do {
            ink_box_add(&s.box, &r->pieces[i + s.count++].box);
            if ((s.count > MOST && !is_group(r, &s)) || !may_be_one(r, &s))
                continue;
            spans = ink_arena_grow(r->arena, spans, *count, sizeof *spans, &most);
            if (!spans)
                return no_memory(error);
            spans[(*count)++] = s;
        } while (i + s.count < r->piece_count && goes_on(r, &s, i + s.count));
    }
    *out = spans;
    return INK_OK;
}

/* The logarithm of the best probability, had the logits been a third as far apart. As they are, a digit cut a little
 * wrong is as sure as one cut right, 0.9999 or 0.99999999, and a path of such digits as good as the right one. Of 674
 * validation numbers that touch 64 % come out right with a factor of 1, 73 % with 3 to 5. */
static float liking(const float *p, size_t classes)
{
    const float least = 1e-20f, best = logf(p[ink_argmax(p, classes)] + least);
    float sum = 0;
    for (size_t c = 0; c < classes; c++)
        sum += expf((logf(p[c] + least) - best) / 3);
    return -logf(sum);
}

/* Asks the network how well it likes each span. */
static ink_status score_spans(reader *r, span *spans, size_t count, ink_error *error)
{
    const size_t classes = r->info->classes, size = (size_t)r->preparer.width * r->preparer.height;
    float *answers = ink_arena_array(r->arena, AT_ONCE * classes, sizeof *answers);
    if (!answers)
        return no_memory(error);
    for (size_t i = 0, k = 0; i < count; i += k) {
        for (k = 0; k < AT_ONCE && i + k < count; k++)
            prepare(r, &spans[i + k], r->batch + k * size);
        INK_TRY(ink_session_run_u8(r->session, r->batch, k, answers, error));
        for (size_t m = 0; m < k; m++) {
            span *s = &spans[i + m];
            s->score = room(r, s) * liking(answers + m * classes, classes) - penalty(r, s);
        }
    }
    return INK_OK;
}

/* Chooses, for the pieces of a line, the path through its places that the network likes best: over-segmentation and
 * dynamic programming, as Y. LeCun and others, "Gradient-Based Learning Applied to Document Recognition", 1998,
 * part V. */
static ink_status choose(reader *r, size_t first, ink_error *error)
{
    const size_t places = r->place + 1;
    span *spans = NULL;
    size_t count, digits = 0;
    INK_TRY(find_spans(r, first, &spans, &count, error));
    float *best = ink_arena_array(r->arena, places, sizeof *best);
    size_t *by = ink_arena_array(r->arena, places, sizeof *by);
    if (r->arena->failed)
        return no_memory(error);
    if (count > r->piece_count - first) /* else there is nothing to choose */
        INK_TRY(score_spans(r, spans, count, error));
    for (size_t i = 1; i < places; i++)
        best[i] = -1e30f;
    for (size_t i = 0; i < count; i++) { /* by their first piece, so that the best way to where they begin is known */
        const piece *p = &r->pieces[spans[i].first];
        const size_t to = p[spans[i].count - 1].to;
        if (best[p->from] + spans[i].score > best[to]) {
            best[to] = best[p->from] + spans[i].score;
            by[to] = i;
        }
    }
    for (size_t to = r->place; to; to = r->pieces[spans[by[to]].first].from)
        digits++;
    for (size_t i = 0; i < digits; i++) {
        r->chosen = ink_arena_grow(r->arena, r->chosen, r->chosen_count + i, sizeof *r->chosen, &r->chosen_room);
        if (!r->chosen)
            return no_memory(error);
    }
    r->chosen_count += digits;
    for (size_t to = r->place, i = 1; to; to = r->pieces[spans[by[to]].first].from, i++)
        r->chosen[r->chosen_count - i] = spans[by[to]];
    return INK_OK;
}

static ink_status find_marks(reader *r, ink_error *error)
{
    r->batch = ink_arena_array(r->arena, AT_ONCE, (size_t)r->preparer.width * r->preparer.height);
    if (!r->batch)
        return no_memory(error);
    for (size_t i = 0; i < r->page.count;) {
        const size_t first = r->piece_count;
        const uint32_t line = r->page.group[i].line;
        r->place = 0;
        for (; i < r->page.count && r->page.group[i].line == line; i++)
            INK_TRY(r->options->single ? add_whole(r, (uint32_t)i, error) : add_pieces(r, (uint32_t)i, error));
        INK_TRY(choose(r, first, error));
    }
    return INK_OK;
}

/* ---- from the picture to its page ---- */

static ink_status find_page(reader *r, ink_error *error)
{
    INK_TRY(ink_map_make(r->picture, r->options, r->arena, &r->map, error));
    const uint32_t w = r->map.ink.width, h = r->map.ink.height;
    r->written = ink_plane_make(r->arena, w, h);
    r->crop = ink_plane_make(r->arena, w, h);
    if (r->arena->failed)
        return no_memory(error);
    for (size_t i = 0; i < (size_t)w * h; i++) {
        r->written.pixels[i] = r->map.ink.pixels[i] > r->map.threshold.pixels[i];
        r->crop.pixels[i] = r->map.ink.pixels[i] * 5 > r->map.threshold.pixels[i] * 3; /* its room is free yet */
    }
    if (!r->options->single)
        INK_TRY(ink_rules_erase(&r->written, &r->crop, &r->map.ink, &r->arena->allocator, error));
    INK_TRY(ink_components_find(&r->written, &r->map.ink, r->arena, &r->components, error));
    return r->options->single ? ink_page_single(&r->components, r->arena, &r->page, error)
                              : ink_page_find(&r->components, r->arena, &r->page, error);
}

static ink_status begin(reader *r, const ink_read_options *options, uint32_t height, uint32_t width,
                        const ink_picture *picture, ink_error *error)
{
    r->options = options;
    r->picture = picture;
    INK_TRY(find_page(r, error));
    return ink_preparer_init(&r->preparer, height, width, r->map.ink.height + 2, r->arena) ? INK_OK : no_memory(error);
}

static ink_status read_options(const ink_read_options *given, ink_read_options *options, ink_arena *arena,
                               ink_error *error)
{
    if (!ink_options_read(options, sizeof *options, given))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_read_options: its size is not set");
    if (!(options->threshold >= 0 && options->threshold <= 1))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_read_options: found threshold %g, wanted 0 to 1",
                        (double)options->threshold);
    if (options->threshold == 0)
        options->threshold = INK_READ_THRESHOLD;
    const ink_allocator allocator = ink_allocator_or_default(options->allocator);
    ink_arena_init(arena, &allocator);
    return INK_OK;
}

ink_status ink_picture_prepare(const ink_picture *picture, const ink_read_options *given, uint32_t height,
                               uint32_t width, uint8_t *pixels, ink_error *error)
{
    enum { LARGEST = 4096 };
    ink_read_options options;
    ink_arena arena;
    if (!pixels || height == 0 || width == 0 || height > LARGEST || width > LARGEST)
        return ink_fail(error, INK_ERR_ARGUMENT,
                        "ink_picture_prepare: found %ux%u, wanted 1 to %d each way, and room for it", width, height,
                        LARGEST);
    INK_TRY(read_options(given, &options, &arena, error));
    options.single = 1;
    reader r = { .arena = &arena };
    ink_status status = begin(&r, &options, height, width, picture, error);
    if (!status)
        memset(pixels, 0, (size_t)height * width);
    if (!status && r.page.count) {
        status = add_whole(&r, 0, error);
        if (!status)
            prepare(&r, &(span){ .count = 1, .box = r.page.group[0].box }, pixels);
    }
    ink_arena_free(&arena);
    return status;
}

/* ---- the answer ---- */

/* Everything that a reading points to, in an arena that also holds the reading itself. */
typedef struct answer {
    ink_reading reading;
    ink_arena arena;
} answer;

static void scale_box(const reader *r, const ink_box *b, ink_mark *m)
{
    const uint32_t f = r->map.factor;
    m->x = r->map.left + b->x0 * f;
    m->y = r->map.top + b->y0 * f;
    m->width = ink_box_width(b) * f;
    m->height = ink_box_height(b) * f;
}

static ink_status write_text(const reader *r, answer *a, const ink_mark *marks, ink_error *error)
{
    ink_text text;
    ink_buffer made;
    ink_text_init(&text, &a->arena.allocator);
    for (size_t i = 0; i < a->reading.count; i++) {
        const ink_mark *m = &marks[i], *before = i ? m - 1 : m;
        const uint32_t higher = m->height > before->height ? m->height : before->height;
        if (m->line != before->line)
            ink_text_format(&text, "\n");
        else if (m->x > before->x + before->width + higher * 9 / 10)
            ink_text_format(&text, " ");
        ink_text_format(&text, "%s", m->unsure ? "?" : r->info->labels[m->digit]);
    }
    INK_TRY(ink_text_finish(&text, &made, error));
    a->reading.text = ink_arena_string(&a->arena, made.data, made.size);
    ink_buffer_close(&made);
    return a->reading.text ? INK_OK : no_memory(error);
}

static void add_step(answer *a, ink_read_step *steps, const char *name, const ink_plane *plane, bool negative)
{
    const size_t size = (size_t)plane->width * plane->height;
    uint8_t *copy = ink_arena_array(&a->arena, size, 1);
    if (!copy)
        return;
    for (size_t i = 0; i < size; i++)
        copy[i] = negative ? (uint8_t)(255 - plane->pixels[i]) : plane->pixels[i];
    steps[a->reading.steps++] = (ink_read_step){ name, plane->width, plane->height, copy };
}

/* The pictures of the steps, paper white as one draws it. */
static void add_steps(reader *r, answer *a)
{
    ink_read_step *steps = ink_arena_array(&a->arena, 5, sizeof *steps);
    if (!steps)
        return;
    a->reading.step = steps;
    add_step(a, steps, "grey", &r->map.grey, false);
    add_step(a, steps, "paper", &r->map.paper, false);
    add_step(a, steps, "ink", &r->map.ink, true);
    const size_t size = (size_t)r->written.width * r->written.height;
    for (size_t i = 0; i < size; i++)
        r->written.pixels[i] = r->written.pixels[i] ? 255 : 0;
    add_step(a, steps, "written", &r->written, true);
    for (size_t i = 0; i < size; i++)
        r->written.pixels[i] = r->components.label[i] && r->page.group_of[r->components.label[i]] ? 255 : 0;
    add_step(a, steps, "marks", &r->written, true);
}

/* Another look's part of a digit's probabilities: of both the logits' mean counts, for of the probabilities it would be
 * too unsure of a digit that one look found hard. */
static void blend(float *mean, const float *another, size_t classes, float share)
{
    const float least = 1e-12f;
    float sum = 0;
    for (size_t c = 0; c < classes; c++) {
        mean[c] = expf((1 - share) * logf(mean[c] + least) + share * logf(another[c] + least));
        sum += mean[c];
    }
    for (size_t c = 0; c < classes; c++)
        mean[c] /= sum;
}

/* What the network has of marks as they were prepared, and turned a little both ways: a digit is the same then, and what
 * is none is taken for another, or for none. */
static ink_status look(reader *r, const uint8_t *pixels, size_t count, float *mean, ink_error *error)
{
    enum { TURNS = 2 };
    static const float sines[TURNS] = { 0.1f, -0.1f }, cosine = 0.995f; /* six degrees */
    const size_t classes = r->info->classes, size = (size_t)r->preparer.width * r->preparer.height;
    float *others = ink_arena_array(r->arena, AT_ONCE * classes, sizeof *others);
    if (!others)
        return no_memory(error);
    for (size_t i = 0, k = 0; i < count; i += k, pixels += k * size, mean += k * classes) {
        k = count - i < AT_ONCE / TURNS ? count - i : AT_ONCE / TURNS;
        for (size_t m = 0; m < k * TURNS; m++)
            ink_preparer_turn(&r->preparer, pixels + m / TURNS * size, sines[m % TURNS], cosine, r->batch + m * size);
        INK_TRY(ink_session_run_u8(r->session, pixels, k, mean, error));
        INK_TRY(ink_session_run_u8(r->session, r->batch, k * TURNS, others, error));
        for (size_t m = 0; m < k * TURNS; m++)
            blend(mean + m / TURNS * classes, others + m * classes, classes, 1 / (float)(m % TURNS + 2));
    }
    return INK_OK;
}

/* A picture of the model's own size may be one that was prepared already, where what is not the digit would mislead us:
 * the network sees it as it is too. */
static ink_status look_again(reader *r, float *mean, ink_error *error)
{
    float *second = ink_arena_array(r->arena, r->info->classes, sizeof *second);
    if (!second)
        return no_memory(error);
    ink_picture_as_it_is(r->picture, r->map.light, r->batch);
    INK_TRY(ink_session_run_u8(r->session, r->batch, 1, second, error));
    blend(mean, second, r->info->classes, 0.5f);
    return INK_OK;
}

static ink_status make_answer(reader *r, answer *a, ink_error *error)
{
    const size_t n = r->chosen_count, classes = r->info->classes, size = (size_t)r->preparer.width * r->preparer.height;
    ink_mark *marks = ink_arena_array(&a->arena, n + 1, sizeof *marks);
    float *answers = ink_arena_array(&a->arena, (n + 1) * classes, sizeof *answers);
    uint8_t *pixels = ink_arena_array(&a->arena, n + 1, size);
    if (a->arena.failed)
        return no_memory(error);
    for (size_t i = 0; i < n; i++)
        prepare(r, &r->chosen[i], pixels + i * size);
    INK_TRY(look(r, pixels, n, answers, error));
    if (r->options->single && n && r->picture->width == r->info->width && r->picture->height == r->info->height)
        INK_TRY(look_again(r, answers, error));
    for (size_t i = 0; i < n; i++) {
        ink_mark *m = &marks[i];
        m->probabilities = answers + i * classes;
        m->pixels = pixels + i * size;
        m->digit = ink_argmax(m->probabilities, classes);
        m->probability = m->probabilities[m->digit];
        m->unsure = !(m->probability >= r->options->threshold);
        m->line = r->page.group[r->pieces[r->chosen[i].first].group].line;
        scale_box(r, &r->chosen[i].box, m);
    }
    a->reading.count = n;
    a->reading.marks = marks;
    a->reading.lines = r->page.lines;
    if (r->options->steps)
        add_steps(r, a);
    INK_TRY(write_text(r, a, marks, error));
    return a->arena.failed ? no_memory(error) : INK_OK;
}

ink_status ink_read(ink_session *session, const ink_picture *picture, const ink_read_options *given, ink_reading **out,
                    ink_error *error)
{
    ink_read_options options;
    ink_arena arena;
    if (!session || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_read: an argument is NULL");
    *out = NULL;
    const ink_model_info *info = ink_session_info(session);
    if (info->channels != 1)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_read: the model's input has %u channels, wanted 1",
                        info->channels);
    INK_TRY(read_options(given, &options, &arena, error));
    reader r = { .session = session, .info = info, .arena = &arena };
    answer *a = ink_alloc(&arena.allocator, sizeof *a);
    if (!a)
        return no_memory(error);
    *a = (answer){ .reading = { 0 } };
    ink_arena_init(&a->arena, &arena.allocator);
    ink_status status = begin(&r, &options, info->height, info->width, picture, error);
    if (!status)
        status = find_marks(&r, error);
    if (!status)
        status = make_answer(&r, a, error);
    ink_arena_free(&arena);
    *out = &a->reading;
    if (status)
        ink_reading_close(out);
    return status;
}

void ink_reading_close(ink_reading **reading)
{
    if (!reading || !*reading)
        return;
    answer *a = (answer *)(void *)*reading;
    const ink_allocator allocator = a->arena.allocator;
    ink_arena_free(&a->arena);
    ink_free(&allocator, a);
    *reading = NULL;
}
