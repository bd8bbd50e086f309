/* What a network computes, in double precision and straight from the definitions: loops over row-major
 * arrays of one image, with nothing of inkling's code. Beside each number stands how far float32 may be
 * from it, carried along from node to node:
 *
 *   value   what exact arithmetic gives
 *   error   a bound on what float32 arithmetic is off by, in any order of summing, with each product
 *           and sum rounded or both at once (FMA)
 *   size    of a sum: the sum of the magnitudes of its terms, which a batch norm that is folded into
 *           the weights behind it needs; of everything else |value| + error
 *
 * u is the unit roundoff, gamma(k) the bound on k roundings (check.h). */
#ifndef TESTS_CHECK_REFERENCE_H
#define TESTS_CHECK_REFERENCE_H

#include "check_network.h"
#include "check_winograd.h"

#include "ops/winograd.h"

typedef struct ref {
    uint32_t rank, dim[4];
    size_t count;
    double *value, *error, *size;
    double steps; /* how often a term of its sums is rounded */
} ref;

/* ---- arrays ---- */

static inline ref ref_make(uint32_t rank, const uint32_t *dim)
{
    ref r = { .rank = rank, .count = 1 };
    for (uint32_t i = 0; i < rank; i++)
        r.count *= r.dim[i] = dim[i];
    r.value = calloc(3 * r.count + 1, sizeof *r.value);
    assert_non_null(r.value);
    r.error = r.value + r.count;
    r.size = r.error + r.count;
    return r;
}

static inline void ref_free(ref *r)
{
    free(r->value);
    *r = (ref){ 0 };
}

static inline void ref_put(ref *r, size_t at, double value, double error)
{
    r->value[at] = value;
    r->error[at] = error;
    r->size[at] = fabs(value) + error;
}

static inline void ref_move(ref *to, size_t at, const ref *from, size_t index)
{
    to->value[at] = from->value[index];
    to->error[at] = from->error[index];
    to->size[at] = from->size[index];
}

/* How far apart neighbours on an axis lie. */
static inline size_t ref_stride(const ref *r, uint32_t axis)
{
    size_t stride = 1;
    for (uint32_t i = axis + 1; i < r->rank; i++)
        stride *= r->dim[i];
    return stride;
}

/* ---- attributes ---- */

/* The values of an attribute: `count` of them, given ones repeated as often as they must. */
static inline size_t ref_numbers(const net_node *node, const char *name, double fallback, size_t count,
                                 double *values)
{
    char key[40];
    size_t given = 0;
    snprintf(key, sizeof key, " %s=", name);
    const char *at = strstr(node->attributes, key);
    if (at) {
        char *end = NULL;
        for (at += strlen(key); given < count; at = end + 1) {
            values[given++] = strtod(at, &end);
            if (*end != ',')
                break;
        }
    }
    for (size_t i = given; i < count; i++)
        values[i] = given ? values[i % given] : fallback;
    return given;
}

static inline double ref_number(const net_node *node, const char *name, double fallback)
{
    double value;
    ref_numbers(node, name, fallback, 1, &value);
    return value;
}

/* An attribute that is a float32 in the file. */
static inline double ref_float(const net_node *node, const char *name, double fallback)
{
    return (double)(float)ref_number(node, name, fallback);
}

static inline void ref_sizes(const net_node *node, const char *name, double fallback, size_t count,
                             int64_t *sizes)
{
    double values[4];
    ref_numbers(node, name, fallback, count, values);
    for (size_t i = 0; i < count; i++)
        sizes[i] = (int64_t)values[i];
}

static inline uint32_t ref_axis(const net_node *node, const ref *in, double fallback)
{
    const double axis = ref_number(node, "axis", fallback);
    return (uint32_t)(axis < 0 ? axis + in->rank : axis);
}

/* ---- sums ---- */

/* A sum of products that is under way: value, error carried along, and magnitudes. */
typedef struct ref_sum {
    double value, carried, size;
} ref_sum;

