/* Winograd's ways to a convolution, as matrices: F(2x2, 3x3), F(4x4, 3x3) and F(2x2, 5x5). */
#ifndef TESTS_CHECK_WINOGRAD_H
#define TESTS_CHECK_WINOGRAD_H

#include "check.h"

/* With how many roundings each line makes one after the other. */
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
      5, 5, 4 },
    { 5, 2, 6, WINOGRAD_IN6,
      { { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 1 } },
      { { 1 / 4.0 },
        { -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH, -WINOGRAD_SIXTH },
        { -WINOGRAD_SIXTH, WINOGRAD_SIXTH, -WINOGRAD_SIXTH, WINOGRAD_SIXTH, -WINOGRAD_SIXTH },
        { WINOGRAD_24TH, 2 * WINOGRAD_24TH, 4 * WINOGRAD_24TH, 8 * WINOGRAD_24TH, 16 * WINOGRAD_24TH },
        { WINOGRAD_24TH, -2 * WINOGRAD_24TH, 4 * WINOGRAD_24TH, -8 * WINOGRAD_24TH, 16 * WINOGRAD_24TH },
        { 0, 0, 0, 0, 1 } },
      5, 5, 6 },
};
enum { WINOGRAD_WAYS = sizeof winograd_ways / sizeof *winograd_ways };

/* For one channel the size of output i, k of a tile: what it would be if each product, sum and transform had the size of
 * its parts. `d` are the tile's inputs, side x side, `g` the weights, kernel x kernel. */
static inline double winograd_size(const winograd_way *way, const double *d, const double *g, size_t i, size_t k)
{
    double size = 0;
    for (size_t y = 0; y < way->side; y++)
        for (size_t x = 0; x < way->side; x++) {
            const double out = way->out[i][y] * way->out[k][x];
            double v = 0, u = 0;
            for (size_t n = 0; out != 0 && n < way->side * way->side; n++)
                v += fabs(way->in[y][n / way->side] * way->in[x][n % way->side] * d[n]);
            for (size_t n = 0; out != 0 && n < way->kernel * way->kernel; n++)
                u += fabs(way->weights[y][n / way->kernel] * way->weights[x][n % way->kernel] * g[n]);
            size += fabs(out) * u * v;
        }
    return size;
}

/* How many roundings follow one another: of weights and inputs, of the products and their sum over channels, of the way
 * out with bias and slope. */
static inline double winograd_steps(const winograd_way *way, size_t channels)
{
    return 2 * (double)(way->weight_steps + way->in_steps + way->out_steps) + (double)channels + 3;
}

#endif
