/* Affine transforms of images, as Pillow's Image.transform(AFFINE) and Image.rotate.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_WARP_H
#define GR_DATA_WARP_H

#include "data/resize.h"

/* Output pixel (x, y) is the input at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]), points
 * counted from the image's corner; `fill` where that is outside. Interpolated without
 * antialiasing; the cubic has a = -1. */
typedef struct gr_warp {
    double m[6];
    gr_interpolation interpolation;
    uint8_t fill[3];
} gr_warp;

/* In place; the size stays. */
graft_status gr_warp_image(graft_log *log, const gr_warp *warp, gr_image *image);

/* The matrix of a turn around the middle of a width x height image, anticlockwise. */
void gr_warp_rotation(double degrees, int width, int height, double m[6]);

#endif
