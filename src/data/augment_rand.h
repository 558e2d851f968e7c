/* RandAugment: Cubuk et al., arXiv 1909.13719. Operations and what a magnitude means to each of
 * them are those of timm's "rand" transforms.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_AUGMENT_RAND_H
#define GR_DATA_AUGMENT_RAND_H

#include <graft/params.h>

#include "data/preprocess.h"
#include "data/random.h"

enum { GR_RAND_MAGNITUDE_MAX = 10 };

typedef enum gr_rand_op {
    GR_RAND_AUTOCONTRAST,
    GR_RAND_EQUALIZE,
    GR_RAND_INVERT,
    GR_RAND_ROTATE,
    GR_RAND_POSTERIZE,
    GR_RAND_SOLARIZE,
    GR_RAND_SOLARIZE_ADD,
    GR_RAND_COLOR,
    GR_RAND_CONTRAST,
    GR_RAND_BRIGHTNESS,
    GR_RAND_SHARPNESS,
    GR_RAND_SHEAR_X,
    GR_RAND_SHEAR_Y,
    GR_RAND_TRANSLATE_X,
    GR_RAND_TRANSLATE_Y,
    GR_RAND_OPS
} gr_rand_op;

/* What the operation is done with at a magnitude: degrees, bits, a threshold, a summand, a factor,
 * a slope, a part of the side. `negative`: the other direction, where there are two. */
double gr_rand_argument(gr_rand_op op, double magnitude, bool increasing, bool negative);

/* In place. Transforms interpolate as `p` tells, and uncover its mean colour. */
graft_status gr_rand_apply(graft_log *log, const gr_preprocess *p, gr_rand_op op, double argument,
                           gr_image *image);
graft_status gr_rand_image(graft_log *log, const graft_rand_augment *a, const gr_preprocess *p,
                           gr_random_key key, gr_image *image);

#endif
