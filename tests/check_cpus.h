/* Tests that run once for each instruction set that the machine has. */
#ifndef TESTS_CHECK_CPUS_H
#define TESTS_CHECK_CPUS_H

#include "check.h"

#include "kernels/kernels.h"

/* Goes through the instruction sets that this machine has, the scalar one first. */
enum { CHECK_CPUS = 8 };
#define CHECK_EACH_CPU(cpu)                                                                            \
    for (ink_cpu cpu = INK_CPU_SCALAR; (int)cpu < CHECK_CPUS; cpu = (ink_cpu)(cpu + 1))                     \
        if (ink_cpu_has(cpu))

/* Those to test; how many. */
static inline size_t check_cpus(ink_cpu cpus[CHECK_CPUS])
{
    const ink_cpu only = check_only_cpu();
    size_t count = 0;
    CHECK_EACH_CPU(cpu)
        if (only == INK_CPU_BEST || only == cpu)
            cpus[count++] = cpu;
    assert_true(count > 0);
    return count;
}

#endif
