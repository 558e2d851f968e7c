/* Brightness, contrast, colour and sharpness, as Pillow's ImageEnhance: a blend of a plainer image
 * (factor 0) with the image itself (factor 1), and beyond. And the hue. In place.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_ENHANCE_H
#define GR_DATA_ENHANCE_H

#include "data/image.h"

void gr_enhance_brightness(gr_image *image, double factor); /* from black */
void gr_enhance_contrast(gr_image *image, double factor);   /* from its mean gray */
void gr_enhance_color(gr_image *image, double factor);      /* from its gray: saturation */

/* From the image smoothed by 3x3 pixels, but for its border. */
graft_status gr_enhance_sharpness(graft_log *log, gr_image *image, double factor);

/* Turns the hue by shift / 256 of the circle, through 8-bit HSV as in Pillow. */
void gr_enhance_hue(gr_image *image, uint8_t shift);

#endif
