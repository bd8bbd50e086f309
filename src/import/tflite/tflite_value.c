#include "import/tflite/tflite_value.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ELEMENTS = 1 << 24 };

void ink_tflite_fault(ink_tflite_work *work, const char *format, ...)
{
    char text[200];
    va_list values;
    const ink_tflite_node *node = work->node;
    const char *name = node->output >= 0 ? work->file.tensors[node->output].name : "";
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    ink_draft_fault(work->draft, "layer '%.60s' (%s): %s", name, ink_tflite_op_name(node->op, work->draft->arena),
                    text);
}

const ink_tflite_value *ink_tflite_input(ink_tflite_work *work, uint32_t index)
{
    const int32_t tensor = index < work->node->input_count ? work->node->input[index] : -1;
    return tensor >= 0 ? &work->values[tensor] : NULL;
}

bool ink_tflite_take(ink_tflite_work *work, uint32_t index, ink_tflite_value *to)
{
    const ink_tflite_value *value = ink_tflite_input(work, index);
    if (!value || value->kind != INK_TFLITE_VALUE) {
        ink_tflite_fault(work, "its input %lu is not computed from the picture", (unsigned long)index);
        return false;
    }
    *to = *value;
    if (work->uses[work->node->input[index]] > 1)
        to->scale = to->shift = NULL; /* others read it as it is */
    return true;
}

const char *ink_tflite_name(ink_tflite_work *work, const char *op)
{
    return ink_arena_format(work->draft->arena, "%s_%zu", op, work->draft->node_count + 1);
}

void ink_tflite_give(ink_tflite_work *work, ink_tflite_value value)
{
    if (work->node->output >= 0)
        work->values[work->node->output] = value;
}

/* ---- constants ---- */

static bool constant_elements(ink_tflite_work *work, const ink_tflite_tensor *tensor, size_t size, uint64_t *elements)
{
    *elements = 1;
    bool fits = true;
    for (uint32_t i = 0; i < tensor->rank; i++)
        fits = fits && tensor->dim[i] > 0 && ink_mul_u64(*elements, (uint64_t)tensor->dim[i], elements);
    fits = fits && *elements <= tensor->bytes && *elements * size == tensor->bytes && !tensor->sparse;
    if (!fits)
        ink_tflite_fault(work, tensor->sparse ? "'%.60s' is sparse: convert again without it"
                                              : "the shape of '%.60s' does not give the bytes that it has",
                         tensor->name);
    return fits;
}

/* The constant that an input is, or NULL after a fault. */
static const ink_tflite_tensor *constant_input(ink_tflite_work *work, uint32_t index)
{
    const ink_tflite_value *value = ink_tflite_input(work, index);
    if (value && value->kind == INK_TFLITE_CONSTANT)
        return &work->file.tensors[value->constant];
    ink_tflite_fault(work, "its input %lu is no constant", (unsigned long)index);
    return NULL;
}

static bool constant_numbers(ink_tflite_work *work, uint32_t index, ink_tflite_number *to, uint32_t *count)
{
    const ink_tflite_tensor *tensor = constant_input(work, index);
    uint64_t elements;
    if (!tensor)
        return false;
    if (tensor->type != INK_TFLITE_INT32 && tensor->type != INK_TFLITE_INT64) {
        ink_tflite_fault(work, "'%.60s' is %s, wanted INT32", tensor->name, ink_tflite_type_name(tensor->type));
        return false;
    }
    const size_t size = tensor->type == INK_TFLITE_INT64 ? 8 : 4;
    if (!constant_elements(work, tensor, size, &elements))
        return false;
    if (elements > INK_TFLITE_MOST_NUMBERS) {
        ink_tflite_fault(work, "'%.60s' has %llu numbers, wanted %d at most", tensor->name,
                         (unsigned long long)elements, INK_TFLITE_MOST_NUMBERS);
        return false;
    }
    *count = (uint32_t)elements;
    for (uint32_t i = 0; i < *count; i++) {
        uint64_t bits = 0;
        for (size_t b = size; b-- > 0;)
            bits = bits << 8 | tensor->data[i * size + b];
        to[i] = (ink_tflite_number){ size == 8 ? (int64_t)bits : (int32_t)(uint32_t)bits, false };
    }
    return true;
}

