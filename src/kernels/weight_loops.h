/* Winograd's transform of the weights, written once over the vectors of an instruction set. It runs once a model, so a
 * machine with several sets needs it of one. */
#ifndef INK_WEIGHT_LOOPS_H
#define INK_WEIGHT_LOOPS_H

#include "kernels/kernels.h"
#include "kernels/unroll.h"

#include <string.h>

/* A line of G g: three or five taps make four or six. */
ALWAYS_INLINE void winograd_weights_line(const size_t side, const size_t taps, const vec g[5], vec u[6])
{
    if (side == 4) {
        const vec half = vec_all(0.5f);
        u[0] = g[0];
        u[1] = vec_mul(half, vec_add(vec_add(g[0], g[1]), g[2]));
        u[2] = vec_mul(half, vec_add(vec_sub(g[0], g[1]), g[2]));
        u[3] = g[2];
        return;
    }
    vec even = vec_add(g[0], g[2]), odd = g[1];
    vec far = vec_fma(vec_all(1.0f / 6), g[2], vec_mul(vec_all(1.0f / 24), g[0])), rest = vec_mul(vec_all(1.0f / 12), g[1]);
    if (taps == 5) {
        even = vec_add(even, g[4]);
        odd = vec_add(odd, g[3]);
        far = vec_fma(vec_all(2.0f / 3), g[4], far);
        rest = vec_fma(vec_all(1.0f / 3), g[3], rest);
    }
    even = vec_mul(vec_all(-1.0f / 6), even);
    odd = vec_mul(vec_all(1.0f / 6), odd);
    u[0] = vec_mul(vec_all(0.25f), g[0]);
    u[1] = vec_sub(even, odd);
    u[2] = vec_add(even, odd);
    u[3] = vec_add(far, rest);
    u[4] = vec_sub(far, rest);
    u[5] = g[taps - 1];
}

ALWAYS_INLINE void winograd_weights(const float *g, ptrdiff_t tap, float *u, size_t next, const size_t side,
                                    const size_t taps)
{
    vec rows[6][5];
    UNROLL
    for (size_t x = 0; x < taps; x++) {
        vec column[5], line[6];
        UNROLL
        for (size_t y = 0; y < taps; y++)
            column[y] = vec_load(g + (ptrdiff_t)(y * taps + x) * tap);
        winograd_weights_line(side, taps, column, line);
        UNROLL
        for (size_t i = 0; i < side; i++)
            rows[i][x] = line[i];
    }
    UNROLL
    for (size_t i = 0; i < side; i++) {
        vec line[6];
        winograd_weights_line(side, taps, rows[i], line);
        UNROLL
        for (size_t n = 0; n < side; n++, u += next)
            vec_store(u, line[n]);
    }
}

/* The last pairs, less than a vector, are computed in vectors of their own. */
#define WEIGHTS(name, side, taps)                                                                                      \
    static void name##_vector(const float *g, ptrdiff_t tap, float *u, size_t next)                                    \
    {                                                                                                                  \
        winograd_weights(g, tap, u, next, side, taps);                                                                 \
    }                                                                                                                  \
    void ISA(name##_f32)(const ink_winograd_weights_f32 *k)                                                            \
    {                                                                                                                  \
        size_t c = 0;                                                                                                  \
        for (; c + LANES <= k->pairs; c += LANES)                                                                      \
            name##_vector(k->g + c, k->tap, k->u + c, k->next);                                                        \
        const size_t left = k->pairs - c;                                                                              \
        if (!left)                                                                                                     \
            return;                                                                                                    \
        float g[(taps) * (taps)][LANES] = { { 0 } }, u[(side) * (side)][LANES];                                        \
        for (size_t i = 0; i < (taps) * (taps); i++)                                                                   \
            memcpy(g[i], k->g + (ptrdiff_t)i * k->tap + c, left * sizeof *k->g);                                       \
        name##_vector(g[0], LANES, u[0], LANES);                                                                       \
        for (size_t i = 0; i < (side) * (side); i++)                                                                   \
            memcpy(k->u + i * k->next + c, u[i], left * sizeof *k->u);                                                 \
    }

WEIGHTS(winograd_weights, 4, 3)
WEIGHTS(winograd4_weights, 6, 3)
WEIGHTS(winograd5_weights, 6, 5)
#undef WEIGHTS

#endif
