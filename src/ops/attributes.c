#include "ops/attributes.h"

#include "base/number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const ink_attribute_row rows[INK_ATTRIBUTES] = {
    [INK_ATTR_KERNEL] = { "kernel", INK_KIND_INT, 2, false, 1, 1024 },
    [INK_ATTR_STRIDE] = { "stride", INK_KIND_INT, 2, false, 1, 1024 },
    [INK_ATTR_PADDING] = { "padding", INK_KIND_INT, 4, false, 0, 1024 },
    [INK_ATTR_DILATION] = { "dilation", INK_KIND_INT, 2, false, 1, 1024 },
    [INK_ATTR_GROUPS] = { "groups", INK_KIND_INT, 1, false, 1, 65536 },
    [INK_ATTR_CEIL] = { "ceil", INK_KIND_BOOL, 1, false, 0, 1 },
    [INK_ATTR_COUNT_PADDING] = { "count_padding", INK_KIND_BOOL, 1, false, 0, 1 },
    [INK_ATTR_AXIS] = { "axis", INK_KIND_INT, 1, false, -INK_MAX_DIMS, INK_MAX_DIMS - 1 },
    [INK_ATTR_SHAPE] = { "shape", INK_KIND_INT, INK_MAX_DIMS, true, -1, 1 << 24 },
    [INK_ATTR_ORDER] = { "order", INK_KIND_INT, INK_MAX_DIMS, true, 0, INK_MAX_DIMS - 1 },
    [INK_ATTR_ALPHA] = { "alpha", INK_KIND_FLOAT, 1, false, -1e6, 1e6 },
    [INK_ATTR_EPSILON] = { "epsilon", INK_KIND_FLOAT, 1, false, 0, 1e3 },
    [INK_ATTR_VALUE] = { "value", INK_KIND_FLOAT, 1, false, -1e30, 1e30 },
    [INK_ATTR_APPROXIMATE] = { "approximate", INK_KIND_BOOL, 1, false, 0, 1 },
    [INK_ATTR_RATE] = { "rate", INK_KIND_FLOAT, 1, false, 0, 1 },
    [INK_ATTR_FILTERS] = { "filters", INK_KIND_INT, 1, false, 1, 65536 },
    [INK_ATTR_UNITS] = { "units", INK_KIND_INT, 1, false, 1, 1 << 20 },
    [INK_ATTR_INPUT_SCALE] = { "input_scale", INK_KIND_FLOAT, 1, false, 1e-9, 1e9 },
    [INK_ATTR_INPUT_ZERO] = { "input_zero", INK_KIND_INT, 1, false, 0, 255 },
};

const ink_attribute_row *ink_attribute_get(ink_attribute attribute)
{
    return &rows[attribute];
}

ink_status ink_attribute_find(const ink_op_attribute *takes, size_t takes_count, const char *name,
                              const char *node, ink_attribute *attribute, ink_error *error)
{
    for (size_t i = 0; i < takes_count; i++)
        if (!strcmp(rows[takes[i].attribute].name, name)) {
            *attribute = takes[i].attribute;
            return INK_OK;
        }
    char known[200];
    size_t at = 0;
    known[0] = 0;
    for (size_t i = 0; i < takes_count && at < sizeof known; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "",
                               rows[takes[i].attribute].name);
    return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': found attribute '%.32s', it takes %s",
                    node, name, takes_count ? known : "none");
}

