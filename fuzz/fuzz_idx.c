/* IDX: a header that is taken describes exactly the bytes that are there. */
#include "fuzz.h"

#include "inkling.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ink_idx idx;
    ink_error error;
    if (ink_idx_parse(data, size, "input", &idx, &error)) {
        FUZZ_CHECK(strncmp(error.text, "input: ", 7) == 0 && error.offset <= size);
        return 0;
    }
    FUZZ_CHECK(idx.rank >= 1 && idx.rank <= INK_MAX_DIMS && idx.items == idx.dim[0]);
    size_t item_bytes = 1, header = 4 + 4 * (size_t)idx.rank;
    for (uint32_t i = 0; i < idx.rank; i++) {
        const uint8_t *dim = data + 4 + 4 * i;
        FUZZ_CHECK(idx.dim[i] == ((uint32_t)dim[0] << 24 | (uint32_t)dim[1] << 16 |
                                  (uint32_t)dim[2] << 8 | dim[3]));
        FUZZ_CHECK(idx.dim[i] > 0);
        item_bytes *= i ? idx.dim[i] : 1;
    }
    FUZZ_CHECK(idx.item_bytes == item_bytes && idx.data == data + header);
    FUZZ_CHECK(size - header == idx.items * item_bytes);
    volatile uint8_t last = idx.data[idx.items * item_bytes - 1];
    (void)last;
    return 0;
}
