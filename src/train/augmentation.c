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

graft_status gr_augmentation_resolve(graft_log *log, const graft_augment_params *s, gr_augment *out)
{
    *out = (gr_augment){.flip = s->flip};
    return resolve_crop(log, s, &out->crop);
}
