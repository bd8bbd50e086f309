/* What kernels take: pointers and sizes, nothing of graphs or models. All data is float32 unless said;
 * pointers need no alignment; any size may be 0. Every kernel of an operation gives the same result
 * up to the rounding of the sums, and a row's result does not depend on the rows beside it. */
#ifndef INK_KERNELS_H
#define INK_KERNELS_H

#include "inkling.h"

#include <stdbool.h>
#include <stddef.h>

/* Which files of kernels are compiled in. */
#if defined(__x86_64__) || defined(_M_X64)
#define INK_HAVE_X86 1
#else
#define INK_HAVE_X86 0
#endif
#if defined(__aarch64__)
#define INK_HAVE_NEON 1
#else
#define INK_HAVE_NEON 0
#endif
#if defined(__wasm_simd128__)
#define INK_HAVE_SIMD128 1
#else
#define INK_HAVE_SIMD128 0
#endif
/* -DINK_HAVE_TRAINING=0: the library runs networks by its best kernels, and trains none. */
#ifndef INK_HAVE_TRAINING
#define INK_HAVE_TRAINING 1
#endif

/* Indirect matrix product, for dense layers and convolutions alike. For each row r and column c:
 *
 *     v = bias[c] + sum over t < taps, i < depth of x[row(r) + tap(t) + i] * w[c, t, i]
 *     y[r * y_stride + c] = v > 0 ? v : slope * v          (slope 1: nothing, 0: relu, else leaky relu)
 *
 * With a window, so many rows each make one row of y, the largest of their values in each column: a max-pool behind a
 * convolution, whose rows come window by window.
 *
 * A dense layer has one tap and a row for each image. A convolution has a row for each output pixel
 * and a tap for each position of its kernel, on channels-last data. The idea of addressing pixels
 * through offsets instead of copying patches: M. Dukhan, "The Indirect Convolution Algorithm", 2019
 * (arXiv:1907.02129). */
typedef struct ink_igemm_f32 {
    size_t rows, columns, taps, depth;
    size_t window; /* divides rows; 0 and 1: none */
    const float *x;
    const uint32_t *row_offset; /* in elements; NULL: row r begins at r * x_stride */
    size_t x_stride;
    const uint32_t *tap_offset; /* in elements; NULL: tap t begins at t * depth */
    const float *w;    /* ink_igemm_pack of the kernel's own tile */
    const float *bias; /* padded with zeros to whole tiles */
    float slope;       /* 0 to 1 */
    float *y;
    size_t y_stride;
} ink_igemm_f32;

/* Floats that packed weights take; 0 when that overflows. */
size_t ink_igemm_packed_size(size_t tile, size_t columns, size_t taps, size_t depth);
/* Packs w[c * column_stride + t * tap_stride + i * depth_stride] to panels of `tile` columns,
 * [panel][tap][depth][tile], the last panel filled up with zeros. */
void ink_igemm_pack(float *packed, size_t tile, size_t columns, size_t taps, size_t depth,
                    const float *w, size_t column_stride, size_t tap_stride, size_t depth_stride);

/* The same product of bytes, for layers with I8 weights. Its sums are exact, so every kernel of it gives the same bits.
 * For each row r and column c:
 *
 *     n = start[c] + sum over t < taps, i < depth of x[row(r) + tap(t) + i] * w[c, t, i]      (modulo 2^32)
 *     v = (float)n * scale[c] + bias[c]                                   (rounded twice: no fused multiply-add)
 *
 * where a window has the largest n of its rows. Then, with y:
 *
 *     y[r * y_stride + c] = v > 0 ? v : slope * v
 *
 * or, with `bytes`, of which `zero` stands for 0, so that scale and bias give multiples of the output's own scale:
 *
 *     bytes[r * y_stride + c] = the byte nearest to max(v, slope * v + (1 - slope) * zero), of two the even one
 *
 * Up to 3 bytes behind each run of `depth` are read, and do not matter. */
