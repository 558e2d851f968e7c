/* Colour jitter, as torchvision's ColorJitter: brightness, contrast, saturation and hue change in
 * random order by random factors.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_AUGMENT_JITTER_H
#define GR_DATA_AUGMENT_JITTER_H

#include <graft/params.h>

#include "data/image.h"
#include "data/random.h"

bool gr_jitter_is_on(const graft_color_jitter *jitter);

typedef enum gr_jitter_kind {
    GR_JITTER_BRIGHTNESS,
    GR_JITTER_CONTRAST,
    GR_JITTER_SATURATION,
    GR_JITTER_HUE,
    GR_JITTER_KINDS
} gr_jitter_kind;

/* The change of each kind, and which comes first. */
typedef struct gr_jitter_draw {
    double change[GR_JITTER_KINDS]; /* a factor; the hue's part of the circle */
    gr_jitter_kind order[GR_JITTER_KINDS];
} gr_jitter_draw;

gr_jitter_draw gr_jitter_draw_image(const graft_color_jitter *jitter, gr_random_key key);

/* In place: draws, and does it. */
void gr_jitter_image(const graft_color_jitter *jitter, gr_random_key key, gr_image *image);

#endif
