/* snprintf for the library's own formats. Numbers are exact: a double is a whole number times a power of 2, which has
 * an end in the decimal system too. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct writer {
    char *to;
    size_t room, length; /* `length` counts what found no room too */
} writer;

static void put(writer *w, char c)
{
    if (w->length < w->room)
        w->to[w->length] = c;
    w->length++;
}

static void put_field(writer *w, const char *text, size_t length, int width, char fill)
{
    for (; width > 0 && (size_t)width > length; width--)
        put(w, fill);
    while (length--)
        put(w, *text++);
}

static void put_whole(writer *w, uint64_t value, bool minus, unsigned base, int width, char fill)
{
    char text[24], *at = text + sizeof text;
    do
        *--at = "0123456789abcdef"[value % base];
    while (value /= base);
    if (minus)
        *--at = '-';
    put_field(w, at, (size_t)(text + sizeof text - at), width, fill);
}

/* The digits of a finite double: d[0].d[1]d[2]... * 10^exponent. */
typedef struct decimal {
    int count, exponent;
    char d[800];
} decimal;

enum { LIMBS = 90, LIMB = 1000000000 }; /* 10^9 each, the lowest first; the longest double has 767 digits */

static int multiply(uint32_t *limb, int limbs, uint32_t by)
{
    uint64_t carry = 0;
    for (int i = 0; i < limbs; i++) {
        carry += (uint64_t)limb[i] * by;
        limb[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
    if (carry)
        limb[limbs++] = (uint32_t)carry;
    return limbs;
}

static void digits_of(double value, decimal *out)
{
    union { double value; uint64_t bits; } u = { value };
    int exponent = (int)(u.bits >> 52 & 2047);
    uint64_t mantissa = u.bits & 0xfffffffffffff;
    if (exponent)
        mantissa |= 1ull << 52;
    else
        exponent = 1;
    exponent -= 1075;
    *out = (decimal){ 0 };
    if (!mantissa) {
        out->d[out->count++] = '0';
        return;
    }
    uint32_t limb[LIMBS] = { (uint32_t)(mantissa % LIMB), (uint32_t)(mantissa / LIMB) };
    int limbs = limb[1] ? 2 : 1;
    for (int i = 0; i < exponent; i++)
        limbs = multiply(limb, limbs, 2);
    for (int i = exponent; i < 0; i++) /* m / 2^n = m 5^n / 10^n */
        limbs = multiply(limb, limbs, 5);
    for (int i = limbs - 1; i >= 0; i--)
        for (uint32_t place = LIMB / 10; place; place /= 10) {
            const char digit = (char)('0' + limb[i] / place % 10);
            if (out->count || digit != '0')
                out->d[out->count++] = digit;
        }
    out->exponent = out->count - 1 + (exponent < 0 ? exponent : 0);
}

/* Keeps `count` digits, of halves the even one. A count below 0 leaves 0. */
static void round_to(decimal *n, int count)
{
    if (count >= n->count)
        return;
    bool up = false;
    if (count >= 0) {
        up = n->d[count] > '5';
        if (n->d[count] == '5') {
            up = count > 0 && (n->d[count - 1] - '0') % 2;
            for (int i = count + 1; i < n->count; i++)
                up |= n->d[i] != '0';
        }
    }
    n->count = count > 0 ? count : 0;
    int i = n->count - 1;
    for (; up && i >= 0; i--) {
        if (n->d[i] != '9') {
            n->d[i]++;
            up = false;
            break;
        }
        n->d[i] = '0';
    }
    if (up) { /* a digit more in front */
        for (int k = n->count; k > 0; k--)
            n->d[k] = n->d[k - 1];
        n->d[0] = '1';
        n->count++;
        n->exponent++;
    } else if (!n->count) {
        n->d[n->count++] = '0';
        n->exponent = 0;
    }
}

static char digit(const decimal *n, int place) /* of 10^place */
{
    const int i = n->exponent - place;
    return i >= 0 && i < n->count ? n->d[i] : '0';
}

static void put_double(writer *w, double value, char conversion, int precision)
{
    if (signbit(value))
        put(w, '-');
    if (!isfinite(value)) {
        put_field(w, value != value ? "nan" : "inf", 3, 0, ' ');
        return;
    }
    decimal n;
    digits_of(fabs(value), &n);
    bool scientific = false;
    if (precision < 0)
        precision = 6;
    if (conversion == 'f')
        round_to(&n, n.exponent + 1 + precision);
    else {
        if (precision == 0)
            precision = 1;
        round_to(&n, precision);
        while (n.count > 1 && n.d[n.count - 1] == '0')
            n.count--;
        scientific = n.exponent < -4 || n.exponent >= precision;
        precision = n.count - 1 - (scientific ? 0 : n.exponent);
    }
    const int first = scientific ? 0 : n.exponent > 0 ? n.exponent : 0, shift = scientific ? n.exponent : 0;
    for (int place = first; place >= 0; place--)
        put(w, digit(&n, place + shift));
    if (precision > 0)
        put(w, '.');
    for (int i = 1; i <= precision; i++)
        put(w, digit(&n, shift - i));
    if (scientific) {
        put(w, 'e');
        put(w, n.exponent < 0 ? '-' : '+');
        put_whole(w, (uint64_t)(n.exponent < 0 ? -n.exponent : n.exponent), false, 10, 2, '0');
    }
}

static int number(const char **format, va_list *arguments)
{
    int value = 0;
    if (**format == '*') {
        ++*format;
        return va_arg(*arguments, int);
    }
    for (; **format >= '0' && **format <= '9'; ++*format)
        value = value * 10 + (**format - '0');
    return value;
}

static void put_all(writer *w, const char *format, va_list *arguments)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(w, *format);
            continue;
        }
        format++;
        const char fill = *format == '0' ? '0' : ' ';
        const int width = number(&format, arguments);
        int precision = -1, longs = 0;
        if (*format == '.') {
            format++;
            precision = number(&format, arguments);
        }
        for (; *format == 'l' || *format == 'z'; format++) /* size_t is a long */
            longs++;
        switch (*format) {
        case 'd': {
            const int64_t value = longs > 1    ? va_arg(*arguments, long long)
                                  : longs == 1 ? va_arg(*arguments, long)
                                               : va_arg(*arguments, int);
            put_whole(w, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10, width, fill);
            break;
        }
        case 'u':
        case 'x': {
            const uint64_t value = longs > 1    ? va_arg(*arguments, unsigned long long)
                                   : longs == 1 ? va_arg(*arguments, unsigned long)
                                                : va_arg(*arguments, unsigned);
            put_whole(w, value, false, *format == 'x' ? 16 : 10, width, fill);
            break;
        }
        case 'f':
        case 'g': put_double(w, va_arg(*arguments, double), *format, precision); break;
        case 'c': put(w, (char)va_arg(*arguments, int)); break;
        case 's': {
            const char *text = va_arg(*arguments, const char *);
            size_t length = 0;
            while ((precision < 0 || length < (size_t)precision) && text[length])
                length++;
            put_field(w, text, length, width, ' ');
            break;
        }
        case '%': put(w, '%'); break;
        default: __builtin_trap(); /* a format that the library did not have; tests/web/test_libc.c has them all */
        }
    }
}

int vsnprintf(char *to, size_t size, const char *format, va_list arguments)
{
    writer w = { to, size ? size - 1 : 0, 0 };
    va_list own;
    va_copy(own, arguments);
    put_all(&w, format, &own);
    va_end(own);
    if (size)
        to[w.length < w.room ? w.length : w.room] = 0;
    return (int)w.length;
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    return length;
}
