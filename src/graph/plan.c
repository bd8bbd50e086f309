#include "graph/plan.h"

#include "base/checked.h"
#include "ops/int8.h"

#include <string.h>

/* What the plan knows of a value of the graph while it is made. */
typedef struct value {
    ink_view view;
    uint32_t uses;          /* by live nodes, and 1 for the output */
    uint32_t only_user;     /* the node, where uses is 1 and it is not the output */
    uint32_t step;          /* the step that makes it, from 1; 0 for the picture */
    uint32_t flat_channels; /* see ink_step */
    bool absorbed;          /* a pad that its convolution does itself; the view is the pad's input */
    bool shared;            /* a view of a value that others read too */
    bool sparse;            /* likely to hold many zeros: the picture, or what a relu gives */
    ink_view bytes;         /* what a quantize step made of it; without a quantum: none did */
} value;

typedef struct maker {
    ink_plan *plan;
    const ink_graph *graph;
    ink_prepare prepare;
    value *values; /* node_count + 1 */
    bool *live;    /* by node */
    uint32_t *source; /* by step: the value that is its first input */
    size_t step_capacity, buffer_capacity;
    ink_error *error;
} maker;

static ink_status no_memory(maker *m)
{
    return ink_fail(m->error, INK_ERR_MEMORY, "no memory for the plan");
}

/* ---- what is alive, and how often it is read ---- */

static void count_uses(maker *m)
{
    const ink_graph *g = m->graph;
    m->live[g->node_count - 1] = true;
    m->values[g->node_count].uses = 1;
    m->values[g->node_count].only_user = UINT32_MAX;
    for (size_t i = g->node_count; i-- > 0;)
        if (m->live[i])
            for (uint32_t k = 0; k < g->nodes[i].input_count; k++) {
                uint32_t input = g->nodes[i].inputs[k];
                m->values[input].uses++;
                m->values[input].only_user = (uint32_t)i;
                if (input)
                    m->live[input - 1] = true;
            }
}

/* The node that alone reads this value, looking through dropouts; NULL where there are others. */
static const ink_node *only_user(const maker *m, uint32_t at)
{
    for (;;) {
        const value *v = &m->values[at];
        if (v->uses != 1 || v->only_user == UINT32_MAX)
            return NULL;
        const ink_node *node = &m->graph->nodes[v->only_user];
        if (node->op != &ink_op_dropout)
            return node;
        at = v->only_user + 1;
    }
}

/* ---- buffers and steps ---- */

static uint32_t add_buffer(maker *m, size_t floats)
{
    ink_plan *plan = m->plan;
    /* Each step makes one buffer at most, and the input is one. */
    plan->buffers[plan->buffer_count] =
        (ink_plan_buffer){ .floats = floats, .first = (uint32_t)plan->step_count };
    return plan->buffer_count++;
}

/* `node` is NULL for a step that is none: a copy, or the softmax at the end. */
static ink_step *add_step(maker *m, const ink_op *op, const ink_node *node, const char *name,
                          uint32_t input_count)
{
    ink_plan *plan = m->plan;
    ink_step *step = &plan->steps[plan->step_count];
    *step = (ink_step){ .op = op, .node = node, .name = name, .ops = op->name,
                        .input_count = input_count, .slope = 1 };
    step->inputs = ink_arena_array(m->graph->arena, input_count, sizeof *step->inputs);
    if (!step->inputs)
        return NULL;
    plan->step_count++;
    return step;
}

static const ink_node *value_node(const maker *m, uint32_t at)
{
    return at ? &m->graph->nodes[at - 1] : NULL;
}

/* A step that brings `view` to row-major order, or to channels last. */
static ink_status add_copy(maker *m, uint32_t at, ink_view *view, bool image)
{
    ink_step *step = add_step(m, &ink_op_copy, NULL, ink_graph_value_name(m->graph, at), 1);
    if (!step)
        return no_memory(m);
    step->inputs[0] = *view;
    if (image)
        ink_view_image(view);
    else
        ink_view_rows(view);
    view->buffer = add_buffer(m, view->elements);
    step->output = *view;
    return INK_OK;
}

/* ---- fusion ---- */

