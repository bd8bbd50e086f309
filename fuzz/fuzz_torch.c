/* A file of torch.save: each tensor at the top is read or refused, and what is read lies within its storage. */
#include "fuzz.h"

#include "import/torch/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_error error;
    ink_torch_file file;
    ink_arena_init(&arena, &allocator);
    if (ink_torch_open(data, size, &arena, &file, &error)) {
        FUZZ_CHECK(error.text[0]);
        ink_arena_free(&arena);
        return 0;
    }
    const ink_pickle *root = file.root;
    for (size_t i = 0; root->kind == INK_PICKLE_DICT && i < root->count && i < 100; i += 2) {
        ink_weight weight;
        if (ink_torch_tensor(&file, root->items[i + 1], "tensor", &weight, &error)) {
            FUZZ_CHECK(error.text[0]);
            continue;
        }
        FUZZ_CHECK(ink_torch_is_tensor(root->items[i + 1]) && weight.rank <= INK_WEIGHT_DIMS);
        uint64_t elements = 1;
        for (uint32_t d = 0; d < weight.rank; d++)
            elements *= weight.dim[d];
        FUZZ_CHECK(elements == weight.elements);
        volatile float last = elements ? weight.data[elements - 1] : 0;
        (void)last;
    }
    ink_torch_close(&file);
    ink_arena_free(&arena);
    return 0;
}
