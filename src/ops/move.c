/* Operators that move elements and compute nothing: concat, pad, and the plan's own copy. */
#include "ops/op.h"

#include "base/checked.h"

#include <string.h>

/* Copies the images of one input to a part of the output that begins `offset` elements in. */
static void copy_images(const ink_view *from, const float *x, const ink_view *to, float *y,
                        size_t offset, size_t images)
{
    uint32_t dim[4], ignored[4];
    size_t x_stride[4], y_stride[4];
    ink_view_copy_shape(from, dim, x_stride);
    ink_view_copy_shape(to, ignored, y_stride);
    for (size_t i = 0; i < images; i++)
        ink_copy_f32(dim, x + i * from->elements, x_stride, y + i * to->elements + offset, y_stride);
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    (void)step;
    (void)p;
    return INK_OK;
}

/* ---- training: the same moves, and back ---- */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    (void)step;
    (void)p;
    return INK_OK;
}

/* Brings a part of `from` that begins `offset` elements in back to `to`: what copy_images put there. */
static void copy_back(const ink_view *to, float *x, const ink_view *from, const float *y, size_t offset,
                      size_t images)
{
    uint32_t dim[4], ignored[4];
    size_t x_stride[4], y_stride[4];
    ink_view_copy_shape(to, dim, x_stride);
    ink_view_copy_shape(from, ignored, y_stride);
    for (size_t i = 0; i < images; i++)
        ink_copy_f32(dim, y + i * from->elements + offset, y_stride, x + i * to->elements, x_stride);
}

/* ---- concat: values behind one another along an axis ---- */

static ink_status concat_shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    uint32_t axis;
    char a[INK_SHAPE_TEXT], b[INK_SHAPE_TEXT];
    if (!ink_axis_resolve(node, inputs[0].rank, &axis))
        return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "axis=%d of the input %s",
                             (int)node->attributes.value[INK_ATTR_AXIS][0],
                             ink_shape_text(inputs[0], a));
    uint64_t size = inputs[0].dim[axis];
    for (uint32_t i = 1; i < node->input_count; i++) {
        ink_shape other = inputs[i];
        if (other.rank == inputs[0].rank)
            other.dim[axis] = inputs[0].dim[axis];
        if (!ink_shape_equal(inputs[0], other))
            return ink_node_fail(error, INK_ERR_SHAPE, node, "its inputs have the shapes %s and %s, "
                                 "wanted the same but for axis %u", ink_shape_text(inputs[0], a),
                                 ink_shape_text(inputs[i], b), axis);
        size += inputs[i].dim[axis];
    }
    if (size > UINT32_MAX)
        return ink_node_fail(error, INK_ERR_LIMIT, node, "its output has %llu elements on axis %u",
                             (unsigned long long)size, axis);
    node->shape = inputs[0];
    node->shape.dim[axis] = (uint32_t)size;
    return INK_OK;
}

static void concat_run(const ink_step *step, const ink_run *run)
{
    uint32_t axis;
    size_t offset = 0;
    if (!ink_axis_resolve(step->node, step->output.shape.rank, &axis))
        return;
    for (uint32_t i = 0; i < step->input_count; i++) {
        copy_images(&step->inputs[i], run->inputs[i], &step->output, run->output, offset,
                    run->images);
        offset += step->inputs[i].shape.dim[axis] * step->output.stride[axis];
    }
}

static void concat_tape(const ink_tape_step *step, const ink_tape_run *run, bool back)
{
    uint32_t axis;
    size_t offset = 0;
    const ink_view output = ink_tape_view(step->node->shape);
    if (!ink_axis_resolve(step->node, output.shape.rank, &axis))
        return;
    for (uint32_t i = 0; i < step->input_count; i++) {
        const ink_view input = ink_tape_view(step->input_shapes[i]);
        if (!back)
            copy_images(&input, run->inputs[i], &output, run->output, offset, run->images);
        else if (run->d_inputs[i])
            copy_back(&input, run->d_inputs[i], &output, run->d_output, offset, run->images);
        offset += input.shape.dim[axis] * output.stride[axis];
    }
}

