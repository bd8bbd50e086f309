#include "import/torch/script_calls.h"

#include <stdio.h>

/* A layer has the name of its module, or that of the weight it uses. */
static void name_after(call *c, const ink_script_value *weight)
{
    const char *dot = is(weight, INK_HOLDS_WEIGHT) ? strrchr(weight->text, '.') : NULL;
    const char *name = dot ? ink_arena_string(c->m->arena, weight->text, (size_t)(dot - weight->text)) : NULL;
    if (name)
        c->m->net->name = name;
}

/* Axis of a picture, which has the batch in front, without it; false for the batch. */
static bool axis_of(const ink_script_value *v, const ink_torch_value *x, int64_t usual, uint32_t *axis)
{
    int64_t at = usual;
    if (given(v) && !sizes(v, 1, &at))
        return false;
    return ink_torch_axis(x, at, axis);
}

/* ---- layers ---- */

static ink_status finish_conv(call *c, const ink_script_value *padding, ink_torch_window *w)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    const ink_weight *weight = weight_of(c->in[1]), *bias = weight_of(c->in[2]);
    int64_t groups = 1;
    INK_TRY(take(c, 0, &x));
    if (!weight || c->in[1]->turned || (given(c->in[2]) && !bias))
        return wrong(c, "its weight is no tensor of the file");
    if (is(padding, INK_HOLDS_TEXT)) {
        const bool same = strcmp(padding->text, "same") == 0;
        for (int i = 0; i < 2; i++) {
            const uint64_t both = same && weight->rank == 4 ? w->dilation[i] * (weight->dim[2 + i] - 1) : 0;
            w->padding[i] = both / 2;
            w->padding[2 + i] = both - both / 2;
        }
    } else {
        if (!lengths(padding, 0, 0, w->padding))
            return wrong(c, "its padding is malformed");
        memcpy(w->padding + 2, w->padding, 2 * sizeof *w->padding);
    }
    const ink_script_value *given_groups = strcmp(c->name, "_convolution") == 0 ? c->in[8] : c->in[6];
    if (given(given_groups) && (!sizes(given_groups, 1, &groups) || groups < 1))
        return wrong(c, "its groups are malformed");
    w->groups = (uint64_t)groups;
    name_after(c, c->in[1]);
    INK_TRY(ink_torch_conv(c->m->net, x, weight, bias, w, &out));
    return put_picture(c, &out);
}

static ink_status conv(call *c)
{
    ink_torch_window w = { .groups = 1 };
    if (strcmp(c->name, "_convolution") == 0 && truth(c->in[6], false))
        return fault(c, "transposed convolutions are not supported");
    if (!lengths(c->in[3], 1, 1, w.stride) || !lengths(c->in[5], 1, 1, w.dilation))
        return wrong(c, "its stride or dilation is malformed");
    return finish_conv(c, c->in[4], &w);
}

static ink_status dense_with(call *c, size_t input, const ink_script_value *weight, bool turned,
                             const ink_script_value *bias)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    INK_TRY(take(c, input, &x));
    if (!weight_of(weight) || (given(bias) && !weight_of(bias)))
        return wrong(c, "its weight is no tensor of the file");
    name_after(c, weight);
    INK_TRY(ink_torch_dense(c->m->net, x, weight->weight, turned != weight->turned, weight_of(bias), &out));
    return put_picture(c, &out);
}

static ink_status linear(call *c)
{
    return dense_with(c, 0, c->in[1], false, c->in[2]);
}

static ink_status matmul(call *c)
{
    return dense_with(c, 0, c->in[1], true, NULL);
}

static ink_status addmm(call *c)
{
    if (number(c->in[3], 1) != 1 || number(c->in[4], 1) != 1)
        return fault(c, "alpha and beta other than 1 are not supported");
    return dense_with(c, 1, c->in[2], true, c->in[0]);
}

static ink_status batch_norm(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    INK_TRY(take(c, 0, &x));
    if (truth(c->in[5], false))
        return fault(c, "was traced while training; trace it after eval()");
    for (size_t i = 1; i <= 4; i++)
        if (given(c->in[i]) && !weight_of(c->in[i]))
            return wrong(c, "its weight is no tensor of the file");
    if (!given(c->in[3]) || !given(c->in[4]))
        return fault(c, "a norm by the batch itself, without running statistics, is not supported");
    name_after(c, c->in[3]);
    INK_TRY(ink_torch_norm(c->m->net, x, weight_of(c->in[1]), weight_of(c->in[2]), weight_of(c->in[3]),
                           weight_of(c->in[4]), number(c->in[7], 1e-5), &out));
    return put_picture(c, &out);
}

