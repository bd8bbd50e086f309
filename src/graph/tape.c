#include "graph/tape.h"

#include "base/checked.h"
#include "base/random.h"
#include "ops/int8.h"
#include "tensor/type.h"

#include <string.h>

enum { LINE = INK_ALIGNMENT / sizeof(float) };

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory for the tape");
}

/* ---- making ---- */

typedef struct maker {
    ink_tape *tape;
    const ink_graph *graph;
    ink_prepare prepare;
    uint32_t *uses; /* by value */
    uint32_t *step_of; /* by value: the step that makes it, from 1 */
} maker;

static ink_parameter_kind kind_of(const ink_node *node, size_t index)
{
    const char *suffix = node->op->parameters[index].suffix;
    if (!strcmp(suffix, "mean") || !strcmp(suffix, "variance"))
        return INK_PARAMETER_STATISTIC;
    return !strcmp(suffix, "weight") && node->op != &ink_op_batch_norm ? INK_PARAMETER_WEIGHT
                                                                       : INK_PARAMETER_BIAS;
}

static void add_parameters(maker *m, ink_tape_step *step)
{
    ink_tape *tape = m->tape;
    for (size_t i = 0; i < INK_MAX_PARAMETERS; i++) {
        const ink_tensor_info *tensor = step->node->parameters[i];
        step->parameter[i] = SIZE_MAX;
        if (!tensor)
            continue;
        size_t count = 1;
        for (uint32_t k = 0; k < tensor->rank; k++)
            count *= tensor->dim[k];
        step->parameter[i] = tape->parameter_floats;
        tape->parameters[tape->parameter_count++] = (ink_tape_parameter){
            tensor, step->node, i, tape->parameter_floats, count, kind_of(step->node, i),
            step->sparse && i == 0 };
        tape->parameter_floats += ink_round_up(count, LINE);
    }
}

/* A relu behind a convolution, dense layer or batch norm that nothing else reads becomes its end. */
static bool fuse_relu(maker *m, const ink_node *node, uint32_t at)
{
    const uint32_t input = node->inputs[0];
    float slope = 0;
    if (node->op == &ink_op_leaky_relu)
        slope = ink_attr_f32(&node->attributes, INK_ATTR_ALPHA);
    if ((node->op != &ink_op_relu && node->op != &ink_op_leaky_relu) || !(slope >= 0 && slope <= 1) ||
        m->uses[input] != 1 || !m->step_of[input])
        return false;
    ink_tape_step *step = &m->tape->steps[m->step_of[input] - 1];
    if ((step->op != &ink_op_conv2d && step->op != &ink_op_dense && step->op != &ink_op_batch_norm) ||
        step->slope != 1 ||
        step->output != input)
        return false;
    step->slope = slope;
    m->tape->values[at] = m->tape->values[input];
    m->step_of[at] = m->step_of[input];
    return true;
}

static ink_status add_value(maker *m, uint32_t at, bool wants_gradient)
{
    ink_tape *tape = m->tape;
    uint64_t elements;
    if (!ink_shape_elements(ink_graph_value_shape(m->graph, at), &elements) ||
        elements > UINT32_MAX || tape->value_floats > UINT32_MAX)
        return ink_fail(m->prepare.error, INK_ERR_LIMIT, "value '%s' is too large to train",
                        ink_graph_value_name(m->graph, at));
    tape->values[at] = (ink_tape_value){ tape->value_floats, (size_t)elements, at, wants_gradient };
    tape->value_floats += ink_round_up((size_t)elements, LINE);
    if (elements > tape->largest_value)
        tape->largest_value = (size_t)elements;
    return INK_OK;
}

