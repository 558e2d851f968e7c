/* Random erasing: Zhong et al., arXiv 1708.04896, with timm's ranges and its "pixel" mode: a
 * rectangle of the normalised image becomes standard normal noise.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_AUGMENT_ERASE_H
#define GR_DATA_AUGMENT_ERASE_H

#include "data/image.h"
#include "data/random.h"

/* What is erased of the image: empty with probability 1 - `probability`. */
gr_box gr_erase_draw(double probability, gr_random_key key, int size);

/* image [3, size, size], in place. */
void gr_erase_image(double probability, gr_random_key key, int size, float *image);

#endif