ink_status ink_attribute_set(ink_attributes *a, ink_attribute attribute, const double *values,
                             size_t count, const char *node, ink_error *error)
{
    const ink_attribute_row *row = &rows[attribute];
    bool fits = count == row->count || (row->open && count > 0 && count < row->count) ||
                (!row->open && count > 0 && row->count % count == 0 && count < row->count);
    if (!fits)
        return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': attribute '%s' has %zu values, "
                        "wanted %s%u", node, row->name, count,
                        row->count == 1 ? "" : row->open ? "1 to " : row->count == 4 ? "1, 2 or " : "1 or ",
                        row->count);
    for (size_t i = 0; i < count; i++) {
        bool whole = row->kind == INK_KIND_FLOAT || values[i] == floor(values[i]);
        if (!(values[i] >= row->lowest && values[i] <= row->highest) || !whole)
            return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': attribute '%s' is %g, wanted "
                            "%s from %g to %g", node, row->name, values[i],
                            row->kind == INK_KIND_FLOAT ? "a number" : "an integer", row->lowest,
                            row->highest);
    }
    size_t total = row->open ? count : row->count;
    a->count[attribute] = (uint8_t)total;
    for (size_t i = 0; i < total; i++)
        a->value[attribute][i] =
            row->kind == INK_KIND_FLOAT ? (double)(float)values[i % count] : values[i % count];
    return INK_OK;
}

ink_status ink_attributes_parse(ink_attributes *a, const ink_op_attribute *takes, size_t takes_count,
                                const char *text, const char *node, ink_error *error)
{
    for (const char *at = text ? text : ""; *at;) {
        if (isspace((unsigned char)*at)) {
            at++;
            continue;
        }
        size_t length = strcspn(at, "= \t\n\r\f\v");
        char name[32];
        if (at[length] != '=' || !length || length >= sizeof name)
            return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': found '%.*s', wanted "
                            "attribute=value", node, (int)(length < 32 ? length : 32), at);
        memcpy(name, at, length);
        name[length] = 0;
        ink_attribute attribute;
        INK_TRY(ink_attribute_find(takes, takes_count, name, node, &attribute, error));
        double values[INK_MAX_DIMS];
        size_t count = 0;
        at += length;
        do {
            at++;
            if (count == INK_MAX_DIMS || !ink_number_parse(&at, &values[count++]))
                return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': attribute '%s' has the "
                                "value '%.32s', wanted at most %d numbers with commas between",
                                node, name, at, INK_MAX_DIMS);
        } while (*at == ',');
        if (*at && !isspace((unsigned char)*at))
            return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': attribute '%s' is followed by "
                            "'%.16s', wanted a space", node, name, at);
        if (a->count[attribute])
            return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': attribute '%s' is given twice",
                            node, name);
        INK_TRY(ink_attribute_set(a, attribute, values, count, node, error));
    }
    return INK_OK;
}

ink_status ink_attributes_complete(ink_attributes *a, const ink_op_attribute *takes,
                                   size_t takes_count, const char *node, ink_error *error)
{
    for (size_t i = 0; i < takes_count; i++) {
        ink_attribute attribute = takes[i].attribute;
        if (a->count[attribute])
            continue;
        if (takes[i].required)
            return ink_fail(error, INK_ERR_ATTRIBUTE, "node '%.64s': attribute '%s' is missing",
                            node, rows[attribute].name);
        if (!isnan(takes[i].fallback))
            INK_TRY(ink_attribute_set(a, attribute, &takes[i].fallback, 1, node, error));
    }
    return INK_OK;
}

const char *ink_attributes_text(const ink_attributes *a, const ink_op_attribute *takes,
                                size_t takes_count, ink_arena *arena)
{
    char text[400];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < takes_count; i++) {
        const ink_attribute attribute = takes[i].attribute;
        const size_t count = a->count[attribute];
        const bool of_kernel = (attribute == INK_ATTR_KERNEL || attribute == INK_ATTR_STRIDE) && isnan(takes[i].fallback);
        bool same = true;
        for (size_t k = 0; k < count; k++)
            same = same && !takes[i].required && a->value[attribute][k] == (of_kernel ? a->value[INK_ATTR_KERNEL][k]
                                                                                      : takes[i].fallback);
        if (same)
            continue;
        for (size_t k = 0; k < count && at < sizeof text - 64; k++) {
            if (k == 0)
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%s=", at ? " " : "",
                                       rows[attribute].name);
            else
                text[at++] = ',';
            at += ink_number_format(text + at, a->value[attribute][k]);
        }
    }
    return ink_arena_string(arena, text, strlen(text));
}
