#include "import/tflite/tflite_value.h"

#include <stdio.h>
#include <string.h>

/* ---- shapes ---- */

/* Sizes as RESHAPE is told them; -1 is what is left. */
static bool shape_of(ink_tflite_work *work, const ink_tflite_value *x, ink_tflite_number *to, uint32_t count)
{
    const int64_t elements = (int64_t)ink_tflite_elements(x);
    int64_t known = 1;
    int unknown = -1;
    bool batch = false, fits = count >= 1 && count <= INK_TFLITE_AXES + 1;
    for (uint32_t i = 0; fits && i < count; i++) {
        if (to[i].value == -1 && !to[i].batch) {
            fits = unknown < 0;
            unknown = (int)i;
        } else {
            fits = to[i].value > 0 && !__builtin_mul_overflow(known, to[i].value, &known) && !(batch && to[i].batch);
            batch = batch || to[i].batch;
        }
    }
    /* Without a known batch the first size is the batch's, or a multiple of it. */
    if (fits && unknown >= 0 && elements % known == 0)
        to[unknown] = (ink_tflite_number){ elements / known, false };
    else
        fits = fits && unknown < 0 && known == elements;
    if (!fits)
        ink_tflite_fault(work, "the shape that it is to give does not have %lld elements for each picture",
                         (long long)elements);
    return fits;
}

void ink_tflite_run_reshape(ink_tflite_work *work)
{
    ink_tflite_value x;
    ink_tflite_number sizes[INK_TFLITE_MOST_NUMBERS];
    uint32_t count = 0;
    uint64_t dim[INK_TFLITE_AXES + 1];
    if (!ink_tflite_take(work, 0, &x))
        return;
    if (ink_tflite_has_input(work, 1)) {
        if (!ink_tflite_numbers(work, 1, sizes, &count))
            return;
    } else {
        const ink_flat_vector shape = ink_flat_list(&work->file.flat, &work->node->options, 0, 4);
        for (; count < shape.count && count < INK_TFLITE_MOST_NUMBERS; count++)
            sizes[count] = (ink_tflite_number){ ink_flat_list_i32(&work->file.flat, shape, count), false };
    }
    const int32_t batch = work->file.tensors[work->file.input].dim[0];
    if (count && !sizes[0].batch && sizes[0].value > 0 && batch > 0 && sizes[0].value % batch == 0)
        sizes[0] = (ink_tflite_number){ sizes[0].value / batch, true };
    if (!shape_of(work, &x, sizes, count))
        return;
    for (uint32_t i = 0; i < count; i++)
        dim[i] = (uint64_t)sizes[i].value;
    const bool rows = dim[0] != 1;
    for (uint32_t i = 1; i < count; i++)
        if (sizes[i].batch) {
            ink_tflite_fault(work, "it moves the batch behind another axis");
            return;
        }
    if (!rows && count == 1) {
        ink_tflite_fault(work, "it leaves one number for each picture");
        return;
    }
    if (ink_tflite_reshape(work, &x, rows ? count : count - 1, rows ? dim : dim + 1)) {
        x.rows = rows;
        ink_tflite_give(work, x);
    }
}

static void give_reshaped(ink_tflite_work *work, ink_tflite_value *x, uint32_t rank, const uint64_t *dim)
{
    if (ink_tflite_reshape(work, x, rank, dim))
        ink_tflite_give(work, *x);
}

void ink_tflite_run_squeeze(ink_tflite_work *work)
{
    ink_tflite_value x;
    bool away[INK_TFLITE_AXES] = { false };
    uint64_t dim[INK_TFLITE_AXES];
    uint32_t rank = 0;
    const ink_flat_vector axes = ink_flat_list(&work->file.flat, &work->node->options, 0, 4);
    if (!ink_tflite_take(work, 0, &x))
        return;
    bool fits = !x.rows && axes.count > 0;
    for (size_t i = 0; fits && i < axes.count; i++) {
        const ink_tflite_number number = { ink_flat_list_i32(&work->file.flat, axes, i), false };
        const int32_t axis = ink_tflite_axis_of(number, x.rank);
        fits = axis >= 0 && x.dim[axis] == 1;
        if (fits)
            away[axis] = true;
    }
    for (uint32_t i = 0; i < x.rank; i++)
        if (!away[i])
            dim[rank++] = x.dim[i];
    if (fits)
        give_reshaped(work, &x, rank, dim);
    else
        ink_tflite_fault(work, "it takes away the batch, or an axis of more than one element");
}

void ink_tflite_run_expand_dims(ink_tflite_work *work)
{
    ink_tflite_value x;
    ink_tflite_number axis[INK_TFLITE_MOST_NUMBERS];
    uint64_t dim[INK_TFLITE_AXES + 1];
    uint32_t count;
    if (!ink_tflite_take(work, 0, &x) || !ink_tflite_numbers(work, 1, axis, &count))
        return;
    const int32_t at = count == 1 && !x.rows ? ink_tflite_axis_of(axis[0], x.rank + 1) : -1;
    if (at < 0) {
        ink_tflite_fault(work, "it puts an axis before the batch");
        return;
    }
    for (uint32_t i = 0; i <= x.rank; i++)
        dim[i] = i < (uint32_t)at ? x.dim[i] : i == (uint32_t)at ? 1 : x.dim[i - 1];
    give_reshaped(work, &x, x.rank + 1, dim);
}