static inline void ref_sum_add(ref_sum *sum, const ref *x, size_t at, double w)
{
    sum->value += x->value[at] * w;
    sum->carried += x->error[at] * fabs(w);
    sum->size += (fabs(x->value[at]) + x->error[at]) * fabs(w);
}

/* Ends it with a bias. A term is rounded once as a product and once for each of at most `terms` sums; one
 * more for the slope of a relu that is fused. */
static inline void ref_sum_put(ref *out, size_t at, ref_sum sum, double bias, size_t terms)
{
    out->steps = (double)terms + 2;
    out->value[at] = sum.value + bias;
    out->size[at] = sum.size + fabs(bias);
    out->error[at] = sum.carried + check_gamma(out->steps) * out->size[at] + out->steps * CHECK_TINY;
}

static inline double ref_bias(const net_node *node, size_t at)
{
    const net_tensor *bias = net_tensor_of(node, "bias");
    return bias ? bias->values[at] : 0;
}

/* Adds what a convolution of stride 1 may be off by when it goes by one of Winograd's ways: that which the rule of costs names,
 * with or without the last row and column, which a pool behind it may not want. Errors of the inputs count as parts of them. */
static inline void ref_winograd_errors(const net_tensor *w, const ref *in, const int64_t pad[4], ref *out)
{
    const size_t channels = w->dim[1], columns = w->dim[0];
    ink_winograd_sizes sizes = { .kernel = w->dim[2], .channels = channels, .columns = columns,
                                 .out_height = out->dim[1], .out_width = out->dim[2] };
    const size_t whole_tile = ink_winograd_tile(&sizes, sizes.out_height * sizes.out_width);
    sizes.out_height -= sizes.out_height % 2;
    sizes.out_width -= sizes.out_width % 2;
    const size_t pooled_tile = ink_winograd_tile(&sizes, sizes.out_height * sizes.out_width);
    double *most = calloc(out->count + 1, sizeof *most);
    assert_non_null(most);
    for (const winograd_way *way = winograd_ways; way < winograd_ways + WINOGRAD_WAYS; way++) {
        const size_t down = (out->dim[1] + way->tile - 1) / way->tile, across = (out->dim[2] + way->tile - 1) / way->tile;
        const size_t taps = way->kernel * way->kernel;
        if (way->kernel != w->dim[2] || (way->tile != whole_tile && way->tile != pooled_tile))
            continue;
        double(*v)[36] = calloc(down * across * channels, sizeof *v), (*u)[36] = calloc(columns * channels, sizeof *u);
        assert_true(v && u);
        for (size_t t = 0; t < down * across * channels; t++) {
            double d[36];
            for (size_t n = 0; n < way->side * way->side; n++) {
                const int64_t y = (int64_t)(t / channels / across * way->tile + n / way->side) - pad[0];
                const int64_t x = (int64_t)(t / channels % across * way->tile + n % way->side) - pad[1];
                const bool inside = y >= 0 && y < in->dim[1] && x >= 0 && x < in->dim[2];
                const size_t at = inside ? (t % channels * in->dim[1] + (size_t)y) * in->dim[2] + (size_t)x : 0;
                d[n] = inside ? fabs(in->value[at]) + in->error[at] : 0;
            }
            winograd_input_sizes(way, d, v[t]);
        }
        for (size_t i = 0; i < columns * channels; i++)
            winograd_weight_sizes(way, w->values + i * taps, u[i]);
        const double steps = winograd_steps(way, channels);
        for (size_t at = 0; at < out->count; at++) {
            const size_t o = at / out->dim[2] / out->dim[1], i = at / out->dim[2] % out->dim[1], j = at % out->dim[2];
            const size_t tile = i / way->tile * across + j / way->tile;
            double size = 0;
            for (size_t c = 0; c < channels; c++)
                size += winograd_size(way, v[tile * channels + c], u[o * channels + c], i % way->tile, j % way->tile);
            most[at] = fmax(most[at], check_gamma(steps) * size + steps * CHECK_TINY);
        }
        free(v);
        free(u);
    }
    for (size_t at = 0; at < out->count; at++)
        out->error[at] += most[at];
    free(most);
}

