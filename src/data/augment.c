#include "data/augment.h"

#include "base/log.h"
#include "data/order.h"

graft_status gr_augment_check(graft_log *log, const graft_augment_params *a, const gr_preprocess *p)
{
    bool room = p->mode == GR_RESIZE_CROP || p->resize_to > p->size;
    if (a->crop == GRAFT_CROP_RANDOM && !room)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`augment.crop` random: images resized to %d x %d leave no room; give "
                       "`input.resize_to` more than %d, or `input.resize` crop",
                       p->size, p->size, p->size);
    return GRAFT_OK;
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

bool gr_augment_is_random(const graft_augment_params *a)
{
    const graft_color_jitter *j = &a->color_jitter;
    bool jitter = j->brightness > 0.0 || j->contrast > 0.0 || j->saturation > 0.0 || j->hue > 0.0;
    return a->crop != GRAFT_CROP_NONE || a->flip || a->rand_augment.count > 0 || jitter ||
           a->random_erasing > 0.0 || a->mixup > 0.0 || a->cutmix > 0.0;
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
