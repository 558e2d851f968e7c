/* Changes of each channel value by itself, as Pillow's ImageOps. In place.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_TONE_H
#define GR_DATA_TONE_H

#include "data/image.h"

/* Stretches each channel to 0 .. 255. */
void gr_tone_autocontrast(gr_image *image);

/* Makes each channel's values about equally frequent. */
void gr_tone_equalize(gr_image *image);

void gr_tone_invert(gr_image *image);

/* Keeps the upper `bits`, 0 to 8. */
void gr_tone_posterize(gr_image *image, int bits);

/* Inverts the values from `threshold` on. */
void gr_tone_solarize(gr_image *image, int threshold);

/* Adds to the values below 128. */
void gr_tone_solarize_add(gr_image *image, int add);

#endif