typedef struct ink_igemm_u8 {
    size_t rows, columns, taps, depth;
    size_t window; /* divides rows; 0 and 1: none */
    const uint8_t *x;
    const uint32_t *row_offset; /* in bytes; NULL: row r begins at r * x_stride */
    size_t x_stride;
    const uint32_t *tap_offset; /* in bytes; NULL: tap t begins at t * depth */
    const int8_t *w;            /* ink_igemm_u8_pack of the kernel's own tile */
    const int32_t *start;       /* these three are padded to whole tiles */
    const float *scale, *bias;
    float slope;                /* 0 to 1 */
    float *y;                   /* one of the two */
    uint8_t *bytes;
    size_t y_stride;
    float zero;
} ink_igemm_u8;

/* Bytes that packed weights take; 0 when that overflows. */
size_t ink_igemm_u8_packed_size(size_t tile, size_t columns, size_t taps, size_t depth);
/* Packs as ink_igemm_pack does, four of a tap's depth side by side: [panel][tap][depth / 4, rounded up][tile][4]. */
void ink_igemm_u8_pack(int8_t *packed, size_t tile, size_t columns, size_t taps, size_t depth, const int8_t *w,
                       size_t column_stride, size_t tap_stride, size_t depth_stride);

/* Floats to bytes: y = the byte nearest to x * inverse + zero, of two the even one; of a NaN, 0. */
typedef struct ink_quantize_u8 {
    size_t size;
    const float *x;
    float inverse, zero;
    uint8_t *y;
} ink_quantize_u8;

/* A dense layer of few outputs, with vectors along the inputs: y[r, c] = leaky(bias[c] + sum over i of x[r * x_stride +
 * i] * w[c * depth + i]). */
typedef struct ink_narrow_dense_f32 {
    size_t rows, columns, depth;
    const float *x;
    size_t x_stride;
    const float *w, *bias;
    float slope; /* 0 to 1 */
    float *y;
    size_t y_stride;
} ink_narrow_dense_f32;

/* Depthwise convolution on channels-last data:
 * y[r, c] = act(bias[c] + sum over t of x[row_offset[r] + tap_offset[t] + c] * w[t * channels + c]). */
typedef struct ink_dwconv_f32 {
    size_t rows, channels, taps;
    const float *x;
    const uint32_t *row_offset, *tap_offset;
    const float *w, *bias;
    float slope;
    float *y; /* rows * channels */
} ink_dwconv_f32;

/* Pooling of one channels-last image. A window is clipped to the picture; one that is clipped away
 * whole gives 0. The average divides by the clipped window, or with count_padding by the
 * window clipped to the padded picture. */
typedef struct ink_pool_f32 {
    size_t height, width, channels, out_height, out_width;
    size_t kernel_height, kernel_width, stride_height, stride_width;
    size_t pad_top, pad_left, pad_bottom, pad_right;
    bool count_padding;
    const float *x;
    float *y;
} ink_pool_f32;

/* Max-pooling of bytes: the sizes of `pool`; a window that is clipped away gives `zero`. */
typedef struct ink_max_pool_u8 {
    ink_pool_f32 pool; /* its pointers are not used */
    const uint8_t *x;
    uint8_t zero, *y;
} ink_max_pool_u8;

typedef enum ink_activation {
    INK_ACT_RELU,      /* max(x, 0) */
    INK_ACT_LEAKY_RELU, /* x > 0 ? x : alpha * x */
    INK_ACT_ELU,       /* x > 0 ? x : alpha * (exp(x) - 1) */
    INK_ACT_SIGMOID,   /* 1 / (1 + exp(-x)) */
    INK_ACT_TANH,
    INK_ACT_GELU,      /* x / 2 * (1 + erf(x / sqrt 2)) */
    INK_ACT_GELU_TANH  /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
} ink_activation;

/* y = f(x), element by element; y may be x. */
typedef struct ink_activation_f32 {
    ink_activation function;
    float alpha;
    size_t size;
    const float *x;
    float *y;
} ink_activation_f32;

/* y = a + b; y may be a or b. */
typedef struct ink_add_f32 {
    size_t size;
    const float *a, *b;
    float *y;
} ink_add_f32;

/* y[r, c] = x[r, c] * scale[c] + shift[c]; y may be x. */
typedef struct ink_affine_f32 {
    size_t rows, columns;
    const float *x, *scale, *shift;
    float *y;
} ink_affine_f32;

