/* Updates of all parameters: AdamW and SGD with momentum, one dispatch for each range. */
#ifndef GR_OPTIMIZER_H
#define GR_OPTIMIZER_H

#include <graft/params.h>

#include "ops/scalars.h"
#include "train/params.h"

typedef struct gr_optimizer_params {
    graft_optimizer kind;
    float weight_decay;
    float beta1, beta2, eps; /* ADAMW */
    float momentum;          /* SGD */
} gr_optimizer_params;

typedef struct gr_optimizer gr_optimizer;

/* The planes of gr_params that the kind needs: GR_PLANE_BIT of each. */
unsigned gr_optimizer_planes(graft_optimizer kind);

/* Borrows params. `scalars` is the device's scalars buffer. */
graft_status gr_optimizer_create(graft_log *log, const gr_optimizer_params *optimizer,
                                 const gr_params *params, gr_region scalars, gr_optimizer **out);
void gr_optimizer_destroy(gr_optimizer *optimizer); /* NULL is accepted */

/* Fills in the words that update number `t` (from 1) needs. */
void gr_optimizer_scalars(const gr_optimizer *optimizer, uint64_t t, float lr, gr_scalars *out);

/* Queue: all gradients = 0; all parameters updated. */
graft_status gr_optimizer_zero_gradients(gr_optimizer *optimizer);
graft_status gr_optimizer_update(gr_optimizer *optimizer);

/* Whether the last update was found missing, see gr_device_list_is_dropped. */
bool gr_optimizer_is_dropped(const gr_optimizer *optimizer);

#endif
