/* max_pool2d, avg_pool2d and their global forms, which take the whole picture as one window.
 * With ceil the output size is rounded up, but no window begins beyond the picture and the padding
 * before it (PyTorch's rule). The average counts padding only with count_padding; what ceil adds is
 * never counted. */
#include "ops/op.h"

#include <math.h>

static bool is_global(const ink_op *op)
{
    return op == &ink_op_global_max_pool2d || op == &ink_op_global_avg_pool2d;
}

static bool is_max(const ink_op *op)
{
    return op == &ink_op_max_pool2d || op == &ink_op_global_max_pool2d;
}

static ink_status shape(ink_node *node, const ink_shape *inputs, ink_error *error)
{
    char text[INK_SHAPE_TEXT];
    INK_TRY(ink_picture_check(node, inputs, error));
    if (is_global(node->op)) {
        node->shape = ink_shape_chw(inputs[0].dim[0], 1, 1);
        return ink_shape_elements(inputs[0], &node->work)
                   ? INK_OK
                   : ink_node_fail(error, INK_ERR_LIMIT, node, "its input is too large%s", "");
    }
    ink_attributes *a = &node->attributes;
    if (!a->count[INK_ATTR_STRIDE]) {
        a->count[INK_ATTR_STRIDE] = 2;
        for (size_t i = 0; i < 2; i++)
            a->value[INK_ATTR_STRIDE][i] = a->value[INK_ATTR_KERNEL][i];
    }
    uint32_t size[2];
    for (size_t axis = 0; axis < 2; axis++) {
        int64_t kernel = ink_attr_u32(a, INK_ATTR_KERNEL, axis);
        int64_t stride = ink_attr_u32(a, INK_ATTR_STRIDE, axis);
        int64_t before = ink_attr_u32(a, INK_ATTR_PADDING, axis);
        int64_t after = ink_attr_u32(a, INK_ATTR_PADDING, axis + 2), in = inputs[0].dim[axis + 1];
        if (before >= kernel || after >= kernel)
            return ink_node_fail(error, INK_ERR_ATTRIBUTE, node, "padding of %lld, wanted less than "
                                 "the kernel's %lld", (long long)(before > after ? before : after),
                                 (long long)kernel);
        int64_t room = in + before + after - kernel;
        if (room < 0)
            return ink_node_fail(error, INK_ERR_SHAPE, node, "its kernel of %lld is larger than the "
                                 "padded input %s", (long long)kernel,
                                 ink_shape_text(inputs[0], text));
        int64_t out = room / stride + 1;
        if (ink_attr_u32(a, INK_ATTR_CEIL, 0) && room % stride && out * stride < in + before)
            out++;
        size[axis] = (uint32_t)out;
    }
    node->shape = ink_shape_chw(inputs[0].dim[0], size[0], size[1]);
    /* Windows are at most 2^20 and outputs at most 2^40 elements. */
    if (!ink_shape_elements(node->shape, &node->work))
        return ink_node_fail(error, INK_ERR_LIMIT, node, "its output is too large%s", "");
    node->work *= (uint64_t)ink_attr_u32(a, INK_ATTR_KERNEL, 0) * ink_attr_u32(a, INK_ATTR_KERNEL, 1);
    return INK_OK;
}

static ink_status prepare(ink_step *step, ink_prepare *p)
{
    step->kernel = ink_kernel_find(step->output.quantum.scale > 0 ? INK_KERNEL_max_pool_u8
                                   : is_max(step->op)             ? INK_KERNEL_max_pool_f32
                                                                  : INK_KERNEL_avg_pool_f32, p->cpu);
    return INK_OK;
}

static ink_pool_f32 geometry(const ink_node *node, ink_shape in, ink_shape out)
{
    const ink_attributes *a = &node->attributes;
    const bool global = is_global(node->op);
    return (ink_pool_f32){
        .height = in.dim[1], .width = in.dim[2], .channels = in.dim[0],
        .out_height = out.dim[1], .out_width = out.dim[2],
        .kernel_height = global ? in.dim[1] : ink_attr_u32(a, INK_ATTR_KERNEL, 0),
        .kernel_width = global ? in.dim[2] : ink_attr_u32(a, INK_ATTR_KERNEL, 1),
        .stride_height = global ? 1 : ink_attr_u32(a, INK_ATTR_STRIDE, 0),
        .stride_width = global ? 1 : ink_attr_u32(a, INK_ATTR_STRIDE, 1),
        .pad_top = ink_attr_u32(a, INK_ATTR_PADDING, 0),
        .pad_left = ink_attr_u32(a, INK_ATTR_PADDING, 1),
        .pad_bottom = ink_attr_u32(a, INK_ATTR_PADDING, 2),
        .pad_right = ink_attr_u32(a, INK_ATTR_PADDING, 3),
        .count_padding = ink_attr_u32(a, INK_ATTR_COUNT_PADDING, 0),
    };
}

