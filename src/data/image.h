/* Decoded images: 8-bit RGB, and how to get one from JPEG or PNG bytes.
 *
 * Pixels are what Pillow's Image.open(..).convert("RGB") gives: gray is repeated, a palette is
 * looked up, alpha is dropped without blending, CMYK follows Adobe's inverted convention.
 * One exception: 16-bit gray keeps its high byte (Pillow clips at 255).
 * Embedded colour profiles, gamma and EXIF orientation are not applied, as in Pillow.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_IMAGE_H
#define GR_DATA_IMAGE_H

#include <graft/log.h>
#include <stddef.h>
#include <stdint.h>

/* Limits against decompression bombs: a kilobyte of PNG can announce 2^62 pixels. */
#define GR_IMAGE_MAX_SIDE   65500
#define GR_IMAGE_MAX_PIXELS ((int64_t)1 << 27)

enum { GR_IMAGE_CHANNELS = 3 };

typedef struct gr_image {
    int width, height;
    uint8_t *pixels; /* [height, width, 3], rows without padding; owned, see gr_image_free */
} gr_image;

/* A part of an image, in pixels. */
typedef struct gr_box {
    int x, y, width, height;
} gr_box;

/* Allocates the pixels (not initialised). `name` is whom an error names. */
graft_status gr_image_alloc(graft_log *log, const char *name, int64_t width, int64_t height,
                            gr_image *out);

/* Frees the pixels and zeroes *image. A zeroed image and NULL are accepted. */
void gr_image_free(gr_image *image);

/* Decodes a whole file held in memory; the magic number picks the codec. On failure *out is zero
 * and nothing is to be freed. Truncated data is GRAFT_ERR_FORMAT. */
graft_status gr_image_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                             gr_image *out);

/* Reads and decodes a file. Errors in its content name `name`, the path when NULL. */
graft_status gr_image_load(graft_log *log, const char *path, const char *name, gr_image *out);

#endif
