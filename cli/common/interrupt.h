/* The signals that end us: seen, so that what is half done can be put away and told about. */
#ifndef INK_CLI_INTERRUPT_H
#define INK_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on; a second one ends us. Files that are written leave the signals to us (out_file.h). */
void interrupt_watch(void);
bool interrupt_seen(void);
/* Ends us as the signal would have. */
void interrupt_end(void);

#endif
