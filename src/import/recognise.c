#include "import/recognise.h"

#include "import/assemble.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What becomes of a pixel from 0 to 255, and who does so. A network that knows the samples by heart, having been
 * trained on them, reads them with even less loss where all its numbers are larger; so a way that does this has to be
 * better by more than that, 255 times as large by much more. What is not usual has to be better too. */
typedef struct scaling {
    double scale, offset, handicap; /* in nats */
} scaling;
static const scaling usual_scalings[] = {
    { 1.0 / 255, 0, 0 },                        /* ToTensor */
    { 1.0 / 255 / 0.3081, -0.1307 / 0.3081, 0.01 }, /* and MNIST's mean and deviation, as PyTorch's example */
    { 2.0 / 255, -1, 0.01 },                    /* and mean and deviation 0.5 */
    { 1, 0, 0.05 },                             /* nothing */
    { -1.0 / 255, 1, 0.01 },                    /* black ink on white */
};
static const char *const activations[] = { "relu", "tanh", "sigmoid", "leaky_relu alpha=0.01", "elu", "gelu",
                                           "leaky_relu alpha=0.1", "leaky_relu alpha=0.2" };
static const char *const pools[] = { "max_pool2d", "avg_pool2d" };

/* Pictures after which a network is judged: the hopeless are told by few. Behind the last come all. */
static const size_t stages[] = { 10, 50, 100, 200 };

enum {
    USUAL_SCALINGS = 3,
    ACTIVATIONS = sizeof activations / sizeof *activations,
    POOLS = sizeof pools / sizeof *pools,
    NORMS = INK_CHAIN_NORM_LAST + 1,
    BARE = 4,
    STAGES = sizeof stages / sizeof *stages + 1,
    FEW = 50,    /* pictures of which a network reads half, or is not worth more */
    CLEARLY = 3, /* standard errors */
    FIRST_GUESSES = 12, /* that are tried however well one of them reads */
};

/* Standard errors too, for what is about as usual as the other. */
static const double HARDLY = 1.5;

typedef struct judge {
    const ink_chain *chain;
    const ink_weight *weights;
    size_t count;
    const ink_evidence *evidence;
    const ink_allocator *allocator;
    ink_recognised *found;
    float *output, *best_output; /* of the network that was run last, and of the best */
    double *each, *best_each;    /* the losses of each picture */
    uint32_t classes;
    ink_error *error;
    scaling told; /* if it is known, and then the only one */
    const scaling *scalings;
    size_t scaling_count;
} judge;

static void choose_scalings(judge *j)
{
    const ink_evidence *e = j->evidence;
    j->told = (scaling){ e->scale, e->offset, 0 };
    j->scalings = e->scaling_known ? &j->told : usual_scalings;
    j->scaling_count = e->scaling_known ? 1 : sizeof usual_scalings / sizeof *usual_scalings;
    j->found->style.scale = j->scalings->scale;
    j->found->style.offset = j->scalings->offset;
}

static void judge_close(judge *j)
{
    ink_free(j->allocator, j->output);
    ink_free(j->allocator, j->best_output);
    ink_free(j->allocator, j->each);
    ink_free(j->allocator, j->best_each);
}

static ink_status judge_open(judge *j)
{
    const size_t count = j->evidence->count;
    j->output = ink_alloc(j->allocator, count * j->classes * sizeof *j->output);
    j->best_output = ink_alloc(j->allocator, count * j->classes * sizeof *j->best_output);
    j->each = ink_alloc(j->allocator, count * sizeof *j->each);
    j->best_each = ink_alloc(j->allocator, count * sizeof *j->best_each);
    if (j->output && j->best_output && j->each && j->best_each)
        return INK_OK;
    judge_close(j);
    return ink_fail(j->error, INK_ERR_MEMORY, "no memory to try guesses");
}

static size_t at_most(size_t pictures, const judge *j)
{
    return pictures < j->evidence->count ? pictures : j->evidence->count;
}

/* The mean cross-entropy, logits multiplied by a number; that of each picture into `each`. */
static double loss_at(const judge *j, const float *output, size_t pictures, double sharpness, double *each)
{
    double loss = 0;
    for (size_t i = 0; i < pictures; i++) {
        const float *p = output + i * j->classes;
        double sum = 0;
        for (uint32_t c = 0; c < j->classes; c++)
            sum += pow(fmax((double)p[c], 1e-30), sharpness);
        each[i] = log(sum) - sharpness * log(fmax((double)p[j->evidence->labels[i]], 1e-30));
        loss += each[i];
    }
    return loss / (double)pictures;
}

