#include "import/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, CONVS_MOST = 8, NONE = -1 };

/* ---- tensors to layers ---- */

/* A name without its last part, which is one of PyTorch's names of a parameter. */
static const char *split(ink_arena *arena, const char *name, const char **layer)
{
    const char *dot = strrchr(name, '.');
    *layer = dot ? ink_arena_string(arena, name, (size_t)(dot - name)) : "";
    return dot ? dot + 1 : name;
}

static ink_chain_layer *layer_named(ink_chain *chain, const char *name)
{
    if (chain->count && strcmp(chain->layers[chain->count - 1].name, name) == 0)
        return &chain->layers[chain->count - 1];
    if (chain->count == INK_CHAIN_LAYERS)
        return NULL;
    ink_chain_layer *layer = &chain->layers[chain->count++];
    *layer = (ink_chain_layer){ .name = name, .norm = SIZE_MAX };
    return layer;
}

static bool put(ink_chain_layer *layer, const char *part, const ink_weight *weight)
{
    static const struct {
        const char *name;
        size_t at;
    } parts[] = {
        { "weight", offsetof(ink_chain_layer, weight) },
        { "bias", offsetof(ink_chain_layer, bias) },
        { "running_mean", offsetof(ink_chain_layer, mean) },
        { "running_var", offsetof(ink_chain_layer, variance) },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i].name, part) == 0) {
            memcpy((char *)layer + parts[i].at, &weight, sizeof weight);
            return true;
        }
    return strcmp(part, "num_batches_tracked") == 0;
}

static bool fits(const ink_weight *weight, uint64_t count)
{
    return !weight || (weight->rank == 1 && weight->dim[0] == count);
}

/* What the layer is, by the ranks of its tensors. */
static bool classify(ink_chain_layer *layer)
{
    const ink_weight *w = layer->weight;
    if (layer->mean || layer->variance) {
        layer->kind = INK_CHAIN_NORM;
        layer->out = layer->mean && layer->mean->rank == 1 ? layer->mean->dim[0] : 0;
        return layer->mean && layer->variance && layer->out && fits(w, layer->out) &&
               fits(layer->variance, layer->out) && fits(layer->bias, layer->out);
    }
    if (!w || (w->rank != 2 && w->rank != 4) || !w->elements || w->elements > UINT32_MAX)
        return false;
    layer->kind = w->rank == 2 ? INK_CHAIN_DENSE : INK_CHAIN_CONV;
    layer->out = w->dim[0];
    layer->in = w->dim[1];
    layer->height = w->rank == 4 ? w->dim[2] : 1;
    layer->width = w->rank == 4 ? w->dim[3] : 1;
    return fits(layer->bias, layer->out);
}

/* A batch norm belongs to the layer before it in the file; where the file has all norms together, to the first that
 * has its size and no norm yet. */
static bool attach_norm(ink_chain *chain, size_t norm)
{
    const uint64_t size = chain->layers[norm].out;
    if (norm && chain->layers[norm - 1].kind != INK_CHAIN_NORM && chain->layers[norm - 1].out == size) {
        chain->layers[norm - 1].norm = norm;
        return true;
    }
    for (size_t i = 0; i < chain->count; i++) {
        ink_chain_layer *layer = &chain->layers[i];
        if (layer->kind != INK_CHAIN_NORM && layer->out == size && layer->norm == SIZE_MAX) {
            layer->norm = norm;
            return true;
        }
    }
    return false;
}

