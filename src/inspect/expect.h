/* Which tensors a vision transformer of a given geometry has, told by its builder. */
#ifndef GR_EXPECT_H
#define GR_EXPECT_H

#include "model/config.h"
#include "weights/tensors.h"

/* Calls back with one line for each tensor of the backbone that `weights` lacks or has in another
 * shape. The head is looked at only when config->classes is not 0. */
graft_status gr_expect_vit(graft_log *log, const gr_model_config *config, const gr_tensors *weights,
                           graft_status (*problem)(void *user, const char *text), void *user);

#endif