/* Its smallest over some such numbers. A wrong activation that makes a network less sure of itself may well have a
 * smaller loss than the right one; so each is judged as sure as is best for it. */
static double calibrated_loss(const judge *j, const float *output, size_t pictures, double *each)
{
    static const double steps[] = { 0.35, 0.5, 0.7, 1, 1.4 };
    double least = HUGE_VAL, best = 1;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const double loss = loss_at(j, output, pictures, steps[i], each);
        best = loss < least ? steps[i] : best;
        least = fmin(least, loss);
    }
    return loss_at(j, output, pictures, best, each);
}

/* ---- networks that run ---- */

typedef struct network {
    ink_builder *builder;
    ink_model *model;
    ink_session *session;
    size_t seen, correct; /* pictures */
} network;

static void network_close(network *n)
{
    ink_session_close(&n->session);
    ink_model_close(&n->model);
    ink_builder_close(&n->builder);
}

static ink_status network_open(const judge *j, const ink_buffer *text, network *n)
{
    const ink_model_options options = { .size = sizeof options, .allocator = j->allocator };
    *n = (network){ .seen = 0 };
    j->found->tried++;
    INK_TRY(ink_assemble(text->data, text->size, "the graph", j->classes, j->weights, j->count, &n->builder,
                         j->error));
    INK_TRY(ink_builder_model(n->builder, &options, &n->model, j->error));
    return ink_session_open(n->model, NULL, &n->session, j->error);
}

/* Reads pictures until it has seen so many. */
static ink_status network_read(const judge *j, network *n, size_t until)
{
    const ink_evidence *e = j->evidence;
    float *output = j->output + n->seen * j->classes;
    INK_TRY(ink_session_run_u8(n->session, e->pixels + n->seen * e->side * e->side, until - n->seen, output,
                               j->error));
    for (; n->seen < until; n->seen++, output += j->classes)
        n->correct += ink_argmax(output, j->classes) == e->labels[n->seen];
    return INK_OK;
}

/* ---- candidates ---- */

/* One way of all that are tried. */
typedef struct candidate {
    ink_chain_guess guess;
    ink_chain_style style;
    double handicap; /* the scaling's */
    size_t seen, correct; /* pictures */
    bool unusual;         /* it is known that the usual way is not the right one, in what is being changed */
} candidate;

static void set_scaling(const judge *j, size_t way, candidate *c)
{
    c->style.scale = j->scalings[way].scale;
    c->style.offset = j->scalings[way].offset;
    c->handicap = j->scalings[way].handicap;
}

/* What most people do is likelier, if it reads about as well. */
static double weighed(const candidate *c, double loss)
{
    return (loss + c->handicap) * (1 + 0.25 * c->guess.oddity);
}

/* What can be changed of a candidate, each in some ways. */
typedef enum dimension { SCALING, GUESS, POOL, NORM, ACTIVATION, BARENESS, POOL_ORDER, DIMENSIONS } dimension;

typedef struct choice {
    const judge *j;
    const ink_chain_guess *guesses;
    size_t count;
    bool has_norms, hidden_convs, hidden_dense;
    char *rivals;  /* activations that could be the right ones too */
    size_t room;
} choice;

/* A wrong network does not read so well, but for details. */
static bool is_excellent(const choice *h, const candidate *c)
{
    return c->seen == h->j->evidence->count && 100 * c->correct >= 97 * c->seen;
}

static bool reads_half(const candidate *c)
{
    return 2 * c->correct >= c->seen;
}

static size_t ways_of(const choice *h, dimension d, const candidate *now)
{
    bool pooled = false;
    for (size_t i = 0; i < h->j->chain->count; i++)
        pooled = pooled || now->guess.pooled[i];
    switch (d) {
    case SCALING: return h->j->scaling_count;
    case GUESS: return h->count;
    case ACTIVATION: return h->j->chain->activation ? 0 : ACTIVATIONS;
    case POOL: return pooled && !h->j->chain->pool_op ? POOLS : 0;
    case BARENESS: return is_excellent(h, now) ? 0 : BARE;
    case NORM: return h->has_norms ? NORMS : 0;
    case POOL_ORDER: /* of what only grows, the largest stays the largest */
        return pooled && (strcmp(now->style.pool, pools[0]) != 0 || strcmp(now->style.activation, "gelu") == 0) ? 2 : 0;
    case DIMENSIONS: break;
    }
    return 0;
}