bool ink_tflite_numbers(ink_tflite_work *work, uint32_t index, ink_tflite_number *to, uint32_t *count)
{
    const ink_tflite_value *value = ink_tflite_input(work, index);
    if (!value || value->kind != INK_TFLITE_NUMBERS)
        return constant_numbers(work, index, to, count);
    *count = value->count;
    memcpy(to, value->numbers, value->count * sizeof *to);
    return true;
}

bool ink_tflite_constant(ink_tflite_work *work, uint32_t index, ink_tflite_floats *to)
{
    static const struct {
        int32_t type;
        ink_element element;
    } rows[] = { { 0, INK_ELEMENT_F32 }, { 1, INK_ELEMENT_F16 }, { 10, INK_ELEMENT_F64 }, { 18, INK_ELEMENT_BF16 } };
    to->tensor = constant_input(work, index);
    if (!to->tensor)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].type == to->tensor->type) {
            to->element = rows[i].element;
            return constant_elements(work, to->tensor, ink_element_bytes(to->element), &to->elements);
        }
    ink_tflite_fault(work, "'%.60s' is %s, wanted FLOAT32", to->tensor->name, ink_tflite_type_name(to->tensor->type));
    return false;
}

float ink_tflite_float(const ink_tflite_floats *from, uint64_t at)
{
    return ink_element_get(from->element, from->tensor->data, at);
}

float *ink_tflite_tensor_new(ink_tflite_work *work, const char *node, const char *part, uint32_t rank,
                             const uint64_t *dim)
{
    uint64_t elements = 1;
    bool fits = true;
    for (uint32_t i = 0; i < rank; i++)
        fits = fits && ink_mul_u64(elements, dim[i], &elements);
    if (!fits || elements > work->floats_left) {
        ink_tflite_fault(work, "with it the layers need more weights than the file has bytes");
        return NULL;
    }
    work->floats_left -= elements;
    return ink_draft_tensor(work->draft, node, part, rank, dim);
}

/* ---- values ---- */

uint64_t ink_tflite_elements(const ink_tflite_value *value)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < value->rank; i++)
        elements *= value->dim[i]; /* no more than MOST_ELEMENTS, see ink_tflite_layer */
    return elements;
}

/* What a node makes of a value is no input, and nothing that a batch_norm made. */
static void set_node(ink_tflite_value *value, const char *node)
{
    value->node = node;
    value->scale = value->shift = NULL;
}

ink_tflite_value ink_tflite_same(ink_tflite_work *work, const char *op, ink_tflite_value value, const char *attributes)
{
    set_node(&value, INK_TFLITE_NODE(work, op, value.node, "%s", attributes));
    value.is_input = false;
    return value;
}

ink_tflite_value ink_tflite_order(ink_tflite_work *work, ink_tflite_value value, const uint8_t *wanted)
{
    char order[4 * INK_TFLITE_AXES] = "";
    size_t at = 0;
    if (memcmp(value.axis, wanted, value.rank) == 0)
        return value;
    for (uint32_t k = 0; k < value.rank; k++)
        for (unsigned j = 0; j < value.rank; j++)
            if (value.axis[j] == wanted[k])
                at += (size_t)snprintf(order + at, sizeof order - at, "%s%u", at ? "," : "", j);
    set_node(&value, INK_TFLITE_NODE(work, "permute", value.node, "order=%s", order));
    memcpy(value.axis, wanted, value.rank);
    return value;
}

/* Do the elements lie in TensorFlow's order? Axes of one element do not matter. */
static bool is_row_major(const ink_tflite_value *value)
{
    int last = -1;
    for (uint32_t k = 0; k < value->rank; k++)
        if (value->dim[value->axis[k]] > 1) {
            if (value->axis[k] < last)
                return false;
            last = value->axis[k];
        }
    return true;
}

static const uint8_t row_major[INK_TFLITE_AXES] = { 0, 1, 2, 3 }, picture[INK_TFLITE_AXES] = { 2, 0, 1, 3 };

