/* Learning rates over a run. */
#ifndef GR_SCHEDULE_H
#define GR_SCHEDULE_H

#include "base/log.h"

typedef enum gr_schedule_kind {
    GR_SCHEDULE_CONSTANT, /* lr after the warm-up */
    GR_SCHEDULE_COSINE,   /* half a cosine from lr to min_lr after the warm-up */
} gr_schedule_kind;

typedef struct gr_schedule {
    gr_schedule_kind kind;
    double lr, min_lr;
    double epochs;
    double warmup_epochs, warmup_lr; /* linear from warmup_lr to lr */
} gr_schedule;

/* The kind by name; an unknown one is an error that lists the valid ones. */
graft_status gr_schedule_named(graft_log *log, const char *name, gr_schedule_kind *out);

/* The rate at epoch `t`, which may be a fraction: t < warmup: warmup_lr + t (lr - warmup_lr) /
 * warmup; then min_lr + (lr - min_lr) (1 + cos(pi (t - warmup) / (epochs - warmup))) / 2. */
double gr_schedule_lr(const gr_schedule *schedule, double t);

#endif