static ink_status pool(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    ink_torch_window w = { .dilation = { 1, 1 } };
    const bool max = strcmp(c->row->node, "max_pool2d") == 0;
    bool fits = lengths(c->in[1], 0, 1, w.kernel);
    INK_TRY(take(c, 0, &x));
    const bool none = !given(c->in[2]) || (is(c->in[2], INK_HOLDS_LIST) && !c->in[2]->count);
    if (none)
        memcpy(w.stride, w.kernel, sizeof w.stride);
    else
        fits = fits && lengths(c->in[2], 0, 1, w.stride);
    fits = fits && lengths(c->in[3], 0, 0, w.padding) && (!max || lengths(c->in[4], 1, 1, w.dilation));
    if (!fits)
        return wrong(c, "its kernel, stride, padding or dilation is malformed");
    memcpy(w.padding + 2, w.padding, 2 * sizeof *w.padding);
    w.ceil = truth(c->in[max ? 5 : 4], false);
    w.count_padding = !max && truth(c->in[5], true);
    if (!max && given(c->in[6]))
        return fault(c, "a divisor of its own is not supported");
    INK_TRY(ink_torch_pool(c->m->net, c->row->node, x, &w, &out));
    return put_picture(c, &out);
}

/* (values, indices) */
static ink_status with_indices(call *c)
{
    ink_script_value *values = c->out, *indices;
    INK_TRY(ink_script_new(c->m, INK_HOLDS_UNKNOWN, &indices));
    INK_TRY(ink_script_new(c->m, INK_HOLDS_LIST, &c->out));
    INK_TRY(ink_script_append(c->m, c->out, values));
    return ink_script_append(c->m, c->out, indices);
}

static ink_status pool_with_indices(call *c)
{
    INK_TRY(pool(c));
    return with_indices(c);
}

static ink_status adaptive(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    uint64_t size[2];
    const bool max = c->row->node != NULL;
    INK_TRY(take(c, 0, &x));
    if (x->node && x->rank != 3)
        return ink_fail(c->m->error, INK_ERR_SHAPE, "%s: gets no channels, height and width", c->m->net->where);
    for (uint32_t i = 0; i < 2; i++) {
        const ink_script_value *one = is(c->in[1], INK_HOLDS_LIST) && c->in[1]->count == 2 ? c->in[1]->items[i]
                                                                                          : c->in[1];
        int64_t value = (int64_t)x->dim[i + 1];
        if (given(one) && (!sizes(one, 1, &value) || value < 1))
            return wrong(c, "its size is malformed");
        size[i] = (uint64_t)value;
    }
    INK_TRY(ink_torch_adaptive(c->m->net, max, x, size, &out));
    INK_TRY(put_picture(c, &out));
    return max ? with_indices(c) : INK_OK;
}

static ink_status same(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    char attributes[60] = "";
    const double usual = strcmp(c->name, "leaky_relu") == 0 ? 0.01 : 1;
    INK_TRY(take(c, 0, &x));
    if (strcmp(c->name, "leaky_relu") == 0 || strcmp(c->name, "elu") == 0)
        snprintf(attributes, sizeof attributes, "alpha=%.9g", number(c->in[1], usual));
    if (strcmp(c->name, "elu") == 0 && (number(c->in[2], 1) != 1 || number(c->in[3], 1) != 1))
        return fault(c, "scales other than 1 are not supported");
    if (strcmp(c->name, "gelu") == 0 && is(c->in[1], INK_HOLDS_TEXT) && strcmp(c->in[1]->text, "tanh") == 0)
        snprintf(attributes, sizeof attributes, "approximate=1");
    INK_TRY(ink_torch_same(c->m->net, c->row->node, attributes, x, &out));
    return put_picture(c, &out);
}

