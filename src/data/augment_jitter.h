/* Colour jitter, as torchvision's ColorJitter: brightness, contrast, saturation and hue change in
 * random order by random factors.
 *
 * Thread-safety: safe, each image by one thread at a time.
 */
#ifndef GR_DATA_AUGMENT_JITTER_H
#define GR_DATA_AUGMENT_JITTER_H

#include "data/image.h"
#include "data/random.h"

typedef struct gr_jitter {
    double brightness, contrast, saturation; /* factors from max(0, 1 - x) to 1 + x; 0: off */
    double hue;                              /* from -x to x of the circle, [0, 0.5]; 0: off */
} gr_jitter;

bool gr_jitter_is_on(const gr_jitter *jitter);

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

gr_jitter_draw gr_jitter_draw_image(const gr_jitter *jitter, gr_random_key key);

/* In place: draws, and does it. */
void gr_jitter_image(const gr_jitter *jitter, gr_random_key key, gr_image *image);

#endif