ink_pool_f32 ink_pool_geometry(const ink_node *node, ink_shape in)
{
    return geometry(node, in, node->shape);
}

static void run_images(const ink_kernel *kernel, ink_pool_f32 p, size_t images, const float *x, float *y)
{
    for (size_t image = 0; image < images; image++) {
        p.x = x + image * p.height * p.width * p.channels;
        p.y = y + image * p.out_height * p.out_width * p.channels;
        if (kernel->op == INK_KERNEL_max_pool_f32)
            kernel->run.max_pool_f32(&p);
        else
            kernel->run.avg_pool_f32(&p);
    }
}

static void run_bytes(const ink_step *step, const ink_run *run)
{
    ink_max_pool_u8 call = { .pool = geometry(step->node, step->inputs[0].shape, step->output.shape),
                             .zero = step->output.quantum.zero };
    for (size_t image = 0; image < run->images; image++) {
        call.x = (const uint8_t *)run->inputs[0] + image * step->inputs[0].elements;
        call.y = (uint8_t *)run->output + image * step->output.elements;
        step->kernel->run.max_pool_u8(&call);
    }
}

static void run(const ink_step *step, const ink_run *run)
{
    if (step->kernel->op == INK_KERNEL_max_pool_u8) {
        run_bytes(step, run);
        return;
    }
    run_images(step->kernel, geometry(step->node, step->inputs[0].shape, step->output.shape), run->images,
               run->inputs[0], run->output);
}

/* ---- training ---- */

static ink_status tape_prepare(ink_tape_step *step, ink_prepare *p)
{
    const bool max = is_max(step->op);
    step->kernel = ink_kernel_find(max ? INK_KERNEL_max_pool_f32 : INK_KERNEL_avg_pool_f32, p->cpu);
    step->gradient_kernel = ink_kernel_find(
        max ? INK_KERNEL_max_pool_grad_f32 : INK_KERNEL_avg_pool_grad_f32, p->cpu);
    return INK_OK;
}

static void tape_forward(const ink_tape_step *step, const ink_tape_run *run)
{
    run_images(step->kernel, ink_pool_geometry(step->node, step->input_shapes[0]), run->images,
               run->inputs[0], run->output);
}

static void tape_backward(const ink_tape_step *step, const ink_tape_run *run)
{
    const ink_pool_f32 p = ink_pool_geometry(step->node, step->input_shapes[0]);
    const size_t in = p.height * p.width * p.channels, out = p.out_height * p.out_width * p.channels;
    if (!run->d_inputs[0])
        return;
    for (size_t image = 0; image < run->images; image++) {
        const ink_pool_grad_f32 arguments = { p, run->inputs[0] + image * in, run->output + image * out,
                                              run->d_output + image * out, run->d_inputs[0] + image * in };
        if (is_max(step->op))
            step->gradient_kernel->run.max_pool_grad_f32(&arguments);
        else
            step->gradient_kernel->run.avg_pool_grad_f32(&arguments);
    }
}

#define POOL_ATTRIBUTES                                                                            \
    { INK_ATTR_KERNEL, true, 0 }, { INK_ATTR_STRIDE, false, NAN }, { INK_ATTR_PADDING, false, 0 }, \
    { INK_ATTR_CEIL, false, 0 }

#define POOL(identifier, count, ...)                                                               \
    const ink_op ink_op_##identifier = {                                                           \
        .name = #identifier,                                                                       \
        .min_inputs = 1,                                                                           \
        .max_inputs = 1,                                                                           \
        .wants = INK_WANTS_IMAGE,                                                                  \
        .activation = -1,                                                                          \
        .attributes = __VA_ARGS__,                                                                 \
        .attribute_count = count,                                                                  \
        .shape = shape,                                                                            \
        .prepare = prepare,                                                                        \
        .run = run,                                                                                \
        .tape_prepare = INK_TAPE(tape_prepare),                                                    \
        .tape_forward = INK_TAPE(tape_forward),                                                    \
        .tape_backward = INK_TAPE(tape_backward),                                                  \
    };

POOL(max_pool2d, 4, (const ink_op_attribute[]){ POOL_ATTRIBUTES })
POOL(avg_pool2d, 5, (const ink_op_attribute[]){ POOL_ATTRIBUTES, { INK_ATTR_COUNT_PADDING, false, 0 } })
POOL(global_max_pool2d, 0, NULL)
POOL(global_avg_pool2d, 0, NULL)