static ink_status prelu(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    char attributes[60];
    const ink_weight *weight = weight_of(c->in[1]);
    INK_TRY(take(c, 0, &x));
    if (!weight || weight->elements != 1)
        return fault(c, "one slope for each channel is not supported; one for all is");
    snprintf(attributes, sizeof attributes, "alpha=%.9g", (double)weight->data[0]);
    INK_TRY(ink_torch_same(c->m->net, "leaky_relu", attributes, x, &out));
    return put_picture(c, &out);
}

static ink_status softmax(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    uint32_t axis;
    INK_TRY(take(c, 0, &x));
    if (x->node && !axis_of(c->in[1], x, -1, &axis))
        return fault(c, "goes over the pictures of a batch; give it dim=1");
    INK_TRY(ink_torch_softmax(c->m->net, c->row->node, x, x->node ? axis : 0, &out));
    return put_picture(c, &out);
}

static ink_status dropout(call *c)
{
    if (truth(c->in[2], false))
        return fault(c, "was traced while training, and drops values by chance; trace it after eval()");
    c->out = c->in[0];
    return INK_OK;
}

/* Types by PyTorch's numbers: 5 half, 6 float, 7 double, 15 bfloat16. */
static ink_status to(call *c)
{
    for (size_t i = 1; i < 4; i++)
        if (is(c->in[i], INK_HOLDS_INT) && (c->in[i]->integer < 5 || c->in[i]->integer > 7) &&
            c->in[i]->integer != 15)
            return fault(c, "another type than a float is not supported");
    return keep(c);
}

/* ---- shapes ---- */

static ink_status put_view(call *c, const ink_torch_value *picture)
{
    INK_TRY(put_picture(c, picture));
    c->out->storage = c->in[0]->storage;
    c->out->version = c->in[0]->version;
    return INK_OK;
}

static ink_status mixes(call *c)
{
    return ink_fail(c->m->error, INK_ERR_SHAPE, "%s: mixes the pictures of a batch", c->m->net->where);
}

static ink_status flatten(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    int64_t from = 0, until = -1;
    INK_TRY(take(c, 0, &x));
    if ((given(c->in[1]) && !sizes(c->in[1], 1, &from)) || (given(c->in[2]) && !sizes(c->in[2], 1, &until)))
        return wrong(c, "its axes are malformed");
    INK_TRY(ink_torch_flatten(c->m->net, x, from, until, &out));
    return put_view(c, &out);
}

/* view(x, [batch, ...]); whatever stands for the batch, all of a picture must be in the rest. */
static ink_status view(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    uint64_t dim[INK_TORCH_RANK];
    int64_t size;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return put_picture(c, x);
    if (!is(c->in[1], INK_HOLDS_LIST))
        return fault(c, "this form of it is not supported");
    const size_t count = c->in[1]->count;
    if (count < 2 || count > INK_TORCH_RANK + 1)
        return mixes(c);
    for (size_t i = 0; i < count; i++) {
        if (!sizes(c->in[1]->items[i], 1, &size) || size < -1 || size == 0)
            return wrong(c, "its sizes are malformed");
        if (i)
            dim[i - 1] = size < 0 ? UINT64_MAX : (uint64_t)size;
    }
    INK_TRY(ink_torch_reshape(c->m->net, x, (uint32_t)count - 1, dim, &out));
    return put_view(c, &out);
}

static ink_status squeeze(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    uint64_t dim[INK_TORCH_RANK];
    uint32_t rank = 0, axis = UINT32_MAX;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return put_picture(c, x);
    if (given(c->in[1]) && !axis_of(c->in[1], x, 0, &axis))
        return mixes(c);
    for (uint32_t i = 0; i < x->rank; i++)
        if (x->dim[i] != 1 || (given(c->in[1]) && i != axis))
            dim[rank++] = x->dim[i];
    INK_TRY(ink_torch_reshape(c->m->net, x, rank, dim, &out));
    return put_view(c, &out);
}

static ink_status unsqueeze(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    uint64_t dim[INK_TORCH_RANK];
    int64_t axis = 0;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return put_picture(c, x);
    if (!sizes(c->in[1], 1, &axis))
        return wrong(c, "its axis is malformed");
    axis += axis < 0 ? (int64_t)x->rank + 2 : 0;
    if (axis < 1 || axis > (int64_t)x->rank + 1 || x->rank == INK_TORCH_RANK)
        return mixes(c);
    for (uint32_t i = 0, at = 0; i <= x->rank; i++)
        dim[i] = i + 1 == (uint32_t)axis ? 1 : x->dim[at++];
    INK_TRY(ink_torch_reshape(c->m->net, x, x->rank + 1, dim, &out));
    return put_view(c, &out);
}

