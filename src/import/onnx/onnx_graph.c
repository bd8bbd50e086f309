#include "import/onnx/onnx_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_VALUES = 1 << 20 };

/* ---- names ---- */

size_t ink_onnx_find(const ink_onnx *x, const char *name)
{
    size_t index;
    return *name && ink_names_find(&x->names, name, &index) ? index : INK_ONNX_NONE;
}

static void add_value(ink_onnx *x, const char *name, const ink_onnx_value *value)
{
    if (!name || !*name)
        return; /* an output that is left out */
    ink_names_add(&x->names, name, x->value_count);
    x->values[x->value_count] = *value;
    x->values[x->value_count++].name = name;
}

/* Of equal names the initializer comes first: before version 4 of the format it stood among the inputs too. */
static ink_status add_values(ink_onnx *x)
{
    const InkOnnx__Graph *g = x->graph;
    size_t count = g->n_initializer + g->n_input;
    for (size_t i = 0; i < g->n_node && count <= MOST_VALUES; i++)
        count += g->node[i]->n_output;
    if (count > MOST_VALUES || g->n_node > MOST_VALUES)
        return ink_fail(x->store.error, INK_ERR_LIMIT, "has more than %d values", MOST_VALUES);
    x->values = ink_arena_array(x->store.arena, count + 1, sizeof *x->values);
    if (!x->values || !ink_names_init(&x->names, x->store.arena, count + 1))
        return ink_fail(x->store.error, INK_ERR_MEMORY, "no memory to read a model");
    for (size_t i = 0; i < g->n_initializer; i++)
        add_value(x, g->initializer[i]->name,
                  &(ink_onnx_value){ .initializer = g->initializer[i], .producer = INK_ONNX_NONE });
    for (size_t i = 0; i < g->n_input; i++)
        add_value(x, g->input[i]->name, &(ink_onnx_value){ .input = g->input[i], .producer = INK_ONNX_NONE });
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            add_value(x, g->node[i]->output[k], &(ink_onnx_value){ .producer = i });
    ink_names_sort(&x->names);
    for (size_t i = 1; i < x->names.count; i++) {
        const ink_name *a = &x->names.names[i - 1], *b = &x->names.names[i];
        if (strcmp(a->name, b->name) == 0 && !(x->values[a->index].initializer && x->values[b->index].input))
            return ink_fail(x->store.error, INK_ERR_FORMAT, "the name '%.100s' is given to two values", a->name);
    }
    return INK_OK;
}

static bool link(ink_onnx *x, char **names, size_t count, size_t **to, size_t *to_count)
{
    *to_count = count;
    *to = ink_arena_array(x->store.arena, count + 1, sizeof **to);
    for (size_t i = 0; *to && i < count; i++)
        (*to)[i] = ink_onnx_find(x, names[i]);
    return *to != NULL;
}

static const char *label_of(const InkOnnx__Node *proto)
{
    return proto->name && *proto->name ? proto->name : proto->n_output ? proto->output[0] : "";
}

ink_status ink_onnx_graph_list(ink_onnx *x)
{
    const InkOnnx__Graph *g = x->graph;
    INK_TRY(add_values(x));
    x->nodes = ink_arena_array(x->store.arena, g->n_node + 1, sizeof *x->nodes);
    x->order = ink_arena_array(x->store.arena, g->n_node + 1, sizeof *x->order);
    bool memory = x->nodes && x->order;
    for (size_t i = 0; memory && i < g->n_node; i++) {
        ink_onnx_node *node = &x->nodes[i];
        node->proto = g->node[i];
        node->op = node->proto->op_type ? node->proto->op_type : "";
        node->label = label_of(node->proto);
        memory = link(x, node->proto->input, node->proto->n_input, &node->inputs, &node->input_count) &&
                 link(x, node->proto->output, node->proto->n_output, &node->outputs, &node->output_count);
        for (size_t k = 0; memory && k < node->input_count; k++)
            if (node->inputs[k] != INK_ONNX_NONE) {
                x->values[node->inputs[k]].uses++;
                x->values[node->inputs[k]].user = i;
            }
    }
    return memory ? INK_OK : ink_fail(x->store.error, INK_ERR_MEMORY, "no memory to read a model");
}

