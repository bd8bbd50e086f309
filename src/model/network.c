/* Networks as text (docs/networks.md): one node a line, and those that are built in. */
#include "model/model.h"

#include "base/number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
} networks[] = {
    { "fc",
      "# 784 - 500 - 10, as ggml's example has it\n"
      "flatten\n"
      "dense name=fc1 units=500\n"
      "relu\n"
      "dense name=fc2 units=classes\n" },
    { "cnn",
      "# two convolutions, as ggml's example and Keras' have it\n"
      "conv2d name=conv1 filters=32 kernel=3\n"
      "relu\n"
      "max_pool2d kernel=2\n"
      "conv2d name=conv2 filters=64 kernel=3\n"
      "relu\n"
      "max_pool2d kernel=2\n"
      "permute order=1,2,0\n"
      "flatten\n"
      "dropout rate=0.5\n"
      "dense name=dense units=classes\n" },
    { "small",
      "# cnn with half the channels: learnt in seconds\n"
      "conv2d name=conv1 filters=16 kernel=3\n"
      "relu\n"
      "max_pool2d kernel=2\n"
      "conv2d name=conv2 filters=32 kernel=3\n"
      "relu\n"
      "max_pool2d kernel=2\n"
      "flatten\n"
      "dense name=dense units=classes\n" },
    { "digits",
      "# six convolutions with batch norm\n"
      "conv2d name=conv1 filters=32 kernel=3 padding=1\n"
      "batch_norm\n"
      "relu\n"
      "conv2d name=conv2 filters=32 kernel=3 padding=1\n"
      "batch_norm\n"
      "relu\n"
      "max_pool2d kernel=2\n"
      "conv2d name=conv3 filters=64 kernel=3 padding=1\n"
      "batch_norm\n"
      "relu\n"
      "conv2d name=conv4 filters=64 kernel=3 padding=1\n"
      "batch_norm\n"
      "relu\n"
      "max_pool2d kernel=2\n"
      "conv2d name=conv5 filters=128 kernel=3 padding=1\n"
      "batch_norm\n"
      "relu\n"
      "conv2d name=conv6 filters=128 kernel=3 padding=1\n"
      "batch_norm\n"
      "relu\n"
      "global_max_pool2d\n"
      "flatten\n"
      "dense name=dense units=classes\n" },
};

const char *ink_network_name(size_t index)
{
    return index < INK_COUNT(networks) ? networks[index].name : NULL;
}

const char *ink_network_text(const char *name)
{
    for (size_t i = 0; name && i < INK_COUNT(networks); i++)
        if (!strcmp(networks[i].name, name))
            return networks[i].text;
    return NULL;
}

/* ---- reading ---- */

enum { MAX_TEXT = 1 << 20, MAX_LINE = 1000, MAX_NUMBER = 1 << 24 };

typedef struct reader {
    const ink_network_options *options;
    ink_builder *builder; /* NULL before the input is known */
    size_t line;
    ink_error *error;
} reader;

/* One line, taken apart. */
typedef struct line {
    const char *op, *name, *inputs;
    char attributes[MAX_LINE + 16];
} line;

static ink_status prefixed(const reader *r, ink_status status)
{
    if (status) {
        char prefix[120];
        snprintf(prefix, sizeof prefix, "%.90s:%zu", r->options->name, r->line);
        ink_error_prefix(r->error, prefix);
    }
    return status;
}

/* The word at *at, ended with a NUL; *at moves behind it. "" at the end. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " ");
    *at = word + strcspn(word, " ");
    if (**at)
        *(*at)++ = 0;
    return word;
}

/* "1/255" is a number here as well as on the command line. */
static bool fraction(const char *text, double *value)
{
    double below;
    if (!ink_number_parse(&text, value))
        return false;
    if (*text == '/') {
        text++;
        if (!ink_number_parse(&text, &below) || below == 0)
            return false;
        *value /= below;
    }
    return !*text && isfinite(*value);
}

