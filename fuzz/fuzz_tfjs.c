/* TensorFlow.js' model.json, a NUL, and the bytes of "a.bin": each weight that a draft has is all there. */
#include "fuzz.h"

#include "import/keras/tfjs.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    const size_t length = nul ? (size_t)(nul - data) : size;
    const ink_companion file = { "a.bin", nul ? nul + 1 : data + size, nul ? size - length - 1 : 0 };
    ink_text wanted;
    ink_arena arena;
    ink_draft draft;
    ink_error error = { 0 };
    ink_text_init(&wanted, &allocator);
    ink_arena_init(&arena, &allocator);
    ink_draft_init(&draft, &arena);
    const ink_companions companions = { &file, 1, &wanted };
    const ink_status status = ink_tfjs_is(data, length) ? ink_tfjs_read(data, length, &companions, &draft, &error)
                                                        : INK_ERR_MAGIC;
    FUZZ_CHECK(!status || status == INK_ERR_MAGIC || error.text[0]);
    FUZZ_CHECK(status || !wanted.size);
    for (size_t i = 0; !status && i < draft.weight_count; i++) {
        volatile float last = draft.weights[i].elements ? draft.weights[i].data[draft.weights[i].elements - 1] : 0;
        (void)last;
    }
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    ink_free(&allocator, wanted.data);
    return 0;
}
