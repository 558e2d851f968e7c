/* From an image of any size to what a network takes: resize, crop, flip, normalise.
 *
 * Thread-safety: safe.
 */
#ifndef GR_DATA_PREPROCESS_H
#define GR_DATA_PREPROCESS_H

#include "data/normalize.h"
#include "data/resize.h"

typedef struct gr_preprocess {
    int size; /* the output is size x size */
    gr_interpolation interpolation;
    gr_resize_mode mode;
    double crop_fraction; /* GR_RESIZE_CROP only, (0, 1]; 0 means 1 */
    gr_normalization normalization;
} gr_preprocess;

/* Checks the ranges of the parameters. */
graft_status gr_preprocess_check(graft_log *log, const gr_preprocess *p);

/* Resizes and crops `in` to a new size x size image. */
graft_status gr_preprocess_resize(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                  gr_image *out);

/* All of it for one image: out is float [3, size, size]. */
graft_status gr_preprocess_image(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                 float *out);

#endif
