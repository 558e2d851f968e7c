/* What graft train is told for a run. */
#ifndef SWEEP_SETTINGS_H
#define SWEEP_SETTINGS_H

#include "command/sweep/plan.h"

/* Fills in run->settings: those of the sweep, of its data set and of its method, with its seed,
 * rate and shots; a candidate trains and is tested on the splits for choosing. The rate must be
 * settled. An option that graft train does not have is an error. */
graft_status sweep_run_settle(cli *c, const sweep_spec *spec, sweep_run *run);

#endif