static ink_status add_step(maker *m, const ink_node *node, uint32_t at)
{
    ink_tape *tape = m->tape;
    const size_t index = tape->step_count;
    ink_tape_step *step = &tape->steps[index];
    ink_shape *shapes = ink_arena_array(m->graph->arena, node->input_count, sizeof *shapes);
    uint32_t *inputs = ink_arena_array(m->graph->arena, node->input_count, sizeof *inputs);
    tape->uses[index] = ink_arena_array(m->graph->arena, node->input_count, sizeof **tape->uses);
    if (!shapes || !inputs || !tape->uses[index])
        return no_memory(m->prepare.error);
    *step = (ink_tape_step){ .op = node->op, .node = node, .input_count = node->input_count,
                             .output = at, .inputs = inputs, .input_shapes = shapes, .slope = 1 };
    for (uint32_t i = 0; i < node->input_count; i++) {
        shapes[i] = ink_graph_value_shape(m->graph, node->inputs[i]);
        inputs[i] = tape->values[node->inputs[i]].storage;
        step->wants_gradient = step->wants_gradient || tape->values[inputs[i]].wants_gradient;
    }
    step->sparse = node->op == &ink_op_dense && !step->wants_gradient;
    add_parameters(m, step);
    tape->step_count++;
    m->step_of[at] = (uint32_t)tape->step_count;
    INK_TRY(add_value(m, at, step->wants_gradient || node->op->parameter_count > 0));
    INK_TRY(node->op->tape_prepare(step, &m->prepare));
    tape->saved_at[index] = tape->saved_floats;
    tape->saved_floats += ink_round_up(step->saved, LINE);
    tape->saved_once_at[index] = tape->saved_once_floats;
    tape->saved_once_floats += ink_round_up(step->saved_once, LINE);
    if (step->scratch > tape->scratch_floats)
        tape->scratch_floats = ink_round_up(step->scratch, LINE);
    return INK_OK;
}

/* So does a max-pool behind that: then the convolution's own output, the largest value of a network, is never
 * kept. It must be the step made last, whose places can still be given back. */
static ink_status fuse_pool(maker *m, const ink_node *node, uint32_t at, bool *fused)
{
    ink_tape *tape = m->tape;
    const uint32_t input = node->inputs[0];
    const size_t index = tape->step_count - 1;
    *fused = false;
    if (node->op != &ink_op_max_pool2d || m->uses[input] != 1 || m->step_of[input] != tape->step_count ||
        ink_attr_u32(&node->attributes, INK_ATTR_KERNEL, 0) *
            (uint64_t)ink_attr_u32(&node->attributes, INK_ATTR_KERNEL, 1) > 256)
        return INK_OK;
    ink_tape_step *step = &tape->steps[index];
    const ink_tape_value old = tape->values[step->output];
    if (step->op != &ink_op_conv2d || step->pool || old.storage != tape->values[input].storage)
        return INK_OK;
    INK_TRY(ink_conv2d_tape_pool(step, node, &m->prepare));
    tape->saved_floats = tape->saved_at[index] + ink_round_up(step->saved, LINE);
    tape->value_floats = old.at;
    step->output = at;
    m->step_of[at] = (uint32_t)tape->step_count;
    if (step->scratch > tape->scratch_floats)
        tape->scratch_floats = ink_round_up(step->scratch, LINE);
    *fused = true;
    return add_value(m, at, old.wants_gradient);
}

/* Backward goes through the steps from the last to the first: the first reader that it meets writes a
 * value's gradient, the others add. */
static ink_status set_uses(maker *m)
{
    ink_tape *tape = m->tape;
    bool *written = ink_arena_array(m->graph->arena, m->graph->node_count + 1, sizeof *written);
    if (!written)
        return no_memory(m->prepare.error);
    for (size_t i = tape->step_count; i-- > 0;)
        for (uint32_t k = 0; k < tape->steps[i].input_count; k++) {
            const uint32_t input = tape->steps[i].inputs[k];
            tape->uses[i][k].add = written[input];
            written[input] = true;
        }
    return INK_OK;
}

