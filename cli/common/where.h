/* Where the files are that came with the program: beside it, wherever the whole was put. */
#ifndef INK_CLI_WHERE_H
#define INK_CLI_WHERE_H

/* Once, in main: the name by which the program was called. */
void where_start(const char *argv0);

/* PROGRAM'S FOLDER/relative, links to the program followed; NULL where that folder cannot be found
 * out. free() it. */
char *where_beside(const char *relative);

#endif
