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

/* Whether parameters within the ranges of their settings fit the preprocessing. */
graft_status gr_augment_check(graft_log *log, const graft_augment_params *a,
                              const gr_preprocess *p);

/* Whether anything is drawn at random: an image is not the same each time. */
bool gr_augment_is_random(const graft_augment_params *a);

/* `in` resized, cropped and changed to a new size x size image; all but the erasing. */
graft_status gr_augment_image(graft_log *log, const graft_augment_params *a, const gr_preprocess *p,
                              gr_random_key key, const gr_image *in, gr_image *out);

/* A random part of a width x height image: uniform share of its area, aspect (width / height)
 * uniform in the logarithm, sides of at most `longest`. False after ten draws that do not fit. */
bool gr_random_part(gr_random *r, graft_range scale, graft_range ratio, int width, int height,
                    int longest, gr_box *box);

/* A random size x size part of a width x height image that is at least as large. */
gr_box gr_crop_random(gr_random_key key, int size, int width, int height);

/* The part that a random resized crop takes of a width x height image. After ten draws that do not
 * fit, the largest one in the middle whose aspect is within the ratios. */
gr_box gr_crop_random_resized(const graft_augment_params *a, gr_random_key key, int width,
                              int height);

#endif
