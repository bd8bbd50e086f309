/* Labelled pictures of a folder: both forms of it, and everything that can be wrong with one. */
#include "support.h"

#include "common/dataset.h"
#include "common/say.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef INK_HAVE_ZLIB
#include <zlib.h>
#endif

/* ---- folders made from a recipe ---- */

/* Makes the folder that `path`, which lies in `root`, is in. */
static void make_parents(const char *root, char *path)
{
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        (void)mkdir(path, 0700);
        *at = '/';
    }
}

/* `made` is what the file holds, a recipe of blob_make. Names that end in '/' are folders, a
 * recipe "-> TARGET" is a link, "pipe" is one. */
static void put(const char *root, const char *name, const char *made)
{
    char *path = folder_path(root, name);
    make_parents(root, path);
    if (name[strlen(name) - 1] == '/') {
        (void)mkdir(path, 0700);
    } else if (strncmp(made, "-> ", 3) == 0) {
        assert_int_equal(symlink(made + 3, path), 0);
    } else if (strcmp(made, "pipe") == 0) {
        assert_int_equal(mkfifo(path, 0600), 0);
    } else {
        blob bytes = blob_make(made);
        file_put(path, bytes.data, bytes.size);
        blob_free(&bytes);
    }
    free(path);
}

typedef struct entry {
    const char *name, *made;
} entry;

enum { ENTRIES = 12 };

static char *make_folder(const entry *entries)
{
    char *root = folder_make();
    for (size_t i = 0; i < ENTRIES && entries[i].name; i++)
        put(root, entries[i].name, entries[i].made);
    return root;
}

/* ---- what is said on standard error ---- */

typedef struct said {
    int code;
    char line[1024];
} said;

/* Reads the part, which nobody may close where that fails. */
static said read_part(const char *folder, dataset_part part, dataset *out)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int old = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    said what = { .code = dataset_read(folder, part, out) };
    assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
    close(old);
    rewind(file);
    what.line[fread(what.line, 1, sizeof what.line - 1, file)] = 0;
    fclose(file);
    return what;
}

static void must_read(const char *folder, dataset_part part, dataset *out)
{
    said what = read_part(folder, part, out);
    if (what.code || what.line[0])
        fail_msg("said: %s", what.line);
    assert_int_equal(out->channels, 1);
    for (size_t i = 0; i < out->count; i++)
        assert_true(out->labels[i] < out->classes);
}

static void check_names(const dataset *set, const char *names)
{
    char joined[256] = "";
    for (uint32_t i = 0; i < set->classes; i++) {
        strcat(joined, i ? "," : "");
        strcat(joined, set->names[i]);
    }
    assert_string_equal(joined, names);
}

static void check_set(const dataset *set, size_t count, uint32_t height, uint32_t width,
                      const char *pixels, const char *labels)
{
    blob wanted_pixels = blob_make(pixels), wanted_labels = blob_make(labels);
    assert_int_equal(set->count, count);
    assert_int_equal(set->height, height);
    assert_int_equal(set->width, width);
    assert_int_equal(wanted_pixels.size, count * height * width);
    assert_int_equal(wanted_labels.size, count);
    assert_memory_equal(set->pixels, wanted_pixels.data, wanted_pixels.size);
    assert_memory_equal(set->labels, wanted_labels.data, wanted_labels.size);
    blob_free(&wanted_pixels);
    blob_free(&wanted_labels);
}

/* ---- IDX ---- */

#define IMAGES "x:00000803 b4:3 b4:1 b4:2 x:010203040506"
#define LABELS "x:00000801 b4:3 x:020001"
#define TEST_IMAGES "x:00000803 b4:1 b4:1 b4:2 x:0708"
#define TEST_LABELS "x:00000801 b4:1 x:01"