static ink_status open_builder(reader *r, uint32_t channels, uint32_t height, uint32_t width, float scale,
                               float offset)
{
    return ink_builder_open(r->options->allocator, channels, height, width, scale, offset, &r->builder,
                            r->error);
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static ink_status open_default(reader *r)
{
    const ink_network_options *o = r->options;
    return r->builder ? INK_OK
                      : open_builder(r, or_default(o->channels, 1), or_default(o->height, 28),
                                     or_default(o->width, 28), 1.0f / 255, 0);
}

static ink_status read_input(reader *r, char *words)
{
    const ink_network_options *o = r->options;
    uint32_t shape[3] = { or_default(o->channels, 1), or_default(o->height, 28), or_default(o->width, 28) };
    const uint32_t wanted[3] = { o->channels, o->height, o->width };
    double scale = 1.0 / 255, offset = 0, value;
    if (r->builder)
        return ink_fail(r->error, INK_ERR_FORMAT, "input: wanted once, before all nodes");
    for (char *word = next_word(&words); *word; word = next_word(&words)) {
        const char *at = word + 6;
        if (!strncmp(word, "shape=", 6)) {
            for (size_t i = 0; i < 3; i++, at += *at == ',' && i < 3) {
                if (!ink_number_parse(&at, &value) || !(value >= 1 && value <= 65536) ||
                    value != floor(value) || *at != (i < 2 ? ',' : 0))
                    return ink_fail(r->error, INK_ERR_FORMAT, "input: found '%.40s', wanted "
                                    "shape=channels,height,width", word);
                shape[i] = (uint32_t)value;
            }
            for (size_t i = 0; i < 3; i++)
                if (wanted[i] && wanted[i] != shape[i])
                    return ink_fail(r->error, INK_ERR_SHAPE, "input: the network wants pictures of %ux%ux%u, "
                                    "these are %ux%ux%u", shape[0], shape[1], shape[2], wanted[0],
                                    wanted[1], wanted[2]);
        } else if (!(!strncmp(word, "scale=", 6) && fraction(word + 6, &scale) && scale != 0) &&
                   !(!strncmp(word, "offset=", 7) && fraction(word + 7, &offset))) {
            return ink_fail(r->error, INK_ERR_FORMAT, "input: found '%.40s', wanted shape=C,H,W, scale=number, "
                            "offset=number", word);
        }
    }
    return open_builder(r, shape[0], shape[1], shape[2], (float)scale, (float)offset);
}

/* Sorts the words of a line into name, inputs and attributes; `classes` becomes its number. */
static ink_status take_words(const reader *r, char *words, line *l)
{
    size_t size = 0;
    for (char *word = next_word(&words); *word; word = next_word(&words)) {
        if (!strncmp(word, "name=", 5))
            l->name = word + 5;
        else if (!strncmp(word, "inputs=", 7))
            l->inputs = word + 7;
        else if (!strcmp(word, "units=classes") || !strcmp(word, "filters=classes"))
            size += (size_t)snprintf(l->attributes + size, sizeof l->attributes - size, "%s%.*s=%u",
                                     size ? " " : "", (int)strcspn(word, "="), word,
                                     or_default(r->options->classes, 10));
        else
            size += (size_t)snprintf(l->attributes + size, sizeof l->attributes - size, "%s%s",
                                     size ? " " : "", word);
        if (size >= sizeof l->attributes)
            return ink_fail(r->error, INK_ERR_LIMIT, "the line is too long");
    }
    return INK_OK;
}

static ink_status read_line(reader *r, const char *from, size_t length)
{
    char text[MAX_LINE + 1], name[64];
    if (length > MAX_LINE)
        return ink_fail(r->error, INK_ERR_LIMIT, "the line has %zu bytes, the limit is %d", length, MAX_LINE);
    for (size_t i = 0; i < length; i++) {
        if (!from[i])
            return ink_fail(r->error, INK_ERR_FORMAT, "the line has a NUL byte");
        text[i] = isspace((unsigned char)from[i]) ? ' ' : from[i];
    }
    text[length] = 0;
    text[strcspn(text, "#")] = 0;
    char *words = text, *op = next_word(&words);
    if (!*op)
        return INK_OK;
    if (!strcmp(op, "input"))
        return read_input(r, words);
    INK_TRY(open_default(r));
    line l = { .op = op };
    INK_TRY(take_words(r, words, &l));
    if (!l.name) {
        snprintf(name, sizeof name, "%.40s_%zu", op, ink_builder_graph(r->builder)->node_count + 1);
        l.name = name;
    }
    return ink_builder_node(r->builder, l.op, l.name, l.inputs, l.attributes, r->error);
}

ink_status ink_network_open(const char *text, size_t size, const ink_network_options *given,
                            ink_builder **out, ink_error *error)
{
    ink_network_options options;
    if (!out || (!text && size))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_network_open: an argument is NULL");
    *out = NULL;
    if (!ink_options_read(&options, sizeof options, given))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_network_options: its size is not set");
    options.name = options.name ? options.name : "network";
    if (size > MAX_TEXT)
        return ink_fail(error, INK_ERR_LIMIT, "%.90s: the text has %zu bytes, the limit is %d", options.name,
                        size, MAX_TEXT);
    reader r = { .options = &options, .error = error };
    ink_status status = INK_OK;
    for (size_t at = 0; at < size && !status;) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - (text + at)) : size - at;
        r.line++;
        status = prefixed(&r, read_line(&r, text + at, length));
        at += length + 1;
    }
    if (!status && (!r.builder || !ink_builder_graph(r.builder)->node_count))
        status = ink_fail(error, INK_ERR_GRAPH, "%.90s: has no nodes", options.name);
    if (status)
        ink_builder_close(&r.builder);
    *out = r.builder;
    return status;
}
