/* mnist: the program of ggml's example with the fully connected network. */
#include "common/old_program.h"

int main(int argc, char **argv)
{
    return old_program("mnist", "MODEL.bin", argc, argv);
}