/* Sets it; false where that changes nothing. */
static bool change(const choice *h, dimension d, size_t way, candidate *c)
{
    const candidate before = *c;
    switch (d) {
    case SCALING:
        set_scaling(h->j, way, c);
        return before.style.scale < c->style.scale || before.style.scale > c->style.scale;
    case GUESS: c->guess = h->guesses[way]; return memcmp(&before.guess, &c->guess, sizeof c->guess) != 0;
    case ACTIVATION: c->style.activation = activations[way]; return before.style.activation != c->style.activation;
    case POOL: c->style.pool = pools[way]; return before.style.pool != c->style.pool;
    case BARENESS:
        c->style.bare_convs = way & 1 && h->hidden_convs;
        c->style.bare_dense = way & 2 && h->hidden_dense;
        return before.style.bare_convs != c->style.bare_convs || before.style.bare_dense != c->style.bare_dense;
    case NORM: c->style.norms = (ink_chain_norms)way; return before.style.norms != c->style.norms;
    case POOL_ORDER: c->style.pool_first = way; return before.style.pool_first != c->style.pool_first;
    case DIMENSIONS: break;
    }
    return false;
}

/* By how many standard errors the last network's losses are smaller than the best's; pictures are paired. */
static double lead(const judge *j, size_t pictures)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < pictures; i++) {
        const double d = j->best_each[i] - j->each[i];
        sum += d;
        squares += d * d;
    }
    const double mean = sum / (double)pictures, variance = squares / (double)pictures - mean * mean;
    return variance > 0 ? mean / sqrt(variance / (double)pictures) : 0;
}

/* ---- races: one network against the best, as long as it takes ---- */

typedef enum verdict { WORSE, OPEN, BETTER } verdict;

/* Guesses differ much, and mostly scalings, pools and places of norms do. The rest is as most people do it unless the
 * pictures say clearly that it is not: networks read digits nearly as well with gelu as with relu, and by chance
 * better. */
static bool differs_much(dimension d)
{
    return d == SCALING || d == POOL || d == NORM;
}

/* In standard errors, on all pictures. */
static double needed_lead(dimension d, const candidate *best)
{
    return best->unusual ? 0 : differs_much(d) ? HARDLY : CLEARLY;
}

/* How a network compares with the best, on pictures that both have seen. */
typedef struct comparison {
    size_t pictures;
    double theirs, ours; /* losses, each as sure as is best for it */
    double ahead;        /* by so many standard errors the network's is smaller */
    bool smaller;        /* its loss as it is, weighed */
} comparison;

/* Before it has seen all: is it worth more pictures? */
static verdict look_ahead(const choice *h, dimension d, const candidate *other, const candidate *best,
                          const comparison *c)
{
    const double part = sqrt((double)c->pictures / (double)h->j->evidence->count), luck = 1;
    if (other->seen < FEW)
        return reads_half(other) || c->theirs < c->ours || c->smaller ? OPEN : WORSE;
    if (d != GUESS && is_excellent(h, best)) /* if it goes on like this */
        return c->ahead < needed_lead(d, best) * part - luck ? WORSE : OPEN;
    return c->theirs < 1.1 * c->ours + 0.002 || c->smaller || !reads_half(best) ? OPEN : WORSE;
}

static verdict compare(const choice *h, dimension d, const candidate *other, const candidate *best)
{
    const judge *j = h->j;
    const size_t both = other->seen < best->seen ? other->seen : best->seen;
    comparison c = { .pictures = both };
    c.smaller = weighed(other, loss_at(j, j->output, both, 1, j->each)) <
                weighed(best, loss_at(j, j->best_output, both, 1, j->best_each));
    c.theirs = calibrated_loss(j, j->output, both, j->each);
    c.ours = calibrated_loss(j, j->best_output, both, j->best_each);
    c.ahead = lead(j, both);
    if (c.ahead < -CLEARLY && !c.smaller)
        return WORSE;
    if (both >= FEW && memcmp(j->output, j->best_output, both * j->classes * sizeof *j->output) == 0)
        return WORSE; /* the same network, said otherwise */
    if (other->seen < j->evidence->count && (other->seen < FEW || reads_half(other)))
        return look_ahead(h, d, other, best, &c);
    if (reads_half(other) && !reads_half(best))
        return BETTER;
    if (d == GUESS)
        return c.smaller || c.ahead > CLEARLY ? BETTER : WORSE;
    if (differs_much(d))
        return c.smaller && (c.ahead > needed_lead(d, best) || !is_excellent(h, best)) ? BETTER : WORSE;
    return c.ahead > needed_lead(d, best) ? BETTER : WORSE;
}

