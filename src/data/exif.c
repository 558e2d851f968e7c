#include "data/exif.h"

#include "base/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4, ENTRY = 12 };

typedef struct reader {
    const uint8_t *bytes;
    size_t size_bytes;
    bool big_endian;
} reader;

/* `count` bytes; 0 behind the end. */
static uint32_t number(const reader *r, size_t at, int count)
{
    uint32_t value = 0;
    if (at > r->size_bytes || r->size_bytes - at < (size_t)count)
        return 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | r->bytes[at + (size_t)(r->big_endian ? i : count - 1 - i)];
    return value;
}

int gr_exif_orientation(const uint8_t *tiff, size_t size_bytes)
{
    reader r = {tiff, size_bytes, size_bytes && tiff[0] == 'M'};
    if (size_bytes < 8 || tiff[0] != tiff[1] || (tiff[0] != 'M' && tiff[0] != 'I') ||
        number(&r, 2, 2) != 42)
        return 1;
    size_t directory = number(&r, 4, 4), entries = number(&r, directory, 2);
    for (size_t i = 0; i < entries; i++) {
        size_t at = directory + 2 + i * ENTRY;
        uint32_t type = number(&r, at + 2, 2);
        if (number(&r, at, 2) != ORIENTATION || (type != SHORT && type != LONG))
            continue;
        uint32_t value = number(&r, at + 8, type == SHORT ? 2 : 4);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Where pixel (x, y) of the upright image is: tags 5 to 8 swap the axes, then each may be mirrored.
 */
graft_status gr_exif_apply(graft_log *log, const char *name, int orientation, gr_image *image)
{
    bool swap = orientation >= 5;
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    if (orientation <= 1)
        return GRAFT_OK;
    gr_image upright = {swap ? image->height : image->width, swap ? image->width : image->height,
                        NULL};
    size_t width = (size_t)image->width, height = (size_t)image->height;
    uint8_t *out = upright.pixels = malloc(width * height * GR_IMAGE_CHANNELS);
    if (!out)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to turn the image", name);
    for (size_t y = 0; y < (size_t)upright.height; y++)
        for (size_t x = 0; x < (size_t)upright.width; x++, out += GR_IMAGE_CHANNELS) {
            size_t sx = swap ? y : x, sy = swap ? x : y;
            sx = mirror_x ? width - 1 - sx : sx;
            sy = mirror_y ? height - 1 - sy : sy;
            memcpy(out, image->pixels + (sy * width + sx) * GR_IMAGE_CHANNELS, GR_IMAGE_CHANNELS);
        }
    gr_image_free(image);
    *image = upright;
    return GRAFT_OK;
}
