/* What WebAssembly has an instruction for is the compiler's builtin; the rest is functions.c. */
#ifndef MATH_H
#define MATH_H

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define HUGE_VAL __builtin_inf()
#define isfinite(x) __builtin_isfinite(x)
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define signbit(x) __builtin_signbit(x)

double ceil(double), fabs(double), floor(double), nearbyint(double), sqrt(double), trunc(double), copysign(double, double);
float ceilf(float), fabsf(float), floorf(float), nearbyintf(float), sqrtf(float), truncf(float), copysignf(float, float);

double fmax(double, double), fmin(double, double);
float fmaxf(float, float), fminf(float, float);
int ilogb(double);
double ldexp(double, int);
double pow(double, double); /* of whole exponents alone; else NaN */
float expf(float), expm1f(float), logf(float), tanhf(float), erfcf(float);

#endif