static void take(const judge *j, const candidate *from, candidate *best)
{
    *best = *from;
    memcpy(j->best_output, j->output, from->seen * j->classes * sizeof *j->output);
}

/* Without a best there is nothing to race against: the network takes its place. */
static ink_status race(const choice *h, dimension d, candidate *other, candidate *best, verdict *is)
{
    const judge *j = h->j;
    ink_buffer text = { 0 };
    network n = { .seen = 0 };
    ink_status status = ink_chain_text(j->chain, &other->guess, &other->style, j->allocator, &text, j->error);
    if (!status)
        status = network_open(j, &text, &n);
    *is = OPEN;
    for (size_t s = 0; !status && *is == OPEN && n.seen < j->evidence->count; s++) {
        status = network_read(j, &n, at_most(s < STAGES - 1 ? stages[s] : SIZE_MAX, j));
        other->seen = n.seen;
        other->correct = n.correct;
        if (best->seen)
            *is = status ? WORSE : compare(h, d, other, best);
        else
            *is = n.seen == j->evidence->count || (n.seen >= FEW && !reads_half(other)) ? BETTER : OPEN;
    }
    if (!status && *is == BETTER)
        take(j, other, best);
    network_close(&n);
    ink_buffer_close(&text);
    return status;
}

/* Of an activation that lost: does it read the pictures about as well, on those that it was shown? */
static void note_rival(const choice *h, const candidate *other)
{
    const judge *j = h->j;
    const size_t at = strlen(h->rivals), pictures = other->seen;
    const bool none = other->style.bare_convs >= h->hidden_convs && other->style.bare_dense >= h->hidden_dense;
    if (none || pictures < FEW || calibrated_loss(j, j->output, pictures, j->each) >
                              1.5 * calibrated_loss(j, j->best_output, pictures, j->best_each) + 0.01)
        return;
    if (at + strlen(other->style.activation) + 3 < h->room)
        snprintf(h->rivals + at, h->room - at, "%s%s", at ? ", " : "", other->style.activation);
}

/* Is a guess too odd to be worth its time? A wrong one may read nearly all, but is not sure of it. */
static bool is_far(const choice *h, size_t way, const candidate *best)
{
    static const double sure = 0.05; /* nats */
    const judge *j = h->j;
    return is_excellent(h, best) && h->guesses[way].oddity > best->guess.oddity + 2 &&
           (way >= FIRST_GUESSES || loss_at(j, j->best_output, best->seen, 1, j->best_each) < sure);
}

/* Puts the best of a dimension's ways in the place of `best`. */
static ink_status improve(const choice *h, dimension d, candidate *best, bool *changed)
{
    const size_t ways = ways_of(h, d, best);
    const candidate before = *best;
    if (d == ACTIVATION && ways)
        *h->rivals = 0;
    for (size_t way = 0; way < ways; way++) {
        candidate other = before;
        verdict is;
        if ((d == GUESS && is_far(h, way, best)) || !change(h, d, way, &other))
            continue;
        INK_TRY(race(h, d, &other, best, &is));
        best->unusual = best->unusual || is == BETTER;
        if (d == ACTIVATION && is != BETTER)
            note_rival(h, &other);
    }
    *changed = best->unusual;
    best->unusual = false;
    return INK_OK;
}

/* From a first candidate, changes one thing at a time until nothing helps any more. With another guess, what becomes
 * of a pixel is looked at again before details are; what reads hardly anything is not worth details. */
static ink_status climb(const choice *h, candidate *best)
{
    enum { ROUNDS = 4 };
    size_t without = 0, tried = 0; /* dimensions: since the last change, in all */
    dimension d = SCALING;
    while (without < DIMENSIONS && tried < ROUNDS * DIMENSIONS) {
        bool changed = false;
        if (d == ACTIVATION && 10 * best->correct < 3 * best->seen)
            break;
        INK_TRY(improve(h, d, best, &changed));
        tried++;
        without = changed ? 1 : without + 1;
        d = changed && d == GUESS ? SCALING : (dimension)((d + 1) % DIMENSIONS);
    }
    return INK_OK;
}

