#include "base/number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool ink_number_parse(const char **at, double *value)
{
    const char *p = *at;
    bool minus = *p == '-', digits = false;
    double v = 0;
    int exponent = 0, given = 0;
    p += minus || *p == '+';
    for (; isdigit((unsigned char)*p); p++, digits = true)
        v = v * 10 + (*p - '0');
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++, digits = true, exponent--)
            v = v * 10 + (*p - '0');
    if (digits && (*p == 'e' || *p == 'E')) {
        bool down = p[1] == '-';
        const char *e = p + 1 + (down || p[1] == '+');
        if (isdigit((unsigned char)*e)) {
            for (; isdigit((unsigned char)*e) && given < 1000; e++)
                given = given * 10 + (*e - '0');
            exponent += down ? -given : given;
            p = e;
        }
    }
    if (!digits)
        return false;
    v = exponent < 0 ? v / pow(10, -exponent) : v * pow(10, exponent);
    *value = minus ? -v : v;
    *at = p;
    return true;
}

size_t ink_number_format(char *text, double value)
{
    if (value == floor(value) && fabs(value) < 1e9)
        return (size_t)snprintf(text, 32, "%.0f", value); /* 30 and not 3e+01 */
    for (int digits = 1;; digits++) {
        const int length = snprintf(text, 32, "%.*g", digits, value);
        for (int i = 0; i < length; i++)
            if (!strchr("0123456789+-einfa", text[i]))
                text[i] = '.';
        const char *at = text;
        double back;
        if (digits >= 9 || (ink_number_parse(&at, &back) && (float)back == (float)value))
            return (size_t)length;
    }
}
