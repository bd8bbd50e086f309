#include "common/catalog.h"

#include <string.h>

/* Some mirrors have compressed the files again, so only what is inside has one checksum. */
static const catalog_file mnist_files[] = {
    { "train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      16 + 60000 * 784 },
    { "train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      8 + 60000 },
    { "t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      16 + 10000 * 784 },
    { "t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
      8 + 10000 },
    { NULL, NULL, 0 },
};

static const char *const mnist_mirrors[] = {
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://azureopendatastorage.blob.core.windows.net/mnist/",
    NULL,
};

static const catalog_set sets[] = {
    { "mnist", mnist_mirrors, mnist_files },
};

const catalog_set *catalog_at(size_t index)
{
    return index < sizeof sets / sizeof *sets ? &sets[index] : NULL;
}

const catalog_set *catalog_named(const char *name)
{
    for (size_t i = 0; catalog_at(i); i++)
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
    return NULL;
}