/* ---- order ---- */

static ink_status need(ink_onnx *x, const ink_onnx_node *node, size_t i)
{
    const size_t index = node->inputs[i];
    if (index == INK_ONNX_NONE) {
        if (i < node->proto->n_input && *node->proto->input[i])
            return ink_fail(x->store.error, INK_ERR_FORMAT, "node '%.60s' (%.30s) reads '%.60s', which nothing gives",
                            node->label, node->op, node->proto->input[i]);
        return INK_OK;
    }
    ink_onnx_value *value = &x->values[index];
    if (value->initializer && value->kind == INK_ONNX_UNKNOWN) {
        INK_TRY(ink_onnx_tensor_read(value->initializer, &x->store, &value->tensor));
        value->kind = INK_ONNX_CONSTANT;
    }
    return INK_OK;
}

/* Depth first, with a stack of our own: a file may hold a very long chain. */
ink_status ink_onnx_graph_sort(ink_onnx *x, size_t output)
{
    size_t depth = 0;
    size_t *stack = ink_arena_array(x->store.arena, x->graph->n_node + 1, sizeof *stack);
    size_t *next = ink_arena_array(x->store.arena, x->graph->n_node + 1, sizeof *next);
    if (!stack || !next)
        return ink_fail(x->store.error, INK_ERR_MEMORY, "no memory to read a model");
    if (x->values[output].producer != INK_ONNX_NONE)
        stack[depth++] = x->values[output].producer;
    while (depth) {
        const size_t at = stack[depth - 1];
        ink_onnx_node *node = &x->nodes[at];
        node->state = INK_ONNX_OPEN;
        if (next[at] == node->input_count) {
            node->state = INK_ONNX_DONE;
            x->order[x->order_count++] = at;
            depth--;
            continue;
        }
        const size_t i = next[at]++;
        INK_TRY(need(x, node, i));
        const size_t producer = node->inputs[i] == INK_ONNX_NONE ? INK_ONNX_NONE : x->values[node->inputs[i]].producer;
        if (producer == INK_ONNX_NONE || x->nodes[producer].state == INK_ONNX_DONE)
            continue;
        if (x->nodes[producer].state == INK_ONNX_OPEN)
            return ink_fail(x->store.error, INK_ERR_GRAPH, "node '%.60s' (%.30s) depends on itself",
                            x->nodes[producer].label, x->nodes[producer].op);
        stack[depth++] = producer;
    }
    return INK_OK;
}

/* ---- inputs and outputs ---- */

ink_onnx_value *ink_onnx_in(const ink_onnx *x, const ink_onnx_node *node, size_t i)
{
    return i < node->input_count && node->inputs[i] != INK_ONNX_NONE ? &x->values[node->inputs[i]] : NULL;
}

ink_onnx_value *ink_onnx_out(const ink_onnx *x, const ink_onnx_node *node, size_t i)
{
    return i < node->output_count && node->outputs[i] != INK_ONNX_NONE ? &x->values[node->outputs[i]] : NULL;
}

const ink_onnx_tensor *ink_onnx_constant(const ink_onnx *x, const ink_onnx_node *node, size_t i)
{
    const ink_onnx_value *value = ink_onnx_in(x, node, i);
    return value && value->kind == INK_ONNX_CONSTANT ? &value->tensor : NULL;
}

/* ---- attributes ---- */

const InkOnnx__Attribute *ink_onnx_attribute(const ink_onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->proto->n_attribute; i++)
        if (node->proto->attribute[i]->name && strcmp(node->proto->attribute[i]->name, name) == 0)
            return node->proto->attribute[i];
    return NULL;
}

