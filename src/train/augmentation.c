#include "train/augmentation.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static graft_status read_pair(graft_log *log, const char *option, const char *text, double out[2])
{
    char *end = NULL;
    out[0] = text ? strtod(text, &end) : 0.0;
    bool first = end && end != text && *end == ',';
    const char *second = first ? end + 1 : NULL;
    out[1] = first ? strtod(second, &end) : 0.0;
    if (!first || end == second || *end)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "--%s %s: expected two numbers LEAST,MOST", option,
                       text ? text : "");
    return GRAFT_OK;
}

static graft_status resolve_crop(graft_log *log, const graft_augment_params *s, gr_crop_params *out)
{
    if (!s->crop || !*s->crop || strcmp(s->crop, "none") == 0)
        return GRAFT_OK;
    if (strcmp(s->crop, "random") == 0) {
        out->kind = GR_CROP_RANDOM;
        return GRAFT_OK;
    }
    if (strcmp(s->crop, "random-resized") != 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "crop '%s': expected none, random or random-resized", s->crop);
    out->kind = GR_CROP_RANDOM_RESIZED;
    GR_TRY(read_pair(log, "crop-scale", s->crop_scale, out->scale));
    return read_pair(log, "crop-ratio", s->crop_ratio, out->ratio);
}

static graft_status resolve_mix(graft_log *log, const graft_augment_params *s, gr_mix *out)
{
    if (!(s->mixup >= 0.0 && s->mixup <= 100.0 && s->cutmix >= 0.0 && s->cutmix <= 100.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "mixup %g, cutmix %g: expected 0 to 100", s->mixup,
                       s->cutmix);
    if (!(s->label_smoothing >= 0.0 && s->label_smoothing < 1.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "label smoothing %g: expected 0 to less than 1",
                       s->label_smoothing);
    *out = (gr_mix){s->mixup, s->cutmix, s->label_smoothing};
    return GRAFT_OK;
}

graft_status gr_augmentation_resolve(graft_log *log, const graft_augment_params *s,
                                     gr_augment *augment, gr_mix *mix)
{
    *augment = (gr_augment){.flip = s->flip};
    GR_TRY(resolve_crop(log, s, &augment->crop));
    return resolve_mix(log, s, mix);
}
