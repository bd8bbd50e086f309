#include "common/recipes.h"

#include <string.h>

static const recipe recipes[] = {
    { "fc-plain", "fc",
      "epochs=30 batch=128 rate=0.001 decay=0.05 schedule=cosine smoothing=0.1 average=0.999",
      "fc without augmentation" },
    { "fc", "fc",
      "epochs=60 batch=256 validation=0.05 rate=0.003 decay=0.01 schedule=one-cycle average=0.999 shift=1 rotation=10 "
      "scale=0.1 shear=0.1 elastic=1.5", "the fc that is shipped" },
    { "cnn-plain", "cnn", "epochs=15 batch=128 rate=0.003 schedule=one-cycle average=0.999",
      "cnn without augmentation" },
    { "cnn", "cnn",
      "epochs=40 batch=128 validation=0.05 rate=0.004 schedule=one-cycle average=0.999 augment=light shift=1 "
      "elastic=1",
      "the cnn that is shipped" },
    { "fast", "small",
      "epochs=4 batch=64 validation=0 rate=0.008 schedule=one-cycle average=0.99",
      "99 % in seconds" },
    { "digits", "digits",
      "epochs=60 batch=128 validation=0.05 rate=0.005 decay=0.1 schedule=one-cycle average=0.999 augment=light "
      "shift=1.5 rotation=12 scale=0.15 shear=0.2 stretch=0.15 elastic=1 thickness=1 outline=0.05 fit=0.7 "
      "unchanged=0.25 erase=0.03 lines=0.2 coarse=0.8 blur=0.7 noise=0.1 parted=0.2 negatives=0.37 best=loss "
      "calibrate=1.6",
      "the digits that is shipped" },
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
