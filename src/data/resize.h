/* Resizing with antialiasing, bit for bit as Pillow's Image.resize(.., BILINEAR or BICUBIC), and
 * the crops around it.
 *
 * Checkpoints were trained on images resized this way; a resize without antialiasing, or with
 * another cubic (a = -0.75), costs accuracy.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_RESIZE_H
#define GR_DATA_RESIZE_H

#include "data/image.h"

typedef enum gr_interpolation {
    GR_BILINEAR,
    GR_BICUBIC,        /* Keys' cubic, a = -0.5 */
    GR_BILINEAR_PLAIN, /* between the nearest pixels, without antialiasing: tf.image.resize */
} gr_interpolation;

typedef enum gr_resize_mode {
    GR_RESIZE_SQUASH, /* both sides, whatever the aspect */
    GR_RESIZE_CROP,   /* the shorter side; a square is cut out of the longer one */
} gr_resize_mode;

/* A separable resampling, horizontally then vertically, each pass rounded to 8 bits. *out is a new
 * image. `out` must not be `in`. */
graft_status gr_resize(graft_log *log, const gr_image *in, int width, int height,
                       gr_interpolation interpolation, gr_image *out);

/* As torchvision's Resize(int): the longer side is size * long / short, rounded down. */
graft_status gr_resize_short_side(graft_log *log, const gr_image *in, int size,
                                  gr_interpolation interpolation, gr_image *out);

/* The sides of that. */
void gr_short_side_size(int width, int height, int size, int *to_width, int *to_height);

/* A copy of the part `box` of `in`, which must lie within. */
graft_status gr_crop(graft_log *log, const gr_image *in, gr_box box, gr_image *out);

/* The middle width x height of `image`, in place, as torchvision's CenterCrop (an odd margin
 * rounds to the even offset). The image must be at least that large. */
graft_status gr_crop_centre(graft_log *log, gr_image *image, int width, int height);

/* Where that middle begins along one axis. */
int gr_crop_centre_offset(int from, int to);

void gr_flip_horizontal(gr_image *image);

#endif
