/* Temperature scaling (C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017,
 * arXiv:1706.04599): logits are divided by one number, so that probabilities are as high as answers are right, and
 * no answer changes. */
#ifndef INK_CALIBRATE_H
#define INK_CALIBRATE_H

#include "graph/tape.h"

/* The mean cross-entropy of logits [count, classes] divided by the temperature. */
double ink_cross_entropy(const float *logits, const uint8_t *labels, size_t count, size_t classes,
                         double temperature);

/* The temperature from 1/8 to 8 that makes it least, by golden section over its logarithm: as a function of 1/T the
 * cross-entropy is convex, so there is one. Never one that is worse than 1. */
double ink_temperature(const float *logits, const uint8_t *labels, size_t count, size_t classes);

/* The conv2d or dense node that makes the logits, perhaps seen through views, and nothing else from its output; NULL
 * where there is none, so that no weights can be divided by a temperature. */
const ink_node *ink_logits_maker(const ink_tape *tape);

/* Divides that node's weights and bias in a graph that ink_fold made: its floats are ours to change. */
void ink_divide_weights(const ink_node *maker, ink_graph *graph, double temperature);

#endif
