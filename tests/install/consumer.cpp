// The same in C++.
#include <inkling.h>

#include <cstdio>
#include <vector>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ink_model *model = nullptr;
    ink_session *session = nullptr;
    ink_error error;
    const std::vector<unsigned char> pixels(28 * 28);
    std::vector<float> probability(10);
    if (ink_model_open(argv[1], nullptr, &model, &error) ||
        ink_session_open(model, nullptr, &session, &error) ||
        ink_session_run_u8(session, pixels.data(), 1, probability.data(), &error)) {
        std::fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    std::printf("%s %zu\n", ink_version(), ink_argmax(probability.data(), probability.size()));
    ink_session_close(&session);
    ink_model_close(&model);
}
