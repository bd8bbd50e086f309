#include "convert/npy.h"

#include "common/say.h"
#include "common/slurp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 4096 };

/* The header is a Python dict literal: {'descr': '<f4', 'fortran_order': False, 'shape': (200, 10), }. */
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = strstr(header, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

/* "(200, 10)" */
static bool read_shape(const char *at, size_t *rows, size_t *columns)
{
    unsigned long long a = 0, b = 0;
    int end = 0;
    if (!at || sscanf(at, "( %llu , %llu %n", &a, &b, &end) != 2 || !end)
        return false;
    at += end;
    at += *at == ',';
    at += strspn(at, " ");
    if (*at != ')' || !a || !b || a > SLURP_LIMIT || b > SLURP_LIMIT || a * b > SLURP_LIMIT)
        return false;
    *rows = (size_t)a;
    *columns = (size_t)b;
    return true;
}

/* Finds the header's text and where the data begin; NULL: it is no such file. */
static char *read_header(const uint8_t *data, size_t size, size_t *begin)
{
    if (size < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 || data[6] > 3)
        return NULL;
    size_t length = data[8] | (size_t)data[9] << 8;
    *begin = 10;
    if (data[6] > 1) {
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
        *begin = 12;
    }
    if (length > MAX_HEADER || length > size - *begin)
        return NULL;
    char *header = must_alloc(length + 1, 1);
    memcpy(header, data + *begin, length);
    *begin += length;
    return header;
}

int npy_parse(const char *name, const uint8_t *data, size_t size, npy *out)
{
    size_t begin;
    char *header = read_header(data, size, &begin);
    if (!header)
        return cli_failed("%s: is no .npy file, wanted one that numpy.save wrote", name);
    const char *type = value_of(header, "descr"), *order = value_of(header, "fortran_order");
    const bool small = type && strncmp(type, "'<f4'", 5) == 0, large = type && strncmp(type, "'<f8'", 5) == 0;
    size_t rows = 0, columns = 0;
    int code = CLI_DONE;
    if (!small && !large)
        code = cli_failed("%s: found elements of another type, wanted float32 or float64", name);
    else if (!order || strncmp(order, "False", 5) != 0)
        code = cli_failed("%s: is in Fortran's order, wanted numpy.ascontiguousarray", name);
    else if (!read_shape(value_of(header, "shape"), &rows, &columns))
        code = cli_failed("%s: wanted two dimensions, images and classes", name);
    else if ((size - begin) / (small ? 4 : 8) / columns < rows)
        code = cli_failed("%s: is truncated: wanted %zu x %zu numbers, %zu bytes are there", name, rows, columns,
                          size - begin);
    free(header);
    if (code)
        return code;
    *out = (npy){ rows, columns, must_alloc(rows * columns, sizeof *out->values) };
    for (size_t i = 0; i < rows * columns; i++) {
        double value;
        if (small) {
            memcpy(&out->values[i], data + begin + 4 * i, 4);
        } else {
            memcpy(&value, data + begin + 8 * i, 8);
            out->values[i] = (float)value;
        }
    }
    return CLI_DONE;
}

int npy_read(const char *path, npy *out)
{
    bytes file;
    int code = slurp(path, &file);
    if (code)
        return code;
    code = npy_parse(slurp_name(path), file.data, file.size, out);
    free(file.data);
    return code;
}
