#include "data/pixels.h"

#include "base/log.h"

#include <string.h>

static graft_status check_pixels(graft_log *log, const graft_pixels *p, int i, size_t row_bytes)
{
    if (p->data && (p->channels == 3 || p->channels == 4) && p->width >= 1 && p->height >= 1 &&
        row_bytes >= (size_t)p->width * (size_t)p->channels)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "image %d: %d x %d pixels of %d channels in rows of %zu bytes%s; expected data "
                   "of 3 or 4 channels",
                   i, p->width, p->height, p->channels, row_bytes, p->data ? "" : " at NULL");
}

graft_status gr_image_from_pixels(graft_log *log, const graft_pixels *from, int index,
                                  gr_image *out)
{
    size_t channels = (size_t)from->channels;
    size_t row_bytes = from->row_bytes ? from->row_bytes : (size_t)from->width * channels;
    GR_TRY(check_pixels(log, from, index, row_bytes));
    GR_TRY(gr_image_alloc(log, "image", from->width, from->height, out));
    uint8_t *to = out->pixels;
    for (int y = 0; y < from->height; y++)
        for (int x = 0; x < from->width; x++, to += GR_IMAGE_CHANNELS)
            memcpy(to, from->data + (size_t)y * row_bytes + (size_t)x * channels,
                   GR_IMAGE_CHANNELS);
    return GRAFT_OK;
}
