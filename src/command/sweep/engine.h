/* Runs a plan: as many runs side by side as there are devices, each on one. */
#ifndef SWEEP_ENGINE_H
#define SWEEP_ENGINE_H

#include "command/sweep/plan.h"

/* Runs all that is not done. A run that fails is kept in mind and the others go on; one that
 * refuses its settings ends the sweep. GRAFT_ERR_INTERRUPTED after *stop: the same sweep goes on
 * later. */
graft_status sweep_engine_run(cli *c, sweep_plan *plan, const volatile int *stop);

/* Only finds out what is done. */
graft_status sweep_engine_look(cli *c, sweep_plan *plan);

#endif
