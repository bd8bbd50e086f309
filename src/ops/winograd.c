#include "ops/winograd.h"

#include "base/checked.h"

#include <assert.h>
#include <string.h>

/* Products of a tile in training; and floats of a block of tiles or images that stay in a usual second-level
 * cache. */
enum { POINTS = 16, BLOCK_LEAST = 12, BLOCK_FLOATS = 1 << 17, SUMS_FLOATS = 1 << 18 };

bool ink_winograd_fits(size_t kernel_height, size_t kernel_width, size_t channels, size_t columns)
{
    return kernel_height == 3 && kernel_width == 3 && channels >= 16 && columns >= 16;
}

static size_t tiles_of(const ink_winograd_sizes *s, size_t tile)
{
    return ((s->out_height + tile - 1) / tile) * ((s->out_width + tile - 1) / tile);
}

/* The ways, and their costs in multiply-adds, from measurements with AVX-512, whose transforms cost the most beside its
 * products: what a channel of a tile costs before the products; and behind, with the ends of so many short sums. */
static const struct way {
    size_t kernel, tile;
    double in_cost, out_cost;
    ink_kernel_op pack, in, out;
} ways[] = {
    { 3, 2, 80, 130, INK_KERNEL_winograd_weights_f32, INK_KERNEL_winograd_in_f32, INK_KERNEL_winograd_out_f32 },
    { 3, 4, 200, 300, INK_KERNEL_winograd4_weights_f32, INK_KERNEL_winograd4_in_f32, INK_KERNEL_winograd4_out_f32 },
    { 5, 2, 200, 250, INK_KERNEL_winograd5_weights_f32, INK_KERNEL_winograd4_in_f32, INK_KERNEL_winograd5_out_f32 },
};

size_t ink_winograd_tile(const ink_winograd_sizes *s, size_t pixels)
{
    const double in = (double)s->channels, out = (double)s->columns;
    double least = (double)(pixels * s->kernel * s->kernel) * in * out;
    size_t tile = 0;
    for (size_t i = 0; i < INK_COUNT(ways); i++) {
        const size_t side = ways[i].tile + ways[i].kernel - 1;
        const double cost = (double)tiles_of(s, ways[i].tile) *
                            ((double)(side * side) * in * out + ways[i].in_cost * in + ways[i].out_cost * out);
        if (ways[i].kernel == s->kernel && cost < least) {
            least = cost;
            tile = ways[i].tile;
        }
    }
    return tile;
}

static const struct way *way_of(const ink_winograd_sizes *s)
{
    const struct way *way = ways;
    while (way->kernel != s->kernel || way->tile != s->tile)
        way++; /* ink_winograd_tile, or training, asked for one of them */
    return way;
}

ink_status ink_winograd_prepare(ink_winograd **made, const ink_winograd_sizes *s, ink_prepare *p, ink_step *counted)
{
    const struct way *way = way_of(s);
    const size_t side = s->tile, down = (s->out_height + side - 1) / side, across = (s->out_width + side - 1) / side;
    ink_winograd *w = ink_arena_array(p->arena, 1, sizeof *w);
    if (!w)
        return ink_fail(p->error, INK_ERR_MEMORY, "no memory for a convolution");
    *made = w;
    const size_t more = s->kernel - 1, points = (side + more) * (side + more);
    *w = (ink_winograd){ .kernel = s->kernel, .tile = side, .points = points, .channels = s->channels,
                         .columns = s->columns, .in_height = side * down + more,
                         .in_width = s->in_width ? s->in_width : side * across + more, .out_height = s->out_height,
                         .out_width = s->out_width, .pooled = s->pooled, .tiles = down * across };
    w->block = BLOCK_FLOATS / (w->points * (s->channels + s->columns));
    w->block = w->block < BLOCK_LEAST ? BLOCK_LEAST : w->block > INK_WINOGRAD_BLOCK ? INK_WINOGRAD_BLOCK : w->block;
    /* A little further than need be: streams that are a power of two apart meet in the same lines of a cache. */
    w->v_next = w->block * s->channels + INK_ALIGNMENT / sizeof(float);
    w->m_next = w->block * s->columns + INK_ALIGNMENT / sizeof(float);
    w->in_kernel = ink_kernel_find(way->in, p->cpu);
    w->out_kernel = ink_kernel_find(way->out, p->cpu);
    w->pack_kernel = ink_kernel_find(way->pack, p->cpu);
    w->back_kernel = ink_kernel_find(INK_KERNEL_winograd_back_f32, p->cpu);
    w->weight_kernel = ink_kernel_find(INK_KERNEL_wgrad_f32, p->cpu);
    w->product_kernel = ink_kernel_find(INK_KERNEL_igemm_f32, p->cpu);
    const size_t tile = w->product_kernel->tile;
    w->matrix = ink_igemm_packed_size(tile, s->columns, 1, s->channels);
    uint32_t *in, *out, *inside;
    INK_TRY(ink_prepare_floats(p, counted, w->points * w->matrix, &w->packed));
    INK_TRY(ink_prepare_floats(p, counted, ink_round_up(s->columns, tile), &w->zero));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles, &in));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles, &out));
    INK_TRY(ink_prepare_offsets(p, counted, w->tiles / 4 + 1, &inside));
    for (size_t t = 0; t < w->tiles; t++) {
        const size_t y = t / across * side, x = t % across * side;
        const size_t high = s->out_height - y, wide = s->out_width - x;
        in[t] = (uint32_t)((y * w->in_width + x) * s->channels);
        out[t] = (uint32_t)((s->pooled ? y / 2 * (s->out_width / 2) + x / 2 : y * s->out_width + x) * s->columns);
        ((uint8_t *)inside)[t] = (uint8_t)((wide < side ? wide : side) | (high < side ? high : side) << 4);
    }
    w->in_offset = in;
    w->out_offset = out;
    w->inside = (const uint8_t *)inside;
    return INK_OK;
}

