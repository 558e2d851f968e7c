/* The formats of image files: one table, and what each codec has to do.
 *
 * A codec decodes a whole file in memory to 8-bit RGB, as image.h says. It asks gr_image_alloc()
 * for the pixels, which keeps to the budget, before it asks its library for memory of that size.
 */
#ifndef GR_DATA_CODEC_H
#define GR_DATA_CODEC_H

#include "data/image.h"
#include <stdbool.h>

typedef struct gr_decode_job {
    graft_log *log;
    const char *name; /* whom errors name */
    const uint8_t *bytes;
    size_t size_bytes;
    int64_t max_pixels;
} gr_decode_job;

typedef struct gr_codec {
    const char *name;                                    /* "JPEG" */
    const char *const *endings;                          /* of file names, ".jpg"; ends with NULL */
    bool (*is)(const uint8_t *bytes, size_t size_bytes); /* by the first bytes, GR_CODEC_HEAD of
                                                          * them at most */
    /* On failure *out may hold pixels: the caller frees them. */
    graft_status (*decode)(const gr_decode_job *job, gr_image *out);
    /* EXIF's tag, 1 to 8; NULL: the format has none, or its library turns images itself. */
    int (*orientation)(const uint8_t *bytes, size_t size_bytes);
} gr_codec;

enum { GR_CODEC_HEAD = 32 };

/* Codec `index` of this build; NULL: there is none. */
const gr_codec *gr_codec_at(int index);

/* The codec of a file, by its first bytes; NULL: none. */
const gr_codec *gr_codec_of(const uint8_t *bytes, size_t size_bytes);

/* "neither a JPEG nor a PNG file .." for bytes that no codec takes, naming a format that is known
 * but not read. */
graft_status gr_codec_refuse(graft_log *log, const char *name, const uint8_t *bytes,
                             size_t size_bytes);

extern const gr_codec gr_codec_jpeg, gr_codec_png, gr_codec_bmp;
extern const gr_codec gr_codec_webp, gr_codec_gif, gr_codec_tiff, gr_codec_heif; /* where they are built in */

#endif
