#include "common/html.h"

#include "common/png_out.h"

#include <stdlib.h>
#include <string.h>

void html_text(text *to, const char *string)
{
    text masked = { 0 };
    text_masked(&masked, string);
    for (const char *at = text_string(&masked); *at;) {
        uint32_t code = 0;
        size_t length = utf8_decode(at, &code);
        switch (code) {
        case '&': text_add(to, "&amp;"); break;
        case '<': text_add(to, "&lt;"); break;
        case '>': text_add(to, "&gt;"); break;
        case '"': text_add(to, "&quot;"); break;
        case '\'': text_add(to, "&#39;"); break;
        case 0xfffe: /* no characters of XML */
        case 0xffff: text_add(to, "?"); break;
        default: text_bytes(to, at, length);
        }
        at += length;
    }
    text_free(&masked);
}

static void put_base64(text *to, const text *from)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < from->size; i += 3) {
        uint32_t bits = 0;
        size_t left = from->size - i < 3 ? from->size - i : 3;
        for (size_t j = 0; j < left; j++)
            bits |= (uint32_t)(uint8_t)from->data[i + j] << (16 - 8 * j);
        char four[4];
        for (size_t j = 0; j < 4; j++)
            four[j] = j <= left ? digits[bits >> (18 - 6 * j) & 63] : '=';
        text_bytes(to, four, sizeof four);
    }
}

void html_picture(text *to, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    text png = { 0 };
    png_grey(&png, pixels, height, width);
    text_add(to, "data:image/png;base64,");
    put_base64(to, &png);
    text_free(&png);
}
