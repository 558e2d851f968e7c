#include "data/augment_rand.h"

#include "base/log.h"
#include "data/enhance.h"
#include "data/tone.h"
#include "data/warp.h"

#include <math.h>

enum { STREAM_RAND = 0x72616e64 };

/* 1 is no change, and 0.1 the least. */
static double factor_of(double level, bool increasing, bool negative)
{
    if (!increasing)
        return level * 1.8 + 0.1;
    double factor = 1.0 + (negative ? -level : level) * 0.9;
    return factor < 0.1 ? 0.1 : factor;
}

double gr_rand_argument(gr_rand_op op, double magnitude, bool increasing, bool negative)
{
    double level = magnitude / GR_RAND_MAGNITUDE_MAX, sign = negative ? -1.0 : 1.0;
    int bits = (int)(level * 4.0), threshold = (int)(level * 256.0);
    switch (op) {
    case GR_RAND_ROTATE:
        return sign * level * 30.0;
    case GR_RAND_POSTERIZE:
        return increasing ? 4 - bits : bits;
    case GR_RAND_SOLARIZE:
        return increasing ? 256 - threshold : threshold;
    case GR_RAND_SOLARIZE_ADD:
        return (int)(level * 110.0);
    case GR_RAND_COLOR:
    case GR_RAND_CONTRAST:
    case GR_RAND_BRIGHTNESS:
    case GR_RAND_SHARPNESS:
        return factor_of(level, increasing, negative);
    case GR_RAND_SHEAR_X:
    case GR_RAND_SHEAR_Y:
        return sign * level * 0.3;
    case GR_RAND_TRANSLATE_X:
    case GR_RAND_TRANSLATE_Y:
        return sign * level * 0.45;
    default:
        return 0.0;
    }
}

static graft_status warp(graft_log *log, const gr_preprocess *p, gr_rand_op op, double x,
                         gr_image *image)
{
    gr_warp w = {.m = {1, 0, 0, 0, 1, 0}, .interpolation = p->interpolation};
    for (int c = 0; c < GR_IMAGE_CHANNELS; c++)
        w.fill[c] = (uint8_t)lroundf(255.0f * p->normalization.mean[c]);
    if (op == GR_RAND_ROTATE)
        gr_warp_rotation(x, image->width, image->height, w.m);
    else if (op == GR_RAND_SHEAR_X)
        w.m[1] = x;
    else if (op == GR_RAND_SHEAR_Y)
        w.m[3] = x;
    else if (op == GR_RAND_TRANSLATE_X)
        w.m[2] = x * image->width;
    else
        w.m[5] = x * image->height;
    return gr_warp_image(log, &w, image);
}

graft_status gr_rand_apply(graft_log *log, const gr_preprocess *p, gr_rand_op op, double argument,
                           gr_image *image)
{
    switch (op) {
    case GR_RAND_AUTOCONTRAST:
        gr_tone_autocontrast(image);
        break;
    case GR_RAND_EQUALIZE:
        gr_tone_equalize(image);
        break;
    case GR_RAND_INVERT:
        gr_tone_invert(image);
        break;
    case GR_RAND_POSTERIZE:
        gr_tone_posterize(image, (int)argument);
        break;
    case GR_RAND_SOLARIZE:
        gr_tone_solarize(image, (int)argument);
        break;
    case GR_RAND_SOLARIZE_ADD:
        gr_tone_solarize_add(image, (int)argument);
        break;
    case GR_RAND_COLOR:
        gr_enhance_color(image, argument);
        break;
    case GR_RAND_CONTRAST:
        gr_enhance_contrast(image, argument);
        break;
    case GR_RAND_BRIGHTNESS:
        gr_enhance_brightness(image, argument);
        break;
    case GR_RAND_SHARPNESS:
        return gr_enhance_sharpness(log, image, argument);
    case GR_RAND_ROTATE:
    case GR_RAND_SHEAR_X:
    case GR_RAND_SHEAR_Y:
    case GR_RAND_TRANSLATE_X:
    case GR_RAND_TRANSLATE_Y:
        return warp(log, p, op, argument, image);
    case GR_RAND_OPS:
        break;
    }
    return GRAFT_OK;
}

graft_status gr_rand_image(graft_log *log, const graft_rand_augment *a, const gr_preprocess *p,
                           gr_random_key key, gr_image *image)
{
    gr_random r = gr_random_stream(key, STREAM_RAND);
    for (int i = 0; i < a->count; i++) {
        gr_rand_op op = (gr_rand_op)gr_random_below(&r, GR_RAND_OPS);
        bool done = gr_random_chance(&r, a->probability), negative = gr_random_chance(&r, 0.5);
        double magnitude = a->magnitude + a->deviation * gr_random_normal(&r);
        magnitude = magnitude < 0.0                     ? 0.0
                    : magnitude > GR_RAND_MAGNITUDE_MAX ? GR_RAND_MAGNITUDE_MAX
                                                        : magnitude;
        double argument = gr_rand_argument(op, magnitude, a->increasing, negative);
        if (done)
            GR_TRY(gr_rand_apply(log, p, op, argument, image));
    }
    return GRAFT_OK;
}
