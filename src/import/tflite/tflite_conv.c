#include "import/tflite/tflite_value.h"

enum { SAME, VALID }; /* paddings */

static const uint8_t row_major[INK_TFLITE_AXES] = { 0, 1, 2, 3 };

/* ---- windows ---- */

/* A side of a window, and what it makes of a side of the picture. */
typedef struct window {
    uint64_t size, stride, dilation;
    uint64_t before, after, out;
} window;

/* SAME puts the odd pixel of padding behind. */
static bool fit(ink_tflite_work *work, window *w, uint64_t in, int32_t padding)
{
    if (!w->size || w->size > 1024 || !w->stride || w->stride > 1024 || !w->dilation || w->dilation > 1024 ||
        (padding != SAME && padding != VALID)) {
        ink_tflite_fault(work, "a window of %llu, stride %llu, dilation %llu or padding %ld is not supported",
                         (unsigned long long)w->size, (unsigned long long)w->stride, (unsigned long long)w->dilation,
                         (long)padding);
        return false;
    }
    const uint64_t extent = (w->size - 1) * w->dilation + 1;
    w->before = w->after = 0;
    if (padding == SAME) {
        w->out = (in + w->stride - 1) / w->stride;
        const uint64_t needed = (w->out - 1) * w->stride + extent, missing = needed > in ? needed - in : 0;
        w->before = missing / 2;
        w->after = missing - w->before;
    } else if (extent <= in)
        w->out = (in - extent) / w->stride + 1;
    else {
        ink_tflite_fault(work, "a window of %llu does not fit %llu pixels", (unsigned long long)extent,
                         (unsigned long long)in);
        return false;
    }
    return true;
}

/* ---- weights ---- */

/* Input 2, if there is one. */
static bool put_bias(ink_tflite_work *work, const char *node, uint64_t outputs)
{
    ink_tflite_floats bias;
    if (!ink_tflite_has_input(work, 2))
        return true;
    if (!ink_tflite_constant(work, 2, &bias))
        return false;
    if (bias.elements != outputs) {
        ink_tflite_fault(work, "its bias has %llu numbers, wanted %llu", (unsigned long long)bias.elements,
                         (unsigned long long)outputs);
        return false;
    }
    float *to = ink_tflite_tensor_new(work, node, "bias", 1, &outputs);
    for (uint64_t i = 0; to && i < outputs; i++)
        to[i] = ink_tflite_float(&bias, i);
    return to != NULL;
}

/* TensorFlow has O, KH, KW, I, and depthwise 1, KH, KW, O. */
static bool put_filters(ink_tflite_work *work, const char *node, const ink_tflite_floats *from, bool depthwise,
                        const uint64_t *dim)
{
    float *to = ink_tflite_tensor_new(work, node, "weight", 4, dim);
    const uint64_t outputs = dim[0], inputs = dim[1], pixels = dim[2] * dim[3];
    if (!to)
        return false;
    for (uint64_t o = 0; o < outputs; o++)
        for (uint64_t i = 0; i < inputs; i++)
            for (uint64_t p = 0; p < pixels; p++)
                *to++ = ink_tflite_float(from, depthwise ? p * outputs + o : (o * pixels + p) * inputs + i);
    return true;
}

/* ---- convolutions ---- */

typedef struct conv {
    uint64_t outputs, inputs, groups; /* inputs of a group */
    window h, w;
    int32_t activation;
    bool depthwise;
} conv;

/* The window of a convolution of pixels that were dealt out. */
static bool fit_space(ink_tflite_work *work, conv *c, const ink_tflite_value *x, int32_t padding)
{
    window *windows[2] = { &c->h, &c->w };
    for (int i = 0; i < 2; i++) {
        window *w = windows[i];
        const uint64_t before = x->space->before[i], after = x->space->after[i];
        if (padding != VALID || w->stride != 1 || w->dilation != 1 || x->is_convolved) {
            ink_tflite_fault(work, "between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND only one plain convolution is "
                             "supported");
            return false;
        }
        w->dilation = x->space->dilation[i];
        if (!fit(work, w, x->dim[i] + before + after, VALID))
            return false;
        w->before = before;
        w->after = after;
    }
    return true;
}