/* A node that gives the value the shape that it has, in the order of its axes. */
static void put_shape(ink_tflite_work *work, ink_tflite_value *value)
{
    char shape[24 * INK_TFLITE_AXES] = "";
    size_t at = 0;
    for (uint32_t k = 0; k < value->rank; k++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%llu", k ? "," : "",
                               (unsigned long long)value->dim[value->axis[k]]);
    if (value->rank == 1)
        set_node(value, INK_TFLITE_NODE(work, "flatten", value->node, "%s", ""));
    else
        set_node(value, INK_TFLITE_NODE(work, "reshape", value->node, "shape=%s", shape));
}

bool ink_tflite_reshape(ink_tflite_work *work, ink_tflite_value *value, uint32_t rank, const uint64_t *dim)
{
    if (rank < 1 || rank > INK_TFLITE_AXES) {
        ink_tflite_fault(work, "%lu axes besides the batch, wanted 1 to %d", (unsigned long)rank, INK_TFLITE_AXES);
        return false;
    }
    if (rank == value->rank && memcmp(dim, value->dim, rank * sizeof *dim) == 0)
        return true;
    if (!is_row_major(value))
        *value = ink_tflite_order(work, *value, row_major);
    value->rank = rank;
    memcpy(value->dim, dim, rank * sizeof *dim);
    /* A picture of one channel, or of one pixel, lies the same in both orders. */
    const bool either = rank == 3 && (dim[2] == 1 || dim[0] * dim[1] == 1);
    memcpy(value->axis, either ? picture : row_major, sizeof value->axis);
    put_shape(work, value);
    return true;
}

/* ---- x * scale + shift, as a batch_norm ---- */

/* Into the batch_norm that made the value: scale * (x * s + t) + shift. */
static void merge(ink_tflite_value *value, uint64_t count, const float *scale, const float *shift)
{
    for (uint64_t c = 0; c < value->channels; c++) {
        const uint64_t from = count == 1 ? 0 : c;
        value->scale[c] *= scale[from];
        value->shift[c] = value->shift[c] * scale[from] + shift[from];
    }
}

static bool add_batch_norm(ink_tflite_work *work, ink_tflite_value *value, uint64_t channels, uint64_t count,
                           const float *scale, const float *shift)
{
    set_node(value, INK_TFLITE_NODE(work, "batch_norm", value->node, "epsilon=0"));
    value->scale = ink_tflite_tensor_new(work, value->node, "weight", 1, &channels);
    value->shift = ink_tflite_tensor_new(work, value->node, "bias", 1, &channels);
    float *mean = ink_tflite_tensor_new(work, value->node, "mean", 1, &channels);
    float *variance = ink_tflite_tensor_new(work, value->node, "variance", 1, &channels);
    if (!value->scale || !value->shift || !mean || !variance)
        return false;
    value->channels = channels;
    for (uint64_t c = 0; c < channels; c++) {
        value->scale[c] = scale[count == 1 ? 0 : c];
        value->shift[c] = shift[count == 1 ? 0 : c];
        variance[c] = 1;
    }
    return true;
}

/* A batch_norm takes C or C, H, W: other shapes become C, N, 1 for it. */
static bool add_folded_batch_norm(ink_tflite_work *work, ink_tflite_value *value, uint64_t channels, uint64_t count,
                                  const float *scale, const float *shift)
{
    ink_tflite_value folded = *value;
    folded.rank = 3;
    folded.dim[0] = channels;
    folded.dim[1] = ink_tflite_elements(value) / channels;
    folded.dim[2] = 1;
    memcpy(folded.axis, row_major, sizeof folded.axis);
    put_shape(work, &folded);
    if (!add_batch_norm(work, &folded, channels, count, scale, shift))
        return false;
    value->node = folded.node;
    put_shape(work, value);
    value->scale = folded.scale;
    value->shift = folded.shift;
    value->channels = channels;
    return true;
}

