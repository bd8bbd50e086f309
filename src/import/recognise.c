#include "import/recognise.h"

#include "import/assemble.h"

#include <math.h>
#include <string.h>

/* What becomes of a pixel from 0 to 255, and who does so. A network that knows the samples by heart, having been
 * trained on them, reads them with even less loss where all its numbers are 255 times as large; so a way that only
 * does this has to be better by more than that. */
static const struct {
    double scale, offset, handicap; /* in nats */
} scalings[] = {
    { 1.0 / 255, 0, 0 },                        /* ToTensor */
    { 1.0 / 255 / 0.3081, -0.1307 / 0.3081, 0 }, /* and MNIST's mean and deviation, as PyTorch's example */
    { 2.0 / 255, -1, 0 },                       /* and mean and deviation 0.5 */
    { 1, 0, 0.05 },                             /* nothing */
    { -1.0 / 255, 1, 0 },                       /* black ink on white */
};
static const char *const activations[] = { "relu", "tanh", "sigmoid", "leaky_relu alpha=0.01", "elu", "gelu" };
static const char *const pools[] = { "max_pool2d", "avg_pool2d" };

enum {
    SCALINGS = sizeof scalings / sizeof *scalings,
    ACTIVATIONS = sizeof activations / sizeof *activations,
    POOLS = sizeof pools / sizeof *pools,
    FEW = 50, /* pictures that tell what is hopeless */
    FINALISTS = 3,
};

typedef struct judge {
    const ink_chain *chain;
    const ink_weight *weights;
    size_t count;
    const ink_evidence *evidence;
    const ink_allocator *allocator;
    ink_recognised *found;
    float *output;
    uint32_t classes;
    ink_error *error;
} judge;

static size_t at_most(size_t pictures, const judge *j)
{
    return pictures < j->evidence->count ? pictures : j->evidence->count;
}

/* The mean loss of a network as text on the first pictures. */
static ink_status measure_text(const judge *j, const ink_buffer *text, size_t pictures, size_t *correct, double *loss)
{
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_session *session = NULL;
    const ink_model_options options = { .size = sizeof options, .allocator = j->allocator };
    j->found->tried++;
    ink_status status = ink_assemble(text->data, text->size, "the graph", j->classes, j->weights, j->count, &builder,
                                     j->error);
    if (!status)
        status = ink_builder_model(builder, &options, &model, j->error);
    if (!status)
        status = ink_session_open(model, NULL, &session, j->error);
    if (!status)
        status = ink_session_run_u8(session, j->evidence->pixels, pictures, j->output, j->error);
    *correct = 0;
    *loss = 0;
    for (size_t i = 0; !status && i < pictures; i++) {
        const float *p = j->output + i * j->classes;
        const uint8_t label = j->evidence->labels[i];
        *correct += ink_argmax(p, j->classes) == label;
        *loss -= log(fmax((double)p[label], 1e-12)) / (double)pictures;
    }
    ink_session_close(&session);
    ink_model_close(&model);
    ink_builder_close(&builder);
    return status;
}

static ink_status measure(const judge *j, const ink_chain_guess *guess, const ink_chain_style *style, size_t pictures,
                          size_t *correct, double *loss)
{
    ink_buffer text = { 0 };
    ink_status status = ink_chain_text(j->chain, guess, style, j->allocator, &text, j->error);
    if (!status)
        status = measure_text(j, &text, pictures, correct, loss);
    ink_buffer_close(&text);
    return status;
}

typedef struct finalist {
    const ink_chain_guess *guess;
    double loss;
} finalist;

/* What most people do is likelier, if it reads about as well. */
static double weighed(double loss, const ink_chain_guess *guess)
{
    return loss * (1 + 0.25 * guess->oddity);
}

/* The guesses that do best on few pictures, the best first. A network that wants another scaling than this one reads
 * worse, but the right padding still reads best. */
static ink_status choose_finalists(const judge *j, const ink_chain_guess *guesses, size_t count,
                                   const ink_chain_style *style, finalist finalists[FINALISTS])
{
    for (size_t f = 0; f < FINALISTS; f++)
        finalists[f] = (finalist){ NULL, HUGE_VAL };
    for (size_t g = 0; g < count; g++) {
        size_t correct;
        double loss = 0;
        if (count > 1)
            INK_TRY(measure(j, &guesses[g], style, at_most(FEW, j), &correct, &loss));
        const finalist new = { &guesses[g], weighed(loss, &guesses[g]) };
        size_t at = FINALISTS;
        for (; at > 0 && (!finalists[at - 1].guess || finalists[at - 1].loss > new.loss); at--)
            if (at < FINALISTS)
                finalists[at] = finalists[at - 1];
        if (at < FINALISTS)
            finalists[at] = new;
    }
    return INK_OK;
}

/* Measures a guess on all pictures, if it reads half of a few, and keeps it if it is the best. */
static ink_status try_one(const judge *j, const ink_chain_guess *guess, ink_chain_style style, double handicap)
{
    size_t correct = 0;
    double loss = 0;
    INK_TRY(measure(j, guess, &style, at_most(FEW, j), &correct, &loss));
    if (2 * correct < at_most(FEW, j))
        return INK_OK;
    INK_TRY(measure(j, guess, &style, j->evidence->count, &correct, &loss));
    loss += handicap;
    if (weighed(loss, guess) < weighed(j->found->loss, &j->found->guess)) {
        j->found->guess = *guess;
        j->found->style = style;
        j->found->handicap = handicap;
        j->found->correct = correct;
        j->found->loss = loss;
    }
    return INK_OK;
}

