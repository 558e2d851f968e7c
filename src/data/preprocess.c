#include "data/preprocess.h"

#include "base/log.h"

enum { MAX_SIZE = 8192 };

graft_status gr_preprocess_check(graft_log *log, const gr_preprocess *p)
{
    if (p->size < 1 || p->size > MAX_SIZE)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "image size %d: expected 1 to %d", p->size,
                       MAX_SIZE);
    if (!(p->crop_fraction >= 0.0 && p->crop_fraction <= 1.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "crop fraction %g: expected more than 0, at most 1",
                       p->crop_fraction);
    return gr_normalization_check(log, &p->normalization);
}

static graft_status resize_crop(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                gr_image *out)
{
    double fraction = p->crop_fraction > 0.0 ? p->crop_fraction : 1.0;
    double side = p->size / fraction;
    if (side > GR_IMAGE_MAX_SIDE)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "crop fraction %g: too small for image size %d",
                       fraction, p->size);
    GR_TRY(gr_resize_short_side(log, in, (int)side, p->interpolation, out));
    return gr_crop_centre(log, out, p->size, p->size);
}

graft_status gr_preprocess_resize(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                  gr_image *out)
{
    if (p->mode == GR_RESIZE_CROP)
        return resize_crop(log, p, in, out);
    return gr_resize(log, in, p->size, p->size, p->interpolation, out);
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
