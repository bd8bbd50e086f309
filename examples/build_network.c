/* Makes a network in code, saves it as a model file, and runs it from there.
 *
 *     cc -std=c11 build_network.c -o build_network $(pkg-config --cflags --libs inkling)
 *     ./build_network lines.gguf
 *
 * In a tree that was built but not installed:
 *
 *     cc -std=c11 -I../include build_network.c ../build/lib/libinkling.a -lm -lpthread -o build_network
 *
 * The network tells upright lines from level ones in 6x6 pictures. Its weights are written down here; for
 * a network of any size they come from the program that trained it. docs/operators.md lists what nodes
 * there are. The file can be drawn: inkling graph lines.gguf | dot -Tsvg > lines.svg */
#include <inkling.h>

#include <stdio.h>

/* A kernel that answers to an upright line of three pixels, and one for a level line. */
static const float kernels[2 * 3 * 3] = {
    -1, 2, -1, -1, 2, -1, -1, 2, -1,
    -1, -1, -1, 2, 2, 2, -1, -1, -1,
};
static const float bias[2] = { -1, -1 };
static const float dense[2 * 2] = { 1, -1, -1, 1 };

/* Gives true when something failed. */
static int build(ink_builder *b, ink_error *error)
{
    static const uint32_t kernels_shape[4] = { 2, 1, 3, 3 }, bias_shape[1] = { 2 };
    static const uint32_t dense_shape[2] = { 2, 2 };
    static const char *const labels[2] = { "upright", "level" };
    /* Each node reads the one before it unless it says otherwise. A node's tensors are named after it;
     * dimensions are slowest first, as in PyTorch. */
    return ink_builder_node(b, "conv2d", "lines", NULL, "padding=1", error) ||
           ink_builder_node(b, "relu", "only", NULL, NULL, error) ||
           ink_builder_node(b, "global_max_pool2d", "anywhere", NULL, NULL, error) ||
           ink_builder_node(b, "flatten", "flat", NULL, NULL, error) ||
           ink_builder_node(b, "dense", "compare", NULL, NULL, error) ||
           ink_builder_node(b, "softmax", "probabilities", NULL, NULL, error) ||
           ink_builder_tensor(b, "lines.weight", INK_F32, 4, kernels_shape, kernels, error) ||
           ink_builder_tensor(b, "lines.bias", INK_F32, 1, bias_shape, bias, error) ||
           ink_builder_tensor(b, "compare.weight", INK_F32, 2, dense_shape, dense, error) ||
           ink_builder_labels(b, labels, 2, error) ||
           ink_builder_metadata(b, "general.name", "upright or level", error);
}

int main(int argc, char **argv)
{
    static const unsigned char pictures[2][6 * 6] = {
        {   0,   0,   0,   0,   0,   0,
            0,   0,   0, 200,   0,   0,
            0,   0,   0, 255,   0,   0,
            0,   0,   0, 255,  20,   0,
            0,   0,   0, 180,   0,   0,
            0,   0,   0,   0,   0,   0 },
        {   0,   0,   0,   0,   0,   0,
            0,   0,   0,   0,   0,   0,
            0, 150, 255, 255, 255, 100,
            0,   0,  40,   0,   0,   0,
            0,   0,   0,   0,   0,   0,
            0,   0,   0,   0,   0,   0 },
    };
    const char *path = argc > 1 ? argv[1] : "lines.gguf";
    ink_builder *builder = NULL;
    ink_model *built = NULL, *model = NULL;
    ink_session *session = NULL;
    ink_error error;
    float probability[2][2];

    if (ink_builder_open(NULL, 1, 6, 6, 1.0f / 255, 0, &builder, &error) || build(builder, &error) ||
        ink_builder_model(builder, NULL, &built, &error) ||
        ink_model_save(built, path, INK_LAYOUT_INKLING, &error) ||
        ink_model_open(path, NULL, &model, &error) ||
        ink_session_open(model, NULL, &session, &error) ||
        ink_session_run_u8(session, pictures[0], 2, probability[0], &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    const ink_model_info *info = ink_model_get_info(model);
    for (int i = 0; i < 2; i++) {
        const size_t best = ink_argmax(probability[i], 2);
        printf("picture %d: %s %.4f\n", i + 1, info->labels[best], (double)probability[i][best]);
    }
    ink_session_close(&session);
    ink_model_close(&model);
    ink_model_close(&built);
    ink_builder_close(&builder);
    return 0;
}