/* A relu whose step can be the end of a convolution or dense layer: v > 0 ? v : slope * v. */
static bool is_slope(const ink_node *node, float *slope)
{
    *slope = node->op == &ink_op_leaky_relu ? ink_attr_f32(&node->attributes, INK_ATTR_ALPHA) : 0;
    return (node->op == &ink_op_relu || node->op == &ink_op_leaky_relu) && *slope >= 0 && *slope <= 1;
}

/* A max-pool that a convolution's step can do itself: its windows lie side by side and whole inside the picture. */
static bool is_tiling(const ink_node *pool, const ink_step *conv)
{
    const ink_attributes *a = &pool->attributes;
    if (pool->op != &ink_op_max_pool2d || ink_attr_u32(&conv->node->attributes, INK_ATTR_GROUPS, 0) != 1)
        return false;
    for (size_t axis = 0; axis < 2; axis++) {
        const uint32_t kernel = ink_attr_u32(a, INK_ATTR_KERNEL, axis);
        if (ink_attr_u32(a, INK_ATTR_STRIDE, axis) != kernel || ink_attr_u32(a, INK_ATTR_PADDING, axis) ||
            ink_attr_u32(a, INK_ATTR_PADDING, axis + 2) ||
            (uint64_t)pool->shape.dim[axis + 1] * kernel > conv->output.shape.dim[axis + 1])
            return false;
    }
    return true;
}

/* Makes the node a part of the step before it, where that is possible. */
static bool fuse_behind(maker *m, const ink_node *node, uint32_t at)
{
    const value *input = &m->values[node->inputs[0]];
    float slope = 1;
    const bool norm = node->op == &ink_op_batch_norm, pool = node->op == &ink_op_max_pool2d;
    if ((!norm && !pool && !is_slope(node, &slope)) || !input->step || input->uses != 1 || input->shared)
        return false;
    ink_step *step = &m->plan->steps[input->step - 1];
    if ((step->op != &ink_op_conv2d && step->op != &ink_op_dense) || input->flat_channels)
        return false;
    /* Seen through a view, channels and windows would be others; and a dense layer on more axes than one has its
     * features last. */
    if ((norm || pool) && (!ink_view_same(&step->output, &input->view) ||
                           (step->op == &ink_op_dense && node->shape.rank != 1)))
        return false;
    /* A relu gives the same before a max-pool and behind it; a batch norm does not. */
    if (pool ? step->op != &ink_op_conv2d || step->pool || !is_tiling(node, step)
             : step->slope != 1 || (norm && (step->batch_norm || step->pool)))
        return false;
    value *v = &m->values[at];
    *v = (value){ .view = input->view, .uses = v->uses, .only_user = v->only_user, .step = input->step,
                  .sparse = pool ? input->sparse : slope == 0 };
    if (norm)
        step->batch_norm = node;
    else if (!pool)
        step->slope = slope;
    if (pool) {
        step->pool = node;
        step->output.shape = node->shape;
        step->output.elements = (size_t)node->shape.dim[0] * node->shape.dim[1] * node->shape.dim[2];
        ink_view_image(&step->output);
        m->plan->buffers[step->output.buffer].floats = step->output.elements;
        v->view = step->output;
    }
    step->name = node->name;
    step->ops = ink_arena_format(m->graph->arena, "%s+%s", step->ops, node->op->name);
    return true;
}

/* A pad of zeros before a convolution that alone reads it. */
static bool fuse_pad(maker *m, const ink_node *node, uint32_t at)
{
    const ink_node *user = only_user(m, at);
    const value *input = &m->values[node->inputs[0]];
    if (node->op != &ink_op_pad || ink_attr_f32(&node->attributes, INK_ATTR_VALUE) != 0 || !user ||
        user->op != &ink_op_conv2d || input->absorbed)
        return false;
    value *v = &m->values[at];
    v->view = input->view;
    v->step = input->step;
    v->shared = input->shared || input->uses != 1;
    v->sparse = input->sparse;
    v->absorbed = true;
    return true;
}

/* A flatten whose only reader is a dense layer need not move anything: the layer's weights are packed
 * in the order in which the picture lies. */