/* A panel's outputs at a time, of one input channel: side by side as they lie, or gathered. */
void ink_winograd_pack(const ink_winograd *w, const float *weights, size_t tap_stride, size_t depth_stride,
                       size_t column_stride, bool turned)
{
    enum { TAPS_MOST = 25, TILE_MOST = 64 };
    const size_t tile = w->product_kernel->tile, taps = w->kernel * w->kernel;
    const ptrdiff_t along = (ptrdiff_t)tap_stride;
    assert(tile <= TILE_MOST);
    for (size_t panel = 0; panel < w->columns; panel += tile) {
        const size_t left = w->columns - panel, width = left < tile ? left : tile;
        for (size_t c = 0; c < w->channels; c++) {
            const float *from = weights + c * depth_stride + panel * column_stride;
            float near[TAPS_MOST * TILE_MOST];
            ink_winograd_weights_f32 call = { width, from, along, w->packed + panel * w->channels + c * tile, w->matrix };
            if (column_stride != 1) {
                for (size_t k = 0; k < width; k++)
                    for (size_t t = 0; t < taps; t++)
                        near[t * tile + k] = from[k * column_stride + t * tap_stride];
                call.g = near;
                call.tap = (ptrdiff_t)tile;
            }
            if (turned) {
                call.g += (ptrdiff_t)(taps - 1) * call.tap;
                call.tap = -call.tap;
            }
            w->pack_kernel->run.winograd_weights_f32(&call);
        }
    }
}

size_t ink_winograd_scratch(const ink_winograd *w)
{
    return w->points * (w->v_next + w->m_next);
}

void ink_winograd_begin(ink_winograd_run *run, const ink_winograd *w, const float *bias, float slope, float *scratch)
{
    run->w = w;
    run->bias = bias;
    run->slope = slope;
    run->v = scratch;
    run->m = scratch + w->points * w->v_next;
    run->tiles = run->pieces = 0;
}

static void multiply_tiles(ink_winograd_run *run)
{
    const ink_winograd *w = run->w;
    for (size_t p = 0; p < w->points; p++)
        w->product_kernel->run.igemm_f32(&(ink_igemm_f32){
            .rows = run->tiles, .columns = w->columns, .taps = 1, .depth = w->channels, .x = run->v + p * w->v_next,
            .x_stride = w->channels, .w = w->packed + p * w->matrix, .bias = w->zero, .slope = 1,
            .y = run->m + p * w->m_next, .y_stride = w->columns });
    const float *m = run->m;
    for (size_t i = 0; i < run->pieces; m += run->piece[i++].count * w->columns)
        w->out_kernel->run.winograd_out_f32(&(ink_winograd_out_f32){
            run->piece[i].count, w->columns, w->out_offset + run->piece[i].tile, w->inside + run->piece[i].tile, m,
            w->m_next, run->bias, run->slope, run->piece[i].y,
            (w->pooled ? w->out_width / 2 : w->out_width) * w->columns, w->pooled });
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