ink_status ink_tape_make(ink_tape *tape, const ink_graph *graph, ink_cpu cpu, const ink_limits *limits,
                         ink_error *error)
{
    const size_t nodes = graph->node_count;
    ink_arena *arena = graph->arena;
    *tape = (ink_tape){ .graph = graph, .relu_grad = ink_kernel_find(INK_KERNEL_relu_grad_f32, cpu) };
    maker m = { .tape = tape, .graph = graph, .prepare = { arena, cpu, limits->memory, error } };
    m.uses = ink_arena_array(arena, nodes + 1, sizeof *m.uses);
    m.step_of = ink_arena_array(arena, nodes + 1, sizeof *m.step_of);
    bool *live = ink_arena_array(arena, nodes + 1, sizeof *live);
    tape->steps = ink_arena_array(arena, nodes, sizeof *tape->steps);
    tape->saved_at = ink_arena_array(arena, nodes, sizeof *tape->saved_at);
    tape->saved_once_at = ink_arena_array(arena, nodes, sizeof *tape->saved_once_at);
    tape->uses = ink_arena_array(arena, nodes, sizeof *tape->uses);
    tape->values = ink_arena_array(arena, nodes + 1, sizeof *tape->values);
    tape->parameters = ink_arena_array(arena, graph->tensor_count, sizeof *tape->parameters);
    if (arena->failed)
        return no_memory(error);
    /* A softmax at the end is a part of the loss, which is exact and stable on the logits. */
    tape->logits = (uint32_t)nodes;
    while (tape->logits && (graph->nodes[tape->logits - 1].op == &ink_op_softmax ||
                            graph->nodes[tape->logits - 1].op == &ink_op_log_softmax))
        tape->logits = graph->nodes[tape->logits - 1].inputs[0];
    if (!tape->logits)
        return ink_fail(error, INK_ERR_GRAPH, "the graph has nothing to train");
    live[tape->logits] = true;
    for (uint32_t at = tape->logits; at > 0; at--)
        for (uint32_t k = 0; live[at] && k < graph->nodes[at - 1].input_count; k++) {
            live[graph->nodes[at - 1].inputs[k]] = true;
            m.uses[graph->nodes[at - 1].inputs[k]]++;
        }
    INK_TRY(add_value(&m, 0, false));
    for (uint32_t at = 1; at <= tape->logits; at++)
        if (live[at] && ink_is_int8(&graph->nodes[at - 1]))
            return ink_fail(error, INK_ERR_GRAPH, "node '%.64s' (%s): its weight is i8, which cannot be trained",
                            graph->nodes[at - 1].name, graph->nodes[at - 1].op->name);
        else if (live[at] && !fuse_relu(&m, &graph->nodes[at - 1], at)) {
            bool fused;
            INK_TRY(fuse_pool(&m, &graph->nodes[at - 1], at, &fused));
            if (!fused)
                INK_TRY(add_step(&m, &graph->nodes[at - 1], at));
        }
    return set_uses(&m);
}

/* ---- parameters ---- */

void ink_tape_import(const ink_tape *tape, float *parameters)
{
    memset(parameters, 0, tape->parameter_floats * sizeof *parameters);
    for (size_t i = 0; i < tape->parameter_count; i++) {
        const ink_tape_parameter *p = &tape->parameters[i];
        for (size_t k = 0; k < p->count; k++)
            parameters[p->at + ink_tape_place(p, k)] = ink_type_element(p->tensor->type, p->tensor->data, k);
    }
}

void ink_tape_export(const ink_tape *tape, const ink_tape_parameter *p, const float *parameters,
                     float *floats)
{
    (void)tape;
    for (size_t k = 0; k < p->count; k++)
        floats[k] = parameters[p->at + ink_tape_place(p, k)];
}

void ink_tape_pack(const ink_tape *tape, size_t step, const float *parameters)
{
    if (tape->steps[step].op->tape_pack)
        tape->steps[step].op->tape_pack(&tape->steps[step], parameters);
}

/* ---- running ----
 * An arena holds, each for `capacity` images: the values, their gradients, one gradient apart, and what
 * steps save; then what they save once, and the scratch. */

size_t ink_tape_arena_floats(const ink_tape *tape, size_t images)
{
    return images * (2 * tape->value_floats + ink_round_up(tape->largest_value, LINE) +
                     tape->saved_floats) + tape->saved_once_floats + tape->scratch_floats;
}