/* y[o, i, j] = bias[o] + sum over c, a, b of x[c, i s + a d - p, j s + b d - p] w[o, c, a, b], c over the
 * channels of o's group; what lies outside of x is 0. */
static inline ref ref_conv2d(const net_node *node, const ref *in)
{
    const net_tensor *w = net_tensor_of(node, "weight");
    int64_t stride[2], pad[4], dilation[2], groups, size[2];
    ref_sizes(node, "stride", 1, 2, stride);
    ref_sizes(node, "padding", 0, 4, pad);
    ref_sizes(node, "dilation", 1, 2, dilation);
    ref_sizes(node, "groups", 1, 1, &groups);
    for (size_t i = 0; i < 2; i++)
        size[i] = ((int64_t)in[0].dim[i + 1] + pad[i] + pad[i + 2] -
                   dilation[i] * ((int64_t)w->dim[i + 2] - 1) - 1) / stride[i] + 1;
    ref out = ref_make(3, (uint32_t[]){ w->dim[0], (uint32_t)size[0], (uint32_t)size[1] });
    const size_t depth = w->dim[1], taps = (size_t)w->dim[2] * w->dim[3];
    const size_t group_out = w->dim[0] / (size_t)groups;
    for (size_t at = 0; at < out.count; at++) {
        const size_t o = at / out.dim[2] / out.dim[1];
        const int64_t i = (int64_t)(at / out.dim[2] % out.dim[1]), j = (int64_t)(at % out.dim[2]);
        ref_sum sum = { 0, 0, 0 };
        for (size_t c = 0; c < depth; c++)
            for (size_t t = 0; t < taps; t++) {
                const int64_t y = i * stride[0] + (int64_t)(t / w->dim[3]) * dilation[0] - pad[0];
                const int64_t x = j * stride[1] + (int64_t)(t % w->dim[3]) * dilation[1] - pad[1];
                const size_t channel = o / group_out * depth + c;
                if (y >= 0 && y < in[0].dim[1] && x >= 0 && x < in[0].dim[2])
                    ref_sum_add(&sum, in, (channel * in[0].dim[1] + (size_t)y) * in[0].dim[2] +
                                          (size_t)x, w->values[(o * depth + c) * taps + t]);
            }
        ref_sum_put(&out, at, sum, ref_bias(node, o), depth * taps);
    }
    if (w->dim[2] == w->dim[3] && groups == 1 && stride[0] * stride[1] == 1 && dilation[0] * dilation[1] == 1)
        ref_winograd_errors(w, in, pad, &out);
    return out;
}

/* y[..., o] = bias[o] + sum over i of x[..., i] w[o, i]. */
static inline ref ref_dense(const net_node *node, const ref *in)
{
    const net_tensor *w = net_tensor_of(node, "weight");
    uint32_t dim[4];
    memcpy(dim, in[0].dim, sizeof dim);
    dim[in[0].rank - 1] = w->dim[0];
    ref out = ref_make(in[0].rank, dim);
    for (size_t at = 0; at < out.count; at++) {
        const size_t o = at % w->dim[0], row = at / w->dim[0];
        ref_sum sum = { 0, 0, 0 };
        for (size_t i = 0; i < w->dim[1]; i++)
            ref_sum_add(&sum, in, row * w->dim[1] + i, w->values[o * w->dim[1] + i]);
        ref_sum_put(&out, at, sum, ref_bias(node, o), w->dim[1]);
    }
    return out;
}

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias = x s + t.
 *
 * Alone: s and t are rounded, then the product and the sum. Folded into the sum before it, each
 * weight is multiplied by a rounded s and rounded again, which is relative to the sum's terms (`size`)
 * and not to its value; and t takes part in the whole sum. The bound holds for both. */
