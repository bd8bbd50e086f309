/* Random numbers and the clock. */
#ifndef INK_CLI_CHANCE_H
#define INK_CLI_CHANCE_H

#include <stdint.h>

/* SplitMix64: the same numbers from the same seed, on every machine. */
typedef struct chance {
    uint64_t state;
} chance;
uint64_t chance_next(chance *from);
/* 0 to n - 1, each as likely as the others; n is not 0. */
uint64_t chance_below(chance *from, uint64_t n);
/* A seed that differs from run to run, short enough to be typed again. */
uint64_t chance_fresh_seed(void);

/* Seconds of a clock that never jumps. */
double clock_seconds(void);

#endif
