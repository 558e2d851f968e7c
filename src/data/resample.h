/* The weights of one resampling pass along one axis, in fixed point. */
#ifndef GR_DATA_RESAMPLE_H
#define GR_DATA_RESAMPLE_H

#include "data/resize.h"

/* Output i is the sum over t < taps[i] of weights[i * max_taps + t] * input[first[i] + t],
 * in units of 2^-GR_RESAMPLE_BITS. */
typedef struct gr_resample {
    int outputs, max_taps;
    int *first, *taps; /* [outputs] */
    int32_t *weights;  /* [outputs, max_taps] */
} gr_resample;

/* The weight at a distance of x pixels: Keys, "Cubic convolution interpolation for digital image
 * processing", 1981, with a = -0.5. */
double gr_cubic(double x);

/* 8 bits of pixel, 2 of headroom for the cubic's overshoot, the rest for the weight. */
enum { GR_RESAMPLE_BITS = 32 - 8 - 2 };

/* Returns an allocation to be freed by gr_free(); NULL when out of memory. */
gr_resample *gr_resample_create(int inputs, int outputs, gr_interpolation interpolation);

/* Rows of RGB: in [rows, inputs, 3] -> out [rows, outputs, 3]. */
void gr_resample_rows(const gr_resample *pass, const uint8_t *in, int inputs, int rows,
                      uint8_t *out);

/* Columns: in [inputs, stride] -> out [outputs, stride], stride bytes a row. */
void gr_resample_columns(const gr_resample *pass, const uint8_t *in, size_t stride, uint8_t *out);

#endif
