/* What the runs of a sweep are made from, when it goes on. */
#ifndef SWEEP_ORIGIN_H
#define SWEEP_ORIGIN_H

#include "command/sweep/plan.h"

/* Refuses to put new runs beside done ones that were made from another backbone or other images,
 * or warns with plan->accept_changes. One done run of each data set and backbone stands for all:
 * each of them was made under this check. */
graft_status sweep_origins_check(cli *c, const sweep_plan *plan);

#endif
