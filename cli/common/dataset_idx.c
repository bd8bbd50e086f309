/* Datasets as MNIST's: two IDX files a part. */
#include "common/dataset_forms.h"

#include "inkling.h"

#include "common/folder_list.h"
#include "common/say.h"
#include "common/slurp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    dataset_part part;
    const char *stem;
} stems[] = {
    { DATASET_TRAIN, "train" },
    { DATASET_TEST, "t10k" },
    { DATASET_TEST, "test" },
};

enum { STEMS = sizeof stems / sizeof *stems };

/* The path of the file, or NULL where there is none. */
static char *find_file(const char *folder, const char *stem, const char *what, unsigned rank)
{
    static const char *const forms[] = { "%s-%s-idx%u-ubyte", "%s-%s-idx%u-ubyte.gz",
                                         "%s-%s.idx%u-ubyte", "%s-%s.idx%u-ubyte.gz" };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char name[64];
        snprintf(name, sizeof name, forms[i], stem, what, rank);
        char *path = path_join(folder, name);
        if (path_kind_of(path) == PATH_FILE)
            return path;
        free(path);
    }
    return NULL;
}

static char *find_images(const char *folder, const char *stem)
{
    return find_file(folder, stem, "images", 3);
}

static char *find_labels(const char *folder, const char *stem)
{
    return find_file(folder, stem, "labels", 1);
}

/* One of the two is enough: then reading says that the other is missing. */
static bool has_stem(const char *folder, const char *stem)
{
    char *images = find_images(folder, stem), *labels = find_labels(folder, stem);
    bool found = images || labels;
    free(images);
    free(labels);
    return found;
}

static const char *stem_of(const char *folder, dataset_part part)
{
    for (size_t i = 0; i < STEMS; i++)
        if (stems[i].part == part && has_stem(folder, stems[i].stem))
            return stems[i].stem;
    return NULL;
}

bool dataset_idx_has(const char *folder, dataset_part part)
{
    return stem_of(folder, part) != NULL;
}

/* `memory` takes the file's bytes, which `out` points into. */
static int read_idx(const char *path, uint32_t rank, uint8_t **memory, ink_idx *out)
{
    bytes file = { 0 };
    ink_error error;
    int code = slurp(path, &file);
    if (code)
        return code;
    *memory = file.data;
    if (ink_idx_parse(file.data, file.size, path, out, &error))
        return cli_failed("%s", error.text);
    if (out->rank != rank)
        return cli_failed("%s: is an IDX file of rank %u, wanted %u for %s", path, out->rank, rank,
                          rank == 1 ? "labels" : "pictures");
    return CLI_DONE;
}

static uint32_t largest_label(const uint8_t *labels, size_t count)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = labels[i] > largest ? labels[i] : largest;
    return largest;
}

static int read_pair(const char *images_path, const char *labels_path, dataset *out)
{
    ink_idx images, labels;
    int code = read_idx(images_path, 3, &out->pixel_memory, &images);
    if (!code)
        code = read_idx(labels_path, 1, &out->label_memory, &labels);
    if (code)
        return code;
    if (images.items != labels.items)
        return cli_failed("%s: holds %zu label%s, wanted %zu, one for each picture of %s",
                          labels_path, labels.items, plural(labels.items), images.items,
                          images_path);
    out->count = images.items;
    out->height = images.dim[1];
    out->width = images.dim[2];
    out->pixels = images.data;
    out->labels = labels.data;
    return CLI_DONE;
}

/* ---- names of the classes ---- */

static char *copy_name(const char *from, size_t length)
{
    char *name = must_alloc(length + 1, 1);
    memcpy(name, from, length);
    return name;
}

/* The lines of a file, which may end in CR LF and begin with a byte order mark. Lines behind the
 * 257th are not looked at: so many are refused anyway. */
static int read_names(const char *path, dataset *out)
{
    bytes file = { 0 };
    int code = slurp(path, &file);
    if (code)
        return code;
    const char *at = (const char *)file.data, *end = at + file.size;
    char **names = must_alloc(DATASET_CLASSES + 1, sizeof *names);
    size_t count = 0;
    if (file.size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end && count <= DATASET_CLASSES) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        names[count++] = copy_name(at, (size_t)(stop - at) - (stop > at && stop[-1] == '\r'));
        at = newline ? newline + 1 : end;
    }
    free(file.data);
    while (count > 0 && !*names[count - 1]) /* empty lines at the end */
        free(names[--count]);
    return dataset_take_names(out, names, count, path);
}

/* "0", "1", ... up to the largest label of all parts, so that each part has the same classes. */
static int make_names(const char *folder, const char *stem, const char *labels_path, dataset *out)
{
    uint32_t largest = largest_label(out->labels, out->count);
    for (size_t i = 0; i < STEMS; i++) {
        char *other = strcmp(stems[i].stem, stem) == 0 ? NULL : find_labels(folder, stems[i].stem);
        if (!other)
            continue;
        uint8_t *memory = NULL;
        ink_idx labels;
        int code = read_idx(other, 1, &memory, &labels);
        uint32_t others = code ? 0 : largest_label(labels.data, labels.items);
        largest = others > largest ? others : largest;
        free(memory);
        free(other);
        if (code)
            return code;
    }
    if (largest == 0)
        return cli_failed("%s: all labels are 0, wanted 2 classes or more", labels_path);
    char **names = must_alloc(largest + 1, sizeof *names);
    for (uint32_t i = 0; i <= largest; i++) {
        char number[16];
        int length = snprintf(number, sizeof number, "%u", i);
        names[i] = copy_name(number, (size_t)length);
    }
    return dataset_take_names(out, names, largest + 1, labels_path);
}

static int find_names(const char *folder, const char *stem, const char *labels_path, dataset *out)
{
    char *path = path_join(folder, "labels.txt");
    int code;
    if (path_kind_of(path) == PATH_NONE)
        code = make_names(folder, stem, labels_path, out);
    else
        code = read_names(path, out);
    for (size_t i = 0; !code && i < out->count; i++)
        if (out->labels[i] >= out->classes)
            code = cli_failed("%s: label %zu is %u, wanted 0 to %u: %s names %u classes",
                              labels_path, i, out->labels[i], out->classes - 1, path,
                              out->classes);
    free(path);
    return code;
}

int dataset_idx_read(const char *folder, dataset_part part, dataset *out)
{
    const char *stem = stem_of(folder, part);
    char *images = find_images(folder, stem), *labels = find_labels(folder, stem);
    int code;
    if (!labels)
        code = cli_failed("%s: is there without its labels, wanted %s-labels-idx1-ubyte beside it",
                          images, stem);
    else if (!images)
        code = cli_failed("%s: is there without its pictures, wanted %s-images-idx3-ubyte beside "
                          "it", labels, stem);
    else
        code = read_pair(images, labels, out);
    if (!code)
        code = find_names(folder, stem, labels, out);
    free(images);
    free(labels);
    return code;
}