static ink_status finish_permute(call *c, const ink_torch_value *x, const uint32_t *order)
{
    ink_torch_value out;
    INK_TRY(ink_torch_permute(c->m->net, x, order, &out));
    return put_view(c, &out);
}

static ink_status permute(call *c)
{
    const ink_torch_value *x = NULL;
    uint32_t order[INK_TORCH_RANK], seen = 0;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return put_picture(c, x);
    if (!is(c->in[1], INK_HOLDS_LIST) || c->in[1]->count != (size_t)x->rank + 1)
        return mixes(c);
    int64_t first;
    if (!sizes(c->in[1]->items[0], 1, &first) || first != 0)
        return mixes(c);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (!axis_of(c->in[1]->items[i + 1], x, 0, &order[i]) || seen >> order[i] & 1)
            return mixes(c);
        seen |= UINT32_C(1) << order[i];
    }
    return finish_permute(c, x, order);
}

/* Of a weight, linear's x W^T; or of two axes of a picture. */
static ink_status transpose(call *c)
{
    const ink_torch_value *x = NULL;
    uint32_t order[INK_TORCH_RANK] = { 0, 1, 2, 3 }, a, b;
    if (is(c->in[0], INK_HOLDS_WEIGHT)) {
        if (c->in[0]->weight->rank != 2)
            return fault(c, "a weight is turned that has not two axes");
        INK_TRY(ink_script_new(c->m, INK_HOLDS_WEIGHT, &c->out));
        *c->out = *c->in[0];
        c->out->turned = !c->in[0]->turned;
        return INK_OK;
    }
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return put_picture(c, x);
    if (!c->in[1] || !c->in[2] || !axis_of(c->in[1], x, 0, &a) || !axis_of(c->in[2], x, 0, &b))
        return mixes(c);
    order[a] = b;
    order[b] = a;
    return finish_permute(c, x, order);
}

/* left, right, top, bottom, and so on from the last axis */
static ink_status pad(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    int64_t left[4] = { 0 };
    const bool has_mode = strcmp(c->name, "pad") == 0;
    const ink_script_value *value = c->in[has_mode ? 3 : 2];
    INK_TRY(take(c, 0, &x));
    if (has_mode && is(c->in[2], INK_HOLDS_TEXT) && strcmp(c->in[2]->text, "constant") != 0)
        return fault(c, "only constant padding is supported");
    if (!is(c->in[1], INK_HOLDS_LIST) || (c->in[1]->count != 4 && c->in[1]->count != 2) ||
        !sizes(c->in[1], c->in[1]->count, left))
        return fault(c, "only padding of height and width is supported");
    for (int i = 0; i < 4; i++)
        if (left[i] < 0)
            return fault(c, "negative padding, which crops, is not supported");
    const uint64_t padding[4] = { (uint64_t)left[2], (uint64_t)left[0], (uint64_t)left[3], (uint64_t)left[1] };
    INK_TRY(ink_torch_pad(c->m->net, x, padding, number(value, 0), &out));
    return put_picture(c, &out);
}

/* mean or amax over height and width */
static ink_status reduce(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    uint32_t seen = 0, axis;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return put_picture(c, x);
    for (size_t i = 0; is(c->in[1], INK_HOLDS_LIST) && i < c->in[1]->count; i++)
        if (axis_of(c->in[1]->items[i], x, 0, &axis))
            seen |= UINT32_C(1) << axis;
    if (x->rank != 3 || seen != 6 || c->in[1]->count != 2)
        return fault(c, "is supported over height and width, dim=[2, 3], only");
    INK_TRY(ink_torch_adaptive(c->m->net, c->row->node != NULL, x, (const uint64_t[]){ 1, 1 }, &out));
    if (!truth(c->in[2], false)) {
        const ink_torch_value pooled = out;
        INK_TRY(ink_torch_reshape(c->m->net, &pooled, 1, (const uint64_t[]){ UINT64_MAX }, &out));
    }
    return put_picture(c, &out);
}

