#include "ops/winograd.h"

#include "base/checked.h"

#include <string.h>

/* Products of a tile; and floats of a block of tiles or images that stay in a usual second-level cache. */
enum { POINTS = 16, BLOCK_LEAST = 12, BLOCK_FLOATS = 1 << 17, SUMS_FLOATS = 1 << 18 };

bool ink_winograd_fits(size_t kernel_height, size_t kernel_width, size_t channels, size_t columns)
{
    return kernel_height == 3 && kernel_width == 3 && channels >= 16 && columns >= 16;
}

/* Costs in multiply-adds, from measurements with AVX2. What a channel of a tile costs in the transform before the products
 * is as much as 80 of them; behind, and for the ends of 16 short sums, 120 an output channel. */
bool ink_winograd_pays(const ink_winograd_sizes *s, size_t pixels)
{
    const double tiles = (double)((s->out_height + 1) / 2) * (double)((s->out_width + 1) / 2);
    const double in = (double)s->channels, out = (double)s->columns;
    return tiles * (POINTS * in * out + 80 * in + 120 * out) < (double)pixels * 9 * in * out;
}

ink_status ink_winograd_prepare(ink_winograd **made, const ink_winograd_sizes *s, ink_prepare *p, ink_step *counted)
{
    const size_t down = (s->out_height + 1) / 2, across = (s->out_width + 1) / 2;
    ink_winograd *w = ink_arena_array(p->arena, 1, sizeof *w);
    if (!w)
        return ink_fail(p->error, INK_ERR_MEMORY, "no memory for a convolution");
    *made = w;
    *w = (ink_winograd){ .channels = s->channels, .columns = s->columns, .in_height = 2 * down + 2,
                         .in_width = s->in_width ? s->in_width : 2 * across + 2, .out_height = s->out_height,
                         .out_width = s->out_width, .pooled = s->pooled, .tiles = down * across };
    w->block = BLOCK_FLOATS / (POINTS * (s->channels + s->columns));
    w->block = w->block < BLOCK_LEAST ? BLOCK_LEAST : w->block > INK_WINOGRAD_BLOCK ? INK_WINOGRAD_BLOCK : w->block;
    /* A little further than need be: 16 streams that are a power of two apart meet in the same lines of a cache. */
    w->v_next = w->block * s->channels + INK_ALIGNMENT / sizeof(float);
    w->m_next = w->block * s->columns + INK_ALIGNMENT / sizeof(float);
    w->in_kernel = ink_kernel_find(INK_KERNEL_winograd_in_f32, p->cpu);
    w->out_kernel = ink_kernel_find(INK_KERNEL_winograd_out_f32, p->cpu);
    w->back_kernel = ink_kernel_find(INK_KERNEL_winograd_back_f32, p->cpu);
    w->weight_kernel = ink_kernel_find(INK_KERNEL_wgrad_f32, p->cpu);
    w->product_kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    const size_t tile = w->product_kernel->tile;
    w->matrix = ink_igemm_packed_size(tile, s->columns, 1, s->channels);
    uint32_t *in, *out, *inside;
    INK_TRY(ink_prepare_floats(p, counted, POINTS * w->matrix, &w->packed));
    INK_TRY(ink_prepare_floats(p, counted, ink_round_up(s->columns, tile), &w->zero));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles, &in));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles, &out));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles / 4 + 1, &inside));
    for (size_t t = 0; t < w->tiles; t++) {
        const size_t y = t / across * 2, x = t % across * 2;
        in[t] = (uint32_t)((y * w->in_width + x) * s->channels);
        out[t] = (uint32_t)((s->pooled ? t : y * s->out_width + x) * s->columns);
        ((uint8_t *)inside)[t] = (uint8_t)((x + 1 < s->out_width) | (y + 1 < s->out_height) << 1);
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
    return POINTS * (w->v_next + w->m_next);
}

void ink_winograd_begin(ink_winograd_run *run, const ink_winograd *w, const float *bias, float slope, float *scratch)
{
    run->w = w;
    run->bias = bias;
    run->slope = slope;
    run->v = scratch;
    run->m = scratch + POINTS * w->v_next;
    run->tiles = run->pieces = 0;
}

static void multiply_tiles(ink_winograd_run *run)
{
    const ink_winograd *w = run->w;
    for (size_t p = 0; p < POINTS; p++)
        w->product_kernel->run.igemm_f32(&(ink_igemm_f32){
            .rows = run->tiles, .columns = w->columns, .taps = 1, .depth = w->channels, .x = run->v + p * w->v_next,
            .x_stride = w->channels, .w = w->packed + p * w->matrix, .bias = w->zero, .slope = 1,
            .y = run->m + p * w->m_next, .y_stride = w->columns });
    const float *m = run->m;
    for (size_t i = 0; i < run->pieces; m += run->piece[i++].count * w->columns)
        w->out_kernel->run.winograd_out_f32(&(ink_winograd_out_f32){
            run->piece[i].count, w->columns, w->out_offset + run->piece[i].tile, w->inside + run->piece[i].tile, m,
            w->m_next, run->bias, run->slope, run->piece[i].y, w->out_width * w->columns, w->pooled });
    run->tiles = run->pieces = 0;
}