static void concat_tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    concat_tape(step, run, false);
}

static void concat_tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    concat_tape(step, run, true);
}

const ink_op ink_op_concat = {
    .name = "concat",
    .min_inputs = 1,
    .max_inputs = INK_MAX_INPUTS,
    .wants = INK_WANTS_ANY,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_AXIS, false, 0 } },
    .attribute_count = 1,
    .shape = concat_shape,
    .prepare = prepare,
    .run = concat_run,
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(concat_tape_forward),
    .tape_backward = INK_TAPE(concat_tape_backward),
};

/* ---- pad: a border of one value around a picture ---- */

static ink_status pad_shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    INK_TRY(ink_picture_check(node, inputs, error));
    uint64_t size[2];
    for (size_t axis = 0; axis < 2; axis++)
        size[axis] = (uint64_t)inputs[0].dim[axis + 1] +
                     ink_attr_u32(&node->attributes, INK_ATTR_PADDING, axis) +
                     ink_attr_u32(&node->attributes, INK_ATTR_PADDING, axis + 2);
    if (size[0] > UINT32_MAX || size[1] > UINT32_MAX)
        return ink_node_fail(error, INK_ERR_LIMIT, node, "its output is too large%s", "");
    node->shape = ink_shape_chw(inputs[0].dim[0], (uint32_t)size[0], (uint32_t)size[1]);
    return INK_OK;
}

static void pad_run(const ink_step *step, const ink_run *run)
{
    const ink_attributes *a = &step->node->attributes;
    const float value = ink_attr_f32(a, INK_ATTR_VALUE);
    for (size_t i = 0; i < run->images * step->output.elements; i++)
        run->output[i] = value;
    copy_images(&step->inputs[0], run->inputs[0], &step->output, run->output,
                ink_attr_u32(a, INK_ATTR_PADDING, 0) * step->output.stride[1] +
                    ink_attr_u32(a, INK_ATTR_PADDING, 1) * step->output.stride[2],
                run->images);
}

static size_t pad_offset(const ink_node *node, const ink_view *output)
{
    return ink_attr_u32(&node->attributes, INK_ATTR_PADDING, 0) * output->stride[1] +
           ink_attr_u32(&node->attributes, INK_ATTR_PADDING, 1) * output->stride[2];
}

static void pad_tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    const ink_view input = ink_tape_view(step->input_shapes[0]), output = ink_tape_view(step->node->shape);
    const float value = ink_attr_f32(&step->node->attributes, INK_ATTR_VALUE);
    for (size_t i = 0; i < run->images * output.elements; i++)
        run->output[i] = value;
    copy_images(&input, run->inputs[0], &output, run->output, pad_offset(step->node, &output), run->images);
}

static void pad_tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const ink_view input = ink_tape_view(step->input_shapes[0]), output = ink_tape_view(step->node->shape);
    if (run->d_inputs[0])
        copy_back(&input, run->d_inputs[0], &output, run->d_output, pad_offset(step->node, &output),
                  run->images);
}

const ink_op ink_op_pad = {
    .name = "pad",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_ANY,
    .activation = -1,
    .attributes = (const ink_op_attribute[]){ { INK_ATTR_PADDING, true, 0 },
                                              { INK_ATTR_VALUE, false, 0 } },
    .attribute_count = 2,
    .shape = pad_shape,
    .prepare = prepare,
    .run = pad_run,
    .tape_prepare = INK_TAPE(tape_prepare),
    .tape_forward = INK_TAPE(pad_tape_forward),
    .tape_backward = INK_TAPE(pad_tape_backward),
};

/* ---- copy: the same value in another layout ---- */

static void copy_run(const ink_step *step, const ink_run *run)
{
    copy_images(&step->inputs[0], run->inputs[0], &step->output, run->output, 0, run->images);
}

const ink_op ink_op_copy = {
    .name = "copy",
    .min_inputs = 1,
    .max_inputs = 1,
    .wants = INK_WANTS_ANY,
    .activation = -1,
    .prepare = prepare,
    .run = copy_run,
};
