#include "common/png_out.h"

#include <stdlib.h>

#ifdef INK_HAVE_ZLIB
#include <zlib.h>
#endif

static void put_u32be(text *to, uint32_t value)
{
    uint8_t b[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                     (uint8_t)value };
    text_bytes(to, b, sizeof b);
}

static uint32_t crc32_of(const char *data, size_t size)
{
    uint32_t table[256], crc = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ (uint8_t)data[i]) & 0xff];
    return ~crc;
}

static uint32_t adler32_of(const char *data, size_t size)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + (uint8_t)data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_chunk(text *to, const char *kind, const text *body)
{
    put_u32be(to, (uint32_t)body->size);
    size_t start = to->size;
    text_add(to, kind);
    text_bytes(to, text_string(body), body->size);
    put_u32be(to, crc32_of(to->data + start, to->size - start));
}

static void put_stored(text *to, const text *raw)
{
    text_bytes(to, "\x78\x01", 2); /* zlib's header */
    for (size_t at = 0, size; at < raw->size; at += size) {
        size = raw->size - at < 65535 ? raw->size - at : 65535;
        uint8_t head[5] = { at + size == raw->size, (uint8_t)size, (uint8_t)(size >> 8),
                            (uint8_t)~size, (uint8_t)(~size >> 8) };
        text_bytes(to, head, sizeof head);
        text_bytes(to, raw->data + at, size);
    }
    put_u32be(to, adler32_of(text_string(raw), raw->size));
}

/* Nothing where there is no zlib. */
static void put_deflated(text *to, const text *raw)
{
#ifdef INK_HAVE_ZLIB
    uLongf size = compressBound((uLong)raw->size);
    uint8_t *packed = must_alloc(size, 1);
    if (compress2(packed, &size, (const Bytef *)text_string(raw), (uLong)raw->size, 6) == Z_OK)
        text_bytes(to, packed, size);
    free(packed);
#else
    (void)to;
    (void)raw;
#endif
}

static void put_file(text *to, const text *rows, const text *compressed, uint32_t height, uint32_t width,
                     uint8_t colour)
{
    const uint8_t kind[] = { 8, colour, 0, 0, 0 }; /* depth; colour, compression, filter, order */
    text header = { 0 }, stored = { 0 }, nothing = { 0 };
    put_u32be(&header, width);
    put_u32be(&header, height);
    text_bytes(&header, kind, sizeof kind);
    if (!compressed->size)
        put_stored(&stored, rows);
    text_bytes(to, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(to, "IHDR", &header);
    put_chunk(to, "IDAT", compressed->size ? compressed : &stored);
    put_chunk(to, "IEND", &nothing);
    text_free(&header);
    text_free(&stored);
}

void png_grey(text *to, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    text rows = { 0 }, nothing = { 0 };
    for (uint32_t y = 0; y < height; y++) {
        text_bytes(&rows, "", 1); /* no filter */
        text_bytes(&rows, pixels + (size_t)y * width, width);
    }
    put_file(to, &rows, &nothing, height, width, 0);
    text_free(&rows);
}

void png_rgb(text *to, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    const size_t row_bytes = (size_t)width * 3;
    text rows = { 0 }, compressed = { 0 };
    uint8_t *filtered = must_alloc(row_bytes + 1, 1);
    filtered[0] = 1; /* what differs from the pixel to the left */
    for (uint32_t y = 0; y < height; y++, pixels += row_bytes) {
        for (size_t i = 0; i < row_bytes; i++)
            filtered[i + 1] = (uint8_t)(pixels[i] - (i < 3 ? 0 : pixels[i - 3]));
        text_bytes(&rows, filtered, row_bytes + 1);
    }
    put_deflated(&compressed, &rows);
    put_file(to, &rows, &compressed, height, width, 2);
    free(filtered);
    text_free(&rows);
    text_free(&compressed);
}
