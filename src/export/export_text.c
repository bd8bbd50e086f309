#include "export/export_text.h"

#include <stdint.h>

/* One character's bytes; 0 where they are none. */
static unsigned character(const uint8_t *at)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned length = *at < 0x80 ? 1 : *at >> 5 == 6 ? 2 : *at >> 4 == 14 ? 3 : *at >> 3 == 30 ? 4 : 0;
    uint32_t value = length == 1 ? *at : *at & (0x7fu >> length);
    for (unsigned i = 1; i < length; i++) {
        if (at[i] >> 6 != 2) /* the text's end too */
            return 0;
        value = value << 6 | (at[i] & 63);
    }
    return length && value >= least[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff) ? length : 0;
}

bool ink_text_is_utf8(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    while (*at) {
        const unsigned length = character(at);
        if (!length)
            return false;
        at += length;
    }
    return true;
}