static void idx_files_are_read_by_all_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *names[4];
    } rows[] = {
        { { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte" } },
        { { "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte" } },
        { { "train-images.idx3-ubyte", "train-labels-idx1-ubyte", "test-images-idx3-ubyte",
            "test-labels.idx1-ubyte" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const *names = rows[i].names;
        entry entries[ENTRIES] = { { names[0], IMAGES }, { names[1], LABELS },
                                   { names[2], TEST_IMAGES }, { names[3], TEST_LABELS } };
        char *folder = make_folder(entries);
        dataset set;
        assert_true(dataset_has(folder, DATASET_TRAIN) && dataset_has(folder, DATASET_TEST));
        must_read(folder, DATASET_TRAIN, &set);
        check_set(&set, 3, 1, 2, "x:010203040506", "x:020001");
        check_names(&set, "0,1,2");
        dataset_close(&set);
        must_read(folder, DATASET_TEST, &set);
        check_set(&set, 1, 1, 2, "x:0708", "x:01");
        check_names(&set, "0,1,2"); /* as many as the training part has */
        dataset_close(&set);
        dataset_close(&set); /* harmless */
        folder_remove(folder);
    }
}

static void lines_of_a_file_name_the_classes(void **state)
{
    (void)state;
    static const char *const files[] = {
        "t:é x:0a t:b2 x:0a t:c",
        "x:efbbbf t:é x:0d0a t:b2 x:0d0a t:c x:0d0a0a0d0a",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        entry entries[ENTRIES] = { { "train-images-idx3-ubyte", IMAGES },
                                   { "train-labels-idx1-ubyte", LABELS },
                                   { "labels.txt", files[i] } };
        char *folder = make_folder(entries);
        dataset set;
        must_read(folder, DATASET_TRAIN, &set);
        check_names(&set, "é,b2,c");
        dataset_close(&set);
        assert_false(dataset_has(folder, DATASET_TEST));
        folder_remove(folder);
    }
}

#ifdef INK_HAVE_ZLIB

static void put_gzip(const char *folder, const char *name, const char *made)
{
    char *path = folder_path(folder, name);
    blob bytes = blob_make(made);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes.data, (unsigned)bytes.size), bytes.size);
    assert_int_equal(gzclose(file), Z_OK);
    blob_free(&bytes);
    free(path);
}

static void idx_files_may_be_compressed(void **state)
{
    (void)state;
    char *folder = folder_make();
    dataset set;
    put_gzip(folder, "train-images-idx3-ubyte.gz", IMAGES);
    put_gzip(folder, "train-labels.idx1-ubyte.gz", LABELS);
    must_read(folder, DATASET_TRAIN, &set);
    check_set(&set, 3, 1, 2, "x:010203040506", "x:020001");
    dataset_close(&set);
    put(folder, "train-images-idx3-ubyte", "x:00000803 b4:3 b4:1 b4:1 x:090807");
    must_read(folder, DATASET_TRAIN, &set);
    check_set(&set, 3, 1, 1, "x:090807", "x:020001");
    dataset_close(&set);
    folder_remove(folder);
}

#endif

/* ---- folders of pictures ---- */

#define PGM(pixels) "t:P5 x:0a t:2 x:20 t:1 x:0a t:255 x:0a " pixels

static void pictures_are_read_in_the_order_of_names(void **state)
{
    (void)state;
    entry entries[ENTRIES] = {
        { "b/2.pgm", PGM("x:0304") }, { "b/10.pgm", PGM("x:0102") }, { "a/z", PGM("x:0506") },
        { "b/.hidden", "t:x" },       { ".hidden/x", "t:x" },        { "README", "t:x" },
        { "b/Z.pgm", "-> 2.pgm" },
    };
    char *folder = make_folder(entries);
    dataset set;
    assert_true(dataset_has(folder, DATASET_TRAIN));
    assert_false(dataset_has(folder, DATASET_TEST));
    must_read(folder, DATASET_TRAIN, &set);
    check_set(&set, 4, 1, 2, "x:0506 x:0102 x:0304 x:0304", "x:00010101");
    check_names(&set, "a,b");
    dataset_close(&set);
    folder_remove(folder);
}

static void parts_have_the_same_classes(void **state)
{
    (void)state;
    static const char *const names[][2] = { { "train", "test" }, { "training", "testing" } };
    for (size_t i = 0; i < 2; i++) {
        char *folder = folder_make(), path[64];
        static const char *const pictures[] = { "0/1.pgm", "1/1.pgm", "2/1.pgm" };
        for (size_t p = 0; p < 3; p++) {
            snprintf(path, sizeof path, "%s/%s", names[i][0], pictures[p]);
            put(folder, path, PGM("x:0102"));
        }
        snprintf(path, sizeof path, "%s/2/9.pgm", names[i][1]);
        put(folder, path, PGM("x:0708"));
        dataset set;
        must_read(folder, DATASET_TRAIN, &set);
        check_set(&set, 3, 1, 2, "x:010201020102", "x:000102");
        dataset_close(&set);
        must_read(folder, DATASET_TEST, &set);
        check_set(&set, 1, 1, 2, "x:0708", "x:02"); /* not 0, though it is the only one */
        check_names(&set, "0,1,2");
        dataset_close(&set);
        folder_remove(folder);
    }
}

/* There are trains among the pictures of vehicles. */
static void a_class_may_be_called_train(void **state)
{
    (void)state;
    entry entries[ENTRIES] = { { "plane/1", PGM("x:0102") }, { "train/1", PGM("x:0304") } };
    char *folder = make_folder(entries);
    dataset set;
    must_read(folder, DATASET_TRAIN, &set);
    check_names(&set, "plane,train");
    dataset_close(&set);
    folder_remove(folder);
}

#ifdef INK_HAVE_PNG

static void png_pictures_are_read(void **state)
{
    (void)state;
    static const char *const from[] = { "samples/digit-3.png", "samples/digit-3.pgm" };
    static const char *const to[] = { "3/a.png", "4/b.pgm" };
    char *folder = folder_make();
    for (size_t i = 0; i < 2; i++) {
        char *path = folder_path(folder, to[i]);
        blob file = file_get(from[i]);
        make_parents(folder, path);
        file_put(path, file.data, file.size);
        blob_free(&file);
        free(path);
    }
    dataset set;
    must_read(folder, DATASET_TRAIN, &set);
    assert_int_equal(set.count, 2);
    assert_int_equal(set.height, 28);
    assert_memory_equal(set.pixels, set.pixels + 784, 784); /* the same digit in two formats */
    assert_int_not_equal(set.pixels[13 * 28 + 15], 0);
    dataset_close(&set);
    folder_remove(folder);
}

#endif

/* ---- what is refused ---- */

typedef struct bad {
    const char *name;
    entry entries[ENTRIES];
    const char *words[3]; /* each is in the line */
} bad;

#define TI "train-images-idx3-ubyte"
#define TL "train-labels-idx1-ubyte"

static const bad all_bad[] = {
    { "an empty folder", { { NULL, NULL } }, { "no training pictures", TI, "a folder of PNGs" } },
    { "files only", { { "a.png", "t:x" } }, { "no training pictures" } },
    { "no labels", { { TI, IMAGES } }, { TI ": is there without its labels", TL } },
    { "no images", { { TL, LABELS } }, { TL ": is there without its pictures", TI } },
    { "counts differ", { { TI, IMAGES }, { TL, "x:00000801 b4:2 x:0001" } },
      { TL ": holds 2 labels, wanted 3", TI } },
    { "one label", { { TI, IMAGES }, { TL, "x:00000801 b4:1 x:00" } }, { "holds 1 label, " } },
    { "images are labels", { { TI, LABELS }, { TL, LABELS } },
      { TI ": is an IDX file of rank 1, wanted 3 for pictures" } },
    { "labels are images", { { TI, IMAGES }, { TL, IMAGES } },
      { TL ": is an IDX file of rank 3, wanted 1 for labels" } },
    { "images cut", { { TI, "x:00000803 b4:3 b4:1 b4:2 x:0102030405" }, { TL, LABELS } },
      { TI ": " } },
    { "one class", { { TI, IMAGES }, { TL, "x:00000801 b4:3 x:000000" } },
      { TL ": all labels are 0" } },
    { "labels of the other part cut",
      { { TI, IMAGES }, { TL, LABELS }, { "t10k-labels-idx1-ubyte", "x:00000801 b4:3 x:00" } },
      { "t10k-labels-idx1-ubyte: " } },
    { "fewer names than labels",
      { { TI, IMAGES }, { TL, LABELS }, { "labels.txt", "t:a x:0a t:b" } },
      { TL ": label 0 is 2, wanted 0 to 1", "labels.txt names 2 classes" } },
    { "one name", { { TI, IMAGES }, { TL, LABELS }, { "labels.txt", "t:a x:0a0a" } },
      { "labels.txt: holds 1 class, wanted 2 to 256" } },
    { "no name", { { TI, IMAGES }, { TL, LABELS }, { "labels.txt", "x:0a" } },
      { "labels.txt: holds 0 classes" } },
    { "an empty name", { { TI, IMAGES }, { TL, LABELS }, { "labels.txt", "t:a x:0a0a t:b" } },
      { "labels.txt: class 1 is called ''" } },
    { "the same name",
      { { TI, IMAGES }, { TL, LABELS }, { "labels.txt", "t:a x:0a t:b x:0a t:a" } },
      { "labels.txt: classes 0 and 2 are both called 'a'" } },
    { "no UTF-8", { { TI, IMAGES }, { TL, LABELS }, { "labels.txt", "t:a x:0aff0a t:b" } },
      { "labels.txt: class 1", "UTF-8" } },
    { "one folder", { { "a/1", PGM("x:0102") } }, { "holds 1 class, wanted 2" } },
    { "an empty class", { { "a/1", PGM("x:0102") }, { "b/", "" } }, { "/b: holds no pictures" } },
    { "only hidden pictures", { { "a/1", PGM("x:0102") }, { "b/.1", PGM("x:0102") } },
      { "/b: holds no pictures" } },
    { "another size",
      { { "a/1", PGM("x:0102") }, { "b/1", "t:P5 x:0a t:1 x:20 t:2 x:0a t:255 x:0a0102" } },
      { "/b/1: is 1x2, wanted 2x1 as", "/a/1" } },
    { "another height",
      { { "a/1", PGM("x:0102") }, { "b/1", "t:P5 x:0a t:2 x:20 t:2 x:0a t:255 x:0a01020304" } },
      { "/b/1: is 2x2, wanted 2x1 as" } },
    { "too large",
      { { "a/1", "t:P5 x:0a t:4097 x:20 t:1 x:0a t:255 x:0a" }, { "b/1", PGM("x:0102") } },
      { "/a/1: is 4097x1, wanted 1x1 to 4096x4096" } },
    { "no picture", { { "a/1", PGM("x:0102") }, { "b/Thumbs.db", "t:hello" } },
      { "/b/Thumbs.db: is of no known format, wanted a PNG, JPEG, PBM, PGM or PPM" } },
    { "an empty file", { { "a/1", PGM("x:0102") }, { "b/1", "" } }, { "/b/1: is empty" } },
    { "IDX in a class", { { "a/1", PGM("x:0102") }, { "b/1", LABELS } },
      { "/b/1: looks like an IDX file" } },
    { "a cut picture", { { "a/1", PGM("x:01") }, { "b/1", PGM("x:0102") } },
      { "/a/1: the PGM is cut" } },
    { "a folder in a class", { { "a/1", PGM("x:0102") }, { "b/c/1", PGM("x:0102") } },
      { "/b/c: is a directory" } },
    { "a link in a circle", { { "a/1", PGM("x:0102") }, { "b/1", PGM("x:0102") }, { "c", "-> ." } },
      { "/c/a: is a directory" } },
    { "a link to itself", { { "a/1", PGM("x:0102") }, { "b/1", PGM("x:0102") }, { "c", "-> c" } },
      { "/c: cannot read: " } },
    { "a link to nowhere", { { "a/1", PGM("x:0102") }, { "b/1", "-> 2" } },
      { "/b/1: cannot open: " } },
    { "a pipe", { { "a/1", PGM("x:0102") }, { "b/1", "pipe" } }, { "/b/1: is no file" } },
    { "a class of bytes", { { "a/1", PGM("x:0102") }, { "\xff/1", PGM("x:0102") } },
      { "class 1", "UTF-8" } },
    { "test alone", { { "test/a/1", PGM("x:0102") }, { "test/b/1", PGM("x:0102") } },
      { "no training pictures" } },
};

static void bad_folders_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all_bad / sizeof *all_bad; i++) {
        const bad *row = &all_bad[i];
        char *folder = make_folder(row->entries);
        dataset set;
        memset(&set, 0x77, sizeof set);
        said what = read_part(folder, DATASET_TRAIN, &set);
        if (what.code != CLI_FAILED)
            fail_msg("%s: gave %d", row->name, what.code);
        const char *end = strchr(what.line, '\n');
        if (!strstr(what.line, folder) || !end || end[1])
            fail_msg("%s: not one line with the folder: %s", row->name, what.line);
        for (size_t j = 0; j < 3 && row->words[j]; j++)
            if (!strstr(what.line, row->words[j]))
                fail_msg("%s: no '%s' in: %s", row->name, row->words[j], what.line);
        assert_null(set.pixels); /* nothing to close */
        assert_null(set.pixel_memory);
        assert_null(set.name_memory);
        folder_remove(folder);
    }
}

