/* UNROLL in front of a loop of at most 24 rounds, whose number is a constant once all is inlined: the loop is unrolled
 * whole, so that the arrays that it goes over become registers. To gcc the number may be larger than the rounds; clang
 * takes it for exact and leaves the loop as it is where it is not. */
#ifndef INK_UNROLL_H
#define INK_UNROLL_H

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif

#endif
