/* The programs of ggml's MNIST examples of 2023, by their old names and with their old output. */
#ifndef INK_CLI_OLD_PROGRAM_H
#define INK_CLI_OLD_PROGRAM_H

/* `name` is "mnist" or "mnist-cnn"; `model` says what the first argument is, for the usage. */
int old_program(const char *name, const char *model, int argc, char **argv);

#endif
