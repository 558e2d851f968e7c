#include "data/augment.h"

#include "base/log.h"
#include "data/order.h"

static graft_status check_crop(graft_log *log, const gr_crop_params *crop)
{
    if (crop->kind != GR_CROP_RANDOM_RESIZED)
        return GRAFT_OK;
    if (!(crop->scale[0] > 0.0 && crop->scale[0] <= crop->scale[1] && crop->scale[1] <= 1.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "crop scale %g,%g: expected LEAST,MOST with 0 < LEAST <= MOST <= 1",
                       crop->scale[0], crop->scale[1]);
    if (!(crop->ratio[0] >= 0.01 && crop->ratio[0] <= crop->ratio[1] && crop->ratio[1] <= 100.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "crop ratio %g,%g: expected LEAST,MOST with 0.01 <= LEAST <= MOST <= 100",
                       crop->ratio[0], crop->ratio[1]);
    return GRAFT_OK;
}

graft_status gr_augment_check(graft_log *log, const gr_augment *a)
{
    return check_crop(log, &a->crop);
}

static graft_status random_resized(graft_log *log, const gr_crop_params *crop,
                                   const gr_preprocess *p, gr_random_key key, const gr_image *in,
                                   gr_image *out)
{
    gr_box box = gr_crop_random_resized(crop, key, in->width, in->height);
    gr_image part;
    GR_TRY(gr_crop(log, in, box, &part));
    graft_status status = gr_resize(log, &part, p->size, p->size, p->interpolation, out);
    gr_image_free(&part);
    return status;
}

graft_status gr_augment_image(graft_log *log, const gr_augment *a, const gr_preprocess *p,
                              gr_random_key key, const gr_image *in, gr_image *out)
{
    if (a->crop.kind == GR_CROP_RANDOM_RESIZED)
        GR_TRY(random_resized(log, &a->crop, p, key, in, out));
    else
        GR_TRY(gr_preprocess_resize(log, p, in, out));
    if (a->flip && gr_order_flip(key.seed, key.epoch, key.index))
        gr_flip_horizontal(out);
    return GRAFT_OK;
}
