#include "data/preprocess.h"

#include "base/log.h"

enum { MAX_SIZE = 8192 };

graft_status gr_preprocess_check(graft_log *log, const gr_preprocess *p)
{
    if (p->size < 1 || p->size > MAX_SIZE)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "image size %d: expected 1 to %d", p->size,
                       MAX_SIZE);
    if (p->resize_to && (p->resize_to < p->size || p->resize_to > MAX_SIZE))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "resize to %d pixels: expected %d, the image size, to %d", p->resize_to,
                       p->size, MAX_SIZE);
    return gr_normalization_check(log, &p->normalization);
}

gr_preprocess_geometry gr_preprocess_geometry_of(const gr_preprocess *p, int width, int height)
{
    int side = p->resize_to ? p->resize_to : p->size;
    gr_preprocess_geometry to = {side, side, 0, 0};
    if (p->mode == GR_RESIZE_CROP)
        gr_short_side_size(width, height, side, &to.width, &to.height);
    to.x = gr_crop_centre_offset(to.width, p->size);
    to.y = gr_crop_centre_offset(to.height, p->size);
    return to;
}

graft_status gr_preprocess_scale(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                 gr_image *out)
{
    gr_preprocess_geometry to = gr_preprocess_geometry_of(p, in->width, in->height);
    return gr_resize(log, in, to.width, to.height, p->interpolation, out);
}

graft_status gr_preprocess_resize(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                  gr_image *out)
{
    GR_TRY(gr_preprocess_scale(log, p, in, out));
    graft_status status = gr_crop_centre(log, out, p->size, p->size);
    if (status != GRAFT_OK)
        gr_image_free(out);
    return status;
}

graft_status gr_preprocess_image(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                 float *out)
{
    GR_TRY(gr_preprocess_check(log, p));
    gr_image resized;
    GR_TRY(gr_preprocess_resize(log, p, in, &resized));
    gr_normalize(&p->normalization, resized.pixels, (size_t)p->size * (size_t)p->size, out);
    gr_image_free(&resized);
    return GRAFT_OK;
}
