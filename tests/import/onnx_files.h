/* ONNX files made by hand: protocol buffers from a text, by no code of the reader's.
 *
 *     in x 0,1,4,4            an input of floats; 0 is a size that is open
 *     bytes x 0,1,4,4         the same of bytes
 *     out y                   an output
 *     f w 2,1,3,3 [0.5,...]   a tensor of floats, raw; without values they are small and all different
 *     i s 2 0,-1              a tensor of whole numbers of 64 bits, all of them; the shape - is a scalar's
 *     Conv x,w,b y pads=[1,1,1,1] group=1 alpha=~0.5 auto_pad='VALID' value=@i:2:0,-1
 *                             a node: operator, inputs, outputs, attributes: lists, numbers, floats, words, tensors */
#ifndef TESTS_ONNX_FILES_H
#define TESTS_ONNX_FILES_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- protocol buffers ---- */

static inline void pb_varint(blob *to, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        blob_append(to, &byte, 1);
        value >>= 7;
    } while (value);
}

static inline void pb_int(blob *to, unsigned field, int64_t value)
{
    pb_varint(to, field << 3);
    pb_varint(to, (uint64_t)value);
}

static inline void pb_bytes(blob *to, unsigned field, const void *data, size_t size)
{
    pb_varint(to, field << 3 | 2);
    pb_varint(to, size);
    if (size)
        blob_append(to, data, size);
}

static inline void pb_text(blob *to, unsigned field, const char *text)
{
    pb_bytes(to, field, text, strlen(text));
}

static inline void pb_float(blob *to, unsigned field, float value)
{
    pb_varint(to, field << 3 | 5);
    blob_append(to, &value, 4); /* of a machine that stores the low byte first, as the tests' machines do */
}

/* The part becomes a field of the whole, and is freed. */
static inline void pb_part(blob *to, unsigned field, blob *part)
{
    pb_bytes(to, field, part->data, part->size);
    blob_free(part);
}

/* ---- ONNX ---- */

enum { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT64 = 7 };

/* Takes the text up to one of `ends`, which is taken too; "" at the end. */
static inline char *onnx_word(char **at, const char *ends)
{
    char *word = *at;
    *at += strcspn(*at, ends);
    if (**at)
        *(*at)++ = 0;
    return word;
}

/* Numbers with a comma between. */
static inline size_t onnx_numbers(const char *text, double *to, size_t most)
{
    size_t count = 0;
    for (char *end; *text && count < most; text = *end ? end + 1 : end)
        to[count++] = strtod(text, &end);
    return count;
}

static inline blob onnx_tensor(const char *name, char kind, const char *shape, const char *values)
{
    enum { MOST = 4096 };
    static double numbers[MOST];
    double dims[16];
    blob tensor = { 0 }, raw = { 0 };
    const size_t rank = strcmp(shape, "-") == 0 ? 0 : onnx_numbers(shape, dims, 16);
    size_t elements = 1;
    for (size_t i = 0; i < rank; i++) {
        pb_int(&tensor, 1, (int64_t)dims[i]);
        elements *= (size_t)dims[i];
    }
    const size_t given = onnx_numbers(values, numbers, MOST);
    const char *next = values;
    for (size_t i = 0; i < elements; i++) {
        const float value = given ? (float)numbers[i % given] : (float)((int)(i * 37 % 29) - 14) / 64;
        const int64_t whole = given ? strtoll(next, NULL, 10) : (int64_t)i; /* a double has not all 64 bits */
        next += strcspn(next, ",") + (strchr(next, ',') != NULL);
        blob_append(&raw, kind == 'f' ? (const void *)&value : &whole, kind == 'f' ? 4 : 8);
    }
    pb_int(&tensor, 2, kind == 'f' ? ONNX_FLOAT : ONNX_INT64);
    if (*name)
        pb_text(&tensor, 8, name);
    pb_part(&tensor, 9, &raw);
    return tensor;
}

