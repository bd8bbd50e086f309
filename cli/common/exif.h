/* How a camera was held: the one thing of Exif (CIPA DC-008) that changes how a picture is read. */
#ifndef INK_CLI_EXIF_H
#define INK_CLI_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation of a JPEG file, 1 to 8. 1, which is upright, too where the file has none or an odd one. */
unsigned exif_orientation(const uint8_t *jpeg, size_t size);

#endif
