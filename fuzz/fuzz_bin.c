/* The legacy .bin: the container alone, then as a model in every way there is. */
#include "use_model.h"

#include "formats/ggml_bin.h"

/* The format leaves no choice: what was read is written as the same bytes. */
static void read_and_write(const uint8_t *data, size_t size)
{
    ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_tensor_info tensors[INK_GGML_BIN_TENSORS];
    ink_error error;
    if (ink_ggml_bin_read(data, size, tensors, &error) == INK_OK) {
        ink_buffer written = { 0 };
        FUZZ_CHECK(ink_ggml_bin_is(data, size));
        FUZZ_CHECK_OK(ink_ggml_bin_write(tensors, &allocator, &written, &error), error);
        FUZZ_CHECK(written.size == size && !memcmp(written.data, data, size));
        ink_buffer_close(&written);
    } else {
        FUZZ_CHECK(error.offset <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_write(data, size);
    fuzz_use_model(data, size);
    return 0;
}