static float *value_at(const ink_tape *tape, const ink_tape_pass *pass, uint32_t value, bool gradient)
{
    return pass->arena + ((gradient ? tape->value_floats : 0) +
                          tape->values[tape->values[value].storage].at) * pass->capacity;
}

float *ink_tape_input(const ink_tape *tape, const ink_tape_pass *pass)
{
    return value_at(tape, pass, 0, false);
}

float *ink_tape_logits(const ink_tape *tape, const ink_tape_pass *pass)
{
    return value_at(tape, pass, tape->logits, false);
}

float *ink_tape_logits_gradient(const ink_tape *tape, const ink_tape_pass *pass)
{
    return value_at(tape, pass, tape->logits, true);
}

static ink_tape_run run_of(const ink_tape *tape, const ink_tape_pass *pass, size_t index,
                           const float **inputs)
{
    const ink_tape_step *step = &tape->steps[index];
    const size_t n = pass->capacity;
    float *saved = pass->arena + n * (2 * tape->value_floats + ink_round_up(tape->largest_value, LINE));
    float *once = saved + n * tape->saved_floats;
    for (uint32_t i = 0; i < step->input_count; i++)
        inputs[i] = value_at(tape, pass, step->inputs[i], false);
    return (ink_tape_run){
        .images = pass->images, .inputs = inputs, .output = value_at(tape, pass, step->output, false),
        .d_output = value_at(tape, pass, step->output, true), .parameters = pass->parameters,
        .gradients = pass->gradients,
        .saved = step->saved_once ? once + tape->saved_once_at[index] : saved + n * tape->saved_at[index],
        .scratch = once + tape->saved_once_floats, .learning = pass->learning,
        .random = ink_stream(pass->random, index) };
}

void ink_tape_forward(const ink_tape *tape, const ink_tape_pass *pass)
{
    for (size_t i = 0; i < tape->step_count; i++) {
        const float *inputs[INK_MAX_INPUTS];
        const ink_tape_run run = run_of(tape, pass, i, inputs);
        tape->steps[i].op->tape_forward(&tape->steps[i], &run);
    }
}

void ink_tape_backward(const ink_tape *tape, const ink_tape_pass *pass)
{
    float *apart = pass->arena + 2 * tape->value_floats * pass->capacity;
    for (size_t i = tape->step_count; i-- > 0;) {
        const ink_tape_step *step = &tape->steps[i];
        const float *inputs[INK_MAX_INPUTS];
        float *d_inputs[INK_MAX_INPUTS];
        ink_tape_run run = run_of(tape, pass, i, inputs);
        if (step->slope != 1)
            tape->relu_grad->run.relu_grad_f32(&(ink_relu_grad_f32){
                pass->images * tape->values[step->output].elements, step->slope, run.output, run.d_output });
        /* An operator with several inputs writes each gradient at once; those that must be added go one
         * at a time, with the others switched off. */
        bool adds = false;
        for (uint32_t k = 0; k < step->input_count; k++) {
            const bool wanted = tape->values[step->inputs[k]].wants_gradient;
            d_inputs[k] = wanted && !tape->uses[i][k].add ? value_at(tape, pass, step->inputs[k], true) : NULL;
            adds = adds || (wanted && tape->uses[i][k].add);
        }
        run.d_inputs = d_inputs;
        if (!adds || step->input_count > 1 || d_inputs[0])
            step->op->tape_backward(step, &run);
        for (uint32_t k = 0; adds && k < step->input_count; k++) {
            if (!tape->values[step->inputs[k]].wants_gradient || !tape->uses[i][k].add)
                continue;
            for (uint32_t other = 0; other < step->input_count; other++)
                d_inputs[other] = other == k ? apart : NULL;
            step->op->tape_backward(step, &run);
            float *gradient = value_at(tape, pass, step->inputs[k], true);
            const size_t size = pass->images * tape->values[step->inputs[k]].elements;
            for (size_t n = 0; n < size; n++)
                gradient[n] += apart[n];
        }
    }
}
