/* From float weights to I8: docs/formats.md, "I8 weights", says what they mean. A weight's scale is the largest of its output
 * channel by 127. An input's is taken from a histogram of what it was while pictures were shown: of several ranges that
 * with the smallest mean squared error, since a few values cut off cost less than all others rounded more coarsely. */
#include "model/model.h"

#include "ops/int8.h"
#include "tensor/type.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SIDE = 2048, BINS = 2 * SIDE, ROUNDS = 80 };

/* How often an input had which values: bin SIDE + i counts those from i * width to (i + 1) * width. */
typedef struct histogram {
    double width; /* 0: no value yet but 0; else a power of two */
    float low, high;
    uint64_t zeros; /* are exact in any range */
    uint64_t bins[BINS];
} histogram;

/* A layer that gets I8 weights. */
typedef struct layer {
    const ink_step *step;
    bool picture; /* it reads the picture itself, whose pixels are bytes: `range` */
    ink_quantum range;
    histogram *seen;
} layer;

struct ink_quantizer {
    ink_allocator allocator;
    ink_arena arena;
    const ink_model *model;
    ink_session *session;
    size_t layer_count, images;
    layer *layers;
};

/* ---- histograms ---- */

/* Twice as wide bins, so that larger values have one. */
static void widen(histogram *h)
{
    for (size_t i = 0; i < SIDE / 2; i++) {
        h->bins[SIDE + i] = h->bins[SIDE + 2 * i] + h->bins[SIDE + 2 * i + 1];
        h->bins[SIDE - 1 - i] = h->bins[SIDE - 1 - 2 * i] + h->bins[SIDE - 2 - 2 * i];
    }
    for (size_t i = SIDE / 2; i < SIDE; i++)
        h->bins[SIDE + i] = h->bins[SIDE - 1 - i] = 0;
    h->width *= 2;
}

static void add_values(histogram *h, const float *x, size_t count)
{
    float low = h->low, high = h->high;
    for (size_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    if (!(low >= -FLT_MAX && high <= FLT_MAX))
        return; /* infinite: no range holds it */
    h->low = low;
    h->high = high;
    const double largest = fmax(-(double)low, (double)high);
    if (largest > 0 && h->width == 0)
        h->width = ldexp(1, ilogb(largest) + 1) / SIDE;
    while (largest >= h->width * SIDE && largest > 0)
        widen(h);
    const double inverse = h->width > 0 ? 1 / h->width : 0;
    for (size_t i = 0; i < count; i++)
        if (x[i] == 0)
            h->zeros++;
        else if (x[i] == x[i])
            h->bins[SIDE + (ptrdiff_t)floor((double)x[i] * inverse)]++;
}

/* The sum of squared errors of all that was seen. */
static double error_of(const histogram *h, ink_quantum q)
{
    double sum = 0;
    for (size_t i = 0; i < BINS; i++)
        if (h->bins[i]) {
            const double v = ((double)i - SIDE + 0.5) * h->width;
            const double byte = fmin(fmax(nearbyint(v / (double)q.scale + q.zero), 0), 255);
            const double off = (byte - q.zero) * (double)q.scale - v;
            sum += (double)h->bins[i] * off * off;
        }
    return sum;
}

/* Bytes for low to high, in which 0 is exact: padding is 0. */
static ink_quantum quantum_of(double low, double high)
{
    ink_quantum q = { .scale = (float)fmin(fmax((high - low) / 255, 1e-9), 1e9) };
    q.zero = (uint8_t)fmin(nearbyint(-low / (double)q.scale), 255);
    return q;
}

static ink_quantum choose_range(const histogram *h)
{
    if (h->low == 0 && h->high == 0)
        return (ink_quantum){ 1, 0 };
    ink_quantum best = quantum_of((double)h->low, (double)h->high);
    double least = error_of(h, best);
    for (int i = ROUNDS - 1; i > 0; i--) {
        const double share = 1 - (double)(ROUNDS - i) / (ROUNDS + 1);
        const ink_quantum q = quantum_of((double)h->low * share, (double)h->high * share);
        const double error = error_of(h, q);
        if (error < least) {
            least = error;
            best = q;
        }
    }
    return best;
}

/* A pixel is its own byte, where 0 has one. */
static bool picture_range(const ink_model_info *info, ink_quantum *q)
{
    const double scale = (double)info->input_scale, offset = (double)info->input_offset;
    const double zero = nearbyint(-fmin(offset, offset + 255 * scale) / fabs(scale));
    *q = (ink_quantum){ (float)fabs(scale), (uint8_t)(zero >= 0 && zero <= 255 ? zero : 0) };
    return zero >= 0 && zero <= 255 && q->scale >= 1e-9f && q->scale <= 1e9f;
}

/* ---- which layers ---- */

static bool is_kept(const char *keep, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = keep ? keep : ""; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && !strncmp(at, name, length))
            return true;
    return false;
}