static ink_status glance(const judge *j, const candidate *c, double *loss)
{
    ink_buffer text = { 0 };
    network n = { .seen = 0 };
    ink_status status = ink_chain_text(j->chain, &c->guess, &c->style, j->allocator, &text, j->error);
    if (!status)
        status = network_open(j, &text, &n);
    if (!status)
        status = network_read(j, &n, at_most(stages[0], j));
    if (!status && 2 * n.correct >= n.seen)
        status = network_read(j, &n, at_most(FEW, j));
    if (!status)
        *loss = calibrated_loss(j, j->output, n.seen, j->each) + c->handicap;
    network_close(&n);
    ink_buffer_close(&text);
    return status;
}

/* How much a loss is worth of what is not as most people do it. */
static double doubted(size_t norms, size_t pool, size_t scaled, double loss)
{
    const int odd = (norms != INK_CHAIN_NORM_FIRST) + (pool > 0) + (scaled >= USUAL_SCALINGS);
    return odd ? 1.5 * loss + 0.01 * odd : loss;
}

/* Where the usual is not excellent, pools, where norms stand and what becomes of a pixel are chosen together: one
 * wrong thing can hide another. */
static ink_status begin(const choice *h, candidate *best)
{
    candidate one = *best, chosen = *best;
    double least = HUGE_VAL;
    verdict is;
    INK_TRY(race(h, GUESS, &one, best, &is));
    if (is_excellent(h, best))
        return INK_OK;
    const size_t pool_ways = ways_of(h, POOL, best), kinds = pool_ways ? pool_ways : 1;
    const size_t scalings = h->j->scaling_count;
    for (size_t way = 0; way < (h->has_norms ? NORMS : 1) * kinds * scalings; way++) {
        const size_t norms = way / kinds / scalings, pool = way / scalings % kinds, scaled = way % scalings;
        double loss;
        one.style.norms = (ink_chain_norms)norms;
        one.style.pool = pool_ways && pool ? pools[pool] : best->style.pool;
        set_scaling(h->j, scaled, &one);
        INK_TRY(glance(h->j, &one, &loss));
        loss = doubted(norms, pool, scaled, loss);
        if (loss < least) {
            least = loss;
            chosen = one;
        }
    }
    best->seen = 0;
    return race(h, GUESS, &chosen, best, &is);
}

static bool is_good(const judge *j)
{
    return 10 * j->found->correct >= 9 * j->evidence->count;
}

/* Rectifiers and max-pools first; other beginnings only where these lead to nothing. */
static ink_status try_all(const judge *j, const ink_chain_guess *guesses, size_t count)
{
    char rivals[sizeof j->found->rivals];
    static const ink_chain_style beginnings[] = {
        { .activation = "relu", .pool = "max_pool2d" },
        { .activation = "tanh", .pool = "avg_pool2d" },
        { .activation = "sigmoid", .pool = "avg_pool2d" },
    };
    const ink_chain *chain = j->chain;
    choice h = { .j = j, .guesses = guesses, .count = count, .rivals = rivals, .room = sizeof rivals };
    for (size_t i = 0; i < chain->count; i++) {
        h.has_norms = h.has_norms || chain->layers[i].norm != SIZE_MAX;
        h.hidden_convs = h.hidden_convs || chain->layers[i].kind == INK_CHAIN_CONV;
        h.hidden_dense = h.hidden_dense || (i && chain->layers[i].kind == INK_CHAIN_DENSE &&
                                            chain->layers[i - 1].kind == INK_CHAIN_DENSE);
    }
    for (size_t b = 0; b < sizeof beginnings / sizeof *beginnings && !is_good(j); b++) {
        candidate best = { .guess = guesses[0], .style = beginnings[b] };
        set_scaling(j, 0, &best);
        best.style.activation = chain->activation ? chain->activation : best.style.activation;
        best.style.pool = chain->pool_op ? chain->pool_op : best.style.pool;
        *rivals = 0;
        INK_TRY(begin(&h, &best));
        INK_TRY(climb(&h, &best));
        if (best.seen < j->evidence->count)
            continue;
        const double loss = calibrated_loss(j, j->best_output, best.seen, j->best_each);
        if (loss < j->found->loss) {
            j->found->guess = best.guess;
            j->found->style = best.style;
            j->found->correct = best.correct;
            j->found->loss = loss;
            memcpy(j->found->rivals, rivals, sizeof rivals);
        }
    }
    return INK_OK;
}

