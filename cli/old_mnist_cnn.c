/* mnist-cnn: the program of ggml's example with the convolutional network. */
#include "common/old_program.h"

int main(int argc, char **argv)
{
    return old_program("mnist-cnn", "MODEL.gguf", argc, argv);
}