static ink_status cat(call *c)
{
    enum { MOST = 64 };
    ink_torch_value x[MOST], out;
    uint32_t axis;
    if (!is(c->in[0], INK_HOLDS_LIST) || !c->in[0]->count || c->in[0]->count > MOST)
        return fault(c, "joins too many, or nothing that is known");
    for (size_t i = 0; i < c->in[0]->count; i++) {
        const ink_script_value *v = c->in[0]->items[i];
        if (is(v, INK_HOLDS_UNKNOWN))
            return ink_script_new(c->m, INK_HOLDS_UNKNOWN, &c->out);
        if (!is(v, INK_HOLDS_PICTURE) || v->version != v->storage->version)
            return fault(c, "joins what is not computed from the picture");
        x[i] = v->picture;
    }
    if (!axis_of(c->in[1], &x[0], 0, &axis))
        return mixes(c);
    INK_TRY(ink_torch_concat(c->m->net, x, c->in[0]->count, axis, &out));
    return put_picture(c, &out);
}

/* ---- the table ---- */

const row ink_script_layer_rows[] = {
    { "conv2d", "input weight bias stride padding dilation groups", conv, NULL },
    { "_convolution", "input weight bias stride padding dilation transposed output_padding groups", conv, NULL },
    { "_convolution_mode", "input weight bias stride padding dilation groups", conv, NULL },
    { "linear", "input weight bias", linear, NULL },
    { "matmul", "input other", matmul, NULL },
    { "mm", "input other", matmul, NULL },
    { "addmm", "input mat1 mat2 beta alpha", addmm, NULL },
    { "batch_norm", "input weight bias running_mean running_var training momentum eps", batch_norm, NULL },
    { "max_pool2d", "input kernel_size stride padding dilation ceil_mode", pool, "max_pool2d" },
    { "max_pool2d_with_indices", "input kernel_size stride padding dilation ceil_mode", pool_with_indices,
      "max_pool2d" },
    { "avg_pool2d", "input kernel_size stride padding ceil_mode count_include_pad divisor_override", pool,
      "avg_pool2d" },
    { "adaptive_avg_pool2d", "input output_size", adaptive, NULL },
    { "adaptive_max_pool2d", "input output_size", adaptive, "max" },
    { "relu", "input", same, "relu" },
    { "leaky_relu", "input negative_slope", same, "leaky_relu" },
    { "elu", "input alpha scale input_scale", same, "elu" },
    { "gelu", "input approximate", same, "gelu" },
    { "sigmoid", "input", same, "sigmoid" },
    { "tanh", "input", same, "tanh" },
    { "prelu", "input weight", prelu, NULL },
    { "softmax", "input dim dtype", softmax, "softmax" },
    { "log_softmax", "input dim dtype", softmax, "log_softmax" },
    { "dropout", "input p train", dropout, NULL },
    { "feature_dropout", "input p train", dropout, NULL },
    { "alpha_dropout", "input p train", dropout, NULL },
    { "feature_alpha_dropout", "input p train", dropout, NULL },
    { "contiguous", "input memory_format", keep, NULL },
    { "detach", "input", keep, NULL },
    { "clone", "input memory_format", keep, NULL },
    { "alias", "input", keep, NULL },
    { "float", "input", keep, NULL },
    { "type_as", "input other", keep, NULL },
    { "to", "input a b c d e", to, NULL },
    { "cpu", "input", keep, NULL },
    { "cuda", "input", keep, NULL },
    { "requires_grad", "input on", keep, NULL },
    { "flatten", "input start_dim end_dim", flatten, NULL },
    { "view", "input size", view, NULL },
    { "reshape", "input shape", view, NULL },
    { "squeeze", "input dim", squeeze, NULL },
    { "unsqueeze", "input dim", unsqueeze, NULL },
    { "permute", "input dims", permute, NULL },
    { "transpose", "input dim0 dim1", transpose, NULL },
    { "t", "input", transpose, NULL },
    { "numpy_T", "input", transpose, NULL },
    { "pad", "input pad mode value", pad, NULL },
    { "constant_pad_nd", "input pad value", pad, NULL },
    { "mean", "input dim keepdim dtype", reduce, NULL },
    { "amax", "input dim keepdim", reduce, "max" },
    { "cat", "tensors dim", cat, NULL },
    { "concat", "tensors dim", cat, NULL },
    { NULL, NULL, NULL, NULL },
};
