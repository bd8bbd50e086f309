/* TensorFlow Lite's files made by hand: FlatBuffers, parents before their children, no tables shared. */
#ifndef TESTS_TFLITE_FILES_H
#define TESTS_TFLITE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct flat_bytes {
    uint8_t data[1 << 14];
    size_t size;
} flat_bytes;

static inline void flat_store(flat_bytes *f, size_t at, size_t bytes, uint64_t value)
{
    for (size_t i = 0; i < bytes; i++)
        f->data[at + i] = (uint8_t)(value >> 8 * i);
}

/* Zeros at the end, which begin at a multiple of 4; where. */
static inline size_t flat_room(flat_bytes *f, size_t bytes)
{
    const size_t at = (f->size + 3) / 4 * 4;
    f->size = at + bytes;
    return at;
}

enum { FLAT_FIELDS = 16 };

/* A table with room for 4 bytes a field, none of which is there yet; where it begins. Its vtable is before it. */
static inline size_t flat_table(flat_bytes *f)
{
    const size_t vtable = flat_room(f, 4 + 2 * FLAT_FIELDS), at = flat_room(f, 4 + 4 * FLAT_FIELDS);
    flat_store(f, vtable, 2, 4 + 2 * FLAT_FIELDS);
    flat_store(f, vtable + 2, 2, 4 + 4 * FLAT_FIELDS);
    flat_store(f, at, 4, at - vtable);
    return at;
}

/* A field of a table; where its value is. */
static inline size_t flat_set(flat_bytes *f, size_t table, unsigned field, uint64_t value)
{
    const size_t vtable = table - 4 - 2 * FLAT_FIELDS, offset = 4 + 4 * (size_t)field;
    flat_store(f, vtable + 4 + 2 * (size_t)field, 2, offset);
    flat_store(f, table + offset, 4, value);
    return table + offset;
}

/* Lets the offset at `slot` lead to what is written next. */
static inline void flat_point(flat_bytes *f, size_t slot)
{
    flat_store(f, slot, 4, (f->size + 3) / 4 * 4 - slot);
}

/* A vector as a field; where its elements are. */
static inline size_t flat_list(flat_bytes *f, size_t table, unsigned field, size_t count, size_t bytes)
{
    flat_point(f, flat_set(f, table, field, 0));
    const size_t at = flat_room(f, 4 + count * bytes);
    flat_store(f, at, 4, count);
    return at + 4;
}

static inline void flat_list_i32(flat_bytes *f, size_t table, unsigned field, size_t count, const int32_t *values)
{
    const size_t at = flat_list(f, table, field, count, 4);
    for (size_t i = 0; i < count; i++)
        flat_store(f, at + 4 * i, 4, (uint32_t)values[i]);
}

static inline void flat_text(flat_bytes *f, size_t table, unsigned field, const char *text)
{
    const size_t at = flat_list(f, table, field, strlen(text), 1);
    memcpy(f->data + at, text, strlen(text));
    f->size++; /* its NUL */
}

/* The table that field or element `slot` leads to; its vtable comes first. */
static inline size_t flat_child(flat_bytes *f, size_t slot)
{
    const size_t table = flat_table(f);
    flat_store(f, slot, 4, table - slot);
    return table;
}

/* ---- models ---- */

enum { TFL_TENSORS = 16, TFL_OPS = 10, TFL_DIMS = 6, TFL_INPUTS = 6, TFL_OPTIONS = 8 };

typedef struct tfl_tensor {
    int32_t type; /* FLOAT32; 1 FLOAT16, 2 INT32, 3 UINT8, 9 INT8 */
    size_t rank;
    int32_t dim[TFL_DIMS]; /* -1: not known, a 1 in the shape */
    const float *floats;   /* of a constant */
    const int32_t *numbers;
    const uint16_t *halves;
    bool quantized;
} tfl_tensor;

typedef struct tfl_op {
    int32_t op;
    const char *custom;
    size_t input_count;
    int32_t input[TFL_INPUTS], output;
    uint8_t options_type;
    uint32_t option[TFL_OPTIONS]; /* by field; 0 is left out */
    const int32_t *list;          /* of field 0, as SQUEEZE has it */
    size_t list_count;
} tfl_op;

/* Rank 0 ends the tensors, input_count 0 the operators. Tensor 0 is the input, 1 the output. */
typedef struct tfl_model {
    tfl_tensor tensor[TFL_TENSORS];
    tfl_op op[TFL_OPS];
    uint32_t version;   /* 0: 3 */
    size_t graphs, inputs; /* more than one */
} tfl_model;

static inline size_t tfl_count(const tfl_tensor *t)
{
    size_t count = 1;
    for (size_t i = 0; i < t->rank; i++)
        count *= (size_t)t->dim[i];
    return count;
}

static inline void tfl_buffer(flat_bytes *f, size_t slot, const tfl_tensor *t)
{
    const size_t table = flat_child(f, slot);
    if (!t || (!t->floats && !t->numbers && !t->halves))
        return;
    const size_t size = t->halves ? 2 : 4, count = tfl_count(t), at = flat_list(f, table, 0, count * size, 1);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = t->halves ? t->halves[i] : 0;
        if (t->floats)
            memcpy(&bits, &t->floats[i], 4);
        else if (t->numbers)
            bits = (uint32_t)t->numbers[i];
        flat_store(f, at + size * i, size, bits);
    }
}

