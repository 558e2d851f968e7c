/* Position embeddings for another grid than the one that they were trained on. */
#ifndef GR_POSITIONS_H
#define GR_POSITIONS_H

#include "build/config.h"

/* from [first + n n, dim], n = from_grid -> to [first + m m, dim], m = to_grid: the `first` rows,
 * which are of no patch (class token), are copied, the others resized as the two axes of an image:
 *
 * GR_POSITIONS_BICUBIC: Keys' cubic convolution (1981) with a = -0.5, widened where it shrinks, as
 * timm does (bicubic, antialias); GR_POSITIONS_BICUBIC_PLAIN: the same with a = -0.75, never
 * widened, the outermost values going on outside, as torch does without antialias;
 * GR_POSITIONS_BILINEAR_ALIGNED: linear between grids whose corners
 * coincide, as the original JAX code does (scipy's zoom of order 1).
 *
 * GRAFT_ERR_MEMORY, without a message, when there is no room. Thread-safety: safe. */
graft_status gr_positions_resize(gr_positions kind, const float *from, int from_grid, int first,
                                 float *to, int to_grid, int dim);

#endif
