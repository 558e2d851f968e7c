/* What training does to an image at random, between decoding and normalisation.
 *
 * The results follow from the parameters and the key alone (data/random.h).
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_AUGMENT_H
#define GR_DATA_AUGMENT_H

#include "data/augment_jitter.h"
#include "data/augment_rand.h"
#include "data/preprocess.h"
#include "data/random.h"

typedef enum gr_crop_kind {
    GR_CROP_NONE,           /* as gr_preprocess_resize() */
    GR_CROP_RANDOM,         /* resized by gr_preprocess_scale(), then a random place of it */
    GR_CROP_RANDOM_RESIZED, /* a random part of the image, resized to size x size */
} gr_crop_kind;

/* Random resized crop: Szegedy et al., "Going deeper with convolutions", 2014, section 6. */
typedef struct gr_crop_params {
    gr_crop_kind kind;
    double scale[2]; /* RANDOM_RESIZED: least and most part of the area, in (0, 1] */
    double ratio[2]; /* and of width / height, uniform in the logarithm */
} gr_crop_params;

typedef struct gr_augment {
    gr_crop_params crop;
    bool flip; /* mirror with probability 1/2 */
    gr_rand_augment rand;
    gr_jitter jitter;
    double erase; /* probability of random erasing, which acts on normalised images */
} gr_augment;

/* Checks the ranges of the parameters, and that they fit the preprocessing. */
graft_status gr_augment_check(graft_log *log, const gr_augment *a, const gr_preprocess *p);

/* `in` resized, cropped and changed to a new size x size image; all but the erasing. */
graft_status gr_augment_image(graft_log *log, const gr_augment *a, const gr_preprocess *p,
                              gr_random_key key, const gr_image *in, gr_image *out);

/* A random part of a width x height image: uniform share of its area, aspect (width / height)
 * uniform in the logarithm, sides of at most `longest`. False after ten draws that do not fit. */
bool gr_random_part(gr_random *r, const double scale[2], const double ratio[2], int width,
                    int height, int longest, gr_box *box);

/* A random size x size part of a width x height image that is at least as large. */
gr_box gr_crop_random(gr_random_key key, int size, int width, int height);

/* The part that a random resized crop takes of a width x height image. After ten draws that do not
 * fit, the largest one in the middle whose aspect is within the ratios. */
gr_box gr_crop_random_resized(const gr_crop_params *crop, gr_random_key key, int width, int height);

#endif
