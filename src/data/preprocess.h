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
    int resize_to; /* size before the crop, at least `size`; 0: size */
    gr_normalization normalization;
} gr_preprocess;

/* Checks the ranges of the parameters. */
graft_status gr_preprocess_check(graft_log *log, const gr_preprocess *p);

/* What becomes of an image of width x height: its sides after the resize, and where the centre of
 * size x size begins. */
typedef struct gr_preprocess_geometry {
    int width, height, x, y;
} gr_preprocess_geometry;
gr_preprocess_geometry gr_preprocess_geometry_of(const gr_preprocess *p, int width, int height);

/* Resizes `in` to a new image of at least size x size, which a crop is then taken from. */
graft_status gr_preprocess_scale(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                 gr_image *out);

/* Resizes `in` and takes the centre: a new size x size image. */
graft_status gr_preprocess_resize(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                  gr_image *out);

/* All of it for one image: out is float [3, size, size]. */
graft_status gr_preprocess_image(graft_log *log, const gr_preprocess *p, const gr_image *in,
                                 float *out);

#endif