void ink_winograd_add(ink_winograd_run *run, const float *x, float *y)
{
    const ink_winograd *w = run->w;
    for (size_t tile = 0, count; tile < w->tiles; tile += count) {
        const size_t room = w->block - run->tiles;
        count = w->tiles - tile < room ? w->tiles - tile : room;
        w->in_kernel->run.winograd_in_f32(&(ink_winograd_in_f32){
            count, w->channels, w->in_offset + tile, x, w->in_width * w->channels, run->v + run->tiles * w->channels,
            w->v_next });
        run->piece[run->pieces].y = y;
        run->piece[run->pieces].tile = tile;
        run->piece[run->pieces++].count = count;
        run->tiles += count;
        if (run->tiles == w->block)
            multiply_tiles(run);
    }
}

void ink_winograd_end(ink_winograd_run *run)
{
    if (run->tiles)
        multiply_tiles(run);
}

/* ---- the gradient of the weights ----
 * With V the transformed inputs and the outputs A^T (sum over c of U V) A, the gradient of U is the sum over tiles of
 * V (A dy A^T), and since U = G w G^T, that of w is G^T dU G. */

static size_t block_images(const ink_winograd *w)
{
    const size_t floats = POINTS * w->tiles * (w->channels + w->columns), images = SUMS_FLOATS / floats;
    return images ? images : 1;
}

size_t ink_winograd_sums_scratch(const ink_winograd *w)
{
    return POINTS * (block_images(w) * w->tiles * (w->channels + w->columns) + w->channels * w->columns);
}

ink_winograd_sums ink_winograd_sums_begin(const ink_winograd *w, float *scratch)
{
    const size_t tiles = block_images(w) * w->tiles;
    ink_winograd_sums s = { .v = scratch, .most = block_images(w) };
    s.g = s.v + POINTS * tiles * w->channels;
    s.sums = s.g + POINTS * tiles * w->columns;
    memset(s.sums, 0, POINTS * w->channels * w->columns * sizeof *s.sums);
    return s;
}

static void multiply(const ink_winograd *w, ink_winograd_sums *s)
{
    const size_t tiles = s->most * w->tiles;
    for (size_t p = 0; p < POINTS && s->images; p++)
        w->weight_kernel->run.wgrad_f32(&(ink_wgrad_f32){
            .rows = w->channels, .columns = w->columns, .points = s->images * w->tiles,
            .x = s->v + p * tiles * w->channels, .point_stride = w->channels,
            .g = s->g + p * tiles * w->columns, .g_stride = w->columns,
            .y = s->sums + p * w->channels * w->columns, .y_stride = w->columns });
    s->images = 0;
}

void ink_winograd_sums_add(const ink_winograd *w, ink_winograd_sums *s, const float *x, const float *dy)
{
    const size_t tiles = s->most * w->tiles, at = s->images * w->tiles;
    w->in_kernel->run.winograd_in_f32(&(ink_winograd_in_f32){
        w->tiles, w->channels, w->in_offset, x, w->in_width * w->channels, s->v + at * w->channels,
        tiles * w->channels });
    w->back_kernel->run.winograd_back_f32(&(ink_winograd_back_f32){
        w->tiles, w->columns, w->out_offset, w->inside, dy, w->out_width * w->columns, s->g + at * w->columns,
        tiles * w->columns });
    if (++s->images == s->most)
        multiply(w, s);
}

/* G^T u for a column of u. */
static inline void weights_of(const float u[4], float g[3])
{
    const float sum = 0.5f * (u[1] + u[2]);
    g[0] = u[0] + sum;
    g[1] = 0.5f * (u[1] - u[2]);
    g[2] = sum + u[3];
}

void ink_winograd_sums_end(const ink_winograd *w, ink_winograd_sums *s, float *gradient)
{
    const size_t size = w->channels * w->columns;
    multiply(w, s);
    for (size_t i = 0; i < size; i++) {
        float rows[3][4], g[3];
        for (size_t k = 0; k < 4; k++) {
            weights_of((const float[]){ s->sums[k * size + i], s->sums[(4 + k) * size + i],
                                        s->sums[(8 + k) * size + i], s->sums[(12 + k) * size + i] }, g);
            for (size_t y = 0; y < 3; y++)
                rows[y][k] = g[y];
        }
        for (size_t y = 0; y < 3; y++) {
            weights_of(rows[y], g);
            for (size_t x = 0; x < 3; x++)
                gradient[(3 * y + x) * size + i] += g[x];
        }
    }
}
