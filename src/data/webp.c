#include "data/codec.h"

#include "base/log.h"
#include "data/exif.h"

#include <string.h>
#include <webp/decode.h>

static bool is_webp(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 12 && !memcmp(bytes, "RIFF", 4) && !memcmp(bytes + 8, "WEBP", 4);
}

static graft_status decode_webp(const gr_decode_job *job, gr_image *out)
{
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(job->bytes, job->size_bytes, &features) != VP8_STATUS_OK)
        return gr_fail(job->log, GRAFT_ERR_FORMAT, "%s: the WebP data is damaged or truncated",
                       job->name);
    if (features.has_animation)
        return gr_fail(job->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: an animated WebP; make a still image of it", job->name);
    GR_TRY(gr_image_alloc_within(job->log, job->name, features.width, features.height,
                                 job->max_pixels, out));
    size_t stride = (size_t)out->width * GR_IMAGE_CHANNELS;
    if (WebPDecodeRGBInto(job->bytes, job->size_bytes, out->pixels, stride * (size_t)out->height,
                          (int)stride))
        return GRAFT_OK;
    return gr_fail(job->log, GRAFT_ERR_FORMAT, "%s: the WebP data is damaged or truncated",
                   job->name);
}

static size_t little_endian(const uint8_t *bytes)
{
    return (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 |
           (size_t)bytes[3] << 24;
}

/* Of the chunk EXIF, which some writers begin as JPEG does. */
static int webp_orientation(const uint8_t *bytes, size_t size_bytes)
{
    enum { START = 12, HEADER = 8, EXIF = 6 };
    size_t at = START;
    while (size_bytes >= at + HEADER) {
        size_t length = little_endian(bytes + at + 4);
        const uint8_t *data = bytes + at + HEADER;
        if (length > size_bytes - at - HEADER)
            return 1;
        if (!memcmp(bytes + at, "EXIF", 4)) {
            size_t skip = length >= EXIF && !memcmp(data, "Exif\0\0", EXIF) ? EXIF : 0;
            return gr_exif_orientation(data + skip, length - skip);
        }
        at += HEADER + length + length % 2;
    }
    return 1;
}

static const char *const endings[] = {".webp", NULL};

const gr_codec gr_codec_webp = {
    .name = "WebP",
    .endings = endings,
    .is = is_webp,
    .decode = decode_webp,
    .orientation = webp_orientation,
};
