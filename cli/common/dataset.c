#include "common/dataset_forms.h"

#include "common/folder_list.h"
#include "common/say.h"

#include <stdlib.h>
#include <string.h>

/* Names go into model files, reports and messages: text that nobody could be deceived by. */
static bool is_plain(const char *name)
{
    text masked = { 0 };
    text_masked(&masked, name);
    bool plain = *name && strcmp(text_string(&masked), name) == 0;
    text_free(&masked);
    return plain;
}

int dataset_take_names(dataset *to, char **names, size_t count, const char *where)
{
    to->name_memory = names;
    to->names = (const char *const *)names;
    to->classes = (uint32_t)count;
    if (count < 2 || count > DATASET_CLASSES)
        return cli_failed("%s: holds %zu class%s, wanted 2 to %d", where, count,
                          count == 1 ? "" : "es", DATASET_CLASSES);
    for (size_t i = 0; i < count; i++) {
        if (!is_plain(names[i]))
            return cli_failed("%s: class %zu is called '%s', wanted UTF-8 text without control "
                              "characters", where, i, names[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return cli_failed("%s: classes %zu and %zu are both called '%s'", where, j, i,
                                  names[i]);
    }
    return CLI_DONE;
}

static int nothing_found(const char *folder, dataset_part part)
{
    folder_list list;
    int code = folder_list_read(folder, &list); /* says why where the folder cannot be read */
    folder_list_close(&list);
    if (code)
        return code;
    if (part == DATASET_TEST)
        return cli_failed("%s: holds no test pictures, wanted t10k-images-idx3-ubyte and "
                          "t10k-labels-idx1-ubyte (or test-..., or .gz), or a folder 'test' with "
                          "a folder of PNGs for each class", folder);
    return cli_failed("%s: holds no training pictures, wanted train-images-idx3-ubyte and "
                      "train-labels-idx1-ubyte (or .gz), or a folder of PNGs for each class, maybe "
                      "in a folder 'train'", folder);
}

int dataset_read(const char *folder, dataset_part part, dataset *out)
{
    *out = (dataset){ .channels = 1 };
    int code;
    if (dataset_idx_has(folder, part))
        code = dataset_idx_read(folder, part, out);
    else if (dataset_tree_has(folder, part))
        code = dataset_tree_read(folder, part, out);
    else
        code = nothing_found(folder, part);
    if (code)
        dataset_close(out);
    return code;
}

bool dataset_has(const char *folder, dataset_part part)
{
    return dataset_idx_has(folder, part) || dataset_tree_has(folder, part);
}

void dataset_close(dataset *set)
{
    for (uint32_t i = 0; set->name_memory && i < set->classes; i++)
        free(set->name_memory[i]);
    free(set->name_memory);
    free(set->pixel_memory);
    free(set->label_memory);
    *set = (dataset){ 0 };
}
