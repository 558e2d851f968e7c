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

static bool within(double value, double most)
{
    return value >= 0.0 && value <= most;
}

static graft_status check_changes(graft_log *log, const gr_augment *a)
{
    const gr_rand_augment *r = &a->rand;
    const gr_jitter *j = &a->jitter;
    if (r->count < 0 || r->count > GR_RAND_COUNT_MAX || !within(r->probability, 1.0) ||
        !within(r->magnitude, GR_RAND_MAGNITUDE_MAX) || !within(r->deviation, 100.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "rand-augment m%g-mstd%g-n%d-p%g: expected m 0 to %d, mstd 0 to 100, n 1 to "
                       "%d, p 0 to 1",
                       r->magnitude, r->deviation, r->count, r->probability, GR_RAND_MAGNITUDE_MAX,
                       GR_RAND_COUNT_MAX);
    if (!within(j->brightness, 10.0) || !within(j->contrast, 10.0) ||
        !within(j->saturation, 10.0) || !within(j->hue, 0.5))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "color-jitter %g,%g,%g,%g: expected 0 to 10 for brightness, contrast and "
                       "saturation, 0 to 0.5 for hue",
                       j->brightness, j->contrast, j->saturation, j->hue);
    if (!within(a->erase, 1.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "random-erasing %g: expected 0 to 1", a->erase);
    return GRAFT_OK;
}

graft_status gr_augment_check(graft_log *log, const gr_augment *a, const gr_preprocess *p)
{
    bool room = p->mode == GR_RESIZE_CROP || p->resize_to > p->size;
    if (a->crop.kind == GR_CROP_RANDOM && !room)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "crop random: images resized to %d x %d leave no room; give --resize-to more "
            "than %d, or --resize crop",
            p->size, p->size, p->size);
    GR_TRY(check_changes(log, a));
    return check_crop(log, &a->crop);
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

static graft_status cut(graft_log *log, const gr_augment *a, const gr_preprocess *p,
                        gr_random_key key, const gr_image *in, gr_image *out)
{
    switch (a->crop.kind) {
    case GR_CROP_RANDOM:
        return random_place(log, p, key, in, out);
    case GR_CROP_RANDOM_RESIZED:
        return random_resized(log, &a->crop, p, key, in, out);
    case GR_CROP_NONE:
        break;
    }
    return gr_preprocess_resize(log, p, in, out);
}

static graft_status change(graft_log *log, const gr_augment *a, const gr_preprocess *p,
                           gr_random_key key, gr_image *image)
{
    if (a->flip && gr_order_flip(key.seed, key.epoch, key.index))
        gr_flip_horizontal(image);
    GR_TRY(gr_rand_image(log, &a->rand, p, key, image));
    if (gr_jitter_is_on(&a->jitter))
        gr_jitter_image(&a->jitter, key, image);
    return GRAFT_OK;
}

graft_status gr_augment_image(graft_log *log, const gr_augment *a, const gr_preprocess *p,
                              gr_random_key key, const gr_image *in, gr_image *out)
{
    GR_TRY(cut(log, a, p, key, in, out));
    graft_status status = change(log, a, p, key, out);
    if (status != GRAFT_OK)
        gr_image_free(out);
    return status;
}
