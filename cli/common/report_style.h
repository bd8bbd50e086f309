/* The style sheet of report pages. */
#ifndef INK_CLI_REPORT_STYLE_H
#define INK_CLI_REPORT_STYLE_H

/* Lines, the last one NULL. */
extern const char *const report_style[];

#endif