static bool fuse_flatten(maker *m, const ink_node *node, uint32_t at)
{
    const ink_node *user = only_user(m, at);
    const value *input = &m->values[node->inputs[0]];
    if (node->op != &ink_op_flatten || input->view.shape.rank != 3 || !user ||
        user->op != &ink_op_dense || ink_view_is_rows(&input->view) ||
        !ink_view_is_image(&input->view))
        return false;
    value *v = &m->values[at];
    v->view = input->view;
    v->view.shape = node->shape;
    ink_view_rows(&v->view);
    v->view.buffer = input->view.buffer;
    v->flat_channels = input->view.shape.dim[0];
    v->step = input->step;
    v->shared = input->shared || input->uses != 1;
    v->sparse = input->sparse;
    return true;
}

/* ---- bytes, for layers with I8 weights ---- */

static size_t bytes_to_floats(size_t bytes)
{
    return bytes / sizeof(float) + 1;
}

/* The step that makes this value, where one other reads it and no view stands between that others read too. */
static ink_step *only_maker(const maker *m, uint32_t at)
{
    const value *v = &m->values[at];
    ink_step *step = v->step ? &m->plan->steps[v->step - 1] : NULL;
    return step && v->uses == 1 && !v->shared && step->output.buffer == v->view.buffer ? step : NULL;
}

/* True where the value's maker can write bytes: a layer with I8 weights, or a max-pool behind one, since the largest byte
 * is the largest number's. With `quantum` it does so from now on. */
static bool make_bytes(maker *m, uint32_t at, const ink_quantum *quantum)
{
    ink_step *step = only_maker(m, at);
    if (!step || step->output.quantum.scale > 0)
        return false;
    if (step->op == &ink_op_max_pool2d || step->op == &ink_op_global_max_pool2d) {
        const uint32_t source = m->source[step - m->plan->steps];
        if (step->inputs[0].buffer != m->values[source].view.buffer || !make_bytes(m, source, quantum))
            return false;
        if (quantum)
            step->inputs[0].quantum = *quantum;
    } else if (!step->node || !ink_is_int8(step->node)) {
        return false;
    }
    if (quantum) {
        step->output.quantum = *quantum;
        m->plan->buffers[step->output.buffer].floats = bytes_to_floats(step->output.elements);
    }
    return true;
}

/* Brings a layer's input to bytes: where `view` is the value as it is, by who makes it if that can be, else by a step. */
static ink_status take_bytes(maker *m, uint32_t at, ink_view *view, ink_quantum quantum)
{
    value *v = &m->values[at];
    const bool same = view->buffer == v->view.buffer;
    if (same && make_bytes(m, at, NULL)) {
        (void)make_bytes(m, at, &quantum);
        view->quantum = quantum;
        return INK_OK;
    }
    if (!same || v->bytes.quantum.scale != quantum.scale || v->bytes.quantum.zero != quantum.zero) {
        ink_step *step = add_step(m, &ink_op_quantize, NULL, ink_graph_value_name(m->graph, at), 1);
        if (!step)
            return no_memory(m);
        step->inputs[0] = step->output = *view;
        step->output.quantum = quantum;
        step->output.buffer = add_buffer(m, bytes_to_floats(view->elements));
        if (!same) {
            *view = step->output;
            return INK_OK;
        }
        v->bytes = step->output;
    }
    *view = v->bytes;
    return INK_OK;
}

/* Quantize steps that read the picture can take its pixels instead; if no others read it, that need not become floats. */
static ink_status take_pixels(maker *m, float scale)
{
    ink_plan *plan = m->plan;
    plan->takes_pixels = plan->step_count && plan->output.buffer != plan->input_buffer;
    for (size_t i = 0; i < plan->step_count; i++) {
        ink_step *step = &plan->steps[i];
        for (uint32_t k = 0; k < step->input_count; k++)
            if (step->inputs[k].buffer == plan->input_buffer && step->op != &ink_op_quantize)
                plan->takes_pixels = false;
        if (step->op == &ink_op_quantize && step->inputs[0].buffer == plan->input_buffer)
            INK_TRY(ink_quantize_picture(step, &m->prepare, scale, m->graph->input.offset));
    }
    return INK_OK;
}