static ink_status check_order(ink_chain *chain, ink_error *error)
{
    const ink_chain_layer *last = NULL, *first = NULL;
    size_t convs = 0;
    for (size_t i = 0; i < chain->count; i++) {
        const ink_chain_layer *layer = &chain->layers[i];
        if (layer->kind == INK_CHAIN_NORM)
            continue;
        if (layer->kind == INK_CHAIN_CONV && last && last->kind == INK_CHAIN_DENSE)
            return ink_fail(error, INK_ERR_GRAPH, "layer '%.60s', a convolution, stands behind dense layers",
                            layer->name);
        if (layer->kind == INK_CHAIN_DENSE && last && last->kind == INK_CHAIN_DENSE && layer->in != last->out)
            return ink_fail(error, INK_ERR_GRAPH, "layer '%.60s' takes %llu numbers, '%.60s' before it gives %llu",
                            layer->name, (unsigned long long)layer->in, last->name, (unsigned long long)last->out);
        convs += layer->kind == INK_CHAIN_CONV;
        first = first ? first : layer;
        last = layer;
    }
    if (!first || convs > CONVS_MOST)
        return ink_fail(error, INK_ERR_GRAPH, first ? "has more than %d convolutions" : "has no layers", CONVS_MOST);
    chain->channels = first->kind == INK_CHAIN_CONV ? (uint32_t)first->in : 1;
    chain->side = SIDE;
    if (first->kind == INK_CHAIN_DENSE) {
        chain->side = 1;
        while ((uint64_t)chain->side * chain->side < first->in)
            chain->side++;
        if ((uint64_t)chain->side * chain->side != first->in)
            return ink_fail(error, INK_ERR_GRAPH, "layer '%.60s' takes %llu numbers, which is no square picture",
                            first->name, (unsigned long long)first->in);
    }
    return INK_OK;
}

ink_status ink_chain_read(const ink_weight *weights, size_t count, ink_arena *arena, ink_chain *chain,
                          ink_error *error)
{
    char odd[160] = "";
    *chain = (ink_chain){ .count = 0 };
    for (size_t i = 0; i < count; i++) {
        const char *name = NULL, *part = split(arena, weights[i].name, &name);
        ink_chain_layer *layer = name ? layer_named(chain, name) : NULL;
        if (!layer)
            return name ? ink_fail(error, INK_ERR_LIMIT, "has more than %d layers", INK_CHAIN_LAYERS)
                        : ink_fail(error, INK_ERR_MEMORY, "no memory to read a model");
        if (!put(layer, part, &weights[i]))
            snprintf(odd + strlen(odd), sizeof odd - strlen(odd), " %.60s", weights[i].name);
    }
    const bool named = *odd;
    for (size_t i = 0; i < chain->count && !named; i++)
        if (!classify(&chain->layers[i]))
            snprintf(odd + strlen(odd), sizeof odd - strlen(odd), " %.60s", chain->layers[i].name);
    if (*odd)
        return ink_fail(error, INK_ERR_OP, "no convolution, dense layer or batch norm has such tensors:%s", odd);
    for (size_t i = 0; i < chain->count; i++)
        if (chain->layers[i].kind == INK_CHAIN_NORM && !attach_norm(chain, i))
            return ink_fail(error, INK_ERR_GRAPH,
                            "batch norm '%.60s' of %llu channels stands behind no layer of so many",
                            chain->layers[i].name,
                            (unsigned long long)chain->layers[i].out);
    return check_order(chain, error);
}

uint32_t ink_chain_classes(const ink_chain *chain)
{
    uint64_t classes = 0;
    for (size_t i = 0; i < chain->count; i++)
        if (chain->layers[i].kind != INK_CHAIN_NORM)
            classes = chain->layers[i].out;
    return (uint32_t)classes;
}

/* ---- guesses ---- */

/* The number at the end of a name, and the length of what is before it: features.3 */
static int number_of(const char *name, size_t *before)
{
    const char *dot = strrchr(name, '.'), *digits = dot ? dot + 1 : name;
    *before = (size_t)(digits - name);
    const size_t length = strspn(digits, "0123456789");
    return length && !digits[length] && length < 5 ? atoi(digits) : NONE;
}

/* How many layers without weights stand between a layer, with its norm, and the next: NONE where the names do not
 * say. */
