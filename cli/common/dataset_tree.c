/* Datasets of picture files: a folder for each class. */
#include "common/dataset_forms.h"

#include "common/folder_list.h"
#include "common/image_file.h"
#include "common/progress.h"
#include "common/say.h"
#include "common/slurp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    dataset_part part;
    const char *name;
} part_names[] = {
    { DATASET_TRAIN, "train" },
    { DATASET_TRAIN, "training" },
    { DATASET_TEST, "test" },
    { DATASET_TEST, "testing" },
};

/* Whether a folder holds another one that is not hidden. Says nothing: whoever reads it will. */
static bool holds_folders(const char *folder)
{
    folder_list list = { 0 };
    bool found = false;
    if (path_kind_of(folder) == PATH_FOLDER && folder_list_try(folder, &list) == 0)
        for (size_t i = 0; i < list.count && !found; i++) {
            char *path = path_join(folder, list.names[i]);
            found = path_kind_of(path) == PATH_FOLDER;
            free(path);
        }
    folder_list_close(&list);
    return found;
}

/* The folder `train` or so with the classes in it, NULL where there is none. A folder of that name
 * with no folders in it may be a class: there are trains among the pictures of vehicles. */
static char *part_folder(const char *folder, dataset_part part)
{
    for (size_t i = 0; i < sizeof part_names / sizeof *part_names; i++) {
        if (part_names[i].part != part)
            continue;
        char *path = path_join(folder, part_names[i].name);
        if (holds_folders(path))
            return path;
        free(path);
    }
    return NULL;
}

/* Where the classes of a part are; free() it. NULL where there are none. */
static char *classes_folder(const char *folder, dataset_part part)
{
    char *path = part_folder(folder, part);
    if (path || part == DATASET_TEST)
        return path;
    char *test = part_folder(folder, DATASET_TEST);
    if (!test && holds_folders(folder)) {
        size_t size = strlen(folder) + 1;
        path = must_alloc(size, 1);
        memcpy(path, folder, size);
    }
    free(test);
    return path;
}

bool dataset_tree_has(const char *folder, dataset_part part)
{
    char *path = classes_folder(folder, part);
    free(path);
    return path != NULL;
}

/* ---- what is there ---- */

typedef struct found_picture {
    char *path;
    uint8_t label;
} found_picture;

typedef struct found_pictures {
    found_picture *all;
    size_t count, capacity;
} found_pictures;

static void found_add(found_pictures *to, char *path, size_t label)
{
    if (to->count == to->capacity) {
        size_t capacity = 2 * to->capacity + 256;
        found_picture *all = must_alloc(capacity, sizeof *all);
        if (to->count)
            memcpy(all, to->all, to->count * sizeof *all);
        free(to->all);
        to->all = all;
        to->capacity = capacity;
    }
    to->all[to->count++] = (found_picture){ path, (uint8_t)label };
}

static void found_close(found_pictures *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->all[i].path);
    free(found->all);
}

/* The subfolders, files beside them left out. A link to nowhere is refused: it may have been a
 * class. */
static int list_classes(const char *folder, folder_list *out)
{
    int code = folder_list_read(folder, out);
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        char *path = path_join(folder, out->names[i]);
        struct stat facts;
        bool there = stat(path, &facts) == 0;
        if (!there && !code)
            code = cli_failed("%s: cannot read: %s", path, strerror(errno));
        if (there && S_ISDIR(facts.st_mode))
            out->names[kept++] = out->names[i];
        else
            free(out->names[i]);
        free(path);
    }
    out->count = kept;
    return code;
}

static int list_pictures(const char *class_folder, size_t label, found_pictures *to)
{
    folder_list list;
    int code = folder_list_read(class_folder, &list);
    if (!code && list.count == 0)
        code = cli_failed("%s: holds no pictures, wanted at least " PICTURE_WANTED, class_folder);
    for (size_t i = 0; i < list.count && !code; i++) {
        char *path = path_join(class_folder, list.names[i]);
        if (path_kind_of(path) == PATH_OTHER) /* opening a pipe would wait for ever */
            code = cli_failed("%s: is no file, wanted " PICTURE_WANTED, path);
        found_add(to, path, label);
    }
    folder_list_close(&list);
    return code;
}

/* SIZE_MAX where it is none of them. */
static size_t class_of(const dataset *set, const char *name)
{
    for (size_t i = 0; i < set->classes; i++)
        if (strcmp(set->names[i], name) == 0)
            return i;
    return SIZE_MAX;
}

/* The classes are those of the folder `model`, the pictures those of `folder`. */
static int list_all(const char *model, const char *folder, dataset *out, found_pictures *to)
{
    folder_list classes = { 0 }, here = { 0 };
    int code = list_classes(model, &classes);
    if (code) {
        folder_list_close(&classes);
        return code;
    }
    code = dataset_take_names(out, classes.names, classes.count, model);
    if (!code)
        code = list_classes(folder, &here);
    for (size_t i = 0; i < here.count && !code; i++) {
        char *path = path_join(folder, here.names[i]);
        size_t label = class_of(out, here.names[i]);
        if (label == SIZE_MAX)
            code = cli_failed("%s: is no class of %s", path, model);
        else
            code = list_pictures(path, label, to);
        free(path);
    }
    folder_list_close(&here);
    return code;
}

/* ---- reading it ---- */

/* The first picture says how large all are. */
static int begin_pixels(const image_one *first, size_t count, dataset *out)
{
    if (first->height < 1 || first->width < 1 || first->height > DATASET_SIDE ||
        first->width > DATASET_SIDE)
        return cli_failed("%s: is %ux%u, wanted 1x1 to %dx%d", first->name, first->width,
                          first->height, DATASET_SIDE, DATASET_SIDE);
    size_t each = (size_t)first->height * first->width;
    if (count > SLURP_LIMIT / each)
        return cli_failed("%s: %zu pictures of %ux%u are more than the limit of %zu bytes",
                          first->name, count, first->width, first->height, SLURP_LIMIT);
    out->height = first->height;
    out->width = first->width;
    out->pixels = out->pixel_memory = must_alloc(count, each);
    out->labels = out->label_memory = must_alloc(count, 1);
    return CLI_DONE;
}

static int read_picture(const found_pictures *found, size_t index, dataset *out)
{
    image_one one;
    int code = image_one_open(found->all[index].path, &one);
    if (code)
        return code;
    if (index == 0)
        code = begin_pixels(&one, found->count, out);
    else if (one.height != out->height || one.width != out->width)
        code = cli_failed("%s: is %ux%u, wanted %ux%u as %s", one.name, one.width, one.height,
                          out->width, out->height, found->all[0].path);
    if (!code)
        code = image_one_decode(&one,
                                out->pixel_memory + index * ((size_t)out->height * out->width));
    if (!code)
        out->label_memory[index] = found->all[index].label;
    image_one_close(&one);
    return code;
}

int dataset_tree_read(const char *folder, dataset_part part, dataset *out)
{
    char *here = classes_folder(folder, part), *model = classes_folder(folder, DATASET_TRAIN);
    found_pictures found = { 0 };
    int code = list_all(model ? model : here, here, out, &found);
    progress line = progress_begin("pictures");
    for (size_t i = 0; i < found.count && !code; i++) {
        code = read_picture(&found, i, out);
        progress_step(&line, i + 1, found.count);
    }
    progress_end(&line);
    out->count = found.count;
    found_close(&found);
    free(model);
    free(here);
    return code;
}