/* ---- nodes to steps ---- */

static ink_status lower_view(maker *m, const ink_node *node, uint32_t at)
{
    value *v = &m->values[at], *input = &m->values[node->inputs[0]];
    ink_view from = input->view;
    if (node->op == &ink_op_dropout)
        v->flat_channels = input->flat_channels;
    v->absorbed = node->op == &ink_op_dropout && input->absorbed;
    v->step = input->step;
    v->sparse = input->sparse;
    v->shared = input->shared || input->uses != 1;
    if (!node->op->view(node, &from, &v->view)) {
        INK_TRY(add_copy(m, node->inputs[0], &from, false));
        v->step = (uint32_t)m->plan->step_count;
        v->shared = false;
        (void)node->op->view(node, &from, &v->view);
    }
    return INK_OK;
}

static bool fits(const ink_op *op, const ink_view *view, const ink_view *first)
{
    switch (op->wants) {
    case INK_WANTS_IMAGE: return ink_view_is_image(view);
    case INK_WANTS_ROWS: return ink_view_is_rows(view);
    case INK_WANTS_SAME: return ink_view_same(view, first);
    default: return true;
    }
}

static void add_padding(ink_step *step, const ink_node *node)
{
    for (size_t i = 0; i < 4; i++)
        step->padding[i] += ink_attr_u32(&node->attributes, INK_ATTR_PADDING, i);
}

static ink_status lower_step(maker *m, const ink_node *node, uint32_t at)
{
    const ink_op *op = node->op;
    ink_view inputs[INK_MAX_INPUTS];
    const value *first = &m->values[node->inputs[0]];
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = m->values[node->inputs[i]].view;
    for (uint32_t i = 0; i < node->input_count; i++) {
        /* Where the inputs of an addition lie differently, all go to the usual order. */
        bool same = true;
        for (uint32_t k = 1; op->wants == INK_WANTS_SAME && k < node->input_count; k++)
            same = same && ink_view_same(&inputs[0], &inputs[k]);
        if (!same && !ink_view_is_image(&inputs[i]))
            INK_TRY(add_copy(m, node->inputs[i], &inputs[i], true));
        else if (same && !fits(op, &inputs[i], &inputs[0]))
            INK_TRY(add_copy(m, node->inputs[i], &inputs[i], op->wants == INK_WANTS_IMAGE));
    }
    if (ink_is_int8(node))
        INK_TRY(take_bytes(m, node->inputs[0], &inputs[0], ink_int8_input(node)));
    ink_step *step = add_step(m, op, node, node->name, node->input_count);
    if (!step)
        return no_memory(m);
    m->source[m->plan->step_count - 1] = node->inputs[0];
    memcpy(step->inputs, inputs, node->input_count * sizeof *inputs);
    if (op == &ink_op_conv2d)
        add_padding(step, node);
    if (first->absorbed) {
        const ink_node *pad = value_node(m, node->inputs[0]);
        while (pad->op == &ink_op_dropout)
            pad = value_node(m, pad->inputs[0]);
        add_padding(step, pad);
        step->ops = "pad+conv2d";
    }
    step->flat_channels = first->flat_channels;
    step->sparse = first->sparse;
    ink_view output = { .shape = node->shape };
    if (op->wants == INK_WANTS_SAME)
        memcpy(output.stride, inputs[0].stride, sizeof output.stride);
    else if (op->wants == INK_WANTS_ROWS)
        ink_view_rows(&output);
    else
        ink_view_image(&output);
    uint64_t elements;
    (void)ink_shape_elements(node->shape, &elements);
    output.elements = (size_t)elements;
    output.buffer = add_buffer(m, output.elements);
    step->output = output;
    m->values[at].view = output;
    m->values[at].step = (uint32_t)m->plan->step_count;
    m->values[at].sparse = op == &ink_op_relu || (op == &ink_op_max_pool2d && first->sparse);
    return INK_OK;
}

