#include "data/image.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

graft_status gr_image_alloc(graft_log *log, const char *name, int64_t width, int64_t height,
                            gr_image *out)
{
    *out = (gr_image){0};
    if (width < 1 || height < 1 || width > GR_IMAGE_MAX_SIDE || height > GR_IMAGE_MAX_SIDE ||
        width * height > GR_IMAGE_MAX_PIXELS)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: image of %lld x %lld pixels; sides of 1 to %d and at most %lld pixels "
                       "are accepted",
                       name, (long long)width, (long long)height, GR_IMAGE_MAX_SIDE,
                       (long long)GR_IMAGE_MAX_PIXELS);
    out->pixels = malloc((size_t)(width * height) * GR_IMAGE_CHANNELS);
    if (!out->pixels)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for an image of %lld x %lld pixels",
                       name, (long long)width, (long long)height);
    out->width = (int)width;
    out->height = (int)height;
    return GRAFT_OK;
}

void gr_image_free(gr_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    *image = (gr_image){0};
}

static bool starts_with(const void *bytes, size_t size_bytes, const char *magic, size_t length)
{
    return size_bytes >= length && !memcmp(bytes, magic, length);
}

graft_status gr_image_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                             gr_image *out)
{
    *out = (gr_image){0};
    if (size_bytes == 0)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: the image file is empty", name);
    if (starts_with(bytes, size_bytes, "\xFF\xD8\xFF", 3))
        return gr_jpeg_decode(log, name, bytes, size_bytes, out);
    if (starts_with(bytes, size_bytes, "\x89PNG\r\n\x1A\n", 8))
        return gr_png_decode(log, name, bytes, size_bytes, out);
    return gr_fail(log, GRAFT_ERR_FORMAT,
                   "%s: neither a JPEG nor a PNG file (by its first bytes); convert or remove it",
                   name);
}

graft_status gr_image_load(graft_log *log, const char *path, const char *name, gr_image *out)
{
    char *bytes = NULL;
    size_t size_bytes = 0;
    *out = (gr_image){0};
    GR_TRY(gr_file_read(log, NULL, path, &bytes, &size_bytes));
    graft_status status = gr_image_decode(log, name ? name : path, bytes, size_bytes, out);
    gr_free(bytes);
    return status;
}
