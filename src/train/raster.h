/* Pictures of one plane: sizes changed, blurred, drawn on. What augmentation and made-up pictures share. */
#ifndef INK_RASTER_H
#define INK_RASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ink_bounds {
    int left, top, right, bottom; /* the last two not in it */
} ink_bounds;

/* Along one axis of a new picture: pixel i is taken around origin + i * step of the old one. */
typedef struct ink_axis {
    int count;
    float origin, step;
} ink_axis;

/* The axis that brings the old pixels from `from` up to `to` to `count` new ones. */
ink_axis ink_axis_over(float from, float to, int count);

/* A new size, or place: linear between pixels, and where it shrinks an average that weighs by distance. Outside
 * there is no ink. `scratch` has y.count * width bytes; `to`, [y.count, x.count], may be `from`. */
void ink_raster_resample(const uint8_t *from, int height, int width, ink_axis y, ink_axis x, uint8_t *to,
                         uint8_t *scratch);

/* Gaussian, sigma in pixels, at most INK_MAX_SIGMA; `scratch` has a plane's bytes. */
enum { INK_MAX_SIGMA = 5 };
void ink_raster_blur(uint8_t *plane, int height, int width, float sigma, uint8_t *scratch);

/* The box of what is inked by more than a sixteenth of the darkest; false where there is no ink. */
bool ink_raster_box(const uint8_t *picture, uint32_t channels, int height, int width, ink_bounds *box);

/* Brings a picture to the form of MNIST's: its ink's box scaled to 20/28 of the picture's shorter side, and its
 * ink's mass in the middle. `scratch` has a plane's bytes. */
void ink_raster_fit(uint8_t *picture, uint32_t channels, int height, int width, uint8_t *scratch);

typedef struct ink_point {
    float x, y;
} ink_point;

/* A straight stroke with round ends, anti-aliased, where it is darker than what is there. With `level` below 0 it
 * takes ink away. */
void ink_raster_stroke(uint8_t *plane, int height, int width, ink_point from, ink_point to, float radius,
                       float level);

/* The quadratic Bezier curve of three points, at t from 0 to 1. */
ink_point ink_raster_bezier(const ink_point p[3], float t);

#endif
