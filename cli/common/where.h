/* Where the files are that came with the program: beside it, wherever the whole was put. */
#ifndef INK_CLI_WHERE_H
#define INK_CLI_WHERE_H

/* Once, in main: the name by which the program was called. */
void where_start(const char *argv0);

/* PROGRAM'S FOLDER/relative, links to the program followed; NULL where that folder cannot be found
 * out. free() it. */
char *where_beside(const char *relative);

/* A file or folder that came along, like "models/digits.gguf": of the installation, ../share/inkling beside the program, or of
 * the source tree around a build, in `build/` or in a folder of it. NULL where it is in neither. free() it. */
char *where_shared(const char *relative);

#endif