/* All scalings of the first finalist; the others have the scaling that was best there. */
static ink_status try_style(const judge *j, const ink_chain_guess *guesses, size_t count, const char *activation,
                            const char *pool, bool norm_last)
{
    finalist finalists[FINALISTS];
    ink_chain_style style = { activation, pool, scalings[0].scale, scalings[0].offset, norm_last };
    INK_TRY(choose_finalists(j, guesses, count, &style, finalists));
    for (size_t i = 0; i < SCALINGS && finalists[0].guess; i++) {
        style.scale = scalings[i].scale;
        style.offset = scalings[i].offset;
        INK_TRY(try_one(j, finalists[0].guess, style, scalings[i].handicap));
    }
    style.scale = j->found->style.scale;
    style.offset = j->found->style.offset;
    for (size_t f = 1; f < FINALISTS && finalists[f].guess; f++)
        INK_TRY(try_one(j, finalists[f].guess, style, j->found->handicap));
    return INK_OK;
}

static bool is_good(const judge *j)
{
    return 10 * j->found->correct >= 9 * j->evidence->count;
}

/* Keras' layers have their activations in them, so that batch norms may stand behind; which way it is, the pictures
 * say. */
static bool may_norm_last(const ink_chain *chain)
{
    bool norms = false;
    for (size_t i = 0; i < chain->count; i++)
        norms = norms || chain->layers[i].norm != SIZE_MAX;
    return chain->keras && norms;
}

/* Rectifiers and max-pools first; the rest only where these read nothing. */
static ink_status try_all(const judge *j, const ink_chain_guess *guesses, size_t count)
{
    for (size_t a = 0; a < ACTIVATIONS; a++)
        for (size_t p = 0; p < POOLS && !is_good(j); p++) {
            INK_TRY(try_style(j, guesses, count, activations[a], pools[p], false));
            if (may_norm_last(j->chain))
                INK_TRY(try_style(j, guesses, count, activations[a], pools[p], true));
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
    const ink_chain_style style = { activations[0], pools[0], scalings[0].scale, scalings[0].offset, false };
    INK_TRY(ink_chain_text(j->chain, NULL, &style, j->allocator, &j->found->text, j->error));
    return ink_fail(j->error, INK_ERR_GRAPH, "holds weights and no graph, and %s", why);
}

ink_status ink_recognise(const ink_chain *chain, const ink_weight *weights, size_t count, const ink_evidence *evidence,
                         const ink_allocator *allocator, ink_recognised *found, ink_error *error)
{
    ink_chain_guess guesses[INK_CHAIN_GUESSES];
    judge j = { chain, weights, count, evidence, allocator, found, NULL, ink_chain_classes(chain), error };
    *found = (ink_recognised){ .loss = HUGE_VAL, .style.scale = scalings[0].scale, .style.offset = scalings[0].offset };
    const size_t ways = ink_chain_guess_all(chain, guesses);
    if (!ways)
        return fail_with_draft(&j, "no padding and pooling makes the sizes fit");
    const char *why = why_not_judged(evidence, chain->channels, chain->side, chain->side, j.classes);
    if (why)
        return fail_with_draft(&j, why);
    j.output = ink_alloc(allocator, evidence->count * j.classes * sizeof *j.output);
    if (!j.output)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to try guesses");
    ink_status status = try_all(&j, guesses, ways);
    ink_free(allocator, j.output);
    INK_TRY(status);
    return is_good(&j) ? ink_chain_text(chain, &found->guess, &found->style, allocator, &found->text, error)
                       : fail_with_draft(&j, "no guess at it reads nine of ten sample pictures");
}

ink_status ink_recognise_scaling(const ink_draft *draft, uint32_t classes, const ink_evidence *evidence,
                                 const ink_allocator *allocator, ink_recognised *found, ink_error *error)
{
    judge j = { NULL, draft->weights, draft->weight_count, evidence, allocator, found, NULL, classes, error };
    *found = (ink_recognised){ .loss = HUGE_VAL, .style.scale = scalings[0].scale, .style.offset = scalings[0].offset };
    if (why_not_judged(evidence, draft->channels, draft->height, draft->width, classes))
        return INK_OK;
    j.output = ink_alloc(allocator, evidence->count * classes * sizeof *j.output);
    if (!j.output)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to try scalings");
    ink_status status = INK_OK;
    for (size_t i = 0; i < SCALINGS && !status; i++) {
        ink_buffer text = { 0 };
        size_t correct = 0;
        double loss = 0;
        status = ink_draft_text(draft, scalings[i].scale, scalings[i].offset, allocator, &text, error);
        if (!status)
            status = measure_text(&j, &text, evidence->count, &correct, &loss);
        loss += scalings[i].handicap;
        if (!status && 2 * correct >= evidence->count && loss < found->loss) {
            found->style.scale = scalings[i].scale;
            found->style.offset = scalings[i].offset;
            found->correct = correct;
            found->loss = loss;
        }
        ink_buffer_close(&text);
    }
    ink_free(allocator, j.output);
    return status;
}
