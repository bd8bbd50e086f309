/* The two forms of a dataset's folder. For dataset.c, which tells them apart. */
#ifndef INK_CLI_DATASET_FORMS_H
#define INK_CLI_DATASET_FORMS_H

#include "common/dataset.h"

/* Whether the folder has files of this form, of that part. */
bool dataset_idx_has(const char *folder, dataset_part part);
bool dataset_tree_has(const char *folder, dataset_part part);

/* Each is called only where the part is there, and fills what it can before it fails. */
int dataset_idx_read(const char *folder, dataset_part part, dataset *out);
int dataset_tree_read(const char *folder, dataset_part part, dataset *out);

/* Takes over `names`, an array of blocks of its own, as the names of the classes. `where` names
 * the file or folder that they are from. */
int dataset_take_names(dataset *to, char **names, size_t count, const char *where);

#endif