static int gap_behind(const ink_chain *chain, size_t at)
{
    const ink_chain_layer *layer = &chain->layers[at];
    const size_t last = layer->norm == SIZE_MAX ? at : layer->norm;
    size_t one, two;
    if (last + 1 >= chain->count)
        return NONE;
    const char *a = chain->layers[last].name, *b = chain->layers[last + 1].name;
    const int from = number_of(a, &one), to = number_of(b, &two);
    return from != NONE && to > from && one == two && strncmp(a, b, one) == 0 ? to - from - 1 : NONE;
}

typedef struct search {
    const ink_chain *chain;
    size_t conv[CONVS_MOST]; /* indices of layers */
    int gap[CONVS_MOST];
    size_t convs;
    const ink_chain_layer *dense; /* the first; or NULL */
    ink_chain_guess *guesses;
    size_t count;
} search;

static int oddity(const search *s, const ink_chain_guess *guess)
{
    size_t padded = 0, pooled = 0, every_second = 0;
    bool last = false;
    for (size_t i = 0; i < s->convs; i++) { /* a global pool is one too */
        last = guess->pooled[s->conv[i]] || (guess->end != INK_CHAIN_FLAT && i + 1 == s->convs);
        padded += guess->padded[s->conv[i]];
        pooled += last;
        every_second += last == (i % 2 == 1);
    }
    int odd = padded == 0 || padded == s->convs ? 0 : padded == 1 && guess->padded[s->conv[0]] ? 1 : 4;
    if (pooled != s->convs)
        odd += every_second == s->convs || (pooled == 1 && last) || (pooled == s->convs - 1 && !last) ? 1 : 3;
    if (guess->end != INK_CHAIN_FLAT) /* and two pools in a row are odder still */
        odd += guess->pooled[s->conv[s->convs - 1]] ? 5 : 2;
    return odd;
}

/* Keeps the guesses in order, of equally odd ones the earlier first. */
static void keep(search *s, const ink_chain_guess *guess)
{
    size_t at = s->count;
    if (at == INK_CHAIN_GUESSES && s->guesses[--at].oddity <= guess->oddity)
        return;
    s->count = at + 1;
    for (; at > 0 && s->guesses[at - 1].oddity > guess->oddity; at--)
        s->guesses[at] = s->guesses[at - 1];
    s->guesses[at] = *guess;
}

static void finish(search *s, ink_chain_guess *guess, uint64_t channels, uint64_t height, uint64_t width)
{
    const bool flat = s->dense && channels * height * width == s->dense->in;
    if (!flat && s->dense && s->dense->in != channels)
        return;
    guess->end = flat ? INK_CHAIN_FLAT : INK_CHAIN_GLOBAL_AVG;
    guess->oddity = oddity(s, guess);
    keep(s, guess);
    if (!flat) {
        guess->end = INK_CHAIN_GLOBAL_MAX;
        keep(s, guess);
    }
}

static void try_conv(search *s, size_t i, ink_chain_guess *guess, uint64_t channels, uint64_t height, uint64_t width)
{
    if (i == s->convs) {
        finish(s, guess, channels, height, width);
        return;
    }
    const ink_chain_layer *layer = &s->chain->layers[s->conv[i]];
    if (channels % layer->in || layer->out % (channels / layer->in)) /* groups */
        return;
    for (int padded = 0; padded < 2; padded++) {
        const bool odd = layer->height % 2 && layer->width % 2;
        uint64_t h = height, w = width;
        if (!padded) {
            if (h < layer->height || w < layer->width)
                continue;
            h -= layer->height - 1;
            w -= layer->width - 1;
        } else if (!odd || (layer->height == 1 && layer->width == 1)) {
            continue;
        }
        guess->padded[s->conv[i]] = padded;
        for (int pooled = 0; pooled < 2; pooled++) {
            const int gap = s->gap[i];
            if (pooled ? (gap != NONE && gap < 2) || h < 2 || w < 2 : gap > 2)
                continue;
            guess->pooled[s->conv[i]] = pooled;
            try_conv(s, i + 1, guess, layer->out, pooled ? h / 2 : h, pooled ? w / 2 : w);
        }
    }
}