static void run_conv(ink_tflite_work *work, conv *c, int32_t padding)
{
    ink_tflite_value x;
    ink_tflite_floats filters;
    if (!ink_tflite_take_picture(work, &x) || !ink_tflite_constant(work, 1, &filters))
        return;
    const int32_t *dim = filters.tensor->dim;
    const uint64_t channels = x.dim[2];
    if (filters.tensor->rank != 4 || (c->depthwise && dim[0] != 1)) {
        ink_tflite_fault(work, "its weights '%.60s' are not those of a convolution", filters.tensor->name);
        return;
    }
    c->outputs = (uint64_t)dim[c->depthwise ? 3 : 0];
    c->inputs = c->depthwise ? 1 : (uint64_t)dim[3];
    c->groups = channels / c->inputs;
    c->h.size = (uint64_t)dim[1];
    c->w.size = (uint64_t)dim[2];
    if (channels % c->inputs || !c->groups || c->outputs % c->groups) {
        ink_tflite_fault(work, "its weights are for %llu channels, its input has %llu", (unsigned long long)c->inputs,
                         (unsigned long long)channels);
        return;
    }
    if (x.space ? !fit_space(work, c, &x, padding)
                : !fit(work, &c->h, x.dim[0], padding) || !fit(work, &c->w, x.dim[1], padding))
        return;
    const uint64_t shape[4] = { c->outputs, c->inputs, c->h.size, c->w.size };
    const char *node = INK_TFLITE_NODE(
        work, "conv2d", x.node,
        "filters=%llu kernel=%llu,%llu stride=%llu,%llu padding=%llu,%llu,%llu,%llu dilation=%llu,%llu groups=%llu",
        (unsigned long long)c->outputs, (unsigned long long)c->h.size, (unsigned long long)c->w.size,
        (unsigned long long)c->h.stride, (unsigned long long)c->w.stride, (unsigned long long)c->h.before,
        (unsigned long long)c->w.before, (unsigned long long)c->h.after, (unsigned long long)c->w.after,
        (unsigned long long)c->h.dilation, (unsigned long long)c->w.dilation, (unsigned long long)c->groups);
    x = ink_tflite_made(x, node);
    x.dim[0] = c->h.out;
    x.dim[1] = c->w.out;
    x.dim[2] = c->outputs;
    x.is_convolved = x.space != NULL;
    if (put_filters(work, node, &filters, c->depthwise, shape) && put_bias(work, node, c->outputs))
        ink_tflite_give_activated(work, x, c->activation);
}

void ink_tflite_run_conv_2d(ink_tflite_work *work)
{
    enum { PADDING, STRIDE_W, STRIDE_H, ACTIVATION, DILATION_W, DILATION_H };
    conv c = { .h = { .stride = ink_tflite_option(work, STRIDE_H, 0),
                      .dilation = ink_tflite_option(work, DILATION_H, 1) },
               .w = { .stride = ink_tflite_option(work, STRIDE_W, 0),
                      .dilation = ink_tflite_option(work, DILATION_W, 1) },
               .activation = ink_tflite_option_i8(work, ACTIVATION) };
    run_conv(work, &c, ink_tflite_option_i8(work, PADDING));
}

/* The multiplier that the options tell is what the weights tell, too. */
void ink_tflite_run_depthwise_conv_2d(ink_tflite_work *work)
{
    enum { PADDING, STRIDE_W, STRIDE_H, MULTIPLIER, ACTIVATION, DILATION_W, DILATION_H };
    conv c = { .h = { .stride = ink_tflite_option(work, STRIDE_H, 0),
                      .dilation = ink_tflite_option(work, DILATION_H, 1) },
               .w = { .stride = ink_tflite_option(work, STRIDE_W, 0),
                      .dilation = ink_tflite_option(work, DILATION_W, 1) },
               .activation = ink_tflite_option_i8(work, ACTIVATION), .depthwise = true };
    run_conv(work, &c, ink_tflite_option_i8(work, PADDING));
}

/* What BATCH_TO_SPACE_ND will crop of what the node at work gives: its input 2, when the way there is plain. */
static bool find_crops(ink_tflite_work *work, uint64_t *crops)
{
    const ink_tflite_file *file = &work->file;
    const ink_tflite_node *here = work->node;
    ink_tflite_number numbers[INK_TFLITE_MOST_NUMBERS];
    uint32_t count;
    int32_t tensor = here->output;
    for (const ink_tflite_node *node = here; node < file->nodes + file->node_count && work->uses[tensor] == 1; node++) {
        if (node->input_count < 1 || node->input[0] != tensor || node->output < 0)
            continue;
        tensor = node->output;
        if (node->op != INK_TFLITE_BATCH_TO_SPACE_ND)
            continue;
        work->node = node;
        const bool found = ink_tflite_numbers(work, 2, numbers, &count);
        work->node = here;
        for (uint32_t i = 0; found && i < 4 && count == 4; i++)
            crops[i] = (uint64_t)numbers[i].value;
        return found && count == 4;
    }
    return false;
}

