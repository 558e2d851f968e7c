#include "data/image.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/exif.h"

#include <stdlib.h>

graft_status gr_image_alloc_within(graft_log *log, const char *name, int64_t width, int64_t height,
                                   int64_t max_pixels, gr_image *out)
{
    *out = (gr_image){0};
    if (width < 1 || height < 1 || width > GR_IMAGE_MAX_SIDE || height > GR_IMAGE_MAX_SIDE ||
        width * height > max_pixels)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: image of %lld x %lld pixels; expected sides of 1 to %d and, of such a "
                       "file, at most %lld pixels (`input.max_pixels`)",
                       name, (long long)width, (long long)height, GR_IMAGE_MAX_SIDE,
                       (long long)max_pixels);
    out->pixels = malloc((size_t)(width * height) * GR_IMAGE_CHANNELS);
    if (!out->pixels)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for an image of %lld x %lld pixels",
                       name, (long long)width, (long long)height);
    out->width = (int)width;
    out->height = (int)height;
    return GRAFT_OK;
}

graft_status gr_image_alloc(graft_log *log, const char *name, int64_t width, int64_t height,
                            gr_image *out)
{
    return gr_image_alloc_within(log, name, width, height, GR_IMAGE_MAX_PIXELS, out);
}

void gr_image_free(gr_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    *image = (gr_image){0};
}

/* What an honest file of that size can hold. */
static int64_t pixel_budget(size_t size_bytes)
{
    const int64_t base = 1 << 22, of_a_byte = 1 << 8;
    if (size_bytes > (size_t)(GR_IMAGE_MAX_PIXELS / of_a_byte))
        return GR_IMAGE_MAX_PIXELS;
    int64_t pixels = base + of_a_byte * (int64_t)size_bytes;
    return pixels < GR_IMAGE_MAX_PIXELS ? pixels : GR_IMAGE_MAX_PIXELS;
}

graft_status gr_image_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                             const gr_decode_options *options, gr_image *out)
{
    gr_decode_options o = options ? *options : (gr_decode_options){0};
    gr_decode_job job = {log, name, bytes, size_bytes,
                         o.max_pixels ? o.max_pixels : pixel_budget(size_bytes)};
    const gr_codec *codec = gr_codec_of(bytes, size_bytes);
    *out = (gr_image){0};
    if (!codec)
        return gr_codec_refuse(log, name, bytes, size_bytes);
    graft_status status = codec->decode(&job, out);
    if (status == GRAFT_OK && codec->orientation && !o.ignore_exif)
        status = gr_exif_apply(log, name, codec->orientation(bytes, size_bytes), out);
    if (status != GRAFT_OK)
        gr_image_free(out);
    return status;
}

graft_status gr_image_load(graft_log *log, const char *path, const char *name,
                           const gr_decode_options *options, gr_image *out)
{
    char *bytes = NULL;
    size_t size_bytes = 0;
    uint8_t head[GR_CODEC_HEAD];
    *out = (gr_image){0};
    GR_TRY(gr_file_read_head(log, path, head, sizeof(head), &size_bytes));
    if (!gr_codec_of(head, size_bytes)) /* whatever it is, it may be endless */
        return gr_codec_refuse(log, name ? name : path, head, size_bytes);
    GR_TRY(gr_file_read(log, NULL, path, &bytes, &size_bytes));
    graft_status status = gr_image_decode(log, name ? name : path, bytes, size_bytes, options, out);
    gr_free(bytes);
    return status;
}