/* Each row: exp(x - m) / sum of them, or with `log` x - m - log(sum of them), m the largest; y may be
 * x. */
typedef struct ink_softmax_f32 {
    size_t rows, columns;
    bool log;
    const float *x;
    float *y;
} ink_softmax_f32;

/* The sums before and after Winograd's products; src/ops/winograd.h says whose. For each tile and channel, F(2x2, 3x3)
 * with d the 4x4 inputs from x[offset[tile]] on, and F(4x4, 3x3) and F(2x2, 5x5) with 6x6:
 *
 *     v[n i + k, tile, c] = (B^T d B)[i, k], n = 4 or 6
 *     y[offset[tile] + i * row + k * channels + c] = leaky(bias[c] + (A^T m A)[i, k]), leaky as igemm's
 *
 * of which so many columns are written as the lower four bits of inside[tile] say, and rows as the upper four. Pooled, the
 * largest of each 2x2 outputs is written instead, at y[offset[tile] + i / 2 * row + k / 2 * channels + c].
 *
 *     F(2x2, 3x3): B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1], A^T = [1 1 1 0; 0 1 -1 -1]
 *     F(4x4, 3x3): B^T = [4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0; 0 2 -1 -2 1 0; 0 4 0 -5 0 1],
 *                  A^T = [1 1 1 1 1 0; 0 1 -1 2 -2 0; 0 1 1 4 4 0; 0 1 -1 8 -8 1]
 *     F(2x2, 5x5): the same B^T, A^T = [1 1 1 1 1 0; 0 1 -1 2 -2 1]
 *
 * The last, of F(2x2, 3x3), is the gradient's way back through the outputs' sum; of dy those outside are 0:
 *
 *     g[4 i + k, tile, c] = (A dy A^T)[i, k] */
typedef struct ink_winograd_in_f32 {
    size_t tiles, channels;
    const uint32_t *offset;
    const float *x;
    size_t row;  /* elements from a row of x to the next; pixels lie side by side */
    float *v;
    size_t next; /* elements from v[i] to v[i + 1] */
} ink_winograd_in_f32;
typedef struct ink_winograd_out_f32 {
    size_t tiles, channels;
    const uint32_t *offset;
    const uint8_t *inside;
    const float *m;
    size_t next; /* elements from m[i] to m[i + 1] */
    const float *bias;
    float slope;
    float *y;
    size_t row;
    bool pooled;
} ink_winograd_out_f32;

/* The weights' transform, for so many pairs of channels side by side: tap t of pair c is g[t * tap + c], and
 *
 *     u[(n i + k) * next + c] = (G g G^T)[i, k]
 *
 *     F(2x2, 3x3): G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]
 *     F(4x4, 3x3): G = [1/4 0 0; -1/6 -1/6 -1/6; -1/6 1/6 -1/6; 1/24 1/12 1/6; 1/24 -1/12 1/6; 0 0 1]
 *     F(2x2, 5x5): G = [1/4 0 0 0 0; -1/6 (1 1 1 1 1); -1/6 (1 -1 1 -1 1); 1/24 (1 2 4 8 16); 1/24 (1 -2 4 -8 16);
 *                       0 0 0 0 1] */
typedef struct ink_winograd_weights_f32 {
    size_t pairs;
    const float *g;
    ptrdiff_t tap;
    float *u;
    size_t next;
} ink_winograd_weights_f32;

typedef ink_winograd_in_f32 ink_winograd4_in_f32;
typedef ink_winograd_out_f32 ink_winograd4_out_f32;
typedef ink_winograd_weights_f32 ink_winograd4_weights_f32;
typedef ink_winograd_out_f32 ink_winograd5_out_f32; /* and F(4x4, 3x3)'s way in */
typedef ink_winograd_weights_f32 ink_winograd5_weights_f32;

typedef struct ink_winograd_back_f32 {
    size_t tiles, channels;
    const uint32_t *offset;
    const uint8_t *inside;
    const float *dy;
    size_t row;
    float *g;
    size_t next; /* elements from g[i] to g[i + 1] */
} ink_winograd_back_f32;

