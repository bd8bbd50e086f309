/* What conv2d and dense share where their weights are I8: docs/formats.md, "I8 weights". */
#ifndef INK_INT8_H
#define INK_INT8_H

#include "ops/op.h"

enum { INK_INT8_WEIGHT, INK_INT8_BIAS, INK_INT8_SCALE }; /* their parameters */
enum { INK_INT8_TERMS = INT32_MAX / (255 * 127) };       /* the most products whose sum 32 bits hold */

/* True for a conv2d or dense node with I8 weights. */
bool ink_is_int8(const ink_node *node);
/* The first of the nodes that is one, or NULL. */
const ink_node *ink_int8_find(const ink_node *nodes, size_t count);
/* How its input is kept. */
ink_quantum ink_int8_input(const ink_node *node);

/* The part of the shape rules of conv2d and dense that is about I8 weights: that they have a scale and the input a
 * quantum, or, of other types, neither. `terms` is the number of products in a sum. Errors: INK_ERR_MISSING,
 * INK_ERR_SHAPE, INK_ERR_TYPE, INK_ERR_ATTRIBUTE, INK_ERR_FORMAT for a weight of -128, INK_ERR_LIMIT,
 * INK_ERR_NOT_FINITE. */
ink_status ink_int8_check(ink_node *node, uint64_t terms, ink_error *error);

/* Packs weights that lie as [columns, taps, depth], and fills start, scale and bias of the step; a scale that is negative,
 * which a batch norm may make it, becomes positive and its weights change their sign, so that a max-pool may look at
 * sums. Errors: INK_ERR_MEMORY, INK_ERR_LIMIT. */
ink_status ink_int8_prepare(ink_step *step, ink_prepare *p, size_t columns, size_t taps, size_t depth, int8_t *weights);

/* Makes the table of a quantize step that reads the picture itself, x = pixel * scale + offset. */
ink_status ink_quantize_picture(ink_step *step, ink_prepare *p, float scale, float offset);

/* The kernel's arguments but for its input and rows. `images` of the output are skipped. */
ink_igemm_u8 ink_int8_call(const ink_step *step, const ink_run *run, size_t columns, size_t images);

#endif