static void more_than_256_classes_are_refused(void **state)
{
    (void)state;
    char *folder = folder_make(), name[32];
    for (unsigned i = 0; i < DATASET_CLASSES; i++) {
        snprintf(name, sizeof name, "%03u/1", i);
        put(folder, name, PGM("x:0102"));
    }
    dataset set;
    must_read(folder, DATASET_TRAIN, &set);
    assert_int_equal(set.classes, 256);
    assert_int_equal(set.labels[255], 255);
    dataset_close(&set);
    put(folder, "256/1", PGM("x:0102"));
    said what = read_part(folder, DATASET_TRAIN, &set);
    assert_int_equal(what.code, CLI_FAILED);
    assert_non_null(strstr(what.line, "holds 257 classes, wanted 2 to 256"));
    folder_remove(folder);
}

static void a_test_part_must_be_there_and_fit(void **state)
{
    (void)state;
    entry entries[ENTRIES] = { { "train/a/1", PGM("x:0102") }, { "train/b/1", PGM("x:0102") } };
    char *folder = make_folder(entries);
    dataset set;
    said what = read_part(folder, DATASET_TEST, &set);
    assert_int_equal(what.code, CLI_FAILED);
    assert_non_null(strstr(what.line, "no test pictures, wanted t10k-images-idx3-ubyte"));
    put(folder, "test/c/1", PGM("x:0102"));
    what = read_part(folder, DATASET_TEST, &set);
    assert_int_equal(what.code, CLI_FAILED);
    assert_non_null(strstr(what.line, "/test/c: is no class of "));
    folder_remove(folder);
}