static bool is_layer(const ink_node *node)
{
    return node && (node->op == &ink_op_conv2d || node->op == &ink_op_dense);
}

static ink_status check_keep(const ink_graph *graph, const char *keep, ink_error *error)
{
    for (const char *at = keep ? keep : ""; *at; at += strcspn(at, ","), at += *at == ',') {
        const int length = (int)strcspn(at, ",");
        bool found = false;
        for (size_t i = 0; i < graph->node_count; i++)
            found = found || (is_layer(&graph->nodes[i]) && strlen(graph->nodes[i].name) == (size_t)length &&
                              !strncmp(graph->nodes[i].name, at, (size_t)length));
        if (!found)
            return ink_fail(error, INK_ERR_ARGUMENT, "keep: there is no conv2d or dense node '%.*s'",
                            length > 64 ? 64 : length, at);
    }
    return INK_OK;
}

/* True where a buffer holds the picture, maybe in another layout. */
static bool holds_picture(const ink_plan *plan, uint32_t buffer, size_t before)
{
    while (before-- > 0)
        if (plan->steps[before].output.buffer == buffer)
            return plan->steps[before].op == &ink_op_copy &&
                   holds_picture(plan, plan->steps[before].inputs[0].buffer, before);
    return buffer == plan->input_buffer;
}

static bool can_be(const ink_graph *graph, const ink_step *step, const char *keep)
{
    if (!is_layer(step->node) || is_kept(keep, step->node->name))
        return false;
    const ink_tensor_info *weight = step->node->parameters[INK_INT8_WEIGHT];
    uint64_t terms = 1;
    for (uint32_t i = 1; i < weight->rank; i++)
        terms *= weight->dim[i];
    /* A batch norm that is the output could not be left out. */
    return terms <= INK_INT8_TERMS && step->batch_norm != &graph->nodes[graph->node_count - 1] &&
           (step->op != &ink_op_conv2d || ink_attr_u32(&step->node->attributes, INK_ATTR_GROUPS, 0) == 1);
}

static layer make_layer(ink_quantizer *q, size_t step)
{
    const ink_plan *plan = &q->model->plan;
    layer l = { .step = &plan->steps[step], .seen = ink_arena_array(&q->arena, 1, sizeof(histogram)) };
    l.picture = holds_picture(plan, l.step->inputs[0].buffer, step) && picture_range(&q->model->info, &l.range);
    return l;
}

static ink_status find_layers(ink_quantizer *q, const char *keep, ink_error *error)
{
    const ink_plan *plan = &q->model->plan;
    const ink_node *quantized = ink_int8_find(q->model->graph.nodes, q->model->graph.node_count);
    if (quantized)
        return ink_fail(error, INK_ERR_TYPE, "node '%.64s' (%s): its weight is i8 already", quantized->name,
                        quantized->op->name);
    INK_TRY(check_keep(&q->model->graph, keep, error));
    q->layers = ink_arena_array(&q->arena, plan->step_count, sizeof *q->layers);
    for (size_t i = 0; q->layers && i < plan->step_count; i++)
        if (can_be(&q->model->graph, &plan->steps[i], keep))
            q->layers[q->layer_count++] = make_layer(q, i);
    if (q->arena.failed)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the quantizer");
    return q->layer_count ? INK_OK : ink_fail(error, INK_ERR_GRAPH, "the network has no conv2d of one group and no dense "
                                              "node that could have i8 weights");
}

/* ---- looking on ---- */

static void observe(void *context, const ink_step *step, const float *input, size_t count)
{
    ink_quantizer *q = context;
    for (size_t i = 0; i < q->layer_count; i++)
        if (q->layers[i].step == step && !q->layers[i].picture)
            add_values(q->layers[i].seen, input, count);
}

