#include "import/draft.h"

#include "base/checked.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 50, MAX_NODES = 1024, MAX_LINE = 1000, MAX_FAULTS = 100 };

void ink_draft_init(ink_draft *draft, ink_arena *arena)
{
    *draft = (ink_draft){ .arena = arena, .scale = 1.0 / 255 };
    ink_text_init(&draft->nodes, &arena->allocator);
    ink_text_init(&draft->faults, &arena->allocator);
}

void ink_draft_free(ink_draft *draft)
{
    if (!draft->arena)
        return;
    ink_free(&draft->nodes.allocator, draft->nodes.data);
    ink_free(&draft->faults.allocator, draft->faults.data);
    *draft = (ink_draft){ .arena = NULL };
}

static void INK_PRINTF(3, 4) fail(ink_draft *draft, ink_status status, const char *format, ...)
{
    va_list values;
    if (draft->status)
        return;
    draft->status = status;
    va_start(values, format);
    vsnprintf(draft->reason, sizeof draft->reason, format, values);
    va_end(values);
}

static bool is_taken(const ink_draft *draft, const char *name)
{
    if (strcmp(name, "input") == 0)
        return true;
    for (size_t i = 0; i < draft->node_count; i++)
        if (strcmp(draft->names[i], name) == 0)
            return true;
    return false;
}

/* A name for the text, of letters that need no quoting, its end rather than its beginning when it is long. */
static const char *make_name(ink_draft *draft, const char *wanted)
{
    char name[MAX_NAME + 16];
    size_t length = strlen(wanted);
    if (length > MAX_NAME)
        wanted += length - MAX_NAME;
    length = (size_t)snprintf(name, sizeof name, "%s", wanted);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
            name[i] = '_';
    for (size_t number = draft->node_count + 1; is_taken(draft, name); number++)
        snprintf(name + length, sizeof name - length, "_%zu", number);
    return ink_arena_string(draft->arena, name, strlen(name));
}

const char *ink_draft_node(ink_draft *draft, const char *op, const char *wanted, const char *inputs,
                           const char *attributes, ...)
{
    char text[400];
    va_list values;
    if (draft->node_count >= MAX_NODES) {
        fail(draft, INK_ERR_LIMIT, "has more than %d layers", MAX_NODES);
        return op;
    }
    va_start(values, attributes);
    const int length = vsnprintf(text, sizeof text, attributes, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof text || strlen(inputs) + (size_t)length + 150 > MAX_LINE)
        fail(draft, INK_ERR_LIMIT, "layer '%.60s' (%.30s) has too many inputs or attributes", wanted ? wanted : "", op);
    const char **names = ink_arena_grow(draft->arena, draft->names, draft->node_count, sizeof *names,
                                        &draft->name_room);
    if (names)
        draft->names = names;
    const char *name = make_name(draft, wanted && *wanted ? wanted : op);
    if (!names || !name) {
        fail(draft, INK_ERR_MEMORY, "no memory for its layers");
        return op;
    }
    draft->names[draft->node_count++] = name;
    ink_text_format(&draft->nodes, "%s name=%s inputs=%s%s%s\n", op, name, inputs, length ? " " : "", text);
    return name;
}

float *ink_draft_tensor(ink_draft *draft, const char *node, const char *part, uint32_t rank, const uint64_t *dim)
{
    uint64_t elements = 1;
    bool fits = rank <= INK_WEIGHT_DIMS;
    for (uint32_t i = 0; fits && i < rank; i++)
        fits = ink_mul_u64(dim[i], elements, &elements);
    fits = fits && elements <= SIZE_MAX;
    ink_weight *weights = ink_arena_grow(draft->arena, draft->weights, draft->weight_count, sizeof *weights,
                                         &draft->weight_room);
    if (weights)
        draft->weights = weights;
    const char *name = ink_arena_format(draft->arena, "%s.%s", node, part);
    float *data = fits ? ink_arena_array(draft->arena, (size_t)elements, sizeof *data) : NULL;
    if (!weights || !name || !data) {
        fail(draft, INK_ERR_MEMORY, "no memory for the tensor '%.60s.%s'", node, part);
        return NULL;
    }
    ink_weight *weight = &weights[draft->weight_count++];
    *weight = (ink_weight){ .name = name, .rank = rank, .elements = elements, .data = data, .source = data };
    memcpy(weight->dim, dim, rank * sizeof *dim);
    return data;
}

void ink_draft_fault(ink_draft *draft, const char *format, ...)
{
    char text[300];
    va_list values;
    if (draft->fault_count++ >= MAX_FAULTS)
        return;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    for (char *at = text; *at; at++) /* names are the file's: nothing in them may steer a terminal */
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    ink_text_format(&draft->faults, "%s\n", text);
}

ink_status ink_draft_finish(ink_draft *draft, ink_error *error)
{
    if (draft->status)
        return ink_fail(error, draft->status, "%s", draft->reason);
    if (draft->arena->failed || draft->nodes.failed || draft->faults.failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for its layers");
    if (draft->fault_count == 1)
        return ink_fail(error, INK_ERR_OP, "%.*s", (int)strcspn(draft->faults.data, "\n"), draft->faults.data);
    if (draft->fault_count)
        return ink_fail(error, INK_ERR_OP, "%zu things in it are not supported", draft->fault_count);
    if (!draft->node_count)
        return ink_fail(error, INK_ERR_GRAPH, "holds a network without a layer");
    return INK_OK;
}

ink_status ink_draft_text(const ink_draft *draft, double scale, double offset, const ink_allocator *allocator,
                          ink_buffer *out, ink_error *error)
{
    ink_text text;
    ink_text_init(&text, allocator);
    ink_text_format(&text, "input shape=%lu,%lu,%lu scale=%.9g offset=%.9g\n", (unsigned long)draft->channels,
                    (unsigned long)draft->height, (unsigned long)draft->width, scale, offset);
    ink_text_bytes(&text, draft->nodes.data, draft->nodes.size);
    return ink_text_finish(&text, out, error);
}