void ink_tflite_run_transpose(ink_tflite_work *work)
{
    ink_tflite_value x, y;
    ink_tflite_number order[INK_TFLITE_MOST_NUMBERS];
    uint32_t count;
    bool seen[INK_TFLITE_AXES] = { false };
    if (!ink_tflite_take(work, 0, &x) || !ink_tflite_numbers(work, 1, order, &count))
        return;
    bool fits = !x.rows && count == x.rank + 1 && order[0].value == 0;
    y = x;
    for (uint8_t i = 0; fits && i < x.rank; i++) {
        const int32_t from = ink_tflite_axis_of(order[i + 1], x.rank);
        fits = from >= 0 && !seen[from];
        if (!fits)
            break;
        seen[from] = true;
        y.dim[i] = x.dim[from];
        for (uint32_t k = 0; k < x.rank; k++)
            if (x.axis[k] == from)
                y.axis[k] = i;
    }
    if (fits)
        ink_tflite_give(work, y);
    else
        ink_tflite_fault(work, "it moves the batch");
}

/* ---- others ---- */

void ink_tflite_run_concatenation(ink_tflite_work *work)
{
    enum { AXIS, ACTIVATION, NAME = 70 };
    char inputs[INK_TFLITE_MOST_INPUTS * NAME];
    size_t at = 0;
    ink_tflite_value x, y;
    if (!ink_tflite_take(work, 0, &x))
        return;
    const int32_t theirs = ink_flat_i32(&work->file.flat, &work->node->options, AXIS, 0);
    const int32_t axis = ink_tflite_axis_of((ink_tflite_number){ theirs, false }, x.rank);
    uint32_t ours = 0;
    bool fits = axis >= 0 && !x.rows;
    for (uint32_t i = 0; fits && i < work->node->input_count; i++) {
        if (!ink_tflite_take(work, i, &y))
            return;
        const uint64_t length = y.dim[axis];
        y.dim[axis] = x.dim[axis];
        fits = ink_tflite_is_alike(&x, &y);
        y.dim[axis] = length;
        if (fits)
            y = ink_tflite_order(work, y, x.axis);
        x.dim[axis] += i ? length : 0;
        at += (size_t)snprintf(inputs + at, sizeof inputs - at, "%s%.*s", i ? "," : "", NAME - 2, y.node);
    }
    if (!fits) {
        ink_tflite_fault(work, "its inputs are not alike but for one axis, which is not the batch");
        return;
    }
    while (x.axis[ours] != (uint8_t)axis)
        ours++;
    x = ink_tflite_made(x, INK_TFLITE_NODE(work, "concat", inputs, "axis=%lu", (unsigned long)ours));
    ink_tflite_give_activated(work, x, ink_tflite_option_i8(work, ACTIVATION));
}

/* PADV2 has a value besides. */
void ink_tflite_run_pad(ink_tflite_work *work)
{
    ink_tflite_value x;
    ink_tflite_floats value;
    ink_tflite_number n[INK_TFLITE_MOST_NUMBERS];
    uint32_t count;
    const bool has_value = work->node->op == INK_TFLITE_PADV2;
    if (!ink_tflite_take_picture(work, &x) || !ink_tflite_numbers(work, 1, n, &count) ||
        (has_value && !ink_tflite_constant(work, 2, &value)))
        return;
    bool fits = count == 8 && !n[0].value && !n[1].value && !n[6].value && !n[7].value;
    for (uint32_t i = 0; fits && i < count; i++)
        fits = !n[i].batch && n[i].value >= 0 && n[i].value <= 1024;
    if (!fits) {
        ink_tflite_fault(work, "only the height and width of a picture are padded");
        return;
    }
    const double filling = has_value ? (double)ink_tflite_float(&value, 0) : 0;
    x = ink_tflite_made(x, INK_TFLITE_NODE(work, "pad", x.node, "padding=%d,%d,%d,%d value=%.9g", (int)n[2].value,
                                           (int)n[4].value, (int)n[3].value, (int)n[5].value, filling));
    x.dim[0] += (uint64_t)(n[2].value + n[3].value);
    x.dim[1] += (uint64_t)(n[4].value + n[5].value);
    ink_tflite_give(work, x);
}

/* Bytes become floats: then the model takes pixels as they are. */
void ink_tflite_run_cast(ink_tflite_work *work)
{
    ink_tflite_value x;
    const ink_tflite_tensor *tensors = work->file.tensors;
    if (!ink_tflite_take(work, 0, &x))
        return;
    const int32_t from = tensors[work->node->input[0]].type;
    const int32_t to = work->node->output >= 0 ? tensors[work->node->output].type : -1;
    if (to != INK_TFLITE_FLOAT32 || (from != INK_TFLITE_FLOAT32 && from != INK_TFLITE_UINT8)) {
        ink_tflite_fault(work, "from %s to %s is not supported", ink_tflite_type_name(from), ink_tflite_type_name(to));
        return;
    }
    if (from == INK_TFLITE_UINT8) {
        work->draft->scaling_known = true;
        work->draft->scale = 1;
        work->draft->offset = 0;
    }
    ink_tflite_give(work, x);
}