ink_status ink_quantizer_open(const ink_model *model, const ink_quantizer_options *options, ink_quantizer **out,
                              ink_error *error)
{
    ink_quantizer_options o;
    if (!model || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_quantizer_open: an argument is NULL");
    *out = NULL;
    if (!ink_options_read(&o, sizeof o, options))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_quantizer_options: its size is not set");
    const ink_allocator allocator = ink_allocator_or_default(o.allocator);
    ink_quantizer *q = ink_alloc(&allocator, sizeof *q);
    if (!q)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the quantizer");
    *q = (ink_quantizer){ .allocator = allocator, .model = model };
    ink_arena_init(&q->arena, &allocator);
    ink_session_options how = INK_SESSION_OPTIONS_INIT;
    how.allocator = &allocator;
    ink_status status = find_layers(q, o.keep, error);
    if (!status)
        status = ink_session_open(model, &how, &q->session, error);
    if (status) {
        ink_quantizer_close(&q);
        return status;
    }
    ink_session_observe(q->session, observe, q);
    *out = q;
    return INK_OK;
}

void ink_quantizer_close(ink_quantizer **quantizer)
{
    if (!quantizer || !*quantizer)
        return;
    const ink_allocator allocator = (*quantizer)->allocator;
    ink_session_close(&(*quantizer)->session);
    ink_arena_free(&(*quantizer)->arena);
    ink_free(&allocator, *quantizer);
    *quantizer = NULL;
}

ink_status ink_quantizer_add(ink_quantizer *quantizer, const uint8_t *pixels, size_t images, ink_error *error)
{
    enum { AT_ONCE = 256 };
    if (!quantizer || (!pixels && images))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_quantizer_add: an argument is NULL");
    const ink_model_info *info = &quantizer->model->info;
    const size_t picture = (size_t)info->channels * info->height * info->width;
    const size_t most = info->classes > 4096 ? 1 : AT_ONCE;
    float *answers = ink_alloc(&quantizer->allocator, most * info->classes * sizeof *answers);
    ink_status status = INK_OK;
    if (!answers)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for the answers of %zu images", most);
    for (size_t done = 0; done < images && !status; done += most)
        status = ink_session_run_u8(quantizer->session, pixels + done * picture,
                                    images - done < most ? images - done : most, answers, error);
    ink_free(&quantizer->allocator, answers);
    if (!status)
        quantizer->images += images;
    return status;
}

/* ---- the new graph ---- */

static ink_status no_memory(ink_error *error)
{
    return ink_fail(error, INK_ERR_MEMORY, "no memory for the quantized network");
}

static const layer *layer_of(const ink_quantizer *q, const ink_node *node)
{
    for (size_t i = 0; i < q->layer_count; i++)
        if (q->layers[i].step->node == node)
            return &q->layers[i];
    return NULL;
}

static bool is_folded(const ink_quantizer *q, const ink_node *node)
{
    for (size_t i = 0; i < q->layer_count; i++)
        if (q->layers[i].step->batch_norm == node)
            return true;
    return false;
}

static ink_status add_tensor(ink_graph *graph, const ink_node *node, size_t parameter, ink_type type, uint32_t rank,
                             const uint32_t *dim, const void *data, size_t bytes, ink_error *error)
{
    const char *name = ink_arena_format(graph->arena, "%s.%s", node->name, node->op->parameters[parameter].suffix);
    ink_tensor_info info = { .name = name, .type = type, .rank = rank, .bytes = bytes, .data = data };
    memcpy(info.dim, dim, rank * sizeof *dim);
    return name && data ? ink_graph_add_tensor(graph, &info, error) : no_memory(error);
}

/* A channel's weights as bytes; gives their scale. */
static float round_channel(const float *weight, size_t count, double factor, int8_t *out)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)weight[i] * factor));
    const float scale = largest > 0 ? (float)fmax(largest / 127, FLT_MIN) : 1;
    for (size_t i = 0; i < count; i++)
        out[i] = (int8_t)fmin(fmax(nearbyint((double)weight[i] * factor / (double)scale), -127), 127);
    return scale;
}

