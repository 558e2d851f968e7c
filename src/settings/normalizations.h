/* The means and deviations that settings, and files beside checkpoints, call by a name. */
#ifndef GR_NORMALIZATIONS_H
#define GR_NORMALIZATIONS_H

#include <graft/params.h>

typedef struct gr_normalization_preset {
    const char *name;
    float mean[3], std[3]; /* in units of the full scale 1.0 */
} gr_normalization_preset;

/* That of a graft_normalization; of DEFAULT imagenet. */
const gr_normalization_preset *gr_normalization_preset_of(graft_normalization normalization);

/* The one with these numbers, to 1e-6; NULL: none has a name. */
const gr_normalization_preset *gr_normalization_preset_find(const double mean[3],
                                                            const double std[3]);

#endif
