/* Updates of a program: what changes parameters and state at the end of each run. */
#ifndef GR_COMPUTE_UPDATE_H
#define GR_COMPUTE_UPDATE_H

#include "ops/scalars.h"
#include "plan/plan.h"

#include <graft/program.h>

/* The updates that the params ask for, made in `graph`: assignments, then one of each parameter
 * that the loss depends on. *out is an allocation of `parent`. */
graft_status gr_program_updates(graft_log *log, void *parent, graft_graph *graph,
                                const graft_program_params *params, gr_update **out, int *count);

/* The words of the scalars buffer that update number `t` (from 1) of an optimiser needs. */
void gr_update_scalars(const graft_optimizer_params *optimizer, uint64_t t, float lr,
                       gr_scalars *out);

#endif