void ink_tflite_run_space_to_batch_nd(ink_tflite_work *work)
{
    ink_tflite_value x;
    ink_tflite_number block[INK_TFLITE_MOST_NUMBERS], pads[INK_TFLITE_MOST_NUMBERS];
    uint64_t crops[4];
    uint32_t blocks, count;
    ink_tflite_space *space = ink_arena_array(work->draft->arena, 1, sizeof *space);
    if (!space || !ink_tflite_take_picture(work, &x) || !ink_tflite_numbers(work, 1, block, &blocks) ||
        !ink_tflite_numbers(work, 2, pads, &count))
        return;
    bool fits = blocks == 2 && count == 4 && find_crops(work, crops);
    for (int i = 0; fits && i < 2; i++) {
        const int64_t before = pads[2 * i].value, after = pads[2 * i + 1].value;
        fits = block[i].value >= 1 && block[i].value <= 1024 && before >= 0 && before <= 1024 && after >= 0 &&
               after <= 2048 && crops[2 * i] == 0 && crops[2 * i + 1] <= (uint64_t)after;
        if (!fits)
            break;
        space->dilation[i] = (uint64_t)block[i].value;
        space->before[i] = (uint64_t)before;
        space->after[i] = (uint64_t)after - crops[2 * i + 1];
    }
    x.space = space;
    if (fits)
        ink_tflite_give(work, x);
    else
        ink_tflite_fault(work, "it is supported for dilated convolutions only");
}

/* The sizes come from the convolution; check_shape compares them with the file's. */
void ink_tflite_run_batch_to_space_nd(ink_tflite_work *work)
{
    ink_tflite_value x;
    ink_tflite_number block[INK_TFLITE_MOST_NUMBERS];
    uint32_t count;
    if (!ink_tflite_take(work, 0, &x) || !ink_tflite_numbers(work, 1, block, &count))
        return;
    if (!x.space || !x.is_convolved || count != 2 || block[0].value != (int64_t)x.space->dilation[0] ||
        block[1].value != (int64_t)x.space->dilation[1]) {
        ink_tflite_fault(work, "it is supported for dilated convolutions only");
        return;
    }
    x.space = NULL;
    x.is_convolved = false;
    ink_tflite_give(work, x);
}

/* ---- dense layers ---- */

/* Along the last axis; weights O, I, or I, O for a product of matrices. */
static void run_dense(ink_tflite_work *work, ink_tflite_value x, const ink_tflite_floats *weights, bool turned,
                      int32_t activation)
{
    const uint64_t outputs = (uint64_t)weights->tensor->dim[turned], inputs = (uint64_t)weights->tensor->dim[!turned];
    x = ink_tflite_order(work, x, row_major);
    const char *node = INK_TFLITE_NODE(work, "dense", x.node, "units=%llu", (unsigned long long)outputs);
    float *to = ink_tflite_tensor_new(work, node, "weight", 2, (const uint64_t[]){ outputs, inputs });
    for (uint64_t o = 0; to && o < outputs; o++)
        for (uint64_t i = 0; i < inputs; i++)
            *to++ = ink_tflite_float(weights, turned ? i * outputs + o : o * inputs + i);
    x = ink_tflite_made(x, node);
    x.dim[x.rank - 1] = outputs;
    if (to && put_bias(work, node, outputs))
        ink_tflite_give_activated(work, x, activation);
}

/* The constant input 1 of two axes; false after a fault. */
static bool take_matrix(ink_tflite_work *work, ink_tflite_floats *to)
{
    if (!ink_tflite_constant(work, 1, to))
        return false;
    if (to->tensor->rank == 2)
        return true;
    ink_tflite_fault(work, "its weights '%.60s' are no matrix", to->tensor->name);
    return false;
}

void ink_tflite_run_fully_connected(ink_tflite_work *work)
{
    enum { ACTIVATION, FORMAT, KEEP_AXES };
    ink_tflite_value x;
    ink_tflite_floats weights;
    if (!ink_tflite_take(work, 0, &x) || !take_matrix(work, &weights))
        return;
    const uint64_t elements = ink_tflite_elements(&x), inputs = (uint64_t)weights.tensor->dim[1];
    const bool keep = ink_flat_u8(&work->file.flat, &work->node->options, KEEP_AXES, 0);
    if (ink_tflite_option_i8(work, FORMAT) != 0 || elements % inputs || (keep && x.dim[x.rank - 1] != inputs)) {
        ink_tflite_fault(work, "its weights are for %llu numbers, its input has %llu", (unsigned long long)inputs,
                         (unsigned long long)elements);
        return;
    }
    if (!keep) {
        const uint64_t rows = elements / inputs, shape[2] = { rows, inputs };
        if (!ink_tflite_reshape(work, &x, rows > 1 ? 2 : 1, rows > 1 ? shape : shape + 1))
            return;
        x.rows = rows > 1;
    }
    run_dense(work, x, &weights, false, ink_tflite_option_i8(work, ACTIVATION));
}

