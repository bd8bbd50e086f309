#include "common/exif.h"

#include <stdbool.h>
#include <string.h>

enum { MARKER_SOS = 0xda, MARKER_EOI = 0xd9, MARKER_APP1 = 0xe1, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

/* A part of the file whose numbers have one order. What lies beyond its end reads as 0. */
typedef struct view {
    const uint8_t *data;
    size_t size;
    bool little;
} view;

static uint32_t load(const view *from, size_t at, size_t bytes)
{
    uint32_t value = 0;
    if (at > from->size || bytes > from->size - at)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | from->data[at + (from->little ? bytes - 1 - i : i)];
    return value;
}

/* `tiff` is what stands behind "Exif\0\0": a TIFF file whose first directory has the tag. */
static unsigned orientation_of(const uint8_t *data, size_t size)
{
    view tiff = { data, size, size >= 2 && memcmp(data, "II", 2) == 0 };
    if (size < 8 || (!tiff.little && memcmp(data, "MM", 2) != 0) || load(&tiff, 2, 2) != 42)
        return 1;
    const size_t directory = load(&tiff, 4, 4);
    if (directory < 8 || directory >= size)
        return 1;
    const size_t count = load(&tiff, directory, 2);
    for (size_t i = 0; i < count; i++) {
        const size_t entry = directory + 2 + 12 * i;
        if (entry + 12 > size)
            return 1;
        if (load(&tiff, entry, 2) != TAG_ORIENTATION)
            continue;
        const unsigned value = load(&tiff, entry + 8, 2);
        const bool known = load(&tiff, entry + 2, 2) == TYPE_SHORT && load(&tiff, entry + 4, 4) == 1;
        return known && value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

/* Goes through the segments before the first scan. */
unsigned exif_orientation(const uint8_t *jpeg, size_t size)
{
    const view file = { jpeg, size, false };
    for (size_t at = 2; at + 4 <= size && jpeg[at] == 0xff;) {
        const uint32_t marker = jpeg[at + 1];
        if (marker == 0xff) { /* filling */
            at++;
            continue;
        }
        const size_t length = load(&file, at + 2, 2); /* with its own two bytes */
        if (marker == MARKER_SOS || marker == MARKER_EOI || length < 2 || length > size - at - 2)
            return 1;
        const uint8_t *body = jpeg + at + 4;
        if (marker == MARKER_APP1 && length >= 8 && memcmp(body, "Exif\0", 6) == 0)
            return orientation_of(body + 6, length - 8);
        at += 2 + length;
    }
    return 1;
}
