/* Networks for tests, each a line of text: nodes with semicolons between them,
 *
 *     op name <input,input attribute=value tensor:2,3,3,3
 *
 * Inputs are left out where the node before is meant. "weight:4,2" gives the node the tensor
 * "<name>.weight" with that shape and random values, "weight:4,2h" as float16, "weight:4,2b" as I8, and "bias:4q" with
 * multiples of 1/64; "scale" has powers of two, of both signs; "variance:4=-1" the same
 * value everywhere. What is neither input nor tensor goes to the builder as attributes. */
#ifndef TESTS_CHECK_NETWORK_H
#define TESTS_CHECK_NETWORK_H

#include "check_cpus.h"

enum { NET_NODES = 80, NET_INPUTS = 80, NET_TENSORS = 5, NET_WORD = 512 };

typedef struct net_tensor {
    char suffix[32];
    uint32_t rank, dim[8];
    size_t count;
    ink_type type;
    double *values; /* what the file's numbers are, exactly */
    void *data;
} net_tensor;

typedef struct net_node {
    char op[64], name[80], inputs[NET_WORD], attributes[NET_WORD];
    size_t input_count, input[NET_INPUTS]; /* 0 is the picture, i + 1 what node i gives */
    size_t tensor_count;
    net_tensor tensors[NET_TENSORS];
} net_node;

typedef struct net {
    uint32_t dim[3]; /* of the picture */
    size_t node_count;
    net_node *nodes;
} net;

/* ---- weights ---- */