/* Bytes to network input: y = x * scale + offset. */
typedef struct ink_pixels_f32 {
    size_t size;
    const uint8_t *x;
    float scale, offset;
    float *y;
} ink_pixels_f32;

/* Gradient of weights, the transposed product of igemm: for each row r and column c
 *
 *     y[r * y_stride + c] += sum over p < points of x[row(r) + point(p)] * g[p * g_stride + c]
 *
 * A dense layer has a row for each input and a point for each image; a convolution has a row for each
 * tap and input channel, and a point for each output pixel. */
typedef struct ink_wgrad_f32 {
    size_t rows, columns, points;
    const float *x;
    const uint32_t *row_offset;   /* in elements; NULL: r */
    const uint32_t *point_offset; /* in elements; NULL: p * point_stride */
    size_t point_stride;
    const float *g;
    size_t g_stride;
    float *y;
    size_t y_stride;
} ink_wgrad_f32;

/* A dense layer whose input is mostly zeros, as pictures are: only the other inputs are looked at. The
 * result is that of igemm with one tap, since adding 0 * w changes nothing. */
typedef struct ink_sparse_dense_f32 {
    size_t rows, columns, depth;
    size_t group;   /* rows that are taken at once */
    const float *x; /* [rows, depth] */
    const float *w; /* ink_igemm_pack of this kernel's own tile */
    const float *bias;
    float slope;
    float *y;       /* [rows, columns] */
    uint32_t *index; /* scratch of INK_SPARSE_STRIDE(depth) items for each row of a group, as the next */
    float *value;
} ink_sparse_dense_f32;
enum { INK_SPARSE_GROUP = 48 }; /* the most rows of a group */
#define INK_SPARSE_STRIDE(depth) (((size_t)(depth) + 31) / 16 * 16) /* whole vectors are written behind a list */
/* So many rows that their lists stay near. */
static inline size_t ink_sparse_group(size_t depth)
{
    const size_t rows = ((size_t)1 << 17) / INK_SPARSE_STRIDE(depth);
    return rows < 6 ? 6 : rows > INK_SPARSE_GROUP ? INK_SPARSE_GROUP : rows;
}

/* The gradient of its weights: y[i, c] = sum over p of x[p, i] * g[p, c]. */
typedef struct ink_sparse_wgrad_f32 {
    size_t points, depth, columns;
    const float *x; /* [points, depth] */
    const float *g; /* [points, columns] */
    float *y;       /* [depth, columns] */
    uint32_t *begin; /* scratch of depth + 1 items */
    uint32_t *point; /* scratch of points * depth items, as the next */
    float *value;
} ink_sparse_wgrad_f32;

/* A sum of rows of x, each times a value, onto a row of y. A row is `runs` pieces of `run` elements:
 *
 *     y[r * y_stride + i] += sum over n < count of value[n] * x[offset[n] + r * x_stride + i]
 *
 * The gradients of a convolution, where most gradients of its outputs are 0, are made of these. */
typedef struct ink_sparse_rows_f32 {
    size_t count;
    const uint32_t *offset; /* in elements */
    const float *value;
    size_t runs, run;
    const float *x;
    size_t x_stride;
    float *y;
    size_t y_stride;
} ink_sparse_rows_f32;

/* Max-pooling of one image that remembers which element of its window each output is, the first of equal
 * ones: arg = row in the window * kernel_width + column. y = m > 0 ? m : slope * m, m the largest. A window
 * has at most 256 elements, and one inside the picture. */
typedef struct ink_max_pool_arg_f32 {
    ink_pool_f32 pool;
    float slope;
    uint8_t *arg;
} ink_max_pool_arg_f32;

/* Its gradient: dx is written, 0 but where an output came from. */
typedef struct ink_max_unpool_f32 {
    ink_pool_f32 pool; /* its sizes */
    const uint8_t *arg;
    const float *dy;
    float *dx;
} ink_max_unpool_f32;

/* Sums over the rows of a matrix, by column, of dy and of dy times the normalised x:
 *
 *     sum[c] += sum over r of dy[r, c]
 *     product[c] += sum over r of dy[r, c] * (x[r, c] - mean[c]) * inverse[c], unless x is NULL
 *
 * Blocks of INK_SUM_ROWS rows are summed in float32, their sums in double. */