static inline ref ref_batch_norm(const net_node *node, const ref *in)
{
    static const char *const suffixes[] = { "weight", "bias", "mean", "variance" };
    const double epsilon = ref_float(node, "epsilon", 1e-5);
    ref out = ref_make(in[0].rank, in[0].dim);
    out.steps = in[0].steps + 4;
    for (size_t at = 0; at < out.count; at++) {
        const size_t channel = at / ref_stride(in, 0);
        double p[4];
        for (size_t i = 0; i < 4; i++) {
            const net_tensor *t = net_tensor_of(node, suffixes[i]);
            p[i] = t ? t->values[channel] : i == 0;
        }
        const double s = p[0] / sqrt(p[3] + epsilon), t = p[1] - p[2] * s;
        out.value[at] = (in[0].value[at] - p[2]) * s + p[1];
        out.size[at] = fabs(s) * in[0].size[at] + fabs(t);
        out.error[at] = fabs(s) * in[0].error[at] + check_gamma(4) * fabs(s) * in[0].size[at] +
                        check_gamma(out.steps) * fabs(t) + 4 * CHECK_TINY;
    }
    return out;
}

/* ---- pooling ---- */

/* The windows of one axis. With ceil a last one that is not full counts, if it begins in the picture
 * or in the padding before it. */
static inline uint32_t ref_windows(int64_t size, int64_t kernel, int64_t stride, int64_t before,
                                   int64_t after, bool ceiling)
{
    uint32_t count = 0;
    for (int64_t begin = -before;; begin += stride) {
        const bool full = begin + kernel <= size + after, part = ceiling && begin < size;
        /* One that ends beyond the padding is taken only where the one before did not reach the end. */
        if (!full && !(part && begin - stride + kernel < size + after))
            return count;
        count++;
    }
}

static inline ref ref_pool(const net_node *node, const ref *in)
{
    const bool global = strncmp(node->op, "global", 6) == 0, max = strstr(node->op, "max") != NULL;
    const bool counted = ref_number(node, "count_padding", 0) != 0;
    int64_t kernel[2], stride[2], pad[4];
    uint32_t dim[3] = { in[0].dim[0], 0, 0 };
    ref_sizes(node, "kernel", 0, 2, kernel);
    ref_sizes(node, "stride", 0, 2, stride);
    ref_sizes(node, "padding", 0, 4, pad);
    for (size_t i = 0; i < 2; i++) {
        kernel[i] = global ? in[0].dim[i + 1] : kernel[i];
        stride[i] = stride[i] ? stride[i] : kernel[i];
        dim[i + 1] = ref_windows(in[0].dim[i + 1], kernel[i], stride[i], pad[i], pad[i + 2],
                                 ref_number(node, "ceil", 0) != 0);
    }
    ref out = ref_make(3, dim);
    for (size_t at = 0; at < out.count; at++) {
        const int64_t i = (int64_t)(at / dim[2] % dim[1]), j = (int64_t)(at % dim[2]);
        double sum = 0, error = 0, size = 0, largest = -INFINITY, worst = 0, inside = 0, all = 0;
        for (int64_t y = i * stride[0] - pad[0]; y < i * stride[0] - pad[0] + kernel[0]; y++)
            for (int64_t x = j * stride[1] - pad[1]; x < j * stride[1] - pad[1] + kernel[1]; x++) {
                all += y < in[0].dim[1] + pad[2] && x < in[0].dim[2] + pad[3];
                if (y < 0 || y >= in[0].dim[1] || x < 0 || x >= in[0].dim[2])
                    continue;
                const size_t from = (at / dim[2] / dim[1] * in[0].dim[1] + (size_t)y) *
                                    in[0].dim[2] + (size_t)x;
                inside++;
                sum += in[0].value[from];
                error += in[0].error[from];
                size += in[0].size[from];
                largest = fmax(largest, in[0].value[from]);
                worst = fmax(worst, in[0].error[from]);
            }
        const double count = counted ? all : inside;
        if (max)
            ref_put(&out, at, largest, worst);
        else /* the sums, the share 1 / count, and the product with it */
            ref_put(&out, at, sum / count,
                    (error + check_gamma(inside + 1) * size) / count + CHECK_TINY);
    }
    return out;
}