size_t ink_chain_guess_all(const ink_chain *chain, ink_chain_guess guesses[INK_CHAIN_GUESSES])
{
    search s = { .chain = chain, .guesses = guesses };
    ink_chain_guess guess = { .oddity = 0 };
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->layers[i].kind == INK_CHAIN_CONV) {
            s.gap[s.convs] = gap_behind(chain, i);
            s.conv[s.convs++] = i;
        } else if (chain->layers[i].kind == INK_CHAIN_DENSE && !s.dense) {
            s.dense = &chain->layers[i];
        }
    }
    if (!s.convs) {
        guesses[0] = guess;
        return 1;
    }
    try_conv(&s, 0, &guess, chain->channels, chain->side, chain->side);
    return s.count;
}

/* ---- the text ---- */

static void write_conv(ink_text *text, const ink_chain *chain, size_t at, uint64_t channels,
                       const ink_chain_guess *guess)
{
    const ink_chain_layer *layer = &chain->layers[at];
    ink_text_format(text, "conv2d name=%s filters=%llu kernel=%llu,%llu", layer->name, (unsigned long long)layer->out,
                    (unsigned long long)layer->height, (unsigned long long)layer->width);
    if (channels != layer->in)
        ink_text_format(text, " groups=%llu", (unsigned long long)(channels / layer->in));
    if (guess && guess->padded[at])
        ink_text_format(text, " padding=%llu,%llu", (unsigned long long)(layer->height / 2),
                        (unsigned long long)(layer->width / 2));
    ink_text_format(text, guess ? "\n" : " # padding=? stride=?\n");
}

ink_status ink_chain_text(const ink_chain *chain, const ink_chain_guess *guess, const ink_chain_style *style,
                          const ink_allocator *allocator, ink_buffer *out, ink_error *error)
{
    static const char *const ends[] = { "", "global_avg_pool2d\n", "global_max_pool2d\n" };
    ink_text text;
    ink_text_init(&text, allocator);
    ink_text_format(&text, "input shape=%lu,%lu,%lu scale=%.9g offset=%.9g%s\n", (unsigned long)chain->channels,
                    (unsigned long)chain->side, (unsigned long)chain->side, style->scale, style->offset,
                    guess ? "" : " # x = pixel * scale + offset, pixel from 0 to 255");
    uint64_t channels = chain->channels;
    bool flat = false;
    size_t last = 0;
    for (size_t i = 0; i < chain->count; i++)
        last = chain->layers[i].kind == INK_CHAIN_NORM ? last : i;
    for (size_t i = 0; i < chain->count; i++) {
        const ink_chain_layer *layer = &chain->layers[i];
        if (layer->kind == INK_CHAIN_NORM)
            continue;
        if (layer->kind == INK_CHAIN_CONV) {
            write_conv(&text, chain, i, channels, guess);
            channels = layer->out;
        } else {
            if (!flat)
                ink_text_format(&text, "%s%sflatten\n", guess ? ends[guess->end] : "",
                                chain->keras && i ? "permute order=1,2,0\n" : "");
            flat = true;
            ink_text_format(&text, "dense name=%s units=%llu\n", layer->name, (unsigned long long)layer->out);
        }
        if (i != last && style->norm_last)
            ink_text_format(&text, "%s\n", style->activation);
        if (layer->norm != SIZE_MAX)
            ink_text_format(&text, "batch_norm name=%s%s\n", chain->layers[layer->norm].name,
                            chain->keras ? " epsilon=0.001" : "");
        if (i != last && !style->norm_last)
            ink_text_format(&text, "%s\n", style->activation);
        if (layer->kind == INK_CHAIN_CONV && guess && guess->pooled[i])
            ink_text_format(&text, "%s kernel=2\n", style->pool);
        if (layer->kind == INK_CHAIN_CONV && !guess)
            ink_text_format(&text, "# %s kernel=2 ?\n", style->pool);
    }
    if (!flat)
        ink_text_format(&text, "%sflatten\n", ends[guess ? guess->end : INK_CHAIN_GLOBAL_AVG]);
    return ink_text_finish(&text, out, error);
}
