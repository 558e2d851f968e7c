/* From the settings of augmentation to its parameters. */
#ifndef GR_AUGMENTATION_H
#define GR_AUGMENTATION_H

#include <graft/train.h>

#include "data/augment.h"
#include "data/augment_mix.h"

/* For images and for batches. What is wrong is a one-line error that names the option. */
graft_status gr_augmentation_resolve(graft_log *log, const graft_augment_params *settings,
                                     gr_augment *augment, gr_mix *mix);

#endif