static inline blob onnx_attribute(char *text)
{
    blob attribute = { 0 };
    double numbers[16];
    pb_text(&attribute, 1, onnx_word(&text, "="));
    if (*text == '[') {
        const size_t count = onnx_numbers(text + 1, numbers, 16);
        for (size_t i = 0; i < count; i++)
            pb_int(&attribute, 8, (int64_t)numbers[i]);
        pb_int(&attribute, 20, 7);
    } else if (*text == '~') {
        pb_float(&attribute, 2, strtof(text + 1, NULL));
        pb_int(&attribute, 20, 1);
    } else if (*text == '\'') {
        pb_bytes(&attribute, 4, text + 1, strcspn(text + 1, "'"));
        pb_int(&attribute, 20, 3);
    } else if (*text == '@') {
        const char kind = text[1];
        text += 3;
        char *shape = onnx_word(&text, ":");
        blob tensor = onnx_tensor("", kind, shape, text);
        pb_part(&attribute, 5, &tensor);
        pb_int(&attribute, 20, 4);
    } else {
        pb_int(&attribute, 3, strtoll(text, NULL, 10));
        pb_int(&attribute, 20, 2);
    }
    return attribute;
}

static inline blob onnx_value(const char *name, int kind, const char *shape)
{
    blob value = { 0 }, type = { 0 }, tensor = { 0 }, sizes = { 0 };
    double dims[8];
    const size_t rank = onnx_numbers(shape, dims, 8);
    for (size_t i = 0; i < rank; i++) {
        blob dim = { 0 };
        if (dims[i] != 0)
            pb_int(&dim, 1, (int64_t)dims[i]);
        else
            pb_text(&dim, 2, "N");
        pb_part(&sizes, 1, &dim);
    }
    pb_int(&tensor, 1, kind);
    pb_part(&tensor, 2, &sizes);
    pb_part(&type, 1, &tensor);
    pb_text(&value, 1, name);
    pb_part(&value, 2, &type);
    return value;
}

static inline void onnx_names(blob *to, unsigned field, char *names)
{
    while (names && *names) {
        char *rest = strchr(names, ',');
        if (rest)
            *rest++ = 0;
        pb_text(to, field, names);
        names = rest;
    }
}

static inline blob onnx_node(const char *op, char *line)
{
    blob node = { 0 };
    char *inputs = onnx_word(&line, " "), *outputs = onnx_word(&line, " ");
    onnx_names(&node, 1, strcmp(inputs, "-") == 0 ? NULL : inputs);
    onnx_names(&node, 2, outputs);
    pb_text(&node, 4, op);
    while (*line) {
        blob attribute = onnx_attribute(onnx_word(&line, " "));
        pb_part(&node, 5, &attribute);
    }
    return node;
}

/* The graph of a text. */
static inline blob onnx_graph(const char *text)
{
    blob graph = { 0 };
    char *copy = malloc(strlen(text) + 1), *at = copy;
    assert_non_null(copy);
    strcpy(copy, text);
    while (*at) {
        char *line = onnx_word(&at, "\n"), *word = onnx_word(&line, " ");
        const bool bytes = strcmp(word, "bytes") == 0, out = strcmp(word, "out") == 0;
        const bool in = bytes || strcmp(word, "in") == 0;
        blob part = { 0 };
        if (in || out) {
            const char *name = onnx_word(&line, " ");
            part = onnx_value(name, bytes ? ONNX_UINT8 : ONNX_FLOAT, line);
        } else if (strcmp(word, "f") == 0 || strcmp(word, "i") == 0) {
            const char *name = onnx_word(&line, " "), *shape = onnx_word(&line, " ");
            part = onnx_tensor(name, *word, shape, line);
        } else {
            part = onnx_node(word, line);
        }
        pb_part(&graph, in ? 11 : out ? 12 : !strcmp(word, "f") || !strcmp(word, "i") ? 5 : 1, &part);
    }
    free(copy);
    return graph;
}

/* A model of a graph, which is freed. */
static inline blob onnx_model_of(blob graph, int64_t opset)
{
    blob model = { 0 }, version = { 0 };
    pb_int(&model, 1, 8);
    pb_part(&model, 7, &graph);
    pb_text(&version, 1, "");
    pb_int(&version, 2, opset);
    pb_part(&model, 8, &version);
    return model;
}

static inline blob onnx_model(const char *text, int64_t opset)
{
    return onnx_model_of(onnx_graph(text), opset);
}

#endif
