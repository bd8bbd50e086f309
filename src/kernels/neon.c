/* NEON kernels: the loops of *_loops.h with four lanes. scalar.c says what each computes. */
#include "kernels/kernels.h"

#if INK_HAVE_NEON

#include "kernels/neon_vectors.h"
#include "kernels/product_loops.h"
#include "kernels/picture_loops.h"
#include "kernels/weight_loops.h"

#endif
