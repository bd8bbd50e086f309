/* A pickle: what is read can be walked through, and is no longer than it says. */
#include "fuzz.h"

#include "import/torch/pickle.h"

#include <string.h>

/* A value may stand in many places and within itself, so the walk is bounded. */
static void walk(const ink_pickle *value, size_t depth, size_t *left)
{
    if (!*left || depth > 50)
        return;
    --*left;
    FUZZ_CHECK(value->kind <= INK_PICKLE_OBJECT && value->count <= value->capacity);
    if (value->text)
        FUZZ_CHECK(value->text[value->length] == 0);
    if (value->kind == INK_PICKLE_DICT)
        FUZZ_CHECK(value->count % 2 == 0);
    if (value->kind >= INK_PICKLE_PERSISTENT)
        FUZZ_CHECK(value->count >= 1);
    if (value->kind >= INK_PICKLE_CALL)
        FUZZ_CHECK(value->text && value->items[0]->kind == INK_PICKLE_TUPLE);
    for (size_t i = 0; i < value->count; i++)
        walk(value->items[i], depth + 1, left);
    if (value->state)
        walk(value->state, depth + 1, left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_error error;
    const ink_pickle *value;
    size_t used, left = 10000;
    ink_arena_init(&arena, &allocator);
    if (ink_pickle_parse(data, size, &arena, &value, &used, &error)) {
        FUZZ_CHECK(error.text[0] && error.offset <= size);
    } else {
        FUZZ_CHECK(used >= 1 && used <= size && data[used - 1] == '.');
        walk(value, 0, &left);
        (void)ink_pickle_get(value, "state_dict");
    }
    ink_arena_free(&arena);
    return 0;
}