/* ---- functions of one element: `slope` is how steep they get, which makes errors larger; the rest is
 * what test_kernels_elements.c allows the kernels themselves ---- */

static inline ref ref_activation(const net_node *node, const ref *in)
{
    const bool leaky = strcmp(node->op, "leaky_relu") == 0, elu = strcmp(node->op, "elu") == 0;
    const double alpha = ref_float(node, "alpha", leaky ? 0.01 : 1);
    const double root = sqrt(2 / acos(-1));
    ref out = ref_make(in[0].rank, in[0].dim);
    for (size_t at = 0; at < out.count; at++) {
        const double x = in[0].value[at];
        double y = 0, slope = 1, own = 0;
        if (strcmp(node->op, "relu") == 0) {
            y = fmax(x, 0);
        } else if (leaky) {
            y = x > 0 ? x : alpha * x;
            slope = fmax(1, fabs(alpha));
            own = CHECK_UNIT * fabs(y);
        } else if (elu) {
            y = x > 0 ? x : alpha * expm1(x);
            slope = fmax(1, fabs(alpha));
            own = 5 * CHECK_UNIT * fabs(y);
        } else if (strcmp(node->op, "sigmoid") == 0) {
            y = 1 / (1 + exp(-x));
            slope = 0.25;
            own = 5 * CHECK_UNIT * y;
        } else if (strcmp(node->op, "tanh") == 0) {
            y = tanh(x);
            own = 6 * CHECK_UNIT * fabs(y);
        } else if (ref_number(node, "approximate", 0) != 0) {
            y = 0.5 * x * (1 + tanh(root * (x + 0.044715 * x * x * x)));
            slope = 1.13;
            own = 3 * CHECK_UNIT * fabs(x);
        } else {
            y = 0.5 * x * (1 + erf(x * sqrt(0.5)));
            slope = 1.13;
            own = 5 * CHECK_UNIT * fabs(y) * (x < 0 ? 1 + x * x : 1);
        }
        /* The function's own error, at the argument that it really gets. */
        ref_put(&out, at, y, slope * in[0].error[at] * (1 + 10 * CHECK_UNIT) + own + 2e-38);
        if (leaky && alpha == 1) /* nothing happens, and a batch norm behind it may be folded */
            out.size[at] = in[0].size[at];
    }
    out.steps = leaky ? in[0].steps : 0;
    return out;
}

/* Over the last axis. Inputs that are off by at most e each move a probability by a factor of at most
 * exp(2 e), its logarithm by 2 e; the kernel's own error is derived in test_kernels_elements.c. */
static inline void ref_softmax_row(const ref *in, ref *out, size_t from, size_t n, bool logs)
{
    double largest = -INFINITY, worst = 0, sum = 0;
    for (size_t i = from; i < from + n; i++) {
        largest = fmax(largest, in->value[i]);
        worst = fmax(worst, in->error[i]);
    }
    for (size_t i = from; i < from + n; i++)
        sum += exp(in->value[i] - largest);
    const double common = log((double)n) + (double)n + 4 + 4 * worst;
    for (size_t i = from; i < from + n; i++) {
        const double d = in->value[i] - largest, p = exp(d) / sum;
        if (logs)
            ref_put(out, i, d - log(sum),
                    2 * worst + CHECK_UNIT * (2 * fabs(d) + 3 * log(sum) + common));
        else
            ref_put(out, i, p, p * expm1(2 * worst) + p * CHECK_UNIT * (fabs(d) + common) +
                               2 * CHECK_TINY);
    }
}

static inline ref ref_softmax(const net_node *node, const ref *in)
{
    ref out = ref_make(in[0].rank, in[0].dim);
    const size_t n = in[0].dim[in[0].rank - 1];
    for (size_t from = 0; from < out.count; from += n)
        ref_softmax_row(in, &out, from, n, strncmp(node->op, "log", 3) == 0);
    return out;
}

