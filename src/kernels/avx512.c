/* AVX-512 kernels: the loops of *_loops.h with sixteen lanes. scalar.c says what each computes. */
#include "kernels/kernels.h"

#if INK_HAVE_X86

#include "kernels/avx512_vectors.h"
#include "kernels/product_loops.h"
#include "kernels/picture_loops.h"

#endif
