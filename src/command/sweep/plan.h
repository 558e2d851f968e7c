/* The runs of a sweep, each a folder of its own below OUT/runs:
 *
 *     OUT/runs/DATA/METHOD[/shots-K]/seed-S            a run for the table
 *     OUT/runs/DATA/METHOD[/shots-K]/lr-X/seed-S       the same, its rate chosen among several
 *     OUT/runs/DATA/METHOD[/shots-K]/select/lr-X/seed-S    a candidate, on the validation split
 *
 * A folder holds what graft train leaves there, settings.json (what it was told), log.txt, and
 * when all is done result.json. So a sweep goes on where it was stopped by looking at folders.
 */
#ifndef SWEEP_PLAN_H
#define SWEEP_PLAN_H

#include "command/sweep/spec.h"

typedef enum sweep_state {
    SWEEP_WAITING,
    SWEEP_RUNNING,
    SWEEP_DONE,
    SWEEP_FAILED,
} sweep_state;

typedef struct sweep_run {
    const sweep_item *method, *data;
    int cell;           /* runs of one method, data set and number of shots */
    json_t *shots, *lr; /* borrowed; NULL: all images; the settings' or the recipe's */
    json_t *seed;
    bool candidate; /* one of several rates, on the validation split */
    sweep_state state;
    char *folder;     /* NULL until its rate is known */
    json_t *settings; /* of graft train; NULL until then */
    json_t *result;   /* of a run that is done */
    char error[256];  /* of one that failed */
} sweep_run;

typedef struct sweep_plan {
    const sweep_spec *spec;
    bool accept_changes; /* go on beside runs of another backbone or other images */
    sweep_run *runs;     /* candidates before the runs that wait for them */
    int count, cells;
} sweep_plan;

/* Lists the runs. The plan borrows the spec; the caller releases it, also after a failure. */
graft_status sweep_plan_create(cli *c, const sweep_spec *spec, sweep_plan *out);
void sweep_plan_release(sweep_plan *plan);

/* Refuses before hours of work what graft train would refuse of a run's settings. */
graft_status sweep_plan_check(cli *c, const sweep_plan *plan);

/* Whether everything that the run waits for has ended. */
bool sweep_run_ready(const sweep_plan *plan, const sweep_run *run);

/* Settles rate, settings and folder of a run that is ready, and looks whether it is done already.
 * A folder made with other settings is an error. A run whose candidates all failed fails. */
graft_status sweep_run_prepare(cli *c, const sweep_plan *plan, sweep_run *run);

/* "eurosat lora seed 42" */
const char *sweep_run_title(const sweep_run *run, char text[160]);

#endif
