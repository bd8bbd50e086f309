#include "import/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, CONVS_MOST = 8, NONE = -1, LARGEST_SIDE = 1024 };

/* ---- tensors to layers ---- */

/* A name without its last part, which is one of PyTorch's names of a parameter. */
static const char *split(ink_arena *arena, const char *name, const char **layer)
{
    const char *dot = strrchr(name, '.');
    *layer = dot ? ink_arena_string(arena, name, (size_t)(dot - name)) : INK_WEIGHT_UNNAMED;
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

/* A batch norm belongs to the layer before it in the file, the first to the picture; where the file has all norms
 * together, to the first that has its size and no norm yet. */
static bool attach_norm(ink_chain *chain, size_t norm)
{
    const uint64_t size = chain->layers[norm].out;
    if (norm && chain->layers[norm - 1].kind != INK_CHAIN_NORM && chain->layers[norm - 1].out == size) {
        chain->layers[norm - 1].norm = norm;
        return true;
    }
    if (!norm && chain->count > 1 && chain->layers[1].kind != INK_CHAIN_NORM && chain->layers[1].in == size) {
        chain->first_norm = 0;
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
    *chain = (ink_chain){ .first_norm = SIZE_MAX };
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

/* Ways of doing it that are tried, the same for all layers but where the usual pool leaves room for more. */
typedef struct way {
    ink_chain_pool pool;
    enum { ANY, ALL_BARE, ALL_HALF, ALL_ONE } padding;
    bool strides; /* some convolutions take every second pixel */
    int oddity;
} way;

static const way ways[] = {
    { { 2, 2, 0, 0 }, ANY, false, 0 }, { { 2, 2, 0, 0 }, ANY, true, 2 },
    { { 2, 2, 0, 0 }, ALL_ONE, true, 3 }, { { 2, 2, 0, 0 }, ALL_ONE, false, 3 },
    { { 3, 2, 0, 0 }, ALL_HALF, false, 3 }, { { 3, 2, 0, 0 }, ALL_BARE, false, 3 },
    { { 3, 2, 1, 0 }, ALL_HALF, false, 3 }, { { 3, 2, 1, 0 }, ALL_BARE, false, 4 },
    { { 3, 3, 0, 0 }, ALL_BARE, false, 3 }, { { 3, 3, 0, 0 }, ALL_HALF, false, 3 },
    { { 4, 4, 0, 0 }, ALL_HALF, false, 4 }, { { 4, 4, 0, 0 }, ALL_BARE, false, 4 },
    { { 2, 2, 0, 1 }, ALL_HALF, false, 4 }, { { 2, 2, 0, 1 }, ALL_BARE, false, 4 },
    { { 2, 1, 0, 0 }, ALL_BARE, false, 4 }, { { 2, 1, 0, 0 }, ALL_HALF, false, 4 },
};

typedef struct search {
    const ink_chain *chain;
    size_t conv[CONVS_MOST]; /* indices of layers */
    int gap[CONVS_MOST];
    size_t convs;
    const ink_chain_layer *dense; /* the first; or NULL */
    ink_chain_guess *guesses;
    size_t count;
    const way *way;
    size_t left; /* steps */
} search;

static int oddity(const search *s, const ink_chain_guess *guess)
{
    size_t padded = 0, pooled = 0, every_second = 0;
    bool last = false;
    for (size_t i = 0; i < s->convs; i++) { /* a global pool is one too, and so is a stride */
        last = guess->pooled[s->conv[i]] || guess->strided[s->conv[i]] ||
               (guess->end != INK_CHAIN_FLAT && i + 1 == s->convs);
        padded += guess->padding[s->conv[i]] != INK_CHAIN_BARE;
        pooled += last;
        every_second += last == (i % 2 == 1);
    }
    int odd = padded == 0 || padded == s->convs ? 0 : padded == 1 && guess->padding[s->conv[0]] ? 1 : 4;
    if (pooled != s->convs)
        odd += every_second == s->convs || (pooled == 1 && last) || (pooled == s->convs - 1 && !last) ? 1 : 3;
    if (guess->end != INK_CHAIN_FLAT) /* and two pools in a row are odder still */
        odd += guess->pooled[s->conv[s->convs - 1]] ? 5 : 2;
    return odd + s->way->oddity;
}

/* Keeps the guesses in order, of equally odd ones the earlier first. */
static void keep(search *s, ink_chain_guess *guess)
{
    guess->oddity = oddity(s, guess);
    size_t at = s->count;
    if (at == INK_CHAIN_GUESSES && s->guesses[--at].oddity <= guess->oddity)
        return;
    s->count = at + 1;
    for (; at > 0 && s->guesses[at - 1].oddity > guess->oddity; at--)
        s->guesses[at] = s->guesses[at - 1];
    s->guesses[at] = *guess;
}

/* An odd way is one only where it does something that others do not. */
static bool is_new(const search *s, const ink_chain_guess *guess)
{
    size_t strided = 0, pooled = 0, ones = 0;
    for (size_t i = 0; i < s->convs; i++) {
        const ink_chain_layer *layer = &s->chain->layers[s->conv[i]];
        strided += guess->strided[s->conv[i]];
        pooled += guess->pooled[s->conv[i]];
        ones += guess->padding[s->conv[i]] == INK_CHAIN_ONE && (layer->height != 3 || layer->width != 3);
    }
    if (s->way->strides)
        return strided && (s->way->padding != ALL_ONE || ones);
    return s->way == ways || (s->way->padding == ALL_ONE ? ones > 0 : pooled > 0);
}

static void finish(search *s, ink_chain_guess *guess, uint64_t channels, uint64_t height, uint64_t width)
{
    if (!is_new(s, guess))
        return;
    if (s->dense && channels * height * width == s->dense->in) {
        guess->end = INK_CHAIN_FLAT;
        keep(s, guess);
        return;
    }
    if (!s->dense || s->dense->in == channels) {
        guess->end = INK_CHAIN_GLOBAL_AVG;
        keep(s, guess);
        guess->end = INK_CHAIN_GLOBAL_MAX;
        keep(s, guess);
        return;
    }
    for (uint64_t side = 2; side < height && s->way == ways; side++) /* an adaptive pool */
        if (channels * side * side == s->dense->in && height % side == 0 && width % side == 0) {
            guess->end = INK_CHAIN_AVG;
            guess->end_kernel[0] = (uint32_t)(height / side);
            guess->end_kernel[1] = (uint32_t)(width / side);
            keep(s, guess);
        }
}

/* The size of a side behind a window; 0 where none fits. */
static uint64_t slide(uint64_t size, uint64_t padding, uint64_t kernel, uint64_t stride, bool ceil)
{
    if (size + padding < kernel || !stride)
        return 0;
    return (size + padding - kernel + (ceil ? stride - 1 : 0)) / stride + 1;
}

static void try_conv(search *s, size_t i, ink_chain_guess *guess, uint64_t channels, uint64_t height, uint64_t width);

/* With and without a pool behind it; not behind a stride, which is there in its place. */
static void try_pool(search *s, size_t i, ink_chain_guess *guess, uint64_t height, uint64_t width)
{
    const ink_chain_layer *layer = &s->chain->layers[s->conv[i]];
    const ink_chain_pool *p = &guess->pool;
    const int gap = s->gap[i];
    if (!height || !width)
        return;
    for (int pooled = 0; pooled < (guess->strided[s->conv[i]] ? 1 : 2); pooled++) {
        const uint64_t h = pooled ? slide(height, 2 * (uint64_t)p->padding, p->kernel, p->stride, p->ceil) : height;
        const uint64_t w = pooled ? slide(width, 2 * (uint64_t)p->padding, p->kernel, p->stride, p->ceil) : width;
        if ((pooled ? gap != NONE && gap < 2 : gap > 2) || !h || !w)
            continue;
        guess->pooled[s->conv[i]] = pooled;
        try_conv(s, i + 1, guess, layer->out, h, w);
    }
}

static uint64_t padding_of(ink_chain_padding kind, uint64_t kernel)
{
    return kind == INK_CHAIN_HALF ? kernel / 2 : kind == INK_CHAIN_ONE;
}

static bool may_pad(const search *s, const ink_chain_layer *layer, ink_chain_padding kind)
{
    const bool point = layer->height == 1 && layer->width == 1, odd = layer->height % 2 && layer->width % 2;
    switch (s->way->padding) {
    case ANY: return kind == INK_CHAIN_BARE || (kind == INK_CHAIN_HALF && odd && !point);
    case ALL_BARE: return kind == INK_CHAIN_BARE;
    case ALL_HALF: return kind == (point || !odd ? INK_CHAIN_BARE : INK_CHAIN_HALF);
    case ALL_ONE: return kind == (point ? INK_CHAIN_BARE : INK_CHAIN_ONE);
    }
    return false;
}

static void try_conv(search *s, size_t i, ink_chain_guess *guess, uint64_t channels, uint64_t height, uint64_t width)
{
    if (!s->left)
        return;
    s->left--;
    if (i == s->convs) {
        finish(s, guess, channels, height, width);
        return;
    }
    const ink_chain_layer *layer = &s->chain->layers[s->conv[i]];
    const ink_chain_window *known = layer->window;
    if (channels % layer->in || layer->out % (channels / layer->in)) /* groups */
        return;
    guess->strided[s->conv[i]] = false;
    guess->padding[s->conv[i]] = INK_CHAIN_BARE;
    if (known) {
        try_pool(s, i, guess,
                 slide(height, known->padding[0] + known->padding[2], known->dilation[0] * (layer->height - 1) + 1,
                       known->stride[0], false),
                 slide(width, known->padding[1] + known->padding[3], known->dilation[1] * (layer->width - 1) + 1,
                       known->stride[1], false));
        return;
    }
    for (ink_chain_padding kind = INK_CHAIN_BARE; kind <= INK_CHAIN_ONE; kind++)
        for (int strided = 0; strided <= s->way->strides; strided++) {
            if (!may_pad(s, layer, kind))
                continue;
            guess->padding[s->conv[i]] = (uint8_t)kind;
            guess->strided[s->conv[i]] = strided;
            try_pool(s, i, guess,
                     slide(height, 2 * padding_of(kind, layer->height), layer->height, strided ? 2 : 1, false),
                     slide(width, 2 * padding_of(kind, layer->width), layer->width, strided ? 2 : 1, false));
        }
}

size_t ink_chain_guess_all(const ink_chain *chain, ink_chain_guess guesses[INK_CHAIN_GUESSES])
{
    enum { STEPS_MOST = 1 << 17 }; /* of each way */
    search s = { .chain = chain, .guesses = guesses };
    const ink_chain_guess none = { .pool = ways[0].pool };
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->layers[i].kind == INK_CHAIN_CONV) {
            s.gap[s.convs] = gap_behind(chain, i);
            s.conv[s.convs++] = i;
        } else if (chain->layers[i].kind == INK_CHAIN_DENSE && !s.dense) {
            s.dense = &chain->layers[i];
        }
    }
    if (!s.convs) {
        guesses[0] = none;
        return 1;
    }
    for (s.way = ways; s.way < ways + sizeof ways / sizeof *ways; s.way++) {
        ink_chain_guess guess = none;
        guess.pool = chain->pool && s.way == ways ? *chain->pool : s.way->pool;
        s.left = STEPS_MOST;
        if (!chain->pool || s.way == ways)
            try_conv(&s, 0, &guess, chain->channels, chain->side, chain->side);
    }
    return s.count;
}

/* ---- the text ---- */

static void write_conv(ink_text *text, const ink_chain *chain, size_t at, uint64_t channels,
                       const ink_chain_guess *guess)
{
    typedef unsigned long long big;
    const ink_chain_layer *layer = &chain->layers[at];
    const ink_chain_window *w = layer->window;
    ink_text_format(text, "conv2d name=%s filters=%llu kernel=%llu,%llu", layer->name, (big)layer->out,
                    (big)layer->height, (big)layer->width);
    if (w && (w->stride[0] != 1 || w->stride[1] != 1))
        ink_text_format(text, " stride=%llu,%llu", (big)w->stride[0], (big)w->stride[1]);
    if (w && (w->padding[0] || w->padding[1] || w->padding[2] || w->padding[3]))
        ink_text_format(text, " padding=%llu,%llu,%llu,%llu", (big)w->padding[0], (big)w->padding[1],
                        (big)w->padding[2], (big)w->padding[3]);
    if (w && (w->dilation[0] != 1 || w->dilation[1] != 1))
        ink_text_format(text, " dilation=%llu,%llu", (big)w->dilation[0], (big)w->dilation[1]);
    if (channels != layer->in)
        ink_text_format(text, " groups=%llu", (big)(channels / layer->in));
    if (guess && guess->strided[at])
        ink_text_format(text, " stride=2");
    if (guess && guess->padding[at])
        ink_text_format(text, " padding=%llu,%llu", (big)padding_of(guess->padding[at], layer->height),
                        (big)padding_of(guess->padding[at], layer->width));
    ink_text_format(text, guess || w ? "\n" : " # padding=? stride=?\n");
}

static void write_norm(ink_text *text, const ink_chain *chain, size_t norm)
{
    if (norm == SIZE_MAX)
        return;
    ink_text_format(text, "batch_norm name=%s", chain->layers[norm].name);
    if (chain->layers[norm].epsilon > 0 || chain->keras)
        ink_text_format(text, " epsilon=%.9g", chain->keras ? 0.001 : chain->layers[norm].epsilon);
    ink_text_format(text, "\n");
}

static void write_pool(ink_text *text, const char *op, const ink_chain_pool *pool)
{
    ink_text_format(text, "%s kernel=%d", op, pool->kernel);
    if (pool->stride != pool->kernel)
        ink_text_format(text, " stride=%d", pool->stride);
    if (pool->padding)
        ink_text_format(text, " padding=%d", pool->padding);
    if (pool->ceil)
        ink_text_format(text, " ceil=1");
    if (pool->padding && strcmp(op, "avg_pool2d") == 0)
        ink_text_format(text, " count_padding=1");
    ink_text_format(text, "\n");
}

/* Norm, activation and pool behind a layer, in the order of the style. */
static void write_behind(ink_text *text, const ink_chain *chain, size_t at, const ink_chain_guess *guess,
                         const ink_chain_style *style, bool last)
{
    const ink_chain_layer *layer = &chain->layers[at];
    const bool conv = layer->kind == INK_CHAIN_CONV, pooled = conv && guess && guess->pooled[at];
    const bool active = !last && !(conv ? style->bare_convs : style->bare_dense);
    if (style->norms == INK_CHAIN_NORM_FIRST)
        write_norm(text, chain, layer->norm);
    if (pooled && style->pool_first)
        write_pool(text, style->pool, &guess->pool);
    if (active)
        ink_text_format(text, "%s\n", style->activation);
    if (style->norms == INK_CHAIN_NORM_SECOND)
        write_norm(text, chain, layer->norm);
    if (pooled && !style->pool_first)
        write_pool(text, style->pool, &guess->pool);
    if (style->norms == INK_CHAIN_NORM_LAST)
        write_norm(text, chain, layer->norm);
    if (conv && !guess)
        ink_text_format(text, "# %s kernel=2 ?\n", style->pool);
}

static void write_end(ink_text *text, const ink_chain *chain, const ink_chain_guess *guess, bool first)
{
    static const char *const ends[] = { "", "global_avg_pool2d\n", "global_max_pool2d\n", "" };
    if (guess && guess->end == INK_CHAIN_AVG)
        ink_text_format(text, "avg_pool2d kernel=%lu,%lu\n", (unsigned long)guess->end_kernel[0],
                        (unsigned long)guess->end_kernel[1]);
    ink_text_format(text, "%s%sflatten\n", guess ? ends[guess->end] : "",
                    chain->keras && !first ? "permute order=1,2,0\n" : "");
}

/* What the first dense layer takes: with so many channels that is the size of the picture before it. */
static void write_taken(ink_text *text, const ink_chain_layer *layer, uint64_t channels)
{
    typedef unsigned long long big;
    uint64_t side = 1;
    if (channels > 1 && layer->in % channels == 0) {
        const uint64_t places = layer->in / channels;
        while (side * side < places && side < LARGEST_SIDE)
            side++;
        ink_text_format(text, " # takes %llu: %llu channels of %llu", (big)layer->in, (big)channels,
                        side * side == places ? (big)side : (big)places);
        if (side * side == places)
            ink_text_format(text, " x %llu", (big)side);
    }
    ink_text_format(text, "\n");
}

ink_status ink_chain_text(const ink_chain *chain, const ink_chain_guess *guess, const ink_chain_style *style,
                          const ink_allocator *allocator, ink_buffer *out, ink_error *error)
{
    ink_text text;
    ink_text_init(&text, allocator);
    if (!guess)
        ink_text_format(&text, "# a draft: the weights do not say paddings, strides, pools and activations; where it "
                               "says ? put in what is right,\n# change what is not, and give this file with "
                               "--graph\n");
    ink_text_format(&text, "input shape=%lu,%lu,%lu scale=%.9g offset=%.9g%s\n", (unsigned long)chain->channels,
                    (unsigned long)chain->side, (unsigned long)chain->side, style->scale, style->offset,
                    guess ? "" : " # x = pixel * scale + offset, pixel from 0 to 255");
    uint64_t channels = chain->channels;
    bool flat = false;
    size_t last = 0, first = chain->first_norm;
    for (size_t i = 0; i < chain->count; i++)
        last = chain->layers[i].kind == INK_CHAIN_NORM ? last : i;
    for (size_t i = 0; i < chain->count; i++) {
        const ink_chain_layer *layer = &chain->layers[i];
        if (layer->kind == INK_CHAIN_NORM)
            continue;
        if (layer->kind == INK_CHAIN_DENSE && !flat) {
            write_end(&text, chain, guess, i == 0);
            flat = true;
        }
        write_norm(&text, chain, first);
        first = SIZE_MAX;
        if (layer->kind == INK_CHAIN_CONV) {
            write_conv(&text, chain, i, channels, guess);
            channels = layer->out;
        } else {
            ink_text_format(&text, "dense name=%s units=%llu", layer->name, (unsigned long long)layer->out);
            write_taken(&text, layer, guess ? 0 : channels);
            channels = 0;
        }
        write_behind(&text, chain, i, guess, style, i == last);
    }
    if (!flat) {
        ink_text_format(&text, "%s", guess ? "" : "global_avg_pool2d\n");
        write_end(&text, chain, guess, false);
    }
    if (style->remark && *style->remark)
        ink_text_format(&text, "# instead of %s, these read the samples about as well: %s\n", style->activation,
                        style->remark);
    return ink_text_finish(&text, out, error);
}