/* The output in row-major order, as probabilities if they are wanted. */
static ink_status finish(maker *m, bool probabilities)
{
    const uint32_t at = (uint32_t)m->graph->node_count;
    const ink_node *last = value_node(m, at);
    ink_view view = m->values[at].view;
    if (!ink_view_is_rows(&view))
        INK_TRY(add_copy(m, at, &view, false));
    view.shape = (ink_shape){ 1, { (uint32_t)view.elements, 0, 0, 0 } };
    ink_view_rows(&view);
    while (last && (last->op->wants == INK_IS_VIEW))
        last = value_node(m, last->inputs[0]);
    const bool are = last && (last->op == &ink_op_softmax || last->op == &ink_op_sigmoid);
    if (probabilities && !are) {
        ink_step *step = add_step(m, &ink_op_softmax, NULL, "probabilities", 1);
        if (!step)
            return no_memory(m);
        step->inputs[0] = view;
        view.buffer = add_buffer(m, view.elements);
        step->output = view;
    }
    m->plan->output = view;
    return INK_OK;
}

/* ---- memory ---- */

/* A step that works element by element may write over an input that nothing reads afterwards. */
static void share_in_place(ink_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        ink_step *step = &plan->steps[i];
        const bool in_place = step->op->activation >= 0 || step->op == &ink_op_add ||
                              step->op == &ink_op_softmax || step->op == &ink_op_log_softmax ||
                              step->op == &ink_op_batch_norm;
        const uint32_t from = step->inputs[0].buffer, to = step->output.buffer;
        if (!in_place || plan->buffers[from].last != i + 1)
            continue;
        /* The sum of a value and itself twice: the second addition would read the first's result. */
        bool twice = false;
        for (uint32_t k = 1; k < step->input_count; k++)
            twice = twice || step->inputs[k].buffer == from;
        if (twice)
            continue;
        plan->buffers[from].last = plan->buffers[to].last;
        plan->buffers[to].floats = 0;
        for (size_t k = i; k < plan->step_count; k++) {
            ink_step *later = &plan->steps[k];
            for (uint32_t n = 0; n < later->input_count; n++)
                if (later->inputs[n].buffer == to)
                    later->inputs[n].buffer = from;
            if (later->output.buffer == to)
                later->output.buffer = from;
        }
        if (plan->output.buffer == to)
            plan->output.buffer = from;
    }
}

/* Gives each buffer a place such that no two that live at once overlap: the largest first, each at the
 * lowest place that is free for all its life. */
static ink_status place(maker *m)
{
    ink_plan *plan = m->plan;
    const uint32_t count = plan->buffer_count;
    uint32_t *order = ink_arena_array(m->graph->arena, count, sizeof *order);
    uint32_t *by_offset = ink_arena_array(m->graph->arena, count, sizeof *by_offset);
    if (!order || !by_offset)
        return no_memory(m);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && plan->buffers[order[at - 1]].floats < plan->buffers[i].floats; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (uint32_t n = 0; n < count; n++) {
        ink_plan_buffer *buffer = &plan->buffers[order[n]];
        size_t offset = 0;
        if (!buffer->floats)
            continue;
        /* by_offset lists the placed ones by their offset, so one pass finds the lowest gap. */
        for (uint32_t i = 0; i < n; i++) {
            const ink_plan_buffer *other = &plan->buffers[by_offset[i]];
            if (other->last < buffer->first || other->first > buffer->last)
                continue;
            if (offset + buffer->floats <= other->offset)
                break;
            const size_t end = ink_round_up(other->offset + other->floats, INK_ALIGNMENT / sizeof(float));
            offset = end > offset ? end : offset;
        }
        buffer->offset = offset;
        uint32_t at = n;
        for (; at > 0 && plan->buffers[by_offset[at - 1]].offset > buffer->offset; at--)
            by_offset[at] = by_offset[at - 1];
        by_offset[at] = order[n];
        if (buffer->offset + buffer->floats > plan->image_floats)
            plan->image_floats = buffer->offset + buffer->floats;
    }
    plan->image_floats = ink_round_up(plan->image_floats, INK_ALIGNMENT / sizeof(float));
    return INK_OK;
}