/* Can the pictures judge a network of this input and number of classes? */
static const char *why_not_judged(const ink_evidence *evidence, uint32_t channels, uint32_t height, uint32_t width,
                                  uint32_t classes)
{
    if (channels != 1 || height != evidence->side || width != evidence->side)
        return "its pictures are not those of which there are samples to judge by";
    for (size_t i = 0; i < evidence->count; i++)
        if (evidence->labels[i] >= classes)
            return "it has fewer classes than the samples to judge by";
    return NULL;
}

static ink_status fail_with_draft(const judge *j, const char *why)
{
    const ink_chain_style style = { .activation = activations[0], .pool = pools[0],
                                    .scale = j->scalings->scale, .offset = j->scalings->offset };
    INK_TRY(ink_chain_text(j->chain, NULL, &style, j->allocator, &j->found->text, j->error));
    return ink_fail(j->error, INK_ERR_GRAPH, "holds weights and no graph, and %s", why);
}

ink_status ink_recognise(const ink_chain *chain, const ink_weight *weights, size_t count, const ink_evidence *evidence,
                         const ink_allocator *allocator, ink_recognised *found, ink_error *error)
{
    ink_chain_guess guesses[INK_CHAIN_GUESSES];
    judge j = { .chain = chain, .weights = weights, .count = count, .evidence = evidence, .allocator = allocator,
                .found = found, .classes = ink_chain_classes(chain), .error = error };
    *found = (ink_recognised){ .loss = HUGE_VAL };
    choose_scalings(&j);
    const size_t ways = ink_chain_guess_all(chain, guesses);
    if (!ways)
        return fail_with_draft(&j, "no padding and pooling makes the sizes fit");
    const char *why = why_not_judged(evidence, chain->channels, chain->side, chain->side, j.classes);
    if (why)
        return fail_with_draft(&j, why);
    INK_TRY(judge_open(&j));
    const ink_status status = try_all(&j, guesses, ways);
    judge_close(&j);
    INK_TRY(status);
    if (!is_good(&j))
        return fail_with_draft(&j, "no guess at it reads nine of ten sample pictures");
    ink_chain_style style = found->style;
    style.remark = found->rivals;
    return ink_chain_text(chain, &found->guess, &style, allocator, &found->text, error);
}

/* A network that is not sure of itself, as after much dropout, is as sure as is best for it with larger numbers, and
 * then reads about as well with them. */
static double doubted_scaling(size_t way, const scaling *s, double loss)
{
    return (way ? 1.2 * loss : loss) + s->handicap;
}

ink_status ink_recognise_scaling(const ink_draft *draft, uint32_t classes, const ink_evidence *evidence,
                                 const ink_allocator *allocator, ink_recognised *found, ink_error *error)
{
    judge j = { .weights = draft->weights, .count = draft->weight_count, .evidence = evidence, .allocator = allocator,
                .found = found, .classes = classes, .error = error };
    *found = (ink_recognised){ .loss = HUGE_VAL };
    choose_scalings(&j);
    if (why_not_judged(evidence, draft->channels, draft->height, draft->width, classes))
        return INK_OK;
    INK_TRY(judge_open(&j));
    ink_status status = INK_OK;
    for (size_t i = 0; i < j.scaling_count && !status; i++) {
        ink_buffer text = { 0 };
        network n = { .seen = 0 };
        status = ink_draft_text(draft, j.scalings[i].scale, j.scalings[i].offset, allocator, &text, error);
        if (!status)
            status = network_open(&j, &text, &n);
        if (!status)
            status = network_read(&j, &n, evidence->count);
        const double loss =
            status ? 0 : doubted_scaling(i, &j.scalings[i], calibrated_loss(&j, j.output, n.seen, j.each));
        if (!status && 2 * n.correct >= evidence->count && loss < found->loss) {
            found->style.scale = j.scalings[i].scale;
            found->style.offset = j.scalings[i].offset;
            found->correct = n.correct;
            found->loss = loss;
        }
        network_close(&n);
        ink_buffer_close(&text);
    }
    judge_close(&j);
    return status;
}
