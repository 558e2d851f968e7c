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

#include <graft/params.h>

#include "data/image.h"
#include "data/random.h"

/* Whether there is anything to do: a batch needs targets instead of labels. */
bool gr_mix_is_on(const graft_augment_params *mix);

/* What a batch is mixed by: each image keeps the part `keep` of itself. */
typedef struct gr_mix_draw {
    double keep; /* 1: all of it */
    gr_box box;  /* cutmix: what the other image replaces; mixup: empty */
} gr_mix_draw;

/* key.index: number of the batch in its epoch. */
gr_mix_draw gr_mix_draw_batch(const graft_augment_params *mix, gr_random_key key, int size);

/* images [count, 3, size, size], in place. */
void gr_mix_images(gr_mix_draw draw, int count, int size, float *images);

/* The same of bytes [count, size, size, 3] for a draw that is not of mixup. */
void gr_mix_pixels(gr_mix_draw draw, int count, int size, uint8_t *pixels);

/* The targets [count, classes] of labels [count]; each label is in 0 .. classes - 1. */
void gr_mix_targets(const graft_augment_params *mix, gr_mix_draw draw, const int32_t *labels,
                    int count, int classes, float *targets);

#endif
