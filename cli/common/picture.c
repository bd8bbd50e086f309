#include "common/picture.h"

enum { INK_ABOVE = 230 };

void picture_text(text *to, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++)
            text_add(to, *pixels++ > INK_ABOVE ? "* " : "_ ");
        text_add(to, "\n");
    }
}

void picture_colour(text *to, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    for (uint32_t y = 0; y < height; y += 2) {
        const uint8_t *upper = pixels + (size_t)y * width;
        const uint8_t *lower = y + 1 < height ? upper + width : NULL;
        int last[2] = { -1, -1 };
        for (uint32_t x = 0; x < width; x++) {
            int a = upper[x], b = lower ? lower[x] : 0;
            if (a != last[0])
                text_printf(to, "\033[38;2;%d;%d;%dm", a, a, a);
            if (b != last[1])
                text_printf(to, "\033[48;2;%d;%d;%dm", b, b, b);
            text_add(to, a == b ? " " : "\xe2\x96\x80");
            last[0] = a;
            last[1] = b;
        }
        text_add(to, "\033[0m\n");
    }
}

void picture_bar(text *to, double share, size_t columns, int utf8)
{
    static const char *const part[] = {
        "", "\xe2\x96\x8f", "\xe2\x96\x8e", "\xe2\x96\x8d", "\xe2\x96\x8c", "\xe2\x96\x8b",
        "\xe2\x96\x8a", "\xe2\x96\x89",
    };
    share = share > 0 ? share < 1 ? share : 1 : 0; /* rounding may have gone beyond */
    size_t unit = utf8 ? 8 : 1;
    size_t length = (size_t)(share * (double)(columns * unit) + 0.5);
    text_repeat(to, utf8 ? "\xe2\x96\x88" : "#", length / unit);
    text_add(to, part[length % unit]);
    text_repeat(to, " ", columns - length / unit - (length % unit != 0));
}
