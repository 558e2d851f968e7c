/* Decoded images: 8-bit RGB, and how to get one from the bytes of a file, see codec.h.
 *
 * Pixels are what Pillow's Image.open(..).convert("RGB") gives: gray is repeated, a palette is
 * looked up, alpha is dropped without blending, CMYK follows Adobe's inverted convention.
 * One exception: 16-bit gray keeps its high byte (Pillow clips at 255).
 * EXIF orientation is applied unless options say otherwise (as Pillow's ImageOps.exif_transpose).
 * Embedded colour profiles and gamma are not, as in Pillow.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_IMAGE_H
#define GR_DATA_IMAGE_H

#include <graft/log.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits against decompression bombs: a kilobyte of PNG can announce 2^62 pixels. A file may hold
 * 2^22 pixels and 2^8 for each of its bytes, and 2^27 at most: what real files stay far below. */
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

/* How files are read; zeroed: the defaults. */
typedef struct gr_decode_options {
    bool ignore_exif;   /* leave the image as it lies in the file */
    int64_t max_pixels; /* of a file; 0: as its size allows, see above */
} gr_decode_options;

/* Allocates the pixels (not initialised). `name` is whom an error names. */
graft_status gr_image_alloc(graft_log *log, const char *name, int64_t width, int64_t height,
                            gr_image *out);
graft_status gr_image_alloc_within(graft_log *log, const char *name, int64_t width, int64_t height,
                                   int64_t max_pixels, gr_image *out);

/* Frees the pixels and zeroes *image. A zeroed image and NULL are accepted. */
void gr_image_free(gr_image *image);

/* Decodes a whole file held in memory; the first bytes pick the codec. `options` may be NULL. On
 * failure *out is zero and nothing is to be freed. Truncated data is GRAFT_ERR_FORMAT. */
graft_status gr_image_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                             const gr_decode_options *options, gr_image *out);

/* Reads and decodes a regular file. Errors in its content name `name`, the path when NULL. */
graft_status gr_image_load(graft_log *log, const char *path, const char *name,
                           const gr_decode_options *options, gr_image *out);

#endif