void ink_tflite_run_batch_matmul(ink_tflite_work *work)
{
    enum { ADJOINT_X, ADJOINT_Y };
    ink_tflite_value x;
    ink_tflite_floats weights;
    if (!ink_tflite_take(work, 0, &x) || !take_matrix(work, &weights))
        return;
    const bool turned = !ink_flat_u8(&work->file.flat, &work->node->options, ADJOINT_Y, 0);
    if (ink_flat_u8(&work->file.flat, &work->node->options, ADJOINT_X, 0) ||
        x.dim[x.rank - 1] != (uint64_t)weights.tensor->dim[!turned]) {
        ink_tflite_fault(work, "only a value with its last axis times a constant is supported");
        return;
    }
    run_dense(work, x, &weights, turned, 0);
}

/* ---- pools ---- */

static void run_pool(ink_tflite_work *work, const char *op)
{
    enum { PADDING, STRIDE_W, STRIDE_H, WIDTH, HEIGHT, ACTIVATION };
    ink_tflite_value x;
    window h = { ink_tflite_option(work, HEIGHT, 0), ink_tflite_option(work, STRIDE_H, 0), 1, 0, 0, 0 };
    window w = { ink_tflite_option(work, WIDTH, 0), ink_tflite_option(work, STRIDE_W, 0), 1, 0, 0, 0 };
    const int32_t padding = ink_tflite_option_i8(work, PADDING);
    if (!ink_tflite_take_picture(work, &x) || !fit(work, &h, x.dim[0], padding) || !fit(work, &w, x.dim[1], padding))
        return;
    const char *node = INK_TFLITE_NODE(
        work, op, x.node, "kernel=%llu,%llu stride=%llu,%llu padding=%llu,%llu,%llu,%llu", (unsigned long long)h.size,
        (unsigned long long)w.size, (unsigned long long)h.stride, (unsigned long long)w.stride,
        (unsigned long long)h.before, (unsigned long long)w.before, (unsigned long long)h.after,
        (unsigned long long)w.after);
    x = ink_tflite_made(x, node);
    x.dim[0] = h.out;
    x.dim[1] = w.out;
    ink_tflite_give_activated(work, x, ink_tflite_option_i8(work, ACTIVATION));
}

void ink_tflite_run_max_pool_2d(ink_tflite_work *work)
{
    run_pool(work, "max_pool2d");
}

void ink_tflite_run_average_pool_2d(ink_tflite_work *work)
{
    run_pool(work, "avg_pool2d");
}

/* Over two axes of a picture: the third becomes the channels. */
static void run_global_pool(ink_tflite_work *work, const char *op)
{
    enum { KEEP_AXES };
    ink_tflite_value x;
    ink_tflite_number axes[INK_TFLITE_MOST_NUMBERS];
    uint32_t count;
    bool over[3] = { false };
    if (!ink_tflite_take(work, 0, &x) || !ink_tflite_numbers(work, 1, axes, &count))
        return;
    bool fits = x.rank == 3 && !x.rows && count == 2;
    for (uint32_t i = 0; fits && i < count; i++) {
        const int32_t axis = ink_tflite_axis_of(axes[i], x.rank);
        fits = axis >= 0 && !over[axis];
        if (fits)
            over[axis] = true;
    }
    if (!fits) {
        ink_tflite_fault(work, "only the height and width of a picture are reduced");
        return;
    }
    const uint8_t channel = over[0] ? over[1] ? 2 : 1 : 0;
    const uint8_t order[3] = { channel, channel == 0 ? 1 : 0, channel == 2 ? 1 : 2 };
    x = ink_tflite_order(work, x, order);
    x = ink_tflite_made(x, INK_TFLITE_NODE(work, op, x.node, "%s", ""));
    x.dim[order[1]] = x.dim[order[2]] = 1;
    if (ink_flat_u8(&work->file.flat, &work->node->options, KEEP_AXES, 0) ||
        ink_tflite_reshape(work, &x, 1, &x.dim[channel]))
        ink_tflite_give(work, x);
}

void ink_tflite_run_mean(ink_tflite_work *work)
{
    run_global_pool(work, "global_avg_pool2d");
}

void ink_tflite_run_reduce_max(ink_tflite_work *work)
{
    run_global_pool(work, "global_max_pool2d");
}
