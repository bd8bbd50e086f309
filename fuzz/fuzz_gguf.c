/* GGUF: the container alone, read and written twice, then as a model in every way there is. */
#include "use_model.h"

#include "formats/gguf.h"

/* What was read is written so that reading and writing it again changes nothing. */
static void read_and_write(const uint8_t *data, size_t size)
{
    ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_gguf file;
    ink_error error;
    ink_buffer once = { 0 }, twice = { 0 };
    ink_arena_init(&arena, &allocator);
    if (ink_gguf_read(data, size, &arena, &file, &error) == INK_OK) {
        FUZZ_CHECK(ink_gguf_is(data, size));
        FUZZ_CHECK_OK(ink_gguf_write(&file, &allocator, &once, &error), error);
        ink_gguf again;
        FUZZ_CHECK_OK(ink_gguf_read(once.data, once.size, &arena, &again, &error), error);
        for (size_t i = 0; i < file.metadata_count; i++)
            FUZZ_CHECK(ink_gguf_find(&again, file.metadata[i].key) == &again.metadata[i]);
        for (size_t i = 0; i < file.tensor_count; i++) {
            const ink_tensor_info *a = &file.tensors[i], *b = &again.tensors[i];
            FUZZ_CHECK(ink_gguf_tensor(&again, a->name) == b);
            FUZZ_CHECK(a->bytes == b->bytes && !memcmp(a->data, b->data, (size_t)a->bytes));
        }
        FUZZ_CHECK_OK(ink_gguf_write(&again, &allocator, &twice, &error), error);
        FUZZ_CHECK(twice.size == once.size && !memcmp(twice.data, once.data, once.size));
    } else {
        FUZZ_CHECK(error.offset <= size);
    }
    ink_buffer_close(&twice);
    ink_buffer_close(&once);
    ink_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_write(data, size);
    fuzz_use_model(data, size);
    return 0;
}
