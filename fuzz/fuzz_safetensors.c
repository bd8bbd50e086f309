/* A safetensors file: what is read has the elements that its shape says. */
#include "fuzz.h"

#include "import/safetensors.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_error error;
    ink_weight *weights;
    size_t count;
    const char *network;
    ink_arena_init(&arena, &allocator);
    if (ink_safetensors_read(data, size, &arena, &weights, &count, &network, &error)) {
        FUZZ_CHECK(error.text[0]);
        ink_arena_free(&arena);
        return 0;
    }
    uint64_t elements_of_all = 0;
    FUZZ_CHECK(count > 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t elements = 1;
        FUZZ_CHECK(weights[i].rank <= INK_WEIGHT_DIMS && strlen(weights[i].name) < size);
        for (uint32_t d = 0; d < weights[i].rank; d++)
            elements *= weights[i].dim[d];
        FUZZ_CHECK(elements == weights[i].elements);
        volatile float last = elements ? weights[i].data[elements - 1] : 0;
        (void)last;
        elements_of_all += elements;
    }
    FUZZ_CHECK(elements_of_all < size);
    ink_arena_free(&arena);
    return 0;
}
