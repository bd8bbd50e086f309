#include "ops/winograd.h"

#include "base/checked.h"

#include <string.h>

enum { POINTS = 16, BLOCK = 48 }; /* products of a tile; tiles at once, so that they stay in the second-level cache */

bool ink_winograd_fits(size_t kernel_height, size_t kernel_width, size_t channels, size_t columns)
{
    return kernel_height == 3 && kernel_width == 3 && channels >= 16 && columns >= 16;
}

ink_status ink_winograd_prepare(ink_winograd **made, size_t channels, size_t columns, size_t out_height,
                                size_t out_width, ink_prepare *p, ink_step *counted)
{
    const size_t down = (out_height + 1) / 2, across = (out_width + 1) / 2;
    ink_winograd *w = ink_arena_array(p->arena, 1, sizeof *w);
    if (!w)
        return ink_fail(p->error, INK_ERR_MEMORY, "no memory for a convolution");
    *made = w;
    *w = (ink_winograd){ .channels = channels, .columns = columns, .in_height = 2 * down + 2,
                         .in_width = 2 * across + 2, .out_height = out_height, .out_width = out_width,
                         .tiles = down * across };
    w->in_kernel = ink_kernel_find(INK_KERNEL_winograd_in_f32, p->cpu);
    w->out_kernel = ink_kernel_find(INK_KERNEL_winograd_out_f32, p->cpu);
    w->product_kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    w->matrix = ink_igemm_packed_size(w->product_kernel->tile, columns, 1, channels);
    uint32_t *in, *out, *inside;
    INK_TRY(ink_prepare_floats(p, counted, POINTS * w->matrix, &w->packed));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles, &in));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles, &out));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles / 4 + 1, &inside));
    for (size_t t = 0; t < w->tiles; t++) {
        const size_t y = t / across * 2, x = t % across * 2;
        in[t] = (uint32_t)((y * w->in_width + x) * channels);
        out[t] = (uint32_t)((y * out_width + x) * columns);
        ((uint8_t *)inside)[t] = (uint8_t)((x + 1 < out_width) | (y + 1 < out_height) << 1);
    }
    w->in_offset = in;
    w->out_offset = out;
    w->inside = (const uint8_t *)inside;
    return INK_OK;
}

/* u = G g G^T with G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]. */
static void transform(const float g[9], float u[POINTS])
{
    float rows[4][3];
    for (size_t x = 0; x < 3; x++) {
        const float a = g[x], b = g[3 + x], c = g[6 + x];
        rows[0][x] = a;
        rows[1][x] = 0.5f * (a + b + c);
        rows[2][x] = 0.5f * (a - b + c);
        rows[3][x] = c;
    }
    for (size_t y = 0; y < 4; y++) {
        const float a = rows[y][0], b = rows[y][1], c = rows[y][2];
        u[4 * y] = a;
        u[4 * y + 1] = 0.5f * (a + b + c);
        u[4 * y + 2] = 0.5f * (a - b + c);
        u[4 * y + 3] = c;
    }
}

void ink_winograd_pack(const ink_winograd *w, const float *weights, size_t tap_stride, size_t depth_stride,
                       size_t column_stride, bool turned)
{
    const size_t tile = w->product_kernel->tile;
    for (size_t panel = 0; panel < w->columns; panel += tile)
        for (size_t c = 0; c < w->channels; c++)
            for (size_t k = 0; k < tile; k++) {
                float g[9] = { 0 }, u[POINTS];
                const float *from = weights + c * depth_stride + (panel + k) * column_stride;
                for (size_t t = 0; panel + k < w->columns && t < 9; t++)
                    g[turned ? 8 - t : t] = from[t * tap_stride];
                transform(g, u);
                for (size_t p = 0; p < POINTS; p++)
                    w->packed[p * w->matrix + panel * w->channels + c * tile + k] = u[p];
            }
}

size_t ink_winograd_scratch(const ink_winograd *w)
{
    return POINTS * BLOCK * (w->channels + w->columns) + ink_round_up(w->columns, 64);
}

void ink_winograd_run(const ink_winograd *w, const float *x, const float *bias, float slope, float *y,
                      float *scratch)
{
    float *zero = scratch, *v = zero + ink_round_up(w->columns, 64), *m = v + POINTS * BLOCK * w->channels;
    memset(zero, 0, ink_round_up(w->columns, 64) * sizeof *zero);
    for (size_t tile = 0; tile < w->tiles; tile += BLOCK) {
        const size_t tiles = w->tiles - tile < BLOCK ? w->tiles - tile : BLOCK;
        w->in_kernel->run.winograd_in_f32(&(ink_winograd_in_f32){
            tiles, w->channels, w->in_offset + tile, x, w->in_width * w->channels, v });
        for (size_t p = 0; p < POINTS; p++)
            w->product_kernel->run.igemm_f32(&(ink_igemm_f32){
                .rows = tiles, .columns = w->columns, .taps = 1, .depth = w->channels,
                .x = v + p * tiles * w->channels, .x_stride = w->channels, .w = w->packed + p * w->matrix,
                .bias = zero, .slope = 1, .y = m + p * tiles * w->columns, .y_stride = w->columns });
        w->out_kernel->run.winograd_out_f32(&(ink_winograd_out_f32){
            tiles, w->columns, w->out_offset + tile, w->inside + tile, m, bias, slope, y,
            w->out_width * w->columns });
    }
}
