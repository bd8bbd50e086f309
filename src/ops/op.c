/* The table of operators and what they share. */
#include "ops/op.h"

#include "base/checked.h"
#include "tensor/type.h"

#include <math.h>
#include <string.h>

static const ink_op *const table[] = {
#define OP(identifier) &ink_op_##identifier,
#include "ops/ops.inc"
#undef OP
};

const ink_op *ink_op_at(size_t i)
{
    return i < INK_COUNT(table) ? table[i] : NULL;
}

const ink_op *ink_op_find(const char *name)
{
    for (size_t i = 0; i < INK_COUNT(table); i++)
        if (!strcmp(table[i]->name, name))
            return table[i];
    return NULL;
}

ink_status ink_parameter_check(const ink_node *node, size_t index, uint32_t rank,
                               const uint32_t *dim, ink_error *error)
{
    const ink_tensor_info *tensor = node->parameters[index];
    if (!tensor)
        return INK_OK;
    ink_shape found = { tensor->rank, { 0 } }, wanted = { rank, { 0 } };
    memcpy(found.dim, tensor->dim, sizeof found.dim);
    memcpy(wanted.dim, dim, rank * sizeof *dim);
    if (ink_shape_equal(found, wanted))
        return INK_OK;
    char a[INK_SHAPE_TEXT], b[INK_SHAPE_TEXT];
    return ink_fail(error, INK_ERR_SHAPE, "tensor '%.80s': found shape %s, node '%.64s' (%s) wants %s",
                    tensor->name, ink_shape_text(found, a), node->name, node->op->name,
                    ink_shape_text(wanted, b));
}

ink_status ink_outputs_check(ink_node *node, ink_attribute attribute, ink_error *error)
{
    const uint32_t outputs = node->parameters[0]->dim[0];
    if (node->attributes.count[attribute] && ink_attr_u32(&node->attributes, attribute, 0) != outputs)
        return ink_node_fail(error, INK_ERR_SHAPE, node, "found %s=%u, its weight has %u rows",
                             ink_attribute_get(attribute)->name,
                             ink_attr_u32(&node->attributes, attribute, 0), outputs);
    node->attributes.count[attribute] = 0;
    return INK_OK;
}

ink_status ink_picture_check(const ink_node *node, const ink_shape *inputs, ink_error *error)
{
    char text[INK_SHAPE_TEXT];
    if (inputs[0].rank != 3)
        return ink_node_fail(error, INK_ERR_SHAPE, node,
                             "its input has the shape %s, wanted channels x height x width",
                             ink_shape_text(inputs[0], text));
    return INK_OK;
}

static ink_status prepare_items(ink_prepare *prepare, ink_step *step, size_t count, size_t size, void **out)
{
    uint64_t bytes;
    if (!ink_mul_u64(count, size, &bytes) || bytes > prepare->memory_left)
        return ink_fail(prepare->error, INK_ERR_LIMIT, "node '%.64s': its packed weights are over the "
                        "limit of memory", step->name);
    *out = ink_arena_array(prepare->arena, count, size);
    if (!*out)
        return ink_fail(prepare->error, INK_ERR_MEMORY, "node '%.64s': no memory for its weights",
                        step->name);
    prepare->memory_left -= bytes;
    step->weight_bytes += bytes;
    return INK_OK;
}

ink_status ink_prepare_floats(ink_prepare *prepare, ink_step *step, size_t count, float **out)
{
    void *block = NULL;
    INK_TRY(prepare_items(prepare, step, count, sizeof **out, &block));
    *out = block;
    return INK_OK;
}

ink_status ink_prepare_bytes(ink_prepare *prepare, ink_step *step, size_t count, uint8_t **out)
{
    void *block = NULL;
    INK_TRY(prepare_items(prepare, step, count, sizeof **out, &block));
    *out = block;
    return INK_OK;
}

ink_status ink_prepare_offsets(ink_prepare *prepare, ink_step *step, size_t count, uint32_t **out)
{
    void *block = NULL;
    INK_TRY(prepare_items(prepare, step, count, sizeof **out, &block));
    *out = block;
    return INK_OK;
}

void ink_parameter_floats(const ink_node *node, size_t index, size_t count, float fallback,
                          float *out)
{
    const ink_tensor_info *tensor = node->parameters[index];
    if (tensor)
        ink_type_to_f32(tensor->type, tensor->data, count, out);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = fallback;
}

const float *ink_parameter_read(const ink_node *node, size_t index, size_t rows, size_t size, ink_arena *temporary)
{
    const ink_tensor_info *tensor = node->parameters[index];
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (tensor->type == INK_F32 && (uintptr_t)tensor->data % _Alignof(float) == 0)
        return tensor->data;
#endif
    float *copy = ink_arena_array(temporary, rows * size, sizeof *copy);
    if (copy)
        ink_type_to_f32(tensor->type, tensor->data, rows * size, copy);
    return copy;
}

const float *ink_scale_rows(const float *values, const float *scale, size_t rows, size_t size, ink_arena *temporary)
{
    float *scaled = ink_arena_array(temporary, rows * size, sizeof *scaled);
    for (size_t r = 0; scaled && r < rows; r++)
        for (size_t i = 0; i < size; i++)
            scaled[r * size + i] = values[r * size + i] * scale[r];
    return scaled;
}

bool ink_axis_resolve(const ink_node *node, uint32_t rank, uint32_t *axis)
{
    int value = (int)node->attributes.value[INK_ATTR_AXIS][0];
    if (value < 0)
        value += (int)rank;
    *axis = (uint32_t)value;
    return value >= 0 && value < (int)rank;
}

void ink_view_rows(ink_view *view)
{
    size_t stride = 1;
    for (uint32_t i = view->shape.rank; i-- > 0;) {
        view->stride[i] = stride;
        stride *= view->shape.dim[i];
    }
    view->elements = stride;
}

void ink_view_image(ink_view *view)
{
    ink_view_rows(view);
    if (view->shape.rank == 3) {
        view->stride[0] = 1;
        view->stride[1] = (size_t)view->shape.dim[2] * view->shape.dim[0];
        view->stride[2] = view->shape.dim[0];
    }
}

bool ink_view_same(const ink_view *a, const ink_view *b)
{
    for (uint32_t i = 0; i < a->shape.rank; i++)
        if (a->shape.dim[i] > 1 && a->stride[i] != b->stride[i])
            return false;
    return ink_shape_equal(a->shape, b->shape);
}

bool ink_view_is_rows(const ink_view *view)
{
    ink_view rows = *view;
    ink_view_rows(&rows);
    return ink_view_same(view, &rows);
}

bool ink_view_is_image(const ink_view *view)
{
    ink_view image = *view;
    ink_view_image(&image);
    return ink_view_same(view, &image);
}

void ink_view_copy_shape(const ink_view *view, uint32_t dim[4], size_t stride[4])
{
    uint32_t missing = 4 - view->shape.rank;
    for (uint32_t i = 0; i < 4; i++) {
        dim[i] = i < missing ? 1 : view->shape.dim[i - missing];
        stride[i] = i < missing ? 0 : view->stride[i - missing];
    }
}

ink_view ink_tape_view(ink_shape shape)
{
    ink_view view = { .shape = shape };
    ink_view_image(&view);
    return view;
}