/* The bits of a number that float16 holds exactly. */
static inline uint16_t net_half(double value)
{
    int exponent;
    const double fraction = frexp(fabs(value), &exponent); /* 1/2 to 1 */
    if (value == 0)
        return 0;
    return (uint16_t)((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 |
                      (int)((2 * fraction - 1) * 1024));
}

/* Weights such that sums keep the size of what they sum. */
static inline void net_fill(net_tensor *t, uint64_t *random, bool coarse, const double *constant)
{
    t->values = malloc((t->count + 1) * sizeof *t->values);
    t->data = malloc((t->count + 1) * sizeof(float));
    assert_true(t->values && t->data);
    const double inputs = t->rank > 1 ? (double)(t->count / t->dim[0]) : 1;
    const double scale = exp2(round(log2(1.7 / sqrt(inputs))));
    for (size_t i = 0; i < t->count; i++) {
        double value = scale * (double)check_random_float(random);
        if (t->type == INK_F16)
            value = scale * round(value / scale * 1000) / 1024;
        if (t->type == INK_I8)
            value = round(127 * value / scale);
        if (coarse)
            value = round(64 * value) / 64;
        if (strcmp(t->suffix, "scale") == 0)
            value = copysign(exp2(floor(3 * fabs(value) / scale) - 9), value);
        if (strcmp(t->suffix, "variance") == 0)
            value = fabs(value) + 0.25;
        if (constant)
            value = *constant;
        if (t->type == INK_F16)
            ((uint16_t *)t->data)[i] = net_half(value);
        else if (t->type == INK_I8)
            ((int8_t *)t->data)[i] = (int8_t)value;
        else
            value = (double)(((float *)t->data)[i] = (float)value);
        t->values[i] = value;
    }
}

static inline const net_tensor *net_tensor_of(const net_node *node, const char *suffix)
{
    for (size_t i = 0; i < node->tensor_count; i++)
        if (strcmp(node->tensors[i].suffix, suffix) == 0)
            return &node->tensors[i];
    return NULL;
}

/* ---- from text ---- */

static inline void net_parse_tensor(net_node *node, const char *word, uint64_t *random)
{
    assert_true(node->tensor_count < NET_TENSORS);
    net_tensor *t = &node->tensors[node->tensor_count++];
    const char *colon = strchr(word, ':');
    snprintf(t->suffix, sizeof t->suffix, "%.*s", (int)(colon - word), word);
    t->count = 1;
    char *end = NULL;
    for (const char *at = colon + 1;; at = end + 1) {
        assert_true(t->rank < CHECK_COUNT(t->dim));
        t->dim[t->rank] = (uint32_t)strtoul(at, &end, 10);
        assert_true(end > at);
        t->count *= t->dim[t->rank++];
        if (*end != ',')
            break;
    }
    const bool coarse = *end == 'q';
    t->type = *end == 'h' ? INK_F16 : *end == 'b' ? INK_I8 : INK_F32;
    end += *end == 'h' || *end == 'b' || coarse;
    const double constant = *end == '=' ? strtod(end + 1, NULL) : 0;
    net_fill(t, random, coarse, *end == '=' ? &constant : NULL);
}

/* The number of the value with this name; SIZE_MAX if there is none. */
static inline size_t net_find(const net *n, const char *name, size_t length)
{
    if (length == 5 && strncmp(name, "input", 5) == 0)
        return 0;
    for (size_t i = n->node_count; i-- > 0;)
        if (strlen(n->nodes[i].name) == length && strncmp(n->nodes[i].name, name, length) == 0)
            return i + 1;
    return SIZE_MAX;
}

static inline void net_parse_inputs(const net *n, net_node *node, const char *names)
{
    snprintf(node->inputs, sizeof node->inputs, "%s", names);
    for (const char *at = names; *at;) {
        const size_t length = strcspn(at, ",");
        assert_true(node->input_count < NET_INPUTS);
        node->input[node->input_count++] = net_find(n, at, length);
        at += length + (at[length] == ',');
    }
}

static inline void net_parse_node(net *n, const char *text, size_t length, uint64_t *random)
{
    assert_true(n->node_count < NET_NODES);
    net_node *node = &n->nodes[n->node_count];
    size_t words = 0;
    for (const char *at = text, *last = text + length; at < last;) {
        char word[NET_WORD];
        const size_t size = strcspn(at, " ;");
        if (size == 0) {
            at++;
            continue;
        }
        assert_true(size < sizeof word);
        memcpy(word, at, size);
        word[size] = 0;
        at += size;
        if (words == 0)
            snprintf(node->op, sizeof node->op, "%s", word);
        else if (words == 1)
            snprintf(node->name, sizeof node->name, "%s", word);
        else if (*word == '<')
            net_parse_inputs(n, node, word + 1);
        else if (strchr(word, ':'))
            net_parse_tensor(node, word, random);
        else
            snprintf(node->attributes + strlen(node->attributes),
                     sizeof node->attributes - strlen(node->attributes), " %s", word);
        words++;
    }
    assert_true(words >= 2);
    if (!node->input_count && !*node->inputs) {
        node->input_count = 1;
        node->input[0] = n->node_count;
    }
    n->node_count++;
}

static inline net net_make(const uint32_t dim[3], const char *text)
{
    net n = { .nodes = calloc(NET_NODES, sizeof *n.nodes) };
    uint64_t random = 88172645463325252;
    assert_non_null(n.nodes);
    memcpy(n.dim, dim, sizeof n.dim);
    for (const char *at = text; *at;) {
        const size_t length = strcspn(at, ";");
        if (strspn(at, " ") < length)
            net_parse_node(&n, at, length, &random);
        at += length + (at[length] == ';');
    }
    return n;
}

static inline void net_free(net *n)
{
    for (size_t i = 0; i < n->node_count; i++)
        for (size_t k = 0; k < n->nodes[i].tensor_count; k++) {
            free(n->nodes[i].tensors[k].values);
            free(n->nodes[i].tensors[k].data);
        }
    free(n->nodes);
    *n = (net){ { 0 }, 0, NULL };
}

/* ---- to a model ---- */

static inline ink_status net_build_node(const net_node *node, ink_builder *builder, ink_error *error)
{
    ink_status status = ink_builder_node(builder, node->op, node->name,
                                         *node->inputs ? node->inputs : NULL, node->attributes, error);
    for (size_t i = 0; !status && i < node->tensor_count; i++) {
        const net_tensor *t = &node->tensors[i];
        char name[sizeof node->name + sizeof t->suffix];
        snprintf(name, sizeof name, "%s.%s", node->name, t->suffix);
        status = ink_builder_tensor(builder, name, t->type, t->rank, t->dim, t->data, error);
    }
    return status;
}

/* The model, through the public builder; the status is the first failure. */
static inline ink_status net_open(const net *n, const ink_model_options *options, ink_model **model,
                                  ink_error *error)
{
    ink_builder *builder = NULL;
    *model = NULL;
    ink_status status = ink_builder_open(NULL, n->dim[0], n->dim[1], n->dim[2], 1, 0, &builder, error);
    for (size_t i = 0; !status && i < n->node_count; i++)
        status = net_build_node(&n->nodes[i], builder, error);
    if (!status)
        status = ink_builder_model(builder, options, model, error);
    ink_builder_close(&builder);
    assert_true((status == INK_OK) == (*model != NULL));
    return status;
}

#endif
