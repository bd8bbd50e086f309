/* A network that is not trained yet. */
#ifndef INK_INIT_H
#define INK_INIT_H

#include "graph/graph.h"

/* Gives the graph's nodes the tensors that they lack, and checks the graph. Weights before a relu or the
 * like are drawn as K. He et al., "Delving Deep into Rectifiers", 2015 (normal, variance 2 / inputs); others
 * as X. Glorot, Y. Bengio, 2010 (uniform, limit sqrt(6 / (inputs + outputs))). Biases are 0, batch norms
 * pass their input on. conv2d needs `filters` and `kernel`, dense `units`. The same seed gives the same
 * weights. Errors: those of ink_graph_check, and INK_ERR_ATTRIBUTE. */
ink_status ink_network_init(ink_graph *graph, uint64_t seed, const ink_limits *limits, ink_error *error);

#endif
