/* The processes of one run, one after the other: stage 0 trains, stage i tests the trained model on
 * the i-th other data set of the "evaluate" list. A stage is done when its result file is there. */
#ifndef SWEEP_STAGE_H
#define SWEEP_STAGE_H

#include "command/sweep/plan.h"

#include <sys/types.h>

int sweep_stage_count(const sweep_run *run);

/* The first stage from `from` on that is not done; sweep_stage_count() when all are. Data sets that
 * are not there are passed over. */
int sweep_stage_next(const sweep_run *run, int from);

/* Starts a stage. Training goes on where it was stopped. */
graft_status sweep_stage_start(cli *c, const sweep_plan *plan, const sweep_run *run, int stage,
                               const char *device, pid_t *pid);

/* Its process ended well: its output becomes the result. False: there is none. */
bool sweep_stage_keep(const sweep_run *run, int stage);

#endif