/* ---- several inputs ---- */

static inline ref ref_add(const net_node *node, const ref *in)
{
    ref out = ref_make(in[0].rank, in[0].dim);
    for (size_t at = 0; at < out.count; at++) {
        double sum = 0, error = 0, size = 0;
        for (size_t i = 0; i < node->input_count; i++) {
            sum += in[i].value[at];
            error += in[i].error[at];
            size += fabs(in[i].value[at]) + in[i].error[at];
        }
        ref_put(&out, at, sum, error + check_gamma((double)node->input_count - 1) * size);
    }
    return out;
}

static inline ref ref_concat(const net_node *node, const ref *in)
{
    const uint32_t axis = ref_axis(node, in, 0);
    uint32_t dim[4], begin = 0;
    memcpy(dim, in[0].dim, sizeof dim);
    for (size_t i = 1; i < node->input_count; i++)
        dim[axis] += in[i].dim[axis];
    ref out = ref_make(in[0].rank, dim);
    for (size_t i = 0; i < node->input_count; begin += in[i++].dim[axis]) {
        const size_t inner = ref_stride(&in[i], axis), n = in[i].dim[axis];
        for (size_t at = 0; at < in[i].count; at++)
            ref_move(&out, (at / inner / n * dim[axis] + begin + at / inner % n) * inner + at % inner,
                     &in[i], at);
    }
    return out;
}

/* ---- moving elements ---- */

static inline ref ref_pad(const net_node *node, const ref *in)
{
    int64_t pad[4];
    ref_sizes(node, "padding", 0, 4, pad);
    const size_t height = in[0].dim[1], width = in[0].dim[2];
    const size_t top = (size_t)pad[0], left = (size_t)pad[1];
    ref out = ref_make(3, (uint32_t[]){ in[0].dim[0], (uint32_t)(height + top + (size_t)pad[2]),
                                        (uint32_t)(width + left + (size_t)pad[3]) });
    for (size_t at = 0; at < out.count; at++) {
        const size_t y = at / out.dim[2] % out.dim[1], x = at % out.dim[2];
        const size_t channel = at / out.dim[2] / out.dim[1];
        if (y >= top && y < top + height && x >= left && x < left + width)
            ref_move(&out, at, in, (channel * height + y - top) * width + x - left);
        else
            ref_put(&out, at, ref_float(node, "value", 0), 0);
    }
    return out;
}

/* flatten, reshape, dropout: the same elements in the same order. */
static inline ref ref_same(const net_node *node, const ref *in)
{
    uint32_t rank = in[0].rank, dim[4] = { (uint32_t)in[0].count, 0, 0, 0 };
    double shape[4], known = 1;
    if (strcmp(node->op, "reshape") == 0) {
        rank = (uint32_t)ref_numbers(node, "shape", 0, 4, shape);
        for (uint32_t i = 0; i < rank; i++)
            known *= shape[i] > 0 ? shape[i] : 1;
        for (uint32_t i = 0; i < rank; i++)
            dim[i] = (uint32_t)(shape[i] > 0 ? shape[i] : (double)in[0].count / known);
    } else if (strcmp(node->op, "flatten") == 0) {
        rank = 1;
    } else {
        memcpy(dim, in[0].dim, sizeof dim);
    }
    ref out = ref_make(rank, dim);
    assert_int_equal(out.count, in[0].count);
    for (size_t at = 0; at < out.count; at++)
        ref_move(&out, at, in, at);
    out.steps = in[0].steps;
    return out;
}

