/* Winograd's ways to a convolution, as matrices: F(2x2, 3x3), F(4x4, 3x3) and F(2x2, 5x5). */
#ifndef TESTS_CHECK_WINOGRAD_H
#define TESTS_CHECK_WINOGRAD_H

#include "check.h"

/* With how many roundings each line makes one after the other. Of F(4x4, 3x3) and F(2x2, 5x5) a line of inputs has four terms
 * at most: the product with 5 is rounded, those with 2 and 4 are exact, and three sums; a line of outputs has five, whose
 * factors are powers of two: four sums; a line of weights the constant, its product, and the sums. */
typedef struct winograd_way {
    size_t kernel, tile, side;
    double in[6][6], out[4][6], weights[6][5];
    size_t in_steps, out_steps, weight_steps;
} winograd_way;

#define WINOGRAD_IN6                                                                                                \
    { { 4, 0, -5, 0, 1, 0 }, { 0, -4, -4, 1, 1, 0 }, { 0, 4, -4, -1, 1, 0 }, { 0, -2, -1, 2, 1, 0 },                  \
      { 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 } }
#define WINOGRAD_SIXTH (1 / 6.0)
#define WINOGRAD_24TH (1 / 24.0)

static const winograd_way winograd_ways[] = {
    { 3, 2, 4,
      { { 1, 0, -1, 0 }, { 0, 1, 1, 0 }, { 0, -1, 1, 0 }, { 0, 1, 0, -1 } },
      { { 1, 1, 1, 0 }, { 0, 1, -1, -1 } },
      { { 1 }, { 0.5, 0.5, 0.5 }, { 0.5, -0.5, 0.5 }, { 0, 0, 1 } },
      1, 2, 3 },
    { 3, 4, 6, WINOGRAD_IN6,
      { { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 0 }, { 0, 1, 1, 4, 4, 0 }, { 0, 1, -1, 8, -8, 1 } },
      { { 1 / 4.0 }, { -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH },
        { -WINOGRAD_SIXTH, WINOGRAD_SIXTH, -WINOGRAD_SIXTH }, { WINOGRAD_24TH, 2 * WINOGRAD_24TH, 4 * WINOGRAD_24TH },
        { WINOGRAD_24TH, -2 * WINOGRAD_24TH, 4 * WINOGRAD_24TH }, { 0, 0, 1 } },
      4, 4, 4 },
    { 5, 2, 6, WINOGRAD_IN6,
      { { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 1 } },
      { { 1 / 4.0 },
        { -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH },
        { -WINOGRAD_SIXTH, WINOGRAD_SIXTH, -WINOGRAD_SIXTH, WINOGRAD_SIXTH, -WINOGRAD_SIXTH },
        { WINOGRAD_24TH, 2 * WINOGRAD_24TH, 4 * WINOGRAD_24TH, 8 * WINOGRAD_24TH, 16 * WINOGRAD_24TH },
        { WINOGRAD_24TH, -2 * WINOGRAD_24TH, 4 * WINOGRAD_24TH, -8 * WINOGRAD_24TH, 16 * WINOGRAD_24TH },
        { 0, 0, 0, 0, 1 } },
      4, 4, 6 },
};
enum { WINOGRAD_WAYS = sizeof winograd_ways / sizeof *winograd_ways };

/* |M| |x| |M^T| for a line's matrix M of `side` rows of `stride`, and x of n x n. */
static inline void winograd_sizes(const double *matrix, size_t stride, size_t side, const double *x, size_t n, double *out)
{
    double half[6][6];
    for (size_t y = 0; y < side; y++)
        for (size_t k = 0; k < n; k++) {
            half[y][k] = 0;
            for (size_t i = 0; i < n; i++)
                half[y][k] += fabs(matrix[y * stride + i] * x[i * n + k]);
        }
    for (size_t y = 0; y < side; y++)
        for (size_t k = 0; k < side; k++) {
            out[y * side + k] = 0;
            for (size_t i = 0; i < n; i++)
                out[y * side + k] += fabs(matrix[k * stride + i]) * half[y][i];
        }
}

/* For one channel what transformed inputs d, side x side, and weights g, kernel x kernel, would be if each sum had the size
 * of its parts; and what output i, k of the tile then is. */
static inline void winograd_input_sizes(const winograd_way *way, const double *d, double v[36])
{
    winograd_sizes(way->in[0], 6, way->side, d, way->side, v);
}

static inline void winograd_weight_sizes(const winograd_way *way, const double *g, double u[36])
{
    winograd_sizes(way->weights[0], 5, way->side, g, way->kernel, u);
}

static inline double winograd_size(const winograd_way *way, const double v[36], const double u[36], size_t i, size_t k)
{
    double size = 0;
    for (size_t n = 0; n < way->side * way->side; n++)
        size += fabs(way->out[i][n / way->side] * way->out[k][n % way->side]) * u[n] * v[n];
    return size;
}

/* How many roundings follow one another: of weights and inputs, of the products and their sum over channels, of the way
 * out with bias and slope. */
static inline double winograd_steps(const winograd_way *way, size_t channels)
{
    return 2 * (double)(way->weight_steps + way->in_steps + way->out_steps) + (double)channels + 3;
}

#endif
