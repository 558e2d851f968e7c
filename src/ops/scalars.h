/* The scalars buffer: what changes from step to step, so that a recorded list of dispatches can be
 * replayed. Mirrors shaders/scalars.gkh. */
#ifndef GR_SCALARS_H
#define GR_SCALARS_H

#include <stdint.h>

typedef struct gr_scalars {
    float lr;
    float beta1, beta2, eps;
    float bias1;      /* 1 - beta1^t */
    float sqrt_bias2; /* sqrt(1 - beta2^t) */
    float momentum;
    float inv_count; /* 1 / labelled rows of the whole batch */
    uint32_t seed_lo, seed_hi;
    uint32_t step;
    uint32_t sample_base; /* index in the batch of this micro-batch's first row */
    uint32_t reserved[4];
} gr_scalars;

_Static_assert(sizeof(gr_scalars) == 64, "16 words, as the kernels expect");

#endif
