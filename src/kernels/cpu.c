/* What the processor can do, and the table of kernels. */
#include "base/status.h"
#include "kernels/kernels.h"

#include <string.h>
#include <time.h>

#define INK_CPU_scalar INK_CPU_SCALAR
#define INK_CPU_avx2 INK_CPU_AVX2
#define INK_CPU_avx512 INK_CPU_AVX512
#define INK_CPU_avx512vnni INK_CPU_AVX512VNNI
#define INK_CPU_neon INK_CPU_NEON
#define INK_CPU_simd128 INK_CPU_SIMD128

/* The module for WebAssembly (web/module) leaves out what it never calls, in the table and so in all. */
#if !INK_HAVE_TRAINING
#define TAPE_KERNEL(...)
#if INK_HAVE_SIMD128
#define SPARE_KERNEL(...)
#else
#define SPARE_KERNEL KERNEL
#endif
#endif

static const ink_kernel table[] = {
#define KERNEL(operation, isa, columns)                                                            \
    { .name = #operation "_" #isa,                                                                 \
      .op = INK_KERNEL_##operation,                                                                \
      .cpu = INK_CPU_##isa,                                                                        \
      .tile = columns,                                                                             \
      .run.operation = ink_##operation##_##isa },
#include "kernels/kernels.inc"
#undef KERNEL
};

static const struct {
    ink_cpu cpu;
    const char *name;
} names[] = {
    { INK_CPU_BEST, "best" },
    { INK_CPU_SCALAR, "scalar" },
    { INK_CPU_AVX2, "avx2" },
    { INK_CPU_AVX512, "avx512" },
    { INK_CPU_AVX512VNNI, "avx512vnni" },
    { INK_CPU_NEON, "neon" },
    { INK_CPU_SIMD128, "simd128" },
};

const ink_kernel *ink_kernel_table(size_t *count)
{
    *count = sizeof table / sizeof *table;
    return table;
}

const ink_kernel *ink_kernel_find(ink_kernel_op op, ink_cpu cpu)
{
    const ink_kernel *best = NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == op && table[i].cpu <= cpu)
            best = &table[i];
    return best;
}

#if INK_HAVE_X86
#define X86_HAS(feature) (__builtin_cpu_supports(feature) != 0)
#else
#define X86_HAS(feature) false
#endif

/* The compiler's runtime asks cpuid, and the system whether it saves the wide registers. */
bool ink_cpu_has(ink_cpu cpu)
{
    switch (cpu) {
    case INK_CPU_SCALAR: return true;
    case INK_CPU_AVX2: return X86_HAS("avx2") && X86_HAS("fma");
    case INK_CPU_AVX512:
        return ink_cpu_has(INK_CPU_AVX2) && X86_HAS("avx512f") && X86_HAS("avx512bw") && X86_HAS("avx512dq") &&
               X86_HAS("avx512vl");
    case INK_CPU_AVX512VNNI: return ink_cpu_has(INK_CPU_AVX512) && X86_HAS("avx512vnni");
    case INK_CPU_NEON: return INK_HAVE_NEON;
    case INK_CPU_SIMD128: return INK_HAVE_SIMD128;
    case INK_CPU_BEST: break;
    }
    return false;
}

ink_cpu ink_cpu_detect(void)
{
    ink_cpu best = INK_CPU_SCALAR;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (ink_cpu_has(names[i].cpu))
            best = names[i].cpu;
    return best;
}

const char *ink_cpu_name(ink_cpu cpu)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].cpu == cpu)
            return names[i].name;
    return NULL;
}

ink_status ink_cpu_from_name(const char *name, ink_cpu *cpu, ink_error *error)
{
    if (!name || !cpu)
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_cpu_from_name: an argument is NULL");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].name, name)) {
            if (names[i].cpu != INK_CPU_BEST && !ink_cpu_has(names[i].cpu))
                return ink_fail(error, INK_ERR_CPU, "cpu '%s': this processor does not have it, "
                                "its best is '%s'", name, ink_cpu_name(ink_cpu_detect()));
            *cpu = names[i].cpu;
            return INK_OK;
        }
    return ink_fail(error, INK_ERR_CPU, "cpu '%.32s': unknown, wanted best, scalar, avx2, avx512, avx512vnni, neon or "
                    "simd128", name);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* on Windows from winpthreads */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The best of several short runs: others on the machine make it slower, nothing makes it faster. */
double ink_cpu_peak(ink_cpu cpu)
{
    enum { RUNS = 20, ROUNDS = 10000 };
    float y[INK_PEAK_FLOATS] = { 0 };
    size_t width = 0;
    double best = 0;
    cpu = cpu == INK_CPU_BEST ? ink_cpu_detect() : cpu;
    for (int i = 0; i < RUNS && ink_cpu_has(cpu); i++) {
        const ink_peak_f32 call = { ROUNDS, y, &width };
        const double begin = seconds();
        ink_kernel_find(INK_KERNEL_peak_f32, cpu)->run.peak_f32(&call);
        const double rate = (double)ROUNDS * (double)width / (seconds() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}
