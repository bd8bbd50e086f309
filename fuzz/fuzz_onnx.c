/* An ONNX file: what is read is a network that opens or is refused with a reason, and it is written as a file that is
 * read again. A file beside it is given too. */
#include "fuzz.h"

#include "export/onnx_write.h"
#include "import/assemble.h"
#include "import/onnx/onnx.h"

#include <string.h>

enum { MOST_MEMORY = 16 << 20, MOST_MACS = 1 << 22 };

static ink_status read_draft(const uint8_t *data, size_t size, ink_arena *arena, ink_draft *draft)
{
    static const uint8_t beside[64] = { 0, 0, 128, 63 };
    const ink_companion companion = { "m.onnx.data", beside, sizeof beside };
    ink_text wanted;
    ink_error error;
    ink_text_init(&wanted, &arena->allocator);
    const ink_companions companions = { &companion, 1, &wanted };
    ink_draft_init(draft, arena);
    const ink_status status = ink_onnx_read(data, size, &companions, draft, &error);
    FUZZ_CHECK(status == INK_OK || error.text[0]);
    FUZZ_CHECK(status != INK_OK || !draft->fault_count);
    ink_free(&wanted.allocator, wanted.data);
    return status;
}

/* The draft as a model, if it is one. */
static ink_model *open_draft(const ink_draft *draft, ink_arena *arena)
{
    const ink_model_options options = { .size = sizeof options, .output = INK_OUTPUT_AS_WRITTEN,
                                        .max_memory = MOST_MEMORY, .max_macs = MOST_MACS };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_buffer text = { 0 };
    ink_error error;
    FUZZ_CHECK_OK(ink_draft_text(draft, 1, 0, &arena->allocator, &text, &error), error);
    if (!ink_assemble(text.data, text.size, "text", 0, draft->weights, draft->weight_count, &builder, &error))
        FUZZ_CHECK(ink_builder_model(builder, &options, &model, &error) == INK_OK || error.text[0]);
    else
        FUZZ_CHECK(error.text[0]);
    ink_builder_close(&builder);
    ink_buffer_close(&text);
    return model;
}

static void write_and_read(const ink_model *model)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_draft draft;
    ink_buffer file = { 0 };
    ink_error error;
    if (ink_onnx_write(model, &file, &error)) {
        FUZZ_CHECK(error.status == INK_ERR_LAYOUT);
        return;
    }
    ink_arena_init(&arena, &allocator);
    FUZZ_CHECK(read_draft((const uint8_t *)file.data, file.size, &arena, &draft) == INK_OK);
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    ink_buffer_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_draft draft;
    (void)ink_onnx_is(data, size);
    ink_arena_init(&arena, &allocator);
    if (!read_draft(data, size, &arena, &draft)) {
        ink_model *model = open_draft(&draft, &arena);
        if (model)
            write_and_read(model);
        ink_model_close(&model);
    }
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    return 0;
}