static inline void tfl_put_tensor(flat_bytes *f, size_t slot, const tfl_tensor *t, size_t number)
{
    const size_t table = flat_child(f, slot);
    int32_t shape[TFL_DIMS];
    const char name[3] = { 't', (char)('a' + number), 0 };
    for (size_t i = 0; i < t->rank; i++)
        shape[i] = t->dim[i] < 0 ? 1 : t->dim[i];
    flat_set(f, table, 1, (uint32_t)t->type);
    flat_set(f, table, 2, number + 1); /* buffer 0 is the empty one */
    flat_list_i32(f, table, 0, t->rank, shape);
    flat_text(f, table, 3, name);
    flat_list_i32(f, table, 7, t->rank, t->dim);
    if (t->quantized)
        flat_list(f, flat_child(f, flat_set(f, table, 4, 0)), 2, 1, 4);
}

static inline void tfl_put_op(flat_bytes *f, size_t slot, const tfl_op *op, size_t number)
{
    const size_t table = flat_child(f, slot);
    flat_set(f, table, 0, number);
    flat_set(f, table, 3, op->options_type);
    flat_list_i32(f, table, 1, op->input_count, op->input);
    flat_list_i32(f, table, 2, 1, &op->output);
    const size_t options = flat_child(f, flat_set(f, table, 4, 0));
    for (unsigned i = 0; i < TFL_OPTIONS; i++)
        if (op->option[i])
            flat_set(f, options, i, op->option[i]);
    if (op->list)
        flat_list_i32(f, options, 0, op->list_count, op->list);
}

static inline void tfl_put_graph(flat_bytes *f, size_t slot, const tfl_model *m, size_t tensors, size_t ops)
{
    static const int32_t input[2] = { 0, 0 }, output = 1;
    const size_t graph = flat_child(f, slot), tensor = flat_list(f, graph, 0, tensors, 4);
    for (size_t i = 0; i < tensors; i++)
        tfl_put_tensor(f, tensor + 4 * i, &m->tensor[i], i);
    flat_list_i32(f, graph, 1, m->inputs ? m->inputs : 1, input);
    flat_list_i32(f, graph, 2, 1, &output);
    const size_t op = flat_list(f, graph, 3, ops, 4);
    for (size_t i = 0; i < ops; i++)
        tfl_put_op(f, op + 4 * i, &m->op[i], i);
}

/* Each operator has a code of its own. */
static inline void tfl_make(flat_bytes *f, const tfl_model *m)
{
    size_t tensors = 0, ops = 0, graphs = m->graphs ? m->graphs : 1;
    while (tensors < TFL_TENSORS && m->tensor[tensors].rank)
        tensors++;
    while (ops < TFL_OPS && m->op[ops].input_count)
        ops++;
    memset(f, 0, sizeof *f);
    (void)flat_room(f, 8);
    memcpy(f->data + 4, "TFL3", 4);
    const size_t model = flat_child(f, 0);
    flat_set(f, model, 0, m->version ? m->version : 3);
    const size_t code = flat_list(f, model, 1, ops, 4);
    for (size_t i = 0; i < ops; i++) {
        const size_t table = flat_child(f, code + 4 * i);
        const int32_t number = m->op[i].op;
        flat_set(f, table, 0, (uint32_t)(number < 127 ? number : 127));
        flat_set(f, table, 3, (uint32_t)number);
        if (m->op[i].custom)
            flat_text(f, table, 1, m->op[i].custom);
    }
    const size_t graph = flat_list(f, model, 2, graphs, 4);
    for (size_t i = 0; i < graphs; i++)
        tfl_put_graph(f, graph + 4 * i, m, tensors, ops);
    const size_t buffer = flat_list(f, model, 4, tensors + 1, 4);
    for (size_t i = 0; i <= tensors; i++)
        tfl_buffer(f, buffer + 4 * i, i ? &m->tensor[i - 1] : NULL);
}

/* ---- small models, for the tests and as seeds for the fuzzer ---- */

#define TFL_VALUE(...) { .rank = sizeof((int32_t[]){ __VA_ARGS__ }) / 4, .dim = { __VA_ARGS__ } }
#define TFL_BYTES(...) { .type = 3, .rank = sizeof((int32_t[]){ __VA_ARGS__ }) / 4, .dim = { __VA_ARGS__ } }
#define TFL_SIZES(...) { .type = 2, .rank = sizeof((int32_t[]){ __VA_ARGS__ }) / 4, .dim = { __VA_ARGS__ } }
#define TFL_DIM(...) .rank = sizeof((int32_t[]){ __VA_ARGS__ }) / 4, .dim = { __VA_ARGS__ }
#define TFL_FLOATS(...) .floats = (const float[]){ __VA_ARGS__ }
#define TFL_NUMBERS(...)                                                                                     \
    { .type = 2, .rank = 1, .dim = { sizeof((int32_t[]){ __VA_ARGS__ }) / 4 },                                 \
      .numbers = (const int32_t[]){ __VA_ARGS__ } }
#define TFL_IN(...) .input_count = sizeof((int32_t[]){ __VA_ARGS__ }) / 4, .input = { __VA_ARGS__ }
#define TFL_ENDS .output = 1

#endif
