/* Mixing the images of a batch with each other, and the targets that go with it.
 *
 * mixup: Zhang et al., arXiv 1710.09412. cutmix: Yun et al., arXiv 1905.04899. Label smoothing:
 * Szegedy et al., arXiv 1512.00567. As timm's Mixup does by batches: one draw for the batch, image
 * i is mixed with image count - 1 - i; where both kinds are on, each batch takes one of them with
 * equal chance.
 *
 * Thread-safety: safe, each batch by one thread at a time.
 */
#ifndef GR_DATA_AUGMENT_MIX_H
#define GR_DATA_AUGMENT_MIX_H

#include "data/image.h"
#include "data/random.h"

typedef struct gr_mix {
    double mixup, cutmix; /* alpha of Beta(alpha, alpha); 0: off */
    double smoothing;     /* [0, 1) */
} gr_mix;

/* Whether there is anything to do: a batch needs targets instead of labels. */
bool gr_mix_is_on(const gr_mix *mix);

/* What a batch is mixed by: each image keeps the part `keep` of itself. */
typedef struct gr_mix_draw {
    double keep; /* 1: all of it */
    gr_box box;  /* cutmix: what the other image replaces; mixup: empty */
} gr_mix_draw;

/* key.index: number of the batch in its epoch. */
gr_mix_draw gr_mix_draw_batch(const gr_mix *mix, gr_random_key key, int size);

/* images [count, 3, size, size], in place. */
void gr_mix_images(gr_mix_draw draw, int count, int size, float *images);

/* The targets [count, classes] of labels [count]; each label is in 0 .. classes - 1. */
void gr_mix_targets(const gr_mix *mix, gr_mix_draw draw, const int32_t *labels, int count,
                    int classes, float *targets);

#endif
