/* A Keras model as JSON, a NUL, and what its weights' shapes are: what becomes a draft is a text that assembles, or
 * is refused in words. libhdf5 is not in it; the mapping is ours. */
#include "fuzz.h"

#include "import/assemble.h"
#include "import/keras/keras_model.h"

#include <string.h>

typedef struct shapes {
    const uint8_t *at, *end;
    ink_arena *arena;
} shapes;

/* Each weight takes a byte for its rank and one for each size; none are left: the file has no more weights. */
static ink_status find(void *context, const ink_keras_place *place, size_t index, const char *role, ink_weight *out,
                       ink_error *error)
{
    shapes *s = context;
    FUZZ_CHECK(place->name && place->outer && place->path && role && index < 16);
    *out = (ink_weight){ .name = role };
    if (s->at == s->end)
        return INK_OK;
    out->rank = *s->at++ % 5u;
    out->elements = 1;
    for (uint32_t i = 0; i < out->rank; i++) {
        out->dim[i] = s->at < s->end ? *s->at++ % 64u : 1;
        out->elements *= out->dim[i];
    }
    if (out->elements > 1 << 16) /* larger ones only take longer */
        return ink_fail(error, INK_ERR_LIMIT, "too large");
    float *data = ink_arena_array(s->arena, out->elements ? (size_t)out->elements : 1, sizeof *data);
    out->data = data;
    return data ? INK_OK : ink_fail(error, INK_ERR_MEMORY, "no memory");
}

static bool has_folder(void *context, const char *path)
{
    (void)context;
    return strlen(path) % 2;
}

/* It may still be no network, as where a kernel is larger than inkling's are. */
static void assemble(const ink_draft *draft, const ink_allocator *allocator)
{
    ink_buffer text = { 0 };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_error error = { 0 };
    FUZZ_CHECK_OK(ink_draft_text(draft, draft->scale, draft->offset, allocator, &text, &error), error);
    if ((uint64_t)draft->channels * draft->height * draft->width < 1 << 16 &&
        !ink_assemble(text.data, text.size, "the graph", 0, draft->weights, draft->weight_count, &builder, &error))
        (void)ink_builder_model(builder, NULL, &model, &error);
    ink_model_close(&model);
    ink_builder_close(&builder);
    ink_buffer_close(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    const size_t length = nul ? (size_t)(nul - data) : size;
    ink_arena arena;
    ink_draft draft;
    ink_error error = { 0 };
    ink_arena_init(&arena, &allocator);
    ink_draft_init(&draft, &arena);
    shapes s = { nul ? nul + 1 : data + size, data + size, &arena };
    const ink_keras_weights weights = { .context = &s, .flipped = length % 2, .find = find, .has = has_folder };
    if (ink_keras_draft((const char *)data, length, NULL, &weights, &draft, &error))
        FUZZ_CHECK(error.text[0]);
    else
        assemble(&draft, &allocator);
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    return 0;
}
