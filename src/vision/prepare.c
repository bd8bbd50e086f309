#include "vision/prepare.h"

#include <math.h>
#include <string.h>

/* Strokes are worked on at so many times the final size, with a margin for them to grow into. */
enum { FINER = 4, MARGIN = 12 };

/* A stroke of less, or more, in parts of the box's longer side, is made so wide: nine in ten of MNIST's are 0.07 to
 * 0.16 wide. What leans further than that, sideways for each pixel down, is straightened to it. */
static const float thinnest = 0.085f, thickest = 0.16f, most_slant = 0.6f;

bool ink_preparer_init(ink_preparer *p, uint32_t height, uint32_t width, uint32_t most_rows, ink_arena *arena)
{
    const uint32_t shorter = height < width ? height : width;
    const uint32_t box = (shorter * 20 + 14) / 28;
    *p = (ink_preparer){ .height = height, .width = width, .box = box ? box : 1 };
    const uint32_t side = FINER * p->box + 2 * MARGIN;
    const uint32_t rows = most_rows > side ? most_rows : side, columns = width > side ? width : side;
    p->canvas = ink_plane_make(arena, side, side);
    p->other = ink_plane_make(arena, side, side);
    p->scratch = ink_arena_array(arena, (size_t)rows * columns, sizeof(float));
    return !arena->failed;
}

typedef struct moments {
    float mass, x, y;          /* the middle of the mass, in pixels from the left and upper edge */
    float lean;                /* pixels to the left for each pixel down */
    float x0, y0, x1, y1;      /* the box of what is inked, x1 and y1 just outside */
    uint32_t area, border;     /* pixels that are half inked or more, and sides that they have to others */
} moments;

static moments measure(const ink_plane *p)
{
    enum { TRACE = 32, HALF = 100 };
    moments m = { .x0 = (float)p->width, .y0 = (float)p->height };
    double mass = 0, sx = 0, sy = 0, sxy = 0, syy = 0;
    for (uint32_t y = 0; y < p->height; y++) {
        const uint8_t *row = p->pixels + (size_t)y * p->width;
        for (uint32_t x = 0; x < p->width; x++) {
            const uint8_t v = row[x];
            if (!v)
                continue;
            mass += v;
            sx += (double)v * x;
            sy += (double)v * y;
            sxy += (double)v * x * y;
            syy += (double)v * y * y;
            if (v >= TRACE) {
                m.x0 = (float)x < m.x0 ? (float)x : m.x0;
                m.x1 = (float)(x + 1) > m.x1 ? (float)(x + 1) : m.x1;
                m.y0 = (float)y < m.y0 ? (float)y : m.y0;
                m.y1 = (float)(y + 1);
            }
            if (v >= HALF) {
                m.area++;
                m.border += (uint32_t)((x == 0 || row[x - 1] < HALF) + (x + 1 == p->width || row[x + 1] < HALF) +
                            (y == 0 || *(row + x - p->width) < HALF) +
                                       (y + 1 == p->height || row[x + p->width] < HALF));
            }
        }
    }
    if (mass == 0)
        return m;
    m.mass = (float)mass;
    m.x = (float)(sx / mass) + 0.5f;
    m.y = (float)(sy / mass) + 0.5f;
    const double variance = syy / mass - (sy / mass) * (sy / mass);
    if (variance > 1e-6)
        m.lean = (float)(-(sxy / mass - sx / mass * (sy / mass)) / variance);
    return m;
}

/* Each pixel goes towards the largest, or the smallest, of its four neighbours, or of its eight. */
static void grow_once(const ink_plane *from, float amount, bool corners, bool largest, ink_plane *to)
{
    const int w = (int)from->width, h = (int)from->height;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t here = from->pixels[y * w + x];
            uint8_t best = here;
            for (int v = -1; v <= 1; v++)
                for (int u = -1; u <= 1; u++) {
                    const bool in = y + v >= 0 && y + v < h && x + u >= 0 && x + u < w;
                    const uint8_t there = in ? from->pixels[(y + v) * w + x + u] : 0;
                    if ((corners || !u || !v) && (there > best) == largest)
                        best = there;
                }
            to->pixels[y * w + x] = (uint8_t)((float)here + amount * ((float)best - (float)here) + 0.5f);
        }
}

