#include "data/augment.h"

#include "base/log.h"
#include "data/order.h"
#include "settings/augment_text.h"

static graft_status check_crop(graft_log *log, const graft_augment_params *a)
{
    graft_range scale = a->crop_scale, ratio = a->crop_ratio;
    if (a->crop != GRAFT_CROP_RANDOM_RESIZED)
        return GRAFT_OK;
    if (!(scale.min > 0.0 && scale.min <= scale.max && scale.max <= 1.0))
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "`augment.crop_scale` %g,%g: expected LEAST,MOST with 0 < LEAST <= MOST <= 1",
            scale.min, scale.max);
    if (!(ratio.min >= 0.01 && ratio.min <= ratio.max && ratio.max <= 100.0))
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "`augment.crop_ratio` %g,%g: expected LEAST,MOST with 0.01 <= LEAST <= MOST <= 100",
            ratio.min, ratio.max);
    return GRAFT_OK;
}

static graft_status check_changes(graft_log *log, const graft_augment_params *a)
{
    char text[GRAFT_SETTING_TEXT_SIZE];
    if (!gr_rand_augment_fits(&a->rand_augment)) {
        gr_rand_augment_text(&a->rand_augment, text);
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "`augment.rand_augment` %s: expected m 0 to 10, mstd 0 to 100, n 1 to 16, p 0 "
            "to 1",
            text);
    }
    if (!gr_color_jitter_fits(&a->color_jitter)) {
        gr_color_jitter_text(&a->color_jitter, text);
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`augment.color_jitter` %s: expected 0 to 10 for brightness, contrast and "
                       "saturation, 0 to 0.5 for the hue",
                       text);
    }
    if (!(a->random_erasing >= 0.0 && a->random_erasing <= 1.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`augment.random_erasing` %g: expected 0 to 1",
                       a->random_erasing);
    return GRAFT_OK;
}

graft_status gr_augment_check(graft_log *log, const graft_augment_params *a, const gr_preprocess *p)
{
    bool room = p->mode == GR_RESIZE_CROP || p->resize_to > p->size;
    if (a->crop == GRAFT_CROP_RANDOM && !room)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`augment.crop` random: images resized to %d x %d leave no room; give "
                       "`input.resize_to` more than %d, or `input.resize` crop",
                       p->size, p->size, p->size);
    GR_TRY(check_changes(log, a));
    return check_crop(log, a);
}

static graft_status random_place(graft_log *log, const gr_preprocess *p, gr_random_key key,
                                 const gr_image *in, gr_image *out)
{
    gr_image scaled;
    GR_TRY(gr_preprocess_scale(log, p, in, &scaled));
    gr_box box = gr_crop_random(key, p->size, scaled.width, scaled.height);
    graft_status status = gr_crop(log, &scaled, box, out);
    gr_image_free(&scaled);
    return status;
}

static graft_status random_resized(graft_log *log, const graft_augment_params *a,
                                   const gr_preprocess *p, gr_random_key key, const gr_image *in,
                                   gr_image *out)
{
    gr_box box = gr_crop_random_resized(a, key, in->width, in->height);
    gr_image part;
    GR_TRY(gr_crop(log, in, box, &part));
    graft_status status = gr_resize(log, &part, p->size, p->size, p->interpolation, out);
    gr_image_free(&part);
    return status;
}

static graft_status cut(graft_log *log, const graft_augment_params *a, const gr_preprocess *p,
                        gr_random_key key, const gr_image *in, gr_image *out)
{
    switch (a->crop) {
    case GRAFT_CROP_RANDOM:
        return random_place(log, p, key, in, out);
    case GRAFT_CROP_RANDOM_RESIZED:
        return random_resized(log, a, p, key, in, out);
    case GRAFT_CROP_NONE:
        break;
    }
    return gr_preprocess_resize(log, p, in, out);
}

static graft_status change(graft_log *log, const graft_augment_params *a, const gr_preprocess *p,
                           gr_random_key key, gr_image *image)
{
    if (a->flip && gr_order_flip(key.seed, key.epoch, key.index))
        gr_flip_horizontal(image);
    GR_TRY(gr_rand_image(log, &a->rand_augment, p, key, image));
    if (gr_jitter_is_on(&a->color_jitter))
        gr_jitter_image(&a->color_jitter, key, image);
    return GRAFT_OK;
}

graft_status gr_augment_image(graft_log *log, const graft_augment_params *a, const gr_preprocess *p,
                              gr_random_key key, const gr_image *in, gr_image *out)
{
    GR_TRY(cut(log, a, p, key, in, out));
    graft_status status = change(log, a, p, key, out);
    if (status != GRAFT_OK)
        gr_image_free(out);
    return status;
}
