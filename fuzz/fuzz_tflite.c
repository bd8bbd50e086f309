/* A TensorFlow Lite file: what is read is a network that opens, or one that its operators' rules refuse. */
#include "fuzz.h"

#include "import/assemble.h"
#include "import/tflite/tflite.h"

#include <string.h>

static void open_network(const ink_draft *draft, const ink_allocator *allocator)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_buffer text;
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_error error;
    options.allocator = allocator;
    FUZZ_CHECK_OK(ink_draft_text(draft, 1, 0, allocator, &text, &error), error);
    const ink_status status = ink_assemble(text.data, text.size, "the graph", 0, draft->weights, draft->weight_count,
                                           &builder, &error);
    if (!status && !ink_builder_model(builder, &options, &model, &error))
        FUZZ_CHECK(ink_model_get_info(model)->classes >= 2);
    ink_model_close(&model);
    ink_builder_close(&builder);
    ink_buffer_close(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_draft draft;
    ink_error error;
    ink_arena_init(&arena, &allocator);
    ink_draft_init(&draft, &arena);
    if (ink_tflite_read(data, size, &draft, &error))
        FUZZ_CHECK(error.text[0]);
    else {
        uint64_t elements = 0;
        for (size_t i = 0; i < draft.weight_count; i++)
            elements += draft.weights[i].elements;
        FUZZ_CHECK(elements <= size + (1 << 20)); /* see ink_tflite_read */
        open_network(&draft, &allocator);
    }
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    return 0;
}
