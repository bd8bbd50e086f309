/* The functions of libm that the library calls and WebAssembly has no instruction for. Those of floats are computed in
 * double, whose 53 bits leave nothing to worry about after the last rounding but one in some thousand cases;
 * tests/web/test_libc.c compares them with the system's. */
#include <math.h>
#include <stdint.h>

double fmax(double a, double b)
{
    return a != a || a < b ? b : a;
}

double fmin(double a, double b)
{
    return a != a || b < a ? b : a;
}

float fmaxf(float a, float b)
{
    return a != a || a < b ? b : a;
}

float fminf(float a, float b)
{
    return a != a || b < a ? b : a;
}

static double power_of_two(int exponent) /* from -1022 to 1023 */
{
    const union { uint64_t bits; double value; } u = { (uint64_t)(exponent + 1023) << 52 };
    return u.value;
}

double ldexp(double x, int exponent)
{
    for (; exponent > 1000; exponent -= 1000) {
        x *= power_of_two(1000);
        if (isinf(x))
            return x;
    }
    /* By so much that a subnormal result is rounded once, by the last product. */
    for (; exponent < -1000; exponent += 960) {
        x *= power_of_two(-960);
        if (x == 0)
            return x;
    }
    return x * power_of_two(exponent);
}

/* x is a number other than 0. */
int ilogb(double x)
{
    union { double value; uint64_t bits; } u = { x };
    int exponent = (int)(u.bits >> 52 & 2047);
    if (!exponent) {
        u.value = x * power_of_two(64);
        exponent = (int)(u.bits >> 52 & 2047) - 64;
    }
    return exponent - 1023;
}

double pow(double x, double y)
{
    double result = 1, n = fabs(y);
    if (n != trunc(n))
        return NAN;
    if (n > 0x1p31) /* |x|^n is 0, 1 or infinite then, as far as anyone who asks is concerned */
        n = 0x1p31;
    for (uint64_t left = (uint64_t)n; left; left >>= 1, x *= x)
        if (left & 1)
            result *= x;
    return y < 0 ? 1 / result : result;
}

/* e^r - 1 for |r| <= ln(2) / 2 by its series: the 13th term is below 2^-53 of the first. */
static double expm1_near(double r)
{
    double sum = 0;
    for (int n = 13; n > 1; n--)
        sum = (sum + 1) * r / n;
    return (sum + 1) * r;
}

/* e^x = 2^k e^r with k whole; x within +-700. */
static double split(double x, int *k)
{
    const double whole = nearbyint(x * 1.4426950408889634);
    *k = (int)whole;
    /* ln 2 in two parts, of which the first has zeros enough that the product is exact. */
    return x - whole * 0x1.62e42fee00000p-1 - whole * 0x1.a39ef35793c76p-33;
}

static double exp_of(double x)
{
    int k;
    if (x != x)
        return x;
    x = x > 700 ? 700 : x < -700 ? -700 : x; /* far outside of what a float can be */
    const double r = split(x, &k);
    return (expm1_near(r) + 1) * power_of_two(k);
}

static double expm1_of(double x)
{
    return fabs(x) < 0.34 ? expm1_near(x) : exp_of(x) - 1;
}

float expf(float x)
{
    return (float)exp_of((double)x);
}

float expm1f(float x)
{
    return x == 0 ? x : (float)expm1_of((double)x);
}

float tanhf(float x)
{
    if (x == 0 || x != x)
        return x;
    const double e = expm1_of(-2 * fabs((double)x));
    return copysignf((float)(-e / (e + 2)), x);
}

/* ln(x) = k ln 2 + 2 artanh((m - 1) / (m + 1)) with m between sqrt(1/2) and sqrt(2). */
float logf(float x)
{
    if (x < 0)
        return NAN;
    if (x == 0)
        return -INFINITY;
    if (!isfinite(x))
        return x;
    int k = ilogb((double)x);
    double m = (double)x * power_of_two(-k);
    if (m > 1.4142135623730951) {
        m /= 2;
        k++;
    }
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 0;
    for (int n = 21; n > 0; n -= 2)
        sum = sum * square + 1.0 / n;
    return (float)(2 * s * sum + k * 0.6931471805599453);
}

/* Below 2 by the series of erf with e^(-x^2) in front (M. Abramowitz, I. Stegun, 7.1.6), all of whose terms have one
 * sign, above by the continued fraction (7.1.14). */
float erfcf(float x)
{
    const double a = fabs((double)x);
    if (x != x)
        return x;
    if (a > 15)
        return x < 0 ? 2 : 0;
    const double gauss = exp_of(-a * a);
    double upper;
    if (a < 2) {
        double term = a, sum = 0;
        for (int n = 1; term > sum * 1e-17; n++) {
            sum += term;
            term *= 2 * a * a / (2 * n + 1);
        }
        upper = 1 - 1.1283791670955126 * gauss * sum;
    } else {
        double fraction = 0;
        for (int n = 60; n > 0; n--)
            fraction = n / 2.0 / (a + fraction);
        upper = 0.5641895835477563 * gauss / (a + fraction);
    }
    return (float)(x < 0 ? 2 - upper : upper);
}
