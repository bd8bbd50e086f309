/* The graph of a model as a file: .dot, or drawn by graphviz. */
#ifndef INK_CLI_GRAPH_FILE_H
#define INK_CLI_GRAPH_FILE_H

#include "common/out_file.h"

#include "inkling.h"

/* CLI_USAGE and a line when the name's suffix is none that we can write. */
int graph_check_name(const char *option, const char *path);

/* Draws into a file that out_file_commit puts in place; close it in any case. */
int graph_begin(const ink_model *model, ink_dot what, const ink_session *session, const char *path,
                out_file *out);

#endif