static void set_lifetimes(ink_plan *plan)
{
    for (uint32_t i = 0; i < plan->buffer_count; i++)
        plan->buffers[i].last = plan->buffers[i].first;
    for (size_t i = 0; i < plan->step_count; i++)
        for (uint32_t k = 0; k < plan->steps[i].input_count; k++)
            plan->buffers[plan->steps[i].inputs[k].buffer].last = (uint32_t)i + 1;
    /* The output is read after the last step. */
    plan->buffers[plan->output.buffer].last = (uint32_t)plan->step_count + 1;
}

/* As many images at once as keep their activations within about half of a usual second-level cache,
 * so that weights are read once for several images and activations stay near. */
static size_t choose_batch(size_t image_floats)
{
    enum { BYTES = 256 * 1024, MOST = 48 };
    size_t images = BYTES / (image_floats * sizeof(float) + 1);
    return images < 1 ? 1 : images > MOST ? MOST : images;
}

ink_status ink_plan_make(ink_plan *plan, const ink_graph *graph, ink_cpu cpu, bool probabilities,
                         float scale, const ink_limits *limits, ink_error *error)
{
    *plan = (ink_plan){ 0 };
    maker m = { .plan = plan, .graph = graph, .error = error,
                .prepare = { graph->arena, cpu, limits->memory, error } };
    /* Each node gives one step at most, and each of its inputs one copy, and one of them bytes; then the end. */
    size_t most = 4;
    for (size_t i = 0; i < graph->node_count; i++)
        most += 2 + graph->nodes[i].input_count;
    m.values = ink_arena_array(graph->arena, graph->node_count + 1, sizeof *m.values);
    m.live = ink_arena_array(graph->arena, graph->node_count, sizeof *m.live);
    m.source = ink_arena_array(graph->arena, most, sizeof *m.source);
    plan->steps = ink_arena_array(graph->arena, most, sizeof *plan->steps);
    plan->buffers = ink_arena_array(graph->arena, most, sizeof *plan->buffers);
    if (!m.values || !m.live || !m.source || !plan->steps || !plan->buffers)
        return no_memory(&m);
    count_uses(&m);

    ink_view *input = &m.values[0].view;
    input->shape = ink_graph_value_shape(graph, 0);
    uint64_t pixels;
    if (!ink_shape_elements(input->shape, &pixels) || pixels > limits->memory / sizeof(float))
        return ink_fail(error, INK_ERR_LIMIT, "the input of %ux%ux%u is over the limit of %llu bytes "
                        "an image", input->shape.dim[0], input->shape.dim[1], input->shape.dim[2],
                        (unsigned long long)limits->memory);
    ink_view_rows(input);
    m.values[0].sparse = graph->input.offset == 0;
    input->buffer = plan->input_buffer = add_buffer(&m, input->elements);
    for (size_t i = 0; i < graph->node_count; i++) {
        const ink_node *node = &graph->nodes[i];
        const uint32_t at = (uint32_t)i + 1;
        if (!m.live[i] || fuse_behind(&m, node, at) || fuse_pad(&m, node, at) ||
            fuse_flatten(&m, node, at))
            continue;
        INK_TRY(node->op->wants == INK_IS_VIEW ? lower_view(&m, node, at) : lower_step(&m, node, at));
    }
    INK_TRY(finish(&m, probabilities));
    if (graph->arena->failed)
        return no_memory(&m);
    INK_TRY(take_pixels(&m, scale));

    for (size_t i = 0; i < plan->step_count; i++) {
        ink_step *step = &plan->steps[i];
        INK_TRY(step->op->prepare(step, &m.prepare));
        plan->packed_bytes += step->weight_bytes;
        if (step->scratch > plan->scratch_floats)
            plan->scratch_floats = step->scratch;
    }
    set_lifetimes(plan);
    share_in_place(plan);
    INK_TRY(place(&m));
    if (plan->image_floats + plan->scratch_floats > limits->memory / sizeof(float))
        return ink_fail(error, INK_ERR_LIMIT, "one image needs %zu bytes, the limit is %llu",
                        (plan->image_floats + plan->scratch_floats) * sizeof(float),
                        (unsigned long long)limits->memory);
    plan->batch = choose_batch(plan->image_floats);
    return INK_OK;
}
