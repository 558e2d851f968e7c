/* Convolutions as matrix products: how CPUs compute them. */
#ifndef GR_CONV2D_H
#define GR_CONV2D_H

#include "plan/lower.h"

/* Attributes of both operators. */
typedef struct gr_conv2d_attrs {
    int pad;
    bool transposed; /* conv2d: with the weight's transpose, as the gradient of x needs it */
} gr_conv2d_attrs;

/* Emit conv2d and the gradient of its weight as products with the windows of the image, a matrix
 * of batch * height * width rows and k * k * channels columns. False, with nothing emitted, where
 * the direct kernels are better: a GPU has no use for a copy k * k times as large as the image. */
bool gr_conv2d_product(gr_plan *plan, const gr_value *y);
bool gr_conv2d_grad_w_product(gr_plan *plan, const gr_value *dw);

#endif
