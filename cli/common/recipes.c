#include "common/recipes.h"

#include <string.h>

static const recipe recipes[] = {
    { "fc-plain", "fc", "epochs=15 batch=128 rate=0.001 schedule=cosine average=0.999",
      "fc without augmentation" },
    { "fc", "fc", "epochs=60 batch=128 rate=0.001 schedule=one-cycle average=0.999 augment=light",
      "the fc that is shipped" },
    { "cnn-plain", "cnn", "epochs=15 batch=128 rate=0.001",
      "cnn as the document trains it" },
    { "cnn", "cnn", "epochs=60 batch=128 rate=0.003 schedule=one-cycle average=0.999 augment=light",
      "the cnn that is shipped" },
    { "digits", "digits",
      "epochs=16 batch=128 optimizer=adamw rate=0.006 decay=0.01 schedule=one-cycle average=0.999 "
      "augment=light", "the digits that is shipped" },
};

const recipe *recipe_at(size_t index)
{
    return index < sizeof recipes / sizeof *recipes ? &recipes[index] : NULL;
}

const char *recipe_name(size_t index)
{
    return recipe_at(index) ? recipe_at(index)->name : NULL;
}

const recipe *recipe_find(const char *name)
{
    for (size_t i = 0; recipe_at(i); i++)
        if (strcmp(recipe_at(i)->name, name) == 0)
            return recipe_at(i);
    return NULL;
}