typedef struct ink_column_sums_f32 {
    size_t rows, columns;
    const float *dy, *x, *mean, *inverse;
    double *sum, *product;
} ink_column_sums_f32;
enum { INK_SUM_ROWS = 64 };

/* y[r, c] = (x[r, c] - mean[c]) * b[c] + d[c], and with dy, as the gradient wants it, + dy[r, c] * a[c]. */
typedef struct ink_norm_f32 {
    size_t rows, columns;
    const float *x, *mean, *b, *d;
    const float *dy, *a; /* or NULL */
    float *y;
} ink_norm_f32;

/* The gradient of a relu (slope 0) or leaky relu from its output: dy = y > 0 ? dy : slope * dy. */
typedef struct ink_relu_grad_f32 {
    size_t size;
    float slope;
    const float *y;
    float *dy;
} ink_relu_grad_f32;

/* The gradient of a pooling, for one image: dx is written. x and y are its input and output. */
typedef struct ink_pool_grad_f32 {
    ink_pool_f32 pool; /* its sizes; its pointers are not used */
    const float *x, *y, *dy;
    float *dx;
} ink_pool_grad_f32;
typedef ink_pool_grad_f32 ink_max_pool_grad_f32;
typedef ink_pool_grad_f32 ink_avg_pool_grad_f32;

/* One step of Adam on `size` weights: with g = gradient * scale + l2 * weight,
 * first = beta1 first + (1 - beta1) g, second = beta2 second + (1 - beta2) g^2,
 * weight = weight (1 - rate decay) - rate (first / correction1) / (sqrt(second / correction2) + epsilon);
 * the corrections are 1 - beta^t after t steps. */
typedef struct ink_adam_f32 {
    size_t size;
    const float *gradient;
    float *weight, *first, *second;
    float rate, beta1, beta2, epsilon, decay, l2, scale, correction1, correction2;
} ink_adam_f32;

/* Copies dim[0] x ... x dim[3] elements between arrays of any strides (in elements). */
void ink_copy_f32(const uint32_t dim[4], const float *x, const size_t x_stride[4], float *y,
                  const size_t y_stride[4]);

/* What the processor can do at most: multiply-adds of numbers in registers, INK_PEAK_SUMS sums that do not wait for each
 * other. y[i] becomes y[i] / 2 + 1, `rounds` times; so many floats as `width`, a sum each. */
enum { INK_PEAK_SUMS = 24, INK_PEAK_FLOATS = INK_PEAK_SUMS * 16 };
typedef struct ink_peak_f32 {
    size_t rounds;
    float *y;      /* INK_PEAK_FLOATS, of which the first `width` are used */
    size_t *width; /* written: the multiply-adds of a round */
} ink_peak_f32;

/* One name an operation, whatever the number of its rows: the first row of each is scalar. */
typedef enum ink_kernel_op {
    INK_KERNEL_igemm_f32,
    INK_KERNEL_narrow_dense_f32,
    INK_KERNEL_dwconv_f32,
    INK_KERNEL_max_pool_f32,
    INK_KERNEL_avg_pool_f32,
    INK_KERNEL_activation_f32,
    INK_KERNEL_add_f32,
    INK_KERNEL_affine_f32,
    INK_KERNEL_softmax_f32,
    INK_KERNEL_pixels_f32,
    INK_KERNEL_winograd_in_f32,
    INK_KERNEL_winograd_out_f32,
    INK_KERNEL_winograd4_in_f32,
    INK_KERNEL_winograd4_out_f32,
    INK_KERNEL_winograd_weights_f32,
    INK_KERNEL_winograd4_weights_f32,
    INK_KERNEL_winograd5_out_f32,
    INK_KERNEL_winograd5_weights_f32,
    INK_KERNEL_winograd_back_f32,
    INK_KERNEL_wgrad_f32,
    INK_KERNEL_sparse_dense_f32,
    INK_KERNEL_sparse_wgrad_f32,
    INK_KERNEL_sparse_rows_f32,
    INK_KERNEL_max_pool_arg_f32,
    INK_KERNEL_max_unpool_f32,
    INK_KERNEL_relu_grad_f32,
    INK_KERNEL_column_sums_f32,
    INK_KERNEL_norm_f32,
    INK_KERNEL_max_pool_grad_f32,
    INK_KERNEL_avg_pool_grad_f32,
    INK_KERNEL_adam_f32,
    INK_KERNEL_peak_f32,
    INK_KERNEL_igemm_u8,
    INK_KERNEL_quantize_u8,
    INK_KERNEL_max_pool_u8,
    INK_KERNEL_OPS
} ink_kernel_op;

