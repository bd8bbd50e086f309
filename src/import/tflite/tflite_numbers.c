/* Shapes that are computed: TensorFlow writes a Flatten of a batch of any size as SHAPE, STRIDED_SLICE, PACK and
 * RESHAPE. Lists of numbers, of which one may be a multiple of the batch. */
#include "import/tflite/tflite_value.h"

#include <string.h>

typedef struct numbers {
    ink_tflite_number of[INK_TFLITE_MOST_NUMBERS];
    uint32_t count;
} numbers;

static bool take(ink_tflite_work *work, uint32_t index, numbers *to)
{
    return ink_tflite_numbers(work, index, to->of, &to->count);
}

static void give(ink_tflite_work *work, const numbers *from)
{
    ink_tflite_number *copy = ink_arena_array(work->draft->arena, INK_TFLITE_MOST_NUMBERS, sizeof *copy);
    if (!copy)
        return; /* the arena tells */
    memcpy(copy, from->of, from->count * sizeof *copy);
    ink_tflite_give(work, (ink_tflite_value){ .kind = INK_TFLITE_NUMBERS, .numbers = copy, .count = from->count });
}

/* Appends `more`. */
static bool append(ink_tflite_work *work, numbers *to, const numbers *more)
{
    if (to->count + more->count > INK_TFLITE_MOST_NUMBERS) {
        ink_tflite_fault(work, "a shape of more than %d numbers", INK_TFLITE_MOST_NUMBERS);
        return false;
    }
    memcpy(to->of + to->count, more->of, more->count * sizeof *more->of);
    to->count += more->count;
    return true;
}

void ink_tflite_shape(ink_tflite_work *work)
{
    ink_tflite_value value;
    numbers out = { .count = 0 };
    if (!ink_tflite_take(work, 0, &value))
        return;
    if (!value.rows)
        out.of[out.count++] = (ink_tflite_number){ 1, true };
    for (uint32_t i = 0; i < value.rank; i++)
        out.of[out.count++] = (ink_tflite_number){ (int64_t)value.dim[i], value.rows && i == 0 };
    give(work, &out);
}

/* One number after another; each input is a number, or for CONCATENATION a list. */
void ink_tflite_fold_concatenation(ink_tflite_work *work)
{
    numbers out = { .count = 0 }, more;
    for (uint32_t i = 0; i < work->node->input_count; i++)
        if (!take(work, i, &more) || !append(work, &out, &more))
            return;
    give(work, &out);
}

void ink_tflite_fold_pack(ink_tflite_work *work)
{
    ink_tflite_fold_concatenation(work);
}

void ink_tflite_fold_cast(ink_tflite_work *work)
{
    numbers list;
    if (take(work, 0, &list))
        give(work, &list);
}

/* FILL(dims, value) */
void ink_tflite_fold_fill(ink_tflite_work *work)
{
    numbers dims, value, out = { .count = 0 };
    if (!take(work, 0, &dims) || !take(work, 1, &value))
        return;
    if (dims.count != 1 || value.count != 1 || dims.of[0].batch || dims.of[0].value < 0 ||
        dims.of[0].value > INK_TFLITE_MOST_NUMBERS) {
        ink_tflite_fault(work, "only short lists of numbers are filled");
        return;
    }
    for (; out.count < (uint32_t)dims.of[0].value; out.count++)
        out.of[out.count] = value.of[0];
    give(work, &out);
}

void ink_tflite_fold_gather(ink_tflite_work *work)
{
    numbers list, at, out = { .count = 0 };
    if (!take(work, 0, &list) || !take(work, 1, &at))
        return;
    for (; out.count < at.count; out.count++) {
        const ink_tflite_number index = at.of[out.count];
        if (index.batch || index.value < 0 || index.value >= list.count) {
            ink_tflite_fault(work, "takes a number that the shape does not have");
            return;
        }
        out.of[out.count] = list.of[index.value];
    }
    give(work, &out);
}

void ink_tflite_fold_reduce_prod(ink_tflite_work *work)
{
    numbers list, out = { .of = { { 1, false } }, .count = 1 };
    if (!take(work, 0, &list))
        return;
    for (uint32_t i = 0; i < list.count; i++) {
        const bool twice = out.of[0].batch && list.of[i].batch;
        if (twice || __builtin_mul_overflow(out.of[0].value, list.of[i].value, &out.of[0].value)) {
            ink_tflite_fault(work, "a product of sizes is too large");
            return;
        }
        out.of[0].batch = out.of[0].batch || list.of[i].batch;
    }
    give(work, &out);
}

/* Where a slice begins or ends: a number from the front, or, when negative, from the back; `whole` where the mask
 * says so. */
static int64_t edge(const numbers *from, bool masked, int64_t whole, int64_t count)
{
    int64_t at = from->of[0].value;
    if (masked)
        return whole;
    if (at < 0)
        at = at < -count ? 0 : at + count;
    return at > count ? count : at;
}

/* Of a list: list[begin:end:1]. A slice that shrinks its axis is list[begin]. */
void ink_tflite_fold_strided_slice(ink_tflite_work *work)
{
    enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_MASK, OFFSET };
    ink_flat *flat = &work->file.flat;
    const ink_flat_table *options = &work->node->options;
    numbers list, begin, end, stride, out = { .count = 0 };
    if (!take(work, 0, &list) || !take(work, 1, &begin) || !take(work, 2, &end) || !take(work, 3, &stride))
        return;
    if (begin.count != 1 || end.count != 1 || stride.count != 1 || stride.of[0].value != 1 || begin.of[0].batch ||
        end.of[0].batch || ink_flat_i32(flat, options, ELLIPSIS_MASK, 0) ||
        ink_flat_i32(flat, options, NEW_AXIS_MASK, 0) || ink_flat_u8(flat, options, OFFSET, 0)) {
        ink_tflite_fault(work, "only numbers of a shape are sliced, with a stride of 1");
        return;
    }
    const int64_t count = list.count;
    const int64_t from = edge(&begin, ink_flat_i32(flat, options, BEGIN_MASK, 0) & 1, 0, count);
    const bool shrink = ink_flat_i32(flat, options, SHRINK_MASK, 0) & 1;
    int64_t to = edge(&end, ink_flat_i32(flat, options, END_MASK, 0) & 1, count, count);
    if (shrink)
        to = from + 1;
    if (from >= to || to > count) {
        ink_tflite_fault(work, "takes a number that the shape does not have");
        return;
    }
    for (int64_t i = from; i < to; i++)
        out.of[out.count++] = list.of[i];
    give(work, &out);
}

/* float16 weights */
void ink_tflite_fold_dequantize(ink_tflite_work *work)
{
    const ink_tflite_value *value = ink_tflite_input(work, 0);
    if (value)
        ink_tflite_give(work, *value);
}