static void what_is_no_folder_is_named(void **state)
{
    (void)state;
    dataset set;
    assert_false(dataset_has("samples/nothing", DATASET_TRAIN));
    said what = read_part("samples/nothing", DATASET_TRAIN, &set);
    assert_string_equal(what.line, "inkling: samples/nothing: cannot read: "
                                   "No such file or directory\n");
    what = read_part("samples/digit-3.pgm", DATASET_TRAIN, &set);
    assert_string_equal(what.line, "inkling: samples/digit-3.pgm: is a file, wanted a folder\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_files_are_read_by_all_their_names),
        cmocka_unit_test(lines_of_a_file_name_the_classes),
#ifdef INK_HAVE_ZLIB
        cmocka_unit_test(idx_files_may_be_compressed),
#endif
        cmocka_unit_test(pictures_are_read_in_the_order_of_names),
        cmocka_unit_test(parts_have_the_same_classes),
        cmocka_unit_test(a_class_may_be_called_train),
#ifdef INK_HAVE_PNG
        cmocka_unit_test(png_pictures_are_read),
#endif
        cmocka_unit_test(bad_folders_are_refused),
        cmocka_unit_test(more_than_256_classes_are_refused),
        cmocka_unit_test(a_test_part_must_be_there_and_fit),
        cmocka_unit_test(what_is_no_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
