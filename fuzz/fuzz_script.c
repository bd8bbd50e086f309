/* The text of a TorchScript module's methods: it ends, and what is taken is a draft whose nodes have their weights. */
#include "fuzz.h"

#include "import/torch/script_graph.h"

#include <string.h>

#define GLOBAL(module, name) "c" module "\n" name "\n"
#define TENSOR(sizes, strides) \
    GLOBAL("torch._utils", "_rebuild_tensor_v2") "((\x8c\x07storage" GLOBAL("torch", "FloatStorage") \
    "\x8c\x01" "0\x8c\x03" "cpuK\x02tQK\0" sizes strides "\x89" GLOBAL("collections", "OrderedDict") ")RtR"
#define FOUR(a, b, c, d) "(K" a "K" b "K" c "K" d "t"

/* Net of w (3, 784), c (2, 1, 3, 3), v (2), and itself as m. */
static const char module[] =
    "\x80\x02" GLOBAL("__torch__", "Net") ")\x81q\0}(\x8c\x08training\x88\x8c\x01w"
    TENSOR("K\3M\x10\3\x86", "K\0K\0\x86") "\x8c\x01" "c" TENSOR(FOUR("\2", "\1", "\3", "\3"), FOUR("\0", "\0", "\0", "\0"))
    "\x8c\x01v" TENSOR("K\2\x85", "K\0\x85") "\x8c\x01mh\0ub.";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t numbers[8] = { 0, 0, 0x80, 0x3f, 0, 0, 0, 0x3f };
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_error error;
    ink_draft draft;
    ink_torch_storage storage = { "0", numbers, sizeof numbers };
    size_t used;
    ink_arena_init(&arena, &allocator);
    ink_torch_file file = { .arena = &arena, .storages = &storage, .storage_count = 1, .storage_room = 1, .script = true };
    FUZZ_CHECK(!ink_pickle_parse((const uint8_t *)module, sizeof module - 1, &arena, &file.root, &used, &error));
    ink_draft_init(&draft, &arena);
    ink_status status = ink_script_draft_by(&file, "__torch__", data, size, &draft, &error);
    if (!status)
        status = ink_draft_finish(&draft, &error);
    FUZZ_CHECK(!status || error.text[0]);
    for (size_t i = 0; !status && i < draft.weight_count; i++) {
        const ink_weight *w = &draft.weights[i];
        uint64_t elements = 1;
        for (uint32_t d = 0; d < w->rank; d++)
            elements *= w->dim[d];
        FUZZ_CHECK(elements == w->elements);
        volatile float last = elements ? w->data[elements - 1] : 0;
        (void)last;
    }
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    return 0;
}