static ink_status add_weights(const layer *l, ink_graph *graph, ink_error *error)
{
    const ink_node *node = l->step->node, *norm = l->step->batch_norm;
    const ink_tensor_info *weight = node->parameters[INK_INT8_WEIGHT];
    const uint32_t channels = weight->dim[0];
    const size_t count = (size_t)ink_type_elements(ink_type_get(weight->type), weight->bytes), row = count / channels;
    float *floats = ink_arena_array(graph->arena, count, sizeof *floats);
    int8_t *bytes = ink_arena_array(graph->arena, count, sizeof *bytes);
    float *scale = ink_arena_array(graph->arena, channels, sizeof *scale);
    float *bias = ink_arena_array(graph->arena, channels, sizeof *bias);
    float *norm_scale = ink_arena_array(graph->arena, channels, sizeof *norm_scale);
    float *norm_shift = ink_arena_array(graph->arena, channels, sizeof *norm_shift);
    if (graph->arena->failed)
        return no_memory(error);
    ink_parameter_floats(node, INK_INT8_WEIGHT, count, 0, floats);
    ink_parameter_floats(node, INK_INT8_BIAS, channels, 0, bias);
    if (norm)
        ink_batch_norm_affine(norm, channels, norm_scale, norm_shift);
    for (size_t o = 0; o < channels; o++) {
        scale[o] = round_channel(floats + o * row, row, norm ? (double)norm_scale[o] : 1, bytes + o * row);
        if (norm)
            bias[o] = bias[o] * norm_scale[o] + norm_shift[o];
    }
    INK_TRY(add_tensor(graph, node, INK_INT8_WEIGHT, INK_I8, weight->rank, weight->dim, bytes, count, error));
    if (norm || node->parameters[INK_INT8_BIAS])
        INK_TRY(add_tensor(graph, node, INK_INT8_BIAS, INK_F32, 1, &channels, bias, channels * sizeof *bias, error));
    return add_tensor(graph, node, INK_INT8_SCALE, INK_F32, 1, &channels, scale, channels * sizeof *scale, error);
}

static void set_attribute(ink_node *node, ink_attribute attribute, double value)
{
    node->attributes.count[attribute] = 1;
    node->attributes.value[attribute][0] = value;
}

static ink_status add_node(const ink_quantizer *q, const ink_node *old, const uint32_t *value, ink_graph *graph,
                           ink_error *error)
{
    const char *inputs[INK_MAX_INPUTS];
    const layer *l = layer_of(q, old);
    ink_node *node;
    for (uint32_t i = 0; i < old->input_count; i++)
        inputs[i] = ink_graph_value_name(graph, value[old->inputs[i]]);
    INK_TRY(ink_graph_add(graph, old->op->name, old->name, inputs, old->input_count, &node, error));
    node->attributes = old->attributes;
    if (l) {
        const ink_quantum range = l->picture ? l->range : choose_range(l->seen);
        set_attribute(node, INK_ATTR_INPUT_SCALE, (double)range.scale);
        set_attribute(node, INK_ATTR_INPUT_ZERO, range.zero);
        return add_weights(l, graph, error);
    }
    for (size_t i = 0; i < old->op->parameter_count; i++)
        if (old->parameters[i])
            INK_TRY(ink_graph_add_tensor(graph, old->parameters[i], error));
    return INK_OK;
}

static ink_status make_graph(const ink_quantizer *q, ink_graph *graph, ink_arena *arena, ink_error *error)
{
    const ink_graph *old = &q->model->graph;
    uint32_t *value = ink_arena_array(arena, old->node_count + 1, sizeof *value); /* by value of the old graph */
    if (!value)
        return no_memory(error);
    INK_TRY(ink_graph_init(graph, arena, &old->input, error));
    graph->labels = old->labels;
    graph->label_count = old->label_count;
    for (uint32_t at = 1; at <= old->node_count; at++) {
        const ink_node *node = &old->nodes[at - 1];
        if (is_folded(q, node)) {
            value[at] = value[node->inputs[0]];
            continue;
        }
        INK_TRY(add_node(q, node, value, graph, error));
        value[at] = (uint32_t)graph->node_count;
    }
    return INK_OK;
}

ink_status ink_quantizer_make(const ink_quantizer *quantizer, ink_buffer *out, ink_error *error)
{
    if (!quantizer || !out)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_quantizer_make: an argument is NULL");
    *out = (ink_buffer){ 0 };
    if (!quantizer->images)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_quantizer_make: no picture was shown to it");
    ink_graph graph;
    ink_arena arena;
    ink_arena_init(&arena, &quantizer->allocator);
    ink_status status = make_graph(quantizer, &graph, &arena, error);
    if (!status)
        status = ink_layout_write(&graph, quantizer->model->metadata, quantizer->model->metadata_count, NULL,
                                  &quantizer->allocator, out, error);
    ink_arena_free(&arena);
    return status;
}