/* max and average pooling take the same arguments. */
typedef ink_pool_f32 ink_max_pool_f32;
typedef ink_pool_f32 ink_avg_pool_f32;

#define KERNEL(operation, isa, tile) void ink_##operation##_##isa(const ink_##operation *arguments);
#include "kernels/kernels.inc"
#undef KERNEL

typedef struct ink_kernel {
    const char *name; /* "igemm_f32_avx2" */
    ink_kernel_op op;
    ink_cpu cpu;
    size_t tile;
    union {
        void (*igemm_f32)(const ink_igemm_f32 *);
        void (*narrow_dense_f32)(const ink_narrow_dense_f32 *);
        void (*dwconv_f32)(const ink_dwconv_f32 *);
        void (*max_pool_f32)(const ink_pool_f32 *);
        void (*avg_pool_f32)(const ink_pool_f32 *);
        void (*activation_f32)(const ink_activation_f32 *);
        void (*add_f32)(const ink_add_f32 *);
        void (*affine_f32)(const ink_affine_f32 *);
        void (*softmax_f32)(const ink_softmax_f32 *);
        void (*pixels_f32)(const ink_pixels_f32 *);
        void (*winograd_in_f32)(const ink_winograd_in_f32 *);
        void (*winograd_out_f32)(const ink_winograd_out_f32 *);
        void (*winograd4_in_f32)(const ink_winograd_in_f32 *);
        void (*winograd4_out_f32)(const ink_winograd_out_f32 *);
        void (*winograd_weights_f32)(const ink_winograd_weights_f32 *);
        void (*winograd4_weights_f32)(const ink_winograd_weights_f32 *);
        void (*winograd5_out_f32)(const ink_winograd_out_f32 *);
        void (*winograd5_weights_f32)(const ink_winograd_weights_f32 *);
        void (*winograd_back_f32)(const ink_winograd_back_f32 *);
        void (*wgrad_f32)(const ink_wgrad_f32 *);
        void (*sparse_dense_f32)(const ink_sparse_dense_f32 *);
        void (*sparse_wgrad_f32)(const ink_sparse_wgrad_f32 *);
        void (*sparse_rows_f32)(const ink_sparse_rows_f32 *);
        void (*max_pool_arg_f32)(const ink_max_pool_arg_f32 *);
        void (*max_unpool_f32)(const ink_max_unpool_f32 *);
        void (*relu_grad_f32)(const ink_relu_grad_f32 *);
        void (*column_sums_f32)(const ink_column_sums_f32 *);
        void (*norm_f32)(const ink_norm_f32 *);
        void (*max_pool_grad_f32)(const ink_pool_grad_f32 *);
        void (*avg_pool_grad_f32)(const ink_pool_grad_f32 *);
        void (*adam_f32)(const ink_adam_f32 *);
        void (*peak_f32)(const ink_peak_f32 *);
        void (*igemm_u8)(const ink_igemm_u8 *);
        void (*quantize_u8)(const ink_quantize_u8 *);
        void (*max_pool_u8)(const ink_max_pool_u8 *);
    } run;
} ink_kernel;

/* All rows; `count` of them. */
const ink_kernel *ink_kernel_table(size_t *count);
/* The best kernel of an operation for `cpu`, never NULL; `cpu` is one that ink_cpu_detect may return. */
const ink_kernel *ink_kernel_find(ink_kernel_op op, ink_cpu cpu);
/* True when this machine runs kernels for `cpu`. */
bool ink_cpu_has(ink_cpu cpu);

#endif