bool ink_tflite_affine(ink_tflite_work *work, ink_tflite_value *value, uint64_t count, const float *scale,
                       const float *shift)
{
    uint8_t last_first[INK_TFLITE_AXES] = { (uint8_t)(value->rank - 1) };
    for (uint8_t i = 1; i < value->rank; i++)
        last_first[i] = (uint8_t)(i - 1);
    if (value->scale && (count == 1 || (count == value->channels && value->axis[0] == value->rank - 1))) {
        merge(value, count, scale, shift);
        return true;
    }
    if (count > 1)
        *value = ink_tflite_order(work, *value, last_first);
    value->is_input = false;
    if (value->rank == 1 || value->rank == 3)
        return add_batch_norm(work, value, value->dim[value->axis[0]], count, scale, shift);
    return add_folded_batch_norm(work, value, count, count, scale, shift);
}

bool ink_tflite_clip(ink_tflite_work *work, ink_tflite_value *value, float low, float high)
{
    /* high - relu(high - low - relu(x - low)); -0 does no harm. */
    const float one = 1, minus = -1, from_low = -low, range = high - low;
    if (low != 0 && !ink_tflite_affine(work, value, 1, &one, &from_low))
        return false;
    *value = ink_tflite_same(work, "relu", *value, "");
    if (!ink_tflite_affine(work, value, 1, &minus, &range))
        return false;
    *value = ink_tflite_same(work, "relu", *value, "");
    return ink_tflite_affine(work, value, 1, &minus, &high);
}

bool ink_tflite_activate(ink_tflite_work *work, ink_tflite_value *value, int32_t activation)
{
    enum { NONE, RELU, RELU_N1_TO_1, RELU6, TANH };
    switch (activation) {
    case NONE: return true;
    case RELU: *value = ink_tflite_same(work, "relu", *value, ""); return true;
    case TANH: *value = ink_tflite_same(work, "tanh", *value, ""); return true;
    case RELU_N1_TO_1: return ink_tflite_clip(work, value, -1, 1);
    case RELU6: return ink_tflite_clip(work, value, 0, 6);
    default:
        ink_tflite_fault(work, "its fused activation %ld is not supported", (long)activation);
        return false;
    }
}

/* ---- for the operators ---- */

bool ink_tflite_take_picture(ink_tflite_work *work, ink_tflite_value *to)
{
    if (!ink_tflite_take(work, 0, to))
        return false;
    if (to->rank != 3 || to->rows) {
        ink_tflite_fault(work, "its input is no picture: it has %lu axes besides the batch", (unsigned long)to->rank);
        return false;
    }
    *to = ink_tflite_order(work, *to, picture);
    return true;
}

void ink_tflite_give_activated(ink_tflite_work *work, ink_tflite_value value, int32_t activation)
{
    if (ink_tflite_activate(work, &value, activation))
        ink_tflite_give(work, value);
}

ink_tflite_value ink_tflite_made(ink_tflite_value from, const char *node)
{
    from.node = node;
    from.scale = from.shift = NULL;
    from.is_input = false;
    return from;
}

uint64_t ink_tflite_option(ink_tflite_work *work, unsigned field, int32_t fallback)
{
    const int32_t value = ink_flat_i32(&work->file.flat, &work->node->options, field, fallback);
    return value > 0 ? (uint64_t)value : 0;
}

int32_t ink_tflite_option_i8(ink_tflite_work *work, unsigned field)
{
    return ink_flat_i8(&work->file.flat, &work->node->options, field, 0);
}

bool ink_tflite_has_input(ink_tflite_work *work, uint32_t index)
{
    const ink_tflite_value *value = ink_tflite_input(work, index);
    return value && value->kind != INK_TFLITE_UNKNOWN;
}

int32_t ink_tflite_axis_of(ink_tflite_number axis, uint32_t count)
{
    const int64_t at = axis.value < 0 ? axis.value + count + 1 : axis.value;
    return axis.batch || at < 1 || at > count ? -1 : (int32_t)at - 1;
}

bool ink_tflite_is_alike(const ink_tflite_value *a, const ink_tflite_value *b)
{
    return a->rank == b->rank && a->rows == b->rows && memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}
