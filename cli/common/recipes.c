#include "common/recipes.h"

#include <string.h>

static const recipe recipes[] = {
    { "fc-plain", "fc",
      "epochs=30 batch=128 validation=0.05 rate=0.005 decay=0.1 schedule=one-cycle average=0.999 shift=1.5 rotation=12 "
      "scale=0.15 shear=0.1 elastic=1 thickness=1 plain=0.6 outline=0.06 fit=0.6 erase=0.03 lines=0.3 coarse=0.8 "
      "blur=0.7 noise=0.12 negatives=0.2 calibrate=1", "the digits that is shipped: for other hands than MNIST's" },
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
