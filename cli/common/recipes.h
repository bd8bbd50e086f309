/* Recipes: named settings that were found good. */
#ifndef INK_CLI_RECIPES_H
#define INK_CLI_RECIPES_H

#include <stddef.h>

typedef struct recipe {
    const char *name, *network; /* a built-in network */
    const char *settings;       /* docs/training.md */
    const char *what;
} recipe;

/* The recipe with this name, or NULL. */
const recipe *recipe_find(const char *name);
/* The i-th, or NULL behind the last; and its name alone, for option tables. */
const recipe *recipe_at(size_t index);
const char *recipe_name(size_t index);

#endif
