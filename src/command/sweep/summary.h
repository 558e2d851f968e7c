/* What came out of a sweep: mean and spread over the seeds of each cell, averages over data sets.
 */
#ifndef SWEEP_SUMMARY_H
#define SWEEP_SUMMARY_H

#include "command/sweep/plan.h"

/* Mean and sample deviation of `count` numbers. */
typedef struct sweep_mean {
    int count;
    double mean, deviation;
} sweep_mean;

typedef struct sweep_cell {
    const sweep_run *first; /* method, data set and shots; its rate when it is done */
    int runs, done, failed; /* without candidates */
    sweep_mean last, best;  /* accuracy in percent, after the last epoch and in the best one */
    sweep_mean best_epoch, seconds;
    int64_t trainable; /* without the head; negative: no run is done */
    double peak_bytes; /* the largest */
} sweep_cell;

/* Averages of one method and number of shots over the data sets of the sweep. */
typedef struct sweep_average {
    const sweep_cell *first;
    int sets, of;                  /* with results; in the sweep, those that are missing too */
    double last, best;             /* mean of the sets */
    int groups;                    /* 0 when there are none, or one of them has no result */
    double group_last, group_best; /* mean of the groups' means */
} sweep_average;

typedef struct sweep_summary {
    const sweep_plan *plan;
    sweep_cell *cells;
    int cell_count;
    sweep_average *averages;
    int average_count;
} sweep_summary;

graft_status sweep_summary_create(cli *c, const sweep_plan *plan, sweep_summary *out);
void sweep_summary_release(sweep_summary *summary);

/* Mean accuracy in percent on another data set of the "evaluate" list. */
sweep_mean sweep_cell_evaluation(const sweep_plan *plan, const sweep_cell *cell, const char *name);

/* The mean of a group's cells; count 0: none has results. */
sweep_mean sweep_group_mean(const sweep_summary *summary, const sweep_average *average,
                            const char *group, bool best);

/* Whether data set `index` is in a group, and the first of it. */
bool sweep_begins_group(const sweep_spec *spec, int index);

/* Averages say something over several data sets only. */
bool sweep_has_averages(const sweep_summary *summary);

#endif
