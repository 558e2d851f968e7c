/* Which tensors a backbone of a given geometry has, told by its builder. */
#ifndef GR_EXPECT_H
#define GR_EXPECT_H

#include "build/config.h"
#include "weights/tensors.h"

/* Called with a tensor's name and what is wrong with it. Another status than GRAFT_OK ends it. */
typedef graft_status gr_expect_problem(void *user, const char *name, const char *what);

/* Calls back for each tensor of the backbone that `weights` lacks or has in another shape. The head
 * is looked at only when config->classes is not 0. */
graft_status gr_expect_backbone(graft_log *log, const gr_model_config *config,
                                const gr_tensors *weights, gr_expect_problem *problem, void *user);

#endif
