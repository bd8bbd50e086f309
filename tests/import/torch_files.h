/* Files of torch.save made by hand: pickles from recipes (support.h), in zip archives. */
#ifndef TESTS_TORCH_FILES_H
#define TESTS_TORCH_FILES_H

#include "zip_files.h"

#define ORDERED "t:ccollections x:0a t:OrderedDict x:0a t:)R "
#define STORAGE(type, key) \
    "t:(( t:X 4:7 t:storage t:ctorch x:0a t:" type " x:0a t:X 4:1 t:" key " t:X 4:3 t:cpu t:K 1:6 "
#define TENSOR(type, key, offset, sizes, strides)                                                              \
    "t:ctorch._utils x:0a t:_rebuild_tensor_v2 x:0a " STORAGE(type, key) "t:t t:Q t:J 4:" offset " " sizes       \
    " " strides " x:89 " ORDERED "t:t t:R "
#define PARAMETER(tensor) \
    "t:ctorch._utils x:0a t:_rebuild_parameter x:0a " tensor "x:89 " ORDERED "x:87 t:R "
#define PAIR(a, b) "t:J 4:" a " t:J 4:" b " x:86"
#define ONE(a) "t:J 4:" a " x:85"
#define PICKLE(contents) "x:8002 t:}( " contents "t:u."
#define NAMED(name, value) "x:8c 1:1 t:" name " " value

/* Six floats. */
static const char numbers[] = "f:0 f:1 f:2 f:3 f:4 f:5";

/* A zip archive as torch.save writes it, with the one storage "0". */
static inline blob zip_of(const char *pickle, const char *storage)
{
    zip_entry entries[] = {
        { .name = "net/data.pkl", .data = blob_make(pickle) },
        { .name = "net/byteorder", .data = blob_make("t:little") },
        { .name = "net/data/0", .data = blob_make(storage) },
        { .name = "net/version", .data = blob_make("t:3 x:0a") },
    };
    blob zip = zip_make(entries, sizeof entries / sizeof *entries);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        blob_free(&entries[i].data);
    return zip;
}

#endif