/* Moves each row sideways so that what leans stands: by `lean` pixels to the right for each pixel below the middle. */
static void shear(const ink_plane *from, float lean, float middle, ink_plane *to)
{
    const int w = (int)from->width;
    for (uint32_t y = 0; y < from->height; y++) {
        const float by = lean * ((float)y + 0.5f - middle), whole = floorf(by), part = by - whole;
        const uint8_t *row = from->pixels + y * from->width;
        for (int x = 0; x < w; x++) {
            const int a = x - (int)whole, b = a - 1;
            const float right = a >= 0 && a < w ? row[a] : 0, left = b >= 0 && b < w ? row[b] : 0;
            to->pixels[y * from->width + (uint32_t)x] = (uint8_t)(right * (1 - part) + left * part + 0.5f);
        }
    }
}

static void swap_planes(ink_preparer *p)
{
    const ink_plane other = p->other;
    p->other = p->canvas;
    p->canvas = other;
}

/* Puts the mark's box into the middle of the canvas, its longer side FINER * box pixels. */
static void enlarge(ink_preparer *p, const ink_plane *mark, const moments *m)
{
    const float w = m->x1 - m->x0, h = m->y1 - m->y0, longer = w > h ? w : h;
    const float scale = longer / (float)(FINER * p->box), side = scale * (float)p->canvas.width;
    ink_plane_resample(mark, (m->x0 + m->x1 - side) / 2, (m->y0 + m->y1 - side) / 2, side, side, &p->canvas,
                       p->scratch);
}

void ink_preparer_run(ink_preparer *p, const ink_plane *mark, uint8_t *out)
{
    memset(out, 0, (size_t)p->width * p->height);
    moments m = measure(mark);
    if (m.mass == 0 || m.x1 <= m.x0)
        return;
    enlarge(p, mark, &m);
    m = measure(&p->canvas);
    const float lean = fminf(fmaxf(m.lean, -most_slant), most_slant);
    if (lean != m.lean) {
        shear(&p->canvas, m.lean - lean, m.y, &p->other);
        swap_planes(p);
    }
    const float side = (float)(FINER * p->box);
    const float stroke = m.border ? 2 * (float)m.area / (float)m.border : 0;
    const float wanted = fminf(fmaxf(stroke, thinnest * side), thickest * side);
    const float radius = fabsf(wanted - stroke) / 2;
    /* By turns over four neighbours and over eight: what grows so is round, nearly. */
    float left = stroke > 0 && radius >= 0.5f ? fminf(radius, MARGIN) : 0;
    for (bool corners = false; left > 0; left--, corners = !corners) {
        grow_once(&p->canvas, fminf(left, 1), corners, wanted > stroke, &p->other);
        swap_planes(p);
    }
    m = measure(&p->canvas);
    if (m.mass == 0 || m.x1 <= m.x0)
        return;
    /* MNIST's middle of mass is the middle of pixel 14 of 28, give or take its rounding to whole pixels. */
    const float w = m.x1 - m.x0, h = m.y1 - m.y0, scale = (w > h ? w : h) / (float)p->box;
    ink_plane to = { p->width, p->height, out };
    ink_plane_resample(&p->canvas, m.x - scale * ((float)(p->width / 2) + 0.5f),
                       m.y - scale * ((float)(p->height / 2) + 0.5f), scale * (float)p->width,
                       scale * (float)p->height, &to, p->scratch);
}

void ink_preparer_turn(const ink_preparer *p, const uint8_t *from, float sine, float cosine, uint8_t *to)
{
    const int w = (int)p->width, h = (int)p->height;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const float right = (float)x - (float)(w - 1) / 2, down = (float)y - (float)(h - 1) / 2;
            const float u = cosine * right - sine * down + (float)(w - 1) / 2;
            const float v = sine * right + cosine * down + (float)(h - 1) / 2;
            const int left = (int)floorf(u), top = (int)floorf(v);
            float sum = 0.5f;
            for (int j = top; j <= top + 1; j++)
                for (int i = left; i <= left + 1; i++)
                    if (i >= 0 && i < w && j >= 0 && j < h)
                        sum += (1 - fabsf(u - (float)i)) * (1 - fabsf(v - (float)j)) * (float)from[j * w + i];
            *to++ = (uint8_t)sum;
        }
}
