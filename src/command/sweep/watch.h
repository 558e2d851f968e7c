/* How far a sweep is: one line redrawn on a terminal, a line for each finished run otherwise. */
#ifndef SWEEP_WATCH_H
#define SWEEP_WATCH_H

#include "command/sweep/plan.h"

typedef struct sweep_watch {
    cli_console *console;
    double shown;        /* when the line was drawn last */
    double done_seconds; /* of the runs that ended in this sitting */
    int done_runs;
} sweep_watch;

typedef struct sweep_active {
    const sweep_run *run;
    double seconds; /* since it was started */
} sweep_active;

void sweep_watch_start(sweep_watch *watch, cli_console *console, double now);
void sweep_watch_show(sweep_watch *watch, const sweep_plan *plan, const sweep_active *active,
                      int count, int workers, double now);
void sweep_watch_done(sweep_watch *watch, const sweep_plan *plan, const sweep_run *run,
                      double seconds);
void sweep_watch_end(sweep_watch *watch);

/* The part of a run that is done, 0..1, from what it has written so far. */
double sweep_run_progress(const sweep_run *run);

#endif
