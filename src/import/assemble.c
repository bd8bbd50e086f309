#include "import/assemble.h"

#include "base/status.h"

#include <stdio.h>
#include <string.h>

/* PyTorch's last part of a name, and inkling's; NULL for what a running network does not need. */
static bool part_name(const char *theirs, const char **ours)
{
    static const struct {
        const char *theirs, *ours;
    } rows[] = {
        { "running_mean", "mean" },
        { "running_var", "variance" },
        { "num_batches_tracked", NULL },
    };
    *ours = theirs;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].theirs, theirs) == 0)
            *ours = rows[i].ours;
    return *ours != NULL;
}

static ink_status add(ink_builder *builder, const ink_weight *weight, ink_error *error)
{
    const char *dot = strrchr(weight->name, '.'), *part;
    char name[300];
    uint32_t dim[INK_MAX_DIMS] = { 0 };
    if (!part_name(dot ? dot + 1 : weight->name, &part))
        return INK_OK;
    if (weight->rank > INK_MAX_DIMS)
        return ink_fail(error, INK_ERR_SHAPE, "tensor '%.200s' has %lu dimensions, wanted %d at most", weight->name,
                        (unsigned long)weight->rank, INK_MAX_DIMS);
    for (uint32_t i = 0; i < weight->rank; i++) {
        if (weight->dim[i] > UINT32_MAX)
            return ink_fail(error, INK_ERR_LIMIT, "tensor '%.200s': dimension %lu is %llu", weight->name,
                            (unsigned long)i, (unsigned long long)weight->dim[i]);
        dim[i] = (uint32_t)weight->dim[i];
    }
    if (dot)
        snprintf(name, sizeof name, "%.*s%.64s", (int)(dot + 1 - weight->name), weight->name, part);
    else
        snprintf(name, sizeof name, INK_WEIGHT_UNNAMED ".%.64s", part);
    return ink_builder_tensor(builder, name, INK_F32, weight->rank, dim, weight->data, error);
}

ink_status ink_assemble(const char *text, size_t size, const char *name, uint32_t classes, const ink_weight *weights,
                        size_t count, ink_builder **out, ink_error *error)
{
    ink_network_options options = INK_NETWORK_OPTIONS_INIT;
    options.name = name;
    options.classes = classes;
    INK_TRY(ink_network_open(text, size, &options, out, error));
    for (size_t i = 0; i < count; i++) {
        const ink_status status = add(*out, &weights[i], error);
        if (status) {
            ink_builder_close(out);
            return status;
        }
    }
    return INK_OK;
}