static inline ref ref_permute(const net_node *node, const ref *in)
{
    double order[4];
    uint32_t dim[4] = { 0 };
    const size_t rank = ref_numbers(node, "order", 0, 4, order);
    for (size_t i = 0; i < rank; i++)
        dim[i] = in[0].dim[(size_t)order[i]];
    ref out = ref_make((uint32_t)rank, dim);
    for (size_t at = 0; at < out.count; at++) {
        size_t from = 0;
        for (uint32_t i = 0; i < rank; i++)
            from += at / ref_stride(&out, i) % dim[i] * ref_stride(in, (uint32_t)order[i]);
        ref_move(&out, at, in, from);
    }
    return out;
}

/* ---- I8 weights: what is multiplied are bytes' values, by weights that are multiples of a scale ---- */

/* The input as bytes hold it, and what they stand for. */
static inline ref ref_bytes(const net_node *node, const ref *in)
{
    const double scale = ref_float(node, "input_scale", 1), zero = ref_number(node, "input_zero", 0);
    ref out = ref_make(in->rank, in->dim);
    for (size_t i = 0; i < in->count; i++)
        ref_put(&out, i, (fmin(fmax(nearbyint(in->value[i] / scale + zero), 0), 255) - zero) * scale, 0);
    return out;
}

static inline bool ref_is_int8(const net_node *node)
{
    const net_tensor *w = net_tensor_of(node, "weight");
    return w && w->type == INK_I8;
}

/* A node whose weights are their own scales' multiples; its tensors are the caller's to free. */
static inline net_node ref_scaled(const net_node *node)
{
    net_node copy = *node;
    const net_tensor *scale = net_tensor_of(node, "scale");
    net_tensor *w = (net_tensor *)(uintptr_t)net_tensor_of(&copy, "weight");
    const double *values = w->values;
    w->values = malloc((w->count + 1) * sizeof *w->values);
    assert_true(scale && w->values);
    for (size_t i = 0; i < w->count; i++)
        w->values[i] = values[i] * scale->values[i / (w->count / w->dim[0])];
    return copy;
}

/* ---- the whole network ---- */

static const struct {
    const char *op;
    ref (*run)(const net_node *node, const ref *in);
} ref_ops[] = {
    { "conv2d", ref_conv2d },           { "dense", ref_dense },
    { "max_pool2d", ref_pool },         { "avg_pool2d", ref_pool },
    { "global_max_pool2d", ref_pool },  { "global_avg_pool2d", ref_pool },
    { "batch_norm", ref_batch_norm },   { "relu", ref_activation },
    { "leaky_relu", ref_activation },   { "elu", ref_activation },
    { "sigmoid", ref_activation },      { "tanh", ref_activation },
    { "gelu", ref_activation },         { "softmax", ref_softmax },
    { "log_softmax", ref_softmax },     { "add", ref_add },
    { "concat", ref_concat },           { "pad", ref_pad },
    { "flatten", ref_same },            { "reshape", ref_same },
    { "permute", ref_permute },         { "dropout", ref_same },
};

/* All values of a network for one image: the picture, then what each node gives. */
static inline void ref_run(const net *n, const float *image, ref *values)
{
    values[0] = ref_make(3, n->dim);
    for (size_t i = 0; i < values[0].count; i++)
        ref_put(&values[0], i, (double)image[i], 0);
    for (size_t i = 0; i < n->node_count; i++) {
        const net_node *node = &n->nodes[i];
        ref inputs[NET_INPUTS];
        size_t op = 0;
        for (size_t k = 0; k < node->input_count; k++) {
            assert_true(node->input[k] <= i);
            inputs[k] = values[node->input[k]];
        }
        while (strcmp(ref_ops[op].op, node->op) != 0)
            if (++op == CHECK_COUNT(ref_ops))
                fail_msg("no reference for the operator %s", node->op);
        if (!ref_is_int8(node)) {
            values[i + 1] = ref_ops[op].run(node, inputs);
            continue;
        }
        net_node scaled = ref_scaled(node);
        ref bytes = ref_bytes(node, &inputs[0]);
        values[i + 1] = ref_ops[op].run(&scaled, &bytes);
        ref_free(&bytes);
        free(net_tensor_of(&scaled, "weight")->values);
    }
}

#endif
