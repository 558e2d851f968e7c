/* How far a sweep is: one line redrawn on a terminal, a line for each finished run otherwise. */
#ifndef SWEEP_PROGRESS_H
#define SWEEP_PROGRESS_H

#include "command/sweep/plan.h"

typedef struct sweep_progress {
    cli_console *console;
    double shown;        /* when the line was drawn last */
    double done_seconds; /* of the runs that ended in this sitting */
    int done_runs;
} sweep_progress;

typedef struct sweep_active {
    const sweep_run *run;
    double seconds; /* since it was started */
} sweep_active;

void sweep_progress_start(sweep_progress *progress, cli_console *console, double now);
void sweep_progress_show(sweep_progress *progress, const sweep_plan *plan,
                         const sweep_active *active, int count, int workers, double now);
void sweep_progress_done(sweep_progress *progress, const sweep_plan *plan, const sweep_run *run,
                         double seconds);
void sweep_progress_end(sweep_progress *progress);

/* The part of a run that is done, 0..1, from what it has written so far. */
double sweep_run_progress(const sweep_run *run);

#endif
