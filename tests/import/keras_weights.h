/* Weights for models of Keras as JSON, without a file: named, shaped by a recipe, their values from a formula. */
#ifndef TESTS_KERAS_WEIGHTS_H
#define TESTS_KERAS_WEIGHTS_H

#include "support.h"

#include "import/keras/keras_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small numbers of both signs that no two neighbours share; those of a variance above 0. */
static inline float keras_value_of(const char *role, uint64_t at)
{
    const float value = (float)((at * 37 + strlen(role) * 11) % 23) / 16 - 0.6875f;
    return strstr(role, "variance") ? value * value + 0.5f : value;
}

/* A recipe like "conv/kernel 3 3 1 2;conv/bias 2": the weights that there are. */
typedef struct keras_recipe {
    const char *recipe;
    ink_arena arena;
} keras_recipe;

static inline ink_status keras_recipe_find(void *context, const ink_keras_place *place, size_t index, const char *role,
                                           ink_weight *out, ink_error *error)
{
    keras_recipe *r = context;
    char name[300];
    (void)index;
    (void)error;
    const size_t length = (size_t)snprintf(name, sizeof name, "%.100s/%.100s", place->name, role);
    *out = (ink_weight){ .name = role };
    for (const char *at = r->recipe; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
        if (strncmp(at, name, length) != 0 || !strchr(" ;", at[length]))
            continue;
        out->elements = 1;
        for (const char *p = at + length; *p == ' ';) {
            char *next;
            out->dim[out->rank] = strtoull(p, &next, 10);
            out->elements *= out->dim[out->rank++];
            p = next;
        }
        float *data = ink_arena_array(&r->arena, out->elements ? out->elements : 1, sizeof *data);
        assert_non_null(data);
        for (uint64_t i = 0; i < out->elements; i++)
            data[i] = keras_value_of(role, i);
        out->data = data;
        return INK_OK;
    }
    return INK_OK;
}

#endif