int64_t ink_onnx_int(const ink_onnx_node *node, const char *name, int64_t fallback)
{
    const InkOnnx__Attribute *attribute = ink_onnx_attribute(node, name);
    return attribute ? attribute->i : fallback; /* 0 is left out by some writers */
}

float ink_onnx_float(const ink_onnx_node *node, const char *name, float fallback)
{
    const InkOnnx__Attribute *attribute = ink_onnx_attribute(node, name);
    return attribute ? attribute->f : fallback;
}

bool ink_onnx_word_is(const ink_onnx_node *node, const char *name, const char *word)
{
    const InkOnnx__Attribute *attribute = ink_onnx_attribute(node, name);
    return attribute && attribute->s.len == strlen(word) && memcmp(attribute->s.data, word, attribute->s.len) == 0;
}

bool ink_onnx_ints(ink_onnx *x, const ink_onnx_node *node, const char *name, size_t i, const int64_t **to,
                   size_t *count)
{
    const InkOnnx__Attribute *attribute = name ? ink_onnx_attribute(node, name) : NULL;
    *to = NULL;
    *count = 0;
    if (attribute) {
        *to = attribute->ints;
        *count = attribute->n_ints;
        return true;
    }
    if (!ink_onnx_in(x, node, i))
        return true;
    const ink_onnx_tensor *tensor = ink_onnx_constant(x, node, i);
    if (!tensor || !tensor->is_whole || tensor->rank > 1)
        return ink_onnx_fault(x, node, "its input '%.60s' is no list of numbers known beforehand; export it with fixed "
                              "sizes, or simplify it with onnxsim", x->values[node->inputs[i]].name);
    *to = tensor->whole;
    *count = (size_t)tensor->elements;
    return true;
}

bool ink_onnx_axis(ink_onnx *x, const ink_onnx_node *node, int64_t axis, uint32_t rank, uint32_t *to)
{
    const int64_t all = (int64_t)rank + 1;
    if (axis < -all || axis >= all)
        return ink_onnx_fault(x, node, "axis %lld is none of its input's %lld", (long long)axis, (long long)all);
    if (axis < 0)
        axis += all;
    if (axis == 0)
        return ink_onnx_fault(x, node, "works across the pictures of a batch (axis 0); each must be read by itself");
    *to = (uint32_t)(axis - 1);
    return true;
}

/* ---- results ---- */

bool ink_onnx_fault(ink_onnx *x, const ink_onnx_node *node, const char *format, ...)
{
    char text[240];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    ink_draft_fault(x->draft, "node '%.60s' (%.40s): %s", node->label, node->op, text);
    for (size_t i = 0; i < node->output_count; i++)
        if (ink_onnx_out(x, node, i))
            ink_onnx_out(x, node, i)->kind = INK_ONNX_FAILED;
    return false;
}

void ink_onnx_give(ink_onnx *x, const ink_onnx_node *node, const ink_onnx_view *view)
{
    ink_onnx_value *value = ink_onnx_out(x, node, 0);
    if (value) {
        value->kind = INK_ONNX_VALUE;
        value->view = *view;
    }
}

void ink_onnx_give_tensor(ink_onnx *x, const ink_onnx_node *node, const ink_onnx_tensor *tensor)
{
    ink_onnx_value *value = ink_onnx_out(x, node, 0);
    if (value) {
        value->kind = INK_ONNX_CONSTANT;
        value->tensor = *tensor;
    }
}

const char *ink_onnx_name(const ink_onnx *x, const ink_onnx_node *node)
{
    static const char ending[] = ".weight";
    const ink_onnx_value *weight = ink_onnx_in(x, node, 1);
    const size_t length = weight ? strlen(weight->name) : 0, rest = sizeof ending - 1;
    if (length > rest && strcmp(weight->name + length - rest, ending) == 0) {
        const char *name = ink_arena_string(x->store.arena, weight->name, length - rest);
        return name ? name : "";
    }
    return node->label + strspn(node->label, "/");
}
